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
    """A network from inputs to an output.

    Args:
        inputs: the Input, or a list of several: `fit`, `evaluate` and `predict` then take a list of
            arrays in this order.
        outputs: what the last layer returned.
        seed: owns the initial weights, 0 ≤ seed < 2⁶³; None draws one.
        dtype: "float32" or "float64", of weights and computation.

    A layer that is called twice shares its weights. One output: join several with Concat.

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
        first, last = _symbols("inputs", inputs), _one("outputs", outputs)
        for one in first:
            if one.layer is not None:
                raise ArgumentError("Model", f"inputs must be an Input, got the {one!r}")
        if len({id(one) for one in first}) < len(first):
            raise ArgumentError("Model", "inputs must differ, got one of them twice")
        if last.layer is None:
            raise ArgumentError("Model", "outputs must come from a layer, got an Input")
        order = _ordered(first, last)
        read = {id(one) for symbol in order for one in symbol.sources}
        for one in first:
            if id(one) not in read:
                raise ArgumentError(
                    "Model", f"every input must lead to the output, got {one!r}, which does not"
                )
        self.inputs = len(first)
        place = {id(symbol): n for n, symbol in enumerate([*first, *order])}
        for symbol in order:
            assert symbol.layer is not None
            self._append(symbol.layer, tuple(place[id(one)] for one in symbol.sources))
        self._types([one.shape for one in first])

    @classmethod
    def wired(
        cls,
        inputs: int,
        layers: Sequence[Layer],
        sources: Sequence[tuple[int, ...]],
        seed: int,
        dtype: Any,
    ) -> Model:
        """A model of layers and the numbers of what each reads: the inputs, then the outputs."""
        model = cls.__new__(cls)
        Sequential.__init__(model, (), seed, dtype)
        model.inputs = inputs
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
    several = _symbols(name, given)
    if len(several) != 1:
        raise ArgumentError(
            "Model", f"{name} must be one, got {len(several)}", "Join outputs with Concat()."
        )
    return several[0]


def _symbols(name: str, given: Any) -> list[Symbol]:
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    if not several:
        raise ArgumentError("Model", f"{name} must be one or more, got none")
    for one in several:
        if not isinstance(one, Symbol):
            raise ArgumentError(
                "Model",
                f"{name} must be an Input or what a layer returned, got {one!r}",
                "Write x = Input((784,)); Model(x, Dense(10)(x)).",
            )
    return several


def _ordered(first: Sequence[Symbol], last: Symbol) -> list[Symbol]:
    """All symbols behind `first` that `last` needs, each behind what it reads."""
    order: list[Symbol] = []
    done, stack = {id(one) for one in first}, [last]
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
