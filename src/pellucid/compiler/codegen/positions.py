"""`gather` and `scatter_add`: rows that read and write at positions that are computed.

A position outside the axis is reported and not touched.
"""

from __future__ import annotations

from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.movement import line
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.core import shapes
from pellucid.core.shapes import Dim

_SHORT = 4  # elements below which a run is copied one by one


def position(scope: Scope, indices: Operand, offset: ir.Value, length: ir.Value) -> ir.Value:
    """The index at `offset`; one outside the axis is reported, and 0 taken in its place."""
    b = scope.builder
    index = scope.load(indices, offset)
    if index.type.width < 64:
        widen = b.sext if indices.type.dtype.kind == "i" else b.zext
        index = widen(index, ir.IntType(64))
    outside = b.icmp_unsigned(">=", index, length)  # a negative one is a large unsigned one
    scope.fail(outside, index)
    return b.select(outside, i64(0), index)


def _walks(
    scope: Scope, x: Operand, indices: Operand
) -> tuple[list[Dim], list[Dim], ir.Value, ir.Value]:
    """Walks of x and of the indices along the slices, the stride and the length of the axis."""
    axis = scope.attr("axis")
    own, count = strides(x.type.shape), len(indices.type.shape)
    along = [*own[:axis], *[0] * count, *own[axis + 1 :]]
    places = [*[0] * axis, *strides(indices.type.shape), *[0] * (len(own) - axis - 1)]
    return along, places, scope.dim(own[axis]), scope.dim(x.type.shape[axis])


def gather(scope: Scope) -> None:
    """The slices of x at `indices` along an axis."""
    b, (x, indices) = scope.builder, scope.inputs
    shape = scope.head.type.shape
    along, places, stride, length = _walks(scope, x, indices)
    walks = [strides(shape), along, places]
    # What stands behind the axis is one run of neighbours for each index.
    outer = scope.attr("axis") + len(indices.type.shape)
    run = shapes.size(shape[outer:])
    if isinstance(run, int) and run < _SHORT:
        outer, run = len(shape), 1
    with scope.shared_walk(shape[:outer], [walk[:outer] for walk in walks], shapes.size(shape)) as (
        body
    ):
        place, offset, at = body.offsets
        index = position(scope, indices, at, length)
        from_ = b.add(offset, b.mul(index, stride))
        if run == 1:
            scope.store(scope.load(x, from_), place)
        else:
            line(scope, Operand(scope.place(x, from_), x.type), place, scope.dim(run))


def scatter_add(scope: Scope) -> None:
    """x with each slice of `updates` added at its index, in the order of the updates.

    One thread adds: another one might have the same index.
    """
    b, (x, indices, updates) = scope.builder, scope.inputs
    shape, wide = x.type.shape, updates.type.shape
    along, places, stride, length = _walks(scope, x, indices)
    add = b.fadd if x.type.dtype.is_float else b.add
    with b.if_then(scope.first_thread()):
        with scope.walk(shape, [strides(shape)]) as body:
            scope.store(scope.load(x, body.offsets[0]), body.offsets[0])
        with scope.walk(wide, [strides(wide), along, places], name="u") as body:
            from_, offset, at = body.offsets
            index = position(scope, indices, at, length)
            place = b.add(offset, b.mul(index, stride))
            value = add(scope.load(scope.out, place), scope.load(updates, from_))
            scope.store(value, place)
