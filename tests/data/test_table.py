"""Tables: rows and columns of them, what is said, and reading by the decisions of another one."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pel
from pellucid.core import notices
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.data import Schema, Table, read_table
from pellucid.data.schema import ColumnSchema
from pellucid.data.table import Column

CSV = """id,price,city,when,ok
1,"1,50",Rom,31/01/2024,yes
2,"2,75",Bonn,02/02/2024,no
3,-,Rom,,yes
4,"3,00",,03/02/2024,no
"""


@pytest.fixture
def sales(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def table(sales):
    return read_table(sales)


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch):
    monkeypatch.setattr(notices, "_said", set())


def test_values_of_each_kind(table):
    assert [column.kind for column in table.columns] == [
        "id",
        "number",
        "category",
        "date",
        "category",
    ]
    assert table["price"].values.dtype == np.float64
    np.testing.assert_array_equal(table["price"].values, [1.5, 2.75, np.nan, 3])
    assert table["city"].values.dtype == np.int32
    assert table["city"].values.tolist() == [1, 0, 1, -1] and table["city"].levels == (
        "Bonn",
        "Rom",
    )
    assert table["when"].values.dtype == np.dtype("M8[us]")
    assert np.isnat(table["when"].values).tolist() == [False, False, True, False]
    assert table["ok"].levels == ("no", "yes"), "no before yes, as 0 before 1"
    assert table["id"].values.tolist() == ["1", "2", "3", "4"]
    assert table["price"].missing.tolist() == [False, False, True, False]


def test_rows_and_columns(table):
    assert len(table) == 4 and table.names == ("id", "price", "city", "when", "ok")
    assert "city" in table and "town" not in table and list(table) == list(table.names)
    some = table[["city", "price"]].take([3, 0, 0])
    assert some.names == ("city", "price") and len(some) == 3
    assert some["city"].text() == [None, "Rom", "Rom"]
    assert table.take(np.array([True, False, False, True]))["id"].text() == ["1", "4"]
    assert table.take([-1])["id"].text() == ["4"] and len(table.take([])) == 0
    assert table.drop("ok", "id").names == ("price", "city", "when")


def test_texts_read_back_to_the_same_values(table):
    again = read_table(table.rows(), schema=table.schema)
    for one, other in zip(table.columns, again.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.missing, other.missing)
    assert table["price"].text() == ["1,5", "2,75", None, "3"]
    assert table["when"].text() == ["2024-01-31", "2024-02-02", None, "2024-02-03"]


def test_wrong_rows_and_columns(table):
    with pytest.raises(ArgumentError, match=r"unknown column 'citty'.*Did you mean 'city'"):
        table["citty"]
    with pytest.raises(ArgumentError, match=r"Write table.take\(rows\) for rows"):
        table[0:2]
    for rows in ([4], [-5], [0.5], [[0]], [True], "a"):
        with pytest.raises(ArgumentError, match="rows must be numbers of rows below 4"):
            table.take(rows)
    with pytest.raises(ShapeError, match="equally many rows"):
        Table([table["id"], table["city"].take([0])])


def test_the_printed_table(table):
    shown = repr(table)
    assert "sales.csv (commas between cells, names in the first row): 4 rows, 5 columns" in shown
    assert "price   number          1  1.5 to 3, median 2.75" in shown
    assert "city    category        1  Rom (2), Bonn (1)" in shown
    assert "when    date            1  2024-01-31 to 2024-02-03, day first" in shown


def test_what_a_rule_decided_is_said_once(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text(
        "d,x\n01/02/2024,1\n03/04/2024,3\n" + "05/06/2024,2\n" * 18 + "05/06/2024,many\n"
    )
    with pytest.warns(
        UserWarning, match=r"the day is read first.*line 22: 'many' is no num"
    ) as said:
        table, _ = read_table(path), read_table(path)
    assert len(said) == 1
    assert "could not be read and counts as missing" in repr(table) and table.unreadable == 1
    read_table(path, quiet=True)


def test_many_unreadable_cells_are_counted_and_five_shown(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "1,a\n2,b\n" * 60 + "zz,a\n" * 9)
    column = read_table(path, quiet=True)["x"]
    assert column.unreadable == 9 == int(column.missing.sum())
    assert [problem.place for problem in column.problems] == [f"line {n}" for n in range(122, 127)]


def test_types_in_the_call_and_beside_the_file(sales):
    assert read_table(sales, types={"id": "number"})["id"].values.tolist() == [1, 2, 3, 4]
    beside = sales.with_name("sales.types.toml")
    beside.write_text('id = "category"\nprice = "number:1,234.5"\n')
    table = read_table(sales, types={"price": "text"}, quiet=True)
    assert table["id"].kind == "category" and table["price"].text()[0] == "1,50"
    assert "Types of 2 columns are those of sales.types.toml." in repr(table)
    beside.write_text('idd = "category"\n')
    with pytest.raises(DataError, match=r"sales.types.toml.*unknown column 'idd'.*'id'"):
        read_table(sales)
    beside.write_text("id = category\n")
    with pytest.raises(DataError, match="it must be TOML"):
        read_table(sales)


def test_a_second_file_by_the_first_ones_decisions(table, tmp_path):
    schema = Schema.from_json(json.loads(json.dumps(table.schema.to_json())))
    assert schema == table.schema
    path = tmp_path / "more.csv"
    path.write_text(
        'ok,extra,when,city,price,id\nYES,1,03/04/2024,Paris,"1,234",9\nNo,2,,Bonn,7,10\n'
    )
    with pytest.warns(UserWarning, match="Left out columns.*'extra'.*1 cell of levels.*'Paris'"):
        more = read_table(path, schema=schema)
    assert more.names == table.names and more.schema == schema
    assert more["price"].values.tolist() == [1.234, 7], "the first file has decimal commas"
    assert more["ok"].values.tolist() == [1, 0]
    assert more["city"].values.tolist() == [2, 0] and more["city"].is_new.tolist() == [True, False]
    assert more["city"].text() == ["Paris", "Bonn"]
    assert more["when"].text() == ["2024-04-03", None]


def test_by_a_schema_a_column_that_lacks_is_an_error(table):
    with pytest.raises(DataError, match="none called 'price', 'when'"):
        read_table({"id": ["1"], "city": ["x"], "ok": ["yes"]}, schema=table.schema)


def test_a_file_without_names_by_a_schema_of_made_ones(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1,x\n2,y\n")
    first = read_table(path)
    path.write_text("y,7\n")  # one row, which alone would be names
    with pytest.raises(DataError, match="names of columns alone"):
        read_table(path)
    path.write_text("7,y\n")
    second = read_table(path, schema=first.schema)
    assert second["column_1"].values.tolist() == [7] and second["column_2"].values.tolist() == [1]


def test_one_row_as_a_dict_by_a_schema(table):
    row = {"ok": True, "price": "2,5", "city": None, "when": np.datetime64("2024-05-01"), "id": 12}
    one = read_table(row, schema=table.schema, quiet=True)
    assert len(one) == 1 and one["price"].values.tolist() == [2.5]
    assert one["city"].missing.tolist() == [True] and one["id"].text() == ["12"]
    assert one["when"].text() == ["2024-05-01"]


def test_numbers_that_came_as_numbers_are_levels_too(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,x\n2,y\n1,x\n")
    schema = read_table(path, types={"a": "category"}).schema
    assert read_table({"a": [2, 1], "b": ["x", "y"]}, schema=schema)["a"].values.tolist() == [1, 0]
    assert read_table({"a": [2.0, math.nan], "b": ["x", "y"]}, schema=schema)[
        "a"
    ].values.tolist() == [1, -1]


def test_reading_rows_needs_no_other_package():
    code = """
import sys
for name in ("duckdb", "pandas", "polars", "pyarrow", "narwhals", "sklearn"):
    sys.modules[name] = None
import pellucid as pel
t = pel.data.read_table([{"a": "1,5", "b": "x"}, {"a": "2", "b": "y"}])
s = pel.data.Schema.from_json(t.schema.to_json())
print(pel.data.read_table({"a": "3,5", "b": "y"}, schema=s)["a"].values)
try:
    pel.data.read_table("SELECT 1 AS a")
except pel.MissingPackageError as error:
    print(error.fix)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[3.5]\npip install 'pellucid[table]'.\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "a list of columns"),
        ([{"name": "a"}], "a name and a kind"),
        ([{"name": "a", "kind": "colour"}], "known kinds, got 'colour'"),
        ([{"name": "a", "kind": []}], "known kinds"),
        ([{"name": "a", "kind": "date", "format": "ydm"}], "a known format"),
        ([{"name": "a", "kind": "category", "levels": [1]}], "texts as the levels"),
        ([{"name": "a", "kind": "category", "levels": ["x", "x"]}], "got one twice"),
        ([{"name": "a", "kind": "text"}] * 2, "different names"),
    ],
)
def test_damaged_schemas(data, words):
    with pytest.raises(DataError, match=words):
        Schema.from_json(data)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"types": {"pric": "number"}}, "unknown column 'pric' in types.*'price'"),
        ({"types": {"price": "float"}}, "unknown type 'float'.*'number'"),
        ({"types": {"price": float}}, "unknown type 'float'"),
        ({"types": {"when": "date:ydm"}}, "unknown format 'ydm'.*date:dmy"),
        ({"types": ["price"]}, "types must be a dict"),
        ({"schema": [1]}, "schema must be that of a table"),
        ({"types": {}, "schema": Schema(())}, "got both"),
        ({"delimiter": ",,"}, "delimiter must be one character"),
        ({"encoding": "utf-9"}, "encoding must be one that Python knows"),
        ({"header": 0}, "header must be True or False"),
        ({"quiet": 1}, "quiet must be True or False"),
        ({"sep": ";"}, "unknown argument 'sep'.*'delimiter'"),
        ({"database": "x.db"}, "database goes with a query"),
    ],
)
def test_wrong_arguments(sales, options, words):
    with pytest.raises(ArgumentError, match=words):
        read_table(sales, **options)


def test_a_column_alone():
    column = Column(ColumnSchema("a", "number"), np.array([1.0, np.nan]), np.array([False, True]))
    assert column.text() == ["1", None] and len(column) == 2 and not column.is_new.any()
    assert pel.data.Table([column])["a"] is column


def test_a_notebook_shows_the_table_as_html():
    from xml.etree import ElementTree

    with pytest.warns(UserWarning, match="could not be read"):
        table = pel.data.read_table(
            {"a <b>": ["1", "2", "x", "4"] * 5, "n": [1, None, 3, 4] * 5}, types={"a <b>": "number"}
        )
    page = ElementTree.fromstring(f"<div>{table._repr_html_()}</div>")
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert rows[0] == ["column", "kind", "missing", "unreadable", "values"]
    assert [row[:4] for row in rows[1:]] == [
        ["a <b>", "number", "5", "5"],
        ["n", "number", "5", ""],
    ]
    words = ["".join(one.itertext()) for one in page.findall("p")]
    assert all(one in repr(table) for one in words) and "could not be read" in words[-1]
