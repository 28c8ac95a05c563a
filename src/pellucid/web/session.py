"""A session: what stands on the screen, the model behind it, and the run. It needs no browser.

One thread owns it (see `worker.py`). In: commands that `commands.py` has checked. Out: messages
through `send`, JSON as dicts and frames as bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.config import to_config
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.models import Sequential
from pellucid.train.callback import Callback, Run
from pellucid.train.callbacks import EarlyStopping, StopBelow
from pellucid.web import files, second
from pellucid.web.ends import fitted
from pellucid.web.exercises import Desk
from pellucid.web.frames import pack
from pellucid.web.machine_look import MachineLook
from pellucid.web.parsing import parse
from pellucid.web.pictures import look_of
from pellucid.web.program import address, program
from pellucid.web.settings import (
    DIGITS,
    MODES,
    MOST_CHANGES,
    MOST_EPOCHS,
    OWN,
    Change,
    Loaded,
    Settings,
    checked,
    steerable,
)
from pellucid.web.sources import Own, Rows, rows_of, with_columns

Message = dict[str, Any] | bytes
_FASTEST = 1 / 45  # seconds between two frames
_SHARE = 0.08  # of the time that frames may take
_SCORES = 0.1  # seconds between two measures of all rows, at least


class Session:
    """See the module.

    Args:
        settings: what stands there first.
        own: rows of a person's own.
        model: one of Python's, which is trained in place; else one is made of the settings.
        file: a model file, for settings that begin with it.
        send: takes a message to the pages.
        ready: whether one of them has seen the frames before.
        waiting: called between steps; answers what needs no stop, and says whether one is needed.
    """

    attached = False  # to a run that Python started
    board: Sequence[float] | None = None  # a picture that a person drew
    units: tuple[int, int, int] | None = None  # a column of the diagram, two units to see with
    machine: MachineLook | None = None  # what stands in the place of the network

    def __init__(
        self,
        settings: Settings | None = None,
        own: Own | None = None,
        model: Sequential | None = None,
        send: Callable[[Message], None] = lambda message: None,
        file: bytes | None = None,
        ready: Callable[[], bool] = lambda: True,
        waiting: Callable[[], bool] = lambda: False,
    ):
        self.send, self.ready, self.waiting, self.own = send, ready, waiting, own
        self.file = file
        self.parts: list[str] = []  # of a table or file that is on its way
        self.second: Session | None = None  # a run beside this one
        self.differs: Mapping[str, Any] = {}  # the setting in which it differs
        self._pending: list[Change] = []
        self.desk = Desk(lambda: (self.rows.x, self.rows.shown), lambda told: self.send(told))
        self._adopt(settings or Settings(), model)

    # -- what stands on the screen ----------------------------------------------------------

    @property
    def epoch(self) -> int:
        if self.model.history is self._earlier:  # not a step of this run is done
            return 0
        return int(self.model.training.get("epoch", 0))

    @property
    def _resumes(self) -> bool:
        """Whether the next `fit` goes on with a run."""
        loaded = self._settings.loaded
        return self.epoch > 0 or bool(loaded and loaded.resumes)

    @property
    def settings(self) -> Settings:
        return self._settings

    def program(self) -> str:
        return program(self._settings, self.epoch, self.rows.classes)

    def _adopt(
        self, settings: Settings, model: Sequential | None = None, changed: bool = False
    ) -> None:
        """Starts anew with these settings; nothing changes where they cannot be used.

        Args:
            changed: whether a control did this, so that the output follows data and loss.
        """
        note = ""
        if changed and settings.data != self._settings.data == DIGITS:
            settings = dataclasses.replace(settings, features=Settings().features)
        settings, columns = with_columns(settings, self.own)
        if settings.loaded and changed:
            settings = dataclasses.replace(settings, loaded=Loaded())
        if settings.loaded and not settings.layers:  # a program that loads its model
            settings = files.filled(settings, files.opened(self._held_file()))
        settings = checked(settings, columns)
        rows = rows_of(settings, self.own)
        if model is None:
            anew = changed and (
                settings.loss != self._settings.loss
                or bool(rows.classes) != bool(self.rows.classes)
            )
            settings = fitted(settings, rows.classes, anew)
            rows = rows_of(settings, self.own)
        if settings.loaded:
            found = files.opened(self._held_file())
            if not files.fits(settings, found):
                if not changed:
                    raise DataError(
                        "load",
                        f"the model of the file does not fit here: it reads "
                        f"{found.input_types[0].shape[-1]} features and ends in "
                        f"{found.layers[-1]!r}",
                        "Choose its features and its data first.",
                    )
                settings = dataclasses.replace(settings, loaded=None)
        if settings.loaded:
            model, settings, note = files.begin(self._held_file(), settings, rows, model)
        elif model is None:
            model = self._made(settings)
            model.compile(settings.optimizer, settings.loss, regularizer=settings.penalties)
        model.build((len(settings.features),))
        x, y = rows.train
        model.training_graph(x[:1], y[:1])  # refuses what does not go together before it stands
        due = []
        for change in settings.changes:
            if change.weights is not None:
                try:
                    self._check_weights(model, change.weights)
                except PellucidError:
                    if changed:  # weights given by hand stay where the new network has their place
                        continue
                    raise
            due.append(change)
        self._pending = due
        machine = self._machine_of(settings, rows)
        self._stand(dataclasses.replace(settings, changes=()), model, rows)
        self.machine = machine
        self._apply_due()
        if note:
            self.send({"kind": "note", "text": note})
        self._again_beside()

    def _held_file(self) -> bytes:
        if self.file is None:
            raise DataError("load", "there is no model file yet", "Load one first.")
        return self.file

    def _machine_of(self, settings: Settings, rows: Rows) -> MachineLook | None:
        """The machine that stands in the place of the network, at the pair that is looked at."""
        if settings.svm is None:
            return None
        if rows.picture:
            raise DataError("support vector machine", "it is drawn on a plane, got pictures")
        return MachineLook(settings, rows, 0 if self.machine is None else self.machine.pair)

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
        self._goal, self._ruled, self._interrupted = settings.epochs, "", False
        self.halted = False  # by a rule, or a loss that is not finite
        self._started = self._last_frame = 0.0
        self._last_scores = -1e9
        self._frame_cost: float | None = None
        self._scores_cost: float | None = None

    def _again_beside(self) -> None:
        """The second run at its start, where there is one."""
        if not self.differs:
            return
        try:
            self.second = second.beside(self, Session, self.differs)
        except PellucidError as error:
            self.second, self.differs = None, {}
            text = f"There is no second run any more: {error.problem}."
            self.send({"kind": "note", "text": text})

    @staticmethod
    def _made(settings: Settings) -> Sequential:
        layers = [dataclasses.replace(layer) for layer in settings.layers]  # arrays of their own
        return Sequential(layers, seed=settings.seed, dtype=settings.dtype)

    @staticmethod
    def _check_weights(model: Sequential, weights: Mapping[str, Any]) -> None:
        kept = model.get_weights()
        model.set_weights(dict(weights))
        model.set_weights(kept)

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
                "svm": None if s.svm is None else s.svm.plain(),
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

    # -- the run ----------------------------------------------------------------------------

    def train(self) -> None:
        """Trains until a command waits, the goal is reached, or a rule stops it."""
        goal = self._goal if self._goal > self.epoch else MOST_EPOCHS
        if self._pending:
            goal = min(goal, self._pending[0].epoch)
        self._fit(goal)
        self._apply_due()
        if self.playing and self._goal and self.epoch >= self._goal and not self._pending:
            self._pause("The program's last epoch.")
        elif self.playing and self._ruled:
            self._pause(self._ruled)

    def _fit(self, goal: int) -> None:
        s, (x, y) = self._settings, self.rows.train
        callbacks: list[Callback] = [Watch(self)]
        if s.stop is not None:
            kind = StopBelow if s.stop.kind == "below" else EarlyStopping
            callbacks.append(kind(s.stop.monitor, s.stop.number))  # type: ignore[arg-type]
        held_out = s.stop is not None and s.stop.monitor.startswith("val")
        self._ruled, self._interrupted = "", False
        self._started = time.perf_counter()
        try:
            self.model.fit(
                x,
                y,
                batch_size=s.batch_size,
                epochs=goal,
                seed=s.seed,
                verbose=0,
                validation_data=self.rows.test if held_out else None,
                callbacks=callbacks,
                resume=self._resumes,
            )
        except PellucidError as error:
            self.playing, self.halted = False, True
            self._follow()
            self.send({"kind": "error", "text": error.short})
            self.send(self.screen())
            self.send(self.frame())
        else:
            self._follow()
        finally:
            self.seconds += time.perf_counter() - self._started
        if s.stop is not None and not self._interrupted and self.epoch < goal and self.playing:
            shown = "training" if s.stop.monitor == "loss" else "test"
            self._ruled = f"The stop rule of the {shown} loss ended the run."
            self.halted = True

    def _follow(self) -> None:
        """The second run comes to the epoch of this one, unless it ended before."""
        beside = self.second
        if beside is None or beside.halted or beside.epoch >= self.epoch:
            return
        started = time.perf_counter()
        beside.playing = True
        beside._fit(self.epoch)
        if beside._ruled:
            self.send({"kind": "note", "text": f"Second run: {beside._ruled}"})
        self._started += time.perf_counter() - started  # the time of this run is its own

    def _pause(self, why: str = "") -> None:
        self.playing = False
        if why:
            self.send({"kind": "note", "text": why})
        self.send(self.screen())
        self.send(self.frame())

    def tick(self, run: Run, at_epoch: bool) -> None:
        """Between steps: a frame where it is time, and a look at what waits."""
        now = time.perf_counter()
        due = now - self._last_frame >= max(_FASTEST, (self._frame_cost or 0) / _SHARE)
        whole = at_epoch or self.second is None  # two runs are shown at one epoch
        if due and whole and self.ready():
            self._last_frame = now
            if at_epoch:
                self._follow()
            else:
                run.publish()
            self.send(self.frame(run))
        if self.waiting() and at_epoch:
            self._interrupted = run.stop = True

    def _apply_due(self) -> None:
        """Changes of a program whose epoch has come."""
        while self._pending and self._pending[0].epoch <= self.epoch:
            change = self._pending.pop(0)
            if change.weights is None:
                self._steer(change.optimizer, change.penalties)
            else:
                self._put(dict(change.weights))

    def _steer(self, optimizer: Any, penalties: tuple[Any, ...]) -> None:
        """Rates and strengths from here on; slots and the state of the run stay."""
        keeps = self.epoch > 0 or self._settings.loaded is not None
        files.configure(self.model, optimizer, self._settings.loss, penalties, keeps=keeps)
        self._record(Change(self.epoch, optimizer, penalties))
        if self.second is not None:
            values = {"optimizer": optimizer, "penalties": penalties}
            second.follow(self.second, values, self.differs)

    def _put(self, weights: dict[str, Any]) -> None:
        self.model.set_weights(weights)
        self._record(Change(self.epoch, None, weights=weights))
        if self.second is not None:
            with contextlib.suppress(PellucidError):  # of another shape there
                self.second._put(weights)

    def _record(self, change: Change) -> None:
        changes = list(self._settings.changes)
        last = changes[-1] if changes else None
        if (
            last
            and last.epoch == change.epoch
            and (last.weights is None) == (change.weights is None)
        ):
            changes.pop()  # the later one holds
            if last.weights is not None and change.weights is not None:
                merged = {**last.weights, **change.weights}
                change = dataclasses.replace(change, weights=merged)
        self._settings = dataclasses.replace(self._settings, changes=(*changes, change))

    # -- commands ---------------------------------------------------------------------------

    def play(self) -> None:
        self.playing = True
        for one in (self, self.second):
            if one is not None:
                one.halted = False
        if self._goal <= self.epoch:
            self._goal = 0
        self.send(self.screen())

    def pause(self) -> None:
        self._pause()

    def step(self, epochs: int = 1) -> None:
        self.playing = False
        self._fit(self.epoch + epochs)
        self._apply_due()
        self._pause()

    def rewind(self) -> None:
        """The same start again, with the rates and penalties that hold now."""
        self.open(self._settings.start)

    def reset(self) -> None:
        """New random weights."""
        start = self._settings.start
        seed = (start.seed + 1) % 2**31
        self.open(dataclasses.replace(start, seed=seed, loaded=None))

    def load(self, content: bytes) -> None:
        """Goes on where a model file stands, on the data and features that are here."""
        before, self.file = self.file, content
        start = self._settings.start
        try:
            self._adopt(dataclasses.replace(start, layers=(), loaded=Loaded(), changes=()))
        except PellucidError:
            self.file = before
            raise
        self.show()

    def open(self, settings: Settings) -> None:
        """Starts anew with these settings."""
        self._adopt(settings)
        self.show()

    def change(self, values: Mapping[str, Any]) -> None:
        """Settings by name; rates and strengths act without a reset."""
        if {*values} <= {*MODES}:
            self._look_at(dataclasses.replace(self._settings, **values))
            return
        new = dataclasses.replace(self._settings.start, **values)
        if steerable(self._settings, new):
            if len(self._settings.changes) >= MOST_CHANGES:
                raise ArgumentError("playground", f"a run takes {MOST_CHANGES} changes, got more")
            if (new.optimizer, new.penalties) != self._settings.now():
                if self.epoch > self._settings.begun or self._settings.changes:
                    self._steer(new.optimizer, new.penalties)
                else:
                    self._adopt(new)
            self.send(self.screen())
            return
        was = self.playing
        quiet = {*values} <= {"stop", "hidden"}
        if quiet and self.epoch > self._settings.begun:
            raise (
                ArgumentError(
                    "playground", "stop rules belong to a run from its start", "Rewind first."
                )
                if "stop" in values
                else ArgumentError("playground", "controls are hidden at a start")
            )
        self._adopt(new, changed=True)
        self.playing = was
        self.show()

    def compare(self, values: Mapping[str, Any]) -> None:
        """A second run beside this one that differs in one setting; without any, none.

        Both begin at their start.
        """
        if values:
            second.check(values)
            second.beside(self, Session, values)  # refuses before anything is changed
        self.second, self.differs = None, values
        if values:
            self.rewind()
        else:
            self.show()

    def draw_picture(self, picture: Sequence[float]) -> None:
        """A picture that a person drew: what each run takes it for."""
        found: dict[str, Any] = {"kind": "drawn"}
        for name, one in (("drawn", self), ("second", self.second)):
            if one is not None:
                one.look.show(picture)
                one.board = picture
                found[name] = one.look.prediction()
        self.send(found)

    def see_with(self, units: tuple[int, int, int] | None) -> None:
        """Shows the plane as two units of a column see it; None: no more."""
        self.units = units
        if not self.playing:
            self.send(self.frame())

    def _look_at(self, settings: Settings) -> None:
        """Another mode of the page; the network stays as it is."""
        machine = self._machine_of(settings, self.rows)
        if settings.svm is not None or settings.exercise is not None:
            self.playing = False
        self.desk.cancel()
        self._settings, self.machine = settings, machine
        self.show()

    def set_weight(self, name: str, index: tuple[int, ...], value: float) -> None:
        """One weight or bias by hand."""
        weights = self.model.weights
        if name not in weights:
            raise ArgumentError("playground", f"there is no weight {name!r}")
        array = weights[name]
        if len(index) != array.ndim or any(
            not 0 <= i < n for i, n in zip(index, array.shape, strict=False)
        ):
            raise ArgumentError("playground", f"{name} has no place {list(index)}")
        array[index] = value
        self._put({name: array.tolist()})
        self.send(self.screen())
        self.send(self.frame())

    def run_program(self, text: str) -> None:
        """What stands in the program panel; the run begins where its settings differ."""
        self._adopt(parse(text))
        if self._goal:
            self.playing = True
        self.show()

    def set_own(self, own: Own, same: bool = False) -> None:
        """Rows of a person's own in place of what stood there.

        Args:
            same: whether they are those that stood there, changed: features stay.
        """
        before, self.own = self.own, own
        s = self._settings.start
        columns = tuple(f"x{i + 1}" for i in range(own.x.shape[1]))
        usable = same or (
            s.data == OWN and before is not None and before.x.shape[1] == own.x.shape[1]
        )
        features = s.features if usable else columns
        try:
            self._adopt(dataclasses.replace(s, data=OWN, features=features), changed=True)
        except PellucidError:
            self.own = before
            raise
        self.show()

    def own_rows(self) -> Own:
        """The rows that stand there as rows of a person's own."""
        if self._settings.data == OWN and self.own is not None:
            return self.own
        rows = self.rows
        if rows.picture:
            raise ArgumentError("data", "points are drawn on a plane, got pictures")
        labels = tuple(str(i) for i in range(rows.classes))
        plane = (rows.low, rows.high)  # the picture stays where it is
        return Own(rows.x, rows.shown, rows.classes, ("x1", "x2"), labels, plane=plane)


class Watch(Callback):
    """Calls `Session.tick` after slices of steps and after epochs."""

    every_step = False

    def __init__(self, session: Session):
        self.session = session

    def on_step(self, run: Run) -> None:
        self.session.tick(run, False)

    def on_epoch(self, run: Run) -> None:
        self.session.tick(run, True)
