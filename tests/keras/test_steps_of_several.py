"""Steps of a person's own where models share an optimizer, layers or metrics."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from pellucid import keras
from pellucid.core import notices
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers, ops
from tests.keras.test_steps import Plain, X, Y, made


@pytest.mark.parametrize("kind", [Plain, keras.Model])
def test_an_optimizer_of_another_model_forgets_its_weights(kind, monkeypatch):
    def bounded(optimizer):
        return made(kind, optimizer, kernel_constraint="non_neg")

    def fitted(model):
        model.fit(X, Y, epochs=3, shuffle=False, verbose=0)
        return model

    monkeypatch.setattr(notices, "_said", set())  # another test may have heard it
    optimizer = keras.optimizers.Adam(0.05)
    first = fitted(made(Plain, optimizer))
    start = first.get_weights()
    with pytest.warns(UserWarning, match="trained another model, and begins anew"):
        second = bounded(optimizer)
    alone = fitted(bounded(keras.optimizers.Adam(0.05)))
    for one, other in zip(fitted(second).get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert second.layers[1].kernel.numpy().min() == 0.0 and int(optimizer.iterations) == 9
    # The first one trains again: by steps of its own anew, as a model with its weights does.
    twin = made(Plain, keras.optimizers.Adam(0.05))
    twin.set_weights(start)
    for one, other in zip(fitted(first).get_weights(), fitted(twin).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_a_loop_remembers_of_other_weights_is_forgotten(monkeypatch):
    for kind in (Plain, keras.Model):
        monkeypatch.setattr(notices, "_said", set())
        optimizer, other = keras.optimizers.Adam(0.05), made(keras.Model)
        optimizer.apply([np.ones_like(one.numpy()) for one in other.trainable_variables],
                        other.trainable_variables)  # fmt: skip
        model, twin = made(kind, optimizer), made(kind, keras.optimizers.Adam(0.05))
        with pytest.warns(UserWarning, match="trained another model, and begins anew"):
            model.fit(X, Y, shuffle=False, verbose=0)
        twin.fit(X, Y, shuffle=False, verbose=0)
        np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])


def test_as_many_other_weights_of_the_model_are_refused():
    inputs = keras.Input((4,))
    h = layers.Dense(4, name="one")(inputs)
    model = Plain(inputs, layers.Dense(4, name="two", kernel_constraint="non_neg")(h))
    one, two = model.layers[1:]
    model.compile("adam", "mse")
    two.trainable = False
    model.fit(X, X, verbose=0)
    one.trainable, two.trainable = False, True
    for train in (lambda: model.fit(X, X, verbose=0), lambda: model.train_on_batch(X, X)):
        with pytest.raises(ArgumentError, match="another trainable of two/kernel, two/bias"):
            train()
    model.compile("adam", "mse")
    model.fit(X, X, verbose=0)
    assert two.kernel.numpy().min() >= 0.0


def test_a_test_step_that_raises_leaves_the_metrics_as_they_were():
    class Fails(Plain):
        failing = False

        def test_step(self, state, data):
            if self.failing:
                raise ValueError("no")
            return super().test_step(state, data)

    def batches():
        yield X[:32], Y[:32]
        raise OSError("no file")

    model = made(Fails)
    model.fit(X, Y, verbose=0)
    before = [one.numpy() for one in model.metrics_variables]
    with pytest.raises(OSError):
        model.evaluate(batches(), verbose=0)
    model.failing = True
    with pytest.raises(Exception, match="no"):
        model.evaluate(X, Y, verbose=0)
    after = [one.numpy() for one in model.metrics_variables]
    assert any(one.any() for one in before)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("second", [Plain, keras.Model])
def test_models_that_share_layers_are_not_trained_at_once(second):
    inputs = keras.Input((4,))
    shared = layers.Dense(5, "tanh")
    model, other = (kind(inputs, layers.Dense(1)(shared(inputs))) for kind in (Plain, second))
    for one in (model, other):
        one.compile("sgd", "mse")
        one.train_on_batch(X, Y)
    said = []

    def train(what):
        try:
            what()
        except ArgumentError as error:
            said.append(str(error))

    class Meanwhile(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for what in (
                lambda: other.fit(X, Y, verbose=0),
                lambda: other.train_on_batch(X, Y),
                lambda: shared.kernel.assign(shared.kernel * 0),
            ):
                thread = threading.Thread(target=train, args=(what,))
                thread.start()
                thread.join()

        def on_epoch_end(self, epoch, logs=None):  # its own hooks may
            shared.bias.assign([7.0] * 5)
            other.fit(X, Y, verbose=0)
            np.testing.assert_array_less(1.0, shared.bias.numpy())

    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Meanwhile()])
    assert len(said) == 6 and all("must not be trained at the moment" in one for one in said[:2])
    assert "a weight belongs to the run" in said[2]
    said.clear()
    train(lambda: other.fit(X, Y, verbose=0))
    assert not said


class Weighed(keras.metrics.Metric):
    """A sum of a factor for each row, and of what it begins with."""

    def __init__(self):
        super().__init__(name="weighed")
        self.factor, self.start = 1.0, 5.0
        self.total = self.add_variable((), "zeros", name="total")

    def reset_state(self):
        self.total.assign(self.start)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(self.factor * ops.sum(ops.ones_like(y_pred)))

    def result(self):
        return self.total


def test_metrics_of_compile_are_those_that_were_given():
    labels = (X[:, :1] > 0).astype(np.float32)
    weighed = Weighed()
    found = []
    for kind in (Plain, keras.Model):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4,))
        model = kind(inputs, layers.Dense(1, "sigmoid")(inputs))
        f1 = keras.metrics.F1Score("macro", 0.5)  # its first rows make its variables
        model.compile("sgd", "binary_crossentropy", metrics=[weighed, f1])
        data = {"shuffle": False, "verbose": 0, "validation_data": (X[:40], labels[:40])}
        weighed.factor, weighed.start = 1.0, 5.0
        first = model.fit(X, labels, **data).history
        assert first["weighed"] == [101.0] and first["val_weighed"] == [45.0]
        weighed.factor, weighed.start = 10.0, 0.0
        second = model.fit(X, labels, **data).history
        assert second["weighed"] == [960.0] and second["val_weighed"] == [400.0]
        found.append([*first.items(), *second.items()])
    own = [one for one in found[0] if one[0] != "val_twice"]  # which a step of its own adds
    for (name, one), (word, other) in zip(own, found[1], strict=True):
        assert name == word
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert float(weighed.total) == 0.0  # what was measured stands in the history
