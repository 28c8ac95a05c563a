"""What a contraction's kernel does to each finished tile: its elementwise instructions.

The tile stands in the cache and never reaches memory itself, unless it is a result. Operands are
walked as the rows and columns of the result, so each has two strides.
"""

from __future__ import annotations

from pellucid.compiler.codegen.body import Body, widest
from pellucid.compiler.codegen.inner import Inner
from pellucid.compiler.codegen.layout import as_matrix
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import i64, loop
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.core.shapes import Dim
from pellucid.graph.node import TensorType
from pellucid.ops.contract import free_axes


def behind(scope: Scope) -> list[int]:
    """Which inputs the instructions behind the head read, in order."""
    used = {
        number
        for one in scope.kernel.body
        if one is not scope.head and one.op != "size"
        for number in one.inputs
    }
    used.update(scope.kernel.results)
    return sorted(number for number in used if number < len(scope.reads))


def row_axes(scope: Scope) -> int:
    """How many leading axes of the result are rows of the matrix: all but y's own."""
    y = scope.inputs[1].type.shape
    used = [j for _, j in (*scope.attr("batch"), *scope.attr("summed"))]
    return len(scope.head.type.shape) - len(free_axes(len(y), used))


class Epilogue:
    """The rest of a kernel, as a function over a part of the result's matrix."""

    # tile, its stride along rows; first row, rows; first column, columns
    ARGUMENTS = "plllll"

    def __init__(self, scope: Scope):
        self._inner = Inner(scope, "epilogue", self.ARGUMENTS)
        with self._inner.body() as (inside, given):
            _emit(inside, given)

    @staticmethod
    def needed(scope: Scope) -> bool:
        """Whether the kernel does more than write the product."""
        return scope.kernel.results != (scope.head_value,)

    def call(self, scope: Scope, *arguments: ir.Value) -> None:
        self._inner.call(scope, *arguments)


def _emit(scope: Scope, given: list[ir.Value]) -> None:
    b, shape = scope.builder, scope.head.type.shape
    pointer, line, first_row, rows, first_column, columns = given
    tile = Operand(pointer, TensorType(scope.head.type.dtype, ()))
    numbers, axes = behind(scope), row_axes(scope)
    walks = [_strides(scope.reads[number].type.shape, shape, axes) for number in numbers]
    out_walk = _strides(shape, shape, axes)
    width = scope.vector_bytes // widest(scope.kernel)
    with loop(b, rows, "row") as row:
        here = b.mul(row.index, line)
        number = b.add(first_row, row.index)
        lines = [b.mul(number, scope.dim(walk[0])) for walk in walks]
        goal = b.mul(number, scope.dim(out_walk[0]))

        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            body = Body(scope, lanes, mask)
            value = (
                scope.load(tile, b.add(here, column))
                if lanes is None
                else scope.load_vector(tile, b.add(here, column), lanes, mask)
            )
            body.set(scope.head_value, value)
            place = b.add(first_column, column)
            for which, walk, start in zip(numbers, walks, lines, strict=True):
                offset = start if walk[1] == 0 else b.add(start, place)
                body.bind(which, scope.reads[which], offset, walk[1] == 0)
            values = [body.value(result) for result in scope.kernel.results]
            for operand, value in zip(scope.writes, values, strict=True):
                body.store(operand, value, b.add(goal, place))

        _across(scope, columns, width, emit)


def _across(scope: Scope, columns: ir.Value, width: int, emit: object) -> None:
    """Whole vectors of a row, then what is left of it."""
    b = scope.builder
    with loop(b, b.udiv(columns, i64(width)), "column") as block:
        emit(b.mul(block.index, i64(width)), width, None)  # type: ignore[operator]
    rest = b.and_(columns, i64(width - 1))
    done = b.sub(columns, rest)
    if not scope.target.masks:
        with loop(b, rest, "rest") as one:
            emit(b.add(done, one.index), None, None)  # type: ignore[operator]
        return
    with b.if_then(b.icmp_signed(">", rest, i64(0))):
        emit(done, width, scope.mask(rest, width))  # type: ignore[operator]


def _strides(shape: tuple[Dim, ...], wide: tuple[Dim, ...], axes: int) -> tuple[Dim, Dim]:
    found = as_matrix(wide, axes, shape)
    assert found is not None, "the fusing pass asked before"
    return found
