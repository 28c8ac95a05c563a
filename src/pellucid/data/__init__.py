"""Data: arrays at the door, minibatches, splits, IDX files and the bundled digits."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.data import elsewhere
from pellucid.data.datasets import Dataset, load_digits, load_idx_folder, split
from pellucid.data.idx import read_idx, write_idx

__all__ = ["Dataset", "load_digits", "load_idx_folder", "read_idx", "split", "write_idx"]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.data", __all__, elsewhere.NAMES)
