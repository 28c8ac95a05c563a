"""Networks as graphs: a layer that is called on a symbol gives the symbol of its output.

`x = Input((784,)); y = Dense(10)(Dense(200, "relu")(x))`. A symbol knows the layer that makes it
and what that reads; nothing is computed. Symbols never change, so no network feeds back into
itself.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import whole
from pellucid.core.errors import ArgumentError

if TYPE_CHECKING:
    from pellucid.nn.layer import Layer


class Symbol:
    """What a layer will return.

    Attributes:
        layer: the layer that makes it; None for an input.
        sources: the symbols that the layer reads.
        shape: of one sample, where the symbol is an input.
    """

    def __init__(self, layer: Layer | None, sources: Sequence[Symbol], shape: tuple[int, ...] = ()):
        self.layer, self.sources, self.shape = layer, tuple(sources), shape

    def __repr__(self) -> str:
        return f"Input({self.shape})" if self.layer is None else f"output of {self.layer.where}"


def Input(shape: Sequence[int]) -> Symbol:
    """The symbol of a model's input.

    Args:
        shape: of one sample, as in (784,).
    """
    if not isinstance(shape, (tuple, list)):
        raise ArgumentError("Input", f"shape must be a tuple such as (784,), got {shape!r}")
    return Symbol(None, (), tuple(whole("Input", "shape", dim, 1) for dim in shape))


def called(layer: Layer, given: Any) -> Symbol:
    """The symbol of what `layer` makes of a symbol, or of a list of them."""
    sources = list(given) if isinstance(given, (list, tuple)) else [given]
    for one in sources:
        if not isinstance(one, Symbol):
            raise ArgumentError(
                layer.where,
                f"a layer is called on an Input or on what a layer returned, got "
                f"{reprlib.repr(one)}",
                "For numbers use Sequential([layer]).predict(x).",
            )
    if layer.several and (len(sources) < 2 or not isinstance(given, (list, tuple))):
        raise ArgumentError(
            layer.where,
            f"it takes a list of two inputs or more, got {len(sources)}",
            "Write Add()([x, y]).",
        )
    if not layer.several and (len(sources) != 1 or isinstance(given, (list, tuple))):
        raise ArgumentError(
            layer.where,
            f"it takes one input, got a list of {len(sources)}",
            "Join them first: Concat()([x, y]).",
        )
    return Symbol(layer, sources)
