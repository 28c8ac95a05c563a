"""Advice followed: several workers, metrics of sums, terms, what stands around a step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid.models import fitting
from tests.advice_cases import Followed, X, compiled

Y = X[:, 0]


def shared(x: Any = X, **options: Any) -> None:
    """A run that may be shared; with one worker none is started."""
    model = compiled(nn.Dense(1), loss="squared")
    model.fit(x, Y[: x.shape[0]], **{"verbose": 0, "seed": 0} | options)


def twice(*launchers: Any) -> None:
    """Two runs at the same time."""
    try:
        for one in launchers:
            one.open([X])
    finally:
        for one in launchers:
            one.close()


def steps_of(rows: int) -> Any:
    return SimpleNamespace(same={"batch_size": rows}, largest=rows)


def measured(function: Any, **options: Any) -> None:
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile("sgd", "squared", metrics=[pel.Metric("own", function, **options)])
    model.fit(X, Y, verbose=0, backend="interpreter", validation_data=(X, Y))


def with_terms(terms: Any) -> Any:
    x = pel.Input((2,))
    hidden = nn.Dense(2)(x)
    return pel.Model(x, nn.Dense(1)(hidden), terms=terms(hidden))


def apart(target: Any, predicted: Any) -> Any:
    return np.abs(target - predicted)


FOLLOWED = [
    Followed(
        "Pass chunks=8, or leave workers out: threads= sets the threads of one process.",
        lambda p: shared(workers=2),
        lambda p: (shared(workers=1, chunks=8), shared(threads=1)),
    ),
    Followed(
        "Pass workers=4 for processes of this machine, pel.RayWorkers(4) for actors of Ray's.",
        lambda p: shared(workers="ray", chunks=8),
        lambda p: (shared(workers=1, chunks=8), pel.RayWorkers(4)),
    ),
    Followed(
        "Pass more chunks; their number decides the bits, that of workers does not.",
        lambda p: shared(workers=3, chunks=2),
        lambda p: shared(workers=1, chunks=2),
    ),
    Followed(
        "Leave backend out, or workers.",
        lambda p: shared(workers=2, chunks=2, backend="interpreter"),
        lambda p: (shared(workers=1, chunks=2), shared(chunks=2, backend="interpreter")),
    ),
    Followed(
        "Pass fewer chunks, or a larger batch_size; chunks=8 suits most runs.",
        lambda p: shared(batch_size=4, chunks=8),
        lambda p: (shared(batch_size=4, chunks=4), shared(batch_size=8, chunks=8)),
    ),
    Followed(
        "Pass chunks by which the rows of a step can be divided.",
        lambda p: shared(batch_size=4, chunks=3, workers=3),
        lambda p: fitting.rows_of_chunk(compiled(), 3, steps_of(12), 3),
    ),
    Followed(
        "Make another one for this run.",
        lambda p: twice(one := pel.LocalWorkers(2), one),
        lambda p: twice(pel.LocalWorkers(2), pel.LocalWorkers(2)),
    ),
    Followed(
        "Write average=0.99 with it.",
        lambda p: optim.SGD(average_every=2),
        lambda p: optim.SGD(average=0.99, average_every=2),
    ),
    Followed(
        "Use SGD or Adam.",
        lambda p: optim.LBFGS(gather_steps=2),
        lambda p: (optim.SGD(gather_steps=2), optim.Adam(gather_steps=2)),
    ),
    Followed(
        "Write Model(x, y, terms=[Basis(function)(h)]).",
        lambda p: with_terms(lambda h: 3),
        lambda p: with_terms(lambda h: [nn.Basis(np.abs)(h)]),
    ),
    Followed(
        "Give the weighted value and a 1 as (N, 2), and finish=lambda s: s[0] / s[1].",
        lambda p: measured(apart, weighted=True),
        lambda p: measured(
            lambda t, y: np.concatenate([np.abs(t - y), np.ones_like(y)], axis=1),
            weighted=True,
            finish=lambda s: s[0] / s[1],
        ),
    ),
    Followed(
        "Put the numbers of a row side by side: np.stack([…], axis=1).",
        lambda p: measured(lambda t, y: apart(t, y)[:, 0], finish=lambda s: s[0]),
        lambda p: measured(
            lambda t, y: np.stack([apart(t, y)[:, 0]], axis=1), finish=lambda s: s[0]
        ),
    ),
    Followed(
        "Take the mean of several.",
        lambda p: measured(lambda t, y: np.concatenate([t, y], axis=1), finish=lambda s: s),
        lambda p: measured(lambda t, y: np.concatenate([t, y], axis=1), finish=lambda s: s.mean()),
    ),
]

_RUN = "of processes that are gone or do not come: tests/workers has them"
_READS = "of a layer that reads another one's weights, which the Keras door makes: tests/keras"
BY_NATURE = {
    "Call ray.init(…) first, and leave address out.": "of a cluster that is not reached",
    "Look whether the cluster has so many processors free, or ask for fewer.": _RUN,
    "The model has the weights of the last whole step: resume the run from there.": _RUN,
    "The model has the weights of the last whole step.": _RUN,
    "Put the batch first, or train on one worker.": "of a graph that tests/workers makes by hand",
    "Give an array, or leave workers out.": "of streams with workers, which start processes",
    "Call that layer first.": _READS,
    "Call the layer first.": _READS,
    "Keep the weights alone: np.savez(path, *model.get_weights()).": _READS,
}
