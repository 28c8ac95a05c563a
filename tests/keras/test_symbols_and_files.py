"""What tensors without numbers refuse; names of files; the table of a model."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid import keras
from pellucid.core.errors import ArgumentError
from pellucid.keras import layers, ops

X = np.array([[1.0, 2.0, -3.5], [0.0, 0.26, 7.0]], np.float32)
OTHER = np.array([1.0, 2.0, 3.0], np.float32)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (np.exp, r"np\.exp cannot take a tensor .* Write keras\.ops\.exp"),
        (lambda x: np.mean(x, axis=1), r"np\.mean cannot"),
        (lambda x: np.concatenate([x, x]), r"np\.concatenate cannot"),
        (lambda x: np.add(x, 1, out=X), r"np\.add cannot"),
        (np.asarray, "cannot become a number or an array"),
        (float, "cannot become a number"),
        (math.exp, "cannot become a number"),
        (range, "cannot become a number"),
        (lambda x: f"{x:.3f}", "cannot become a number"),
        (len, r"len\(\) of a tensor"),
        (list, "cannot be iterated"),
        (lambda x: 1 if x > 0 else 2, "a branch cannot depend"),
        (lambda x: max(x, 0), "a branch cannot depend"),
    ],
)
def test_a_tensor_without_numbers_says_what_to_write(use, words):
    with pytest.raises(ArgumentError, match=words) as caught:
        use(keras.Input((3,)))
    assert "\n" not in str(caught.value)


def test_operators_of_tensors_are_those_of_arrays():
    def made(x):
        return [
            x // 2, x % 2, (x > 0) & (x < 3), (x > 0) | (x < -3), (x > 0) ^ (x < 3), ~(x > 0),
            x != 0, x == 0, 2 // (x + 10), OTHER * x, OTHER - x, OTHER / (x + 9),
            OTHER**x, x > OTHER, x <= OTHER, OTHER // (x + 9), OTHER % (x + 9), x == OTHER,
        ]  # fmt: skip

    inputs = keras.Input((3,))
    rounded = keras.Model(inputs, round(inputs, 1)).predict(X, verbose=0)
    np.testing.assert_allclose(rounded, np.round(X, 1), rtol=1e-6)
    model = keras.Model(inputs, [ops.cast(one, "float32") for one in made(inputs)])
    for found, wanted in zip(model.predict(X, verbose=0), made(X), strict=True):
        np.testing.assert_allclose(found, np.asarray(wanted, np.float32), rtol=1e-5)


def small():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="first"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("name", ["x", "x.h5", "x.hdf5", "x.keras.zip"])
def test_a_model_is_saved_under_the_ending_of_keras(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"must end in \.keras, got .* x(\.keras)?\.keras\."):
        small().save(tmp_path / name)
    with pytest.raises(ArgumentError, match=r"must end in \.weights\.h5"):
        small().save_weights(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_files_of_keras_itself_are_told_from_ours(tmp_path):
    files = {"zip.keras": b"PK\x03\x04....", "old.keras": b"\x89HDF\r\n\x1a\n"}
    for name, first in files.items():
        (tmp_path / name).write_bytes(first)
        with pytest.raises(ArgumentError, match="must be a file that Pellucid wrote"):
            keras.models.load_model(tmp_path / name)
    with pytest.raises(ArgumentError, match=r"got a file of HDF5"):
        small().load_weights(tmp_path / "old.keras")
    with pytest.raises(ArgumentError, match=r"by_name"):
        small().load_weights(tmp_path / "old.keras", by_name=True)


def test_a_file_without_a_compilation_says_that_trainable_is_not_in_it(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.trainable = False
    with pytest.warns(UserWarning, match="goes into its file without trainable"):
        model.save(tmp_path / "a.keras")


def test_layers_that_act_as_in_prediction_do_so_out_of_a_file(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.noise, self.dense = layers.Dropout(0.9), layers.Dense(1)

        def call(self, x):
            return self.dense(self.noise(x))

    model = Own()
    model(X)
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="takes no training"):
        model.fit(X, X[:, :1], verbose=0)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    options = {"shuffle": False, "verbose": 0}
    both = [one.fit(X, X[:, :1], **options).history["loss"] for one in (model, again)]
    assert both[0] == both[1]
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


def test_the_table_of_a_model():
    inputs, lines = keras.Input((4,), name="in"), []
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="d1"), layers.Dense(2, name="d2")], name="inner"
    )
    outputs = layers.Dense(1, name="o")(layers.BatchNormalization(name="bn")(inner(inputs)))
    model = keras.Model(inputs, outputs, name="mm")
    inner.trainable = False
    model.summary(90, print_fn=lines.append, expand_nested=True, show_trainable=True)
    assert all(len(line) <= 90 for line in lines)
    rows = [line.split() for line in lines]
    assert rows[6] == ["d1", "(Dense)", "(None,", "3)", "15", "N"]
    assert rows[8] == ["bn", "(BatchNormalization)", "(None,", "2)", "8", "Y"]
    assert lines[-3:] == [  # as Keras prints them
        "Total params: 34 (136.00 B)",
        "Trainable params: 7 (28.00 B)",
        "Non-trainable params: 27 (108.00 B)",
    ]
    lines.clear()
    model.summary(print_fn=lines.append, layer_range=["inner", "bn"])
    assert [line.split()[0] for line in lines[4:6]] == ["inner", "bn"] and len(lines) == 10
    with pytest.raises(ArgumentError, match="layer_range must name layers"):
        model.summary(layer_range=["inner", "nobody"])
    unknown = keras.Sequential([layers.Dense(2)])
    lines.clear()
    unknown.summary(print_fn=lines.append)
    assert lines[4].split()[2:] == ["?", "0", "(unbuilt)"]
    with pytest.raises(ArgumentError, match="no weights yet"):
        unknown.count_params()
