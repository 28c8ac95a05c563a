"""Training loops of one's own: the numbers of `fit`, and the page that shows how."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.data.minibatch import order

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training-loops.md"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6))
Y = X[:, :1] * X[:, 1:2]
SEED, BATCH, EPOCHS = 5, 16, 4


def layers() -> list[Any]:
    return [
        nn.Dense(8, "relu", input_shape=(6,)),
        nn.BatchNorm(momentum=0.9),
        nn.Dropout(0.3),
        nn.GaussianNoise(0.1),
        nn.Dense(1),
    ]


def nested() -> pel.Model:
    """A shared layer, called twice, with masks of its own each time."""
    x = pel.Input((6,))
    body = pel.Sequential([nn.Dense(6, "tanh"), nn.Dropout(0.4)], name="body", dtype="float64")
    h = nn.Add()([body(body(x)), x])
    return pel.Model(x, nn.Dense(1)(h), seed=0, dtype="float64")


MODELS: dict[str, Callable[[], pel.Model]] = {
    "a row with dropout, noise and batch norm": lambda: pel.Sequential(
        layers(), seed=0, dtype="float64"
    ),
    "a shared body": nested,
}
OPTIMIZERS: dict[str, Callable[[], optim.Optimizer]] = {
    "sgd": lambda: optim.SGD(0.1, momentum=0.9),
    "adam": lambda: optim.Adam(0.01, clip_norm=1.0),
}


def own_loop(model: pel.Model, optimizer: optim.Optimizer, **how: Any) -> list[float]:
    """What `fit` does, written by hand; the losses of all steps."""
    params, state = model.params, model.state
    slots = optimizer.init(params)

    def train(params: Any, slots: Any, state: Any, step: Any, x: Any, y: Any) -> Any:
        def loss(params: Any) -> Any:
            out, after = model.apply(params, state, x, train=True, key=pel.Key(SEED, step))
            return np.mean((out - y) ** 2), after

        (value, state), slopes = pel.value_and_grad(loss, has_aux=True)(params)
        params, slots = optimizer.update(slopes, slots, params)
        return params, slots, state, value

    step_of, losses, step = pel.jit(train, **how), [], 0
    for epoch in range(EPOCHS):
        rows = order(len(X), SEED, epoch)
        for start in range(0, len(X), BATCH):
            batch = rows[start : start + BATCH]
            params, slots, state, value = step_of(params, slots, state, step, X[batch], Y[batch])
            losses.append(float(value))
            step += 1
    model.params, model.state = params, state
    return losses


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("name", "rule", "how"),
    [
        *((name, "sgd", {}) for name in MODELS),
        *(
            pytest.param(name, rule, {}, marks=pytest.mark.slow)
            for name in MODELS
            for rule in OPTIMIZERS
            if rule != "sgd"
        ),
        ("a shared body", "adam", {"donate": (0, 1)}),
    ],
)
def test_a_loop_of_ones_own_equals_fit(name: str, rule: str, how: dict[str, Any]) -> None:
    own, fitted = MODELS[name](), MODELS[name]()
    own.build((6,))
    losses = own_loop(own, OPTIMIZERS[rule](), **how)
    fitted.compile(OPTIMIZERS[rule](), loss="squared")
    history = fitted.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, seed=SEED, verbose=0)
    np.testing.assert_allclose(losses, history.steps["loss"], rtol=1e-10)
    for kind in ("params", "state"):
        mine, theirs = getattr(own, kind), getattr(fitted, kind)
        assert list(mine) == list(theirs)
        for layer in mine:
            for leaf in mine[layer]:
                np.testing.assert_allclose(
                    mine[layer][leaf], theirs[layer][leaf], rtol=1e-9, atol=1e-12
                )
    np.testing.assert_allclose(own.predict(X), fitted.predict(X), rtol=1e-9, atol=1e-12)


def test_the_losses_of_nn_are_those_of_fit() -> None:
    """Classes, in float32, and rows taken inside the step."""
    x, labels = X.astype(np.float32), RNG.integers(0, 3, len(X))
    own, fitted = (
        pel.Sequential([nn.Dense(8, "relu", input_shape=(6,)), nn.Dense(3)], seed=0)
        for _ in range(2)
    )
    optimizer = optim.Adam(0.01)
    params, slots = own.params, optimizer.init(own.params)

    @pel.jit
    def train(params: Any, slots: Any, x: Any, labels: Any, rows: Any) -> Any:
        def loss(params: Any) -> Any:
            out, _ = own.apply(params, own.state, np.take(x, rows, axis=0), train=True)
            return np.mean(nn.CrossEntropy().per_row(np.take(labels, rows), out))

        return optimizer.update(pel.grad(loss)(params), slots, params)

    for epoch in range(3):
        for rows in order(len(x), 2, epoch).reshape(-1, BATCH):
            params, slots = train(params, slots, x, labels, rows)
    own.params = params
    fitted.compile(optimizer, loss="cross_entropy")
    fitted.fit(x, labels, batch_size=BATCH, epochs=3, seed=2, verbose=0)
    for one, other in zip(own.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6)


def test_a_long_fit_before_it_costs_a_loop_nothing() -> None:
    """Curves and programs of a model are no part of what its step computes."""
    model = pel.Sequential([nn.Dense(2, input_shape=(6,))], seed=0)
    model.compile(optim.SGD(0.01), "squared")
    x, y = X.astype(np.float32), np.repeat(Y, 2, axis=1).astype(np.float32)

    @pel.jit
    def step(params: Any, x: Any) -> Any:
        return model.apply(params, model.state, x)[0]

    def places() -> int:
        (entry,) = step._entries.values()
        return len(entry.surroundings.places)

    step(model.params, x)
    before = places()
    model.fit(x, y, batch_size=1, epochs=100, verbose=0, seed=0)
    for _ in range(3):
        step(model.params, x)
    assert step.cache_info().traces == 2, "once more, for fit gave the model other arrays"
    assert places() < before + 100


def test_a_function_that_reads_the_history_follows_it() -> None:
    model = pel.Sequential([nn.Dense(1, input_shape=(6,))], seed=0)
    model.compile(optim.SGD(0.01), "squared")
    for epochs in (1, 2):
        model.fit(X, Y, epochs=epochs, verbose=0, seed=0)
        if epochs == 1:
            scaled = pel.jit(lambda x: x * model.history.epochs["loss"][-1])
        np.testing.assert_allclose(scaled(X), X * model.history.epochs["loss"][-1])
    model.history.add_epoch({"loss": 3.0})
    np.testing.assert_allclose(scaled(X), X * 3.0)


def test_two_keys_of_one_step_draw_two_masks() -> None:
    model = pel.Sequential([nn.Dropout(0.5, input_shape=(2000,))], seed=0)
    ones = np.ones((1, 2000), "f4")

    def mask(key: Any) -> Any:
        return model.apply(model.params, model.state, ones, train=True, key=key)[0].numpy() != 0

    key = pel.Key(0, 3)
    np.testing.assert_array_equal(mask(key), mask(pel.Key(0, 3)))
    for other in (pel.Key(0, 4), pel.Key(1, 3), key.child("generator")):
        assert abs(np.mean(mask(key) == mask(other)) - 0.5) < 0.05


def test_apply_changes_nothing_and_prediction_is_that_of_predict() -> None:
    model = MODELS["a row with dropout, noise and batch norm"]()
    model.build((6,))
    kept = {kind: repr(getattr(model, kind)) for kind in ("params", "state")}
    out, after = model.apply(model.params, model.state, X, train=True, key=pel.Key(0, 0))
    assert {kind: repr(getattr(model, kind)) for kind in kept} == kept
    assert (after["batch_norm_1"]["mean"].numpy() != model.state["batch_norm_1"]["mean"]).any()
    plain, same = model.apply(model.params, model.state, X)
    np.testing.assert_allclose(plain.numpy(), model.predict(X), rtol=1e-12)
    assert (same["batch_norm_1"]["mean"].numpy() == model.state["batch_norm_1"]["mean"]).all()
    assert not np.allclose(out.numpy(), plain.numpy())


def test_the_page_runs_and_its_loop_is_ten_lines() -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    step = code[0].partition("@pel.jit\n")[2].partition("\nfor step")[0]
    assert len(step.strip().splitlines()) <= 10
    names: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for block in code:
            exec(compile(block, str(PAGE), "exec"), names)
    found = re.fullmatch(r"loss (\S+)\n", said.getvalue())
    assert found is not None
    y = names["y"]
    assert float(found[1]) < 0.3 * np.mean((y - y.mean()) ** 2)
    for one in code[1:]:  # terms of an objective
        exec(compile(one, str(PAGE), "exec"), names)
    x, h = names["x"], names["code"]
    units = pel.Model(names["a"], h).predict(x)
    error = (names["model"].predict(x) - y) ** 2
    assert names["model"].evaluate(x, y)["loss"] == pytest.approx(
        np.mean(error) + np.mean(0.01 * np.abs(units)), rel=1e-5
    )
    error = np.log(1 + (names["predicts"].predict(x) - y) ** 2)
    data = {"a": x, "target": y}
    assert names["whole"].evaluate(data, y)["loss"] == pytest.approx(np.mean(error), rel=1e-5)
