"""NumPy's functions in terms of ours: what it spells in its own way, and two tables from its names.

`UFUNCS` holds the functions of elements, `FUNCTIONS` the others with their parameters: each is
honoured or refused by name. Nothing is handed to NumPy behind a person's back, but for the
questions that `HOST` lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.ops import composite as c
from pellucid.ops.composite.base import as_float, as_floats, together
from pellucid.ops.value import Value, elementwise
from pellucid.transform import namespace

Function = Callable[..., Any]


def _fabs(x: Any) -> Value:
    return abs(as_float(x))


def _rint(x: Any) -> Value:
    return c.round(as_float(x))


def _float_power(x: Any, y: Any) -> Value:
    return c.pow(c.astype(x, dtypes.float64), c.astype(y, dtypes.float64))


def _ignoring_nan(name: str) -> Function:
    def extreme(x: Any, y: Any) -> Value:
        return c.where(c.isnan(x), y, c.where(c.isnan(y), x, elementwise(name, x, y)))

    return extreme


def _boolean(name: str, where: str) -> Function:
    """A bitwise function, which on booleans is a logical one."""

    def bitwise(*operands: Any) -> Value:
        values = [c.asvalue(operand) for operand in operands]
        for value in values:
            if value.type.dtype.kind != "b":
                got = repr(value.type)
                raise DTypeError(where, f"operands must be bool, got {got}", "Compare them first.")
        result: Value = getattr(c, name)(*values)
        return result

    return bitwise


def _divmod(x: Any, y: Any) -> tuple[Value, Value]:
    return elementwise("floor_divide", x, y), elementwise("remainder", x, y)


def _scaled(factor: float) -> Function:
    return lambda x: as_float(x) * factor


def _ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return c.max(x, axis, keepdims) - c.min(x, axis, keepdims)


def _spread(function: Function) -> Function:
    def spread(
        x: Any, axis: Any = None, ddof: Any = 0, keepdims: bool = False, correction: Any = None
    ) -> Value:
        freedom = ddof if correction is None else correction
        if isinstance(freedom, bool) or not isinstance(freedom, (int, float)):
            raise ArgumentError(
                f"np.{function.__name__}", f"ddof must be a number, got {freedom!r}"
            )
        result: Value = function(x, axis, keepdims, freedom)
        return result

    return spread


def _average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if weights is None:
        return c.mean(x, axis, keepdims)
    value, heavy = together("np.average", x, weights)
    shape = value.type.shape
    if heavy.type.shape != shape:
        places = shapes.axes("np.average", axis, len(shape))
        if axis is None or len(places) != 1 or heavy.type.shape != (shape[places[0]],):
            raise ShapeError(
                "np.average",
                f"weights must be {shapes.text(shape)} or one axis of it, "
                f"got {shapes.text(heavy.type.shape)}",
            )
        heavy = c.reshape(heavy, [dim if i in places else 1 for i, dim in enumerate(shape)])
        heavy = c.broadcast_to(heavy, shape)
    return c.sum(value * heavy, axis, keepdims) / c.sum(heavy, axis, keepdims)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    value = c.asvalue(x)
    if ord is None:
        return c.vector_norm(value, axis, keepdims)
    rank = len(value.type.shape)
    axes = shapes.axes("np.linalg.norm", axis, rank)
    if len(axes) == 1 and not isinstance(ord, str):
        return c.vector_norm(value, axes, keepdims, ord)
    if len(axes) != 2:
        raise ArgumentError(
            "np.linalg.norm",
            f"axis must name a vector's axis or two of a matrix for ord={ord!r}, got {axis!r} of "
            f"{shapes.text(value.type.shape)}",
        )
    turned = (
        isinstance(axis, tuple) and shapes.axis_index("np.linalg.norm", axis[0], rank) != (axes[0])
    )
    found = c.matrix_norm(
        c.moveaxis(value, axes[::-1] if turned else axes, (-2, -1)), keepdims, ord
    )
    return c.moveaxis(found, (-2, -1), axes) if keepdims else found


def _clip(x: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Value:
    return c.clip(x, min if a_min is None else a_min, max if a_max is None else a_max)


def _ravel(x: Any) -> Value:
    return c.reshape(x, (-1,))


def _at_least(x: Any, rank: int) -> Value:
    value = c.asvalue(x)
    shape = value.type.shape
    if rank == 3 and len(shape) in (1, 2):  # NumPy puts new axes around rows and columns
        return c.reshape(value, (*(1,) * (2 - len(shape)), *shape, 1))
    return c.reshape(value, (*(1,) * (rank - len(shape)), *shape))


def _at_leasts(rank: int) -> Function:
    def at_least(*xs: Any) -> Any:
        values = tuple(_at_least(x, rank) for x in xs)
        return values[0] if len(values) == 1 else values

    return at_least


def _vstack(xs: Any) -> Value:
    return c.concat([_at_least(x, 2) for x in together("np.vstack", *xs)], 0)


def _hstack(xs: Any) -> Value:
    values = [_at_least(x, 1) for x in together("np.hstack", *xs)]
    return c.concat(values, 0 if values and len(values[0].type.shape) == 1 else 1)


def _column_stack(xs: Any) -> Value:
    values = together("np.column_stack", *xs)
    return c.concat([c.reshape(v, (-1, 1)) if len(v.type.shape) < 2 else v for v in values], 1)


def _append(arr: Any, values: Any, axis: Any = None) -> Value:
    return c.concat([arr, values], axis)


def _split(uneven: bool) -> Function:
    def split(x: Any, indices_or_sections: Any, axis: Any = 0) -> list[Value]:
        value = c.asvalue(x)
        if isinstance(indices_or_sections, np.ndarray):
            indices_or_sections = indices_or_sections.tolist()
        if isinstance(indices_or_sections, (tuple, list)):
            return c.split(value, indices_or_sections, axis)
        parts = shapes.index("np.split", "sections", indices_or_sections)
        n = value.type.shape[shapes.axis_index("np.split", axis, len(value.type.shape))]
        if not isinstance(n, int) or parts < 1 or (n % parts and not uneven):
            raise ShapeError(
                "np.split",
                f"an axis of {n!r} must divide into equal parts, got {parts} of them",
                "Use np.array_split, or say where to cut.",
            )
        size, longer = divmod(n, parts)
        return c.split(value, [i * size + min(i, longer) for i in range(1, parts)], axis)

    return split


def _split_along(name: str, axis: int) -> Function:
    """`split` along an axis that x must have; `hsplit` takes vectors too."""

    def split(x: Any, indices_or_sections: Any) -> list[Value]:
        value = c.asvalue(x)
        rank = len(value.type.shape)
        place = 0 if (name, rank) == ("hsplit", 1) else axis
        least = 1 if name == "hsplit" else max(axis + 1, 2)
        if rank < least:
            raise ShapeError(f"np.{name}", f"x must have {least} axes or more, got {value.type!r}")
        result: list[Value] = _split(uneven=False)(value, indices_or_sections, place)
        return result

    return split


def _cross(
    x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    if axis is not None:
        axisa = axisb = axisc = axis
    return c.cross(x, y, axisa, axisb, axisc)


def _linalg_cross(x1: Any, x2: Any, axis: int = -1) -> Value:
    return c.cross(x1, x2, axis, axis, axis)


def _rollaxis(x: Any, axis: int, start: int = 0) -> Value:
    value = c.asvalue(x)
    rank = len(value.type.shape)
    place = shapes.axis_index("np.rollaxis", axis, rank)
    goal = shapes.index("np.rollaxis", "start", start)
    goal = goal + rank if goal < 0 else goal
    if not 0 <= goal <= rank:
        raise ArgumentError("np.rollaxis", f"start must lie in [{-rank}, {rank}], got {start}")
    return c.moveaxis(value, place, goal - 1 if place < goal else goal)


def _dstack(xs: Any) -> Value:
    return c.concat([_at_least(x, 3) for x in together("np.dstack", *xs)], 2)


def _angle(z: Any, deg: bool = False) -> Value:
    value = as_float(z)
    turned = elementwise("atan2", c.zeros_like(value), value)
    return turned * (180 / math.pi) if deg else turned


def _imag(x: Any) -> Value:
    return c.zeros_like(c.asvalue(x))


def _never(x: Any) -> Value:
    return c.full_like(c.asvalue(x), False, dtypes.bool_)


def _pad(array: Any, pad_width: Any, constant_values: Any = 0) -> Value:
    value = c.asvalue(array)
    rank = len(value.type.shape)
    widths = np.asarray(pad_width)
    try:
        pairs = np.broadcast_to(widths, (rank, 2)).tolist()
    except ValueError:
        pairs = None
    if pairs is None or widths.dtype.kind not in "iu" or widths.min(initial=0) < 0:
        raise ArgumentError(
            "np.pad",
            f"pad_width must be whole numbers ≥ 0, (before, after) for each of {rank} axes, "
            f"got {pad_width!r}",
        )
    if not isinstance(constant_values, Value) and np.ndim(constant_values):
        raise ArgumentError(
            "np.pad", f"constant_values must be one number, got {constant_values!r}"
        )
    return c.pad(value, constant_values, [a for a, _ in pairs], [b for _, b in pairs])


def _where(condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None or y is None:
        raise ArgumentError(
            "np.where",
            "expected condition, x and y, got the condition alone",
            "How many elements hold depends on values; keep the shape: where(condition, x, 0).",
        )
    return c.where(condition, x, y)


def _vdot(x: Any, y: Any) -> Value:
    left, right = together("np.vdot", x, y)
    return c.contract(_ravel(left), _ravel(right), summed=[(0, 0)])


def _isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    x, y = as_floats("isclose", a, b)  # unsigned: x - y would wrap
    near = (abs(x - y) <= atol + rtol * abs(y)) & elementwise("isfinite", y)
    same = near | (x == y)
    return same | (c.isnan(x) & c.isnan(y)) if equal_nan else same


def _size(a: Any, axis: Any = None) -> Any:
    return a.size if axis is None else a.shape[shapes.axis_index("np.size", axis, a.ndim)]


# --- the tables ----------------------------------------------------------------------------------

_SAME = """
    add subtract multiply divide negative positive square exp exp2 expm1 log log2 log10 log1p sqrt
    reciprocal sin cos tan sinh cosh tanh sign floor ceil trunc maximum minimum hypot logaddexp
    logaddexp2 fmod signbit copysign
    equal not_equal less less_equal greater greater_equal remainder floor_divide
    logical_and logical_or logical_xor
    logical_not isfinite isinf isnan matmul vecdot
"""

UFUNCS: dict[str, Function] = {
    **{name: getattr(namespace, name) for name in _SAME.split()},
    **{
        f"arc{name}": getattr(namespace, f"a{name}")
        for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
    },
    "absolute": getattr(namespace, "abs"),  # noqa: B009
    "fabs": _fabs,
    "rint": _rint,
    "power": c.pow,
    "divmod": _divmod,
    "float_power": _float_power,
    "fmax": _ignoring_nan("maximum"),
    "fmin": _ignoring_nan("minimum"),
    "bitwise_and": _boolean("logical_and", "np.bitwise_and"),
    "bitwise_or": _boolean("logical_or", "np.bitwise_or"),
    "bitwise_xor": _boolean("logical_xor", "np.bitwise_xor"),
    "invert": _boolean("logical_not", "np.invert"),
    "conjugate": c.positive,
    "radians": _scaled(math.pi / 180),
    "deg2rad": _scaled(math.pi / 180),
    "degrees": _scaled(180 / math.pi),
    "rad2deg": _scaled(180 / math.pi),
}

REDUCE = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
ACCUMULATE = {"add": "cumsum", "multiply": "cumprod"}

# NumPy's name, our function, NumPy's parameters in order: `a:x` is called x in ours, `!out` is
# refused unless it has the value it has anyway, `dtype*` casts the operands, `*xs` takes the rest.
_SPLITS = (("vsplit", 0), ("hsplit", 1), ("dsplit", 2))
_REDUCED = "a:x axis !out keepdims"
_QUANTILE = "axis !out !overwrite_input method keepdims !weights !interpolation"
_TABLE: tuple[tuple[str, Function, str], ...] = (
    ("sum", c.sum, "a:x axis dtype* !out keepdims !initial !where"),
    ("prod", c.prod, "a:x axis dtype* !out keepdims !initial !where"),
    ("mean", c.mean, "a:x axis dtype* !out keepdims !where"),
    ("average", _average, "a:x axis weights !returned keepdims"),
    ("var", _spread(c.var), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("std", _spread(c.std), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("max", c.max, f"{_REDUCED} !initial !where"),
    ("min", c.min, f"{_REDUCED} !initial !where"),
    ("amax", c.max, f"{_REDUCED} !initial !where"),
    ("amin", c.min, f"{_REDUCED} !initial !where"),
    ("ptp", _ptp, _REDUCED),
    ("argmax", c.argmax, _REDUCED),
    ("argmin", c.argmin, _REDUCED),
    ("all", c.all, f"{_REDUCED} !where"),
    ("any", c.any, f"{_REDUCED} !where"),
    ("nansum", c.nansum, "a:x axis dtype* !out keepdims !initial !where"),
    ("nanprod", c.nanprod, "a:x axis dtype* !out keepdims !initial !where"),
    ("nanmean", c.nanmean, "a:x axis dtype* !out keepdims !where"),
    ("nanvar", _spread(c.nanvar), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("nanstd", _spread(c.nanstd), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("nanmax", c.nanmax, f"{_REDUCED} !initial !where"),
    ("nanmin", c.nanmin, f"{_REDUCED} !initial !where"),
    ("nancumsum", c.nancumsum, "a:x axis dtype* !out"),
    ("nancumprod", c.nancumprod, "a:x axis dtype* !out"),
    ("count_nonzero", c.count_nonzero, "a:x axis keepdims"),
    ("linalg.norm", _norm, "x ord axis keepdims"),
    ("linalg.matrix_norm", c.matrix_norm, "x keepdims ord"),
    ("linalg.vector_norm", c.vector_norm, "x axis keepdims ord"),
    ("cumsum", c.cumulative_sum, "a:x axis dtype* !out"),
    ("cumprod", c.cumulative_prod, "a:x axis dtype* !out"),
    ("diff", c.diff, "a:x n axis !prepend !append"),
    ("gradient", c.gradient, "f:x *varargs axis edge_order"),
    ("interp", c.interp, "x xp fp left right period"),
    ("unwrap", c.unwrap, "p:x discont axis period"),
    ("linspace", c.linspace, "start stop num endpoint !retstep dtype axis !device"),
    ("round", c.round, "a:x decimals !out"),
    ("around", c.round, "a:x decimals !out"),
    ("fix", c.trunc, "x !out"),
    ("clip", _clip, "a:x a_min a_max !out min max !dtype !where !casting !order !subok"),
    ("sinc", c.sinc, "x"),
    ("nan_to_num", c.nan_to_num, "x !copy nan posinf neginf"),
    ("where", _where, "condition x y"),
    ("select", c.select, "condlist:conditions choicelist:choices default"),
    ("isclose", _isclose, "a b rtol atol equal_nan"),
    ("reshape", c.reshape, "a:x shape !order !copy"),
    ("ravel", _ravel, "a:x !order"),
    ("transpose", c.permute_dims, "a:x axes"),
    ("matrix_transpose", c.matrix_transpose, "x"),
    ("swapaxes", c.swapaxes, "a:x axis1 axis2"),
    ("moveaxis", c.moveaxis, "a:x source destination"),
    ("expand_dims", c.expand_dims, "a:x axis"),
    ("squeeze", c.squeeze, "a:x axis"),
    ("broadcast_to", c.broadcast_to, "array:x shape !subok"),
    ("broadcast_arrays", lambda *xs: tuple(c.broadcast_arrays(*xs)), "*args !subok"),
    ("atleast_1d", _at_leasts(1), "*arys"),
    ("atleast_2d", _at_leasts(2), "*arys"),
    ("atleast_3d", _at_leasts(3), "*arys"),
    ("concatenate", c.concat, "arrays:xs axis !out dtype* !casting"),
    ("stack", c.stack, "arrays:xs axis !out dtype* !casting"),
    ("vstack", _vstack, "tup:xs dtype* !casting"),
    ("hstack", _hstack, "tup:xs dtype* !casting"),
    ("dstack", _dstack, "tup:xs dtype* !casting"),
    ("column_stack", _column_stack, "tup:xs"),
    ("append", _append, "arr values axis"),
    ("split", _split(uneven=False), "ary:x indices_or_sections axis"),
    *((name, _split_along(name, axis), "ary:x indices_or_sections") for name, axis in _SPLITS),
    ("array_split", _split(uneven=True), "ary:x indices_or_sections axis"),
    ("unstack", lambda x, axis=0: tuple(c.unstack(x, axis)), "x axis"),
    ("flip", c.flip, "m:x axis"),
    ("flipud", lambda x: c.flip(x, 0), "m:x"),
    ("fliplr", lambda x: c.flip(x, 1), "m:x"),
    ("rot90", c.rot90, "m:x k axes"),
    ("rollaxis", _rollaxis, "a:x axis start"),
    ("roll", c.roll, "a:x shift axis"),
    ("tile", c.tile, "A:x reps:repetitions"),
    ("repeat", c.repeat, "a:x repeats axis"),
    ("sort", c.sort, "a:x axis !kind !order !stable"),
    ("argsort", c.argsort, "a:x axis !kind !order !stable"),
    ("partition", c.partition, "a:x kth axis !kind !order"),
    ("argpartition", c.argpartition, "a:x kth axis !kind !order"),
    ("take_along_axis", c.take_along_axis, "arr:x indices axis"),
    ("median", c.median, "a:x axis !out !overwrite_input keepdims"),
    ("quantile", c.quantile, f"a:x q {_QUANTILE}"),
    ("percentile", c.percentile, f"a:x q {_QUANTILE}"),
    ("take", c.take, "a:x indices axis !out !mode"),
    ("pad", _pad, "array pad_width !mode constant_values"),
    ("diag", c.diag, "v:x k"),
    ("diagonal", c.diagonal, "a:x offset axis1 axis2"),
    ("trace", c.trace, "a:x offset axis1 axis2 dtype* !out"),
    ("tril", c.tril, "m:x k"),
    ("triu", c.triu, "m:x k"),
    ("dot", c.dot, "a:x b:y !out"),
    ("vdot", _vdot, "a:x b:y"),
    ("inner", c.inner, "a:x b:y"),
    ("outer", c.outer, "a:x b:y !out"),
    ("cross", _cross, "a:x b:y axisa axisb axisc axis"),
    ("linalg.cross", _linalg_cross, "x1 x2 axis"),
    ("kron", c.kron, "a:x b:y"),
    ("tensordot", c.tensordot, "a:x b:y axes"),
    ("einsum", c.einsum, "*operands !out !dtype !order !casting !optimize"),
    ("zeros_like", c.zeros_like, "a:x dtype !order !subok !shape !device"),
    ("ones_like", c.ones_like, "a:x dtype !order !subok !shape !device"),
    ("full_like", c.full_like, "a:x fill_value dtype !order !subok !shape !device"),
    ("copy", namespace.copy, "a:x !order !subok"),
    ("astype", c.astype, "x dtype !copy !device"),
    ("real", c.positive, "val:x"),
    ("angle", _angle, "z deg"),
    ("imag", _imag, "val:x"),
    ("real_if_close", c.positive, "a:x !tol"),
    ("iscomplex", _never, "x"),
    ("isreal", lambda x: ~_never(x), "x"),
    ("shape", lambda a: a.shape, "a"),
    ("ndim", lambda a: a.ndim, "a"),
    ("size", _size, "a axis"),
)

# Questions whose answer is a Python value: NumPy answers them from the numbers of the Tensors.
HOST = ("allclose", "array_equal", "array_equiv", "array2string", "array_repr", "array_str")

# For keywords that are refused: the values that change nothing, and what to write instead.
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "out": ((None,), "A Tensor does not change: write y = {name}(x)."),
    "where": ((True,), "Choose first: where(mask, x, 0)."),
    "initial": ((), "Join it with the result afterwards."),
    "casting": (("same_kind",), "Convert the operands with astype first."),
    "order": (("C", "K", "A", None), "Tensors are in row-major order; transpose first."),
    "subok": ((True, False), ""),
    "kind": ((None, "quicksort", "mergesort", "heapsort", "stable"), "The sort is stable."),
    "stable": ((None, True, False), ""),
    "retstep": ((False,), "Compute (stop - start) / (num - 1) beside it."),
    "tol": ((100,), "Leave it out: Tensors are real."),
    "overwrite_input": ((False,), "A Tensor does not change: leave it out."),
    "weights": ((None,), "Repeat the elements instead."),
    "interpolation": ((None,), "It is called method=."),
    "copy": ((True, None), "A Tensor does not change, so a copy is never seen."),
    "device": ((None, "cpu"), "There is the CPU alone."),
    "mode": (("raise", "constant"), "The one mode is 'raise' for take and 'constant' for pad."),
    "optimize": ((True, False, "greedy", "optimal"), ""),
    "mean": ((), "Leave it out: the mean is computed."),
    "returned": ((False,), "Compute the sum of the weights beside it."),
    "shape": ((None,), "Use broadcast_to."),
    "prepend": ((), "Join it on with concatenate first."),
    "append": ((), "Join it on with concatenate first."),
    "dtype": ((None,), "Convert the result with astype."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One NumPy function: ours, and NumPy's parameters in order, each with our name for it.

    Args:
        parameters: (NumPy's name, ours); ours is `!` where it is refused, `*` where it takes the
            rest, `dtype*` where it casts the operands.
    """

    name: str
    function: Function
    parameters: tuple[tuple[str, str], ...]

    @property
    def honoured(self) -> list[str]:
        return [name for name, ours in self.parameters if ours != "!"]

    @property
    def refused(self) -> list[str]:
        return [name for name, ours in self.parameters if ours == "!"]


def _parsed(name: str, function: Function, text: str) -> Row:
    parameters = []
    for token in text.split():
        if token.startswith(("!", "*")):
            parameters.append((token[1:], token[0]))
        elif token.endswith("*"):
            parameters.append((token[:-1], token))
        else:
            theirs, _, ours = token.partition(":")
            parameters.append((theirs, ours or theirs))
    return Row(name, function, tuple(parameters))


FUNCTIONS: dict[str, Row] = {row[0]: _parsed(*row) for row in _TABLE}
