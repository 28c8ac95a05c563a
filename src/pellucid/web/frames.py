"""Binary messages to the page: a header of JSON, then arrays of float32.

    4 bytes: the header's length, little-endian · header, filled with blanks to a multiple of 4 ·
    the arrays one after the other

The header's "arrays" says of each its name and its shape.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A message; what is not finite in the header becomes null, which JSON has."""
    listed = [[name, list(array.shape)] for name, array in arrays.items()]
    text = to_json({**header, "arrays": listed}).encode()
    text += b" " * (-len(text) % 4)
    parts = [np.ascontiguousarray(array, "<f4").tobytes() for array in arrays.values()]
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `pack` was given."""
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    place, arrays = 4 + length, {}
    for name, shape in header.pop("arrays"):
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(message, "<f4", count, place).reshape(shape)
        place += 4 * count
    return header, arrays


def to_json(value: Any) -> str:
    """JSON of plain values; numbers that are not finite become null."""
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
