"""A model as files: whole, its weights alone, and where a run that was cut off goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pellucid import models as ours
from pellucid.core import notices
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame, stepping
from pellucid.keras.arguments import refuse
from pellucid.keras.stateless import Stateless
from pellucid.tables import load

_ZIP = b"PK\x03\x04"
# What files of others begin with.
_OTHERS = {_ZIP: "a zip archive, as Keras writes", b"\x89HDF": "a file of HDF5"}


class Files(Stateless):
    """A model that is written and read."""

    @blame.kinds("Model.save")
    def save(
        self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any
    ) -> None:
        """Writes a file of ours under this name, which ends in .keras; see load_model, pel.load."""
        _check_ending("save", filepath, ".keras")
        if zipped is not None:
            refuse("Model.save", "zipped", zipped, "the file is one of safetensors")
        for name, value in kwargs.items():
            refuse("Model.save", name, value)
        network = self.network()
        own = stepping.owns(self, "fit")
        if self._compiled is not None and not (own and self.loss is None):
            self.optimizer.check_file()
            self._configure("save")
        elif not network.compiled and self._frozen():
            notices.once(
                "[keras.save] a model that is not compiled goes into its file without trainable: "
                "what load_model gives is trained in all layers. Set it there again, or compile "
                "first."
            )
        if own and self.optimizer.holds_numbers:
            notices.once(
                "[keras.save] the file has no state of the optimizer, which a train_step of your "
                "own has trained with: write the arrays of model.optimizer.variables beside it."
            )
        network.save(filepath, overwrite=overwrite)

    @blame.kinds("Model.save_weights")
    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None
    ) -> None:
        """Writes the arrays, as NumPy's .npz under this name, which ends in .weights.h5."""
        if max_shard_size is not None:
            refuse("Model.save_weights", "max_shard_size", max_shard_size, "one file holds all")
        _check_ending("save_weights", filepath, ".weights.h5")
        path = Path(filepath)
        if path.exists() and not overwrite:
            raise ArgumentError(
                "keras.save_weights", f"the file {path} exists", "Give overwrite=True."
            )
        self.network()
        with path.open("wb") as file:
            np.savez(file, *self.get_weights())

    @blame.kinds("Model.load_weights")
    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads what `save_weights` wrote."""
        for name, value in {"skip_mismatch": skip_mismatch, **kwargs}.items():
            if value:
                refuse("Model.load_weights", name, value, "all arrays must fit")
        refuse_others("load_weights", filepath, zipped=True)  # NumPy's own files are archives
        try:
            file = np.load(filepath, allow_pickle=False)
            arrays = [file[f"arr_{n}"] for n in range(len(file.files))]
            file.close()
        except Exception as error:  # whatever a file of another kind leads to
            why = f": {error.strerror}" if isinstance(error, OSError) else ""
            raise ArgumentError(
                "keras.load_weights",
                f"filepath must be a file of save_weights, got {filepath}{why}",
                "Of a whole model: model.set_weights(load_model(path).get_weights()).",
            ) from None
        self.set_weights(arrays)

    def go_on_from(self, path: Any, epoch: int) -> None:
        """The weights of a file and what its run remembered; `fit` begins at this epoch."""
        network, there = self.network(), load(path)
        assert isinstance(there, ours.Model), "such a file has a model"
        network.set_weights(there.get_weights())
        network.state = there.state
        network.slots = there.slots
        network.training["step"] = there.training.get("step", 0)
        self._first_epoch = epoch


def _check_ending(where: str, filepath: Any, ending: str) -> None:
    """Refuses a name with another ending than Keras's."""
    if not str(filepath).endswith(ending):
        old = where == "save" and str(filepath).endswith((".h5", ".hdf5"))
        raise ArgumentError(
            f"keras.{where}",
            f"filepath must end in {ending}, got {filepath}"
            + (": files of HDF5 are outside" if old else ""),
            f"Write {Path(filepath).stem}{ending}.",
        )


def refuse_others(where: str, filepath: Any, zipped: bool = False) -> None:
    """Refuses a file that Keras itself wrote.

    Args:
        zipped: whether a file of ours may be an archive.
    """
    try:
        with Path(filepath).open("rb") as file:
            first = file.read(4)
    except (OSError, ValueError):  # which the reader of our own files tells
        return
    if first in _OTHERS and not (zipped and first == _ZIP):
        raise ArgumentError(
            f"keras.{where}",
            f"filepath must be a file that Pellucid wrote, got {_OTHERS[first]}: {filepath}",
            "Build the network here, and give set_weights the arrays of Keras's get_weights.",
        )
