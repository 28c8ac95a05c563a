"""What the numbers and switches of `fit` may be, before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import flag, integer, real
from pellucid.core.errors import ArgumentError

_MOST_EPOCHS = 10**12  # of a microsecond each: 11 days


def check_epochs(
    epochs: int, initial_epoch: int, steps_per_epoch: int | None, resume: bool
) -> None:
    """How long a run is, and where it begins.

    Raises:
        ArgumentError: for numbers that `fit` does not take.
    """
    integer("fit", "epochs", epochs, 0, _MOST_EPOCHS)
    integer("fit", "initial_epoch", initial_epoch, 0, epochs)
    if steps_per_epoch is not None:
        integer("fit", "steps_per_epoch", steps_per_epoch, 1)
    flag("fit", "resume", resume)
    if resume and initial_epoch:
        raise ArgumentError(
            "fit",
            f"initial_epoch must be 0 with resume, got {initial_epoch}",
            "Leave it out: a run that is resumed knows its epoch.",
        )


def check_validation(
    data: Sequence[Any] | None,
    split: float | None,
    batch_size: int | None,
    freq: int,
    every: int | None,
) -> None:
    """What is measured beside the training rows, and when.

    Raises:
        ArgumentError: for numbers that `fit` does not take, and for some without rows to measure.
    """
    integer("fit", "validation_freq", freq, 1)
    if batch_size is not None:
        integer("fit", "validation_batch_size", batch_size, 1)
    if split is not None:
        real("fit", "validation_split", split, 0, 1, open_low=True, open_high=True)
        if data is not None:
            raise ArgumentError(
                "fit",
                "give validation_data or validation_split, got both",
                "Leave one of the two out.",
            )
    if every is not None:
        integer("fit", "validate_every", every, 1)
    if data is None and split is None:
        for name, value in (("validate_every", every), ("validation_freq", freq)):
            if value not in (None, 1):
                raise ArgumentError("fit", f"{name} needs validation_data, got None")
