"""The quick ways of reading cells give what the slow ones give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data import dialect, digits, distinct, native_digits
from pellucid.data.cells import ByteCells
from pellucid.data.delimited import read_delimited

LETTERS = st.text("0123456789.,-+e €x", max_size=30)


def packed(texts: list[str]) -> tuple[bytes, np.ndarray, np.ndarray]:
    parts = [text.encode() for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    return b"".join(parts) + b"\n", starts, ends


@pytest.mark.parametrize("mark", [".", ","])
@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(
        st.one_of(LETTERS, st.floats(allow_nan=False).map(repr)), min_size=1, max_size=40
    )
)
def test_machine_code_reads_digits_as_numpy_does(mark, texts):
    routine = native_digits.call(25)
    assert routine is not None
    raw, starts, ends = packed(texts)
    view, lengths = np.frombuffer(raw, np.uint8), ends - starts
    signed = [text[:1] in ("-", "+") for text in texts]
    size = np.where(lengths <= 25, lengths - signed, 0).astype(np.int32)
    slow = digits.letters(view, starts, lengths, size, ord(mark))
    fast = native_digits.letters(routine, view, starts.astype(np.int32), lengths, ord(mark))
    np.testing.assert_array_equal(slow[3], fast[3])
    for one, other in zip(slow[:3], fast[:3], strict=True):
        np.testing.assert_array_equal(one[slow[3]], other[slow[3]])


def test_long_columns_go_through_machine_code_and_read_alike(monkeypatch):
    draw = np.random.default_rng(0)
    texts = [repr(float(x)) for x in draw.normal(size=3000) * 10.0 ** draw.integers(-9, 9, 3000)]
    raw, starts, ends = packed(texts)
    view = np.frombuffer(raw, np.uint8)
    slow = digits.plain_numbers(view, starts, ends - starts, ord("."))
    monkeypatch.setattr(digits, "_MANY", 1)
    fast = digits.plain_numbers(view, starts, ends - starts, ord("."))
    assert slow.done.sum() > 1500 and slow.evident == fast.evident
    expected = np.array([float(text) for text in texts])
    np.testing.assert_array_equal(fast.values[fast.done], expected[fast.done])
    for name in ("done", "whole", "padded", "width"):
        np.testing.assert_array_equal(getattr(slow, name), getattr(fast, name))
    monkeypatch.setattr(native_digits, "call", lambda widest: None)  # no machine code
    again = digits.plain_numbers(view, starts, ends - starts, ord("."))
    np.testing.assert_array_equal(again.done, slow.done)


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.text('abcé€ "', max_size=20), min_size=1, max_size=60),
    again=st.integers(1, 4),
)
def test_equal_texts_are_found_as_one_by_one(texts, again):
    raw, starts, ends = packed(texts * again)
    raw = raw.ljust(8, b"\n")
    codes, first = distinct.numbered(raw, starts, ends - starts)
    seen: dict[str, int] = {}
    expected = [seen.setdefault(text, len(seen)) for text in texts * again]
    assert codes.tolist() == expected
    assert [expected.index(code) for code in range(len(seen))] == first.tolist()


def test_texts_of_a_long_column_stand_in_the_order_of_their_appearance():
    texts = [f"city number {n % 97}" if n % 3 else "" for n in range(5000)]
    raw, starts, ends = packed(texts)
    rows = np.arange(5000) % 5 != 0
    cells = ByteCells("c", raw, starts, ends, '"')
    factors = cells.factors_of(rows)
    chosen = [text for text, kept in zip(texts, rows.tolist(), strict=True) if kept]
    assert factors.texts == list(dict.fromkeys(chosen))
    found = [factors.texts[code] if code >= 0 else None for code in factors.codes.tolist()]
    assert found == [
        text if kept else None for text, kept in zip(texts, rows.tolist(), strict=True)
    ]


@settings(max_examples=50, deadline=None)
@given(
    text=st.text("a1;, \t\r\n|", max_size=60),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    limit=st.one_of(st.none(), st.integers(1, 5)),
)
def test_a_text_without_quotes_is_split_as_it_is_cut(text, delimiter, limit):
    own = dialect.Dialect(delimiter)
    fast = dialect.cut(text, own, limit=limit, first=3)
    slow = dialect.cut(text, dialect.Dialect(delimiter, "a"), limit=limit, first=3, lenient=True)
    if "a" not in text:
        assert fast == slow
    quoted = dialect.cut('"q"\n' + text, own, limit=None if limit is None else limit + 1, first=2)
    assert fast == quoted[1:]


def test_cells_are_found_over_the_borders_of_blocks(monkeypatch):
    monkeypatch.setattr("pellucid.data.delimited._BLOCK", 7)
    monkeypatch.setattr("pellucid.data.delimited._ROWS", 3)
    lines = [f"{n},word {n % 5},{n / 8}" for n in range(50)]
    found = read_delimited("t", ("a,b,c\n" + "\n".join(lines)).encode())
    columns = [[cells.factors.texts[i] for i in cells.factors.codes] for cells in found.cells]
    assert [",".join(row) for row in zip(*columns, strict=True)] == lines
