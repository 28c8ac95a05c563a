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


def test_a_notebook_shows_texts_with_whole_lines_and_escaped():
    derivation, values = pel.explain(named, 0.5, 2.0), pel.show(named, 0.5, 2.0)
    for one in (derivation, values, pel.show(named, 0.5, 2.0, stage="fuse")):
        shown = tree_of(one._repr_html_())
        assert shown.text == str(one)
        assert {"white-space: pre", "font-family: monospace"} <= set(shown.get("style").split("; "))


def test_ticks_of_epochs_are_whole_numbers():
    for epochs in (1, 2, 3, 7, 30):
        history = type(MLP.history)()
        for k in range(epochs):
            history.add_epoch({"loss": 1 / (k + 1), "val_loss": 2 / (k + 1)})
        under = [one for one in nodes_of(history, "muted middle small") if one.text != "epoch"]
        numbers = [float(one.text) for one in under]
        assert numbers and all(n == int(n) and 1 <= n <= epochs for n in numbers)
        assert len(nodes_of(history, "plus-area paper-line")) == (epochs == 1)  # a point
    point = nodes_of(one_epoch := type(MLP.history)(), "plus-area paper-line")
    assert point == []
    one_epoch.add_epoch({"loss": 0.5})
    (point,) = nodes_of(one_epoch, "plus-area paper-line")
    assert 100 < float(point.get("cx")) < 350  # not at the border, where it would be cut


def nodes_of(history, cls):
    return [one for one in tree(history.plot()).iter() if one.get("class") == cls]


def test_a_long_run_keeps_its_peaks_and_the_numbers_of_its_epochs():
    history = type(MLP.history)()
    loss = np.full(5000, 0.5)
    loss[1234], loss[77] = 9.0, 0.001
    for value in loss:
        history.add_epoch({"loss": float(value)})
    (curve,) = nodes_of(history, "bare plus-line")
    heights = [float(one.split(" ")[-1]) for one in curve.get("d").replace("M", "L").split("L")[1:]]
    levels = sorted(set(heights))
    assert len(levels) == 3 and [heights.count(levels[0]), heights.count(levels[2])] == [1, 1]
    history.counts["epochs"] = 150_000  # as of a run whose curves were thinned to every second
    _, numbers = history.__pellucid_curves__()
    assert (numbers[0], numbers[-1], len(numbers)) == (2, 10_000, 5000)


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
