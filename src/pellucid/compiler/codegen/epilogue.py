"""What a kernel does with the tiles of its product, while they are in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pellucid.compiler.codegen.body import Body
from pellucid.compiler.codegen.layout import as_matrix, memory_type
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.core.shapes import Dim


class Epilogue:
    """A function of the module, one a kernel, and how to call it.

    Args:
        rows: how many axes of the result, from the front, are the rows of the matrix.
        columns: the length of a row.
    """

    def __init__(self, scope: Scope, rows: int, columns: Dim):
        self.scope, self.axes, self.columns = scope, rows, columns
        pointer, number = ir.PointerType(), ir.IntType(64)
        operands = [*scope.writes, *scope.reads]
        types = [pointer, *[number] * 6, *[pointer] * len(operands)]
        module = scope.builder.module
        kind = ir.FunctionType(ir.VoidType(), types)
        self.function = ir.Function(module, kind, f"{scope.builder.function.name}.epilogue")
        self.function.linkage = "internal"
        self._emit()

    def call(
        self, tile: ir.Value, stride: ir.Value, first_row: ir.Value, rows: ir.Value,
        first_column: ir.Value, columns: ir.Value,
    ) -> None:  # fmt: skip
        """Applies the rest of the kernel to a block of the result that stands at `tile`."""
        scope = self.scope
        addresses = [operand.pointer for operand in (*scope.writes, *scope.reads)]
        block = [tile, stride, first_row, rows, first_column, columns]
        scope.builder.call(self.function, [*block, scope.rows, *addresses])

    def _emit(self) -> None:
        kernel = self.scope.kernel
        builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        tile, stride, first_row, rows, first_column, columns, n, *addresses = self.function.args
        count = len(kernel.writes)
        written, read = addresses[:count], addresses[count:]
        scope = replace(
            self.scope,
            builder=builder,
            rows=n,
            writes=_operands(written, self.scope.writes),
            reads=_operands(read, self.scope.reads),
        )
        dtype = scope.head.type.dtype
        width = scope.lanes(dtype)
        element = memory_type(dtype)

        def block(row: ir.Value, column: ir.Value, mask: ir.Value) -> None:
            b = builder
            at = b.gep(tile, [b.add(b.mul(row, stride), column)], source_etype=element)
            body = Body(scope, width, mask)
            product = Operand(at, scope.head.type)
            body.set(scope.head_value, scope.load_vector(product, i64(0), width, mask))
            i, j = b.add(first_row, row), b.add(first_column, column)
            for number, down, across in self._walks(scope):
                offset: ir.Value = i64(0)
                if down != 0:
                    offset = b.mul(i, scope.dim(down))
                if across != 0:
                    offset = b.add(offset, b.mul(j, scope.dim(across)))
                body.bind(number, scope.reads[number], offset, across == 0)
            place = b.add(b.mul(i, scope.dim(self.columns)), j)
            values = [body.value(result) for result in kernel.results]
            for operand, value in zip(scope.writes, values, strict=True):
                body.store(operand, value, place)

        vectors = builder.udiv(builder.add(columns, i64(width - 1)), i64(width))
        with loop(builder, rows, "row") as row, loop(builder, vectors, "vector") as vector:
            column = builder.mul(vector.index, i64(width))
            # All lanes of a whole vector, the first of the last one: one body serves both.
            block(row.index, column, scope.mask(builder.sub(columns, column), width))
        builder.ret_void()

    def _walks(self, scope: Scope) -> list[tuple[int, Dim, Dim]]:
        """Number, row stride and column stride of each input that the rest of the kernel reads."""
        found = []
        for number in rest_reads(scope):
            walk = as_matrix(scope.head.type.shape, self.axes, scope.reads[number].type.shape)
            assert walk is not None, "`fuse` asks before it joins"
            found.append((number, *walk))
        return found


def rest_reads(scope: Scope) -> list[int]:
    """The inputs whose elements the kernel reads beside its head."""
    rest = {
        value
        for one in scope.kernel.body
        if one is not scope.head and one.op != "size"
        for value in one.inputs
    }
    return sorted(value for value in rest if value < len(scope.reads))


def _operands(addresses: Sequence[ir.Value], operands: Sequence[Operand]) -> tuple[Operand, ...]:
    return tuple(
        Operand(address, operand.type) for address, operand in zip(addresses, operands, strict=True)
    )
