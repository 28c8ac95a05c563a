"""`pel.Play()`: a run that Python started shows itself, and is paused, stepped and steered."""

from __future__ import annotations

import dataclasses
import time
import webbrowser
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.models import Sequential
from pellucid.optim import Schedule
from pellucid.train.callback import Callback, Run
from pellucid.train.history import History
from pellucid.web.choices import hello
from pellucid.web.commands import COMMANDS
from pellucid.web.ends import of_model
from pellucid.web.frames import pack
from pellucid.web.server import Server
from pellucid.web.session import Session
from pellucid.web.settings import LAYERS, Change
from pellucid.web.sources import Rows, from_arrays
from pellucid.web.worker import Inbox

STEERING = "steering"  # in the memory of a history: epoch, rate_scale, epoch, rate_scale, …
_MEANWHILE = ("at", "units", "show", "play", "pause")  # what is answered between steps
_NOT_HERE = "data", "features", "regularization", "stop", "compare", "files", "program"
_LOOK = 0.05  # seconds between two looks at the commands while the run is paused


class Attached(Session):
    """A session of a run that is not its own: it shows, pauses and steers it."""

    attached = True

    def __init__(self, run: Run, send: Callable[[Any], None], ready: Callable[[], bool]):
        self.send, self.ready, self.waiting = send, ready, lambda: False
        self.run, self.parts, self._pending = run, {}, []
        model = run.model
        if not isinstance(model, Sequential) or not all(
            isinstance(e, LAYERS) for e in model.layers
        ):
            known = ", ".join(kind.__name__ for kind in LAYERS)
            raise ArgumentError("Play", f"the page shows a Sequential of {known}, got {model!r}")
        x, y = run.data[:2]
        self.own = own = from_arrays(x, y, model.loss)
        settings = dataclasses.replace(of_model(model, own, 0.5), loaded=None)
        every = np.arange(len(own.x))
        span = np.maximum(own.x.max(0) - own.x.min(0), 1e-9)
        low, high = own.x.min(0) - 0.05 * span, own.x.max(0) + 0.05 * span
        shown = own.y
        rows = Rows(
            *(own.x, own.x, y, shown, own.classes, every, every[:0], low, high, own.x.mean(0))
        )
        self._stand(settings, model, rows)
        self._rate = settings.optimizer.learning_rate
        self.left = -1  # epochs until the next pause; -1: none

    def screen(self) -> dict[str, Any]:
        shown = super().screen()
        shown["settings"]["hidden"] = list(_NOT_HERE)
        shown["program"] = ""
        return shown

    def points(self) -> bytes:
        arrays = {"x": self.rows.x[:, :2], "y": self.rows.shown, "held": np.zeros(len(self.rows.x))}
        return pack({"kind": "points"}, arrays)

    def play(self) -> None:
        self.playing, self.left = True, -1
        self.send(self.screen())

    def pause(self) -> None:
        self.left = -1
        self._pause()

    def step(self, epochs: int = 1) -> None:
        self.playing, self.left = True, epochs

    def change(self, values: Any) -> None:
        """The learning rate, as what the optimizer's own is multiplied by."""
        new = values.get("optimizer")
        plain = self._rate is not None and not isinstance(self._rate, Schedule) and self._rate > 0
        if set(values) != {"optimizer"} or isinstance(new.learning_rate, Schedule) or not plain:
            raise ArgumentError("Play", "of a run that Python started the page changes the rate")
        scale = float(new.learning_rate) / float(self._rate)  # type: ignore[arg-type]
        self.run.rate_scale = scale
        memory = self.run.history.memory
        memory[STEERING] = [*memory.get(STEERING, []), float(self.run.epoch), scale]
        self._record(Change(self.run.epoch, new, self._settings.penalties))
        self.send(self.screen())

    def refused(self) -> None:
        raise ArgumentError(
            "Play",
            "this run belongs to the program that called fit",
            "To change its network or data, open it with pel.play(model, x, y).",
        )


class Play(Callback):
    """Shows the run in the browser while it trains, and lets one pause, step and steer it.

    The learning rate is changed at the end of an epoch. Each change stands in
    `history.memory["steering"]`; `pel.Replay` repeats it.

    Args:
        browser: whether to open a browser; the address is printed in any case.
        paused: whether the run waits at its first epoch for someone to press Play.

    Raises:
        MissingPackageError: without the package websockets.
        ArgumentError: when the run begins, for a model that is no Sequential of vectors.
    """

    every_step = False

    @checked
    def __init__(self, *, browser: bool = True, paused: bool = False):
        flag("Play", "browser", browser)
        flag("Play", "paused", paused)
        self.browser, self.paused = browser, paused
        self.address = ""
        self._inbox = Inbox()
        self._queue, self._arrived = self._inbox.queue, self._inbox.arrived

    def on_start(self, run: Run) -> None:
        self._server = Server(self._inbox.submit, hello(), (float("inf"), float("inf")))
        self.session = Attached(run, self._server.send, self._server.ready)
        self._server.start()
        self.address = self._server.address
        print(f"The run is at {self.address}", flush=True)
        if self.browser:
            webbrowser.open(self.address)
        self.session.playing = not self.paused
        self._wait(run, at_epoch=True)

    def on_step(self, run: Run) -> None:
        self.session.tick(run, False)
        self._wait(run, at_epoch=False)

    def on_epoch(self, run: Run) -> None:
        self.session.tick(run, True)
        if self.session.left > 0:
            self.session.left -= 1
            if not self.session.left:
                self.session.pause()
        self._wait(run, at_epoch=True)

    def on_end(self, run: Run) -> None:
        self.session.playing = False
        self.session.send(self.session.screen())
        self.session.send(self.session.frame())
        time.sleep(_LOOK)  # for the last frame to leave
        self._server.close()

    def _wait(self, run: Run, at_epoch: bool) -> None:
        """Answers what has come, and stays here while the run is paused."""
        while True:
            with self._arrived:
                if not self._queue and not self.session.playing:
                    self._arrived.wait(_LOOK)  # Ctrl-C is heard in between
                taken = self._queue.popleft() if self._queue else None
                if taken and not at_epoch and taken[0] not in (*_MEANWHILE, "step"):
                    self._queue.appendleft(taken)  # the rate changes between epochs
                    taken = None
                    if not self.session.playing:
                        self.session.step()  # to the end of the epoch, where it acts
            if taken:
                self._run(*taken)
            elif self.session.playing or run.stop:
                return

    def _run(self, name: str, arguments: dict[str, Any]) -> None:
        try:
            if name not in (*_MEANWHILE, "step", "set"):
                self.session.refused()
            COMMANDS[name].run(self.session, arguments)
        except PellucidError as error:
            self.session.send({"kind": "error", "text": error.short})


class Replay(Callback):
    """Repeats what was steered from the page: the same rates from the same epochs on.

    Args:
        history: that of the run to repeat; with its seed, data and options the new run ends in the
            same bits.
    """

    @checked
    def __init__(self, history: History):
        if not isinstance(history, History):
            raise ArgumentError("Replay", f"history must be a History, got {history!r}")
        numbers: Sequence[float] = history.memory.get(STEERING, [])
        self.scales = dict(zip(map(int, numbers[::2]), numbers[1::2], strict=True))

    def on_start(self, run: Run) -> None:
        for epoch in sorted(self.scales):
            if epoch <= run.epoch:
                run.rate_scale = self.scales[epoch]

    def on_epoch(self, run: Run) -> None:
        run.rate_scale = self.scales.get(run.epoch, run.rate_scale)
