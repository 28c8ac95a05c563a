"""Formulas as MathML: the letters of `pel.explain`, and numbers that add up."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.transform.explainable import function_call
from pellucid.viz.figures import computed
from pellucid.viz.mathml import formula, gradient_formula

MATH = "{http://www.w3.org/1998/Math/MathML}"
RNG = np.random.default_rng(1)
DATA, TARGET = RNG.normal(size=(3, 2)), np.array([1.0, 0.0, 1.0])


def b(x, y, z):
    a = x * y
    return a + z


def network(W, v):
    q = np.maximum(DATA @ W, 0)
    p = pel.numpy.sigmoid(q @ v)
    e = (p - TARGET) ** 2 + np.exp(-p) / 3
    return np.mean(e) + np.sqrt(np.sum(v**2))


class Lines:
    """A computed function with the formulas of its nodes."""

    def __init__(self, function, *args):
        self.found = computed(function_call("draw", function, args), "draw")
        self.end = self.found.names[self.found.ends.objective]
        self.gradients = {n: self.found.values[place] for n, place in self.found.places.items()}

    def node(self, name, values=True, at=()):
        position = self.found.names.index(name)
        values = self.found.values if values else None
        return formula(self.found.graph, position, self.found.names, values, at)

    def use(self, name, reader, at=(), values=True):
        position, other = (self.found.names.index(one) for one in (name, reader))
        given = (self.found.values, self.gradients) if values else (None, None)
        return gradient_formula(
            self.found.graph, position, other, self.found.names, self.end, *given, at
        )


def read(text):
    """MathML as a line of text; fractions as (a)/(b), powers as a^(b), places as a_(b)."""

    def line(one):
        kind = one.tag.removeprefix(MATH)
        parts = [line(part) for part in one]
        if kind in ("mi", "mn", "mo", "mtext"):
            return {"−": "-", "·": "*"}.get(one.text, one.text)
        if kind == "mfrac":
            return f"(({parts[0]})/({parts[1]}))"
        if kind == "msup":
            return f"({parts[0]})^({parts[1]})"
        if kind in ("msub", "munder"):
            return f"{parts[0]}_({parts[1]})"
        return f"sqrt({''.join(parts)})" if kind == "msqrt" else "".join(parts)

    root = ElementTree.fromstring(text)
    assert root.tag == f"{MATH}math"
    return line(root)


def worked_out(text):
    """The two ends of `… = 3*(-5) = -15`: what the numbers put in give, and what is written."""
    *_, sides = read(text).split(";")
    pieces = sides.split("=")
    written = float(pieces[-1])
    # A number that stands there already is not written twice.
    before = pieces[-1] if len(pieces) == 2 or "∂" in pieces[-2] else pieces[-2]
    names = {"e": np.e, "sqrt": np.sqrt, "exp": np.exp, "maximum": max}
    names |= {"σ": lambda v: 1 / (1 + np.exp(-v))}
    before = re.sub(r"\[(.*?)≥(.*?)\]", r"float(\1>=\2)", before.replace("^", "**"))
    return eval(before, names), written


@pytest.mark.lecture("T1.G11")
def test_the_product_and_the_sum_with_the_lectures_numbers():
    lines = Lines(b, 3.0, -5.0, 2.0)
    assert read(lines.node("a", values=False)) == "a=x*y"
    assert read(lines.node("a")) == "a=x*y=3*(-5)=-15"
    assert read(lines.node("b")) == "b=a+z=-15+2=-13"
    assert read(lines.use("x", "a", values=False)) == "((∂b)/(∂x))=((∂b)/(∂a))*y"
    assert worked_out(lines.use("x", "a")) == (-5, -5)
    assert worked_out(lines.use("y", "a")) == (3, 3)


@pytest.mark.parametrize("node", ["q", "p", "e"])
def test_numbers_that_are_put_in_give_the_value_of_the_element(node):
    lines = Lines(network, RNG.normal(size=(2, 4)), RNG.normal(size=4))
    value = lines.found.values[lines.found.names.index(node)]
    for at in np.ndindex(value.shape):
        got, written = worked_out(lines.node(node, at=at))
        assert written == pytest.approx(value[at], rel=1e-5)
        assert got == pytest.approx(value[at], rel=1e-4, abs=1e-5)  # of numbers with six digits


def test_every_formula_of_a_network_and_of_its_gradients_adds_up():
    lines = Lines(network, RNG.normal(size=(2, 4)), RNG.normal(size=4))
    found, count = lines.found, 0
    readers = {
        n: [r for r in range(found.forward) if n in found.graph.nodes[r].inputs]
        for n in lines.gradients
    }
    for n in range(found.forward):
        if found.graph.nodes[n].inputs:
            got, written = worked_out(formula(found.graph, n, found.names, found.values))
            assert got == pytest.approx(written, rel=1e-4, abs=1e-5)
            count += 1
    for n, users in readers.items():
        value, total = lines.gradients[n], 0.0
        for r in users:
            text = lines.use(found.names[n], found.names[r])
            got, written = worked_out(text)
            assert got == pytest.approx(written, rel=1e-4, abs=1e-5)
            total += written
            count += 1
        if users:  # the uses together are the gradient of the first element
            assert total == pytest.approx(value.ravel()[0], rel=1e-4, abs=1e-6)
    assert count > 25


def test_a_long_sum_is_cut_and_its_value_is_not():
    lines = Lines(lambda w: np.sum(w * np.arange(50.0)), np.linspace(0, 1, 50))
    text = read(lines.node(lines.end))
    assert "…" in text
    total = np.sum(np.linspace(0, 1, 50) * np.arange(50.0))
    assert float(text.split("=")[-1]) == pytest.approx(total, rel=1e-5)


def test_a_sum_of_nothing_is_0():
    lines = Lines(lambda a: np.sum(a), np.zeros((0, 3)))
    assert read(lines.node(lines.end)).replace(" ", "").endswith("=0")


def test_names_are_set_as_names():
    text = formula_of({"hidden.W": 2.0, "x1": 3.0})
    assert "<msub><mi>W</mi><mtext>hidden</mtext></msub>" in text
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in text
    assert "&lt;b&gt;" in formula_of({"<b>": 2.0, "x": 3.0})


def formula_of(operands):
    found = computed(function_call("draw", lambda a, b: a * b, tuple(operands.values())), "draw")
    return formula(found.graph, 2, [*operands, "r"], found.values)


def test_what_is_refused():
    lines = Lines(network, RNG.normal(size=(2, 4)), RNG.normal(size=4))
    with pytest.raises(ArgumentError, match="an input has no formula, got W"):
        lines.node("W")
    with pytest.raises(ArgumentError, match=r"at_index must be a place in \(3, 4\), got \(3, 0\)"):
        lines.node("q", at=(3, 0))
    with pytest.raises(ArgumentError, match="p must hand a gradient on to W, got none"):
        lines.use("W", "p")
