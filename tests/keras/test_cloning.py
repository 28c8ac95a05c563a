"""keras.models.clone_model: the same form, layers of its own."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers, mapped, ops
from tests.keras.test_names import REQUIRED

RNG = np.random.default_rng(0)
X, OTHER = (RNG.normal(size=(8, 6)).astype("float32") for _ in range(2))


def two_headed():
    """Two inputs through one shared layer, functions between layers, a model inside."""
    first, second = layers.Input((6,), name="first"), layers.Input((6,), name="second")
    shared = layers.Dense(4, activation="tanh", name="shared", kernel_regularizer="l2")
    x, y = shared(first), shared(second)
    inner = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="inside"), layers.BatchNormalization()],
        name="inner",
    )
    middle = inner(ops.abs(x - y) * 2.0)
    last = layers.Dense(1, name="last")(layers.Concatenate()([middle, x]))
    return keras.Model([first, second], {"last": last, "middle": middle}, name="two_headed")


def test_a_clone_computes_the_same_with_the_same_weights_and_shares_none():
    model = two_headed()
    model.compile("sgd", {"last": "mse", "middle": "mae"})
    clone = keras.models.clone_model(model)
    assert [one.name for one in clone.layers] == [one.name for one in model.layers]
    assert clone.name == "two_headed"
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    clone.set_weights(model.get_weights())
    before = model.predict([X, OTHER], verbose=0)
    found = clone.predict([X, OTHER], verbose=0)
    for name in before:
        np.testing.assert_array_equal(found[name], before[name])
    targets = {"last": np.ones((8, 1)), "middle": np.ones((8, 3))}
    assert clone.evaluate([X, OTHER], targets, verbose=0) == pytest.approx(
        model.evaluate([X, OTHER], targets, verbose=0)
    )
    clone.fit([X, OTHER], targets, epochs=2, verbose=0)
    for name, there in model.predict([X, OTHER], verbose=0).items():
        np.testing.assert_array_equal(there, before[name])
    assert clone.optimizer is not model.optimizer


def test_what_stands_in_the_place_of_a_layer_is_for_a_person_to_say():
    def wider(layer):
        config = layer.get_config()
        if "units" in config:
            config["units"] += 1
        return type(layer).from_config(config)

    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
    clone = keras.models.clone_model(model, clone_function=wider)
    assert [one.shape for one in clone.get_weights()] == [(4, 4), (4,), (4, 3), (3,)]

    def dropped(layer, *args, **kwargs):
        made = layer(*args, **kwargs)
        return layers.Dropout(0.5)(made) if isinstance(layer, layers.Dense) else made

    model = two_headed()
    same = keras.models.clone_model(model, clone_function=lambda one: one, call_function=dropped)
    assert len(same.layers) == len(model.layers) + 3  # the shared layer is called twice
    assert same.get_layer("shared") is model.get_layer("shared")
    assert same.get_layer("inner") is model.get_layer("inner")


def test_models_inside_are_cloned_layer_by_layer_where_that_is_asked():
    seen = []

    def noted(layer):
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    keras.models.clone_model(two_headed(), clone_function=noted, recursive=True)
    assert "inside" in seen
    assert "inner" not in seen


def test_inputs_of_a_persons_own():
    model, first = two_headed(), layers.Input((6,), name="mine")
    clone = keras.models.clone_model(model, input_tensors=[first, layers.Input((6,))])
    assert clone.layers[0].name == "mine"
    row = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    clone = keras.models.clone_model(row, input_tensors=layers.Input((4,), name="mine"))
    assert isinstance(clone, keras.Sequential)
    assert clone.input.name == "mine"
    for wrong in (layers.Input((5,)), layers.Dense(4)(layers.Input((4,))), X):
        with pytest.raises(ArgumentError, match="input_tensors must be what Input returns"):
            keras.models.clone_model(row, input_tensors=wrong)


class Scaled(layers.Layer):
    def __init__(self, units=2, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, x):
        return ops.matmul(x, self.kernel) * self.scale


class Nested(layers.Layer):
    def __init__(self, inside, **kwargs):
        super().__init__(**kwargs)
        self.inside = inside

    def call(self, x):
        return self.inside(x)


class Own(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def test_classes_of_a_persons_own():
    model = keras.Sequential([layers.Input((4,)), Scaled(5, scale=3.0, name="mine")])
    clone = keras.models.clone_model(model)
    assert clone.layers[0].get_config() == {
        "units": 5, "scale": 3.0, "name": "mine", "trainable": True,
    }  # fmt: skip
    clone.set_weights(model.get_weights())
    x = X[:, :4]
    np.testing.assert_array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))
    own = Own(units=7)
    assert keras.models.clone_model(own)(x).shape == (8, 7)
    nested = keras.Sequential([layers.Input((4,)), Nested(layers.Dense(2))])
    with pytest.raises(ArgumentError, match="inside must be numbers, words and functions"):
        keras.models.clone_model(nested)  # else both would train one Dense


def test_what_adapt_learned_is_cloned():
    layer = layers.Normalization()
    layer.adapt(X)
    model = keras.Sequential([layers.Input((6,)), layer])
    found = keras.models.clone_model(model).predict(X, verbose=0)
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))
    words = layers.StringLookup()
    words.adapt(["a", "b", "a"])
    assert words.duplicate().get_vocabulary() == words.get_vocabulary()


def test_models_that_have_no_form_to_clone(tmp_path):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    with pytest.raises(ArgumentError, match="got one out of a file"):
        keras.models.clone_model(loaded)
    with pytest.raises(ArgumentError, match="model must be a Model, got 3"):
        keras.models.clone_model(3)
    with pytest.raises(ArgumentError, match="clone_function must return a layer, got None"):
        keras.models.clone_model(model, clone_function=lambda one: None)
    with pytest.raises(ArgumentError, match="call_function is for models of inputs and outputs"):
        keras.models.clone_model(model, call_function=lambda one, x: one(x))
    with pytest.raises(ArgumentError, match="clone_function must be None for a model of a class"):
        keras.models.clone_model(Own(), clone_function=lambda one: one)
    with pytest.raises(ArgumentError, match="must give 1 tensors as it does, got None"):
        keras.models.clone_model(two_headed(), call_function=lambda one, *args: None)


KINDS = [*mapped.ROWS, "EinsumDense", "AdaptiveMaxPooling2D", "CategoryEncoding", "Lambda", "Dot",
         "Discretization", "Concatenate", "ActivityRegularization", "Add"]  # fmt: skip
MORE = {
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"},
    "AdaptiveMaxPooling2D": {"output_size": (2, 2)}, "CategoryEncoding": {"num_tokens": 3},
    "Lambda": {"function": lambda x, more: x + more, "arguments": {"more": 2.0}},
    "Discretization": {"bin_boundaries": [0.0, 1.0]}, "Dot": {"axes": 1, "normalize": True},
    "Concatenate": {"axis": 1}, "ActivityRegularization": {"l1": 0.3},
}  # fmt: skip


def _without_addresses(layer):
    return re.sub(r"0x[0-9a-f]+", "", repr(layer))


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_of_the_arguments_of_another_is_like_it(name):
    kind = getattr(layers, name)
    arguments = mapped.signature("layers", name).parameters
    values = {one: REQUIRED[one] for one, form in arguments.items()
              if form.default is form.empty and one in REQUIRED} | MORE.get(name, {})  # fmt: skip
    if "activity_regularizer" in arguments:
        values["activity_regularizer"] = "l1"
    first = kind(name="mine", trainable=False, **values)
    config = first.get_config()
    second = kind.from_config(config)
    assert second.get_config() == config
    assert (second.name, second.trainable) == ("mine", False)
    assert second is not first
    for one in values:
        assert config[one] == values[one]
    if name in mapped.ROWS:
        assert _without_addresses(second.inner) == _without_addresses(first.inner)
        assert second.inner is not first.inner
