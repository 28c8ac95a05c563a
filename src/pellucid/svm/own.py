"""Kernels of a person's own: a Python function of two rows or of two blocks, compiled.

In: the function and the data. Out: blocks of kernel values. Which of the two it is shows when it is
traced: with blocks of 3 and 5 rows a function of blocks gives (3, 5). A function of two rows is
traced once and written out over all pairs. What cannot be compiled is called as it is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core import dtypes, notices
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.data.arrays import Array
from pellucid.graph.node import Graph, TensorType
from pellucid.train.functions import GraphFunction
from pellucid.transform.jit import jit
from pellucid.transform.pairs import over_pairs
from pellucid.transform.trace import trace

_PAIRED = 1 << 23  # numbers that one call may make of pairs of rows
_SAMPLE = 48  # rows that are looked at
_TILE = 512  # rows and columns that are compared at once
_PLAIN = "Compute with NumPy functions and operators of its arguments alone."


class OwnKernel:
    """A function k(a, b) of two rows or of two blocks.

    Of two rows (D,) it gives a number, of two blocks (m, D) and (n, D) it gives (m, n).

    Args:
        x: (n, D) rows that it will be called with.

    Attributes:
        blocks: the function of two blocks.
        traced: whether it runs as machine code, and can be saved.

    Raises:
        ArgumentError: where it gives neither.
    """

    def __init__(self, function: Callable[..., Any], x: Array, where: str):
        self.function, self._where = function, where
        self.blocks, self.traced = self._recognised(x)
        self._call = jit(self.blocks, batch=0) if self.traced else self.blocks
        self._width, self._dtype = x.shape[1], x.dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self.function, self._width, self._dtype, self._where)

    @classmethod
    def loaded(cls, function: Callable[..., Any], width: int, dtype: Any) -> OwnKernel:
        """The kernel of a file: a function of two blocks that records a graph."""
        kernel: OwnKernel = cls.__new__(cls)
        kernel.function = kernel.blocks = function
        kernel.traced, kernel._width, kernel._dtype = True, width, dtype
        kernel._where = "predict"
        kernel._call = jit(function, batch=0)
        return kernel

    def _recognised(self, x: Array) -> tuple[Callable[..., Any], bool]:
        width, dtype = x.shape[1], dtypes.as_dtype(x.dtype.name)
        told: list[str] = []
        for wanted in (_sizes(width), ()):
            shapes: list[tuple[int, ...]] = [(n, width) for n in wanted] or [(width,)] * 2
            try:
                graph = _graph(self.function, [TensorType(dtype, shape) for shape in shapes])
                found = tuple(graph.nodes[graph.outputs[0]].type.shape)
                if found == wanted:
                    if wanted:
                        return self.function, True
                    return functools.partial(_of_rows, self.function), True
                told.append(f"{found} for {_named(shapes)}")
            except Exception as error:  # whatever a person's code raises
                told.append(f"{_said(error)} for {_named(shapes)}")
        return self._untraced(x, told), False

    def _untraced(self, x: Array, told: list[str]) -> Callable[..., Any]:
        """The function as it is, where it takes arrays and gives numbers."""
        width, function = x.shape[1], self.function
        sizes = _sizes(width)
        rows = x[np.arange(sum(sizes)) % len(x)]
        blocks, single = (rows[: sizes[0]], rows[sizes[0] :]), (rows[0], rows[-1])
        for place, (given, wanted) in enumerate(((blocks, sizes), (single, ()))):
            try:
                found = np.asarray(function(*map(_frozen, given)))
            except Exception as error:  # whatever a person's code raises
                told[place] = f"{_said(error)} for {_named([one.shape for one in given])}"
                continue
            if found.shape != wanted or found.dtype.kind not in "biuf":
                told[place] = f"{found.shape} for {_named([one.shape for one in given])}"
                continue
            self._notice()
            if wanted:
                return lambda a, b: function(_frozen(a), _frozen(b))
            return lambda a, b: _by_rows(function, _frozen(a), _frozen(b))
        raise ArgumentError(
            self._where,
            f"kernel must give (m, n) for blocks (m, D) and (n, D), or a number for two rows, got "
            f"{told[0]} and {told[1]}",
            "For rows write lambda a, b: (a @ b + 1) ** 2, for blocks lambda A, B: "
            "(A @ B.T + 1) ** 2.",
        )

    def _notice(self) -> None:
        notices.once(
            f"[svm] the kernel {self.name} cannot be compiled: it is called from Python for every "
            f"block, which is slower, and a machine with it cannot be saved. {_PLAIN}"
        )

    @property
    def name(self) -> str:
        return function_name(self.function)

    def block(self, a: Array, b: Array) -> Array:
        """k(a_m, b_n), (m, n) in the dtype of a.

        Raises:
            DataError: where a value is not finite.
        """
        step = max(1, _PAIRED // max(1, len(b) * self._width))
        parts = [self._part(a[first : first + step], b) for first in range(0, len(a), step)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, a: Array, b: Array) -> Array:
        found = np.asarray(self._call(a, b))
        if found.shape != (len(a), len(b)):
            raise ArgumentError(
                self._where,
                f"kernel must give {(len(a), len(b))} for {a.shape} and {b.shape}, got "
                f"{found.shape}",
            )
        check_values(found, self._where, self.name)
        return np.ascontiguousarray(found, a.dtype)

    def sums(self, a: Array, b: Array, coefficients: Array) -> Array:
        """Σ_s coefficients[k, s]·k(a_m, b_s): float64 (m, k)."""
        step = max(1, _PAIRED // max(1, len(b)))
        parts = [
            self.block(a[first : first + step], b).astype(np.float64) @ coefficients.T
            for first in range(0, len(a), step)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _frozen(x: Array) -> Array:
    """x, read-only: a function that changes its arguments would change the training rows."""
    view = x.view()
    view.flags.writeable = False
    return view


def _by_rows(function: Callable[..., Any], a: Array, b: Array) -> Array:
    return np.array([[float(function(s, t)) for t in b] for s in a])


def _remade(function: Any, width: int, dtype: Any, where: str) -> OwnKernel:
    if isinstance(function, GraphFunction):
        return OwnKernel.loaded(function, width, dtype)
    return OwnKernel(function, np.ones((1, width), dtype), where)


def _sizes(width: int) -> tuple[int, int]:
    """Two numbers of rows that are no number of columns: what a result's axes are then shows."""
    m, n = [size for size in (3, 5, 7) if size != width][:2]
    return m, n


def _graph(function: Callable[..., Any], types: list[TensorType]) -> Graph:
    traced = trace(function, types, ["a", "b"], lambda values: (tuple(values), {}))
    if len(traced.graph.outputs) != 1:
        raise ValueError(f"{len(traced.graph.outputs)} results")
    return traced.with_constants()


def _of_rows(function: Callable[..., Any], a: Any, b: Any) -> Any:
    """A function of two rows as one of blocks, for the dtype of these."""
    types = [TensorType(one.type.dtype, one.type.shape[1:]) for one in (a, b)]
    return over_pairs(_graph(function, types), a, b)


def _named(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(str(shape).replace(" ", "") for shape in shapes)


def _said(error: Exception) -> str:
    text = error.problem if isinstance(error, PellucidError) else f"{type(error).__name__} {error}"
    return f"an error ({text:.120})"


def function_name(function: object) -> str:
    """How messages name a kernel function."""
    return str(getattr(function, "__name__", type(function).__name__))


def check_values(values: Array, where: str, name: str) -> None:
    """Refuses NaN and infinity from a kernel function.

    Args:
        name: of the function.
    """
    if not np.isfinite(values).all():
        odd = float(values[~np.isfinite(values)][0])
        raise DataError(
            where,
            f"kernel function {name} must give finite numbers, got {odd}",
            "Look at what it does to the rows of x.",
        )


def check_matrix(matrix: Array, where: str, name: str, numbers: Array) -> None:
    """Refuses kernels that are not symmetric, or not positive among some of many rows.

    Args:
        matrix: (n, n); numbers: (n,) of its rows, for the message.

    Raises:
        DataError: names two rows, or the least eigenvalue.
    """
    chosen = sample(len(matrix))
    part = matrix[np.ix_(chosen, chosen)]
    if not np.isfinite(part).all():
        raise DataError(where, f"{name} must be finite, got infinity or NaN")
    slack = _rounding(part)
    for first, second in itertools.combinations_with_replacement(range(0, len(matrix), _TILE), 2):
        one = matrix[first : first + _TILE, second : second + _TILE]
        other = matrix[second : second + _TILE, first : first + _TILE].T
        odd = np.abs(one - other) > slack
        if odd.any():
            i, j = np.argwhere(odd)[0].tolist()
            row, column = numbers[first + i], numbers[second + j]
            raise DataError(
                where,
                f"{name} must be symmetric, got k({row}, {column}) = {one[i, j]:.6g} and "
                f"k({column}, {row}) = {other[i, j]:.6g}",
                "Average both: (K + K.T) / 2.",
            )
    least = below_zero(part)
    if least:
        raise DataError(
            where,
            f"{name} must be positive, without eigenvalues below 0, got {least:.3g}",
            "Distances are no kernels: np.exp(-distances ** 2) is one.",
        )


def below_zero(matrix: Array) -> float:
    """The least eigenvalue of a symmetric matrix where it is below 0 by more than rounding, else 0.

    Args:
        matrix: (n, n), few rows.
    """
    exact = matrix.astype(np.float64)
    least = float(np.linalg.eigvalsh((exact + exact.T) / 2)[0])
    return least if least < -_rounding(matrix) * len(matrix) else 0.0


def _rounding(matrix: Array) -> float:
    """What may be rounding of a kernel value."""
    relative = 1e-4 if matrix.dtype == np.float32 else 1e-8
    return relative * max(float(np.abs(matrix).max()), 1e-300)


def sample(n: int, count: int = _SAMPLE) -> Array:
    """So many rows, spread over n; ascending."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).astype(np.int64))
