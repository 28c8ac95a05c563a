"""The thread that owns a session: it runs commands one after the other, and trains in between."""

from __future__ import annotations

import collections
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from pellucid.core.errors import PellucidError
from pellucid.web.commands import COMMANDS, Command

MOST_WAITING = 64


class Inbox:
    """Commands that came from a page, in their order, until a thread takes them from `queue`."""

    def __init__(self) -> None:
        self.queue: collections.deque[tuple[str, dict[str, Any]]] = collections.deque()
        self.arrived = threading.Condition()

    def submit(self, name: str, arguments: dict[str, Any]) -> bool:
        """Puts a command into the queue; False where it is full."""
        with self.arrived:
            if len(self.queue) >= MOST_WAITING:
                return False
            self.queue.append((name, arguments))
            self.arrived.notify()
            return True


class Worker:
    """See the module.

    Args:
        session: whose `waiting` is set here. It has `playing`, and `train` where that may be true.
        commands: those of its page.
    """

    def __init__(self, session: Any, commands: Mapping[str, Command] = COMMANDS):
        self.session, self.commands = session, commands
        session.waiting = self.waiting
        self._inbox = Inbox()
        self._queue, self._arrived = self._inbox.queue, self._inbox.arrived
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="pellucid-play", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, name: str, arguments: dict[str, Any]) -> bool:
        """Puts a command into the queue; False where it is full."""
        return self._inbox.submit(name, arguments)

    def close(self) -> None:
        """Ends the thread at the end of the epoch."""
        with self._arrived:
            self._closed = True
            self._arrived.notify()
        if threading.current_thread() is not self._thread and self._thread.ident:
            self._thread.join(10)

    def waiting(self) -> bool:
        """Runs what may run between steps; whether something else waits."""
        while self._queue and self.commands[self._queue[0][0]].at_once:
            self._run(*self._queue.popleft())
        return bool(self._queue) or self._closed

    def _work(self) -> None:
        while True:
            with self._arrived:
                while not (self._queue or self._closed or self.session.playing):
                    self._arrived.wait()
                if self._closed:
                    return
            if self._queue:
                self._run(*self._queue.popleft())
            else:
                self._guarded(self.session.train)

    def _run(self, name: str, arguments: dict[str, Any]) -> None:
        self._guarded(lambda: self.commands[name].run(self.session, arguments))

    def _guarded(self, act: Any) -> None:
        try:
            act()
        except PellucidError as error:
            self.session.send({"kind": "error", "text": error.short})
        except Exception as error:  # a fault of ours: the page says so, the terminal has it whole
            self.session.playing = False
            traceback.print_exc(file=sys.stderr)
            text = f"[playground] this failed: {type(error).__name__}. The terminal says where."
            self.session.send({"kind": "error", "text": text})
