"""keras.utils.PyDataset: batches by number."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import integer
from pellucid.keras.arguments import permit
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION
from pellucid.runtime.threads import in_chunks


class PyDataset:
    """Batches by number: define `__len__` and `__getitem__`; `on_epoch_end` may reorder them.

    Args:
        workers: threads that read several batches at a time, from 2 on.
        max_queue_size: how many batches that are.
    """

    # Of a class of a person's own, which need not call __init__.
    workers, use_multiprocessing, max_queue_size = 1, False, 10
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        where, why = "utils.PyDataset", "workers are threads"
        permit(where, "use_multiprocessing", use_multiprocessing, False, why=why)
        self.workers = integer("keras.utils.PyDataset", "workers", workers, 0)
        self.max_queue_size = integer("keras.utils.PyDataset", "max_queue_size", max_queue_size, 1)

    def __getitem__(self, index: int) -> Any:
        """The batch of this number."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many batches there are."""
        raise NotImplementedError

    @property
    def num_batches(self) -> int:
        return len(self)

    def on_epoch_begin(self) -> None:
        """Before an epoch."""

    def on_epoch_end(self) -> None:
        """Behind an epoch."""

    def batches(self, steps: int | None, shuffle: bool) -> Iterator[Any]:
        """Those of an epoch, in a drawn order or in their own."""
        self.on_epoch_begin()
        count = self.num_batches
        order = SESSION.random.permutation(count) if shuffle else range(count)
        yield from self._read([int(one) for one in order[: count if steps is None else steps]])
        self.on_epoch_end()

    def _read(self, numbers: Sequence[int]) -> Iterator[Any]:
        """The batches of these numbers; several workers read some at a time."""
        if self.workers < 2:
            yield from map(self.__getitem__, numbers)
            return
        for first in range(0, len(numbers), self.max_queue_size):
            some = numbers[first : first + self.max_queue_size]
            read = functools.partial(self._some, some)
            parts = in_chunks(read, len(some), 1, self.workers)
            for part in parts:
                yield from part

    def _some(self, numbers: Sequence[int], start: int, stop: int) -> list[Any]:
        return [self[one] for one in numbers[start:stop]]
