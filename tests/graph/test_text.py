"""The text form: golden texts, round trips, and what a text that is not a graph gets."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import autodiff
from pellucid.core.dtypes import ALL, bool_, float32, float64, int64, uint64
from pellucid.core.errors import GraphError
from pellucid.core.shapes import N
from pellucid.graph.node import Constant, Graph, Node, TensorType, attributes
from pellucid.graph.text import MAX_TEXT, parse_graph, print_graph, show_attr
from pellucid.ops.spec import type_of, verify
from pellucid.ops.value import Builder, Value, apply, elementwise
from tests.ops.graphs import scalar, trace


def dense(x: Value, W: Value, b: Value) -> Any:
    product = apply("contract", x, W, batch=(), summed=((1, 0),))
    return elementwise("tanh", product + b)


def dense_graph() -> Graph:
    types = [TensorType(float32, (N, 2)), TensorType(float32, (2, 3)), TensorType(float32, (3,))]
    return trace(dense, *types, names=("x", "W", "b"))


DENSE = """\
graph(x: f32[N,2], W: f32[2,3], b: f32[3])
v3: f32[N,3] = contract(x, W, batch=(), summed=((1, 0),))
v4: f32[N,3] = add(v3, b)
v5: f32[N,3] = tanh(v4)
return v5
"""

BACKWARD = """\
graph(x: f32[N,2], W: f32[2,3], b: f32[3], ct0: f32[N,3])
v4: f32[N,3] = contract(x, W, batch=(), summed=((1, 0),))
v5: f32[N,3] = add(v4, b)
v6: f32[N,3] = tanh(v5)
v7: f32[N,3] = square(v6)
v8: f32[] = full(dtype=float32, shape=(), value=1.0)
v9: f32[N,3] = subtract(v8, v7)
v10: f32[N,3] = multiply(ct0, v9)
v11: f32[3] = sum(v10, axis=(0,), keepdims=False)
v12: f32[2,3] = contract(x, v10, batch=(), summed=((0, 0),))
return v6, v12, v11
"""


def test_a_layer_as_text() -> None:
    assert print_graph(dense_graph(), lines=False) == DENSE


def test_its_gradient_as_text() -> None:
    assert print_graph(autodiff.vjp(dense_graph(), [1, 2]), lines=False) == BACKWARD


def test_lines_of_the_user_stand_behind_the_nodes_in_one_column() -> None:
    rows = print_graph(dense_graph()).splitlines()
    notes = [row for row in rows if "#" in row]
    assert len(notes) == 3 and all("  # test_text.py:" in row for row in notes)
    assert len({row.index("#") for row in notes}) == 1


def test_values_are_shown_and_not_read_back() -> None:
    graph = dense_graph()
    text = print_graph(graph, values=["[[1, 2]]", "", "0 # 1", "[3]", "→ x.py:3", "4"])
    assert "x: f32[N,2]" in text and "→ [[1, 2]]" in text and "→ 4  # test_text.py:" in text
    again = parse_graph(text, type_rule=type_of)
    assert again == graph and again.nodes[5].line == graph.nodes[5].line


@pytest.mark.parametrize("text", [DENSE, BACKWARD])
def test_golden_texts_read_back(text: str) -> None:
    graph = parse_graph(text, type_rule=type_of)
    verify(graph)
    assert print_graph(graph, lines=False) == text


def test_blank_lines_windows_line_ends_and_comments_are_fine() -> None:
    loose = DENSE.replace("\n", "  \r\n\r\n").replace("(x, W", "(  x ,W").replace("= tanh", "=tanh")
    assert print_graph(parse_graph("\n\n" + loose, type_rule=type_of), lines=False) == DENSE


ATTRIBUTES: list[Any] = [
    0,
    -1,
    2**62,
    -(2**63),
    0.0,
    -0.0,
    1.0,
    1e-300,
    -1.5e22,
    0.1,
    5e-324,
    math.inf,
    -math.inf,
    True,
    False,
    None,
    "",
    "a",
    'say "no"',
    "back\\slash",
    "line\nend",
    "tab\t",
    "\r",
    "\x85",
    "\u2028",
    "→ 3",
    "# x.py:3",
    "λ",
    "N",
    "True",
    "nan",
    "float32",
    "\\n",
    "\\",
    '"',
    (),
    (1,),
    (1, 2),
    ((1, 0),),
    (N,),
    (2 * N, 3),
    N,
    3 * N,
    float32,
    bool_,
    ((), ((),)),
    ("a", 1.0, None),
]


@pytest.mark.parametrize("value", ATTRIBUTES, ids=repr)
def test_attributes_round_trip_with_their_python_type(value: Any) -> None:
    node = Node("op", (), attributes({"value": value, "z": 1}), scalar())
    graph = Graph((node,), (), (0,), {})
    again = parse_graph(print_graph(graph))
    assert again == graph
    assert repr(again.nodes[0].attrs) == repr(node.attrs)
    assert type(again.nodes[0].attr("value")) is type(value)


def test_nan_round_trips() -> None:
    graph = trace(lambda x: elementwise("add", x, math.nan), scalar())
    text = print_graph(graph)
    assert "value=nan" in text
    assert parse_graph(text, type_rule=type_of) == graph
    assert parse_graph(text.replace("=nan", "=-0.0")) != graph


@given(
    st.recursive(
        st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False)
        | st.text(max_size=8)
        | st.booleans()
        | st.none()
        | st.sampled_from(ALL)
        | st.integers(1, 99).map(lambda c: c * N),
        lambda inner: st.lists(inner, max_size=3).map(tuple),
        max_leaves=8,
    )
)
def test_any_attribute_round_trips(value: Any) -> None:
    if show_attr(value).count("(") > 8:
        return
    graph = Graph((Node("op", (), attributes({"value": value}), scalar()),), (), (0,), {})
    assert repr(parse_graph(print_graph(graph)).nodes[0].attrs) == repr(graph.nodes[0].attrs)


def test_names_may_be_odd() -> None:
    """Words of the text form, attribute names, names of values and letters of any language."""
    names = [
        "return",
        "const",
        "graph",
        "axis",
        "N",
        "True",
        "v7",
        "v7_",
        "λ",
        "x.y[0]/z@1-a",
        "_",
        "f32",
    ]
    graph = trace(
        lambda *xs: apply("sum", sum(xs[1:], xs[0]), axis=(), keepdims=False),
        *[TensorType(float64, ())] * len(names),
        names=names,
    )
    shown = print_graph(graph, values=["1"] * len(graph))
    assert parse_graph(shown, type_rule=type_of) == graph == parse_graph(print_graph(graph))
    assert parse_graph(shown).input_names == tuple(names)


def test_every_dtype_and_dimension_round_trips() -> None:
    for dtype in ALL:
        for shape in ((), (0,), (3, 2 * N), (2**63 - 1,), (N, 1, 10**18)):
            graph = trace(lambda x: x, TensorType(dtype, shape))
            assert parse_graph(print_graph(graph)) == graph


class TestConstants:
    """Arrays beside the graph: the text names type and hash, the values stand elsewhere."""

    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    type = TensorType(float32, (2, 3))

    def graph(self) -> Graph:
        builder = Builder()
        with builder:
            x = builder.input("x", self.type)
            out = x * builder.const("c0", Constant.of(self.array, self.type))
        return builder.graph([out])

    def test_text(self) -> None:
        graph = self.graph()
        text = print_graph(graph, lines=False)
        digest = graph.consts["c0"].sha256
        assert text.splitlines()[1] == f"const c0: f32[2,3] sha256:{digest}"
        again = parse_graph(text, graph.consts, type_of)
        assert again == graph and again.consts["c0"].array is graph.consts["c0"].array

    def test_without_a_table_the_array_is_missing_and_nothing_else(self) -> None:
        again = parse_graph(print_graph(self.graph()))
        assert again.consts["c0"].array is None and again == self.graph()

    @pytest.mark.parametrize("change", ["missing", "other type", "other array"])
    def test_a_table_that_does_not_fit_is_refused(self, change: str) -> None:
        table = {
            "missing": {},
            "other type": {"c0": Constant.of(self.array.T, TensorType(float32, (3, 2)))},
            "other array": {"c0": Constant.of(self.array + 1, self.type)},
        }[change]
        with pytest.raises(GraphError, match=r"line 2: const c0 must be f32\[2,3\] sha256:"):
            parse_graph(print_graph(self.graph()), table)

    def test_one_array_under_one_name_is_one_node(self) -> None:
        builder = Builder()
        with builder:
            first = builder.const("c", Constant.of(self.array, self.type))
            assert builder.const("c", Constant.of(self.array.copy(), self.type)) is first
            other = builder.const("c", Constant.of(self.array + 1, self.type))
            graph = builder.graph([first + other])
        assert len(graph.consts) == 2 and len(graph) == 3


HEAD = "graph(x: f64[3], y: f64[3])\n"
WRONG = {
    "": "got an empty text",
    "\n \n": "got an empty text",
    "grph(x: f32[])": "line 1: expected graph(, got 'grph(x: f32[])'",
    "graph(x: f32[]": "line 1: expected a comma, got 'the end of the line'",
    "graph(x f32[])": "line 1: expected a colon",
    "graph(x: f32)": "line 1: expected [",
    "graph(x: q99[])": "line 1: expected a dtype among b1, u8",
    "graph(x: f32[-1])": "line 1: expected a dimension, got '-1])'",
    "graph(x: f32[N,2N])": "line 1: the batch size N may stand once in a shape, got (N, 2N)",
    "graph(x: f32[0N])": "line 1: expected a dimension",
    "graph(x: f32[9223372036854775808])": "line 1: a dimension must be a whole number",
    "graph(x: f32[99999999999999999999999])": "line 1: expected a dimension",
    "graph(x: f32[], x: f32[])": "line 1: x is defined twice",
    "graph(3: f32[])": "line 1: expected a name, got '3: f32[])'",
    "graph(x: f32[]) x": "line 1: expected the end of the line, got ' x'",
    HEAD: "expected a last line 'return …', got none",
    HEAD + "return z": "line 2: z is used before it is defined",
    HEAD + "return x y": "line 2: expected a comma, got ' y'",
    HEAD + "return x,": "line 2: expected",
    HEAD + "return x\nreturn x": "line 3: expected nothing behind the return line",
    HEAD + "v = add(x, y)": "line 2: expected a colon, got ' = add(x, y)'",
    HEAD + "v: f64[3] add(x, y)": "line 2: expected =",
    HEAD + "v: f64[3] = add x, y": "line 2: expected (",
    HEAD + "v: f64[3] = add(x, y": "line 2: expected a comma, got 'the end of the line'",
    HEAD + "v: f64[3] = add(x y)": "line 2: expected a comma",
    HEAD + "v: f64[3] = add(x, z)": "line 2: z is used before it is defined",
    HEAD + "v: f64[3] = add(v, x)": "line 2: v is used before it is defined",
    HEAD + "v: f64[3] = add(x, y) z": "line 2: expected the end of the line, got ' z'",
    HEAD + "v: f64[4] = add(x, y)\nreturn v": "line 2: add gives f64[3], the text says f64[4]",
    HEAD + "v: f64[3] = ad(x, y)\nreturn v": "line 2: [graph] unknown operation 'ad'",
    HEAD + "v: f64[3] = add(x)\nreturn v": "line 2: [add] expected 2 inputs (x, y), got 1",
    HEAD + "x: f64[3] = tanh(y)": "line 2: x is defined twice",
    HEAD + "x: f64[4] → 3": "line 2: expected f64[3] as in the first line",
    HEAD + 'v: f64[3] = input(name="v")': "line 2: expected an operation instead of input",
    HEAD + "v: f64[] = sum(x, axis=, keepdims=False)": "line 2: expected a value, got ', keepd",
    HEAD + "v: f64[] = sum(x, axis=(0, keepdims=False)": "line 2: expected",
    HEAD + "v: f64[] = sum(x, axis=(0,), axis=(0,))": "line 2: expected axis only once",
    HEAD + "v: f64[] = sum(x, axis=zero)": "a name in quotes or a dtype instead of 'zero'",
    HEAD + 'v: f64[] = sum(x, axis="0)': "line 2: expected a closing quote",
    HEAD + 'v: f64[] = sum(x, axis="\\q")': "line 2: expected a text with the escapes of JSON",
    HEAD + "v: f64[] = sum(x, axis=(((((((((0,": "line 2: expected attributes nested at most 8",
    HEAD + 'v: f64[] = sum(x, axis=("a",), keepdims=False)\nreturn v': "line 2: [sum] axis must be",
    HEAD + "v: f64[] = cast(x, dtype=3)\nreturn v": "line 2: [cast] dtype must be a dtype, got 3",
    HEAD + "const c: f64[3]": "line 2: expected sha256: and 64 digits",
    HEAD + "const c: f64[3] sha256:" + "0" * 63: "line 2: expected sha256: and 64 digits",
    HEAD + "const c: f64[3] sha256:" + "0" * 65: "line 2: expected the end of the line",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text)[-50:])
def test_a_wrong_text_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_graph(text, type_rule=type_of)
    assert WRONG[text] in str(caught.value)
    assert str(caught.value).startswith("[graph text] ") and "At test_text.py:" in str(caught.value)


def test_a_text_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(GraphError, match="at most 67,108,864 characters"):
        parse_graph("x" * (MAX_TEXT + 1))


def rich_graph() -> Graph:
    def function(x: Value, i: Value, seed: Value) -> Any:
        padded = apply(
            "pad", x, elementwise("add", seed, 0.5) * 0.0, low=(0, 1), high=(0, 0), interior=(0, 1)
        )
        noise = apply(
            "normal",
            apply("cast", seed, dtype=int64),
            apply("cast", seed, dtype=uint64),
            stream='drop "1"/a',
            shape=(2, 4),
            dtype=float64,
        )
        return apply("gather", padded * noise, i, axis=1), -padded

    types = TensorType(float64, (2, 2)), TensorType(int64, (3,)), TensorType(float64, ())
    return trace(function, *types)


RICH = print_graph(rich_graph())
LETTERS = st.sampled_from(list("()[],:=.#→\"\\ \n\t0123456789Nfx_-+eE'v\x00\x85\u2028λ"))


def named_place(message: str) -> None:
    assert "line " in message or "expected a last line" in message or "empty" in message


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, len(RICH) - 1), st.integers(0, 4), st.text(LETTERS, max_size=3)),
        max_size=4,
    )
)
def test_a_changed_text_is_a_graph_or_a_graph_error(edits: list[tuple[int, int, str]]) -> None:
    text = RICH
    for place, gone, new in edits:
        text = text[:place] + new + text[place + gone :]
    try:
        graph = parse_graph(text, type_rule=type_of)
    except GraphError as error:
        named_place(str(error))
        return
    verify(graph)
    assert parse_graph(print_graph(graph), type_rule=type_of) == graph


@settings(max_examples=200)
@given(st.text(LETTERS | st.characters(), max_size=60))
def test_any_text_is_a_graph_or_a_graph_error(text: str) -> None:
    for prefix in ("", HEAD, HEAD + "v: f64[3] = add(x, ", HEAD + "v: f64[] = sum(x, axis="):
        with suppress(GraphError):
            verify(parse_graph(prefix + text, type_rule=type_of))


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_exchanged_and_repeated_lines_are_a_graph_or_a_graph_error(i: int, j: int) -> None:
    rows = RICH.splitlines()
    rows[i % len(rows)], rows[j % len(rows)] = rows[j % len(rows)], rows[i % len(rows)]
    for text in ("\n".join(rows), "\n".join([*rows[: i % len(rows)], *rows[j % len(rows) :]])):
        with suppress(GraphError):
            verify(parse_graph(text, type_rule=type_of))
