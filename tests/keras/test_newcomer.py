"""Weights of classes for several outputs, names used twice, and batches that begin anew."""

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.keras import layers

X = np.random.default_rng(0).random((40, 8)).astype("float32")


def nested():
    body = keras.Sequential([layers.Input((8,)), layers.Dense(3), layers.Dense(2)], name="body")
    body.trainable = False
    made = keras.Sequential([layers.Input((8,)), body, layers.LayerNormalization()])
    made.compile("sgd", "mse")
    return made


def test_two_layers_of_one_name_are_refused():
    x = keras.Input((8,))
    pair = [layers.Dense(2, name="d"), layers.Dense(2, name="d")]
    for make in (
        lambda: keras.Sequential([layers.Input((8,)), *pair]),
        lambda: keras.Model(x, pair[1](pair[0](x))),
    ):
        with pytest.raises(ArgumentError, match=r"must differ, got 'd'.*name="):
            make()


@pytest.mark.parametrize("form", ["function", "list"])
def test_batches_begin_anew_where_steps_count_the_epochs(form):
    class Parts:
        def __iter__(self):
            return iter([(X[a:b], X[a:b, :2]) for a, b in ((0, 16), (16, 32), (32, 40))])

    read = []

    def function():
        for batch in Parts():
            read.append(len(batch[0]))
            yield batch

    model = nested()
    history = model.fit(
        function if form == "function" else Parts(), steps_per_epoch=2, epochs=3, verbose=0
    )
    assert len(history.history["loss"]) == 3
    if form == "function":
        assert read[-6:] == [16, 16, 8] * 2


@pytest.mark.parametrize("form", ["arrays", "generator", "step"])
@pytest.mark.parametrize("weights", [{0: 2.0}, {"a": {0: 2.0}}])
def test_weights_of_classes_are_of_one_output(form, weights):
    x = keras.Input((8,))
    heads = {name: layers.Dense(1, "sigmoid", name=name)(x) for name in ("a", "b")}
    model = keras.Model(x, heads)
    model.compile("sgd", "binary_crossentropy")
    y = dict.fromkeys("ab", (X[:, 0] > 0.5).astype("float32"))
    calls = {
        "arrays": lambda: model.fit(X, y, class_weight=weights, verbose=0),
        "generator": lambda: model.fit(iter([(X, y)]), class_weight=weights, verbose=0),
        "step": lambda: model.train_on_batch(X, y, class_weight=weights),
    }
    with pytest.raises(ArgumentError, match=r"class_weight.*models of one output.*sample_weight"):
        calls[form]()


def test_a_method_of_arrays_on_a_tensor_of_a_network_names_that_of_ops():
    with pytest.raises(PellucidError, match=r"no method 'mean'.*keras\.ops\.mean"):
        keras.Input((8,)).mean()


def test_the_summary_of_a_loaded_model_has_kinds_and_shapes(tmp_path):
    nested().save(tmp_path / "x.keras")
    lines = []
    keras.models.load_model(tmp_path / "x.keras").summary(print_fn=lines.append)
    shown = [line for line in lines if "(None" in line]
    assert ["(Dense)" in line for line in shown] == [True, True, False]
    assert ["(None, 3)" in line for line in shown] == [True, False, False]
