"""Losses of whole batches, all kinds of reduction, functions: against NumPy."""

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers, losses, ops

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(4), 30).astype("float32")
LABELS = RNG.integers(0, 4, 30)
ROWS = np.eye(4, dtype="float32")[LABELS]
X = RNG.normal(size=(30, 3)).astype("float32")
WEIGHTS = RNG.random(30).astype("float32")


def dice(t, p):
    return 1 - 2 * np.sum(t * p) / (np.sum(t) + np.sum(p))


def tversky(t, p, alpha, beta):
    """Keras has alpha at what is missed."""
    missed, alarms = np.sum((1 - p) * t), np.sum(p * (1 - t))
    return 1 - np.sum(t * p) / (np.sum(t * p) + alpha * missed + beta * alarms)


def squares(t, p):
    return np.mean((t - p) ** 2, axis=-1)


def test_functions():
    assert losses.dice(ROWS, P) == pytest.approx(dice(ROWS, P), rel=1e-5)
    each = [dice(t, p) for t, p in zip(ROWS, P, strict=True)]
    np.testing.assert_allclose(losses.dice(ROWS, P, axis=-1), each, rtol=1e-5)
    found = losses.tversky(ROWS, P, alpha=0.2, beta=0.9)
    assert found == pytest.approx(tversky(ROWS, P, 0.2, 0.9), rel=1e-5)
    own = (ROWS * P).sum(axis=1)
    np.testing.assert_allclose(
        losses.categorical_focal_crossentropy(ROWS, P, alpha=0.3, gamma=1.5),
        -0.3 * (1 - own) ** 1.5 * np.log(own), rtol=1e-4,
    )  # fmt: skip
    right = ROWS * P + (1 - ROWS) * (1 - P)
    np.testing.assert_allclose(
        losses.binary_focal_crossentropy(ROWS, P, gamma=1.5),
        np.mean(-((1 - right) ** 1.5) * np.log(right), axis=-1), rtol=1e-4,
    )  # fmt: skip
    np.testing.assert_allclose(
        losses.categorical_generalized_cross_entropy(LABELS, P, 0.4),
        (1 - own**0.4) / 0.4, rtol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("sum", lambda v: v.sum()),
        ("none", lambda v: v),
        ("mean", lambda v: v.mean()),
        ("mean_with_sample_weight", lambda v: v.sum() / WEIGHTS.sum()),
    ],
)
def test_reductions(kind, wanted):
    loss = losses.MeanSquaredError(reduction=kind)
    values = squares(ROWS, P) * WEIGHTS
    for weights in (WEIGHTS, WEIGHTS[:, None]):
        found = np.ravel(loss(ROWS, P, sample_weight=weights))
        np.testing.assert_allclose(found, np.ravel(wanted(values)), rtol=1e-5)


class Own(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("loss", "of_batch"),
    [
        (losses.Dice(), dice),
        (losses.Tversky(0.2, 0.9), lambda t, p: tversky(t, p, 0.2, 0.9)),
        (losses.MeanSquaredError(reduction="sum"), lambda t, p: squares(t, p).sum()),
        (Own(reduction="sum"), lambda t, p: squares(t, p).sum()),
        (Own(), lambda t, p: squares(t, p).mean()),
    ],
)
def test_training_lowers_what_a_batch_says(loss, of_batch):
    def model():
        made = keras.Sequential(
            [keras.layers.Input((3,)), keras.layers.Dense(4, activation="softmax")]
        )
        made.set_weights([np.sin(np.arange(12)).reshape(3, 4), np.zeros(4)])
        return made

    trained, far = model(), 1e-3
    trained.compile(keras.optimizers.SGD(0.1), loss)
    said = trained.predict(X, verbose=0)
    batches = [slice(0, 20), slice(20, 30)]
    sizes = [20, 10]
    values = [of_batch(ROWS[part], said[part]) for part in batches]
    found = trained.evaluate(X, ROWS, batch_size=20, verbose=0)
    assert found == pytest.approx(np.average(values, weights=sizes), rel=1e-4)
    before = trained.get_weights()[0]
    trained.train_on_batch(X, ROWS)
    slope = (before - trained.get_weights()[0])[1, 2] / 0.1
    probe, ends = model(), []
    for sign in (1, -1):
        moved = [before.copy(), np.zeros(4)]
        moved[0][1, 2] += sign * far
        probe.set_weights(moved)
        ends.append(of_batch(ROWS.astype(np.float64), probe.predict(X, verbose=0)))
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * far), rel=2e-2, abs=1e-4)


SCALE = {"factor": 1.0}


def scaled(t, p):
    return ops.mean(ops.square(t - p), axis=-1) * SCALE["factor"]


# One by one: what is seen of the loss is not seen of the metric, and the other way round.
@pytest.mark.parametrize("what", ["loss", "metrics", "weighted_metrics"])
def test_what_functions_read_is_not_stale(what, monkeypatch):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    own = {what: scaled if what == "loss" else [scaled]}
    model.compile(keras.optimizers.SGD(0.0), **{"loss": "mse", **own})
    data = {"x": X, "y": X[:, :1] * 5, "sample_weight": WEIGHTS, "verbose": 0}
    name = "loss" if what == "loss" else "scaled"
    before = model.fit(**data).history[name][0]
    monkeypatch.setitem(SCALE, "factor", 10.0)
    assert model.fit(**data).history[name][0] == pytest.approx(10 * before, rel=1e-5)
    measured = model.evaluate(**data, return_dict=True)
    assert measured[name] == pytest.approx(10 * before, rel=1e-5)


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="reduction must be"):
        losses.MeanSquaredError(reduction="total")
    with pytest.raises(ArgumentError, match="is not supported: keras"):
        losses.MeanSquaredError(dtype="float16")
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4)])
    model.compile("sgd", losses.MeanSquaredError(reduction="none"))
    with pytest.raises(ArgumentError, match="a mean or a sum of its rows"):
        model.fit(X, ROWS, verbose=0)
