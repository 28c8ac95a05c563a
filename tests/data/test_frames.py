"""Tables with named columns: what comes in, what is refused by the name of its column, and order.

The tables here have what those of pandas have and we use; `PELLUCID_REAL_FRAMES=1` in an
environment with pandas and Polars runs the same cases on theirs.
"""

import os

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import DataError, DTypeError, PellucidError, ShapeError
from pellucid.data.arrays import as_array, as_features, as_targets
from pellucid.data.frames import check_names, feature_names, is_frame

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


class Nullable:
    """A dtype that knows missing values, as Int64, Float64 and boolean of pandas."""

    def __init__(self, plain):
        self.numpy_dtype = np.dtype(plain)


class Category:
    def __init__(self, categories):
        self.categories = categories


class Series:
    def __init__(self, values, dtype=None, name="s"):
        self.values, self.name = values, name
        self.array = np.asarray(values, object if dtype else None)
        self.dtype, self.shape = dtype or self.array.dtype, (len(values),)

    def isna(self):
        return np.array([value is None for value in self.values])

    def to_numpy(self, dtype=None):
        return self.array.astype(dtype)

    def __array__(self, dtype=None, copy=None):
        kind = getattr(self.dtype, "categories", None)
        return np.asarray(self.values) if kind is not None else np.asarray(self.array, dtype)

    def __len__(self):
        return len(self.values)


class Places:
    def __init__(self, series):
        self.series = series

    def __getitem__(self, key):
        return self.series[key[1]]


class Frame:
    def __init__(self, **columns):
        self.columns = list(columns)
        made = [c if isinstance(c, Series) else Series(c) for c in columns.values()]
        self.iloc, self.made = Places(made), made

    def __array__(self, dtype=None, copy=None):
        common = np.result_type(*(one.array.dtype for one in self.made))
        mixed = len({one.array.dtype for one in self.made}) > 1
        return np.column_stack([one.array for one in self.made]).astype(object if mixed else common)

    def __len__(self):
        return len(self.made[0])


def make():
    """Constructors of tables and of columns with their own dtypes."""
    if not os.environ.get("PELLUCID_REAL_FRAMES"):
        return Frame, {
            "Int64": lambda v: Series(v, Nullable("i8")),
            "Float64": lambda v: Series(v, Nullable("f8")),
            "boolean": lambda v: Series(v, Nullable("?")),
            "category": lambda v: Series(v, Category(sorted(set(v)))),
        }
    import pandas as pd

    return lambda **columns: pd.DataFrame(columns), {
        kind: lambda v, kind=kind: pd.Series(v, dtype=kind)
        for kind in ("Int64", "Float64", "boolean", "category")
    }


FRAME, COLUMN = make()


def test_columns_of_numbers_and_truth_values_become_one_array():
    x = FRAME(a=[1.5, 2.5], b=[True, False], c=[3, 4])
    assert is_frame(x)
    np.testing.assert_array_equal(as_features(x, "fit"), [[1.5, 1, 3], [2.5, 0, 4]])
    assert as_array(FRAME(a=[True, False]), "fit", "x").dtype == bool
    assert as_features(FRAME(a=[1.0, 2.0], b=[3.0, 4.0]), "fit").dtype == F64


@pytest.mark.parametrize(
    ("kind", "values"), [("Int64", [1, 2]), ("Float64", [0.5, 1.5]), ("boolean", [True, False])]
)
def test_nullable_columns_without_a_missing_value_are_numbers(kind, values):
    x = FRAME(a=[1.5, 2.5], n=COLUMN[kind](values))
    np.testing.assert_array_equal(as_features(x, "fit")[:, 1], np.asarray(values, float))
    np.testing.assert_array_equal(as_targets(COLUMN[kind](values), "fit"), values)


@pytest.mark.parametrize("kind", ["Int64", "Float64", "boolean"])
def test_a_missing_value_is_refused_by_column_and_row(kind):
    x = FRAME(a=[1.5, 2.5], n=COLUMN[kind]([1, None]))
    words = r"column 'n' of x must have no missing values, got one in row 1.*x\['n'\]\.fillna\(0\)"
    with pytest.raises(DataError, match=words):
        as_features(x, "fit")
    with pytest.raises(DataError, match=r"y must have no missing values.*y\.fillna\(0\)"):
        as_targets(COLUMN[kind]([1, None]), "fit")


def test_categories_that_are_numbers_come_in_and_others_are_refused():
    x = FRAME(a=[1.5, 2.5], c=COLUMN["category"]([7, 8]))
    np.testing.assert_array_equal(as_features(x, "fit"), [[1.5, 7], [2.5, 8]])
    x = FRAME(a=[1.5, 2.5], city=COLUMN["category"](["Bonn", "Rome"]))
    words = r"column 'city' of x must hold numbers, got categories.*get_dummies\(x, columns=\['city"
    with pytest.raises(DTypeError, match=words):
        as_features(x, "fit")
    with pytest.raises(DTypeError, match=r"np\.unique\(y, return_inverse=True\)"):
        as_targets(COLUMN["category"](["Bonn", "Rome"]), "fit")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["Bonn", "Rome"], r"got text.*pd\.get_dummies\(x, columns=\['c'\]\)"),
        (np.array(["2026-01-01", "2026-01-02"], "M8[ns]"), r"got dates.*total_seconds"),
        (np.array([1, 2], "m8[ns]"), r"got durations.*x\['c'\]\.dt\.total_seconds\(\)"),
        ([{}, 2], r"got objects.*x\.drop\(columns=\['c'\]\)"),
    ],
)
def test_other_columns_are_refused_by_name(values, words):
    with pytest.raises(DTypeError, match=r"column 'c' of x must hold numbers, " + words):
        as_features(FRAME(a=[1.5, 2.5], c=values), "fit")


TIMES = [1_700_000_000, 1_700_000_001]


@pytest.mark.parametrize(
    "x",
    [
        np.array(TIMES).reshape(-1, 1),
        np.array(TIMES, "u4").reshape(-1, 1),
        np.array([[0, 2**24 + 1]]),
        np.array([[2**62 + 1]]),
        np.array([[2**63 - 1]]),
        np.array([[2**64 - 1]], "u8"),
        -np.array(TIMES).reshape(-1, 1),
        np.concatenate([np.zeros(70_000, int), TIMES]).reshape(-1, 1),
    ],
)
def test_whole_numbers_that_the_dtype_cannot_hold_are_refused(x):
    with pytest.raises(DataError, match=r'whole numbers that float32 can hold.*dtype="float64"'):
        as_features(x, "fit", F32)
    if abs(int(x.flat[-1])) < 2**53:
        assert as_features(x, "fit", F64) is x
    else:
        with pytest.raises(DataError, match="whole numbers that float64 can hold"):
            as_features(x, "fit", F64)


def test_whole_targets_that_the_dtype_cannot_hold_are_refused():
    x, held = np.zeros((3, 1)), np.array([2**24, 2**25, 0])
    lost = np.array([0, *TIMES])
    model = pel.Sequential([pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(0.0), "squared")
    for call in (
        lambda: model.fit(x, lost, epochs=1, verbose=0),
        lambda: model.fit(x, held, epochs=1, verbose=0, validation_data=(x, lost)),
        lambda: model.evaluate(x, lost),
    ):
        with pytest.raises(DataError, match=rf"y.* that float32 can hold, got {TIMES[1]} in row 2"):
            call()
    for called in (model, model.layers[0]):
        with pytest.raises(DataError, match=f"that float32 can hold, got {TIMES[1]}"):
            called(lost.reshape(-1, 1))
    exact = np.mean(held.astype(float) ** 2)
    assert model.evaluate(x, held)["loss"] == pytest.approx(exact)
    wide = pel.Sequential([pel.nn.Dense(1, kernel_initializer="zeros")], seed=0, dtype="float64")
    wide.compile(pel.optim.SGD(0.0), "squared")
    exact = np.mean(lost.astype(float) ** 2)
    assert wide.evaluate(x, lost)["loss"] == pytest.approx(exact, rel=1e-15)


@pytest.mark.parametrize(
    "x",
    [
        np.array([[2**24, -(2**24), 2**25, 2**60, 0]]),
        np.array([[-(2**63)]]),
        np.array([[255]], "u1"),
        np.array([[2**63]], "u8"),
        np.array(TIMES).reshape(-1, 1) - TIMES[0],
    ],
)
def test_whole_numbers_that_it_holds_come_in_as_they_are(x):
    assert as_features(x, "fit", F32) is x


def test_the_column_that_does_not_fit_is_named_among_floats():
    x = FRAME(a=[1.5, 2.5], time=TIMES)
    with pytest.raises(DataError, match=r"column 'time' of x .* got 1700000001 in row 1"):
        as_features(x, "fit", F32)
    np.testing.assert_array_equal(as_features(x, "fit", F64)[:, 1], TIMES)


def test_a_model_refuses_them_in_every_call():
    x = np.array(TIMES).reshape(-1, 1)
    model = pel.Sequential([pel.nn.Dense(1, input_shape=(1,))], seed=0)
    model.compile("sgd", "squared")
    for call in (lambda: model.fit(x, [0, 1]), lambda: model.predict(x)):
        with pytest.raises(DataError, match="got 1700000001 in row 1, column 0"):
            call()
    model.fit(x - x.min(), [0, 1], seed=0, verbose=0)  # as the message says


def test_names_of_columns():
    x = FRAME(a=[1.0], b=[2.0], c=[3.0])
    assert feature_names(x) == ("a", "b", "c")
    assert feature_names(np.ones((1, 3))) is None
    check_names("predict", ("a", "b", "c"), x)
    check_names("predict", ("a", "b", "c"), np.ones((1, 3)))
    check_names("predict", None, x)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (("b", "a", "c"), r"got 'a' in the place of 'b'.*x\[\['b', 'a', 'c'\]\]"),
        (("a", "b", "d"), "got none called 'd'"),
        (("a", "b"), r"got 'c' too.*x\[\['a', 'b'\]\]"),
        (("a", "b", "c", "d", "e", "f", "g", "h"), r"… \(8 in all\)"),
    ],
)
def test_columns_in_another_order_are_refused(known, words):
    x = FRAME(a=[1.0], b=[2.0], c=[3.0])
    with pytest.raises(
        DataError, match=r"^\[predict\] the columns must be those of fit, "
    ) as caught:
        check_names("predict", known, x)
    caught.match(words)


class Sparse:
    nnz, shape = 3, (2, 2)

    def toarray(self):
        return np.eye(2)


@pytest.mark.parametrize(
    ("x", "words", "follow"),
    [
        (Sparse(), r"got a sparse Sparse.*x\.toarray\(\)", lambda x, np: x.toarray()),
        (
            np.array([[1, 2.5], [3, True]], object),
            r"got object of numbers.*x\.astype\(np\.float64\)",
            lambda x, np: x.astype(np.float64),
        ),
        (
            np.array([["1", "2"], ["3", "4"]]),
            r"x\.astype\(np\.float64\)",
            lambda x, np: x.astype(np.float64),
        ),
        (
            np.array([["a"], ["b"]]),
            r"got text.*x\[:, \[i\]\] == np\.unique\(x\[:, i\]\)",
            lambda x, np: x[:, [0]] == np.unique(x[:, 0]),
        ),
        (
            np.array([[1, "a"], [2, "b"]], object),
            r"got text: 'a' in row 0, column 1",
            lambda x, np: x[:, [1]] == np.unique(x[:, 1]),
        ),
        (np.array([[None, "a"]], object), "got missing values: 'None' in row 0, column 0", None),
        (np.array([[1j]]), r"got complex.*np\.abs\(x\)", lambda x, np: np.abs(x)),
        (
            np.array([["2026-01-01"]], "M8[D]"),
            r"got dates.*\(x - x\.min\(\)\) / np\.timedelta64\(1, 's'\)",
            lambda x, np: (x - x.min()) / np.timedelta64(1, "s"),
        ),
        (
            np.array([[3]], "m8[D]"),
            r"got durations.*x / np\.timedelta64",
            lambda x, np: x / np.timedelta64(1, "s"),
        ),
        (
            np.zeros(2, [("a", "f4"), ("b", "i4")]),
            r"np\.column_stack\(\[x\[f\] for f in x\.dtype\.names\]\)",
            lambda x, np: np.column_stack([x[f] for f in x.dtype.names]),
        ),
    ],
)
def test_the_advice_for_what_is_no_number_works_when_followed(x, words, follow):
    with pytest.raises(DTypeError, match=words):
        as_features(x, "fit")
    if follow is not None:
        assert as_features(follow(x, np), "fit").dtype.kind in "biuf"


def test_a_list_that_holds_itself_is_refused():
    x = [[1.0, 2.0]]
    x.append(x)
    for refused in (
        lambda: as_features(x, "fit"),
        lambda: as_targets(x, "fit"),
        lambda: pel.nn.Dense(x),
        lambda: pel.nn.RBF(x),
    ):
        with pytest.raises(PellucidError):
            refused()


def test_one_column_is_told_to_be_a_table():
    with pytest.raises(ShapeError, match=r"x\.to_frame\(\)"):
        as_features(COLUMN["Float64"]([1.0, 2.0]), "fit")


def test_labels_that_are_words_are_told_what_works():
    for y in (["cat", "dog"], np.array(["cat", "dog"], object)):
        with pytest.raises(DTypeError, match=r"names, y = np\.unique\(y, return_inverse=True\)"):
            as_targets(y, "fit")
        _, codes = np.unique(y, return_inverse=True)
        assert as_targets(codes, "fit").dtype.kind == "i"
