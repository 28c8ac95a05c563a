"""A model as functions of the numbers of its variables, in the forms that Keras has for JAX.

`stateless_call`, and the steps of fit, evaluate and predict written with it. A class of a person's
own may define steps of these forms: `stepping` runs them.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError
from pellucid.core.scopes import during
from pellucid.keras import losses as losses_room
from pellucid.keras.compiling import Compiled, unique
from pellucid.keras.metric import Mean, Metric
from pellucid.keras.random import KerasDraw
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import LOSSES, flat, mapped
from pellucid.keras.training import unpacked
from pellucid.keras.variable import Variable, standing
from pellucid.models import calling
from pellucid.ops import composite
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value, number
from pellucid.transform.grad import value_and_grad

R = TypeVar("R")
State = tuple[list[Any], ...]


class CompiledMetrics(Metric):
    """The metrics of compile as one.

    They are the metrics themselves, with variables of its own in the place of theirs: what
    `evaluate` has traced of them depends on their numbers, which stay as they are.

    Attributes:
        each: of each metric its output, its name in logs, and whether weights of rows count.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(name="compile_metrics")
        self._model = model
        self.each = model.metrics_named()
        self._own: list[list[Any]] = [[] for _ in self.each]

    @property
    def variables(self) -> list[Any]:
        return [one for place in range(len(self.each)) for one in self._variables_of(place)]

    @property
    def awaits_rows(self) -> bool:
        return any(metric.awaits_rows for _, _, metric, _ in self.each)

    def _variables_of(self, place: int) -> list[Any]:
        """What stands for the variables of a metric."""
        own, theirs = self._own[place], self.each[place][2].variables
        own += [copy.deepcopy(one) for one in theirs[len(own) :]]
        return own

    def _with_own(self, place: int, function: Callable[[], R]) -> R:
        """The function's result, where a metric has the variables that stand for its own."""
        own, theirs = self._variables_of(place), self.each[place][2].variables
        pairs = list(zip(theirs, own, strict=True))
        found, now = standing({id(one): each.value for one, each in pairs}, function)
        for one, each in pairs:
            each.assign(now[id(one)])
        return found

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes in rows."""
        outputs = self._model._given(y_pred, "outputs")
        targets = self._model._given(y_true, "outputs")
        for place, (output, _, metric, weighted) in enumerate(self.each):
            more = {"sample_weight": sample_weight} if weighted else {}
            given = targets[output], outputs[output]
            if metric.awaits_rows:  # they make its variables
                metric.update_state(*given, **more)
                metric.reset_state()
            self._with_own(place, functools.partial(metric.update_state, *given, **more))

    def result(self) -> Any:
        return {
            name: self._with_own(place, metric.result)
            for place, (_, name, metric, _) in enumerate(self.each)
        }

    def reset_state(self) -> None:
        for place, (_, _, metric, _) in enumerate(self.each):
            self._with_own(place, metric.reset_state)


class Stateless(Compiled):
    """A model whose variables are arguments."""

    # -- the call ---------------------------------------------------------------------------

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The outputs with these numbers of the variables, and the other variables after it.

        Args:
            trainable_variables, non_trainable_variables: numbers, in the order of the model's own.
            args: what the model is called on; kwargs: `training`.
            return_losses: whether the losses inside the model, penalties among them, are returned
                behind.
        """
        where = f"keras.{self.name}.stateless_call"
        training = bool(kwargs.pop("training", None) or False)
        if kwargs.pop("mask", None) is not None or kwargs or len(args) != 1:
            raise ArgumentError(
                where, f"it takes what the model is called on, and training, got {[*args, *kwargs]}"
            )
        network = self.network(args[0])
        free, rest = self.trainable_variables, self.non_trainable_variables
        for what, given, wanted in (
            ("trainable_variables", trainable_variables, free),
            ("non_trainable_variables", non_trainable_variables, rest),
        ):
            if len(given) != len(wanted):
                raise ArgumentError(where, f"{what} must be {len(wanted)}, got {len(given)}")
        given = [*trainable_variables, *non_trainable_variables]
        values = {
            id(one): number.value if isinstance(number, Variable) else number
            for one, number in zip([*free, *rest], given, strict=True)
        }
        layers = network.architecture.unique()
        places = {(id(one.inner), one.leaf): one for one in self.weights}

        def of(kind: str) -> dict[str, dict[str, Any]]:
            return {
                name: {
                    leaf: _array(values, places.get((id(layer), leaf)), array)
                    for leaf, array in (getattr(layer.variables, kind) or {}).items()
                }
                for name, layer in layers.items()
            }

        frozen_layers = {id(one) for one in self._frozen()}
        frozen = {name for name, one in layers.items() if id(one) in frozen_layers}
        seeds = self.seed_variables()
        key = _key(values[id(seeds[0])]) if training and seeds else None
        if training and not seeds and any(isinstance(one, KerasDraw) for one in layers.values()):
            raise ArgumentError(
                where,
                "a call that draws random numbers must say which come next, got no SeedGenerator",
                "Write self.seeds = keras.random.SeedGenerator(1) in __init__, and draw with "
                "seed=self.seeds.",
            )
        x = [_typed(one) for one in self._features_given(args[0])]
        words = network.architecture.inputs.names
        found, after, terms = calling.applied_with_terms(
            network,
            of("params"),
            of("state"),
            x[0] if len(x) == 1 else dict(zip(words, x, strict=True)),
            training,
            key,
            frozen,
        )
        made = iter(flat(found))
        outputs = mapped(self._outputs, lambda _: next(made))
        changed = {id(one): values[id(one)] + np.asarray([0, 1]) for one in seeds if training}
        names = {id(layer): name for name, layer in layers.items()}
        for one in rest:
            name = names.get(id(one.inner)) if one.kind == "state" else None
            if name is not None:
                changed[id(one)] = after[name][one.leaf]
        others = [changed.get(id(one), values[id(one)]) for one in rest]
        if not return_losses:
            return outputs, others
        return outputs, others, [*terms, *self._penalties_of(values)]

    def _penalties_of(self, values: dict[int, Any]) -> list[Any]:
        """The penalties of weights with these numbers."""
        found = []
        for one in self.trainable_variables:
            for penalty in one.inner.penalties:
                if not penalty.is_proximal and penalty.acts_on(
                    one.leaf, one.leaf in one.inner.biases
                ):
                    array = asvalue(values[id(one)])
                    found.append(penalty.penalty(number(penalty.strength, array.type.dtype), array))
        return found

    # -- metrics ----------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The loss and the metrics of compile as Keras has them, then those of attributes."""
        found: list[Any] = []
        if self._compiled is not None:
            kept, known = self.__dict__.get("_trackers"), self._network is not None
            if kept is None or kept[0] is not self._compiled or kept[1] is not known:
                kept = self.__dict__["_trackers"] = (
                    self._compiled, known, Mean(name="loss"), CompiledMetrics(self),
                    self._each_loss(),
                )  # fmt: skip
            found = [kept[2], *([kept[3]] if kept[3].each else []), *kept[4].values()]
        for one in self._flatten_layers():
            found += [own for own in vars(one).values() if isinstance(own, Metric)]
        return found

    def _each_loss(self) -> dict[int, Mean]:
        """What counts the loss of each output, where there are several."""
        several = len(self._output_names) > 1
        given = self._per_output((self._compiled or {}).get("loss"), "loss") if several else []
        return {
            output: Mean(name=f"{self._output_names[output]}_loss")
            for output, loss in enumerate(given) if loss is not None
        }  # fmt: skip

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of all metrics, one after the other."""
        return [one for metric in self.metrics for one in metric.variables]

    def metrics_named(self) -> list[tuple[int, str, Metric, bool]]:
        """Of each metric of compile its output, its name in logs, and whether weights count."""
        found: list[tuple[int, str, Metric, bool]] = []
        counts: dict[str, int] = {}
        several = len(self._output_names) > 1
        for what in ("metrics", "weighted") if self._output_names else ():
            weighted = what == "weighted"
            lists = self._listed((self._compiled or {}).get(what), what)
            for output, (own, name) in enumerate(zip(lists, self._output_names, strict=True)):
                front = f"{name}_" if several else ""
                for metric in own:
                    label = unique(front, metric.name, counts, weighted)
                    found.append((output, label, metric, weighted))
        return found

    def reset_metrics(self) -> None:
        """Lets all metrics forget their rows."""
        for one in self.metrics:
            one.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """What the metrics measured since they were reset, in a loop or a step of one's own.

        Raises:
            ArgumentError: where only fit and evaluate have measured: they return the numbers, and
                the metrics hold none.
        """
        values = [one.value for one in self.metrics_variables]
        empty = all(isinstance(one, np.ndarray) and not one.any() for one in values)
        if empty and self._configured is not None:
            raise ArgumentError(
                "keras.get_metrics_result",
                "the metrics must have taken in rows, got none: fit, evaluate, train_on_batch and "
                "test_on_batch return what they measure",
                "Take what they return, with return_dict=True.",
            )
        return self._results()

    def _results(self) -> dict[str, Any]:
        """The results of all metrics, by name."""
        found: dict[str, Any] = {}
        for one in self.metrics:
            result = one.result()
            found |= result if isinstance(result, dict) else {one.name: result}
        return found

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Takes rows in, by the metrics of compile; what all metrics measured so far."""
        for one in self.metrics:
            if isinstance(one, CompiledMetrics):
                one.update_state(y, y_pred, sample_weight)
        return self._results()

    # -- steps ------------------------------------------------------------------------------

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Any = None,
    ) -> Any:
        """The loss as a function of weights; and (loss, outputs, other variables, metrics)."""
        takes = self._functional or "training" in inspect.signature(type(self).call).parameters
        more = {"training": training} if takes else {}
        y_pred, others, losses = self.stateless_call(
            trainable_variables, non_trainable_variables, x, return_losses=True, **more
        )
        given = {"y_pred": y_pred, "sample_weight": sample_weight, "training": training}
        loss = during(LOSSES, (self, list(losses)), self.compute_loss, x=x, y=y, **given)
        return loss, (loss, y_pred, others, list(metrics_variables))

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: Any = True,
    ) -> Any:
        """`compute_loss`, and the numbers of the variables behind it, which it leaves alone."""
        given = trainable_variables, non_trainable_variables, metrics_variables
        own = self.trainable_variables, self.non_trainable_variables, self.metrics_variables
        values = {
            id(one): value
            for several, numbers in zip(own, given, strict=True)
            for one, value in zip(several, numbers, strict=True)
        }
        more = {"y_pred": y_pred, "sample_weight": sample_weight, "training": training}
        loss, now = standing(values, self.compute_loss, x=x, y=y, **more)
        return loss, tuple([now[id(one)] for one in several] for several in own)

    def _measured(
        self, variables: Sequence[Any], loss: Any, x: Any, y: Any, y_pred: Any, weights: Any
    ) -> tuple[dict[str, Any], list[Any]]:
        """Logs, and the variables of metrics after a batch."""
        own = self.metrics_variables
        values = {id(one): value for one, value in zip(own, variables, strict=True)}

        def measure() -> dict[str, Any]:
            tracker = next((one for one in self.metrics if one.name == "loss"), None)
            rows = pnp.ones(()) * flat(x)[0].shape[0]
            if isinstance(tracker, Mean):
                tracker.update_state(loss, sample_weight=rows)
            self._count_losses(y, y_pred, weights, rows)
            return self.compute_metrics(x, y, y_pred, weights)

        logs, now = standing(values, measure)
        return logs, [now[id(one)] for one in own]

    def _count_losses(self, y: Any, y_pred: Any, weights: Any, rows: Any) -> None:
        """Takes the losses of several outputs in, each counted as its rows."""
        trackers = {id(one): one for one in self.metrics}
        each = self.__dict__["_trackers"][4] if "_trackers" in self.__dict__ else {}
        if not any(id(one) in trackers for one in each.values()):
            return
        given = self._per_output((self._compiled or {}).get("loss"), "loss")
        outputs, targets = self._given(y_pred, "outputs"), self._given(y, "outputs")
        for output, tracker in each.items():
            value = losses_room.get(given[output])(targets[output], outputs[output], weights)
            tracker.update_state(value, sample_weight=rows)

    def train_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """A step of fit: logs, and the state after it.

        Args:
            state: numbers of trainable, non-trainable, optimizer's and metrics' variables.
            data: (x, y[, weights of rows]).
        """
        free, others, remembered, measured = state
        x, y, weights = unpacked(data)
        (_, aux), slopes = value_and_grad(self.compute_loss_and_updates, has_aux=True)(
            free, others, measured, x, y, weights, training=True, optimizer_variables=remembered
        )
        loss, y_pred, others, measured = aux
        free, remembered = self.optimizer.stateless_apply(remembered, slopes, free)
        logs, measured = self._measured(measured, loss, x, y, y_pred, weights)
        return logs, (free, others, remembered, measured)

    def test_step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """A step of evaluate: logs, and the state after it.

        Args:
            state: numbers of trainable, non-trainable and metrics' variables.
            data: (x, y[, weights of rows]).
        """
        free, others, measured = state
        x, y, weights = unpacked(data)
        _, (loss, y_pred, others, measured) = self.compute_loss_and_updates(
            free, others, measured, x, y, weights, training=False
        )
        logs, measured = self._measured(measured, loss, x, y, y_pred, weights)
        return logs, (free, others, measured)

    def predict_step(self, state: State, data: Any) -> tuple[Any, list[Any]]:
        """A step of predict: outputs, and the non-trainable variables after it.

        Args:
            state: numbers of trainable and non-trainable variables.
            data: (x,).
        """
        return self.stateless_call(state[0], state[1], unpacked(data)[0], training=False)  # type: ignore[no-any-return]


def _array(values: dict[int, Any], variable: Variable | None, array: Any) -> Any:
    """What stands for an array of a layer of ours."""
    if variable is None or id(variable) not in values:
        return array
    value = values[id(variable)]
    return value if tuple(value.shape) == array.shape else pnp.reshape(value, array.shape)


def _typed(x: Any) -> Any:
    """Numbers in the dtype of models."""
    if isinstance(x, Value):
        return x if x.type.dtype == SESSION.dtype else composite.astype(x, SESSION.dtype)
    return np.asarray(x, SESSION.floatx)


def _key(state: Any) -> Key:
    """The random numbers of a step, from the state of a generator of seeds."""
    both: Any = asvalue(state)
    return Key(both[0], both[1])
