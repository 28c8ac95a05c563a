"""IDX files that lie: sizes, kinds of file, memory; nothing but our error comes out."""

import contextlib
import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.data import load_digits, load_idx_folder, read_idx, write_idx

MOST = 2**32 - 1


def header(*shape, code=0x08):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(0, MOST, MOST, MOST), (MOST, 0, MOST, MOST), (0, *[MOST] * 7)])
def test_an_empty_array_of_impossible_size(tmp_path, shape, zipped):
    data = header(*shape)
    (tmp_path / "x").write_bytes(gzip.compress(data) if zipped else data)
    with pytest.raises(DataError, match="axes longer than an array can have"):
        read_idx(tmp_path / "x")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(header(10) + bytes(2**25)), "holds more"),
        (gzip.compress(header(2**31) + bytes(9)), "holds 9"),
        (gzip.compress(header(2**23) + bytes(2**23)), "more than the 1,048,576"),
        (header(2**31) + bytes(9), "holds 9"),
        (gzip.compress(header(2**28, code=0x0E)), "holds 0"),
    ],
    ids=["much behind little", "a claim", "an honest bomb", "a plain claim", "2 GiB of float64"],
)
def test_memory_follows_the_bytes_not_the_claim(tmp_path, data, words):
    (tmp_path / "x").write_bytes(data)
    options = {"max_bytes": 2**20} if "1,048,576" in words else {}
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=words):
            read_idx(tmp_path / "x", **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20, f"{peak:,} bytes for a file that is refused"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(DataError, match="a pipe or a device"):
        read_idx(tmp_path / "x")


VALID = header(2, 3, 4) + bytes(range(24))


@given(
    st.sampled_from([VALID, gzip.compress(VALID, mtime=0)]),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4),
    st.integers(0, 8),
)
def test_a_mutated_file_gives_an_array_or_our_error(tmp_path_factory, valid, changes, cut):
    data = bytearray(valid)
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(data[: len(data) - cut])
    with contextlib.suppress(DataError):
        assert isinstance(read_idx(path, max_bytes=2**20), np.ndarray)


def test_writing_what_loses_something(tmp_path):
    with pytest.raises(DTypeError, match="masked"):
        write_idx(tmp_path / "x", np.ma.masked_less(np.ones(3, np.uint8), 5))
    with pytest.raises(ShapeError, match="unequal length"):
        write_idx(tmp_path / "x", [[1, 2], [3]])
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_would_make_billions_of_classes(tmp_path):
    for half in ("train", "t10k"):
        write_idx(tmp_path / f"{half}-images-idx3-ubyte", np.zeros((3, 2, 2), np.uint8))
        labels = np.array([0, 1, 2**31 - 1], np.int32)
        write_idx(tmp_path / f"{half}-labels-idx1-ubyte", labels)
    with pytest.raises(DataError, match="got 2,147,483,647 among 6 labels"):
        load_idx_folder(tmp_path)


def test_data_sets_compare_and_print_as_things_not_as_numbers():
    data = load_digits()
    assert data == data
    assert data != load_digits()
    assert data in {data}
    assert repr(data).startswith('Dataset "digits": 1,438 rows of 8×8 for training, 359')
    assert len(repr(data)) < 200
