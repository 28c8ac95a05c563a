"""Layers that prepare the columns of a table: their state is learned from data once, by `adapt`.

In: columns of numbers, NaN where a cell is missing. Out: numbers that a network takes. Training
leaves the state as it is; it stands in the model's file beside the weights.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pellucid.core import dtypes, shapes
from pellucid.core.arguments import integer, real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, DataError, DTypeError, ShapeError
from pellucid.core.forks import hold
from pellucid.graph.node import TensorType
from pellucid.nn.init import Initializer, initializer
from pellucid.nn.layer import Layer, Tree, drawn_from
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.extras import numpy_dtype
from pellucid.transform.arrays import as_array

Array = np.ndarray[Any, Any]
_FAR = 1e15  # where a scaled value ends: its square is a float32
_FARTHEST = 1e30  # where an infinity stands: times a slope of 0 it is 0
_STEEP = 1e30  # the largest slope, and the inverse of the smallest scale: float32 holds both
_DAY, _HOUR = 86400.0, 3600.0


def _width(where: str, x: TensorType) -> int:
    """D of x (N, D)."""
    if len(x.shape) != 2 or not isinstance(x.shape[1], int):
        raise ShapeError(where, f"x must be (N, D), got {shapes.text(x.shape)}")
    return x.shape[1]


def _is_missing(x: Value) -> Value:
    return elementwise("not_equal", x, x)


@dataclasses.dataclass(frozen=True)
class Adapted(Layer):
    """Base of layers whose state `adapt` learns."""

    def adapt(self, x: Any, dtype: str = "float32") -> None:
        """Learns the state from data, in place of what was learned before.

        Args:
            x: (N, D) numbers; what is not finite is left out.
            dtype: of the model that the layer stands in.
        """
        where = f"{self.where}.adapt"
        data = np.asarray(as_array(x, where), np.float64)
        if data.ndim != 2 or not len(data):
            raise ShapeError(
                where,
                f"x must be (N, D) with a row or more, got {shapes.text(data.shape)}",
                "Pass x.reshape(-1, 1) for one column.",
            )
        kept = numpy_dtype(dtypes.as_dtype(dtype, where))
        variables = self.variables

        def learn(own: bool) -> None:
            if not own:
                raise ArgumentError(
                    where, "the layer must not be trained at the moment, got a call while it is"
                )
            learned = self._learned(data)
            variables.params = {}
            variables.state = {name: array.astype(kept) for name, array in learned.items()}

        hold([variables.claim], learn)

    def _learned(self, x: Array) -> dict[str, Array]:
        raise NotImplementedError

    def _check(self, x: Value, state: Tree, name: str) -> None:
        width = state[name].type.shape[0]
        if _width(self.where, x.type) != width:
            raise ShapeError(self.where, f"x must be (N, {width}), got {shapes.text(x.type.shape)}")


def _columns(x: Array) -> list[Array]:
    """The finite values of each column, sorted."""
    return [np.sort(column[np.isfinite(column)]) for column in x.T]


@record
class Standardize(Adapted):
    """y = z / √(1 + (z/limit)²), z = (x - median) / (q₇₅ - q₂₅): numbers of a table, tamed.

    Median and quartiles of each column are those of the data that `adapt` saw. Near 0 y is z; an
    outlier comes near ±limit and never beyond. Where the quartiles are equal the scale is half the
    range, and 1 for a constant. A missing value, NaN, stands at the median: y = 0. Before `adapt`
    the median is 0 and the scale 1.

    Args:
        limit: > 0.

    Shapes: x and y (N, D); center and scale (D,).
    Source: Holzmüller, Grinsztajn and Steinwart, NeurIPS 2024 (RealMLP).
    """

    limit: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(self.where, "limit", self.limit, 1e-3, 1e6)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        shape = (_width(self.where, x),)
        zeros, ones = composite.zeros(shape, x.dtype), composite.ones(shape, x.dtype)
        return {}, {"center": zeros, "scale": ones}

    def _learned(self, x: Array) -> dict[str, Array]:
        center, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
        for i, values in enumerate(_columns(x)):
            if len(values):
                low, center[i], high = np.quantile(values, [0.25, 0.5, 0.75])
                with np.errstate(over="ignore"):
                    scale[i] = (high - low) or (values[-1] / 2 - values[0] / 2) or 1.0
        scale = np.clip(scale, 1 / _STEEP, np.finfo(np.float64).max)
        return {"center": center, "scale": scale}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._check(x, state, "center")
        known = composite.where(_is_missing(x), state["center"], x)
        z = composite.clip((known - state["center"]) / state["scale"], -_FAR, _FAR)
        return z / elementwise("sqrt", 1 + elementwise("square", z / self.limit)), state


@record
class QuantileBins(Adapted):
    """y_t = min(max((x - b_t) / (b_{t+1} - b_t), 0), 1): how far x is through each of T bins.

    The edges b₀ … b_T of each column are quantiles of the data that `adapt` saw, so each bin holds
    as many of them; where values repeat, some bins are empty and their code is 0. A network that
    reads these codes is a piecewise linear function of x before its first weight. A missing value,
    NaN, has the codes 0. Before `adapt` the edges part [0, 1] evenly.

    Args:
        bins: T.

    Shapes: x (N, D), y (N, D·T), codes of one column side by side; low and slope (D, T).
    Source: Gorishniy, Rubachev and Babenko, NeurIPS 2022; there the first and the last code grow
    beyond [0, 1].
    """

    bins: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        integer(self.where, "bins", self.bins, 2, 1024)

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        width = _width(self.where, x)
        edges = composite.astype(composite.arange(self.bins), x.dtype) / self.bins
        shape = (width, self.bins)
        slope = composite.full(shape, float(self.bins), x.dtype)
        return {}, {"low": composite.broadcast_to(edges, shape), "slope": slope}

    def _learned(self, x: Array) -> dict[str, Array]:
        low, slope = np.zeros((2, x.shape[1], self.bins))
        at = np.linspace(0, 1, self.bins + 1)
        for i, values in enumerate(_columns(x)):
            if len(values):
                edges = np.unique(np.quantile(values, at))
                low[i] = edges[-1]
                low[i, : len(edges) - 1] = edges[:-1]
                with np.errstate(over="ignore"):
                    slope[i, : len(edges) - 1] = 1 / np.diff(edges)
        return {"low": low, "slope": np.minimum(slope, _STEEP)}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._check(x, state, "low")
        rows, width = x.type.shape
        each = composite.reshape(composite.clip(x, -_FARTHEST, _FARTHEST), (rows, width, 1))
        codes = composite.clip((each - state["low"]) * state["slope"], 0.0, 1.0)
        codes = composite.where(_is_missing(each), 0.0, codes)
        return composite.reshape(codes, (rows, width * self.bins)), state


@record
class MissingFlag(Layer):
    """y = 1 where a value is missing, NaN, and else 0.

    Args:
        columns: numbers of the columns that get a flag; None: all.

    Shapes: x (N, D), y (N, one a column).
    """

    columns: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.columns is None:
            return
        if not isinstance(self.columns, (list, tuple)) or not self.columns:
            raise ArgumentError(
                self.where, f"columns must be numbers of columns, got {self.columns!r}"
            )
        numbers = tuple(integer(self.where, "columns", one, 0) for one in self.columns)
        object.__setattr__(self, "columns", numbers)

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        width = _width(self.where, x.type)
        if self.columns is not None:
            if max(self.columns) >= width:
                raise ShapeError(
                    self.where,
                    f"x must have a column {max(self.columns)}, got {shapes.text(x.type.shape)}",
                )
            x = composite.take(x, np.array(self.columns), axis=1)
        return composite.astype(_is_missing(x), x.type.dtype), state


@record
class Dates(Layer):
    """Seconds since 1970 as six numbers: themselves, year, month, day, weekday and hour (UTC).

    Weekdays count from Monday, 0. NaN, a missing date, stays NaN in all six.

    Shapes: x (N, D) float64, y (N, 6·D), the numbers of one date side by side. float32 would be
    two minutes off, so the model must have dtype="float64".
    Source: the Gregorian calendar by days of eras of 400 years (Hinnant, chrono-compatible dates).
    """

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        width = _width(self.where, x.type)
        if x.type.dtype is not dtypes.float64:
            raise DTypeError(
                self.where,
                f"seconds since 1970 must be float64, got {x.type.dtype.name}",
                'Give the model dtype="float64".',
            )

        def whole(value: Value) -> Value:
            return elementwise("floor", value)

        days = whole(x / _DAY)
        hour = whole((x - days * _DAY) / _HOUR)
        monday = days + 3.0
        weekday = monday - 7.0 * whole(monday / 7.0)
        shifted = days + 719468.0  # days since 1 March of the year 0
        era = whole(shifted / 146097.0)
        day_of_era = shifted - era * 146097.0
        leaps = whole(day_of_era / 1460) - whole(day_of_era / 36524) + whole(day_of_era / 146096)
        year_of_era = whole((day_of_era - leaps) / 365.0)
        before = 365.0 * year_of_era + whole(year_of_era / 4) - whole(year_of_era / 100)
        day_of_year = day_of_era - before  # from 1 March on
        fifth = whole((5.0 * day_of_year + 2.0) / 153.0)
        day = day_of_year - whole((153.0 * fifth + 2.0) / 5.0) + 1.0
        month = fifth + 3.0 - 12.0 * whole((fifth + 2.0) / 12.0)
        year = year_of_era + 400.0 * era + whole((fifth + 2.0) / 12.0)
        parts = composite.stack([x, year, month, day, weekday, hour], axis=-1)
        return composite.reshape(parts, (x.type.shape[0], 6 * width)), state


@record
class TargetScale(Adapted):
    """y = mean + deviation·x: what a network of standardised targets says, in the targets' units.

    `adapt` learns mean and standard deviation of the targets; `scaled` gives what to train on.
    Before `adapt` they are 0 and 1.

    Shapes: x and y (N, H); center and scale (H,).
    """

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        shape = (_width(self.where, x),)
        zeros, ones = composite.zeros(shape, x.dtype), composite.ones(shape, x.dtype)
        return {}, {"center": zeros, "scale": ones}

    def _learned(self, x: Array) -> dict[str, Array]:
        if not np.isfinite(x).all():
            raise DataError(
                f"{self.where}.adapt", "targets must be finite, got others", "Drop such rows."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            center, deviation = x.mean(axis=0), x.std(axis=0)
        if not np.isfinite(deviation).all():
            raise DataError(
                f"{self.where}.adapt",
                f"targets must have a deviation that float64 holds, got {np.abs(x).max():g}",
                "Divide them by a power of ten.",
            )
        return {"center": center, "scale": np.where(deviation > 0, deviation, 1.0)}

    def scaled(self, y: Any) -> Array:
        """Targets (N, H) less their mean, by their deviation."""
        state = self.variables.state
        if state is None:
            raise ArgumentError(self.where, "targets must be seen first", "Call adapt(y) before.")
        found: Array = (np.asarray(y, np.float64) - state["center"]) / state["scale"]
        return found

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        self._check(x, state, "center")
        return state["center"] + state["scale"] * x, state


@record
class Categories(Layer):
    """Codes of categories as numbers: one-hot for few levels, rows of a trained table for many.

    A column of L levels has the codes 0 … L - 1. A code below 0 is a missing cell, one from L on a
    level that training did not see: both have a level of their own. In training each code becomes
    the unseen level with probability `drop`, so that it means something when it comes.

    Args:
        levels: L of each column.
        one_hot: columns of so many levels at most are one-hot: y has L + 2 numbers of each.
        units: numbers of y for each other column.
        drop: in [0, 1).
        embeddings_initializer: how the table starts.

    Shapes: x (N, D), table (Σ (L + 2), units) over the columns with many levels; y (N, those
    one-hot, then those of the table).
    """

    levels: tuple[int, ...]
    one_hot: int = 8
    units: int = 8
    drop: float = 0.05
    embeddings_initializer: str | Initializer = "normal"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.levels, (list, tuple)) or not self.levels:
            raise ArgumentError(
                self.where,
                f"levels must be how many each column has, got {self.levels!r}",
                "Write levels=(2, 40) for two columns.",
            )
        counts = tuple(integer(self.where, "levels", one, 0, 1 << 23) for one in self.levels)
        object.__setattr__(self, "levels", counts)
        integer(self.where, "one_hot", self.one_hot, 0, 4096)
        integer(self.where, "units", self.units, 1)
        real(self.where, "drop", self.drop, 0, 1, open_high=True)
        initializer(self.where, "embeddings_initializer", self.embeddings_initializer)

    @property
    def _few(self) -> list[int]:
        return [i for i, count in enumerate(self.levels) if count <= self.one_hot]

    @property
    def _many(self) -> list[int]:
        return [i for i, count in enumerate(self.levels) if count > self.one_hot]

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        rows = sum(self.levels[i] + 2 for i in self._many)
        if not rows:
            return {}, {}
        start = initializer(self.where, "embeddings_initializer", self.embeddings_initializer)
        return {"table": start.values(key.child("table"), (rows, self.units), x.dtype)}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        if _width(self.where, x.type) != len(self.levels):
            raise ShapeError(
                self.where,
                f"x must be (N, {len(self.levels)}), a code a column, got "
                f"{shapes.text(x.type.shape)}",
            )
        codes = self._rows(x, train, key)
        parts = []
        if self._few:
            parts.append(self._indicators(codes))
        if self._many:
            parts.append(self._looked_up(codes, params["table"]))
        return (composite.concat(parts, axis=-1) if len(parts) > 1 else parts[0]), state

    def _rows(self, x: Value, train: bool, key: Key | None) -> Value:
        """Codes in [0, L + 2): the missing level is L, the unseen one L + 1."""
        counts = np.array(self.levels, numpy_dtype(x.type.dtype))
        unseen = counts + 1
        codes = composite.where(elementwise("greater_equal", x, counts), unseen, x)
        codes = composite.where(elementwise("less", x, 0.0), counts, codes)
        if train and self.drop:
            drawn = drawn_from(self.where, key).uniform(x.type.shape, x.type.dtype)
            codes = composite.where(elementwise("less", drawn, self.drop), unseen, codes)
        return codes

    def _indicators(self, codes: Value) -> Value:
        sizes = [self.levels[i] + 2 for i in self._few]
        columns = np.repeat(np.array(self._few), sizes)
        wanted = np.concatenate([np.arange(size) for size in sizes])
        spread = composite.take(codes, columns, axis=1)
        same = elementwise("equal", spread, wanted.astype(numpy_dtype(codes.type.dtype)))
        return composite.astype(same, codes.type.dtype)

    def _looked_up(self, codes: Value, table: Value) -> Value:
        sizes = [self.levels[i] + 2 for i in self._many]
        first = np.cumsum([0, *sizes[:-1]])
        own = composite.take(codes, np.array(self._many), axis=1)
        rows = composite.astype(own + first.astype(numpy_dtype(codes.type.dtype)), "int64")
        found = composite.gather(table, rows)
        return composite.reshape(found, (codes.type.shape[0], len(sizes) * self.units))
