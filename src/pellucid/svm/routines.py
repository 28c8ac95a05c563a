"""The routines of the solver as machine code, with the names and arguments of `reference.py`.

In: NumPy arrays, which are changed in place. Out: as there. Where there can be no machine code,
`reference.py` runs, and that is said once. Long work is cut into calls of some hundredths of a
second, so that Ctrl-C is heard between them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.core import notices
from pellucid.core.dtypes import DType, float32, float64
from pellucid.core.errors import CompileError
from pellucid.data.arrays import Array
from pellucid.runtime.calls import address_of
from pellucid.runtime.machine import this_machine
from pellucid.runtime.results import empty
from pellucid.runtime.routines import Call, Library
from pellucid.svm import emit_accumulate, emit_kernels, emit_smo, reference
from pellucid.svm.emit_kernels import CHUNK
from pellucid.svm.emit_passes import mark_bytes
from pellucid.svm.emit_products import Layout
from pellucid.svm.kernels import KINDS, Kernel
from pellucid.svm.problem import Together
from pellucid.svm.reference import Outcome, Status

WALKED = 50_000_000  # variables that one call of `smo` walks over, at most: some 0.05 s
MULTIPLIED = 4_000_000_000  # products that one call of `rows` or `combine` sums, at most
ADDED = 500_000_000  # numbers that one call of `accumulate` reads, at most
WORTH_THREADS = 4_000_000  # products from which several threads are faster: some 0.1 ms
EPILOGUE = 16  # products that take as long as one kernel of a finished product
PANEL = 1 << 18  # bytes of X that stay in a core's second cache while the rows of A pass by
_HIGH = 8  # tiles of a block of `combine`, at most


@functools.cache
def native() -> bool:
    """Whether there can be machine code; where not, why is said once."""
    try:
        if this_machine().target.fused:
            return True
        why = "the processor must multiply and add in one instruction, got one that does not."
    except CompileError as error:
        why = f"{error.problem}. {error.fix}"
    notices.once(f"[svm] runs on NumPy, which is slower: {why}")
    return False


def _dtype(dtype: np.dtype[Any]) -> DType:
    return float32 if dtype == np.float32 else float64


@functools.cache
def _smo_library(dtype: DType) -> Library:
    return Library(emit_smo.emit, dtype)


@functools.cache
def _smo(dtype: DType) -> Call:
    return _smo_library(dtype).routine(emit_smo.ROUTINE)


@functools.cache
def _smo_each(dtype: DType) -> Call:
    return _smo_library(dtype).routine(emit_smo.EACH)


@functools.cache
def _accumulate(dtype: DType) -> Call:
    return Library(emit_accumulate.emit, dtype).routine(emit_accumulate.ROUTINE)


class _Kernels:
    """The routines of kernels between rows of a dtype."""

    def __init__(self, dtype: DType, library: Library):
        self.layout = Layout(library.target, dtype)
        self.pack_columns = library.routine(emit_kernels.PACK_COLUMNS)
        self.pack_rows = library.routine(emit_kernels.PACK_ROWS)
        self.rows = library.routine(emit_kernels.ROWS)
        self.combine = library.routine(emit_kernels.COMBINE)


@functools.cache
def _kernels(dtype: DType) -> _Kernels:
    return _Kernels(dtype, Library(emit_kernels.emit, dtype))


def smo(
    rows: Array,
    diag: Array,
    F: Array,
    b: Array,
    lo: Array,
    hi: Array,
    up: Array,
    low: Array,
    segments: Array,
    tolerance: float,
    iterations: int,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """As `reference.smo`."""
    if not native():
        return reference.smo(
            rows, diag, F, b, lo, hi, up, low, segments, tolerance, iterations, stop
        )
    call = _smo(_dtype(diag.dtype))
    lengths = segments[:, 3]
    if not lengths.all() or not len(segments):
        segments = segments[lengths > 0]
        if not len(segments):
            return Outcome(Status.CONVERGED, 0, -math.inf, -1)
    segments = np.ascontiguousarray(segments)
    half = mark_bytes(int(lengths.sum()), len(segments))
    marks = np.empty(2 * half, np.uint8)
    arrays = (rows, diag, F, b, lo, hi, up, low, segments, marks)
    addresses = [address_of(array) for array in arrays]
    counts = len(segments), int(segments[:, 4].max()) + 1, half
    piece = max(1, WALKED // max(1, len(b)))
    done = 0
    while True:
        most = min(piece, iterations - done)
        table = call(*addresses, *counts, tolerance, most)
        done += table.done
        status = Status(table.status)
        if status is Status.BOUND and done < iterations:
            if stop is None or not stop():
                continue
            status = Status.STOPPED
        return Outcome(status, done, table.gap, table.missing)


def smo_each(
    rows: Array,
    diag: Array,
    together: Together,
    tolerance: float,
    iterations: Array,
    threads: int,
) -> list[Outcome]:
    """`smo` of each of some problems, of which none walks over more than WALKED variables.

    Args:
        rows, diag: of the rows of all problems, one problem behind the other.
        iterations: int64 (k,), how many pairs each changes, at most.
    """
    t, starts, lines = together, together.starts, together.lines
    if not native():
        parts = [slice(*ends) for ends in itertools.pairwise(starts.tolist())]
        return [
            reference.smo(
                rows[part],
                diag[part],
                one.F,
                one.b,
                one.lo,
                one.hi,
                one.up,
                one.low,
                one.segments,
                tolerance,
                int(most),
            )
            for part, one, most in zip(parts, t, iterations, strict=True)
        ]
    form, each = emit_smo.ROUTINE, _smo_each(_dtype(diag.dtype))
    place = {word[1:]: number for number, word in enumerate(form.words)}
    lengths = np.diff(starts)
    half = mark_bytes(lengths, np.diff(lines))
    ends = np.cumsum([0, *(2 * half)])
    marks = np.empty(ends[-1], np.uint8)
    tables = np.zeros((len(t), len(form.words)), np.int64)
    reals = tables.view(np.float64)
    for number, array in enumerate((rows, diag, t.F, t.b, t.lo, t.hi, t.up, t.low)):
        tables[:, number] = address_of(array) + starts[:-1] * array.itemsize
    tables[:, place["segments"]] = address_of(t.segments) + lines[:-1] * t.segments.strides[0]
    tables[:, place["marks"]] = address_of(marks) + ends[:-1]
    tables[:, place["count"]], tables[:, place["groups"]] = np.diff(lines), 1
    tables[:, place["mark_bytes"]], tables[:, place["iterations"]] = half, iterations
    reals[:, place["tolerance"]] = tolerance
    walked = np.cumsum(lengths * iterations) // (WALKED * threads)
    bounds = [0, *(np.flatnonzero(np.diff(walked)) + 1).tolist(), len(t)]
    for first, stop in itertools.pairwise(bounds):
        each(address_of(tables[first:stop]), stop - first, len(form.words), threads=threads)
    results = (tables[:, place[name]].tolist() for name in ("status", "done", "missing"))
    gaps = reals[:, place["gap"]].tolist()
    return [
        Outcome(Status(status), done, gap, missing)
        for status, done, missing, gap in zip(*results, gaps, strict=True)
    ]


class _Side:
    """A set of rows as the product reads it: packed, with |row|² beside it."""

    def __init__(self, call: Call, X: Array, mean: Array, groups: int, lanes: int, threads: int):
        rows, depth = X.shape
        self.numbers = empty((groups * lanes * max(depth, 1),), X.dtype)
        self.norms = empty((groups * lanes,), X.dtype)
        addresses = [address_of(array) for array in (X, mean, self.numbers, self.norms)]
        source, mean_at, self.at, self.norms_at = addresses
        threads = threads if X.size >= WORTH_THREADS // 8 else 1
        call(source, rows, depth, mean_at, self.at, self.norms_at, groups, threads=threads)


def packed(X: Array) -> reference.Packed:
    """`Packed`, as machine code where there can be."""
    return Packed(X) if native() else reference.Packed(X)


class Packed(reference.Packed):
    """As `reference.Packed`."""

    def __init__(self, X: Array):
        super().__init__(np.ascontiguousarray(X))
        self._code = _kernels(_dtype(X.dtype))
        self._layout = self._code.layout
        self._sides: dict[bool, tuple[Array, _Side]] = {}

    def rows(self, kernel: Kernel, A: Array, out: Array, threads: int = 1) -> None:
        """As `reference.Packed.rows`."""
        places = _places(out)
        for first, last in self._pieces(len(A)):
            product, threads_now, _left = self._product(kernel, A[first:last], threads)
            table = places[first:last]
            self._code.rows(*product, len(self.X), address_of(table), threads=threads_now)

    def combine(
        self, kernel: Kernel, A: Array, coefficients: Array, threads: int = 1
    ) -> NDArray[np.float64]:
        """As `reference.Packed.combine`."""
        count, n = coefficients.shape
        padded = self._layout.strips(n) * self._layout.width
        weights = np.zeros((count, padded))
        weights[:, :n] = coefficients
        sums = np.empty((len(A), count))
        for first, last in self._pieces(len(A), count):
            product, threads_now, _left = self._product(kernel, A[first:last], threads)
            tiles = self._layout.tiles(last - first)
            height = min(_HIGH, -(-tiles // threads_now))
            out = np.zeros((tiles * self._layout.rows, count))
            blocks = np.empty((threads_now, height * self._layout.rows, CHUNK))
            places = address_of(weights), count, padded, address_of(out), address_of(blocks)
            self._code.combine(*product, *places, height, threads=threads_now)
            sums[first:last] = out[: last - first]
        return sums

    def _pieces(self, rows: int, sums: int = 0) -> list[tuple[int, int]]:
        """Ranges of rows of A, each the work of one call.

        Args:
            sums: how many sums are made of each kernel.
        """
        each = len(self.X) * (self.shape[1] + EPILOGUE + sums)
        size = max(1, MULTIPLIED // max(1, each))
        if size < rows:
            size = max(self._layout.rows, size // self._layout.rows * self._layout.rows)
        return [(first, min(first + size, rows)) for first in range(0, rows, size)]

    def _product(
        self, kernel: Kernel, A: Array, threads: int
    ) -> tuple[tuple[float, ...], int, _Side]:
        """The words of a product, how many threads it is worth, and what must stay in memory."""
        A = np.ascontiguousarray(A)
        work = len(A) * len(self.X) * (self.shape[1] + EPILOGUE)
        threads = threads if work >= WORTH_THREADS else 1
        mean, right = self._packed(kernel.kind == "rbf", threads)
        tiles = self._layout.tiles(len(A))
        left = _Side(self._code.pack_rows, A, mean, tiles, self._layout.rows, threads)
        strips = self._layout.strips(len(self.X))
        sides = right.at, strips, right.norms_at, left.at, tiles, left.norms_at
        panel = max(1, PANEL // max(1, self._layout.width * self.X.strides[0]))
        numbers = KINDS.index(kernel.kind), kernel.gamma, kernel.coef0, kernel.degree
        return (*sides, panel, self.shape[1], *numbers, len(A)), threads, left

    def _packed(self, centred: bool, threads: int) -> tuple[Array, _Side]:
        """The means of the columns, 0 where `centred` is false, and X less these, packed.

        Distances do not change with the means, but are rounded less.
        """
        if centred not in self._sides:
            mean = np.zeros(self.shape[1], self.dtype)
            if centred and len(self.X):
                mean = self.X.mean(axis=0, dtype=np.float64).astype(self.dtype)
            groups = self._layout.strips(len(self.X)) * self._layout.vectors
            lanes = self._layout.lanes
            side = _Side(self._code.pack_columns, self.X, mean, groups, lanes, threads)
            self._sides[centred] = mean, side
        return self._sides[centred]


def _places(out: Array) -> Array:
    """The addresses of the rows that are written to."""
    if out.ndim == 1:
        return np.ascontiguousarray(out)
    start, step = address_of(out), out.strides[0]
    return np.arange(start, start + step * len(out), step, dtype=np.int64) if len(out) else out


def accumulate(
    rows: Array, coefficients: Array, F: Array, column: int, threads: int, dtype: Any
) -> None:
    """As `reference.accumulate`."""
    if not native():
        reference.accumulate(rows, coefficients, F, column, threads, dtype)
        return
    kind = _dtype(np.dtype(dtype))
    call, size = _accumulate(kind), max(1, ADDED // max(1, len(F)))
    threads = threads if len(rows) * len(F) >= WORTH_THREADS // 4 else 1
    for first in range(0, len(rows), size):
        some, weights = rows[first : first + size], coefficients[first : first + size]
        call(
            address_of(some),
            address_of(weights),
            len(some),
            address_of(F),
            column,
            len(F),
            threads=threads,
        )
