"""IDX files: every type, both packings, and no claim believed before it is checked."""

import contextlib
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import ArgumentError, DataError, DTypeError, ShapeError
from pellucid.data import load_digits, load_idx_folder, read_idx, split, write_idx


def packed(data):
    return gzip.compress(data, mtime=0)  # the same bytes at every collection


DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["x.idx", "x.idx.gz"])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (0, 28, 28)])
def test_round_trip(tmp_path, dtype, name, shape):
    x = (np.random.default_rng(0).normal(size=shape) * 50).astype(dtype)
    write_idx(tmp_path / name, x)
    back = read_idx(tmp_path / name)
    assert back.dtype == dtype
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, x)


def test_the_packing_is_read_from_the_content_not_the_name(tmp_path):
    write_idx(tmp_path / "x.gz", np.arange(4, dtype=np.uint8))
    (tmp_path / "x.gz").rename(tmp_path / "plain-name")
    np.testing.assert_array_equal(read_idx(tmp_path / "plain-name"), range(4))


def file(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "got nothing"),
        (b"\0\0", "starts with 00 00"),
        (b"\x89PNG rest", "starts with 00 00"),
        (b"\0\0\x07\x01" + struct.pack(">I", 1) + b"x", "starts with 00 00"),
        (b"\0\0\x08\x00", "1 to 8 axes, got 0"),
        (b"\0\0\x08\xff", "1 to 8 axes, got 255"),
        (b"\0\0\x08\x02" + struct.pack(">I", 3), "8 bytes of sizes, got 4"),
        (b"\0\0\x08\x01" + struct.pack(">I", 3) + b"ab", "truncated"),
        (b"\0\0\x08\x01" + struct.pack(">I", 3) + b"abcd", "longer than its header"),
        (packed(b"\0\0\x08\x01" + struct.pack(">I", 9) + b"ab"), "holds 2"),
        (packed(b"\0\0\x08\x01" + struct.pack(">I", 1) + b"ab"), "holds more"),
        (packed(b"\0\0\x08\x01" + struct.pack(">I", 1) + b"a")[:-6], "gzip data are broken"),
        (b"\x1f\x8b" + b"garbage" * 4, "gzip data are broken|cannot be read"),
    ],
)
def test_broken_files_are_named(tmp_path, data, words):
    with pytest.raises(DataError, match=words) as caught:
        read_idx(file(tmp_path, data))
    assert str(caught.value).startswith('[idx "x"]')


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_any_bytes_give_an_array_or_our_error(tmp_path_factory, tail, zipped, headed):
    data = (b"\0\0\x08\x01" + struct.pack(">I", 20) + tail) if headed else tail
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(packed(data) if zipped else data)
    with contextlib.suppress(DataError):
        assert isinstance(read_idx(path), np.ndarray)


def test_writing_what_idx_does_not_hold(tmp_path):
    with pytest.raises(DTypeError, match="uint16"):
        write_idx(tmp_path / "x", np.zeros(3, np.uint16))
    write_idx(tmp_path / "x", np.zeros(3, np.uint8))
    with pytest.raises(ArgumentError, match="exists already"):
        write_idx(tmp_path / "x", np.zeros(3, np.uint8))


def test_the_bundled_digits():
    data = load_digits(seed=0)
    assert data.x_train.shape == (1438, 8, 8)
    assert data.x_test.shape == (359, 8, 8)
    x = np.concatenate([data.x_train, data.x_test])
    assert (x.min(), x.max()) == (0, 16)
    counts = np.bincount(np.concatenate([data.y_train, data.y_test]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert "CC BY 4.0" in data.source
    again, other = load_digits(seed=0), load_digits(seed=1)
    np.testing.assert_array_equal(again.y_test, data.y_test)
    assert (other.y_test != data.y_test).any()


def test_split_covers_every_row_once():
    kept, held = split(101, 0.25, seed=3)
    assert len(held) == 25
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(101))
    assert [len(part) for part in split(2, 0.01, 0)] == [1, 1]
    for bad in ((1, 0.5, 0), (9, 0.0, 0), (9, 1.0, 0), (9, 0.5, -1), (9.0, 0.5, 0)):
        with pytest.raises(ArgumentError):
            split(*bad)


def idx_folder(folder, **changes):
    parts = {
        "train-images-idx3-ubyte": np.zeros((6, 2, 2), np.uint8),
        "train-labels-idx1-ubyte": np.arange(6, dtype=np.uint8) % 3,
        "t10k-images-idx3-ubyte": np.zeros((2, 2, 2), np.uint8),
        "t10k-labels-idx1-ubyte": np.array([0, 3], np.uint8),
    } | changes
    for name, array in parts.items():
        if array is not None:
            write_idx(folder / name, array)
    return folder


def test_a_folder(tmp_path):
    data = load_idx_folder(idx_folder(tmp_path))
    assert data.classes == 4
    assert data.x_train.shape == (6, 2, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t10k-labels-idx1-ubyte": None}, "must hold t10k-labels-idx1-ubyte"),
        ({"train-labels-idx1-ubyte": np.zeros(5, np.uint8)}, "as many labels as images"),
        ({"train-labels-idx1-ubyte": np.zeros((6, 1), np.uint8)}, "as many labels as images"),
        ({"t10k-images-idx3-ubyte": np.zeros((2, 3, 3), np.uint8)}, "one size"),
        ({"train-labels-idx1-ubyte": np.full(6, -1, np.int8)}, "whole numbers ≥ 0"),
        ({"train-labels-idx1-ubyte": np.full(6, 0.5, np.float32)}, "whole numbers ≥ 0"),
    ],
)
def test_folders_that_do_not_fit(tmp_path, changes, words):
    with pytest.raises(DataError, match=words):
        load_idx_folder(idx_folder(tmp_path, **changes))


def test_the_real_mnist():
    from pathlib import Path

    folder = Path(__file__).parents[3] / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip("MNIST is not beside this checkout")
    data = load_idx_folder(folder)
    assert data.x_train.shape == (60_000, 28, 28)
    assert data.x_test.shape == (10_000, 28, 28)
    assert data.classes == 10
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]


def test_a_header_may_claim_as_much_as_the_caller_allows(tmp_path):
    path = file(tmp_path, b"\0\0\x08\x01" + struct.pack(">I", 9) + b"123456789")
    assert read_idx(path, max_bytes=9).tolist() == list(b"123456789")
    with pytest.raises(DataError, match="9 bytes, more than the 8 that are read"):
        read_idx(path, max_bytes=8)
    claim = struct.pack(">II", 2**16, 2**16)
    with pytest.raises(DataError, match="the file holds 0"):  # 4 GiB are allowed unless told
        read_idx(file(tmp_path, b"\0\0\x08\x02" + claim))
    with pytest.raises(DataError, match="4,295,032,832 bytes, more than the 4,294,967,296"):
        read_idx(file(tmp_path, b"\0\0\x08\x02" + struct.pack(">II", 2**16, 2**16 + 1)))


def test_axes_that_no_array_can_have_are_refused_though_nothing_is_in_them(tmp_path):
    sizes = struct.pack(">III", 0, 2**31, 2**32 - 1)
    with pytest.raises(DataError, match="axes longer than an array can have"):
        read_idx(file(tmp_path, b"\0\0\x0e\x03" + sizes))
    sizes = struct.pack(">III", 0, 2**30, 2**30)  # of float64: 2**63 bytes and one more than fit
    with pytest.raises(DataError, match="axes longer than an array can have"):
        read_idx(file(tmp_path, b"\0\0\x0e\x03" + sizes))
    assert read_idx(file(tmp_path, b"\0\0\x0d\x03" + sizes)).shape == (0, 2**30, 2**30)


@pytest.mark.parametrize("axes", [1, 8])
def test_as_many_axes_as_the_format_has(tmp_path, axes):
    x = np.arange(2, dtype=np.uint8).reshape(2, *[1] * (axes - 1))
    write_idx(tmp_path / "x", x)
    assert read_idx(tmp_path / "x").shape == x.shape


@pytest.mark.parametrize("shape", [(), (1,) * 9])
def test_arrays_of_too_many_axes_or_none_are_not_written(tmp_path, shape):
    with pytest.raises(DTypeError, match="in 1 to 8 axes, got uint8"):
        write_idx(tmp_path / "x", np.zeros(shape, np.uint8))
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path)
    with pytest.raises(DTypeError, match="masked"):
        write_idx(tmp_path / "x", np.ma.masked_less(np.zeros(3, np.uint8), 1))
    with pytest.raises(ShapeError, match="rows of unequal length"):
        write_idx(tmp_path / "x", [[1, 2], [3]])
    with pytest.raises(DataError, match=r"the file holds 2.*The file is truncated"):
        read_idx(file(tmp_path, b"\0\0\x08\x01" + struct.pack(">I", 3) + b"ab"))
    with pytest.raises(DataError, match=r"the file holds 4.*longer than its header says"):
        read_idx(file(tmp_path, b"\0\0\x08\x01" + struct.pack(">I", 3) + b"abcd"))


def test_packed_files_are_small_equal_and_chosen_by_the_name(tmp_path):
    x = np.zeros(4000, np.uint8)
    write_idx(tmp_path / "x.gz", x)
    packed_bytes = (tmp_path / "x.gz").read_bytes()
    assert packed_bytes[:2] == b"\x1f\x8b"
    assert packed_bytes[4:8] == bytes(4)  # no time
    assert len(packed_bytes) < 200
    write_idx(tmp_path / "x.gz", x, overwrite=True)
    assert (tmp_path / "x.gz").read_bytes() == packed_bytes  # no time stands in it
    write_idx(tmp_path / "x.idx", x)
    assert len((tmp_path / "x.idx").read_bytes()) == 4008


def test_a_long_file_is_read_in_parts(tmp_path):
    x = np.arange(2**20 + 5, dtype=np.uint32).astype(np.uint8)
    write_idx(tmp_path / "x", x)
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), x)


def test_a_dataset_says_what_it_holds(tmp_path):
    data = load_idx_folder(idx_folder(tmp_path))
    assert repr(data) == (
        f'Dataset "{tmp_path.name}": 6 rows of 2×2 for training, 2 for testing, 4 classes, '
        f"from {tmp_path}"
    )


def test_the_smallest_folders_and_what_they_must_hold(tmp_path):
    labels = {"train-labels-idx1-ubyte": np.zeros(6, np.uint8)}
    other = {"t10k-labels-idx1-ubyte": np.zeros(2, np.uint8)}
    (tmp_path / "one").mkdir()
    assert load_idx_folder(idx_folder(tmp_path / "one", **labels, **other)).classes == 2
    refused = {
        "flat": {"train-images-idx3-ubyte": np.zeros(6, np.uint8)},
        "none": {
            "t10k-images-idx3-ubyte": np.zeros((0, 2, 2), np.uint8),
            "t10k-labels-idx1-ubyte": np.zeros(0, np.uint8),
        },
    }
    for name, changes in refused.items():
        (tmp_path / name).mkdir()
        with pytest.raises(DataError, match="as many labels as images"):
            load_idx_folder(idx_folder(tmp_path / name, **changes))
    (tmp_path / "far").mkdir()
    far = {"t10k-labels-idx1-ubyte": np.array([0, 7], np.uint8)}
    assert load_idx_folder(idx_folder(tmp_path / "far", **far)).classes == 8  # of eight labels
    (tmp_path / "too far").mkdir()
    far = {"t10k-labels-idx1-ubyte": np.array([0, 8], np.uint8)}
    with pytest.raises(DataError, match="got 8 among 8 labels"):
        load_idx_folder(idx_folder(tmp_path / "too far", **far))
    with pytest.raises(DataError, match="cannot be read: No such file"):
        load_idx_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="got an empty folder"):
        load_idx_folder(tmp_path / "empty")


def test_either_spelling_of_the_mnist_files_is_found(tmp_path):
    folder = idx_folder(tmp_path)
    (folder / "train-images-idx3-ubyte").rename(folder / "train-images.idx3-ubyte")
    write_idx(folder / "train-labels.idx1-ubyte.gz", np.arange(6, dtype=np.uint8) % 3)
    (folder / "train-labels-idx1-ubyte").unlink()
    assert load_idx_folder(folder).y_train.tolist() == [0, 1, 2, 0, 1, 2]


def test_a_split_holds_out_the_rounded_share_in_order():
    kept, held = split(10, 0.26, seed=5)
    assert len(held) == 3
    assert held.tolist() == sorted(held)
    assert kept.tolist() == sorted(kept)
    assert len(split(3, 0.99, 0)[0]) == 1


@pytest.mark.parametrize("count", [6, 7])
def test_a_folder_of_other_files_is_shown_in_short(tmp_path, count):
    for number in range(count):
        (tmp_path / f"file{number}").touch()
    shown = ", ".join(f"file{number}" for number in range(6)) + (", …" if count > 6 else "")
    with pytest.raises(DataError) as caught:
        load_idx_folder(tmp_path)
    assert caught.value.problem.endswith(f"got {shown}")
