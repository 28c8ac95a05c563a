"""Networks that are graphs: the same as a row where they are one, and branches that meet."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, GraphError, ShapeError
from pellucid.train.checkpoint import read_file, write_file

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2]).astype(np.float32)


def residual(seed=0, dtype="float32"):
    x = pel.Input((6,))
    h = nn.Dense(8, "tanh", name="first")(x)
    g = nn.Dense(8, "tanh", name="inner")(h)
    h = nn.Add(name="sum")([h, g])
    wide = nn.Concat(name="both")([h, x])
    gate = nn.Multiply(name="gate")([nn.Dense(14, "sigmoid", name="open")(x), wide])
    return pel.Model(x, nn.Dense(1, name="out")(gate), seed=seed, dtype=dtype)


def trained(model, **how):
    model.compile(optim.Adam(0.01), loss="squared")
    how = {"batch_size": 8, "epochs": 4, "seed": 1, "verbose": 0, **how}
    model.fit(X, Y, **how)
    return model


def digest(model):
    return [array.tobytes() for array in model.get_weights()]


def test_a_chain_written_either_way_trains_to_the_same_bits():
    def layers():
        return [nn.Dense(8, "relu"), nn.Dropout(0.3), nn.BatchNorm(), nn.Dense(1)]

    x = pel.Input((6,))
    symbol = x
    for layer in layers():
        symbol = layer(symbol)
    graph, row = pel.Model(x, symbol, seed=5), pel.Sequential(layers(), seed=5)
    assert digest(trained(graph)) == digest(trained(row))
    np.testing.assert_array_equal(graph.predict(X), row.predict(X))


@pytest.mark.lecture("T1.C13")
def test_branches_and_residual_connections_compute_what_they_say():
    model = residual(dtype="float64")
    weights = {name: model.parameters()[name] for name in ("first", "inner", "open", "out")}
    model.build((6,))
    p = model.params
    assert set(weights) <= set(p)
    h = np.tanh(X @ p["first"]["W"] + p["first"]["b"])
    h = h + np.tanh(h @ p["inner"]["W"] + p["inner"]["b"])
    gate = 1 / (1 + np.exp(-(X @ p["open"]["W"] + p["open"]["b"])))
    wide = gate * np.concatenate([h, X], axis=1)
    np.testing.assert_allclose(model.predict(X), wide @ p["out"]["W"] + p["out"]["b"], rtol=1e-12)


def test_native_and_interpreted_runs_agree_and_learn():
    runs = [
        trained(residual(dtype="float64"), epochs=30, backend=b) for b in ("native", "interpreter")
    ]
    for one, other in zip(*(run.get_weights() for run in runs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)
    losses = runs[0].history.epochs["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_a_layer_called_twice_shares_its_weights():
    x, dense = pel.Input((6,)), nn.Dense(6, "tanh", name="twice")
    model = pel.Model(x, nn.Add()([dense(dense(x)), x]), seed=0)
    assert model.count_params() == 42
    model.build((6,))
    w, b = model.params["twice"]["W"], model.params["twice"]["b"]
    once = np.tanh(X @ w + b)
    np.testing.assert_allclose(model.predict(X), np.tanh(once @ w + b) + X, rtol=1e-5, atol=1e-6)


def test_it_is_saved_resumed_and_shown(tmp_path):
    whole = trained(residual(), epochs=6)
    part = trained(residual(), epochs=3, checkpoint=tmp_path / "run")
    again = pel.load(tmp_path / "run")
    assert type(again) is pel.Model and again.architecture.sources == part.architecture.sources
    again.fit(X, Y, batch_size=8, epochs=6, verbose=0, resume=True)
    assert digest(again) == digest(whole)
    lines: list[str] = []
    again.summary(lines.append)
    text = "\n".join(lines)
    assert "sum (Add)" in text and "first, inner" in text and "open, both" in text
    assert "From" not in summary_of(pel.Sequential([nn.Dense(1, input_shape=(2,))]))


def summary_of(model):
    lines: list[str] = []
    model.summary(lines.append)
    return "\n".join(lines)


def test_a_final_softmax_belongs_to_the_loss_here_too():
    x = pel.Input((6,))
    h = nn.Dense(3)(x)
    model = pel.Model(x, nn.Activation("softmax")(nn.Add()([h, nn.Dense(3)(x)])), seed=0)
    labels = (X[:, 0] > 0).astype(int)
    model.compile(optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    model.fit(X, labels, epochs=30, seed=0, verbose=0)
    assert model.evaluate(X, labels)["accuracy"] > 0.9
    np.testing.assert_allclose(model.predict(X).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X))


@pytest.mark.parametrize("sources", [[[1]], [[0, 0]], [[-1]], [["0"]], [[]], "0"])
def test_a_file_with_other_wires_is_refused(sources, tmp_path):
    x = pel.Input((6,))
    model = pel.Model(x, nn.Dense(2)(x), seed=0)
    model.build((6,))
    model.save(tmp_path / "m")
    arrays, document = read_file(tmp_path / "m")
    document = json.loads(json.dumps(document)) | {"sources": sources}
    write_file(tmp_path / "m", arrays, document, overwrite=True)
    with pytest.raises(DataError):
        pel.load(tmp_path / "m")


x = pel.Input((6,))
WRONG = {
    "another input": (
        lambda: pel.Model(x, nn.Add()([nn.Dense(6)(pel.Input((6,))), x])),
        GraphError,
        "got another Input",
    ),
    "no way to the input": (
        lambda: pel.Model(x, nn.Dense(1)(pel.Input((3,)))),
        GraphError,
        "got another Input",
    ),
    "an array before it has weights": (
        lambda: nn.Dense(3)(X),
        ArgumentError,
        "once it stands in a model that is built",
    ),
    "a layer": (lambda: pel.Model(x, nn.Dense(3)), ArgumentError, "outputs must be an Input or"),
    "the input itself": (lambda: pel.Model(x, x), ArgumentError, "must come from a layer"),
    "an output as input": (
        lambda: pel.Model(nn.Dense(3)(x), nn.Dense(3)(x)),
        ArgumentError,
        "inputs must be an Input",
    ),
    "a list for one": (lambda: nn.Dense(3)([x, x]), ArgumentError, "it takes one input"),
    "one for several": (lambda: nn.Add()(x), ArgumentError, "a list of two inputs or more"),
    "unequal shapes": (
        lambda: pel.Model(x, nn.Add()([x, nn.Dense(3)(x)])),
        ShapeError,
        r"inputs must have one shape, got \(N, 6\), \(N, 3\)",
    ),
    "rows joined": (lambda: pel.Model(x, nn.Concat(0)([x, x])), ShapeError, "that of the rows"),
    "a shape": (lambda: pel.Input(6), ArgumentError, "shape must be a tuple"),
    "an empty axis": (lambda: pel.Input((0,)), ArgumentError, "shape must be at least 1"),
    "one name twice": (
        lambda: pel.Model(x, nn.Dense(1, name="a")(nn.Dense(1, name="a")(x))),
        ArgumentError,
        "names must differ",
    ),
    "a layer as activation": (
        lambda: nn.Dense(3, activation=nn.Dense(3)),
        ArgumentError,
        "unknown activation",
    ),
    "a layer as loss": (
        lambda: pel.Model(x, nn.Dense(1)(x)).compile(loss=nn.Dense(3)),
        ArgumentError,
        "loss must be a name or a function",
    ),
    "a layer as metric": (
        lambda: pel.Model(x, nn.Dense(1)(x)).compile(metrics=[nn.Dense(3)]),
        ArgumentError,
        "a metric must be a name or a function",
    ),
    "add": (lambda: pel.Model(x, nn.Dense(1)(x)).add(nn.Dense(1)), ArgumentError, "are fixed"),
}


@pytest.mark.lecture("T1.C13")
@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_said(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make()


def two_inputs(seed=0, dtype="float64"):
    """Three columns and an image, each with a branch of its own."""
    a, b = pel.Input((3,)), pel.Input((2, 2, 1))
    left = nn.Dense(4, "tanh")(a)
    right = nn.Dense(5, "relu")(nn.Flatten()(b))
    joined = nn.Concat()([left, right])
    return pel.Model([a, b], nn.Dense(2)(joined), seed=seed, dtype=dtype)


RNG = np.random.default_rng(3)
TWO = [RNG.normal(size=(50, 3)), RNG.normal(size=(50, 2, 2, 1)).astype(np.float32)]
SUM = (TWO[0][:, 0] + TWO[1][:, 0, 0, 0] > 0).astype(int)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_several_inputs_are_a_list(backend):
    net = two_inputs()
    net.compile(optim.Adam(0.02), loss="cross_entropy", metrics=["accuracy"])
    history = net.fit(
        TWO,
        SUM,
        epochs=60,
        batch_size=16,
        seed=0,
        verbose=0,
        backend=backend,
        validation_data=(TWO, SUM),
        sample_weight=np.ones(50),
    )
    assert history.epochs["val_accuracy"][-1] > 0.95
    w1, b1, w2, b2, w3, b3 = net.get_weights()
    left = np.tanh(TWO[0] @ w1 + b1)
    right = np.maximum(TWO[1].reshape(50, 4) @ w2 + b2, 0)
    out = np.hstack([left, right]) @ w3 + b3
    np.testing.assert_allclose(net.predict(TWO, backend=backend), out, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(net.predict(TWO, batch_size=7), net.predict(TWO), rtol=1e-12)
    assert net.evaluate(TWO, SUM, backend=backend)["accuracy"] > 0.95
    assert net.predict_proba(TWO).sum() == pytest.approx(50)


def test_several_inputs_equal_their_columns_in_one():
    """Splitting columns over two inputs is the network that reads them joined."""
    x = RNG.normal(size=(40, 5))
    a, b = pel.Input((2,)), pel.Input((3,))
    split = pel.Model([a, b], nn.Dense(1)(nn.Concat()([a, b])), seed=0, dtype="float64")
    whole = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    whole.build((5,))
    whole.set_weights(split.get_weights())
    for net, given in ((split, [x[:, :2], x[:, 2:]]), (whole, x)):
        net.compile(optim.SGD(0.1, momentum=0.9), loss="squared")
        net.fit(given, x[:, :1], batch_size=8, epochs=3, seed=0, verbose=0)
    for one, other in zip(split.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_model_of_several_inputs_is_saved_resumed_and_shown(tmp_path):
    whole, half = two_inputs(), two_inputs()
    for net in (whole, half):
        net.compile("adam", loss="cross_entropy")
    whole.fit(TWO, SUM, epochs=4, seed=0, verbose=0)
    half.fit(TWO, SUM, epochs=2, seed=0, verbose=0, checkpoint=tmp_path / "c.st")
    rest = pel.load(tmp_path / "c.st")
    rest.fit(TWO, SUM, epochs=4, verbose=0, resume=True)
    np.testing.assert_array_equal(whole.predict(TWO), rest.predict(TWO))
    with pytest.raises(ArgumentError, match="data must be"):
        pel.load(tmp_path / "c.st").fit([TWO[0], TWO[1] + 1], SUM, epochs=4, verbose=0, resume=True)
    printed = []
    whole.summary(printed.append)
    text = "\n".join(printed)
    assert "input_1" in text and "(N, 2, 2, 1)" in text and "dense_1, dense_2" in text
    names = [node.attr("name") for node in whole.graph().nodes if node.op == "input"]
    assert names[-2:] == ["x.0", "x.1"]
    value = whole.objective(TWO, SUM)(whole.params)
    assert float(value) == pytest.approx(whole.evaluate(TWO, SUM)["loss"], rel=1e-12)


@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        (
            TWO[0],
            ArgumentError,
            "x must be a list of 2, one per input, got an object of type ndarray",
        ),
        ([TWO[0]], ArgumentError, "x must be a list of 2, one per input, got 1"),
        ([TWO[0], TWO[1][:30]], ShapeError, "all inputs must have as many rows, got 50, 30"),
        ([TWO[0][:, :2], TWO[1]], ShapeError, r"x\[0\] must be \(N, 3\), got \(50, 2\)"),
        ([TWO[0], TWO[0]], ShapeError, r"x\[1\] must be \(N, 2, 2, 1\), got \(50, 3\)"),
        ([TWO[0] * np.nan, TWO[1]], DataError, r"x\[0\] must be finite, got nan"),
        ([TWO[0], TWO[1] * np.inf], DataError, r"x\[1\] must be finite, got"),
    ],
)
def test_several_inputs_that_do_not_fit(x, kind, words):
    net = two_inputs()
    net.compile("sgd", loss="cross_entropy")
    with pytest.raises(kind, match=words), np.errstate(invalid="ignore"):
        net.fit(x, SUM, seed=0, verbose=0)


def test_inputs_that_lead_nowhere_or_come_twice():
    a, b = pel.Input((3,)), pel.Input((3,))
    with pytest.raises(ArgumentError, match="every input must lead to an output, got Input"):
        pel.Model([a, b], nn.Dense(1)(a))
    with pytest.raises(ArgumentError, match="inputs must differ"):
        pel.Model([a, a], nn.Dense(1)(a))
    with pytest.raises(ArgumentError, match="inputs must be one or more, got none"):
        pel.Model([], nn.Dense(1)(a))
