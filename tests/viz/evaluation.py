"""Two readers of what `pel.explain` prints: of its expressions, and of its text.

Both give numbers, so that a line can be held against the value of the graph's own gradient node.
"""

import re

import numpy as np

from pellucid.ops.spec import lookup
from pellucid.runtime.extras import NUMPY
from pellucid.viz import expression as n
from pellucid.viz.expression import Index


class Numbers:
    """Evaluates expressions of an explanation: an array has one axis an index of `order`."""

    def __init__(self, shown):
        self.values = [np.asarray(value) for value in shown.values]
        self.places = shown.places
        self.names = {name: position for position, name in enumerate(shown.names)}

    def line(self, expr, axes):
        """The values of an expression over the axes on the left side of its line."""
        axes = [axis for axis in axes if axis.length != 1]
        return np.broadcast_to(self.of(expr, axes), [axis.length for axis in axes])

    def value(self, node):
        return np.squeeze(self.values[node])

    def gradient(self, node):
        return np.squeeze(self.values[self.places[node]])

    def of(self, expr, order):
        parts = expr.parts
        if expr.head == "num":
            return np.asarray(float(expr.data))
        if expr.head == "index":
            return np.arange(float(expr.data.length)).reshape(
                [-1 if i is expr.data else 1 for i in order]
            )
        if expr.head == "element":
            name, of = expr.data
            array = self.value(self.names[name]) if of is None else self.gradient(of)
            return array[tuple(self.of(part, order).astype(int) for part in parts)]
        if expr.head == "total":
            return self._total(*expr.data, parts[0], order)
        if expr.head == "call":
            return self._call(expr.data, parts, order)
        values = [self.of(part, order) for part in parts]
        if expr.head == "fun" and expr.data == "iverson":
            return values[0].astype(float)
        row = {"mul": "multiply", "div": "divide"}.get(expr.head, expr.head)
        forward = lookup(expr.data if expr.head == "fun" else row).forward
        if expr.head == "fun":
            return np.asarray(forward(NUMPY, *values))
        while len(values) > 1:
            values[:2] = [np.asarray(forward(NUMPY, *np.broadcast_arrays(*values[:2])))]
        return values[0]

    def _total(self, name, indices, body, order):
        inner = self.of(body, [*order, *indices])
        full = [1] * len(order) + [index.length for index in indices]
        inner = np.broadcast_to(inner, np.broadcast_shapes(inner.shape, full))
        axes = tuple(range(len(order), inner.ndim))
        return np.asarray(getattr(np, name)(inner, axis=axes[0] if name == "argmax" else axes))

    def _call(self, whole, parts, order):
        operands = [
            np.broadcast_to(self.of(part, axes), [axis.length for axis in axes])
            for part, axes in zip(parts, whole.axes, strict=False)
        ]
        whole_numbers = ("scatter_add", "gather")
        if whole.op in whole_numbers:
            operands[1] = operands[1].astype(int)
        found = np.squeeze(lookup(whole.op).forward(NUMPY, *operands, **dict(whole.attrs)))
        return found[tuple(self.of(p, order).astype(int) for p in parts[len(whole.axes) :])]


def check(shown, tolerance=1e-9):
    """Every printed expression against the value of the node it stands for."""
    numbers = Numbers(shown)
    with np.errstate(all="ignore"):
        _check(shown, numbers, tolerance)


def _check(shown, numbers, tolerance):
    for line in shown.function:
        expected = numbers.value(line.node)
        np.testing.assert_allclose(
            numbers.line(line.result, line.axes), expected, rtol=tolerance, atol=tolerance
        )
    for line in shown.gradient:
        expected = numbers.gradient(line.node)
        for expr in (line.raw, line.result):
            np.testing.assert_allclose(
                numbers.line(expr, line.axes), expected, rtol=tolerance, atol=tolerance
            )


TOKEN = re.compile(
    r"\s*(∂\w+/∂[\w.]+|Σ|(?:max|min|argmax)_|[^\W\d][\w.]*′*|\d+\.?\d*(?:e-?\d+)?|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+"
    r"|[-+·/()\[\],_=≠<≤>≥^])"
)
NORMAL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
COMPARED = {
    "=": "equal",
    "≠": "not_equal",
    "<": "less",
    "≤": "less_equal",
    ">": "greater",
    "≥": "greater_equal",
}


class Reader:
    """Reads a printed right side as a person does: + and - last, then · and /, Σ takes a product.

    Calls on whole tensors say less in their text than they do, and are not read.
    """

    def __init__(self, text, shown, scope):
        self.tokens = TOKEN.findall(text)
        assert "".join(self.tokens) == re.sub(r"\s", "", text)
        self.shown, self.scope = shown, dict(scope)
        self.nodes = {name: position for position, name in enumerate(shown.names)}

    def peek(self):
        return self.tokens[0] if self.tokens else ""

    def take(self, *expected):
        if expected and self.peek() not in expected:
            raise AssertionError(f"expected {expected}, got {self.tokens[:5]}")
        return self.tokens.pop(0)

    def all(self):
        result = self.sum()
        assert not self.tokens, self.tokens
        return result

    def condition(self):
        left = self.sum()
        if self.peek() in COMPARED:
            return n.function(COMPARED[self.take()], left, self.sum())
        return left

    def sum(self):
        minus = self.peek() == "-" and bool(self.take())
        result = n.negative(self.product()) if minus else self.product()
        while self.peek() in ("+", "-"):
            minus = self.take() == "-"
            term = self.product()
            result = n.add(result, n.negative(term) if minus else term)
        return result

    def product(self):
        result = self.power()
        while self.peek() in ("·", "/"):
            over = self.take() == "/"
            factor = self.power()
            result = n.div(result, factor) if over else n.mul(result, factor)
        return result

    def power(self):
        base = self.atom()
        if self.peek()[:1] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻" and self.peek():
            return n.power(base, n.number(int(self.take().translate(NORMAL))))
        if self.peek() == "^":
            self.take()
            return n.power(base, self.atom())
        return base

    def atom(self):
        token = self.take()
        if token == "(":
            inner = self.condition()
            self.take(")")
            return inner
        if token == "[":
            inner = self.condition()
            self.take("]")
            return n.iverson(inner)
        if token[0].isdigit():
            return n.number(float(token) if "." in token or "e" in token else int(token))
        return self.name(token)

    def name(self, token):
        if token in ("Σ", "max_", "min_", "argmax_"):
            return self.total(token)
        if token.startswith("∂"):
            of = self.nodes[token.split("/∂")[1]]
            return n.element(token, self.places(), of)
        if token in self.scope:
            return n.at(self.scope[token])
        if token in self.nodes:
            return n.element(token, self.places())
        self.take("(")
        parts = [self.condition()]
        while self.peek() == ",":
            self.take()
            parts.append(self.condition())
        self.take(")")
        return n.function({"σ": "sigmoid", "ln": "log"}.get(token, token), *parts)

    def places(self):
        found = []
        if self.peek() == "[":
            while self.take("[", ",", "]") != "]":
                if self.peek() != "]":
                    found.append(self.sum())
        return found

    def total(self, token):
        outer = dict(self.scope)
        name = {"Σ": "sum"}.get(token, token.rstrip("_"))
        letters = self.letters(token)
        self.scope |= {one: Index(self.shown.ranges[one.rstrip("′")]) for one in letters}
        indices = [self.scope[one] for one in letters]
        body = self.product()
        self.scope = outer
        return n.total(name, indices, body)

    def letters(self, token):
        """`_i,j` behind a Σ."""
        found = [self.take().lstrip("_")] if token == "Σ" else [self.take()]
        while self.peek() == ",":
            self.take()
            found.append(self.take())
        return found
