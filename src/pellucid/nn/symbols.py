"""Networks as graphs: a layer that is called on a symbol gives the symbol of its output.

`x = Input((784,)); y = Dense(10)(Dense(200, "relu")(x))`. A symbol knows the layer that makes it
and what that reads; nothing is computed. Symbols never change, so no network feeds back into
itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import checked, integer
from pellucid.core.errors import ArgumentError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MOST = 64  # letters


def check_name(where: str, name: object) -> None:
    """Refuses what cannot name a layer, a model, an input or an output."""
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ArgumentError(
            where, f"name must be letters, digits, _ and - after a letter, got {name!r}"
        )
    if isinstance(name, str) and len(name) > _MOST:
        raise ArgumentError(
            where,
            f"name must have at most {_MOST} letters, got {len(name)}: {name[:12]}…",
            "Give it a shorter one.",
        )


class Network:
    """Base of what is called on symbols and on arrays: layers, and models made of them."""


class Symbol:
    """What a layer will return.

    Attributes:
        layer: the layer that makes it; None for an input.
        sources: the symbols that the layer reads.
        shape: of one sample, where the symbol is an input.
        name: of an input, where it has one.
        scope: where a model was called: the model that the layer came with, its name there, and
            the symbols that the model was called on.
        terms: symbols that stand in the objective of every model with this one.
    """

    def __init__(
        self,
        layer: Any,
        sources: Sequence[Symbol],
        shape: tuple[int, ...] = (),
        name: str | None = None,
        scope: tuple[Any, str, tuple[Symbol, ...]] | None = None,
        terms: Sequence[Symbol] = (),
    ):
        self.layer, self.sources, self.shape = layer, tuple(sources), shape
        self.name, self.scope, self.terms = name, scope, tuple(terms)

    def __repr__(self) -> str:
        if self.layer is not None:
            return f"output of {self.layer.where}"
        return f"Input({self.shape}{'' if self.name is None else f', name={self.name!r}'})"


@checked
def Input(shape: Sequence[int], name: str | None = None) -> Symbol:
    """The symbol of a model's input.

    Args:
        shape: of one sample, as in (784,).
        name: what data given as a dict call it.
    """
    if not isinstance(shape, (tuple, list)):
        raise ArgumentError("Input", f"shape must be a tuple such as (784,), got {shape!r}")
    check_name("Input", name)
    return Symbol(None, (), tuple(integer("Input", "shape", dim, 1) for dim in shape), name)
