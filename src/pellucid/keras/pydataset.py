"""keras.utils.PyDataset: batches by number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pellucid.keras.arguments import refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.session import SESSION


class PyDataset:
    """Batches by number: define `__len__` and `__getitem__`; `on_epoch_end` may reorder them."""

    workers, use_multiprocessing, max_queue_size = 1, False, 10
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        for name, value, plain in (
            ("workers", workers, 1),
            ("use_multiprocessing", use_multiprocessing, False),
            ("max_queue_size", max_queue_size, 10),
        ):
            if value != plain:
                refuse("utils.PyDataset", name, value, "batches are read where they are used")

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
        for number in list(order)[: count if steps is None else steps]:
            yield self[int(number)]
        self.on_epoch_end()
