"""Forks: every lock of the package is made here, so that a forked child never waits for one.

A fork copies the memory of a process but only the thread that forked. A lock that another thread
held is held for ever in the child, and what it guarded may be half done there. So a `Lock` is
free in the child unless the forking thread itself holds it, and what must not be half done (LLVM,
an import) makes the fork wait: see `wait_for` and `load`.
"""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from operator import attrgetter
from typing import Any, Generic, TypeVar, overload

Result = TypeVar("Result")

importing = threading.RLock()  # held around each import inside a function, and by forks: see `load`


class Lock:
    """A lock that is free in a forked child, unless the thread that forked holds it.

    Its holder may enter it again. `with` runs no line of Python here: Ctrl-C between such a line
    and the block would leave the lock held for ever.
    """

    __slots__ = ("__weakref__", "_lock")
    __enter__ = property(attrgetter("_lock.__enter__"))
    __exit__ = property(attrgetter("_lock.__exit__"))

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _renewed.add(self)

    def reset(self) -> None:
        """In a child."""
        if self._lock.acquire(blocking=False):  # free, or this thread's
            self._lock.release()
        else:
            self._lock = threading.RLock()


class Claim:
    """What one call at a time may have, such as a model that is trained.

    Free in a forked child, unless the forking thread itself has it. Ctrl-C at any moment leaves no
    claim behind. A copy is claimed by no one.

    A call may lend what it has to its own thread, such as to the hooks of a run: there it is free,
    and another call may take it meanwhile.
    """

    __slots__ = ("__weakref__", "_calls")

    def __init__(self) -> None:
        # (thread, whether it lends) of each call that took it, inside the one before; empty behind.
        self._calls: list[list[int]] = []
        _renewed.add(self)

    @property
    def free(self) -> bool:
        """Whether no call has it, or one that lends it to this thread."""
        holder: list[int] = []
        for call in self._calls:
            holder = call[:] or holder  # another thread may end it meanwhile
        return not holder or bool(holder[1] and holder[0] == threading.get_ident())

    def take(self, call: list[int]) -> bool:
        """Gives it to a call of a thread, unless another call has it that does not lend it."""
        with _taking:
            inside = [one for one in self._calls if one]
            if inside and inside[-1] is call:
                return True
            if not self.free:
                return False
            self._calls = [*inside, call]
            return True

    def __reduce__(self) -> tuple[type[Claim], tuple[()]]:
        return Claim, ()

    def reset(self) -> None:
        """In a child."""
        if any(call[:1] != [threading.get_ident()] for call in self._calls if call):
            self._calls = []


def hold(
    claims: Sequence[Claim], function: Callable[[bool], Result], lends: bool = False
) -> Result:
    """`function(True)`, which has all of these meanwhile; False where another call has one of them.

    Args:
        lends: whether calls inside of the function may have them.

    No context manager: Ctrl-C is heard where one of its functions begins, before the first line.
    Here one call of C frees all claims, and no signal is looked for between it and the function.
    """
    call = [threading.get_ident(), int(lends)]
    try:
        return function(all(claim.take(call) for claim in claims))
    finally:
        call.clear()


def signal() -> threading.Lock:
    """A bare lock, held, that one thread releases to wake another one.

    It wakes a thread sooner than any event or queue. It stays as it is in a child: whoever waits
    for it must know that the thread that would release it may be gone (see `count`).
    """
    held = threading.Lock()
    held.acquire()
    return held


def count() -> int:
    """How many forks lie between the first process and this one: another number, another child."""
    return _forks[0]


def wait_for(guard: AbstractContextManager[Any]) -> None:
    """Makes forks wait until no other thread is inside `guard`, which a thread may enter twice."""
    if guard not in _guards:
        _guards.append(guard)


def in_child(renew: Callable[[], object]) -> None:
    """Has `renew` called in each forked child: what it clears belonged to threads of the parent."""
    _callbacks.append(renew)


class cached_property(Generic[Result]):
    """An attribute that is computed when it is first read, and kept by its object.

    That of functools holds a lock up to Python 3.11, which a child would find held. Two threads
    that read it first at one time compute it twice.
    """

    def __init__(self, compute: Callable[[Any], Result]):
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, one: None, owner: type) -> cached_property[Result]: ...
    @overload
    def __get__(self, one: object, owner: type) -> Result: ...
    def __get__(self, one: object, owner: type) -> cached_property[Result] | Result:
        if one is None:
            return self
        value = one.__dict__[self._name] = self._compute(one)
        return value


def load(name: str) -> Any:
    """The module `name`, imported so that no fork comes in between.

    Python keeps a lock for each module that is being imported, and does not free it in a child.
    """
    with importing:
        return importlib.import_module(name)


_renewed: weakref.WeakSet[Lock | Claim] = weakref.WeakSet()
_taking = Lock()  # held while a claim is taken
_forks = [0]
_callbacks: list[Callable[[], object]] = []
_guards: list[AbstractContextManager[Any]] = [importing]
_entered: list[AbstractContextManager[Any]] = []  # by the fork under way


def _before() -> None:
    for guard in _guards:
        guard.__enter__()
        _entered.append(guard)


def _after() -> None:
    while _entered:
        _entered.pop().__exit__(None, None, None)


def _in_child() -> None:
    _forks[0] += 1
    for one in list(_renewed):
        one.reset()
    for callback in _callbacks:
        callback()
    _after()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
