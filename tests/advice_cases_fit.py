"""Advice followed: models of tables, and layers that learn from data. See advice_cases.py."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from pellucid.data import read_table
from tests.advice_cases import Followed

X = np.arange(40) % 4 * 1.0
SIZES = np.where(X > 1, "L", "S")
ROWS = {"height": X, "size": SIZES}
AMOUNTS = {"height": X, "price": X + np.arange(40) * 0.13}
KEYS = np.where(X > 1, 2**53 + 3, 2**53 + 5)
LARGE = 2**55 + 10**15 * np.arange(40)
MOMENTS = np.datetime64("2024-01-01") + np.arange(40) * np.timedelta64(1, "D")


def fitted(rows: Any = ROWS, target: str = "size", **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pel.fit_table(rows, target, quick=True, verbose=0, **options)


def evaluated(*sizes: str) -> Any:
    return fitted().evaluate([{"height": 1.0, "size": size} for size in sizes])


def scale(adapted: bool) -> Any:
    layer = nn.TargetScale()
    if adapted:
        layer.adapt(X[:, None])
    return layer.scaled(X[:, None])


def adapted(y: Any) -> None:
    nn.TargetScale().adapt(y)


def saved(p: Path) -> Any:
    fitted().save(p / "m", overwrite=True)
    return pel.load(p / "m")


FOLLOWED = [
    Followed(
        'For classes pass types={"size": "category"}; of amounts take thousands or millions.',
        lambda p: fitted({"height": X, "size": KEYS}),
        lambda p: (
            fitted({"height": X, "size": KEYS}, types={"size": "category"}),
            fitted({"height": X, "size": LARGE / 1e6}),
        ),
    ),
    Followed(
        "Pass x.reshape(-1, 1) for one column.",
        lambda p: nn.Standardize().adapt(X),
        lambda p: nn.Standardize().adapt(X.reshape(-1, 1)),
    ),
    Followed(
        'Give the model dtype="float64".',
        lambda p: pel.Sequential([nn.Dates()]).build((1,)),
        lambda p: pel.Sequential([nn.Dates()], dtype="float64").build((1,)),
    ),
    Followed(
        "Drop such rows.",
        lambda p: adapted(np.array([[1.0], [np.nan]])),
        lambda p: adapted(np.array([[1.0]])),
    ),
    Followed(
        "Divide them by a power of ten.",
        lambda p: adapted(np.array([[1e300], [-1e300]])),
        lambda p: adapted(np.array([[1e300], [-1e300]]) / 1e300),
    ),
    Followed("Call adapt(y) before.", lambda p: scale(False), lambda p: scale(True)),
    Followed(
        "Write levels=(2, 40) for two columns.",
        lambda p: nn.Categories(40),  # type: ignore[arg-type]
        lambda p: nn.Categories(levels=(2, 40)),
    ),
    Followed(
        'Write drop=["column"].',
        lambda p: fitted({**ROWS, "column": X}, drop="column"),
        lambda p: fitted({**ROWS, "column": X}, drop=["column"]),
    ),
    Followed(
        "Give them to read_table.",
        lambda p: fitted(read_table(ROWS), types={"height": "number"}),
        lambda p: fitted(read_table(ROWS, types={"height": "number"})),
    ),
    Followed(
        'Say what a column is: types={"column": "category"}.',
        lambda p: fitted({"a": [f"k{i}" for i in range(40)], "size": SIZES}),
        lambda p: fitted(
            {"a": [f"k{i}" for i in range(40)], "size": SIZES}, types={"a": "category"}
        ),
    ),
    Followed(
        "Leave it out.",
        lambda p: fitted({**ROWS, "a": ["x"] * 40}, group="a"),
        lambda p: fitted({**ROWS, "a": ["x"] * 40}),
    ),
    Followed(
        "Leave it out, or name another column.",
        lambda p: fitted({"height": [1.0] * 39 + [0.0], "size": SIZES}, time="height"),
        lambda p: fitted({"height": X, "size": SIZES}),
    ),
    Followed(
        "Use predict, or predict_interval.",
        lambda p: fitted(AMOUNTS, "price").predict_proba(AMOUNTS),
        lambda p: fitted(AMOUNTS, "price").predict(AMOUNTS),
    ),
    Followed(
        "Use predict_proba.",
        lambda p: fitted().predict_interval(ROWS),
        lambda p: fitted().predict_proba(ROWS),
    ),
    Followed(
        "Drop them with drop_missing=True (--drop-missing), or complete the table.",
        lambda p: fitted({**ROWS, "size": [None, *SIZES[1:]]}),
        lambda p: fitted({**ROWS, "size": [None, *SIZES[1:]]}, drop_missing=True),
    ),
    Followed("Leave these rows out.", lambda p: evaluated("S", ""), lambda p: evaluated("S")),
    Followed(
        "Make a number of it first, such as the days until then.",
        lambda p: fitted({"height": X, "day": MOMENTS}, "day"),
        lambda p: fitted({"height": X, "day": (MOMENTS - MOMENTS[0]).astype(int) / 2}, "day"),
    ),
    Followed(
        "Name another column as target.",
        lambda p: fitted({**ROWS, "a": ["x"] * 40}, "a"),
        lambda p: fitted({**ROWS, "a": ["x"] * 40}, "size"),
    ),
    Followed(
        'Leave task out, or pass types={"size": "number"}.',
        lambda p: fitted(task="regression"),
        lambda p: fitted(),
    ),
    Followed(
        'Name another column, or pass types={"name": "category"} or "number".',
        lambda p: fitted({**ROWS, "name": [f"k{i}" for i in range(40)]}, "name"),
        lambda p: fitted({**ROWS, "name": [f"k{i}" for i in range(40)]}, "size"),
    ),
    Followed(
        "Leave task out: it is a regression.",
        lambda p: fitted(AMOUNTS, "price", task="classification"),
        lambda p: fitted(AMOUNTS, "price"),
    ),
    Followed(
        "Leave such rows out, or train on them.",
        lambda p: evaluated("S", "XL"),
        lambda p: evaluated("S"),
    ),
]

_SHOWN = "of the command line: tests/cli/test_tables.py"

BY_NATURE = {
    "Send what is printed to a file: pellucid predict … > classes.txt.": _SHOWN,
    "Write --type city=category.": _SHOWN,
    "Write pellucid evaluate MODEL FILE.": _SHOWN,
    "Write predictions.csv.": _SHOWN,
}
