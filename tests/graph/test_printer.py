"""A graph prints itself: whole where it is short, without its middle where it is long."""

import time

import pytest

from pellucid.core.errors import MAX_MESSAGE as MESSAGE
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import LONGEST, Graph, Node, TensorType
from pellucid.graph.text import parse_graph, print_graph
from tests.compiler.any_graph import AnyGraph


def chain(length: int) -> Graph:
    """x, then -x, -(-x), …"""
    nodes = [Node("input", (), (("name", "x"),), AnyGraph(0).graph().nodes[0].type)]
    type = TensorType(nodes[0].type.dtype, (3,))
    nodes[0] = Node("input", (), (("name", "x"),), type)
    nodes += [Node("negative", (i,), (), type) for i in range(length)]
    return Graph(tuple(nodes), (0,), (length,))


@pytest.mark.parametrize("seed", range(12))
def test_a_graph_is_its_text(seed):
    graph = AnyGraph(seed).graph()
    assert str(graph) == repr(graph) == f"{graph}" == print_graph(graph).rstrip("\n")
    assert parse_graph(str(graph)) == graph


def test_a_long_graph_is_cut_and_says_so_and_print_graph_prints_it_whole():
    graph = chain(100_000)
    start = time.process_time()
    text = str(graph)
    assert time.process_time() - start < 5
    rows = text.splitlines()
    assert len(rows) <= LONGEST + 3
    assert rows[0] == "graph(x: f32[3])" and rows[-1] == "return v100000"
    assert rows[1].startswith("v1: ") and rows[-2].startswith("v100000: ")
    (note,) = (row for row in rows if "left out" in row)
    assert note.startswith(f"… {100_001 - LONGEST:,} nodes left out: ")
    advice = note.split(": ")[1]
    assert advice.startswith("pellucid.graph.text.print_graph(graph)")
    assert len(print_graph(graph).splitlines()) == 100_002


@pytest.mark.parametrize("count", [LONGEST - 1, LONGEST])
def test_up_to_the_bound_nothing_is_left_out(count):
    graph = chain(count - 1)
    assert len(graph) == count
    assert "left out" not in str(graph)
    assert "left out" in str(chain(count + 1))


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_the_cut_counts_what_it_leaves_out(most):
    text = print_graph(chain(20), ["7"] * 21, most=most)
    shown = sum("→ 7" in row for row in text.splitlines())
    assert shown == most
    assert f"… {21 - most} nodes left out" in text


def test_many_inputs_and_outputs_are_cut_too():
    type = TensorType(chain(1).nodes[0].type.dtype)
    many = 50_000
    nodes = tuple(Node("input", (), (("name", f"x{i}"),), type) for i in range(many))
    text = str(Graph(nodes, tuple(range(many)), tuple(range(many))))
    assert len(text) < 40 * LONGEST
    assert text.count(f"… {many - LONGEST:,} more") == 2


@pytest.mark.parametrize("got", [chain(100_000), "x" * 10**6, list(range(10**5))], ids=type)
def test_a_message_about_something_large_is_short(got):
    error = ArgumentError("show", f"expected a function, got {got!r}", "Pass one.")
    assert len(str(error)) < MESSAGE + 200
    assert "characters left out" in str(error)
    assert str(error).startswith("[show] expected a function, got ")
    assert str(error).endswith("Pass one.")


def test_equal_graphs_are_equal_still():
    assert chain(5) == chain(5) != chain(6)
