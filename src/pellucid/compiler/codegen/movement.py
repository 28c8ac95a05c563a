"""Rows that move elements: each result is an element of an input, found by strides and a start.

`fold` adds, in the order of the offsets inside a window, for each result by itself; `pad` chooses
between an element and the padding. Both find what they need from the place of the result, so that
threads share the results and nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.elementwise import ElementwiseBody, walked, widest
from pellucid.compiler.codegen.layout import slid, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, nest
from pellucid.compiler.codegen.scalars import TABLE, Element
from pellucid.compiler.codegen.scope import Operand, Scope, constant, splat
from pellucid.compiler.codegen.sweep import across, sweep
from pellucid.compiler.program import times
from pellucid.core import shapes
from pellucid.core.dtypes import int64
from pellucid.core.shapes import Dim, Shape


def _copied(
    scope: Scope,
    x: Operand,
    shape: Shape,
    walk: Sequence[Dim],
    start: ir.Value | None = None,
    goal: Sequence[Dim] | None = None,
    goal_start: ir.Value | None = None,
) -> None:
    """Copies elements of x, read along `walk` from `start`, to the result's along `goal`."""
    if start is not None:
        x = Operand(scope.place(x, start), x.type)
    out = scope.out
    if goal_start is not None:
        out = Operand(scope.place(out, goal_start), out.type)

    def emit(
        offsets: list[ir.Value], repeats: list[bool], width: int | None, mask: ir.Value | None
    ) -> None:
        place, offset = offsets
        if width is None or repeats[1]:
            value = splat(scope.builder, scope.load(x, offset, scope.name), width)
        else:
            value = scope.load_vector(x, offset, width, mask)
        scope.store(value, place, out, mask)

    width = scope.lanes(x.type.dtype)
    sweep(scope, shape, [goal or strides(shape), walk], width, shapes.size(shape), emit)


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
    walk = slid(dict(scope.head.attrs), strides(x.type.shape))
    _copied(scope, x, scope.head.type.shape, walk)


def _places(shape: Shape) -> list[list[Dim]]:
    """Walks whose offsets are the places along each axis."""
    return [[int(i == axis) for i in range(len(shape))] for axis in range(len(shape))]


def pad(scope: Scope) -> None:
    """x with `value` before, behind and between its elements."""
    if any(scope.attr("interior")):
        _spread(scope)
        return
    b, (x, value) = scope.builder, scope.inputs
    shape, inner, low = scope.head.type.shape, x.type.shape, scope.attr("low")
    if not shape:
        _copied(scope, x, (), ())
        return
    # Lines end behind the last axis that is padded: padding, elements, padding.
    grown = [axis for axis, dim in enumerate(shape) if dim != inner[axis]]
    last = grown[-1] if grown else 0
    long, run, before = (
        scope.dim(times(shapes.size(inner[last + 1 :]), dim))
        for dim in (shape[last], inner[last], low[last])
    )
    filler = scope.load(value, i64(0))
    outer, own, goal = shape[:last], strides(inner), strides(shape)
    walks = [goal[:last], *_places(outer)]
    with scope.shared_walk(outer, walks, shapes.size(shape)) as body:
        place, *indices = body.offsets
        inside: ir.Value = ir.Constant(ir.IntType(1), 1)
        offset: ir.Value = i64(0)
        for axis, index in enumerate(indices):
            moved = b.sub(index, i64(low[axis]))
            fits = b.icmp_unsigned("<", moved, scope.dim(inner[axis]))  # below 0 is far above
            inside = b.and_(inside, fits)
            offset = b.add(offset, b.mul(moved, scope.dim(own[axis])))
        first = b.select(inside, before, long)
        count = b.select(inside, run, i64(0))
        behind = b.add(first, count)
        _filled(scope, place, first, filler)
        line(scope, Operand(scope.place(x, offset), x.type), b.add(place, first), count)
        _filled(scope, b.add(place, behind), b.sub(long, behind), filler)


def _filled(scope: Scope, place: ir.Value, count: ir.Value, value: ir.Value) -> None:
    """Writes one value `count` times."""

    def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
        wide = splat(scope.builder, value, lanes)
        scope.store(wide, scope.builder.add(place, column), None, mask)

    across(scope, count, False, scope.lanes(scope.out.type.dtype), emit)


def line(scope: Scope, x: Operand, place: ir.Value, count: ir.Value) -> None:
    """Copies `count` neighbours."""

    def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
        if lanes is None:
            value = scope.load(x, column)
        else:
            value = scope.load_vector(x, column, lanes, mask)
        scope.store(value, scope.builder.add(place, column), None, mask)

    across(scope, count, False, scope.lanes(x.type.dtype), emit)


def _spread(scope: Scope) -> None:
    """`pad` with padding between elements as well."""
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
    """Each element of each window added to the place it was seen at.

    Window place by window place, as they follow each other inside a window: so each result adds in
    that order. What is added may be computed on the way, by the kernel's elementwise instructions,
    or read with its axes in another order.
    """
    b, shape = scope.builder, scope.head.type.shape
    wide = scope.kernel.type_of(scope.head.inputs[0]).shape
    view = any(one.op == "permute_dims" for one in scope.kernel.body)
    axes, goal = scope.attr("axes"), strides(shape)
    walks = [scope.inputs[0].strides] if view else walked(scope, wide)
    rank, last = len(shape), len(shape) - 1
    seen = slid(dict(scope.head.attrs), goal)
    # A thread has whole first axes of its own; where windows slide along that one, all is one's.
    whole = 0 in axes or not shape
    begin, end = scope.share(i64(1) if whole else scope.dim(shape[0]), shapes.size(wide))
    span = b.sub(end, begin)
    each = scope.dim(shapes.size(shape) if whole else goal[0])
    dtype = scope.out.type.dtype
    zero = constant(scope.register(dtype), dtype, 0)
    _filled(scope, b.mul(begin, each), b.mul(span, each), zero)
    vectors = last > 0 and last not in axes and all(walk[last] in (0, 1) for walk in walks)
    inner = [axis for axis in range(rank) if not (vectors and axis == last)]
    lengths = [scope.dim(dim) for dim in wide[rank:]]
    lengths += [scope.dim(wide[axis]) for axis in inner]
    if whole:
        lengths.insert(0, span)  # once or not at all
    else:
        lengths[len(wide) - rank] = span
    order = (*range(rank, len(wide)), *inner)
    steps = [
        [
            *([None] if whole else []),
            *(scope.dim(walk[axis]) if walk[axis] else None for axis in order),
        ]
        for walk in (seen, *walks)
    ]
    starts = [
        i64(0) if whole or not walk[0] else b.mul(begin, scope.dim(walk[0]))
        for walk in (seen, *walks)
    ]
    with nest(b, lengths, steps, f"{scope.name}.w", starts) as one:

        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            body = ElementwiseBody(scope, lanes, mask)
            for number, (walk, offset) in enumerate(zip(walks, one.offsets[1:], strict=True)):
                still = not vectors or walk[last] == 0
                at = offset if still else b.add(offset, column)
                body.bind(number, scope.reads[number], at, still)
            value = body.value(0 if view else scope.head.inputs[0])
            at = b.add(one.offsets[0], column) if vectors else one.offsets[0]
            out = scope.out
            known = (
                scope.load(out, at) if lanes is None else scope.load_vector(out, at, lanes, mask)
            )
            add = b.fadd if out.type.dtype.is_float else b.add
            scope.store(add(known, value), at, mask=mask)

        if vectors:
            width = scope.vector_bytes // widest(scope.kernel)
            across(scope, scope.dim(wide[last]), False, width, emit)
        else:
            emit(i64(0), None, None)


def iota(scope: Scope) -> None:
    """0, 1, 2, … along an axis."""
    shape, axis = scope.head.type.shape, scope.attr("axis")
    with scope.shared_walk(shape, [strides(shape), _places(shape)[axis]]) as body:
        place, number = body.offsets
        element = Element(scope.builder, scope.name, (int64,))
        scope.store(TABLE["cast"](element, number, dtype=scope.out.type.dtype), place)
