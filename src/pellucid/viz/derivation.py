"""The derivation of a gradient: the lines of a function, and the gradients back through them.

In: a graph with one scalar output. Out: lines of expressions, in the order in which a person would
write them down. Nodes that only give a tensor other axes get no line: they are read through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pellucid.autodiff.cotangents import Activity
from pellucid.graph.node import CONST, INPUT, Graph, Node
from pellucid.ops.spec import Kind, ZeroGradient, lookup
from pellucid.viz.algebra import Known, simplified
from pellucid.viz.expression import (
    ONE,
    ZERO,
    Expr,
    Index,
    add,
    at,
    elements,
    mul,
    rewrite,
    size,
    substitute,
)
from pellucid.viz.indexing import Indexed, axes_of, named, only_moves_axes, read, sizes
from pellucid.viz.rules import Use, contribution, matrix_form, rule
from pellucid.viz.softmax import Softmax

_ARITHMETIC = ("num", "index", "element", "add", "mul", "div", "pow")
_INLINE = 14  # a part that does not move is written where it is used, if it is no longer than this
_PUT_IN, _PUT_IN_SUM = 30, 10  # up to this size a gradient is put into the next line
_WHOLE = 80  # a line is not made longer than this by what is put in


@dataclass(frozen=True)
class Term:
    """What one use adds to a gradient, and the rule behind it."""

    expr: Expr
    rule: str


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
        softmaxes: the quotients e^z / Σ e^z in the graph.
        known: what is known of the numbers at hand.
    """

    def __init__(
        self,
        graph: Graph,
        wrt: Sequence[int],
        names: Sequence[str],
        softmaxes: Sequence[Softmax],
        known: Known,
    ):
        self.graph, self.wrt, self.names = graph, wrt, list(names)
        self._numbers = known
        self.softmaxes = {one.quotient: one for one in softmaxes}
        self.shares: dict[str, Indexed] = {}  # e^z as its probability times Σ e^z
        self.end = graph.outputs[0]
        self.needed = graph.needed()
        self.users: list[list[int]] = [[] for _ in graph.nodes]
        for position, node in enumerate(graph.nodes):
            for source in dict.fromkeys(node.inputs):
                self.users[source].append(position)
        self.active = Activity(graph, wrt).active
        self.formulas: list[Indexed] = []  # what each node says
        self.operands: list[Indexed] = []  # what stands for it elsewhere
        self.hidden: list[bool] = []
        self.simple: dict[str, Indexed] = {}  # lines that algebra may look into
        for position in range(len(graph)):
            self._forward(position)
        for one in softmaxes:
            self._share(one)
        self.terms: dict[int, list[Term]] = {}
        self.known: dict[int, Indexed] = {}  # gradients short enough to be put in
        self.gradient = [line for line in map(self._backward, self._order()) if line]

    def _order(self) -> list[int]:
        """From the last node to the first, each input behind its first use: layer by layer."""
        is_input = set(self.graph.inputs)
        due: dict[int, list[int]] = {}
        for position in reversed(self.graph.inputs):
            due.setdefault(min(self.users[position], default=-1), []).append(position)
        order: list[int] = []
        for position in reversed(range(len(self.graph))):
            order += [] if position in is_input else [position]
            order += due.get(position, [])
        return [*order, *due.get(-1, [])]

    @property
    def function(self) -> list[Line]:
        """The lines of the function; a probability that only the gradient needs is among them."""
        read = {part.data[0] for line in self.gradient for part in elements(line.result)}
        lines = [
            Line(
                n,
                self.formulas[n].axes,
                (),
                self.formulas[n].expr,
                self._why(n) or self._is_softmax(n),
            )
            for n, node in enumerate(self.graph.nodes)
            if (self.needed[n] or (n in self.softmaxes and self.names[n] in read))
            and not self.hidden[n]
            and node.op not in (INPUT, CONST)
        ]
        return sorted(lines, key=lambda line: self._place(line.node))

    def _place(self, position: int) -> float:
        """Where the line of a node stands: a probability comes behind its sum."""
        own = position in self.softmaxes and not self.needed[position]
        return self.softmaxes[position].total + 0.5 if own else position

    def _is_softmax(self, position: int) -> str:
        one = self.softmaxes.get(position)
        if one is None:
            return ""
        logits = self.operands[one.logits]
        plain = tuple(at(axis) for axis in logits.axes if axis.length != 1)
        named = logits.expr.head == "element" and logits.expr.parts == plain
        text = f"softmax({logits.expr.data[0]})" if named else "a softmax"
        if one.shift is None:
            return text
        own = "its shift" if self.hidden[one.shift] else f"the shift by {self.names[one.shift]}"
        return f"{text}: {own} cancels"

    def _share(self, one: Softmax) -> None:
        """e^z is its probability times Σ e^z: shorter where that sum is divided by."""
        if not (self.hidden[one.exp] or self.hidden[one.total] or self.hidden[one.quotient]):
            quotient, axes = self.operands[one.quotient], self.formulas[one.quotient].axes
            assert self.formulas[one.quotient].expr.head == "div"
            below = self.formulas[one.quotient].expr.parts[1]
            self.shares[self.names[one.exp]] = Indexed(axes, mul(quotient.expr, below))

    def _forward(self, position: int) -> None:
        node = self.graph.nodes[position]
        boolean = node.type.dtype.kind == "b"
        if node.op in (INPUT, CONST):
            formula = named(self.names[position], axes_of(node), boolean)
            self.formulas.append(formula)
            self.operands.append(formula)
            self.hidden.append(False)
            return
        formula = read(node, [self.operands[source] for source in node.inputs])
        plain = formula.expr.head in _ARITHMETIC or lookup(node.op).kind is Kind.COMPARE
        if plain and len(elements(formula.expr)) == 1:
            self.simple[self.names[position]] = Indexed(
                formula.axes, _replaced(formula.expr, self.simple)
            )
        self.formulas.append(formula)
        self.hidden.append(position != self.end and self._is_hidden(position, node, formula))
        name = named(self.names[position], formula.axes, boolean)
        self.operands.append(formula if self.hidden[-1] else name)

    def _is_hidden(self, position: int, node: Node, formula: Indexed) -> bool:
        """Whether a node is written where it is used, instead of in a line of its own."""
        if node.inputs and only_moves_axes(node, self.graph.nodes[node.inputs[0]]):
            return True
        kind, short = lookup(node.op).kind, size(formula.expr) <= _INLINE
        if kind in (Kind.COMPARE, Kind.CREATE):
            return short
        arithmetic = formula.expr.head in _ARITHMETIC or formula.expr.data == "iverson"
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
        axes = self.operands[position].axes
        if self.hidden[position]:
            for term in terms:
                self._propagate(position, Indexed(axes, term.expr), term.rule)
            return None
        line = self._line(position, axes, terms)
        if position == self.end:
            self._propagate(position, Indexed(axes, ONE), "")
        elif terms:
            name = f"∂{self.names[self.end]}/∂{self.names[position]}"
            self._propagate(position, named(name, axes, of=position), "")
        own = position == self.end and self.graph.nodes[position].op != INPUT
        return None if own else line

    def _line(self, position: int, axes: tuple[Index, ...], terms: list[Term]) -> Line:
        if not terms:
            return Line(position, axes, (), ZERO, self._dead_end(position))
        raw = add(*(term.expr for term in terms))
        result, used = self._shortest(raw)
        own = _replaced(result, self._differences(position))
        if own != result and size(own := simplified(own)) <= _PUT_IN:
            result = own
        note = "".join(f"; {fact}" for fact in dict.fromkeys(used))
        limit = _PUT_IN_SUM if _has_sum(result) else _PUT_IN
        if size(result) <= limit:
            self.known[position] = Indexed(axes, result)
        return Line(position, axes, tuple(terms), result, note)

    def _shortest(self, raw: Expr) -> tuple[Expr, list[str]]:
        """A gradient with the known ones put in, and the facts about the numbers that it needs.

        1 - p for its name, or a probability times Σ e^z for e^z, where that is shorter. It is left
        to the names of other gradients where it would become too long to read.
        """
        whole = self._put_in(raw)
        forms = [whole]
        for table in (self.simple, self.shares):
            forms += [new for form in forms if (new := _replaced(form, table)) != form]
        result, used = min(map(self._simplified, forms), key=lambda found: size(found[0]))
        return (result, used) if size(result) <= _WHOLE else self._simplified(raw)

    def _differences(self, position: int) -> dict[str, Indexed]:
        """The lines v6 = v5 - t of a node v5: its gradient is read as one of v5 itself."""
        return {
            self.names[n]: self.formulas[n]
            for n in self.users[position]
            if self.graph.nodes[n].op == "subtract"
            and not self.hidden[n]
            and n != self.end
            and len(elements(self.formulas[n].expr)) == len(self.formulas[n].expr.parts) == 2
        }

    def _simplified(self, expr: Expr) -> tuple[Expr, list[str]]:
        known = replace(self._numbers, used=[])
        return simplified(expr, known), known.used

    def _dead_end(self, position: int) -> str:
        """Why nothing comes back to a node that moves."""
        users = [n for n in self.users[position] if self.needed[n]]
        why = [self._why(n).removeprefix("gradient 0: ") for n in users]
        reasons = [one for one in dict.fromkeys(why) if one]
        return "; ".join(reasons) or f"{self.names[self.end]} does not depend on it"

    def _put_in(self, expr: Expr) -> Expr:
        """`expr` with the gradients that are known in place of their names."""

        def change(part: Expr) -> Expr:
            formula = self.known.get(part.data[1]) if part.head == "element" else None
            return part if formula is None else _filled(formula, part.parts)

        return rewrite(expr, change)

    def _propagate(self, position: int, ct: Indexed, known_rule: str) -> None:
        """Adds to the gradients of the inputs what this node's gradient gives them."""
        node = self.graph.nodes[position]
        if node.op in (INPUT, CONST):
            return
        types = tuple(self.graph.nodes[source].type for source in node.inputs)
        inputs = tuple(self.operands[source] for source in node.inputs)
        for i, source in enumerate(node.inputs):
            if not self.active[source] or not lookup(node.op).differentiable(i):
                continue
            use = Use(node, i, types, inputs, self.operands[position])
            given = contribution(use, ct)
            if given is not None:
                axes = self.operands[source].axes
                expr = given.place([at(axis) for axis in axes])
                own = (known_rule or rule(use)) + self._repeated(node, source)
                if node.op == "contract" and (form := matrix_form(use, ct.expr)):
                    own += f"; as matrices {form}"
                self.terms.setdefault(source, []).append(Term(expr, own))

    def _repeated(self, node: Node, source: int) -> str:
        """What is said where an operand was repeated along axes that it does not have."""
        own = [dim for dim in sizes(self.graph.nodes[source]) if dim != 1]
        wide = [dim for dim in sizes(node) if dim != 1]
        spread = lookup(node.op).kind is Kind.ELEMENTWISE or node.op == "broadcast_to"
        return "; summed over the axes it was broadcast along" if spread and own != wide else ""


def _filled(formula: Indexed, places: Sequence[Expr]) -> Expr:
    """What a name stands for, at the places written behind it."""
    axes = [axis for axis in formula.axes if axis.length != 1]
    return substitute(formula.expr, dict(zip(axes, places, strict=True)))


def _replaced(expr: Expr, table: Mapping[str, Indexed]) -> Expr:
    """`expr` with the right sides of lines such as v6[i] = 1 - v4[i] in place of their names."""

    def change(part: Expr) -> Expr:
        formula = table.get(part.data[0]) if part.head == "element" else None
        return part if formula is None or part.data[1] is not None else _filled(formula, part.parts)

    return rewrite(expr, change)


def _has_sum(expr: Expr) -> bool:
    return expr.head == "total" or any(map(_has_sum, expr.parts))
