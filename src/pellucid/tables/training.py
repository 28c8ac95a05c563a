"""The training of a table's networks: which, on which rows, and what held out rows say of them.

In: prepared arrays, targets and folds. Out: the networks, predictions of rows by networks that did
not train on them, and what follows from these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import notices
from pellucid.models import Sequential
from pellucid.tables import baselines
from pellucid.tables.evidence import Importance, importances
from pellucid.tables.findings import QUANTILES, Findings
from pellucid.tables.model import averaged, target_scale
from pellucid.tables.networks import BINNED, KINDS, Member, Networks, Shape
from pellucid.tables.preparation import Arrays, Preparation
from pellucid.tables.progress import Progress
from pellucid.tables.scores import intervals, measures
from pellucid.tables.target import Target

Array = np.ndarray[Any, Any]
WHERE = "fit_table"
_REPEATS = 3  # networks of each kind where time leaves a single split


@dataclass(frozen=True)
class Options:
    """What a person asked of a training, beside the table."""

    target: str
    task: str | None = None
    drop: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    drop_missing: bool = False
    quick: bool = False
    seed: int = 0


class Training:
    """The networks of one table."""

    def __init__(
        self,
        x: Arrays,
        y: Array,
        held: list[Array],
        preparation: Preparation,
        target: Target,
        options: Options,
    ):
        self.x, self.y, self.held, self.options = x, y, held, options
        self.classes = len(target.labels)
        self.preparation, self.levels = preparation, preparation.levels
        self.scale: Sequential | None = None
        self.goal = y
        if not target.is_classes:
            self.scale, self.goal = target_scale(y)
        shape = Shape(
            x.scaled.shape[1],
            x.bins.shape[1],
            self.levels,
            self.classes or 1,
            target.is_classes,
        )
        kinds = KINDS if x.bins.shape[1] else KINDS[:1]
        if options.quick:
            kinds = (BINNED,) if x.bins.shape[1] else kinds
        self.networks = [Networks(kind, shape) for kind in kinds]

    def plan(self) -> list[tuple[Networks, Array, int]]:
        """Each network to train: its kind, the rows held out, its seed."""
        repeats = _REPEATS if len(self.held) == 1 and not self.options.quick else 1
        rounds = [(rows, k) for k, rows in enumerate(self.held * repeats)]
        first = self.options.seed * 1000
        return [
            (kind, rows, first + number)
            for number, (kind, rows) in enumerate(
                (kind, rows) for rows, _ in rounds for kind in self.networks
            )
        ]

    def run(self, shown: bool) -> tuple[list[Member], Array, Array]:
        """The networks, and for the rows that one of them did not see its prediction.

        Returns:
            members; predictions, the mean over those networks; how many of them a row has.
        """
        plan = self.plan()
        total = np.zeros((len(self.y), self.classes) if self.classes else len(self.y))
        seen = np.zeros(len(self.y), np.int64)
        members: list[Member] = []
        progress = Progress(len(plan), shown)
        try:
            for kind, rows, seed in plan:
                model, stopped = kind.trained(self.x, self.goal, rows, seed, progress)
                members.append(Member(kind, model))
                total[rows] += averaged(members[-1:], self.scale, self.x.take(rows))
                seen[rows] += 1
                if stopped:
                    break
        except KeyboardInterrupt:
            if not members:
                raise
            stopped = True
        finally:
            progress.close()
        if len(members) < len(plan):
            notices.once(
                f"[{WHERE}] stopped early: the model has {len(members)} of {len(plan)} networks."
            )
        known = seen > 0
        times = seen[known]
        total[known] /= times[:, None] if self.classes else times
        return members, total, seen

    def findings(
        self,
        members: Sequence[Member],
        predicted: Array,
        seen: Array,
        notes: list[str],
        ranges: dict[str, tuple[float, float]],
    ) -> Findings:
        rows = np.flatnonzero(seen)
        is_classes = bool(self.classes)
        y, own = self.y[rows], predicted[rows]
        errors = () if is_classes else np.quantile(y - own, np.linspace(0, 1, QUANTILES)).tolist()
        options = self.options
        return Findings(
            len(self.y),
            len(rows),
            measures(y, own, is_classes),
            intervals(y, own, is_classes, options.seed),
            self._baselines(rows),
            tuple(notes),
            ranges,
            tuple(errors),
            {
                "networks": len(members),
                "stopped": len(members) < len(self.plan()),
                "seed": options.seed,
                "quick": options.quick,
                "group": options.group,
                "time": options.time,
            },
        )

    def importances(self, members: Sequence[Member]) -> list[Importance]:
        """What each column is worth on the first fold, to the networks that did not train on it."""
        own = members[: len(self.networks)]
        return importances(
            self.preparation,
            self.x.take(self.held[0]),
            self.y[self.held[0]],
            self.predictor(own),
            bool(self.classes),
            self.options.seed,
        )

    def predictor(self, members: Sequence[Member]) -> Callable[[Arrays], Array]:
        """What some of the networks together say of prepared rows."""
        return lambda x: averaged(members, self.scale, x)

    def _baselines(self, rows: Array) -> dict[str, dict[str, float]]:
        """The measures of both baselines on the same rows, trained on the same others."""
        found: dict[str, Array] = {
            name: np.zeros((len(self.y), self.classes) if self.classes else len(self.y))
            for name in (baselines.CONSTANT, baselines.LINEAR)
        }
        for held in self.held:
            kept = np.ones(len(self.y), bool)
            kept[held] = False
            y, x = self.y[kept], self.x.take(kept)
            found[baselines.CONSTANT][held] = baselines.constant(y, len(held), self.classes)
            found[baselines.LINEAR][held] = baselines.linear(
                x, y, self.x.take(held), self.levels, self.classes
            )
        measured = {
            name: measures(self.y[rows], values[rows], bool(self.classes))
            for name, values in found.items()
        }
        if "roc_auc" in measured[baselines.CONSTANT]:  # shares differ a little between folds
            measured[baselines.CONSTANT]["roc_auc"] = 0.5
        return measured
