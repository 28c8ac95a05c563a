"""Cells as values: numbers and dates against independent computations, both ways of reading.

Each fast way (whole columns of bytes) must give what the slow one gives, and that must be what the
decimal fraction or the calendar says.
"""

from __future__ import annotations

import csv
import io
import math
import time
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import DataError
from pellucid.data import dates, delimited, numerals, read_table
from pellucid.data.casts import cast
from pellucid.data.cells import TextCells
from pellucid.data.dialect import Dialect
from pellucid.data.schema import ColumnSchema
from tests.data.nasty_tables import NASTY

LETTERS = "019.,+-eE% $()\u202f'"
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(LETTERS, max_size=26), min_size=1, max_size=40), st.sampled_from(".,"))
def test_plain_numbers_are_those_of_the_slow_reading(texts, mark):
    plain = TextCells("a", texts).plain(mark)
    for i, text in enumerate(texts):
        if plain.done[i]:
            assert plain.values[i] == numerals.parse(text, mark)
            assert math.copysign(1, plain.values[i]) == math.copysign(1, numerals.parse(text, mark))
            assert plain.whole[i] == numerals.is_whole(text)


@settings(max_examples=80, deadline=None)
@given(st.lists(decimals, min_size=1, max_size=60))
def test_numbers_are_rounded_once(numbers):
    texts = [format(number, "f") for number in numbers]
    want = [float(text) for text in texts]
    found = cast(TextCells("a", texts), ColumnSchema("a", "number"))
    assert found.values.tolist() == want
    assert not found.unreadable


def test_quotients_on_the_middle_between_two_floats():
    """Digits for which a rounding to 64 bits and a second one to 53 would be wrong."""
    draw = np.random.default_rng(0)
    low = draw.integers(2**52, 2**53, 4000).astype(object) * 2 + 1  # middles between floats
    texts = [f"{int(m) * 5**k}" for m in low[:2000] for k in (1, 2)]
    texts = [f"{text[:-3]}.{text[-3:]}" for text in texts if len(text) <= 19]
    texts += [repr(x) for x in draw.normal(size=4000).tolist()] + [
        f"{x:.18f}" for x in draw.random(4000)
    ]
    plain = TextCells("a", texts).plain(".")
    assert plain.done.mean() > 0.9
    want = np.array([float(text) for text in texts])
    assert (plain.values == want)[plain.done].all()


@pytest.mark.parametrize("whole", ["1,234,567", "1 234 567", "1'234'567", "12,34,567"])
def test_thousands(whole):
    digits = int("".join(filter(str.isdigit, whole)))
    assert numerals.parse(whole + ".5") == digits + 0.5
    assert numerals.parse(whole.replace(",", ".") + ",5", ",") == digits + 0.5


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1,23",
        "0,123",
        "1,2345",
        "1 23",
        "12 3",
        "1,234 567",
        "1_000",
        "--1",
        "+-1",
        "(1",
        "1)",
    ]
    + ["$", "%", "1e", "e5", ".", "1.2.3", "1..2", "0x1", "١", "½", "1 2", "1e400", "$$1", "1%%"],
)
def test_no_numbers(text):
    assert numerals.parse(text) is None


@settings(max_examples=100, deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), st.sampled_from(["dmy", "mdy"]))
def test_dates_are_those_of_the_calendar(moment, order):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    day = datetime(moment.year, moment.month, moment.day)
    first = "%d/%m" if order == "dmy" else "%m/%d"
    forms = [
        "%Y-%m-%d",
        "%d %b %Y",
        "%B %d, %Y",
        f"{first}/%Y",
        f"{first}/%y",
        "%Y/%m/%d",
        "%Y.%m.%d",
    ]
    for form in forms if moment.year >= 1970 else forms[:1]:
        if form.endswith("%y") and not 1969 <= moment.year <= 2068:
            continue
        got = dates.parse(day.strftime(form), order)
        assert got == (day - datetime(1970, 1, 1)) // timedelta(microseconds=1), form
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%fZ", f"{first}/%Y %I:%M:%S.%f %p"):
        got = dates.parse(moment.strftime(form), order)
        assert got == (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1), form


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1900", "2000", "2023", "2024"]),
            st.sampled_from(["00", "01", "02", "12", "13"]),
            st.sampled_from(["00", "01", "29", "30", "31", "32"]),
            st.sampled_from(["", " 00:00", "T23:59", " 24:00", " 12:30:59", "T12:60:00"]),
        ),
        max_size=20,
    )
)
def test_iso_dates_are_those_of_the_slow_reading(parts):
    texts = [f"{year}-{month}-{day}{time}" for year, month, day, time in parts]
    values, done = TextCells("d", texts).iso()
    for i, text in enumerate(texts):
        if done[i]:
            assert values[i].astype("int64") == dates.parse(text)
    column = cast(TextCells("d", texts), ColumnSchema("d", "date"))
    read = [dates.parse(text) for text in texts]
    assert column.missing.tolist() == [value is None for value in read]
    assert column.unreadable == read.count(None)


@settings(max_examples=200, deadline=None)
@given(st.text('ab1,"\n\r ', max_size=40), st.booleans())
def test_both_ways_of_cutting_give_the_same_cells(text, end):
    raw = text.encode() + b"\n" * (end or not text.endswith("\n"))
    if "\r" in text.replace("\r\n", "") or not text.strip():
        return
    dialect = Dialect(",")
    try:
        fast = delimited._places("t", raw, dialect)
    except DataError:
        with pytest.raises(DataError):
            delimited._letters("t", raw, dialect)
        return
    if fast is None:
        return
    slow = delimited._letters("t", raw, dialect)
    assert fast[0] == slow[0] and fast.rows == slow.rows and fast.width == slow.width
    assert fast.short == slow.short[:5] and fast.shorts == slow.shorts and fast.blank == slow.blank
    for j in range(fast.width):
        one, other = fast.column(j, "a", 0), slow.column(j, "a", 0)
        first, second = one.factors, other.factors
        assert [first.texts[c] for c in first.codes] == [second.texts[c] for c in second.codes]
        assert [first.quoted[c] for c in first.codes] == [second.quoted[c] for c in second.codes]
        assert [one.place(i) for i in range(fast.rows)] == [
            other.place(i) for i in range(fast.rows)
        ]


def test_many_stray_quotes_take_no_longer_than_others(tmp_path):
    """Each of them looks at its own piece of the cell alone."""
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"' + 'x"y' * 200_000 + '"\n2,z\n')
    before = time.process_time()
    table = read_table(path, quiet=True)
    assert table["b"].text()[0] == 'x"y' * 200_000
    assert time.process_time() - before < 5


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n\x85\u2028\u2029"),
    min_size=1,
    max_size=8,
)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
numbers = st.floats(allow_nan=False, width=64) | st.integers(-(2**53), 2**53).map(float)


@st.composite
def tables(draw):
    """Columns by name, with their kinds; None is a missing cell."""
    rows = draw(st.integers(1, 12))
    keys = draw(st.lists(names.map(str.strip).filter(bool), min_size=2, max_size=4, unique=True))
    found = {}
    for key in keys:
        kind = draw(st.sampled_from(["number", "category", "text", "date"]))
        cell = {
            "number": numbers,
            "date": st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
        }.get(kind, words.filter(bool))
        found[key] = kind, draw(st.lists(st.none() | cell, min_size=rows, max_size=rows))
    return found


def written(table, quoting=csv.QUOTE_MINIMAL, delimiter=",", end="\n"):
    file = io.StringIO()
    out = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    out.writerow(table)
    for row in zip(*(cells for _, cells in table.values()), strict=True):
        texts = [
            None if cell is None else repr(cell) if isinstance(cell, float) else str(cell)
            for cell in row
        ]
        out.writerow(texts)
    return file.getvalue()


def assert_comes_back(table, read):
    assert list(read.names) == list(table)
    for name, (kind, cells) in table.items():
        column = read[name]
        if kind in ("number", "date"):
            got = [
                None if gone else x
                for x, gone in zip(column.values.tolist(), column.missing, strict=True)
            ]
        else:
            got = column.text()
        assert got == cells


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_comes_back(tmp_path_factory, table, delimiter, end):
    """Every text in quotes: nothing is taken for missing, and blanks are kept."""
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(
        written(table, csv.QUOTE_NOTNULL if hasattr(csv, "QUOTE_NOTNULL") else 1, delimiter, end),
        "utf-8",
        newline="",
    )
    types = {name: kind for name, (kind, _) in table.items()}
    read = read_table(path, types=types, delimiter=delimiter, header=True, quiet=True)
    assert_comes_back(table, read)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_what_is_written_comes_back_or_is_refused(tmp_path_factory, table):
    """The delimiter is to be found out, and quotes stand only where they must."""
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(written(table), "utf-8", newline="")
    try:
        read = read_table(path, header=True, quiet=True)
    except DataError:
        return
    if tuple(table) != read.names:
        return
    for name, (_, cells) in table.items():
        column = read[name]
        for text, cell in zip(column.text(), cells, strict=True):
            if (
                text is not None
                and isinstance(cell, str)
                and column.kind in ("category", "text", "id")
            ):
                assert text == cell or text == cell.strip()
            elif text is not None and isinstance(cell, float) and column.kind == "number":
                assert float(Decimal(text)) == cell


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(data)
    try:
        table = read_table(path, quiet=True)
    except DataError:
        return
    assert len(table) >= 1 and repr(table) and table.rows()


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(NASTY), st.data())
def test_a_damaged_file_is_a_table_or_refused(tmp_path_factory, case, data):
    """One byte of a nasty file is another one."""
    if not case.data:
        return
    place = data.draw(st.integers(0, min(200, len(case.data) - 1)))
    byte = data.draw(st.sampled_from(b',;"\n\r\t 0a.\xff'))
    path = tmp_path_factory.mktemp("csv") / case.name
    path.write_bytes(case.data[:place] + bytes([byte]) + case.data[place + 1 :])
    try:
        table = read_table(path, quiet=True)
    except DataError:
        return
    assert len(table) >= 1 and repr(table)
