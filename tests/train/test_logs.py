"""Logs of a run: CSV and TensorBoard's files, read back byte by byte; and the options of fit."""

import csv
import struct

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError
from pellucid.runtime import threads

X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def made():
    net = pel.Sequential([nn.Dense(4, "gelu"), nn.Dense(2)], seed=0)
    net.compile("adam", metrics=["accuracy"])
    return net


def fitted(net=None, **options):
    net = net or made()
    net.fit(X, Y, **{"epochs": 5, "verbose": 0, "seed": 0, **options})
    return net


def test_a_csv_log_has_a_line_an_epoch_and_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    options = {"validation_split": 0.2, "validation_freq": 2}
    net = fitted(callbacks=pel.CSVLog(path, ";"), **options)
    fitted(net, epochs=7, resume=True, callbacks=pel.CSVLog(path, ";", append=True), **options)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    known = net.history.epochs
    for number, row in enumerate(rows):
        assert float(row["loss"]) == known["loss"][number]
        if number % 2:
            assert float(row["val_accuracy"]) == known["val_accuracy"][number]
        else:
            assert row["val_loss"] == "" and np.isnan(known["val_loss"][number])
    with pytest.raises(ArgumentError, match="exists"):
        pel.CSVLog(path)


def crc(data):
    """CRC-32C bit by bit, masked as TensorFlow does."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def fields(message):
    """(number, value) of a message of protocol buffers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
        yield key >> 3, message[at : at + size]
        at += size


def scalars(folder):
    """{name: {step: value}} of the one file of events."""
    (path,) = folder.iterdir()
    data, at, found = path.read_bytes(), 0, {}
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == crc(data[at : at + 8])
        message = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == crc(message)
        event = dict(fields(message))
        if at == 0:
            assert event[3] == b"brain.Event:2"
        for _, value in fields(event.get(5, b"")):
            parts = dict(fields(value))
            found.setdefault(parts[1].decode(), {})[event[2]] = struct.unpack("<f", parts[2])[0]
        at += 16 + length
    return found


def test_a_tensorboard_log_holds_the_curves(tmp_path):
    net = fitted(validation_split=0.2, callbacks=pel.TensorBoardLog(tmp_path / "run", every=3))
    known, train = net.history.epochs, scalars(tmp_path / "run" / "train")
    held = scalars(tmp_path / "run" / "validation")
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(list(train[name].values()), known[name], rtol=1e-6)
        np.testing.assert_allclose(list(held[name].values()), known[f"val_{name}"], rtol=1e-6)
    assert list(train["loss"]) == [1, 2, 3, 4, 5]
    assert list(train["batch_loss"]) == [3, 6, 9]
    np.testing.assert_allclose(
        list(train["batch_loss"].values()), net.history.steps["loss"][2::3], rtol=1e-6
    )


def test_rows_that_are_held_out_are_the_last_ones():
    net = fitted(validation_split=0.3)
    by_hand = made()
    by_hand.fit(*(X[:35], Y[:35]), validation_data=(X[35:], Y[35:]), epochs=5, verbose=0, seed=0)
    assert net.history.epochs == by_hand.history.epochs


def test_shorter_epochs_and_a_first_epoch():
    net = fitted(batch_size=10, steps_per_epoch=2, initial_epoch=3, epochs=6)
    assert net.history.counts["epochs"] == 3 and net.history.steps["step"] == [1, 2, 3, 4, 5, 6]
    whole = fitted(batch_size=10, steps_per_epoch=5, epochs=2)
    assert whole.history.epochs == fitted(batch_size=10, epochs=2).history.epochs
    seen = []

    class Epochs(pel.Callback):
        def on_epoch(self, run):
            seen.append((run.epoch, run.steps_per_epoch))

    fitted(batch_size=10, steps_per_epoch=2, initial_epoch=3, epochs=6, callbacks=Epochs())
    assert seen == [(4, 2), (5, 2), (6, 2)]


def test_a_run_with_shorter_epochs_resumes_to_the_same_bits():
    options = {"batch_size": 10, "steps_per_epoch": 3}
    whole, part = fitted(epochs=4, **options), fitted(epochs=2, **options)
    part.fit(X, Y, epochs=4, verbose=0, resume=True, **options)
    for one, other in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_monitors_wait_for_validation_that_comes_every_other_epoch():
    stop = pel.EarlyStopping("val_accuracy", patience=2, mode="min")
    net = fitted(epochs=40, validation_split=0.2, validation_freq=3, callbacks=stop)
    measured = [v for v in net.history.epochs["val_accuracy"] if not np.isnan(v)]
    assert stop.best == min(measured) and stop.best_epoch % 3 == 0


@pytest.mark.parametrize(
    ("said", "most"), [("1", 1), ("1,4", 1), ("", None), ("many", None), ("0", None)]
)
def test_threads_heed_the_variable_of_openmp(said, most, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    free = threads.available()
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads.available() == (free if most is None else min(free, most))


def test_threads_of_predict_and_evaluate_change_nothing():
    net = fitted()
    for count in (1, 2):
        np.testing.assert_array_equal(net.predict(X, threads=count, batch_size=7), net.predict(X))
        assert net.evaluate(X, Y, threads=count) == net.evaluate(X, Y)


def test_plots_are_pictures():
    net = fitted(validation_split=0.2, validation_freq=2)
    picture = net.history.plot()
    assert "loss" in str(picture.svg) and "nan" not in str(picture.svg)
