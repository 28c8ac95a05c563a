"""44 kinds of wrong argument, for `test_wrong_arguments.py`: each a name and how it is made."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel


class Sparse:
    """Looks like a sparse matrix: it has a shape and a dtype, and no numbers to hand out."""

    shape, dtype, ndim, nnz = (3, 3), np.dtype(np.float64), 2, 1

    def toarray(self) -> Any:
        return np.eye(3)


class Broken:
    """An array in name: asking it for its numbers raises."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("no numbers here")


class Blank:
    """An object of no use."""


def _circle() -> list[Any]:
    one: list[Any] = []
    one.append(one)
    return one


def _circular_dict() -> dict[str, Any]:
    one: dict[str, Any] = {}
    one["self"] = one
    return one


def _leaked() -> Any:
    kept: list[Any] = []
    pel.jit(lambda x: (kept.append(x), x)[1], backend="interpreter")(np.ones(2))
    return kept[0]


def _generator() -> Any:
    return (i for i in range(3))


WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "-1": lambda: -1,
    "0": lambda: 0,
    "2.5": lambda: 2.5,
    "huge int": lambda: 2**62,
    "huger int": lambda: 10**400,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "1e308": lambda: 1e308,
    "complex": lambda: 1j,
    "Decimal": lambda: decimal.Decimal("1.5"),
    "str": lambda: "nonsense",
    "empty str": lambda: "",
    "path of half a character": lambda: "a\ud800b",
    "path with a NUL": lambda: "a\0b",
    "Path": lambda: Path("/nonexistent/folder/file"),
    "bytes": lambda: b"bytes",
    "empty list": lambda: [],
    "empty tuple": lambda: (),
    "empty dict": lambda: {},
    "set": lambda: {1, 2},
    "list that holds itself": _circle,
    "dict that holds itself": _circular_dict,
    "ragged list": lambda: [[1.0], [1.0, 2.0]],
    "list of None": lambda: [None, None],
    "list of str": lambda: ["a", "b"],
    "object array": lambda: np.array([None, "a"], object),
    "masked array": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "matrix": lambda: np.asmatrix(np.eye(2)) if hasattr(np, "asmatrix") else np.eye(2),
    "structured array": lambda: np.zeros(2, [("a", "f8"), ("b", "i4")]),
    "dates": lambda: np.arange(3).astype("M8[D]"),
    "complex array": lambda: np.ones(3, np.complex128),
    "half array": lambda: np.ones(3, np.float16),
    "0-d array": lambda: np.array(1.5),
    "empty array": lambda: np.zeros((0, 3)),
    "many axes": lambda: np.zeros((1,) * 40),
    "array of nan": lambda: np.full(3, np.nan),
    "a class": lambda: Blank,
    "an object": Blank,
    "lambda of no argument": lambda: lambda: 1.0,
    "generator": _generator,
    "module": lambda: math,
    "date": lambda: datetime.date(2020, 1, 1),
    "Tensor of another trace": _leaked,
    "like a sparse matrix": Sparse,
    "broken array": Broken,
}
