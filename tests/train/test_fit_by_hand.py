"""`fit` of a linear model against the same run in NumPy: each option reaches the step it is for."""

import numpy as np
import pytest

from pellucid import nn, optim
from pellucid.core.errors import ArgumentError
from pellucid.data.minibatch import order
from pellucid.models import Sequential
from pellucid.train.callbacks import Callback

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(11, 3)), RNG.normal(size=(11, 2))
W = RNG.normal(size=(3, 2)) / 2
B = np.array([0.3, -0.2])


def by_hand(
    epochs=2,
    size=4,
    rate=lambda step: 0.05,
    seed=3,
    momentum=0.0,
    clip_value=None,
    clip_norm=None,
    l2=0.0,
    weights=None,
    scale_b=1.0,
):
    """Weights after a run of SGD on Σ (p - t)² a row, and the curves of its history."""
    w, b, v, u = W.copy(), B.copy(), np.zeros_like(W), np.zeros_like(B)
    row_weights = np.ones(len(X)) if weights is None else weights
    losses, norms, means = [], [], []
    step = 0
    for epoch in range(epochs):
        rows, total = order(len(X), seed, epoch), 0.0
        for start in range(0, len(X), size):
            part = rows[start : start + size]
            x, off, share = X[part], X[part] @ w + b - Y[part], row_weights[part]
            loss = np.mean(share * (off**2).sum(1)) + l2 / 2 * (w**2).sum()
            slope = 2 * (off * share[:, None]) / len(part)
            dw, db = x.T @ slope + l2 * w, slope.sum(0)
            norms.append(np.sqrt((dw**2).sum() + (db**2).sum()))
            if clip_value is not None:
                dw, db = (np.clip(g, -clip_value, clip_value) for g in (dw, db))
            if clip_norm is not None:
                norm = np.sqrt((dw**2).sum() + (db**2).sum())
                dw, db = (g * min(1.0, clip_norm / norm) for g in (dw, db))
            v, u = momentum * v + dw, momentum * u + db
            w, b = w - rate(step) * v, b - rate(step) * scale_b * u
            losses.append(loss)
            total += loss * len(part)
            step += 1
        means.append(total / len(X))
    return w, b, losses, norms, means


def fitted(optimizer, backend="interpreter", compiled=None, layers=None, **options):
    net = Sequential(layers or [nn.Dense(2, name="d")], seed=0, dtype="float64")
    net.compile(optimizer, "squared", **(compiled or {}))
    net.build((3,))
    net.set_weights([W, B])
    net.fit(
        X, Y, **{"epochs": 2, "batch_size": 4, "seed": 3, "verbose": 0, **options}, backend=backend
    )
    return net


def agrees(net, hand):
    w, b, losses, norms, means = hand
    for found, wanted in zip(net.get_weights(), (w, b), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)
    history = net.history
    np.testing.assert_allclose(history.steps["loss"], losses, rtol=1e-10)
    np.testing.assert_allclose(history.epochs["loss"], means, rtol=1e-10)
    assert list(history.steps["step"]) == list(range(1, len(losses) + 1))
    if "gradient_norm" in history.steps:
        np.testing.assert_allclose(history.steps["gradient_norm"], norms, rtol=1e-10)


BACKENDS = pytest.mark.parametrize("backend", ["interpreter", "native"])


@BACKENDS
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clip_value": 0.3},
        {"clip_norm": 0.5},
        {"clip_value": 0.6, "clip_norm": 1.0},
        {"momentum": 0.7},
        {"momentum": 0.7, "clip_norm": 0.5},
    ],
    ids=str,
)
def test_the_optimizers_options_reach_every_step(options, backend):
    net = fitted(optim.SGD(0.05, **options), backend, {"metrics": ["gradient_norm"]})
    agrees(net, by_hand(**options))


@BACKENDS
def test_schedules_penalties_weights_and_rates_reach_every_step(backend):
    schedule = optim.Step(0.05, 0.5, every=2)
    share = np.linspace(0, 2, len(X))
    net = fitted(
        optim.SGD(schedule, clip_norm=2.0),
        backend,
        {"regularizer": nn.L2(0.3), "metrics": ["gradient_norm"]},
        sample_weight=share,
        epochs=3,
        batch_size=5,
    )
    hand = by_hand(3, 5, schedule.rate, l2=0.3, weights=share, clip_norm=2.0)
    agrees(net, hand)


@pytest.mark.parametrize("size", [1, 4, 11, 50])
def test_every_row_is_taken_once_an_epoch_whatever_the_batch(size):
    net = fitted(optim.SGD(0.02), batch_size=size)
    agrees(net, by_hand(size=size, rate=lambda step: 0.02))
    assert net.history.seed == 3


def test_all_rows_and_thirty_two_are_what_they_say():
    agrees(fitted(optim.SGD(0.05), batch_size="all"), by_hand(size=11))
    x, y = np.tile(X, (3, 1)), np.tile(Y, (3, 1))
    net = Sequential([nn.Dense(2)], seed=0)
    net.compile("sgd", "squared")
    net.fit(x, y, epochs=1, verbose=0, seed=0)
    assert len(net.history.steps["loss"]) == 2  # 33 rows in batches of 32


class Watcher(Callback):
    """What a callback sees, and when."""

    def __init__(self):
        self.seen = []

    def on_start(self, run):
        self.seen.append(("start", run.step, run.epoch, run.batch))

    def on_step(self, run):
        self.seen.append(("step", run.step, run.epoch, run.batch, dict(run.logs)))

    def on_epoch(self, run):
        self.seen.append(("epoch", run.step, run.epoch, run.batch, dict(run.logs)))

    def on_end(self, run):
        self.seen.append(("end", run.step, run.epoch, run.batch))


def test_callbacks_are_called_in_order_with_what_was_measured():
    watcher = Watcher()
    net = fitted(optim.SGD(0.05), callbacks=watcher, validation_data=(X[:5], Y[:5]))
    _, _, losses, _, means = by_hand()
    kinds = [each[0] for each in watcher.seen]
    assert kinds == ["start", *["step"] * 3, "epoch", *["step"] * 3, "epoch", "end"]
    assert [each[1:4] for each in watcher.seen] == [
        (0, 0, 0),
        *[(1, 0, 1), (2, 0, 2), (3, 0, 3), (3, 1, 0)],
        *[(4, 1, 1), (5, 1, 2), (6, 1, 3), (6, 2, 0)],
        (6, 2, 0),
    ]
    first = watcher.seen[1][4], watcher.seen[2][4]
    assert first[0]["loss"] == pytest.approx(losses[0])
    assert first[1]["loss"] == pytest.approx((losses[0] + losses[1]) / 2)
    ends = [each[4] for each in watcher.seen if each[0] == "epoch"]
    assert [each["loss"] for each in ends] == pytest.approx(means)
    assert [each["val_loss"] for each in ends] == list(net.history.epochs["val_loss"])
    assert ends[-1]["val_loss"] == pytest.approx(net.evaluate(X[:5], Y[:5])["loss"])


def test_validation_is_measured_at_the_steps_that_were_asked_for():
    net = fitted(optim.SGD(0.05), validation_data=(X, Y), validate_every=2, epochs=2)
    assert list(net.history.validation["step"]) == [2, 3, 4, 6]
    assert len(net.history.epochs["val_loss"]) == 2
    found = dict(
        zip(net.history.validation["step"], net.history.validation["val_loss"], strict=True)
    )
    assert found[3] == net.history.epochs["val_loss"][0]
    for step, value in found.items():
        w, b, *_ = _after(step)
        assert value == pytest.approx(np.mean(((X @ w + b - Y) ** 2).sum(1)))


def _after(steps):
    """Weights after so many steps of a run in batches of four."""
    w, b = W.copy(), B.copy()
    for step in range(steps):
        rows = order(len(X), 3, step // 3)[step % 3 * 4 :][:4]
        slope = 2 * (X[rows] @ w + b - Y[rows]) / len(rows)
        w, b = w - 0.05 * X[rows].T @ slope, b - 0.05 * slope.sum(0)
    return w, b


class Stop(Callback):
    def __init__(self, step):
        self.at = step

    def on_step(self, run):
        run.stop = run.step == self.at


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_run_that_is_stopped_has_done_these_steps_and_no_more(step):
    net = fitted(optim.SGD(0.05), callbacks=Stop(step), epochs=5)
    w, b = _after(step)
    np.testing.assert_allclose(net.get_weights()[0], w, rtol=1e-12)
    np.testing.assert_allclose(net.get_weights()[1], b, rtol=1e-12)
    assert len(net.history.steps["loss"]) == step
    # It goes on where it stood.
    net.fit(X, Y, epochs=2, batch_size=4, verbose=0, resume=True, backend="interpreter")
    agrees(net, by_hand())


def second_step(again):
    """The rate of the first step of a second fit."""
    net = fitted(optim.SGD(optim.Step(0.05, 0.1, every=6)))
    again(net)
    before = net.get_weights()
    net.fit(X, Y, epochs=1, batch_size=11, seed=3, verbose=0, backend="interpreter")
    move = before[1] - net.get_weights()[1]
    rates = move / (2 * (X @ before[0] + before[1] - Y).mean(0))
    return rates, list(net.history.steps["step"])


def test_a_second_fit_goes_on_with_its_steps_and_a_second_compile_begins_anew():
    rates, steps = second_step(lambda net: None)
    np.testing.assert_allclose(rates, 0.005, rtol=1e-10)
    assert steps == [7]
    rates, steps = second_step(lambda net: net.compile(net.optimizer, "squared"))
    np.testing.assert_allclose(rates, 0.05, rtol=1e-10)
    assert steps == [1]


def test_a_resumed_run_needs_the_same_data_and_options():
    net = fitted(optim.SGD(0.05), epochs=1)
    options = {"epochs": 2, "batch_size": 4, "verbose": 0, "resume": True}
    other = X.copy()
    other[0, 0] += 1
    for change, words in (
        ({"batch_size": 5}, "batch_size must be 4 as before, got 5"),
        ({"seed": 4}, "seed must be 3 as before, got 4"),
    ):
        with pytest.raises(ArgumentError, match=words):
            net.fit(X, Y, **{**options, **change})
    with pytest.raises(ArgumentError, match="rows must be 11 as before, got 10"):
        net.fit(X[:10], Y[:10], **options)
    with pytest.raises(ArgumentError, match="data must be"):
        net.fit(other, Y, **options)
    with pytest.raises(ArgumentError, match="data must be"):
        net.fit(X, Y + 1, **options)
    net.fit(X, Y, **options, seed=3, backend="interpreter")
    agrees(net, by_hand())
