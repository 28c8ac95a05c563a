"""The model file: a round trip without loss, and no file that can do harm."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pel
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.nn import L2, Activation, Dense, Dropout, Flatten, He, Rescale
from pellucid.optim import SGD, Adam, Step
from pellucid.train import checkpoint

GOLDEN = Path(__file__).parent / "golden"
X = np.random.default_rng(0).normal(size=(30, 2, 3))
Y = np.arange(30) % 3


def trained(epochs=2, optimizer=None):
    model = pel.Sequential(
        [
            Rescale(0.5),
            Flatten(),
            Dense(5, activation="tanh", kernel_initializer=He()),
            Dropout(0.2),
            Dense(3, name="out"),
        ],
        seed=1,
    )
    model.compile(
        optimizer or Adam(Step(0.05, 0.5, every=4)),
        "cross_entropy",
        metrics=["accuracy"],
        regularizer=[L2(0.01, biases=True)],
    )
    model.fit(X, Y, epochs=epochs, batch_size=8, seed=3, verbose=0, validation_data=(X, Y))
    return model


def test_round_trip_keeps_everything(tmp_path):
    model = trained()
    model.save(tmp_path / "m.safetensors")
    back = pel.load(tmp_path / "m.safetensors")
    assert back.layers == model.layers
    assert back.names == model.names
    assert back.optimizer == model.optimizer
    assert back.loss == model.loss
    assert back.regularizers == model.regularizers
    assert back.training == model.training
    assert back.history.epochs == model.history.epochs
    assert back.history.steps == model.history.steps
    assert back.history.validation == model.history.validation
    for a, b in zip(model.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.predict(X), back.predict(X))
    assert model.evaluate(X, Y) == back.evaluate(X, Y)


def test_a_loaded_model_trains_on_to_the_same_bits(tmp_path):
    straight = trained(epochs=5)
    model = trained(epochs=2)
    model.save(tmp_path / "m.safetensors")
    back = pel.load(tmp_path / "m.safetensors")
    back.fit(X, Y, epochs=5, batch_size=8, verbose=0, resume=True, validation_data=(X, Y))
    for a, b in zip(straight.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert back.history.epochs == straight.history.epochs


def test_an_untrained_and_an_uncompiled_model(tmp_path):
    model = pel.Sequential([Dense(2, input_shape=(3,))], seed=0, dtype="float64")
    model.save(tmp_path / "m.safetensors")
    back = pel.load(tmp_path / "m.safetensors")
    assert back.optimizer is None
    np.testing.assert_array_equal(back.get_weights()[0], model.get_weights()[0])


def test_shared_layers_stay_shared(tmp_path):
    shared = Dense(3)
    model = pel.Sequential([shared, shared, Dense(2)], seed=0)
    model.build((3,))
    model.save(tmp_path / "m.safetensors")
    back = pel.load(tmp_path / "m.safetensors")
    assert back.layers[0] is back.layers[1]
    np.testing.assert_array_equal(back.predict(np.eye(3)), model.predict(np.eye(3)))


def test_functions_of_a_person_are_saved_as_graphs(tmp_path):
    scale = np.array([1.0, 2.0, 3.0], np.float32)

    def swish(z):
        return z / (1 + np.exp(-z))

    def weighted(y_true, y_pred):
        return (scale * (y_pred - y_true) ** 2).sum(axis=-1)

    def worst(y_true, y_pred):
        return abs(y_pred - y_true).max(axis=-1)

    model = pel.Sequential([Dense(4, activation=swish), Activation(np.tanh), Dense(3)], seed=0)
    model.compile(SGD(0.05), weighted, metrics=[worst])
    x, t = X.reshape(30, 6), np.eye(3)[Y]
    model.fit(x, t, epochs=2, batch_size=10, seed=0, verbose=0)
    model.save(tmp_path / "m.safetensors")
    back = pel.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(back.predict(x), model.predict(x))
    assert back.evaluate(x, t) == model.evaluate(x, t)
    model.fit(x, t, epochs=3, batch_size=10, verbose=0, resume=True)
    back.fit(x, t, epochs=3, batch_size=10, verbose=0, resume=True)
    np.testing.assert_array_equal(back.get_weights()[0], model.get_weights()[0])
    back.save(tmp_path / "again.safetensors")
    np.testing.assert_array_equal(
        pel.load(tmp_path / "again.safetensors").predict(x), back.predict(x)
    )


def test_nothing_is_replaced_unasked_and_writing_is_atomic(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    model = trained()
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match="exists already"):
        model.save(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ArgumentError, match="No space left"):
        model.save(path, overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.safetensors"]


@pytest.mark.parametrize(
    ("path", "words"),
    [("no/such/m.safetensors", "does not exist"), (".", "got a folder")],
)
def test_places_that_cannot_be_written(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=words):
        trained(epochs=0).save(path)


def bytes_of(tmp_path):
    path = tmp_path / "m.safetensors"
    trained().save(path, overwrite=True)
    return path, path.read_bytes()


def header_of(data):
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_every_truncation_is_refused(tmp_path):
    path, data = bytes_of(tmp_path)
    for length in {0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1}:
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"m\.safetensors"):
            pel.load(path)
    path.write_bytes(data + b"x")
    with pytest.raises(DataError, match="the file holds"):
        pel.load(path)


def change_document(data, change):
    header, body = header_of(data)
    document = json.loads(header["__metadata__"]["pellucid"])
    change(document)
    header["__metadata__"]["pellucid"] = json.dumps(document)
    return with_header(header, body)


def test_a_newer_format_is_refused_by_name(tmp_path):
    path, data = bytes_of(tmp_path)
    path.write_bytes(change_document(data, lambda d: d.update(format=99)))
    with pytest.raises(DataError, match=r"format 99, .* reads up to 2"):
        pel.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(kind="Other"),
        lambda d: d.pop("layers"),
        lambda d: d["layers"][2].update(units=10**15),
        lambda d: d["layers"][2].update(units=-1),
        lambda d: d["layers"][2].update(type="os.system"),
        lambda d: d["layers"][2].update(activation="no_such"),
        lambda d: d["layers"][2].update(surprise=1),
        lambda d: d.update(input_shapes=[[10**9, 10**9]]),
        lambda d: d.update(input_shapes="wide"),
        lambda d: d.update(names=["a"]),
        lambda d: d.update(columns=[1]),
        lambda d: d.update(columns="abc"),
        lambda d: d.update(dtype="object"),
        lambda d: d.update(seed="x"),
        lambda d: d["compile"].update(losses=[{"type": "Dense", "units": 3}]),
        lambda d: d["compile"].update(optimizer={"type": "SGD", "learning_rate": "fast"}),
        lambda d: d["training"].update(step="many"),
        lambda d: d["training"].update(step=-1),
        lambda d: d["training"].update(seed=10**30),
        lambda d: d["training"].update(epoch=10**30),
        lambda d: d["training"].update(batch=-1),
        lambda d: d["training"].update(batch=10**30),
        lambda d: d["training"].update(batch=1),  # of an epoch whose sums are not there
        lambda d: d["training"].update(y=[]),  # one per output
        lambda d: d["training"].update(y=["float32"]),  # no dtype with lengths
        lambda d: d.update(kept=[1]),
        lambda d: d.update(kept={"1": False}),
        lambda d: d["history"].update(epochs=3),
        lambda d: d.update(shared=[9, 9, 9, 9, 9]),
        lambda d: d["layers"].append({"type": "Activation", "function": {"type": "function"}}),
    ],
)
def test_a_changed_description_is_refused(tmp_path, change):
    path, data = bytes_of(tmp_path)
    path.write_bytes(change_document(data, change))
    with pytest.raises(DataError, match=r"m\.safetensors"):
        pel.load(path)


def test_a_header_that_claims_too_much_allocates_nothing(tmp_path):
    path, data = bytes_of(tmp_path)
    header, body = header_of(data)
    header["params/out.W"]["shape"] = [10**9, 10**9]
    path.write_bytes(with_header(header, body))
    with pytest.raises(DataError, match="must hold"):
        pel.load(path)
    path.write_bytes(struct.pack("<Q", 2**62) + data[8:])
    with pytest.raises(DataError, match="header says"):
        pel.load(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    for data in (b"PK\x03\x04" + b"\0" * 100, b"\x80\x04" + b"." * 50, b"{}" * 20):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"m\.safetensors"):
            pel.load(path)
    path.write_bytes(with_header({}, b""))
    with pytest.raises(DataError, match="no Pellucid model"):
        pel.load(path)
    with pytest.raises(DataError, match="cannot be read"):
        pel.load(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    "name", ["\ud800", "a\0b", "**", "~nouser", "x" * 300, "no/such", "", 3, b"m"]
)
def test_odd_paths_are_refused_in_our_words_or_are_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    model = trained(epochs=0)
    model.build((2, 3))
    with pytest.raises(PellucidError):
        pel.load(name)
    try:
        model.save(name)
    except PellucidError:
        assert os.listdir() == []
    else:
        assert name in ("**", "~nouser")
        assert os.listdir() == [name]
        model.save(name, overwrite=True)
        assert pel.load(name).names == model.names


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_byte_raises_anything_else(data):
    original = (GOLDEN / "format-1.safetensors").read_bytes()
    changed = bytearray(original)
    (length,) = struct.unpack("<Q", original[:8])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 8 + length - 1))
        changed[place] = data.draw(st.integers(0, 255))
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"pellucid-changed-{os.getpid()}.safetensors"
    path.write_bytes(changed)
    try:
        pel.load(path)
    except DataError:
        pass
    finally:
        path.unlink()


def test_the_golden_file_of_format_1_loads_for_ever():
    model = pel.load(GOLDEN / "format-1.safetensors")
    expected = np.load(GOLDEN / "format-1.npz")
    np.testing.assert_allclose(
        model.predict(expected["x"]), expected["output"], rtol=1e-6, atol=1e-7
    )
    np.testing.assert_array_equal(model.get_weights()[0], expected["first_weight"])
    assert model.training["step"] == 8
    assert model.loss.name == "cross_entropy"


def test_the_golden_file_of_format_2_loads_for_ever():
    """Inputs and outputs by name, a body called twice, functions, state, a run that goes on."""
    model = pel.load(GOLDEN / "format-2.safetensors")
    expected = np.load(GOLDEN / "format-2.npz")
    x = {name: expected[name] for name in ("old", "new")}
    for name, output in model.predict(x).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(model.get_weights()[0], expected["first_weight"])
    assert model.training["step"] == 9 and model.training["epoch"] == 3
    assert [loss.name for loss in model.loss.values()] == ["cross_entropy", "huber"]
    assert model.get_layer("body").name == "body"
    y = {"kind": expected["classes"], "price": expected["prices"]}
    model.fit(x, y, epochs=4, batch_size=16, verbose=0, validation_data=(x, y), resume=True)
    assert model.training["step"] == 12


def test_there_is_a_golden_file_of_every_format():
    assert checkpoint.FORMAT == 2, "keep these files and add a golden file of the new format"
