"""Which rows are held out, what is said of a table, and both baselines."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from pellucid.core.errors import DataError
from pellucid.data import read_table
from pellucid.tables import baselines, checks, folds, loading, saving
from pellucid.tables.preparation import Arrays
from pellucid.tables.scores import intervals, measures
from pellucid.tables.target import decided


def each_once(found, rows):
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(rows))


def test_folds_hold_out_each_row_once_and_share_out_classes():
    codes = np.repeat([0, 1, 2], [50, 23, 7])
    for found in (folds.by_chance(80, 5, 0), folds.by_class(codes, 5, 0)):
        each_once(found, 80)
        assert {len(rows) for rows in found} == {16}
    for rows in folds.by_class(codes, 5, 0):
        counts = np.bincount(codes[rows], minlength=3)
        assert counts[0] == 10
        assert counts[1] in (4, 5)
        assert counts[2] in (1, 2)
    assert not np.array_equal(folds.by_chance(80, 5, 0)[0], folds.by_chance(80, 5, 1)[0])


def test_groups_stay_together():
    groups = np.random.default_rng(0).integers(0, 12, 200)
    found = folds.by_group(groups, 5, 0)
    each_once(found, 200)
    owners = [set(groups[rows].tolist()) for rows in found]
    assert sum(map(len, owners)) == 12
    assert max(map(len, found)) < 80
    assert len(folds.by_group(np.array([0, 1, 1]), 5, 0)) == 2
    with pytest.raises(DataError, match="two groups or more"):
        folds.by_group(np.zeros(9, int), 5, 0)


def test_the_last_fifth_in_time_is_held_out():
    times = np.random.default_rng(0).permutation(100).astype("M8[D]")
    (rows,) = folds.by_time(times)
    assert sorted(times[rows].astype(int).tolist()) == list(range(80, 100))
    with pytest.raises(DataError, match="must tell early rows from late ones"):
        folds.by_time(np.zeros(50))


def said(rows, target):
    table = read_table(rows, quiet=True)
    goal, _ = decided(table[target], None)
    return checks.of_table(table.drop(target), goal, goal.values("fit_table", table[target]))


X = np.random.default_rng(0).normal(size=200)
Y = np.where(X + np.random.default_rng(1).normal(size=200) > 0, "a", "b")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"x": X, "fee": np.where(Y == "a", 3.0, 2.5) + X / 99, "y": Y}, "'fee' alone gives away"),
        ({"x": X, "why": np.where(Y == "a", "p", "q"), "y": Y}, "'why' alone gives away 'y'"),
        ({"x": X, "net": 3 * X + 1, "y": X}, "'x', 'net' alone gives away 'y'"),
        ({"x": X, "net": X * 1e300, "y": 1e-300 * X}, "'x', 'net' alone gives away 'y'"),
        ({"x": X, "day": ["2020-01-01", "2999-05-06"] * 100, "y": Y}, "'day': 100 dates lie in"),
        ({"x": np.tile(X[:100], 2), "y": np.tile(Y[:100], 2)}, "100 of 200 rows repeat another"),
        ({"x": X, "y": ["c", "d", *Y[2:]]}, "fewer than 5 rows of the class 'c' (1), 'd' (1)"),
        ({"x": X, "y": ["a"] * 195 + ["b"] * 5}, ""),
        ({"x": np.tile(X, 5) + np.arange(1000), "y": ["a"] * 990 + ["b"] * 10}, "only 10 of 1,000"),
        ({"x": X, "z": np.where(np.arange(200) < 2, 1.0, 0.0), "y": Y}, ""),
        ({"x": X, "y": Y}, ""),
    ],
)
def test_what_is_remarkable_is_said_and_nothing_else(rows, words):
    found = said(rows, "y")
    assert any(words in one for one in found) if words else not found, found


def test_what_is_left_out_is_said():
    table = read_table(
        {
            "row_id": np.arange(30),
            "same": ["EUR"] * 30,
            "words": [f"a text of several words {i * 7 % 31}" for i in range(30)],
        }
    )
    found = checks.unused(list(table.columns))
    assert [one.split("(")[0] for one in found] == [
        "Left out: 'same' ",
        "Left out: 'row_id' ",
        "Left out: 'words' ",
    ]


def test_the_linear_baselines_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    codes = rng.integers(0, 3, (300, 1)).astype(np.float32)
    effect = x[:, 0] - 2 * x[:, 1] + np.array([0.0, 1.0, -1.0])[codes[:, 0].astype(int)]
    every = Arrays(x, np.zeros((300, 0)), codes)
    full = np.concatenate([x, codes == [-1, 0, 1, 2]], axis=1).astype(float)
    full = (full - full.mean(axis=0)) / np.where(full.std(axis=0) > 0, full.std(axis=0), 1)
    y = effect + rng.normal(size=300)
    wanted = Ridge(alpha=1e-3 * 300).fit(full, y).predict(full)
    found = baselines.linear(every, y, every, (3,), 0)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    classes = np.digitize(y, [-1, 1])
    fitted = LogisticRegression(C=1 / (1e-3 * 300), max_iter=2000).fit(full, classes)
    found = baselines.linear(every, classes, every, (3,), 3)
    np.testing.assert_allclose(found, fitted.predict_proba(full), atol=5e-3)


def test_intervals_hold_the_measures():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    likely = np.where(rng.random(400) < 0.8, y, 1 - y) * 0.6 + 0.2
    predicted = np.stack([1 - likely, likely], axis=1)
    values, ends = measures(y, predicted, True), intervals(y, predicted, True)
    low, high = ends["accuracy"]
    assert low < values["accuracy"] < high
    deviation = np.sqrt(values["accuracy"] * (1 - values["accuracy"]) / 400)
    assert (high - low) == pytest.approx(2 * 1.96 * deviation, rel=0.2)


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([True, None, False] * 7, [False, True]),
        (np.arange(20) > 9, [False, True]),
        (["true", "false"] * 10, ["false", "true"]),
        (["Yes", "no"] * 10, ["no", "Yes"]),
        ([0, 1] * 10, [0, 1]),
    ],
)
def test_classes_come_back_as_they_came(cells, wanted):
    """Booleans as booleans, whole numbers as such, texts as texts, also out of a file."""
    column = read_table({"t": cells}, quiet=True)["t"]
    target, _ = decided(column, None)
    again = loading._target(json.loads(json.dumps(saving._target(target))))
    assert again == target
    for one in (target, again):
        classes = one.labels.of(np.arange(2))
        assert classes.tolist() == wanted
        assert [type(name) for name in classes.tolist()] == [type(name) for name in wanted]
    known = [cell for cell in cells if cell is not None]
    codes = target.labels.codes("evaluate", read_table({"t": known}, quiet=True)["t"])
    assert target.labels.of(codes).tolist() == list(known)


def test_a_file_whose_booleans_do_not_fit_is_refused():
    target, _ = decided(read_table({"t": [True, False] * 9}, quiet=True)["t"], None)
    whole = saving._target(target)
    for change in ({"labels": ["false", "true"]}, {"labels": [True, False]}):
        with pytest.raises(DataError, match="classes must be"):
            loading._target({**whole, **change})
    for change in ({"levels": ["no", "yes"]}, {"logical": 1}, {"format": ""}):
        with pytest.raises(DataError, match="false and true as the levels"):
            loading._target({**whole, "schema": [{**whole["schema"][0], **change}]})
