"""Sums over axes, in an order that shapes alone decide (semantics §9).

The K elements that one result adds up, in row-major order, are cut into chunks of 1024. In a chunk,
element k goes to virtual lane k mod 16, and each lane adds in order. The 16 lanes are joined by a
fixed tree: l with l + 8, then l + 4, l + 2, l + 1. The sum of chunk c goes to lane c mod 16 of an
outer set, joined by the same tree. Lanes are values of the program, not of the machine: the vector
width, threads and passes change nothing.

Lanes begin at -0.0, which changes no number that is added to it; a sum of nothing is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.layout import merged, register_type, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import Operand, Scope, constant
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Batch, Dim, size

LANES = 16
CHUNK = 1024  # a multiple of LANES, so that only the last chunk has a rest


def total(scope: Scope) -> None:
    """out = Σ x over `axis`."""
    x = scope.reads[0]
    shape, own = x.type.shape, strides(x.type.shape)
    axes = scope.attr("axis")
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    kept = tuple(shape[axis] for axis in rest)
    summed = [shape[axis] for axis in axes]
    dims, steps = merged(summed, [[own[axis] for axis in axes]])
    with scope.walk(kept, [strides(kept), [own[axis] for axis in rest]]) as body:
        place, start = body.offsets
        lanes = _Lanes(scope, x, start, dims, steps[0])
        scope.store(lanes.total(size(summed)), place)


class _Lanes:
    """The sum of the elements of x that lie `steps` apart along `dims`, from `start`."""

    def __init__(
        self, scope: Scope, x: Operand, start: ir.Value, dims: Sequence[Dim], steps: Sequence[Dim]
    ):
        self.scope, self.builder, self.x, self.start = scope, scope.builder, x, start
        self.dims, self.steps = dims, steps
        self.dtype: DType = x.type.dtype
        self.kind = register_type(self.dtype)
        self.zeros = constant(ir.VectorType(self.kind, LANES), self.dtype, -0.0)

    def total(self, count: Dim) -> ir.Value:
        """The sum of `count` elements."""
        b = self.builder
        if isinstance(count, int) and count <= CHUNK:
            if count == 0:
                return constant(self.kind, self.dtype, 0)
            return self._chunk(i64(0), i64(count))
        number = self.scope.dim(count)
        chunks = b.udiv(b.add(number, i64(CHUNK - 1)), i64(CHUNK))
        with loop(b, chunks, f"{self.scope.name}.chunk", [self.zeros]) as chunk:
            begin = b.mul(chunk.index, i64(CHUNK))
            left = b.sub(number, begin)
            length = b.select(b.icmp_signed("<", left, i64(CHUNK)), left, i64(CHUNK))
            part = self._chunk(begin, length)
            lane = b.and_(chunk.index, i64(LANES - 1))
            chunk.next = [self._into(chunk.carried[0], lane, part)]
        value = self._join(chunk.carried[0])
        if not isinstance(count, Batch):
            return value
        empty = b.icmp_signed("==", number, i64(0))
        return b.select(empty, constant(self.kind, self.dtype, 0), value, self.scope.name)

    def _chunk(self, begin: ir.Value, length: ir.Value) -> ir.Value:
        """The sum of `length` elements from number `begin`."""
        b, name = self.builder, self.scope.name
        blocks, rest = b.lshr(length, i64(4)), b.and_(length, i64(LANES - 1))
        with loop(b, blocks, f"{name}.block", [self.zeros]) as block:
            first = b.add(begin, b.mul(block.index, i64(LANES)))
            block.next = [self._add(block.carried[0], self._sixteen(first))]
        tail = b.add(begin, b.mul(blocks, i64(LANES)))
        with loop(b, rest, f"{name}.rest", block.carried) as one:
            value = self.scope.load(self.x, self._offset(b.add(tail, one.index)))
            one.next = [self._into(one.carried[0], one.index, value)]
        return self._join(one.carried[0])

    def _sixteen(self, first: ir.Value) -> ir.Value:
        """Elements first … first + 15, one a lane."""
        if list(self.steps) in ([], [1]):
            return self.scope.load_vector(self.x, self._offset(first), LANES)
        vector = self.zeros
        for lane in range(LANES):
            offset = self._offset(self.builder.add(first, i64(lane)))
            value = self.scope.load(self.x, offset)
            vector = self.builder.insert_element(vector, value, i64(lane))
        return vector

    def _offset(self, k: ir.Value) -> ir.Value:
        """Where element number k stands: k taken apart along the summed axes."""
        b, offset = self.builder, self.start
        for level in range(len(self.dims) - 1, -1, -1):
            index = k
            if level > 0:
                length = self.scope.dim(self.dims[level])
                index, k = b.urem(k, length), b.udiv(k, length)
            offset = b.add(offset, b.mul(index, self.scope.dim(self.steps[level])))
        return offset

    def _add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return (self.builder.fadd if self.dtype.is_float else self.builder.add)(x, y)

    def _into(self, lanes: ir.Value, lane: ir.Value, value: ir.Value) -> ir.Value:
        """`lanes` with `value` added to one of them."""
        b = self.builder
        return b.insert_element(lanes, self._add(b.extract_element(lanes, lane), value), lane)

    def _join(self, lanes: ir.Value) -> ir.Value:
        """The fixed tree: the lower half plus the upper half until one is left."""
        width = LANES
        while width > 1:
            width //= 2
            lanes = self._add(self._part(lanes, 0, width), self._part(lanes, width, width))
        return self.builder.extract_element(lanes, i64(0), self.scope.name)

    def _part(self, lanes: ir.Value, first: int, width: int) -> ir.Value:
        """Lanes first … first + width - 1."""
        i32 = ir.IntType(32)
        numbers = [ir.Constant(i32, lane) for lane in range(first, first + width)]
        mask = ir.Constant(ir.VectorType(i32, width), numbers)
        return self.builder.shuffle_vector(lanes, ir.Constant(lanes.type, ir.Undefined), mask)
