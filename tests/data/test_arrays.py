"""The door for a person's arrays: what comes in as it is, and what is refused in one form."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import DataError, DTypeError, PellucidError, ShapeError
from pellucid.data.arrays import as_features, as_targets, check_exact, gather_rows

F32 = np.dtype(np.float32)
X = np.arange(12.0).reshape(4, 3)


def read_only():
    x = X.copy()
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    "x",
    [
        X,
        X.astype(">f8"),
        X.astype(">i2"),
        X.astype("f2"),
        np.asfortranarray(X),
        X.repeat(2, 1)[:, ::2],
        X[::-1][::-1],
        read_only(),
        X.astype(np.uint8),
        X.astype(np.longdouble),
    ],
)
def test_an_array_stays_what_it_is_and_its_batch_is_native(x):
    assert as_features(x, "fit") is x
    batch = gather_rows(x, np.array([3, 0, 3]), F32, "x")
    assert batch.dtype == F32
    assert batch.dtype.isnative
    assert batch.flags.c_contiguous
    assert batch.flags.writeable
    np.testing.assert_array_equal(batch, X[[3, 0, 3]])
    assert not np.shares_memory(batch, x)


def test_lists_become_arrays():
    np.testing.assert_array_equal(as_features(X.tolist(), "fit"), X)
    np.testing.assert_array_equal(as_features([X[0], X[1]], "fit"), X[:2])


class Broken:
    def __array__(self, *arguments, **options):
        raise KeyError("on another device")


MASKED = np.ma.masked_less([1.0, 2.0], 1.5)


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([[1, 2], [3]], ShapeError, "got 2 in row 0 and 1 in row 1"),
        ([[1, 2], 3], ShapeError, "lists that make no array"),
        (MASKED, DTypeError, "masked"),
        ([MASKED, MASKED], DTypeError, "masked"),
        (Broken(), DTypeError, "got a Broken that makes none: 'on another device'"),
        (None, DTypeError, "got object"),
        ({"a": 1}, DTypeError, "got object"),
        ([[10**400, 1.0]], DTypeError, "got object"),
        (np.zeros((2, 2), [("a", "f4")]), DTypeError, "must hold numbers"),
        (3.0, ShapeError, "got a single number"),
        ([1.0, 2.0], ShapeError, r"x.reshape\(-1, 1\)"),
        (np.zeros((0, 3)), DataError, "at least one row"),
        (np.zeros((3, 0)), ShapeError, r"got \(3, 0\)"),
    ],
)
def test_what_is_refused(x, error, words):
    with pytest.raises(error, match=words) as caught:
        as_features(x, "fit")
    assert str(caught.value).startswith("[fit] x must ")


def test_text_labels_are_told_how_to_become_numbers():
    with pytest.raises(DTypeError, match=r"np\.unique"):
        as_targets(["cat", "dog"], "fit")
    with pytest.raises(DataError, match="y must be finite, got nan in row 1"):
        as_targets([0.0, np.nan], "fit")


@pytest.mark.parametrize(("dtype", "number"), [("f8", "1e+39"), (np.longdouble, "1e+4000")])
def test_an_overflow_names_its_place_and_the_number(dtype, number):
    if not np.isfinite(np.dtype(dtype).type(number)):
        pytest.skip("no long double here")
    x = np.ones((5, 2), dtype)
    x[3, 1] = np.dtype(dtype).type(number)
    words = f"got {number} in row 3, column 1".replace("+", r"\+")
    with pytest.raises(DataError, match=words):
        gather_rows(x, np.array([4, 3]), F32, "x")


def test_a_conversion_heeds_no_setting_of_the_floating_point_unit():
    x = np.array([[1e-300], [np.nan]])
    signalling = np.array([[0x7FF0000000000001]], np.uint64).view(np.float64)
    with np.errstate(all="raise"):
        assert gather_rows(x, np.array([0]), F32, "x")[0, 0] == 0
        assert np.isnan(gather_rows(signalling, np.array([0]), F32, "x")).all()


JUNK = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=2) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(JUNK)
def test_nested_lists_give_an_array_or_our_error(x):
    for door in (as_features, as_targets):
        with contextlib.suppress(PellucidError):
            assert door(x, "fit").dtype.kind in "biuf"


def test_only_whole_numbers_in_a_float_can_be_lost():
    large = np.array([2**53 + 1])
    check_exact(large, np.dtype(np.int64), "fit", "x", "x.min()")
    check_exact(large.astype(float), np.dtype(np.float32), "fit", "x", "x.min()")
    check_exact(large[:0], np.dtype(np.float32), "fit", "x", "x.min()")
    check_exact(large - 1, np.dtype(np.float64), "fit", "x", "x.min()")
    with pytest.raises(DataError, match="9007199254740993"):
        check_exact(large, np.dtype(np.float64), "fit", "x", "x.min()")
