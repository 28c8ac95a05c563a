"""add_loss, activity regularizers and compute_loss, beside NumPy; see benchmarks/keras_model.py."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, DataError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] * 2
CODES = (X[:, 0] > 0).astype("int32")


@pytest.fixture(autouse=True)
def double():
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def after_one_step(model, x, y, **options):
    """Weights before, weights behind one step over all rows at the rate 0.1, and the loss."""
    before = [one.copy() for one in model.get_weights()]
    loss = model.train_on_batch(x, y, **options)
    return before, model.get_weights(), loss


def check_slope(objective, before, after):
    """The step is -0.1 times the slope of a function of the weights, by differences."""
    for place, array in enumerate(after):
        for index in np.ndindex(array.shape):
            up, down = ([one.copy() for one in before] for _ in range(2))
            up[place][index] += 1e-6
            down[place][index] -= 1e-6
            slope = (objective(up) - objective(down)) / 2e-6
            assert array[index] == pytest.approx(before[place][index] - 0.1 * slope, abs=1e-7)


def test_activity_regularizers_are_means_over_rows():
    model = keras.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(2, "tanh", activity_regularizer=keras.regularizers.L1L2(0.1, 0.2)),
            layers.ActivityRegularization(l2=0.3),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")

    def objective(weights):
        w, b, v, c = weights
        h = np.tanh(X @ w + b)
        inside = (0.1 * np.abs(h) + 0.5 * h**2).sum() / len(X)
        return float(np.mean((h @ v + c - Y) ** 2) + inside)

    before, after, loss = after_one_step(model, X, Y)
    assert loss == pytest.approx(objective(before), rel=1e-9)
    check_slope(objective, before, after)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(objective(after), rel=1e-9)


class Noted(layers.Layer):
    """x times a weight; adds what is a number, and what is summed."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        self.add_loss(0.1 * ops.mean(ops.square(x)) * self.scale)
        self.add_loss([0.01 * ops.abs(x)])
        return x * self.scale


def test_add_loss_inside_models_inside_models():
    inner = keras.Sequential([layers.Input((3,)), Noted(), layers.Dense(2)])
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1)(inner(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse")

    def objective(weights):
        scale, w, b, v, c = weights
        added = 0.1 * np.mean(X**2) * scale + 0.01 * np.abs(X).sum()
        return float(np.mean((((X * scale) @ w + b) @ v + c - Y) ** 2) + added)

    before, after, loss = after_one_step(model, X, Y)
    assert loss == pytest.approx(objective(before), rel=1e-9)
    check_slope(objective, before, after)


@pytest.mark.slow
def test_a_model_can_train_on_what_is_added_alone():
    class Autoencoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.code, self.back = layers.Dense(2), layers.Dense(3)

        def call(self, x):
            found = self.back(self.code(x))
            self.add_loss(ops.mean(ops.square(found - x)))
            return found

    model = Autoencoder()
    model.compile("sgd")
    losses = model.fit(X, epochs=3, verbose=0, shuffle=False).history["loss"]
    assert losses[2] < losses[0]
    want = np.mean((model.predict(X, verbose=0) - X) ** 2)
    assert model.evaluate(X, verbose=0) == pytest.approx(want, rel=1e-9)


class Distiller(keras.Model):
    """A student, a teacher that is asked in compute_loss, and half of all penalties."""

    def __init__(self):
        super().__init__()
        self.student = layers.Dense(1, kernel_regularizer="l2")
        self.teacher = keras.Sequential([layers.Input((3,)), layers.Dense(1, "tanh")])

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        known = keras.losses.MeanSquaredError()(y, y_pred, sample_weight)
        taught = ops.mean(ops.abs(y_pred - self.teacher(x)))
        own = ops.sum(ops.square(self.student.kernel))
        return known + 0.5 * taught + 0.5 * sum(self.losses) + 0.25 * own


@pytest.mark.parametrize("weighted", [pytest.param(False, marks=pytest.mark.slow), True])
def test_compute_loss_is_the_objective(weighted):
    model = Distiller()
    model(X[:1])
    model.compile(keras.optimizers.SGD(0.1), metrics=["mae"])
    rows = RNG.random(40) if weighted else np.ones(40)

    def objective(weights):
        w, b, v, c = weights
        p, t = X @ w + b, np.tanh(X @ v + c)
        known = np.mean(((p - Y) ** 2)[:, 0] * rows)
        penalty = (0.5 * 0.01 + 0.25) * np.sum(w**2)
        return float(known + 0.5 * np.mean(np.abs(p - t)) + penalty)

    options = {"sample_weight": rows} if weighted else {}
    before, after, (loss, error) = after_one_step(model, X, Y, **options)
    assert loss == pytest.approx(objective(before), rel=1e-9)
    assert error == pytest.approx(np.mean(np.abs(X @ before[0] + before[1] - Y)), rel=1e-9)
    check_slope(objective, before, after)
    assert model.test_on_batch(X, Y, **options)[0] == pytest.approx(objective(after), rel=1e-9)


def test_compute_loss_of_keras_can_be_added_to():
    class Doubled(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 2 * super().compute_loss(x, y, y_pred, sample_weight)

    def made(kind):
        x = keras.Input((3,))
        out = layers.Dense(2, "softmax", kernel_regularizer="l1", kernel_initializer="ones")(x)
        model = kind(x, out)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model.evaluate(X, CODES, verbose=0)

    assert made(Doubled) == pytest.approx(2 * made(keras.Model), rel=1e-6)


@pytest.mark.slow
def test_batches_train_on_compute_loss_too():
    model = Distiller()
    model(X[:1])
    model.compile(keras.optimizers.SGD(0.1))
    start = model.get_weights()
    one = model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0).history["loss"]
    model.set_weights(start)

    def batches():
        while True:
            for k in range(0, 40, 10):
                yield X[k : k + 10], Y[k : k + 10]

    other = model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(other, one, rtol=1e-9)


def test_losses_of_a_layer_on_arrays():
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    y = np.asarray(layer(X))
    activity, penalty = layer.losses
    assert activity == pytest.approx(0.01 * np.abs(y).sum() / 40)
    assert penalty == pytest.approx(0.01 * np.sum(layer.kernel**2))
    layer.trainable = False
    assert len(layer.losses) == 1
    calm = layers.ActivityRegularization(l2=0.5)
    np.testing.assert_array_equal(calm(X), X)
    assert calm.losses[0] == pytest.approx(0.5 * np.sum(X**2) / 40)


class Tied(keras.Model):
    """A decoder that reads the kernel of the encoder."""

    def __init__(self):
        super().__init__()
        self.code = layers.Dense(2, use_bias=False)

    def call(self, x):
        h = self.code(x)
        return ops.matmul(h, ops.transpose(self.code.kernel))


def test_a_kernel_that_call_reads_is_trained(tmp_path):
    model = Tied()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.build((None, 3))
    before, after, loss = after_one_step(model, X, X)

    def objective(weights):
        return float(np.mean((X @ weights[0] @ weights[0].T - X) ** 2))

    assert loss == pytest.approx(objective(before), rel=1e-9)
    check_slope(objective, before, after)
    assert model.count_params() == 6
    with pytest.raises(DataError, match="reads weights of another one"):
        model.save(tmp_path / "tied.keras")


def test_penalties_of_biases_and_of_two_kernels():
    layer = layers.SeparableConv1D(
        2, 2, depthwise_regularizer="l2", pointwise_regularizer="l1", bias_regularizer="l2",
        bias_initializer="ones", bias_constraint="non_neg",
    )  # fmt: skip
    x = RNG.normal(size=(6, 5, 3))
    model = keras.Sequential([layers.Input((5, 3)), layer])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    plain = np.mean((model.predict(x, verbose=0) - 1) ** 2)
    deep, point, bias = model.get_weights()
    want = plain + 0.01 * (np.sum(deep**2) + np.abs(point).sum() + np.sum(bias**2))
    assert model.train_on_batch(x, np.ones((6, 4, 2))) == pytest.approx(want, rel=1e-9)
    assert (model.get_weights()[2] >= 0).all()
    kernel = RNG.normal(size=(3, 4))
    cosines = kernel / np.linalg.norm(kernel, axis=1, keepdims=True)
    off = np.abs(cosines @ cosines.T) * (1 - np.eye(3))
    found = keras.regularizers.OrthogonalRegularizer(0.1)(kernel)
    assert found == pytest.approx(0.1 * 0.5 * off.sum() / 3, rel=1e-9)


def test_a_frozen_layer_has_no_penalty():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1, kernel_regularizer="l2")])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    want = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(want, rel=1e-9)


def test_what_compute_loss_and_add_loss_do_not_take():
    class Rows(Distiller):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.square(y - y_pred)

    model = Rows()
    model.compile("sgd")
    with pytest.raises(ArgumentError, match="must return one number"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(ArgumentError, match="a tensor that a call makes"):
        layers.Dense(1).add_loss(0.5)
    plain = keras.Sequential([layers.Input((3,)), layers.Dense(1)])
    plain.compile("sgd")
    with pytest.raises(ArgumentError, match="no add_loss nor compute_loss"):
        plain.fit(X, Y, verbose=0)
    plain.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="y must be given with x"):
        plain.fit(X, verbose=0)


def test_a_model_that_a_run_changes_is_not_what_its_functions_read(recwarn):
    class Halved(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean(ops.square(y - y_pred / 2)) + sum(self.losses)

    model = Halved()
    model.compile("sgd")
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 1)
    )
    history = model.fit(X, Y, epochs=4, callbacks=[stop], verbose=0)
    assert history.epoch == [0, 1]
    assert not [str(one.message) for one in recwarn]
