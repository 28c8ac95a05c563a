"""Layers of Keras that are made of functions of keras.ops: einsum and adaptive pooling."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError
from pellucid.keras import activations, blame, initializers, ops, ops_nn, regularizers
from pellucid.keras.arguments import Arguments, bound, refuse, signature
from pellucid.keras.base import COMMON, Layer
from pellucid.keras.tensors import applied
from pellucid.nn.activations import activate

_FORMS = (
    r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)",
    r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)",
    r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.",
)


class EinsumDense(Layer):
    """y = act(einsum(x, W) + b): a dense layer over the axes that an equation names.

    Args:
        equation: as in "abc,cd->abd" or "...x,xy->...y"; x, then the kernel.
        output_shape: of a sample, with None where an axis is that of x.
        bias_axes: the letters of the output that the bias has.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound("layers", "EinsumDense", args, kwargs, COMMON)
        super().__init__(**rest)
        self.equation, self.bias_axes = given.equation, given.bias_axes
        found = [re.fullmatch(form, self.equation.replace(" ", "")) for form in _FORMS]
        match = next((one for one in found if one), None)
        if match is None:
            raise ArgumentError(
                "keras.layers.EinsumDense",
                "equation must be [X],[Y]->[Z], with an ellipsis before or behind X and Z, got "
                f"{self.equation!r}",
            )
        self._spec, self._left = match.groups(), found[1] is not None
        shape = given.output_shape
        listed = list(shape) if isinstance(shape, (list, tuple)) else [shape]
        for one in listed:
            if one is not None or shape is None:
                integer("keras.layers.EinsumDense", "output_shape", one, 1)
        self._wanted = listed
        self._act = blame.made(given, lambda a: activations.meant(a.where_, a.activation))
        self._weights = blame.made(given, _kept)
        given.finish()

    def build(self, input_shape: Any) -> None:
        x, kernel, out = self._spec
        more = len(input_shape) - len(x)
        if more < 0 or (more and "..." not in self.equation):
            raise ArgumentError(
                f"keras.{self.name}", f"x must have {len(x)} axes as {x} says, got {input_shape}"
            )
        whole = [input_shape[0], *self._wanted]
        if more and self._left:  # the rows are the first of the axes before
            whole[1:1] = list(input_shape[1:more])
        elif more:
            whole += list(input_shape[len(input_shape) - more :])
        offset = more if self._left else 0
        known = dict(zip(x, input_shape[offset:], strict=False))
        made = dict(zip(out, whole[offset:], strict=False))
        sizes = {}
        for letter in {*kernel, *(self.bias_axes or "")}:
            size = made.get(letter)
            size = known.get(letter) if size is None else size
            if not isinstance(size, int) or known.get(letter, size) != size:
                raise ArgumentError(
                    f"keras.{self.name}",
                    f"the axis {letter} of {self.equation} must have one known length, got "
                    f"{known.get(letter)} in x and {made.get(letter)} in output_shape",
                )
            sizes[letter] = size
        shape = [sizes[letter] for letter in kernel]
        self.kernel = self.add_weight(shape, name="kernel", **self._weights["kernel"])
        self.bias = None
        if self.bias_axes is not None:
            first = min(out.find(letter) for letter in self.bias_axes)
            own = [sizes[one] if one in self.bias_axes else 1 for one in out[first:]]
            own += [1] * (0 if self._left else more)
            self.bias = self.add_weight(own, name="bias", **self._weights["bias"])
        self.built = True

    def call(self, inputs: Any) -> Any:
        x = ops.einsum(self.equation, inputs, self.kernel)
        x = x if self.bias is None else x + self.bias
        return applied(lambda x: activate(self._act, x), (x,), {}, self.name)


EinsumDense.__signature__ = signature("layers", "EinsumDense")  # type: ignore[attr-defined]
_KEPT = ("initializer", "regularizer", "constraint")


def _kept(a: Arguments) -> dict[str, dict[str, Any]]:
    """How the weights begin and what holds them, as add_weight takes it."""
    found = {}
    for word in ("kernel", "bias"):
        found[word] = own = {name: getattr(a, f"{word}_{name}") for name in _KEPT}
        initializers.meant(a.where_, own["initializer"])
        regularizers.penalties(a.where_, own["regularizer"])
    rank = len(a.equation.replace(" ", "").split(",")[1].split("->")[0])
    regularizers.bounds(a.where_, found["kernel"]["constraint"], rank)
    return found


class _AdaptivePooling(Layer):
    """Means or maxima of equal parts of each axis."""

    room_name = ""
    rank, mean = 1, True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound("layers", self.room_name, args, kwargs, COMMON)
        super().__init__(**rest)
        given.only("data_format", None, "channels_last")
        size: Any = given.output_size
        size = size.tolist() if isinstance(size, np.ndarray) else size
        self.output_size = (size,) * self.rank if isinstance(size, int) else tuple(size)
        if len(self.output_size) != self.rank or not all(
            isinstance(one, (int, np.integer)) and 0 < one < 2**31 for one in self.output_size
        ):
            refuse(f"layers.{self.room_name}", "output_size", size, f"{self.rank} numbers ≥ 1")
        given.finish()

    def call(self, inputs: Any) -> Any:
        size, mean = self.output_size, self.mean
        return applied(lambda x: ops_nn.adaptive_pool(x, size, mean), (inputs,), {}, self.name)


ADAPTIVE: dict[str, Any] = {
    name: type(
        name,
        (_AdaptivePooling,),
        {
            "room_name": name, "rank": rank, "mean": word == "Average",
            "__doc__": f"As keras.layers.{name}.", "__signature__": signature("layers", name),
        },
    )
    for word in ("Average", "Max")
    for rank in (1, 2)
    for name in (f"Adaptive{word}Pooling{rank}D",)
}  # fmt: skip
