"""Processes that train one model together: who takes part, what they agree on, how they end.

A star of sockets: the first process listens, the others join. Each sends a sign of life every
second. Whoever is gone is known to all at once, so that nobody waits in a collective of JAX's for
ever, and what ended the run is said in our words. Nothing that a message holds is run: it is JSON.
"""

from __future__ import annotations

import os
import selectors
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from pellucid.core import forks
from pellucid.core.errors import PellucidError
from pellucid.runtime.links import Link, LinkError

BEAT = 1.0  # seconds between two signs of life
SILENCE = 12.0  # seconds without one after which a process counts as gone
GRACE = 8.0  # seconds that a call may take to hear that the run has ended
_LINGER = 5.0  # seconds that the first process waits at its end for the others
_FAREWELL = 300.0  # seconds that a process waits at its end for others that are still at work
P = ParamSpec("P")
R = TypeVar("R")
_Number = tuple[int, int]  # of an exchange: the call of fit, and which one it is there
_AGAIN = (
    "Start the processes again, as many as there are. A run with a checkpoint goes on from it: "
    "pel.load(path), then fit(…, resume=True)."
)


class ProcessError(PellucidError, RuntimeError):
    """A process of a run over several is gone, or did not come, or does not do as the others."""


class Group:
    """The processes that train together, as one of them sees it.

    Attributes:
        process: this one's number, from 0; processes: how many there are.
        hosts: the name of each one's host.
        broken: whether a process was lost inside a step, and the weights of that step with it.
    """

    def __init__(self, process: int, hosts: Sequence[str], links: Mapping[int, Link] | None = None):
        self.process, self.processes, self.hosts = process, len(hosts), tuple(hosts)
        self.broken = False
        self._links = dict(links or {})
        self._came: dict[_Number, dict[int, Any]] = {}  # by exchange: the value of each process
        self._call = self._count = 0  # calls of fit so far; exchanges in this one
        self._left: dict[int, str] = {}  # by call: who left it, and why
        self._over = ""  # why nothing is possible any more
        self._error: ProcessError | None = None  # which says it, the same one each time
        self._heard = False  # whether the main thread knows
        self._ended: set[int] = set()  # who is at its end
        self._fits = 0  # calls of fit under way
        self._inside = False  # whether the main thread is in a program that all run together
        self._wake = forks.signal()
        self._born = forks.count()
        self._clock: Callable[[], float] = time.monotonic
        if self._links:
            threading.Thread(target=self._watch, name="pellucid-group", daemon=True).start()

    def __repr__(self) -> str:
        return f"<process {self.process} of {self.processes} on {self.hosts[self.process]}>"

    @property
    def first(self) -> bool:
        """Whether this process is the one that prints and writes files."""
        return self.process == 0

    def part(self, rows: int) -> slice:
        """This process's part of so many rows: all parts, in order, are all rows.

        x[group.part(len(x))] of an array in a file reads these rows alone.
        """
        cuts = [rows * k // self.processes for k in range(self.processes + 1)]
        return slice(cuts[self.process], cuts[self.process + 1])

    # -- what is agreed on ---------------------------------------------------------------------

    def exchange(self, value: Any) -> list[Any]:
        """What each process gives at this point of the run, in their order: JSON.

        Raises:
            ProcessError: where one has left, or is gone.
        """
        number = self._call, self._count
        self._count += 1
        self.check()
        if not self._links:
            return [value]
        if self.first:
            self._came.setdefault(number, {})[0] = value
            found = self._wait(number)
            self._tell({"kind": "all", "number": number, "values": found})
            return found
        self._tell({"kind": "one", "number": number, "value": value})
        return self._wait(number)

    def agree(self, facts: Mapping[str, Any], fixes: Mapping[str, str]) -> None:
        """Compares what must be the same everywhere, in this order.

        Args:
            fixes: what to do where one differs, by its name.

        Raises:
            ProcessError: the same on all, naming the first that differs.
        """
        told = self.exchange(dict(facts))
        for name in facts:
            for process, other in enumerate(told):
                if other.get(name) != told[0].get(name):
                    self.end(
                        f"{name} must be the same in all processes, got "
                        f"{_shown(told[0].get(name))} in {self.name(0)} and "
                        f"{_shown(other.get(name))} in {self.name(process)}",
                        fixes.get(name, "Give all of them the same program, options and files."),
                    )

    def name(self, process: int) -> str:
        return f"process {process} ({self.hosts[process]})"

    def check(self) -> None:
        """Refuses to go on where a process is gone, or has left this call of fit."""
        if forks.count() != self._born:
            raise ProcessError("fit", "a forked child belongs to no group of processes")
        problem = self._over or self._left.get(self._call, "")
        if problem:
            self._heard = bool(self._over)
            if self._error is None or self._error.problem != problem:
                self._error = ProcessError("fit", problem, _AGAIN)
            raise self._error from None  # what XLA makes of a lost process says less

    def end(self, problem: str, fix: str) -> None:
        """Ends a call of fit with an error that all processes find at this point."""
        self._left[self._call] = problem
        self._error = ProcessError("fit", problem, fix)
        raise self._error

    def _wait(self, number: _Number) -> list[Any]:
        """The values of an exchange, when all have given theirs."""
        while True:
            found = self._came.get(number, {})
            if len(found) == self.processes:
                del self._came[number]
                return [found[process] for process in range(self.processes)]
            if self._ended:
                who = f"{self.name(min(self._ended))} has ended, and this one goes on"
                self._left.setdefault(self._call, who)
            self.check()
            self._wake.acquire(timeout=0.2)

    # -- how it ends -----------------------------------------------------------------------------

    def fitting(self, fit: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A call of fit: what ends it here ends it everywhere; a next one may follow."""
        self._call, self._count = self._call + 1, 0
        self._came = {number: one for number, one in self._came.items() if number[0] >= self._call}
        self._fits += 1
        try:
            self.check()
            return fit(*args, **kwargs)
        except BaseException as error:
            if self._call not in self._left:
                why = _reason(error)
                self._left[self._call] = f"{self.name(self.process)} {why}"
                own = {"who": self.process, "call": self._call, "why": why}
                self._tell({"kind": "left", **own})
            raise
        finally:
            self._fits -= 1

    def collective(self, program: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a program gives that all processes run together.

        Raises:
            ProcessError: where it failed since one of them is gone.
        """
        self._inside = True
        try:
            return program(*args, **kwargs)
        except ProcessError:
            raise
        except BaseException as error:  # the others are still inside
            until = self._clock() + GRACE
            while self._links and not self._over and self._clock() < until:
                time.sleep(0.05)
            self.broken = True
            if self._over:
                self.check()
            why = f"{_reason(error)}, inside a step"
            self._over, self._heard = f"{self.name(self.process)} {why}", True
            self._tell({"kind": "lost", "who": self.process, "why": why})
            raise
        finally:
            self._inside = False

    def close(self) -> None:
        """At the end of the process: waits until all are at theirs, so that no one is lost.

        Where one is gone the process ends here: JAX would wait for it.
        """
        if not self._links or forks.count() != self._born:
            return
        if self._over:
            self._tell({"kind": "lost", "who": self.process, "why": "has ended by an error"})
        else:
            self._tell({"kind": "end", "who": self.process})
        until = self._clock() + _FAREWELL
        while not self._over and len(self._ended) < self.processes - 1 and self._clock() < until:
            self._wake.acquire(timeout=0.2)
        if self._over:
            until = self._clock() + _LINGER
            while self.first and self._open() and self._clock() < until:
                time.sleep(0.05)  # the others need JAX's service, which is this process's
            self._exit() if self._heard else self._say()

    def _open(self) -> bool:
        return any(link.open for link in self._links.values())

    def _exit(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # closed, or no one reads it
                continue
        os._exit(1)

    def _say(self) -> None:
        """Ends a process whose main thread hears nothing."""
        line = ProcessError("fit", self._over, _AGAIN).short
        print(f"Error: {line}", file=sys.stderr, flush=True)
        self._exit()

    # -- the thread that watches -----------------------------------------------------------------

    def _tell(self, message: dict[str, Any], besides: int | None = None) -> None:
        for process, link in self._links.items():
            if process != besides:
                link.send(message)

    def _watch(self) -> None:
        ready = selectors.DefaultSelector()
        for process, link in self._links.items():
            ready.register(link.socket, selectors.EVENT_READ, process)
        beat, ended = 0.0, 0.0
        while self._open():
            for key, _ in ready.select(timeout=0.25):
                self._read(key.data, ready)
            now = self._clock()
            if now - beat > BEAT:
                beat = now
                self._tell({"kind": "beat"})
            for process, link in self._links.items():
                if link.open and now - link.heard > SILENCE:
                    link.close()
                    ready.unregister(link.socket)
                    self._lost(process, f"has been silent for {SILENCE:.0f} s")
            left = self._inside and self._left.get(self._call, "")  # and waits for who is not there
            if left or (self._over and not self._heard and self._fits):
                ended = ended or now
                if now - ended > GRACE:
                    self._finish(str(left))
                    self._say()
            else:
                ended = 0.0
            self._awake()

    def _awake(self) -> None:
        if self._wake.locked():
            self._wake.release()

    def _read(self, process: int, ready: selectors.BaseSelector) -> None:
        link = self._links[process]
        try:
            for message in link.receive():
                self._take(process, message)
        except (LinkError, LookupError, TypeError):  # or it sends what is no message of ours
            ready.unregister(link.socket)
            link.close()
            self._lost(process, "is gone: it was killed, or its host is down")
        self._awake()

    def _take(self, process: int, message: dict[str, Any]) -> None:
        kind = message.get("kind")
        if kind == "one":
            self._came.setdefault(tuple(message["number"]), {})[process] = message["value"]
        elif kind == "all":
            self._came[tuple(message["number"])] = dict(enumerate(message["values"]))
        elif kind in ("left", "lost"):
            problem = f"{self.name(message['who'])} {message['why']}"
            if kind == "left":
                self._left.setdefault(message["call"], problem)
            else:
                self._finish(problem)
            if self.first:
                self._tell(message, besides=process)
        elif kind == "end":
            if self.first:  # before this process may end itself
                self._tell(message, besides=process)
            self._ended.add(message["who"])

    def _lost(self, process: int, how: str) -> None:
        if process in self._ended:
            return
        self._finish(f"{self.name(process)} {how}")
        if self.first:
            self._tell({"kind": "lost", "who": process, "why": how})
        elif process == 0:
            # JAX's service was that process's: its client aborts in a moment, in its own words.
            if self._fits or not self._heard:
                self._say()
            self._exit()

    def _finish(self, why: str) -> None:
        self._over = self._over or why


def _reason(error: BaseException) -> str:
    """Why a process leaves, for the others."""
    if isinstance(error, PellucidError):
        return f"has left the run: {error.short}"
    return f"has left the run by {type(error).__name__}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


_current: list[Group] = []


def current() -> Group | None:
    """The group of this process, where it belongs to one."""
    return _current[0] if _current else None


def enter(group: Group) -> None:
    """Makes a group that of this process."""
    _current[:] = [group]
