"""Data: tables from files and frames, arrays at the door, minibatches, IDX files, the digits."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.data import elsewhere
from pellucid.data.datasets import Dataset, load_digits, load_idx_folder, split
from pellucid.data.idx import read_idx, write_idx
from pellucid.data.plane import features, points
from pellucid.data.reading import read_table
from pellucid.data.schema import Schema
from pellucid.data.table import Table
from pellucid.data.table_stream import stream_table

__all__ = [
    "Dataset",
    "Schema",
    "Table",
    "features",
    "load_digits",
    "load_idx_folder",
    "points",
    "read_idx",
    "read_table",
    "split",
    "stream_table",
    "write_idx",
]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.data", __all__, elsewhere.NAMES)
