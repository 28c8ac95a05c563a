"""The run of a session: `fit` in slices, changes between epochs, and a second run that follows."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

from pellucid.core.errors import PellucidError
from pellucid.train.callback import Callback, Run
from pellucid.train.callbacks import EarlyStopping, StopBelow
from pellucid.web import files
from pellucid.web.settings import MOST_EPOCHS, Change
from pellucid.web.showing import Showing


class Running(Showing):
    """See the module."""

    second: Running | None = None
    _pending: list[Change]  # of a program, whose epoch has not come

    @property
    def _resumes(self) -> bool:
        """Whether the next `fit` goes on with a run."""
        loaded = self._settings.loaded
        return self.epoch > 0 or bool(loaded and loaded.resumes)

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
        callbacks: list[Callback] = []
        if s.stop is not None:
            kind = StopBelow if s.stop.kind == "below" else EarlyStopping
            callbacks.append(kind(s.stop.monitor, s.stop.number))  # type: ignore[arg-type]
        callbacks.append(Watch(self))  # behind the rule, whose end of the run it sees
        held_out = s.stop is not None and s.stop.monitor.startswith("val")
        self._ruled, self._fired = "", False
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
        if s.stop is not None and self._fired and self.playing:
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
        whole = at_epoch or self.second is None  # two runs are shown at one epoch
        if whole and self._due(now) and self.ready():
            self._last_frame = now
            if at_epoch:
                self._follow()
            else:
                run.publish()
            self.send(self.frame(run))
        if self.waiting() and at_epoch:
            run.stop = True

    def note_rule(self, run: Run) -> None:
        """At the end of an epoch: whether a stop rule has ended the run."""
        self._fired = run.stop

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
            own = self.second.settings.now()
            both = (
                own[0] if "optimizer" in self.differs else optimizer,
                own[1] if "penalties" in self.differs else penalties,
            )
            if both != own:
                self.second._steer(*both)

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


class Watch(Callback):
    """Calls `Running.tick` after slices of steps and after epochs."""

    every_step = False

    def __init__(self, session: Running):
        self.session = session

    def on_step(self, run: Run) -> None:
        self.session.tick(run, False)

    def on_epoch(self, run: Run) -> None:
        self.session.note_rule(run)
        self.session.tick(run, True)
