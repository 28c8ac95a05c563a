"""Whole networks: their graphs print, and every line of their gradient is true."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.graph.text import parse_graph
from tests.viz.evaluation import check

pytest.importorskip("sympy")

RNG = np.random.default_rng(5)
ROWS, IMAGES = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 8, 8, 1))
CLASSES = np.array([0, 1, 2, 1, 0, 2])
DENSE = [pel.nn.Dense(5, activation="relu"), pel.nn.Dense(3, activation="softmax")]
CONVOLUTION = [
    pel.nn.Conv2D(2, 3, activation="relu"),
    pel.nn.MaxPool2D(2),
    pel.nn.Flatten(),
    pel.nn.Dense(3),
]
NETWORKS = {
    "one row": ([pel.nn.Dense(3)], ROWS[:1], CLASSES[:1], "cross_entropy"),
    "one column": ([pel.nn.Dense(3)], ROWS[:, :1], CLASSES, "cross_entropy"),
    "sigmoid": ([pel.nn.Dense(1, activation="sigmoid")], ROWS, CLASSES > 0, "binary_cross_entropy"),
    "softmax": (DENSE, ROWS, CLASSES, "cross_entropy"),
    "statistics": ([pel.nn.Dense(4), pel.nn.BatchNorm(), *DENSE], ROWS, CLASSES, "cross_entropy"),
    "convolution": (CONVOLUTION, IMAGES, CLASSES, "cross_entropy"),
    "regression": ([pel.nn.Dense(1)], ROWS, ROWS[:, 0], "squared"),
}


def compiled(name):
    layers, x, y, loss = NETWORKS[name]
    model = pel.Sequential(layers, seed=0, dtype="float64")
    model.compile("sgd", loss)
    model.fit(x, y, epochs=1, seed=0, verbose=0, backend="interpreter")
    return model, x, y


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_of_a_networks_gradient_is_numerically_right(name):
    model, x, y = compiled(name)
    check(pel.explain(model.objective(x, y), model.params), 1e-8)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_graph_of_a_network_prints_as_text(name):
    graph = compiled(name)[0].graph()
    assert str(graph) == repr(graph)
    assert str(graph).startswith("graph(") and "return" in str(graph)
    assert parse_graph(str(graph), graph.consts) == graph


def test_the_gradient_goes_from_the_last_layer_to_the_first():
    model, x, y = compiled("softmax")
    shown = pel.explain(model.objective(x, y), model.params)
    names = [shown.names[line.node] for line in shown.gradient]
    weights = [name.removeprefix("params.") for name in names if "dense" in name]
    assert weights == ["dense_2.b", "dense_2.W", "dense_1.b", "dense_1.W"]
    assert names.index("params.dense_2.W") < names.index("v8") < names.index("params.dense_1.b")
    gradient = shown.gradients["params.dense_2.W"]
    assert gradient == "1/6·Σ_i v8[i,j]·(p[i,l] - [target[i] = l])"
