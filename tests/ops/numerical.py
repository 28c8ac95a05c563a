"""Jacobians by central differences, the second opinion behind every derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

STEP = 1e-3  # with four points the error is step⁴·f⁽⁵⁾/30: rounding and truncation near 1e-11


def jacobian(
    function: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]],
    arrays: Sequence[np.ndarray],
    wrt: Sequence[int],
) -> np.ndarray:
    """∂(all outputs, flat)/∂(all inputs `wrt`, flat), in float64.

    f′(x) ≈ (8·(f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h
    """
    columns = []
    moved = list(arrays)
    for i in wrt:
        for element in range(arrays[i].size):
            values = []
            for k in (1, -1, 2, -2):
                changed = arrays[i].copy()
                changed.reshape(-1)[element] += k * STEP
                moved[i] = changed
                values.append(flat(function(moved)))
            with np.errstate(all="ignore"):
                near, far = values[0] - values[1], values[2] - values[3]
                columns.append(np.nan_to_num((8 * near - far) / (12 * STEP)))
        moved[i] = arrays[i]
    rows = flat(function(arrays)).size
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))


def flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """All elements behind each other."""
    parts = [np.asarray(array, np.float64).reshape(-1) for array in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def close(got: np.ndarray, wanted: np.ndarray, what: str, tolerance: float = 1e-7) -> None:
    """Equal to `tolerance` of the largest number at hand."""
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, wanted {wanted.shape}"
    odd = ~np.isfinite(wanted)
    assert np.array_equal(got[odd], wanted[odd], equal_nan=True), f"{what}: {got}, wanted {wanted}"
    got, wanted = got[~odd], wanted[~odd]
    scale = 1 + (float(np.max(np.abs(wanted))) if wanted.size else 0.0)
    off = float(np.max(np.abs(got - wanted))) if got.size else 0.0
    assert off <= tolerance * scale, f"{what}: {got} instead of {wanted}, off by {off:.3g}"
