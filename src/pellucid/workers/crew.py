"""The workers of a run, as the process that trains sees them: who is there, who is lost, who joins.

Nothing here knows what a step is. Between two steps `look` takes in who has come and drops who has
gone, for whom another is started.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import notices
from pellucid.core.errors import PellucidError
from pellucid.workers import wire
from pellucid.workers.launching import Launcher, Started
from pellucid.workers.pulse import Pulse
from pellucid.workers.wire import Address, Lost, Mesh
from pellucid.workers.worker import VERSION, mesh_of

Array = np.ndarray[Any, Any]
_FAILURES = 3  # workers in a row that end before they can work; silences in a row
_ROW = 600.0  # seconds in which silences are in a row; ten times the patience, where that is more
_PAUSE = 0.05  # seconds between two looks while nothing else is to be done
_REGROUPING = 120.0  # seconds in which those who are there must find each other


class _Member:
    def __init__(self, connection: socket.socket, pulse: Pulse, words: dict[str, Any]):
        connection.settimeout(wire.TICK)
        self.connection, self.pulse, self.ticket = connection, pulse, words["ticket"]
        self.address: Address = (connection.getpeername()[0], words["port"])
        self.who: str = words["who"]
        self.ready = False


class Crew:
    """See the module.

    Args:
        words, arrays: what a worker is told before it can work.
        threads: of each worker.
    """

    def __init__(
        self,
        launcher: Launcher,
        data: Sequence[Array],
        words: dict[str, Any],
        arrays: Sequence[Array],
        threads: int,
    ):
        self._launcher, self._words, self._arrays = launcher, words, arrays
        self._secret = wire.secret()
        self.members: list[_Member] = []  # those of the roster, in its order
        self._others: list[_Member] = []  # those that get ready
        self._started: dict[int, Started] = {}
        self._tickets = self._rosters = self._failed = 0
        self._able: set[int] = set()  # tickets of those who could begin
        self._pulses: dict[int, Pulse] = {}  # by ticket, of those that said no more yet
        self._silences: list[float] = []  # when workers did not answer, of late
        self._lasting = False  # whether those who are there go on without others
        self.failure = ""  # what a worker could not do
        self.mesh = Mesh({})
        self._arrived: deque[tuple[socket.socket, dict[str, Any]]] = deque()
        launcher.open(data)
        self._threads = threads
        self._control, self._listener = (wire.listen(launcher.host) for _ in range(2))
        threading.Thread(target=self._welcome, name="pellucid workers", daemon=True).start()

    def begin(self, wait: float) -> None:
        """Waits for all workers.

        Raises:
            PellucidError: where they are not there within so many seconds.
        """
        until = time.monotonic() + wait
        while True:
            self.look()
            with contextlib.suppress(Lost):
                self.attend()
            there = 1 + len(self._ready())
            if there == self._launcher.count:
                return
            if self.failure or time.monotonic() > until:
                raise PellucidError(
                    "fit",
                    f"{self._launcher.count} workers must be there within {wait:g} s, got {there}"
                    + (f"; one said: {self.failure}" if self.failure else ""),
                    "Look whether the cluster has so many processors free, or ask for fewer.",
                )
            time.sleep(_PAUSE)

    def _welcome(self) -> None:
        """Takes in whoever knows the secret; a thread of its own, since strangers may be slow."""
        while True:
            try:
                connection = wire.accept(self._control, self._secret)
            except (OSError, ValueError):
                return  # the listener was closed
            if connection is None:
                continue
            try:
                words = wire.greeting(connection)
            except (Lost, OSError):
                connection.close()
                continue
            self._arrived.append((connection, words))

    def _ready(self) -> list[_Member]:
        return [one for one in (*self.members, *self._others) if one.ready]

    @property
    def changed(self) -> bool:
        """Whether the roster is not that of the workers who can work."""
        return self._ready() != self.members or len(self.mesh.connections) != len(self.members)

    def look(self) -> None:
        """Takes in who has come, drops who has gone, and starts others for them.

        Raises:
            PellucidError: where no one else is left, and new ones end before they can begin.
        """
        while self._arrived:
            self._admit(*self._arrived.popleft())
        known = {one.connection: one for one in (*self.members, *self._others)}
        for connection in wire.waiting(list(known)):
            self._hear(known[connection])
        for ticket, started in list(self._started.items()):
            told = started.ended()
            if told is not None:
                self._over(ticket, told)
        while not self._lasting and len(self._started) < self._launcher.count - 1:
            self._start()
        if self._lasting and not self._ready():
            raise PellucidError(
                "fit",
                "a worker must be left to train with, got none, and no other could be started",
                "The model has the weights of the last whole step: resume the run from there.",
            )

    def _start(self) -> None:
        self._tickets += 1
        given = {
            "host": self._launcher.host,
            "port": self._control.getsockname()[1],
            "secret": self._secret.hex(),
            "ticket": self._tickets,
            "threads": self._threads,
        }
        self._started[self._tickets] = self._launcher.start(given)

    def _over(self, ticket: int, told: str) -> None:
        """A worker's process has ended."""
        del self._started[ticket]
        for one in [*self.members, *self._others]:
            if one.ticket == ticket:
                self._drop(one)
        self._failed = 0 if ticket in self._able else self._failed + 1
        if self._failed < _FAILURES:
            return
        problem = (
            f"workers must stay until the run ends, got {_FAILURES} that ended before they could "
            f"begin; the last one said: {told}"
        )
        if not self.members:
            raise PellucidError("fit", problem, "The model has the weights of the last whole step.")
        notices.once(f"[fit] {problem}. The run goes on with {1 + len(self.members)} workers.")
        self._lasting = True

    def _admit(self, connection: socket.socket, words: dict[str, Any]) -> None:
        if words.get("ticket") not in self._started:  # it was given up meanwhile
            connection.close()
            return
        if words["kind"] == "pulse":
            self._pulses[words["ticket"]] = Pulse(connection)
            return
        if words["version"] != VERSION:
            self.failure = f"a worker has Pellucid {words['version']}, this is {VERSION}"
            connection.close()
            return
        member = _Member(connection, self._pulses.pop(words["ticket"]), words)
        self._others.append(member)
        try:
            wire.send(connection, "setup", self._arrays, self.attend, **self._words)
        except Lost:
            self._drop(member)

    def _hear(self, member: _Member) -> None:
        try:
            words, _ = wire.receive(member.connection, idle=self.attend)
        except Lost:
            self._drop(member)
            return
        if words["kind"] == "ready":
            member.ready, self._failed = True, 0
            self._able.add(member.ticket)
        elif words["kind"] == "failed":
            self.failure = words["text"]

    def _drop(self, member: _Member) -> None:
        """Forgets a worker, and ends it if it lives: another takes its place."""
        for group in (self.members, self._others):
            if member in group:
                group.remove(member)
        member.connection.close()
        member.pulse.close()
        started = self._started.get(member.ticket)
        if started is not None:
            started.stop()

    def attend(self) -> None:
        """Is called about once a `TICK` while a worker is waited for: ends those that are silent.

        Raises:
            Lost: where there was one.
        """
        patience, now = self._launcher.patience, time.monotonic()
        silent = []
        for one in [*self.members, *self._others]:
            one.pulse.look()
            if one.pulse.silent >= patience:
                silent.append(one.who)
                self._drop(one)
        if not silent:
            return
        row = max(_ROW, 10 * patience)
        self._silences = [at for at in self._silences if now - at < row] + [now]
        self._lasting = self._lasting or len(self._silences) == _FAILURES
        others = (
            "and no other is started: it is the third time" if self._lasting else "and others start"
        )
        notices.warn(
            f"[fit] workers must answer within {patience:g} s, got nothing from "
            f"{' and '.join(silent)}. The run goes on with who is left, {others}. Look what "
            f"held them up, or wait longer: patience={10 * patience:g} in pel.LocalWorkers or "
            "pel.RayWorkers."
        )
        raise Lost

    def regroup(self) -> None:
        """Connects all who can work with each other; behind it they have no state.

        Raises:
            PellucidError: where they cannot reach each other.
        """
        until = time.monotonic() + _REGROUPING + _FAILURES * self._launcher.patience
        while True:
            self.mesh.close()
            self.look()
            self.members = self._ready()
            self._others = [one for one in self._others if not one.ready]
            try:
                self._roster()
                return
            except Lost:
                if time.monotonic() > until:
                    raise PellucidError(
                        "fit",
                        f"workers must reach each other, got none that do in {_REGROUPING:g} s",
                        "The model has the weights of the last whole step.",
                    ) from None
                time.sleep(_PAUSE)

    def _roster(self) -> None:
        self._rosters += 1
        here = (self._launcher.host, self._listener.getsockname()[1])
        addresses = [here, *(one.address for one in self.members)]
        self.tell("roster", number=self._rosters, addresses=addresses)
        self.mesh = mesh_of(
            *(0, addresses, self._listener, self._secret, self._rosters),
            stands=self._stands,
            idle=self.attend,
        )

    def _stands(self) -> bool:
        members = list(self.members)
        self.look()
        self.attend()
        return members == self.members

    def tell(
        self, kind: str, arrays: Sequence[Sequence[Array]] | Sequence[Array] = (), **words: Any
    ) -> None:
        """Says something to each worker of the roster.

        Raises:
            Lost: where one of them is gone, which is dropped.
        """
        for number, member in enumerate(list(self.members), 1):
            own = {"own": number} if kind == "roster" else {}
            given: Any = arrays[number : number + 1] if kind == "step" else arrays
            try:
                wire.send(member.connection, kind, given, self.attend, **own, **words)
            except Lost:
                self._drop(member)
                raise

    def close(self) -> None:
        """Ends all workers."""
        self.mesh.close()
        for listener in (self._control, self._listener):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for one in (*self.members, *self._others):
            one.connection.close()
            one.pulse.close()
        for pulse in self._pulses.values():
            pulse.close()
        for connection, _ in self._arrived:
            connection.close()
        for started in self._started.values():
            started.stop()
        self.members, self._others, self._started = [], [], {}
        self._launcher.close()
