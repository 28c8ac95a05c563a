"""Kernels by their head. A kernel without one is elementwise; `HEADS` has an emitter for the rest.

An elementwise kernel is one pass over its results in row-major order, a vector at a time. Axes that
every tensor walks alike run as one loop; an input that repeats along an axis has stride 0 there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pellucid.compiler.codegen import scalars
from pellucid.compiler.codegen.depthwise import depthwise
from pellucid.compiler.codegen.depthwise_gradient import depthwise_kernel
from pellucid.compiler.codegen.elementwise import ElementwiseBody, walked, widest
from pellucid.compiler.codegen.extremes import argmax, extreme, one_hot
from pellucid.compiler.codegen.layout import strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.matmul import contract
from pellucid.compiler.codegen.movement import (
    concat,
    flip,
    fold,
    iota,
    pad,
    part,
    permute_dims,
    windows,
)
from pellucid.compiler.codegen.positions import gather, scatter_add
from pellucid.compiler.codegen.random import normal, random_bits, uniform
from pellucid.compiler.codegen.reduce import total
from pellucid.compiler.codegen.scatter_tree import scatter_in_blocks
from pellucid.compiler.codegen.scope import Operand, Scope
from pellucid.compiler.codegen.sort import argsort
from pellucid.compiler.codegen.sweep import sweep
from pellucid.compiler.program import SPREAD, VIEWED, Program
from pellucid.core import shapes
from pellucid.core.errors import CompileError


def elementwise(scope: Scope) -> None:
    """out[i] = f(x[i], y[i], …) for every result of the kernel."""
    shape = scope.kernel.type_of(scope.kernel.results[0]).shape
    walks = walked(scope, shape)
    walks += [strides(shape) for _ in scope.writes]
    reads = len(scope.reads)

    def emit(
        offsets: list[ir.Value],
        repeats: list[bool],
        width: int | None,
        mask: ir.Value | None,
        operands: Sequence[Operand] = scope.reads,
    ) -> None:
        body = ElementwiseBody(scope, width, mask)
        for number, operand in enumerate(operands):
            body.bind(number, operand, offsets[number], repeats[number])
        values = [body.value(result) for result in scope.kernel.results]
        for operand, value, offset in zip(scope.writes, values, offsets[reads:], strict=True):
            body.store(operand, value, offset)

    width = scope.vector_bytes // widest(scope.kernel)
    sweep(scope, shape, walks, width, shapes.size(shape), emit, scope.reads)


def _scatter_add(scope: Scope) -> None:
    block = dict(scope.head.attrs).get("block")
    if block is None or not scope.head.type.dtype.is_float:
        scatter_add(scope)
    else:
        scatter_in_blocks(scope, block)


HEADS: dict[str, Callable[[Scope], None]] = {
    "sum": total,
    "contract": contract,
    "depthwise": depthwise,
    "depthwise_kernel": depthwise_kernel,
    "max": extreme,
    "min": extreme,
    "argmax": argmax,
    "one_hot": one_hot,
    "permute_dims": permute_dims,
    "slice": part,
    "flip": flip,
    "concat": concat,
    "pad": pad,
    "windows": windows,
    "fold": fold,
    "iota": iota,
    "gather": gather,
    "scatter_add": _scatter_add,
    "argsort": argsort,
    "random_bits": random_bits,
    "uniform": uniform,
    "normal": normal,
}


def emit(scope: Scope) -> None:
    """The code of a kernel."""
    head = scope.kernel.head
    (elementwise if head is None else HEADS[head.op])(scope)


def check_supported(program: Program) -> None:
    """Every instruction has an emitter.

    Raises:
        CompileError: naming the first operation that has none, and its line.
    """
    for kernel in program.kernels:
        for one in kernel.body:
            table: object = {*scalars.TABLE, *SPREAD} if one.elementwise else {*HEADS, *VIEWED}
            if one.op not in table:  # type: ignore[operator]
                raise CompileError(
                    one.op,
                    f"the native engine must have code for {one.op}, and has none",
                    "Run it with backend='interpreter'.",
                    line=one.line,
                )
