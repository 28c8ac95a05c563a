"""Products past the zeros of their left operand whose blocks of k meet in a tree (see `tree.py`).

    sums(the arguments of `sparse.py`, block, room, levels)

A word of bits is taken block by block. What a block has summed so far waits at the result's place,
and the levels of each row in `room`. What is zeros alone does not wait: a row's state says by a bit
a level what there is, and by the highest bit whether its block has begun.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scope import constant, first_lanes
from pellucid.compiler.codegen.sparse import WORD, Lines, Sparse
from pellucid.compiler.codegen.tree import joined, reached

STATES = 64  # rows at a time, at most, with a word of state each before their levels
BEGUN = 1 << 63


@dataclass(frozen=True)
class _Piece:
    """The part of a block in a word of bits.

    Args:
        bits: where in the word it stands.
        whole, last: whether the block ends here, and is the last one.
        level: that the block reaches; below: the bits of those that it meets on its way there.
    """

    bits: ir.Value
    whole: ir.Value
    last: ir.Value
    level: ir.Value
    below: ir.Value

    @classmethod
    def of(
        cls, b: ir.IRBuilder, number: ir.Value, block: ir.Value, first: ir.Value, depth: ir.Value
    ) -> _Piece:
        """That of a block in the word from `first` on."""
        top = b.mul(number, block)
        bottom = least(b, b.add(top, block), depth)
        low = b.select(b.icmp_signed(">", top, first), b.sub(top, first), i64(0))
        high = least(b, b.sub(bottom, first), i64(WORD))
        inside = b.lshr(i64(-1), b.sub(i64(WORD), b.sub(high, low)))
        level = reached(b, number)
        whole = b.icmp_signed("<=", bottom, b.add(first, i64(WORD)))
        return cls(
            b.shl(inside, low),
            whole,
            b.and_(whole, b.icmp_signed("==", bottom, depth)),
            level,
            b.sub(b.shl(i64(1), level), i64(1)),
        )


class TreeSparse(Sparse):
    """The functions of a module for one dtype."""

    def sums(self, vectors: int, packed: bool) -> ir.Function:
        name = f"tree{vectors}.packed" if packed else f"tree{vectors}"
        function, b = self._function(name, ir.VoidType(), "pnnpnnpnppnnnnpn")
        if b is None:
            return function
        x, x_row, x_k, bits, words, depth, y, y_k, room, out, out_row = function.args[:11]
        rows, columns, block, states, levels = function.args[11:]
        word_type = ir.IntType(64)
        mask = first_lanes(b, b.sub(columns, i64((vectors - 1) * self.width)), self.width)
        zeros = [constant(self.vector, self.dtype, 0)] * vectors
        waiting = b.gep(states, [i64(STATES)], source_etype=word_type)
        one_row = b.mul(levels, i64(vectors * self.width))
        with loop(b, rows, "clear") as row:
            b.store(i64(0), b.gep(states, [row.index], source_etype=word_type))
            with b.if_then(b.icmp_signed("==", depth, i64(0))):
                self._store(b, out, b.mul(row.index, out_row), zeros, mask)
        with loop(b, words, "word") as word:
            first = b.mul(word.index, i64(WORD))
            end = least(b, b.add(first, i64(WORD)), depth)
            right, right_k = self._at(b, y, b.mul(first, y_k)), y_k
            if packed:
                lines = b.sub(end, first)
                right, right_k = self._packed(b, right, y_k, room, rows, lines, vectors, mask)
            begun = b.udiv(first, block)
            pieces = b.sub(groups(b, end, block), begun)
            with loop(b, pieces, "piece") as one:
                piece = _Piece.of(b, b.add(begun, one.index), block, first, depth)
                with loop(b, rows, "row") as row:
                    at = b.add(b.mul(row.index, words), word.index)
                    known = b.load(b.gep(bits, [at], source_etype=word_type), typ=word_type)
                    left = self._at(b, x, b.add(b.mul(row.index, x_row), b.mul(first, x_k)))
                    self._row(
                        b,
                        piece,
                        b.and_(known, piece.bits),
                        Lines(left, x_k, right, right_k, vectors, mask),
                        self._at(b, out, b.mul(row.index, out_row)),
                        b.gep(states, [row.index], source_etype=word_type),
                        self._at(b, waiting, b.mul(row.index, one_row)),
                    )
        b.ret_void()
        return function

    def _row(
        self,
        b: ir.IRBuilder,
        piece: _Piece,
        bits: ir.Value,
        lines: Lines,
        out: ir.Value,
        place: ir.Value,
        waiting: ir.Value,
    ) -> None:
        """A piece of a row of the result; its state stands at `place`."""
        vectors, mask, zero = lines.vectors, lines.mask, i64(0)
        state = b.load(place, typ=ir.IntType(64))
        below = b.select(piece.whole, b.and_(state, piece.below), zero)
        goes_on = b.and_(state, ir.Constant(ir.IntType(64), BEGUN))
        there = b.icmp_unsigned("!=", b.or_(b.or_(bits, below), goes_on), zero)

        def load(level: ir.Value) -> list[ir.Value]:
            return self._load(b, waiting, b.mul(level, i64(vectors * self.width)), vectors, None)

        with b.if_then(b.or_(there, piece.last)):
            fresh = b.icmp_signed("==", goes_on, zero)
            sums = self._added(b, bits, self._begun(b, fresh, out, vectors, mask), lines)
            with b.if_else(piece.whole) as (whole, part):
                with whole:
                    met = joined(b, sums, below, load)
                    above = b.and_(state, b.not_(b.or_(piece.below, goes_on)))
                    with b.if_else(piece.last) as (done, waits):
                        with done:
                            total = joined(b, met, above, load)
                            nothing = constant(self.vector, self.dtype, 0)
                            total = [b.fadd(value, nothing) for value in total]
                            self._store(b, out, zero, total, mask)
                        with waits:
                            at = b.mul(piece.level, i64(vectors * self.width))
                            self._store(b, waiting, at, met, None)
                            b.store(b.or_(above, b.shl(i64(1), piece.level)), place)
                with part:
                    self._store(b, out, zero, sums, mask)
                    b.store(b.or_(state, ir.Constant(ir.IntType(64), BEGUN)), place)

    def _begun(
        self, b: ir.IRBuilder, fresh: ir.Value, out: ir.Value, vectors: int, mask: ir.Value | None
    ) -> list[ir.Value]:
        """Zeros, or what the block has summed in earlier words."""
        start = b.block
        more, ready = b.append_basic_block("more"), b.append_basic_block("ready")
        b.cbranch(fresh, ready, more)
        b.position_at_end(more)
        known = self._load(b, out, i64(0), vectors, mask)
        b.branch(ready)
        b.position_at_end(ready)
        sums = []
        for value in known:
            phi = b.phi(self.vector)
            phi.add_incoming(constant(self.vector, self.dtype, 0), start)
            phi.add_incoming(value, more)
            sums.append(phi)
        return sums
