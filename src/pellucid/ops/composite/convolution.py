"""Convolution: windows, and their contraction with a kernel. Channels last."""

from __future__ import annotations

import builtins
from operator import add
from typing import Any

from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import ShapeError
from pellucid.core.shapes import Shape
from pellucid.ops.composite.base import asvalue, known_length
from pellucid.ops.composite.indexing import index
from pellucid.ops.composite.movement import fold, moveaxis, pad, permute_dims, reshape
from pellucid.ops.composite.product import contract
from pellucid.ops.composite.sliding import AXES, Padding, known_lengths, slide, sliding, spreading
from pellucid.ops.value import Value


def conv(
    x: Any,
    kernel: Any,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    padding_value: float = 0.0,
    *,
    where: str = "conv",
) -> Value:
    """y[n, i, h] = Σ_k Σ_c x[n, s·i + d·k - p, c] · kernel[k, c, h], over 1 to 3 axes.

    As in every neural network library the kernel is not turned round (a cross-correlation).

    Args:
        x: (N, L₁, …, C), channels last.
        kernel: (K₁, …, C / groups, H).
        strides: s, the steps between windows: a number, or one an axis.
        padding: "valid" (none), "same" (⌈L / s⌉ windows; of an odd number of places the last
            goes behind), a number, or an entry an axis, each a number or a pair (before, behind).
        dilation: d, the distance of a kernel's elements in x.
        groups: the channels and the H maps are cut into so many parts that do not meet; as many
            as channels is a depthwise convolution.
        padding_value: what stands in the padding.

    Returns:
        (N, windows₁, …, H).

    Raises:
        ShapeError: where x, kernel and groups do not fit.
    """
    value, weights = asvalue(x), asvalue(kernel)
    rank = len(weights.type.shape) - 2
    if rank not in AXES or not all(isinstance(dim, int) for dim in weights.type.shape):
        raise ShapeError(
            where,
            f"kernel must be (K, C, H), (K, K, C, H) or (K, K, K, C, H), got {weights.type!r}",
        )
    known_lengths(where, value, rank)
    _check_channels(where, value.type.shape, weights.type.shape, groups)
    plan = sliding(where, value, weights.type.shape[:rank], strides, padding, dilation, rank)
    # The places of a kernel, then the channels: a kernel in memory is a matrix as it stands.
    if groups == 1:
        seen = slide(value, plan, padding_value)
        pairs = [*((rank + 2 + i, i) for i in range(rank)), (rank + 1, rank)]
        return contract(seen, weights, summed=pairs)
    inner, maps = weights.type.shape[-2:]
    assert isinstance(maps, int)
    if inner == 1:  # depthwise: no channel is summed
        weights = reshape(weights, (*weights.type.shape[:rank], groups, maps // groups))
        pairs = [(rank + 2 + i, i) for i in range(rank)]
        seen = slide(value, plan, padding_value)
        out = moveaxis(contract(seen, weights, [(rank + 1, rank)], pairs), 0, -2)
        return reshape(out, (*out.type.shape[:-2], maps))
    parts = reshape(value, (*value.type.shape[:-1], groups, inner))
    weights = reshape(weights, (*weights.type.shape[:-1], groups, maps // groups))
    pairs = [*((rank + 3 + i, i) for i in range(rank)), (rank + 2, rank)]
    seen = slide(parts, plan, padding_value)
    out = moveaxis(contract(seen, weights, [(rank + 1, rank + 1)], pairs), 0, -2)
    return reshape(out, (*out.type.shape[:-2], maps))


def conv_transpose(
    x: Any,
    kernel: Any,
    strides: int | tuple[int, ...] = 1,
    padding: Padding = "valid",
    dilation: int | tuple[int, ...] = 1,
    output_padding: int | tuple[int, ...] | None = None,
    *,
    where: str = "conv_transpose",
) -> Value:
    """y[n, j, h] = Σ x[n, i, c] · kernel[k, h, c] over all i, k with s·i + d·k - p = j.

    The transpose of `conv` with the same kernel, strides, padding and dilation, which takes y to x:
    each element of x adds a kernel to the output.

    Args:
        x: (N, L₁, …, C), channels last.
        kernel: (K₁, …, H, C).
        strides, dilation: s and d, of that convolution.
        padding: of that convolution: how much is cut off from the output, whole kernels reaching
            over its ends. "same" makes s·L places, "valid" cuts nothing off.
        output_padding: places that the output has behind its end, less than s or d: a convolution
            with strides takes outputs of several lengths to x. None is 0 beside numbers, and as
            many as make s·L places for "same" and "valid".

    Returns:
        (N, s·(L₁ - 1) + d·(K₁ - 1) + 1 - (padding at both ends) + output_padding, …, H).

    Raises:
        ShapeError: where x and kernel do not fit, or nothing is left.
    """
    value, weights = asvalue(x), asvalue(kernel)
    rank = len(weights.type.shape) - 2
    if rank not in AXES or not all(isinstance(dim, int) for dim in weights.type.shape):
        raise ShapeError(
            where,
            f"kernel must be (K, H, C), (K, K, H, C) or (K, K, K, H, C), got {weights.type!r}",
        )
    lengths = known_lengths(where, value, rank)
    if value.type.shape[-1] != weights.type.shape[-1]:
        raise ShapeError(
            where,
            f"x must have {weights.type.shape[-1]} channels in its last axis, got "
            f"{shapes.text(value.type.shape)}",
        )
    plan = spreading(
        where, lengths, weights.type.shape[:rank], strides, padding, dilation, output_padding
    )
    # (N, L …, K …, H): the fold wants the inside of windows last.
    products = contract(value, weights, summed=[(rank + 1, rank + 1)])
    order = (*range(rank + 1), 2 * rank + 1, *range(rank + 1, 2 * rank + 1))
    seen = permute_dims(products, order)
    axes = tuple(range(1, rank + 1))
    out = fold(seen, axes, plan.size, plan.strides, plan.dilation, plan.full)
    ends = map(min, plan.full, map(add, plan.low, plan.lengths))
    key = (builtins.slice(None), *map(builtins.slice, plan.low, ends))
    out = index(out, key)
    missing = [
        n - known_length(where, out, axis) for axis, n in zip(axes, plan.lengths, strict=True)
    ]
    if any(missing):
        out = pad(out, 0.0, (0,) * (rank + 2), (0, *missing, 0))
    return out


def _check_channels(where: str, x: Shape, kernel: Shape, groups: int) -> None:
    """The channels of x are those of the kernel, in `groups` equal parts, and so are its maps."""
    integer(where, "groups", groups, 1)
    channels, inner, maps = x[-1], kernel[-2], kernel[-1]
    assert isinstance(maps, int) and isinstance(inner, int)
    if channels != inner * groups:
        fix = ""
        if x[1] == inner * groups:
            fix = "Channels come last here: move them with np.moveaxis(x, 1, -1)."
        raise ShapeError(
            where,
            f"x must have {inner * groups} channels in its last axis, got {shapes.text(x)}",
            fix,
        )
    if maps % groups:
        raise ShapeError(where, f"groups must divide the {maps} output maps, got {groups}")
