"""keras.ops: functions on tensors of a network, on values in a loss or a metric, on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core import dtypes
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.keras import arguments, ops_arrays, ops_made, ops_nn, ops_shapes
from pellucid.keras.arguments import Arguments
from pellucid.keras.operands import check_tensor
from pellucid.keras.ops_functions import function_of, several_of
from pellucid.keras.tensors import applied, is_symbolic
from pellucid.nn.activations import BY_NAME
from pellucid.ops.value import Value

Make = Callable[[Arguments], Callable[..., Any]]


def _axis(a: Arguments) -> Any:
    return tuple(a.axis) if isinstance(a.axis, list) else a.axis


def _reduced(name: str) -> Make:
    return lambda a: lambda x: getattr(pnp, name)(x, axis=_axis(a), keepdims=a.keepdims)


def _unary(name: str) -> Make:
    return lambda a: getattr(pnp, name)


def _named(name: str) -> Make:
    return lambda a: BY_NAME[name]


def _dtype(a: Arguments) -> Any:
    name = dtypes.as_dtype(a.dtype, "keras.ops.cast").name
    return pnp.bool_ if name == "bool" else getattr(pnp, name)


def _norm(a: Arguments) -> Callable[..., Any]:
    a.only("order", 2)
    least = 1e-7 if a.epsilon is None else a.epsilon
    return lambda x: (
        x / pnp.maximum(pnp.sqrt(pnp.sum(pnp.square(x), axis=a.axis, keepdims=True)), least)
    )


def _rounded(a: Arguments) -> Callable[..., Any]:
    a.only("decimals", 0)
    found: Callable[..., Any] = pnp.round
    return found


def _like(name: str) -> Make:
    def make(a: Arguments) -> Callable[..., Any]:
        a.only("dtype", None)
        found: Callable[..., Any] = getattr(pnp, name)
        return found

    return make


# Each row: the names of the arguments that are tensors, and what is made of the others.
ROWS: dict[str, tuple[tuple[str, ...], Make]] = {
    **{
        name: (("x1", "x2"), _unary(ours))
        for name, ours in {
            "add": "add",
            "subtract": "subtract",
            "multiply": "multiply",
            "divide": "divide",
            "true_divide": "divide",
            "maximum": "maximum",
            "minimum": "minimum",
            "power": "pow",
            "matmul": "matmul",
            "equal": "equal",
            "not_equal": "not_equal",
            "less": "less",
            "greater": "greater",
            "less_equal": "less_equal",
            "greater_equal": "greater_equal",
            "dot": "dot",
            "logical_and": "logical_and",
            "logical_or": "logical_or",
            "outer": "outer",
            "floor_divide": "floor_divide",
            "mod": "remainder",
            "logaddexp": "logaddexp",
        }.items()
    },
    **{
        name: (("x",), _unary(ours))
        for name, ours in {
            "exp": "exp",
            "log": "log",
            "log1p": "log1p",
            "expm1": "expm1",
            "sqrt": "sqrt",
            "square": "square",
            "abs": "abs",
            "absolute": "abs",
            "negative": "negative",
            "sign": "sign",
            "sin": "sin",
            "cos": "cos",
            "tan": "tan",
            "tanh": "tanh",
            "sinh": "sinh",
            "cosh": "cosh",
            "floor": "floor",
            "ceil": "ceil",
            "erf": "erf",
            "reciprocal": "reciprocal",
            "log2": "log2",
            "log10": "log10",
            "isnan": "isnan",
            "isinf": "isinf",
            "isfinite": "isfinite",
            "logical_not": "logical_not",
        }.items()
    },
    **{name: (("x",), _like(name)) for name in ("zeros_like", "ones_like")},
    **{
        name: (("x",), _reduced(ours))
        for name, ours in {
            "sum": "sum",
            "mean": "mean",
            "prod": "prod",
            "max": "max",
            "min": "min",
            "var": "var",
            "std": "std",
            "amax": "max",
            "amin": "min",
            "any": "any",
            "all": "all",
        }.items()
    },
    **{
        name: (("x",), _named(name))
        for name in (
            "sigmoid",
            "softplus",
            "softsign",
            "silu",
            "relu6",
            "hard_sigmoid",
            "hard_silu",
            "log_sigmoid",
            "selu",
            "relu",
        )
    },
    "softmax": (("x",), lambda a: lambda x: pnp.softmax(x, axis=a.axis)),
    "log_softmax": (("x",), lambda a: lambda x: pnp.log_softmax(x, axis=a.axis)),
    "logsumexp": (("x",), lambda a: lambda x: pnp.logsumexp(x, axis=_axis(a), keepdims=a.keepdims)),
    "rsqrt": (("x",), lambda a: lambda x: 1 / pnp.sqrt(x)),
    "gelu": (("x",), lambda a: BY_NAME["gelu_tanh" if a.approximate else "gelu"]),
    "reshape": (("x",), lambda a: lambda x: pnp.reshape(x, _shape(x, a.newshape))),
    "transpose": (
        ("x",),
        lambda a: (
            lambda x: pnp.permute_dims(
                x, a.axes if a.axes is not None else tuple(reversed(range(len(x.shape))))
            )
        ),
    ),
    "expand_dims": (("x",), lambda a: lambda x: pnp.expand_dims(x, a.axis)),
    "squeeze": (("x",), lambda a: lambda x: pnp.squeeze(x, a.axis)),
    "concatenate": (("xs",), lambda a: lambda xs: pnp.concat(list(xs), axis=a.axis)),
    "stack": (("x",), lambda a: lambda x: pnp.stack(list(x), axis=a.axis)),
    "clip": (("x",), lambda a: lambda x: pnp.clip(x, a.x_min, a.x_max)),
    "where": (("condition", "x1", "x2"), lambda a: pnp.where),
    "cast": (("x",), lambda a: lambda x: pnp.astype(x, _dtype(a))),
    "argmax": (("x",), lambda a: lambda x: pnp.argmax(x, axis=a.axis, keepdims=a.keepdims)),
    "argmin": (("x",), lambda a: lambda x: pnp.argmin(x, axis=a.axis, keepdims=a.keepdims)),
    "one_hot": (("x",), lambda a: lambda x: pnp.one_hot(x, a.num_classes)),
    "repeat": (("x",), lambda a: lambda x: pnp.repeat(x, a.repeats, axis=a.axis)),
    "flip": (("x",), lambda a: lambda x: pnp.flip(x, axis=a.axis)),
    "roll": (("x",), lambda a: lambda x: pnp.roll(x, a.shift, axis=a.axis)),
    "cumsum": (("x",), lambda a: lambda x: pnp.cumulative_sum(x, axis=a.axis)),
    "take": (("x",), lambda a: lambda x: pnp.take(x, np.asarray(a.indices), axis=a.axis)),
    "swapaxes": (("x",), lambda a: lambda x: pnp.swapaxes(x, a.axis1, a.axis2)),
    "moveaxis": (("x",), lambda a: lambda x: pnp.moveaxis(x, a.source, a.destination)),
    "stop_gradient": (("variable",), lambda a: pnp.stop_gradient),
    "normalize": (("x",), _norm),
    "round": (("x",), _rounded),
}


def _shape(x: Any, new: Any) -> tuple[Any, ...]:
    """A shape in which the first -1 is the rows where x has them."""
    dims = tuple(new)
    rows = x.shape[0] if len(x.shape) else None
    if dims and dims[0] in (-1, None) and dims.count(-1) <= 1 and not isinstance(rows, int):
        return (rows, *dims[1:])
    return dims


_MADE = {
    name: function_of(name, *row)
    for name, row in {**ROWS, **ops_arrays.ROWS, **ops_nn.ROWS, **ops_shapes.ROWS}.items()
}
_MADE |= {name: several_of(name, *row) for name, row in ops_shapes.SEVERAL.items()}


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """As keras.ops.einsum."""
    if kwargs:
        arguments.refuse("ops.einsum", *next(iter(kwargs.items())))
    if not isinstance(subscripts, str):
        raise ArgumentError(
            "keras.ops.einsum", f"subscripts must be text, got {subscripts!r}", "Write 'ij,jk->ik'."
        )
    if not operands:
        raise ArgumentError("keras.ops.einsum", "operands must be one or more, got none")
    for one in operands:
        check_tensor("ops.einsum", "operands", one)
    try:
        return applied(lambda *xs: pnp.einsum(subscripts, *xs), operands, {}, "einsum")
    except PellucidError as error:
        found = error
    problem = f"subscripts={subscripts!r} and operands: {found.problem}"
    raise type(found)("keras.ops.einsum", problem, found.fix, line=found.line)


def shape(x: Any) -> Any:
    """The shape of x, with None for the rows of a network."""
    check_tensor("ops.shape", "x", x)
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """x as an array, or as it is where it stands for numbers of a network."""
    where = "ops.convert_to_tensor"
    for name, value in (("sparse", sparse), ("ragged", ragged)):
        if value is not None:
            arguments.refuse(where, name, value)
    check_tensor(where, "x", x)
    if is_symbolic(x) or isinstance(x, Value):
        return x
    try:
        made = np.asarray(x, dtype)
    except (TypeError, ValueError, OverflowError):
        made = np.asarray(None)
    if made.dtype.kind not in "biuf":
        raise ArgumentError(
            f"keras.{where}", f"dtype must be one of numbers that holds x, got {dtype!r}"
        )
    return made


def array(x: Any, dtype: Any = None) -> Any:
    """As `convert_to_tensor`."""
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Any) -> Any:
    """x as an array."""
    check_tensor("ops.convert_to_numpy", "x", x)
    return np.asarray(x)


_OWN = {
    **ops_made.FUNCTIONS,
    "meshgrid": ops_shapes.meshgrid,
    "array": array,
    "einsum": einsum,
    "shape": shape,
    "convert_to_tensor": convert_to_tensor,
    "convert_to_numpy": convert_to_numpy,
}
KNOWN = arguments.aliases("ops", {**_MADE, **_OWN})
globals().update(KNOWN)
__all__ = sorted(KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("ops", __all__)
