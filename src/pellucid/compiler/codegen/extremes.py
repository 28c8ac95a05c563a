"""`max`, `min`, `argmax`: one of many elements, and `one_hot`, which marks it.

Elements are compared in row-major order. NaN is chosen where there is one, else the first of
equals, as NumPy does.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.layout import merged, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scalars import TABLE, Element
from pellucid.compiler.codegen.scope import Operand, Scope, constant, splat, vector_type
from pellucid.compiler.codegen.sweep import sweep
from pellucid.core import shapes
from pellucid.core.dtypes import bool_, int64
from pellucid.core.shapes import Dim


def _load(
    scope: Scope,
    x: Operand,
    offset: ir.Value,
    repeats: bool,
    width: int | None,
    mask: ir.Value | None,
) -> ir.Value:
    if width is None or repeats:
        return scope.load(x, offset)
    return scope.load_vector(x, offset, width, mask)


def _offset(
    scope: Scope, start: ir.Value, k: ir.Value, dims: Sequence[Dim], steps: Sequence[Dim]
) -> ir.Value:
    """Where element number k stands: k taken apart along the axes that are reduced."""
    b, offset = scope.builder, start
    for level in range(len(dims) - 1, -1, -1):
        index = k
        if level > 0:
            length = scope.dim(dims[level])
            index, k = b.urem(k, length), b.udiv(k, length)
        offset = b.add(offset, b.mul(index, scope.dim(steps[level])))
    return offset


def extreme(scope: Scope) -> None:
    """The largest or smallest element over `axis`."""
    b, (x,) = scope.builder, scope.inputs
    choose = TABLE["maximum" if scope.head.op == "max" else "minimum"]
    shape, axes, own = x.type.shape, scope.attr("axis"), x.strides
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    kept = tuple(shape[axis] for axis in rest)
    dims, (steps,) = merged([shape[a] for a in axes], [[own[a] for a in axes]])
    count = scope.dim(shapes.size(shape[a] for a in axes))
    element = Element(b, scope.name, (x.type.dtype,))
    _refuse_nothing(scope, count, kept)

    def emit(
        offsets: list[ir.Value], repeats: list[bool], width: int | None, mask: ir.Value | None
    ) -> None:
        place, start = offsets
        first = _load(scope, x, start, repeats[1], width, mask)
        with loop(b, b.sub(count, i64(1)), f"{scope.name}.k", [first]) as one:
            offset = _offset(scope, start, b.add(one.index, i64(1)), dims, steps)
            value = _load(scope, x, offset, repeats[1], width, mask)
            one.next = [choose(element, one.carried[0], value)]
        scope.store(one.carried[0], place, mask=mask)

    width = scope.vector_bytes // max(4, x.type.dtype.itemsize)
    walks = [strides(kept), [own[axis] for axis in rest]]
    sweep(scope, kept, walks, width, shapes.size(shape), emit)


def argmax(scope: Scope) -> None:
    """The position of the first largest element along `axis`."""
    b, (x,) = scope.builder, scope.inputs
    shape, axis, own = x.type.shape, scope.attr("axis"), x.strides
    rest = [i for i in range(len(shape)) if i != axis]
    kept = tuple(shape[i] for i in rest)
    along = own[axis] if isinstance(own[axis], tuple) else ((shape[axis], own[axis]),)
    dims, steps = [dim for dim, _ in along], [step for _, step in along]
    count = scope.dim(shape[axis])
    element = Element(b, scope.name, (x.type.dtype,))
    _refuse_nothing(scope, count, kept)

    def emit(
        offsets: list[ir.Value], repeats: list[bool], width: int | None, mask: ir.Value | None
    ) -> None:
        place, start = offsets
        first = _load(scope, x, start, repeats[1], width, mask)
        nowhere = constant(vector_type(int64, None if repeats[1] else width), int64, 0)
        with loop(b, b.sub(count, i64(1)), f"{scope.name}.k", [first, nowhere]) as one:
            best, where = one.carried
            index = b.add(one.index, i64(1))
            value = _load(
                scope, x, _offset(scope, start, index, dims, steps), repeats[1], width, mask
            )
            better = TABLE["greater"](element, value, best)
            if x.type.dtype.is_float:
                new = b.and_(
                    b.fcmp_unordered("uno", value, value), b.fcmp_ordered("ord", best, best)
                )
                better = b.or_(better, new)
            index = splat(b, index, None if repeats[1] else width)
            one.next = [b.select(better, value, best), b.select(better, index, where)]
        found = one.carried[1]
        scope.store(splat(b, found, width) if repeats[1] else found, place, mask=mask)

    width = scope.vector_bytes // max(4, x.type.dtype.itemsize)
    walks = [strides(kept), [own[i] for i in rest]]
    sweep(scope, kept, walks, width, shapes.size(shape), emit)


def _refuse_nothing(scope: Scope, count: ir.Value, kept: Sequence[Dim]) -> None:
    """N is known only here: nothing can be chosen among no elements."""
    b = scope.builder
    none = b.icmp_signed("==", count, i64(0))
    wanted = b.icmp_signed(">", scope.dim(shapes.size(kept)), i64(0))
    scope.fail(b.and_(none, wanted), count)


def one_hot(scope: Scope) -> None:
    """1 at the index along a new last axis, else 0."""
    b, (x,) = scope.builder, scope.inputs
    shape, whole, dtype = x.type.shape, scope.head.type.shape, scope.out.type.dtype
    along = (*[0] * len(shape), 1)  # the offset of a walk with one step is the place on that axis
    with scope.shared_walk(whole, [strides(whole), (*strides(shape), 0), along]) as walk:
        place, at, k = walk.offsets
        index = scope.load(x, at)
        if index.type.width < 64:
            widen = b.sext if x.type.dtype.kind == "i" else b.zext
            index = widen(index, ir.IntType(64))
        same = b.icmp_signed("==", index, k)
        scope.store(TABLE["cast"](Element(b, scope.name, (bool_,)), same, dtype=dtype), place)
