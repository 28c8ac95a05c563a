"""Frames of pandas and Polars and tables of Arrow: each is read as the same rows in plain lists."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import read_table

ROWS = 60
EAST = dt.timezone(dt.timedelta(hours=2))
START = dt.datetime(2024, 1, 1, 12, 30)


def every(k, make):
    """A column in which each k-th cell is missing."""
    return [None if i % k == 0 else make(i) for i in range(ROWS)]


COLUMNS = {
    "number": every(7, lambda i: i * 1.5),
    "whole": every(5, lambda i: i % 9),
    "flag": every(11, lambda i: bool(i % 2)),
    "city": every(6, lambda i: ("Bonn", "Rom", "Köln")[i % 3]),
    "day": every(8, lambda i: START.date() + dt.timedelta(days=i)),
    "when": every(9, lambda i: START + dt.timedelta(hours=i)),
    "zoned": every(10, lambda i: START.replace(tzinfo=EAST) + dt.timedelta(hours=i)),
    "full": [i % 4 + 0.25 for i in range(ROWS)],
}


def pandas_frame(**options):
    return pytest.importorskip("pandas").DataFrame(COLUMNS, **options)


def arrow_table():
    return pytest.importorskip("pyarrow").table(COLUMNS)


MAKERS = {
    "pandas": pandas_frame,
    "pandas, nullable": lambda: pandas_frame().convert_dtypes(),
    "pandas, other index": lambda: pandas_frame(index=range(ROWS, 0, -1)),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
    "arrow": arrow_table,
    "arrow batch": lambda: arrow_table().to_batches()[0],
    "list of dicts": lambda: [
        dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)
    ],
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_frame_is_read_as_its_lists(name):
    wanted, found = read_table(COLUMNS), read_table(MAKERS[name]())
    assert found.schema == wanted.schema
    assert [column.kind for column in found.columns] == [
        *("number", "number", "category", "category", "date", "date", "date", "number")
    ]
    for column in found.columns:
        gone = [cell is None for cell in COLUMNS[column.name]]
        assert column.missing.tolist() == gone
        assert column.text() == wanted[column.name].text()
    utc = START - dt.timedelta(hours=1)  # hour 1, and two hours east of Greenwich
    assert found["zoned"].values[1] == np.datetime64(utc)
    assert "'zoned': times of a zone are read as UTC." in [note.text for note in found.notes]


def test_a_stream_of_arrow_is_read_alike():
    pytest.importorskip("duckdb")
    table = arrow_table()

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    found, wanted = read_table(Stream()), read_table(COLUMNS)
    assert found.schema == wanted.schema
    assert [column.text() for column in found.columns] == [c.text() for c in wanted.columns]
    assert any("'zoned'" in note.text for note in found.notes)


def test_what_came_as_a_category_is_one():
    """Though its levels look like numbers."""
    pd = pytest.importorskip("pandas")
    zips = ["53111", "00184"] * 30
    frame = pd.DataFrame({"zip": pd.Categorical(zips), "grade": pd.Categorical([3, 1, 2] * 20)})
    found = read_table(frame)
    assert found["zip"].kind == found["grade"].kind == "category"
    assert found["grade"].levels == ("1", "2", "3")
    assert found["grade"].text()[:3] == ["3", "1", "2"]
    assert read_table(found)["grade"].kind == "category"  # a Table again
    assert read_table(frame, types={"grade": "number"})["grade"].values[0] == 3
    assert read_table({"grade": [3, 1, 2] * 20}, schema=found[["grade"]].schema)["grade"].text()[
        :2
    ] == ["3", "1"]


def test_categories_of_polars_and_arrow():
    pl = pytest.importorskip("polars")
    levels = pl.Enum(["10", "9"])
    found = read_table(pl.DataFrame({"a": pl.Series(["9", "10"] * 30, dtype=levels)}))
    assert found["a"].kind == "category" and found["a"].levels == ("9", "10")
    pa = pytest.importorskip("pyarrow")
    found = read_table(pa.table({"a": pa.array(["9", "10"] * 30).dictionary_encode()}))
    assert found["a"].kind == "category" and found["a"].levels == ("9", "10")


def test_names_that_come_twice_or_are_no_text():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.arange(60).reshape(30, 2) * 1.5, columns=["a", "a"])
    found = read_table(frame)
    assert found.names == ("a", "a_2") and found["a_2"].values[0] == 1.5
    assert "'a' is there already" in found.notes[0].text
    assert read_table(frame.set_axis([0, 1], axis=1)).names == ("0", "1")


def test_an_index_with_a_name_is_said():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=pd.Index(["x", "y"], name="shop"))
    assert read_table(frame).names == ("a",)
    assert [note.text for note in read_table(frame).notes] == [
        "The index, 'shop', is left out; frame.reset_index() makes columns of it."
    ]
    assert read_table(frame.reset_index()).names == ("shop", "a")


def test_cells_that_are_no_cells():
    pd = pytest.importorskip("pandas")
    for cell, words in (
        (b"x", r"got bytes in 'a'.*cell\.decode\("),
        (1j, "got complex in 'a'.*cell.real and cell.imag"),
        ([1], "got a list in 'a'"),
    ):
        with pytest.raises(DataError, match=words):
            read_table(pd.DataFrame({"a": pd.Series([cell] * 3, dtype=object)}))
    lazy = pytest.importorskip("polars").DataFrame({"a": [1.5, 2.5]}).lazy()
    with pytest.raises(ArgumentError, match=r"got LazyFrame\. .*Write frame\.collect\(\)\."):
        read_table(lazy)
    assert read_table(lazy.collect()).names == ("a",)


def test_numbers_keep_their_bits():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    x = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    for frame in (pd.DataFrame({"x": x}), pl.DataFrame({"x": x}), pl.DataFrame({"x": [*x, None]})):
        assert np.array_equal(read_table(frame)["x"].values[:50], x)
    large = 2**60 + np.arange(50)
    found = read_table(pd.DataFrame({"x": pd.array([*large, None], dtype="Int64")}))["x"]
    assert (found.kind, found.text()[1]) == ("id", str(2**60 + 1))


def test_reading_lists_imports_neither():
    code = (
        "import sys; from pellucid.data import read_table; read_table({'a': [1.5, 2.5]}); "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'polars', 'pyarrow', 'duckdb')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
