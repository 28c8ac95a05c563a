"""The text form of a graph: one line a node, printed and read back without loss.

    graph(x: f32[N,2], W: f32[2,1])
    v2: f32[N,1] = contract(x, W, batch=(), summed=((1, 0),))  # xor.py:12
    return v2

`const c0: f32[784,10] sha256:…` stands for an array beside the graph; its values are not in the
text. Shown values follow a `→` and are not read back. `printer` writes the text: it stands below
`node`, so that a Graph can print itself.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pellucid.core import shapes
from pellucid.core.dtypes import BY_CODE, BY_NAME
from pellucid.core.errors import GraphError, PellucidError
from pellucid.core.shapes import Batch, Dim
from pellucid.graph.node import CONST, INPUT, Constant, Graph, Node, TensorType, attributes
from pellucid.graph.printer import print_graph, show_attr

__all__ = ["MAX_TEXT", "parse_graph", "print_graph", "show_attr"]

MAX_TEXT = 64 * 2**20  # characters; a longer text is refused before it is read
_MOST_ITEMS = 1 << 16  # in the attributes of one node
_WORD = r"[-+\w.]{1,400}(?![-+\w.])"  # a float in full has 340 characters
_EDGES = 8  # inputs a node, on average, that a text may have where its nodes are limited
_NAME = r"[^\W\d][\w.\[\]/@-]*"
_BATCH = r"(?:[1-9][0-9]{0,17})?N\b"
_DIM = _BATCH + r"|[0-9]{1,19}(?![0-9N])"
_compiled = lru_cache(re.compile)


def _batch(word: str) -> Batch:
    return Batch(int(word[:-1] or 1))


class _Reader:
    """A cursor over one line. Nesting in attributes is limited, so reading never recurses far."""

    def __init__(self, line: str, number: int):
        self.line, self.number, self.at, self.items = line, number, 0, 0

    def fail(self, expected: str) -> GraphError:
        got = self.line[self.at : self.at + 20] or "the end of the line"
        return GraphError("graph text", f"line {self.number}: expected {expected}, got {got!r}")

    def take(self, pattern: str, expected: str) -> str:
        found = _compiled(r"\s*(" + pattern + ")").match(self.line, self.at)
        if not found:
            raise self.fail(expected)
        self.at = found.end()
        return found.group(1)

    def peek(self, token: str) -> bool:
        at, line = self.at, self.line
        while line[at : at + 1].isspace():
            at += 1
        if not line.startswith(token, at):
            return False
        self.at = at + len(token)
        return True

    def name(self) -> str:
        return self.take(_NAME, "a name")

    def type(self) -> TensorType:
        code = self.take(r"[a-z][0-9]+", "a type such as f32[3]")
        if code not in BY_CODE:
            raise self.fail(f"a dtype among {', '.join(BY_CODE)}")
        self.take(r"\[", "[")
        shape: list[Dim] = []
        while not self.peek("]"):
            if len(shape) == shapes.MAX_AXES:
                raise self.fail(f"at most {shapes.MAX_AXES} axes")
            if shape:
                self.take(",", "a comma")
            dim = self.take(_DIM, "a dimension")
            shape.append(_batch(dim) if dim.endswith("N") else int(dim))
        try:
            return TensorType(BY_CODE[code], shapes.check("graph text", shape))
        except PellucidError as error:
            raise GraphError("graph text", f"line {self.number}: {error.problem}") from error

    def value(self, depth: int = 0) -> Any:
        if depth > 8:
            raise self.fail("attributes nested at most 8 deep")
        self.items += 1
        if self.items > _MOST_ITEMS:
            raise self.fail(f"at most {_MOST_ITEMS:,} values in attributes")
        if self.peek("("):
            items = []
            while not self.peek(")"):
                items.append(self.value(depth + 1))
                if not self.peek(","):
                    self.take(r"\)", "a closing bracket")
                    break
            return tuple(items)
        if self.peek('"'):
            return self.text()
        return self.word(self.take(_WORD, "a value"))

    def text(self) -> str:
        """The rest of a text behind its opening quote."""
        found = _compiled(r'(?:[^"\\]|\\.)*+"').match(self.line, self.at)
        if not found:
            raise self.fail("a closing quote")
        try:
            body = str(json.loads('"' + found.group()))
        except ValueError:
            raise self.fail("a text with the escapes of JSON") from None
        self.at = found.end()
        return body

    def is_at_end(self) -> bool:
        return _compiled(r"\s*$").match(self.line, self.at) is not None

    def end(self) -> None:
        """Nothing may follow but a shown value and a source line."""
        if not _compiled(r"\s*(?:[→#].*)?$").match(self.line, self.at):
            raise self.fail("the end of the line")

    def source_line(self) -> str | None:
        """The `file.py:12` behind the first `# ` of the rest, where the rest ends in one."""
        rest = self.line.rstrip()
        stem = rest.rstrip("0123456789")
        if stem == rest or not stem.endswith(":"):
            return None
        found = _compiled(r"# (?=\S)").search(self.line, self.at)
        if found is None or found.end() >= len(stem) - 1:
            return None
        return rest[found.end() :]

    def word(self, word: str) -> Any:
        known: dict[str, Any] = {"True": True, "False": False, "None": None, "nan": math.nan}
        if word in known:
            return known[word]
        if word in BY_NAME:
            return BY_NAME[word]
        if re.fullmatch(_BATCH, word):
            return _batch(word)
        try:
            return int(word) if re.fullmatch(r"-?[0-9]{1,40}", word) else float(word)
        except ValueError:
            raise self.fail(f"a number, a name in quotes or a dtype instead of {word!r}") from None


def parse_graph(
    text: str,
    consts: Mapping[str, Constant] | None = None,
    type_rule: Callable[[str, Sequence[TensorType], Mapping[str, Any]], TensorType] | None = None,
    most: int = sys.maxsize,
) -> Graph:
    """The graph that `text` describes, in time and memory that its length and `most` bound.

    Args:
        consts: the arrays beside the text, by name; a `const` line must match in type and hash.
        type_rule: computes the type of each node; a text that states another is refused.
        most: how many nodes it may have.

    Raises:
        GraphError: at the first line that is not well formed, with its number.
    """
    if len(text) > MAX_TEXT:
        raise GraphError("graph text", f"at most {MAX_TEXT:,} characters, got {len(text):,}")
    rows = _rows(text)
    head = next(rows, None)
    if head is None:
        raise GraphError("graph text", "expected a line 'graph(…)', got an empty text")
    nodes: list[Node] = []
    place: dict[str, int] = {}
    table: dict[str, Constant] = {}
    edges = 0

    def add(reader: _Reader, name: str, node: Node) -> None:
        if name in place:
            raise GraphError("graph text", f"line {reader.number}: {name} is defined twice")
        nonlocal edges
        edges += len(node.inputs)
        if len(nodes) >= most or edges // _EDGES > most:
            raise GraphError(
                "graph text", f"line {reader.number}: expected at most {most:,} nodes, got more"
            )
        place[name] = len(nodes)
        nodes.append(node)

    reader = _Reader(*head)
    reader.take(r"graph\(", "graph(")
    while not reader.peek(")"):
        if nodes:
            reader.take(",", "a comma")
        name = reader.name()
        reader.take(":", "a colon")
        add(reader, name, Node(INPUT, (), (("name", name),), reader.type()))
    reader.end()
    inputs = tuple(range(len(nodes)))
    outputs: tuple[int, ...] | None = None
    for row, number in rows:
        reader = _Reader(row, number)
        if outputs is not None:
            raise reader.fail("nothing behind the return line")
        if _compiled(r"\s*return(\s|$)").match(row):
            reader.take("return", "return")
            outputs = _outputs(reader, place)
        elif _compiled(r"\s*const\s").match(row):
            reader.take("const", "const")
            name = reader.name()
            reader.take(":", "a colon")
            type = reader.type()
            sha256 = reader.take(r"sha256:[0-9a-f]{64}", "sha256: and 64 digits")[7:]
            reader.end()
            table[name] = _constant(reader, name, type, sha256, consts)
            add(reader, name, Node(CONST, (), (("name", name),), type))
        else:
            name, known = reader.name(), len(nodes)
            reader.take(":", "a colon")
            type = reader.type()
            if not reader.peek("="):
                if place.get(name, known) >= len(inputs):
                    raise reader.fail("=")
                _shown_input(reader, nodes[place[name]], type)
                continue
            add(reader, name, _node(reader, type, place, nodes, type_rule))
    if outputs is None:
        raise GraphError("graph text", "expected a last line 'return …', got none")
    return Graph(tuple(nodes), inputs, outputs, table)


def _rows(text: str) -> Iterator[tuple[str, int]]:
    """The lines of `text` that are not blank, one by one, and their numbers."""
    start, number = 0, 1
    while start <= len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        row = text[start:stop]
        if row and not row.isspace():
            yield row, number
        start, number = stop + 1, number + 1


def _shown_input(reader: _Reader, node: Node, type: TensorType) -> None:
    """A line that shows the value of an input says nothing new."""
    if type != node.type:
        raise reader.fail(f"{node.type!r} as in the first line")
    reader.end()


def _outputs(reader: _Reader, place: Mapping[str, int]) -> tuple[int, ...]:
    found: list[int] = []
    while not reader.is_at_end():
        if found:
            reader.take(",", "a comma")
        found.append(_position(reader, reader.name(), place))
    reader.end()
    return tuple(found)


def _position(reader: _Reader, name: str, place: Mapping[str, int]) -> int:
    if name not in place:
        raise GraphError("graph text", f"line {reader.number}: {name} is used before it is defined")
    return place[name]


def _constant(
    reader: _Reader,
    name: str,
    type: TensorType,
    sha256: str,
    consts: Mapping[str, Constant] | None,
) -> Constant:
    if consts is None:
        return Constant(type, None, sha256)
    const = consts.get(name)
    if const is None or const.type != type or const.sha256 != sha256:
        got = "none" if const is None else f"{const.type!r} sha256:{const.sha256}"
        raise GraphError(
            "graph text",
            f"line {reader.number}: const {name} must be {type!r} sha256:{sha256}, got {got}",
        )
    return const


def _node(
    reader: _Reader,
    type: TensorType,
    place: Mapping[str, int],
    nodes: Sequence[Node],
    type_rule: Callable[[str, Sequence[TensorType], Mapping[str, Any]], TensorType] | None,
) -> Node:
    op = reader.name()
    if op in (INPUT, CONST):
        raise reader.fail(f"an operation instead of {op}")
    reader.take(r"\(", "(")
    inputs: list[int] = []
    attrs: dict[str, Any] = {}
    first = True
    while not reader.peek(")"):
        if not first:
            reader.take(",", "a comma")
        first = False
        word = reader.name()
        if not reader.peek("="):
            inputs.append(_position(reader, word, place))
        elif word in attrs:
            raise reader.fail(f"{word} only once")
        else:
            attrs[word] = reader.value()
    reader.end()
    if type_rule is not None:
        _check_type(reader, op, [nodes[i].type for i in inputs], attrs, type, type_rule)
    return Node(op, tuple(inputs), attributes(attrs), type, reader.source_line())


def _check_type(
    reader: _Reader,
    op: str,
    types: Sequence[TensorType],
    attrs: Mapping[str, Any],
    type: TensorType,
    type_rule: Callable[[str, Sequence[TensorType], Mapping[str, Any]], TensorType],
) -> None:
    try:
        known = type_rule(op, types, attrs)
    except PellucidError as error:
        raise GraphError(
            "graph text", f"line {reader.number}: [{error.where}] {error.problem}", error.fix
        ) from error
    if known != type:
        raise GraphError(
            "graph text", f"line {reader.number}: {op} gives {known!r}, the text says {type!r}"
        )
