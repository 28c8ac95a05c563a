"""Convolution: windows, and their contraction with a kernel. Channels last."""

from __future__ import annotations

from typing import Any

from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import ShapeError
from pellucid.core.shapes import Shape
from pellucid.ops.composite.base import asvalue
from pellucid.ops.composite.movement import moveaxis, reshape
from pellucid.ops.composite.product import contract
from pellucid.ops.composite.sliding import AXES, Padding, known_lengths, slide, sliding
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
    parts = reshape(value, (*value.type.shape[:-1], groups, inner))
    weights = reshape(weights, (*weights.type.shape[:-1], groups, maps // groups))
    pairs = [*((rank + 3 + i, i) for i in range(rank)), (rank + 2, rank)]
    seen = slide(parts, plan, padding_value)
    out = moveaxis(contract(seen, weights, [(rank + 1, rank + 1)], pairs), 0, -2)
    return reshape(out, (*out.type.shape[:-2], maps))


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
