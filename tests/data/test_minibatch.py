"""Orders, and the conversion of a batch at the door."""

import numpy as np
import pytest

from pellucid.core.errors import DataError
from pellucid.data.arrays import as_features, check_finite, gather_rows
from pellucid.data.minibatch import order


def test_an_order_is_a_permutation_and_a_function_of_its_arguments():
    first = order(1000, 7, 0)
    np.testing.assert_array_equal(np.sort(first), np.arange(1000))
    np.testing.assert_array_equal(first, order(1000, 7, 0))
    assert (first != order(1000, 7, 1)).any()
    assert (first != order(1000, 8, 0)).any()


def test_orders_do_not_change_between_versions():
    assert order(10, 0, 0).tolist() == [6, 0, 7, 2, 1, 9, 5, 4, 8, 3]
    assert order(60_000, 0, 0)[:4].tolist() == [42776, 36840, 45714, 35988]


def test_every_place_is_equally_likely():
    counts = np.zeros((5, 5))
    for epoch in range(2000):
        counts[np.arange(5), order(5, 1, epoch)] += 1
    assert abs(counts / 2000 - 0.2).max() < 0.04


def test_a_batch_is_converted_and_the_data_stay_where_they_are(tmp_path):
    whole = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(100, 6))
    whole[:] = np.arange(600).reshape(100, 6) % 256
    assert as_features(whole, "fit") is whole
    batch = gather_rows(whole, np.array([5, 99]), np.dtype(np.float32), "x")
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, whole[[5, 99]])
    x = np.ones((4, 2), np.float32)
    assert as_features(x, "fit") is x


def test_what_overflows_or_is_not_finite_is_named():
    x = np.ones((5, 2))
    x[3, 1] = 1e39
    with pytest.raises(DataError, match=r"1e\+39 in row 3"):
        gather_rows(x, np.array([4, 3]), np.dtype(np.float32), "x")
    assert gather_rows(x, np.array([3]), np.dtype(np.float64), "x")[0, 1] == 1e39
    x[3, 1] = np.nan
    with pytest.raises(DataError, match="nan in row 3, column 1"):
        check_finite(x[[4, 3]], np.array([4, 3]), "x")
