"""The layer contract: a frozen record without arrays, and two functions that build graphs.

`init(key, x)` gives parameters and state for inputs of type x; `apply(params, state, x, train=,
key=)` gives the output and the new state. The model owns the arrays.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar

from pellucid.core.errors import ArgumentError
from pellucid.graph.node import TensorType
from pellucid.nn.symbols import Symbol, called
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value

Tree = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Layer:
    """Base of all layers.

    Args:
        name: unique in the model; by default the kind and a number, `dense_1`.
        input_shape: the shape of one sample; lets a model be built before it sees data.
    """

    name: str | None = dataclasses.field(default=None, kw_only=True)
    input_shape: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)

    biases: ClassVar[tuple[str, ...]] = ()  # parameters that a penalty leaves out by default
    several: ClassVar[bool] = False  # whether x is a tuple of inputs

    def __post_init__(self) -> None:
        name = self.name
        if name is not None and not (
            isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name)
        ):
            raise ArgumentError(
                type(self).__name__,
                f"name must be letters, digits, _ and - after a letter, got {name!r}",
            )
        shape = self.input_shape
        if shape is None:
            return
        if isinstance(shape, list):
            object.__setattr__(self, "input_shape", tuple(shape))
        elif not isinstance(shape, tuple):
            raise ArgumentError(
                self.where, f"input_shape must be a tuple such as (784,), got {shape!r}"
            )
        for dim in self.input_shape or ():
            if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
                raise ArgumentError(self.where, f"input_shape must hold sizes ≥ 1, got {shape!r}")

    def __call__(self, x: Any) -> Symbol:
        """The symbol of the layer's output for the symbol `x`, or a list of them; see Model."""
        return called(self, x)

    @property
    def where(self) -> str:
        """How messages name the layer: `dense "hidden"`."""
        kind = kind_name(type(self).__name__)
        return f'{kind} "{self.name}"' if self.name else kind

    @property
    def final_activation(self) -> Any:
        """The activation that makes the output, where the layer ends in one."""
        return None

    def without_activation(self) -> Layer | None:
        """The layer without its final activation; None where nothing is left."""
        return self

    def init(self, key: Key, x: TensorType) -> tuple[Tree, Tree]:
        """Parameters and state for inputs of type `x`; none by default."""
        return {}, {}

    def apply(
        self, params: Tree, state: Tree, x: Value, *, train: bool, key: Key | None
    ) -> tuple[Value, Tree]:
        """The output for `x`, and the state after it.

        Args:
            train: whether this is a training step (dropout draws a mask then).
            key: names the layer's own random numbers.
        """
        raise NotImplementedError


def is_function(value: object) -> bool:
    """Whether `value` computes from Tensors: a layer, called on symbols, and its class do not."""
    kind = value if isinstance(value, type) else type(value)
    return callable(value) and not issubclass(kind, Layer)


def own_result(where: str, name: str, value: Any) -> Value:
    """What a person's own function `name` returned; refuses one that returned nothing."""
    if value is None:
        raise ArgumentError(where, f"{name} must return a Tensor, got None", "End it with return.")
    return asvalue(value)


def kind_name(name: str) -> str:
    """`Conv2D` → `conv2d`, `LayerNorm` → `layer_norm`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
