"""One safetensors file, written whole or not at all, and read without running anything.

Out: arrays by name, and one JSON document in the file's metadata. A file is written beside its
place, flushed to the disk and renamed, so a kill at any moment leaves the old file or the new one.

What a file costs to read is bounded by its size: the values in its JSON are counted before they are
made, every array is checked against the bytes that are there, and `most_nodes` says how large the
graphs may become that its description asks for.
"""

from __future__ import annotations

import json
import math
import stat
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.dtypes import BY_NAME
from pellucid.core.errors import DataError
from pellucid.core.files import as_path, check_target, write_atomically
from pellucid.core.forks import importing
from pellucid.core.shapes import MAX_AXES

FORMAT = 2  # of the document; a reader refuses a newer one by name
_KEY = "pellucid"
_MAX_HEADER = 64 * 2**20  # bytes
_MAX_WIDE = 4 * 2**20  # bytes of a header with letters beyond ASCII, which take up to 4 times more
_MAX_JSON = 32 * 2**20  # bytes that the values of small files may take; those of others 2 a byte
_FEW_NODES = 1 << 15
_BYTES_A_NODE = 128
_NODES_A_LAYER = 16  # beside those; no Dense layer records more
_PARTS = {"params": 1, "state": 1, "slots": 1, "kept": 3, "history": 2, "functions": 2}
_MOST_ADDRESSES = 2**63 - 1  # NumPy's limit, for empty arrays too
_SAFETENSORS = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F32": "float32",
    "F64": "float64",
}


def write_file(
    path: str | Path, arrays: Mapping[str, Any], document: Mapping[str, Any], overwrite: bool
) -> None:
    """Writes arrays and a JSON document, atomically.

    Raises:
        ArgumentError: if the file exists and `overwrite` is False, or cannot be written.
        DataError: for a description too long to be read again.
    """
    target = check_target(path, overwrite)
    data = packed(f'save "{target}"', arrays, document)
    write_atomically(target, data, overwrite=overwrite)


def packed(where: str, arrays: Mapping[str, Any], document: Mapping[str, Any]) -> bytes:
    """The bytes of such a file.

    Raises:
        DataError: for a description too long to be read again.
    """
    with importing:
        from safetensors.numpy import save

    text = json.dumps({"format": FORMAT, **document}, allow_nan=False)
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    data: bytes = save(tensors, metadata={_KEY: text})
    (length,) = struct.unpack("<Q", data[:8])
    if length > _MAX_HEADER:
        raise DataError(
            where,
            f"a description has at most {_MAX_HEADER:,} bytes, got {length:,}",
            "Large tables belong in weights: set_weights of an Embedding or a Dense layer.",
        )
    _check_text(where, _decoded(where, data[8 : 8 + length]), len(data))
    _check_text(where, text, len(data))
    return data


def read_file(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the document of a file that `write_file` wrote.

    Every size is checked against the file before anything is allocated.

    Raises:
        DataError: for a file that is missing, truncated, tampered with, of another kind, or of a
            newer format.
    """
    source = as_path("load", path)
    where = f'load "{source}"'
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
            raise DataError(where, "the path must name a file, got something else")
        with source.open("rb") as file:
            return read(where, file, found.st_size)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(where, f"the file cannot be read: {reason}") from None


def read(where: str, file: Any, size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same of a file that is open, or of bytes, which have `size`."""
    header, start = _header(where, file.read(8), file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise DataError(where, "the header must be a safetensors header, got another")
    table = _table(where, header, size - start)
    document = _document(where, metadata.get(_KEY), size)
    arrays = {}
    for name, (dtype, shape, first, _) in table.items():
        file.seek(start + first)
        arrays[name] = _array(where, name, file, np.empty(shape, dtype))
    return arrays, document


def most_nodes(arrays: Mapping[str, Mapping[str, Any]], layers: int = 0) -> int:
    """How many nodes a load may record in all for a file with these `grouped` arrays.

    A description of few bytes can ask for any number: Polynomial(degree=10**9).

    Args:
        layers: that the file describes.
    """
    size = sum(array.nbytes for part in arrays.values() for array in part.values())
    return int(_FEW_NODES + size // _BYTES_A_NODE + layers * _NODES_A_LAYER)


def grouped(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arrays by the part of the model they belong to: `params`, `kept/3/state`, `functions/0`.

    Reading a part looks at its own arrays alone, however many parts there are.

    Raises:
        DataError: for an array that belongs to no part.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        words = name.split("/", _PARTS.get(name.partition("/")[0], 0))
        if len(words) == 1 or len(words) <= _PARTS[words[0]]:
            raise DataError("load", f"no part of a model is called {name!r}")
        found.setdefault("/".join(words[:-1]), {})[words[-1]] = array
    return found


def _array(where: str, name: str, file: Any, array: np.ndarray[Any, Any]) -> Any:
    """`array` filled from where `file` stands."""
    data = array.reshape(-1).view(np.uint8)
    got = file.readinto(data)
    if got != array.nbytes:
        raise DataError(where, f"{name} must hold {array.nbytes} bytes, got {got}")
    if array.dtype == np.bool_ and data.size and data.max() > 1:
        raise DataError(where, f"{name} must hold 0 and 1, got {data.max()}")
    return array


def _decoded(where: str, data: bytes) -> str:
    if len(data) > _MAX_WIDE and not data.isascii():
        raise DataError(
            where, f"names must be ASCII in a header of {len(data):,} bytes, got other letters"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(where, "the header must be UTF-8, got something else") from None


def _check_text(where: str, text: str, size: int) -> None:
    """Refuses JSON whose values would take much more memory than the file has bytes."""
    need = sys.getsizeof(text) + sum(
        text.count(mark) * bytes_ for mark, bytes_ in ((",", 40), ('"', 30), ("[", 90), ("{", 150))
    )
    most = _MAX_JSON + 2 * size
    if need > most:
        raise DataError(
            where,
            f"the values of a description may take {most:,} bytes, got about {need:,}",
            "Long lists belong in arrays, not in the description.",
        )


def _json(text: str) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def _header(where: str, prefix: bytes, file: Any, size: int) -> tuple[dict[str, Any], int]:
    if len(prefix) < 8:
        raise DataError(where, f"a model file has at least 8 bytes, got {len(prefix)}")
    (length,) = struct.unpack("<Q", prefix)
    if length > min(size - 8, _MAX_HEADER):
        raise DataError(
            where,
            f"the header says {length:,} bytes, the file holds {size - 8:,} after its first 8",
            "The file is truncated, or is not a safetensors file.",
        )
    text = _decoded(where, file.read(length))
    _check_text(where, text, size)
    try:
        header = _json(text)
    except (ValueError, RecursionError):
        raise DataError(where, "the header must be JSON, got something else") from None
    if not isinstance(header, dict):
        raise DataError(where, "the header must be a JSON object, got something else")
    return header, 8 + length


def _table(
    where: str, header: Mapping[str, Any], size: int
) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]:
    """Name → (dtype, shape, first byte, last byte), after checking that they tile the file."""
    table = {}
    for name, entry in header.items():
        try:
            dtype = np.dtype(BY_NAME[_SAFETENSORS[entry["dtype"]]].name).newbyteorder("<")
            shape = tuple(entry["shape"])
            first, last = entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise DataError(where, f"the entry of {name} is not well formed") from None
        if not all(type(n) is int and 0 <= n < 2**63 for n in (*shape, first, last)):
            raise DataError(where, f"the entry of {name} must hold whole numbers from 0 to 2⁶³")
        if len(shape) > MAX_AXES:
            raise DataError(where, f"{name} has at most {MAX_AXES} axes, got {len(shape)}")
        if math.prod(max(n, 1) for n in shape) * dtype.itemsize > _MOST_ADDRESSES:
            raise DataError(where, f"{name} has axes longer than an array can have")
        need = math.prod(shape) * dtype.itemsize
        if need != last - first or last > size:
            raise DataError(
                where,
                f"{name} must hold {need:,} bytes within {size:,}, got bytes {first:,} to {last:,}",
                "The file is truncated or was changed.",
            )
        table[name] = (dtype, shape, first, last)
    end = 0
    for name, (_, _, first, last) in sorted(table.items(), key=lambda item: item[1][2:]):
        if first != end:
            raise DataError(where, f"{name} must start at byte {end:,}, got {first:,}")
        end = last
    if end != size:
        raise DataError(where, f"the arrays fill {end:,} bytes, the file holds {size:,}")
    return table


def _document(where: str, text: Any, size: int) -> dict[str, Any]:
    if not isinstance(text, str):
        raise DataError(
            where, "the file holds no Pellucid model", "Save one with model.save(path)."
        )
    _check_text(where, text, size)
    try:
        document = _json(text)
    except (ValueError, RecursionError):
        raise DataError(where, "the model's description must be JSON, got something else") from None
    if not isinstance(document, dict):
        raise DataError(where, "the model's description must be a JSON object")
    version = document.get("format")
    if type(version) is not int or version < 1:
        raise DataError(where, f"the format must be a number ≥ 1, got {version!r}")
    if version > FORMAT:
        raise DataError(
            where,
            f"the file has format {version}, this version of Pellucid reads up to {FORMAT}",
            "Update Pellucid: pip install --upgrade pellucid.",
        )
    return document
