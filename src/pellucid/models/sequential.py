"""`Sequential`: a Model whose layers stand in a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError
from pellucid.models import variables
from pellucid.models.base import BaseModel
from pellucid.models.model import Model
from pellucid.models.ports import Ports
from pellucid.nn import activations
from pellucid.nn.layer import Layer, is_function
from pellucid.nn.symbols import Symbol


class Sequential(Model):
    """A network of layers in a row.

    Args:
        layers: the layers, first to last; a model of one input and one output can stand among them.
            A layer has one set of weights: used twice, or in two models, it shares them.
        seed: owns the initial weights, 0 ≤ seed < 2⁶³; None draws one.
        dtype: "float32" or "float64", of weights and computation.
        name: of the model where it is called inside another one.

    Example:
        >>> from pellucid.nn import Dense
        >>> model = Sequential([Dense(3, activation="relu", input_shape=(2,)), Dense(1)], seed=0)
        >>> model.count_params()
        13
    """

    @checked
    def __init__(
        self,
        layers: Iterable[Layer | Model] = (),
        seed: int | None = None,
        dtype: Any = "float32",
        *,
        name: str | None = None,
    ):
        BaseModel.__init__(self, seed, dtype, name, Ports(("input",)))
        if isinstance(layers, (Layer, Model)):
            raise ArgumentError(
                "Sequential",
                "layers must be a list of layers, got one layer",
                "Write Sequential([layer]).",
            )
        try:
            given = list(layers)
        except TypeError:
            raise ArgumentError(
                "Sequential", f"layers must be a list of layers, got {layers!r}"
            ) from None
        self._extend(given)

    @checked
    @variables.alone
    def add(self, layer: Layer | Model) -> None:
        """Puts a layer, or a model of one input and one output, behind the others.

        Raises:
            ArgumentError: for a model that stands inside another one, which would not see the
                layer.
        """
        if self.architecture.nested:
            raise ArgumentError(
                "Sequential",
                "a model that stands inside another one is fixed, got add()",
                "Make a longer one of its layers: Sequential([*model.layers, layer]).",
            )
        self.architecture.all_or_nothing(lambda: self._extend([layer]))
        self.forget_programs()
        self.forget_training()

    def _extend(self, layers: Iterable[Any]) -> None:
        for layer in layers:
            self._append(layer)
        variables.check(self.architecture)
        self.architecture.shape_groups(variables.check)
        self.architecture.fix_groups()

    def _append(self, layer: Layer | Model) -> None:
        architecture = self.architecture
        if isinstance(layer, Model):
            self._check_model(layer)
            if layer is self:
                raise ArgumentError(
                    "Sequential",
                    "a model must not stand inside itself, got itself",
                    "Its layers share their weights: add(Sequential(model.layers)).",
                )
            group = architecture.group(layer)
            architecture.reads.setdefault(group, architecture.ends)
            own = layer.architecture
            places = [architecture.ends[0]]
            for one, name, read in zip(own.layers, own.names, own.sources, strict=True):
                sources = tuple(places[n] for n in read)
                places.append(architecture.append(one, sources, f"{group}/{name}"))
            architecture.ends = (places[own.ends[0]],)
            architecture.terms += tuple(places[n] for n in own.terms)
            first = own.samples[0] if own.samples else None
        elif isinstance(layer, Layer):
            if layer.multiple_inputs:
                raise ArgumentError(
                    "Sequential",
                    f"layers in a row have one input, got {layer.where}, which joins several",
                    "Write a Model: x = Input((4,)); Model(x, Add()([x, Dense(4)(x)])).",
                )
            architecture.ends = (architecture.append(layer, architecture.ends),)
            first = layer.input_shape
        else:
            raise ArgumentError("Sequential", f"expected a layer, got {layer!r}", _instead(layer))
        if first is not None and not architecture.input_types and architecture.ends[0] > 0:
            self._shaped(layer, first)

    def _shaped(self, layer: Layer | Model, sample: tuple[int, ...]) -> None:
        """Works out all shapes where the first layer says that of a sample."""
        architecture = self.architecture
        begins = layer.layers[0] if isinstance(layer, Model) else layer
        if architecture.layers[0] is begins:
            architecture.shaped([sample], variables.check)

    @staticmethod
    def _check_model(model: Model) -> None:
        architecture = model.architecture
        if not architecture.layers:
            raise ArgumentError("Sequential", "a model inside must have a layer, got none")
        if len(architecture.inputs) > 1 or len(architecture.outputs) > 1:
            raise ArgumentError(
                "Sequential",
                "a model inside must have one input and one output, got "
                f"{len(architecture.inputs)} and {len(architecture.outputs)}",
                "Write a Model and call it on symbols.",
            )


def _instead(given: Any) -> str:
    """What to write in place of what is no layer."""
    if isinstance(given, type) and issubclass(given, (Layer, Model)):
        return f"Write {given.__name__}(…), with brackets."
    if isinstance(given, Symbol):
        return f"Write input_shape={given.shape} in the first layer, or a Model for a graph."
    if isinstance(given, str) and given in activations.BY_NAME:
        return f"Write Activation({given!r})."
    if is_function(given) and hasattr(given, "__name__"):
        return "Write Activation(function), which keeps the shape, or Basis(function)."
    return ""
