"""`fit` beside a training loop in NumPy that shares no line with it.

Forward, backward, penalties, clipping, update rules, schedules, weights and averages are written
out here. Only the order of the rows is Pellucid's. Dropping any wire between fit and its parts
moves these numbers by more than 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import DivergenceError
from pellucid.data.minibatch import order

Arrays = list[np.ndarray]
RNG = np.random.default_rng(3)
ROWS = 13
X = RNG.normal(size=(ROWS, 3))
Y = RNG.normal(size=(ROWS, 2)) * 2
HELD = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 2))
WEIGHTS, HELD_WEIGHTS = RNG.uniform(0.2, 3, ROWS), RNG.uniform(0.2, 3, 7)
SEED = 11


def constant(rate: float) -> Callable[[int], float]:
    return lambda step: rate


@dataclass
class Case:
    """What is compiled, and the same in NumPy.

    Args:
        rule: (weight, gradient, memory of the weight, rate, t from 1) → the weight after it.
        decay: λ of L2, l1: λ of L1; proximal: λ of its proximal step; bound: of MaxNorm.
        factors: of the rates of both layers.
    """

    optimizer: Any
    rule: Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray], float, int], np.ndarray]
    rate: Callable[[int], float]
    clip_value: float = math.inf
    clip_norm: float = math.inf
    regularizer: Any = ()
    decay: float = 0.0
    l1: float = 0.0
    proximal: float = 0.0
    bound: float = math.inf
    factors: tuple[float, float] = (1.0, 1.0)
    weighted: bool = False
    sizes: Any = 5
    size: Callable[[int], int] = lambda epoch: 5
    callbacks: Callable[[], Any] = tuple
    scale: Callable[[int], float] = lambda epoch: 1.0  # of an epoch's rates


def sgd(w, g, memory, rate, t):
    return w - rate * g


def momentum(w, g, memory, rate, t):
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return w - rate * memory["v"]


def nesterov(w, g, memory, rate, t):
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return w - rate * (g + 0.9 * memory["v"])


def adam(w, g, memory, rate, t):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g * g
    m, v = memory["m"] / (1 - 0.9**t), memory["v"] / (1 - 0.999**t)
    return w - rate * m / (np.sqrt(v) + 1e-8)


def adamw(w, g, memory, rate, t):
    return adam(w - rate * 0.3 * w, g, memory, rate, t)


def adagrad(w, g, memory, rate, t):
    memory["s"] = memory.get("s", 0) + g * g
    return w - rate * g / (np.sqrt(memory["s"]) + 1e-10)


def rmsprop(w, g, memory, rate, t):
    memory["s"] = 0.9 * memory.get("s", 0) + 0.1 * g * g
    return w - rate * g / (np.sqrt(memory["s"]) + 1e-8)


def halved(step: int) -> float:
    return 0.1 * 0.5 ** (step // 4)


def warmed(step: int) -> float:
    return 0.05 * (step + 1) / 4 if step < 3 else 0.05 * 0.8 ** (step - 3)


CASES = {
    "sgd": Case(optim.SGD(0.05), sgd, constant(0.05)),
    "momentum": Case(optim.SGD(0.02, momentum=0.9), momentum, constant(0.02)),
    "nesterov": Case(optim.SGD(0.02, momentum=0.9, nesterov=True), nesterov, constant(0.02)),
    "adam": Case(optim.Adam(0.03), adam, constant(0.03)),
    "adamw": Case(optim.AdamW(0.03, weight_decay=0.3), adamw, constant(0.03)),
    "adagrad": Case(optim.Adagrad(0.1), adagrad, constant(0.1)),
    "rmsprop": Case(optim.RMSprop(0.01), rmsprop, constant(0.01)),
    "clip value": Case(optim.SGD(0.05, clip_value=0.4), sgd, constant(0.05), clip_value=0.4),
    "clip norm": Case(optim.Adam(0.05, clip_norm=0.5), adam, constant(0.05), clip_norm=0.5),
    "schedule": Case(optim.Adam(optim.Step(0.1, 0.5, every=4)), adam, halved),
    "warm-up": Case(optim.SGD(optim.WarmUp(optim.Exponential(0.05, 0.8), 3)), sgd, warmed),
    "L2": Case(optim.Adam(0.03), adam, constant(0.03), regularizer=nn.L2(0.3), decay=0.3),
    "L1": Case(optim.SGD(0.05), sgd, constant(0.05), regularizer=nn.L1(0.2), l1=0.2),
    "proximal": Case(
        optim.SGD(0.05),
        sgd,
        constant(0.05),
        regularizer=[nn.L1(0.8, proximal=True), nn.L2(0.1)],
        decay=0.1,
        proximal=0.8,
    ),
    "max norm": Case(optim.SGD(0.05), sgd, constant(0.05), regularizer=nn.MaxNorm(0.7), bound=0.7),
    "rates of layers": Case(
        optim.AdamW(0.03, weight_decay=0.3), adamw, constant(0.03), factors=(0.25, 1.0)
    ),
    "a frozen layer": Case(
        optim.SGD(0.05, momentum=0.9, clip_norm=1.0),
        momentum,
        constant(0.05),
        clip_norm=1.0,
        regularizer=nn.MaxNorm(0.3),
        bound=0.3,
        factors=(0.0, 1.0),
    ),
    "weights of rows": Case(optim.SGD(0.05), sgd, constant(0.05), weighted=True),
    "all rows": Case(optim.SGD(0.05), sgd, constant(0.05), sizes="all", size=lambda _: ROWS),
    "a growing batch": Case(
        optim.Adam(0.03),
        adam,
        constant(0.03),
        sizes=optim.GrowingBatch(2, 1.5, highest=6),
        size=lambda epoch: min(round(2 * 1.5**epoch), 6),
    ),
    "a plateau": Case(
        optim.Adam(0.03),
        adam,
        constant(0.03),
        callbacks=lambda: pel.ReduceOnPlateau("loss", 0.5, patience=1, min_delta=1e6),
        scale=lambda epoch: 0.5 ** max(epoch - 1, 0),  # the first epoch is the best one
    ),
    "everything": Case(
        optim.Adam(optim.Step(0.1, 0.5, every=4), clip_value=2.0, clip_norm=1.5),
        adam,
        halved,
        clip_value=2.0,
        clip_norm=1.5,
        regularizer=[nn.L2(0.1), nn.L1(0.05), nn.MaxNorm(1.1)],
        decay=0.1,
        l1=0.05,
        bound=1.1,
        factors=(0.5, 2.0),
        weighted=True,
        sizes=optim.GrowingBatch(3, 2.0, every=2),
        size=lambda epoch: 3 * 2 ** (epoch // 2),
        callbacks=lambda: pel.ReduceOnPlateau("val_loss", 0.5, patience=1, min_delta=1e6),
        scale=lambda epoch: 0.5 ** max(epoch - 1, 0),
    ),
}
EPOCHS = 5


def model(case: Case) -> Any:
    net = pel.Sequential(
        [nn.Dense(4, activation="tanh", name="a"), nn.Dense(2, name="b")], seed=5, dtype="float64"
    )
    net.compile(
        case.optimizer,
        "squared",
        metrics=[far],
        regularizer=case.regularizer,
        rates=dict(zip("ab", case.factors, strict=True)),
    )
    net.build((3,))
    return net


def far(y_true: Any, y_pred: Any) -> Any:
    """A metric of one's own: Σ |p - t|, one value a row."""
    return abs(y_pred - y_true).sum(axis=1)


def output(weights: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.tanh(x @ weights[0] + weights[1])
    return hidden, hidden @ weights[2] + weights[3]


def penalty(case: Case, weights: Arrays) -> float:
    matrices = [weights[0], weights[2]]  # biases are left out
    sparse = case.l1 + case.proximal
    return sum(case.decay / 2 * (w**2).sum() + sparse * abs(w).sum() for w in matrices)


def measured(
    case: Case, weights: Arrays, x: np.ndarray, y: np.ndarray, v: np.ndarray
) -> tuple[float, float]:
    """The objective, and the metric, which has no weights."""
    error = output(weights, x)[1] - y
    loss = ((error**2).sum(axis=1) * v).mean() + penalty(case, weights)
    return loss, abs(error).sum(axis=1).mean()


def gradients(case: Case, weights: Arrays, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> Arrays:
    hidden, out = output(weights, x)
    back = 2 * (out - y) * v[:, None] / len(x)
    below = back @ weights[2].T * (1 - hidden**2)
    found = [x.T @ below, below.sum(axis=0), hidden.T @ back, back.sum(axis=0)]
    for i in (0, 2):
        found[i] = found[i] + case.decay * weights[i] + case.l1 * np.sign(weights[i])
    trained = [i for i in range(4) if case.factors[i // 2]]
    found = [np.clip(g, -case.clip_value, case.clip_value) for g in found]
    norm = math.sqrt(sum((found[i] ** 2).sum() for i in trained))
    return [g * min(1, case.clip_norm / norm) for g in found]


def after_penalties(case: Case, w: np.ndarray, rate: float) -> np.ndarray:
    w = np.sign(w) * np.maximum(abs(w) - rate * case.proximal, 0)
    norms = np.sqrt((w**2).sum(axis=0, keepdims=True))
    return w * np.minimum(1, case.bound / np.maximum(norms, 1e-300))


def numpy_fit(case: Case, weights: Arrays) -> Iterator[dict[str, Any]]:
    """What is known after each epoch: weights, curves of its steps, its averages."""
    weights, memory, step = [w.copy() for w in weights], [{} for _ in weights], 0
    v = WEIGHTS if case.weighted else np.ones(ROWS)
    for epoch in range(EPOCHS):
        rows, steps = order(ROWS, SEED, epoch), []
        for first in range(0, ROWS, case.size(epoch)):
            batch = rows[first : first + case.size(epoch)]
            given = X[batch], Y[batch], v[batch]
            steps.append((*measured(case, weights, *given), len(batch)))
            slopes = gradients(case, weights, *given)
            for i, (w, g) in enumerate(zip(weights, slopes, strict=True)):
                rate = case.rate(step) * case.scale(epoch) * case.factors[i // 2]
                if rate:
                    new = case.rule(w, g, memory[i], rate, step + 1)
                    weights[i] = after_penalties(case, new, rate) if i in (0, 2) else new
            step += 1
        held = measured(case, weights, *HELD, HELD_WEIGHTS if case.weighted else np.ones(7))
        taken = np.array(steps)
        yield {
            "weights": [w.copy() for w in weights],
            "steps": taken[:, :2],
            "epoch": [*np.average(taken[:, :2], axis=0, weights=taken[:, 2]), *held],
            "step": step,
        }


def options(case: Case) -> dict[str, Any]:
    held = (*HELD, HELD_WEIGHTS) if case.weighted else HELD
    weights = {"sample_weight": WEIGHTS} if case.weighted else {}
    return {
        "batch_size": case.sizes,
        "verbose": 0,
        "validation_data": held,
        "backend": "interpreter",
        **weights,
    }


def compare(net: Any, known: list[dict[str, Any]]) -> None:
    """A model after training beside what NumPy knows of each epoch."""
    close = {"rtol": 1e-6, "atol": 1e-9}
    for ours, theirs in zip(net.get_weights(), known[-1]["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, **close)
    steps, epochs = net.history.steps, net.history.epochs
    assert list(steps) == ["step", "loss", "far"]
    assert steps["step"] == list(range(1, known[-1]["step"] + 1))
    curves = np.concatenate([one["steps"] for one in known])
    np.testing.assert_allclose(np.stack([steps["loss"], steps["far"]], 1), curves, **close)
    assert list(epochs) == ["loss", "far", "val_loss", "val_far"]
    ours = np.stack(list(epochs.values()), 1)
    np.testing.assert_allclose(ours, [one["epoch"] for one in known], **close)


# tests/train/test_every_part.py compares machine code with the interpreter for each optimizer.
QUICK = ("momentum", "everything")


@pytest.mark.parametrize(
    ("name", "backend"),
    [(name, "interpreter") for name in CASES]
    + [
        pytest.param(name, "native", marks=() if name in QUICK else pytest.mark.slow)
        for name in CASES
    ],
)
def test_fit_is_the_loop_in_numpy(name: str, backend: str) -> None:
    case = CASES[name]
    net = model(case)
    known = list(numpy_fit(case, net.get_weights()))
    net.fit(
        X,
        Y,
        epochs=EPOCHS,
        seed=SEED,
        callbacks=case.callbacks(),
        **options(case) | {"backend": backend},
    )
    compare(net, known)


@pytest.mark.parametrize("cut", [1, 3])
@pytest.mark.parametrize("name", ["momentum", "adam", "schedule", "a growing batch", "everything"])
def test_a_checkpoint_goes_on_as_the_loop_in_numpy(name: str, cut: int, tmp_path: Any) -> None:
    """The file holds weights, slots, the step count, the epoch, the curves and the seed."""
    case, path = CASES[name], tmp_path / "run"
    net = model(case)
    known = list(numpy_fit(case, net.get_weights()))
    net.fit(
        X,
        Y,
        epochs=cut,
        seed=SEED,
        callbacks=case.callbacks(),
        checkpoint=path,
        **options(case),
    )
    rest = pel.load(path)
    compare(rest, known[:cut])
    rest.fit(X, Y, epochs=EPOCHS, resume=True, callbacks=case.callbacks(), **options(case))
    compare(rest, known)


def test_early_stopping_gives_back_the_weights_of_the_best_epoch_in_numpy() -> None:
    case = CASES["momentum"]
    net = model(case)
    known = list(numpy_fit(case, net.get_weights()))
    best = int(np.argmin([one["epoch"][2] for one in known]))
    stopping = pel.EarlyStopping("val_loss", patience=99)
    net.fit(X, Y, epochs=EPOCHS, seed=SEED, callbacks=stopping, **options(case))
    assert stopping.best_epoch == best + 1 < EPOCHS
    for ours, theirs in zip(net.get_weights(), known[best]["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_loop_of_ones_own_is_fit() -> None:
    """`pel.grad` and `update` on the same batches end where `fit` does."""
    case = CASES["clip norm"]
    net = model(case)
    first, second = {"W": net.get_weights()[0], "b": net.get_weights()[1]}, net.get_weights()[2:]
    params = {"a": first, "b": {"W": second[0], "b": second[1]}}

    @pel.jit
    def step(p: Any, slots: Any, x: Any, y: Any) -> Any:
        def loss(p: Any) -> Any:
            hidden = np.tanh(x @ p["a"]["W"] + p["a"]["b"])
            return np.mean(np.sum((hidden @ p["b"]["W"] + p["b"]["b"] - y) ** 2, axis=1))

        return case.optimizer.update(pel.grad(loss)(p), slots, p)

    slots = case.optimizer.init(params)
    for epoch in range(EPOCHS):
        rows = order(ROWS, SEED, epoch)
        for start in range(0, ROWS, 5):
            batch = rows[start : start + 5]
            params, slots = step(params, slots, X[batch], Y[batch])
    net.fit(X, Y, epochs=EPOCHS, seed=SEED, **options(case))
    ours = [params[layer][leaf] for layer in "ab" for leaf in "Wb"]
    for one, other in zip(ours, net.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
    assert int(slots["step"]) == net.training["step"] == 15


@pytest.mark.parametrize("backend", ["native", "interpreter"])
@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_weights_that_overflow_are_never_given_without_a_word(
    epochs: int, watched: bool, backend: str, tmp_path: Any
) -> None:
    """Also in the last step, whose loss is that of the weights before it."""
    net = pel.Sequential([nn.Dense(1)], seed=0)
    net.compile(optim.SGD(1e38), "squared")
    net.build((3,))
    start = net.get_weights()
    with pytest.raises(DivergenceError, match=r"must stay finite.*Lower"):
        net.fit(
            X,
            X[:, :1] * 3,
            batch_size="all",
            epochs=epochs,
            verbose=0,
            seed=0,
            callbacks=[pel.EarlyStopping("loss", patience=9)] if watched else [],
            checkpoint=tmp_path / "run",
            backend=backend,
        )
    for one in (net, pel.load(tmp_path / "run")):
        for ours, theirs in zip(one.get_weights(), start, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_gradient_whose_square_float32_cannot_hold_is_clipped_to_the_norm(backend: str) -> None:
    optimizer = optim.SGD(1.0, clip_norm=2.0)
    w = np.zeros((2, 2), np.float32)
    g = np.array([[3e30, 0], [0, -4e30]], np.float32)
    step = pel.jit(lambda w, g: optimizer.update(g, optimizer.init(w), w)[0], backend=backend)
    np.testing.assert_allclose(step(w, g), -2 * g / np.float32(5e30), rtol=1e-6)
    net = pel.Sequential([nn.Dense(1, use_bias=False)], seed=0)
    net.compile(optimizer, "squared")
    net.build((1,))
    before = net.get_weights()[0]
    net.fit(np.full((1, 1), 1e15), np.zeros(1), batch_size=1, verbose=0, seed=0, backend=backend)
    np.testing.assert_allclose(abs(net.get_weights()[0] - before), 2.0, rtol=1e-6)
