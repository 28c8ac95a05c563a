"""What a text or a file may make of graphs: nodes, axes, names, lines, each with its bound."""

import itertools

import numpy as np
import pytest

from pellucid.core import shapes
from pellucid.core.dtypes import float32
from pellucid.core.errors import ArgumentError, GraphError, ShapeError, nearest
from pellucid.core.shapes import Batch
from pellucid.graph.node import Constant, TensorType
from pellucid.graph.text import parse_graph
from pellucid.ops.composite import sliding
from pellucid.ops.value import Builder, apply, at_most

SCALAR = TensorType(float32)


def chain(length):
    with Builder() as builder:
        value = builder.input("x", SCALAR)
        for _ in range(length):
            value = apply("exp", value)
        return builder.graph([value])


def test_nodes_are_counted_over_all_graphs_of_a_thread():
    def two():
        assert len(chain(4)) == 5
        with pytest.raises(GraphError, match="the size of the file allows"):
            chain(5)

    at_most(10, two)
    assert len(chain(20)) == 21


def test_a_bound_inside_a_bound_does_not_lift_it():
    with pytest.raises(GraphError, match="the size of the file allows"):
        at_most(3, at_most, 100, chain, 4)


@pytest.mark.parametrize("most", [2, 5])
def test_a_text_has_so_many_nodes_at_most(most):
    rows = "".join(f"v{i}: f32[] = exp(x)\n" for i in range(1, 5))
    text = f"graph(x: f32[])\n{rows}return v1\n"
    if most == 5:
        assert len(parse_graph(text, most=most)) == 5
    else:
        with pytest.raises(GraphError, match="line 3: expected at most 2 nodes"):
            parse_graph(text, most=most)


def test_constants_of_one_name_get_numbers_and_equal_ones_are_one():
    one, two, three = (Constant.of(np.float32(n), SCALAR) for n in (1, 2, 3))
    with Builder() as builder:
        builder.input("c_1", SCALAR)
        values = [builder.const("c", each) for each in (one, two, three, one, two)]
        graph = builder.graph(values)
    assert list(graph.consts) == ["c", "c_2", "c_3"]
    assert values[0] is values[3]
    assert values[1] is values[4]
    assert [graph.consts[name] for name in graph.consts] == [one, two, three]


@pytest.mark.parametrize("shape", [(1,) * 65, (Batch(2**63),)])
def test_shapes_that_no_tensor_has(shape):
    with pytest.raises(ShapeError):
        shapes.check("here", shape)


@pytest.mark.parametrize(
    ("note", "line"),
    [
        ("# a.py:12", "a.py:12"),
        ("# a b.py:3  ", "a b.py:3"),
        ("→ 3.5  # a.py:1", "a.py:1"),
        ("# # a.py:1", "# a.py:1"),
        ("# a.py:", None),
        ("# a.py", None),
        ("#a.py:1", None),
        ("→ 12:34", None),
        ("", None),
    ],
)
def test_source_lines(note, line):
    text = f"graph(x: f32[])\nv1: f32[] = exp(x)  {note}\nreturn v1\n"
    assert parse_graph(text).nodes[1].line == line


def sees_all(plan, i, length):
    starts = range(-plan.low[i], plan.counts[i] * plan.strides[i] - plan.low[i], plan.strides[i])
    return all(
        any(0 <= start + j * plan.dilation[i] < length for j in range(plan.size[i]))
        for start in starts
    )


def test_windows_of_padding_alone_are_found_as_by_looking_at_each():
    checked = [0, 0]
    for length, k, s, d, low, high in itertools.product(
        (1, 2, 4), (1, 2, 3), (1, 2, 3), (1, 2, 3, 5), (0, 1, 2, 5), (0, 1, 4)
    ):
        with Builder() as builder:
            x = builder.input("x", TensorType(float32, (1, length, 1)))
            try:
                plan = sliding.sliding("here", x, k, s, ((low, high),), d, 1)
            except (ShapeError, ArgumentError):
                continue
            right = sees_all(plan, 0, length)
            checked[right] += 1
            if right:
                sliding.check_seen("here", x, plan)
            else:
                with pytest.raises(ShapeError, match="padding alone"):
                    sliding.check_seen("here", x, plan)
    assert min(checked) > 100


def test_padding_is_judged_without_looking_at_each_window():
    with Builder() as builder:
        x = builder.input("x", TensorType(float32, (1, 10**12, 1)))
        plan = sliding.sliding("here", x, 10**9, 1, ((10**8, 10**8),), 1, 1)
        sliding.check_seen("here", x, plan)


def test_messages_and_hints_stay_short():
    error = ShapeError("here", "got " + "x" * 10**6 + " at the end")
    assert len(str(error)) < 3000
    assert "at the end" in str(error)
    assert nearest("relu" * 10**5, ["relu"]) == "Known: relu."
