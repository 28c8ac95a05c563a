"""What each node of a graph is to the rows of a batch, and sums over them in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.dtypes import float32, int64
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, Node, TensorType
from pellucid.graph.printer import print_graph
from pellucid.graph.text import parse_graph
from pellucid.ops import composite as c
from pellucid.ops.value import Builder, Value, apply
from pellucid.runtime.interpreter import run
from pellucid.train.in_blocks import in_blocks
from pellucid.train.meetings import Place, places

ROWS, ROW = TensorType(float32, (N, 4)), TensorType(float32, (4,))
PLACES = TensorType(int64, (N, 2))


def graph_of(function: Callable[..., Value], *types: TensorType) -> Graph:
    builder = Builder()
    with builder:
        values = [builder.input(f"x{i}", type) for i, type in enumerate(types)]
        return builder.graph([function(*values)])


def last(function: Callable[..., Value], *types: TensorType) -> tuple[Node, Place]:
    graph = graph_of(function, *types)
    return graph.nodes[-1], places(graph)[-1]


@pytest.mark.parametrize(
    ("function", "types", "kind"),
    [
        (lambda x: x + 1, (ROW,), "joint"),
        (lambda x, w: x * w, (ROWS, ROW), "rows"),
        (lambda x: c.sum(x, 1), (ROWS,), "rows"),
        (lambda x: c.reshape(x, (2 * N, 2)), (ROWS,), "rows"),
        (lambda x: c.permute_dims(x, (1, 0)), (ROWS,), "rows"),
        (lambda x: apply("slice", x, start=(0, 1), stop=(N, 3), step=(1, 1)), (ROWS,), "rows"),
        (lambda x: c.flip(x, 1), (ROWS,), "rows"),
        (lambda x: c.argsort(x), (ROWS,), "rows"),
        (lambda x: c.concat([x, x], 1), (ROWS,), "rows"),
        (lambda x: apply("argmax", x, axis=1, keepdims=False), (ROWS,), "rows"),
        (lambda w, i: apply("gather", w, i, axis=0), (ROW, PLACES), "rows"),
        (lambda x, y: c.contract(x, y, batch=[(0, 0)], summed=[(1, 1)]), (ROWS, ROWS), "rows"),
        (lambda x: c.sum(x, 0), (ROWS,), "sum"),
        (lambda x: c.sum(x), (ROWS,), "sum"),
        (lambda x, y: c.contract(x, y, summed=[(0, 0)]), (ROWS, ROWS), "sum"),
        (
            lambda w, i, u: apply("scatter_add", w, i, u, axis=0),
            (ROW, TensorType(int64, (N,)), TensorType(float32, (N,))),
            "sum",
        ),
        (lambda x: c.max(x, 0), (ROWS,), "extreme"),
        (lambda x: apply("size", x, axis=0), (ROWS,), "count"),
        (lambda x: apply("size", x, axis=1), (ROWS,), "joint"),
    ],
)
def test_what_a_node_is_to_the_rows(function: Any, types: Any, kind: str) -> None:
    assert last(function, *types)[1].kind == kind


@pytest.mark.parametrize(
    ("function", "types", "name"),
    [
        (lambda x: c.argsort(c.permute_dims(x, (1, 0))), (ROWS,), "argsort"),
        (lambda x: c.flip(x, 0), (ROWS,), "flip"),
        (lambda x: c.concat([x, x], 0), (ROWS,), "concat"),
        (lambda x: c.reshape(c.permute_dims(x, (1, 0)), (4 * N,)), (ROWS,), "reshape"),
        (lambda x: apply("argmax", x, axis=0, keepdims=False), (ROWS,), "argmax"),
    ],
)
def test_what_mixes_rows_is_refused_with_its_line(function: Any, types: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=f"{name} of .* together in another way") as caught:
        last(function, *types)
    assert "test_meetings.py" in str(caught.value)


def test_levels_count_the_meetings_before() -> None:
    def normal(x: Value) -> Value:
        mean = c.mean(x, 0)
        return c.sum(apply("square", x - mean), 0)

    graph = graph_of(normal, ROWS)
    found = [(node.op, one.level) for node, one in zip(graph.nodes, places(graph), strict=True)]
    assert [level for op, level in found if op == "sum"] == [0, 1]
    assert dict(found)["subtract"] == 1


@pytest.mark.parametrize(
    ("function", "numbered"),
    [
        (lambda x: apply("iota", shape=(N, 2), axis=0, dtype=int64), True),
        (lambda x: apply("iota", shape=(N, 2), axis=1, dtype=int64), False),
        (lambda x: apply("one_hot", c.astype(x, int64), depth=N, dtype=float32), True),
        (lambda x: apply("full", shape=(N,), value=1.0, dtype=float32), False),
    ],
)
def test_what_is_made_of_the_number_of_a_row(function: Any, numbered: bool) -> None:
    assert last(function, TensorType(float32, (3,)))[1] == Place("rows", 0, numbered)


def test_random_numbers_are_made_of_the_number_of_a_row() -> None:
    net = pel.Sequential([nn.Dropout(0.5), nn.Dense(2)], seed=0)
    net.compile(loss="squared")
    graph = net.training_graph(np.ones((4, 3)), np.ones((4, 2)))
    found = [node.op for node, one in zip(graph.nodes, places(graph), strict=True) if one.numbered]
    assert found == ["uniform"]


def test_a_step_graph_in_blocks() -> None:
    net = pel.Sequential(
        [nn.Embedding(9, 3), nn.Flatten(), nn.Dense(8, "relu"), nn.BatchNorm(), nn.Dense(2)], seed=0
    )
    net.compile(pel.optim.Adam(), "cross_entropy", metrics=["accuracy"])
    x, y = np.arange(40).reshape(20, 2) % 9, np.arange(20) % 2
    graph = net.training_graph(x, y)
    made = in_blocks(graph, 3)
    found = {node.op for node, one in zip(made.nodes, places(made), strict=True) if one.meets}
    assert found == {"sum", "contract", "scatter_add"}
    for node, one in zip(made.nodes, places(made), strict=True):
        assert ("block" in dict(node.attrs)) == one.meets
        if one.meets:
            assert node.attr("block") == 3 and node.line
    assert str(parse_graph(print_graph(made))) == str(made)
    assert places(in_blocks(graph, 3)) == places(made)


@pytest.mark.parametrize(
    ("function", "types"),
    [
        (lambda x: c.sum(c.permute_dims(x, (1, 0))), (ROWS,)),
        (lambda x: c.sum(c.permute_dims(x, (1, 0)), keepdims=True), (ROWS,)),
        (lambda x: c.sum(c.reshape(x, (2 * N, 2)), 0), (ROWS,)),
        (
            lambda x, y: c.contract(x, y, summed=[(1, 0), (0, 1)]),
            (TensorType(float32, (N, 4, 2)), TensorType(float32, (4, N, 3))),
        ),
        (
            lambda w, i, u: apply("scatter_add", w, i, u, axis=1),
            (
                TensorType(float32, (2, 5, 3)),
                TensorType(int64, (4, N)),
                TensorType(float32, (2, 4, N, 3)),
            ),
        ),
    ],
)
def test_the_axis_of_the_rows_comes_first(function: Any, types: Any) -> None:
    """Whatever stands before it: the same numbers, in blocks of whole rows."""
    graph = graph_of(function, *types)
    made = in_blocks(graph, 2)
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 5, shape) if type.dtype == int64 else rng.normal(size=shape).astype("f4")
        for type in types
        for shape in [[7 if dim == N else dim for dim in type.shape]]
    ]
    np.testing.assert_allclose(run(made, arrays)[0], run(graph, arrays)[0], rtol=1e-5, atol=1e-5)
    blocks = [dict(node.attrs)["block"] for node in made.nodes if "block" in dict(node.attrs)]
    assert blocks == [4 if "reshape" in str(graph) else 2]
