"""What a callback of Keras is, several as one, and the History."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.core import display
from pellucid.core.errors import ArgumentError
from pellucid.keras import blame
from pellucid.keras.arguments import refuse
from pellucid.keras.members import unknown_member
from pellucid.viz.progress import progress
from pellucid.viz.svg import Picture

BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
TEST = ("on_test_batch_begin", "on_test_batch_end")
PREDICT = ("on_predict_batch_begin", "on_predict_batch_end")


class Callback:
    """What happens between steps: define the hooks that you need.

    Attributes:
        model: the model; params: {"epochs", "steps", "verbose"}.
        reads_weights: whether hooks of epochs may look at more than their logs; short epochs of a
            run whose callbacks do not are trained several in one go.
    """

    reads_weights = True
    _idle: tuple[Any, ...] = ()  # hooks of steps that do nothing as this one was made

    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        return self.__dict__.get("_model")

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """Behind the last one."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch, from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Behind an epoch, with what it measured."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Another name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Another name of on_train_batch_end."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Behind a step, with the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Before validation, or evaluate."""

    def on_test_end(self, logs: Any = None) -> None:
        """Behind it."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before predict."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Behind it."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of evaluate, or of validation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Behind it, with the measures of all rows so far."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Behind it, with {"outputs": what the model returns of the batch}."""


def hears(one: Callback, *hooks: str) -> bool:
    """Whether a callback does something in one of these hooks of steps."""
    for name in hooks:
        own = getattr(type(one), name)
        if name in vars(one) or (own is not getattr(Callback, name) and own not in one._idle):
            return True
    return False


def sees_batches(one: Callback, hooks: Sequence[str] = BATCH) -> bool:
    """Whether a callback has a hook of single steps, or another one of these."""
    return hears(one, *hooks)


def acts(one: Callback) -> bool:
    """Whether hooks of epochs do more than follow measures, so that epochs come one by one."""
    return one.reads_weights or type(one).on_epoch_begin is not Callback.on_epoch_begin


def as_callbacks(given: Any) -> list[Callback]:
    """Callbacks as a list.

    Raises:
        ArgumentError: for what is none.
    """
    if given is None:
        return []
    several = given.callbacks if isinstance(given, CallbackList) else given
    listed = list(several) if isinstance(several, (list, tuple)) else [several]
    for one in listed:
        if not isinstance(one, Callback):
            raise ArgumentError(
                "keras.callbacks",
                f"callbacks must be instances of keras.callbacks.Callback, got {blame.shown(one)}",
                f"Write {one.__name__}()." if isinstance(one, type) else "",
            )
    return listed


class CallbackList:
    """Several callbacks as one."""

    @blame.kinds("callbacks.CallbackList")
    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        if add_progbar:
            refuse("callbacks.CallbackList", "add_progbar", True, "fit prints by verbose")
        self.callbacks = as_callbacks(callbacks)
        if add_history:
            self.callbacks.append(History())
        for one in self.callbacks:
            one.set_params(params)
            if model is not None:
                one.set_model(model)

    def __getattr__(self, hook: str) -> Callable[..., None]:
        if not hook.startswith("on_"):
            raise AttributeError(hook)

        def call(*args: Any) -> None:
            for one in self.callbacks:
                getattr(one, hook)(*args)

        return call


class History(Callback):
    """The curves of a run.

    Attributes:
        history: {"loss": […], …}; epoch: the numbers of the epochs.
    """

    reads_weights = False

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self._taken: dict[str, list[int]] = {}  # the epoch of each number

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._taken.setdefault(name, []).append(epoch)

    def plot(self) -> Picture:
        """The curves of the epochs: a panel for each measure, with validation beside training."""
        return progress(*self.__pellucid_curves__())

    def __pellucid_curves__(self) -> tuple[dict[str, list[float]], list[int]]:
        """What `pel.draw` draws of a run, and the numbers of its epochs."""
        curves = {}
        for name, values in self.history.items():
            known = dict(zip(self._taken.get(name, self.epoch), values, strict=False))
            curves[name] = [known.get(epoch, math.nan) for epoch in self.epoch]
        return curves, [epoch + 1 for epoch in self.epoch]

    def __pellucid_steps__(self) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """What it draws of its steps: none is kept."""
        return {}, {}

    def _repr_svg_(self) -> str | None:
        """The curves in a notebook."""
        return display.svg(self)


class Monitor(Callback):
    """Follows a measure of the epochs."""

    def _follow(self, where: str, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(mode, str) or mode not in ("auto", "min", "max"):
            raise ArgumentError(
                f"keras.callbacks.{where}", f"mode must be auto, min or max, got {mode!r}"
            )
        self.monitor, self.mode, self._name = monitor, mode, where
        self.min_delta = abs(min_delta)

    @property
    def _sign(self) -> float:
        """1 where less is better, -1 where more is: by `mode`, or by the metric as Keras knows it.

        Raises:
            ArgumentError: where neither says it.
        """
        name = self.monitor.removeprefix("val_")
        if self.mode == "auto" and name != "loss":
            known = {"": ""} if self.model is None else self.model.directions()
            if not known.get(name):
                raise ArgumentError(
                    f"keras.callbacks.{self._name}",
                    f"whether more or less of {self.monitor!r} is better is not known",
                    "Write mode='max' or mode='min'.",
                )
            return -1.0 if known[name] == "max" else 1.0
        return -1.0 if self.mode == "max" else 1.0

    def _value(self, logs: Mapping[str, float]) -> float | None:
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("val_") and "loss" in logs and self._awaits(logs):
            return None
        raise ArgumentError(
            f"keras.callbacks.{self._name}",
            f"monitor must be one of {', '.join(logs)}, got {self.monitor!r}",
            "Give fit validation_data, or compile with the metric.",
        )

    def _awaits(self, logs: Mapping[str, float]) -> bool:
        """Whether this epoch alone is without validation."""
        return bool(self.model.validates)

    def _better(self, value: float, best: float | None, delta: float = 0.0) -> bool:
        sign = self._sign  # where it is not known, the first epoch says so
        return best is None or sign * value < sign * best - delta
