"""A row of keras.ops as a function with Keras's signature."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.keras import blame
from pellucid.keras.arguments import Arguments, bound, signed
from pellucid.keras.tensors import KerasTensor, applied, flat, is_symbolic
from pellucid.keras.variable import Variable
from pellucid.ops.value import Value

Make = Callable[[Arguments], Callable[..., Any]]


def function_of(name: str, tensors: tuple[str, ...], make: Make) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound("ops", name, args, kwargs)
        given.read_.update(tensors)

        def result_of(own: Arguments) -> Any:
            return applied(make(own), tuple(own.values_[one] for one in tensors), {}, name)

        result = called(given, result_of, tensors)
        given.finish()
        return result

    return signed(function, "ops", name)


def several_of(name: str, tensors: tuple[str, ...], make: Make) -> Callable[..., Any]:
    """A function with several results, each of which is a tensor."""

    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound("ops", name, args, kwargs)
        given.read_.update(tensors)

        def results_of(own: Arguments) -> list[Any]:
            return _parts(make(own), tuple(own.values_[one] for one in tensors), name)

        result = called(given, results_of, tensors)
        given.finish()
        return tuple(result) if name in ("moments", "top_k") else result

    return signed(function, "ops", name)


def _parts(call: Callable[..., Any], values: tuple[Any, ...], name: str) -> list[Any]:
    """All results of a function; of tensors of a network each one by itself."""
    if not any(is_symbolic(one) for one in flat(values)):
        return list(call(*values))
    counts: list[int] = []

    def part(number: int) -> Any:
        def one(*xs: Any) -> Any:
            found = call(*xs)
            counts.append(len(found))
            return found[number]

        return applied(one, values, {}, name)

    first = part(0)
    return [first, *(part(number) for number in range(1, counts[0]))]


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
    required = [name for name in tensors if name not in given.defaults_]
    for name in tensors:
        if given.values_[name] is not None or name in required:
            check_tensor(given.where_, name, given.values_[name])
    if found is None:
        return blame.made(given, call)
    if blame.names_one(found.problem, given.values_):
        raise found
    raise _named(found, given, call, tensors)


def _named(
    error: PellucidError, given: Arguments, call: Callable[[Any], Any], tensors: Sequence[str]
) -> PellucidError:
    """The same error with the names of the arguments that it is about."""
    problem = error.problem
    others = [one for one in given.values_ if one not in tensors]
    name = blame.to_blame(given, call, problem, others)
    if name is None:
        names = [one for one in tensors if given.values_[one] is not None] or list(given.values_)
        problem = f"{' and '.join(names)}: {problem}"
    else:
        value = given.values_[name]
        rest = re.fullmatch(rf"\w+ (must .*, got {re.escape(repr(value))})", problem)
        problem = (
            f"{name} {rest[1]}" if rest else f"{name}={blame.shown(value)} cannot be: {problem}"
        )
    return type(error)(f"keras.{given.where_}", problem, error.fix, line=error.line)


def check_tensor(where: str, name: str, value: Any) -> None:
    """Refuses what is neither numbers, nor stands for numbers, nor is a list of such.

    Raises:
        ArgumentError: for the argument `name`.
    """
    several = isinstance(value, (list, tuple)) and any(
        isinstance(one, (np.ndarray, Value, KerasTensor, Variable)) for one in value
    )
    if not all(_numeric(one) for one in (value if several else [value])):
        raise ArgumentError(
            f"keras.{where}",
            f"{name} must be numbers or a tensor, got {blame.shown(value)}",
            "Give an array of real numbers of one shape.",
        )


def _numeric(value: Any) -> bool:
    if isinstance(value, (KerasTensor, Variable, Value)):
        return True
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except Exception:  # whatever an array-like raises
        return False
