"""A row of keras.ops as a function with Keras's signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid.keras.arguments import Arguments, bound, signed
from pellucid.keras.tensors import applied, flat, is_symbolic

Make = Callable[[Arguments], Callable[..., Any]]


def function_of(name: str, tensors: tuple[str, ...], make: Make) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound("ops", name, args, kwargs)
        call = make(given)
        given.read_.update(tensors)
        values = [given.values_[one] for one in tensors]
        result = applied(call, tuple(values), {}, name)
        given.finish()
        return result

    return signed(function, "ops", name)


def several_of(name: str, tensors: tuple[str, ...], make: Make) -> Callable[..., Any]:
    """A function with several results, each of which is a tensor."""

    def function(*args: Any, **kwargs: Any) -> Any:
        given, _ = bound("ops", name, args, kwargs)
        call, counts = make(given), []
        given.read_.update(tensors)
        values = tuple(given.values_[one] for one in tensors)

        def part(number: int) -> Any:
            def one(*xs: Any) -> Any:
                found = call(*xs)
                counts.append(len(found))
                return found[number]

            return applied(one, values, {}, name)

        if any(is_symbolic(one) for one in flat(values)):
            result = [part(0)]
            result += [part(number) for number in range(1, counts[0])]
        else:
            result = list(call(*values))
        given.finish()
        return tuple(result) if name in ("moments", "top_k") else result

    return signed(function, "ops", name)
