"""`Model`: a network whose layers are a graph, not a row; trained and used as `Sequential`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, GraphError
from pellucid.models.sequential import Sequential
from pellucid.nn import Activation
from pellucid.nn.layer import Layer
from pellucid.nn.losses import Loss
from pellucid.nn.symbols import Symbol


class Model(Sequential):
    """A network from an input to an output.

    Args:
        inputs: the Input.
        outputs: what the last layer returned.
        seed: owns the initial weights, 0 ≤ seed < 2⁶³; None draws one.
        dtype: "float32" or "float64", of weights and computation.

    A layer that is called twice shares its weights. One input and one output.

    Example:
        >>> from pellucid.nn import Add, Dense, Input
        >>> x = Input((4,))
        >>> h = Dense(4, "tanh")(x)
        >>> Model(x, Dense(1)(Add()([x, h])), seed=0).count_params()
        25
    """

    @checked
    def __init__(self, inputs: Any, outputs: Any, seed: int | None = None, dtype: Any = "float32"):
        super().__init__((), seed, dtype)
        first, last = _one("inputs", inputs), _one("outputs", outputs)
        if first.layer is not None:
            raise ArgumentError("Model", f"inputs must be an Input, got the {first!r}")
        if last.layer is None:
            raise ArgumentError("Model", "outputs must come from a layer, got an Input")
        order = _ordered(first, last)
        place = {id(first): 0} | {id(symbol): n for n, symbol in enumerate(order, 1)}
        for symbol in order:
            assert symbol.layer is not None
            self._append(symbol.layer, tuple(place[id(one)] for one in symbol.sources))
        self._types(first.shape)

    @classmethod
    def wired(
        cls, layers: Sequence[Layer], sources: Sequence[tuple[int, ...]], seed: int, dtype: Any
    ) -> Model:
        """A model of layers and the numbers of what each reads: 0 the input, n layer n's output."""
        model = cls.__new__(cls)
        Sequential.__init__(model, (), seed, dtype)
        for layer, read in zip(layers, sources, strict=True):
            model._append(layer, read)
        return model

    def add(self, layer: Layer) -> None:
        """A graph has no end to add to.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(
            "Model", "layers of a Model are fixed, got add()", "Call layers on symbols instead."
        )

    def _logit_layers(self, loss: Loss) -> list[Layer]:
        layers = super()._logit_layers(loss)
        if len(layers) < len(self.layers):  # the output stays the last
            layers.append(Activation("linear"))
        return layers


def _one(name: str, given: Any) -> Symbol:
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(several) != 1:
        raise ArgumentError(
            "Model", f"{name} must be one, got {len(several)}",
            "Give the columns of all inputs as one array; join outputs with Concat().",
        )  # fmt: skip
    if not isinstance(several[0], Symbol):
        raise ArgumentError(
            "Model", f"{name} must be an Input or what a layer returned, got {several[0]!r}",
            "Write x = Input((784,)); Model(x, Dense(10)(x)).",
        )  # fmt: skip
    return several[0]


def _ordered(first: Symbol, last: Symbol) -> list[Symbol]:
    """All symbols behind `first` that `last` needs, each behind what it reads."""
    order: list[Symbol] = []
    done, stack = {id(first)}, [last]
    while stack:
        symbol = stack[-1]
        waiting = [one for one in symbol.sources if id(one) not in done]
        if id(symbol) in done:
            stack.pop()
        elif symbol.layer is None:
            raise GraphError(
                "Model", f"all inputs must be given, got another {symbol!r} before the output",
                "Use one Input for the whole model.",
            )  # fmt: skip
        elif waiting:
            stack.append(waiting[0])
        else:
            done.add(id(symbol))
            order.append(stack.pop())
    return order
