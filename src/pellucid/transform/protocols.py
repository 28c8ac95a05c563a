"""NumPy's functions on Tensors: one table from NumPy's names to ours.

A keyword is honoured or refused by name; a function that is not in the table raises with the
nearest one that is. Nothing is handed to NumPy behind a person's back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.ops import composite as c
from pellucid.ops.value import Value, cast, elementwise, power

Function = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """One NumPy function: ours, and the names of its arguments in NumPy's order."""

    function: Function
    arguments: tuple[str, ...]


def _elementwise(name: str) -> Function:
    return lambda *operands: elementwise(name, *operands)


def _pow(x: Any, y: Any) -> Value:
    return power(c.asvalue(x), y) if not isinstance(x, Value) else power(x, y)


def _isnan(x: Any) -> Any:
    value = c.asvalue(x)
    return elementwise("not_equal", value, value)


def _isinf(x: Any) -> Any:
    value = c.asvalue(x)
    return elementwise("equal", abs(value), math.inf)


def _logical_xor(x: Any, y: Any) -> Any:
    return elementwise("not_equal", x, y)


def _logaddexp(x: Any, y: Any) -> Any:
    top = elementwise("maximum", x, y)
    low = elementwise("minimum", x, y)
    # The difference of two equal infinities would be NaN.
    gap = c.where(elementwise("equal", top, low), 0.0, low - top)
    return top + elementwise("log1p", elementwise("exp", gap))


_LN_2, _LN_10 = math.log(2.0), math.log(10.0)

UFUNCS: dict[str, Function] = {
    **{
        name: _elementwise(name)
        for name in (
            "add subtract multiply divide negative square exp log log1p expm1 sqrt tanh sign floor "
            "sin cos maximum minimum equal not_equal less less_equal greater greater_equal "
            "logical_and logical_or logical_not isfinite"
        ).split()
    },
    "absolute": _elementwise("abs"),
    "fabs": _elementwise("abs"),
    "rint": _elementwise("round"),
    "power": _pow,
    "float_power": _pow,
    "positive": c.asvalue,
    "reciprocal": lambda x: 1.0 / c.asvalue(x),
    "ceil": lambda x: -elementwise("floor", -c.asvalue(x)),
    "trunc": lambda x: elementwise("sign", x) * elementwise("floor", elementwise("abs", x)),
    "exp2": lambda x: elementwise("exp", c.asvalue(x) * _LN_2),
    "log2": lambda x: elementwise("log", x) / _LN_2,
    "log10": lambda x: elementwise("log", x) / _LN_10,
    "sinh": lambda x: 0.5 * (elementwise("expm1", x) - elementwise("expm1", -c.asvalue(x))),
    "cosh": lambda x: 0.5 * (elementwise("exp", x) + elementwise("exp", -c.asvalue(x))),
    "tan": lambda x: elementwise("sin", x) / elementwise("cos", x),
    "hypot": lambda x, y: elementwise(
        "sqrt", elementwise("square", x) + elementwise("square", y)
    ),
    "logaddexp": _logaddexp,
    "isnan": _isnan,
    "isinf": _isinf,
    "logical_xor": _logical_xor,
    "bitwise_and": _elementwise("logical_and"),
    "bitwise_or": _elementwise("logical_or"),
    "invert": _elementwise("logical_not"),
    "matmul": c.matmul,
    "vecdot": lambda x, y: c.sum(c.asvalue(x) * y, axis=-1),
}


def _with_dtype(function: Function) -> Function:
    """A reduction with NumPy's `dtype=`: the operand is cast before it is reduced."""

    def reduce(x: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
        value = c.asvalue(x) if dtype is None else c.astype(x, dtype)
        return function(value, axis, bool(keepdims))

    return reduce


def _spread(function: Function) -> Function:
    def reduce(
        x: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: Any = False,
        correction: float | None = None,
    ) -> Any:  # fmt: skip
        value = c.asvalue(x) if dtype is None else c.astype(x, dtype)
        freedom = ddof if correction is None else correction
        return function(value, axis, bool(keepdims), freedom)

    return reduce


def _reshape(x: Any, shape: Any, order: str = "C") -> Value:
    if order != "C":
        raise ArgumentError("reshape", f"order must be 'C', got {order!r}")
    return c.reshape(x, _dims(shape))


def _dims(shape: Any) -> Any:
    """A shape with the batch sizes in it turned back into dimensions."""
    if isinstance(shape, (tuple, list)):
        return tuple(getattr(dim, "dim", dim) for dim in shape)
    return getattr(shape, "dim", shape)


def _ravel(x: Any, order: str = "C") -> Value:
    return _reshape(x, (-1,), order)


def _transpose(x: Any, axes: Any = None) -> Value:
    value = c.asvalue(x)
    order = range(len(value.type.shape))[::-1] if axes is None else axes
    return c.permute_dims(value, tuple(order))


def _swapaxes(x: Any, axis1: int, axis2: int) -> Value:
    value = c.asvalue(x)
    rank = len(value.type.shape)
    order = list(range(rank))
    i, j = (shapes.axis_index("swapaxes", axis, rank) for axis in (axis1, axis2))
    order[i], order[j] = j, i
    return c.permute_dims(value, order)


def _moveaxis(x: Any, source: Any, destination: Any) -> Value:
    value = c.asvalue(x)
    rank = len(value.type.shape)

    def several(axis: Any) -> list[int]:
        axes = axis if isinstance(axis, (tuple, list)) else [axis]
        return [shapes.axis_index("moveaxis", item, rank) for item in axes]

    moved, places = several(source), several(destination)
    order = [i for i in range(rank) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return c.permute_dims(value, order)


def _concatenate(xs: Any, axis: int | None = 0, dtype: Any = None) -> Value:
    joined = c.concat(_several(xs), axis)
    return joined if dtype is None else c.astype(joined, dtype)


def _several(xs: Any) -> list[Any]:
    return list(xs)


def _at_least(x: Any, rank: int) -> Value:
    value = c.asvalue(x)
    while len(value.type.shape) < rank:
        value = c.expand_dims(value, 0)
    return value


def _vstack(xs: Any) -> Value:
    return c.concat([_at_least(x, 2) for x in _several(xs)], 0)


def _hstack(xs: Any) -> Value:
    values = [_at_least(x, 1) for x in _several(xs)]
    return c.concat(values, 0 if len(values[0].type.shape) == 1 else 1)


def _column_stack(xs: Any) -> Value:
    values = [c.asvalue(x) for x in _several(xs)]
    columns = [c.reshape(v, (-1, 1)) if len(v.type.shape) < 2 else v for v in values]
    return c.concat(columns, 1)


def _where(condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None or y is None:
        raise ArgumentError(
            "where", "expected condition, x and y, got the condition alone",
            "Positions depend on values; keep the shape with where(condition, x, 0).",
        )  # fmt: skip
    return c.where(condition, x, y)


def _dot(x: Any, y: Any) -> Value:
    left, right = c.asvalue(x), c.asvalue(y)
    if not left.type.shape or not right.type.shape:
        return left * right
    return c.contract(left, right, [(-1, 0 if len(right.type.shape) == 1 else -2)])


def _inner(x: Any, y: Any) -> Value:
    left, right = c.asvalue(x), c.asvalue(y)
    if not left.type.shape or not right.type.shape:
        return left * right
    return c.contract(left, right, [(-1, -1)])


def _vdot(x: Any, y: Any) -> Value:
    return c.contract(c.reshape(x, (-1,)), c.reshape(y, (-1,)), [(0, 0)])


def _clip(x: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Value:
    return c.clip(x, a_min if a_min is not None else min, a_max if a_max is not None else max)


def _roll(x: Any, shift: int, axis: int | None = None) -> Value:
    value = c.asvalue(x)
    if axis is None:
        return c.reshape(_roll(c.reshape(value, (-1,)), shift, 0), value.type.shape)
    place = shapes.axis_index("roll", axis, len(value.type.shape))
    length = value.type.shape[place]
    if not isinstance(length, int):
        raise ShapeError("roll", f"the batch axis {length!r} cannot be rolled")
    k = shift % length if length else 0
    if k == 0:
        return value
    head = (slice(None),) * place
    parts = [c.getitem(value, (*head, slice(length - k, None))),
             c.getitem(value, (*head, slice(None, length - k)))]  # fmt: skip
    return c.concat(parts, place)


def _tile(x: Any, reps: Any) -> Value:
    several = list(reps) if isinstance(reps, (tuple, list)) else [reps]
    value = _at_least(x, len(several))
    several = [1] * (len(value.type.shape) - len(several)) + several
    for axis, times in enumerate(several):
        if times != 1:
            value = c.concat([value] * times, axis)
    return value


def _repeat(x: Any, repeats: int, axis: int | None = None) -> Value:
    count = shapes.index("repeat", "repeats", repeats)
    value = c.asvalue(x)
    if axis is None:
        value, axis = c.reshape(value, (-1,)), 0
    place = shapes.axis_index("repeat", axis, len(value.type.shape))
    shape = value.type.shape
    wide = c.broadcast_to(
        c.expand_dims(value, place + 1), (*shape[: place + 1], count, *shape[place + 1 :])
    )
    return c.reshape(wide, (*shape[:place], shape[place] * count, *shape[place + 1 :]))


def _pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Value:
    if mode != "constant":
        raise ArgumentError("pad", f"mode must be 'constant', got {mode!r}")
    return c.pad(x, pad_width, constant_values)


def _like(value: float) -> Function:
    def like(x: Any, dtype: Any = None) -> Value:
        tensor = c.asvalue(x)
        kind = tensor.type.dtype if dtype is None else dtypes.as_dtype(dtype, "like")
        return c.full(tensor.type.shape, value, kind)

    return like


def _full_like(x: Any, fill_value: Any, dtype: Any = None) -> Value:
    tensor = c.asvalue(x)
    kind = tensor.type.dtype if dtype is None else dtypes.as_dtype(dtype, "full_like")
    return c.broadcast_to(cast(fill_value, kind), tensor.type.shape)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and len(c.asvalue(x).type.shape) == 2):
        raise ArgumentError("linalg.norm", f"ord must be None, 'fro' or 2 of a vector, got {ord!r}")
    return elementwise("sqrt", c.sum(elementwise("square", x), axis, keepdims))  # type: ignore[no-any-return]


def _average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Value:
    if weights is None:
        return c.mean(x, axis, keepdims)
    heavy = c.asvalue(x) * weights
    return c.sum(heavy, axis, keepdims) / c.sum(heavy * 0 + weights, axis, keepdims)  # type: ignore[no-any-return]


def _cumsum(x: Any, axis: int | None = None) -> Value:
    """Products with a triangle of ones: exact sums, n² work."""
    value = c.asvalue(x)
    if axis is None:
        value, axis = c.reshape(value, (-1,)), 0
    place = shapes.axis_index("cumsum", axis, len(value.type.shape))
    n = value.type.shape[place]
    if not isinstance(n, int):
        raise ShapeError("cumsum", f"the batch axis {n!r} has no order")
    row = c.arange(n)
    ones = c.astype(c.expand_dims(row, 1) <= row, value.type.dtype)
    total = c.contract(value, ones, [(place, 0)])
    rank = len(value.type.shape)
    order = [*range(place), rank - 1, *range(place, rank - 1)]
    return c.permute_dims(total, order)


def _diagonal(x: Any) -> Value:
    value = c.asvalue(x)
    if len(value.type.shape) != 2 or value.type.shape[0] != value.type.shape[1]:
        raise ShapeError("diagonal", f"x must be a square matrix, got {value.type!r}")
    n = value.type.shape[0]
    return c.take(c.reshape(value, (-1,)), c.arange(n) * (n + 1), 0)  # type: ignore[arg-type, operator]


def _einsum(subscripts: str, *operands: Any) -> Value:
    """One or two operands, explicit output; each letter once an operand."""
    if not isinstance(subscripts, str) or len(operands) not in (1, 2):
        raise ArgumentError("einsum", "expected 'ij,jk->ik' and one or two operands")
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    plain = all(len(set(term)) == len(term) and term.isalpha() for term in terms if term)
    if not arrow or "." in text or len(terms) != len(operands) or not plain:
        raise ArgumentError(
            "einsum", f"expected explicit letters such as 'ij,jk->ik', got {subscripts!r}",
            "Write the output behind -> and each letter once an operand.",
        )  # fmt: skip
    values = [c.asvalue(operand) for operand in operands]
    names = [list(term) for term in terms]
    for k in range(len(values)):  # letters that only one operand has are summed at once
        others = set(output).union(*(n for i, n in enumerate(names) if i != k))
        lone = tuple(i for i, letter in enumerate(names[k]) if letter not in others)
        if lone:
            values[k] = c.sum(values[k], lone)
            names[k] = [letter for letter in names[k] if letter in others]
    if len(values) == 2:
        x, y = names
        batch = [(x.index(a), y.index(a)) for a in x if a in y and a in output]
        summed = [(x.index(a), y.index(a)) for a in x if a in y and a not in output]
        result = c.contract(values[0], values[1], summed, batch)
        left = [x[i] for i, _ in batch]
        have = left + [a for a in x if a not in y] + [a for a in y if a not in x]
    else:
        result, have = values[0], names[0]
    if sorted(have) != sorted(output):
        raise ArgumentError("einsum", f"the output {output!r} must name letters of {inputs!r}")
    return c.permute_dims(result, [have.index(a) for a in output])


def _split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    value = c.asvalue(x)
    place = shapes.axis_index("split", axis, len(value.type.shape))
    n = value.type.shape[place]
    if not isinstance(n, int):
        raise ShapeError("split", f"the batch axis {n!r} must stay whole")
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        if k < 1 or n % k:
            raise ShapeError("split", f"{n} must divide into equal parts, got {k} of them")
        borders = [i * (n // k) for i in range(1, k)]
    else:
        borders = [int(i) for i in indices_or_sections]
    edges = [0, *borders, n]
    head = (slice(None),) * place
    return [
        c.getitem(value, (*head, slice(a, b))) for a, b in zip(edges, edges[1:], strict=False)
    ]


_REDUCTION = ("a", "axis", "dtype", "keepdims")
_SPREAD = ("a", "axis", "dtype", "ddof", "keepdims", "correction")

FUNCTIONS: dict[str, Row] = {
    "sum": Row(_with_dtype(c.sum), _REDUCTION),
    "mean": Row(_with_dtype(c.mean), _REDUCTION),
    "max": Row(c.max, ("a", "axis", "keepdims")),
    "min": Row(c.min, ("a", "axis", "keepdims")),
    "amax": Row(c.max, ("a", "axis", "keepdims")),
    "amin": Row(c.min, ("a", "axis", "keepdims")),
    "ptp": Row(
        lambda a, axis=None, keepdims=False: c.max(a, axis, keepdims) - c.min(a, axis, keepdims),
        ("a", "axis", "keepdims"),
    ),
    "var": Row(_spread(c.var), _SPREAD),
    "std": Row(_spread(c.std), _SPREAD),
    "argmax": Row(c.argmax, ("a", "axis", "keepdims")),
    "argmin": Row(c.argmin, ("a", "axis", "keepdims")),
    "average": Row(_average, ("a", "axis", "weights", "keepdims")),
    "cumsum": Row(_cumsum, ("a", "axis")),
    "reshape": Row(_reshape, ("a", "shape", "order")),
    "ravel": Row(_ravel, ("a", "order")),
    "transpose": Row(_transpose, ("a", "axes")),
    "permute_dims": Row(_transpose, ("a", "axes")),
    "matrix_transpose": Row(c.matrix_transpose, ("x",)),
    "swapaxes": Row(_swapaxes, ("a", "axis1", "axis2")),
    "moveaxis": Row(_moveaxis, ("a", "source", "destination")),
    "concatenate": Row(_concatenate, ("arrays", "axis", "dtype")),
    "concat": Row(_concatenate, ("arrays", "axis", "dtype")),
    "stack": Row(lambda arrays, axis=0: c.stack(_several(arrays), axis), ("arrays", "axis")),
    "vstack": Row(_vstack, ("tup",)),
    "hstack": Row(_hstack, ("tup",)),
    "column_stack": Row(_column_stack, ("tup",)),
    "split": Row(_split, ("ary", "indices_or_sections", "axis")),
    "where": Row(_where, ("condition", "x", "y")),
    "dot": Row(_dot, ("a", "b")),
    "vdot": Row(_vdot, ("a", "b")),
    "inner": Row(_inner, ("a", "b")),
    "outer": Row(c.outer, ("a", "b")),
    "tensordot": Row(c.tensordot, ("a", "b", "axes")),
    "einsum": Row(_einsum, ("subscripts", "x", "y")),
    "clip": Row(_clip, ("a", "a_min", "a_max", "min", "max")),
    "expand_dims": Row(c.expand_dims, ("a", "axis")),
    "squeeze": Row(c.squeeze, ("a", "axis")),
    "broadcast_to": Row(lambda a, shape: c.broadcast_to(a, _dims(shape)), ("array", "shape")),
    "flip": Row(c.flip, ("m", "axis")),
    "flipud": Row(lambda m: c.flip(m, 0), ("m",)),
    "fliplr": Row(lambda m: c.flip(m, 1), ("m",)),
    "roll": Row(_roll, ("a", "shift", "axis")),
    "tile": Row(_tile, ("A", "reps")),
    "repeat": Row(_repeat, ("a", "repeats", "axis")),
    "take": Row(c.take, ("a", "indices", "axis")),
    "pad": Row(_pad, ("array", "pad_width", "mode", "constant_values")),
    "zeros_like": Row(_like(0), ("a", "dtype")),
    "ones_like": Row(_like(1), ("a", "dtype")),
    "full_like": Row(_full_like, ("a", "fill_value", "dtype")),
    "linalg.norm": Row(_norm, ("x", "ord", "axis", "keepdims")),
    "diagonal": Row(_diagonal, ("a",)),
    "trace": Row(lambda a: c.sum(_diagonal(a)), ("a",)),
    "atleast_1d": Row(lambda x: _at_least(x, 1), ("x",)),
    "atleast_2d": Row(lambda x: _at_least(x, 2), ("x",)),
    "copy": Row(c.asvalue, ("a",)),
    "round": Row(lambda a, decimals=0: _round(a, decimals), ("a", "decimals")),
    "around": Row(lambda a, decimals=0: _round(a, decimals), ("a", "decimals")),
    "shape": Row(lambda a: a.shape, ("a",)),
    "ndim": Row(lambda a: a.ndim, ("a",)),
    "size": Row(lambda a: a.size, ("a",)),
    "isclose": Row(
        lambda a, b, rtol=1e-5, atol=1e-8: abs(c.asvalue(a) - b) <= atol + rtol * abs(c.asvalue(b)),
        ("a", "b", "rtol", "atol"),
    ),
}


def _round(x: Any, decimals: int) -> Value:
    if decimals != 0:
        raise ArgumentError("round", f"decimals must be 0, got {decimals}")
    result: Value = elementwise("round", x)
    return result


_NO_VALUE = (None, False, "K", "same_kind", True, np._NoValue)


def call_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """A NumPy ufunc on operands one of which is a Tensor."""
    name = ufunc.__name__
    if method == "reduce" and name in ("add", "maximum", "minimum"):
        function = {"add": "sum", "maximum": "max", "minimum": "min"}[name]
        return call_function(getattr(np, function), inputs, {"axis": 0, **options})
    if method != "__call__":
        raise ArgumentError(
            name, f"np.{name}.{method} does not take Tensors", "Use sum, max, min or outer."
        )
    if name not in UFUNCS:
        raise ArgumentError(f"np.{name}", "this function does not take Tensors",
                            nearest(name, UFUNCS))  # fmt: skip
    dtype = None
    for option, value in options.items():
        if option == "dtype":
            dtype = value
        elif not (option in ("casting", "order", "subok") and value in _NO_VALUE) and not (
            option in ("out", "where") and (value is None or value is True)
        ):
            raise ArgumentError(
                f"np.{name}", f"the keyword {option}= is not taken with Tensors",
                "Assign the result, or use where(mask, x, y).",
            )  # fmt: skip
    if dtype is not None:
        inputs = [c.astype(item, dtype) for item in inputs]
    return UFUNCS[name](*inputs)


def _full_name(function: Any) -> str:
    module = getattr(function, "__module__", "") or ""
    name: str = function.__name__
    return f"linalg.{name}" if module.endswith("linalg") else name


def call_function(function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Another NumPy function on arguments one of which is, or holds, a Tensor."""
    name = _full_name(function)
    row = FUNCTIONS.get(name)
    if row is None:
        raise ArgumentError(f"np.{name}", "this function does not take Tensors",
                            nearest(name, FUNCTIONS))  # fmt: skip
    positional = tuple(args)
    if len(positional) > len(row.arguments):
        raise ArgumentError(
            f"np.{name}",
            f"expected at most {', '.join(row.arguments)} with Tensors, got {len(args)} arguments",
        )
    given: dict[str, Any] = {}
    for key, value in options.items():
        if key in row.arguments:
            if value is not np._NoValue:
                given[key] = value
        elif value is not None and value is not np._NoValue:
            raise ArgumentError(
                f"np.{name}", f"the keyword {key}= is not taken with Tensors",
                f"It takes {', '.join(row.arguments)}.",
            )  # fmt: skip
    # Ours take the same arguments in the same order, under names of their own.
    values = list(positional)
    for key in row.arguments[len(positional) :]:
        if key in given:
            values.append(given.pop(key))
        elif given:
            values.append(_default(row, len(values)))
    return row.function(*values)


def _default(row: Row, position: int) -> Any:
    """The default of the argument that was skipped."""
    import inspect

    parameters = list(inspect.signature(row.function).parameters.values())
    default = parameters[position].default
    if default is inspect.Parameter.empty:
        raise ArgumentError("numpy", f"the argument {row.arguments[position]} is missing")
    return default
