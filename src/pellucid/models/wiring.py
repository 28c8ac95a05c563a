"""From symbols to an architecture: the layers that lead from the inputs to the outputs, in order.

In: symbols, alone or in lists and dicts. Out: an `Architecture` whose layers stand behind all they
read. A model that was called on symbols lends its layers, under names that begin with its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.core.errors import ArgumentError, GraphError
from pellucid.models.architecture import Architecture
from pellucid.models.ports import Ports
from pellucid.nn.symbols import Symbol


def inputs(given: Any) -> tuple[Ports, list[Symbol]]:
    """The inputs of a model: how data come in, and the symbols.

    Raises:
        ArgumentError: for what is no Input, and for inputs or names that come twice.
    """
    kind, symbols, names = _symbols("inputs", given)
    for one in symbols:
        if one.layer is not None:
            raise ArgumentError("Model", f"inputs must be an Input, got the {one!r}")
    _check_different("inputs", symbols)
    default = [one.name or f"input_{n}" for n, one in enumerate(symbols, 1)]
    names = names or (default if len(symbols) > 1 else [symbols[0].name or "input"])
    _check_names("inputs", names)
    return Ports.of(kind, names), symbols


def connect(
    architecture: Architecture, first: Sequence[Symbol], outputs: Any, terms: Any = ()
) -> None:
    """Appends all layers that lead from the inputs `first` to `outputs`, and names the outputs.

    Args:
        terms: symbols that are added to the objective.

    Raises:
        ArgumentError: for outputs that no layer makes, and inputs that lead to none.
        GraphError: for an Input on the way that is not among the model's.
    """
    kind, last, names = _symbols("outputs", outputs)
    for one in last:
        if one.layer is None:
            raise ArgumentError("Model", "outputs must come from a layer, got an Input")
    _check_different("outputs", last)
    added = _terms(terms)
    order = _ordered(first, [*last, *added])
    found = {id(one): one for one in (*added, *(each for one in order for each in one.terms))}
    while len(found) > len(added):  # models inside bring their own, which may bring more
        added = list(found.values())
        order = _ordered(first, [*last, *added])
        found |= {id(each): each for one in order for each in one.terms}
    read = {id(one) for symbol in order for one in symbol.sources}
    for one in first:
        if id(one) not in read:
            raise ArgumentError(
                "Model", f"every input must lead to an output, got {one!r}, which does not"
            )
    place = _append(architecture, first, order)
    architecture.ends = tuple(place[id(one)] for one in last)
    architecture.terms = tuple(place[id(one)] for one in added)
    default = [_output_name(architecture.names[end - len(first)]) for end in architecture.ends]
    if len(set(default)) < len(default):  # a layer that is called twice
        default = [f"{one}_{n}" for n, one in enumerate(default, 1)]
    names = names or default
    _check_names("outputs", names)
    architecture.outputs = Ports.of(kind, names, "output")


def _terms(given: Any) -> list[Symbol]:
    """The terms of an objective as a list; each once."""
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    for one in several:
        if not isinstance(one, Symbol) or one.layer is None:
            raise ArgumentError(
                "Model",
                f"terms must be what layers returned, got {one!r}",
                "Write Model(x, y, terms=[Basis(function)(h)]).",
            )
    return list({id(one): one for one in several}.values())


def _append(
    architecture: Architecture, first: Sequence[Symbol], order: Sequence[Symbol]
) -> dict[int, int]:
    """Appends the layers of symbols; the number of each symbol's value, by its id."""
    place = {id(symbol): n for n, symbol in enumerate(first)}
    calls: dict[str, tuple[Symbol, ...]] = {}  # what each model inside is first called on
    for symbol in order:
        name = None
        if symbol.scope is not None:
            inside, inner, given = symbol.scope
            group = architecture.group(inside)
            calls.setdefault(group, given)
            name = f"{group}/{inner}"
        sources = tuple(place[id(one)] for one in symbol.sources)
        place[id(symbol)] = architecture.append(symbol.layer, sources, name)
    architecture.reads = {
        group: tuple(place[id(one)] for one in given)
        for group, given in calls.items()
        if all(id(one) in place for one in given)
    }
    return place


def _check_different(name: str, symbols: Sequence[Symbol]) -> None:
    if len({id(one) for one in symbols}) < len(symbols):
        raise ArgumentError("Model", f"{name} must differ, got one of them twice")


def _symbols(name: str, given: Any) -> tuple[type | None, list[Symbol], list[str]]:
    """How symbols were given (alone, in a list or a dict), the symbols, and the dict's names."""
    names: list[str] = []
    if isinstance(given, Mapping):
        kind: type | None = dict
        several, names = list(given.values()), list(given)
    else:
        several = list(given) if isinstance(given, (list, tuple)) else [given]
        kind = list if len(several) > 1 else None
    if not several:
        raise ArgumentError("Model", f"{name} must be one or more, got none")
    for one in several:
        if not isinstance(one, Symbol):
            raise ArgumentError(
                "Model",
                f"{name} must be an Input or what a layer returned, got {one!r}",
                "Write x = Input((784,)); Model(x, Dense(10)(x)).",
            )
    return kind, several, names


def _check_names(what: str, names: Sequence[Any]) -> None:
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise ArgumentError("Model", f"{what} must have names such as 'age', got {name!r}")
        if what == "outputs" and len(names) > 1 and (name == "val" or name.startswith("val_")):
            raise ArgumentError(
                "Model",
                f"names of outputs must not begin as those of validation do, got {name!r}",
                "Name the output, or the layer that makes it, otherwise: 'value'.",
            )
    if len(set(names)) < len(names):
        raise ArgumentError("Model", f"names of {what} must differ, got {', '.join(names)}")


def _output_name(layer: str) -> str:
    """The name of an output that was given none: that of its layer."""
    return layer.replace("/", "_").replace("-", "_")


def _ordered(first: Sequence[Symbol], last: Sequence[Symbol]) -> list[Symbol]:
    """All symbols behind `first` that `last` needs, each behind what it reads."""
    order: list[Symbol] = []
    done, stack = {id(one) for one in first}, list(reversed(last))
    while stack:
        symbol = stack[-1]
        waiting = [one for one in symbol.sources if id(one) not in done]
        if id(symbol) in done:
            stack.pop()
        elif symbol.layer is None:
            raise GraphError(
                "Model",
                f"all inputs must be given, got another {symbol!r} before the output",
                "Name it too: Model([x1, x2], …).",
            )
        elif waiting:
            stack.append(waiting[0])
        else:
            done.add(id(symbol))
            order.append(stack.pop())
    return order
