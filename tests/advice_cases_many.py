"""Advice followed: many runs. In the form of advice_cases.py."""

from __future__ import annotations

import copy
from typing import Any

import pellucid as pel
from pellucid import nn
from tests.advice_cases import CLASSES, Followed, X, compiled


def classifier() -> Any:
    return compiled(nn.Dense(3), loss="cross_entropy")


def many(models: Any, x: Any = X, y: Any = CLASSES, **options: Any) -> Any:
    return pel.fit_many(models, x, y, seed=0, backend="interpreter", **options)


def shared(copied: bool) -> Any:
    model = classifier()
    return many([model, copy.deepcopy(model) if copied else model])


FOLLOWED = [
    Followed(
        "Write fit_many([make(rate) for rate in rates], x, y).",
        lambda p: many(classifier()),
        lambda p: many([classifier() for _ in range(2)]),
    ),
    Followed(
        "Make each model of new layers, or copy.deepcopy(model).",
        lambda p: shared(False),
        lambda p: (shared(True), many([classifier(), classifier()])),
    ),
    Followed(
        "For others call fit for each model.",
        lambda p: many([classifier()], callbacks=pel.CSVLog(p / "run.csv")),
        lambda p: classifier().fit(X, CLASSES, verbose=0, callbacks=pel.CSVLog(p / "run.csv")),
    ),
    Followed(
        "Call fit for each model.",
        lambda p: many([classifier()], lambda: iter([(X, CLASSES)])),
        lambda p: classifier().fit(lambda: iter([(X, CLASSES)]), verbose=0),
    ),
]
BY_NATURE = {
    "pip install 'pellucid[ray]'.": "where Ray is missing: tests/models/test_fit_many.py",
    "pip install 'pellucid[dask]'.": "where Dask is missing: tests/models/test_fit_many.py",
    "Call ray.init(…) first, and pass cluster='ray'.": "needs a cluster",
    "Make a client first: cluster=distributed.Client(address).": "needs a cluster",
    "Leave threads out.": "needs a cluster of Dask's: tests/models/test_clusters.py",
}
