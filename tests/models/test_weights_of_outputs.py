"""Weights of rows for each output by itself, and weights of positions: computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError, DataError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5, 4)).astype("float32")
Y = RNG.normal(size=(12, 5, 2)).astype("float32")
CLASSES = RNG.integers(0, 3, size=(12, 5))
BY_PLACE = RNG.random((12, 5)).astype("float32")
BY_ROW = np.linspace(0, 2, 12).astype("float32")


def two():
    x = nn.Input((5, 4))
    hidden = nn.Dense(3, "tanh", name="h")(x)
    ends = {"y": nn.Dense(2, name="y")(hidden), "class": nn.Dense(3, name="c")(hidden)}
    model = pel.Model(x, ends, seed=0)
    losses = {"y": nn.Squared(average=True), "class": nn.CrossEntropy(average=True)}
    model.compile(pel.optim.SGD(0.1), losses, loss_weights={"y": 1.0, "class": 0.5})
    return model


def test_each_output_has_its_weights():
    model = two()
    weights = {"y": BY_PLACE, "class": BY_ROW}
    found = model.evaluate(X, {"y": Y, "class": CLASSES}, sample_weight=weights)
    made = model.predict(X)
    squares = ((made["y"] - Y) ** 2).mean(-1) * BY_PLACE
    logits = made["class"].astype(np.float64)
    chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    surprise = -np.take_along_axis(chances, CLASSES[..., None], -1)[..., 0] * BY_ROW[:, None]
    assert found["y_loss"] == pytest.approx(squares.mean(), rel=1e-5)
    assert found["class_loss"] == pytest.approx(surprise.mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(squares.mean() + 0.5 * surprise.mean(), rel=1e-5)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_weights_of_positions_train_as_rows_that_stand_apart(backend):
    """A dense layer at positions with weights is one on rows with the same weights."""
    losses = (nn.Squared(average=True), nn.Absolute(average=True), nn.Hinge(average=True))
    for loss in losses:
        target = np.sign(Y) if isinstance(loss, nn.Hinge) else Y
        places = pel.Sequential([nn.Dense(2, input_shape=(5, 4))], seed=0)
        rows = pel.Sequential([nn.Dense(2, input_shape=(4,))], seed=0)
        for model in (places, rows):
            model.compile(pel.optim.SGD(0.5), loss)
        options = {"shuffle": False, "verbose": 0, "backend": backend}
        places.fit(X, target, sample_weight=BY_PLACE, batch_size=4, **options)
        flat = X.reshape(-1, 4), target.reshape(-1, 2)
        rows.fit(*flat, sample_weight=BY_PLACE.ravel(), batch_size=20, **options)
        for one, other in zip(places.get_weights(), rows.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_batches_of_a_stream_have_weights_of_outputs():
    weights = {"y": BY_PLACE, "class": BY_ROW}
    whole, streamed = two(), two()
    targets = {"y": Y, "class": CLASSES}
    whole.fit(X, targets, sample_weight=weights, batch_size=4, shuffle=False, verbose=0, seed=0)

    def batches():
        for first in range(0, 12, 4):
            part = slice(first, first + 4)
            yield (
                X[part],
                {name: one[part] for name, one in targets.items()},
                {name: one[part] for name, one in weights.items()},
            )

    streamed.fit(batches, verbose=0, seed=0)
    for one, other in zip(whole.get_weights(), streamed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_refused():
    model, targets = two(), {"y": Y, "class": CLASSES}
    for weights, error, words in (
        ({"y": BY_PLACE}, ArgumentError, "sample_weight must"),
        ({"y": BY_PLACE[:, :4], "class": BY_ROW}, ShapeError, r"sample_weight\['y'\] must be one"),
        ({"y": -BY_PLACE, "class": BY_ROW}, DataError, "must be 0 or more"),
        (BY_PLACE, ShapeError, "one weight a row"),
    ):
        with pytest.raises(error, match=words):
            model.evaluate(X, targets, sample_weight=weights)
    both = {"y": BY_PLACE, "class": BY_ROW}
    with pytest.raises(ArgumentError, match="class_weight needs a model of one output"):
        model.fit(X, targets, sample_weight=both, class_weight={0: 2}, verbose=0)
    whole = pel.Sequential([nn.Dense(2, input_shape=(5, 4))], seed=0)
    whole.compile("sgd", nn.Tversky())
    with pytest.raises(ArgumentError, match="weights of positions need a loss with a value for"):
        whole.fit(X, (Y > 0).astype("float32"), sample_weight=BY_PLACE, verbose=0)
