"""Products past the zeros of their left operand whose blocks of k meet in a tree (see `tree.py`).

    sums(the arguments of `sparse.py`, block, room, levels)

A word of bits is taken block by block. What a block has summed so far waits at the result's place;
the levels of each row stand in `room`.
"""

from __future__ import annotations

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop
from pellucid.compiler.codegen.scope import constant, first_lanes
from pellucid.compiler.codegen.sparse import WORD, Lines, Sparse
from pellucid.compiler.codegen.tree import carried, joined


class TreeSparse(Sparse):
    """The functions of a module for one dtype."""

    def sums(self, vectors: int, packed: bool) -> ir.Function:
        name = f"tree{vectors}.packed" if packed else f"tree{vectors}"
        function, b = self._function(name, ir.VoidType(), "pnnpnnpnppnnnnpn")
        if b is None:
            return function
        (
            x,
            x_row,
            x_k,
            bits,
            words,
            depth,
            y,
            y_k,
            room,
            out,
            out_row,
            rows,
            columns,
            block,
            waiting,
            levels,
        ) = function.args
        mask = first_lanes(b, b.sub(columns, i64((vectors - 1) * self.width)), self.width)
        zeros = [constant(self.vector, self.dtype, 0)] * vectors
        blocks = groups(b, depth, block)
        one_row = b.mul(levels, i64(vectors * self.width))
        with b.if_then(b.icmp_signed("==", depth, i64(0))), loop(b, rows, "clear") as row:
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
            with loop(b, rows, "row") as row:
                at = b.add(b.mul(row.index, words), word.index)
                known = b.load(b.gep(bits, [at], source_etype=ir.IntType(64)), typ=ir.IntType(64))
                left = self._at(b, x, b.add(b.mul(row.index, x_row), b.mul(first, x_k)))
                place = b.mul(row.index, out_row)
                own = self._at(b, waiting, b.mul(row.index, one_row))
                lines = Lines(left, x_k, right, right_k, vectors, mask)

                def load(level: ir.Value, own: ir.Value = own) -> list[ir.Value]:
                    return self._load(b, own, self._level(b, level, vectors), vectors, None)

                with loop(b, pieces, "piece") as piece:
                    number = b.add(begun, piece.index)
                    top, bottom = b.mul(number, block), b.mul(b.add(number, i64(1)), block)
                    bottom = least(b, bottom, depth)
                    low = b.select(b.icmp_signed(">", top, first), b.sub(top, first), i64(0))
                    high = b.sub(least(b, bottom, end), first)
                    inside = b.lshr(i64(-1), b.sub(i64(WORD), b.sub(high, low)))
                    some = b.and_(known, b.shl(inside, low))
                    fresh = b.icmp_signed(">=", top, first)
                    sums = self._begun(b, fresh, out, place, vectors, mask)
                    sums = self._added(b, some, sums, lines)
                    with b.if_else(b.icmp_signed("<=", bottom, end)) as (whole, part):
                        with whole:
                            met, level = carried(b, sums, number, load)
                            last = b.icmp_signed("==", bottom, depth)
                            with b.if_else(last) as (done, waits):
                                with done:
                                    total = joined(b, met, blocks, load)
                                    total = [b.fadd(one, zeros[0]) for one in total]
                                    self._store(b, out, place, total, mask)
                                with waits:
                                    at = self._level(b, level, vectors)
                                    self._store(b, own, at, met, None)
                        with part:
                            self._store(b, out, place, sums, mask)
        b.ret_void()
        return function

    def _level(self, b: ir.IRBuilder, level: ir.Value, vectors: int) -> ir.Value:
        return b.mul(level, i64(vectors * self.width))

    def _begun(
        self,
        b: ir.IRBuilder,
        fresh: ir.Value,
        out: ir.Value,
        place: ir.Value,
        vectors: int,
        mask: ir.Value,
    ) -> list[ir.Value]:
        """Zeros, or what the block has summed in earlier words."""
        start = b.block
        more, ready = b.append_basic_block("more"), b.append_basic_block("ready")
        b.cbranch(fresh, ready, more)
        b.position_at_end(more)
        known = self._load(b, out, place, vectors, mask)
        b.branch(ready)
        b.position_at_end(ready)
        sums = []
        for value in known:
            phi = b.phi(self.vector)
            phi.add_incoming(constant(self.vector, self.dtype, 0), start)
            phi.add_incoming(value, more)
            sums.append(phi)
        return sums
