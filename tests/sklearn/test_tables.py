"""TableClassifier and TableRegressor: raw rows in, scikit-learn's manners."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

import pellucid as pel
from pellucid.core.errors import DataError, DTypeError
from pellucid.sklearn import ParameterError, TableClassifier, TableRegressor
from tests.tables import files

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")


PLAIN = {"builtins.dict", "collections.OrderedDict", "copyreg._reconstructor"}


@pytest.fixture(scope="module")
def messy():
    """Rows as dicts, and their classes."""
    rows = files.messy(200)
    y = [row["churned"] for row in rows]
    return [{k: v for k, v in row.items() if k not in ("churned", "amount")} for row in rows], y


@pytest.fixture(scope="module")
def churn(messy):
    return TableClassifier(quick=True, random_state=3).fit(*messy)


@pytest.fixture(scope="module")
def numbers():
    """One column of numbers that count the rows, which would be an id in a file."""
    x = np.arange(1.0, 61)[:, None]
    y = np.abs(x[:, 0] - 30)
    return x, y, TableRegressor(quick=True, random_state=0).fit(x, y)


def test_it_is_what_fit_table_trains(messy, churn):
    rows, y = messy
    seed = churn.model_.findings.settings["seed"]
    table = [{**row, "goal": label} for row, label in zip(rows, y, strict=True)]
    model = pel.fit_table(table, "goal", quick=True, seed=seed, verbose=0)
    assert np.array_equal(churn.predict_proba(rows), model.predict_proba(rows))
    assert churn.model_.scores == model.scores
    assert churn.classes_.tolist() == ["left", "stayed"]
    assert set(churn.predict(rows)) == {"left", "stayed"}
    assert churn.score(rows, y) == np.mean(churn.predict(rows) == y) > 0.8


def test_dicts_are_read_by_name(messy, churn):
    rows, _ = messy
    wanted = churn.predict_proba(rows[:20])
    columns = {name: [row[name] for row in rows[:20]] for name in reversed(rows[0])}
    assert np.array_equal(churn.predict_proba(columns), wanted)
    assert np.array_equal(churn.predict_proba(rows[:1]), wanted[:1])
    assert churn.feature_names_in_.tolist() == list(rows[0])
    assert churn.n_features_in_ == len(rows[0])
    with pytest.raises(DataError, match=r"\[TableClassifier\] .*got none called 'city'"):
        churn.predict([{k: v for k, v in rows[0].items() if k != "city"}])


def test_arrays_are_read_by_place(numbers):
    x, y, model = numbers
    assert model.n_features_in_ == 1 and not hasattr(model, "feature_names_in_")
    assert model.model_.columns == ("column_1",)
    assert model.score(x, y) > 0.8
    found = model.predict(x)
    assert np.array_equal(model.predict(x.tolist()), found)
    assert np.array_equal(model.predict(np.asfortranarray(x)), found)
    assert np.array_equal(model.model_.predict({"column_1": x[:, 0]}), found)
    with pytest.raises(ValueError, match="X has 2 features, but TableRegressor is expecting 1"):
        model.predict(np.c_[x, x])
    with pytest.raises(ValueError, match="Reshape your data"):
        model.predict(x[0])


@pytest.mark.slow
def test_types_of_the_columns_of_an_array():
    x = np.arange(40)[:, None] % 4
    model = TableRegressor(types={"column_1": "category"}, quick=True, random_state=0)
    assert model.fit(x, x[:, 0] * 1.5).model_.preparation.levels == (4,)


LABELS = {
    "text": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], object),
    "booleans": np.array([False, True]),
    "whole numbers": np.array([-3, 2**60 + 1]),
    "numbers": np.array([1.0, 2.0]),
    "words for missing": np.array(["", "NA"], object),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back_as_they_came(kind):
    names = LABELS[kind]
    x = np.arange(40)[:, None] / 20 - 1
    y = names[(x[:, 0] > 0).astype(int)]
    model = TableClassifier(quick=True, random_state=0).fit(x, y)
    assert model.classes_.tolist() == names.tolist()
    found = model.predict([[-0.9], [0.9]])
    assert found.dtype == y.dtype
    assert found.tolist() == names.tolist()


def test_copies_and_pickles(churn, messy):
    rows, _ = messy
    wanted = churn.predict_proba(rows)
    data = pickle.dumps(churn)
    copies = pickle.loads(data), copy.deepcopy(churn)
    assert np.array_equal(copies[0].predict_proba(rows), wanted)
    for one in copies:
        kind = {member.networks.kind: member.model.programs for member in one.model_.members}
        assert all(m.model.programs is kind[m.networks.kind] for m in one.model_.members)
    named = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            named.add(f"{module}.{name}")
            return super().find_class(module, name)

    Reader(io.BytesIO(data)).load()
    ours = {name for name in named if name.startswith("pellucid.")}
    assert {name for name in named - ours if not name.startswith("numpy.")} <= PLAIN
    fresh = clone(churn)
    assert fresh.get_params() == churn.get_params() and not hasattr(fresh, "model_")


@pytest.mark.slow
def test_another_process_reads_a_pickle(churn, messy):
    rows, _ = messy
    wanted = churn.predict_proba(rows[:2])
    code = (
        "import pickle, sys; model = pickle.load(sys.stdin.buffer); "
        f"print(model.predict_proba({rows[:2]!r}).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=pickle.dumps(churn),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == repr(wanted.tolist())


@pytest.mark.slow
def test_ten_networks_share_their_programs_after_a_pickle(numbers):
    x, y, _ = numbers
    model = pickle.loads(pickle.dumps(TableRegressor(random_state=0).fit(x, y)))
    assert len(model.model_.members) == 10
    assert len({id(member.model.programs.graphs) for member in model.model_.members}) == 2


def test_frames_keep_scikit_learns_rules(messy):
    pd = pytest.importorskip("pandas")
    rows, y = messy
    frame = pd.DataFrame(rows).replace("", None)
    frame.index = frame.index[::-1]
    target = pd.Series(y, name="churned", index=frame.index)
    model = TableClassifier(quick=True, random_state=3).fit(frame, target)
    assert model.model_.target.name == "churned"
    assert model.feature_names_in_.tolist() == list(rows[0])
    wanted = model.predict_proba(frame)
    assert np.array_equal(model.predict_proba(rows), wanted)
    with pytest.raises(ValueError, match="The feature names should match"):
        model.predict(frame[frame.columns[::-1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)
    twice = pd.concat([frame, frame[["price"]]], axis=1)
    with pytest.raises(DataError, match="columns must have different names, got 'price' twice"):
        TableClassifier(quick=True).fit(twice, target)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        found = model.predict_proba(frame.to_numpy())
    assert np.array_equal(found, wanted)
    pl = pytest.importorskip("polars")
    assert np.array_equal(model.predict_proba(pl.DataFrame(rows)), wanted)


def test_arrow_tables(messy):
    pa = pytest.importorskip("pyarrow")
    rows, y = messy
    model = TableClassifier(quick=True, random_state=3).fit(pa.Table.from_pylist(rows), y)
    assert np.array_equal(
        model.predict_proba(pa.Table.from_pylist(rows[:9])), model.predict_proba(rows[:9])
    )


def test_a_pipeline_and_cross_validation(numbers):
    x, y, _ = numbers
    line = make_pipeline("passthrough", TableRegressor(quick=True, random_state=0))
    folds = KFold(2, shuffle=True, random_state=0)
    assert cross_val_score(line, x, y, cv=folds).min() > 0.5


def test_tags():
    tags = get_tags(TableClassifier())
    assert is_classifier(TableClassifier()) and is_regressor(TableRegressor())
    assert tags.input_tags.allow_nan and tags.input_tags.categorical
    assert not tags.input_tags.sparse


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"drop": "a"}, ParameterError, "[TableClassifier] drop must be a list of columns"),
        ({"drop": ["z"]}, ParameterError, "[TableClassifier] drop must be a column of the table"),
        ({"types": {"a": "x"}}, ParameterError, "unknown type 'x'"),
        ({"types": {"z": "text"}}, ParameterError, "unknown column 'z' in types"),
        ({"types": 3}, ParameterError, "types must be a dict"),
        ({"quick": 2}, ParameterError, "[TableClassifier] quick must be True or False"),
        ({"random_state": "x"}, ParameterError, "random_state must be a whole number"),
        ({"group": "z"}, ParameterError, "group must be a column"),
        ({"verbose": -1}, ParameterError, "verbose must be"),
    ],
)
def test_wrong_parameters(arguments, kind, words):
    rows = {"a": np.arange(40) % 7 * 1.5, "b": ["x", "y"] * 20}
    with pytest.raises(kind) as caught:
        TableClassifier(**arguments).fit(rows, rows["b"])
    assert words in str(caught.value)


def test_wrong_data():
    rows = {"a": np.arange(40) % 7 * 1.5}
    y = ["p", "q"] * 20
    with pytest.raises(NotFittedError):
        TableClassifier().predict(rows)
    with pytest.raises(DataError, match="got one class, 'p'"):
        TableClassifier().fit(rows, ["p"] * 40)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        TableClassifier().fit(rows, y[1:])
    with pytest.raises(ValueError, match="requires y to be passed"):
        TableClassifier().fit(rows, None)
    with pytest.raises(DTypeError, match="got a dict"):
        TableClassifier().fit(np.array([[{}], *[[1]] * 39], object), y)
    with pytest.raises(DataError, match=f"up to 2\\^53, .* got {2**60}"):
        TableRegressor().fit(rows, np.full(40, 2**60))
    with pytest.raises(DataError, match=r"\[TableRegressor\] the target 'target' must differ"):
        TableRegressor().fit(rows, np.ones(40))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        TableRegressor().fit(rows, [*np.arange(39.0), np.nan])
    with pytest.raises(ValueError, match="a minimum of 10 is required"):
        TableRegressor().fit(np.ones((9, 2)), np.arange(9))


def test_the_target_has_a_name_of_its_own():
    rows = {"target": np.arange(40) % 7 * 1.5}
    model = TableRegressor(quick=True, random_state=0).fit(rows, rows["target"] * 2)
    assert model.model_.target.name == "target_2"
    assert model.model_.columns == ("target",)


def test_it_prints_when_asked(capsys):
    rows = {"a": np.arange(40) % 7 * 1.5}
    TableRegressor(quick=True, random_state=0, verbose=1).fit(rows, rows["a"] * 2)
    said = capsys.readouterr().out
    assert "40 rows, 2 columns" in said and "linear model" in said
    TableRegressor(quick=True, random_state=0).fit(rows, rows["a"] * 2)
    assert capsys.readouterr().out == ""
