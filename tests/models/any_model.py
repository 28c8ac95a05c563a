"""Any model: drawn from a list of numbers, so that it can be made twice, and shrunk.

Each number chooses among options; where the list is at its end the first option is taken, which is
the plainest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

import pellucid as pel
from pellucid import nn, optim

T = TypeVar("T")
ROWS = 14
FACTOR = np.array(0.75)
SHIFT = np.array([0.25], np.float32)


class Choices:
    """What a list of numbers chooses."""

    def __init__(self, numbers: Sequence[int]):
        self._numbers = iter(numbers)

    def pick(self, *options: T) -> T:
        return options[next(self._numbers, 0) % len(options)]

    def maybe(self) -> bool:
        return self.pick(False, True)


@dataclass
class Case:
    """A compiled model, its data, and how it is trained."""

    model: pel.Model
    x: Any
    y: Any
    how: dict[str, Any] = field(default_factory=dict)


def halves(v: Any) -> Any:
    """A function of a person's own that changes the width: half of it is a gate."""
    middle = v.shape[1] // 2
    return v[:, :middle] * pel.numpy.sigmoid(v[:, middle:])


def squares_beside(v: Any) -> Any:
    return np.concatenate([v, v * v * FACTOR], axis=1)


OWN: tuple[Callable[[Any], Any], ...] = (
    np.sin,
    lambda v: np.tanh(v) * FACTOR,
    lambda v: np.maximum(v, 0.1 * v) + SHIFT,
    lambda v: v / (1 + np.abs(v)),
)


def own_loss(target: Any, output: Any) -> Any:
    return np.sum(np.abs(target - output) ** 3, axis=1) * FACTOR


def own_metric(target: Any, output: Any) -> Any:
    return np.max(np.abs(output - target), axis=1)


def activation(choose: Choices) -> Any:
    return choose.pick("tanh", None, "relu", "sigmoid", "softplus", *OWN)


def penalty(choose: Choices) -> Any:
    return choose.pick(
        None, nn.L2(0.01), nn.L1(0.001), [nn.L2(0.1, biases=True), nn.L1(0.01)], nn.ElasticNet(0.01)
    )


def body(choose: Choices, width: int, dtype: str, number: int) -> pel.Sequential:
    """A model that keeps the width, to stand inside another one."""
    parts: list[Any] = [nn.Dense(3, activation(choose), name=choose.pick(None, "in"))]
    if choose.maybe():
        parts.append(nn.BatchNorm(momentum=0.5))
    if choose.maybe():
        inner = [nn.Dense(4, activation(choose)), nn.Dropout(0.2)]
        parts.append(pel.Sequential(inner, dtype=dtype))
    name = choose.pick(None, f"body_{number}")
    return pel.Sequential([*parts, nn.Dense(width)], dtype=dtype, name=name)


def block(choose: Choices, h: Any, width: int, dtype: str, number: int) -> tuple[Any, int]:
    """The next symbol, and its width."""
    units = choose.pick(4, 3, 6)
    kind = choose.pick(*range(15))
    if kind == 1:
        return nn.Dense(2 * units, halves)(h), units
    if kind == 2:
        return nn.BatchNorm(momentum=0.8, scale=choose.maybe())(h), width
    if kind == 3:
        return nn.LayerNorm()(h), width
    if kind == 4:
        return nn.Dropout(0.3)(h), width
    if kind == 5:
        return nn.GaussianNoise(0.1)(h), width
    if kind == 6 and width <= 8:
        return nn.Basis(squares_beside)(h), 2 * width
    if kind == 7:
        return nn.Activation(activation(choose) or "tanh")(h), width
    if kind == 8:
        return nn.Maxout(units)(h), units
    if kind == 9:
        return nn.LowRankDense(units, 2, activation(choose))(h), units
    if kind == 10 and width <= 8:
        return nn.Polynomial(2)(h), 2 * width
    if kind == 11:
        return nn.RBF(((0.0,) * width, (0.5,) * width), width=2.0)(h), 2
    if kind == 12:
        return nn.Add()([h, nn.Dense(width, activation(choose))(h)]), width
    if kind == 13:
        inside = body(choose, width, dtype, number)
        return (inside(inside(h)) if choose.maybe() else inside(h)), width
    shared = nn.Dense(
        width, activation(choose), regularizer=penalty(choose), use_bias=choose.pick(True, False)
    )
    return (shared(shared(h)) if choose.maybe() else shared(h)), width


Head = tuple[Any, str | Callable[..., Any], Any, list[Any]]


def head(choose: Choices, rng: np.random.Generator) -> Head:
    """A last layer, its loss, targets, and metrics that fit."""
    value, label = rng.normal(size=(ROWS, 1)), rng.integers(0, 3, ROWS)
    yes = rng.integers(0, 2, ROWS)
    own = pel.Metric("worst", own_metric)
    return choose.pick(
        (nn.Dense(1), "squared", value, [own, "r2"]),
        (nn.Dense(3), "cross_entropy", label, ["accuracy"]),
        (nn.Dense(3, "softmax"), "cross_entropy", label, ["accuracy"]),
        (nn.Dense(1, "sigmoid"), "binary_cross_entropy", yes, ["squared_error"]),
        (nn.Dense(1), own_loss, value, [own_metric]),
        (nn.Dense(2), "gaussian", value[:, 0], ["absolute_error"]),
        (nn.Dense(3), "multiclass_hinge", label, []),
        (nn.Dense(1), nn.Huber(0.5), value, [own]),
        (nn.Dense(1), "poisson", yes * 2, []),
    )


def optimizer(choose: Choices) -> optim.Optimizer:
    rate = choose.pick(
        0.01,
        optim.Step(0.02, 0.5, every=3),
        optim.Cosine(0.02, steps=8),
        optim.WarmUp(optim.Exponential(0.02, 0.9), steps=3),
        optim.OneCycle(0.02, steps=7),
        optim.Piecewise((2, 5), (0.02, 0.01, 0.001)),
    )
    return choose.pick(
        lambda: optim.Adam(rate),
        lambda: optim.SGD(rate, momentum=0.9, nesterov=True),
        lambda: optim.SGD(rate, clip_norm=0.5),
        lambda: optim.AdamW(rate, weight_decay=0.1),
        lambda: optim.Adagrad(rate, clip_value=0.1),
        lambda: optim.RMSprop(rate, momentum=0.5, centered=True),
        lambda: optim.LBFGS(memory=3),
        lambda: optim.Perturb(0.01, coordinates=5),
    )()


def inputs(choose: Choices, rng: np.random.Generator) -> tuple[Any, Any, Any, int]:
    """Symbols in their form, data in the same, and the first hidden symbol with its width."""
    plain, image = pel.Input((3,)), pel.Input((4, 4, 1))
    rows, images = rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 4, 4, 1))
    form = choose.pick(None, list, dict)
    if form is None:
        return plain, rows, plain, 3
    seen = nn.Flatten()(nn.Conv2D(2, 3, activation=activation(choose))(image))
    joined, width = nn.Concat()([plain, seen]), 11
    if form is list:
        return [plain, image], [rows, images], joined, width
    return {"row": plain, "image": image}, {"image": images, "row": rows}, joined, width


def case(numbers: Sequence[int]) -> Case:
    """The model that the numbers choose; the same numbers make the same model."""
    choose, rng = Choices(numbers), np.random.default_rng(len(numbers))
    dtype = choose.pick("float32", "float64")
    symbols, x, h, width = inputs(choose, rng)
    for number in range(choose.pick(1, 2, 3)):
        h, width = block(choose, h, width, dtype, number)
    heads = [head(choose, rng) for _ in range(choose.pick(1, 2))]
    ends = [layer(h) for layer, *_ in heads]
    rule = optimizer(choose)
    searches = isinstance(rule, optim.Minimizer)
    whole = choose.pick((), nn.L2(0.01), [nn.L1(0.01, proximal=not searches), nn.L2(0.1)])
    if len(heads) == 1:
        model = pel.Model(symbols, ends[0], seed=3, dtype=dtype)
        losses, y, metrics, weights = heads[0][1], heads[0][2], heads[0][3], choose.pick(None, 2.0)
    else:
        names = ("first", "second")
        model = pel.Model(symbols, dict(zip(names, ends, strict=True)), seed=3, dtype=dtype)
        losses, y, metrics = (
            dict(zip(names, (one[n] for one in heads), strict=True)) for n in (1, 2, 3)
        )
        weights = choose.pick(None, {"first": 0.5, "second": 2.0})
    frozen = choose.pick(None, {model.names[0]: 0.0})
    if frozen and len(model.names) == 1:
        frozen = None
    model.compile(rule, losses, metrics, whole, frozen, weights)
    how: dict[str, Any] = {"batch_size": "all" if searches else choose.pick(5, 14)}
    if choose.maybe():
        how["validation_data"] = (x, y)
    if choose.maybe():
        how["sample_weight"] = np.linspace(0.5, 1.5, ROWS)
    return Case(model, x, y, how)
