"""Each invariant of a graph, broken once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import GraphError
from pellucid.core.shapes import N
from pellucid.graph.node import CONST, INPUT, Constant, Graph, Node, TensorType
from pellucid.ops.spec import verify

ONE = TensorType(float64, (3,))
X = Node(INPUT, (), (("name", "x"),), ONE)
Y = Node(INPUT, (), (("name", "y"),), ONE)
ADD = Node("add", (0, 1), (), ONE, "user.py:7")
SUM = Node("sum", (2,), (("axis", (0,)), ("keepdims", False)), TensorType(float64), "user.py:8")
GOOD = Graph((X, Y, ADD, SUM), (0, 1), (3,), {})
ARRAY = Constant.of(np.zeros(3), ONE)


def with_node(position: int, node: Node, **changes: Any) -> Graph:
    nodes = list(GOOD.nodes)
    nodes[position] = node
    return replace(GOOD, nodes=tuple(nodes), **changes)


def const(name: Any) -> Node:
    return Node(CONST, (), (("name", name),), ONE)


BROKEN: dict[str, tuple[Graph, str]] = {
    "an output that is no node": (replace(GOOD, outputs=(4,)), "output 4 must be one of 4 nodes"),
    "a negative output": (replace(GOOD, outputs=(-1,)), "output -1 must be one of 4 nodes"),
    "an input that is no node": (replace(GOOD, inputs=(0, 9)), "input 9 must be one of 4 nodes"),
    "an input that is not declared": (replace(GOOD, inputs=(0,)), "inputs must be the first nodes"),
    "inputs out of order": (replace(GOOD, inputs=(1, 0)), "inputs must be the first nodes"),
    "an input behind other nodes": (
        Graph((X, Node("negative", (0,), (), ONE), Y), (0, 2), (1,), {}),
        "inputs must be the first",
    ),
    "two inputs of one name": (with_node(1, X), "input names must differ, got x, x"),
    "an input and a constant of one name": (
        with_node(2, const("x"), outputs=(2,), consts={"x": ARRAY}),
        "names must differ",
    ),
    "a node that reads itself": (
        with_node(2, replace(ADD, inputs=(0, 2))),
        "inputs must be earlier nodes, got 2",
    ),
    "a node that reads a later one": (
        with_node(2, replace(ADD, inputs=(0, 3))),
        "earlier nodes, got 3",
    ),
    "a node that reads before the first": (
        with_node(2, replace(ADD, inputs=(0, -1))),
        "earlier nodes, got -1",
    ),
    "attributes out of order": (
        with_node(3, replace(SUM, attrs=SUM.attrs[::-1])),
        "attributes must be sorted by name",
    ),
    "an attribute twice": (
        with_node(3, replace(SUM, attrs=(*SUM.attrs, SUM.attrs[1]))),
        "attributes must be sorted by name",
    ),
    "an input without a name": (
        with_node(0, replace(X, attrs=())),
        "its one attribute must be a name",
    ),
    "an input whose name is a number": (
        with_node(0, replace(X, attrs=(("name", 3),))),
        "must be a name",
    ),
    "a constant that is not in the table": (
        with_node(2, const("c")),
        "const must be in the table as f64[3], got None",
    ),
    "a constant of another type": (
        with_node(
            2,
            const("c"),
            consts={"c": Constant.of(np.zeros(3, np.float32), TensorType(float32, (3,)))},
        ),
        "const must be in the table as f64[3]",
    ),
    "an operation nobody knows": (
        with_node(2, replace(ADD, op="adds")),
        "unknown operation 'adds'",
    ),
    "a wrong number of inputs": (
        with_node(2, replace(ADD, inputs=(0,))),
        "expected 2 inputs (x, y), got 1",
    ),
    "a wrong attribute": (
        with_node(2, replace(ADD, attrs=(("axis", 0),))),
        "attributes must be ()",
    ),
    "a wrong shape": (
        with_node(2, replace(ADD, type=TensorType(float64, (4,)))),
        "type must be f64[3], got f64[4]",
    ),
    "a wrong dtype": (
        with_node(2, replace(ADD, type=TensorType(float32, (3,)))),
        "type must be f64[3], got f32[3]",
    ),
    "inputs that do not fit": (
        with_node(1, replace(Y, type=TensorType(float64, (2,)))),
        "shapes must broadcast",
    ),
    "N twice": (
        with_node(1, replace(Y, type=TensorType(float64, (N, N)))),
        "N may stand once in a shape",
    ),
    "a negative dimension": (
        with_node(1, replace(Y, type=TensorType(float64, (-1,)))),
        "a dimension must be a whole number",
    ),
}


def test_a_right_graph_passes() -> None:
    verify(GOOD)


@pytest.mark.usefixtures("broken_graphs")
@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named(what: str) -> None:
    graph, message = BROKEN[what]
    with pytest.raises(GraphError) as caught:
        verify(graph)
    assert message in str(caught.value), str(caught.value)
    assert str(caught.value).startswith("[graph")


def test_the_line_of_the_node_is_named() -> None:
    with pytest.raises(GraphError, match=r"\[graph node 2 add\] .* At user\.py:7\."):
        verify(with_node(2, replace(ADD, type=TensorType(float64, (4,)))))
