"""What `compile` takes, for one output and for several, and what reaches training."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3))
YS = {"a": X[:, :1] * 2, "b": X[:, 1:]}
FIT = {"epochs": 2, "batch_size": 4, "seed": 0, "verbose": 0, "backend": "interpreter"}


def one():
    return pel.Sequential([nn.Dense(4, "tanh", name="h"), nn.Dense(1, name="o")], seed=0)


def two(form=dict):
    x = pel.Input((3,))
    h = nn.Dense(4, "tanh", name="h")(x)
    a, b = nn.Dense(1, name="a")(h), nn.Dense(2, name="b")(h)
    return pel.Model(x, {"a": a, "b": b} if form is dict else [a, b], seed=0, dtype="float64")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", optim.SGD),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
        ("adagrad", optim.Adagrad),
        ("rmsprop", optim.RMSprop),
        ("lbfgs", optim.LBFGS),
        ("newton", optim.Newton),
        ("perturb", optim.Perturb),
    ],
)
def test_optimizers_by_name_are_those_with_their_defaults(name, kind):
    net = one()
    net.compile(name, "squared")
    assert net.optimizer == kind()


def test_what_was_compiled_is_told():
    net = one()
    assert (net.optimizer, net.loss, net.metrics, net.regularizers, net.rates) == (
        None,
        None,
        (),
        (),
        {},
    )
    assert not net.compiled
    net.compile("adam", "absolute", ["squared_error"], nn.L2(0.1), {"h": 0.5, "o": 1})
    assert net.compiled
    assert net.loss == nn.Absolute()
    assert [each.name for each in net.metrics] == ["squared_error"]
    assert net.regularizers == (nn.L2(0.1),)
    assert net.rates == {"h": 0.5}
    net.rates["o"] = 3  # a copy
    assert net.rates == {"h": 0.5}


@pytest.mark.parametrize("form", [dict, list])
def test_losses_weights_and_metrics_of_several_outputs(form):
    """The objective is Σ weightₖ·lossₖ; each output has its own measures."""
    net = two(form)
    inside = (lambda a, b: {"a": a, "b": b}) if form is dict else (lambda a, b: [a, b])
    net.compile(
        optim.SGD(0.1), inside("squared", "absolute"), inside(["r2"], []), (), None, inside(2, 0.5)
    )
    ys = inside(YS["a"], YS["b"])
    found = net.evaluate(X, ys)
    p = net.predict(X)
    a, b = (p["a"], p["b"]) if form is dict else p
    wanted = {
        "a_loss": np.mean((a - YS["a"]) ** 2),
        "b_loss": np.mean(np.abs(b - YS["b"]).sum(1)),
        "a_r2": pel.metrics.r2(YS["a"], a),
    }
    assert list(found) == ["loss", "a_loss", "b_loss", "a_r2"]
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9)
    assert found["loss"] == pytest.approx(2 * wanted["a_loss"] + 0.5 * wanted["b_loss"], rel=1e-9)
    history = net.fit(X, ys, **FIT)
    steps = {name: np.array(values) for name, values in history.steps.items()}
    np.testing.assert_allclose(steps["loss"], 2 * steps["a_loss"] + 0.5 * steps["b_loss"])
    # A weight of 0 leaves the head of this output alone.
    still = two(form)
    still.compile(optim.SGD(0.1), "squared", loss_weights=inside(1, 0))
    still.build((3,))
    before = still.weights
    still.fit(X, ys, **FIT)
    same = {name: np.array_equal(before[name], each) for name, each in still.weights.items()}
    assert same == {name: name.startswith("b") for name in before}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"loss": ["squared", "squared", "squared"]}, "loss must be a dict of a, b, got 3|got a"),
        ({"loss": {"a": "squared"}}, "loss must hold a, b, got none for b"),
        ({"loss_weights": 2}, "loss_weights must be a dict of a, b, got an object of type int"),
        ({"loss_weights": {"a": 1, "b": -1}}, r"loss_weights must lie in \[0, inf\), got -1"),
        ({"metrics": ["r2"]}, "metrics of 2 outputs must say of which.*metrics={'a': "),
        ({"metrics": {"c": ["r2"]}}, "metrics has no 'c'"),
        (
            {"metrics": {"a": [pel.Metric("loss", lambda t, p: p[:, 0])]}},
            "loss",
        ),
        ({"rates": {"nothing": 1}}, "rates must name layers, got 'nothing'"),
        ({"rates": {3: 1}}, "rates must name layers, got 3"),
        ({"rates": [1]}, r"rates must be \{layer: factor\}, got \[1\]"),
        ({"rates": {"h": -1}}, "rates of h must lie in"),
        ({"optimizer": "lbfgs", "rates": {"h": 0.5}}, "with LBFGS rates must be 0 or 1, got 0.5"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'.*Did you mean 'sgd'"),
        ({"optimizer": optim.SGD}, r"expected an optimizer.*Write SGD\(…\), with brackets"),
        ({"optimizer": 3}, "expected an optimizer, got 3"),
        ({"regularizer": 0.1}, r"expected a regularizer, got 0\.1"),
        ({"regularizer": [nn.L2(1), 3]}, "expected a regularizer, got 3"),
        (
            {"optimizer": "newton", "regularizer": nn.L1(1, proximal=True)},
            "Newton takes penalties that are part of the objective",
        ),
    ],
)
def test_what_is_refused(arguments, words):
    net = two()
    with pytest.raises(ArgumentError, match=words):
        net.compile(**{"optimizer": "sgd", "loss": "squared", **arguments})
    assert not net.compiled


def test_lists_for_a_model_of_one_output_are_refused():
    net = one()
    with pytest.raises(ArgumentError, match=r"takes one loss, got a list.*Write loss='squared'"):
        net.compile("sgd", ["squared"])
    with pytest.raises(ArgumentError, match="takes one loss_weights, got a tuple") as caught:
        net.compile("sgd", "squared", loss_weights=(1,))
    assert caught.value.fix == ""


def test_penalties_act_on_weights_and_on_biases_only_if_asked():
    net = pel.Sequential(
        [nn.Dense(2, name="h", regularizer=nn.L2(0.5)), nn.BatchNorm(), nn.Dense(1, name="o")],
        seed=0,
        dtype="float64",
    )
    net.build((3,))
    net.set_weights([array + 1 for array in net.get_weights()])
    y = net.predict(X)
    squares = {name: (array**2).sum() for name, array in net.weights.items()}
    net.compile("sgd", "squared", regularizer=[nn.L2(0.2), nn.L1(0.1, biases=True)])
    wanted = (
        0.2 / 2 * (squares["h.W"] + squares["o.W"])
        + 0.1 * sum(np.abs(array).sum() for array in net.weights.values())
        + 0.5 / 2 * squares["h.W"]
    )
    assert net.evaluate(X, y)["loss"] == pytest.approx(wanted, rel=1e-12)
    made = pel.Sequential([nn.Flatten(regularizer=nn.L2(1)), nn.Dense(1)], seed=0)
    made.compile("sgd", "squared")
    with pytest.raises(ArgumentError, match="a regularizer needs weights to act on, got L2"):
        made.fit(X, y, verbose=0)


def test_weights_by_name_and_in_order():
    net = one()
    net.build((3,))
    named = net.weights
    assert list(named) == ["h.W", "h.b", "o.W", "o.b"]
    named["h.b"] += 1  # a copy
    assert not net.weights["h.b"].any()
    net.set_weights({"h.b": np.ones(4), "o.b": [2.0]})
    assert net.weights["h.b"].tolist() == [1] * 4
    assert net.weights["o.b"].tolist() == [2]
    np.testing.assert_array_equal(net.weights["h.W"], named["h.W"])
    assert net.count_params() == 3 * 4 + 4 + 4 + 1
    net.set_weights({"o.W": np.array([[0.0], [1], [0], [2]])})
    assert net.count_zeros() == 2
    for wrong, words in (
        ({"h.c": np.ones(4)}, "the model has no weight 'h.c'.*Known: h.W"),
        (3, "weights must be a list of arrays or a dict by name, got 3"),
        (
            [np.ones((3, 4))],
            r"must have the shapes \(3, 4\), \(4,\), \(4, 1\), \(1,\), got \(3, 4\)",
        ),
        ({"h.b": np.ones(3)}, "must have the shapes"),
    ):
        with pytest.raises(pel.PellucidError, match=words):
            net.set_weights(wrong)
