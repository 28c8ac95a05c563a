"""Where the training of several networks stands: a line that moves on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from pellucid.train.callback import Callback, Run

_PAUSE = 0.1  # seconds between two lines


class Progress(Callback):
    """Which network of how many is trained, and how its validation goes; silent elsewhere.

    Args:
        total: how many networks there are.
        shown: whether to write at all.
    """

    every_step = False

    def __init__(self, total: int, shown: bool, stream: TextIO | None = None):
        self.stream = stream or sys.stdout
        self.total, self.number = total, 0
        self.moves = shown and self.stream.isatty()
        self._last = 0.0

    def on_start(self, run: Run) -> None:
        self.number += 1

    def on_epoch(self, run: Run) -> None:
        now = time.perf_counter()
        if not self.moves or now - self._last < _PAUSE:
            return
        self._last = now
        loss = run.logs.get("val_loss", float("nan"))
        self.stream.write(
            f"\r\x1b[2KNetwork {self.number} of {self.total}: epoch {run.epoch}, "
            f"validation loss {loss:.4f}"
        )
        self.stream.flush()

    def close(self) -> None:
        """Takes the line away."""
        if self.moves:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()
