"""Formulas as MathML, which browsers set without a library: of a node, with letters and numbers.

In: a node of a graph and the names of all nodes. Out: `<math>…</math>`. The formulas are those of
`indexing` and `rules`, so a page says what `pel.explain` says. With numbers put in, the element of
the result at one place is written out: Σ_k x[k]·w[k] becomes 0.5·2 + 1·(−3).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.graph.node import CONST, INPUT, Graph
from pellucid.viz.expression import Expr, Index, add, at, element, is_fraction, number, substitute
from pellucid.viz.formatting import SYMBOLS, Letters, Scope, digits, unsigned
from pellucid.viz.indexing import Indexed, axes_of, named, read
from pellucid.viz.rules import Use, contribution
from pellucid.viz.svg import plain

Array = np.ndarray[Any, Any]
MOST_TERMS = 8  # of a sum that is written out; the rest is dots
MOST_ADDED = 10_000  # terms up to which a contribution is added up here
_SUM, _PRODUCT, _POWER, _CLOSED = range(1, 5)  # what binds how tightly
_INFIX = {
    **{"equal": "=", "not_equal": "≠", "less": "<", "less_equal": "≤"},
    **{"greater": ">", "greater_equal": "≥", "logical_and": "∧", "logical_or": "∨"},
}


class Markup:
    """Writes expressions as MathML.

    Args:
        letters: chooses the letters of indices.
    """

    def __init__(self, letters: Letters):
        self.letters = letters

    def write(self, expr: Expr, scope: Scope) -> str:
        return self._write(expr, scope)[0]

    def _closed(self, expr: Expr, scope: Scope, level: int) -> str:
        text, own = self._write(expr, scope)
        return text if own >= level else _row(_op("("), text, _op(")"))

    def _write(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        writer = getattr(self, f"_{expr.head}")
        result: tuple[str, int] = writer(expr, scope)
        return result

    def _num(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        text = digits(expr.data) if is_fraction(expr) else f"{expr.data:.6g}"
        if text.startswith("-"):
            return _row(_op("−"), f"<mn>{text[1:]}</mn>"), _SUM
        if "/" in text:
            top, bottom = text.split("/")
            return f"<mfrac><mn>{top}</mn><mn>{bottom}</mn></mfrac>", _PRODUCT
        return f"<mn>{escape(text)}</mn>", _CLOSED

    def _index(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        return _name(scope.get(expr.data, "0")), _CLOSED

    def _element(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        inside = [self.write(place, scope) for place in expr.parts]
        name, of = expr.data
        if of is not None and name.startswith("∂"):
            own = gradient_name(name)
            return (f"<msub><mrow>{own}</mrow>{_commas(inside)}</msub>" if inside else own), _CLOSED
        return (f"<msub>{_name(name)}{_commas(inside)}</msub>" if inside else _name(name)), _CLOSED

    def _add(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        parts = []
        for n, term in enumerate(expr.parts):
            minus, rest = unsigned(term)
            if n or minus:
                parts.append(_op("−" if minus else "+"))
            parts.append(self._closed(rest, scope, _PRODUCT))
        return _row(*parts), _SUM

    def _mul(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        minus, rest = unsigned(expr)
        factors = rest.parts if rest.head == "mul" else (rest,)
        shown = [self._closed(factor, scope, _PRODUCT) for factor in factors]
        joined = _row(*_between(shown, _op("·")))
        return (_row(_op("−"), joined), _SUM) if minus else (joined, _PRODUCT)

    def _div(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        top, bottom = (self.write(part, scope) for part in expr.parts)
        return f"<mfrac>{_row(top)}{_row(bottom)}</mfrac>", _POWER

    def _pow(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        base, exponent = expr.parts
        below = self._closed(base, scope, _CLOSED)
        return f"<msup>{_row(below)}{_row(self.write(exponent, scope))}</msup>", _POWER

    def _fun(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        if expr.data == "iverson":
            return _row(_op("["), self.write(expr.parts[0], scope), _op("]")), _CLOSED
        if expr.data in _INFIX:
            both = [self._closed(part, scope, _SUM) for part in expr.parts]
            return _row(*_between(both, _op(_INFIX[expr.data]))), 0
        if expr.data == "sqrt":
            return f"<msqrt>{self.write(expr.parts[0], scope)}</msqrt>", _CLOSED
        if expr.data == "exp":
            return f"<msup><mi>e</mi>{_row(self.write(expr.parts[0], scope))}</msup>", _POWER
        inside = _commas([self.write(part, scope) for part in expr.parts])
        name = SYMBOLS.get(expr.data, expr.data)
        return _row(_name(name), _op("("), inside, _op(")")), _CLOSED

    def _total(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        name, indices = expr.data
        inner = self.letters.scope(indices, scope)
        under = _commas([_name(inner[index]) for index in indices])
        sign = _op("∑") if name == "sum" else _name(name)
        body = self._closed(expr.parts[0], inner, _PRODUCT)
        return _row(f"<munder>{sign}{under}</munder>", body), _SUM

    def _call(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        count = len(expr.data.axes)
        operands = []
        for part, axes in zip(expr.parts[:count], expr.data.axes, strict=True):
            inner = self.letters.scope([i for i in axes if i.length != 1], scope)
            operands.append(self.write(part, inner))
        places = [self.write(place, scope) for place in expr.parts[count:]]
        text = _row(_name(expr.data.op), _op("("), _commas(operands), _op(")"))
        return (f"<msub>{text}{_commas(places)}</msub>" if places else text), _CLOSED


def gradient_name(name: str) -> str:
    """`∂J/∂x` as a fraction."""
    top, _, bottom = name.partition("/")
    pair = [_row(_op("∂"), _name(one.removeprefix("∂"))) for one in (top, bottom)]
    return f"<mfrac>{pair[0]}{pair[1]}</mfrac>" if bottom else pair[0]


def _op(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def _name(text: str) -> str:
    """A name; what stands behind a dot is written below: `hidden.W` as W with hidden under it."""
    text = plain(text)
    if "." in text.strip("."):
        below, last = text.rsplit(".", 1)
        return f"<msub><mi>{escape(last)}</mi><mtext>{escape(below)}</mtext></msub>"
    letter, count = text[:1], text[1:]
    if letter.isalpha() and count.isdigit() and count.isascii():
        return f"<msub><mi>{escape(letter)}</mi><mn>{count}</mn></msub>"
    return f"<mi>{escape(text)}</mi>"


def _row(*parts: str) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _between(parts: Sequence[str], sign: str) -> list[str]:
    return [one for n, part in enumerate(parts) for one in ((sign, part) if n else (part,))]


def _commas(parts: Sequence[str]) -> str:
    return _row(*_between(parts, _op(",")))


def _math(*parts: str) -> str:
    start = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
    return f"{start}{_row(*parts)}</math>"


def _operands(graph: Graph, names: Sequence[str], position: int) -> list[Indexed]:
    """What stands for the operands of a node: their names, and numbers for those that are made."""
    found = []
    for source in graph.nodes[position].inputs:
        node = graph.nodes[source]
        if node.op == "full":
            found.append(read(node, []))
        else:
            found.append(named(names[source], axes_of(node), node.type.dtype.kind == "b"))
    return found


def formula(
    graph: Graph,
    position: int,
    names: Sequence[str],
    values: Sequence[Array] | None = None,
    at_index: Sequence[int] = (),
) -> str:
    """The formula of a node: `a = x·y`; with values also `= 3·(−5) = −15`.

    Args:
        graph: of known sizes, without N.
        position: of the node.
        names: the name of each node.
        values: the value of each node: they are put in for one element of the result.
        at_index: which element, an index for each axis; the first where it is left out.

    Raises:
        ArgumentError: for an input, which has no formula, and for a place outside the result.
    """
    node = graph.nodes[position]
    if node.op in (INPUT, CONST):
        raise ArgumentError(
            "formula", f"an input has no formula, got {names[position]}", "Take a node behind it."
        )
    found = read(node, _operands(graph, names, position))
    letters = Letters(names)
    scope = letters.scope(found.axes)
    left = named(names[position], found.axes).expr
    return _both(left, found, letters, scope, names, values, position, at_index)


def gradient_formula(
    graph: Graph,
    position: int,
    reader: int,
    names: Sequence[str],
    end: str,
    values: Sequence[Array] | None = None,
    gradients: Mapping[int, Array] | None = None,
    at_index: Sequence[int] = (),
) -> str:
    """What one use adds to the gradient of a node: output gradient × local gradient.

    Args:
        position: the node whose gradient it is; `reader` reads it.
        end: the name of the result that is differentiated.
        values, gradients: the values of the nodes, and of their gradients, by position.
        at_index: which element, where numbers are put in.

    Raises:
        ArgumentError: where `reader` does not read the node, or hands no gradient on.
    """
    node = graph.nodes[reader]
    inputs = _operands(graph, names, reader)
    types = tuple(graph.nodes[source].type for source in node.inputs)
    out = named(names[reader], axes_of(node), node.type.dtype.kind == "b")
    name = f"∂{end}/∂{names[reader]}"
    ct = named(name, out.axes, of=reader)
    uses = [
        contribution(Use(node, i, types, tuple(inputs), out), ct)
        for i, source in enumerate(node.inputs)
        if source == position
    ]
    given = [one for one in uses if one is not None]
    if not given:
        raise ArgumentError(
            "gradient_formula",
            f"{names[reader]} must hand a gradient on to {names[position]}, got none",
        )
    axes = axes_of(graph.nodes[position])
    total = add(*(one.place([at(axis) for axis in axes]) for one in given))
    letters = Letters(names)
    left = named(f"∂{end}/∂{names[position]}", axes, of=position).expr
    known = None
    if values is not None and gradients is not None:
        known = {f"∂{end}/∂{names[n]}": array for n, array in gradients.items()}
    found = Indexed(axes, total)
    return _both(left, found, letters, letters.scope(axes), names, values, None, at_index, known)


def _both(
    left: Expr,
    found: Indexed,
    letters: Letters,
    scope: Scope,
    names: Sequence[str],
    values: Sequence[Array] | None,
    position: int | None,
    at_index: Sequence[int],
    more: Mapping[str, Array] | None = None,
) -> str:
    markup = Markup(letters)
    parts = [markup.write(left, scope), _op("="), markup.write(found.expr, scope)]
    if values is None:
        return _math(*parts)
    arrays = {**dict(zip(names, values, strict=False)), **(more or {})}
    sizes = [axis.length for axis in found.axes]
    place = [0] * len(sizes) if not len(at_index) else [int(k) for k in at_index]
    if len(place) != len(sizes) or any(
        not 0 <= k < size for k, size in zip(place, sizes, strict=True)
    ):
        raise ArgumentError(
            "formula", f"at_index must be a place in {tuple(sizes)}, got {tuple(at_index)}"
        )
    here = {axis: number(k) for axis, k in zip(found.axes, place, strict=True)}
    written = _put_in(substitute(found.expr, here), arrays)
    if any(size != 1 for size in sizes):
        parts = [*parts, "<mtext>;  </mtext>", markup.write(substitute(left, here), scope)]
    parts += [_op("="), markup.write(written, scope)]
    if position is not None:
        result = np.asarray(values[position])[tuple(place)].item()
    else:
        result = _worked_out(_put_in(substitute(found.expr, here), arrays, MOST_ADDED, exact=True))
    if result is not None and (last := markup.write(_known(result), scope)) != parts[-1]:
        parts += [_op("="), last]
    return _math(*parts)


def _known(value: Any) -> Expr:
    """A value as it is shown: six digits."""
    if isinstance(value, bool):
        return Expr("num", (), Fraction(int(value)))
    short = float(f"{value:.6g}")
    return Expr(
        "num", (), Fraction(int(short)) if short.is_integer() and abs(short) < 1e6 else short
    )


def _put_in(
    expr: Expr, arrays: Mapping[str, Array], most: int = MOST_TERMS, exact: bool = False
) -> Expr:
    """Numbers in place of elements, and sums written out. What cannot be stays as it is.

    Args:
        most: terms of a sum; behind them stand dots.
        exact: whether numbers keep all digits, for a result; else they are as they are shown.
    """
    if expr.head == "element":
        places = [_whole(part) for part in expr.parts]
        array = arrays.get(str(expr.data[0]))
        if array is None or any(place is None for place in places):
            return expr
        own = np.asarray(array)
        kept = iter(places)
        index = tuple(0 if size == 1 else next(kept) for size in own.shape)
        value = own[index].item()
        return Expr("num", (), float(value)) if exact else _known(value)
    if expr.head == "total" and expr.data[0] == "sum":
        indices = expr.data[1]
        ranges = itertools.product(*(range(index.length) for index in indices))
        terms = []
        for k, place in enumerate(ranges):
            if k == most:
                terms.append(element("…", ()))
                break
            inner: dict[Index, Expr] = {i: number(v) for i, v in zip(indices, place, strict=True)}
            terms.append(_put_in(substitute(expr.parts[0], inner), arrays, most, exact))
        if len(terms) < 2:
            return terms[0] if terms else number(0)
        return Expr("add", tuple(terms))
    if expr.head in ("call", "total"):
        return expr
    parts = tuple(_put_in(part, arrays, most, exact) for part in expr.parts)
    return Expr(expr.head, parts, expr.data)


def _whole(expr: Expr) -> int | None:
    """A place that is a number by now."""
    value = _worked_out(expr)
    return int(value) if value is not None else None


def _worked_out(expr: Expr) -> float | None:
    """The number that an expression of numbers is; None where something else stands in it."""
    if expr.head == "num":
        return float(expr.data)
    parts = [_worked_out(part) for part in expr.parts]
    if any(part is None for part in parts) or expr.head in ("index", "element", "total", "call"):
        return None
    known = [part for part in parts if part is not None]
    if expr.head == "add":
        return sum(known)
    if expr.head == "mul":
        return float(np.prod(known))
    if expr.head == "div":
        return known[0] / known[1] if known[1] else None
    if expr.head == "pow":
        return float(np.float64(known[0]) ** known[1])
    return _FUNCTIONS[expr.data](*known) if expr.data in _FUNCTIONS else None


_FUNCTIONS: dict[Any, Any] = {
    "iverson": lambda v: v,
    "greater": lambda x, y: float(x > y),
    "greater_equal": lambda x, y: float(x >= y),
    "less": lambda x, y: float(x < y),
    "less_equal": lambda x, y: float(x <= y),
    "equal": lambda x, y: float(x == y),
    "exp": lambda v: float(np.exp(v)),
    "log": lambda v: float(np.log(v)) if v > 0 else None,
    "sqrt": lambda v: float(np.sqrt(v)) if v >= 0 else None,
    "tanh": lambda v: float(np.tanh(v)),
    "cos": lambda v: float(np.cos(v)),
    "sin": lambda v: float(np.sin(v)),
}
