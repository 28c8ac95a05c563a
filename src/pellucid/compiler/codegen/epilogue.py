"""What a contraction's kernel does to each finished tile: its elementwise instructions.

The tile stands in the cache and never reaches memory itself, unless it is a result. Operands are
walked as the rows and columns of the result, so each has two strides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pellucid.compiler.codegen.elementwise import ElementwiseBody, widest
from pellucid.compiler.codegen.layout import as_matrix
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, loop
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.compiler.codegen.sweep import across
from pellucid.compiler.codegen.tiles import argument_types
from pellucid.compiler.program import VIEWED
from pellucid.core.shapes import Dim
from pellucid.graph.node import TensorType
from pellucid.ops.contract import free_axes


def behind(scope: Scope) -> list[int]:
    """Which inputs the instructions behind the head read, in order."""
    used = {
        number
        for one in scope.kernel.body
        if one is not scope.head and one.op not in ("size", *VIEWED)
        for number in one.inputs
    }
    used.update(scope.kernel.results)
    return sorted(number for number in used if number < len(scope.reads))


def row_axes(scope: Scope) -> int:
    """How many leading axes of the result are rows of the matrix: all but y's own."""
    y = scope.inputs[1].type.shape
    used = [j for _, j in (*scope.attr("batch"), *scope.attr("summed"))]
    return len(scope.head.type.shape) - len(free_axes(len(y), used))


APART = 8  # how many places rows are taken from in turn where they may not follow each other

# context; tile, its stride along rows; first row, rows; first column, columns
ARGUMENTS = "p" + "pl" + "llll"


def context_length(scope: Scope) -> int:
    """How many words `write_context` writes."""
    return len(scope.writes) + len(scope.reads) + 1


def write_context(scope: Scope, context: ir.Value) -> None:
    """Puts what the epilogue sees of the kernel in memory: where its operands stand, and N."""
    b, pointer = scope.builder, ir.PointerType()
    seen = [operand.pointer for operand in (*scope.writes, *scope.reads)]
    for number, value in enumerate([*seen, scope.rows]):
        b.store(value, b.gep(context, [i64(number)], source_etype=pointer))


def epilogue(scope: Scope, rows: int, columns: Dim) -> ir.Value:
    """The address of the function that does the rest of the kernel to a part of the matrix.

    Args:
        rows: how many leading axes of the result are rows of the matrix.
        columns: its columns. Parts begin at whole vectors of them.
    """
    name = f"{scope.builder.function.name}.rest"
    kind = ir.FunctionType(ir.VoidType(), argument_types(ARGUMENTS))
    function = ir.Function(scope.builder.module, kind, name)
    function.linkage = "internal"
    b = ir.IRBuilder(function.append_basic_block("entry"))
    context, *given = function.args
    operands = (*scope.writes, *scope.reads)
    pointer = ir.PointerType()

    def seen(number: int, kind: ir.Type) -> ir.Value:
        return b.load(b.gep(context, [i64(number)], source_etype=pointer), typ=kind)

    found = tuple(Operand(seen(n, pointer), one.type) for n, one in enumerate(operands))
    count = len(scope.writes)
    n = seen(len(operands), ir.IntType(64))
    inside = replace(scope, builder=b, rows=n, writes=found[:count], reads=found[count:])
    _emit(inside, given, rows, columns)
    b.ret_void()
    return ir.FormattedConstant(pointer, function.get_reference())


class _Pointed:
    """An address as llvmlite wants what it calls."""

    def __init__(self, address: ir.Value):
        self.function_type = ir.FunctionType(ir.VoidType(), argument_types(ARGUMENTS))
        self.get_reference = address.get_reference


def call_epilogue(b: ir.IRBuilder, address: ir.Value, *arguments: ir.Value) -> None:
    """Calls the epilogue at `address`; arguments as `ARGUMENTS` says."""
    b.call(_Pointed(address), arguments)


def _emit(scope: Scope, given: list[ir.Value], axes: int, wide: Dim) -> None:
    b = scope.builder
    pointer, line, *area = given
    tile = Operand(pointer, TensorType(scope.head.type.dtype, ()))

    def finished(row: ir.Value) -> Callable[..., ir.Value]:
        start = b.sub(b.mul(b.sub(row, area[0]), line), area[2])

        def elements(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> ir.Value:
            if lanes is None:
                return scope.load(tile, b.add(start, column))
            return scope.load_vector(tile, b.add(start, column), lanes, mask)

        return elements

    rectangle(scope, axes, wide, area, finished)


def rectangle(
    scope: Scope,
    axes: int,
    wide: Dim,
    area: Sequence[ir.Value],
    head: Callable[[ir.Value], Callable[..., ir.Value]],
    spread: bool = False,
) -> None:
    """The kernel's instructions behind its head, for a part of the result.

    Args:
        axes: how many leading axes of the result are rows of the matrix; wide: its columns.
        area: first row, rows; first column, columns. It begins at a whole vector of them.
        head: for a row, what gives the head's value by column, lanes (None for one element) and
            mask.
        spread: whether rows shorter than a vector are taken in turn from APART places: a masked
            read just behind a masked write beside it would wait for that.
    """
    b, shape = scope.builder, scope.head.type.shape
    first_row, rows, first_column, columns = area
    numbers = behind(scope)
    walks = [_strides(scope.reads[number].type.shape, shape, axes) for number in numbers]
    out_walk = _strides(shape, shape, axes)
    width = scope.vector_bytes // widest(scope.kernel)
    narrow = spread and isinstance(wide, int) and wide < width
    with loop(b, rows, "row", [i64(0), i64(0)] if narrow else []) as row:
        index = row.index
        if narrow:  # each of APART places in turn, then the row behind each
            begun, index = row.carried
            after = b.add(index, groups(b, rows, APART))
            over = b.icmp_signed(">=", after, rows)
            begun = b.add(begun, b.zext(over, begun.type))
            row.next = [begun, b.select(over, begun, after)]
        number = b.add(first_row, index)
        elements = head(number)
        lines = [b.mul(number, scope.dim(walk[0])) for walk in walks]
        goal = b.mul(number, scope.dim(out_walk[0]))

        def emit(column: ir.Value, lanes: int | None, mask: ir.Value | None) -> None:
            body = ElementwiseBody(scope, lanes, mask)
            place = b.add(first_column, column)
            body.set(scope.head_value, elements(place, lanes, mask))
            for which, walk, start in zip(numbers, walks, lines, strict=True):
                offset = start if walk[1] == 0 else b.add(start, place)
                body.bind(which, scope.reads[which], offset, walk[1] == 0)
            values = [body.value(result) for result in scope.kernel.results]
            for operand, value in zip(scope.writes, values, strict=True):
                body.store(operand, value, b.add(goal, place))

        across(scope, columns, isinstance(wide, int) and wide % width == 0, width, emit)


def _strides(shape: tuple[Dim, ...], wide: tuple[Dim, ...], axes: int) -> tuple[Dim, Dim]:
    found = as_matrix(wide, axes, shape)
    assert found is not None, "the fusing pass asked before"
    return found
