"""Expressions as text. In: a tree of `expression`. Out: one line, the indices as letters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from pellucid.viz.expression import ZERO, Expr, Index, is_fraction, mul, number

LETTERS = "ijklmnpqrsuvabcdefgh"
SYMBOLS = {"sigmoid": "σ", "log": "ln"}  # as the lectures write them; others keep the row's name
_TOTALS = {"sum": "Σ"}
_INFIX = {
    "equal": "=",
    "not_equal": "≠",
    "less": "<",
    "less_equal": "≤",
    "greater": ">",
    "greater_equal": "≥",
    "logical_and": "∧",
    "logical_or": "∨",
}
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_CONDITION, _SUM, _PRODUCT, _POWER, _CLOSED = range(5)  # what binds how tightly

Scope = Mapping[Index, str]


class Letters:
    """A letter for each kind of index, the same in all lines.

    Args:
        taken: names of tensors, which no index may have.
    """

    def __init__(self, taken: Iterable[str]):
        self.taken = set(taken)
        self.known: dict[Index, str] = {}

    @property
    def ranges(self) -> dict[str, int]:
        """How many values each letter takes, from 0."""
        return {letter: index.length for index, letter in self.known.items()}

    def _fresh(self) -> str:
        self.taken.update(self.known.values())
        several = (f"{letter}{n or ''}" for n in range(1000) for letter in LETTERS)
        return next(letter for letter in several if letter not in self.taken)

    def scope(self, indices: Iterable[Index], outer: Scope | None = None) -> dict[Index, str]:
        """Letters for `indices` beside those of `outer`; a prime where two are of one kind."""
        scope = dict(outer or {})
        for index in indices:
            if index.length == 1:
                continue  # its only value is 0
            root = index.root
            if root not in self.known:
                self.known[root] = self._fresh()
            letter = self.known[root]
            while letter in scope.values():
                letter += "′"
            scope[index] = letter
        return scope

    def write(self, expr: Expr, scope: Scope | None = None) -> str:
        return self._write(expr, scope or {})[0]

    def closed(self, expr: Expr, scope: Scope | None = None) -> str:
        """In brackets where it is a sum, a product, a quotient or x^y."""
        level = _CLOSED if expr.head == "pow" and not is_fraction(expr.parts[1]) else _POWER
        return self._closed(expr, scope or {}, level)

    def head(self, name: str, axes: Sequence[Index], scope: Scope) -> str:
        """`name[i,j]`: the left side of a line. Axes of length 1 carry no index."""
        inside = ",".join(scope[index] for index in axes if index.length != 1)
        return f"{name}[{inside}]" if inside else name

    def _closed(self, expr: Expr, scope: Scope, level: int) -> str:
        text, own = self._write(expr, scope)
        return text if own >= level else f"({text})"

    def _write(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        writer = getattr(self, f"_{expr.head}")
        result: tuple[str, int] = writer(expr, scope)
        return result

    def _num(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        text = digits(expr.data) if is_fraction(expr) else str(expr.data)
        level = _SUM if text.startswith("-") else _PRODUCT if "/" in text else _CLOSED
        return text, level

    def _index(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        return scope.get(expr.data, "0"), _CLOSED

    def _element(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        inside = ",".join(self.write(place, scope) for place in expr.parts)
        text = f"{expr.data[0]}[{inside}]" if inside else expr.data[0]
        return text, _CLOSED if expr.data[1] is None else _PRODUCT

    def _add(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        text = ""
        for n, term in enumerate(expr.parts):
            minus, rest = unsigned(term)
            part = self._closed(rest, scope, _PRODUCT)
            if n + 1 < len(expr.parts) and _ends_open(rest):
                part = f"({part})"  # or what follows would seem to stand under the Σ
            text += (f" {'-' if minus else '+'} " if n else "-" if minus else "") + part
        return text, _SUM

    def _mul(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        minus, rest = unsigned(expr)
        if rest.head != "mul":
            return "-" * minus + self._closed(rest, scope, _PRODUCT), _SUM if minus else _PRODUCT
        text = ""
        for n, factor in enumerate(rest.parts):
            part = self._closed(factor, scope, _PRODUCT)
            if n + 1 < len(rest.parts) and _ends_open(factor):
                part = f"({part})"
            text += f"·{part}" if n else part
        first = rest.parts[0]
        if is_fraction(first) and first.data.numerator == 1 and not _ends_open(rest):
            inner = mul(*rest.parts[1:])  # x/5 instead of 1/5·x
            shown = digits(first.data)
            if shown.startswith("1/"):
                text = self._closed(inner, scope, _PRODUCT) + shown[1:]
        return "-" * minus + text, _SUM if minus else _PRODUCT

    def _div(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        top, bottom = expr.parts
        minus, rest = unsigned(top)
        above = self._closed(rest, scope, _PRODUCT)
        above = f"({above})" if _ends_open(rest) else above
        text = f"{above}/{self._closed(bottom, scope, _POWER)}"
        return "-" * minus + text, _SUM if minus else _PRODUCT

    def _pow(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        base, exponent = expr.parts
        below = self._closed(base, scope, _CLOSED)
        if is_fraction(exponent) and exponent.data.denominator == 1:
            return below + str(exponent.data).translate(_RAISED), _POWER
        return f"{below}^{self._closed(exponent, scope, _CLOSED)}", _POWER

    def _fun(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        if expr.data == "iverson":
            return f"[{self.write(expr.parts[0], scope)}]", _CLOSED
        if expr.data in _INFIX:
            both = (self._closed(part, scope, _SUM) for part in expr.parts)
            return f" {_INFIX[expr.data]} ".join(both), _CONDITION
        inside = ", ".join(self.write(part, scope) for part in expr.parts)
        return f"{SYMBOLS.get(expr.data, expr.data)}({inside})", _CLOSED

    def _total(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        name, indices = expr.data
        inner = self.scope(indices, scope)
        letters = ",".join(inner[index] for index in indices)
        body = self._closed(expr.parts[0], inner, _PRODUCT)
        return f"{_TOTALS.get(name, name)}_{letters} {body}", _PRODUCT

    def _call(self, expr: Expr, scope: Scope) -> tuple[str, int]:
        count = len(expr.data.axes)
        operands = [
            self._operand(part, axes, scope)
            for part, axes in zip(expr.parts[:count], expr.data.axes, strict=True)
            if part != ZERO  # what is 0 everywhere only says where the others go
        ]
        places = ",".join(self.write(place, scope) for place in expr.parts[count:])
        text = f"{expr.data.op}({', '.join(operands)})"
        return f"{text}[{places}]" if places else text, _CLOSED

    def _operand(self, part: Expr, axes: Sequence[Index], scope: Scope) -> str:
        """A whole tensor: its name, or a formula with the indices that run through it."""
        axes = [index for index in axes if index.length != 1]
        plain = tuple(Expr("index", (), index) for index in axes)
        if part.head == "element" and part.parts == plain:
            return str(part.data[0])
        inner = self.scope(axes, scope)
        letters = ",".join(inner[index] for index in axes)
        return f"({self.write(part, inner)})_{letters}" if letters else self.write(part, inner)


def _ends_open(expr: Expr) -> bool:
    """Whether the text ends in a Σ, which would take in what comes behind it."""
    if expr.head == "total":
        return True
    return expr.head == "mul" and _ends_open(expr.parts[-1])


def unsigned(expr: Expr) -> tuple[bool, Expr]:
    """Whether a minus stands in front, and the expression without it."""
    if is_fraction(expr) and expr.data < 0:
        return True, number(-expr.data)
    if expr.head == "mul" and is_fraction(expr.parts[0]) and expr.parts[0].data < 0:
        return True, mul(number(-1), expr)
    if expr.head == "div":
        minus, top = unsigned(expr.parts[0])
        return minus, Expr("div", (top, expr.parts[1]))
    return False, expr


def digits(value: Fraction) -> str:
    """A number: whole, a fraction such as 2/5, or in decimals where that is how people write it."""
    below = value.denominator
    near = float(value) if abs(value) < 10**308 else math.inf
    decimal = below % 10 == 0 and 10**4 % below == 0
    if 10**16 <= abs(value) < 10**308 and Fraction(repr(near)) == value:
        return repr(near)  # 1e+300, not three hundred digits
    if below == 1 or (below <= 10**5 and not decimal) or math.isinf(near):
        return str(value)
    return repr(near)
