"""Tables that hand out their columns, as Polars' do, and tables that hold none or one twice."""

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError, DataError, DTypeError, ShapeError, TooLargeError
from pellucid.data import Dataset, datasets, frames, split
from pellucid.data.arrays import as_array, as_features, as_targets
from pellucid.data.frames import check_names, columns_of, is_frame, is_series


class Column:
    """What we use of a Polars Series: it knows missing values, and a dtype of its own."""

    def __init__(self, values, name="c", dtype="Int64"):
        self.values, self.name, self.dtype = list(values), name, dtype
        self.shape = (len(self.values),)

    def null_count(self):
        return self.values.count(None)

    def is_null(self):
        return [value is None for value in self.values]

    def to_numpy(self):
        return np.asarray(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def __len__(self):
        return len(self.values)


class Table:
    """What we use of a Polars DataFrame; it has no `iloc`."""

    def __init__(self, **columns):
        self.columns = list(columns)
        self.held = tuple(Column(values, name) for name, values in columns.items())

    def get_columns(self):
        return self.held


def test_columns_that_are_handed_out_become_one_array():
    x = Table(a=[1, 2], b=[0.5, 1.5])
    assert is_frame(x) and is_series(x.held[0])
    assert columns_of(x) == [("a", x.held[0]), ("b", x.held[1])]
    np.testing.assert_array_equal(as_features(x, "fit"), [[1, 0.5], [2, 1.5]])
    np.testing.assert_array_equal(as_targets(x.held[0], "fit"), [1, 2])
    assert as_array(Table(a=[1, 2]), "fit", "x").dtype == np.int64


def test_a_missing_value_there_is_told_how_to_fill_it():
    words = r"column 'b' of x must have no missing values, got one in row 2.*x\['b'\]\.fill_null\("
    with pytest.raises(DataError, match=words):
        as_features(Table(a=[1, 2, 3], b=[1, 2, None]), "fit")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["Bonn", "Rome"], r"got text\. .*: x\.to_dummies\(\['b'\]\)\."),
        ([object(), object()], r"got objects\. .*leave them out: x\.drop\(\['b'\]\)\."),
        (np.array(["2026-01-01"] * 2, "M8[D]"), r"got dates.*\(x\['b'\] - x\['b'\]\.min\(\)\)"),
        (np.array([1, 2], "m8[D]"), r"got durations.*x\['b'\]\.dt\.total_seconds\(\)"),
    ],
)
def test_columns_there_that_are_no_numbers(values, words):
    with pytest.raises(DTypeError, match=words):
        as_features(Table(a=[1, 2], b=values), "fit")


def test_dates_of_a_time_zone_are_objects_that_know_their_second():
    class Moment:
        def timestamp(self):
            return 0.0

    with pytest.raises(DTypeError, match="got dates"):
        as_features(Table(a=[Moment()]), "fit")
    with pytest.raises(DTypeError, match=r"y must hold numbers, got objects.*Make numbers"):
        as_targets(Column([object()]), "fit")


def test_a_table_without_columns():
    with pytest.raises(ShapeError, match="x must have columns, got a table without any"):
        as_features(Table(), "fit")


def test_a_column_that_comes_twice_is_named_once():
    x = Table(a=[1], b=[2])
    x.columns = ["b", "b"]
    with pytest.raises(DataError, match=r"'a', 'b', got none called 'a'"):
        check_names("predict", ("a", "b"), x)
    x.columns = ["b", "a", "b"]
    with pytest.raises(DataError, match=r"got 'b' twice"):
        check_names("predict", ("a", "b"), x)


@pytest.mark.parametrize("count", [6, 7])
def test_six_names_are_listed_and_of_more_their_number(count):
    known = [f"c{i}" for i in range(count)]
    with pytest.raises(DataError) as caught:
        check_names("predict", known, Table(**{name: [1] for name in [*known, "new"]}))
    shown = ", ".join(map(repr, known[:6])) + (", … (7 in all)" if count == 7 else "")
    assert caught.value.problem == f"the columns must be those of fit, {shown}, got 'new' too"
    advice = "Give the columns that" if count == 7 else f"Take them in this order: x[{known!r}]"
    assert caught.value.fix.startswith(advice)
    assert frames.feature_names(np.ones(1)) is None


def held(**changes):
    parts = {
        **{"name": "own", "source": "here", "classes": 2},
        **{f"x_{half}": np.ones((2, 3)) for half in ("train", "test")},
        **{f"y_{half}": np.array([0, 1]) for half in ("train", "test")},
    }
    return Dataset(**parts | changes)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"name": 3}, ArgumentError, "name must be text, got 3"),
        ({"source": None}, ArgumentError, "source must be text, got None"),
        ({"classes": 0}, ArgumentError, "classes must be at least 1, got 0"),
        ({"x_train": [[1]]}, DTypeError, r"x_train must be an array, got \[\[1\]\]"),
        ({"y_train": [0, 1]}, DTypeError, r"y_train must be an array, got \[0, 1\]"),
        ({"x_test": [[1]]}, DTypeError, "x_test must be an array"),
        ({"y_test": [0, 1]}, DTypeError, "y_test must be an array"),
        ({"x_test": np.array([["a"]])}, DTypeError, "x_test must hold"),
        ({"x_test": np.ones(2)}, ShapeError, r"x_test must be \(N, …\) and y_test \(N,\)"),
        ({"y_train": np.ones(3)}, ShapeError, r"got \(2, 3\) and \(3,\)"),
        ({"y_train": np.ones((2, 1))}, ShapeError, r"got \(2, 3\) and \(2, 1\)"),
    ],
)
def test_what_a_data_set_must_hold(changes, error, words):
    assert held(classes=1).classes == 1
    with pytest.raises(error, match=words):
        held(**changes)


def test_a_split_that_does_not_fit_into_memory(monkeypatch):
    def too_many(*arguments):
        raise MemoryError

    monkeypatch.setattr(datasets, "order", too_many)
    with pytest.raises(TooLargeError, match="2,000 rows must fit into memory") as caught:
        split(2000, 0.5, 0)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
