"""keras.utils.PyDataset: batches by number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import integer
from pellucid.keras.arguments import refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION


class PyDataset:
    """Batches by number: define `__len__` and `__getitem__`; `on_epoch_end` may reorder them.

    Args:
        workers: threads that read batches ahead, from 2 on.
        max_queue_size: the most batches that are read ahead.
    """

    # Of a class of a person's own, which need not call __init__.
    workers, use_multiprocessing, max_queue_size = 1, False, 10
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        if use_multiprocessing:
            refuse("utils.PyDataset", "use_multiprocessing", True, "workers are threads")
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
        """The batches of these numbers, read ahead by threads where there are several workers."""
        if self.workers < 2:
            yield from map(self.__getitem__, numbers)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Any] = deque()
            for number in numbers:
                waiting.append(pool.submit(self.__getitem__, number))
                if len(waiting) >= self.max_queue_size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
