"""Sums over axes, in an order that shapes alone decide (semantics §9).

The K elements that one result adds up, in row-major order, are cut into chunks of 1024. In a chunk,
element k goes to virtual lane k mod 16, and each lane adds in order. The 16 lanes are joined by a
fixed tree: l with l + 8, then l + 4, l + 2, l + 1. The sum of chunk c goes to lane c mod 16 of an
outer set, joined by the same tree. Lanes are values of the program, not of the machine: the vector
width, threads and passes change nothing.

Lanes begin at -0.0, which changes no number that is added to it; a sum of nothing is 0.

Two ways lead to the same bits. Where the elements of one result are neighbours, a vector holds the
16 lanes. Else a vector holds one lane of many results, and the lanes stand in scratch memory.
What is summed may be computed on the way, by the kernel's elementwise instructions.

With the attribute `block` each block of the K elements is summed so, and blocks meet in their tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.elementwise import ElementwiseBody, walked, widest
from pellucid.compiler.codegen.layout import merged, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scope import Scope, constant, vector_type
from pellucid.compiler.codegen.sweep import sweep
from pellucid.compiler.codegen.tree import above, carried, elements, joined
from pellucid.compiler.program import ALIGNMENT, times
from pellucid.core.dtypes import DType
from pellucid.core.shapes import Dim, size

LANES = 16
CHUNK = 1024  # a multiple of LANES, so that only the last chunk has a rest
FEW_LANES = 4  # elements, at most, that touch so many lanes alone
SHORT = 6  # instructions of a kernel, at most, that are written out once for each lane


def total(scope: Scope) -> None:
    """out = Σ x over `axis`."""
    x = scope.kernel.type_of(scope.head.inputs[0])
    axes = scope.attr("axis")
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    walks = walked(scope, x.shape)
    kept = tuple(x.shape[axis] for axis in rest)
    summed = tuple(x.shape[axis] for axis in axes)
    cut = dict(scope.head.attrs).get("block")
    block = None if cut is None or not x.dtype.is_float else times(size(summed[1:]), cut)
    dims, steps = merged(summed, [[walk[axis] for axis in axes] for walk in walks])
    kept_walks = [strides(kept), *([walk[axis] for axis in rest] for walk in walks)]
    if len(dims) <= 1 and all(step in ([], [0], [1]) for step in steps):
        neighbours = [step == [1] for step in steps]
        with scope.shared_walk(kept, kept_walks) as body:
            place, *starts = body.offsets
            sums = _Neighbours(scope, starts, neighbours)
            scope.store(sums.total(size(summed), block), place)
        return

    def emit(
        offsets: list[ir.Value], repeats: list[bool], width: int | None, mask: ir.Value | None
    ) -> None:
        lanes = _Apart(scope, offsets[1:], repeats[1:], dims, steps, width, mask)
        scope.store(lanes.total(size(summed), block), offsets[0], mask=mask)

    width = scope.vector_bytes // widest(scope.kernel)
    line = ALIGNMENT // widest(scope.kernel)
    # Half a cache line would be fetched twice; but not where a line is all that two threads share.
    if kept and isinstance(kept[-1], int) and kept[-1] >= 2 * line:
        width = max(width, line)
    sweep(scope, kept, kept_walks, width, size(x.shape), emit)


class _Sum:
    """Chunks of chunks; how one chunk is added up is the subclass's."""

    def __init__(self, scope: Scope, width: int | None, mask: ir.Value | None):
        self.scope, self.builder, self.width, self.mask = scope, scope.builder, width, mask
        self.dtype: DType = scope.out.type.dtype
        self.kind = vector_type(self.dtype, width)
        self.none = constant(self.kind, self.dtype, -0.0)

    def total(self, count: Dim, block: Dim | None) -> ir.Value:
        """The sum of `count` elements, in blocks that meet in their tree where they are cut."""
        zero = constant(self.kind, self.dtype, 0)
        if block is not None:
            return self._tree(self.scope.dim(count), block)
        if isinstance(count, int) and count <= CHUNK:
            return zero if count == 0 else self.chunk(i64(0), i64(count))
        return self._chunks(None, self.scope.dim(count))

    def _tree(self, count: ir.Value, block: Dim) -> ir.Value:
        b, each = self.builder, elements(self.scope, block)
        levels = _Lanes(self, 2 * LANES, 1 << 6)  # behind the lanes of chunks
        blocks = groups(b, count, each)
        short = isinstance(block, int) and block <= CHUNK

        def load(level: ir.Value) -> list[ir.Value]:
            return [levels.load(level)]

        zero = constant(self.kind, self.dtype, 0)
        with loop(b, blocks, f"{self.scope.name}.block", [zero], self.scope.wanted) as one:
            begin = b.mul(one.index, each)
            length = least(b, b.sub(count, begin), each)
            part = self.chunk(begin, length) if short else self._chunks(begin, length)
            sums, level = carried(b, [part], one.index, load)
            levels.store(sums[0], level)
            one.next = sums
        return joined(b, one.carried, above(b, blocks), load)[0]

    def _chunks(self, first: ir.Value | None, number: ir.Value) -> ir.Value:
        """The sum of `number` elements, from the first one on by default."""
        b = self.builder
        zero = constant(self.kind, self.dtype, 0)
        chunks = b.udiv(b.add(number, i64(CHUNK - 1)), i64(CHUNK))
        outer = _Lanes(self, LANES)  # behind the lanes of a chunk
        # One chunk is the sum itself: a lane of -0.0 and the tree above it would not change it.
        several = b.icmp_signed(">", chunks, i64(1))
        with b.if_then(several):
            outer.clear()
        with loop(b, chunks, f"{self.scope.name}.chunk", [zero], self.scope.wanted) as chunk:
            begin = b.mul(chunk.index, i64(CHUNK))
            left = b.sub(number, begin)
            length = b.select(b.icmp_signed("<", left, i64(CHUNK)), left, i64(CHUNK))
            part = self.chunk(begin if first is None else b.add(first, begin), length)
            with b.if_then(several):
                outer.add(chunk.index, part)
            chunk.next = [part]
        alone, before = chunk.carried[0], b.block
        with b.if_then(several):
            joined = outer.join()
            behind = b.block
        value = b.phi(self.kind, self.scope.name)
        value.add_incoming(alone, before)
        value.add_incoming(joined, behind)
        return value

    def chunk(self, begin: ir.Value, length: ir.Value) -> ir.Value:
        """The sum of `length` elements from number `begin`."""
        raise NotImplementedError

    def sum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return (self.builder.fadd if self.dtype.is_float else self.builder.add)(x, y)

    def element(
        self,
        offsets: Sequence[ir.Value],
        repeats: Sequence[bool],
        width: int | None,
        mask: ir.Value | None,
    ) -> ir.Value:
        """What is summed, at these offsets of the inputs."""
        body = ElementwiseBody(self.scope, width, mask)
        for number, operand in enumerate(self.scope.reads):
            body.bind(number, operand, offsets[number], repeats[number])
        return body.value(self.scope.head.inputs[0])


class _Lanes:
    """Sixteen lanes in scratch memory, each as wide as the sums; or as many as there are levels."""

    def __init__(self, owner: _Sum, first: int, count: int = LANES):
        self.owner, self.first, self.count = owner, first, count

    def _place(self, lane: ir.Value) -> ir.Value:
        b = self.owner.builder
        number = b.add(b.and_(lane, i64(self.count - 1)), i64(self.first))
        return b.gep(self.owner.scope.scratch, [number], source_etype=self.owner.kind)

    def load(self, lane: ir.Value) -> ir.Value:
        size = self.owner.dtype.itemsize
        return self.owner.builder.load(self._place(lane), typ=self.owner.kind, align=size)

    def store(self, value: ir.Value, lane: ir.Value) -> None:
        place = self._place(lane)
        self.owner.builder.store(value, place, align=self.owner.dtype.itemsize)

    def clear(self, count: ir.Value | None = None) -> None:
        count = i64(LANES) if count is None else count
        with loop(self.owner.builder, count, f"{self.owner.scope.name}.clear") as lane:
            self.store(self.owner.none, lane.index)

    def add(self, number: ir.Value, value: ir.Value) -> None:
        """Adds to lane `number` mod 16."""
        self.store(self.owner.sum(self.load(number), value), number)

    def join(self, count: int = LANES) -> ir.Value:
        """The fixed tree: the lower half plus the upper half until one is left.

        Args:
            count: lanes that were added to; to join the others would change nothing.
        """
        values = [self.load(i64(lane)) for lane in range(count)]
        while len(values) > 1:
            half = len(values) // 2
            values = [self.owner.sum(values[i], values[i + half]) for i in range(half)]
        return values[0]


class _Neighbours(_Sum):
    """One sum at a time: the lanes of a chunk are the lanes of a vector."""

    def __init__(self, scope: Scope, starts: Sequence[ir.Value], moving: Sequence[bool]):
        super().__init__(scope, None, None)
        self.starts, self.moving = starts, moving
        self.zeros = constant(ir.VectorType(self.kind, LANES), self.dtype, -0.0)

    def chunk(self, begin: ir.Value, length: ir.Value) -> ir.Value:
        b, name = self.builder, self.scope.name
        lanes = self.zeros
        known = length.constant if isinstance(length, ir.Constant) else None
        if known is None or known >= LANES:
            with loop(b, b.lshr(length, i64(4)), f"{name}.block", [lanes]) as block:
                first = b.add(begin, b.mul(block.index, i64(LANES)))
                block.next = [self.sum(block.carried[0], self._sixteen(first, None))]
            lanes = block.carried[0]
        if known is None or known % LANES:
            rest = b.and_(length, i64(LANES - 1))
            mask = self.scope.mask(rest, LANES)
            last = self._sixteen(b.add(begin, b.sub(length, rest)), mask)
            lanes = self.sum(lanes, b.select(mask, last, self.zeros))
        return self._join(lanes)

    def _sixteen(self, first: ir.Value, mask: ir.Value | None) -> ir.Value:
        """Elements first … first + 15, one a lane."""
        offsets = [
            self.builder.add(start, first) if moves else start
            for start, moves in zip(self.starts, self.moving, strict=True)
        ]
        return self.element(offsets, [not moves for moves in self.moving], LANES, mask)

    def _join(self, lanes: ir.Value) -> ir.Value:
        width = LANES
        while width > 1:
            width //= 2
            lanes = self.sum(self._part(lanes, 0, width), self._part(lanes, width, width))
        return self.builder.extract_element(lanes, i64(0), self.scope.name)

    def _part(self, lanes: ir.Value, first: int, width: int) -> ir.Value:
        """Lanes first … first + width - 1."""
        i32 = ir.IntType(32)
        numbers = [ir.Constant(i32, lane) for lane in range(first, first + width)]
        mask = ir.Constant(ir.VectorType(i32, width), numbers)
        return self.builder.shuffle_vector(lanes, ir.Constant(lanes.type, ir.Undefined), mask)


class _Apart(_Sum):
    """Many sums at once, one a lane of a vector; the elements of one lie `steps` apart."""

    def __init__(
        self,
        scope: Scope,
        starts: Sequence[ir.Value],
        repeats: Sequence[bool],
        dims: Sequence[Dim],
        steps: Sequence[Sequence[Dim]],
        width: int | None,
        mask: ir.Value | None,
    ):
        super().__init__(scope, width, mask)
        self.starts, self.repeats, self.dims, self.steps = starts, repeats, dims, steps

    def chunk(self, begin: ir.Value, length: ir.Value) -> ir.Value:
        lanes, b = _Lanes(self, 0), self.builder
        several = b.icmp_signed(">", length, i64(1))  # one element is the sum itself
        few = b.icmp_signed("<=", length, i64(FEW_LANES))
        count = b.select(several, b.select(few, i64(FEW_LANES), i64(LANES)), i64(0))
        done = self._rounds(lanes, begin, length, count)
        with loop(b, b.sub(length, done), f"{self.scope.name}.k", [self.none]) as one:
            number = b.add(done, one.index)
            value = self._element(b.add(begin, number))
            with b.if_then(several):
                lanes.add(number, value)
            one.next = [value]
        with self.scope.only(several, one.carried[0]) as found:
            ends = []
            with b.if_else(few) as ways:
                for way, count in zip(ways, (FEW_LANES, LANES), strict=True):
                    with way:
                        ends.append((lanes.join(count), b.block))
            joined = b.phi(self.kind)
            for part, end in ends:
                joined.add_incoming(part, end)
            found.append(joined)
        return found[-1]

    def _rounds(
        self, lanes: _Lanes, begin: ir.Value, length: ir.Value, count: ir.Value
    ) -> ir.Value:
        """Adds whole rounds of the lanes, which stand in registers meanwhile; gives their length.

        Args:
            count: how many lanes to clear where there is no whole round.
        """
        b = self.builder
        whole = b.and_(length, i64(-LANES))
        if len(self.dims) != 1 or len(self.scope.kernel.body) > SHORT:
            lanes.clear(count)
            return i64(0)
        with b.if_else(b.icmp_signed(">", whole, i64(0))) as (some, none):
            with some:
                rounds = b.lshr(whole, i64(4))
                with loop(b, rounds, f"{self.scope.name}.r", [self.none] * LANES) as one:
                    first = b.add(begin, b.mul(one.index, i64(LANES)))
                    one.next = [
                        self.sum(lane, self._element(b.add(first, i64(n))))
                        for n, lane in enumerate(one.carried)
                    ]
                for n, lane in enumerate(one.carried):
                    lanes.store(lane, i64(n))
            with none:
                lanes.clear(count)
        return whole

    def _element(self, k: ir.Value) -> ir.Value:
        return self.element(self._offsets(k), self.repeats, self.width, self.mask)

    def _offsets(self, k: ir.Value) -> list[ir.Value]:
        """Where element number k stands in each input: k taken apart along the summed axes."""
        b, offsets = self.builder, list(self.starts)
        for level in range(len(self.dims) - 1, -1, -1):
            index = k
            if level > 0:
                length = self.scope.dim(self.dims[level])
                index, k = b.urem(k, length), b.udiv(k, length)
            for number, steps in enumerate(self.steps):
                if steps[level] != 0:
                    distance = b.mul(index, self.scope.dim(steps[level]))
                    offsets[number] = b.add(offsets[number], distance)
        return offsets
