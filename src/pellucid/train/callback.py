"""What a callback is: methods that a run calls between its steps, and what they see of the run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pellucid.core.arguments import accepts
from pellucid.core.errors import ArgumentError, nearest
from pellucid.train.history import History


class Run(Protocol):
    """One call of fit, as callbacks see it.

    A callback may set `stop` to end the run behind the current step, `rate_scale`, which the
    optimizer's learning rates are multiplied by, and `averages`: whether validation measures, and
    `keep` keeps, the averages of the weights that the optimizer makes.

    Attributes:
        logs: the averages of the epoch so far; behind an epoch, its row in the history.
        measures: what the last step measured of its own batch.
        epochs: how many there shall be.
        model: what is trained; `publish` gives it the arrays of the last step.
    """

    stop: bool
    rate_scale: float
    averages: bool
    logs: dict[str, float]
    measures: dict[str, float]
    model: Any

    @property
    def data(self) -> tuple[Any, ...]:
        """What is trained on: an array for each input, then targets and weights of rows."""

    @property
    def step(self) -> int:
        """Steps done since the first."""

    @property
    def epoch(self) -> int:
        """Epochs done."""

    @property
    def batch(self) -> int:
        """Steps done in this epoch."""

    @property
    def epochs(self) -> int: ...

    @property
    def evaluations(self) -> int:
        """How often this run has evaluated the objective: once a step, or as an optimizer needs."""

    @property
    def steps_per_epoch(self) -> int | None:
        """None in the first epoch of a stream, whose length is not known."""

    @property
    def awaited(self) -> Sequence[str]:
        """What epochs with validation measure besides."""

    def validates(self, epoch: int) -> bool:
        """Whether the epoch of this number, from 1, ends with validation."""

    @property
    def batch_size(self) -> int:
        """Rows a step in this epoch."""

    @property
    def history(self) -> History: ...

    @property
    def callbacks(self) -> Sequence[Callback]: ...

    @property
    def kept(self) -> Collection[int]:
        """Epochs whose weights are kept."""

    def publish(self, *, averages: bool = False) -> None:
        """Gives the model the arrays of the last whole step.

        Args:
            averages: whether the averages of the weights stand in their place.
        """

    def keep(self, epochs: Collection[int]) -> None:
        """Keeps the weights and state of this epoch, and of no earlier one but `epochs`."""

    def restore(self, epoch: int) -> None:
        """Gives the model other weights and state at the end: those of an epoch that was kept."""


SEEN = ("logs", "history", "epoch", "callbacks", "kept", "stop", "rate_scale", "keep", "restore")


def check_run(callback: Callback, run: Any) -> None:
    """Refuses what is no run, where a hook has failed with it."""
    missing = [name for name in SEEN if not hasattr(run, name)]
    if missing:
        raise ArgumentError(
            type(callback).__name__,
            f"run must be the run of a fit, got {run!r} without {missing[0]}",
            "Give the callback to fit, which calls its hooks: fit(…, callbacks=[callback]).",
        )


class Callback:
    """Base of all callbacks; every method does nothing by default.

    Whatever a method raises ends the run; `on_end` of all callbacks is called all the same.

    Attributes:
        every_step: whether `on_step` must see each step. Native training comes back to Python
            every 30 ms or so; a callback of your own that has an `on_step` is called at every step
            all the same, and that makes small networks slower.
        reads_model: whether the model must have the weights of an epoch when `on_epoch` is called.
            A callback that looks at the run alone says False, which saves copies; `run.publish()`
            gives the model its weights all the same.
        only_averages: whether `on_epoch` goes by `logs`, `epoch` and `step` alone. Where all
            callbacks say True, which those that read the model must not, and none has an
            `on_step`, short epochs run several in one go; those behind a stop, or a change of the
            rate, are taken back. The results are the same.
        first_only: of several processes that train together, whether the first one alone calls it,
            as for what prints or writes a file. Others are called in all of them, and must decide
            alike there.
    """

    reads_model: bool = True
    only_averages: bool = False
    first_only: bool = False

    @property
    def every_step(self) -> bool:
        return hears_steps(self)

    def on_start(self, run: Run) -> None:
        """Before the first step."""

    def on_step(self, run: Run) -> None:
        """After each training step, or, where `every_step` is false, after a slice of them."""

    def on_measured(self, run: Run) -> None:
        """As one with an epoch's row in the history, before any `on_epoch`: for what must know
        every row. Ctrl-C waits for its end.
        """

    def on_epoch(self, run: Run) -> None:
        """After each epoch and its validation."""

    def on_end(self, run: Run) -> None:
        """After the last step, also when training stops by an error or Ctrl-C."""


def hears_steps(callback: Callback) -> bool:
    """Whether a callback has an `on_step` of its own."""
    return getattr(callback.on_step, "__func__", None) is not Callback.on_step


class Elsewhere(Callback):
    """In the place of a callback that the first process calls: the run goes on as it does there."""

    def __init__(self, one: Callback):
        self.reads_model, self.only_averages = one.reads_model, one.only_averages
        self._every_step = one.every_step

    @property
    def every_step(self) -> bool:
        return self._every_step


HOOKS = "on_start", "on_step", "on_measured", "on_epoch", "on_end"
_MEANT = {  # Keras's hooks
    "on_train_begin": "on_start",
    "on_epoch_begin": "on_start (before the first epoch) or on_epoch (after each)",
    "on_batch_begin": "on_step (after each step)",
    "on_train_batch_begin": "on_step (after each step)",
    "on_batch_end": "on_step",
    "on_train_batch_end": "on_step",
    "on_test_end": "on_epoch",
    "on_validation_end": "on_epoch",
    "on_epoch_end": "on_epoch",
    "on_train_end": "on_end",
}
ELSEWHERE = {  # callbacks of Keras and of PyTorch Lightning
    "EarlyStopping": "Use pel.EarlyStopping(…).",
    "SwapEMAWeights": "Use pel.SwapAverages(), with an optimizer such as Adam(average=0.99).",
    "WeightAveraging": "Use pel.SwapAverages(), with an optimizer such as Adam(average=0.99).",
    "ReduceLROnPlateau": "Use pel.ReduceOnPlateau(…).",
    "ModelCheckpoint": "Write fit(…, checkpoint=path); pel.EarlyStopping gives the best weights.",
    "BackupAndRestore": "Write fit(…, checkpoint=path), and resume=True to go on.",
    "LearningRateScheduler": "Give the optimizer a Schedule: SGD(pel.optim.Step(0.1)).",
    "TerminateOnNaN": "Leave it out: fit stops where the loss is no longer finite.",
    "CSVLogger": "Use pel.CSVLog(path).",
    "TensorBoard": "Use pel.TensorBoardLog(folder).",
    "ProgbarLogger": "Leave it out: fit shows a bar with verbose=1.",
    "WandbLogger": "Leave it out: fit returns a History with all curves.",
    "LambdaCallback": "Write a subclass of pel.Callback with on_epoch(self, run).",
    "RichProgressBar": "Leave it out: fit shows a bar with verbose=1.",
    "LearningRateMonitor": "Leave it out: fit returns a History with all curves.",
    "History": "Leave it out: fit returns a History with all curves.",
}


def as_callbacks(where: str, given: Any) -> list[Callback]:
    """One callback or several as a list.

    Raises:
        ArgumentError: for what is no callback, or has a method that would never be called.
    """
    several: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    for callback in several:
        if not isinstance(callback, Callback):
            raise ArgumentError(
                where, f"callbacks: expected a Callback, got {callback!r}", _instead(callback)
            )
        _check_hooks(where, callback)
    return several


def _instead(given: Any) -> str:
    if isinstance(given, type):
        return f"Write {given.__name__}(…), with brackets."
    if hasattr(given, "set_model") or hasattr(given, "on_epoch_end"):
        own = "Write a subclass of pel.Callback with on_epoch(self, run) or on_step(self, run)."
        return ELSEWHERE.get(type(given).__name__, own)
    if callable(given):
        return "Write a subclass of pel.Callback that calls it in on_epoch(self, run)."
    return ""


def _check_hooks(where: str, callback: Callback) -> None:
    name = type(callback).__name__
    for method in dir(callback):
        if method.startswith("on_") and method not in HOOKS:
            meant = _MEANT.get(method)
            fix = f"Write {meant}, with (self, run)." if meant else nearest(method, HOOKS)
            if not meant:
                fix += f" If it is no hook, call it _{method}."
            raise ArgumentError(where, f"{name}.{method} is not a hook: nothing calls it", fix)
    for method in HOOKS:
        hook = getattr(callback, method)
        if getattr(hook, "__func__", None) is getattr(Callback, method):
            continue
        if not callable(hook):
            raise ArgumentError(where, f"{name}.{method} must be a method, got {hook!r}")
        accepts(where, f"{name}.{method}", hook, 1, f"{method}(self, run)")
