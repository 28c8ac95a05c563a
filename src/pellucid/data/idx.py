"""IDX files, the format of MNIST: a header of sizes, then the numbers, big-endian.

What a header claims is checked against the bytes that are there before anything is allocated; a
compressed file is unpacked no further than its header says.

Source: the description at the end of LeCun's MNIST page.
"""

from __future__ import annotations

import gzip
import math
import stat
import struct
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import DataError, DTypeError, ShapeError
from pellucid.core.files import as_path, check_target, write_atomically

Array = np.ndarray[Any, Any]

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_AXES = 8
_MAX_BYTES = 4 * 2**30
_MAX_ADDRESSES = 2**63 - 1  # NumPy's limit, for empty arrays too
_PIECE = 2**20


def read_idx(path: str | Path, *, max_bytes: int = _MAX_BYTES) -> Array:
    """The array in an IDX file, gzipped or not, in native byte order.

    Args:
        max_bytes: the most that a header may claim, 4 GiB unless told otherwise.

    Raises:
        DataError: for a file that is missing, no IDX file, truncated, too long, or a compressed
            file whose content does not end where its header says.
    """
    source = as_path("idx", path)
    integer("idx", "max_bytes", max_bytes, 0)
    where = f'idx "{source.name}"'
    try:
        state = source.stat()
        if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
            raise DataError(where, f"{source} must be a file, got a pipe or a device")
        size = state.st_size
        with source.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as file:
                    return _read(where, cast(IO[bytes], file), None, max_bytes)
            return _read(where, raw, size, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            where, f"the gzip data are broken: {error}", "Copy the file again."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(where, f"the file {source} cannot be read: {reason}") from None


def _read(where: str, file: IO[bytes], size: int | None, most: int) -> Array:
    prefix = file.read(4)
    if len(prefix) < 4 or prefix[:2] != b"\0\0" or prefix[2] not in _DTYPES:
        raise DataError(
            where,
            f"an IDX file starts with 00 00 and a type, got {prefix.hex(' ') or 'nothing'}",
            "Write an array as one with pellucid.data.write_idx(path, array).",
        )
    dtype, rank = np.dtype(_DTYPES[prefix[2]]), prefix[3]
    if not 1 <= rank <= _MAX_AXES:
        raise DataError(where, f"an IDX file has 1 to {_MAX_AXES} axes, got {rank}")
    header = file.read(4 * rank)
    if len(header) < 4 * rank:
        raise DataError(where, f"the header must have {4 * rank} bytes of sizes, got {len(header)}")
    shape = struct.unpack(f">{rank}I", header)
    need = math.prod(shape) * dtype.itemsize
    claim = f"the header says {'×'.join(map(str, shape))} = {need:,} bytes"
    if need > most:
        raise DataError(
            where,
            f"{claim}, more than the {most:,} that are read",
            "If you trust the file, pass read_idx(…, max_bytes=…).",
        )
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize > _MAX_ADDRESSES:
        raise DataError(where, f"{claim}, in axes longer than an array can have")
    if size is not None and size - 4 - 4 * rank != need:
        got = size - 4 - 4 * rank
        state = "truncated: copy it again" if got < need else "longer than its header says"
        raise DataError(where, f"{claim}, the file holds {got:,}", f"The file is {state}.")
    data = _read_exactly(where, file, need, claim)
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_exactly(where: str, file: IO[bytes], need: int, claim: str) -> bytearray:
    """Exactly `need` bytes, piece by piece: memory grows with what is there, not with the claim."""
    data = bytearray()
    while len(data) < need:
        piece = file.read(min(_PIECE, need - len(data)))
        if not piece:
            raise DataError(
                where,
                f"{claim}, the file holds {len(data):,}",
                "The file is truncated: copy it again.",
            )
        data += piece
    if file.read(1):
        raise DataError(where, f"{claim}, the file holds more", "Do not trust this file.")
    return data


def write_idx(path: str | Path, array: Any, *, overwrite: bool = False) -> None:
    """Writes an array as an IDX file, gzipped where the name ends in .gz.

    Raises:
        DTypeError: for a dtype that IDX does not know, and for masked arrays.
        ShapeError: for rows of unequal length.
        ArgumentError: if the file exists and `overwrite` is False.
    """
    target = check_target(path, overwrite)
    where = f'idx "{target.name}"'
    if isinstance(array, np.ma.MaskedArray):
        raise DTypeError(where, "an IDX file holds no mask, got a masked array", "Fill it first.")
    try:
        values = np.asarray(array)
    except ValueError:
        raise ShapeError(where, "an IDX file holds an array, got rows of unequal length") from None
    codes = {np.dtype(name).newbyteorder("=").name: code for code, name in _DTYPES.items()}
    if values.dtype.name not in codes or not 1 <= values.ndim <= _MAX_AXES:
        raise DTypeError(
            where,
            f"an IDX file holds {', '.join(codes)} in 1 to {_MAX_AXES} axes, got "
            f"{values.dtype.name}{shapes.text(values.shape)}",
        )
    code = codes[values.dtype.name]
    header = bytes([0, 0, code, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    data = header + values.astype(_DTYPES[code]).tobytes()
    packed = gzip.compress(data, mtime=0) if target.suffix == ".gz" else data
    write_atomically(target, packed, overwrite=overwrite)
