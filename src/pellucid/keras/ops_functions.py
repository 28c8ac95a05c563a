"""A row of keras.ops as a function with Keras's signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.keras.arguments import Arguments, bound, signed
from pellucid.keras.operands import called
from pellucid.keras.tensors import applied, flat, is_symbolic

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
