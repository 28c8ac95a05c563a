"""Checks of arguments that many callables share, each with the one-form error."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pellucid.core.errors import ArgumentError, PellucidError, nearest

_MAX_INTEGER = 2**63 - 1  # what an axis, a step or a count is held in
_MAX_FORMS = 64  # of calls that a checked function remembers

F = TypeVar("F", bound=Callable[..., Any])


def checked(function: F, where: str | None = None, elsewhere: Mapping[str, str] | None = None) -> F:
    """`function`, with an unknown or missing argument as an ArgumentError with the nearest name.

    Args:
        elsewhere: what arguments of other libraries mean here: see `nearest`.
    """
    signature = inspect.signature(function)
    name = function.__name__
    label = where or (function.__qualname__.split(".")[-2] if name == "__init__" else name)
    known = [name for name in signature.parameters if name != "self"]
    parameters = signature.parameters.values()
    in_order = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    required = {one.name for one in parameters if one.default is one.empty}
    least = len(required) if required <= set(in_order) else math.inf  # how many by position do

    forms: set[tuple[Any, ...]] = set()  # of calls that fit; calls of few rows feel each look

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and least <= len(args) <= len(in_order):
            return function(*args)
        form = (len(args), *kwargs)
        if form in forms:
            return function(*args, **kwargs)
        given = {*in_order[: len(args)], *kwargs}
        if (
            len(given) == len(args) + len(kwargs)
            and required <= given <= signature.parameters.keys()
        ):
            if len(forms) < _MAX_FORMS:
                forms.add(form)
            return function(*args, **kwargs)
        try:  # binding says what is wrong, but takes a while
            signature.bind(*args, **kwargs)
        except TypeError as error:
            unknown = [name for name in kwargs if name not in known]
            if unknown:
                problem = f"unknown argument '{unknown[0]}'"
                hint = nearest(unknown[0], known, elsewhere)
            else:
                problem, hint = str(error), f"Known: {', '.join(known)}."
            raise ArgumentError(label, problem, hint) from None
        return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def diagnosed(check: Callable[..., None]) -> Callable[[F], F]:
    """A function whose arguments are looked at where it fails: good ones then cost nothing.

    Args:
        check: takes the same arguments after any error but ours, and raises where one of them is to
            blame; else that error goes on.
    """

    def decorated(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except PellucidError:
                raise
            except Exception as error:
                found = error
            try:
                check(*args, **kwargs)  # outside of the handler, so that its error stands alone
                raise found
            finally:
                del found  # its traceback holds this frame, and so the arguments

        return wrapper  # type: ignore[return-value]

    return decorated


def accepts(where: str, name: str, function: Callable[..., Any], count: int, form: str) -> None:
    """Refuses a method of a person's own that cannot be called with `count` arguments.

    Args:
        form: the call that it must take, for the message.
    """
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        taken = ", ".join(inspect.signature(function).parameters) or "nothing"
        raise ArgumentError(
            where, f"{name} must take {form}, got one that takes {taken}", f"Write def {form}."
        ) from None
    except ValueError:  # a built-in function that does not say what it takes
        return


def choice(
    where: str,
    name: str,
    value: object,
    known: Iterable[str],
    elsewhere: Mapping[str, str] | None = None,
) -> None:
    """Refuses a word that is not among `known`; `elsewhere` is that of `nearest`."""
    words = list(known)
    if not isinstance(value, str) or value not in words:  # an array compares place by place
        raise ArgumentError(where, f"unknown {name} {value!r}", nearest(value, words, elsewhere))


def real(
    where: str,
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a finite float in [low, high]; `open_low` and `open_high` leave an end out."""
    try:
        if isinstance(value, (bool, str, bytes)):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:  # a Python int may be larger than any float
        number = math.inf
    except (TypeError, ValueError):
        raise ArgumentError(where, f"{name} must be a number, got {value!r}") from None
    below = number <= low if open_low else number < low
    above = number >= high if open_high else number > high
    if not math.isfinite(number) or below or above:
        left, right = "(" if open_low or low == -math.inf else "[", ")"
        right = ")" if open_high or high == math.inf else "]"
        raise ArgumentError(
            where, f"{name} must lie in {left}{low:g}, {high:g}{right}, got {value!r}"
        )
    return number


def integer(where: str, name: str, value: object, low: int = 0, high: int | None = None) -> int:
    """`value` as an int in [low, high], of 63 bits at most; 2.0 and True are refused."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError(where, f"{name} must be a whole number, got {value!r}") from None
    if not low <= number <= (_MAX_INTEGER if high is None else high):
        wanted = f"in [{low}, {high}]"
        if high is None:
            wanted = f"at least {low}" if number < low else "below 2⁶³"
        raise ArgumentError(where, f"{name} must be {wanted}, got {number}")
    return number


def seed(where: str, value: object) -> int:
    """`value` as a seed: a whole number that 63 bits hold."""
    return integer(where, "seed", value, 0, _MAX_INTEGER)


def flag(where: str, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(where, f"{name} must be True or False, got {value!r}")
