"""Arrow's C stream as NumPy arrays, for the columns that scan.py asks for.

In: a capsule `arrow_array_stream` of numbers without missing ones, or of lists of a fixed length of
such. Out: an array a column, batch after batch, in memory of its own. No package is needed: the
interface is two structures.

Source: https://arrow.apache.org/docs/format/CStreamInterface.html.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Field(NamedTuple):
    """A column: its numbers, and how many stand in a row; None where a row is one number."""

    dtype: np.dtype[Any]
    width: int | None = None


class _Array(ctypes.Structure):
    """ArrowArray."""


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    """ArrowArrayStream."""


_Stream._fields_ = [
    ("get_schema", ctypes.c_void_p),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


def batches(capsule: Any, fields: Sequence[Field], most: int) -> Iterator[tuple[Array, ...]]:
    """The columns of a stream, at most `most` rows at a time.

    Raises:
        OSError: what the stream says where it fails.
    """
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b"arrow_array_stream")
    stream = ctypes.cast(address, ctypes.POINTER(_Stream)).contents
    while True:
        found = _Array()
        if stream.get_next(ctypes.byref(stream), ctypes.byref(found)):
            said = stream.get_last_error(ctypes.byref(stream))
            raise OSError((said or b"it ended").decode("utf-8", "replace"))
        if not found.release:
            return
        try:
            views = [
                _view(found.children[i].contents, field, found.offset, found.length)
                for i, field in enumerate(fields)
            ]
            for start in range(0, found.length, most):
                yield tuple([view[start : start + most].copy() for view in views])
        finally:
            found.release(ctypes.byref(found))


def _view(column: _Array, field: Field, skipped: int, rows: int) -> Array:
    """The numbers of a column where they stand."""
    first, count = column.offset + skipped, rows
    if field.width is not None:
        column = column.children[0].contents
        first, count = first * field.width + column.offset, rows * field.width
    size = field.dtype.itemsize
    memory = (ctypes.c_char * (count * size)).from_address(column.buffers[1] + first * size)
    view: Array = np.frombuffer(memoryview(memory), field.dtype)
    return view if field.width is None else view.reshape(rows, field.width)
