"""`stream_table`: the rows of a table on disk in a drawn order."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import stream_table

ROWS = 30_000
A = np.random.default_rng(0).normal(size=ROWS)
duckdb = pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three Parquet files of numbers; n counts the rows."""
    made = tmp_path_factory.mktemp("parquet")
    for part in range(3):
        n = np.arange(part * 10_000, (part + 1) * 10_000)
        columns = {"n": n, "a": A[n], "even": n % 2 == 0, "y": n % 3}
        with duckdb.connect() as connection:
            connection.register("columns", columns)
            place = made / f"part-{part}.parquet"
            connection.execute(f"COPY columns TO '{place}' (FORMAT parquet)")
    return made


def order(stream: Any, epoch: int = 0) -> np.ndarray:
    return np.concatenate([x[:, 0] for x, *_ in stream(epoch)]).astype(int)


def test_the_rows_are_those_of_the_files(folder):
    stream = stream_table(folder, "y", features=["n", "even", "a"], weight=None, dtype="float64")
    parts = list(stream)
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    n = x[:, 0].astype(int)
    assert sorted(n.tolist()) == list(range(ROWS))
    np.testing.assert_array_equal(x[:, 2], A[n])
    np.testing.assert_array_equal(x[:, 1], n % 2 == 0)
    np.testing.assert_array_equal(y, n % 3)
    assert (x.dtype, y.dtype) == (np.float64, np.int64)
    assert all(one.flags.owndata and one.flags.writeable for part in parts for one in part)


def test_the_order_follows_from_seed_and_epoch(folder):
    one = order(stream_table(folder, "y", seed=4))
    np.testing.assert_array_equal(one, order(stream_table(folder, "y", seed=4)))
    stream = pickle.loads(pickle.dumps(stream_table(folder, "y", seed=4)))
    np.testing.assert_array_equal(order(stream, 1), order(stream, 1))
    for other in (order(stream, 1), order(stream_table(folder, "y", seed=5))):
        assert np.mean(one == other) < 0.01
    plain = stream_table(folder, "y", shuffle=False)
    np.testing.assert_array_equal(order(plain), np.arange(ROWS))


def test_orders_are_independent(folder):
    """Neighbours of one order are anywhere in the next; no row keeps near its place."""
    stream = stream_table(folder, "y")
    places = [np.argsort(order(stream, epoch)) for epoch in range(3)]
    expected = ROWS * (1 - 0.5**0.5)  # the median distance of two random places
    for before, after in ((places[0], places[1]), (places[1], places[2])):
        follow = np.argsort(before)
        apart = np.abs(np.diff(after[follow]))
        assert np.median(apart) == pytest.approx(expected, rel=0.05)
        assert np.median(np.abs(before - after)) == pytest.approx(expected, rel=0.05)
        assert abs(np.corrcoef(before, after)[0, 1]) < 0.03
    assert abs(np.corrcoef(places[0], np.arange(ROWS))[0, 1]) < 0.03


def test_a_model_trains_on_it_and_goes_on(folder, tmp_path):
    def made() -> pel.Sequential:
        net = pel.Sequential([pel.nn.Dense(4, "tanh", input_shape=(2,)), pel.nn.Dense(3)], seed=0)
        net.compile("adam", "cross_entropy")
        return net

    class Stop(pel.Callback):
        every_step = True

        def on_step(self, run: Any) -> None:
            run.stop = run.step == 150

    stream = stream_table(folder, "y", features=["a", "even"], seed=1)
    whole, begun = made(), made()
    options: dict[str, Any] = {"batch_size": 256, "epochs": 2, "verbose": 0}
    whole.fit(stream, seed=0, **options)
    begun.fit(stream, seed=0, callbacks=Stop(), **options)
    begun.save(tmp_path / "m.safetensors")
    again = pel.load(tmp_path / "m.safetensors")
    again.fit(stream_table(folder, "y", features=["a", "even"], seed=1), resume=True, **options)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = stream_table(folder, features=["a", "even"], shuffle=False)
    found = whole.predict(x)
    direct = np.stack([A, np.arange(ROWS) % 2 == 0], axis=1).astype(np.float32)
    np.testing.assert_array_equal(found, whole.predict(direct))
    evaluated = whole.evaluate(stream_table(folder, "y", features=["a", "even"], shuffle=False))
    assert evaluated == whole.evaluate(direct, np.arange(ROWS) % 3)


def test_columns_are_those_of_fit_in_their_order(folder, tmp_path):
    """A table has names, so columns in another order are no silent mistake."""
    net = pel.Sequential([pel.nn.Dense(3, input_shape=(2,))], seed=0)
    net.compile("sgd", "cross_entropy")
    net.fit(stream_table(folder, "y", features=["a", "even"]), batch_size=512, verbose=0)
    net.save(tmp_path / "m.safetensors")
    for model in (net, pel.load(tmp_path / "m.safetensors")):
        swapped: dict[str, Any] = {"features": ["even", "a"], "shuffle": False}
        with pytest.raises(DataError, match="got 'even' in the place of 'a'") as caught:
            model.predict(stream_table(folder, **swapped))
        assert "features=['a', 'even']" in str(caught.value)
        for act in (model.evaluate, model.fit):
            with pytest.raises(DataError, match="got 'even' in the place of 'a'"):
                act(stream_table(folder, "y", **swapped))
        with pytest.raises(DataError, match="got 'n', 'y' too"):
            model.predict(stream_table(folder, shuffle=False))
    named = {"even": np.zeros(4), "a": np.zeros(4)}
    with pytest.raises(DataError, match="got 'even' in the place of 'a'"):
        net.predict(pytest.importorskip("pandas").DataFrame(named))


def test_predictions_are_of_rows_in_their_order(folder):
    net = pel.Sequential([pel.nn.Dense(3, input_shape=(4,))], seed=0)
    net.compile("sgd", "cross_entropy")
    with pytest.raises(ArgumentError, match="got one that shuffles them"):
        net.predict(stream_table(folder))
    with pytest.raises(ArgumentError, match="must have a target here") as caught:
        net.fit(stream_table(folder))
    assert 'stream_table(source, "target")' in str(caught.value)


def test_a_step_has_32_rows_unless_said(folder):
    net = pel.Sequential([pel.nn.Dense(3, input_shape=(2,))], seed=0)
    net.compile("sgd", "cross_entropy")
    net.fit(stream_table(folder, "y", features=["a", "even"]), verbose=0)
    assert net.training["step"] == -(-ROWS // 32)


def test_queries_databases_and_weights(tmp_path):
    place = tmp_path / "t.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a, range / 2 AS w FROM range(5)")
    query = "SELECT a, a * a AS a2, w FROM t"
    ((x, y, w),) = stream_table(query, "a", database=place, weight="w", shuffle=False)
    assert x.tolist() == [[0], [1], [4], [9], [16]] and y.tolist() == [0, 1, 2, 3, 4]
    assert w.tolist() == [0, 0.5, 1, 1.5, 2]
    (x,) = list(stream_table(place, shuffle=False))
    assert x.shape == (5, 2)


REFUSED = [
    ("SELECT 'x' AS a, 1 AS y", DataError, "must hold numbers or booleans, got VARCHAR in 'a'"),
    ("SELECT NULL::INT AS a, 1 AS y", DataError, "a missing cell in 'a', row 0"),
    ("SELECT 1 AS a, NULL::INT AS y", DataError, "y must have a value in each row"),
    ("SELECT 'inf'::DOUBLE AS a, 1 AS y", DataError, "got inf in 'a'"),
    ("SELECT 1e300 AS a, 1 AS y", DataError, "out of range"),
    ("SELECT 16777217 AS a, 1 AS y", DataError, "a holds 16777217, a whole number beyond FLOAT"),
    ("SELECT nothing FROM none", DataError, "DuckDB could not read it"),
    ("SELECT 1 AS b, 1 AS c", ArgumentError, "target must be a column of the table, got 'y'"),
]


@pytest.mark.parametrize(("query", "kind", "said"), REFUSED)
def test_what_is_refused(query, kind, said):
    with pytest.raises(kind, match=said):
        list(stream_table(query, "y"))


def test_other_arguments_that_are_refused(tmp_path):
    query = "SELECT 1 AS a, 1 AS y"
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    for call, said in [
        (lambda: stream_table(query, "y", features=["a", "y"]), "got 'y' twice"),
        (lambda: stream_table(query, "y", features=[]), "got none"),
        (lambda: stream_table(query, "y", features="a"), "must be a list of columns"),
        (lambda: stream_table(query, "y", memory=100), "memory must be .* 200"),
        (lambda: stream_table(tmp_path / "t.csv", "y"), "read from Parquet or a DuckDB file"),
        (lambda: stream_table({"a": [1]}, "y"), "must be a path or a query"),
        (lambda: stream_table("t", "y", database="x"), "database goes with a query"),
    ]:
        with pytest.raises((ArgumentError, DataError), match=said):
            call()


def test_no_temporary_file_is_left(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    batches = iter(stream_table(folder, "y"))
    next(batches)
    assert list(tmp_path.iterdir())
    batches.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())
