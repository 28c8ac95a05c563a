"""What the numbers and switches of `fit` may be, before anything is made of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pellucid.core.arguments import flag, integer, real
from pellucid.core.errors import ArgumentError

_MOST_EPOCHS = 10**12  # of a microsecond each: 11 days


def checked_epochs(
    epochs: int, initial_epoch: int, steps_per_epoch: int | None, resume: bool
) -> tuple[int, int, int | None]:
    """How long a run is, and where it begins, as Python's own numbers.

    Raises:
        ArgumentError: for numbers that `fit` does not take.
    """
    epochs = integer("fit", "epochs", epochs, 0, _MOST_EPOCHS)
    initial_epoch = integer("fit", "initial_epoch", initial_epoch, 0, epochs)
    if steps_per_epoch is not None:
        steps_per_epoch = integer("fit", "steps_per_epoch", steps_per_epoch, 1)
    flag("fit", "resume", resume)
    if resume and initial_epoch:
        raise ArgumentError(
            "fit",
            f"initial_epoch must be 0 with resume, got {initial_epoch}",
            "Leave it out: a run that is resumed knows its epoch.",
        )
    return epochs, initial_epoch, steps_per_epoch


def validations(freq: int | Collection[int], first: int, epochs: int) -> int:
    """How often a run of these epochs measures validation."""
    if isinstance(freq, int):
        return (epochs - first) // freq
    return sum(first < epoch <= epochs for epoch in freq)


def checked_validation(
    data: Sequence[Any] | None,
    split: float | None,
    batch_size: int | None,
    freq: int | Collection[int],
    every: int | None,
) -> tuple[int | None, int | tuple[int, ...], int | None]:
    """What is measured beside the training rows, and when: `batch_size`, `freq` and `every`.

    Raises:
        ArgumentError: for numbers that `fit` does not take, and for some without rows to measure.
    """
    if isinstance(freq, (list, tuple, set, frozenset, range)):
        freq = tuple(sorted({integer("fit", "validation_freq", one, 1) for one in freq}))
    else:
        freq = integer("fit", "validation_freq", freq, 1)
    if batch_size is not None:
        batch_size = integer("fit", "validation_batch_size", batch_size, 1)
    if split is not None:
        real("fit", "validation_split", split, 0, 1, open_low=True, open_high=True)
        if data is not None:
            raise ArgumentError(
                "fit",
                "give validation_data or validation_split, got both",
                "Leave one of the two out.",
            )
    if every is not None:
        every = integer("fit", "validate_every", every, 1)
    if data is None and split is None:
        for name, value in (("validate_every", every), ("validation_freq", freq)):
            if value not in (None, 1):
                raise ArgumentError("fit", f"{name} needs validation_data, got None")
    return batch_size, freq, every
