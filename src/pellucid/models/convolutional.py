"""Convolutional networks of the papers, ready to be compiled. Images are channels last."""

from __future__ import annotations

from typing import Any

from pellucid.core.arguments import checked, integer
from pellucid.models.sequential import Sequential
from pellucid.nn import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LocalResponseNorm,
    MaxPool2D,
    Normal,
    Rescale,
    Uniform,
)
from pellucid.ops.value import Value, elementwise

Table = tuple[tuple[int, ...], ...]

# H2's maps see 8 of H1's 12 maps. The paper does not print which; here map h sees h, …, h + 7
# modulo 12, so that each map of H1 feeds 8 maps too.
H1_TO_H2: Table = tuple(tuple(sorted((h + i) % 12 for i in range(8))) for h in range(12))

# LeCun et al. 1998, table I: which maps of S2 each map of C3 sees.
S2_TO_C3: Table = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)


def scaled_tanh(x: Any) -> Value:
    """1.7159·tanh(2x/3): ±1 at ±1, where its curvature is largest. Source: LeCun et al. 1989."""
    result: Value = elementwise("tanh", x * (2 / 3)) * 1.7159
    return result


@checked
def lecun1989(seed: int | None = None, dtype: Any = "float32") -> Sequential:
    """The network that read zip codes: 9,760 weights, 1,256 units with the input.

    Shapes: x (N, 16, 16, 1) in [-1, 1], ink 1 and paper -1; y (N, 10), 1 for the digit, else -1.
    Train it with the squared loss.

    Both convolutions have a stride of 2 and a bias for each unit. Beyond the border stands the
    background -1, one place before and two behind. Weights start uniform within ±2.4 / inputs.
    `H1_TO_H2` is a choice: the paper says that each map of H2 sees 8 maps of H1, and not which.

    Source: LeCun et al., Neural Computation 1 (1989), 541-551.
    """

    def convolution(name: str, inputs: int, **rest: Any) -> Conv2D:
        return Conv2D(
            12,
            5,
            2,
            "same",
            padding_value=-1.0,
            bias="unit",
            activation=scaled_tanh,
            kernel_initializer=Uniform(2.4 / inputs),
            name=name,
            **rest,
        )

    def dense(name: str, units: int, inputs: int) -> Dense:
        return Dense(units, scaled_tanh, kernel_initializer=Uniform(2.4 / inputs), name=name)

    layers = [
        convolution("H1", 25, input_shape=(16, 16, 1)),
        convolution("H2", 200, connections=H1_TO_H2),
        Flatten(),
        dense("H3", 30, 192),
        dense("output", 10, 30),
    ]
    return Sequential(layers, seed, dtype)


@checked
def lenet5(seed: int | None = None, dtype: Any = "float32") -> Sequential:
    """LeNet-5: 60,000 weights up to F6 as in the paper, and 850 of an output layer.

    Shapes: x (N, 28, 28, 1), pixels in [0, 255]; y (N, 10), logits. Train it with cross_entropy.

    The paper's images are 32×32 with paper at -0.1 and ink at 1.175: the padding of C1 makes them.
    Subsampling is a mean over 2×2 with a weight and a bias a map, here a 1×1 convolution of
    groups. In place of the paper's fixed radial-basis outputs stands a linear layer.

    Source: LeCun et al., Proc. IEEE 86 (1998), section II.B and table I.
    """

    def subsampling(name: str, maps: int) -> list[Layer]:
        weights = Conv2D(maps, 1, groups=maps, activation=scaled_tanh, name=name)
        return [AveragePool2D(2, name=f"{name}_mean"), weights]

    layers = [
        Rescale(1.275 / 255, -0.1, input_shape=(28, 28, 1)),
        Conv2D(6, 5, padding=2, padding_value=-0.1, activation=scaled_tanh, name="C1"),
        *subsampling("S2", 6),
        Conv2D(16, 5, connections=S2_TO_C3, activation=scaled_tanh, name="C3"),
        *subsampling("S4", 16),
        Conv2D(120, 5, activation=scaled_tanh, name="C5"),
        Flatten(),
        Dense(84, scaled_tanh, name="F6"),
        Dense(10, name="output"),
    ]
    return Sequential(layers, seed, dtype)


@checked
def alexnet(
    classes: int = 1000, seed: int | None = None, dtype: Any = "float32", thinner: int = 1
) -> Sequential:
    """AlexNet: 60,965,224 weights for 1000 classes, 232 MiB in float32.

    They are made at the first call that needs them: `count_params` and `summary` do not.

    Shapes: x (N, 227, 227, 3), pixels less their mean; y (N, classes), logits. Train it with
    cross_entropy. An epoch of 1.2 million images is no work for a CPU.

    Args:
        thinner: divides the numbers of maps (to an even number) and units, 1 to 16.

    Weights start normal with deviation 0.01 as in the paper; all biases start at 0, where the
    paper starts some at 1.

    Source: Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.5.
    """
    integer("alexnet", "classes", classes, 1)
    thin = integer("alexnet", "thinner", thinner, 1, 16)
    start: dict[str, Any] = {"activation": "relu", "kernel_initializer": Normal(0.01)}

    def convolution(maps: int, size: int, **rest: Any) -> Conv2D:
        return Conv2D(maps // thin - maps // thin % 2, size, **start, **rest)

    def dense() -> list[Layer]:
        return [Dense(4096 // thin, **start), Dropout(0.5)]

    layers = [
        convolution(96, 11, strides=4, input_shape=(227, 227, 3)),
        LocalResponseNorm(),
        MaxPool2D(3, 2),
        convolution(256, 5, padding=2, groups=2),
        LocalResponseNorm(),
        MaxPool2D(3, 2),
        convolution(384, 3, padding=1),
        convolution(384, 3, padding=1, groups=2),
        convolution(256, 3, padding=1, groups=2),
        MaxPool2D(3, 2),
        Flatten(),
        *dense(),
        *dense(),
        Dense(classes, kernel_initializer=Normal(0.01)),
    ]
    return Sequential(layers, seed, dtype)
