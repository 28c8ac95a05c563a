"""What a picture of functions is given, checked; and functions at even places of the plane.

In: areas, rows, labels, functions and words as a person gives them. Out: arrays and numbers of one
form, or an error that says what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import accepts, real
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.transform.arrays import as_array

Array = np.ndarray[Any, Any]
Range = tuple[float, float]
GRID = 61  # places along each side at which a function is computed
_STEPS = 12  # a function with no more values than this has steps


def text(where: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentError(where, f"{name} must be text, got {value!r}")
    return value


def texts(where: str, name: str, value: object, count: int) -> list[str]:
    """`count` words."""
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise ArgumentError(where, f"{name} must be {count} names, got {value!r}")
    return [text(where, name, one) for one in value]


def interval(where: str, name: str, value: object) -> Range:
    """(low, high), finite and in order."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ArgumentError(where, f"{name} must be (low, high), got {value!r}")
    low, high = (real(where, name, one) for one in value)
    if not low < high:
        raise ArgumentError(where, f"{name} must rise from low to high, got {value!r}")
    return low, high


def area_of(where: str, area: object) -> tuple[Range, Range]:
    """((x_low, x_high), (y_low, y_high))."""
    if not isinstance(area, (list, tuple)) or len(area) != 2:
        raise ArgumentError(where, f"area must be ((x_low, x_high), (y_low, y_high)), got {area!r}")
    return interval(where, "area", area[0]), interval(where, "area", area[1])


def rows_of(where: str, x: Any, name: str = "x") -> Array:
    """Points of the plane: finite, (N, 2), at least one."""
    rows = np.asarray(as_array(x, where, exact=True))
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        raise ShapeError(
            where,
            f"{name} must be (N, 2), got {shapes.text(rows.shape)}",
            "A plane has two features: choose two columns, such as x[:, :2].",
        )
    rows = rows.astype(np.float64)
    if not np.isfinite(rows).all():
        raise ArgumentError(where, f"{name} must be finite, got NaN or infinity")
    return rows


def labels_of(where: str, y: Any, count: int) -> Array:
    """A label for each row: numbers or names, (N,) or (N, 1)."""
    if not isinstance(y, (np.ndarray, list, tuple)) and not hasattr(y, "__array__"):
        raise ArgumentError(where, f"y must be labels, one for each row, got {y!r}")
    kind = getattr(getattr(y, "dtype", None), "kind", "O")
    listed = isinstance(y, (list, tuple)) or hasattr(y, "dtype")
    objects = np.asarray(y, object).ravel() if hasattr(y, "dtype") else y
    words = kind in ("U", "T") or (
        kind == "O" and listed and all(isinstance(one, str) for one in objects)
    )
    labels = np.asarray(y, str) if words else np.asarray(as_array(y, where, exact=True))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise ShapeError(where, f"y must be ({count},), got {shapes.text(labels.shape)}")
    return labels


def function_of(where: str, name: str, function: Any, form: str) -> Callable[[Any], Any]:
    """A function of one argument."""
    if not callable(function):
        raise ArgumentError(where, f"{name} must be a function {form}, got {function!r}")
    accepts(where, name, function, 1, form)
    found: Callable[[Any], Any] = function
    return found


def functions_of(where: str, functions: Any, form: str) -> dict[str, Callable[[Any], Any]]:
    """{"name": function, …}, at least one."""
    if not isinstance(functions, Mapping) or not functions:
        raise ArgumentError(where, f'functions must be {{"name": f, …}}, got {functions!r}')
    return {
        text(where, "a name", name): function_of(where, f"functions[{name!r}]", one, form)
        for name, one in functions.items()
    }


def marks_of(where: str, marks: Any) -> list[tuple[float, float, str]]:
    """[(x, y, "label"), …]."""
    if not isinstance(marks, (list, tuple)):
        raise ArgumentError(where, f'marks must be [(x, y, "label"), …], got {marks!r}')
    found = []
    for mark in marks:
        if not isinstance(mark, (list, tuple)) or len(mark) != 3:
            raise ArgumentError(where, f'a mark must be (x, y, "label"), got {mark!r}')
        x, y = real(where, "marks", mark[0]), real(where, "marks", mark[1])
        found.append((x, y, text(where, "a label", mark[2])))
    return found


def lattice(x: Range, y: Range, count: int = GRID) -> Array:
    """Rows of points, line by line from the lowest y."""
    a, b = np.meshgrid(np.linspace(*x, count), np.linspace(*y, count))
    return np.stack([a.ravel(), b.ravel()], 1)


def scores_of(where: str, function: Callable[[Array], Any], rows: Array) -> Array:
    """What a function of rows says, as (N, K)."""
    found = np.asarray(as_array(function(rows), where, exact=True))
    if found.dtype.kind not in "biuf":
        raise ArgumentError(where, f"the function must return numbers, got {found.dtype}")
    found = found.astype(np.float64)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or len(found) != len(rows) or not found.shape[1]:
        raise ShapeError(
            where,
            f"the function must return (N,) or (N, K) for N rows, got {shapes.text(found.shape)}",
        )
    if not np.isfinite(found).any():
        raise ArgumentError(where, "the function must be finite somewhere, got NaN or infinity")
    return found


def sampled(where: str, function: Callable[[Array], Any], x: Range, y: Range) -> Array:
    """What a function says at even places, (rows, columns, K); finer where it has steps."""
    found = scores_of(where, function, lattice(x, y))
    count = GRID
    if len(np.unique(found)) <= _STEPS:
        count = 3 * GRID - 2
        found = scores_of(where, function, lattice(x, y, count))
    return found.reshape(count, count, -1)


def reader_of(where: str, target: Any) -> tuple[Callable[[Array], Any], bool]:
    """The function of rows that is meant, and whether it is a machine's."""
    machine = getattr(target, "decision_function", None)
    if machine is not None:
        return machine, True
    predict = getattr(target, "predict", None)
    if not callable(target):  # a classifier: a model is called
        predict = getattr(target, "predict_proba", predict)
    if predict is not None:
        return (lambda rows: predict(rows)), False
    if not callable(target):
        raise ArgumentError(
            where, f"expected a model, a machine or a function of rows, got {target!r}"
        )
    return function_of(where, "the function", target, "f(rows)"), False


def support_vectors(machine: Any, columns: int) -> Array | None:
    """The support vectors (S, columns) of a machine with a margin or a tube; else None.

    The classes of scikit-learn's interface spell them with an underscore. Kernel logistic
    regression has neither margin nor tube, and says so.
    """
    if not getattr(machine, "__pellucid_margin__", True):
        return None
    given = getattr(machine, "support_vectors", getattr(machine, "support_vectors_", None))
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError):  # sparse rows
        return None
    return found if found.ndim == 2 and found.shape[1] == columns else None


def every(count: int, most: int) -> int:
    """The step at which of `count` things at most `most` are taken."""
    return max(1, math.ceil(count / most))
