"""The two doors through which NumPy hands its functions to Tensors.

In: a NumPy function that was called with a Tensor, and its arguments under NumPy's names. Out: what
ours returns. What stands in no table raises with the nearest name that does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core import dtypes
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, DTypeError
from pellucid.ops import composite as c
from pellucid.ops.composite.base import together
from pellucid.ops.value import Value, exactly
from pellucid.transform import elsewhere
from pellucid.transform.numpy_functions import (
    ACCUMULATE,
    FUNCTIONS,
    HOST,
    REDUCE,
    REFUSED,
    UFUNCS,
    Row,
)

_NOTHING = np._NoValue
_NUMBERS_ALONE = "On numbers alone, call it with x.numpy()."


def _shown(value: Any) -> str:
    simple = value is None or isinstance(value, (str, int, float, type, tuple))
    return repr(value) if simple else type(value).__name__


def _check_refused(name: str, key: str, value: Any) -> None:
    """Lets a refused keyword pass only with a value that changes nothing."""
    same, fix = REFUSED.get(key, ((), "Leave it out."))
    if any(value is item or (isinstance(value, str) and value == item) for item in same):
        return
    raise ArgumentError(
        name, f"{key}= is not taken with Tensors, got {_shown(value)}", fix.format(name=name)
    )


def _cast(where: str, x: Any, dtype: DType, safely: bool) -> Value:
    value = c.asvalue(exactly(x))
    if safely and value.type.dtype.is_float and not dtype.is_float:
        raise DTypeError(
            where,
            f"dtype must hold {value.type.dtype}, got {dtype}",
            "Use astype to drop fractions.",
        )
    return c.astype(value, dtype)


def _with_dtype(where: str, result: Any, dtype: DType) -> Any:
    """The result in the dtype asked for; only integers of another width are still to convert."""
    if isinstance(result, tuple):
        return tuple(_with_dtype(where, one, dtype) for one in result)
    got = result.type.dtype
    if got != dtype and (got.is_float or dtype.is_float or "b" in (got.kind, dtype.kind)):
        raise DTypeError(where, f"dtype must be {got} here, got {dtype}", "Convert with astype.")
    return c.astype(result, dtype)


def call_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """A NumPy ufunc on operands one of which is a Tensor.

    Raises:
        ArgumentError: for a ufunc that is not in the table, another method than a call, or a
            keyword that is not taken.
    """
    name = f"np.{ufunc.__name__}"
    if ufunc.__name__ not in UFUNCS:
        raise _unlisted(name)
    function = UFUNCS[ufunc.__name__]
    table = {"reduce": REDUCE, "accumulate": ACCUMULATE}.get(method, {})
    if ufunc.__name__ in table:
        return _call(FUNCTIONS[table[ufunc.__name__]], inputs, {"axis": 0, **options})
    if method == "outer" and ufunc.nin == 2 and ufunc.signature is None:
        x, y = together(name, *inputs)
        wide = (*x.type.shape, *(1,) * len(y.type.shape))
        inputs = [c.reshape(x, wide), y]
    elif method != "__call__":
        raise ArgumentError(
            name,
            f"the method {method} is not taken with Tensors",
            f"Use {name}(…) itself, or a reduction such as np.sum.",
        )
    dtype: DType | None = None
    for key, value in options.items():
        if key == "dtype" and value is not None:
            dtype = dtypes.as_dtype(value, name)
        elif value is not _NOTHING:
            _check_refused(name, key, value)
    if dtype is None:
        return function(*inputs)
    if dtype.kind != "b":
        inputs = [_cast(name, item, dtype, safely=True) for item in inputs]
    return _with_dtype(name, function(*inputs), dtype)


def call_function(function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Another NumPy function on arguments one of which is, or holds, a Tensor.

    Raises:
        ArgumentError: for a function that is not in the table, or a keyword that is not taken.
    """
    inside = "linalg." if str(getattr(function, "__module__", "")).endswith("linalg") else ""
    name = inside + function.__name__
    if name in HOST:
        arrays = [np.asarray(item) if isinstance(item, Value) else item for item in args]
        named = {k: np.asarray(v) if isinstance(v, Value) else v for k, v in options.items()}
        return function(*arrays, **named)
    if name not in FUNCTIONS:
        raise _unlisted(f"np.{name}")
    return _call(FUNCTIONS[name], args, options)


def _call(row: Row, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Our function with NumPy's arguments under our names."""
    name = f"np.{row.name}"
    variadic = [theirs for theirs, ours in row.parameters if ours == "*"]
    rest = list(args) if variadic else []
    given: dict[str, Any] = {}
    if not variadic:
        given = {theirs: value for (theirs, _), value in zip(row.parameters, args, strict=False)}
    given |= options
    ours = dict(row.parameters)
    dtype: DType | None = None
    keywords: dict[str, Any] = {}
    for key, value in given.items():
        target = ours.get(key, "!")
        if value is _NOTHING:
            continue
        if target == "!":
            _check_refused(name, key, value)
        elif target == "dtype*":
            dtype = None if value is None else dtypes.as_dtype(value, name)
        else:
            keywords[target] = value
    first = row.parameters[0][1]
    if first == "xs":  # a sequence of operands, which may be one Tensor: its rows
        keywords["xs"] = list(keywords["xs"])
    if dtype is None:
        return row.function(*rest, **keywords)
    operands = keywords[first]
    if first == "xs":
        keywords[first] = [_cast(name, item, dtype, safely=True) for item in operands]
    else:
        keywords[first] = _cast(name, operands, dtype, safely=False)
    return _with_dtype(name, row.function(*rest, **keywords), dtype)


def _unlisted(name: str) -> ArgumentError:
    meant = elsewhere.NUMPY.get(name.rpartition(".")[2], "")
    return ArgumentError(
        name,
        "expected a function that takes Tensors, got one that does not",
        f"{meant} {_NUMBERS_ALONE}" if meant else _NUMBERS_ALONE,
    )
