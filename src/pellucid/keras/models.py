"""keras.models: layers in a row, and models out of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import models as ours
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.base import Layer
from pellucid.keras.cloning import clone_model
from pellucid.keras.files import refuse_others
from pellucid.keras.layers import InputLayer
from pellucid.keras.model import Model
from pellucid.keras.networks import as_arrays, check_names
from pellucid.keras.optimizers import Optimizer
from pellucid.keras.session import SESSION, inside
from pellucid.keras.tensors import ROOT, KerasTensor, flat, input_tensor
from pellucid.keras.variable import input_shape_of
from pellucid.keras.wrapped import Mapped
from pellucid.tables import load


class Sequential(Model):
    """Layers in a row."""

    in_a_row = True

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(
            name=SESSION.name("Sequential") if name is None else name, trainable=trainable
        )
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise ArgumentError(
                "keras.Sequential", f"layers must be a list of layers, got {layers!r}"
            )
        for one in layers or ():
            self.add(one)

    @checked
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Puts a layer behind the others."""
        if rebuild is not True:
            refuse("Sequential.add", "rebuild", rebuild, "a network is made when it is asked for")
        if isinstance(layer, KerasTensor) and layer.node is not None:
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise ArgumentError("keras.Sequential", f"expected a layer, got {layer!r}")
        check_names(f"keras.{self.name}", [*self._layers, layer])
        if not self._layers and not isinstance(layer, InputLayer):
            sample = getattr(layer, "_sample", None)
            if sample is None and isinstance(layer, Model) and layer._network is not None:
                sample = layer.input_shape[1:]
            if sample is not None:
                self._layers.append(InputLayer(shape=sample))
        self._layers.append(layer)
        self._network, self._rank = None, -1
        if len(self._layers) > 1 and isinstance(self._layers[0], InputLayer):
            self._chained()

    @checked
    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer off."""
        if rebuild is not True:
            refuse("Sequential.pop", "rebuild", rebuild, "a network is made when it is asked for")
        last: Layer = self._layers.pop()
        self._network, self._rank = None, -1
        return last

    def like(self, layers: list[Layer]) -> Sequential:
        """A Sequential of this name with other layers."""
        made = Sequential(layers, name=self.name)
        made._trainable = self._trainable
        return made

    @property
    def layers(self) -> list[Layer]:
        return [one for one in self._layers if not isinstance(one, InputLayer)]

    def _chained(self) -> None:
        """Calls the layer that was added last on the output of those before."""
        x = getattr(self, "_end", None) if len(self._layers) > 2 else None
        done = getattr(self, "_done", 0)

        def chain(x: Any) -> Any:
            if x is None or done != len(self._layers) - 1:
                x = self._layers[0].output
                for one in self._layers[1:-1]:
                    x = one(x)
            return self._layers[-1](x)

        self.__dict__["_end"] = inside(self, chain, x)
        self.__dict__["_done"] = len(self._layers)
        self.built = True

    def _make(self, x: Any) -> None:
        if self._layers and isinstance(self._layers[0], InputLayer):
            if getattr(self, "_done", 0) != len(self._layers):
                self.__dict__["_end"] = None
                self._chained()
            self._connect(self._layers[0].output, self.__dict__["_end"])
            self.built = True
        elif x is not None:
            first = np.asarray(flat(as_arrays(x))[0])
            self._layers.insert(0, InputLayer(shape=first.shape[1:]))
            self._make(None)
        else:
            super()._make(None)

    def build(self, input_shape: Any = None) -> None:
        if input_shape is not None and self._network is None and ROOT.get() is None:
            shape = input_shape_of("Sequential.build", input_shape)
            self.network(np.zeros((1, *shape[1:])))
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        x = inputs
        for one in self.layers:
            x = one(x)
        return x


class Loaded(Layer):
    """A layer of a model out of a file."""

    own_variables = Mapped.own_variables
    inner_layers = Mapped.inner_layers
    _frozen = Mapped._frozen
    _named = Mapped._named
    own_seeds = Mapped.own_seeds
    borrowed, _not_here = Mapped.borrowed, Mapped._not_here
    __getattr__ = Mapped.__getattr__

    def __init__(self, inner: Any, name: str, trainable: bool, shape: Any) -> None:
        super().__init__(name=name, trainable=trainable)
        self.inner, self.built = inner, True
        self.__dict__["_of_file"] = type(inner).__name__, (None, *shape[1:])  # for a summary


@blame.kinds("models.load_model")
def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Model:
    """The model of a file that `save` wrote.

    Its layers are those of the file; the functions in it stand there as graphs.
    """
    permit("models.load_model", "custom_objects", custom_objects, None, {})
    if safe_mode is not True:
        refuse("models.load_model", "safe_mode", safe_mode)
    refuse_others("load_model", filepath)
    network = load(filepath)
    if not isinstance(network, ours.Model):
        raise ArgumentError("keras.load_model", f"expected a model in {filepath}, got {network!r}")
    made = Model(name=network.name)
    architecture = network.architecture
    rates = network.rates  # 0 of a layer that was frozen
    shapes = {name: one.shape for name, one in zip(network.names, network.types, strict=True)}
    made._layers = [
        Loaded(one, name, rates.get(name) != 0, shapes[name])
        for name, one in architecture.unique().items()
    ]
    if network.compiled:
        known = network.configuration("load_model")
        made._still_in_file = known.still
        for name, one in zip(architecture.unique(), made._layers, strict=True):
            for variable in one.own_variables():
                if (name, variable.leaf) in known.held:
                    variable.trainable = False
    made._network = network
    made._input_names = list(architecture.inputs.names)
    made._output_names = list(architecture.outputs.names)
    made._inputs = [
        input_tensor(sample, name)
        for sample, name in zip(architecture.samples, architecture.inputs.names, strict=True)
    ]
    made._outputs = list(range(len(architecture.ends))) if len(architecture.ends) > 1 else 0
    made.built = made._functional = True
    if not compile:
        network._configuration = None
    elif network.optimizer is not None:
        made._take_over(Optimizer.of_file(network.optimizer))
    return made


@blame.kinds("models.save_model")
def save_model(model: Model, filepath: Any, overwrite: bool = True, zipped: Any = None) -> None:
    """As model.save."""
    if not isinstance(model, Model):
        raise ArgumentError(
            "keras.models.save_model", f"model must be a model of keras, got {blame.shown(model)}"
        )
    model.save(filepath, overwrite, zipped)


_KNOWN = {
    "Model": Model, "Sequential": Sequential, "clone_model": clone_model,
    "load_model": load_model, "save_model": save_model,
}  # fmt: skip
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("models", __all__)
