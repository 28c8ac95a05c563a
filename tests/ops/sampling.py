"""What a case is: shapes and attributes of one call of a row, and how its inputs are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.dtypes import (
    DType,
    bool_,
    int64,
)
from pellucid.core.shapes import Shape
from pellucid.graph.node import TensorType
from pellucid.ops.spec import Op

UNDER_TEST = "the dtype under test"  # stands for it in attributes
MARGIN = 0.01  # no sample lies closer to another, or to a whole or half number


@dataclass(frozen=True)
class Mask:
    """A boolean input."""


@dataclass(frozen=True)
class Index:
    """An integer input in [0, length), repeats included."""

    length: int
    dtype: DType = int64


@dataclass(frozen=True)
class Case:
    """One way to call a row. Dimensions may be N, which stands for `rows`.

    Args:
        draws: what an input is when it is not a tensor of the dtype under test.
        dtypes: the dtypes under test; None for all that the row accepts.
    """

    shapes: tuple[Shape, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    draws: tuple[Mask | Index | None, ...] = ()
    dtypes: tuple[DType, ...] | None = None
    rows: int = 4

    def __str__(self) -> str:
        inputs = " ".join(shapes.text(shape) for shape in self.shapes) or "–"
        attrs = ", ".join(f"{name}={_short(value)}" for name, value in self.attrs.items())
        return f"{inputs} {attrs}".strip()

    @property
    def symbolic(self) -> bool:
        named = any(map(shapes.has_batch, self.shapes))
        return named or shapes.bind(tuple(self.attrs.values()), 1) != tuple(self.attrs.values())

    @property
    def empty(self) -> bool:
        return 0 in [dim for shape in self.bound().shapes for dim in shape] or 0 in self.attrs.get(
            "shape", ()
        )

    @property
    def scalar(self) -> bool:
        return () in self.shapes or self.attrs.get("shape") == ()

    def bound(self, rows: int | None = None) -> Case:
        """The case with a number in place of N."""
        n = self.rows if rows is None else rows
        attrs = {name: shapes.bind(value, n) for name, value in self.attrs.items()}
        return replace(self, shapes=shapes.bind(self.shapes, n), attrs=attrs)

    def draw(self, i: int) -> Mask | Index | None:
        return self.draws[i] if i < len(self.draws) else None

    def types(self, dtype: DType) -> list[TensorType]:
        result = []
        for i, shape in enumerate(self.shapes):
            draw = self.draw(i)
            own = bool_ if isinstance(draw, Mask) else getattr(draw, "dtype", dtype)
            result.append(TensorType(own, shape))
        return result

    def attributes(self, dtype: DType) -> dict[str, Any]:
        return {
            name: dtype if isinstance(value, str) and value == UNDER_TEST else value
            for name, value in self.attrs.items()
        }


def _short(value: Any) -> str:
    return "dtype" if value == UNDER_TEST else repr(value).replace(" ", "")


def seed_of(*words: object) -> int:
    """A seed that is the same in every run and on every machine."""
    return zlib.crc32(" ".join(map(str, words)).encode())


def sample(op: Op, case: Case, dtype: DType) -> list[np.ndarray]:
    """Inputs for a case without N, drawn from the row's samples, away from kinks and ties."""
    for attempt in range(50):
        arrays = _draw(op, case, dtype, attempt)
        floats = [array for array in arrays if array.dtype.kind == "f"]
        if not floats or _apart(floats):
            break
    return arrays


def _draw(op: Op, case: Case, dtype: DType, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed_of(op.name, case, seed))
    arrays = []
    for i, type in enumerate(case.types(dtype)):
        draw = case.draw(i)
        shape = tuple(int(dim) for dim in type.shape)
        if isinstance(draw, Mask) or type.dtype.kind == "b":
            array: Any = rng.integers(0, 2, shape)
        elif isinstance(draw, Index):
            array = rng.integers(0, draw.length, shape)
        else:
            low, high = op.samples[min(i, len(op.samples) - 1)]
            array = _numbers(rng, shape, low, high, type.dtype)
        arrays.append(np.asarray(array).astype(type.dtype.name))
    return arrays


def _numbers(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float, dtype: DType
) -> np.ndarray:
    if not dtype.is_float:
        first = max(0, int(np.ceil(low))) if dtype.kind == "u" else int(np.ceil(low))
        return rng.integers(first, int(np.floor(high)) + 1, shape)
    n = int(np.prod(shape))
    places = (np.arange(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    values = low + (high - low) * rng.permutation(places)
    near = np.abs(2 * values - np.round(2 * values)) < 4 * MARGIN
    return np.where(near, values + 4 * MARGIN, values).reshape(shape)


def _apart(floats: Sequence[np.ndarray]) -> bool:
    """Whether all numbers lie apart from each other and from multiples of a half."""
    values = np.sort(np.concatenate([array.ravel().astype(np.float64) for array in floats]))
    off = np.abs(2 * values - np.round(2 * values)) / 2
    return bool(np.all(np.diff(values) > MARGIN / 2) and np.all(off > MARGIN / 2))


def dtypes_of(op: Op, case: Case) -> tuple[DType, ...]:
    """The dtypes a case is run in."""
    return case.dtypes or op.accepts
