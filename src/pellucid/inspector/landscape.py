"""The loss of a step's batch around its weights: along the gradient, and over a plane.

In: a `Travel` and the number of a step. Out: numbers; `landscape_pictures.py` draws them. The
objective is the forward part of the step itself, compiled once and called with other weights: the
batch, the random draws and the penalties are those of the step. All distances are Euclidean, over
all weights that are trained, and no direction is scaled by the size of a filter.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.inspector.layers import norm
from pellucid.inspector.travel import Travel
from pellucid.train.step import value_graph
from pellucid.viz.axes import span

Array = np.ndarray[Any, Any]
Weights = list[Array]  # of the leaves that are trained, in float64
SECONDS = 4.0  # that a picture may take, about; of a slow network it has few points, and takes
_LONGEST = 36.0  # at most as long as this
_MOST, _LEAST = 41, 9  # points of a plane along each side
_POINTS = 121  # of a line
_DOUBLINGS = 20  # of the length of a line, until the loss is higher than at its start
_ASIDE = 0.01  # share of a step that is a direction of its own, and not the rounding of weights
PLANES = ("path", "step")


def _never() -> bool:
    return False


class Objective:
    """The objective of a step's batch as a function of the weights that are trained.

    Args:
        number: the step: its batch, its random draws, the state of the layers before it.
        stopped: whether someone does not want to wait any longer; asked before each value.

    Attributes:
        here: the weights before the step.
        gradient: of the objective there.
        move: what the step adds to the weights.
    """

    def __init__(self, travel: Travel, number: int, stopped: Callable[[], bool] = _never):
        model, task = travel.model, travel.task
        self._travel, self._stopped, self._free = travel, stopped, task.free
        moment = travel.moment(number)
        self._inputs = travel.inputs(number)
        self._program = model.programs.program(
            ("value", model.key(task)),
            lambda: value_graph(task, model.slot_types()),
            travel.backend,
            "inspect",
        )
        self.here = self._of(travel.state(number))
        slopes, inputs = moment.gradients, moment.graph.inputs
        self.gradient = [
            np.asarray(slopes.get(inputs[i], np.zeros_like(w)), np.float64)
            for i, w in zip(self._free, self.here, strict=True)
        ]
        after = self._of(travel.state(number + 1))
        self.move = [new - old for new, old in zip(after, self.here, strict=True)]
        started = time.perf_counter()
        self.loss = self.at(self.here)
        self.at(self.here)
        self.seconds = (time.perf_counter() - started) / 2  # that a value takes

    def _of(self, state: Sequence[Array]) -> Weights:
        return [state[i].astype(np.float64) for i in self._free]

    def weights(self, number: int) -> Weights:
        """The weights before a step, where they are kept."""
        return self._of(self._travel.state(number))

    def at(self, weights: Weights) -> float:
        """The objective at these weights; NaN where it overflows."""
        given = list(self._inputs)
        with np.errstate(over="ignore"):
            for i, own in zip(self._free, weights, strict=True):
                given[i] = own.astype(self._inputs[i].dtype)
        return float(self._program(given)[0])

    def moved(self, *moves: tuple[float, Weights]) -> float:
        """The objective at the weights of the step plus Σ factor · direction."""
        if self._stopped():
            raise Stopped
        total = self.here
        for factor, direction in moves:
            total = [w + factor * d for w, d in zip(total, direction, strict=True)]
        return self.at(total)


class Stopped(Exception):
    """Someone does not want to wait any longer."""


def _dot(one: Weights, other: Weights) -> float:
    return float(sum(float((a * b).sum()) for a, b in zip(one, other, strict=True)))


@dataclass(frozen=True)
class Line:
    """The loss at w − t·g, where g is the gradient of the batch at the weights w of the step.

    Attributes:
        t, losses: places on the line and the loss there.
        loss: at w, which need not be one of the places.
        slope: ∂J/∂t at 0, which is −‖g‖².
        step: where the step ends along the line: t of the nearest place of the line.
        after: the loss of the same batch where the step ends, which may be beside the line.
        angle: between the step and −g, in degrees; NaN where one of them is 0.
    """

    t: Array
    losses: Array
    loss: float
    slope: float
    step: float
    after: float
    angle: float


def along_gradient(travel: Travel, number: int, stopped: Callable[[], bool] = _never) -> Line:
    """The loss along the gradient, as far as it is lower than at the weights of the step.

    Raises:
        ArgumentError: where no weight moves the loss, or where a value of it takes seconds.
        Stopped: where `stopped` said so.
    """
    objective = Objective(travel, number, stopped)
    g, move = objective.gradient, objective.move
    count = _points(objective)
    size, length = norm(g), norm(move)
    if not size > 0 or not np.isfinite(size):
        raise ArgumentError("inspect", f"the gradient must not be 0 and be finite, got ‖g‖ {size}")
    step = -_dot(move, g) / size**2
    end = _far(objective, abs(step) or 1.0 / size)
    t = np.linspace(-end / 4, end, count)
    losses = np.array([objective.moved((-float(one), g)) for one in t])
    cosine = step * size / length if length else float("nan")
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    after = objective.moved((1.0, move))
    return Line(t, losses, objective.loss, -(size**2), step, after, angle)


def _points(objective: Objective) -> int:
    """Points of a line, so that they take about `SECONDS`."""
    if objective.seconds * _LEAST > _LONGEST:
        raise ArgumentError(
            "inspect",
            f"a line of {_LEAST} values must take at most {_LONGEST:.0f} s, got "
            f"{objective.seconds * _LEAST:.0f} s for this batch",
            "Give a smaller batch_size.",
        )
    return min(_POINTS, max(_LEAST, int(SECONDS / max(objective.seconds, 1e-9))))


def _far(objective: Objective, first: float) -> float:
    """How far a line goes: twice as far again and again, until the loss is higher than at 0."""
    started, end = time.perf_counter(), 2 * first
    for _ in range(_DOUBLINGS):
        loss = objective.moved((-end, objective.gradient))
        late = time.perf_counter() - started > SECONDS / 2
        if not loss <= objective.loss or late:
            break
        end *= 2
    return end


@dataclass(frozen=True)
class Plane:
    """The loss over a plane through the weights of the step, which are its point (0, 0).

    Attributes:
        names: of its two directions.
        x, y: distances along the directions; losses: (rows of y, columns of x).
        loss: at (0, 0).
        path: (M, 2) the kept states of the run, projected; steps: their numbers.
        after: (2,) where the step ends, projected.
        share: how much of the path's length lies in the plane, between 0 and 1; NaN where there
            is no path.
    """

    names: tuple[str, str]
    x: Array
    y: Array
    losses: Array
    loss: float
    path: Array
    steps: tuple[int, ...]
    after: Array
    share: float


def plane(
    travel: Travel, number: int, kind: str = "path", stopped: Callable[[], bool] = _never
) -> Plane:
    """The loss over a plane.

    Args:
        kind: "path": the two main directions of the states that are kept, as seen from the step.
            "step": the gradient, and the part of the step that is at a right angle to it.

    Raises:
        ArgumentError: where there are no two directions, or where the pictures would take far more
            time than `SECONDS`.
        Stopped: where `stopped` said so.
    """
    if kind not in PLANES:
        raise ArgumentError("inspect", f"plane must be one of {', '.join(PLANES)}, got {kind!r}")
    objective = Objective(travel, number, stopped)
    steps = tuple(sorted({*travel.kept, number}))
    path = [_less(objective.weights(k), objective.here) for k in steps]
    names, directions = (_main if kind == "path" else _of_step)(objective, path)
    places = np.array([[_dot(one, u) for u in directions] for one in path])
    after = np.array([_dot(objective.move, u) for u in directions])
    if kind == "path":
        x, y = (span(column, [after[k]], around=0.25) for k, column in enumerate(places.T))
    else:
        far = _far(objective, norm(objective.move) / norm(objective.gradient))
        length = far * norm(objective.gradient)
        x = -length / 4, length
        y = after[1] - length * 5 / 8, after[1] + length * 5 / 8
    count = _side(objective)
    across, up = np.linspace(*x, count), np.linspace(*y, count)
    u, v = directions
    losses = np.array([[objective.moved((float(a), u), (float(b), v)) for a in across] for b in up])
    share = _share(path, places)
    return Plane(names, across, up, losses, objective.loss, places, steps, after, share)


def _less(one: Weights, other: Weights) -> Weights:
    return [a - b for a, b in zip(one, other, strict=True)]


def _main(objective: Objective, path: list[Weights]) -> tuple[tuple[str, str], list[Weights]]:
    """The two directions in which the states lie farthest from the step, longest first."""
    products = np.array([[_dot(one, other) for other in path] for one in path])
    squares, mixes = np.linalg.eigh(products)
    if len(path) < 3 or not squares[-2] > 1e-12 * squares[-1]:
        raise ArgumentError(
            "inspect",
            f"a plane of the path needs 3 states that do not lie on a line, got {len(path)}",
            "Go on to a later step first, or choose the plane of the step.",
        )
    directions = []
    for k in (-1, -2):
        mixed = _mixed(mixes[:, k], path)
        length = norm(mixed)
        sign = 1 if _dot(mixed, path[0]) <= 0 else -1  # the run goes to the right, and up
        directions.append([sign * part / length for part in mixed])
    return ("main direction of the path", "second direction of the path"), directions


def _mixed(factors: Array, path: list[Weights]) -> Weights:
    total = [np.zeros_like(part) for part in path[0]]
    for factor, one in zip(factors, path, strict=True):
        total = [a + factor * b for a, b in zip(total, one, strict=True)]
    return total


def _of_step(objective: Objective, path: list[Weights]) -> tuple[tuple[str, str], list[Weights]]:
    size = norm(objective.gradient)
    if not size > 0 or not norm(objective.move) > 0:
        raise ArgumentError("inspect", "the plane of a step needs a gradient and a step, got 0")
    down = [-part / size for part in objective.gradient]
    along = _dot(objective.move, down)
    rest = [m - along * d for m, d in zip(objective.move, down, strict=True)]
    names = ("against the gradient", "the rest of the step")
    if norm(rest) > _ASIDE * norm(objective.move):
        return names, [down, [part / norm(rest) for part in rest]]
    # A plain gradient step has no rest: the path so far shows another direction.
    for one in path:
        off = _dot(one, down)
        rest = [p - off * d for p, d in zip(one, down, strict=True)]
        if norm(rest) > _ASIDE * norm(one) > 0:
            return (names[0], "to the first state of the run"), [
                down,
                [part / norm(rest) for part in rest],
            ]
    raise ArgumentError(
        "inspect",
        "the plane of a step needs a step or a path that leaves the gradient, got none",
        "Look along the gradient, or go on to a later step first.",
    )


def _side(objective: Objective) -> int:
    """Points along each side, an odd number, so that they take about `SECONDS`."""
    if objective.seconds * _LEAST**2 > _LONGEST:
        raise ArgumentError(
            "inspect",
            f"a plane of {_LEAST}² values must take at most {_LONGEST:.0f} s, got "
            f"{objective.seconds * _LEAST**2:.0f} s for this batch",
            "Look along the gradient, or give a smaller batch_size.",
        )
    return min(_MOST, max(_LEAST, int((SECONDS / max(objective.seconds, 1e-9)) ** 0.5))) | 1


def _share(path: list[Weights], places: Array) -> float:
    """How much of the path's length lies in the plane."""
    pieces = [norm(_less(b, a)) for a, b in itertools.pairwise(path)]
    whole = sum(pieces)
    seen = float(np.sqrt((np.diff(places, axis=0) ** 2).sum(1)).sum())
    return seen / whole if whole else float("nan")
