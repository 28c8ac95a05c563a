"""Layers made of keras.ops, keras.random, and the forms that data come in."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, DataError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4)).astype("float32")
Y = X[:, :1] * X[:, 1:2]


@pytest.mark.parametrize(
    ("equation", "shape", "axes", "x"),
    [
        ("ab,bc->ac", 5, "c", X),
        ("abc,cd->abd", (None, 5), "d", X.reshape(5, 6, 4)),
        ("abc,cde->abde", (None, 2, 3), "e", X.reshape(5, 6, 4)),
        ("...x,xy->...y", 5, "y", X.reshape(5, 3, 2, 4)),
        ("abc,bd->acd", (4, 5), "cd", X.reshape(5, 6, 4)),
    ],
)
def test_einsum_dense(equation, shape, axes, x):
    layer = layers.EinsumDense(equation, shape, bias_axes=axes, bias_initializer="ones")
    found = np.asarray(layer(x))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(found, np.einsum(equation, x, kernel) + bias, rtol=1e-4, atol=1e-5)


def test_adaptive_pools_are_of_parts_that_may_overlap():
    x = RNG.normal(size=(2, 5, 7, 3)).astype("float32")
    rows, columns = [(0, 3), (2, 5)], [(0, 3), (2, 5), (4, 7)]
    for name, of in (("Average", np.mean), ("Max", np.max)):
        layer = getattr(layers, f"Adaptive{name}Pooling2D")((2, 3))
        want = [[of(x[:, a:b, c:d], (1, 2)) for c, d in columns] for a, b in rows]
        np.testing.assert_allclose(layer(x), np.moveaxis(want, 2, 0), rtol=1e-5, atol=1e-6)


def test_a_shear_of_keras_begins_at_the_first_row():
    image = np.zeros((64, 8, 8, 1), "float32")
    image[:, 0, 2] = image[:, 4, 2] = 1
    layer = layers.RandomShear((0.25, 0.25), interpolation="nearest", fill_mode="constant")
    found = np.asarray(layer(image, training=True))
    assert (found[:, 0, 2] == 1).all()  # the first row stays
    moved = {tuple(np.flatnonzero(one[4, :, 0])) for one in found}
    assert moved == {(1,), (3,)}  # a quarter of four rows, to either side
    np.testing.assert_array_equal(layer(image, training=False), image)


def test_an_erased_rectangle_has_roots_of_the_drawn_parts():
    x = np.zeros((400, 20, 20, 1), "float32")
    layer = layers.RandomErasing((1.0, 1.0), (0.25, 0.25), fill_value=1.0, value_range=(0, 1))
    found = np.asarray(layer(x, training=True))[..., 0]
    sizes = found.sum((1, 2))
    assert np.median(sizes) == 100 and set(sizes) <= {90, 100, 110}  # half the sides, rounded
    half = np.asarray(layers.RandomErasing(1.0, 0.25, 1.0, (0, 1))(x, training=True))
    assert 0.4 < (half.max((1, 2, 3)) > 0).mean() < 0.6  # drawn from [0, 1] for each
    noise = np.asarray(layers.RandomErasing((1.0, 1.0), value_range=(0, 255))(x, training=True))
    assert noise.max() > 200 and noise.min() >= 0


def test_random_numbers_have_kerass_distributions():
    normal = np.asarray(keras.random.normal((4000,), mean=2.0, stddev=0.5))
    assert abs(normal.mean() - 2) < 0.05 and abs(normal.std() - 0.5) < 0.05
    flat = np.asarray(keras.random.uniform((4000,), -1.0, 3.0))
    assert flat.min() > -1 and flat.max() < 3 and abs(flat.mean() - 1) < 0.1
    assert set(np.asarray(keras.random.randint((400,), 2, 5)).tolist()) == {2, 3, 4}
    assert np.abs(np.asarray(keras.random.truncated_normal((4000,)))).max() < 2
    logits = np.log(np.array([[0.7, 0.2, 0.1]], "float32"))
    share = np.bincount(np.asarray(keras.random.categorical(logits, 4000))[0], minlength=3) / 4000
    np.testing.assert_allclose(share, [0.7, 0.2, 0.1], atol=0.05)
    kept = np.asarray(keras.random.dropout(np.ones((4000,), "float32"), 0.25))
    assert abs((kept > 0).mean() - 0.75) < 0.05 and kept.max() == pytest.approx(1 / 0.75)
    rows = np.asarray(keras.random.shuffle(np.arange(50)))
    assert sorted(rows) == list(range(50)) and list(rows) != sorted(rows)


def test_seeds_repeat_and_generators_go_on():
    first, again = (np.asarray(keras.random.normal((3,), seed=7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    one, other = keras.random.SeedGenerator(1), keras.random.SeedGenerator(1)
    drawn = [np.asarray(keras.random.normal((3,), seed=one)) for _ in range(2)]
    assert not np.array_equal(*drawn)
    np.testing.assert_array_equal(keras.random.normal((3,), seed=other), drawn[0])


@pytest.mark.one_in(2)
def test_a_call_draws_anew_in_each_step_and_the_same_in_prediction():
    class Shaken(layers.Layer):
        def __init__(self, seed=None):
            super().__init__()
            self.seed = seed

        def call(self, x):
            rows, width = ops.shape(x)
            return x + keras.random.normal((rows, width), seed=self.seed)

    for fixed in (None, 3):
        model = keras.Sequential([layers.Input((4,)), Shaken(fixed)])
        model.compile("sgd", "mse")
        model.add(layers.Dense(1, kernel_initializer="zeros", trainable=False))
        model.add(layers.Dense(1, trainable=True))
        one, other = (model.predict(X, verbose=0) for _ in range(2))
        np.testing.assert_array_equal(one, other)
    noise = keras.Sequential([layers.Input((4,)), Shaken(), layers.Dense(4)])
    noise.set_weights([np.eye(4), np.zeros(4)])
    noise.compile(keras.optimizers.SGD(0.0), "mse")
    losses = noise.fit(X, X, epochs=4, verbose=0).history["loss"]
    assert len(set(losses)) == 4 and all(0.7 < one < 1.4 for one in losses)  # the variance is 1


def linear():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


class Parts(keras.utils.PyDataset):
    """Five batches of six rows."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = slice(6 * index, 6 * index + 6)
        return X[rows], Y[rows]


def test_steps_of_a_dataset_and_of_arrays_go_on_in_the_next_epoch():
    """As in Keras: 2, 2 and 1 batches; then from the start."""
    found = linear().fit(
        X, Y, batch_size=6, steps_per_epoch=2, epochs=4, shuffle=False, verbose=0
    ).history["loss"]  # fmt: skip
    model, want = linear(), []
    for first, last in ((0, 12), (12, 24), (24, 30), (0, 12)):
        x, y = X[first:last], Y[first:last]
        want += model.fit(x, y, batch_size=6, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(found, want, rtol=1e-5)
    parts = linear().fit(Parts(), steps_per_epoch=2, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(parts.history["loss"], want, rtol=1e-5)


def test_steps_alone_divide_the_rows():
    found = linear().fit(X, Y, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0).history
    want = linear().fit(X, Y, batch_size=15, epochs=2, shuffle=False, verbose=0).history
    assert found == want
    with pytest.warns(UserWarning, match="an epoch ends with the data"):
        linear().fit(X, Y, batch_size=15, steps_per_epoch=9, verbose=0)
    model = linear()
    whole, part = (model.evaluate(X[:n], Y[:n], verbose=0) for n in (30, 12))
    assert model.evaluate(X, Y, steps=2, verbose=0) == whole
    assert model.evaluate(X, Y, batch_size=6, steps=2, verbose=0) == pytest.approx(part)
    assert model.predict(X, batch_size=6, steps=2, verbose=0).shape == (12, 1)


@pytest.mark.slow
def test_workers_read_ahead_in_order():
    class Slow(Parts):
        def __getitem__(self, index):
            time.sleep(0.002 * (5 - index))  # the last one would be first
            return super().__getitem__(index)

    want = linear().fit(Parts(), epochs=2, shuffle=False, verbose=0).history
    slow = Slow(workers=4, max_queue_size=3)
    assert linear().fit(slow, epochs=2, shuffle=False, verbose=0).history == want


def test_lists_are_batches_of_x_and_y():
    class Lists:
        """As a DataLoader of PyTorch gives them."""

        def __iter__(self):
            return iter([[X[:10], Y[:10]], [X[10:], Y[10:]]])

    batches, model = Lists(), linear()
    np.testing.assert_allclose(
        model.predict(batches, verbose=0), model.predict(X, verbose=0), rtol=1e-6
    )
    assert model.evaluate(batches, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_steps_on_batches_are_of_that_batch_alone():
    model = linear()
    first, _ = (model.test_on_batch(X[k : k + 10], Y[k : k + 10]) for k in (0, 10))
    assert model.test_on_batch(X[:10], Y[:10]) == first


def test_shapes_of_a_model():
    one, other = keras.Input((3,), name="one"), keras.Input((2,), name="other")
    model = keras.Model(
        {"one": one, "other": other}, layers.Dense(4)(layers.Concatenate()([one, other]))
    )
    assert model.input_shape == [(None, 3), (None, 2)]
    assert model.output_shape == (None, 4)


def test_a_model_whose_call_takes_no_training_acts_in_fit_as_in_prediction():
    """As Keras's fit does it: the model is called without `training`."""

    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.5)
            self.dense = layers.Dense(4, kernel_initializer="identity")

        def call(self, x):
            return self.dense(self.drop(x))

    class Passing(Plain):
        def call(self, x, training=None):
            return self.dense(self.drop(x, training=training))

    def loss(model):
        model.compile(keras.optimizers.SGD(0.0), "mse")
        return model.fit(X, X, verbose=0).history["loss"][0]

    with pytest.warns(UserWarning, match="call takes no training"):
        assert loss(Plain()) == 0
    assert loss(Passing()) > 0.1
    assert loss(keras.Sequential([layers.Input((4,)), Plain()])) > 0.1  # the whole passes it on


def test_weights_name_outputs():
    x = keras.Input((4,))
    model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="outputs have no 'c'"):
        model.fit(X, [Y, Y], sample_weight=dict.fromkeys("abc", np.ones(30)), verbose=0)


@pytest.mark.parametrize(
    "drawn",
    [
        lambda h: keras.random.dropout(h, 0.5),
        lambda h: keras.random.categorical(h, 2),
    ],
)
def test_a_model_that_draws_by_a_function_is_not_written(drawn, tmp_path):
    x = keras.Input((3,))
    model = keras.Model(x, drawn(layers.Dense(4)(x)))
    with pytest.raises(DataError, match="a layer whose function draws random numbers"):
        model.save(tmp_path / "a.keras")
    assert not list(tmp_path.iterdir())
