"""Errors of what takes tensors: they name the arguments that they are about.

In: arguments by name, and a call. Out: what the call gives, or its error with those names.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core.errors import ArgumentError, DTypeError, PellucidError, ShapeError
from pellucid.keras import blame
from pellucid.keras.arguments import Arguments
from pellucid.keras.tensors import KerasTensor, is_symbolic
from pellucid.ops.value import Value

F = TypeVar("F", bound=Callable[..., Any])


def called(given: Arguments, call: Callable[[Any], Any], tensors: Sequence[str]) -> Any:
    """What a function of tensors makes of arguments; an error names those that are to blame.

    Args:
        tensors: the names of those that are tensors.

    Raises:
        ArgumentError: where a tensor is none, or where another argument leads to an error of
            Python's or NumPy's.
        PellucidError: of the kind that it was, with the name of the argument.
    """
    try:
        return call(given)
    except PellucidError as error:
        found: PellucidError | None = error
    except Exception:  # whatever a wrong value leads to
        found = None
    for name in tensors:
        value = given.values_[name]
        if value is not None or given.defaults_[name] is not None:
            check_tensor(given.where_, name, value)
            if found is None:
                check_axis(given.where_, name, value)
    if found is None:
        return blame.made(given, call, tensors)
    if _speaks(found, given.chosen()):
        raise found
    raise _named(found, given, call, tensors)


def _speaks(error: PellucidError, names: Mapping[str, Any]) -> bool:
    """Whether an error says itself what it is about: a name, or a part of the door."""
    return error.where.startswith("keras") or blame.names_one(error.problem, names)


def _named(
    error: PellucidError, given: Arguments, call: Callable[[Any], Any], tensors: Sequence[str]
) -> PellucidError:
    """The same error with the names of the arguments that it is about."""
    problem = error.problem
    others = [one for one in given.values_ if one not in tensors]
    name = blame.to_blame(given, call, problem, others)
    if name is None:
        names = [
            one for one in given.values_
            if (one in tensors and given.values_[one] is not None)
            or (one in others and given.defaults_[one] is inspect.Parameter.empty)
        ]  # fmt: skip
        problem = f"{' and '.join(names)}: {problem}"
    else:
        value = given.values_[name]
        if isinstance(error, DTypeError):
            check_tensor(given.where_, name, value)
        problem = blame.about(name, value, problem)
    return type(error)(f"keras.{given.where_}", problem, error.fix, line=error.line)


def named(method: F) -> F:
    """A method of tensors, whose errors name those that they are about."""
    names = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except PellucidError as error:
            found: Exception = error
        except Exception as error:
            found = error
        kind = type(self)
        room = kind.__module__.rpartition(".")[2] if kind.__module__.startswith("pellucid.") else ""
        where = f"{room}.{kind.__name__}".lstrip(".")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        given = {name: value for name, value in given.items() if name in names}
        for name, value in given.items():
            if value is not None or name != "sample_weight":
                check_tensor(where, name, value)
        if not isinstance(found, PellucidError):
            for name, value in given.items():
                if value is not None:
                    check_axis(where, name, value)
            raise found
        if _speaks(found, given):
            raise found
        about = " and ".join(name for name, value in given.items() if value is not None)
        raise type(found)(f"keras.{where}", f"{about}: {found.problem}", found.fix, line=found.line)

    return wrapper  # type: ignore[return-value]


def check_axis(where: str, name: str, value: Any) -> None:
    """Refuses a number where an axis is needed."""
    if is_plain(value) and np.ndim(value) == 0:
        raise ShapeError(f"keras.{where}", f"{name} must have an axis, got {blame.shown(value)}")


def check_tensor(where: str, name: str, value: Any) -> None:
    """Refuses what is neither numbers, nor stands for numbers, nor is a list of such.

    Raises:
        ArgumentError: for the argument `name`.
    """
    several = isinstance(value, (list, tuple)) and any(
        isinstance(one, np.ndarray) or not is_plain(one) for one in value
    )
    if not all(_numeric(one) for one in (value if several else [value])):
        raise ArgumentError(
            f"keras.{where}",
            f"{name} must be numbers or a tensor, got {blame.shown(value)}",
            "Give an array of real numbers of one shape.",
        )


def is_plain(value: Any) -> bool:
    """Whether a value is numbers, and not something that stands for them."""
    return not (isinstance(value, (KerasTensor, Value)) or is_symbolic(value))


def _numeric(value: Any) -> bool:
    if not is_plain(value):
        return True
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except PellucidError:  # it says itself why it has no numbers
        return True
    except Exception:  # whatever an array-like raises
        return False
