"""Streams: batches of rows one after the other, of which few are in memory at a time.

In: what a person gives in the place of arrays: an iterable of batches, an iterator, or a function
that returns one of these. Out: a `Stream`, whose batches come epoch by epoch.

A function is called anew in each epoch, with the number of the epoch if it takes one argument: so a
generator function can give another order of the rows each time, and the same one when a run is
resumed. An iterator, such as a generator, ends for good at its end.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.data.table import Table
from pellucid.data.table_stream import TableStream

_ARRAY_LIKE = ("__array__", "__array_interface__", "shape", "dtype", "columns", "toarray")
_ROWS = (list, tuple, range, str, bytes, bytearray, memoryview, set, Table)
_AGAIN = (
    "Give the generator function without calling it: fit calls it in each epoch; or a list of "
    "batches."
)


def is_stream(x: Any) -> bool:
    """Whether x gives batches, and is neither rows nor a list or dict of arrays."""
    if isinstance(x, _ROWS) or hasattr(x, _ARRAY_LIKE[0]):  # most are arrays
        return False
    if isinstance(x, (Mapping, type)) or any(hasattr(x, name) for name in _ARRAY_LIKE):
        return False
    return callable(x) or hasattr(x, "__iter__") or hasattr(x, "__next__")


class Stream:
    """Batches, epoch by epoch.

    Attributes:
        once: whether the batches can be taken only once.
        length: how many batches there are, where it is known.
        table: the table that gives the batches, or None. Its batches are as they were read, and
            say nothing of the steps.

    Raises:
        ArgumentError: for what gives no batches.
    """

    def __init__(self, where: str, source: Any):
        self.where, self._source = where, source
        self._numbered = False
        self.table = source if isinstance(source, TableStream) else None
        if callable(source) and not hasattr(source, "__next__"):
            self._numbered = _takes_epoch(where, source)
            self.once = False
        elif hasattr(source, "__iter__") or hasattr(source, "__getitem__"):
            self.once = iter(source) is source
        else:
            raise ArgumentError(
                where,
                f"a stream must give batches, got {_a(source)}",
                "Give an iterable of (x, y), or a generator function.",
            )
        length = getattr(source, "__len__", None)
        self.length: int | None = None
        if length is not None:
            try:
                self.length = int(length())
            except TypeError:  # PyTorch's DataLoader over a stream has the method and no length
                self.length = None

    def check_epochs(self, name: str, epochs: int) -> None:
        """Refuses several passes over what can be read once.

        Raises:
            ArgumentError: before the first batch is taken.
        """
        if self.once and epochs > 1:
            raise ArgumentError(
                self.where,
                f"{name} must give its batches again in each of {epochs} epochs, got "
                f"{_a(self._source)}, which gives them once",
                _AGAIN,
            )

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch, from the first."""
        found = self._source
        if callable(found) and not hasattr(found, "__next__"):
            found = found(epoch) if self._numbered else found()
        try:
            return iter(found)
        except TypeError:
            raise ArgumentError(
                self.where,
                f"a function must return batches, got {_a(found)}",
                "Write it with yield, or return an iterable of (x, y).",
            ) from None


def _takes_epoch(where: str, function: Callable[..., Any]) -> bool:
    """Whether a function is called with the number of the epoch; else with nothing."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a built-in function that does not say what it takes
        return False
    for arguments in ((), (0,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        required = [
            one
            for one in signature.parameters.values()
            if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        ]
        return bool(required) and _is_epoch(required[0])
    raise ArgumentError(
        where,
        "a function that gives batches must take nothing or the number of the epoch, got one that "
        f"takes {', '.join(signature.parameters)}",
        "Write def batches(epoch), or lambda epoch: batches(epoch, …).",
    )


def _is_epoch(parameter: inspect.Parameter) -> bool:
    """Whether a first parameter stands for the epoch: it must be given, or is called so."""
    return parameter.default is parameter.empty or parameter.name == "epoch"


def _a(found: Any) -> str:
    if inspect.isgenerator(found):
        return "a generator"
    return f"an object of type {type(found).__name__}"


def parts(where: str, batch: Any) -> tuple[Any, Any, Any]:
    """x, y and weights of a batch; weights are None where it has none.

    Raises:
        DataError: for what is no (x, y) or (x, y, weights).
    """
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else _a(batch)
        raise DataError(
            where, f"a batch must be (x, y) or (x, y, weights), got {got}", "Write yield x, y."
        )
    x, y, weights = (*batch, None)[:3]
    return x, y, weights


def features_of(batch: Any) -> Any:
    """x of a batch of which the rest is not needed: a tuple holds more than x."""
    return batch[0] if isinstance(batch, tuple) and batch else batch


def numbered(batches: Iterable[Any], take: Callable[[Any], Any]) -> Iterator[Any]:
    """What `take` makes of each batch; its errors name the batch, from 1."""
    for number, batch in enumerate(batches, 1):
        try:
            made = take(batch)
        except PellucidError as error:
            where = f"{error.where}, batch {number}"
            raise type(error)(where, error.problem, error.fix, line=error.line) from None
        yield made
