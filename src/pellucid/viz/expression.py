"""Expressions in index notation: `Σ_j x[i,j]·w[j]` as a small tree.

In: what `indexing` finds in a graph. Out: trees that `algebra` shortens and `formatting` writes.
An index is an object, not a letter: putting one expression into another can never mix two of them
up, and letters are chosen when a line is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


class Index:
    """One running index. Axes that the function walks together share a root, and a letter."""

    __slots__ = ("_parent", "length")

    def __init__(self, length: int, parent: Index | None = None):
        self.length = length
        self._parent = parent

    @property
    def root(self) -> Index:
        """The index that stands for all that were joined."""
        index = self
        while index._parent is not None:
            index = index._parent
        return index

    def join(self, other: Index) -> None:
        if self.root is not other.root:
            other.root._parent = self.root


@dataclass(frozen=True)
class Expr:
    """One node of an expression.

    head      parts                    data
    num       –                        its number, a Fraction or a float
    index     –                        an Index, read as a number
    element   an expression an axis    (name, of): `of` is the node whose gradient it is, or None
    add, mul  two or more              –
    div, pow  two                      –
    fun       the arguments            the row's name
    total     the body                 (the row's name, the indices it runs over)
    call      operands, then an index  Whole: a row that is no formula in its indices
              an axis of the result
    """

    head: str
    parts: tuple[Expr, ...] = ()
    data: Any = None


@dataclass(frozen=True)
class Whole:
    """A row applied to whole tensors: `axes[k]` are the indices that run through operand k."""

    op: str
    attrs: tuple[tuple[str, Any], ...]
    axes: tuple[tuple[Index, ...], ...]


_DENOMINATOR = 1000  # up to here a float is read as the fraction that it stands for


def number(value: Any) -> Expr:
    """A number as a person means it: 0.1 is a tenth, and 0.3333333333333333 a third."""
    if isinstance(value, (int, Fraction)):
        return Expr("num", (), Fraction(value))
    if not math.isfinite(value):
        return Expr("num", (), value)
    meant = Fraction(value).limit_denominator(_DENOMINATOR)
    near = float(meant) == value and abs(value) < 2**53
    return Expr("num", (), meant if near else Fraction(str(value)))


ZERO, ONE = number(0), number(1)


def at(index: Index) -> Expr:
    return Expr("index", (), index)


def element(name: str, axes: Sequence[Expr], of: int | None = None) -> Expr:
    return Expr("element", tuple(axes), (name, of))


def add(*terms: Expr) -> Expr:
    """A sum; its numbers become one, where the first of them stood."""
    flat = [part for term in terms for part in (term.parts if term.head == "add" else (term,))]
    numbers = [n for n, term in enumerate(flat) if is_fraction(term)]
    if numbers:
        flat[numbers[0]] = number(sum(flat[n].data for n in numbers))
    kept = [term for n, term in enumerate(flat) if n not in numbers[1:] and term != ZERO]
    return _joined("add", kept, ZERO)


def mul(*factors: Expr) -> Expr:
    """A product; its numbers become one, in front."""
    flat = [part for one in factors for part in (one.parts if one.head == "mul" else (one,))]
    coefficient, rest = Fraction(1), []
    for factor in flat:
        if is_fraction(factor):
            coefficient *= factor.data
        else:
            rest.append(factor)
    if not coefficient:
        return ZERO
    return _joined("mul", rest if coefficient == 1 else [number(coefficient), *rest], ONE)


def _joined(head: str, parts: Sequence[Expr], neutral: Expr) -> Expr:
    if len(parts) < 2:
        return parts[0] if parts else neutral
    return Expr(head, tuple(parts))


def negative(x: Expr) -> Expr:
    return mul(number(-1), x)


def div(top: Expr, bottom: Expr) -> Expr:
    if bottom == ONE:
        return top
    if is_fraction(top) and is_fraction(bottom) and bottom != ZERO:
        return number(top.data / bottom.data)
    if is_fraction(top) and top.data.denominator > 1:  # 1/(2·x), not 1/2/x
        top, bottom = number(top.data.numerator), mul(number(top.data.denominator), bottom)
    return Expr("div", (top, bottom))


def power(base: Expr, exponent: Expr) -> Expr:
    return base if exponent == ONE else Expr("pow", (base, exponent))


def is_fraction(expr: Expr) -> bool:
    return expr.head == "num" and isinstance(expr.data, Fraction)


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
}
_ARITHMETIC: dict[str, Callable[..., Expr]] = {
    "add": add,
    "multiply": mul,
    "divide": div,
    "negative": negative,
    "pow": power,
    "subtract": lambda x, y: add(x, negative(y)),
    "square": lambda x: power(x, number(2)),
}


def function(name: str, *parts: Expr) -> Expr:
    """An elementwise row; what is decided by numbers alone is decided here."""
    if name in _ARITHMETIC:
        return _ARITHMETIC[name](*parts)
    if name in _COMPARED and all(map(is_fraction, parts)):
        return number(int(_COMPARED[name](parts[0].data, parts[1].data)))
    if name == "logical_and" and ZERO in parts:
        return ZERO
    if name == "where":
        return _where(*parts)
    return Expr("fun", parts, name)


def _where(condition: Expr, x: Expr, y: Expr) -> Expr:
    if is_fraction(condition):
        return y if condition == ZERO else x
    if y.data == "where" and y.parts[0] == condition:
        y = y.parts[2]  # asked already
    if x.data == "where" and x.parts[0] == condition:
        x = x.parts[1]
    return x if x == y else Expr("fun", (condition, x, y), "where")


def iverson(condition: Expr) -> Expr:
    """1 where the condition holds, else 0."""
    return condition if is_fraction(condition) else Expr("fun", (condition,), "iverson")


def total(name: str, indices: Sequence[Index], body: Expr) -> Expr:
    """A row that runs over indices: Σ, max, …"""
    return Expr("total", (body,), (name, tuple(indices))) if indices else body


def bound(expr: Expr) -> tuple[Index, ...]:
    """The indices that run inside this node alone."""
    if expr.head == "total":
        return tuple(expr.data[1])
    if expr.head == "call":
        return tuple(index for axes in expr.data.axes for index in axes)
    return ()


def rebound(expr: Expr, parts: Sequence[Expr], new: Mapping[Index, Index]) -> Expr:
    """`expr` with other parts, its own indices replaced."""
    data = expr.data
    if expr.head == "total":
        data = (data[0], tuple(new.get(index, index) for index in data[1]))
    elif expr.head == "call":
        axes = tuple(tuple(new.get(index, index) for index in one) for one in data.axes)
        data = Whole(data.op, data.attrs, axes)
    return Expr(expr.head, tuple(parts), data)


def substitute(expr: Expr, places: Mapping[Index, Expr]) -> Expr:
    """`expr` at other places; indices that run inside it are made anew, with the same root."""
    if expr.head == "index":
        return places.get(expr.data, expr)
    if not expr.parts:
        return expr
    new = {index: Index(index.length, index) for index in bound(expr)}
    inside = {**places, **{index: at(other) for index, other in new.items()}} if new else places
    return rebound(expr, [substitute(part, inside) for part in expr.parts], new)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`change` applied to every part and then to the whole; what stands in a call stays."""
    if expr.head == "call":
        return expr
    return change(mapped(expr, lambda part: rewrite(part, change)))


_BUILT: dict[str, Callable[..., Expr]] = {"add": add, "mul": mul, "div": div, "pow": power}


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `change` applied to its parts; sums and products are put together anew."""
    if not expr.parts:
        return expr
    parts = [change(part) for part in expr.parts]
    if expr.head in _BUILT:
        return _BUILT[expr.head](*parts)
    if expr.data == "where":
        return _where(*parts)
    return rebound(expr, parts, {})


def free(expr: Expr) -> set[Index]:
    """The indices on which the value depends."""
    if expr.head == "index":
        return {expr.data}
    inner: set[Index] = set()
    for part in expr.parts:
        inner |= free(part)
    return inner - set(bound(expr))


def key(expr: Expr, depth: Mapping[Index, int] | None = None) -> Any:
    """Equal for expressions that differ in the identity of the inner indices alone."""
    depth = depth or {}
    if expr.head == "index":
        return ("index", depth.get(expr.data, id(expr.data)))
    own = bound(expr)
    inside = {**depth, **{index: len(depth) + n for n, index in enumerate(own)}}
    data = expr.data
    if own:
        name = data[0] if expr.head == "total" else (data.op, repr(data.attrs))
        data = (name, tuple(index.length for index in own))
    return (expr.head, data, tuple(key(part, inside) for part in expr.parts))


def _is_negative(expr: Expr) -> bool:
    first = expr.parts[0] if expr.head in ("mul", "div") else expr
    return is_fraction(first) and first.data < 0


_SIZES = {"index": 1, "element": 4, "pow": 1, "fun": 2, "total": 2, "call": 4}


def size(expr: Expr) -> int:
    """How much there is to read: names weigh more than numbers, and brackets and signs count."""
    if expr.head == "num":
        return 2 + (is_fraction(expr) and expr.data.denominator > 1)
    inside = sum(map(size, expr.parts))
    if expr.head == "mul" and expr.parts[0] == number(-1):
        inside -= 2  # a sign alone
    if expr.head == "element":
        return 4 + (expr.data[1] is not None)
    if expr.head == "add" and _is_negative(expr.parts[0]):
        inside += 1
    if expr.head in ("mul", "div"):
        inside += sum(part.head == "add" for part in expr.parts)
    return inside + _SIZES.get(expr.head, len(expr.parts) - 1)


def elements(expr: Expr) -> list[Expr]:
    """The elements of tensors in it, in reading order."""
    own = [expr] if expr.head == "element" else []
    return own + [inner for part in expr.parts for inner in elements(part)]
