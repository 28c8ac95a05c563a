"""Phases and layers of training steps, against what the steps are known to be made of."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.viz.diagram import diagram
from pellucid.viz.phases import BACKWARD, FORWARD, INPUTS, UPDATE, Role, columns, ends_of, roles

DOCS = Path(__file__).resolve().parents[2] / "docs"
STEPS = {
    "dense": (
        [nn.Dense(4, "tanh", name="a"), nn.Dense(4, "relu", name="b"), nn.Dense(3, name="c")],
        (5,),
    ),
    "normalized": (
        [
            *(nn.Dense(4, "tanh", name="a"), nn.BatchNorm(name="b"), nn.Dropout(0.3)),
            *(nn.LayerNorm(name="c"), nn.Dense(3, "softmax", name="d")),
        ],
        (5,),
    ),
    "convolved": (
        [
            *(nn.Conv2D(2, 3, activation="relu", name="a"), nn.MaxPool2D(), nn.Flatten()),
            nn.Dense(3, name="b"),
        ],
        (6, 6, 1),
    ),
}


def step_of(name, optimizer=None, regularizer=()):
    layers, shape = STEPS[name]
    model = pel.Sequential(layers, seed=0)
    model.compile(optimizer or optim.Adam(), "cross_entropy", ["accuracy"], regularizer)
    return model.training_graph(np.zeros((4, *shape)), np.zeros(4, int))


def test_the_phases_of_the_xor_step_are_those_of_its_page():
    """docs/xor-step.md prints the same graph under a heading for each phase."""
    page = (DOCS / "xor-step.md").read_text(encoding="utf-8")
    wanted = {}
    for phase, text in re.findall(r"## (\w+).*?```\n(.*?)```", page, re.DOTALL):
        for name in re.findall(r"^(v\d+): .* = ", text, re.MULTILINE):
            wanted[int(name[1:])] = phase.lower()
    model = pel.Sequential(
        [nn.Dense(2, "relu", name="hidden", input_shape=(2,)), nn.Dense(1, name="out")], seed=0
    )
    model.compile(optim.SGD(0.5), "squared")
    graph = model.training_graph(np.zeros((4, 2)), np.zeros((4, 1)))
    found = roles(graph, ends_of(graph))
    made = {n for n, node in enumerate(graph.nodes) if not node.inputs}  # stand with their readers
    assert len(wanted) == len(graph) - len(graph.inputs)
    assert {n: found[n].phase for n in wanted if n not in made} == {
        n: phase for n, phase in wanted.items() if n not in made
    }


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("optimizer", [optim.SGD(0.1, momentum=0.9), optim.AdamW()], ids=str)
def test_each_weight_is_updated_in_the_column_of_its_layer(name, optimizer):
    graph = step_of(name, optimizer, nn.L2(1e-3))
    ends = ends_of(graph)
    found = roles(graph, ends)
    forward = graph.needed([ends.objective])
    params = [n for n in graph.input_names if n.startswith("params.")]
    layers = list(dict.fromkeys(n.split(".")[1] for n in params))
    assert columns(found) == ["data", *layers, "loss"]
    for n, role in enumerate(found):
        assert role.layer in ("data", *layers, "loss")
        if graph.nodes[n].inputs:
            assert (role.phase == FORWARD) >= forward[n]  # measures stand beside the loss
    for input_name, position in zip(params, graph.outputs, strict=False):
        assert found[position].phase == UPDATE
        assert found[position].layer == input_name.split(".")[1]
    assert found[ends.objective].layer == "loss"
    # Powers of β correct the means of all layers, and belong to none.
    powers = {found[n] for n, node in enumerate(graph.nodes) if node.op == "pow"}
    assert powers <= {Role(UPDATE, "data")} and bool(powers) == isinstance(optimizer, optim.AdamW)
    # A product with a layer's weights on the way back is its own step back.
    weights = {
        i: found[i].layer for i in graph.inputs if graph.input_names[i].startswith("params.")
    }
    for n, node in enumerate(graph.nodes):
        own = [weights[i] for i in node.inputs if i in weights]
        if own and found[n].phase in (FORWARD, BACKWARD) and node.op == "contract":
            assert found[n].layer == own[0]


def test_the_layers_of_lenet_stand_in_the_order_of_the_forward_pass():
    """C3's weights are spread over a table before any data is read; it still comes behind S2."""
    model = pel.models.lenet5(seed=0)
    model.compile(optim.SGD(0.1), "cross_entropy")
    graph = model.training_graph(np.zeros((1, 28, 28, 1)), np.zeros(1, int))
    found = roles(graph, ends_of(graph))
    layers = ["C1", "S2", "C3", "S4", "C5", "F6", "output"]
    assert columns(found) == ["data", *layers, "loss"]
    # Going back, the cells follow each other from the loss to C1 and skip none.
    folded = diagram(graph, ends_of(graph), opened=lambda phase, layer: False)
    back = {(a[1], b[1]) for a, b in folded.links if a[0] == b[0] == BACKWARD}
    chain = ["loss", *reversed(layers)]
    assert set(itertools.pairwise(chain)) <= back


def test_a_folded_step_has_a_box_for_each_phase_and_layer():
    graph = step_of("dense")
    folded = diagram(graph, ends_of(graph), opened=lambda phase, layer: False)
    assert {(box.phase, box.layer) for box in folded.boxes} == {
        *((INPUTS, one) for one in ("data", "a", "b", "c", "loss")),
        *((FORWARD, one) for one in ("a", "b", "c", "loss")),
        *((BACKWARD, one) for one in ("a", "b", "c", "loss")),
        *((UPDATE, one) for one in ("data", "a", "b", "c")),
    }
    assert sum(len(box.nodes) for box in folded.boxes) <= len(graph)
    opened = diagram(graph, ends_of(graph), opened=lambda phase, layer: layer == "b")
    inside = [box for box in opened.boxes if box.layer == "b" and box.kind != "port"]
    assert all(len(box.nodes) == 1 for box in inside) and len(inside) > 20
    known = {box.id for box in opened.boxes}
    assert len(known) == len(opened.boxes), "ids are unique"
