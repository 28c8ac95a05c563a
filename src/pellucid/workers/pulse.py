"""Whether a worker still answers: a byte there and back, on a connection of its own.

A thread of the worker sends back what it gets, whatever the worker computes meanwhile. So however
long a step takes, a process that was stopped, or that waits for a disk, is told from one at work.
"""

from __future__ import annotations

import contextlib
import socket
import time

from pellucid.workers.wire import TICK


class Pulse:
    """A worker's, as the process that trains feels it.

    Attributes:
        silent: seconds that were waited for an answer so far.
    """

    def __init__(self, connection: socket.socket):
        connection.setblocking(False)
        self._connection = connection
        self._asked, self._looked = False, time.monotonic()
        self.silent = 0.0

    def look(self) -> None:
        """Hears what has come, and asks again where nothing is under way."""
        # What passed while nobody looked says nothing of the worker, and while this process was
        # stopped itself neither.
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 2 * TICK), now
        if self._asked:
            self.silent += passed
        with contextlib.suppress(OSError):  # nothing is there; or it has ended, which is silence
            if self._connection.recv(64):
                self._asked, self.silent = False, 0.0
        if not self._asked:
            self._asked = True
            with contextlib.suppress(OSError):
                self._connection.send(b".")

    def close(self) -> None:
        self._connection.close()


def answer(connection: socket.socket) -> None:
    """Sends back what comes, until the connection ends."""
    with connection, contextlib.suppress(OSError):
        while asked := connection.recv(64):
            connection.sendall(asked)
