"""What a fit prints while it runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

EVERY = 1.0  # seconds between two lines


class Progress:
    """A line a second, at most: seconds, pairs changed, the largest gap of the problems."""

    def __init__(self, name: str):
        self._name = name
        self._start = self._shown = time.perf_counter()

    def __call__(self, runs: Sequence[Any]) -> None:
        now = time.perf_counter()
        if now - self._shown >= EVERY:
            self._shown = now
            self._line(sum(run.iterations for run in runs), max(run.gap for run in runs))

    def end(self, iterations: int, gap: float, support: int) -> None:
        """The last line, with the number of support vectors."""
        self._line(iterations, gap, f" - {support:,} support vectors")

    def _line(self, iterations: int, gap: float, rest: str = "") -> None:
        seconds = time.perf_counter() - self._start
        sys.stdout.write(
            f"{self._name} - {seconds:.1f}s - {iterations:,} steps - gap {gap:.2e}{rest}\n"
        )
        sys.stdout.flush()
