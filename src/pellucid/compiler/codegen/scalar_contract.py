"""`contract` one element at a time: for integers, and for machines without fused multiply-add."""

from __future__ import annotations

from pellucid.compiler.codegen.elementwise import ElementwiseBody
from pellucid.compiler.codegen.epilogue import behind
from pellucid.compiler.codegen.layout import broadcast_strides, register_type, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import Scope, constant
from pellucid.core.shapes import Dim
from pellucid.ops.contract import free_axes


def scalar_contract(scope: Scope) -> None:
    """Loops over the result, and inside them over what is summed."""
    x, y = scope.inputs
    x_steps, y_steps = x.strides, y.strides
    batch, summed = scope.attr("batch"), scope.attr("summed")
    x_free = free_axes(len(x_steps), [i for i, _ in (*batch, *summed)])
    y_free = free_axes(len(y_steps), [j for _, j in (*batch, *summed)])
    # The axes of the result, batch then x then y, as each operand walks them.
    x_walk = [*(x_steps[i] for i, _ in batch), *(x_steps[i] for i in x_free), *(0 for _ in y_free)]
    y_walk = [*(y_steps[j] for _, j in batch), *(0 for _ in x_free), *(y_steps[j] for j in y_free)]
    shape = scope.head.type.shape
    length = [x.type.shape[i] for i, _ in summed]
    k_walks = [[x_steps[i] for i, _ in summed], [y_steps[j] for _, j in summed]]
    numbers = behind(scope)
    others = [broadcast_strides(scope.reads[number].type.shape, shape) for number in numbers]
    walks = [strides(shape), x_walk, y_walk, *others]
    with scope.shared_walk(shape, walks) as element:
        place, x_at, y_at, *offsets = element.offsets
        body = ElementwiseBody(scope, None)
        body.set(scope.head_value, _dot(scope, length, k_walks, [x_at, y_at]))
        for number, offset in zip(numbers, offsets, strict=True):
            body.bind(number, scope.reads[number], offset, False)
        values = [body.value(result) for result in scope.kernel.results]
        for operand, value in zip(scope.writes, values, strict=True):
            body.store(operand, value, place)


def _dot(
    scope: Scope, length: list[Dim], walks: list[list[Dim]], starts: list[ir.Value]
) -> ir.Value:
    """Σ_k x[k]·y[k], in order."""
    x, y = scope.inputs
    dtype = x.type.dtype
    zero = constant(register_type(dtype), dtype, 0)
    with scope.walk(length, walks, starts, [zero], "k") as inner:
        left, right = (
            scope.load(operand, offset)
            for operand, offset in zip((x, y), inner.offsets, strict=True)
        )
        inner.set([multiply_add(scope.builder, left, right, inner.carried[0], dtype.is_float)])
    return inner.result[0]


def multiply_add(
    builder: ir.IRBuilder, x: ir.Value, y: ir.Value, out: ir.Value, is_float: bool
) -> ir.Value:
    """x·y + out, rounded once; in integers it wraps around."""
    if is_float:
        return intrinsic(builder, "fma", out.type, x, y, out)
    return builder.add(builder.mul(x, y), out)
