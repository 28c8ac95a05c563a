"""Advice followed: tables. See advice_cases.py."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from pellucid.data import Schema, Table, read_table
from pellucid.tables import fit_table
from tests.advice_cases import Followed

ROWS = {"a": [1, 2], "b": ["x", "y"]}


def read(p: Path, data: str | bytes, name: str = "t.csv", **options: Any) -> Any:
    """A file of this content, read."""
    (p / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(p / name, quiet=True, **options)


def beside(p: Path, types: str) -> Any:
    (p / "t.types.toml").write_text(types)
    return read(p, "column,b\n1,2\n3,5\n")


def database(p: Path) -> Path:
    path = p / "x.db"
    with sqlite3.connect(path) as connection:
        for name in "tu":
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} (a)")
            connection.execute(f"INSERT INTO {name} VALUES (1)")
    connection.close()
    return path


class Lazy:
    """What we use of a frame whose rows are not there yet."""

    def collect(self) -> dict[str, Any]:
        return ROWS


def of_pandas() -> Any:
    import pandas as pd

    return pd.DataFrame(ROWS)


FOLLOWED = [
    Followed(
        "A row of a frame is frame[i : i + 1]; a column is series.to_frame().",
        lambda p: read_table(of_pandas().iloc[1]),
        lambda p: (read_table(of_pandas()[1:2]), read_table(of_pandas()["b"].to_frame())),
    ),
    Followed(
        "Put its values into the table as a column, and give the name of the column.",
        lambda p: fit_table({"a": range(10)}, [0, 1] * 5, verbose=0),
        lambda p: fit_table(
            {"a": range(10), "y": [0, 1] * 5}, "y", types={"a": "number"}, quick=True, verbose=0
        ),
    ),
    Followed(
        "Write frame.collect().",
        lambda p: read_table(Lazy()),
        lambda p: read_table(Lazy().collect()),
    ),
    Followed(
        "Put quotes around cells that hold the delimiter, or pass delimiter=.",
        lambda p: read(p, "a,b\nx,y\nx,y,z\n"),
        lambda p: read(p, 'a,b\nx,y\nx,"y,z"\n'),
    ),
    Followed(
        "Pass delimiter= if it is another one, or take out the lines of another table.",
        lambda p: read(p, "a,b,c\n1,2,3\n4,5\n4,5\n4,5\n"),
        lambda p: read(p, "a,b,c\n1,2,3\n"),
    ),
    Followed(
        "Pass header=False if the first row is one.",
        lambda p: read(p, "x,y\n"),
        lambda p: read(p, "x,y\n", header=False),
    ),
    Followed(
        "Write the file again: it is damaged, or no text.",
        lambda p: read(p, b"a,b\n1,x\0\n"),
        lambda p: read(p, b"a,b\n1,x\n"),
    ),
    Followed(
        'Write "utf-8", "latin-1" or "utf-16".',
        lambda p: read(p, "a,b\n1,x\n", encoding="unicode"),
        lambda p: read(p, "a,b\n1,x\n", encoding="latin-1"),
    ),
    Followed(
        "Pass encoding= with the one it was written in, or mend that place.",
        lambda p: read(p, "a,b\n1,ä\n".encode("latin-1"), encoding="utf-8"),
        lambda p: read(p, "a,b\n1,ä\n".encode("latin-1"), encoding="latin-1"),
    ),
    Followed(
        "Close it, or write quotes inside a cell twice.",
        lambda p: read(p, 'a,b\n1,"x\n'),
        lambda p: read(p, 'a,b\n1,"x"\n2,"""y"\n'),
    ),
    Followed(
        'Say which: read_table("SELECT * FROM …", database=path).',
        lambda p: read_table(database(p)),
        lambda p: read_table("SELECT * FROM t", database=database(p)),
    ),
    Followed(
        'Leave it out: SELECT * EXCLUDE ("l") FROM ….',
        lambda p: read_table("SELECT [1] AS l, 2 AS a"),
        lambda p: read_table('SELECT * EXCLUDE ("l") FROM (SELECT [1] AS l, 2 AS a)'),
    ),
    Followed(
        'Write types={"column": "category"}.',
        lambda p: read_table({"column": [1, 2]}, types="category"),
        lambda p: read_table({"column": [1, 2]}, types={"column": "category"}),
    ),
    Followed(
        "Pass schema=table.schema.",
        lambda p: read_table(ROWS, schema=read_table(ROWS)),
        lambda p: read_table(ROWS, schema=read_table(ROWS).schema),
    ),
    Followed(
        "Leave types out, or read the first table with them.",
        lambda p: read_table(ROWS, schema=read_table(ROWS).schema, types={"a": "category"}),
        lambda p: read_table(ROWS, schema=read_table(ROWS, types={"a": "category"}).schema),
    ),
    Followed(
        'Write lines such as column = "category".',
        lambda p: beside(p, "column = category"),
        lambda p: beside(p, 'column = "category"'),
    ),
    Followed(
        "Write it with schema.to_json().",
        lambda p: Schema.from_json({"a": "number"}),
        lambda p: Schema.from_json(read_table(ROWS).schema.to_json()),
    ),
    Followed(
        "Write one of: date:dmy, date:mdy, date:ymd.",
        lambda p: read_table({"d": ["1/2/2024"]}, types={"d": "date:dm"}),
        lambda p: read_table({"d": ["1/2/2024"]}, types={"d": "date:mdy"}),
    ),
    Followed(
        'Write read_table("SELECT * FROM …", database=path).',
        lambda p: read_table("t", database=database(p)),
        lambda p: read_table("SELECT * FROM t", database=database(p)),
    ),
    Followed(
        "Save it as CSV.",
        lambda p: read(p, b"PK\x03\x04", "t.xlsx"),
        lambda p: read(p, "a,b\n1,2\n"),
    ),
    Followed(
        "Make columns of what it holds.",
        lambda p: read_table({"a": [[1, 2], [3, 4]]}),
        lambda p: read_table({"a_1": [1, 3], "a_2": [2, 4]}),
    ),
    Followed(
        "Write table.take(rows) for rows.",
        lambda p: read_table(ROWS)[0],
        lambda p: read_table(ROWS).take([0]),
    ),
    Followed(
        "Make a table with pel.data.read_table.",
        lambda p: Table([[1, 2]]),
        lambda p: read_table({"a": [1, 2]}),
    ),
    Followed(
        "Read one with Schema.from_json.",
        lambda p: Schema([{"name": "a", "kind": "number"}]),
        lambda p: Schema.from_json([{"name": "a", "kind": "number"}]),
    ),
]
BY_NATURE = {"pip install 'pellucid[table]'.": "changes the environment"}
