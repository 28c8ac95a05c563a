"""keras.ops of NumPy's kind: rows of functions that `pellucid.numpy` has, or that a line makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras.arguments import Arguments, refuse
from pellucid.keras.blame import shown
from pellucid.keras.operands import check_tensor
from pellucid.ops.composite.base import as_float, asvalue
from pellucid.ops.value import Value

Make = Callable[[Arguments], Callable[..., Any]]
Row = tuple[tuple[str, ...], Make]
_POWERS = 10_000  # of vander, each of which is a node


def unary(function: Callable[..., Any]) -> Make:
    return lambda a: function


def reduced(name: str) -> Row:
    """A function with an axis and keepdims."""
    return ("x",), lambda a: lambda x: getattr(pnp, name)(x, axis=axes(a.axis), keepdims=a.keepdims)


def axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def flattened(x: Any) -> Value:
    value = asvalue(x)
    return value if len(value.type.shape) == 1 else pnp.reshape(value, (-1,))


def divide_no_nan(x: Any, y: Any) -> Any:
    nothing = asvalue(y) == 0
    return pnp.where(nothing, 0.0, x / pnp.where(nothing, 1.0, y))


def _other_where_nan(name: str) -> Callable[[Any, Any], Any]:
    def chosen(x: Any, y: Any) -> Any:
        found = getattr(pnp, name)(x, y)
        return pnp.where(pnp.isnan(x), y, pnp.where(pnp.isnan(y), x, found))

    return chosen


def _cbrt(x: Any) -> Any:
    x = as_float(x)
    return pnp.sign(x) * pnp.pow(abs(x), 1 / 3)


def _heaviside(x: Any, y: Any) -> Any:
    return pnp.where(x == 0, y, pnp.where(x > 0, 1.0, pnp.where(pnp.isnan(x), x, 0.0)))


def _vdot(x: Any, y: Any) -> Any:
    return pnp.sum(flattened(x) * flattened(y))


def _isclose(a: Arguments) -> Callable[..., Any]:
    relative, absolute, same = a.rtol, a.atol, a.equal_nan

    def close(x: Any, y: Any) -> Any:
        x, y = as_float(x), as_float(y)
        near = abs(x - y) <= absolute + relative * abs(y)
        found = pnp.where(pnp.isfinite(x) & pnp.isfinite(y), near, x == y)
        return pnp.where(pnp.isnan(x) & pnp.isnan(y), True, found) if same else found

    return close


def _allclose(a: Arguments) -> Callable[..., Any]:
    close = _isclose(a)
    return lambda x, y: pnp.all(close(x, y))


def _average(x: Any, weights: Any, axis: Any) -> Any:
    if weights is None:
        return pnp.mean(x, axis=axis)
    w = as_float(weights)
    if not w.type.shape or len(w.type.shape) > len(x.shape):
        raise ShapeError(
            "keras.ops.average",
            f"weights must have the axes of x or one axis, got {w.type.shape} for {x.shape}",
        )
    if len(w.type.shape) < len(x.shape):
        if not isinstance(axis, int):
            raise ArgumentError("keras.ops.average", "weights of one axis need axis, a number")
        shape = [1] * len(x.shape)
        shape[axis] = -1
        w = pnp.reshape(w, tuple(shape))
    return pnp.sum(x * w, axis=axis) / pnp.sum(pnp.broadcast_to(w, x.shape), axis=axis)


def _norm(a: Arguments) -> Callable[..., Any]:
    order, axis, keepdims = a.ord, axes(a.axis), a.keepdims

    def norm(x: Any) -> Any:
        x = as_float(x)
        if axis is None and order is None:
            found = pnp.sqrt(pnp.sum(pnp.square(x)))
            return pnp.reshape(found, (1,) * len(x.type.shape)) if keepdims else found
        rank = len(x.type.shape)
        over = tuple(range(rank)) if axis is None else axis
        if isinstance(over, int) or len(over) == 1:
            only = over if isinstance(over, int) else over[0]
            how = 2 if order is None else order
            return pnp.vector_norm(x, axis=only, keepdims=keepdims, ord=how)
        if len(over) != 2:
            raise ArgumentError("keras.ops.norm", f"axis must be one or two, got {axis!r}")
        if order in (None, "fro"):
            return pnp.sqrt(pnp.sum(pnp.square(x), axis=over, keepdims=keepdims))
        if tuple(one % rank for one in over) != (rank - 2, rank - 1):
            refuse("ops.norm", "axis", axis, "of matrices the last two axes: (-2, -1)")
        return pnp.matrix_norm(x, ord=order, keepdims=keepdims)

    return norm


def _one_axis(where: str, name: str, shape: Any) -> None:
    if len(shape) != 1:
        raise ShapeError(f"keras.ops.{where}", f"{name} must have one axis, got {shape}")


def _searched(a: Arguments) -> Callable[..., Any]:
    a.only("side", "left", "right")
    right = a.side == "right"

    def found(edges: Any, values: Any) -> Any:
        edges = asvalue(edges)
        _one_axis("searchsorted", "sorted_sequence", edges.type.shape)
        values = pnp.expand_dims(values, -1)
        below = edges <= values if right else edges < values
        return pnp.sum(pnp.astype(below, pnp.int32), axis=-1)

    return found


def _digitized(a: Arguments) -> Callable[..., Any]:
    check_tensor("ops.digitize", "bins", a.bins)
    edges = np.asarray(a.bins)
    _one_axis("digitize", "bins", edges.shape)
    return lambda x: pnp.sum(pnp.astype(pnp.expand_dims(x, -1) >= edges, pnp.int32), axis=-1)


def _isin(a: Arguments) -> Callable[..., Any]:
    a.read_.add("assume_unique")
    other = a.invert

    def found(x: Any, y: Any) -> Any:
        inside = pnp.any(pnp.expand_dims(x, -1) == flattened(y), axis=-1)
        return pnp.logical_not(inside) if other else inside

    return found


def _trapezoid(a: Arguments) -> Callable[..., Any]:
    step, axis = a.dx, a.axis
    if a.x is not None:
        check_tensor("ops.trapezoid", "x", a.x)
    at = None if a.x is None else np.asarray(a.x)

    def area(y: Any) -> Any:
        y = pnp.moveaxis(as_float(y), axis, -1)
        widths = step if at is None else np.diff(at)
        return pnp.sum((y[..., 1:] + y[..., :-1]) * widths * 0.5, axis=-1)

    return area


def _vander(a: Arguments) -> Callable[..., Any]:
    rising = a.increasing

    def powers(x: Any) -> Any:
        count = integer("keras.ops.vander", "N", x.shape[0] if a.N is None else a.N, 0, _POWERS)
        exponents = range(count) if rising else range(count - 1, -1, -1)
        return pnp.stack([pnp.ones_like(x) if k == 0 else x**k for k in exponents], axis=-1)

    return powers


def _cumulative(name: str) -> Row:
    def make(a: Arguments) -> Callable[..., Any]:
        a.only("dtype", None)
        return lambda x: getattr(pnp, name)(
            x if a.axis is not None else flattened(x), axis=a.axis or 0
        )

    return ("x",), make


def _ptp(a: Arguments) -> Callable[..., Any]:
    how = {"axis": axes(a.axis), "keepdims": a.keepdims}
    return lambda x: pnp.max(x, **how) - pnp.min(x, **how)


def _quantile(name: str) -> Row:
    return (
        ("x",),
        lambda a: (
            lambda x: getattr(pnp, name)(
                as_float(x), a.q, axis=axes(a.axis), method=a.method, keepdims=a.keepdims
            )
        ),
    )


def _diag(a: Arguments) -> Callable[..., Any]:
    return lambda x: pnp.diag(x, a.k)


def _identity(x: Any) -> Any:
    return asvalue(x)


def _select(a: Arguments) -> Callable[..., Any]:
    for name in ("condlist", "choicelist"):
        given = getattr(a, name)
        if not isinstance(given, (list, tuple)) or not len(given):
            raise ArgumentError(
                "keras.ops.select", f"{name} must be a list of arrays, got {shown(given)}"
            )
    return lambda conditions, choices: pnp.select(list(conditions), list(choices), a.default)


def _full_like(a: Arguments) -> Callable[..., Any]:
    a.only("dtype", None)
    return lambda x: pnp.full_like(x, a.fill_value)


def _psnr(a: Arguments) -> Callable[..., Any]:
    top = 20 * math.log10(a.max_val)
    return lambda x, y: top - 10 * pnp.log10(pnp.mean(pnp.square(as_float(x) - y)))


def _item(a: Arguments) -> Callable[..., Any]:
    parts = a.key if isinstance(a.key, tuple) else (a.key,)
    if any(isinstance(one, (str, bytes, float, dict)) for one in parts):
        raise ArgumentError(
            "keras.ops.get_item",
            f"key must be whole numbers, slices or arrays of whole numbers, got {shown(a.key)}",
        )
    return lambda x: x[a.key]


ROWS: dict[str, Row] = {
    **{
        name: (("x",), unary(function))
        for name, function in {
            "arccos": pnp.acos, "arccosh": pnp.acosh, "arcsin": pnp.asin, "arcsinh": pnp.asinh,
            "arctan": pnp.atan, "arctanh": pnp.atanh, "exp2": pnp.exp2, "fabs": pnp.abs,
            "trunc": pnp.trunc, "sinc": pnp.sinc, "signbit": pnp.signbit, "cbrt": _cbrt,
            "deg2rad": lambda x: as_float(x) * (math.pi / 180),
            "rad2deg": lambda x: as_float(x) * (180 / math.pi),
            "conj": _identity, "real": _identity, "copy": _identity,
            "isneginf": lambda x: as_float(x) == -math.inf,
            "isposinf": lambda x: as_float(x) == math.inf,
            "isreal": lambda x: pnp.equal(pnp.isnan(x), pnp.isnan(x)),
            "ravel": flattened, "fliplr": lambda x: pnp.flip(x, axis=1),
            "flipud": lambda x: pnp.flip(x, axis=0),
        }.items()
    },
    **{
        name: (("x1", "x2"), unary(function))
        for name, function in {
            "arctan2": pnp.atan2, "hypot": pnp.hypot, "inner": pnp.inner, "kron": pnp.kron,
            "logaddexp2": pnp.logaddexp2, "logical_xor": pnp.logical_xor, "fmod": pnp.fmod,
            "divide_no_nan": divide_no_nan, "fmax": _other_where_nan("maximum"),
            "fmin": _other_where_nan("minimum"), "heaviside": _heaviside, "vdot": _vdot,
            "ldexp": lambda x, y: as_float(x) * pnp.exp2(as_float(y)),
        }.items()
    },
    **{
        name: reduced(name)
        for name in (
            *("median", "nanmax", "nanmin", "nanmean", "nanprod", "nanstd", "nansum", "nanvar"),
        )
    },
    "isclose": (("x1", "x2"), _isclose),
    "allclose": (("x1", "x2"), _allclose),
    "average": (("x", "weights"), lambda a: lambda x, w: _average(as_float(x), w, axes(a.axis))),
    "count_nonzero": (("x",), lambda a: lambda x: pnp.count_nonzero(x, axis=axes(a.axis))),
    "quantile": _quantile("quantile"),
    "percentile": _quantile("percentile"),
    "ptp": (("x",), _ptp),
    "norm": (("x",), _norm),
    "cumprod": _cumulative("cumulative_prod"),
    "nancumsum": _cumulative("nancumsum"),
    "nancumprod": _cumulative("nancumprod"),
    "sort": (("x",), lambda a: lambda x: pnp.sort(x, axis=a.axis)),
    "argsort": (("x",), lambda a: lambda x: pnp.argsort(x, axis=a.axis)),
    "searchsorted": (("sorted_sequence", "values"), _searched),
    "digitize": (("x",), _digitized),
    "isin": (("x1", "x2"), _isin),
    "broadcast_to": (("x",), lambda a: lambda x: pnp.broadcast_to(x, tuple(a.shape))),
    "rot90": (("array",), lambda a: lambda x: pnp.rot90(x, a.k, a.axes)),
    "tril": (("x",), lambda a: lambda x: pnp.tril(x, a.k)),
    "triu": (("x",), lambda a: lambda x: pnp.triu(x, a.k)),
    "diag": (("x",), _diag),
    "diagonal": (("x",), lambda a: lambda x: pnp.diagonal(x, a.offset, a.axis1, a.axis2)),
    "trace": (("x",), lambda a: lambda x: pnp.trace(x, a.offset, a.axis1, a.axis2)),
    "diff": (("a",), lambda a: lambda x: pnp.diff(x, a.n, a.axis)),
    "tensordot": (("x1", "x2"), lambda a: lambda x, y: pnp.tensordot(x, y, a.axes)),
    "cross": (("x1", "x2"), lambda a: lambda x, y: pnp.cross(
        x, y, *((a.axisa, a.axisb, a.axisc) if a.axis is None else (a.axis,) * 3))),
    "take_along_axis": (("x", "indices"), lambda a: lambda x, i: pnp.take_along_axis(
        x, i, axis=a.axis)),
    "select": (("condlist", "choicelist"), _select),
    "nan_to_num": (("x",), lambda a: lambda x: pnp.nan_to_num(x, a.nan, a.posinf, a.neginf)),
    "full_like": (("x",), _full_like),
    "trapezoid": (("y",), _trapezoid),
    "vander": (("x",), _vander),
    "psnr": (("x1", "x2"), _psnr),
    "get_item": (("x",), _item),
}  # fmt: skip
