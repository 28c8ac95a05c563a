"""A session: what stands on the screen, the model behind it, and the run. It needs no browser.

One thread owns it (see `worker.py`). In: commands that `commands.py` has checked. Out: messages
through `send`, JSON as dicts and frames as bytes. `showing.py` says what it shows, `running.py` how
it trains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.models import Sequential
from pellucid.web import files, second
from pellucid.web.ends import fitted
from pellucid.web.exercises import Desk
from pellucid.web.machine_look import MachineLook
from pellucid.web.parsing import parse
from pellucid.web.running import Running
from pellucid.web.settings import (
    DIGITS,
    MODES,
    MOST_CHANGES,
    OWN,
    Loaded,
    Settings,
    checked,
    steerable,
)
from pellucid.web.showing import Message
from pellucid.web.sources import Own, Rows, rows_of, with_columns


class Session(Running):
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

    second: Session | None = None

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
        self.parts: dict[str, list[str]] = {}  # of a table or a file that is on its way
        self.desk = Desk(lambda: (self.rows.x, self.rows.shown), lambda told: self.send(told))
        self._adopt(settings or Settings(), model)

    # -- what stands on the screen ----------------------------------------------------------

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
        if {*values} <= {"stop", "hidden"} and self.epoch > self._settings.begun:
            what = "stop rules" if "stop" in values else "hidden controls"
            raise ArgumentError(
                "playground", f"{what} belong to a run from its start", "Rewind first."
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
