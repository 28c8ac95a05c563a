"""Expressions: what is put into them, how they are written, and how algebra shortens them."""

from fractions import Fraction

import pytest

from pellucid.viz import expression as n
from pellucid.viz.expression import Index
from pellucid.viz.formatting import Letters, digits

R, J, K = Index(3), Index(3), Index(4)
x = n.element("x", [n.at(R)])
y = n.element("y", [n.at(R)])
one = n.number(1)


def guarded(a, number, b):
    """where(a = number, 0, b)"""
    return n.function("where", n.function("equal", a, n.number(number)), n.ZERO, b)


def written(expr, *axes):
    letters = Letters(["x", "y", "i"])
    return letters.write(expr, letters.scope(axes))


def test_an_index_that_is_put_in_is_not_caught_by_a_sum():
    a = n.element("a", [n.at(R), n.at(J)])
    inner = n.total("sum", [J], a)
    put_in = n.substitute(inner, {R: n.at(J)})  # Σ_j a[i,j] at i = j
    assert n.free(put_in) == {J}
    assert written(put_in, J) == "Σ_j′ a[j,j′]"


def test_expressions_are_equal_whatever_object_their_inner_index_is():
    sums = [n.total("sum", [k], n.element("a", [n.at(R), n.at(k)])) for k in (J, Index(3))]
    assert n.key(sums[0]) == n.key(sums[1])
    assert n.key(sums[0]) != n.key(n.substitute(sums[0], {R: n.at(K)}))


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (n.mul(x, n.add(one, n.negative(y))), "x[j]·(1 - y[j])"),
        (n.div(x, n.mul(x, y)), "x[j]/(x[j]·y[j])"),
        (n.div(n.add(x, y), n.number(5)), "(x[j] + y[j])/5"),
        (n.add(n.negative(x), n.negative(y)), "-x[j] - y[j]"),
        (n.negative(n.add(x, y)), "-(x[j] + y[j])"),
        (n.add(n.total("sum", [K], n.at(K)), x), "(Σ_k k) + x[j]"),
        (n.mul(n.total("sum", [K], n.at(K)), x), "(Σ_k k)·x[j]"),
        (n.div(n.total("sum", [K], n.at(K)), x), "(Σ_k k)/x[j]"),
        (n.total("sum", [K], n.add(n.at(K), x)), "Σ_k (k + x[j])"),
        (n.power(n.add(x, y), n.number(2)), "(x[j] + y[j])²"),
        (n.power(x, n.number(0.5)), "x[j]^(1/2)"),
        (n.mul(n.number(0.2), x), "x[j]/5"),
        (n.mul(n.number(-0.4), x), "-2/5·x[j]"),
        (n.mul(n.number(0.05), x), "0.05·x[j]"),
        (n.div(n.number(0.5), x), "1/(2·x[j])"),
        (
            n.function("where", n.function("less", x, y), x, n.number(0)),
            "where(x[j] < y[j], x[j], 0)",
        ),
    ],
)
def test_writing(expr, text):
    assert written(expr, R) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1/3", "1/3"),
        ("1/20", "0.05"),
        ("1/32", "1/32"),
        ("7", "7"),
        ("1/1797", "1/1797"),
        ("0.123456789", "0.123456789"),
        ("1e-7", "1e-07"),
        ("1e300", "1e+300"),
        (10**16 + 1, "10000000000000001"),
        (10**400, "1" + 400 * "0"),
        (10**20 + Fraction(1, 3), "300000000000000000001/3"),
    ],
)
def test_numbers(value, text):
    assert digits(Fraction(value)) == text


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (0.1, Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (0.1 / 3, Fraction(1, 30)),
        (2 / 7, Fraction(2, 7)),
        (0.30000000000000004, Fraction("0.30000000000000004")),
        (0.3333333432674408, Fraction("0.3333333432674408")),
        (1e-7, Fraction(1, 10**7)),
        (1e300, Fraction(10**300)),
        (-0.5, Fraction(-1, 2)),
        (3, Fraction(3)),
    ],
)
def test_a_float_is_the_number_that_a_person_meant(value, exact):
    assert n.number(value).data == exact
    assert float(n.number(value).data) == value


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (n.add(x, n.negative(x)), "0"),
        (
            n.mul(
                n.add(
                    n.div(n.add(one, n.negative(y)), n.add(one, n.negative(x))),
                    n.negative(n.div(y, x)),
                ),
                x,
                n.add(one, n.negative(x)),
            ),
            "x[j] - y[j]",
        ),
        (n.total("sum", [K], n.mul(n.number(2), x)), "8·x[j]"),
        (n.total("sum", [K], n.div(n.mul(x, n.at(K)), y)), "(x[j]·Σ_k k)/y[j]"),
        (n.mul(x, n.add(one, n.negative(x))), "x[j]·(1 - x[j])"),
        (
            n.add(n.function("log", n.add(x, x)), n.function("log", n.mul(n.number(2), x))),
            "2·ln(2·x[j])",
        ),
        (n.div(x, n.number(0)), "x[j]/0"),
        (n.mul(guarded(x, 0, y), x), "y[j]·x[j]"),
        (n.mul(guarded(x, 0, y), y), "where(x[j] = 0, 0, y[j])·y[j]"),
        (n.mul(guarded(x, 1, y), x), "where(x[j] = 1, 0, y[j])·x[j]"),
        (n.mul(guarded(x, 1, y), n.add(one, n.negative(x))), "y[j]·(1 - x[j])"),
        (n.mul(guarded(x, 1, y), n.add(x, n.negative(one))), "y[j]·(x[j] - 1)"),
        (n.div(guarded(x, 0, y), x), "where(x[j] = 0, 0, y[j])/x[j]"),
        (n.function("sigmoid", n.negative(x)), "σ(-x[j])"),
        (
            n.add(n.function("sigmoid", n.negative(x)), n.function("sigmoid", x)),
            "1",
        ),
    ],
)
def test_algebra(expr, text):
    pytest.importorskip("sympy")
    from pellucid.viz.algebra import simplified

    assert written(simplified(expr), R) == text


def test_what_is_long_is_left_as_it_is():
    pytest.importorskip("sympy")
    from pellucid.viz.algebra import simplified

    many = n.add(*(n.element(f"a{k}", [n.at(R)]) for k in range(60)))
    long = n.add(n.mul(many, many), n.negative(n.mul(many, many)))
    assert simplified(long) is not n.ZERO
    assert n.key(simplified(long)) == n.key(long)
