"""What tables are read from besides one text file: folders, frames, dicts, queries, databases."""

from __future__ import annotations

import datetime
import json
import sqlite3

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import read_table, stream_table

PARTS = {"a": "number", "b": "category"}


def kinds(table):
    return {column.name: column.kind for column in table.columns}


def test_a_glob_of_files_is_one_table(tmp_path):
    (tmp_path / "p1.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "p2.csv").write_text("b;a\nz;1,5\nx;no\n")
    with pytest.warns(UserWarning, match=r"p2.csv, line 3: 'no' is no number"):
        table = read_table(tmp_path / "p*.csv", types={"a": "number:1.234,5"})
    assert table["a"].text() == ["1", "2", "1,5", None] and table["b"].text() == [
        "x",
        "y",
        "z",
        "x",
    ]
    assert len(read_table(tmp_path, quiet=True)) == 4
    (tmp_path / "p3.csv").write_text("a,c\n1,x\n2,y\n")
    with pytest.raises(DataError, match=r'"p3.csv"\] files must have the columns of the first'):
        read_table(tmp_path / "p*.csv")


@pytest.mark.parametrize("path", ["none*.csv", "none.csv", "empty"])
def test_no_files(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="Check the path"):
        read_table(tmp_path / path)


def test_dicts_of_columns():
    table = read_table(
        {
            "i": range(3),
            "f": [1.5, None, 2],
            "s": ("x", "y", "x"),
            "t": np.array(["2024-01-01", "NaT", "2024-02-01"], "M8[D]"),
            "d": [datetime.date(2024, 1, 1), None, datetime.datetime(2024, 1, 2, 3)],
            "l": np.array([True, False, True]),
            "big": [2**70, 2**71, 2**72],
            "n": np.array([1, 2, 4], np.int8),
            "z": ["1,5", "2,25", None],
        }
    )
    assert kinds(table) == {
        "i": "number",
        "f": "number",
        "s": "category",
        "t": "date",
        "d": "date",
        "l": "category",
        "big": "id",
        "n": "number",
        "z": "number",
    }
    assert table["d"].text() == ["2024-01-01", None, "2024-01-02 03:00:00"]
    assert table["l"].levels == ("false", "true") and table["z"].values[1] == 2.25
    assert table["big"].text() == [str(2**70), str(2**71), str(2**72)]


def test_rows_as_dicts_and_arrays():
    table = read_table([{"a": 1, "b": "x"}, {"b": "y", "a": 2.5}, {"a": None}])
    assert kinds(table) == PARTS and table["b"].text() == ["x", "y", None]
    assert read_table(np.ones((3, 2)) * [[1], [2], [4]]).names == ("column_1", "column_2")
    records = np.array([(1, "x"), (2, "y")], [("a", int), ("b", "U1")])
    assert kinds(read_table(records)) == PARTS


def test_a_table_again():
    table = read_table({"a": ["1,5", "2,5"], "b": ["x", "NA"]})
    assert read_table(table, types={"b": "text"})["b"].text() == ["x", None]
    assert read_table(table)["a"].values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (3, ArgumentError, "a table must be a path"),
        (None, ArgumentError, "got NoneType"),
        ([], ArgumentError, "got list"),
        ([1, 2], ArgumentError, "got list"),
        ({}, DataError, "a table must have columns"),
        ({"a": [1, 2], "b": [1]}, DataError, "equally many rows, got 'a': 2, 'b': 1"),
        ({"a": [1, 2], "b": 1}, DataError, "got both: 'b'"),
        ({"a": [[1], [2]]}, DataError, "got a list in 'a'"),
        ({"a": np.ones((2, 2))}, DataError, "one axis"),
        ({"a": [10**5000, 1]}, DataError, "must have a text"),
        ({"a": np.ones(2, complex)}, DataError, "got complex128"),
        (np.ones(3), DataError, "must have rows and columns"),
        ("a\0b.csv", ArgumentError, "NUL bytes"),
    ],
)
def test_what_is_no_table(source, kind, words):
    with pytest.raises(kind, match=words):
        read_table(source)


def test_a_sqlite_file(tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (a, b)")
        connection.executemany("insert into t values (?, ?)", [(1, "x"), (2.5, None), (3, "y")])
    connection.close()
    table = read_table(path)
    assert kinds(table) == PARTS and table["a"].values.tolist() == [1, 2.5, 3]
    table = read_table("SELECT a * 2 AS twice FROM t WHERE b IS NOT NULL", database=path)
    assert table["twice"].values.tolist() == [2, 6]
    with pytest.raises(DataError, match="SQLite could not read it: no such table"):
        read_table("SELECT * FROM u", database=path)
    with pytest.raises(DataError, match="the database cannot be read"):
        read_table("SELECT 1", database=tmp_path / "y.db")
    with pytest.raises(DataError, match="SQLite could not read it"):
        read_table("SELECT * FROM t; DELETE FROM t", database=path)
    with pytest.raises(DataError):
        read_table("WITH w AS (SELECT 1) DELETE FROM t", database=path)
    assert len(read_table(path)) == 3


class TestDuckDB:
    @pytest.fixture(autouse=True)
    def package(self):
        self.duckdb = pytest.importorskip("duckdb")

    def made(self, path, query):
        with self.duckdb.connect() as connection:
            connection.execute(f"COPY ({query}) TO '{path}'")
        return path

    def test_parquet_types(self, tmp_path):
        path = self.made(
            tmp_path / "p.parquet",
            """SELECT i * 3 AS k, CASE WHEN i % 7 = 0 THEN NULL ELSE 'c' || (i % 3) END AS c,
            DATE '2024-01-01' + i::INT AS d, TIMESTAMPTZ '2024-01-01 12:00:00+02' AS z,
            i % 2 = 0 AS b,
            CASE WHEN i > 2 THEN i * i / 3.0 END AS f, (i * i)::DECIMAL(9, 2) AS m,
            9007199254740993 + i AS big, '1,5' AS t FROM range(30) r(i)""",
        )
        table = read_table(path)
        assert kinds(table) == {
            "k": "number",
            "c": "category",
            "d": "date",
            "z": "date",
            "b": "category",
            "f": "number",
            "m": "number",
            "big": "id",
            "t": "constant",
        }
        assert table["c"].missing.sum() == 5 and table["f"].missing.sum() == 3
        assert table["z"].text()[0] == "2024-01-01 10:00:00"
        assert table["big"].text()[:2] == ["9007199254740993", "9007199254740994"]
        assert table["b"].levels == ("false", "true")
        np.testing.assert_array_equal(table["k"].values, np.arange(30) * 3)

    def test_files_of_one_table_keep_what_each_of_them_has(self, tmp_path):
        """DuckDB alone casts all files to the types of the first: 0.5 becomes 0."""
        self.made(tmp_path / "1.parquet", "SELECT range AS a, 'x' AS b, range AS y FROM range(2)")
        self.made(tmp_path / "2.parquet", "SELECT 'y' AS b, 2.75::DOUBLE AS a, 0.5 AS y")
        assert read_table(tmp_path, quiet=True)["a"].values.tolist() == [0, 1, 2.75]
        stream = stream_table(tmp_path, "y", features=["a"], shuffle=False)
        x, y = (np.concatenate(column) for column in zip(*stream, strict=True))
        assert x.ravel().tolist() == [0, 1, 2.75] and y.tolist() == [0, 1, 0.5]
        self.made(tmp_path / "3.parquet", "SELECT 1.5 AS a, 'z' AS b")
        with pytest.raises(DataError, match=r"the same columns, got no 'y' in \"3.parquet\""):
            read_table(tmp_path)
        with pytest.raises(DataError, match=r"the same columns, got no 'y' in \"3.parquet\""):
            stream_table(tmp_path, "a")

    def test_folders_globs_and_queries(self, tmp_path):
        for i in range(3):
            (tmp_path / f"y={i}").mkdir()
            self.made(tmp_path / f"y={i}" / "p.parquet", f"SELECT {i}.5 AS a, 'x{i}' AS b")
        assert read_table(tmp_path)["a"].values.tolist() == [0.5, 1.5, 2.5]
        assert read_table(f"{tmp_path}/*/*.parquet")["b"].text() == ["x0", "x1", "x2"]
        query = f"SELECT a * 2 AS twice FROM '{tmp_path}/*/*.parquet' WHERE a > 1 ORDER BY a"
        assert read_table(query)["twice"].values.tolist() == [3, 5]
        with pytest.raises(DataError, match="DuckDB could not read it"):
            read_table("SELECT * FROM 'nowhere.parquet'")
        with pytest.raises(DataError, match=r"got INTEGER\[\] in 'l'"):
            read_table("SELECT [1, 2] AS l")
        with pytest.raises(DataError, match="DuckDB could not read it"):
            read_table(self.damaged(tmp_path))

    def damaged(self, folder):
        path = folder / "bad.parquet"
        path.write_bytes(b"PAR1" + b"\0" * 40)
        return path

    def test_a_query_over_text_files_says_whose_rules_hold(self, tmp_path):
        (tmp_path / "a.csv").write_text("a,b\n1,x\n2,y\n")
        with pytest.warns(UserWarning, match="SQL reads text files by DuckDB's own rules"):
            assert len(read_table(f"SELECT * FROM '{tmp_path}/a.csv'")) == 2

    def test_database_files(self, tmp_path):
        path = tmp_path / "x.duckdb"
        with self.duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        assert kinds(read_table(path)) == PARTS
        with self.duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE u AS SELECT 1 AS a")
        with pytest.raises(DataError, match=r"must hold one table.*got 't', 'u'"):
            read_table(path)
        assert read_table("FROM t", database=path)["b"].text() == ["x", "y"]
        with pytest.raises(ArgumentError, match="database goes with a query"):
            read_table("DELETE FROM t RETURNING *", database=path)

    def test_a_relation(self):
        with self.duckdb.connect() as connection:
            table = read_table(connection.sql("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL"))
            assert kinds(table) == PARTS


class Column:
    """What a column of pandas has that is looked at."""

    def __init__(self, name, items):
        self.name, self.items = name, items
        self.dtype, self.shape = np.dtype(object), (len(items),)

    def to_numpy(self):
        return np.array(self.items, object)

    def tolist(self):
        return self.items

    def isna(self):
        return [item is None for item in self.items]

    def __len__(self):
        return len(self.items)


class Frame:
    """What a frame of pandas has that is looked at."""

    def __init__(self, columns):
        self.columns, self._items = list(columns), columns
        self.iloc = self

    def __getitem__(self, key):
        name = self.columns[key[1]]
        return Column(name, self._items[name])


def test_a_frame_is_known_by_what_it_has():
    table = read_table(Frame({"a": [1, 2.5, None], "b": ["x", None, "y"]}))
    assert kinds(table) == PARTS and table["b"].missing.tolist() == [False, True, False]


def columns_of_frames():
    return {
        "a": [1.5, None, 3.0],
        "b": ["x", None, "y"],
        "c": [datetime.datetime(2024, 1, 1), None, datetime.datetime(2024, 2, 1)],
        "e": [True, False, True],
        "i": [1, 2, 4],
    }


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_frames_of_packages(package):
    found = pytest.importorskip(package)
    make = found.table if package == "pyarrow" else found.DataFrame
    table = read_table(make(columns_of_frames()))
    assert kinds(table) == {
        "a": "number",
        "b": "category",
        "c": "date",
        "e": "category",
        "i": "number",
    }
    assert table["c"].text() == ["2024-01-01", None, "2024-02-01"]
    assert table["b"].text() == ["x", None, "y"] and table["a"].missing.tolist() == [
        False,
        True,
        False,
    ]


def test_json_with_a_mark(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + b"\r\n".join(json.dumps({"a": i, "b": "xy"[i % 2]}).encode() for i in (1, 2, 4))
    )
    assert kinds(read_table(path)) == PARTS
