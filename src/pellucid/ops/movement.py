"""Rows that move elements and compute nothing: reshape, permute, broadcast, slice, pad, windows."""

from __future__ import annotations

from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Batch, Dim, Shape
from pellucid.graph.node import TensorType
from pellucid.ops.spec import ANY, NUMBERS, Kind, Linear, Op, check_dtype, register, same_dtype
from pellucid.ops.value import Value, apply, number, zeros_like

Ints = tuple[int, ...]


_LARGEST_STEP = 2**31 - 1  # times a stride in bytes it still is one


def _movement(name: str, attrs: tuple[str, ...], type_rule: Any, **rest: Any) -> Op:
    inputs = rest.pop("inputs", ("x",))
    return register(
        Op(
            name,
            Kind.MOVEMENT,
            inputs,
            attrs,
            type_rule,
            exact=rest.pop("exact", True),
            samples=((-3, 3),) * len(inputs),
            accepts=rest.pop("accepts", ANY),
            **rest,
        )
    )


def _whole(where: str, name: str, dim: Dim) -> int:
    if isinstance(dim, Batch):
        raise ShapeError(
            where,
            f"{name} must be an axis of known length, got the batch axis {dim!r}",
            "The rows of a batch stay together; choose another axis.",
        )
    return dim


def _reshape_type(x: TensorType, shape: Shape) -> TensorType:
    return TensorType(x.dtype, shapes.reshaped("reshape", x.shape, shape))


reshape = _movement(
    "reshape",
    ("shape",),
    _reshape_type,
    forward=lambda xp, x, shape: xp.reshape(x, shape),
    derivative=Linear((lambda ct, x, shape: apply("reshape", ct, shape=x.type.shape),)),
    formula=r"\operatorname{reshape} x",
    doc="The same elements in row-major order, new axes.",
)


def _permute_type(x: TensorType, axes: Ints) -> TensorType:
    if sorted(axes) != list(range(len(x.shape))):
        raise ArgumentError(
            "permute_dims", f"axes must be an order of {len(x.shape)} axes, got {axes}"
        )
    return TensorType(x.dtype, tuple(x.shape[i] for i in axes))


def _permute_back(ct: Value, x: Value, axes: Ints) -> Value:
    back = tuple(axes.index(i) for i in range(len(axes)))
    result: Value = apply("permute_dims", ct, axes=back)
    return result


permute_dims = _movement(
    "permute_dims",
    ("axes",),
    _permute_type,
    forward=lambda xp, x, axes: xp.permute_dims(x, axes),
    derivative=Linear((_permute_back,)),
    formula=r"x^{\mathsf T}",
    doc="The same elements with axes in another order.",
)


def _broadcast_type(x: TensorType, shape: Shape) -> TensorType:
    if shapes.broadcast("broadcast_to", x.shape, shapes.check("broadcast_to", shape)) != shape:
        raise ShapeError(
            "broadcast_to",
            f"x must broadcast to {shapes.text(shape)}, got {shapes.text(x.shape)}",
        )
    return TensorType(x.dtype, shape)


broadcast_to = _movement(
    "broadcast_to",
    ("shape",),
    _broadcast_type,
    forward=lambda xp, x, shape: xp.broadcast_to(x, shape),
    derivative=Linear((lambda ct, x, shape: ct,)),  # the engine un-broadcasts
    formula="x",
    doc="x repeated along new axes and along axes of length 1.",
)


def _slice_type(x: TensorType, start: Ints, stop: tuple[Dim, ...], step: Ints) -> TensorType:
    if not len(start) == len(stop) == len(step) == len(x.shape):
        raise ArgumentError("slice", f"start, stop and step need {len(x.shape)} entries each")
    dims: list[Dim] = []
    for dim, first, last, stride in zip(x.shape, start, stop, step, strict=True):
        if isinstance(dim, Batch) or isinstance(last, Batch):
            if (first, last, stride) != (0, dim, 1):
                raise ShapeError(
                    "slice",
                    f"the batch axis {dim!r} must stay whole, got [{first}:{last}:{stride}]",
                    "Take the rows before the call instead.",
                )
            dims.append(dim)
            continue
        if not 0 <= first <= last <= dim or stride < 1:
            raise ArgumentError(
                "slice", f"must have 0 ≤ start ≤ stop ≤ {dim}, got [{first}:{last}:{stride}]"
            )
        dims.append(-((first - last) // stride))
    return TensorType(x.dtype, tuple(dims))


def _slice_back(ct: Value, x: Value, start: Ints, stop: tuple[Dim, ...], step: Ints) -> Value:
    high = []
    for dim, kept, first, stride in zip(x.type.shape, ct.type.shape, start, step, strict=True):
        if isinstance(dim, Batch) or isinstance(kept, Batch):
            high.append(0)
        else:
            used = first + (kept - 1) * stride + 1 if kept else first
            high.append(dim - used)
    interior = tuple(stride - 1 for stride in step)
    zero = number(0, ct.type.dtype)
    result: Value = apply("pad", ct, zero, low=start, high=tuple(high), interior=interior)
    return result


slice = _movement(
    "slice",
    ("start", "stop", "step"),
    _slice_type,
    forward=lambda xp, x, start, stop, step: xp.getitem(x, start, stop, step),
    derivative=Linear((_slice_back,)),
    formula=r"x_{a:b:s}",
    doc="A rectangular part of x, every step-th element of each axis.",
)


def _flip_type(x: TensorType, axis: Ints) -> TensorType:
    if axis != shapes.axes("flip", axis, len(x.shape)):
        raise ArgumentError("flip", f"axis must be increasing from the front, got {axis}")
    return x


flip = _movement(
    "flip",
    ("axis",),
    _flip_type,
    forward=lambda xp, x, axis: xp.flip(x, axis=axis),
    derivative=Linear((lambda ct, x, axis: apply("flip", ct, axis=axis),)),
    formula=r"x_{n-1-i}",
    doc="x with the order along axes reversed.",
)


def _concat_type(*xs: TensorType, axis: int) -> TensorType:
    if not xs:
        raise ArgumentError("concat", "expected at least one tensor, got none")
    dtype = same_dtype("concat", [f"xs[{i}]" for i in range(len(xs))], xs)
    rank = len(xs[0].shape)
    shapes.front_axis("concat", axis, rank)
    for x in xs:
        others = tuple(d for i, d in enumerate(x.shape) if i != axis)
        if len(x.shape) != rank or others != (*xs[0].shape[:axis], *xs[0].shape[axis + 1 :]):
            shown = " and ".join(shapes.text(x.shape) for x in xs)
            raise ShapeError("concat", f"all axes but {axis} must be equal, got {shown}")
    along = [x.shape[axis] for x in xs]
    total: Dim
    if all(isinstance(dim, Batch) for dim in along):
        total = Batch(sum(dim.scale for dim in along if isinstance(dim, Batch)))
    else:
        total = sum(_whole("concat", f"axis {axis}", dim) for dim in along)
    shape = (*xs[0].shape[:axis], total, *xs[0].shape[axis + 1 :])
    return TensorType(dtype, shapes.check("concat", shape))


def _concat_back(i: int, ct: Value, *xs: Value, axis: int) -> Value:
    if isinstance(ct.type.shape[axis], Batch):
        return _concat_rows_back(i, ct, xs, axis)
    along = [_whole("concat", f"axis {axis}", x.type.shape[axis]) for x in xs]
    rank = len(ct.type.shape)
    start = [0] * rank
    stop: list[Dim] = list(ct.type.shape)
    start[axis] = sum(along[:i])
    stop[axis] = start[axis] + along[i]
    result: Value = apply("slice", ct, start=tuple(start), stop=tuple(stop), step=(1,) * rank)
    return result


def _concat_rows_back(i: int, ct: Value, xs: tuple[Value, ...], axis: int) -> Value:
    """The part of input i along the batch axis: c·N rows are taken apart as c blocks of N."""
    dims = [x.type.shape[axis] for x in xs]
    scales = [dim.scale for dim in dims if isinstance(dim, Batch)]
    front, back = ct.type.shape[:axis], ct.type.shape[axis + 1 :]
    shape = (*front, sum(scales), Batch(), *back)
    blocks = apply("reshape", ct, shape=shape)
    start, stop = [0] * len(shape), list(shape)
    start[axis], stop[axis] = sum(scales[:i]), sum(scales[: i + 1])
    own = apply("slice", blocks, start=tuple(start), stop=tuple(stop), step=(1,) * len(shape))
    result: Value = apply("reshape", own, shape=xs[i].type.shape)
    return result


concat = _movement(
    "concat",
    ("axis",),
    _concat_type,
    inputs=("*xs",),
    forward=lambda xp, *xs, axis: xp.concat(xs, axis=axis),
    derivative=Linear(_concat_back),
    formula=r"[x_1, \dots, x_n]",
    doc="Tensors one behind the other along an axis.",
)


def _pad_type(
    x: TensorType, value: TensorType, low: Ints, high: Ints, interior: Ints
) -> TensorType:
    same_dtype("pad", ("x", "value"), (x, value))
    if value.shape != ():
        raise ShapeError("pad", f"value must be a scalar (), got {shapes.text(value.shape)}")
    if not len(low) == len(high) == len(interior) == len(x.shape):
        raise ArgumentError("pad", f"low, high and interior need {len(x.shape)} entries each")
    if min((*low, *high, *interior), default=0) < 0:
        raise ArgumentError("pad", f"widths must be ≥ 0, got {low}, {high}, {interior}")
    dims: list[Dim] = []
    for dim, before, after, between in zip(x.shape, low, high, interior, strict=True):
        if (before, after, between) == (0, 0, 0):
            dims.append(dim)
            continue
        length = _whole("pad", "a padded axis", dim)
        dims.append(before + after + length + max(0, length - 1) * between)
    return TensorType(x.dtype, tuple(dims))


def _pad_back_x(ct: Value, x: Value, value: Value, low: Ints, high: Ints, interior: Ints) -> Value:
    stop: list[Dim] = []
    for dim, after, size in zip(x.type.shape, high, ct.type.shape, strict=True):
        stop.append(size if isinstance(size, Batch) else size - after if dim else 0)
    start = tuple(min(a, b) if isinstance(b, int) else a for a, b in zip(low, stop, strict=True))
    step = tuple(between + 1 for between in interior)
    result: Value = apply("slice", ct, start=start, stop=tuple(stop), step=step)
    return result


def _total(x: Value) -> Value:
    axis = tuple(range(len(x.type.shape)))
    result: Value = apply("sum", x, axis=axis, keepdims=False)
    return result


def _pad_back_value(ct: Value, x: Value, value: Value, **attrs: Any) -> Value:
    # The padding gets what the inside does not: mask it out instead of subtracting two sums.
    inside = apply("pad", zeros_like(x) + 1, number(0, x.type.dtype), **attrs)
    return _total(apply("where", inside > 0, zeros_like(ct), ct))


pad = _movement(
    "pad",
    ("low", "high", "interior"),
    _pad_type,
    inputs=("x", "value"),
    forward=lambda xp, x, value, low, high, interior: xp.pad(x, value, low, high, interior),
    derivative=Linear((_pad_back_x, _pad_back_value)),
    formula=r"\operatorname{pad} x",
    doc="x with `value` before, behind and between its elements.",
)


def _windows_type(
    x: TensorType, axes: Ints, size: Ints, stride: Ints, dilation: Ints
) -> TensorType:
    _check_windows("windows", x, axes, size, stride, dilation)
    dims: list[Dim] = list(x.shape)
    for axis, k, s, d in zip(axes, size, stride, dilation, strict=True):
        dims[axis] = shapes.window_count(_whole("windows", "x", x.shape[axis]), k, s, d)
    return TensorType(x.dtype, (*dims, *size))


def _check_windows(
    where: str, x: TensorType, axes: Ints, size: Ints, stride: Ints, dilation: Ints
) -> None:
    if not len(axes) == len(size) == len(stride) == len(dilation):
        raise ArgumentError(where, "axes, size, stride and dilation need one entry an axis")
    if axes != shapes.axes(where, axes, len(x.shape)):
        raise ArgumentError(where, f"axes must be increasing from the front, got {axes}")
    steps = (*size, *stride, *dilation)
    if min(steps, default=1) < 1 or max(steps, default=1) > _LARGEST_STEP:
        raise ArgumentError(
            where,
            f"size, stride and dilation must lie in [1, 2³¹), got {size}, {stride}, {dilation}",
        )


def _windows_back(
    ct: Value, x: Value, axes: Ints, size: Ints, stride: Ints, dilation: Ints
) -> Value:
    lengths = tuple(x.type.shape[axis] for axis in axes)
    result: Value = apply(
        "fold", ct, axes=axes, size=size, stride=stride, dilation=dilation, lengths=lengths
    )
    return result


windows = _movement(
    "windows",
    ("axes", "size", "stride", "dilation"),
    _windows_type,
    forward=lambda xp, x, axes, size, stride, dilation: xp.windows(x, axes, size, stride, dilation),
    derivative=Linear((_windows_back,)),
    formula=r"x_{s i + d k}",
    doc="Sliding views: `axes` count the windows, new last axes run inside a window.",
)


def _fold_type(
    x: TensorType, axes: Ints, size: Ints, stride: Ints, dilation: Ints, lengths: Ints
) -> TensorType:
    check_dtype("fold", "x", x, NUMBERS)
    if len(lengths) != len(axes) or len(x.shape) < len(axes):
        raise ArgumentError("fold", f"axes {axes} and lengths {lengths} must fit {x!r}")
    rank = len(x.shape) - len(axes)
    outer = TensorType(x.dtype, x.shape[:rank])
    _check_windows("fold", outer, axes, size, stride, dilation)
    dims: list[Dim] = list(outer.shape)
    expected: list[Dim] = list(outer.shape)
    for axis, k, s, d, length in zip(axes, size, stride, dilation, lengths, strict=True):
        expected[axis] = shapes.window_count(_whole("fold", "a length", length), k, s, d)
        dims[axis] = length
    if x.shape != (*expected, *size):
        raise ShapeError(
            "fold", f"x must be {shapes.text((*expected, *size))}, got {shapes.text(x.shape)}"
        )
    return TensorType(x.dtype, tuple(dims))


def _fold_back(
    ct: Value, x: Value, axes: Ints, size: Ints, stride: Ints, dilation: Ints, lengths: Ints
) -> Value:
    result: Value = apply("windows", ct, axes=axes, size=size, stride=stride, dilation=dilation)
    return result


fold = _movement(
    "fold",
    ("axes", "size", "stride", "dilation", "lengths"),
    _fold_type,
    accepts=NUMBERS,
    exact=False,  # it adds
    forward=lambda xp, x, axes, size, stride, dilation, lengths: xp.fold(
        x, axes, size, stride, dilation, lengths
    ),
    derivative=Linear((_fold_back,)),
    formula=r"\sum_{s i + d k = j} x_{i k}",
    doc="The transpose of `windows`: every element is added to the place it was seen at.",
)
