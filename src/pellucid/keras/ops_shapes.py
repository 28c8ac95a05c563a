"""keras.ops that put numbers elsewhere: pads, slices, pieces; those with several results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras.arguments import Arguments, must_be, refuse
from pellucid.keras.blame import shown
from pellucid.keras.operands import check_tensor
from pellucid.keras.ops_arrays import Make, Row, axes, flattened, unary
from pellucid.keras.tensors import flat
from pellucid.ops.composite.base import as_float, asvalue

_PIECES = 10_000  # of an axis, some of them empty
_MODES = {"symmetric": "symmetric", "reflect": "reflect"}


def _pad(a: Arguments) -> Callable[..., Any]:
    a.only("mode", "constant", *_MODES)
    width, mode, value = a.pad_width, a.mode, a.constant_values
    listed = width.tolist() if isinstance(width, np.ndarray) else width
    if not all(isinstance(one, (int, np.integer)) and one >= 0 for one in flat(listed)):
        raise ArgumentError(
            "keras.ops.pad",
            "pad_width must be a whole number from 0 on, or a pair (before, behind) for each axis, "
            f"got {shown(width)}",
        )

    def padded(x: Any) -> Any:
        rank = len(x.shape)
        pairs: Any = [width] * rank if isinstance(width, int) else list(width)
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


def _places(a: Arguments, name: str, x: Any) -> list[Any]:
    """The entries of an argument that has one for each axis of x."""
    given = getattr(a, name)
    each = list(given) if isinstance(given, (list, tuple, np.ndarray)) else None
    if each is None or len(each) != len(x.shape) or any(_no_place(one) for one in each):
        raise ArgumentError(
            f"keras.{a.where_}",
            f"{name} must have a whole number for each of the {len(x.shape)} axes, "
            f"got {shown(given)}",
        )
    return each


def _no_place(one: Any) -> bool:
    return isinstance(one, (bool, float, complex, str, bytes, list, tuple, dict, np.ndarray))


def _sliced(a: Arguments) -> Callable[..., Any]:
    def part(x: Any) -> Any:
        starts, shape = (_places(a, name, x) for name in ("start_indices", "shape"))
        return x[tuple(_span(*one) for one in zip(starts, shape, x.shape, strict=True))]

    return part


def _span(start: Any, count: Any, rows: Any) -> slice:
    """A slice of an axis; all rows are meant by None and -1, as the shape of x says them."""
    if not isinstance(rows, int) and start == 0 and (count in (None, -1) or count is rows):
        return slice(None)
    return slice(start, start + count)


def _slice_updated(a: Arguments) -> Callable[..., Any]:
    def updated(x: Any, updates: Any) -> Any:
        starts, updates = _places(a, "start_indices", x), asvalue(updates)
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


def _image(a: Arguments, x: Any) -> tuple[Any, ...]:
    """The shape of images."""
    if len(np.shape(x) if isinstance(x, (int, float)) else x.shape) != 4:
        raise ShapeError(
            f"keras.{a.where_}", f"x must be (N, height, width, channels), got {shown(x)}"
        )
    size = integer(f"keras.{a.where_}", "block_size", a.block_size, 1)
    factor = size if a.where_.endswith("to_depth") else size * size
    for length in x.shape[1:3] if a.where_.endswith("to_depth") else x.shape[3:]:
        if length % factor:
            raise ShapeError(
                f"keras.{a.where_}", f"block_size must divide {tuple(x.shape)}, got {size}"
            )
    return tuple(x.shape)


def _space_to_depth(a: Arguments) -> Callable[..., Any]:
    a.only("data_format", "channels_last", None)
    size = a.block_size

    def moved(x: Any) -> Any:
        rows, height, width, channels = _image(a, x)
        x = pnp.reshape(x, (rows, height // size, size, width // size, size, channels))
        x = pnp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return pnp.reshape(x, (rows, height // size, width // size, size * size * channels))

    return moved


def _depth_to_space(a: Arguments) -> Callable[..., Any]:
    a.only("data_format", "channels_last", None)
    size = a.block_size

    def moved(x: Any) -> Any:
        rows, height, width, channels = _image(a, x)
        own = channels // (size * size)
        x = pnp.reshape(x, (rows, height, width, size, size, own))
        x = pnp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return pnp.reshape(x, (rows, height * size, width * size, own))

    return moved


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
        return lambda x, y: pnp.concat([flattened(x), flattened(y)], axis=0)
    return lambda x, y: pnp.concat([asvalue(x), asvalue(y)], axis=axis)


ROWS: dict[str, Row] = {
    "pad": (("x",), _pad),
    "tile": (("x",), lambda a: lambda x: _tiled(x, a.repeats)),
    "slice": (("inputs",), _sliced),
    "slice_update": (("inputs", "updates"), _slice_updated),
    "append": (("x1", "x2"), _appended),
    "vstack": (("xs",), unary(_joined(0, 2))),
    "hstack": (("xs",), unary(_joined(1, 1))),
    "space_to_depth": (("x",), _space_to_depth),
    "depth_to_space": (("x",), _depth_to_space),
}


# Functions with several results: how many there are, and all of them.
def _pieces(length: int, given: Any, even: bool, where: str) -> list[int]:
    """The borders between the pieces of an axis."""
    name = "indices_or_sections"
    if not isinstance(given, int):
        return [integer(f"keras.ops.{where}", name, one) for one in given]
    integer(f"keras.ops.{where}", name, given, 1, max(length, _PIECES))
    if even and length % given:
        raise ArgumentError(
            f"keras.ops.{where}",
            f"an axis of {length} must part into {given}, got a rest with {name}={given}",
            "array_split makes pieces of several lengths.",
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
    if not isinstance(indexing, str) or indexing not in ("xy", "ij"):
        must_be("ops.meshgrid", "indexing", indexing, ("xy", "ij"))
    for one in x:
        check_tensor("ops.meshgrid", "x", one)
    values = [flattened(one) for one in x]
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
