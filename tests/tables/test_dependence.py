"""Partial dependence against a loop over rows whose cells are replaced as text."""

from collections import Counter

import numpy as np
import pytest

from pellucid.core.errors import DataError
from pellucid.data import read_table
from pellucid.tables import figures
from pellucid.tables.dependence import Curve, Dependence, dependences
from pellucid.tables.evidence import mistakes
from pellucid.tables.loading import _dependence
from pellucid.tables.preparation import Preparation
from pellucid.tables.target import Labels, Target
from tests.tables import files

NAMES = ["city", "score", "day", "member", "price"]


@pytest.fixture(scope="module")
def table():
    """90 rows, so that all of them are averaged."""
    return read_table(files.messy(90), quiet=True)[NAMES]


def outputs(x):
    """Something of all columns, with interactions: two classes."""
    rest = x.bins.sum(axis=1) + 0.3 * x.codes[:, 0] * x.scaled[:, 0] + x.codes[:, 1]
    p = 1 / (1 + np.exp(-0.1 * rest.astype(float) * x.scaled[:, 1]))
    return np.stack([1 - p, p], axis=1)


def test_curves_are_means_and_quantiles_over_rows(table):
    preparation = Preparation.learned(table, table.names)
    target = Target(table.schema["member"], "classification", Labels(("left", "stayed")))
    found = dependences(table, NAMES, preparation, target, outputs, 0)
    assert [one.column for one in found] == NAMES
    rows = table.rows()
    for one in found:
        told = []
        for label in one.labels:
            text = None if label == "missing" else label
            changed = [{**row, one.column: text} for row in rows]
            told.append(outputs(preparation.arrays(preparation.read(changed)))[:, 1])
        told = np.array(told)  # (values, rows)
        changes = told - told.mean(axis=0)
        (curve,) = one.curves
        assert curve.label == "stayed"
        np.testing.assert_allclose(curve.mean, told.mean(axis=1), atol=1e-6)
        wanted = told.mean() + np.quantile(changes, [0.1, 0.9], axis=1)
        np.testing.assert_allclose([curve.low, curve.high], wanted, atol=1e-6)


def test_values_are_those_of_the_column(table):
    preparation = Preparation.learned(table, table.names)
    target = Target(table.schema["member"], "classification", Labels(("left", "stayed")))
    city, score, day, member, _ = dependences(table, NAMES, preparation, target, outputs, 0)
    counts = Counter(text for text in table["city"].text() if text)
    assert len(city.labels) == 13 and city.labels[-1] == "missing"
    assert min(counts[name] for name in city.labels[:-1]) >= counts.most_common(13)[-1][1]
    assert member.labels == ("no", "yes")
    values = table["score"].values[~table["score"].missing]
    assert score.places == tuple(sorted(score.places)) and set(score.places) <= set(values)
    shares = np.linspace(0.02, 0.98, 12)
    np.testing.assert_allclose([(values <= p).mean() for p in score.places], shares, atol=0.02)
    start = np.datetime64(day.labels[0], "s").astype(float)
    assert day.places[0] == start


def test_three_classes_that_change_most_are_shown():
    rows = {"a": np.arange(60) * 1.5}
    table = read_table(rows, quiet=True)
    preparation = Preparation.learned(table, table.names)
    names = ("p", "q", "r", "s")
    target = Target(table.schema["a"], "classification", Labels(names))

    def said(x):
        a = x.scaled[:, 0].astype(float)
        return np.stack([0.3 * a, 0.1 * a, -0.2 * a, -0.25 * a], axis=1)

    (one,) = dependences(table, ["a"], preparation, target, said, 0)
    assert [curve.label for curve in one.curves] == ["p", "r", "s"]
    same = read_table({"a": [2.5] * 30 + [None]}, quiet=True)
    preparation = Preparation.learned(same, same.names)
    assert dependences(same, ["a"], preparation, target, said, 0) == ()


def test_drawings_stay_inside():
    """Whatever the numbers are."""
    curve = Curve("", (0.0, 5.0), (-1.0, 2.0), (1.0, 9.0))
    one = Dependence("a", "number", (1.0, 1.0), ("1", "1"), (curve,))
    ends = figures.shared_ends([one], False)
    assert ends == (-1, 9)
    assert figures.shared_ends([one], True) == (0, 1)
    for kind in ("number", "category", "date"):
        text = figures.dependence(one._replace(kind=kind), (0.0, 1.0))
        assert "nan" not in text and "inf" not in text


@pytest.mark.parametrize(
    "curves", [[], [["p", [0.1], [0, 0], [1, 1]]], [["p", [0.1, 0.2, 0.3], [0, 0], [1, 1]]]]
)
def test_curves_of_a_damaged_file_are_refused(curves):
    good = [["p", [0.1, 0.2], [0, 0], [1, 1]]]
    assert _dependence("a", "number", [1, 2], ["1", "2"], good).curves[0].mean == (0.1, 0.2)
    with pytest.raises(DataError, match="a value for each of its places, got another of 'a'"):
        _dependence("a", "number", [1, 2], ["1", "2"], curves)
    with pytest.raises(DataError, match="a value for each"):
        _dependence("a", "number", [1, 2], ["1"], good)


def test_mistakes_are_counted():
    rng = np.random.default_rng(0)
    y, said = rng.integers(0, 30, 2000), rng.integers(0, 30, 2000)
    names = tuple(f"c{k}" for k in range(30))
    wanted = Counter((names[a], names[b]) for a, b in zip(y, said, strict=True) if a != b)
    found = mistakes(y, np.eye(30)[said], names)
    assert len(found) == 15
    assert [count for _, _, count in found] == [n for _, n in wanted.most_common(15)]
    assert all(wanted[true, told] == count for true, told, count in found)
