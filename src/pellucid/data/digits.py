"""Numbers and dates out of bytes, for all cells of a column at once.

In: a file's bytes, and where the cells of a column start and how long they are. Out: the values of
those that are a sign, digits and a decimal mark, or an ISO date; the others are left to numerals.py
and dates.py, which give the same for these.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.core import forks
from pellucid.data import numerals

Array = np.ndarray[Any, Any]
_CHUNK = 8_192  # rows at a time: what is computed of them stays in the cache
_MANY = 1 << 16  # cells of a column from which machine code is worth its loading
_WIDEST = 25  # bytes of a plain number; the digits of 19 fit 64 bits
_MOST_DIGITS = 19
# Where the processor's extended floats have 64 bits, a quotient of them rounds to the right float64
# unless it falls on the middle between two.
_EXTENDED = np.finfo(np.longdouble).nmant == 63 and np.dtype(np.longdouble).itemsize == 16
_ISO = {10: "dddd-dd-dd", 16: "dddd-dd-dd dd:dd", 19: "dddd-dd-dd dd:dd:dd"}


class Plain(NamedTuple):
    """Cells that are a sign, digits and a decimal mark, as numbers.

    Attributes:
        values: float64, right where `done`.
        done: which cells were read.
        whole: which of them have no decimal mark.
        evident: how many of them the other mark could not read.
        padded: which of them have a needless zero in front, as 007.
        width: bytes of each cell.
    """

    values: Array
    done: Array
    whole: Array
    evident: int
    padded: Array
    width: Array


def joined(parts: Sequence[Plain]) -> Plain:
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("values", "done", "whole", "padded", "width")
    }
    return Plain(evident=sum(part.evident for part in parts), **arrays)


def plain_numbers(view: Array, starts: Array, lengths: Array, mark: int) -> Plain:
    """All cells that are plain numbers with decimals after `mark`."""
    n, native, evident = len(starts), _native(len(starts)), 0
    values = np.empty(n)
    done, whole, padded = (np.empty(n, bool) for _ in range(3))
    for low in range(0, n, _CHUNK):
        part = slice(low, low + _CHUNK)
        found = _plain(view, starts[part], lengths[part], mark, native)
        values[part], done[part], whole[part] = found.values, found.done, found.whole
        padded[part] = found.padded
        evident += found.evident
    return Plain(values, done, whole, evident, padded, lengths)


def _native(cells: int) -> Any:
    """Machine code for `letters`, where so many cells are worth it."""
    if cells < _MANY:
        return None
    module = forks.load("pellucid.data.native_digits")
    routine = module.call(_WIDEST)
    return None if routine is None else functools.partial(module.letters, routine)


def _plain(view: Array, starts: Array, lengths: Array, mark: int, native: Any) -> Plain:
    """Cells as numbers, from what their letters say.

    A quotient m / 10^d is right where m and 10^d are floats, since division rounds once.
    """
    first = view.take(starts, mode="clip")
    minus = first == 45
    signed = (minus | (first == 43)) & (lengths > 0)
    size = np.where(lengths <= _WIDEST, lengths - signed, 0).astype(np.int32)
    if native is None:
        mantissa, decimals, marks, good = letters(view, starts, lengths, size, mark)
    else:
        mantissa, decimals, marks, good = native(view, starts, lengths, mark)
    digits = size - marks
    good &= (digits > 0) & (marks <= 1) & (digits <= _MOST_DIGITS)
    values = mantissa / _POWERS.take(decimals, mode="clip")
    inexact = np.flatnonzero(good & ((mantissa > numerals.EXACT) | (decimals > 22)))
    if len(inexact):
        values[inexact] = _rounded(view, starts, lengths, mark, mantissa, decimals, inexact)
    np.negative(values, out=values, where=minus)
    front = digits - decimals
    zero = view.take(starts + signed, mode="clip") == 48
    whole = marks == 0
    other_reads = whole | ((decimals == 3) & (front >= 1) & (front <= 3) & ~zero)
    evident = int((good & ~other_reads).sum())
    return Plain(values, good, whole & good, evident, good & zero & (front > 1), lengths)


def letters(
    view: Array, starts: Array, lengths: Array, size: Array, mark: int
) -> tuple[Array, Array, Array, Array]:
    """The whole number that a cell's digits make, decimals, marks, and whether there is no more.

    One place of all cells after the other, the last places together. `emit_digits.py` has the same
    as machine code; of cells that hold something else only that is told.

    Args:
        size: bytes of each cell without its sign; 0 where it is not looked at.
    """
    n = len(starts)
    most = int(size.max(initial=0))
    least = int(size[size > 0].min(initial=most))
    mantissa, larger = np.zeros(n, np.uint64), np.empty(n, np.uint64)
    decimals, marks = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    good, seen = size > 0, np.zeros(n, bool)
    place = starts + lengths - most
    for k in range(most):
        letter = view.take(place, mode="clip")
        place += 1
        if k < most - least:
            np.copyto(letter, 48, where=size < most - k)  # before the cell begins
        is_mark = letter == mark
        letter -= np.uint8(48)
        decimals += seen
        if not is_mark.any():
            good &= letter < 10
            mantissa *= np.uint64(10)
            mantissa += letter
            continue
        good &= (letter < 10) | is_mark
        np.multiply(mantissa, np.uint64(10), out=larger)
        larger += letter
        np.copyto(mantissa, larger, where=~is_mark)
        seen |= is_mark
        marks += is_mark
    return mantissa, decimals, marks, good


_POWERS = np.array([float(f"1e{power}") for power in range(_WIDEST + 1)])
_EXTENDED_POWERS = np.cumprod(np.array([1] + [10] * _MOST_DIGITS, np.longdouble))  # exact to 10^27


def _rounded(
    view: Array,
    starts: Array,
    lengths: Array,
    mark: int,
    mantissa: Array,
    decimals: Array,
    rows: Array,
) -> Array:
    """The quotients of some rows whose parts no float64 holds, rounded right, without a sign."""
    slow = np.arange(len(rows))
    values = np.empty(len(rows))
    if _EXTENDED:
        quotient = mantissa[rows].astype(np.longdouble) / _EXTENDED_POWERS.take(
            decimals[rows], mode="clip"
        )
        values[:] = quotient
        low_bits = quotient.view(np.uint64)[::2] & np.uint64(0x7FF)
        slow = np.flatnonzero(low_bits == 0x400)
    for i in slow.tolist():
        start = int(starts[rows[i]])
        text = view[start : start + int(lengths[rows[i]])].tobytes()
        values[i] = abs(float(text.replace(bytes([mark]), b".")))
    return values


def _has_form(matrix: Array, form: str) -> Array:
    good = np.ones(len(matrix), bool)
    for k, letter in enumerate(form):
        here = matrix[:, k]
        if letter == "d":
            good &= here - np.uint8(48) < 10
        elif letter == " ":
            good &= (here == 32) | (here == 84)
        else:
            good &= here == ord(letter)
    return good


def iso_dates(
    view: Array, starts: Array, lengths: Array, among: Array | None
) -> tuple[Array, Array]:
    """Cells in the form 2024-01-31 or 2024-01-31 12:30:00 as dates, and which these are."""
    values, done = np.zeros(len(starts), "M8[us]"), np.zeros(len(starts), bool)
    for length, form in _ISO.items():
        fits = lengths == length
        all_rows = np.flatnonzero(fits if among is None else fits & among)
        for low in range(0, len(all_rows), _CHUNK):
            rows = all_rows[low : low + _CHUNK]
            letters = view.take(starts[rows, None] + np.arange(length))
            good = _has_form(letters, form)
            rows, letters = rows[good], np.ascontiguousarray(letters[good])
            try:
                values[rows] = letters.view(f"S{length}").ravel().astype("M8[us]")
                done[rows] = True
            except ValueError:  # such as month 13: these go the slow way
                continue
    return values, done
