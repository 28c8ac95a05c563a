"""The derivation of a gradient: the lines of a function, and the gradients back through them.

In: a graph with one scalar output. Out: lines of expressions, in the order in which a person would
write them down. Nodes that only give a tensor other axes get no line: they are read through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.autodiff.cotangents import Activity
from pellucid.graph.node import CONST, INPUT, Graph, Node
from pellucid.ops.spec import Kind, ZeroGradient, lookup
from pellucid.viz.algebra import Within, simplified
from pellucid.viz.facts import Use, fact, handed_on
from pellucid.viz.notation import (
    ONE,
    ZERO,
    Expr,
    Index,
    add,
    at,
    elements,
    rewrite,
    size,
    substitute,
)
from pellucid.viz.reading import Sight, axes_of, is_plain, named, read, sizes

_ARITHMETIC = ("num", "index", "element", "add", "mul", "div", "pow")
_INLINE = 14  # a part that does not move is written where it is used, if it is no longer than this
_PUT_IN, _PUT_IN_SUM = 30, 10  # up to this size a gradient is put into the next line
_WHOLE = 80  # a line is not made longer than this by what is put in


@dataclass(frozen=True)
class Term:
    """What one use adds to a gradient, and the fact behind it."""

    expr: Expr
    fact: str


@dataclass(frozen=True)
class Line:
    """A line of the function, or of its gradient.

    Args:
        node: the position of the node that it defines, or whose gradient it is.
        axes: the indices on its left side.
        terms: its right side as the rules give it, one term a use.
        result: the right side with known gradients put in, simplified.
        note: why a gradient ends here, if it does, or what else was used for the result.
    """

    node: int
    axes: tuple[Index, ...]
    terms: tuple[Term, ...]
    result: Expr
    note: str = ""

    @property
    def raw(self) -> Expr:
        return add(*(term.expr for term in self.terms))


class Derivation:
    """All lines of a function and of its gradient.

    Args:
        graph: one scalar output.
        wrt: the inputs that are differentiated.
        names: the name of each node.
        within: whether the values of an expression are whole numbers from 0 below a count.
    """

    def __init__(self, graph: Graph, wrt: Sequence[int], names: Sequence[str], within: Within):
        self.graph, self.wrt, self.names = graph, wrt, list(names)
        self.counted: list[str] = []  # the labels of which algebra used that each is one class
        self._classes = within
        self.end = graph.outputs[0]
        self.needed = graph.needed()
        self.active = Activity(graph, wrt).active
        self.read: list[Sight] = []  # what each node says
        self.sights: list[Sight] = []  # what stands for it elsewhere
        self.hidden: list[bool] = []
        self.simple: dict[str, Sight] = {}  # lines that algebra may look into
        for position in range(len(graph)):
            self._forward(position)
        self.terms: dict[int, list[Term]] = {}
        self.known: dict[int, Sight] = {}  # gradients short enough to be put in
        self.gradient = [line for line in map(self._backward, reversed(range(len(graph)))) if line]

    @property
    def function(self) -> list[Line]:
        """The lines of the function."""
        return [
            Line(n, self.read[n].axes, (), self.read[n].expr, self._why(n))
            for n, node in enumerate(self.graph.nodes)
            if self.needed[n] and not self.hidden[n] and node.op not in (INPUT, CONST)
        ]

    def _forward(self, position: int) -> None:
        node = self.graph.nodes[position]
        boolean = node.type.dtype.kind == "b"
        if node.op in (INPUT, CONST):
            sight = named(self.names[position], axes_of(node), boolean)
            self.read.append(sight)
            self.sights.append(sight)
            self.hidden.append(False)
            return
        sight = read(node, [self.sights[source] for source in node.inputs])
        if sight.expr.head in _ARITHMETIC and len(elements(sight.expr)) == 1:
            self.simple[self.names[position]] = Sight(sight.axes, self._written_out(sight.expr))
        self.read.append(sight)
        self.hidden.append(position != self.end and self._is_hidden(position, node, sight))
        name = named(self.names[position], sight.axes, boolean)
        self.sights.append(sight if self.hidden[-1] else name)

    def _is_hidden(self, position: int, node: Node, sight: Sight) -> bool:
        """Whether a node is written where it is used, instead of in a line of its own."""
        if node.inputs and is_plain(node, self.graph.nodes[node.inputs[0]]):
            return True
        kind, short = lookup(node.op).kind, size(sight.expr) <= _INLINE
        if kind in (Kind.COMPARE, Kind.CREATE):
            return short
        arithmetic = sight.expr.head in _ARITHMETIC or sight.expr.data == "iverson"
        return arithmetic and short and not self.active[position] and not self._why(position)

    def _why(self, position: int) -> str:
        """Why a node hands no gradient on to what moves, where that is so."""
        node = self.graph.nodes[position]
        if not any(self.active[source] for source in node.inputs):
            return ""
        form = lookup(node.op).derivative
        return f"gradient 0: {form.why}" if isinstance(form, ZeroGradient) else ""

    def _backward(self, position: int) -> Line | None:
        """The line of one gradient, after those of all its uses; hands it on to the inputs."""
        if not self.active[position] or not (self.needed[position] or position in self.wrt):
            return None
        if position == self.end:
            self.terms[position] = [Term(ONE, "")]
        terms = self.terms.get(position, [])
        axes = self.sights[position].axes
        if self.hidden[position]:
            for term in terms:
                self._hand_on(position, Sight(axes, term.expr), term.fact)
            return None
        line = self._line(position, axes, terms)
        if position == self.end:
            self._hand_on(position, Sight(axes, ONE), "")
        elif terms:
            name = f"∂{self.names[self.end]}/∂{self.names[position]}"
            self._hand_on(position, named(name, axes, of=position), "")
        own = position == self.end and self.graph.nodes[position].op != INPUT
        return None if own else line

    def _line(self, position: int, axes: tuple[Index, ...], terms: list[Term]) -> Line:
        if not terms:
            return Line(position, axes, (), ZERO, self._dead_end(position))
        raw = add(*(term.expr for term in terms))
        self.counted.clear()
        result = self._shortest(raw)
        note = "".join(f"; Σ_k [{label} = k] = 1" for label in dict.fromkeys(self.counted))
        limit = _PUT_IN_SUM if _has_sum(result) else _PUT_IN
        if size(result) <= limit:
            self.known[position] = Sight(axes, result)
        return Line(position, axes, tuple(terms), result, note)

    def _shortest(self, raw: Expr) -> Expr:
        """A gradient with the known ones put in; with 1 - p for its name too, if that is shorter.

        It is left to the names of other gradients where it would become too long to read.
        """
        whole = self._put_in(raw)
        written_out = self._written_out(whole)
        forms = [whole] if written_out == whole else [whole, written_out]
        result = min((simplified(form, self.within) for form in forms), key=size)
        return result if size(result) <= _WHOLE else simplified(raw, self.within)

    def _written_out(self, expr: Expr) -> Expr:
        """`expr` with the right sides of simple lines such as v6[i] = 1 - v4[i] put in."""

        def change(part: Expr) -> Expr:
            sight = self.simple.get(part.data[0]) if part.head == "element" else None
            return part if sight is None or part.data[1] is not None else _filled(sight, part.parts)

        return rewrite(expr, change)

    def _dead_end(self, position: int) -> str:
        """Why nothing comes back to a node that moves."""
        users = [n for n, node in enumerate(self.graph.nodes) if position in node.inputs]
        why = [self._why(n).removeprefix("gradient 0: ") for n in users if self.needed[n]]
        reasons = [one for one in dict.fromkeys(why) if one]
        return "; ".join(reasons) or f"{self.names[self.end]} does not depend on it"

    def within(self, labels: Expr, count: int) -> bool:
        known = self._classes(labels, count)
        self.counted += [str(labels.data[0])] if known else []
        return known

    def _put_in(self, expr: Expr) -> Expr:
        """`expr` with the gradients that are known in place of their names."""

        def change(part: Expr) -> Expr:
            sight = self.known.get(part.data[1]) if part.head == "element" else None
            return part if sight is None else _filled(sight, part.parts)

        return rewrite(expr, change)

    def _hand_on(self, position: int, ct: Sight, known_fact: str) -> None:
        """Adds to the gradients of the inputs what this node's gradient gives them."""
        node = self.graph.nodes[position]
        if node.op in (INPUT, CONST):
            return
        types = tuple(self.graph.nodes[source].type for source in node.inputs)
        inputs = tuple(self.sights[source] for source in node.inputs)
        for i, source in enumerate(node.inputs):
            if not self.active[source] or not lookup(node.op).differentiable(i):
                continue
            use = Use(node, i, types, inputs, self.sights[position])
            given = handed_on(use, ct)
            if given is not None:
                axes = self.sights[source].axes
                expr = given.place([at(axis) for axis in axes])
                own = (known_fact or fact(use)) + self._repeated(node, source)
                self.terms.setdefault(source, []).append(Term(expr, own))

    def _repeated(self, node: Node, source: int) -> str:
        """What is said where an operand was repeated along axes that it does not have."""
        own = [dim for dim in sizes(self.graph.nodes[source]) if dim != 1]
        wide = [dim for dim in sizes(node) if dim != 1]
        spread = lookup(node.op).kind is Kind.ELEMENTWISE or node.op == "broadcast_to"
        return "; summed over its repetitions" if spread and own != wide else ""


def _filled(sight: Sight, places: Sequence[Expr]) -> Expr:
    """What a name stands for, at the places written behind it."""
    axes = [axis for axis in sight.axes if axis.length != 1]
    return substitute(sight.expr, dict(zip(axes, places, strict=True)))


def _has_sum(expr: Expr) -> bool:
    return expr.head == "total" or any(map(_has_sum, expr.parts))
