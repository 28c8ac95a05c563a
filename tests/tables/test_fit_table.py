"""From a file to a model that takes raw rows, against NumPy from the same file."""

import csv
import json
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score

import pellucid as pel
from pellucid.core.errors import ArgumentError, DataError
from pellucid.data import read_table
from pellucid.tables.preparation import Preparation
from tests.tables import by_hand, files

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def iris(folder):
    path = files.write(folder / "iris.csv", files.real("iris"))
    return path, pel.fit_table(path, "target", quick=True, verbose=0)


@pytest.fixture(scope="module")
def churn(folder):
    """A messy table in the German way, and a model of its classes."""
    rows = [{k: v for k, v in row.items() if k != "amount"} for row in files.messy()]
    path = files.write(folder / "churn.csv", rows, ";")
    return path, pel.fit_table(path, "churned", quick=True, verbose=0)


@pytest.fixture(scope="module")
def diabetes(folder):
    """All ten networks of a regression."""
    path = files.write(folder / "diabetes.csv", files.real("diabetes"))
    return path, pel.fit_table(path, "target", verbose=0)


def messy_by_hand(path, rows, model):
    """Probabilities of rows of text, by hand, after the training file at `path`."""
    train = by_hand.read(path, ";")
    given = {name: [row[name] for row in rows] for name in train if name in rows[0]}

    def numbers(table):
        plain = [[by_hand.number(t, True) for t in table[name]] for name in ("price", "score")]
        return np.concatenate([np.array(plain).T, [by_hand.date(t) for t in table["day"]]], axis=1)

    own, x = numbers(train), numbers(given)
    flags = np.isnan(x[:, [0, 1, 2]])
    categories = [by_hand.codes(train[name], given[name]) for name in ("city", "member")]
    return by_hand.outputs(
        model,
        np.concatenate([by_hand.scaled(own, x), flags], axis=1),
        by_hand.bins(own, x),
        np.array(categories).T,
    )


def test_iris_is_what_numpy_says(iris):
    path, model = iris
    table = by_hand.read(path)
    x = np.array([[float(t) for t in table[name]] for name in model.columns]).T
    wanted = by_hand.outputs(model, by_hand.scaled(x, x), by_hand.bins(x, x), None)
    np.testing.assert_allclose(model.predict_proba(path), wanted, atol=2e-5)
    names = np.array(load_iris().target_names)
    assert model.classes.tolist() == names.tolist()
    assert model.predict(path).tolist() == names[wanted.argmax(axis=1)].tolist()
    measured = model.evaluate(path)
    assert measured["accuracy"] == accuracy_score(table["target"], model.predict(path))
    assert measured["log_loss"] == pytest.approx(log_loss(table["target"], wanted), abs=1e-4)
    assert measured["accuracy"] > 0.9


def test_a_messy_table_is_what_numpy_says(churn):
    path, model = churn
    rows = files.messy(50, seed=9)
    rows[3]["city"] = "a city that is new"
    wanted = messy_by_hand(path, rows, model)
    np.testing.assert_allclose(model.predict_proba(rows), wanted, atol=5e-5)
    assert set(model.columns) == {"price", "score", "city", "day", "member"}
    assert model.predict(rows).tolist() == np.array(["left", "stayed"])[wanted.argmax(1)].tolist()
    assert model.scores["accuracy"] > model.baselines["constant"]["accuracy"] + 0.1
    y = [row["churned"] for row in rows]
    measured = model.evaluate(rows)
    assert measured["roc_auc"] == pytest.approx(
        roc_auc_score([one == "stayed" for one in y], wanted[:, 1]), abs=1e-3
    )


def test_a_regression_is_what_numpy_says(diabetes):
    path, model = diabetes
    table = by_hand.read(path)
    x = np.array([[float(t) for t in table[name]] for name in model.columns]).T
    y = np.array([float(t) for t in table["target"]])
    out = by_hand.outputs(model, by_hand.scaled(x, x), by_hand.bins(x, x), None)[:, 0]
    wanted = y.mean() + y.std() * out
    found = model.predict(path)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-2)
    assert len(model.members) == 10
    measured = model.evaluate(path)
    assert measured["r2"] == pytest.approx(r2_score(y, found))
    assert measured["mae"] == pytest.approx(mean_absolute_error(y, found))
    assert model.findings.held == len(y)
    assert 0.4 < model.scores["r2"] < measured["r2"]
    low, high = model.predict_interval(path).T
    assert 0.85 < np.mean((low <= y) & (y <= high)) < 1
    assert (low < found).all()
    assert (found < high).all()


def test_scores_are_of_rows_that_the_networks_did_not_see(diabetes):
    path, model = diabetes
    table = by_hand.read(path)
    y = np.array([float(t) for t in table["target"]])
    arrays = model.preparation.arrays(model.preparation.read(path))
    order = np.random.default_rng([0, 1]).permutation(len(y))
    found = np.zeros(len(y))
    pairs = zip(model.members[::2], model.members[1::2], strict=True)
    for fold, members in enumerate(pairs):
        rows = np.sort(order[fold::5])
        out = sum(one.networks.outputs(one.model, arrays.take(rows)) for one in members) / 2
        found[rows] = y.mean() + y.std() * out[:, 0]
    assert model.scores["rmse"] == pytest.approx(np.sqrt(np.mean((found - y) ** 2)), rel=1e-6)
    assert model.scores["r2"] == pytest.approx(r2_score(y, found), rel=1e-6)


def test_columns_come_by_name_in_any_order(churn):
    _, model = churn
    rows = files.messy(20, seed=5)
    wanted = model.predict_proba(rows)
    turned = [dict(reversed(list(row.items()))) for row in rows]
    assert np.array_equal(model.predict_proba(turned), wanted)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert np.array_equal(model.predict_proba(columns), wanted)
    assert np.array_equal(model.predict_proba(read_table(columns, quiet=True)), wanted)
    assert np.array_equal(model.predict_proba(rows[0]), wanted[:1])
    needed = {name: columns[name] for name in model.columns}
    assert np.array_equal(model.predict_proba(needed), wanted)
    with pytest.raises(DataError, match=r"\[predict\] .* got none called 'city'"):
        model.predict({name: columns[name] for name in model.columns if name != "city"})
    with pytest.raises(DataError, match="must have rows, got none"):
        model.predict({name: [] for name in model.columns})


def test_a_file_and_a_list_of_dicts_give_the_same_bits(churn, tmp_path):
    _, model = churn
    rows = files.messy(30, seed=6)
    path = files.write(tmp_path / "second.csv", rows, ";")
    assert np.array_equal(model.predict_proba(path), model.predict_proba(rows))


def test_strange_rows_are_said(churn):
    _, model = churn
    rows = [{**row, "colour": "red"} for row in files.messy(40, seed=7)]
    rows[0]["city"] = rows[1]["city"] = "Atlantis"
    for row in rows:
        row["price"] = "99.999.999,0"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(rows)
    (text,) = [str(one.message) for one in caught]
    assert "the model does not know are ignored: 'amount', 'colour'." in text
    assert "'city': 2 cells of categories that training did not see ('Atlantis'), taken as" in text
    assert "'price': 40 of 40 rows lie outside" in text
    assert "customer_id" not in text, "a column of the training table that is not used"


def test_a_saved_model_says_the_same(churn, diabetes, tmp_path):
    rows = files.messy(30, seed=8)
    for (_, model), given in ((churn, rows), (diabetes, diabetes[0])):
        model.save(tmp_path / "m", overwrite=True)
        again = pel.load(tmp_path / "m")
        assert np.array_equal(again.predict(given), model.predict(given))
        assert again.findings == model.findings
        assert again.target == model.target
        sharing = {id(member.model.programs.graphs) for member in again.members}
        assert len(sharing) == len({member.networks.kind for member in again.members})
    with pytest.raises(ArgumentError, match="the file exists already"):
        model.save(tmp_path / "m")


_BARE = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("duckdb", "pandas", "sklearn", "scipy", "polars", "pyarrow"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
import warnings; warnings.simplefilter("ignore")
import pellucid as pel
model = pel.load(sys.argv[1])
print(model.predict_proba(json.load(sys.stdin)).tobytes().hex())
"""


@pytest.mark.parametrize("source", ["file", pytest.param("frame", marks=pytest.mark.slow)])
def test_a_bare_environment_gives_the_same_bits(churn, tmp_path, source):
    path, model = churn
    rows = files.messy(25, seed=3)
    if source == "frame":
        frame = pytest.importorskip("pandas").read_csv(path, sep=";", decimal=",", thousands=".")
        model = pel.fit_table(frame, "churned", quick=True, verbose=0)
        assert model.predict(frame).tolist() == model.predict(frame.to_dict("list")).tolist()
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")[:25]
    model.save(tmp_path / "m")
    done = subprocess.run(
        [sys.executable, "-c", _BARE, str(tmp_path / "m")],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == model.predict_proba(rows).tobytes().hex()


def test_the_same_seed_gives_the_same_bits(iris):
    path, model = iris
    again = pel.fit_table(path, "target", quick=True, verbose=0)
    other = pel.fit_table(path, "target", quick=True, verbose=0, seed=1)
    assert np.array_equal(again.predict_proba(path), model.predict_proba(path))
    assert not np.array_equal(other.predict_proba(path), model.predict_proba(path))


def test_whole_numbers_come_back_as_such():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60) * 3 + 1
    rows = {name: y + 0.1 * rng.normal(size=60) for name in "abcd"}  # of the size of iris
    model = pel.fit_table({**rows, "y": y}, "y", quick=True, verbose=0)
    assert model.task == "classification"
    assert model.classes.tolist() == [1, 4, 7]
    assert model.predict({name: [1.0, 4.0] for name in "abcd"}).tolist() == [1, 4]


def test_rows_are_held_out_by_group_and_by_time():
    rng = np.random.default_rng(0)
    y = np.array(["p", "q", "r"])[rng.integers(0, 3, 100)]
    shop = np.array([f"s{k}" for k in rng.integers(0, 4, 100)])
    rows = {name: rng.normal(size=100) for name in "abcd"}  # of the size of iris
    model = pel.fit_table({**rows, "shop": shop, "y": y}, "y", group="shop", quick=True, verbose=0)
    assert "shop" not in model.columns
    assert model.findings.held == max(np.unique(shop, return_counts=True)[1])
    rows["d"] = rng.permutation(100) + 0.5
    model = pel.fit_table({**rows, "y": y}, "y", time="d", quick=True, verbose=0)
    late = rows["d"] > 80
    likely = model.predict_proba({name: column[late] for name, column in rows.items()})
    names = model.predict({name: column[late] for name, column in rows.items()})
    assert model.findings.held == late.sum() == 20
    assert model.scores["accuracy"] == np.mean(names == y[late])
    assert model.scores["log_loss"] == pytest.approx(log_loss(y[late], likely))


def test_thousands_of_categories_are_hashed():
    rows = {"item": [f"item {k % 1500}" for k in range(4000)]}
    table = read_table(rows)
    preparation = Preparation.learned(table, table.names)
    assert preparation.hashed == ("item",)
    assert preparation.schema["item"].levels == ()
    assert preparation.levels == (1024,)
    arrays = preparation.arrays(preparation.read({"item": ["item 7", None, "new"]}))
    wanted = [zlib.crc32(b"item 7") % 1024, -1, zlib.crc32(b"new") % 1024]
    assert arrays.codes[:, 0].tolist() == wanted
    assert np.array_equal(preparation.arrays(table).codes[7], [wanted[0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "goal"}, "target must be a column of the table, got 'goal'"),
        ({"task": "ranking"}, "unknown task 'ranking'"),
        ({"drop": ["nothing"]}, "drop must be a column of the table"),
        ({"drop": "a"}, "drop must be a list of columns"),
        ({"drop": ["target"]}, "cannot be drop, group or time too"),
        ({"group": "a", "time": "a"}, "by group or by time"),
        ({"time": "c"}, "time must be a column of dates or numbers"),
        ({"seed": -1}, "seed must be in [0,"),
        ({"types": {"a": "nothing"}}, "unknown type 'nothing'"),
        ({"task": "regression"}, "a regression needs numbers"),
    ],
)
def test_wrong_arguments(change, words):
    rows = {"a": np.arange(40) % 7 * 1.5, "c": ["x", "y"] * 20, "target": ["p", "q"] * 20}
    arguments = {"target": "target", "quick": True, "verbose": 0, **change}
    with pytest.raises((ArgumentError, DataError)) as caught:
        pel.fit_table(rows, **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (["p"] * 40, "must differ between rows"),
        ([f"text {i}" for i in range(40)], "must hold classes that come again"),
        (["2020-01-01", "2021-03-05"] * 20, "must be numbers or classes, got dates"),
        ([*["p", "q"] * 19, None, "p"], "got 1 of 40 rows without, the first in row 39"),
        ([*map(str, range(1, 39)), "", "abc"], "got 2 of 40 rows without, of which 1 could not"),
        (["p", "q", "p"] * 3, "10 rows or more are needed"),
        (2**53 + 1 + 2 * np.arange(40), "float64 keeps exactly, got 9007199254740993"),
        ([2**53 + 3, 2**53 + 5] * 20, "whole numbers up to 2^53"),
    ],
)
def test_targets_that_cannot_be_learned(target, words):
    rows = {"a": np.arange(len(target)) % 7 * 1.5, "target": target}
    with pytest.raises(DataError) as caught:
        pel.fit_table(rows, "target", types=None, quick=True, verbose=0)
    assert words in str(caught.value)


def test_rows_without_a_target_are_dropped_when_asked():
    rows = {name: np.arange(40) % 7 * 1.5 + np.arange(40) % 3 for name in "abcd"}
    rows["t"] = [*["p", "q", "r"] * 13, None]
    model = pel.fit_table(rows, "t", drop_missing=True, quick=True, verbose=0)
    assert model.findings.rows == 39


def test_an_evaluation_needs_known_classes(iris):
    path, model = iris
    rows = list(csv.DictReader(path.open()))
    with pytest.raises(DataError, match=r"must hold classes of the model, .* got 'rose' in row 2"):
        model.evaluate([rows[0], {**rows[1], "target": "rose"}])
    with pytest.raises(DataError, match="must be known in every row"):
        model.evaluate([rows[0], {**rows[1], "target": ""}])
    with pytest.raises(ArgumentError, match="it needs a regression"):
        model.predict_interval(rows)
