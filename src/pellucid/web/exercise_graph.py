"""The exercise "Which function is this graph?": graphs drawn from a seed, and the check.

An answer is read by `pellucid.data.formula` and computed; it is never executed. It is compared with
the graph at many points: grid points, where kinks and zeros lie, and points drawn at random.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from pellucid import numpy as xp
from pellucid.core.arguments import integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import DataError
from pellucid.data.formula import Formula
from pellucid.graph.node import Graph
from pellucid.transform.explainable import function_call
from pellucid.viz.diagram import Facts, diagram
from pellucid.viz.figures import computed
from pellucid.viz.graphs import draw_diagram
from pellucid.viz.svg import Picture

Array = np.ndarray[Any, Any]

MOST_LEVEL = 4
_WHERE = "which function"
_REACH, _RANDOM = 3.0, 400  # points are drawn from [-3, 3]
_CLOSE = 1e-6  # of the value: what rounding of another order of operations may do
_LARGEST, _LEAST = 500.0, 0.05  # of the values of a graph, and of what a variable must do to them
_TRIES = 1_000
_SAMPLE = (0.5, -1.0, 2.0)

UNARY: dict[str, Callable[..., Any]] = {
    "times": lambda u, k: k * u,
    "square": lambda u, k: u**2,
    "plus": lambda u, k: u + k,
    "sin": lambda u, k: xp.sin(u),
    "abs": lambda u, k: xp.abs(u),
    "relu": lambda u, k: xp.maximum(u, 0),
    "tanh": lambda u, k: xp.tanh(u),
    "exp": lambda u, k: xp.exp(-u),
}
BINARY: dict[str, Callable[..., Any]] = {
    "add": lambda u, v: u + v,
    "subtract": lambda u, v: u - v,
    "multiply": lambda u, v: u * v,
}
_POSITIVE = ("square", "abs", "relu", "exp")  # abs of these changes nothing
_NUMBERED = ("times", "plus")  # by the number of the step


class Step(NamedTuple):
    """One node: the operation, the nodes that it reads, and the number in it."""

    op: str
    reads: tuple[int, ...]
    number: int = 0


class _Level(NamedTuple):
    variables: int
    steps: int
    unary: int  # how many of `UNARY` may stand there
    again: bool  # whether a node is read twice


_LEVELS = (
    _Level(2, 2, 3, False),
    _Level(2, 3, 6, False),
    _Level(2, 5, 7, True),
    _Level(3, 7, 8, True),
)


@dataclass(frozen=True)
class Puzzle:
    """A graph whose function is asked for.

    Attributes:
        variables: how many, x1 to x3; steps: the nodes behind them, the last is the result.
    """

    variables: int
    steps: tuple[Step, ...]

    def __call__(self, *x: Any) -> Any:
        """The value, of numbers, arrays or traced values."""
        values = list(x)
        for op, reads, number in self.steps:
            read = [values[i] for i in reads]
            values.append(UNARY[op](*read, number) if op in UNARY else BINARY[op](*read))
        return values[-1]

    def at(self, points: Array) -> Array:
        """The values at points, (N,)."""
        return np.asarray(self(*points.T), np.float64)

    def picture(self, point: Sequence[float] | None = None) -> Picture:
        """The graph, with the values at a point where one is given."""
        names = [f"x{i + 1}" for i in range(self.variables)]
        chosen = _SAMPLE[: self.variables] if point is None else tuple(point)

        def f(*x: Any) -> Any:
            return self(*x)

        found = computed(function_call(_WHERE, f, tuple(map(float, chosen))), _WHERE)
        graph = found.graph
        graph = Graph(graph.nodes[: found.forward], graph.inputs, graph.outputs[:1], graph.consts)
        letters = iter(string.ascii_lowercase.replace("f", "").replace("x", "").replace("e", ""))
        told: list[str] = []
        for n, node in enumerate(graph.nodes):
            if n in graph.inputs:
                told.append(names[graph.inputs.index(n)])
            elif n == graph.outputs[0]:
                told.append("f")
            else:
                told.append("" if node.op == "full" else next(letters))
        told = [name or f"v{n}" for n, name in enumerate(told)]
        facts = Facts(told, found.values if point is not None else ())
        drawn = diagram(graph, replace(found.ends, sinks={}), facts)
        boxes = [" = ".join(row.text.lstrip("= ") for row in box.rows) for box in drawn.boxes]
        plain = replace(drawn, boxes=tuple(replace(box, hint="") for box in drawn.boxes))
        picture = draw_diagram(plain)
        picture.title = "A computational graph: " + "; ".join(boxes)
        return picture


@dataclass(frozen=True)
class Verdict:
    """Whether a formula is the function of a graph.

    Attributes:
        right: at all points.
        point: where it is not; given: what the formula is there, None where it is not finite;
            wanted: what the graph is.
        points: how many were compared.
    """

    right: bool
    points: int
    point: tuple[float, ...] | None = None
    given: float | None = None
    wanted: float | None = None


def puzzle(level: int, seed: int) -> Puzzle:
    """The graph of a level and a seed, always the same one.

    Args:
        level: 1 to 4: more nodes, more functions, from 3 on a node that is read twice.
        seed: 0, 1, …: as many as one likes.
    """
    integer(_WHERE, "level", level, 1, MOST_LEVEL)
    draw = np.random.default_rng([level, check_seed(_WHERE, seed)])
    for _ in range(_TRIES):
        found = _drawn(draw, _LEVELS[level - 1])
        if found is not None and _is_worth(found):
            return found
    raise DataError(_WHERE, f"no graph was found for level {level}, seed {seed}")


def _drawn(draw: np.random.Generator, level: _Level) -> Puzzle | None:
    unused, steps = list(range(level.variables)), list[Step]()
    again = False
    for left in range(level.steps, 0, -1):
        count = level.variables + len(steps)
        if len(unused) - 1 >= left or (len(unused) > 1 and draw.random() < 0.5):
            first, second = draw.permutation(unused)[:2].tolist()
            step = Step(str(draw.choice(list(BINARY))), (first, second))
        elif level.again and not again and count > level.variables and draw.random() < 0.6:
            used = [i for i in range(count) if i not in unused]
            if not used:
                return None
            step = Step(str(draw.choice(list(BINARY))), (unused[0], int(draw.choice(used))))
            again = True
        else:
            op = str(draw.choice(list(UNARY)[: level.unary]))
            number = int(draw.integers(2, 10)) if op in _NUMBERED else 0
            step = Step(op, (int(draw.choice(unused)),), number)
        before = (
            steps[step.reads[0] - level.variables].op if step.reads[0] >= level.variables else ""
        )
        twice = len(step.reads) == 1 and (
            step.op == before
            or (step.op in ("abs", "relu") and before in _POSITIVE)
            or (step.op in _NUMBERED and before in _NUMBERED)
        )
        if twice:
            return None
        unused = [i for i in unused if i not in step.reads] + [count]
        steps.append(step)
    return (
        Puzzle(level.variables, tuple(steps)) if len(unused) == 1 and again == level.again else None
    )


def _is_worth(found: Puzzle) -> bool:
    """Whether values are ordinary numbers, and every variable changes them."""
    draw = np.random.default_rng(0)
    x = draw.uniform(-_REACH, _REACH, (60, found.variables))
    values = found.at(x)
    if not np.isfinite(values).all() or np.abs(values).max() > _LARGEST:
        return False
    for i in range(found.variables):
        moved = x.copy()
        moved[:, i] = draw.uniform(-_REACH, _REACH, len(x))
        if (np.abs(found.at(moved) - values) > _LEAST).mean() < 0.25:
            return False
    return True


def _points(variables: int) -> Array:
    """A grid of whole and half numbers, then points drawn at random."""
    side = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0) if variables < 3 else (-2.0, -1.0, 0.0, 1.0, 2.0)
    grid = np.array(list(itertools.product(side, repeat=variables)))
    drawn = np.random.default_rng(variables).uniform(-_REACH, _REACH, (_RANDOM, variables))
    return np.concatenate([grid, drawn])


def check(asked: Puzzle, answer: str) -> Verdict:
    """Whether a formula of x1, x2, … is the function of a graph.

    Args:
        answer: such as "sin(x1*x2) + max(x1, 0)"; "·", "−" and "²" are read too.

    Raises:
        DataError: for what is no formula.
    """
    text = answer
    for sign, plain in (("·", "*"), ("−", "-"), ("²", "**2"), ("³", "**3"), ("maximum(", "max(")):
        text = text.replace(sign, plain)
    formula = Formula(text, asked.variables, "answer")
    if formula.is_condition:
        raise DataError("answer", f"expected a number such as x1*x2, got the condition {answer!r}")
    points = _points(asked.variables)
    wanted = asked.at(points)
    try:
        given = formula(points)
    except DataError:  # not finite somewhere: the point is told
        given = np.array([_value(formula, one) for one in points])
    near = np.abs(given - wanted) <= _CLOSE * np.maximum(1, np.abs(wanted))
    if near.all():
        return Verdict(True, len(points))
    # The first of the grid's points where the two differ most plainly is the easiest to work out.
    apart = np.where(near, 0.0, np.where(np.isfinite(given), np.abs(given - wanted), np.inf))
    clear = np.flatnonzero(apart > 0.05)
    row = int(clear[0]) if len(clear) else int(np.argmax(apart))
    shown = float(given[row]) if np.isfinite(given[row]) else None
    return Verdict(False, len(points), tuple(points[row].tolist()), shown, float(wanted[row]))


def _value(formula: Formula, point: Array) -> float:
    try:
        return float(formula(point[None])[0])
    except DataError:
        return float("nan")
