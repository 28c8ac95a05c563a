"""Data: arrays at the door, minibatches, splits, IDX files and the bundled digits."""

from pellucid.data.datasets import Dataset, load_digits, load_idx_folder, split
from pellucid.data.idx import read_idx, write_idx

__all__ = ["Dataset", "load_digits", "load_idx_folder", "read_idx", "split", "write_idx"]
