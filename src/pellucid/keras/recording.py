"""keras.callbacks that write models: behind epochs or steps, and for a run to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame
from pellucid.keras.arguments import refuse
from pellucid.keras.callback import Callback, Monitor


class _Every:
    """When files are written: behind each epoch, or behind so many steps.

    Attributes:
        steps: how many; None for epochs.
    """

    def __init__(self, where: str, given: Any):
        if not isinstance(given, str) or given != "epoch":
            integer(f"keras.callbacks.{where}", "save_freq", given, 1)
        self.steps = None if isinstance(given, str) else int(given)
        self._seen = 0

    def is_due(self) -> bool:
        """Whether this step is one."""
        self._seen += 1
        return self.steps is not None and self._seen % self.steps == 0


class ModelCheckpoint(Monitor):
    """As keras.callbacks.ModelCheckpoint."""

    @blame.kinds("callbacks.ModelCheckpoint", verbose=blame.LEVEL)
    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self._every = _Every("ModelCheckpoint", save_freq)
        if self._every.steps is None:
            self._idle = (ModelCheckpoint.on_train_batch_end,)
        self._follow("ModelCheckpoint", monitor, mode, 0)
        self.filepath, self.verbose = str(filepath), verbose
        wanted = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(wanted):
            raise ArgumentError(
                "keras.callbacks.ModelCheckpoint", f"filepath must end in {wanted}, got {filepath}"
            )
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._every.is_due():
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._every.steps is None:
            self._save(epoch, dict(logs or {}))

    def _save(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._better(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=epoch + 1, **logs)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)


class BackupAndRestore(Callback):
    """As keras.callbacks.BackupAndRestore: `fit` goes on at the epoch where a run was cut off.

    The file has the weights, the state of layers, and what the optimizer remembers.
    """

    @blame.kinds("callbacks.BackupAndRestore")
    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        where = "keras.callbacks.BackupAndRestore"
        if not str(backup_dir):
            raise ArgumentError(where, "backup_dir must name a folder, got ''")
        if double_checkpoint is not False:
            why = "a file is replaced by the next one whole, or not at all"
            refuse("callbacks.BackupAndRestore", "double_checkpoint", double_checkpoint, why)
        self.backup_dir, self.delete_checkpoint = Path(backup_dir), delete_checkpoint
        self._every = _Every("BackupAndRestore", save_freq)
        if self._every.steps is None:
            self._idle = (BackupAndRestore.on_train_batch_end,)

    def on_train_begin(self, logs: Any = None) -> None:
        files = list(self.backup_dir.glob("epoch_*.keras")) if self.backup_dir.is_dir() else []
        if files:
            newest = max(files, key=lambda one: one.stat().st_mtime_ns)
            self.model.go_on_from(newest, int(newest.stem.removeprefix("epoch_")))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._every.is_due():
            self._save(self._epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._every.steps is None:
            self._save(epoch + 1)

    def _save(self, epoch: int) -> None:
        """Writes the model, of which so many epochs are done."""
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        path = self.backup_dir / f"epoch_{epoch}.keras"
        self.model.save(path, overwrite=True)
        for old in self.backup_dir.glob("epoch_*.keras"):
            if old != path:
                old.unlink()

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            for old in self.backup_dir.glob("epoch_*.keras"):
                old.unlink()
            if self.backup_dir.is_dir() and not any(self.backup_dir.iterdir()):
                self.backup_dir.rmdir()
