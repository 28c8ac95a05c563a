"""Initializers: how weights start. Each is a formula on random rows, so the start is a graph too.

`fan_in` counts the inputs of a unit, `fan_out` the units an input feeds; for a dense weight (D, H)
they are D and H.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import choice, real
from pellucid.core.config import record
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError
from pellucid.core.names import unknown_names
from pellucid.core.shapes import Shape
from pellucid.ops.random import Key
from pellucid.ops.value import Value, number


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight: the last axis are the units, the others its inputs."""
    dims = [dim for dim in shape if isinstance(dim, int)]
    if len(dims) < 2:
        return (dims[0], dims[0]) if dims else (1, 1)
    receptive = math.prod(dims[:-2])
    return dims[-2] * receptive, dims[-1] * receptive


class Initializer:
    """Base of all initializers: `values(key, shape, dtype)` gives the tensor."""

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        raise NotImplementedError

    def _spread(self, key: Key, shape: Shape, dtype: DType, deviation: float, kind: str) -> Value:
        if kind == "normal":
            return key.normal(shape, dtype) * deviation
        limit = deviation * math.sqrt(3)
        return key.uniform(shape, dtype) * (2 * limit) - limit


@record
class Zeros(Initializer):
    """All zeros."""

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        return number(0, dtype, shape)


@record
class Uniform(Initializer):
    """Uniform on [-limit, limit); limit = 1/√fan_in for None."""

    limit: float | None = None

    def __post_init__(self) -> None:
        if self.limit is not None:
            real("Uniform", "limit", self.limit, 0)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        limit = 1 / math.sqrt(max(1, fans(shape)[0])) if self.limit is None else self.limit
        return key.uniform(shape, dtype) * (2 * limit) - limit


@record
class Normal(Initializer):
    """Normal with mean 0 and standard deviation `deviation`."""

    deviation: float = 0.05

    def __post_init__(self) -> None:
        real("Normal", "deviation", self.deviation, 0)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        return key.normal(shape, dtype) * self.deviation


@record
class Xavier(Initializer):
    """Variance 2/(fan_in + fan_out): keeps the scale of tanh and sigmoid nets both ways.

    Args:
        distribution: "uniform" or "normal".

    Source: Glorot and Bengio, AISTATS 2010, equation 16.
    """

    distribution: str = "uniform"

    def __post_init__(self) -> None:
        choice("Xavier", "distribution", self.distribution, ("uniform", "normal"))

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        deviation = math.sqrt(2 / max(1, sum(fans(shape))))
        return self._spread(key, shape, dtype, deviation, self.distribution)


@record
class He(Initializer):
    """Variance 2/fan_in: keeps the scale of ReLU nets.

    Args:
        distribution: "uniform" or "normal".

    Source: He et al., ICCV 2015, equation 10.
    """

    distribution: str = "normal"

    def __post_init__(self) -> None:
        choice("He", "distribution", self.distribution, ("uniform", "normal"))

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        deviation = math.sqrt(2 / max(1, fans(shape)[0]))
        return self._spread(key, shape, dtype, deviation, self.distribution)


BY_NAME: dict[str, Initializer] = {
    "zeros": Zeros(),
    "uniform": Uniform(),
    "normal": Normal(),
    "xavier": Xavier(),
    "he": He(),
}


_LATER = "Build the model, and set it: model.set_weights({'dense_1.W': array})."

# What other libraries call them.
ELSEWHERE = {
    "glorot": "xavier",
    "glorot_uniform": "xavier",
    "xavier_uniform": "xavier",
    "glorot_normal": 'Write pel.nn.Xavier("normal").',
    "xavier_normal": 'Write pel.nn.Xavier("normal").',
    "he_normal": "he",
    "kaiming": "he",
    "kaiming_normal": "he",
    "he_uniform": 'Write pel.nn.He("uniform").',
    "kaiming_uniform": 'Write pel.nn.He("uniform").',
    "lecun_normal": "Write pel.nn.Normal(1 / inputs**0.5) for so many inputs of a unit.",
    "lecun_uniform": "Write pel.nn.Uniform((3 / inputs) ** 0.5) for so many inputs of a unit.",
    "random_normal": "normal",
    "random_uniform": "Write pel.nn.Uniform(0.05), which is Keras's.",
    "truncated_normal": "Write pel.nn.Normal(0.05), which is not cut off.",
    "variance_scaling": "Write pel.nn.Xavier() or pel.nn.He().",
    "zero": "zeros",
    "ones": _LATER,
    "constant": _LATER,
    "identity": _LATER,
    "eye": _LATER,
    "orthogonal": _LATER,
}


def initializer(where: str, name: str, value: Any) -> Initializer:
    """The initializer that a word or an Initializer stands for."""
    if isinstance(value, Initializer):
        return value
    if not isinstance(value, str):
        raise ArgumentError(where, f"{name} must be an initializer or its name, got {value!r}")
    choice(where, name, value, BY_NAME, ELSEWHERE)
    return BY_NAME[value]


__all__ = ["BY_NAME", "He", "Initializer", "Normal", "Uniform", "Xavier", "Zeros"]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn.init", __all__, ELSEWHERE)
