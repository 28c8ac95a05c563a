"""keras.callbacks: stopping, rates, files, logs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.core.signals import deferred, immediate
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.callback import Callback, CallbackList, History, Monitor
from pellucid.keras.recording import BackupAndRestore, ModelCheckpoint
from pellucid.train.logs import TensorBoardLog

R = TypeVar("R")


class EarlyStopping(Monitor):
    """As keras.callbacks.EarlyStopping."""

    @blame.kinds("callbacks.EarlyStopping", verbose=blame.LEVEL)
    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self._follow("EarlyStopping", monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.reads_weights = restore_best_weights
        self.on_train_begin()

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self._value(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._better(value, self.best, self.min_delta):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._better(value, self.baseline, self.min_delta):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of epoch {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """As keras.callbacks.ReduceLROnPlateau."""

    reads_weights = False

    @blame.kinds("callbacks.ReduceLROnPlateau", verbose=blame.LEVEL, factor=blame.NUMBER)
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__()
        if factor >= 1.0:
            raise ArgumentError(
                "keras.callbacks.ReduceLROnPlateau", f"factor must be < 1, got {factor}"
            )
        self._follow("ReduceLROnPlateau", monitor, mode, min_delta)
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: Any = None) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self._value(logs or {})
        rate = self.model.optimizer.learning_rate
        if logs is not None:
            logs["learning_rate"] = float(rate)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(value, self.best, self.min_delta):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                new = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = new
                if self.verbose > 0:
                    print(
                        f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}."
                    )
                self.cooldown_counter, self.wait = self.cooldown, 0


class LearningRateScheduler(Callback):
    """As keras.callbacks.LearningRateScheduler."""

    reads_weights = False

    @blame.kinds("callbacks.LearningRateScheduler", verbose=blame.LEVEL)
    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:
            rate = self.schedule(epoch)
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class LambdaCallback(Callback):
    """As keras.callbacks.LambdaCallback."""

    @blame.kinds("callbacks.LambdaCallback")
    def __init__(
        self,
        on_epoch_begin: Any = None,
        on_epoch_end: Any = None,
        on_train_begin: Any = None,
        on_train_end: Any = None,
        on_train_batch_begin: Any = None,
        on_train_batch_end: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for name, function in given.items():
            if not hasattr(Callback, name):
                refuse("callbacks.LambdaCallback", name, function, "no hook has this name")
            if function is not None and not callable(function):
                raise ArgumentError(
                    "keras.callbacks.LambdaCallback", f"{name} must be a function, got {function!r}"
                )
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Ends the run where the loss is no longer finite, without an error."""

    reads_weights = False

    @blame.kinds("callbacks.TerminateOnNaN")
    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error


class SwapEMAWeights(Callback):
    """Validation, evaluate and predict take the averages of the weights in their place.

    With `swap_on_epoch` callbacks behind this one find them in the model behind an epoch, too.
    """

    reads_weights = False

    @blame.kinds("callbacks.SwapEMAWeights")
    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.reads_weights = swap_on_epoch

    def set_model(self, model: Any) -> None:
        if model.optimizer is None or model.optimizer.inner.average is None:
            raise ArgumentError(
                "keras.callbacks.SwapEMAWeights",
                "the model must be compiled with an optimizer of averages, got none",
                "Write Adam(use_ema=True).",
            )
        super().set_model(model)


def swapped(model: Any, callbacks: Sequence[Callback], measured: Callable[[], R]) -> R:
    """What `measured` returns, with the averages in the place of the weights meanwhile.

    Only where a callback asks for them. Ctrl-C is heard while the averages are used, not while
    either is put into its place.
    """
    if not any(isinstance(one, SwapEMAWeights) for one in callbacks):
        return measured()
    network = model.trained_network()
    averages = None if network is None else network.averages
    if averages is None:
        return measured()
    held = network.get_weights()
    with deferred():
        try:
            network.set_weights(averages)
            with immediate():
                return measured()
        finally:
            network.set_weights(held)


class CSVLogger(Callback):
    """As keras.callbacks.CSVLogger."""

    reads_weights = False

    @blame.kinds("callbacks.CSVLogger")
    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        if len(separator) != 1:
            raise ArgumentError(
                "keras.callbacks.CSVLogger", f"separator must be one character, got {separator!r}"
            )
        self.filename, self.separator, self.append = Path(filename), separator, append
        self._keys: list[str] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.append:
            self.filename.write_text("")
        self._keys = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        new = self._keys is None and not (
            self.append and self.filename.exists() and self.filename.stat().st_size
        )
        if self._keys is None:
            self._keys = sorted(logs)
            if "val_loss" not in logs and self.model.validates:
                self._keys += [f"val_{one}" for one in self._keys]
        with self.filename.open("a", newline="") as file:
            writer = csv.DictWriter(
                file, ["epoch", *self._keys], delimiter=self.separator, lineterminator="\n",
                extrasaction="ignore",
            )  # fmt: skip
            if new:
                writer.writeheader()
            writer.writerow({"epoch": epoch, **{one: logs.get(one, "NA") for one in self._keys}})


class TensorBoard(Callback):
    """The curves as TensorBoard reads them."""

    reads_weights = False

    @blame.kinds("callbacks.TensorBoard")
    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        where = "callbacks.TensorBoard"
        for name, value, plain in (
            ("histogram_freq", histogram_freq, 0), ("write_images", write_images, False),
            ("write_steps_per_second", write_steps_per_second, False),
            ("profile_batch", profile_batch, 0), ("embeddings_freq", embeddings_freq, 0),
            ("embeddings_metadata", embeddings_metadata, None),
        ):  # fmt: skip
            permit(where, name, value, plain, why="curves are written, nothing else")
        permit(where, "update_freq", update_freq, "epoch", why="curves are of epochs")
        self._log = TensorBoardLog(log_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for word, held in (("train", False), ("validation", True)):
            row = {
                f"epoch_{name.removeprefix('val_')}": value
                for name, value in (logs or {}).items()
                if name.startswith("val_") is held
            }
            if row:
                self._log.write(word, epoch, row)

    def on_train_end(self, logs: Any = None) -> None:
        self._log.close()


_KNOWN = {
    one.__name__: one
    for one in (
        *(BackupAndRestore, CSVLogger, Callback, CallbackList, EarlyStopping, History),
        *(LambdaCallback, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau),
        *(SwapEMAWeights, TensorBoard, TerminateOnNaN),
    )
}
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("callbacks", __all__)
