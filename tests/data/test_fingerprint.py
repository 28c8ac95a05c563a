"""What a checkpoint knows of its data: other data, another fingerprint; the same, the same."""

import hashlib

import numpy as np
import pytest

from pellucid.core.errors import DataError
from pellucid.data.arrays import fingerprint, gather_rows, slice_rows

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def made(rows, wide):
    return np.arange(rows * wide, dtype=np.float32).reshape(rows, wide)


def changed(array, place):
    other = array.copy()
    other[place] += 1
    return other


def test_the_same_data_in_another_form_have_one_fingerprint():
    x, y = made(100, 3), np.arange(100)
    known = fingerprint([x], [y], F32)
    assert len(known) == 16
    assert int(known, 16) >= 0
    for other in (np.asfortranarray(x), x.astype(np.float64), x.astype(">f4"), x[::-1][::-1]):
        assert fingerprint([other], [y], F32) == known
    assert fingerprint([x], [np.repeat(y, 2)[::2]], F32) == known


def test_small_targets_and_every_array_of_several_are_read_whole():
    x, y, w = made(50, 2), np.arange(50.0), np.ones(50)
    known = fingerprint([x, x], [y, w], F32)
    for row in range(50):
        assert fingerprint([x, x], [changed(y, row), w], F32) != known
    assert fingerprint([x, x], [y, changed(w, 49)], F32) != known
    assert fingerprint([changed(x, 0), x], [y, w], F32) != known
    assert fingerprint([x, changed(x, 49)], [y, w], F32) != known


@pytest.mark.parametrize(
    ("rows", "wide", "read"),
    [
        (300, 2, 64),  # narrow rows: 64 of them
        (40, 2, 40),  # no more than there are
        (200, 1024, 16),  # 4 KiB a row: 64 KiB in all
        (50, 16_384, 4),  # 64 KiB a row: four all the same
    ],
)
def test_rows_of_x_are_read_evenly_from_the_first_to_the_last(rows, wide, read):
    x = made(rows, wide)
    known = fingerprint([x], [], F32)
    seen = [row for row in range(rows) if fingerprint([changed(x, row)], [], F32) != known]
    assert len(seen) == read
    assert seen[0] == 0
    assert seen[-1] == rows - 1
    steps = np.diff(seen)
    assert steps.max() - steps.min() <= 1


def test_large_targets_are_read_by_rows_spread_over_them():
    y = np.zeros((70_000, 1))  # 560 kB: 32,768 rows are read
    x = made(len(y), 1)
    known = fingerprint([x], [y], F32)
    for row in (0, len(y) - 1):
        assert fingerprint([x], [changed(y, row)], F32) != known
    near = [fingerprint([x], [changed(y, row)], F32) != known for row in range(40)]
    assert 15 <= sum(near) <= 25
    part = np.zeros(1 << 15)  # 256 KiB exactly: read whole
    x = made(len(part), 1)
    known = fingerprint([x], [part], F32)
    for row in (1, 2, 12_345, len(part) - 2):
        assert fingerprint([x], [changed(part, row)], F32) != known


def test_rows_in_a_row_are_the_array_itself_only_where_nothing_is_converted():
    x = made(6, 2)
    part = slice_rows(x, 1, 4, F32, "x")
    assert np.shares_memory(part, x)
    np.testing.assert_array_equal(part, x[1:4])
    for other in (x.astype(np.float64), np.asfortranarray(x), x.astype(">f4")):
        part = slice_rows(other, 1, 4, F32, "x")
        assert part.dtype == F32
        assert part.dtype.isnative
        assert part.flags.c_contiguous
        assert not np.shares_memory(part, other)
        np.testing.assert_array_equal(part, x[1:4])


def test_an_overflow_in_consecutive_rows_names_the_row_of_the_data():
    x = np.ones((6, 2))
    x[4, 1] = 1e39
    with pytest.raises(DataError, match=r"got 1e\+39 in row 4, column 1"):
        slice_rows(x, 3, 6, F32, "x")
    assert slice_rows(x, 3, 6, F64, "x")[1, 1] == 1e39


def test_a_gathered_batch_is_a_plain_array_of_any_array():
    class Own(np.ndarray):
        """Arrays of a library."""

    x = made(4, 2).view(Own)
    assert type(x[np.array([1, 2])]) is Own
    assert type(gather_rows(x, np.array([1, 2]), F32, "x")) is np.ndarray
    assert type(gather_rows(x, np.array([1, 2]), F64, "x")) is np.ndarray


def test_of_small_data_it_is_the_hash_of_every_number_once():
    """A file keeps it, so that `resume` knows its data: it is the same for ever."""
    x, y = made(5, 3), np.arange(5)
    wanted = hashlib.sha256(x.astype("<f4").tobytes() + y.astype("<i8").tobytes())
    assert fingerprint([x], [y.astype("<i8")], F32) == wanted.hexdigest()[:16]
    both = hashlib.sha256(x.astype("<f8").tobytes() + x[:, :1].astype("<f8").tobytes())
    assert fingerprint([x, x[:, :1]], [], F64) == both.hexdigest()[:16]
