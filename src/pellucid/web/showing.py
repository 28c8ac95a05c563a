"""What a session shows: settings, rows and network as messages, at the pace that they allow.

In: what stands on the screen, and the run. Out: JSON as dicts, and frames as bytes.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.config import to_config
from pellucid.models import Sequential
from pellucid.train.callback import Run
from pellucid.web import files, second
from pellucid.web.exercises import Desk
from pellucid.web.frames import pack
from pellucid.web.machine_look import MachineLook
from pellucid.web.pictures import look_of
from pellucid.web.program import address, program
from pellucid.web.settings import OWN, Settings
from pellucid.web.sources import Own, Rows

Message = dict[str, Any] | bytes
_FASTEST = 1 / 45  # seconds between two frames
_SHARE = 0.08  # of the time that frames may take
_SCORES = 0.1  # seconds between two measures of all rows, at least


class Showing:
    """See the module.

    Attributes:
        model, rows, look: what stands on the screen, and how the page sees it.
        own: rows of a person's own; file: a model file.
        second: a run beside this one; differs: the setting in which it differs.
        attached: whether a run that Python started is shown.
        machine: what stands in the place of the network.
        board: a picture that a person drew.
        units: a column of the diagram, and two units of it to see with.
    """

    attached = False
    machine: MachineLook | None = None
    board: Sequence[float] | None = None
    units: tuple[int, int, int] | None = None
    own: Own | None = None
    file: bytes | None = None
    second: Showing | None = None
    differs: Mapping[str, Any] = {}
    desk: Desk  # of the exercises
    send: Callable[[Message], None]
    ready: Callable[[], bool]
    waiting: Callable[[], bool]

    @property
    def epoch(self) -> int:
        if self.model.history is self._earlier:  # not a step of this run is done
            return 0
        return int(self.model.training.get("epoch", 0))

    @property
    def settings(self) -> Settings:
        return self._settings

    def program(self) -> str:
        return program(self._settings, self.epoch, self.rows.classes)

    def _stand(self, settings: Settings, model: Sequential, rows: Rows) -> None:
        """What stands on the screen from here on."""
        self.look = look_of(settings, model, rows)
        if rows.picture and self.board is not None:
            self.look.show(self.board)
        # The curves of an earlier run that does not go on: a new one takes their place.
        anew = settings.loaded is not None and not settings.loaded.resumes
        self._earlier = model.history if anew else None
        self.playing, self.seconds, self.scores = False, 0.0, dict[str, Any]()
        self._settings, self.rows, self.model = settings, rows, model
        self._goal, self._ruled, self._fired = settings.epochs, "", False
        self.halted = False  # by a rule, or a loss that is not finite
        self._started = self._last_frame = 0.0
        self._last_scores = -1e9
        self._frame_cost: float | None = None
        self._scores_cost: float | None = None

    def screen(self) -> dict[str, Any]:
        """Everything that the controls show."""
        s, rows = self._settings, self.rows
        optimizer, penalties = s.now()
        own = self.own if s.data == OWN else None
        return {
            "kind": "screen",
            "settings": {
                **{n: getattr(s, n) for n in ("data", "rows", "noise", "data_seed", "held")},
                **{n: getattr(s, n) for n in ("seed", "dtype", "batch_size")},
                "features": list(s.features),
                "layers": [to_config(one) for one in s.layers],
                "optimizer": to_config(optimizer),
                "loss": to_config(s.loss),
                "penalties": [to_config(one) for one in penalties],
                "stop": None if s.stop is None else dataclasses.asdict(s.stop),
                "hidden": list(s.hidden),
                "svm": None if s.svm is None else dataclasses.asdict(s.svm),
                "exercise": None if s.exercise is None else dataclasses.asdict(s.exercise),
            },
            "mode": "exercises" if s.exercise else "machine" if s.svm else "network",
            "names": list(self.model.names),
            "ends": self.look.ends,
            "widths": self.look.widths[1:],
            "classes": rows.classes,
            "labels": self._labels(),
            "columns": list(own.names) if own else ["x1", "x2"],
            "notes": list(own.notes) if own else [],
            "picture": self.rows.picture,
            "border": self.look.border,
            "low": rows.low[:2].tolist(),
            "high": rows.high[:2].tolist(),
            "coarse": self.look.coarse,
            "changes": [one.epoch for one in s.changes],
            "begun": s.begun,
            "past": files.past(self.model, s.begun) if self.epoch == s.begun else [],
            "program": self.program(),
            "address": address(s),
            "playing": self.playing,
            "epoch": self.epoch,
            "attached": self.attached,
            "second": self._screen_beside(),
        }

    def _labels(self) -> list[str]:
        """What the classes are called."""
        if self._settings.data == OWN and self.own is not None:
            return list(self.own.labels)
        if self.rows.classes > 2:
            return [str(i) for i in range(self.rows.classes)]
        return ["-1", "1"] if self._settings.signs else ["0", "1"]

    def _screen_beside(self) -> dict[str, Any] | None:
        if self.second is None:
            return None
        (name,) = self.differs
        texts = second.differences(self._settings, self.second.settings, name)
        return {**self.second.screen(), "differs": list(texts)}

    def points(self) -> bytes:
        """The rows themselves: the plane's columns or a picture, class or value, if held out."""
        held = np.zeros(len(self.rows.x))
        held[self.rows.held] = 1
        columns = None if self.rows.picture else 2
        arrays = {"x": self.rows.x[:, :columns], "y": self.rows.shown, "held": held}
        return pack({"kind": "points"}, arrays)

    def frame(self, run: Run | None = None) -> bytes:
        """How the model stands."""
        started, spent = time.perf_counter(), time.thread_time()
        # Machine code takes a moment to make: a network that only stands there needs none.
        backend = "interpreter" if run is None else None
        if (
            started - self._last_scores > max(_SCORES, (self._scores_cost or 0) / _SHARE)
            or run is None
        ):
            for one in (self, self.second):
                if one is not None:
                    one.scores = {"epoch": one.epoch, **one.look.scores(backend)}
            self._last_scores = time.perf_counter()
            if run is not None:
                self._scores_cost = self._cost(time.thread_time() - spent, self._scores_cost)
        header = {
            "kind": "frame",
            "epoch": self.epoch,
            "step": int(self.model.training.get("step", 0)),
            "seconds": self.seconds + (0.0 if run is None else started - self._started),
            "scores": self.scores,
            "loss": None if run is None else run.logs.get("loss"),
            "rate": self._settings.now()[0].rate(int(self.model.training.get("step", 0))),
            "playing": self.playing,
        }
        arrays = self._arrays(backend)
        if self.units is not None:
            column, *pair = self.units
            arrays |= self.look.carried(column, pair, backend)
        header["drawn"] = self.look.prediction(backend)
        if (beside := self.second) is not None:
            header["second"] = {
                "epoch": beside.epoch,
                "scores": beside.scores,
                "drawn": beside.look.prediction(backend),
            }
            own = beside._arrays(backend)
            arrays |= {f"second:{name}": array for name, array in own.items()}
        message = pack(header, arrays)
        if run is not None:
            self._frame_cost = self._cost(time.thread_time() - spent, self._frame_cost)
        return message

    def _arrays(self, backend: str | None) -> dict[str, Any]:
        """What is drawn of the network."""
        weights = {f"w:{name}": array for name, array in self.look.weights().items()}
        return {**self.look.maps(backend), **weights}

    def _due(self, now: float) -> bool:
        """Whether it is time for a frame."""
        return now - self._last_frame >= max(_FASTEST, (self._frame_cost or 0) / _SHARE)

    @staticmethod
    def _cost(now: float, before: float | None) -> float | None:
        """Seconds that something takes, smoothed; the first time compiles and says nothing."""
        if before is None:
            return 0.0
        return now if not before else 0.7 * min(before, now) + 0.3 * now

    def show(self) -> None:
        """Sends all there is: to a page that has just come, or after a reset."""
        self.send(self.screen())
        self.send(self.points())
        if self._settings.exercise is not None:
            self.desk.ask(self._settings.exercise)
        else:
            self.send(self.frame() if self.machine is None else self.machine.message())
