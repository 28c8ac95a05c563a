"""Tables with named columns, such as those of pandas and Polars, as arrays of numbers.

Neither package is imported: a table is what has named columns that can be taken one by one. Each
column is looked at by itself, so that a message names the column that does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, DTypeError

Array = np.ndarray[Any, Any]
_SHOWN = 6  # names in a message


def is_frame(data: Any) -> bool:
    """Whether `data` is a table with named columns."""
    if isinstance(data, np.ndarray) or not (hasattr(data, "iloc") or hasattr(data, "get_columns")):
        return False  # a lazy frame of Polars warns where it is asked for its columns
    return getattr(data, "columns", None) is not None


def is_series(data: Any) -> bool:
    """Whether `data` is one column of such a table."""
    return (
        not isinstance(data, np.ndarray)
        and all(hasattr(data, name) for name in ("dtype", "name", "to_numpy"))
        and len(getattr(data, "shape", ())) == 1
    )


def feature_names(data: Any) -> tuple[str, ...] | None:
    """The names of a table's columns where all are text; None for arrays and other names.

    A model that was fitted on named columns is given the same names in the same order ever after:
    see `check_names`.
    """
    if not is_frame(data):
        return None
    names = tuple(data.columns)
    return tuple(map(str, names)) if all(isinstance(name, str) for name in names) else None


def check_names(where: str, known: Sequence[str] | None, data: Any) -> None:
    """Refuses a table whose columns are not `known` in this order. Arrays have no names: they pass.

    Raises:
        DataError: names the columns that are missing, new, or in another place.
    """
    check_same_names(where, known, feature_names(data))


def check_same_names(
    where: str, known: Sequence[str] | None, got: Sequence[str] | None, streamed: bool = False
) -> None:
    """Refuses other names than `known` in this order; None on either side passes.

    Args:
        streamed: whether the table is one of `stream_table`, not a frame.

    Raises:
        DataError: names the columns that are missing, new, or in another place.
    """
    if known is None or got is None or tuple(got) == tuple(known):
        return
    missing = [name for name in known if name not in got]
    extra = [name for name in got if name not in known]
    if missing:
        problem = f"got none called {_listed(missing)}"
    elif extra:
        problem = f"got {_listed(extra)} too"
    elif len(got) != len(known):
        problem = f"got {_listed(sorted({name for name in got if got.count(name) > 1}))} twice"
    else:
        place = next(i for i, pair in enumerate(zip(known, got, strict=True)) if pair[0] != pair[1])
        problem = f"got {got[place]!r} in the place of {known[place]!r}"
    fix = f"Take them in this order: x[{list(known)!r}]."
    if streamed:
        fix = f"Take them in this order: features={list(known)!r}."
    if missing or len(known) > _SHOWN:
        fix = "Give the columns that the model was fitted with, in their order."
    raise DataError(where, f"the columns must be those of fit, {_listed(known)}, {problem}", fix)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown + (f", … ({len(names)} in all)" if len(names) > _SHOWN else "")


def columns_of(data: Any) -> list[tuple[str, Any]]:
    """The names and columns of a table, in order; a name may come twice."""
    if hasattr(data, "get_columns"):
        found: list[Any] = list(data.get_columns())
    else:
        found = [data.iloc[:, i] for i in range(len(data.columns))]
    return [(str(name), column) for name, column in zip(data.columns, found, strict=True)]


def frame_arrays(data: Any, where: str, name: str) -> list[tuple[str, Array]]:
    """Each column of a table as an array of numbers or booleans, with its name.

    Raises:
        DTypeError: for text, categories that are no numbers, dates and objects.
        DataError: for missing values that are no NaN.
    """
    return [
        (label, column_array(column, where, f"column {label!r} of {name}", f"{name}[{label!r}]"))
        for label, column in columns_of(data)
    ]


def column_array(column: Any, where: str, what: str, code: str) -> Array:
    """One column as an array of numbers or booleans.

    Args:
        what: how messages name the column; code: how a person writes it.
    """
    polars = hasattr(column, "null_count")
    dtype = column.dtype
    if not isinstance(dtype, np.dtype):  # one that knows missing values
        _check_missing(column, where, what, code, polars)
    plain = getattr(dtype, "numpy_dtype", None)
    if isinstance(plain, np.dtype) and plain.kind in "biuf":
        array = np.asarray(column.to_numpy(dtype=plain))
    else:
        array = np.asarray(column)
    if array.dtype.kind in "biuf":
        return array
    kind = {"O": "objects", "U": "text", "S": "text", "M": "dates", "m": "durations"}.get(
        array.dtype.kind, str(array.dtype)
    )
    if kind == "objects" and len(array) and all(isinstance(item, str) for item in array[:100]):
        kind = "text"
    elif kind == "objects" and len(array) and hasattr(array[0], "timestamp"):
        kind = "dates"  # of a time zone
    if getattr(dtype, "categories", None) is not None:
        kind = "categories"
    raise DTypeError(where, f"{what} must hold numbers, got {kind}", _advice(kind, code, polars))


def _check_missing(column: Any, where: str, what: str, code: str, polars: bool) -> None:
    missing = column.is_null() if polars else column.isna()
    gone = np.asarray(missing, dtype=bool)
    if gone.any():
        fill = "fill_null" if polars else "fillna"
        raise DataError(
            where,
            f"{what} must have no missing values, got one in row {int(np.argmax(gone))}",
            f"Fill it, {code}.{fill}(0), or drop such rows.",
        )


def _advice(kind: str, code: str, polars: bool) -> str:
    frame, _, label = code.partition("[")
    alone = not label
    if kind in ("text", "categories"):
        if alone:
            return f"Map them to numbers: names, {frame} = np.unique({frame}, return_inverse=True)."
        if polars:
            return f"Make a column of 0 and 1 for each: {frame}.to_dummies([{label[:-1]}])."
        return (
            f"Make a column of 0 and 1 for each: pd.get_dummies({frame}, columns=[{label[:-1]}])."
        )
    if kind == "dates":
        return f"Take the seconds since the first: ({code} - {code}.min()).dt.total_seconds()."
    if kind == "durations":
        return f"Take its seconds: {code}.dt.total_seconds()."
    if alone:
        return "Make numbers of them."
    dropped = f"[{label[:-1]}]" if polars else f"columns=[{label[:-1]}]"
    return f"Make numbers of them, or leave them out: {frame}.drop({dropped})."
