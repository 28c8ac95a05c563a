"""Rows that move elements: each result is an element of an input, found by strides and a start.

`fold` adds, in the order of the offsets inside a window, for each result by itself; `pad` chooses
between an element and the padding. Both find what they need from the place of the result, so that
threads share the results and nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.scalars import TABLE, Element
from pellucid.compiler.codegen.scope import Operand, Scope, constant
from pellucid.compiler.program import times
from pellucid.core.dtypes import int64
from pellucid.core.shapes import Dim, Shape


def _copied(
    scope: Scope, x: Operand, shape: Shape, walk: Sequence[Dim], start: ir.Value | None = None,
    goal: Sequence[Dim] | None = None, goal_start: ir.Value | None = None,
) -> None:  # fmt: skip
    """Copies elements of x, read along `walk` from `start`, to the result's along `goal`."""
    b = scope.builder
    with scope.shared_walk(shape, [goal or strides(shape), walk]) as body:
        place, offset = body.offsets
        if goal_start is not None:
            place = b.add(place, goal_start)
        if start is not None:
            offset = b.add(offset, start)
        scope.store(scope.load(x, offset, scope.name), place)


def permute_dims(scope: Scope) -> None:
    """The same elements with their axes in another order."""
    (x,) = scope.inputs
    own = strides(x.type.shape)
    _copied(scope, x, scope.head.type.shape, [own[axis] for axis in scope.attr("axes")])


def part(scope: Scope) -> None:
    """`slice`: every step-th element of each axis, from its start on."""
    b, (x,) = scope.builder, scope.inputs
    own, start = strides(x.type.shape), i64(0)
    for first, step in zip(scope.attr("start"), own, strict=True):
        start = b.add(start, b.mul(i64(first), scope.dim(step)))
    walk = [times(step, by) for step, by in zip(own, scope.attr("step"), strict=True)]
    _copied(scope, x, scope.head.type.shape, walk, start)


def flip(scope: Scope) -> None:
    """Axes walked from their end to their start."""
    b, (x,) = scope.builder, scope.inputs
    shape, own = x.type.shape, list(strides(x.type.shape))
    start: ir.Value = i64(0)
    for axis in scope.attr("axis"):
        last = b.sub(scope.dim(shape[axis]), i64(1))
        start = b.add(start, b.mul(last, scope.dim(own[axis])))
        own[axis] = times(own[axis], -1)
    _copied(scope, x, shape, own, start)


def concat(scope: Scope) -> None:
    """Inputs one behind the other along an axis."""
    b, axis = scope.builder, scope.attr("axis")
    goal = strides(scope.head.type.shape)
    start: ir.Value = i64(0)
    for x in scope.inputs:
        shape = x.type.shape
        _copied(scope, x, shape, strides(shape), None, goal, start)
        start = b.add(start, b.mul(scope.dim(shape[axis]), scope.dim(goal[axis])))


def windows(scope: Scope) -> None:
    """Sliding windows, written out: counts at their axes, the inside of a window in new ones."""
    (x,) = scope.inputs
    own = list(strides(x.type.shape))
    inner = []
    attrs = [scope.attr(name) for name in ("axes", "stride", "dilation")]
    for axis, stride, dilation in zip(*attrs, strict=True):
        inner.append(times(own[axis], dilation))
        own[axis] = times(own[axis], stride)
    _copied(scope, x, scope.head.type.shape, [*own, *inner])


def _places(shape: Shape) -> list[list[Dim]]:
    """Walks whose offsets are the places along each axis."""
    return [[int(i == axis) for i in range(len(shape))] for axis in range(len(shape))]


def pad(scope: Scope) -> None:
    """x with `value` before, behind and between its elements."""
    b, (x, value) = scope.builder, scope.inputs
    shape, own = scope.head.type.shape, strides(x.type.shape)
    attrs = [scope.attr(name) for name in ("low", "interior")]
    with scope.shared_walk(shape, [strides(shape), *_places(shape)]) as body:
        place, *indices = body.offsets
        inside: ir.Value = ir.Constant(ir.IntType(1), 1)
        offset: ir.Value = i64(0)
        for axis, (low, between) in enumerate(zip(*attrs, strict=True)):
            moved = b.sub(indices[axis], i64(low))
            number = b.sdiv(moved, i64(between + 1))
            length = scope.dim(x.type.shape[axis])
            inside = b.and_(inside, b.icmp_signed(">=", moved, i64(0)))
            inside = b.and_(inside, b.icmp_signed("<", number, length))
            inside = b.and_(inside, b.icmp_signed("==", b.srem(moved, i64(between + 1)), i64(0)))
            offset = b.add(offset, b.mul(number, scope.dim(own[axis])))
        # Outside, the padding's own address is read: x may have no element at all.
        from_ = b.select(inside, scope.place(x, offset), scope.place(value, i64(0)))
        scope.store(scope.load(Operand(from_, x.type), i64(0)), place)


def fold(scope: Scope) -> None:
    """Each element of each window added to the place it was seen at."""
    b, (x,) = scope.builder, scope.inputs
    shape, dtype = scope.head.type.shape, scope.out.type.dtype
    axes, size = scope.attr("axes"), scope.attr("size")
    stride, dilation = scope.attr("stride"), scope.attr("dilation")
    own = strides(x.type.shape)
    outer, inner = own[: len(shape)], own[len(shape) :]
    still = [0 if axis in axes else step for axis, step in enumerate(outer)]
    kind = scope.register(dtype)
    with scope.shared_walk(shape, [strides(shape), still, *_places(shape)]) as body:
        place, begin, *indices = body.offsets
        zero = constant(kind, dtype, 0)
        walks = [list(inner), *_places(size)]
        with scope.walk(size, walks, None, [zero], "w") as window:
            within, *offsets = window.offsets
            there: ir.Value = ir.Constant(ir.IntType(1), 1)
            offset = b.add(begin, within)
            for n, axis in enumerate(axes):
                moved = b.sub(indices[axis], b.mul(offsets[n], i64(dilation[n])))
                number = b.sdiv(moved, i64(stride[n]))
                fits = b.icmp_signed("==", b.srem(moved, i64(stride[n])), i64(0))
                fits = b.and_(fits, b.icmp_signed(">=", moved, i64(0)))
                fits = b.and_(fits, b.icmp_signed("<", number, scope.dim(x.type.shape[axis])))
                there = b.and_(there, fits)
                offset = b.add(offset, b.mul(number, scope.dim(outer[axis])))
            with scope.only(there, window.carried[0]) as result:
                value = scope.load(x, offset)
                add = b.fadd if dtype.is_float else b.add
                result.append(add(window.carried[0], value))
            window.set([result[-1]])
        scope.store(window.result[0], place)


def iota(scope: Scope) -> None:
    """0, 1, 2, … along an axis."""
    shape, axis = scope.head.type.shape, scope.attr("axis")
    with scope.shared_walk(shape, [strides(shape), _places(shape)[axis]]) as body:
        place, number = body.offsets
        element = Element(scope.builder, scope.name, (int64,))
        scope.store(TABLE["cast"](element, number, dtype=scope.out.type.dtype), place)
