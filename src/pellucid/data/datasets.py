"""Whole data sets: the bundled digits, folders of IDX files, and the split by a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import integer, real
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, DataError, DTypeError, ShapeError, TooLargeError
from pellucid.core.files import as_path
from pellucid.data.arrays import as_array
from pellucid.data.idx import read_idx
from pellucid.data.minibatch import order

Array = np.ndarray[Any, Any]

_MOST_ROWS = 2**32 - 1  # one word of 32 bits chooses the place of a row
_HERE = Path(__file__).parent
_PARTS = {
    "x_train": ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
    "y_train": ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
    "x_test": ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"),
    "y_test": ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels, training and test part.

    Args:
        x_train, x_test: (N, height, width) whole numbers.
        y_train, y_test: (N,) classes from 0.
        classes: how many classes there are.
        source: where the data come from, and their licence.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classes: int
    source: str

    def __post_init__(self) -> None:
        where = "Dataset"
        for name in ("name", "source"):
            if not isinstance(getattr(self, name), str):
                raise ArgumentError(where, f"{name} must be text, got {getattr(self, name)!r}")
        integer(where, "classes", self.classes, 1)
        for half in ("train", "test"):
            x, y = getattr(self, f"x_{half}"), getattr(self, f"y_{half}")
            for name, array in ((f"x_{half}", x), (f"y_{half}", y)):
                if not isinstance(array, np.ndarray):
                    raise DTypeError(where, f"{name} must be an array, got {array!r}")
                as_array(array, where, name)
            if x.ndim < 2 or y.shape != x.shape[:1]:
                raise ShapeError(
                    where,
                    f"x_{half} must be (N, …) and y_{half} (N,), got {shapes.text(x.shape)} and "
                    f"{shapes.text(y.shape)}",
                )

    def __repr__(self) -> str:
        size = "×".join(map(str, self.x_train.shape[1:]))
        return (
            f'Dataset "{self.name}": {len(self.x_train):,} rows of {size} for training, '
            f"{len(self.x_test):,} for testing, {self.classes} classes, from {self.source}"
        )


def split(n: int, fraction: float, seed: int) -> tuple[Array, Array]:
    """(rows kept, rows held out), a pure function of its arguments: nothing has seen the data yet.

    Args:
        fraction: the share held out, in (0, 1); at least one row stays on either side.
    """
    integer("split", "n", n, 2, _MOST_ROWS)
    real("split", "fraction", fraction, 0, 1, open_low=True, open_high=True)
    check_seed("split", seed)
    held = min(n - 1, max(1, round(n * fraction)))
    try:
        rows = order(n, seed, 0, "split")
    except MemoryError:
        raise TooLargeError("split", f"{n:,} rows must fit into memory") from None
    return np.sort(rows[held:]), np.sort(rows[:held])


def load_digits(seed: int = 0, fraction: float = 0.2) -> Dataset:
    """The bundled digits: 1,797 real 8×8 images with pixels 0 … 16, split by the seed.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (its test part),
    UCI Machine Learning Repository, 1998, doi 10.24432/C50P49, licence CC BY 4.0.
    """
    x, y = read_idx(_HERE / "digits-images.idx.gz"), read_idx(_HERE / "digits-labels.idx.gz")
    kept, held = split(len(x), fraction, seed)
    source = "UCI Optical Recognition of Handwritten Digits, Alpaydin and Kaynak 1998, CC BY 4.0"
    return Dataset("digits", x[kept], y[kept], x[held], y[held], 10, source)


def load_idx_folder(folder: str | Path) -> Dataset:
    """The four MNIST files in a folder, gzipped or not.

    Raises:
        DataError: where one is missing, or images and labels do not match.
    """
    place = as_path("idx folder", folder)
    try:
        present = sorted(item.name for item in place.iterdir())
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError("idx folder", f"the folder {place} cannot be read: {reason}") from None
    parts: dict[str, Array] = {}
    for part, names in _PARTS.items():
        found = [name + end for name in names for end in ("", ".gz") if name + end in present]
        if not found:
            shown = ", ".join(present[:6]) + (", …" if len(present) > 6 else "")
            raise DataError(
                "idx folder",
                f"{place} must hold {names[0]} or {names[0]}.gz, got {shown or 'an empty folder'}",
                "Put the four MNIST files there: train and t10k, images and labels.",
            )
        parts[part] = read_idx(place / found[0])
    for half in ("train", "test"):
        x, y = parts[f"x_{half}"], parts[f"y_{half}"]
        if y.ndim != 1 or x.ndim < 2 or len(x) != len(y) or len(x) == 0:
            raise DataError(
                "idx folder",
                f"{half} must have as many labels as images, got {x.shape} and {y.shape}",
            )
        if y.dtype.kind not in "iu" or int(y.min()) < 0:
            raise DataError("idx folder", f"{half} labels must be whole numbers ≥ 0")
    if parts["x_train"].shape[1:] != parts["x_test"].shape[1:]:
        raise DataError("idx folder", "training and test images must have one size")
    classes = 1 + max(int(parts["y_train"].max()), int(parts["y_test"].max()))
    if classes > len(parts["y_train"]) + len(parts["y_test"]):
        raise DataError(
            "idx folder",
            f"labels must count the classes from 0, got {classes - 1:,} among "
            f"{len(parts['y_train']) + len(parts['y_test']):,} labels",
            "Number them anew: names, y = np.unique(y, return_inverse=True).",
        )
    name = place.resolve().name
    return Dataset(name, **parts, classes=max(2, classes), source=str(place))
