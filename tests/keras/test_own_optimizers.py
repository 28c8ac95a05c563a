"""Optimizers of a person's own: beside those of Keras's names, and by loops of NumPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, GraphError, PellucidError, ShapeError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] * X[:, 1:2]


@pytest.fixture(autouse=True)
def float64():
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


class OwnAdam(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.001, decay=0.9, name="own_adam", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.decay = decay

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.means, self.squares = self.add_optimizer_variables(variables, ["m", "v"])

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        m, v = self.means[place], self.squares[place]
        t = ops.cast(self.iterations + 1, variable.dtype)
        self.assign(m, self.decay * m + (1 - self.decay) * gradient)
        self.assign_add(v, (ops.square(gradient) - v) * (1 - 0.999))
        speed = learning_rate * ops.sqrt(1 - 0.999**t) / (1 - self.decay**t)
        self.assign_sub(variable, speed * m / (ops.sqrt(v) + 1e-7))

    def get_config(self):
        return {**super().get_config(), "decay": self.decay}


class Counting(keras.optimizers.Optimizer):
    """SGD whose rate grows by a variable of the optimizer, which starts at 2."""

    def build(self, variables):
        super().build(variables)
        self.seen = self.add_variable(shape=(), initializer=lambda shape, dtype: 2.0, name="seen")
        self.last = [self.add_variable_from_reference(one, "last", "ones") for one in variables]

    def update_step(self, gradient, variable, learning_rate):
        last = self.last[self._get_variable_index(variable)]
        self.seen.assign_add(0.5)
        variable.assign_sub(learning_rate * self.seen * (gradient + last))
        last.assign(gradient)


def network(frozen=False):
    model = keras.Sequential(
        [layers.Input((3,)), layers.Dense(4, "tanh", name="a"),
         layers.BatchNormalization(name="b"), layers.Dense(1, name="c")]
    )  # fmt: skip
    start = np.random.default_rng(1)
    model.set_weights([start.normal(size=one.shape) ** 2 for one in model.get_weights()])
    model.get_layer("b").trainable = not frozen
    return model


def trained(optimizer, frozen=False, fits=(3, 1), callbacks=()):
    model = network(frozen)
    model.compile(optimizer, "mse")
    for epochs in fits:
        model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0,
                  callbacks=list(callbacks))  # fmt: skip
    return model


def same(one, other, **tolerance):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-11, "atol": 1e-13, **tolerance})


CASES = {
    "plain": {}, "decay": {"weight_decay": 0.1}, "clipped": {"global_clipnorm": 0.2},
    "averages": {"use_ema": True, "ema_momentum": 0.8},
    "gathered": {"gradient_accumulation_steps": 2, "clipnorm": 0.3},
}  # fmt: skip


@pytest.mark.one_in(3)
@pytest.mark.parametrize("case", CASES)
def test_adam_written_by_hand_is_adam(case):
    more = CASES[case]
    own, known = OwnAdam(0.05, **more), keras.optimizers.Adam(0.05, **more)
    same(trained(own), trained(known))
    assert int(own.iterations) == int(known.iterations)


def test_schedules_and_rates_that_are_set():
    def falling():
        return keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.7)

    same(trained(OwnAdam(falling())), trained(keras.optimizers.Adam(falling())))

    class Halved(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.02 / (1 + epoch)

    same(
        trained(OwnAdam(0.1), callbacks=[Halved()]),
        trained(keras.optimizers.Adam(0.1), callbacks=[Halved()]),
    )

    class OfItself(keras.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign(variable - self.learning_rate * gradient)

    same(
        trained(OfItself(0.02), callbacks=[Halved()]),
        trained(keras.optimizers.SGD(0.02), callbacks=[Halved()]),
    )


def test_frozen_layers_and_another_model():
    own = OwnAdam(0.05)
    same(trained(own, frozen=True), trained(keras.optimizers.Adam(0.05), frozen=True))
    assert len(own.variables) == 2 + 2 * 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it begins anew, which is said once
        again = trained(own)
    same(again, trained(keras.optimizers.Adam(0.05)))
    assert len(own.variables) == 2 + 2 * 6


def test_a_model_that_gets_its_optimizer_back_goes_on():
    models = []
    for kind in (OwnAdam, keras.optimizers.Adam):
        optimizer = kind(0.05)
        models.append(trained(optimizer))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it begins anew, which is said once
            trained(optimizer, frozen=True)
            if kind is OwnAdam:
                with pytest.raises(ArgumentError, match="trains the model that was compiled with"):
                    models[-1].fit(X, Y, verbose=0)
            models[-1].compile(optimizer, "mse")
        models[-1].fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        assert int(optimizer.iterations) == 30 and len(optimizer.variables) == 2 + 2 * 6
    same(*models)


def test_variables_of_the_optimizer_itself_by_hand():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1, use_bias=True)])
    model.set_weights([np.ones((3, 1)), np.zeros(1)])
    optimizer = Counting(0.125)
    model.compile(optimizer, "mse")
    model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    w, b, seen = np.ones((3, 1)), np.zeros(1), 2.0
    last = [np.ones((3, 1)), np.ones(1)]
    for _ in range(2):
        for first in range(0, 40, 8):
            x, y = X[first : first + 8], Y[first : first + 8]
            error = 2 * (x @ w + b - y) / 8
            slopes = [x.T @ error, error.sum(0)]
            seen += 0.5
            w = w - 0.125 * seen * (slopes[0] + last[0])
            seen += 0.5
            b = b - 0.125 * seen * (slopes[1] + last[1])
            last = slopes
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-9)
    np.testing.assert_allclose(model.get_weights()[1], b, rtol=1e-9)
    assert float(optimizer.seen) == seen
    assert [one.path.rpartition("_")[2] for one in optimizer.variables[2:]] == [
        "counting/seen", "last", "last",
    ]  # fmt: skip
    assert optimizer.variables[2] is optimizer.seen


def test_steps_of_a_loop_of_ones_own():
    model, other = network(), network()
    own, known = OwnAdam(0.05), keras.optimizers.Adam(0.05)
    own.build(model.trainable_variables)
    known.build(other.trainable_variables)
    for n in range(3):
        slopes = [np.cos(n + one.numpy()) for one in model.trainable_variables]
        own.apply(slopes)
        known.apply(slopes)
        same(model, other)
    state = [one.numpy() for one in own.variables]
    moved, after = own.stateless_apply(state, slopes, [one.numpy() for one in own._weights])
    own.apply(slopes)
    for one, value in zip([*own._weights, *own.variables], [*moved, *after], strict=True):
        np.testing.assert_array_equal(one.numpy(), value)


def test_get_config_makes_another_one():
    own = OwnAdam(0.05, decay=0.5, clipnorm=0.3)
    other = OwnAdam.from_config(own.get_config())
    assert (other.decay, other.clipnorm, float(other.learning_rate)) == (0.5, 0.3, 0.05)
    same(trained(own), trained(other))
    model = trained(OwnAdam(0.05))
    clone = keras.models.clone_model(model)
    assert type(clone.optimizer) is OwnAdam
    assert clone.optimizer is not model.optimizer


class Bare(keras.optimizers.Optimizer):
    pass


class Short(keras.optimizers.Optimizer):
    def update_step(self, gradient):
        pass


class Applying(keras.optimizers.Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        pass

    def apply(self, grads, trainable_variables=None):
        pass


def stepping(step):
    """An optimizer of one step."""
    return type("Own", (keras.optimizers.Optimizer,), {"update_step": step})(0.1)


def test_what_cannot_be_is_said():
    with pytest.raises(ArgumentError, match="must define update_step, got none"):
        Bare(0.1)
    with pytest.raises(ArgumentError, match="update_step must take update_step"):
        Short(0.1)
    with pytest.raises(ArgumentError, match=r"apply.* is not supported.*update_step alone"):
        Applying(0.1)
    with pytest.raises(ArgumentError, match=r"keras.optimizers.OwnAdam\] learning_rate must be"):
        OwnAdam("fast")
    for words, kind, step in (
        ("has no numbers inside a function", PellucidError,
         lambda self, g, v, rate: v.assign(v.numpy() - 0.1 * np.asarray(v))),
        ("if, while, and, or needs numbers", GraphError,
         lambda self, g, v, rate: v.assign(g) if self.iterations > 3 else None),
        (r"must be \(3, 4\), got \(\)", ShapeError,
         lambda self, g, v, rate: v.assign(ops.sum(g))),
        ("no attribute 'assgn'.*Did you mean 'assign'", PellucidError,
         lambda self, g, v, rate: self.assgn(v, g)),
    ):  # fmt: skip
        with pytest.raises(kind, match=words):
            trained(stepping(step))


def test_numbers_of_variables_are_those_of_the_step_in_every_spelling():
    steps = [
        lambda self, g, v, rate: v.assign(v - rate * v),
        lambda self, g, v, rate: v.assign(v.value - v.value * rate),
        lambda self, g, v, rate: v.assign(np.subtract(v, np.multiply(rate, v))),
        lambda self, g, v, rate: v.assign_sub(ops.multiply(rate, v)),
        lambda self, g, v, rate: self.assign_sub(v, rate * v + 0 * g),
    ]
    for step in steps:
        model = keras.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.set_weights([np.ones((3, 1)), np.ones(1)])
        model.compile(stepping(step), "mse")
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0)
        for one in model.get_weights():
            np.testing.assert_allclose(one, 0.9**5, rtol=1e-12)


def test_a_file_cannot_hold_it(tmp_path):
    model = trained(OwnAdam(0.05))
    with pytest.raises(ArgumentError, match=r"got OwnAdam: a file loads.*save_weights\(path\)"):
        model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    other = network()
    other.load_weights(tmp_path / "m.weights.h5")
    same(model, other, rtol=0, atol=0)
