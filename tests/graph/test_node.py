"""Keys, equality, order, pruning, names."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from pellucid.core.dtypes import float32, float64, int32
from pellucid.core.shapes import N
from pellucid.graph.node import Constant, Node, TensorType, arranged, attributes, pruned
from pellucid.graph.printer import names
from pellucid.ops.value import Builder, apply, elementwise
from tests.ops.graphs import scalar, trace


def node(value: Any, **changes: Any) -> Node:
    given = {"op": "full", "inputs": (), "attrs": attributes({"value": value}), "type": scalar()}
    return Node(**{**given, **changes})


APART = [
    0.0,
    -0.0,
    0,
    False,
    1,
    True,
    1.0,
    "1",
    "1.0",
    "True",
    None,
    "None",
    (1,),
    (True,),
    (1.0,),
    N,
    "N",
    2 * N,
    float32,
    "float32",
    math.nan,
    "nan",
    math.inf,
    -math.inf,
    (),
    ((),),
]


@pytest.mark.parametrize(("x", "y"), list(itertools.combinations(range(len(APART)), 2)))
def test_attributes_that_differ_to_a_computer_stay_apart(x: int, y: int) -> None:
    assert node(APART[x]).key != node(APART[y]).key
    assert node(APART[x]) != node(APART[y])


@pytest.mark.parametrize("value", APART, ids=repr)
def test_equal_attributes_are_equal(value: Any) -> None:
    other = float("nan") if value != value else value
    assert node(value) == node(other) and hash(node(value)) == hash(node(other))


def test_line_stands_outside_the_key_and_type_inside_equality() -> None:
    assert node(1, line="a.py:1") == node(1, line="b.py:2")
    assert node(1) != node(1, type=TensorType(float32, ()))
    assert node(1, inputs=(0, 1)) != node(1, inputs=(1, 0))
    assert node(1, op="iota") != node(1)
    assert node(1) != "full"


def test_attributes_come_in_one_order() -> None:
    assert attributes({"b": 1, "a": 2}) == attributes({"a": 2, "b": 1}) == (("a", 2), ("b", 1))


def test_a_sharing_builder_gives_one_node_for_equal_applications() -> None:
    def count(share: bool) -> int:
        builder = Builder(share=share)
        with builder:
            x = builder.input("x", scalar())
            out = (x + 0.0) * (x + 0.0) * (x + -0.0)
        return len(builder.graph([out]))

    assert count(False) == 9
    assert count(True) == 7  # x, 0.0, x + 0.0, product, -0.0, x + -0.0, product


def test_types_print_as_in_the_text_form() -> None:
    assert repr(TensorType(float32, (N, 784))) == "f32[N,784]"
    assert repr(TensorType(int32, (2 * N,))) == "i32[2N]" and repr(scalar()) == "f64[]"


def test_inputs_come_first_and_positions_follow() -> None:
    builder = Builder()
    with builder:
        x = builder.input("x", scalar())
        y = elementwise("exp", x)
        z = builder.input("z", scalar())
        graph = builder.graph([y * z, y])
    assert [n.op for n in graph.nodes] == ["input", "input", "exp", "multiply"]
    assert graph.inputs == (0, 1) and graph.outputs == (3, 2) and graph.nodes[3].inputs == (2, 1)
    assert graph.input_names == ("x", "z") and graph.output_types == (scalar(), scalar())


def test_pruning_takes_what_no_output_needs_and_keeps_every_input() -> None:
    builder = Builder()
    with builder:
        x, y = builder.input("x", scalar()), builder.input("y", scalar())
        constant = builder.const("c", Constant.of(np.zeros(()), scalar()))
        elementwise("exp", y * constant)
        graph = builder.graph([elementwise("sin", x)])
    small = pruned(graph)
    assert len(graph) == 6 and [n.op for n in small.nodes] == ["input", "input", "sin"]
    assert small.consts == {} and graph.consts.keys() == {"c"}
    assert pruned(small) == small


def test_needed_and_last_uses() -> None:
    graph = trace(lambda x, y: elementwise("exp", x) * x, scalar(), scalar())
    assert graph.needed() == [True, False, True, True]
    assert graph.needed([2]) == [True, False, True, False]
    assert graph.last_uses() == [3, 1, 3, 4]
    assert arranged(graph.nodes, graph.inputs, graph.outputs, {}) == graph


def test_names_are_short_and_differ() -> None:
    graph = trace(lambda a, b: elementwise("exp", a * b), scalar(), scalar(), names=("v2", "v3"))
    assert names(graph) == ["v2", "v3", "v2_", "v3_"]


def test_a_graph_knows_whether_it_is_written_for_any_number_of_rows() -> None:
    assert trace(lambda x: x, TensorType(float64, (N,))).has_batch
    assert not trace(lambda x: x, TensorType(float64, (4,))).has_batch
    grown = trace(lambda x: apply("broadcast_to", x, shape=(N,)), scalar())
    assert grown.has_batch
