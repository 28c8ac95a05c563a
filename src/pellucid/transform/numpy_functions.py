"""NumPy's functions in terms of ours: two tables from its names.

`UFUNCS` holds the functions of elements, `FUNCTIONS` the others with their parameters: each is
honoured or refused by name. Nothing is handed to NumPy behind a person's back, but for the
questions that `HOST` lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.ops import composite as c
from pellucid.transform import namespace
from pellucid.transform import numpy_spellings as own

Function = Callable[..., Any]

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
    "fabs": own.fabs,
    "rint": own.rint,
    "power": c.pow,
    "divmod": own.quotient_and_rest,
    "float_power": own.float_power,
    "fmax": own.ignoring_nan("maximum"),
    "fmin": own.ignoring_nan("minimum"),
    "bitwise_and": own.boolean("logical_and", "np.bitwise_and"),
    "bitwise_or": own.boolean("logical_or", "np.bitwise_or"),
    "bitwise_xor": own.boolean("logical_xor", "np.bitwise_xor"),
    "invert": own.boolean("logical_not", "np.invert"),
    "conjugate": c.positive,
    "radians": own.scaled(math.pi / 180),
    "deg2rad": own.scaled(math.pi / 180),
    "degrees": own.scaled(180 / math.pi),
    "rad2deg": own.scaled(180 / math.pi),
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

_SPLITS = (("vsplit", 0), ("hsplit", 1), ("dsplit", 2))  # and the axis

# NumPy's name, our function, NumPy's parameters in order: `a:x` is called x in ours, `!out` is
# refused unless it has the value it has anyway, `dtype*` casts the operands, `*xs` takes the rest.
_REDUCED = "a:x axis !out keepdims"
_QUANTILE = "axis !out !overwrite_input method keepdims !weights !interpolation"
_TABLE: tuple[tuple[str, Function, str], ...] = (
    ("sum", c.sum, "a:x axis dtype* !out keepdims !initial !where"),
    ("prod", c.prod, "a:x axis dtype* !out keepdims !initial !where"),
    ("mean", c.mean, "a:x axis dtype* !out keepdims !where"),
    ("average", own.average, "a:x axis weights !returned keepdims"),
    ("var", own.spread(c.var), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("std", own.spread(c.std), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("max", c.max, f"{_REDUCED} !initial !where"),
    ("min", c.min, f"{_REDUCED} !initial !where"),
    ("amax", c.max, f"{_REDUCED} !initial !where"),
    ("amin", c.min, f"{_REDUCED} !initial !where"),
    ("ptp", own.ptp, _REDUCED),
    ("argmax", c.argmax, _REDUCED),
    ("argmin", c.argmin, _REDUCED),
    ("all", c.all, f"{_REDUCED} !where"),
    ("any", c.any, f"{_REDUCED} !where"),
    ("nansum", c.nansum, "a:x axis dtype* !out keepdims !initial !where"),
    ("nanprod", c.nanprod, "a:x axis dtype* !out keepdims !initial !where"),
    ("nanmean", c.nanmean, "a:x axis dtype* !out keepdims !where"),
    ("nanvar", own.spread(c.nanvar), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("nanstd", own.spread(c.nanstd), "a:x axis dtype* !out ddof keepdims !where !mean correction"),
    ("nanmax", c.nanmax, f"{_REDUCED} !initial !where"),
    ("nanmin", c.nanmin, f"{_REDUCED} !initial !where"),
    ("nancumsum", c.nancumsum, "a:x axis dtype* !out"),
    ("nancumprod", c.nancumprod, "a:x axis dtype* !out"),
    ("count_nonzero", c.count_nonzero, "a:x axis keepdims"),
    ("linalg.norm", own.norm, "x ord axis keepdims"),
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
    ("clip", own.clip, "a:x a_min a_max !out min max !dtype !where !casting !order !subok"),
    ("sinc", c.sinc, "x"),
    ("nan_to_num", c.nan_to_num, "x !copy nan posinf neginf"),
    ("where", own.where_both, "condition x y"),
    ("select", c.select, "condlist:conditions choicelist:choices default"),
    ("isclose", own.isclose, "a b rtol atol equal_nan"),
    ("reshape", c.reshape, "a:x shape !order !copy"),
    ("ravel", own.ravel, "a:x !order"),
    ("transpose", c.permute_dims, "a:x axes"),
    ("matrix_transpose", c.matrix_transpose, "x"),
    ("swapaxes", c.swapaxes, "a:x axis1 axis2"),
    ("moveaxis", c.moveaxis, "a:x source destination"),
    ("expand_dims", c.expand_dims, "a:x axis"),
    ("squeeze", c.squeeze, "a:x axis"),
    ("broadcast_to", c.broadcast_to, "array:x shape !subok"),
    ("broadcast_arrays", lambda *xs: tuple(c.broadcast_arrays(*xs)), "*args !subok"),
    ("atleast_1d", own.at_leasts(1), "*arys"),
    ("atleast_2d", own.at_leasts(2), "*arys"),
    ("atleast_3d", own.at_leasts(3), "*arys"),
    ("concatenate", c.concat, "arrays:xs axis !out dtype* !casting"),
    ("stack", c.stack, "arrays:xs axis !out dtype* !casting"),
    ("vstack", own.vstack, "tup:xs dtype* !casting"),
    ("hstack", own.hstack, "tup:xs dtype* !casting"),
    ("dstack", own.dstack, "tup:xs dtype* !casting"),
    ("column_stack", own.column_stack, "tup:xs"),
    ("append", own.append, "arr values axis"),
    ("split", own.split(uneven=False), "ary:x indices_or_sections axis"),
    *((name, own.split_along(name, axis), "ary:x indices_or_sections") for name, axis in _SPLITS),
    ("array_split", own.split(uneven=True), "ary:x indices_or_sections axis"),
    ("unstack", lambda x, axis=0: tuple(c.unstack(x, axis)), "x axis"),
    ("flip", c.flip, "m:x axis"),
    ("flipud", lambda x: c.flip(x, 0), "m:x"),
    ("fliplr", lambda x: c.flip(x, 1), "m:x"),
    ("rot90", c.rot90, "m:x k axes"),
    ("rollaxis", own.rollaxis, "a:x axis start"),
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
    ("pad", own.pad, "array pad_width !mode constant_values"),
    ("diag", c.diag, "v:x k"),
    ("diagonal", c.diagonal, "a:x offset axis1 axis2"),
    ("trace", c.trace, "a:x offset axis1 axis2 dtype* !out"),
    ("tril", c.tril, "m:x k"),
    ("triu", c.triu, "m:x k"),
    ("dot", c.dot, "a:x b:y !out"),
    ("vdot", own.vdot, "a:x b:y"),
    ("inner", c.inner, "a:x b:y"),
    ("outer", c.outer, "a:x b:y !out"),
    ("cross", own.cross, "a:x b:y axisa axisb axisc axis"),
    ("linalg.cross", own.linalg_cross, "x1 x2 axis"),
    ("kron", c.kron, "a:x b:y"),
    ("tensordot", c.tensordot, "a:x b:y axes"),
    ("einsum", c.einsum, "*operands !out !dtype !order !casting !optimize"),
    ("zeros_like", c.zeros_like, "a:x dtype !order !subok !shape !device"),
    ("ones_like", c.ones_like, "a:x dtype !order !subok !shape !device"),
    ("full_like", c.full_like, "a:x fill_value dtype !order !subok !shape !device"),
    ("copy", namespace.copy, "a:x !order !subok"),
    ("astype", c.astype, "x dtype !copy !device"),
    ("real", c.positive, "val:x"),
    ("angle", own.angle, "z deg"),
    ("imag", own.imag, "val:x"),
    ("real_if_close", c.positive, "a:x !tol"),
    ("iscomplex", own.never, "x"),
    ("isreal", lambda x: ~own.never(x), "x"),
    ("shape", lambda a: a.shape, "a"),
    ("ndim", lambda a: a.ndim, "a"),
    ("size", own.size_along, "a axis"),
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
