"""`contract` as a plain nest of loops: any axes, any dtype, one element at a time.

What `matmul.py` cannot tile comes here: integers, and axes that do not join to a matrix.
"""

from __future__ import annotations

from pellucid.compiler.codegen.body import Body, walked
from pellucid.compiler.codegen.layout import register_type, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import Scope, constant
from pellucid.core.shapes import Dim
from pellucid.ops.contract import free_axes


def plain(scope: Scope) -> None:
    """Loops over the result, and inside them over what is summed; then the kernel's other rows."""
    x, y = scope.inputs
    x_steps, y_steps = strides(x.type.shape), strides(y.type.shape)
    batch, summed = scope.attr("batch"), scope.attr("summed")
    x_free = free_axes(len(x_steps), [i for i, _ in (*batch, *summed)])
    y_free = free_axes(len(y_steps), [j for _, j in (*batch, *summed)])
    # The axes of the result, batch then x then y, as each operand walks them.
    x_walk = [*(x_steps[i] for i, _ in batch), *(x_steps[i] for i in x_free), *(0 for _ in y_free)]
    y_walk = [*(y_steps[j] for _, j in batch), *(0 for _ in x_free), *(y_steps[j] for j in y_free)]
    shape = scope.head.type.shape
    length = [x.type.shape[i] for i, _ in summed]
    k_walks = [[x_steps[i] for i, _ in summed], [y_steps[j] for _, j in summed]]
    rest = {n for one in scope.kernel.body if one is not scope.head for n in one.inputs}
    others = sorted(n for n in rest if n < len(scope.reads))
    walks = walked(scope, shape, others)
    with scope.shared_walk(shape, [strides(shape), x_walk, y_walk, *walks]) as inner:
        place, left, right, *offsets = inner.offsets
        body = Body(scope, None)
        body.set(scope.head_value, _dot(scope, length, k_walks, [left, right]))
        for number, offset in zip(others, offsets, strict=True):
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
