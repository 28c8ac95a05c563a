"""Advice followed: streams. See advice_cases.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import nn, optim
from pellucid.data import read_table, stream_table
from tests.advice_cases import Followed, X, compiled

Y = X[:, :1]
HALVES = [(X[:12], Y[:12]), (X[12:], Y[12:])]
QUERY = "SELECT range AS a, range % 2 AS y FROM range(4)"


def fit(*given: Any, optimizer: Any = "sgd", **options: Any) -> Any:
    return compiled(optimizer=optimizer).fit(*given, verbose=0, **options)


def evaluate(*given: Any) -> Any:
    model = compiled(nn.Dense(1, input_shape=(4,)))
    return model.evaluate(*given)


def streamed() -> Any:
    """A model that was fitted on columns a and b of a table."""
    model = compiled()
    model.fit(stream_table("SELECT 1 AS a, 2 AS b, 3.5 AS y", "y"), verbose=0)
    return model


def batches() -> Iterator[Any]:
    yield from HALVES


def database(p: Path) -> Path:
    path = p / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    return path


def text_file(p: Path) -> Path:
    (p / "t.csv").write_text("a,y\n1,2\n3,4\n")
    return p / "t.csv"


def used(generator: Iterator[Any]) -> Iterator[Any]:
    list(generator)
    return generator


def duck(p: Path) -> Path:
    import duckdb

    path = p / "x.duckdb"
    if not path.exists():
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    return path


class Next:
    """Has a next batch, and is no iterator."""

    def __next__(self) -> Any:
        return HALVES[0]


class Once:
    """Batches that come once, though it does not look so."""

    def __init__(self) -> None:
        self.left = list(HALVES)

    def __iter__(self) -> Iterator[Any]:
        while self.left:
            yield self.left.pop()


FOLLOWED = [
    Followed(
        "Give an iterable of (x, y), or a generator function.",
        lambda p: fit(Next()),
        lambda p: fit(HALVES),
    ),
    Followed(
        "Give the generator function without calling it: fit calls it in each epoch; or a list of "
        "batches.",
        lambda p: fit(batches(), epochs=2),
        lambda p: (fit(batches, epochs=2), fit(HALVES, epochs=2)),
    ),
    Followed(
        "Write it with yield, or return an iterable of (x, y).",
        lambda p: fit(lambda: 3),
        lambda p: (fit(lambda: HALVES), fit(batches)),
    ),
    Followed(
        "Write def batches(epoch), or lambda epoch: batches(epoch, …).",
        lambda p: fit(lambda a, b: HALVES),
        lambda p: fit(lambda epoch: HALVES),
    ),
    Followed("Write yield x, y.", lambda p: fit(iter([X])), lambda p: fit(iter([(X, Y)]))),
    Followed(
        "A generator that was read before is at its end: make a new one.",
        lambda p: fit(used(batches())),
        lambda p: fit(batches()),
    ),
    Followed(
        "What gives its batches once is at its end: give the generator function, without calling "
        "it.",
        lambda p: fit(Once(), epochs=2),
        lambda p: fit(batches, epochs=2),
    ),
    Followed(
        "Pass batch_size=: the rows are then cut into steps of that size.",
        lambda p: fit([(X[:4], Y[:4]), (X[4:], Y[4:])]),
        lambda p: fit([(X[:4], Y[:4]), (X[4:], Y[4:])], batch_size=4),
    ),
    Followed(
        "Write fit(x, y), or give a stream of batches (x, y).",
        lambda p: fit(X),
        lambda p: (fit(X, Y), fit(HALVES)),
    ),
    Followed(
        "Write evaluate(x, y), or give a stream of batches (x, y).",
        lambda p: evaluate(X),
        lambda p: (evaluate(X, Y), evaluate(HALVES)),
    ),
    Followed(
        "Write fit(stream) where it gives (x, y), or make an array of x.",
        lambda p: fit(iter(X), Y),
        lambda p: (fit(batches), fit(np.array(list(iter(X))), Y)),
    ),
    Followed(
        "Write evaluate(stream) where it gives (x, y), or make an array of x.",
        lambda p: evaluate(iter(X), Y),
        lambda p: (evaluate(batches), evaluate(np.array(list(iter(X))), Y)),
    ),
    Followed(
        "Give batches (x, y, weights).",
        lambda p: fit(batches, sample_weight=np.ones(24)),
        lambda p: fit([(X, Y, np.ones(24))]),
    ),
    Followed(
        "Pass batch_size= with a large number of rows, or use SGD or Adam.",
        lambda p: fit(HALVES, optimizer="lbfgs"),
        lambda p: (fit(HALVES, optimizer="lbfgs", batch_size=24), fit(HALVES, optimizer="adam")),
    ),
    Followed(
        "Pass a number.",
        lambda p: fit(HALVES, batch_size="all"),
        lambda p: fit(HALVES, batch_size=12),
    ),
    Followed(
        "Write GrowingBatch(32, highest=1024).",
        lambda p: fit(HALVES, batch_size=optim.GrowingBatch(32)),
        lambda p: fit(HALVES, batch_size=optim.GrowingBatch(32, highest=1024)),
    ),
    Followed(
        "Read it whole: read_table(query, database=path).",
        lambda p: stream_table("SELECT a FROM t", database=database(p)),
        lambda p: read_table("SELECT a FROM t", database=database(p)),
    ),
    Followed(
        "Write it as Parquet once, or read it whole: read_table(path).",
        lambda p: stream_table(text_file(p), "y"),
        lambda p: read_table(text_file(p)),
    ),
    Followed(
        "Leave the target and the weight out of features.",
        lambda p: stream_table(QUERY, "y", features=["a", "y"]),
        lambda p: stream_table(QUERY, "y", features=["a"]),
    ),
    Followed(
        'Write ["a", "b"].',
        lambda p: stream_table("SELECT 1 AS a, 2 AS b", features="a, b"),
        lambda p: stream_table("SELECT 1 AS a, 2 AS b", features=["a", "b"]),
    ),
    Followed(
        "Make numbers of it in SQL, or leave it out: features=[…].",
        lambda p: stream_table("SELECT 1 AS a, 'x' AS b"),
        lambda p: stream_table("SELECT 1 AS a, 'x' AS b", features=["a"]),
    ),
    Followed(
        "Take them in this order: features=['a', 'b'].",
        lambda p: streamed().predict(stream_table("SELECT 1 AS b, 2 AS a", shuffle=False)),
        lambda p: streamed().predict(
            stream_table("SELECT 1 AS b, 2 AS a", features=["a", "b"], shuffle=False)
        ),
    ),
    Followed(
        "Write stream_table(…, shuffle=False).",
        lambda p: streamed().predict(stream_table("SELECT 1 AS a, 2 AS b")),
        lambda p: streamed().predict(stream_table("SELECT 1 AS a, 2 AS b", shuffle=False)),
    ),
    Followed(
        'Name its column: stream_table(source, "target").',
        lambda p: streamed().evaluate(stream_table("SELECT 1 AS a, 2 AS b, 3.5 AS target")),
        lambda p: streamed().evaluate(
            stream_table("SELECT 1 AS a, 2 AS b, 3.5 AS target", "target")
        ),
    ),
    Followed(
        'Write stream_table("SELECT * FROM …", database=path).',
        lambda p: stream_table("t", database=duck(p)),
        lambda p: stream_table("SELECT * FROM t", database=duck(p)),
    ),
    Followed(
        "What is in memory goes to fit as arrays.",
        lambda p: stream_table({"a": [1, 2]}),
        lambda p: fit(X, Y),
    ),
    Followed(
        'Say in SQL what it counts as, coalesce("a", 0), or leave such rows out, WHERE '
        'isfinite("a").',
        lambda p: list(stream_table("SELECT NULL::DOUBLE AS a")),
        lambda p: (
            list(stream_table('SELECT coalesce("a", 0) AS a FROM (SELECT NULL::DOUBLE AS a)')),
            list(stream_table("SELECT a FROM (SELECT NULL::DOUBLE AS a) WHERE isfinite(a)")),
        ),
    ),
]
BY_NATURE = {
    "Take a part of it, SELECT * FROM … USING SAMPLE 100000 ROWS, or train a network of your own "
    "on a stream: pel.data.stream_table.": "depends on the memory of the machine",
    "Count the classes first: N / (C·N_c) is the weight of class c.": "no code, a computation",
}
