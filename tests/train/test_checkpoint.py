"""The file by itself: what is written is read, and each claim of a header is checked."""

import json
import os
import struct
import sys

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError, DataError
from pellucid.train import checkpoint
from pellucid.train.checkpoint import grouped, most_nodes, read_file, write_file

MIB = 2**20
DTYPES = ["bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"]


def entry(dtype, shape, first, last, **others):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last], **others}


def made(path, header, body=b"", document=None, text=None):
    """A file with this header in front of this body."""
    if document is None:
        document = json.dumps({"format": 2})
    if text is None:
        text = json.dumps({**header, "__metadata__": {"pellucid": document}})
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data + body)
    return path


def refused(path, words):
    with pytest.raises(DataError, match=words) as caught:
        read_file(path)
    assert str(caught.value).startswith("[load ")


def test_all_dtypes_and_shapes_come_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        f"{dtype}/{number}": (rng.random(shape) * 2).astype(dtype)
        for dtype in DTYPES
        for number, shape in enumerate([(), (3,), (2, 0), (2, 3, 1)])
    }
    arrays["turned"] = np.asfortranarray(rng.random((3, 4)))
    arrays["strided"] = rng.random((6, 4))[::2, 1:3]
    write_file(tmp_path / "m", arrays, {"any": ["thing", 1.5, None]}, overwrite=False)
    found, document = read_file(tmp_path / "m")
    assert document == {"format": 2, "any": ["thing", 1.5, None]}
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.writeable


def test_an_existing_file_is_replaced_only_if_asked(tmp_path):
    write_file(tmp_path / "m", {}, {"n": 1}, overwrite=False)
    with pytest.raises(ArgumentError, match="exists already"):
        write_file(tmp_path / "m", {}, {"n": 2}, overwrite=False)
    assert read_file(tmp_path / "m")[1]["n"] == 1
    write_file(tmp_path / "m", {}, {"n": 2}, overwrite=True)
    assert read_file(tmp_path / "m")[1]["n"] == 2


def test_what_is_no_number_of_json_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_file(tmp_path / "m", {}, {"n": float("nan")}, overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "body", "words"),
    [
        ({"a": entry("F32", [2], 0, 8)}, 8, None),
        ({"a": entry("F32", [2], 0, 8), "b": entry("I8", [3], 8, 11)}, 11, None),
        ({"b": entry("I8", [3], 8, 11), "a": entry("F32", [2], 0, 8)}, 11, None),
        ({"a": entry("F32", [0, 5], 0, 0), "b": entry("U8", [1], 0, 1)}, 1, None),
        ({"a": entry("F32", [1] * 64, 0, 4)}, 4, None),
        ({"a": entry("F32", [1] * 65, 0, 4)}, 4, "a has at most 64 axes, got 65"),
        ({"a": entry("F16", [2], 0, 4)}, 4, "the entry of a is not well formed"),
        ({"a": [1, 2]}, 4, "the entry of a is not well formed"),
        ({"a": entry("F32", 2, 0, 8)}, 8, "the entry of a is not well formed"),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0]}}, 8, "not well formed"),
        ({"a": entry("F32", [2.0], 0, 8)}, 8, "a must hold whole numbers from 0"),
        ({"a": entry("F32", [True], 0, 4)}, 4, "a must hold whole numbers from 0"),
        ({"a": entry("F32", [-2], 0, 8)}, 8, "a must hold whole numbers from 0"),
        ({"a": entry("F32", [2**63], 0, 8)}, 8, "a must hold whole numbers from 0"),
        ({"a": entry("U8", [0, 2**63 - 1], 0, 0)}, 0, None),
        ({"a": entry("U16", [0, 2**62], 0, 0)}, 0, "a has axes longer than an array can have"),
        ({"a": entry("F32", [2], 0, 9)}, 9, r"must hold 8 bytes within 9, got bytes 0 to 9"),
        ({"a": entry("F32", [2], 0, 8)}, 7, "must hold 8 bytes within 7.*truncated"),
        ({"a": entry("F32", [2], 0, 8)}, 9, "the arrays fill 8 bytes, the file holds 9"),
        ({"a": entry("F32", [2], 1, 9)}, 9, "a must start at byte 0, got 1"),
        (
            {"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)},
            12,
            "b must start at byte 8, got 4",
        ),
        ({}, 0, None),
        ({}, 1, "the arrays fill 0 bytes, the file holds 1"),
    ],
)
def test_the_arrays_tile_the_file(tmp_path, header, body, words):
    path = made(tmp_path / "m", header, bytes(body))
    if words is None:
        arrays, _ = read_file(path)
        assert {name: list(array.shape) for name, array in arrays.items()} == {
            name: each["shape"] for name, each in header.items()
        }
    else:
        refused(path, words)


def test_booleans_are_0_and_1(tmp_path):
    header = {"a": entry("BOOL", [3], 0, 3)}
    assert read_file(made(tmp_path / "m", header, b"\0\1\1"))[0]["a"].tolist() == [0, 1, 1]
    refused(made(tmp_path / "m", header, b"\0\1\2"), "a must hold 0 and 1, got 2")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, None),
        ("[1]", "description must be a JSON object"),
        ("{", "description must be JSON"),
        ('{"format": 2, "x": NaN}', "description must be JSON"),
        ("{}", "the format must be a number ≥ 1, got None"),
        ('{"format": 0}', "the format must be a number ≥ 1, got 0"),
        ('{"format": true}', "the format must be a number ≥ 1, got True"),
        ('{"format": 1.0}', "the format must be a number ≥ 1"),
        ('{"format": 1}', None),
        ('{"format": 3}', r"has format 3, this version of Pellucid reads up to 2.*Update"),
        (3, "the file holds no Pellucid model"),
    ],
)
def test_the_description(tmp_path, document, words):
    path = made(tmp_path / "m", {}, document=document)
    if words is None:
        assert read_file(path)[0] == {}
    else:
        refused(path, words)


def test_the_header(tmp_path):
    path = tmp_path / "m"
    refused(made(path, {}, text="[]"), "the header must be a JSON object")
    refused(made(path, {}, text="{"), "the header must be JSON")
    refused(made(path, {}, text=b"\xff{}"), "the header must be UTF-8")
    refused(made(path, {}, text='{"__metadata__": 3}'), "must be a safetensors header")
    refused(made(path, {}, text="{}"), "the file holds no Pellucid model")
    refused(made(path, {}, text="[" * 100_000), "the header must be JSON")
    path.write_bytes(b"1234567")
    refused(path, "a model file has at least 8 bytes, got 7")
    path.write_bytes(struct.pack("<Q", 3) + b"{}")
    refused(path, r"the header says 3 bytes, the file holds 2 after its first 8")
    refused(tmp_path, "must name a file, got something else")
    refused(tmp_path / "none", "cannot be read: No such file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "must name a file, got something else")


def test_the_largest_header_and_the_largest_values(tmp_path, monkeypatch):
    """The bounds that are written in the source, moved to where a test can reach them."""
    assert checkpoint._MAX_HEADER == 64 * MIB
    assert checkpoint._MAX_WIDE == 4 * MIB
    assert checkpoint._MAX_JSON == 32 * MIB
    monkeypatch.setattr(checkpoint, "_MAX_HEADER", 200)
    document = json.dumps({"format": 2})
    text = json.dumps({"__metadata__": {"pellucid": document}})
    assert read_file(made(tmp_path / "m", {}, text=text.ljust(200)))[1] == {"format": 2}
    refused(made(tmp_path / "m", {}, text=text.ljust(201)), "the header says 201 bytes")
    with pytest.raises(DataError, match="a description has at most 200 bytes, got"):
        write_file(tmp_path / "new", {}, {"long": "x" * 200}, overwrite=False)
    assert not (tmp_path / "new").exists()


def test_letters_beyond_ascii_in_a_long_header(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_MAX_WIDE", 100)
    text = json.dumps({"__metadata__": {"pellucid": '{"format": 2}', "ü": ""}}, ensure_ascii=False)
    fits = text + " " * (100 - len(text.encode()))
    assert read_file(made(tmp_path / "m", {}, text=fits))[1] == {"format": 2}
    refused(made(tmp_path / "m", {}, text=fits + " "), "names must be ASCII in a header of 101")
    plain = json.dumps({"__metadata__": {"pellucid": '{"format": 2}'}}).ljust(101)
    assert read_file(made(tmp_path / "m", {}, text=plain))[1] == {"format": 2}


@pytest.mark.parametrize(("mark", "bytes_"), [(",", 40), ('"', 30), ("[", 90), ("{", 150)])
def test_values_that_would_take_much_more_than_the_file(mark, bytes_, monkeypatch):
    text = "x" * 7 + mark * 3
    need = sys.getsizeof(text) + 3 * bytes_
    monkeypatch.setattr(checkpoint, "_MAX_JSON", need - 200)
    checkpoint._check_text("here", text, 100)
    monkeypatch.setattr(checkpoint, "_MAX_JSON", need - 201)
    words = rf"\[here\] the values of a description may take {need - 1} bytes, got about {need}"
    with pytest.raises(DataError, match=words):
        checkpoint._check_text("here", text, 100)


def test_arrays_are_grouped_by_the_part_they_belong_to():
    names = {
        "params/dense.W": 1,
        "params/a/b": 2,
        "state/x": 3,
        "slots/m.0": 4,
        "kept/3/state/x": 5,
        "kept/3/params/a/b": 6,
        "history/steps/loss": 7,
        "functions/0/c1": 8,
    }
    assert grouped(names) == {
        "params": {"dense.W": 1, "a/b": 2},
        "state": {"x": 3},
        "slots": {"m.0": 4},
        "kept/3/state": {"x": 5},
        "kept/3/params": {"a/b": 6},
        "history/steps": {"loss": 7},
        "functions/0": {"c1": 8},
    }
    for wrong in ("params", "other/x", "kept/3/x", "kept/3", "history/x", "functions/0", ""):
        with pytest.raises(DataError, match=f"no part of a model is called {wrong!r}"):
            grouped({wrong: 1})


def test_a_file_may_ask_for_as_many_nodes_as_its_weights_pay_for():
    assert most_nodes({}) == 32_768
    arrays = {"params": {"a": np.zeros(64), "b": np.zeros(32)}, "state": {"c": np.zeros(32)}}
    assert most_nodes(arrays) == 32_768 + 1024 // 128
    assert most_nodes({"params": {"a": np.zeros(127, np.uint8)}}) == 32_768
    assert most_nodes({}, layers=10) == 32_768 + 160
