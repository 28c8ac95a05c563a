"""Kernels without sums: elementwise rows with broadcasting, rows that move elements, constants.

`TABLE` says which function emits which operation. All of them are loops over the result in
row-major order; axes that every tensor walks alike run as one loop.
"""

from __future__ import annotations

from collections.abc import Callable

from pellucid.compiler.codegen import scalars
from pellucid.compiler.codegen.layout import broadcast_strides, register_type, strides
from pellucid.compiler.codegen.loops import i64
from pellucid.compiler.codegen.matmul import contract
from pellucid.compiler.codegen.reduce import total
from pellucid.compiler.codegen.scalars import Element
from pellucid.compiler.codegen.scope import Scope, constant
from pellucid.core.shapes import Dim


def elementwise(scope: Scope) -> None:
    """out[i] = f(x[i], y[i], …); an input that repeats along an axis has stride 0 there."""
    shape = scope.out.type.shape
    walks = [strides(shape)]
    walks += [broadcast_strides(operand.type.shape, shape) for operand in scope.reads]
    emit = scalars.TABLE[scope.kernel.op]
    dtypes = tuple(operand.type.dtype for operand in scope.reads)
    element = Element(scope.builder, scope.name, dtypes)
    with scope.walk(shape, walks) as body:
        place, *offsets = body.offsets
        values = [
            scope.load(operand, offset)
            for operand, offset in zip(scope.reads, offsets, strict=True)
        ]
        scope.store(emit(element, *values, **dict(scope.kernel.attrs)), place)


def _move(scope: Scope, walk: tuple[Dim, ...]) -> None:
    """Copies x, read along `walk`, to the result."""
    shape = scope.out.type.shape
    with scope.walk(shape, [strides(shape), walk]) as body:
        place, offset = body.offsets
        scope.store(scope.load(scope.reads[0], offset, scope.name), place)


def reshape(scope: Scope) -> None:
    """The same elements in the same order."""
    _move(scope, strides(scope.out.type.shape))


def broadcast_to(scope: Scope) -> None:
    _move(scope, broadcast_strides(scope.reads[0].type.shape, scope.out.type.shape))


def permute_dims(scope: Scope) -> None:
    own = strides(scope.reads[0].type.shape)
    _move(scope, tuple(own[axis] for axis in scope.attr("axes")))


def full(scope: Scope) -> None:
    """One number everywhere."""
    type = scope.out.type
    value = constant(register_type(type.dtype), type.dtype, scope.attr("value"))
    with scope.walk(type.shape, [strides(type.shape)]) as body:
        scope.store(value, body.offsets[0])


def size(scope: Scope) -> None:
    """A dimension as a number; N is known here."""
    scope.store(scope.dim(scope.reads[0].type.shape[scope.attr("axis")]), i64(0))


TABLE: dict[str, Callable[[Scope], None]] = {
    **dict.fromkeys(scalars.TABLE, elementwise),
    "reshape": reshape,
    "broadcast_to": broadcast_to,
    "permute_dims": permute_dims,
    "full": full,
    "size": size,
    "sum": total,
    "contract": contract,
}
