"""What a training run measured: a row an epoch and a row a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class History:
    """The curves of a run.

    Attributes:
        epochs: {"loss": […], "accuracy": […], "val_loss": […], …}, one entry an epoch.
        steps: the same for each training step, with "step"; the minibatch's own values.
        validation: {"step": […], "val_loss": […], …} at the steps where it was measured.
        seed: the seed that ordered the data and drew the masks.
        seconds: {"gather": …, "step": …, "validation": …, "checkpoint": …} wall time.
    """

    def __init__(self) -> None:
        self.epochs: dict[str, list[float]] = {}
        self.steps: dict[str, list[float]] = {}
        self.validation: dict[str, list[float]] = {}
        self.seed: int | None = None
        self.seconds: dict[str, float] = {}

    @property
    def history(self) -> dict[str, list[float]]:
        """The epochs' curves, under the name that Keras gives them."""
        return self.epochs

    @staticmethod
    def add(table: dict[str, list[float]], row: Mapping[str, float]) -> None:
        for name, value in row.items():
            table.setdefault(name, []).append(value)

    def spend(self, what: str, seconds: float) -> None:
        self.seconds[what] = self.seconds.get(what, 0.0) + seconds

    def __repr__(self) -> str:
        count = max((len(values) for values in self.epochs.values()), default=0)
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.epochs.items())
        return f"History({count} epochs: {last})" if last else f"History({count} epochs)"

    def to_config(self) -> dict[str, Any]:
        """Plain values for a file; the curves of the steps are kept as arrays beside it."""
        return {"epochs": self.epochs, "validation": self.validation, "seed": self.seed}
