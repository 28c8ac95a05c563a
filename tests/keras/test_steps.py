"""Models as functions of their variables: the stateless API, and steps of a person's own."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import keras
from pellucid.core.errors import ArgumentError, DivergenceError
from pellucid.keras import layers, ops

RNG = np.random.default_rng(6)
X = RNG.normal(size=(96, 4)).astype(np.float32)
Y = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)


class Count:
    """A number that no trace depends on."""

    __pellucid_unwatched__ = ("traced",)
    traced = 0


COUNT = Count()


class Guide(keras.Model):
    """As the guide for JAX has it."""

    def compute_loss_and_updates(self, free, others, x, y, training=False):
        y_pred, others = self.stateless_call(free, others, x, training=training)
        return self.compute_loss(x, y, y_pred), (y_pred, others)

    def train_step(self, state, data):
        COUNT.traced += 1
        free, others, remembered, measured = state
        x, y = data
        slopes_of = pel.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, others)), slopes = slopes_of(free, others, x, y, training=True)
        free, remembered = self.optimizer.stateless_apply(remembered, slopes, free)
        after, logs = [], {}
        for metric in self.metrics:
            own = measured[len(after) : len(after) + len(metric.variables)]
            if metric.name == "loss":
                own = metric.stateless_update_state(own, loss)
            else:
                own = metric.stateless_update_state(own, y, y_pred)
            logs[metric.name] = metric.stateless_result(own)
            after += own
        return logs, (free, others, remembered, after)


class Plain(keras.Model):
    """Steps that hand on to those that are here."""

    def train_step(self, state, data):
        return super().train_step(state, data)

    def test_step(self, state, data):
        logs, state = super().test_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state

    def predict_step(self, state, data):
        outputs, others = super().predict_step(state, data)
        return outputs + 100.0, others


def made(kind, optimizer=None, noisy=False, **options):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    h = layers.Dense(5, "tanh", **options)(inputs)
    h = layers.BatchNormalization()(h)
    h = layers.Dropout(0.5)(h) if noisy else h
    model = kind(inputs, layers.Dense(1)(h))
    model.compile(optimizer or keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def test_a_step_of_the_guide_trains_as_fit_does():
    model, plain = made(Guide), made(keras.Model)
    data = {"validation_data": (X[:20], Y[:20]), "shuffle": False, "verbose": 0, "epochs": 2}
    COUNT.traced = 0
    history, wanted = model.fit(X, Y, **data), plain.fit(X, Y, **data)
    assert COUNT.traced == 1  # 96 rows are three batches of 32
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert history.epoch == [0, 1] and model.history is history
    assert set(history.history) == set(wanted.history)
    for name, values in wanted.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    assert int(model.optimizer.iterations) == 6
    model.fit(X, Y, **data)  # goes on with what the optimizer remembers
    plain.fit(X, Y, **data)
    assert COUNT.traced == 1
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-4, atol=1e-6)


def test_steps_that_hand_on_are_those_of_keras():
    model, plain = made(Plain, kernel_regularizer="l2"), made(keras.Model, kernel_regularizer="l2")
    weights = RNG.random(96)
    data = {"sample_weight": weights, "shuffle": False, "verbose": 0, "batch_size": 40}
    history, wanted = model.fit(X, Y, **data), plain.fit(X, Y, **data)
    for name in ("loss", "mae"):
        np.testing.assert_allclose(history.history[name], wanted.history[name], rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-5, atol=1e-6)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    known = plain.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose(
        [found["loss"], found["mae"], found["twice"]],
        [known["loss"], known["mae"], 2 * known["loss"]],
        rtol=1e-5,
    )
    outputs = plain.predict(X, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), outputs + 100, rtol=1e-5)


def test_callbacks_see_and_change_what_a_step_goes_on_with():
    seen = []

    class Watching(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, self.model.layers[1].kernel.numpy(), logs["loss"]))

        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[-1].bias.assign([7.0])
            self.model.optimizer.learning_rate = 0.0

    model = made(Guide, keras.optimizers.SGD(0.1))
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Watching()])
    assert [one for one, *_ in seen] == [0, 1, 2] * 3
    kernels = [one for _, one, _ in seen]
    assert not np.array_equal(kernels[0], kernels[1])
    assert np.array_equal(kernels[2], kernels[-1])  # the rate is 0 from then on
    assert float(model.layers[-1].bias[0]) == 7.0

    class Stops(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    history = model.fit(X, Y, epochs=5, verbose=0, callbacks=[Stops()])
    assert history.epoch == [0]


def test_what_a_step_reads_of_the_model_is_not_stale():
    class Scaled(Guide):
        factor = 0.0

        def compute_loss_and_updates(self, free, others, x, y, training=False):
            loss, aux = super().compute_loss_and_updates(free, others, x, y, training)
            return self.factor * loss, aux

    model = made(Scaled)
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    assert np.array_equal(before, model.get_weights()[0])
    model.factor = 1.0
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before, model.get_weights()[0])

    class Own(keras.optimizers.Optimizer):
        factor = 0.0

        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * gradient * self.factor)

    model = made(Guide, Own(0.1))
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    assert np.array_equal(before, model.get_weights()[0])
    model.optimizer.factor = 1.0
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before, model.get_weights()[0])


def test_a_step_that_a_class_is_given_later_counts():
    class Late(keras.Model):
        pass

    model = made(Late)
    model.fit(X, Y, verbose=0)
    Late.train_step = Guide.train_step
    Late.compute_loss_and_updates = Guide.compute_loss_and_updates
    COUNT.traced = 0
    model.fit(X, Y, verbose=0)
    assert COUNT.traced == 1
    for name in ("train_step", "compute_loss", "make_train_function"):
        with pytest.raises(ArgumentError, match=f"{name} must be a method of its class"):
            setattr(model, name, Guide.train_step)


def test_what_ends_a_run_loses_no_step():
    def batches():
        for start in range(0, 96, 16):
            if start == 80:
                raise KeyboardInterrupt
            yield X[start : start + 16], Y[start : start + 16]

    model, other = made(Guide), made(Guide)
    with pytest.raises(KeyboardInterrupt):
        model.fit(batches(), verbose=0)
    assert int(model.optimizer.iterations) == 5
    other.fit(X[:80], Y[:80], batch_size=16, shuffle=False, verbose=0)
    for one, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, wanted)


def test_one_run_at_a_time_and_a_copy_has_its_own():
    model = made(Plain)

    class Again(keras.callbacks.Callback):
        said = ""

        def on_epoch_end(self, epoch, logs=None):
            before = self.model.get_weights()
            self.model.predict(X, verbose=0)  # writes no weights
            for train in (self.model.fit, self.model.train_on_batch):
                with pytest.raises(ArgumentError, match="must not be trained at the moment"):
                    train(X, Y)
            np.testing.assert_array_equal(before[0], self.model.get_weights()[0])
            self.said = "heard"

    again = Again()
    model.fit(X, Y, verbose=0, callbacks=[again])
    assert again.said == "heard"
    twin = copy.deepcopy(model)
    before = model.get_weights()[0]
    twin.fit(X, Y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(before, model.get_weights()[0])
    model.fit(X, Y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(twin.get_weights()[0], model.get_weights()[0])


def test_callbacks_hear_of_the_batches_of_validation():
    heard = []

    class Hears(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            heard.append((batch, sorted(logs)))
            self.model.stop_evaluating = batch == 1

        def on_epoch_end(self, epoch, logs=None):
            assert self.params["epochs"] == 2 and self.model.validates

    data = {"validation_data": (X, Y), "validation_batch_size": 32, "epochs": 2}
    made(Plain).fit(X, Y, verbose=0, callbacks=[Hears()], **data)
    assert heard == [(0, ["loss", "mae", "twice"]), (1, ["loss", "mae", "twice"])] * 2


def test_a_metric_may_return_its_variable():
    class Rows(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="seen")
            self.total = self.add_weight(name="total", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(ops.cast(ops.shape(y_pred)[0], "float32"))

        def result(self):
            return self.total

    inputs = keras.Input((4,))
    for kind in (keras.Model, Plain):
        model = kind(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", "mse", metrics=[Rows()])
        assert model.fit(X, Y, verbose=0).history["seen"] == [96.0]
    metric = Rows()
    assert float(metric.stateless_result([np.float32(7.0)])) == 7.0


def test_an_assignment_that_would_be_lost_is_refused():
    class Counts(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.number = keras.Variable(0.0, trainable=False, name="number")

        def call(self, x):
            return self.dense(x)

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            self.number.assign_add(1.0)
            return super().compute_metrics(x, y, y_pred, sample_weight)

    model = Counts()
    model.compile("sgd", "mse", metrics=["mae"])
    with pytest.raises(ArgumentError, match="number is none of the variables of this step"):
        model.fit(X, Y, verbose=0)


def test_schedules_and_generators_serve_steps_of_ones_own():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.0])
    model = made(Guide, keras.optimizers.SGD(rate))
    kernels = []

    class Watching(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kernels.append(self.model.get_weights()[0])

    def batches():
        while True:
            yield X[:32], Y[:32]

    model.fit(batches(), steps_per_epoch=4, verbose=0, callbacks=[Watching()])
    changes = [float(np.abs(b - a).max()) for a, b in itertools.pairwise(kernels)]
    assert changes[0] > 0 and changes[1:] == [0.0, 0.0]


def test_a_loop_from_scratch_is_one_graph_and_draws_anew():
    model = made(keras.Model, noisy=True)
    loss_fn, metric = keras.losses.MeanSquaredError(), keras.metrics.MeanAbsoluteError()
    optimizer = keras.optimizers.SGD(0.0)
    optimizer.build(model.trainable_variables)

    @pel.jit
    def step(state, x, y):
        def loss_of(free, others, measured):
            outputs, others = model.stateless_call(free, others, x, training=True)
            return loss_fn(y, outputs), (
                others,
                metric.stateless_update_state(measured, y, outputs),
            )

        free, others, remembered, measured = state
        (loss, (others, measured)), slopes = pel.value_and_grad(loss_of, has_aux=True)(
            free, others, measured
        )
        free, remembered = optimizer.stateless_apply(remembered, slopes, free)
        return loss, (free, others, remembered, measured)

    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
        metric.variables,
    )
    losses, state = [], variables  # variables are numbers
    for _ in range(3):
        loss, state = step(state, X, Y)
        losses.append(float(loss))
    assert len(set(losses)) == 3  # other units are dropped
    assert int(state[2][0]) == 3
    outputs, others = model.stateless_call(state[0], state[1], X)
    for variable, value in zip(variables[1], state[1], strict=True):
        variable.assign(value)
    np.testing.assert_allclose(outputs, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(others, state[1], strict=True))
    assert [float(one) for one in metric.stateless_reset_state()] == [0.0, 0.0]
    assert float(metric.stateless_result(state[3])) > 0


def test_losses_inside_are_returned_and_not_constants():
    model = made(keras.Model, kernel_regularizer=keras.regularizers.L2(0.5))
    free = [one.value for one in model.trainable_variables]
    others = [one.value for one in model.non_trainable_variables]
    *_, losses = model.stateless_call(free, others, X, return_losses=True)
    np.testing.assert_allclose([float(one) for one in losses], [0.5 * (free[0] ** 2).sum()], 1e-5)

    def penalty(free):
        return ops.sum(ops.stack(model.stateless_call(free, others, X, return_losses=True)[2]))

    np.testing.assert_allclose(pel.grad(penalty)(free)[0], free[0], rtol=1e-5)
    with pytest.raises(ArgumentError, match="return_losses=True"):
        made(Guide, kernel_regularizer="l2").fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("metric", "y", "p"),
    [
        (keras.metrics.Precision(), [0, 1, 1, 0], [0.1, 0.9, 0.2, 0.8]),
        (keras.metrics.AUC(), [0, 1, 1, 0], [0.1, 0.9, 0.2, 0.8]),
        (keras.metrics.RootMeanSquaredError(), [0.0, 1.0], [0.5, 3.0]),
    ],
)
def test_metrics_without_side_effects(metric, y, p):
    y, p = np.array(y, np.float32), np.array(p, np.float32)
    first = metric.stateless_update_state(metric.variables, y, p)
    found = metric.stateless_result(first)
    twice = pel.jit(lambda v, y, p: metric.stateless_update_state(v, y, p))(first, y, p)
    assert all(float(np.sum(one)) == 0 for one in map(np.asarray, metric.variables))
    metric.update_state(y, p)
    assert float(found) == pytest.approx(float(metric.result()))
    metric.update_state(y, p)
    for one, value in zip(metric.variables, twice, strict=True):
        np.testing.assert_allclose(one, value, rtol=1e-6)
    with pytest.raises(ArgumentError, match="metric_variables must be"):
        metric.stateless_result([])


def test_what_no_step_can_be_is_refused_in_one_line():
    class Tape(keras.Model):
        def train_step(self, data):
            return {}

    with pytest.raises(ArgumentError, match=r"train_step\(self, data\), that for TensorFlow") as e:
        made(Tape).fit(X, Y, verbose=0)
    assert "train_step(self, state, data)" in e.value.fix

    class Makes(keras.Model):
        def make_train_function(self):
            return None

    with pytest.raises(ArgumentError, match="make_train_function must be Keras's"):
        made(Makes).fit(X, Y, verbose=0)

    class Short(keras.Model):
        def train_step(self, state, data):
            return {}, state[:2]

    with pytest.raises(ArgumentError, match="a state of 4 lists"):
        made(Short).fit(X, Y, verbose=0)

    class Draws(keras.Model):
        def __init__(self, seeds):
            super().__init__()
            self.seeds = seeds

        def call(self, x, training=None):
            return x + keras.random.normal((None, 4), seed=self.seeds)

    drawing, model = Draws(None), made(keras.Model)
    drawing(X)
    with pytest.raises(ArgumentError, match="got no SeedGenerator"):
        drawing.stateless_call([], [], X, training=True)
    drawing = Draws(keras.random.SeedGenerator(1))
    drawing(X)
    state = [one.value for one in drawing.non_trainable_variables]
    first, after = drawing.stateless_call([], state, X, training=True)
    second, _ = drawing.stateless_call([], after, X, training=True)
    assert not np.array_equal(first, second)
    with pytest.raises(ArgumentError, match="trainable_variables must be 6, got 0"):
        model.stateless_call([], [], X)
    with pytest.raises(DivergenceError, match="loss of epoch 1 is nan"):
        made(Guide).fit(np.full_like(X, np.nan), Y, verbose=0)


def test_metrics_that_hold_no_rows_of_evaluate_say_so_and_are_not_zero():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((4, 3), "float32")
    y = np.full((4, 1), 9.0, "float32")
    model.test_on_batch(x, y)
    with pytest.raises(ArgumentError, match="return what they measure"):
        model.get_metrics_result()
    found = model.compute_metrics(x, y, model(x))
    assert float(found["mae"]) > 0
    assert float(model.get_metrics_result()["mae"]) == float(found["mae"])
