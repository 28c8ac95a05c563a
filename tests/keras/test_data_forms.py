"""Data in the forms that Keras takes, and lists of measures in its order."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import keras
from pellucid.keras import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X[:, :1] * 2


def test_columns_are_inputs_of_one_number():
    inputs = {name: keras.Input((1,), name=name) for name in "ab"}
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(list(inputs.values()))))
    model.compile("sgd", "mse")
    columns = {"a": X[:, 0], "b": X[:, 1]}
    rows = {name: one[:, None] for name, one in columns.items()}
    start = model.get_weights()
    found = []
    for given in (columns, rows):
        model.set_weights(start)
        history = model.fit(given, Y[:, 0], shuffle=False, validation_split=0.25, verbose=0)
        batches = [({name: one[:8] for name, one in given.items()}, Y[:8])]
        found.append(
            [
                history.history["val_loss"],
                model.evaluate(given, Y, verbose=0),
                model.train_on_batch(given, Y),
                model.evaluate(iter(batches), verbose=0),
                model.predict(given, verbose=0).tolist(),
            ]
        )
    assert found[0] == found[1]
    kernel, bias = model.get_weights()
    assert np.allclose(model.predict(columns, verbose=0), X[:, :2] @ kernel + bias, atol=1e-6)


def test_an_axis_of_one_at_the_end_may_be_left_out_or_be_too_many():
    model = keras.Sequential([layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(1)])
    pictures = RNG.normal(size=(5, 4, 4)).astype("float32")
    whole = model.predict(pictures[..., None], verbose=0)
    assert np.array_equal(model.predict(pictures, verbose=0), whole)
    flat = keras.Sequential([layers.Input((3,)), layers.Dense(1)])
    assert np.array_equal(flat.predict(X[..., None], verbose=0), flat.predict(X, verbose=0))


def test_measures_of_several_outputs_are_listed_by_name():
    inputs = keras.Input((3,))
    ends = [layers.Dense(1, name="z")(inputs), layers.Dense(1, name="b")(inputs)]
    model = keras.Model(inputs, ends)
    model.compile("sgd", ["mse", "mae"], metrics=[["mse", "mae"], ["mse"]])
    named = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    order = ["loss", "z_loss", "b_loss", "b_mse", "z_mae", "z_mse"]
    assert model.metrics_names == order
    assert model.evaluate(X, [Y, Y], verbose=0) == [named[name] for name in order]


class Doubled(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        weight = 1.0 if sample_weight is None else ops.expand_dims(sample_weight, -1)
        return 2 * ops.mean(weight * ops.square(y - y_pred))


def test_weights_of_rows_that_come_later_leave_the_optimizer_as_it_was():
    ones, steps = np.ones(24, "float32"), 3
    found = []
    for weights in ([ones] * steps, [None, ones, None]):
        model = Doubled()
        model(X)
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        for one in weights:
            model.fit(X * np.linspace(1, 3, 24)[:, None], Y, sample_weight=one, verbose=0)
            model.evaluate(X, Y, sample_weight=ones, verbose=0)
        found.append(model.get_weights()[0])
    assert np.allclose(found[0], found[1], rtol=1e-6)


def test_weighted_metrics_weigh_beside_an_objective_of_ones_own():
    model = Doubled()
    model(X)
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    weights = np.linspace(0, 2, 24)
    named = model.evaluate(X, Y, sample_weight=weights, verbose=0, return_dict=True)
    missed = (model.predict(X, verbose=0) - Y)[:, 0]
    assert named["mse"] == pytest.approx(np.average(missed**2, weights=weights), rel=1e-5)
    assert named["mae"] == pytest.approx(np.mean(np.abs(missed)), rel=1e-5)
    assert named["loss"] == pytest.approx(2 * np.mean(weights * missed**2), rel=1e-5)


def test_files_hold_functions_of_one_tensor_and_penalties_of_activities(tmp_path):
    inputs = keras.Input((3,))
    hidden = layers.Dense(2, activity_regularizer="l2")(ops.sin(inputs) * 2.0)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    missed = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert again.evaluate(X, Y, verbose=0) > missed + 1e-4  # the penalty is in the file
