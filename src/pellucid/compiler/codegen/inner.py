"""Functions inside a kernel: parts of it that are called from several places, or many times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.compiler.codegen.tiles import argument_types


def _context(scope: Scope) -> list[ir.Value]:
    """What a kernel is given, in the order in which its inner functions get it."""
    pointers = [operand.pointer for operand in (*scope.writes, *scope.reads)]
    return [*pointers, scope.rows, scope.part, scope.parts, scope.scratch, scope.status]


class Inner:
    """An internal function of a kernel that sees all the kernel sees, and arguments of its own."""

    def __init__(self, scope: Scope, name: str, letters: str):
        given = _context(scope)
        types = [*(value.type for value in given), *argument_types(letters)]
        module = scope.builder.module
        full = f"{scope.builder.function.name}.{name}"
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), types), full)
        self.function.linkage = "internal"
        self._outer, self._count = scope, len(given)

    @contextmanager
    def body(self) -> Iterator[tuple[Scope, list[ir.Value]]]:
        """The function under construction: its scope, and its own arguments."""
        given = list(self.function.args[: self._count])
        outer = self._outer
        builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        operands = [
            Operand(pointer, operand.type)
            for pointer, operand in zip(given, (*outer.writes, *outer.reads), strict=False)
        ]
        writes = len(outer.writes)
        rows, part, parts, scratch, status = given[len(operands) :]
        scope = dataclasses.replace(
            outer, builder=builder, rows=rows, part=part, parts=parts, scratch=scratch,
            status=status, writes=tuple(operands[:writes]), reads=tuple(operands[writes:]),
        )  # fmt: skip
        yield scope, list(self.function.args[self._count :])
        builder.ret_void()

    def call(self, scope: Scope, *arguments: ir.Value) -> None:
        scope.builder.call(self.function, [*_context(scope), *arguments])
