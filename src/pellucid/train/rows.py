"""Which rows the steps of an epoch take: all data in a drawn order, or a stream through a window.

In: the epoch, and how many steps of it are done. Out: pieces, each the row numbers of some steps.
Trainers gather these rows from the arrays of the job, which for a stream are a window of few rows:
the next batches are copied into it behind those that are still to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.core.errors import DataError
from pellucid.data.minibatch import order
from pellucid.runtime.executor import Trainer

Array = np.ndarray[Any, Any]
WINDOW = 1 << 24  # bytes of a window, where no batch is larger
_GATHERED = 128  # rows that are gathered at once, at least: small steps need no call each


class Piece(NamedTuple):
    """Rows of some steps, `size` each; the last step may have fewer."""

    rows: Array
    size: int

    @property
    def steps(self) -> int:
        return -(-len(self.rows) // self.size)


class Epoch(Protocol):
    """The rows of one epoch."""

    def take(self, steps: int) -> Piece | None:
        """Those of the next steps, one or more and at most `steps`; None at the end."""


class Rows(Protocol):
    """The rows of a run, epoch by epoch.

    Attributes:
        data: of a stream, what tells the data of the epoch from others.
    """

    data: str | None

    def steps(self, size: int) -> int | None:
        """How many an epoch has, where that is known before its end."""

    def begin(
        self, seed: int, epoch: int, done: int, size: int, forget: Callable[[], None]
    ) -> Epoch:
        """The rows of an epoch of which `done` steps are done.

        Args:
            size: rows a step.
            forget: called where rows that were given are about to be written over.
        """

    def close(self) -> None:
        """Ends the reading of the epoch, wherever it stands."""


class Batch(NamedTuple):
    """Rows of a stream, checked, as the job takes them: an array an input, target and weight."""

    arrays: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.arrays[0])


class DrawnRows:
    """All rows of the data, in an order that is drawn anew in each epoch or in their own."""

    data: str | None = None

    def __init__(self, engine: Trainer, rows: int, shuffle: bool):
        self._engine, self._rows, self._shuffle = engine, rows, shuffle

    def steps(self, size: int) -> int:
        return -(-self._rows // size)

    def begin(
        self, seed: int, epoch: int, done: int, size: int, forget: Callable[[], None]
    ) -> Epoch:
        drawn = self._engine.order(seed, epoch) if self._shuffle else np.arange(self._rows)
        return _Drawn(drawn, size, done)

    def close(self) -> None:
        """There is nothing to close."""


class _Drawn:
    def __init__(self, order: Array, size: int, done: int):
        self._order, self._size, self._next = order, size, done * size

    def take(self, steps: int) -> Piece | None:
        start = self._next
        self._next = min(start + steps * self._size, len(self._order))
        return Piece(self._order[start : self._next], self._size) if start < self._next else None


class GatheredRows:
    """All rows as of `DrawnRows`, gathered into a window: of data that trainers would copy first.

    Args:
        gather: gives the rows of these numbers.
        rows: how many there are.
        window: as of `StreamRows`.
    """

    data: str | None = None

    def __init__(
        self, gather: Callable[[Array], Batch], rows: int, window: Sequence[Array], shuffle: bool
    ):
        self._gather, self._rows, self._window, self._shuffle = gather, rows, window, shuffle

    def steps(self, size: int) -> int:
        return -(-self._rows // size)

    def begin(
        self, seed: int, epoch: int, done: int, size: int, forget: Callable[[], None]
    ) -> Epoch:
        drawn = order(self._rows, seed, epoch) if self._shuffle else np.arange(self._rows)
        drawn = drawn[done * size :]
        some = max(size, _GATHERED)
        batches = (self._gather(drawn[i : i + some]) for i in range(0, len(drawn), some))
        return _Cut(self._window, batches, 0, size, forget)

    def close(self) -> None:
        """There is nothing to close."""


class Batches(Protocol):
    """Gives the batches of an epoch."""

    def __call__(self, epoch: int) -> tuple[str, Iterator[Batch]]:
        """What tells the data of this epoch from others, and its batches."""


class StreamRows:
    """The rows of a stream in their order.

    Args:
        batches: those of an epoch.
        first: what `batches` gave for the epoch that the run begins with.
        window: an array for each of a batch, of the same number of rows, that the job reads.
        whole: whether each batch is a step, instead of steps of equal size.
        length: how many batches an epoch has, where that is known.
    """

    def __init__(
        self,
        batches: Batches,
        first: tuple[int, str, Iterator[Batch]],
        window: Sequence[Array],
        whole: bool,
        length: int | None,
    ):
        self._batches, self._first, self._window = batches, first, window
        self._whole, self._length = whole, length
        self._open: Iterator[Batch] | None = None
        self.data: str | None = first[1]

    def steps(self, size: int) -> int | None:
        return self._length if self._whole else None

    def begin(
        self, seed: int, epoch: int, done: int, size: int, forget: Callable[[], None]
    ) -> Epoch:
        known, data, batches = self._first
        if self._open is not None or known != epoch:
            data, batches = self._batches(epoch)
        self._open, self.data = batches, data
        if self._whole:
            return _Whole(self._window, batches, done, size, forget)
        return _Cut(self._window, batches, done, size, forget)

    def close(self) -> None:
        close = getattr(self._open, "close", None)
        if close is not None:
            close()


class _Windowed:
    """Rows of batches in a window, written one behind the other; at its end from the front again.

    `_start` to `_stop` are rows that are still to be used.
    """

    def __init__(
        self, window: Sequence[Array], batches: Iterator[Batch], forget: Callable[[], None]
    ):
        self._window, self._batches, self._forget = window, batches, forget
        self._start = self._stop = 0
        self._room = len(window[0])

    def _put(self, batch: Batch, first: int) -> int:
        """Copies rows of a batch from `first` on into the room that is left; how many."""
        count = min(len(batch) - first, self._room - self._stop)
        for own, given in zip(self._window, batch.arrays, strict=True):
            np.copyto(own[self._stop : self._stop + count], given[first : first + count])
        self._stop += count
        return count

    def _to_front(self) -> None:
        """Moves the rows that are still to be used to the front; what was used is lost."""
        self._forget()
        for own in self._window:
            own[: self._stop - self._start] = own[self._start : self._stop].copy()
        self._start, self._stop = 0, self._stop - self._start

    def _used(self, count: int) -> Array:
        """The numbers of the next rows, which are used with this."""
        self._start += count
        return np.arange(self._start - count, self._start)


class _Cut(_Windowed):
    """Steps of equal size: batches are joined and cut anew."""

    def __init__(
        self,
        window: Sequence[Array],
        batches: Iterator[Batch],
        done: int,
        size: int,
        forget: Callable[[], None],
    ):
        super().__init__(window, batches, forget)
        self._size, self._skipped = size, done * size
        self._batch: Batch | None = None
        self._next = 0  # row of the batch
        self._ended = False

    def take(self, steps: int) -> Piece | None:
        while not self._ended and self._stop - self._start < self._size:
            self._more()
        count = self._stop - self._start
        if not self._ended:
            count -= count % self._size
        count = min(count, steps * self._size)
        return Piece(self._used(count), self._size) if count else None

    def _more(self) -> None:
        if self._batch is None or self._next == len(self._batch):
            self._batch, self._next = next(self._batches, None), 0
            if self._batch is None:
                self._ended = True
                return
            self._next = min(self._skipped, len(self._batch))
            self._skipped -= self._next
        if self._stop == self._room:
            self._to_front()
        self._next += self._put(self._batch, self._next)


class _Whole(_Windowed):
    """Each batch is a step."""

    def __init__(
        self,
        window: Sequence[Array],
        batches: Iterator[Batch],
        done: int,
        most: int,
        forget: Callable[[], None],
    ):
        super().__init__(window, batches, forget)
        self._skipped, self._most = done, most

    def take(self, steps: int) -> Piece | None:
        for batch in self._batches:
            if self._skipped:
                self._skipped -= 1
                continue
            if len(batch) > self._most:
                raise DataError(
                    "fit",
                    f"a batch that is a step must have at most {self._most} rows, as the first "
                    f"one, got {len(batch)}",
                    "Pass batch_size=: the rows are then cut into steps of that size.",
                )
            if len(batch) > self._room - self._stop:
                self._start = self._stop
                self._to_front()
            return Piece(self._used(self._put(batch, 0)), len(batch))
        return None
