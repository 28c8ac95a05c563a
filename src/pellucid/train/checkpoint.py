"""One safetensors file, written whole or not at all, and read without running anything.

Out: arrays by name, and one JSON document in the file's metadata. A file is written beside its
place, flushed to the disk and renamed, so a kill at any moment leaves the old file or the new one.
"""

from __future__ import annotations

import json
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.dtypes import BY_NAME
from pellucid.core.errors import ArgumentError, DataError
from pellucid.core.files import as_path, check_target, write_atomically
from pellucid.core.forks import importing

FORMAT = 1  # of the document; a reader refuses a newer one by name
_KEY = "pellucid"
_MAX_HEADER = 64 * 2**20  # bytes
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
    """
    with importing:
        from safetensors.numpy import save

    target = check_target(path, overwrite)
    text = json.dumps({"format": FORMAT, **document}, allow_nan=False)
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = save(tensors, metadata={_KEY: text})
    try:
        write_atomically(target, data)
    except OSError as error:
        raise ArgumentError(f'save "{target}"', f"the file cannot be written: {error}") from None


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
        size = found.st_size
        with source.open("rb") as file:
            header, start = _header(where, file.read(8), file, size)
            table = _table(where, header, size - start)
            text = header.get("__metadata__", {}).get(_KEY)
            document = _document(where, text)
            arrays = {}
            for name, (dtype, shape, first, last) in table.items():
                file.seek(start + first)
                data = file.read(last - first)
                if len(data) != last - first:
                    raise DataError(
                        where, f"{name} must hold {last - first} bytes, got {len(data)}"
                    )
                arrays[name] = np.frombuffer(bytearray(data), dtype).reshape(shape)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(where, f"the file cannot be read: {reason}") from None
    return arrays, document


def _header(where: str, prefix: bytes, file: Any, size: int) -> tuple[dict[str, Any], int]:
    if len(prefix) < 8:
        raise DataError(where, f"a model file has at least 8 bytes, got {len(prefix)}")
    (length,) = struct.unpack("<Q", prefix)
    if length > min(size - 8, _MAX_HEADER):
        raise DataError(
            where,
            f"the header says {length:,} bytes, the file holds {size - 8:,} behind its first 8",
            "The file is truncated, or no safetensors file.",
        )
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise DataError(where, "the header must be JSON, got something else") from None
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise DataError(where, "the header must be a safetensors header, got something else")
    return header, 8 + length


def _table(
    where: str, header: Mapping[str, Any], size: int
) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]:
    """Name → (dtype, shape, first byte, last byte), after checking that they tile the file."""
    table = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype = np.dtype(BY_NAME[_SAFETENSORS[entry["dtype"]]].name).newbyteorder("<")
            shape = tuple(entry["shape"])
            first, last = entry["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*shape, first, last))
        except (KeyError, TypeError, ValueError):
            raise DataError(where, f"the entry of {name} is not well formed") from None
        if not whole:
            raise DataError(where, f"the entry of {name} must hold whole numbers ≥ 0")
        need = dtype.itemsize
        for dim in shape:
            need *= dim
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


def _document(where: str, text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        raise DataError(
            where, "the file holds no Pellucid model", "Save one with model.save(path)."
        )
    try:
        document = json.loads(text)
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
