"""`einsum`: sums of products of any number of tensors, by letters, as contractions of pairs."""

from __future__ import annotations

import itertools
from typing import Any

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Batch, Dim
from pellucid.ops.composite.base import together
from pellucid.ops.composite.movement import permute_dims, squeeze
from pellucid.ops.composite.product import contract, diagonal
from pellucid.ops.composite.reduce import sum
from pellucid.ops.value import Value, cast

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MANY = 1000  # what N counts where orders are compared
Term = list[str]  # a letter an axis; axes of "…" are called …0, …1, from the front


def einsum(*operands: Any) -> Value:
    """Products summed over the letters that the output leaves out: einsum("ij,jk->ik", x, y).

    A letter that stands twice in an operand takes its diagonal; "..." stands for further axes,
    which broadcast. Without an arrow the output has the letters that stand once, in the order of
    the alphabet. Of three operands and more the pair with the smallest product goes first.

    Args:
        operands: the letters, then the tensors; or each tensor with a list of whole numbers behind
            it in place of letters, and at the end, if wanted, the list of the output.
    """
    text, tensors = _written(operands)
    values = together("einsum", *tensors)
    dtype = values[0].type.dtype
    terms, output = _terms(text, values)
    items = _aligned(list(zip(values, terms, strict=True)))
    items = [_diagonals(value, term) for value, term in items]
    while len(items) > 1:
        i, j = _pair(items, output)
        right, left = items.pop(j), items.pop(i)
        kept = {*output, *(a for _, term in items for a in term)}
        items.append(_product(_own(left, kept, right), _own(right, kept, left), kept))
    value, term = _own(items[0], set(output), (None, []))
    return cast(permute_dims(value, [term.index(a) for a in output]), dtype)


def _wrong(text: Any, count: int, why: str) -> ArgumentError:
    return ArgumentError(
        "einsum",
        f"expected letters such as 'ij,jk->ik', got {text!r} for {count} operands: {why}",
    )


def _written(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The letters, and the tensors, of either way to call."""
    if operands and isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    tensors, lists = list(operands[::2]), list(operands[1::2])
    arrow = ""
    if len(tensors) > len(lists):  # the last list is that of the output
        arrow = "->" + _letters(tensors.pop())
    if not tensors or len(tensors) != len(lists):
        raise ArgumentError(
            "einsum", f"expected letters and tensors, got {len(operands)} arguments"
        )
    return ",".join(map(_letters, lists)) + arrow, tensors


def _letters(numbers: Any) -> str:
    several = numbers if isinstance(numbers, (list, tuple)) else [numbers]
    word = ""
    for item in several:
        place = -1 if item is Ellipsis else shapes.index("einsum", "an axis' number", item)
        if not -1 <= place < len(_LETTERS) or (place < 0 and item is not Ellipsis):
            raise ArgumentError("einsum", f"an axis' number must lie in [0, 52), got {item!r}")
        word += "..." if item is Ellipsis else _LETTERS[place]
    return word


def _terms(text: str, values: list[Value]) -> tuple[list[Term], Term]:
    """The letters of each operand's axes, and of the output's."""
    inputs, arrow, output = text.partition("->")
    words = inputs.split(",")
    if len(words) != len(values):
        raise _wrong(text, len(values), f"it has letters for {len(words)}")
    dots = [_dots(text, word, value) for word, value in zip(words, values, strict=True)]
    most = max(dots)
    rest = [f"…{i}" for i in range(most)]
    terms = [_term(word, rest[most - n :]) for word, n in zip(words, dots, strict=True)]
    if not arrow:
        letters = inputs.replace(".", "").replace(",", "")
        output = "..." + "".join(sorted(a for a in set(letters) if letters.count(a) == 1))
    result = _term(output, rest)
    known = {a for term in terms for a in term}
    if len(set(result)) != len(result) or not known.issuperset(result):
        raise _wrong(text, len(values), "each letter of the output stands there once")
    if arrow and most and "..." not in output:
        raise _wrong(text, len(values), "the output must have '...' too, or the axes be summed")
    return terms, result


def _term(word: str, rest: list[str]) -> Term:
    before, dots, behind = word.partition("...")
    return [*before, *(rest if dots else []), *behind]


def _dots(text: str, word: str, value: Value) -> int:
    """How many axes the '...' of an operand stands for."""
    letters = word.replace("...", "", 1)
    if not all(a in _LETTERS for a in letters):
        raise _wrong(text, 1, f"'{word}' holds other signs")
    count = len(value.type.shape) - len(letters)
    if count < 0 or (count and letters == word):
        got = shapes.text(value.type.shape)
        raise ShapeError("einsum", f"'{word}' needs {len(letters)} axes, got {got}")
    return count


def _aligned(items: list[tuple[Value, Term]]) -> list[tuple[Value, Term]]:
    """Axes of length 1 go where the letter is longer elsewhere: so they broadcast."""
    lengths: dict[str, Dim] = {}
    for value, term in items:
        for letter, dim in zip(term, value.type.shape, strict=True):
            known = lengths.setdefault(letter, dim)
            if known == 1:
                lengths[letter] = dim
            elif dim not in (1, known):
                raise ShapeError(
                    "einsum", f"axes called '{letter}' must be equal, got {known!r} and {dim!r}"
                )
    result = []
    for value, term in items:
        thin = [i for i, a in enumerate(term) if value.type.shape[i] != lengths[a]]
        if thin:
            value = squeeze(value, tuple(thin))
            term = [a for i, a in enumerate(term) if i not in thin]
        result.append((value, term))
    return result


def _diagonals(value: Value, term: Term) -> tuple[Value, Term]:
    """Each letter once."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            value = diagonal(value, 0, i, j)
            term = [a for k, a in enumerate(term) if k not in (i, j)] + [letter]
    return value, term


def _own(item: tuple[Value, Term], kept: set[str], other: tuple[Any, Term]) -> tuple[Value, Term]:
    """An operand without the letters that neither the other nor what is kept has."""
    value, term = item
    lone = tuple(i for i, a in enumerate(term) if a not in kept and a not in other[1])
    if not lone:
        return item
    return cast(sum(value, lone), value.type.dtype), [a for a in term if a in kept or a in other[1]]


def _product(
    left: tuple[Value, Term], right: tuple[Value, Term], kept: set[str]
) -> tuple[Value, Term]:
    (x, a), (y, b) = left, right
    shared = [(a.index(k), b.index(k)) for k in a if k in b and k in kept]
    summed = [(a.index(k), b.index(k)) for k in a if k in b and k not in kept]
    term = [a[i] for i, _ in shared] + [k for k in a if k not in b] + [k for k in b if k not in a]
    return cast(contract(x, y, shared, summed), x.type.dtype), term


def _pair(items: list[tuple[Value, Term]], output: Term) -> tuple[int, int]:
    """The two operands whose product has the fewest elements; the first of such."""

    def size(pair: tuple[int, int]) -> int:
        others = [term for k, (_, term) in enumerate(items) if k not in pair]
        kept = {*output, *itertools.chain(*others)}
        dims = {
            a: dim
            for k in pair
            for a, dim in zip(items[k][1], items[k][0].type.shape, strict=True)
            if a in kept
        }
        total = 1
        for dim in dims.values():
            total *= dim.scale * _MANY if isinstance(dim, Batch) else dim
        return total

    return min(itertools.combinations(range(len(items)), 2), key=size)
