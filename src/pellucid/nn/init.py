"""Initializers: how weights start. Each is a formula on random rows, so the start is a graph too.

`fan_in` counts the inputs of a unit, `fan_out` the units an input feeds; for a dense weight (D, H)
they are D and H.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pellucid.core.arguments import choice, real
from pellucid.core.config import record
from pellucid.core.dtypes import DType, float64
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.names import unknown_names
from pellucid.core.shapes import Shape, text
from pellucid.ops import composite
from pellucid.ops.random import Key
from pellucid.ops.value import Value, elementwise, number


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


@record
class LeCun(Initializer):
    """Variance 1/fan_in: keeps the scale of linear nets, and of selu.

    Args:
        distribution: "uniform" or "normal".

    Source: LeCun et al., Efficient backprop (1998), section 4.6.
    """

    distribution: str = "normal"

    def __post_init__(self) -> None:
        choice("LeCun", "distribution", self.distribution, ("uniform", "normal"))

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        deviation = math.sqrt(1 / max(1, fans(shape)[0]))
        return self._spread(key, shape, dtype, deviation, self.distribution)


@record
class Fill(Initializer):
    """The same number everywhere."""

    value: float = 1.0

    def __post_init__(self) -> None:
        real("Fill", "value", self.value)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        return number(self.value, dtype, shape)


@record
class TruncatedNormal(Initializer):
    """Normal with mean 0 and standard deviation `deviation`, without what is beyond two of these.

    What is left has 0.88 times that deviation.
    """

    deviation: float = 0.05

    def __post_init__(self) -> None:
        real("TruncatedNormal", "deviation", self.deviation, 0)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        return _truncated(key, shape, dtype) * self.deviation


# The deviation of a standard normal without what is beyond 2: √(1 - 4φ(2)/(2Φ(2) - 1)).
_WITHIN_2 = 0.8796256610342398
_TRIES = 8  # of a number beyond 2: one in 2·10¹⁰ is then cut off


def _truncated(key: Key, shape: Shape, dtype: DType) -> Value:
    """Standard normal numbers, each drawn again where it is beyond 2."""
    out = key.normal(shape, dtype)
    for attempt in range(1, _TRIES):
        again = key.child(f"again_{attempt}").normal(shape, dtype)
        out = composite.where(abs(out) <= 2, out, again)
    return composite.clip(out, -2.0, 2.0)


@record
class VarianceScaling(Initializer):
    """Variance scale/n: Xavier, He and LeCun are of this kind.

    Args:
        scale: > 0.
        mode: what n is: "fan_in", "fan_out", or "fan_avg", their mean.
        distribution: "normal", "uniform", or "truncated_normal", which is drawn again beyond two
            deviations, and wider so that its variance is the same: what Keras calls normal.

    Source: as in Keras.
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"

    def __post_init__(self) -> None:
        where = "VarianceScaling"
        real(where, "scale", self.scale, 0, open_low=True)
        choice(where, "mode", self.mode, ("fan_in", "fan_out", "fan_avg"))
        kinds = ("normal", "uniform", "truncated_normal")
        choice(where, "distribution", self.distribution, kinds)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        first, second = fans(shape)
        count = {"fan_in": first, "fan_out": second, "fan_avg": (first + second) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, count))
        if self.distribution == "truncated_normal":
            return _truncated(key, shape, dtype) * (deviation / _WITHIN_2)
        return self._spread(key, shape, dtype, deviation, self.distribution)


@record
class Identity(Initializer):
    """1, times a gain, where the last two axes have one index, else 0: a layer that hands x on.

    With a kernel of several places it stands at the middle one.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        real("Identity", "gain", self.gain)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        *places, rows, columns = _matrix("Identity", shape)
        one = composite.eye(rows, columns, dtype=dtype) * self.gain
        middle = [(size - 1) // 2 for size in places]
        behind = [size - 1 - at for size, at in zip(places, middle, strict=True)]
        one = composite.reshape(one, (*(1,) * len(places), rows, columns))
        return composite.pad(one, 0.0, (*middle, 0, 0), (*behind, 0, 0)) if places else one


@record
class Orthogonal(Initializer):
    """A matrix whose columns, or rows where these are fewer, have length 1 and right angles.

    All axes but the last are the rows. Each such matrix is as likely as any other: it is the polar
    factor of a normal matrix.

    Args:
        gain: what it is multiplied by.

    Source: Saxe, McClelland and Ganguli, ICLR 2014; the iteration: Björck and Bowie, SIAM J. Numer.
    Anal. 8 (1971).
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        real("Orthogonal", "gain", self.gain)

    def values(self, key: Key, shape: Shape, dtype: DType) -> Value:
        dims = _matrix("Orthogonal", shape)
        rows, columns = math.prod(dims[:-1]), dims[-1]
        wide = rows < columns
        first = key.normal((columns, rows) if wide else (rows, columns), float64)
        x: Any = first / elementwise("sqrt", composite.sum(elementwise("square", first)))
        for _ in range(_STEPS):  # every singular value s becomes s(3 - s²)/2, and 1 in the end
            square = composite.contract(x, x, summed=[(0, 0)])
            x = x * 1.5 - composite.matmul(x, square) * 0.5
        x = composite.matrix_transpose(x) if wide else x
        return composite.reshape(composite.astype(x * self.gain, dtype), shape)


_STEPS = 60  # singular values from 1e-10 of the largest on become 1


def _matrix(where: str, shape: Shape) -> list[int]:
    dims = [dim for dim in shape if isinstance(dim, int)]
    if len(dims) < 2:
        raise ShapeError(where, f"a weight must have two axes or more, got {text(shape)}")
    return dims


BY_NAME: dict[str, Initializer] = {
    "zeros": Zeros(),
    "uniform": Uniform(),
    "normal": Normal(),
    "xavier": Xavier(),
    "he": He(),
    "lecun": LeCun(),
    "ones": Fill(1.0),
    "truncated_normal": TruncatedNormal(),
    "variance_scaling": VarianceScaling(),
    "identity": Identity(),
    "orthogonal": Orthogonal(),
}


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
    "lecun_normal": "lecun",
    "lecun_uniform": 'Write pel.nn.LeCun("uniform").',
    "random_normal": "normal",
    "random_uniform": "Write pel.nn.Uniform(0.05), which is Keras's.",
    "zero": "zeros",
    "one": "Write the word 'ones', or pel.nn.Fill(1.0).",
    "constant": "Write pel.nn.Fill(value).",
    "eye": "identity",
}


def initializer(where: str, name: str, value: Any) -> Initializer:
    """The initializer that a word or an Initializer stands for."""
    if isinstance(value, Initializer):
        return value
    if not isinstance(value, str):
        raise ArgumentError(where, f"{name} must be an initializer or its name, got {value!r}")
    choice(where, name, value, BY_NAME, ELSEWHERE)
    return BY_NAME[value]


__all__ = [
    "BY_NAME",
    "Fill",
    "He",
    "Identity",
    "Initializer",
    "LeCun",
    "Normal",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "Xavier",
    "Zeros",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.nn.init", __all__, ELSEWHERE)
