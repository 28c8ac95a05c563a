"""A graph as text, one line a node; `text` says what the form is and reads it back.

In: a graph, and what is to stand behind its nodes. Out: its text. This stands below `node`, so
that a Graph can print itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

_NOTES_AT = 88  # a longer line does not push the notes of the others further to the right


class Printable(Protocol):
    """What is printed of a Graph."""

    @property
    def nodes(self) -> Sequence[Any]: ...

    @property
    def inputs(self) -> Sequence[int]: ...

    @property
    def outputs(self) -> Sequence[int]: ...

    @property
    def consts(self) -> Mapping[str, Any]: ...

    @property
    def input_names(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...


def show_attr(value: Any) -> str:
    """An attribute as the parser reads it."""
    if isinstance(value, tuple):
        inner = ", ".join(show_attr(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return json.dumps(value)  # escapes quotes and every kind of line end
    return repr(value)


def names(graph: Printable) -> list[str]:
    """A short unique name for each node: its input name, or `v` and its position."""
    taken = set(graph.input_names) | set(graph.consts)
    result: list[str] = []
    for position, node in enumerate(graph.nodes):
        if node.is_input or node.is_const:
            result.append(str(node.attr("name")))
            continue
        name = f"v{position}"
        while name in taken:
            name += "_"
        taken.add(name)
        result.append(name)
    return result


def print_graph(
    graph: Printable,
    values: Sequence[str] | None = None,
    lines: bool = True,
    most: int | None = None,
) -> str:
    """`graph` as text.

    Args:
        values: what is written behind each node, after a `→`; an empty text leaves it out.
        lines: whether each node names its source line.
        most: how many nodes, inputs and outputs are printed at most; a line says how many are left
            out of the middle. None prints all, in a form that `parse_graph` reads.
    """
    name = names(graph)
    heads = (f"{name[i]}: {graph.nodes[i].type!r}" for i in graph.inputs)
    rows = [(f"graph({_listed(heads, len(graph.inputs), most)})", "")]
    first, last = _ends(len(graph), most)
    shown = list(values) if values is not None else [""] * len(graph)
    for position in range(first):
        rows += _row(graph, position, name, shown[position], lines)
    if last > first:
        rows.append((_left_out(last - first), ""))
    for position in range(last, len(graph)):
        rows += _row(graph, position, name, shown[position], lines)
    outputs = (name[i] for i in graph.outputs)
    rows.append((f"return {_listed(outputs, len(graph.outputs), most)}", ""))
    width = min(max((len(row) for row, note in rows if note), default=0), _NOTES_AT)
    return "\n".join(f"{row:<{width}}  {note}" if note else row for row, note in rows) + "\n"


def _row(
    graph: Printable, position: int, name: Sequence[str], value: str, lines: bool
) -> list[tuple[str, str]]:
    """The line of a node and the note behind it; an input without a value has none."""
    node = graph.nodes[position]
    left = f"{name[position]}: {node.type!r}"
    if node.is_input:
        return [(left, f"→ {value}")] if value else []
    if node.is_const:
        return [(f"const {left} sha256:{graph.consts[name[position]].sha256}", "")]
    arguments = [name[source] for source in node.inputs]
    arguments += [f"{key}={show_attr(attr)}" for key, attr in node.attrs]
    notes = [f"→ {value}"] if value else []
    if lines and node.line:
        notes.append(f"# {node.line}")
    return [(f"{left} = {node.op}({', '.join(arguments)})", "  ".join(notes))]


def _ends(count: int, most: int | None) -> tuple[int, int]:
    """Where the middle that is left out starts and ends."""
    if most is None or count <= most:
        return count, count
    return most - most // 2, count - most // 2


def _left_out(count: int) -> str:
    return f"… {count:,} nodes left out: pellucid.graph.text.print_graph(graph) prints them all"


def _listed(words: Iterable[str], count: int, most: int | None) -> str:
    shown = list(words)
    first, last = _ends(count, most)
    middle = [f"… {last - first:,} more"] if last > first else []
    return ", ".join([*shown[:first], *middle, *shown[last:]])
