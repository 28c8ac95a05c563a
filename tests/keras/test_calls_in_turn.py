"""Calls that follow each other: what changed between them is noticed, though most stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError

X = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)
Y = np.linspace(0, 1, 18, dtype="float32").reshape(6, 3)


def network(*layers: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3)])
    made.compile(keras.optimizers.SGD(0.1), "mse")
    return made


def by_hand(model: Any, x: Any, y: Any) -> float:
    value = x
    for one in model.layers:
        kernel, bias = (np.asarray(weight.value) for weight in one.weights)
        value = value @ kernel + bias
    return float(np.mean((value - y) ** 2))


def test_each_batch_is_measured_with_the_weights_and_the_loss_of_then() -> None:
    model = network(keras.layers.Dense(5))
    for rows in (6, 2, 6):
        x, y = X[:rows], Y[:rows]
        wanted = by_hand(model, x, y)
        assert model.test_on_batch(x, y) == pytest.approx(wanted, rel=1e-5)
        assert model.train_on_batch(x, y) == pytest.approx(wanted, rel=1e-5)
        assert by_hand(model, x, y) < wanted
    model.compile("sgd", "mae")
    assert model.test_on_batch(X, Y) == pytest.approx(
        np.abs(model.predict(X, verbose=0) - Y).mean(), rel=1e-5
    )


def test_what_is_frozen_between_two_steps_is_noticed() -> None:
    model = network(keras.layers.Dense(5))
    model.train_on_batch(X, Y)
    model.test_on_batch(X, Y)
    model.layers[0].trainable = False
    with pytest.raises(ArgumentError, match="another trainable of dense"):
        model.train_on_batch(X, Y)
    model.layers[0].trainable = True
    model.train_on_batch(X, Y)
    model.layers[0].weights[1].trainable = False
    with pytest.raises(ArgumentError, match="another trainable of dense"):
        model.train_on_batch(X, Y)


def test_a_class_that_says_itself_what_trains_is_asked_each_time() -> None:
    class Switched(keras.layers.Dense):  # type: ignore[misc, name-defined]
        on = True

        @property
        def trainable(self) -> bool:
            return Switched.on

        @trainable.setter
        def trainable(self, value: bool) -> None:
            pass

    model = network(Switched(5, name="switched"))
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    Switched.on = False
    with pytest.raises(ArgumentError, match="another trainable of switched"):
        model.train_on_batch(X, Y)


def test_another_network_of_the_same_model_is_another_form_of_rows() -> None:
    model = network(keras.layers.Dense(5))
    assert model.predict(X, verbose=0).shape == (6, 3)
    while model.layers:
        model.pop()
    model._layers.clear()
    for one in (keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)):
        model.add(one)
    assert model.predict(X, verbose=0).shape == (6, 2)  # an axis of one is added, as in Keras


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_batch_begin", "on_batch_end"])
def test_every_callback_hears_the_hooks_of_steps_that_it_has(hook: str) -> None:
    heard: list[tuple[str, int]] = []

    def said(who: str) -> Any:
        return lambda *given: heard.append((who, given[-2]))

    kind = type("Own", (keras.callbacks.Callback,), {hook: said("class")})
    by_itself = keras.callbacks.Callback()
    setattr(by_itself, hook, said("object"))
    model = network()
    model.fit(X, Y, batch_size=3, verbose=0, callbacks=[kind(), by_itself])
    assert heard == [("class", 0), ("object", 0), ("class", 1), ("object", 1)]


def test_an_unknown_argument_behind_known_ones_is_refused_each_time() -> None:
    model = network()
    for _ in range(2):
        model.predict(X, verbose=0)
        with pytest.raises(ArgumentError, match="unknown argument 'verbos'"):
            model.predict(X, verbos=0)
        with pytest.raises(ArgumentError, match="epochs must be a whole number"):
            model.fit(X, Y, epochs=1.5, verbose=0)
        model.fit(X, Y, epochs=1, verbose=0)
