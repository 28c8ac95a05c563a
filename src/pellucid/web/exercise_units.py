"""The exercise "How many hidden units does this data set need?": data sets, and the check.

The answer is measured: networks of one hidden layer of tanh units are trained from several starts
with as many units as were answered, and with one fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.arguments import integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import DataError
from pellucid.data import points
from pellucid.models import Sequential
from pellucid.nn import Dense
from pellucid.optim import Adam
from pellucid.train.callback import Callback, Run
from pellucid.train.callbacks import StopBelow

Array = np.ndarray[Any, Any]

MOST_LEVEL, MOST_UNITS = 3, 12
STARTS, SOLVED = 8, 0.99  # so many seeds; a network solves it with this share of the points
MOST_POINTS = 1_000  # of the playground's own
_WHERE = "hidden units"
_POINTS, _EPOCHS, _BATCH, _RATE = 240, 1_000, 24, 0.03
_LOSS = 0.006  # a point on the wrong side has a loss of ln 2 or more: these are under 1 % of them
_LEVELS = (  # a formula has the places of its two numbers
    ("gauss", "{0}*x1 + {1}*x2 > 0", "x2 > abs({0}*x1) - 2"),
    ("abs({0}*x1 + x2) < 2", "circle", "xor", "x2 > abs({0}*x1)"),
    (
        "min(x2 + 3, 3 - x2 - abs({0}*x1)) > 0",
        "x2 > 2*sin({0}*x1)",
        "abs(abs(x1 + {0}*x2) - 3) < 1.5",
    ),
)


@dataclass(frozen=True)
class Start:
    """One network, trained.

    Args:
        units: in its hidden layer; seed: of its start.
        share: of the points that lie on their side.
    """

    units: int
    seed: int
    share: float

    @property
    def solved(self) -> bool:
        return self.share >= SOLVED


@dataclass(frozen=True)
class Verdict:
    """Whether as many units were needed, from starts with them and with one fewer.

    Attributes:
        enough: whether a start with them solved it; fewer: whether one with one fewer did.
    """

    starts: tuple[Start, ...]
    units: int

    @property
    def enough(self) -> bool:
        return any(one.solved for one in self.starts if one.units == self.units)

    @property
    def fewer(self) -> bool:
        return any(one.solved for one in self.starts if one.units < self.units)

    @property
    def right(self) -> bool:
        return self.enough and not self.fewer


def problem(level: int, seed: int) -> tuple[str, Array, Array]:
    """A data set of two classes: its name or formula, x (N, 2) and y (N,) 0 or 1.

    Args:
        level: 1 to 3; seed: 0, 1, …: which set, and its points.
    """
    integer(_WHERE, "level", level, 1, MOST_LEVEL)
    sets = _LEVELS[level - 1]
    draw = np.random.default_rng([level, check_seed(_WHERE, seed)])
    kind = sets[seed % len(sets)]
    kind = kind.format(*(round(v, 1) for v in draw.uniform(0.6, 1.4, 2)))
    x, y = points(kind, rows=_POINTS, seed=seed)
    return kind, x, y


class _Until(Callback):
    """Ends a run that nobody waits for any more."""

    def __init__(self, cancelled: Callable[[], bool]):
        self.cancelled = cancelled

    def on_epoch(self, run: Run) -> None:
        run.stop = run.stop or self.cancelled()


def trained(
    x: Array, y: Array, units: int, seed: int, cancelled: Callable[[], bool] = lambda: False
) -> Start:
    """One network of so many tanh units in one hidden layer; 0 units: none at all."""
    integer(_WHERE, "units", units, 0, MOST_UNITS)
    spread = np.maximum(x.std(0), 1e-9)
    rows = (x - x.mean(0)) / spread
    layers = [Dense(units, "tanh")] if units else []
    model = Sequential([*layers, Dense(1, "sigmoid")], seed=seed)
    model.compile(Adam(_RATE), "binary_cross_entropy")
    model.fit(
        rows,
        y,
        epochs=_EPOCHS,
        batch_size=_BATCH,
        seed=seed,
        verbose=0,
        callbacks=[StopBelow("loss", _LOSS), _Until(cancelled)],
    )
    chosen = np.asarray(model.predict(rows))[:, 0] > 0.5
    return Start(units, seed, float((chosen == y).mean()))


def starts(
    x: Array, y: Array, units: int, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Start]:
    """All starts of a check, one by one, until it is cancelled.

    Raises:
        DataError: for rows that are no two classes, or too many.
    """
    if set(np.unique(y).tolist()) != {0, 1}:
        raise DataError(_WHERE, "the points must have two classes")
    if len(x) > MOST_POINTS:
        raise DataError(_WHERE, f"there must be at most {MOST_POINTS:,} points, got {len(x):,}")
    for count in [units, *([units - 1] if units else [])]:
        for seed in range(STARTS):
            if cancelled():
                return
            one = trained(x, y, count, seed, cancelled)
            if cancelled():
                return
            yield one


def check(x: Array, y: Array, units: int) -> Verdict:
    """Whether so many hidden units are the fewest that solve these points, as far as was seen.

    Args:
        x: (N, 2); y: (N,) 0 or 1.
        units: 0 to 12; 0 is a network without a hidden layer.
    """
    return Verdict(tuple(starts(x, y, units)), units)
