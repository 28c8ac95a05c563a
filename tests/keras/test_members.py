"""Every method and attribute of Keras's classes: here with its arguments, or refused by name.

names.json says what Keras has; benchmarks/keras_names.py wrote it from Keras itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, UnknownNameError
from pellucid.keras import arguments

PLACE = Path(__file__).parents[2] / "benchmarks/keras_names.py"
_SPEC = importlib.util.spec_from_file_location("keras_names", PLACE)
NAMES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(NAMES)
THERE, EXAMPLES = NAMES.there(), NAMES.examples()
MEMBERS = arguments.table()["members"]
X = np.ones((6, 4), np.float32)

# Where the form of a function is another than Keras's: why.
FORMS = {
    "Layer": "Keras's says *args and **kwargs",
    "Sequential": "Keras's says *args and **kwargs",
    "Layer.call": "of one's own",
    "Layer.add_weight": "Keras's *args stand for a form of Keras 2",
    "Metric.update_state": "Keras's base says *args and **kwargs",
}  # fmt: skip


def form(member):
    """The arguments as names.json writes them."""
    return NAMES.arguments(member)


def fits(listed, member):
    """Whether arguments, their order and their defaults are Keras's, besides *args, **kwargs."""
    plain = [one for one in listed if not one[0].startswith("*")]
    return form(member) in (listed, plain)


@pytest.mark.parametrize("kind", THERE)
def test_members_are_there_or_refused_with_what_to_write(kind):
    made, wrong = EXAMPLES[kind], []
    for name, refused in THERE[kind].items():
        if refused:
            with pytest.raises(UnknownNameError, match=f"{name} is not supported") as caught:
                getattr(made, name)
            assert caught.value.fix, name
            continue
        listed = MEMBERS[kind][name]
        known = listed is None or f"{kind}.{name}" in FORMS
        if not known and not fits(listed, getattr(made, name)):
            wrong.append((name, listed))
    assert not wrong


def test_functions_and_classes_have_keras_arguments():
    wrong = []
    for room, listed in arguments.table()["rooms"].items():
        if room in ("keras", "random"):
            continue
        module = importlib.import_module(f"pellucid.keras.{room}")
        for name in set(listed) & set(module.__all__):
            if name not in FORMS and not fits(arguments._listed(room, name), getattr(module, name)):
                wrong.append(f"{room}.{name}{inspect.signature(getattr(module, name))}")
    assert not wrong


def test_what_programs_touch_after_the_fact():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    history = model.fit(
        X, X[:, :1], epochs=2, batch_size=3, validation_data=(X, X[:, :1]), verbose=0
    )
    assert model.history is history and history.model is model
    assert history.epoch == [0, 1] and set(history.params) >= {"epochs", "steps", "verbose"}
    assert (history.params["epochs"], history.params["steps"]) == (2, 2)
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    first = model.layers[0]
    assert first.input is model.inputs[0] and first.output.shape == (None, 3)
    assert first.input.shape == (None, 4) and model.outputs[0].shape == (None, 1)
    assert [w.shape for w in first.get_weights()] == [(4, 3), (3,)]
    assert (first.units, first.dtype) == (3, "float32")
    assert first.path == f"{model.name}/{first.name}"
    again = type(first).from_config(first.get_config())
    assert (again.units, again.name) == (3, first.name)
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    assert optimizer.inner == model.optimizer.inner


def test_a_rate_is_a_number_that_can_be_assigned():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    rate = model.optimizer.learning_rate
    assert float(rate) == rate == rate.value == 0.1 and rate.numpy() == np.float32(0.1)
    rate.assign(0.0)
    model.fit(X, X[:, :1], verbose=0)
    assert np.array_equal(model.get_weights()[0], np.ones((4, 1)))
    model.optimizer.learning_rate.assign(0.1)
    model.fit(X, X[:, :1], verbose=0)
    assert not np.array_equal(model.get_weights()[0], np.ones((4, 1)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: setattr(m.layers[0], "units", 7), "units=7 is not supported"),
        (lambda m: setattr(m.layers[0], "activation", "tanh"), "the layer is made"),
        (lambda m: setattr(m.layers[0], "kernel_regularizer", "l2"), "the layer is made"),
        (lambda m: setattr(m.optimizer, "beta_1", 0.5), "give it to a new optimizer"),
        (lambda m: setattr(m.optimizer, "clipnorm", 1.0), "give it to a new optimizer"),
        (lambda m: m.add(keras.layers.Dense(2), rebuild=False), "rebuild"),
        (lambda m: m.pop(rebuild=False), "rebuild"),
    ],
)
def test_what_would_be_ignored_is_refused(change, words):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(ArgumentError, match=words):
        change(model)


@pytest.mark.parametrize("name", ["compute_mask", "save_own_variables", "compute_output_spec"])
def test_a_method_of_ones_own_that_nothing_calls_is_refused(name):
    own = type("Own", (keras.layers.Layer,), {name: lambda self, *a: None, "call": lambda s, x: x})
    with pytest.raises(ArgumentError, match=f"keras.Own.*{name}"):
        own()(keras.Input((3,)))
