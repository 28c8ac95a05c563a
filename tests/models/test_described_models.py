"""Descriptions of models of several inputs and outputs in a file: each part that cannot be."""

import json
import struct

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError, DataError, UnknownNameError

X = np.random.default_rng(0).normal(size=(12, 3))
LABELS = np.arange(12) % 2


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The bytes of a model of two inputs and two outputs, trained for an epoch."""
    a, b = pel.Input((3,)), pel.Input((3,))
    hidden = nn.Add(name="sum")([nn.Dense(4, name="one")(a), nn.Dense(4, name="two")(b)])
    outputs = {"c": nn.Dense(2, name="c")(hidden), "d": nn.Dense(1, name="d")(hidden)}
    net = pel.Model({"a": a, "b": b}, outputs, seed=0)
    net.compile("sgd", {"c": "cross_entropy", "d": "squared"}, metrics={"c": ["accuracy"]})
    net.fit({"a": X, "b": X}, {"c": LABELS, "d": X[:, 0]}, batch_size=4, verbose=0, seed=0)
    path = tmp_path_factory.mktemp("described") / "m"
    net.save(path)
    return path.read_bytes()


def changed(data, change):
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    document = json.loads(header["__metadata__"]["pellucid"])
    change(document)
    header["__metadata__"]["pellucid"] = json.dumps(document)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def set_batch(document):
    document["training"].update(batch=13, rows=12)


CHANGES = {
    "columns must be those of each input, got 1": lambda d: d.update(columns=[None]),
    "columns must be names": lambda d: d.update(columns=[None, [1]]),
    "layer 1 must share an earlier layer, got 2": lambda d: d["shared"].__setitem__(1, 2),
    "layer 0 must be a layer": lambda d: d["layers"].__setitem__(0, {"type": "Squared"}),
    "layer 0 must have a name, got 3": lambda d: d["names"].__setitem__(0, 3),
    "layer 2 must read what stands before it": lambda d: d["sources"].__setitem__(2, [2]),
    "layer 0 must read what stands before it": lambda d: d["sources"].__setitem__(0, [2]),
    "outputs must be those of layers": lambda d: d.update(ends=[0, 1]),
    r"outputs must be those of layers, got \[5\]": lambda d: d.update(ends=[5]),
    "names and a form": lambda d: d["inputs"].update(names=["a", "a"]),
    "names and a form, got .*set": lambda d: d["inputs"].update(form="set"),
    "several inputs or outputs must be a list": lambda d: d["outputs"].update(form=None),
    "expected 2 losses, got 1": lambda d: d["compile"]["losses"].pop(),
    "expected 2 losses, got 3": lambda d: d["compile"]["weights"].append(1.0),
    "expected one input, got 2": lambda d: d.update(kind="Sequential"),
    "unknown kind of model 'Other'": lambda d: d.update(kind="Other"),
    "training.batch must be at most 12 rows, got 13": set_batch,
    "training.y must be": lambda d: d["training"]["y"].pop(),
}


@pytest.mark.parametrize(("words", "change"), CHANGES.items(), ids=CHANGES)
def test_a_part_that_cannot_be_is_named(tmp_path, data, words, change):
    (tmp_path / "m").write_bytes(changed(data, lambda d: None))
    assert pel.load(tmp_path / "m").names
    (tmp_path / "m").write_bytes(changed(data, change))
    with pytest.raises(DataError, match=rf'^\[load ".*m"\] .*{words}'):
        pel.load(tmp_path / "m")


def test_a_run_goes_on_with_its_number_of_points(tmp_path):
    net = pel.Sequential([nn.Dense(2)], seed=0)
    net.compile("sgd", "cross_entropy")
    net.fit(X, LABELS, batch_size=4, verbose=0, seed=0, history_points=4)
    with pytest.raises(ArgumentError, match="history_points must be 4 as before, got 5"):
        net.fit(X, LABELS, batch_size=4, epochs=2, verbose=0, resume=True, history_points=5)
    for points in (4, None):
        net.fit(X, LABELS, batch_size=4, epochs=2, verbose=0, resume=True, history_points=points)
    assert net.history.max_points == 4


def test_models_that_cannot_be_called_or_made():
    net = pel.Sequential([nn.Dense(2)], seed=0)
    empty = pel.Sequential([])
    for call in (lambda: empty.build((3,)), lambda: empty.predict(X)):
        with pytest.raises(ArgumentError, match="a model needs a layer, got none"):
            call()
    for inside in (lambda: pel.Sequential([empty]), lambda: net.add(empty)):
        with pytest.raises(ArgumentError, match="a model inside must have a layer, got none"):
            inside()
    with pytest.raises(ArgumentError, match=r"input_shape must be a tuple such as \(784,\), got 3"):
        net.build(3)
    net.build((3,))
    with pytest.raises(ArgumentError, match=r"key must be one, got 3.*pel\.Key\(0, step\)"):
        net.apply(net.params, net.state, X, key=3)
    net.compile("sgd", "cross_entropy")
    with pytest.raises(ArgumentError, match="validate_every needs validation_data, got None"):
        net.fit(X, LABELS, validate_every=2, verbose=0)
    with pytest.raises(UnknownNameError, match=r"a model has no attribute 'wieghts'.*'weights'"):
        _ = net.wieghts
    two = [pel.Input((3,)), pel.Input((3,))]
    several = pel.Model(two, nn.Add()(two), seed=0)
    with pytest.raises(ArgumentError, match="a model is called on symbols or on numbers, got both"):
        several([pel.Input((3,)), X])


def test_rates_give_a_layer_one_factor():
    body = pel.Sequential([nn.Dense(3, name="one"), nn.Dense(3, name="two")], name="body")
    net = pel.Sequential([body, nn.Dense(2, name="last")], seed=0)
    net.build((3,))
    inside = next(name for name in net.names if "one" in name)
    for rates in ({"body": 0.5}, {"body": 0.5, inside: 0.5}, {inside: 0.5, "body": 0.5}):
        net.compile("sgd", "squared", rates=rates)
    for rates in ({"body": 0.5, inside: 0.25}, {inside: 0.25, "body": 0.5}):
        with pytest.raises(ArgumentError, match=r"one factor, got two\..*Name it once"):
            net.compile("sgd", "squared", rates=rates)


def test_the_graph_of_a_training_step_is_that_of_the_run():
    net = pel.Sequential([nn.Dense(2)], seed=0)
    net.compile("adam", "cross_entropy")
    graph = net.training_graph(X, LABELS)
    assert str(graph) == str(net.training_graph(X, LABELS))
    net.fit(X, LABELS, verbose=0)
    assert str(graph) == str(net.training_graph(X, LABELS))
    assert any(node.op == "sqrt" for node in graph.nodes)  # Adam's
