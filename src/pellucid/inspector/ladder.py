"""The ladder of steps: run, epoch, batch, one node forward, one node backward, one update.

In: a `Travel`, or the `Moment` of a function. Out: a `Walk`, a place that four moves change: right
and left along the steps of a level, up and down between levels. Right and left undo each other.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, replace

from pellucid.core.errors import ArgumentError
from pellucid.inspector.moment import Moment
from pellucid.inspector.travel import Travel

RUN, EPOCH, BATCH, FORWARD, BACKWARD, UPDATE = range(6)
LEVELS = ("run", "epoch", "batch", "forward", "backward", "update")


@dataclass(frozen=True)
class Place:
    """Where a walk stands.

    Args:
        level: a name of `LEVELS`.
        step: the number of the training step; 0 for a function.
        node: the position of the node; at "update" that of the weight.
    """

    level: str
    step: int
    node: int


class Walk:
    """A place in a run or in a function; see the module.

    Args:
        what: a run, or a function at its arguments.
    """

    def __init__(self, what: Travel | Moment):
        self.travel = what if isinstance(what, Travel) else None
        self._alone = what if isinstance(what, Moment) else None
        moment = self.moment_at(0)
        self.place = Place(
            "batch" if self.travel else "forward", 0, self._nodes(moment, FORWARD)[0]
        )

    @property
    def moment(self) -> Moment:
        """The step that the walk stands in."""
        return self.moment_at(self.place.step)

    def moment_at(self, step: int) -> Moment:
        if self._alone is not None:
            return self._alone
        assert self.travel is not None
        return self.travel.moment(step)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels there are: of a function, the nodes alone."""
        moment = self.moment
        found = LEVELS[: BATCH + 1] if self.travel else ()
        return (*found, *(LEVELS[k] for k in (FORWARD, BACKWARD, UPDATE) if self._nodes(moment, k)))

    @staticmethod
    def _nodes(moment: Moment, level: int) -> list[int]:
        if level == FORWARD:
            return moment.forward or list(moment.graph.inputs)
        return moment.backward if level == BACKWARD else list(moment.updates)

    def to(
        self, level: str | None = None, step: int | None = None, node: int | None = None
    ) -> None:
        """Goes straight to a place; what is left out stays.

        Where a level does not hold the node, that is another level's node: a change of the level
        takes one of the same layer, a change of the node goes to "forward".

        Raises:
            ArgumentError: where there is no such place.
        """
        level = self.place.level if level is None else level
        step = self.place.step if step is None else step
        if level not in self.levels:
            raise ArgumentError("inspect", f"level must be one of {', '.join(self.levels)}")
        if self.travel is not None:
            self.travel.step(step)  # refuses what is outside
        elif step != 0:
            raise ArgumentError("inspect", f"a function has one step, got {step}")
        node = self.place.node if node is None else node
        if not 0 <= node < len(self.moment_at(step).graph):
            raise ArgumentError("inspect", f"no node has the position {node}")
        self.place = Place(*self._fitting(level, step, node))

    def _fitting(self, level: str, step: int, node: int) -> tuple[str, int, int]:
        """The place itself, or what is nearest where the level does not hold the node."""
        moment = self.moment_at(step)
        nodes = self._nodes(moment, LEVELS.index(level))
        if LEVELS.index(level) < BACKWARD or node in nodes:
            return level, step, node
        if level == self.place.level:  # another node is asked for: it stands forward alone
            return LEVELS[FORWARD], step, node
        layer = moment.roles[node].layer
        return level, step, next((n for n in nodes if moment.roles[n].layer == layer), nodes[0])

    def right(self) -> bool:
        """One step on; False at the end."""
        return self._along(1)

    def left(self) -> bool:
        """One step back; False at the beginning."""
        return self._along(-1)

    def up(self) -> bool:
        """To the wider level; False at the top."""
        return self._between(-1)

    def down(self) -> bool:
        """To the finer level: with the same node where it stands there, else with the first."""
        return self._between(1)

    def _between(self, way: int) -> bool:
        levels = self.levels
        number = levels.index(self.place.level) + way
        if not 0 <= number < len(levels):
            return False
        level = LEVELS.index(levels[number])
        node = self.place.node
        if level >= FORWARD:
            nodes = self._nodes(self.moment, level)
            node = node if node in nodes else nodes[0]
        self.place = Place(levels[number], self.place.step, node)
        return True

    def _along(self, way: int) -> bool:
        level = LEVELS.index(self.place.level)
        if level < FORWARD:
            return self._to_step(self._steps(level, way))
        nodes = self._nodes(self.moment, level)
        here = nodes.index(self.place.node) if self.place.node in nodes else -1
        if here < 0 or 0 <= here + way < len(nodes):
            self.place = replace(self.place, node=nodes[max(here + way, 0)])
            return True
        own = [LEVELS.index(one) for one in self.levels if LEVELS.index(one) >= FORWARD]
        number = own.index(level) + way
        step = self.place.step
        if not 0 <= number < len(own):  # into the next step, or the one before
            step += way
            if self.travel is None or not 0 <= step <= self.travel.last:
                return False
            number = 0 if way > 0 else len(own) - 1
        nodes = self._nodes(self.moment_at(step), own[number])
        self.place = Place(LEVELS[own[number]], step, nodes[0 if way > 0 else -1])
        return True

    def _steps(self, level: int, way: int) -> int:
        """The step that one move along a run, an epoch or a batch leads to."""
        travel, step = self.travel, self.place.step
        assert travel is not None
        if level == BATCH:
            return step + way
        if level == RUN:
            return travel.last if way > 0 else 0
        starts = [travel.first_of(epoch) for epoch in range(travel.epochs)]
        if way > 0:
            number = bisect.bisect_right(starts, step)
            return starts[number] if number < len(starts) else step
        number = bisect.bisect_left(starts, step) - 1
        return starts[max(number, 0)]

    def _to_step(self, step: int) -> bool:
        assert self.travel is not None
        if step == self.place.step or not 0 <= step <= self.travel.last:
            return False
        self.moment_at(step)  # a run that fails on the way says so, and the walk stays
        self.place = replace(self.place, step=step)
        return True


MOVES: dict[str, Callable[[Walk], bool]] = {
    "right": Walk.right,
    "left": Walk.left,
    "up": Walk.up,
    "down": Walk.down,
}
