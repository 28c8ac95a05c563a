"""Signals that wait: Ctrl-C during a native call is heard when its steps are written down."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Those that programs handle, with handlers that may raise: time limits, requests to end or to save.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2")
_HELD = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))
# The module's own functions without the enums that it makes of every answer: a fifth of the time.
_bare: Any = getattr(signal, "_signal", signal)
_handler_of: Callable[[int], Any] = _bare.getsignal
_handle_by: Callable[[int, Any], Any] = _bare.signal

# Whose handlers wait, and the signals that came meanwhile: for each block, the outermost first.
_blocks: list[tuple[dict[int, Any], list[tuple[int, Any]]]] = []


@contextmanager
def deferred() -> Iterator[None]:
    """Handlers that are written in Python run behind the block, not inside it.

    A handler that raises would else do so between a step and its record, and the weights would be
    ahead of the step counter. Other threads than the main one never run handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    handlers: dict[int, Any] = {}
    block = handlers, came
    try:
        for number in _HELD:
            if callable(handler := _handler_of(number)):
                handlers[number] = handler
                _handle_by(number, lambda which, frame: came.append((which, frame)))
        _blocks.append(block)
        yield
    finally:
        _blocks[:] = [one for one in _blocks if one is not block]  # another may be equal to it
        try:
            for own in reversed(handlers):  # the usual one, SIGINT, last: it may raise at once
                _handle_by(own, handlers[own])
        finally:
            _handle(came, handlers)


def _handle(came: Sequence[tuple[int, Any]], handlers: Mapping[int, Any]) -> None:
    """Calls the handler of each signal; one that raises, as Ctrl-C's does, loses no other."""
    first: BaseException | None = None
    for which, frame in came:
        try:
            handlers[which](which, frame)
        except BaseException as error:
            first = first or error
    if first is not None:
        try:
            raise first
        finally:
            del first  # its traceback holds this frame


class immediate:
    """Inside `deferred`, a block that may be left anywhere: handlers run at once again.

    No generator: where a handler raises in the lines of `contextlib`, one is finished only with the
    error, and would hold signals back for ever, behind the block that let them through.
    """

    def __init__(self) -> None:
        self._held: dict[int, Any] = {}

    def __enter__(self) -> None:
        if not _blocks or threading.current_thread() is not threading.main_thread():
            return
        handlers, _ = _blocks[0]
        self._held = {number: _handler_of(number) for number in handlers}
        try:
            for number, handler in handlers.items():
                _handle_by(number, handler)
            for _, came in _blocks:
                while came:
                    which, frame = came.pop(0)
                    handlers[which](which, frame)
        except BaseException:
            self._hold()
            raise

    def __exit__(self, *raised: object) -> None:
        self._hold()

    def _hold(self) -> None:
        for number, handler in self._held.items():
            _handle_by(number, handler)
