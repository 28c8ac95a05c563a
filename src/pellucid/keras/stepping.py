"""fit, evaluate and predict with steps of a person's own, each one graph.

In: a model whose class defines `train_step(self, state, data)` or another step in the form that
Keras has for JAX. Out: what the model's methods return. Between hooks that look at weights the
numbers are those of the step; a hook gets them in the variables, and may change them there.
"""

from __future__ import annotations

import functools
import inspect
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core.errors import ArgumentError, DivergenceError
from pellucid.core.scopes import during
from pellucid.keras import training
from pellucid.keras.callback import TEST, Callback, History, sees_batches
from pellucid.keras.callbacks import TerminateOnNaN
from pellucid.keras.hooks import Logs
from pellucid.keras.networks import Network, array, as_arrays, check_methods, is_own, numbers
from pellucid.keras.optimizers.remembered import RATE
from pellucid.keras.session import SESSION, hooked
from pellucid.keras.tensors import flat, mapped
from pellucid.keras.training import ArrayBatches, Batches
from pellucid.models.variables import alone, claimed
from pellucid.optim import Schedule
from pellucid.transform.jit import jit
from pellucid.transform.watch import Surroundings

R = TypeVar("R")

_STEPS = {"fit": "train_step", "evaluate": "test_step", "predict": "predict_step"}
# The variables whose numbers are the state of each.
_KINDS = {
    "fit": ("trainable", "others", "optimizer", "metrics"),
    "evaluate": ("trainable", "others", "metrics"),
    "predict": ("trainable", "others"),
}


@functools.cache
def _owns(kind: Any, where: str, *parts: Any) -> bool:
    """The same of a class that has these parts now: one may be given to it later."""
    check_methods(kind)
    if is_own(kind, _STEPS[where]):
        return True
    if where == "predict":
        return False
    # Parts of the steps that are here; one of another form is what a step of its own calls.
    form = inspect.signature(kind.compute_loss_and_updates).parameters
    return is_own(kind, "compute_metrics") or (
        is_own(kind, "compute_loss_and_updates") and "metrics_variables" in form
    )


def owns(model: Any, where: str) -> bool:
    """Whether a class has a step of its own, or a part of one, for a method of the model."""
    kind: Any = type(model)
    parts = getattr(kind, _STEPS[where]), kind.compute_metrics, kind.compute_loss_and_updates
    return _owns(kind, where, *parts)


class Steps:
    """Steps of a model, and the numbers of its variables between them.

    Args:
        where: whose step, "fit", "evaluate" or "predict".
    """

    def __init__(self, model: Any, where: str):
        self.model, self._name, self._kinds = model, _STEPS[where], _KINDS[where]
        self._refresh()
        moves = "optimizer" in self._kinds
        self._scheduled = moves and isinstance(model.optimizer.inner.learning_rate, Schedule)
        self.read()

    def _refresh(self) -> None:
        """Traces the step anew where what it reads beside numbers of variables has changed."""
        model = self.model
        known = model.__dict__.setdefault("_compiled_steps", {})
        found = known.get(self._name)
        if found is None or found[1].changed():
            own = (getattr(type(model), self._name), model)
            around = Surroundings(own, _held_apart(model))
            found = known[self._name] = jit(_traced(_Behind(model), self._name)), around
        self._step = found[0]

    def _variables(self) -> list[list[Any]]:
        model = self.model
        found = {
            "trainable": model.trainable_variables,
            "others": model.non_trainable_variables,
            "metrics": model.metrics_variables,
        }
        if "optimizer" in self._kinds:
            found["optimizer"] = model.optimizer.variables
        return [found[kind] for kind in self._kinds]

    def read(self) -> None:
        """Takes the numbers that the variables have."""
        self.state: Any = tuple([one.numpy() for one in each] for each in self._variables())
        self._begun = self.state
        self._known = True

    def publish(self) -> None:
        """Gives the variables the numbers of the latest step.

        What no step has changed is not written: another thread may train it meanwhile.
        """
        if self._known:
            return
        self._known = True
        for each, values, begun in zip(self._variables(), self.state, self._begun, strict=True):
            for one, value, before in zip(each, values, begun, strict=True):
                if not np.array_equal(value, before):
                    one.assign(value)
        self._begun = self.state

    def hooks(self, call: Callable[..., None], *args: Any) -> None:
        """Calls hooks; what they change of variables is what the next step begins with."""
        hooked(self.publish, call, *args)
        self._refresh()
        if self._known:
            self.read()
        elif "optimizer" in self._kinds and not self._scheduled:
            rate = np.asarray(float(self.model.optimizer.learning_rate), SESSION.floatx)
            self.state[self._kinds.index("optimizer")][1] = rate

    def take(self, data: Any) -> Any:
        """A step on a batch; its logs, or outputs."""
        rate = 0.0
        if self._scheduled:
            count = self.state[self._kinds.index("optimizer")][0]
            rate = self.model.optimizer.inner.rate(int(count))
        logs, state = self._step(self.state, data, np.asarray(rate, SESSION.floatx))
        if not isinstance(state, (tuple, list)) or len(state) != len(self._kinds):
            raise ArgumentError(
                f"keras.{type(self.model).__name__}",
                f"a step must return logs and a state of {len(self._kinds)} lists, as it got one, "
                f"got {state!r}",
            )
        self.state = tuple([np.asarray(one) for one in each] for each in state)
        self._known = False
        return logs


class _Behind:
    """A model that `jit` does not look into: `Steps` says itself when it has changed."""

    __pellucid_unwatched__ = ("model",)

    def __init__(self, model: Any):
        self.model = model


def _held_apart(model: Any) -> list[Any]:
    """What holds the numbers of variables, which are arguments of a step."""
    weights = [one.inner.variables for one in model.weights]
    return [*weights, *model.seed_variables(), *model.metrics_variables]


def _traced(behind: _Behind, name: str) -> Callable[..., Any]:
    """A step as a function of numbers alone."""

    def step(state: Any, data: Any, rate: Any) -> Any:
        outputs, after = during(RATE, rate, getattr(behind.model, name), state, data)
        return outputs, after if name != "predict_step" else (state[0], after)

    return step


def plain(logs: Any) -> Logs:
    """Logs as numbers by their names, those of nested dicts too, in the order of Keras."""
    found: Logs = {}
    for name, value in sorted(logs.items()):
        if isinstance(value, dict):
            found |= plain(value)
        else:
            numbers_of = np.asarray(value)
            found[name] = float(numbers_of) if numbers_of.ndim == 0 else numbers_of  # type: ignore[assignment]
    return found


def _floats(x: Any) -> Any:
    """Floats in the dtype of models, other numbers as they are."""
    one = np.asarray(x)
    return one.astype(SESSION.floatx) if one.dtype.kind == "f" else one


def _batches(model: Any, x: Any, y: Any, weights: Any, size: int | None, **options: Any) -> Batches:
    """Arrays or batches as a stream of tuples."""

    def prepared(batch: Any) -> Any:
        parts = tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)
        class_weight = options.get("class_weight")
        if class_weight is not None:
            x, y, own = training.unpacked(parts)
            parts = (x, y, training.by_class(y, class_weight, own))
        return tuple(mapped(numbers(one), _floats) for one in parts if one is not None)

    steps, shuffle = options.get("steps"), options.get("shuffle", False)
    if training.is_batches(x):
        return Batches(x, prepared, steps, shuffle)
    return Batches(ArrayBatches(x, y, weights, size or 32), prepared, steps, shuffle)


def _ready(model: Any, stream: Batches) -> Batches:
    """Makes the weights of a model, and the variables of its metrics, by a first batch."""
    source, first = training.peeked(stream.source)
    stream.source = source
    x, y, _ = training.unpacked(stream.prepared(first))
    if model._network is None and type(model).call is not Network.call:  # else parts are trained
        model.network(x)
    waiting = [one for one in model.metrics if one.awaits_rows]
    if waiting and y is not None:
        outputs = model.predict_on_batch(x)
        for one in waiting:
            one.update_state(y, outputs)
            one.reset_state()
    return stream


@alone
def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    epochs: int,
    level: int,
    callbacks: Sequence[Callback],
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    class_weight: Any,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
) -> History:
    """As `fit` of a model, by its `train_step`."""
    if model._compiled is None:
        raise ArgumentError(
            "keras.fit", "the model must be compiled first", "Call compile(optimizer, loss)."
        )
    total = steps_per_epoch
    if not training.is_batches(x):
        x, y = as_arrays(x), None if y is None else as_arrays(y)
        sample_weight = None if sample_weight is None else array(sample_weight)
        training.count_rows("fit", x)
        if validation_split and validation_data is None:
            (x, y, sample_weight), held = training.split([x, y, sample_weight], validation_split)
            validation_data = held if held[2] is not None else held[:2]
        rows = len(flat(x)[0])
        if steps_per_epoch is not None and batch_size is None:
            batch_size = -(-rows // steps_per_epoch)
        total = min(steps_per_epoch or rows, -(-rows // (batch_size or 32)))
    stream = _batches(
        model, x, y, sample_weight, batch_size, class_weight=class_weight,
        steps=steps_per_epoch, shuffle=shuffle,
    )  # fmt: skip
    _ready(model, stream)
    history = History()
    model.history, model.stop_training, model._first_epoch = history, False, initial_epoch
    model.validates = validation_data is not None
    everyone = [*callbacks, history]
    params = {"verbose": level, "epochs": epochs, "steps": total}
    for one in everyone:
        one.set_model(model)
        one.set_params(params)

    def validated(run: Steps, epoch: int) -> Logs:
        if validation_data is None or not _validates(epoch, validation_freq):
            return {}
        if training.is_batches(validation_data):
            held_x, held_y, held_weights = validation_data, None, None
        else:
            held_x, held_y, held_weights = training.unpacked(validation_data)
        run.publish()
        measured = model.evaluate(
            held_x, held_y, batch_size=validation_batch_size or batch_size, verbose=0,
            sample_weight=held_weights, steps=validation_steps, callbacks=list(callbacks),
            return_dict=True,
        )  # fmt: skip
        for one in callbacks:  # evaluate told them its own
            one.set_params(params)
        run.read()
        return {f"val_{name}": value for name, value in measured.items()}

    def trained() -> History:
        model._built_optimizer("fit")
        call = functools.partial(_each, everyone)
        call("on_train_begin", {})
        run = Steps(model, "fit")
        try:
            epochs_left = range(model._first_epoch, epochs)
            logs = _epochs(run, stream, everyone, epochs_left, level, validated)
        except DivergenceError:
            raise
        except BaseException:  # Ctrl-C, and what else ends a run, loses no step that was done
            run.publish()
            raise
        run.publish()
        call("on_train_end", logs)
        return history

    return _with_weights(model, "fit", trained)


def _with_weights(model: Any, where: str, function: Callable[[], R]) -> R:
    """The function's result, meanwhile no other thread may train these weights.

    Hooks of it may change them, and train parts of the model.
    """
    claims = {id(one.inner): one.inner.variables.claim for one in model.weights}
    return claimed(where, [*claims.values()], function, lends=True)


def _epochs(
    run: Steps,
    stream: Batches,
    callbacks: Sequence[Callback],
    epochs: range,
    level: int,
    validated: Callable[[Steps, int], Logs],
) -> Logs:
    """Runs epochs; the logs of the last one.

    Args:
        validated: what is measured behind an epoch.
    """
    model, logs = run.model, {}
    call = functools.partial(_each, callbacks)
    watching = level > 2 or any(map(sees_batches, callbacks))
    ends = [one for one in callbacks if isinstance(one, TerminateOnNaN)]
    for epoch in epochs:
        started = time.perf_counter()
        run.publish()
        model.reset_metrics()
        run.read()
        run.hooks(call, "on_epoch_begin", epoch, {})
        found: Any = {}
        for number, data in enumerate(stream(epoch)):
            if watching:
                run.hooks(call, "on_train_batch_begin", number, {})
            found = run.take(data)
            if watching:
                run.hooks(call, "on_train_batch_end", number, plain(found))
            if model.stop_training:
                break
        logs = plain(found)
        loss = logs.get("loss", 0.0)
        if not math.isfinite(loss):
            if not ends or any(one.raise_error for one in ends):
                raise DivergenceError("fit", f"the loss of epoch {epoch + 1} is {loss}")
            print("Invalid loss, terminating training")
            model.stop_training = True
        logs = plain(logs | validated(run, epoch))
        if level:
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            seconds = time.perf_counter() - started
            print(f"Epoch {epoch + 1}/{epochs.stop} - {seconds:.0f}s - {shown}", flush=True)
        run.hooks(call, "on_epoch_end", epoch, logs)
        if model.stop_training:
            break
    return logs


def _validates(epoch: int, every: Any) -> bool:
    """Whether an epoch is followed by validation."""
    return (epoch + 1) % every == 0 if isinstance(every, int) else epoch + 1 in every


def evaluate(
    model: Any, x: Any, y: Any, size: int | None, sample_weight: Any, steps: int | None,
    callbacks: Sequence[Callback],
) -> Logs:  # fmt: skip
    """What a model measures by its `test_step`."""
    x, y = (x, y) if training.is_batches(x) else (as_arrays(x), None if y is None else as_arrays(y))
    weights = None if sample_weight is None else array(sample_weight)
    stream = _ready(model, _batches(model, x, y, weights, size, steps=steps))
    measured = model.metrics_variables
    kept = [one.numpy() for one in measured]
    watching = any(sees_batches(one, TEST) for one in callbacks)
    model.stop_evaluating = False
    found: Any = {}
    try:
        model.reset_metrics()
        run = Steps(model, "evaluate")
        for number, data in enumerate(stream(0)):
            if watching:
                _each(callbacks, "on_test_batch_begin", number, {})
            found = run.take(data)
            if watching:
                _each(callbacks, "on_test_batch_end", number, plain(found))
            if model.stop_evaluating:
                break
        run.publish()
    finally:
        for one, value in zip(measured, kept, strict=True):
            one.assign(value)
    return plain(found)


def predict(model: Any, x: Any, size: int | None, steps: int | None) -> Any:
    """What a model gives by its `predict_step`, batch behind batch."""
    x = x if training.is_batches(x) else as_arrays(x)
    stream = _ready(model, _batches(model, x, None, None, size, steps=steps))
    run = Steps(model, "predict")
    made = [run.take(data) for data in stream(0)]
    run.publish()
    parts = iter(np.concatenate(one) for one in zip(*map(flat, made), strict=True))
    return mapped(made[0], lambda _: next(parts))


@alone
def train_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Logs:
    """What a step of fit on one batch says."""
    return _on_batch(model, "fit", x, y, sample_weight, class_weight)


def test_on_batch(model: Any, x: Any, y: Any, sample_weight: Any) -> Logs:
    """What a step of evaluate on one batch says."""
    return _on_batch(model, "evaluate", x, y, sample_weight, None)


def _on_batch(
    model: Any, where: str, x: Any, y: Any, sample_weight: Any, class_weight: Any
) -> Logs:
    """Metrics go on counting, as in Keras."""
    x, y = as_arrays(x), None if y is None else as_arrays(y)
    rows = training.count_rows(f"{_STEPS[where]}", x)
    weights = None if sample_weight is None else array(sample_weight)
    stream = _ready(model, _batches(model, x, y, weights, rows, class_weight=class_weight))

    def taken() -> Logs:
        if where == "fit":
            model._built_optimizer("train_on_batch")
        run = Steps(model, where)
        logs = plain(run.take(next(iter(stream(0)))))
        run.publish()
        return logs

    return _with_weights(model, "train_on_batch", taken) if where == "fit" else taken()


def _each(callbacks: Sequence[Callback], hook: str, *args: Any) -> None:
    for one in callbacks:
        getattr(one, hook)(*args)
