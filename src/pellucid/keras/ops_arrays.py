"""keras.ops of NumPy's kind: rows of functions that `pellucid.numpy` has, or that a line makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError
from pellucid.keras.arguments import Arguments, refuse
from pellucid.ops.composite.base import as_float, asvalue
from pellucid.ops.value import Value

Make = Callable[[Arguments], Callable[..., Any]]
Row = tuple[tuple[str, ...], Make]


def unary(function: Callable[..., Any]) -> Make:
    return lambda a: function


def reduced(name: str) -> Row:
    """A function with an axis and keepdims."""
    return ("x",), lambda a: (
        lambda x: getattr(pnp, name)(x, axis=axes(a.axis), keepdims=a.keepdims)
    )


def axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _flat(x: Any) -> Value:
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
    return pnp.sum(_flat(x) * _flat(y))


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


_MODES = {"symmetric": "symmetric", "reflect": "reflect"}


def _pad(a: Arguments) -> Callable[..., Any]:
    a.only("mode", "constant", *_MODES)
    width, mode, value = a.pad_width, a.mode, a.constant_values

    def padded(x: Any) -> Any:
        rank = len(x.shape)
        pairs = [width] * rank if isinstance(width, int) else list(width)
        pairs = pairs * rank if len(pairs) == 1 else pairs
        if len(pairs) == 2 and rank != 2 and all(isinstance(one, int) for one in pairs):
            pairs = [tuple(pairs)] * rank
        pairs = [(one, one) if isinstance(one, int) else tuple(one) for one in pairs]
        if mode == "constant":
            fill = 0.0 if value is None else value
            return pnp.pad(as_float(x), fill, [one[0] for one in pairs], [one[1] for one in pairs])
        for axis, (low, high) in enumerate(pairs):
            if low or high:
                count = int(x.shape[axis])
                places = np.pad(np.arange(count), (low, high), mode=mode)
                x = pnp.take(x, places, axis=axis)
        return x

    return padded


def _tiled(x: Any, repeats: Any) -> Any:
    return pnp.tile(x, repeats if isinstance(repeats, int) else tuple(repeats))


def _sliced(a: Arguments) -> Callable[..., Any]:
    starts, shape = list(a.start_indices), list(a.shape)

    def part(x: Any) -> Any:
        return x[tuple(_span(*one) for one in zip(starts, shape, x.shape, strict=True))]

    return part


def _span(start: Any, count: Any, rows: Any) -> slice:
    """A slice of an axis; all rows are meant by None and -1, as the shape of x says them."""
    if not isinstance(rows, int) and start == 0 and (count in (None, -1) or count is rows):
        return slice(None)
    return slice(start, start + count)


def _slice_updated(a: Arguments) -> Callable[..., Any]:
    starts = list(a.start_indices)

    def updated(x: Any, updates: Any) -> Any:
        updates = asvalue(updates)
        masks, low, high = [], [], []
        for start, count, length in zip(starts, updates.type.shape, x.shape, strict=True):
            if count is length or count == length:
                low.append(0)
                high.append(0)
                continue
            low.append(start)
            high.append(length - start - count)
            masks.append((len(low) - 1, start, start + count, length))
        moved = pnp.pad(updates, 0, low, high)
        inside: Any = None
        for axis, first, end, length in masks:
            places = np.arange(length)
            row = ((places >= first) & (places < end)).reshape(
                [-1 if n == axis else 1 for n in range(len(low))]
            )
            inside = row if inside is None else inside & row
        return moved if inside is None else pnp.where(inside, moved, x)

    return updated


def _searched(a: Arguments) -> Callable[..., Any]:
    a.only("side", "left", "right")
    right = a.side == "right"

    def found(edges: Any, values: Any) -> Any:
        edges, values = asvalue(edges), asvalue(values)[..., None]
        below = edges <= values if right else edges < values
        return pnp.sum(pnp.astype(below, pnp.int32), axis=-1)

    return found


def _digitized(a: Arguments) -> Callable[..., Any]:
    edges = np.asarray(a.bins)
    return lambda x: pnp.sum(pnp.astype(asvalue(x)[..., None] >= edges, pnp.int32), axis=-1)


def _isin(a: Arguments) -> Callable[..., Any]:
    a.read_.add("assume_unique")
    other = a.invert

    def found(x: Any, y: Any) -> Any:
        inside = pnp.any(asvalue(x)[..., None] == _flat(y), axis=-1)
        return pnp.logical_not(inside) if other else inside

    return found


def _trapezoid(a: Arguments) -> Callable[..., Any]:
    step, axis = a.dx, a.axis
    at = None if a.x is None else np.asarray(a.x)

    def area(y: Any) -> Any:
        y = pnp.moveaxis(as_float(y), axis, -1)
        widths = step if at is None else np.diff(at)
        return pnp.sum((y[..., 1:] + y[..., :-1]) * widths * 0.5, axis=-1)

    return area


def _vander(a: Arguments) -> Callable[..., Any]:
    rising = a.increasing

    def powers(x: Any) -> Any:
        count = int(x.shape[0] if a.N is None else a.N)
        exponents = range(count) if rising else range(count - 1, -1, -1)
        return pnp.stack([pnp.ones_like(x) if k == 0 else x**k for k in exponents], axis=-1)

    return powers



def _space_to_depth(a: Arguments) -> Callable[..., Any]:
    a.only("data_format", "channels_last", None)
    size = a.block_size

    def moved(x: Any) -> Any:
        rows, height, width, channels = x.shape
        x = pnp.reshape(x, (rows, height // size, size, width // size, size, channels))
        x = pnp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return pnp.reshape(x, (rows, height // size, width // size, size * size * channels))

    return moved


def _depth_to_space(a: Arguments) -> Callable[..., Any]:
    a.only("data_format", "channels_last", None)
    size = a.block_size

    def moved(x: Any) -> Any:
        rows, height, width, channels = x.shape
        own = channels // (size * size)
        x = pnp.reshape(x, (rows, height, width, size, size, own))
        x = pnp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return pnp.reshape(x, (rows, height * size, width * size, own))

    return moved


def _cumulative(name: str) -> Row:
    def make(a: Arguments) -> Callable[..., Any]:
        a.only("dtype", None)
        return lambda x: getattr(pnp, name)(
            x if a.axis is not None else _flat(x), axis=a.axis or 0
        )

    return ("x",), make


def _ptp(a: Arguments) -> Callable[..., Any]:
    how = {"axis": axes(a.axis), "keepdims": a.keepdims}
    return lambda x: pnp.max(x, **how) - pnp.min(x, **how)


def _quantile(name: str) -> Row:
    return ("x",), lambda a: (
        lambda x: getattr(pnp, name)(
            as_float(x), a.q, axis=axes(a.axis), method=a.method, keepdims=a.keepdims
        )
    )


def _diag(a: Arguments) -> Callable[..., Any]:
    return lambda x: pnp.diag(x, a.k)


def _identity(x: Any) -> Any:
    return asvalue(x)


def _joined(axis: int, least: int) -> Callable[..., Any]:
    def make(xs: Sequence[Any]) -> Any:
        parts = [asvalue(one) for one in xs]
        parts = [
            pnp.reshape(one, (1,) * (least - len(one.type.shape)) + tuple(one.type.shape))
            if least == 2 and len(one.type.shape) < 2
            else one
            for one in parts
        ]
        along = axis if len(parts[0].type.shape) > axis else 0
        return pnp.concat(parts, axis=along)

    return make


def _appended(a: Arguments) -> Callable[..., Any]:
    axis = a.axis
    if axis is None:
        return lambda x, y: pnp.concat([_flat(x), _flat(y)], axis=0)
    return lambda x, y: pnp.concat([asvalue(x), asvalue(y)], axis=axis)


def _select(a: Arguments) -> Callable[..., Any]:
    return lambda conditions, choices: pnp.select(list(conditions), list(choices), a.default)


def _full_like(a: Arguments) -> Callable[..., Any]:
    a.only("dtype", None)
    return lambda x: pnp.full_like(x, a.fill_value)


def _psnr(a: Arguments) -> Callable[..., Any]:
    top = 20 * math.log10(a.max_val)
    return lambda x, y: top - 10 * pnp.log10(pnp.mean(pnp.square(as_float(x) - y)))


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
            "ravel": _flat, "fliplr": lambda x: pnp.flip(x, axis=1),
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
    "pad": (("x",), _pad),
    "tile": (("x",), lambda a: lambda x: _tiled(x, a.repeats)),
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
    "slice": (("inputs",), _sliced),
    "slice_update": (("inputs", "updates"), _slice_updated),
    "append": (("x1", "x2"), _appended),
    "vstack": (("xs",), unary(_joined(0, 2))),
    "hstack": (("xs",), unary(_joined(1, 1))),
    "trapezoid": (("y",), _trapezoid),
    "vander": (("x",), _vander),
    "space_to_depth": (("x",), _space_to_depth),
    "depth_to_space": (("x",), _depth_to_space),
    "psnr": (("x1", "x2"), _psnr),
    "get_item": (("x",), lambda a: lambda x: x[a.key]),
}  # fmt: skip


# Functions with several results: how many there are, and all of them.
def _pieces(length: int, given: Any, even: bool, where: str) -> list[int]:
    """The borders between the pieces of an axis."""
    if not isinstance(given, int):
        return [int(one) for one in given]
    if even and length % given:
        raise ArgumentError(
            f"keras.ops.{where}", f"an axis of {length} must part into {given}, got a rest"
        )
    size, more = divmod(length, given)
    counts = [size + (n < more) for n in range(given)]
    return [sum(counts[: n + 1]) for n in range(given - 1)]


def _split(where: str, axis: int | None = None) -> Make:
    def make(a: Arguments) -> Callable[..., Any]:
        along = a.axis if axis is None else axis
        given = a.indices_or_sections

        def parts(x: Any) -> Any:
            own = along if axis is None or len(x.shape) > axis else 0
            borders = _pieces(int(x.shape[own]), given, where != "array_split", where)
            return pnp.split(x, borders, axis=own)

        return parts

    return make


def _moments(a: Arguments) -> Callable[..., Any]:
    a.only("synchronized", False)
    how = {"axis": axes(a.axes), "keepdims": a.keepdims}
    return lambda x: [pnp.mean(x, **how), pnp.var(x, **how)]


def _unstacked(a: Arguments) -> Callable[..., Any]:
    def parts(x: Any) -> Any:
        if a.num not in (None, x.shape[a.axis]):
            refuse("ops.unstack", "num", a.num, f"the axis has {x.shape[a.axis]}")
        return pnp.unstack(x, axis=a.axis)

    return parts


def _top_k(a: Arguments) -> Callable[..., Any]:
    a.read_.add("sorted")

    def best(x: Any) -> Any:
        order = pnp.argsort(x, axis=-1, descending=True)[..., : a.k]
        return [pnp.take_along_axis(x, order, axis=-1), pnp.astype(order, pnp.int32)]

    return best


SEVERAL: dict[str, Row] = {
    "split": (("x",), _split("split")),
    "array_split": (("x",), _split("array_split")),
    "vsplit": (("x",), _split("vsplit", 0)),
    "hsplit": (("x",), _split("hsplit", 1)),
    "dsplit": (("x",), _split("dsplit", 2)),
    "unstack": (("x",), _unstacked),
    "moments": (("x",), _moments),
    "top_k": (("x",), _top_k),
}


def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """As keras.ops.meshgrid."""
    if indexing not in ("xy", "ij"):
        refuse("ops.meshgrid", "indexing", indexing, '"xy" or "ij"')
    values = [_flat(one) for one in x]
    order = list(range(len(values)))
    if indexing == "xy" and len(values) > 1:
        order[:2] = [1, 0]
    sizes = [values[n].type.shape[0] for n in order]
    found = []
    for n, value in enumerate(values):
        shape: list[Any] = [1] * len(values)
        shape[order.index(n)] = value.type.shape[0]
        found.append(pnp.broadcast_to(pnp.reshape(value, tuple(shape)), tuple(sizes)))
    return found


