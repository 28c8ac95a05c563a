"""`pel.draw` of functions, Tensors, graphs and models: the numbers in the boxes, and what folds."""

import re

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError
from tests.viz.reading import boxes, nodes, numbers, overlaps, texts, tree

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
MLP = pel.Sequential(
    [nn.Dense(8, "tanh", input_shape=(2,)), nn.Dense(8, "relu"), nn.Dense(1, "sigmoid")], seed=0
)
MLP.compile(optim.Adam(), "binary_cross_entropy")


def double(x):
    return 2 * x


def named(x, w):
    z = x * w
    q = np.tanh(z)
    r = double(q)
    s, t = r + 1, (r + 1) * (r + 1)
    return t - q + 0 * s


def test_nodes_have_the_names_of_the_variables_that_compute_them():
    found = nodes(pel.draw(named, 0.5, 2.0))
    q = np.tanh(1.0)
    assert numbers(found["z"])["value"] == 1
    assert numbers(found["q"])["value"] == pytest.approx(q, rel=1e-5)
    # r is computed in another function, s and t together: better no name than a wrong one.
    assert not {"r", "s", "t"} & set(found)
    assert numbers(found["named"])["value"] == pytest.approx((2 * q + 1) ** 2 - q, rel=1e-5)
    slope = 2 * (2 * q + 1) * 2 - 1
    assert numbers(found["q"])["∂named/∂q"] == pytest.approx(slope, rel=1e-5)
    assert numbers(found["w"])["∂named/∂w"] == pytest.approx(slope * (1 - q**2) * 0.5, rel=1e-5)


def test_a_name_that_is_assigned_twice_belongs_to_the_last_node():
    def f(x):
        y = x * 2
        for _ in range(2):
            y = y * 3
        return y + 1

    found = nodes(pel.draw(f, 1.0))
    assert numbers(found["y"])["value"] == 18 or "y" not in found
    assert numbers(found["f"])["value"] == 19


def test_values_and_gradients_can_be_left_out():
    every = texts(pel.draw(named, 0.5, 2.0))
    plain = texts(pel.draw(named, 0.5, 2.0, values=False))
    forward = texts(pel.draw(named, 0.5, 2.0, backward=False))
    assert any("∂" in text for text in every)
    assert not any(text.startswith(("=", "∂")) for text in plain)
    assert any(text.startswith("=") for text in forward)
    assert not any("∂" in text for text in forward)


def test_the_way_back_as_boxes_of_its_own():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))

    def cost(W1, b1, W2):
        z1 = x @ W1 + b1
        q1 = np.maximum(z1, 0)
        return np.mean((y - q1 @ W2) ** 2)

    W1, b1, W2 = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(2, 1))
    picture = pel.draw(cost, W1, b1, W2, view="backward")
    found = nodes(picture)
    for name, slope in zip(
        ("∂W1", "∂b1", "∂W2"), pel.grad(cost, (0, 1, 2))(W1, b1, W2), strict=True
    ):
        (head,) = (one for one in found if one.split()[0] == name)
        shown = re.findall(r"-?[\d.]+(?:e-?\d+)?", found[head][-1])
        wanted = slope.ravel() if slope.size <= 2 else [slope.min(), slope.max(), slope.mean()]
        np.testing.assert_allclose([float(v) for v in shown], wanted, rtol=6e-3)
    ports = [
        texts(one)[0]
        for one in tree(picture).iter()
        if one.get("class", "").startswith("node port backward")
    ]
    assert {"q1", "z1"} <= set(ports)  # what the way forward has cached
    assert overlaps(boxes(picture)) == []


def test_a_tensor_is_drawn_as_it_was_computed():
    x, y = pel.Tensor(3.0), pel.Tensor(-5.0)
    found = nodes(pel.draw(x * y + 2))
    assert sorted(numbers(lines)["value"] for lines in found.values()) == [-15, -13, -5, 3]


def test_arrays_that_are_closed_over_have_their_names():
    data = np.arange(3.0)
    assert "data (3,)" in nodes(pel.draw(lambda w: np.sum(w * data), 2.0))


@pytest.mark.parametrize("f", [np.sin, lambda x: x > 0, lambda x: x.astype(int)])
def test_a_function_without_a_gradient_shows_values_alone(f):
    shown = texts(pel.draw(f, np.array([2.0, -1.0, 0.5])))
    assert any(text.startswith("= ") for text in shown)
    assert not any("∂" in text for text in shown)


def test_a_large_step_is_folded_until_it_is_opened():
    model = pel.Sequential(
        [nn.Flatten(input_shape=(28, 28)), nn.Dense(200, "relu", name="h"), nn.Dense(10, name="o")]
    )
    model.compile(optim.Adam(), "cross_entropy")
    graph = model.training_graph(np.zeros((1, 28, 28)), np.zeros(1, int))
    folded = pel.draw(graph)
    assert folded.width < 1300 and folded.height < 700 and len(nodes(folded)) <= 18
    assert "W (784, 200)" in texts(folded)
    for opened in ("all", "h", ["forward", "loss"], "update-h"):
        picture = pel.draw(graph, opened=opened)
        assert len(boxes(picture)) > len(boxes(folded))
        assert overlaps(boxes(picture)) == []
    ids = [one.get("id") for one in tree(pel.draw(graph, opened="all")).iter() if one.get("id")]
    assert len(set(ids)) == len(ids)
    # Every node that is not a number or another view of one has a box of its own.
    assert {f"n{position}" for position in graph.outputs} <= set(ids)


def test_the_graph_of_a_model_on_data_has_its_loss():
    y = np.array([0, 1, 1, 0])
    picture = pel.draw(MLP, XOR, y)
    loss = MLP.evaluate(XOR, y)["loss"]
    assert float(picture.title.split("= ")[1]) == pytest.approx(loss, rel=1e-5)
    assert {"forward", "inputs"} <= set(texts(picture))
    whole = pel.draw(MLP, XOR, y, view="backward", opened="all")
    assert overlaps(boxes(whole)) == []
    assert pel.draw(MLP, XOR).title == "J"  # a prediction has four rows


def test_a_notebook_shows_models_graphs_and_histories():
    graph = pel.show(named, 0.5, 2.0).graph
    for one in (MLP, graph, MLP.history):
        assert tree_of(one._repr_svg_()).tag.endswith("svg")
    assert pel.Sequential([nn.Dense(1)])._repr_svg_() is None  # its shape is not known yet
    long = pel.show(lambda x: sum([x * k for k in range(300)], x), 1.0).graph
    assert long._repr_svg_() is None  # too large for a picture: the text is shown


def tree_of(text):
    from xml.etree import ElementTree

    return ElementTree.fromstring(text)


def test_a_run_over_its_steps_as_in_figures_6_7_and_6_8():
    history = type(MLP.history)()
    empty = pel.draw(history, view="steps")
    assert texts(empty) == ["No step was kept."]
    history.add_steps({"step": [1, 2, 3], "loss": [0.9, 0.5, 0.25], "accuracy": [0.5, 0.5, 0.75]})
    history.add_validation({"step": 3, "val_loss": 0.5, "val_accuracy": 0.875})
    shown = texts(pel.draw(history, view="steps"))
    assert {"loss", "misclassification", "step", "minibatch, last 0.25"} <= set(shown)
    assert {"validation, last 0.5", "validation, last 0.125"} <= set(shown)
    assert pel.draw(MLP.history, view="epochs").svg == pel.draw(MLP.history).svg
    with pytest.raises(ArgumentError, match="unknown view of a history"):
        pel.draw(history, view="batches")
