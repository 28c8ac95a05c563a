"""keras.datasets: Keras downloads them, and Pellucid does not; what to do stands in the error."""

from __future__ import annotations

from typing import Any, NoReturn

from pellucid.core.errors import ArgumentError
from pellucid.core.names import unknown_names

_FIXES = {
    "mnist": "pel.data.load_idx_folder(path) reads its files; pel.data.digits() are made here",
    "fashion_mnist": "pel.data.load_idx_folder(path) reads its files",
    "boston_housing": "Read the file by pel.data.read_table(path)",
    "california_housing": "Read the file by pel.data.read_table(path)",
    "imdb": "Give arrays of word numbers",
    "reuters": "Give arrays of word numbers",
    "cifar10": "Give arrays",
    "cifar100": "Give arrays",
}


class _Absent:
    """A data set that would have to be fetched."""

    def __init__(self, name: str):
        self._name = name

    def load_data(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises the error that says where data come from."""
        raise ArgumentError(
            f"keras.datasets.{self._name}",
            "load_data() downloads, which Pellucid does not",
            f"{_FIXES[self._name]}.",
        )


globals().update({name: _Absent(name) for name in _FIXES})
__all__ = sorted(_FIXES)  # pyright: ignore
__getattr__ = unknown_names("pellucid.keras.datasets", __all__)
