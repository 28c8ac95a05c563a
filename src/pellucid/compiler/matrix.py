"""Tensors seen as matrices: whether one stride along rows and one along columns describe them.

The fusing pass asks this before it puts elementwise instructions behind a contraction.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.codegen.layout import broadcast_strides, merged
from pellucid.core.shapes import Dim, Shape


def matrix_strides(shape: Shape, wide: Shape, row_axes: int) -> tuple[Dim, Dim] | None:
    """Strides of a tensor of `shape`, broadcast to `wide`, along its rows and columns.

    Args:
        row_axes: how many leading axes of `wide` are rows; the others are columns.

    Returns:
        The strides in elements, 0 where the tensor repeats; that of the columns is 0 or 1. None
        where two strides do not describe it.

    Example:
        >>> matrix_strides((200,), (100, 200), 1)
        (0, 1)
        >>> matrix_strides((4, 1), (3, 4, 5), 1) is None
        True
    """
    own = broadcast_strides(shape, wide)
    rows = _one_stride(wide[:row_axes], own[:row_axes])
    columns = _one_stride(wide[row_axes:], own[row_axes:])
    if rows is None or columns not in (0, 1):
        return None
    return rows, columns


def _one_stride(dims: Sequence[Dim], steps: Sequence[Dim]) -> Dim | None:
    """The one stride along these axes, if there is one; 0 along a single element."""
    _, (found,) = merged(dims, [steps])
    if len(found) > 1:
        return None
    return found[0] if found else 0
