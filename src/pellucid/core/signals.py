"""Signals that wait: Ctrl-C during a native call is heard when its steps are written down."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred() -> Iterator[None]:
    """Handlers of SIGINT and SIGTERM run behind the block, not inside it.

    A handler that raises would else do so between a step and its record, and the weights would be
    ahead of the step counter. Other threads than the main one never run handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    handlers: dict[int, Any] = {}
    for number in _HELD:
        if callable(signal.getsignal(number)):
            handlers[number] = signal.signal(
                number, lambda which, frame: came.append((which, frame))
            )
    try:
        yield
    finally:
        for own in reversed(handlers):  # the usual one, SIGINT, last: it may raise at once
            signal.signal(own, handlers[own])
        for which, frame in came:
            handlers[which](which, frame)
