"""`contract` one element at a time: for integers, and for machines without fused multiply-add."""

from __future__ import annotations

from pellucid.compiler.codegen.elementwise import ElementwiseBody
from pellucid.compiler.codegen.epilogue import behind
from pellucid.compiler.codegen.layout import broadcast_strides, register_type, strides
from pellucid.compiler.codegen.llvm import ir
from pellucid.compiler.codegen.loops import groups, i64, least, loop, nest
from pellucid.compiler.codegen.scalars import intrinsic
from pellucid.compiler.codegen.scope import Scope, constant, vector_type
from pellucid.compiler.codegen.tree import above, carried, joined
from pellucid.core.dtypes import float64, int64
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
        total = _dot(scope, length, k_walks, [x_at, y_at])
        body.set(scope.head_value, total)
        for number, offset in zip(numbers, offsets, strict=True):
            body.bind(number, scope.reads[number], offset, False)
        values = [body.value(result) for result in scope.kernel.results]
        for operand, value in zip(scope.writes, values, strict=True):
            body.store(operand, value, place)


def _dot(
    scope: Scope, length: list[Dim], walks: list[list[Dim]], starts: list[ir.Value]
) -> ir.Value:
    """Σ_k x[k]·y[k], in order; of floats in blocks where they are cut."""
    block = dict(scope.head.attrs).get("block")
    if block is not None and scope.head.type.dtype.is_float:
        return _in_blocks(scope, length, walks, starts, block)
    dtype = scope.head.type.dtype
    zero = constant(register_type(dtype), dtype, 0)
    with scope.walk(length, walks, starts, [zero], "k") as inner:
        inner.set([_more(scope, inner.offsets, inner.carried[0])])
    return inner.result[0]


def _more(scope: Scope, offsets: list[ir.Value], total: ir.Value) -> ir.Value:
    left, right = (
        scope.load(operand, offset) for operand, offset in zip(scope.inputs, offsets, strict=True)
    )
    return multiply_add(scope, left, right, total)


def _in_blocks(
    scope: Scope, length: list[Dim], walks: list[list[Dim]], starts: list[ir.Value], block: int
) -> ir.Value:
    """The same sum in blocks of the first axis, which meet in their tree."""
    b, dtype = scope.builder, scope.head.type.dtype
    zero = constant(register_type(dtype), dtype, 0)
    first, *rest = length
    steps = [[scope.dim(step) for step in walk] for walk in walks]

    def place(level: ir.Value) -> ir.Value:
        return b.gep(scope.scratch, [level], source_etype=zero.type)

    def load(level: ir.Value) -> list[ir.Value]:
        return [b.load(place(level), typ=zero.type)]

    count = scope.dim(first)
    blocks = groups(b, count, block)
    with loop(b, blocks, "block", [zero]) as one:
        begin = b.mul(one.index, i64(block))
        lengths = [least(b, b.sub(count, begin), i64(block)), *map(scope.dim, rest)]
        at = [b.add(start, b.mul(begin, own[0])) for start, own in zip(starts, steps, strict=True)]
        with nest(b, lengths, steps, "k", at, [zero]) as inner:
            inner.set([_more(scope, inner.offsets, inner.carried[0])])
        sums, level = carried(b, inner.result, one.index, load)
        b.store(sums[0], place(level))
        one.next = sums
    return b.fadd(joined(b, one.carried, above(b, blocks), load)[0], zero)


def multiply_add(scope: Scope, x: ir.Value, y: ir.Value, out: ir.Value) -> ir.Value:
    """x·y + out, rounded once, alone or in vectors; in integers it wraps around."""
    b = scope.builder
    element = out.type.element if isinstance(out.type, ir.VectorType) else out.type
    if str(element) == "float" and not scope.target.fused:
        return _rounded_once(b, x, y, out)
    if str(element) in ("float", "double"):
        return intrinsic(b, "fma", out.type, x, y, out)
    return b.add(b.mul(x, y), out)


def _rounded_once(b: ir.IRBuilder, x: ir.Value, y: ir.Value, out: ir.Value) -> ir.Value:
    """x·y + out of float32 by plain float64, alone or in vectors.

    The product is exact, and so is the error of the sum (Knuth). Where it is not 0 the sum is
    rounded to odd: of its two neighbours, the one whose last bit is 1. float64 has more than 24 + 2
    bits, so to round that to float32 is to round once.

    Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
    using rounding to odd", IEEE Transactions on Computers 57(4), 2008.
    """
    lanes = out.type.count if isinstance(out.type, ir.VectorType) else None
    double, word = vector_type(float64, lanes), vector_type(int64, lanes)
    product = b.fmul(b.fpext(x, double), b.fpext(y, double))
    added = b.fpext(out, double)
    total = b.fadd(product, added)
    part = b.fsub(total, product)
    error = b.fadd(b.fsub(product, b.fsub(total, part)), b.fsub(added, part))
    bits = b.bitcast(total, word)
    even = b.icmp_signed("==", b.and_(bits, constant(word, int64, 1)), constant(word, int64, 0))
    inexact = b.fcmp_ordered("!=", error, constant(double, float64, 0))  # NaN beside infinity: no
    # The bits of a float rise with its magnitude: away from 0 is up.
    away = b.icmp_signed(">=", b.xor(b.bitcast(error, word), bits), constant(word, int64, 0))
    odd = b.add(bits, b.select(away, constant(word, int64, 1), constant(word, int64, -1)))
    chosen = b.select(b.and_(even, inexact), odd, bits)
    return b.fptrunc(b.bitcast(chosen, double), out.type)
