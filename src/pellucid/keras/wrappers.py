"""Layers of Keras around another one: TimeDistributed, and Wrapper for one's own."""

from __future__ import annotations

from typing import Any

from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras.arguments import refuse
from pellucid.keras.base import Layer
from pellucid.keras.tensors import applied
from pellucid.keras.wrapped import Mapped
from pellucid.nn import BatchNorm
from pellucid.ops import composite


class Wrapper(Layer):
    """A layer around another one. One of your own defines `call`, which calls `self.layer`."""

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"keras.layers.{type(self).__name__}", f"layer must be a layer, got {layer!r}"
            )
        super().__init__(**kwargs)
        self.layer = layer

    def get_config(self) -> dict[str, Any]:
        """The arguments; `from_config` makes another layer with those of `layer`."""
        return {**super().get_config(), "layer": self.layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{**config, "layer": config["layer"].duplicate()})


class TimeDistributed(Wrapper):
    """The same layer on each step: of x (N, T, …) with one that makes (N, …) of (N, …)."""

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if self.layer._activity:  # which Keras would leave out without a word
            refuse(
                "layers.TimeDistributed", "activity_regularizer", self.layer.activity_regularizer,
                "that of the layer inside is not applied in Keras: give it to TimeDistributed",
            )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        shape: Any = getattr(inputs, "shape", ())
        if len(shape) < 3:
            raise ShapeError(
                f"keras.{self.name}",
                f"x must have three axes or more, of rows and steps first, got {shape}",
                "Add an axis: Reshape((steps, 1)).",
            )
        if not self._is_of_rows:  # what is counted in a batch is counted step by step
            each = [self.layer(inputs[:, step]) for step in range(shape[1])]
            return applied(lambda *made: composite.stack(made, 1), tuple(each), {}, self.name)
        steps, sample = shape[1], shape[2:]
        rows = applied(
            lambda x: composite.reshape(x, (x.type.shape[0] * steps, *sample)),
            (inputs,),
            {},
            "rows",
        )
        made = self.layer(rows)
        return applied(
            lambda y, x: composite.reshape(y, (x.type.shape[0], steps, *y.type.shape[1:])),
            (made, inputs), {}, self.name,
        )  # fmt: skip

    @property
    def _is_of_rows(self) -> bool:
        """Whether what the layer makes of a row is the same, whichever rows stand beside it."""
        layer = self.layer
        return isinstance(layer, Mapped) and not isinstance(layer.inner, BatchNorm)
