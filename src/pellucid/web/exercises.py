"""The exercises of the page: which one stands there, and checks of answers.

A check runs in a thread of its own, so that it blocks neither the page nor a run; a new one, or
another exercise, ends it.
"""

from __future__ import annotations

import base64
import dataclasses
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.arguments import choice, integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import DataError, PellucidError
from pellucid.web import exercise_graph, exercise_units
from pellucid.web.frames import pack

UNITS, GRAPH = "hidden-units", "which-function"
OWN = 0  # the level of hidden-units that takes the points of the playground
LEVELS = {
    UNITS: range(OWN, exercise_units.MOST_LEVEL + 1),
    GRAPH: range(1, exercise_graph.MOST_LEVEL + 1),
}
_MOST_LETTERS = 400
_WHERE = "exercise"
_Message = dict[str, Any] | bytes


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Args:
        kind: of `LEVELS`.
        level: from 1 on; 0 of hidden-units takes the points of the playground.
        seed: which one of the level.
    """

    kind: str = UNITS
    level: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        choice(_WHERE, "kind", self.kind, LEVELS)
        levels = LEVELS[self.kind]
        integer(_WHERE, "level", self.level, levels[0], levels[-1])
        check_seed(_WHERE, self.seed)

    def __str__(self) -> str:
        """As the address has it."""
        return f"{self.kind};{self.level};{self.seed}"


def of_text(text: str) -> Exercise:
    """The exercise of an address: its kind, and where they are given level and seed.

    Raises:
        DataError: for anything else.
    """
    kind, *rest = text.split(";")
    if len(rest) > 2 or not all(one.isdecimal() and len(one) < 12 for one in rest):
        raise DataError(_WHERE, f"an exercise is kind;level;seed, got {text[:60]!r}")
    return Exercise(kind, *map(int, rest))


class Desk:
    """Asks, and checks answers.

    Args:
        points: the points of the playground, x (N, 2) and y (N,) classes.
        send: takes a message to the pages.
    """

    def __init__(
        self,
        points: Callable[[], tuple[Any, Any]],
        send: Callable[[_Message], None],
    ):
        self.points, self.send = points, send
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, exercise: Exercise) -> None:
        """Sends the question."""
        self.cancel()
        told: dict[str, Any] = {"kind": "exercise", "exercise": exercise.kind}
        if exercise.kind == GRAPH:
            asked = exercise_graph.puzzle(exercise.level, exercise.seed)
            names = [f"x{i + 1}" for i in range(asked.variables)]
            self.send({**told, "variables": names, **_image(asked.picture())})
            return
        name, x, y = self._data(exercise)
        told |= {"name": name, "starts": exercise_units.STARTS, "solved": exercise_units.SOLVED}
        self.send(pack(told, {"x": x[:, :2], "y": y}))

    def _data(self, exercise: Exercise) -> tuple[str, Any, Any]:
        if exercise.level == OWN:
            x, y = self.points()
            return "the points of the playground", x, np.asarray(y)
        return exercise_units.problem(exercise.level, exercise.seed)

    def check(self, exercise: Exercise, answer: str) -> None:
        """Begins to check an answer; what is found is sent as it comes.

        Raises:
            DataError: for an answer that cannot be one.
        """
        self.cancel()
        if len(answer) > _MOST_LETTERS:
            raise DataError("answer", f"an answer has at most {_MOST_LETTERS} letters, got more")
        if exercise.kind == GRAPH:
            self._check_formula(exercise, answer)
            return
        units = int(answer) if answer.isdecimal() and len(answer) < 4 else -1
        if not 0 <= units <= exercise_units.MOST_UNITS:
            most = exercise_units.MOST_UNITS
            raise DataError("answer", f"expected a whole number from 0 to {most}, got {answer!r}")
        _, x, y = self._data(exercise)
        cancelled = self._cancelled = threading.Event()
        self._thread = threading.Thread(
            target=self._measure, args=(x, y, units, cancelled), name="pellucid-check", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Ends a check that runs: it says nothing more, and its thread ends within an epoch."""
        self._cancelled.set()

    @property
    def checking(self) -> bool:
        alive = self._thread is not None and self._thread.is_alive()
        return alive and not self._cancelled.is_set()

    def _check_formula(self, exercise: Exercise, answer: str) -> None:
        asked = exercise_graph.puzzle(exercise.level, exercise.seed)
        found = exercise_graph.check(asked, answer)
        told = {"kind": "checked", "exercise": GRAPH, **dataclasses.asdict(found)}
        if found.point is not None:
            told |= _image(asked.picture(found.point))
        self.send(told)

    def _measure(self, x: Any, y: Any, units: int, cancelled: threading.Event) -> None:
        done: list[exercise_units.Start] = []

        def tell(end: bool = False) -> None:
            found = exercise_units.Verdict(tuple(done), units)
            told: dict[str, Any] = {"kind": "checked", "exercise": UNITS, "units": units}
            told["starts"] = [[one.units, one.seed, one.share, one.solved] for one in done]
            if cancelled.is_set():
                return
            if end:
                told |= {name: getattr(found, name) for name in ("right", "enough", "fewer")}
            self.send(told)

        try:
            for one in exercise_units.starts(x, y, units, cancelled.is_set):
                done.append(one)
                tell()
            tell(end=True)
        except PellucidError as error:
            self.send({"kind": "error", "text": error.short})
        except Exception as error:  # a fault of ours: the page says so, the terminal has it whole
            traceback.print_exc(file=sys.stderr)
            text = f"[exercise] the check failed: {type(error).__name__}. The terminal says where."
            self.send({"kind": "error", "text": text})


def _image(picture: Any) -> dict[str, Any]:
    """A picture for an <img>: the page sets nothing as HTML."""
    data = base64.b64encode(picture.svg.encode()).decode()
    return {
        "image": f"data:image/svg+xml;base64,{data}",
        "width": picture.width,
        "height": picture.height,
        "alt": picture.title,
    }
