"""What holds during one call and not behind it, however the call ends.

Ctrl-C is heard where a Python function begins, behind each call, and where a loop goes back. So it
may come in `__enter__` or `__exit__` of a context manager: before the block, where what was set
stays, or before what would put it back. One that is a generator is then finished when its
traceback is let go, and puts back what nobody wants back any more. Here a function is called
between `try` and `finally`, which need no such place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")


def during(
    variable: ContextVar[V], value: V, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """The function's result; `variable`, which has a default, has this value meanwhile."""
    before = variable.get()
    try:
        variable.set(value)
        return function(*args, **kwargs)
    finally:
        variable.set(before)  # one call of C, and no signal is looked for before it
