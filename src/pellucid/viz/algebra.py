"""Shorter forms of expressions, found by SymPy.

In: a tree of `expression`. Out: one that is equal, and never longer. Sums, functions and calls are
letters to SymPy, which sees rational functions alone: that keeps it quick, and right everywhere.
SymPy is imported here and nowhere else, at first use.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pellucid.core.errors import MissingPackageError
from pellucid.core.forks import importing
from pellucid.viz.expression import (
    ONE,
    Expr,
    Index,
    add,
    div,
    free,
    function,
    is_fraction,
    key,
    mapped,
    mul,
    negative,
    number,
    power,
    size,
    total,
)
from pellucid.viz.formatting import unsigned

_LARGEST = 150  # in the measure of `size`; what is longer is left as it is
_RATIONAL = ("add", "mul", "div", "pow", "num")


@dataclass(frozen=True)
class Known:
    """What is known of the numbers at hand, and what of it was used.

    Args:
        classes: whether the values of an expression are all whole numbers from 0 below a count.
        shares: whether an element sums to 1 over an index.
        used: each fact that shortened an expression, as it is written behind a line.
    """

    classes: Callable[[Expr, int], bool] = lambda labels, count: False
    shares: Callable[[Expr, Index], bool] = lambda element, index: False
    used: list[str] = field(default_factory=list)


def sympy() -> Any:
    """The package, or an error that says how to get it."""
    try:
        with importing:  # optional, at first use
            import sympy as package
    except ModuleNotFoundError:
        raise MissingPackageError(
            "explain",
            "SymPy must be installed, which simplifies the lines; got no module 'sympy'",
            "pip install 'pellucid[explain]'.",
        ) from None
    return package


def simplified(expr: Expr, known: Known | None = None) -> Expr:
    """An equal expression that is as short as SymPy, the rules of Σ and what is known make it."""
    known = known or Known()
    inner = mapped(expr, lambda part: simplified(part, known))
    if inner.head == "total" and inner.data[0] == "sum":
        inner = _sum(inner, known)
    if inner.head in ("mul", "div"):
        inner = _unguarded(inner, known)
    shorter = _rational(inner) if inner.head in _RATIONAL else inner
    return shorter if size(shorter) <= size(inner) else inner


def _sum(expr: Expr, known: Known) -> Expr:
    """Factors that do not run with Σ stand in front of it; a Σ over what stands still counts."""
    indices, (body,) = expr.data[1], expr.parts
    above, below = _factors(body)
    moving = free(body)
    times = [number(i.length) for i in indices if i not in moving]
    running = [i for i in indices if i in moving]
    inside = [[f for f in side if free(f) & set(running)] for side in (above, below)]
    outside = [[f for f in side if not free(f) & set(running)] for side in (above, below)]
    rest = _summed(div(mul(*inside[0]), mul(*inside[1])), running, known)
    return div(mul(*times, *outside[0], rest), mul(*outside[1]))


def _summed(body: Expr, running: Sequence[Index], known: Known) -> Expr:
    """Σ of factors that all run with it: 1 where they are known to be shares of 1."""
    if len(running) == 1 and (fact := _shares(body, running[0], known)):
        known.used.append(fact)
        return ONE
    whole = total("sum", running, body)
    if body.head != "add":
        return whole
    trial = dataclasses.replace(known, used=[])
    split = add(*(_sum(total("sum", running, term), trial) for term in body.parts))
    if _has_total(split):
        return whole
    known.used.extend(trial.used)
    return split


def _has_total(expr: Expr) -> bool:
    return expr.head == "total" or any(map(_has_total, expr.parts))


def _factors(expr: Expr) -> tuple[list[Expr], list[Expr]]:
    """The factors above and below the line."""
    if expr.head == "mul":
        pairs = [_factors(part) for part in expr.parts]
        return [f for a, _ in pairs for f in a], [f for _, b in pairs for f in b]
    if expr.head == "div":
        (a, b), (c, d) = map(_factors, expr.parts)
        return a + d, b + c
    return [expr], []


def _shares(expr: Expr, index: Index, known: Known) -> str:
    """Why Σ over an index is 1, if it is.

    [y = k] holds for just one k where every y is a whole number below n; a row of probabilities
    sums to 1.
    """
    if expr.head == "element" and known.shares(expr, index):
        return f"Σ_k {expr.data[0]}[k] = 1"
    if expr.head != "fun" or expr.data != "iverson":
        return ""
    condition = expr.parts[0]
    if condition.head != "fun" or condition.data != "equal":
        return ""
    labels, place = condition.parts
    here = place.head == "index" and place.data is index and index not in free(labels)
    return f"Σ_k [{labels.data[0]} = k] = 1" if here and known.classes(labels, index.length) else ""


def _unguarded(expr: Expr, known: Known) -> Expr:
    """where(a = b, 0, x)·(a - b) is x·(a - b): where the guard gives 0, the factor does too."""
    above, below = _factors(expr)
    for n, factor in enumerate(above):
        others = above[:n] + above[n + 1 :]
        if factor.head == "fun" and factor.data == "where" and _is_zero(factor.parts[1]):
            condition, _, x = factor.parts
            if condition.data == "equal" and any(_vanishes(f, *condition.parts) for f in others):
                known.used.append("the factor is 0 wherever the guard is")
                return _unguarded(div(mul(*above[:n], x, *above[n + 1 :]), mul(*below)), known)
    return expr


def _vanishes(factor: Expr, a: Expr, b: Expr) -> bool:
    """Whether a factor is a - b or b - a."""
    return any(_is_zero(_rational(add(factor, negative(x), y))) for x, y in ((a, b), (b, a)))


class _Letters:
    """Everything that is no rational function, as a symbol of SymPy; equal things are one."""

    def __init__(self, package: Any):
        self.package = package
        self.symbols: dict[Any, Any] = {}
        self.known: dict[Any, Expr] = {}

    def symbol(self, expr: Expr) -> Any:
        own = key(expr)
        if own not in self.symbols:
            # Numbered as they come, so that what SymPy sorts by name stays in reading order.
            self.symbols[own] = self.package.Symbol(f"g{len(self.symbols):04}")
            self.known[self.symbols[own]] = expr
        return self.symbols[own]

    def of(self, expr: Expr) -> Any:
        """An expression as SymPy sees it."""
        if is_fraction(expr):
            return self.package.Rational(expr.data.numerator, expr.data.denominator)
        if expr.head == "add":
            return self.package.Add(*map(self.of, expr.parts))
        if expr.head == "mul":
            return self.package.Mul(*map(self.of, expr.parts))
        if expr.head == "div" and not _is_zero(expr.parts[1]):
            return self.of(expr.parts[0]) / self.of(expr.parts[1])
        if expr.head == "pow" and is_fraction(expr.parts[1]) and not _is_zero(expr.parts[0]):
            exponent = expr.parts[1].data
            exact = self.package.Rational(exponent.numerator, exponent.denominator)
            return self.of(expr.parts[0]) ** exact
        if expr.head == "fun" and expr.data == "sigmoid":
            minus, rest = unsigned(expr.parts[0])
            if minus:  # σ(-x) = 1 - σ(x)
                return 1 - self.symbol(function("sigmoid", rest))
        return self.symbol(expr)

    def back(self, found: Any) -> Expr:
        """What SymPy found, with what stands for the symbols; terms with a plus come first."""
        if found.is_Rational:
            return number(Fraction(int(found.p), int(found.q)))
        if found.is_Symbol:
            return self.known[found]
        if found.is_Add:
            return add(*(self.back(term) for term in sorted(found.args, key=self._order)))
        if found.is_Pow and found.exp.is_Rational and not found.exp.is_negative:
            return power(self.back(found.base), self.back(found.exp))
        return self._product(found)

    def _order(self, term: Any) -> Any:
        names = sorted(symbol.name for symbol in term.free_symbols)
        return (bool(term.could_extract_minus_sign()), bool(names), names, str(term))

    def _product(self, found: Any) -> Expr:
        sides: tuple[list[Any], list[Any]] = ([], [])
        coefficient, factors = found.as_coeff_mul()
        if coefficient < 0 and (turned := _turned(factors)) != list(factors):
            coefficient, factors = -coefficient, turned
        for factor in factors:
            base, exponent = factor.as_base_exp()
            down = exponent.is_Rational and exponent.is_negative
            sides[down].append(base**-exponent if down else factor)
        above, below = ([self.back(f) for f in sorted(side, key=self._place)] for side in sides)
        top, bottom = number(int(coefficient.p)), number(int(coefficient.q))
        if below:
            return div(mul(top, *above), mul(bottom, *below))
        return mul(div(top, bottom), *above)

    def _place(self, factor: Any) -> Any:
        """Letters stand before brackets, and a Σ behind both."""
        names = sorted(symbol.name for symbol in factor.free_symbols)
        last = factor.is_Symbol and self.known[factor].head == "total"
        return (bool(last), factor.as_base_exp()[0].is_Add, names, str(factor))


def _is_zero(expr: Expr) -> bool:
    return is_fraction(expr) and expr.data == 0


def _turned(factors: Sequence[Any]) -> list[Any]:
    """One bracket with its signs turned: -(p - 1) is (1 - p). One with a number goes first."""
    able = [n for n, factor in enumerate(factors) if _turns(factor)]
    result = list(factors)
    if able:
        chosen = next((n for n in able if _turns(factors[n], number=True)), able[0])
        base, exponent = result[chosen].as_base_exp()
        result[chosen] = (-base) ** exponent
    return result


def _turns(factor: Any, number: bool = False) -> bool:
    """Whether it is an odd power of a bracket in which a term, or a number, has a minus."""
    base, exponent = factor.as_base_exp()
    if not (base.is_Add and exponent.is_odd):
        return False
    return any(
        term.is_Rational and term < 0 if number else term.could_extract_minus_sign()
        for term in base.args
    )


def _rational(expr: Expr) -> Expr:
    """The shortest of what SymPy makes of a rational function.

    A form that is multiplied out must name fewer things: σ·(1 - σ) says more than σ - σ².
    """
    if size(expr) > _LARGEST:
        return expr
    package = sympy()
    letters = _Letters(package)
    plain = letters.of(expr)
    if plain.has(package.nan, package.zoo, package.oo):
        return expr
    single = package.cancel(plain)
    kept = [plain, package.factor(single), package.factor_terms(plain)]
    forms = [letters.back(form) for form in [*kept, package.factor_terms(single)]] + [expr]
    named = _names(expr)
    for form in (single, package.expand(single)):
        flat = letters.back(form)
        forms += [flat] if _names(flat) < named else []
    return min(forms, key=size)  # the first of equals


def _names(expr: Expr) -> int:
    """How often an expression names something that is no number."""
    if expr.head not in _RATIONAL:
        return 1
    return 0 if expr.head == "num" else sum(map(_names, expr.parts))
