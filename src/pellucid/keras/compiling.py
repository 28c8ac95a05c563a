"""How a model is trained: losses and metrics of Keras as those of ours; data in our form."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pellucid import models as ours
from pellucid import nn
from pellucid.core import notices, trees
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import blame, losses, optimizers
from pellucid.keras import metrics as metrics_room
from pellucid.keras.arguments import Arguments, permit, refuse
from pellucid.keras.base import trains
from pellucid.keras.given import Given
from pellucid.keras.hooks import Measures
from pellucid.keras.networks import as_arrays
from pellucid.keras.objective import Objective
from pellucid.keras.optimizers.remembered import Weight
from pellucid.keras.tensors import flat, mapped
from pellucid.models.endings import contract_of
from pellucid.train.metric import Metric

_TRAINS = ("fit", "train_on_batch")
_PARTS = ("loss", "weights", "metrics", "weighted")


class Compiled(Given):
    """A network that knows how it is trained."""

    # Layers of a model out of a file that act in training as in prediction.
    _still_in_file: frozenset[str] = frozenset()

    # -- compile ----------------------------------------------------------------------------

    @checked
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is trained."""
        for name, value, plain in (
            ("run_eagerly", run_eagerly, (False,)),
            ("steps_per_execution", steps_per_execution, (1,)),
            ("jit_compile", jit_compile, ("auto", True)),
            ("auto_scale_loss", auto_scale_loss, (True,)),
        ):
            permit("Model.compile", name, value, *plain)
        self.optimizer = optimizers.get(optimizer)
        self._counted()
        # As in Keras what is not given again stays: the loss with its weights, all metrics.
        known: dict[str, Any] = self._compiled or dict.fromkeys(_PARTS)
        for one in flat(loss):
            if one is not None:
                losses.get(one)
        if loss is not None:
            known = {**known, "loss": loss, "weights": loss_weights}
        elif loss_weights is not None:
            refuse("Model.compile", "loss_weights", loss_weights, "give loss with it")
        if metrics is not None or weighted_metrics is not None:
            known = {
                **known,
                "metrics": _meant("metrics", metrics),
                "weighted": _meant("weighted_metrics", weighted_metrics),
            }
        self._compiled = dict(known)
        self.loss = known["loss"]
        self._configured = None

    def compile_like(self, other: Compiled) -> None:
        """As another model is compiled, with an optimizer of its own."""
        known, optimizer = other._compiled, other.optimizer
        assert known is not None, "the other one is compiled"
        self.compile(
            type(optimizer).from_config(optimizer.get_config()), known["loss"],
            known["weights"], known["metrics"], known["weighted"],
        )  # fmt: skip

    @property
    def metrics_names(self) -> list[str]:
        if self._compiled is None and (self._network is None or not self._network.compiled):
            return []
        return list(self._measures(self._configure("metrics_names")).names)

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    def _per_output(self, given: Any, what: str) -> list[Any]:
        """One entry an output, of a list, a dict, or one for all."""
        names = list(self._output_names)
        if isinstance(given, Mapping):
            for name in given:
                if name not in names:
                    raise ArgumentError(
                        "keras.compile", f"{what} names no output {name!r}", nearest(name, names)
                    )
            return [given.get(name) for name in names]
        if isinstance(given, (list, tuple)):
            if len(given) != len(names):
                raise ArgumentError(
                    "keras.compile", f"{what} must be {len(names)}, one an output, got {len(given)}"
                )
            return list(given)
        return [given] * len(names)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: Any = True,
    ) -> Any:
        """The objective: the losses of compile, and `self.losses`. A class of your own may define
        another one, of the tensors that it gets.
        """
        assert self._compiled is not None
        given = self._per_output(self._compiled["loss"], "loss")
        weights = self._per_output(self._compiled["weights"], "loss_weights")
        pairs = zip(given, weights, self._given(y_pred, "outputs"), strict=True)
        targets = iter(self._given(y, "outputs") if y is not None else [])
        total: Any = 0.0
        for loss, weight, output in pairs:
            if loss is not None:
                value = losses.get(loss)(next(targets), output, sample_weight)
                total = total + (value if weight is None else value * weight)
        return functools.reduce(lambda one, other: one + other, self.losses, total)

    @property
    def _own_objective(self) -> bool:
        """Whether `compute_loss` is a person's own."""
        return type(self).compute_loss is not Compiled.compute_loss

    def _configure(
        self, where: str, x: Any = None, y: Any = None, weighted: bool = False
    ) -> ours.Model:
        """What is trained: the Model of ours, or that of an Objective, compiled as the door's is.

        Args:
            y: targets, weighted: whether rows have weights; where `compute_loss` is one's own.
        """
        network, trains, standing = self.network(x), where in _TRAINS, self._standing
        if standing is not None and not self._own_objective:  # all is as it was
            known: ours.Model
            known, compiled, optimizer, trainables, trained = standing
            if (
                known is network
                and compiled is self._compiled
                and optimizer is self.optimizer
                and (not trains or trained is self._trained is not None)
                and trainables == self._trainables()
            ):
                if trains:
                    self._hand_over(network)
                return network
        found = self._configured_anew(where, network, trains, y, weighted)
        if trains and self._configured is not None:
            self._hand_over(found)
        self._standing, trainables = None, self._trainables()
        if self._configured is not None and trainables is not None:
            trained = self._trained if trains else None
            self._standing = found, self._compiled, self.optimizer, trainables, trained
        return found

    def _configured_anew(
        self, where: str, network: ours.Model, trains: bool, y: Any, weighted: bool
    ) -> ours.Model:
        """The same, where something is not as it was at the latest call."""
        if self._compiled is None:
            if network.compiled:  # out of a file
                self._keep_to_file(where, network)
                return network
            raise ArgumentError(
                f"keras.{where}",
                "the model must be compiled first",
                "Call compile(optimizer, loss).",
            )
        frozen = {id(one) for one in self._frozen()}
        held = frozenset((id(one.inner), one.leaf) for one in self._single_frozen())
        own, before = self._objective, None
        if self._own_objective:
            y = None if y is None else as_arrays(y)
            if own is None or not own.fits(y, weighted) or own.of is not network:
                before, own = own, Objective(self, y, weighted)
                self._objective = own
            network = own.network
        past = network if before is None else before.network
        remembers = self._remembers(past)
        if trains:
            self._check_trained(where, network, frozen, held, remembers)
        key = (id(network), frozenset(frozen), held, id(self._compiled))
        if self._configured is not None and self._configured[0] == key:
            return network
        architecture = network.architecture
        given = self._per_output(self._compiled["loss"], "loss")
        without = losses.NoLoss()
        self._losses = [
            without if one is None or self._own_objective else losses.get(one) for one in given
        ]
        if not self._own_objective and not architecture.terms and given == [None] * len(given):
            refuse("Model.compile", "loss", None, "there is no add_loss nor compute_loss either")
        own = flat([self._compiled["metrics"]])
        self._in_batches = any(one.is_own for one in own if one is not None)
        self._in_batches |= any(one.is_of_batches for one in self._losses)
        self._output_shape = architecture.output_types[0].shape
        inner = []
        for one, end in zip(self._losses, architecture.ends, strict=True):
            inner.append(one.inner(contract_of(architecture, nn.Squared(), end).activation))
        table, measured, listed = self._metrics(architecture)
        several = len(inner) > 1
        weights = self._compiled["weights"]
        if not several:
            why = "of one output it scales the rate"
            permit("Model.compile", "loss_weights", weights, None, 1, 1.0, [1], [1.0], why=why)
        rates = {
            name: 0.0 for name, layer in architecture.unique().items()
            if id(layer) in frozen and layer.variables.params
        }  # fmt: skip
        words = architecture.outputs.names
        slots, step = past.slots, past.training.get("step", 0)
        network.compile(
            self.optimizer.of_weights(self._weights_of(network)),
            dict(zip(words, inner, strict=True)) if several else inner[0],
            metrics=dict(zip(words, table, strict=True)) if several else table[0],
            rates=rates or None,
            loss_weights=None
            if weights is None or not several
            else dict(
                zip(
                    words,
                    (1.0 if w is None else w for w in self._per_output(weights, "loss_weights")),
                    strict=True,
                )
            ),
        )
        shown = {}
        if several:
            each = zip(words, self._output_names, self._losses, strict=True)
            shown = {f"{word}_loss": f"{name}_loss" for word, name, one in each if one != without}
        self._settle(network, frozen, held)
        # Another compile with this optimizer, or data of another form, such as weights of rows, go
        # on with what it remembers.
        if remembers:
            network.slots = slots
            network.training["step"] = step
        self._configured = (key, Measures(measured, shown, listed))
        return network

    def _weights_of(self, network: ours.Model) -> list[Weight]:
        """The weights that may be trained, in the order of the Model of ours."""
        names = {id(one): name for name, one in network.architecture.unique().items()}
        found = {
            f"{names[id(one.inner)]}.{one.leaf}": (one, number)
            for number, one in enumerate(self.weights)
            if one.kind == "params" and id(one.inner) in names
        }
        return [
            Weight(path, *found[path])
            for path in trees.paths(network.architecture.params)
            if path in found
        ]

    def _settle(
        self, network: ours.Model, frozen: set[int], held: frozenset[tuple[int, str]]
    ) -> None:
        """Says which penalties count, which layers act as in prediction, and which single weights
        stay as they are, as Keras has it.
        """
        layers = network.architecture.unique()
        still_frozen = frozenset(name for name, one in layers.items() if id(one) in frozen)
        # compute_loss of one's own adds the penalties itself; else they are of trained weights.
        unpenalized = frozenset(layers) if self._own_objective else still_frozen
        words = {id(one): name for name, one in layers.items()}
        single = frozenset((words[layer], leaf) for layer, leaf in held if layer in words)
        still = self._still_in_file
        own = getattr(type(self), "call", None)
        if not self._functional and "training" not in inspect.signature(own).parameters:  # type: ignore[arg-type]
            still = frozenset(name for name, one in layers.items() if trains(one))
        if still != self._still_in_file:
            notices.once(
                f"[keras.{type(self).__name__}] call takes no training, so these layers act in fit "
                f"as in prediction, as in Keras: {', '.join(sorted(still))}. For dropout and "
                "statistics of batches write def call(self, x, training=None)."
            )
        if unpenalized or still or single:
            known = network.configuration("compile")
            network.configure(
                dataclasses.replace(known, unpenalized=unpenalized, still=still, held=single)
            )

    def _listed(self, given: Any, what: str) -> list[list[Any]]:
        """The metrics of each output."""
        several = len(self._output_names) > 1
        lists = [given]
        if several or isinstance(given, Mapping):
            lists = self._per_output(given, what) if given else [None] * len(self._output_names)
        return [[one for one in flat(own) if one is not None] for own in lists]

    def _metrics(self, architecture: Any) -> tuple[list[list[Metric]], dict[str, str], list[str]]:
        """For each output the metrics of ours; {their name in a row of ours: Keras's}; their own
        names.
        """
        assert self._compiled is not None
        several = len(self._output_names) > 1
        words = architecture.outputs.names
        table: list[list[Metric]] = [[] for _ in words]
        named: dict[str, str] = {}
        counts: dict[str, int] = {}
        listed: list[str] = []
        for what in ("metrics", "weighted"):
            lists = self._listed(self._compiled[what], what)
            for n, (own, output, word) in enumerate(
                zip(lists, self._output_names, words, strict=True)
            ):
                shape = architecture.output_types[n].shape
                front = f"{output}_" if several else ""
                for metric in own:
                    listed.append(metric.name)
                    label = unique(front, metric.name, counts, what == "weighted")
                    inner = metric.inner(
                        label.removeprefix(front), shape, what == "weighted", self._given_target(n)
                    )
                    table[n].append(inner)
                    named[f"{word}_{inner.name}" if several else inner.name] = label
        return table, named, listed

    def _given_target(self, output: int) -> Callable[[Any], Any]:
        """What makes targets as they were given of those that the loss takes: (N,) of (N, 1)."""
        known = self._flat_targets  # not the model, which changes through a run

        def given(target: Any) -> Any:
            return target[:, 0] if known.get(output) and len(target.shape) == 2 else target

        return given

    def _at_once(self, network: ours.Model, *sizes: int | None) -> dict[str, Any]:
        """The rows that are measured at a time: those that were given; 32 where it matters."""
        for given in sizes:
            if given is not None:
                return {"batch_size": given}
        in_batches = self._in_batches
        if self._compiled is None:  # of a file: functions may be of batches
            known = network.configuration("evaluate")
            functions = [*known.losses, *(one for each in known.metrics for one in each)]
            in_batches = any(getattr(one, "function", None) is not None for one in functions)
        return {"batch_size": 32} if in_batches or network.architecture.terms else {}

    def _measures(self, network: ours.Model) -> Measures:
        if self._configured is not None:
            return self._configured[1]  # type: ignore[no-any-return]
        outputs, table = network.architecture.outputs, network._configuration.metrics  # type: ignore[union-attr]
        if not outputs.several:
            found = {one.name: one.name for one in table[0]}
            return Measures(found, {}, list(found))
        pairs = zip(outputs.names, self._output_names, table, strict=True)
        found = {f"{w}_{m.name}": f"{name}_{m.name}" for w, name, each in pairs for m in each}
        return Measures(found, self._output_losses(outputs.names), [])

    def _output_losses(self, words: Any) -> dict[str, str]:
        """{what a row of ours calls the loss of an output: Keras's name}."""
        pairs = zip(words, self._output_names, strict=True)
        return {f"{word}_loss": f"{name}_loss" for word, name in pairs}


def _metric(given: Any) -> Any:
    return None if given is None else metrics_room.get(given)


def _meant(name: str, given: Any) -> Any:
    """The metrics that an argument of compile gives, as objects."""
    own = Arguments("Model.compile", {name: given}, {name: None})
    return blame.made(own, lambda a: mapped(getattr(a, name), _metric))


def unique(front: str, name: str, counts: dict[str, int], weighted: bool) -> str:
    """A name that no other metric has, as Keras makes it."""
    label = f"{front}{name}"
    if label in counts and weighted:
        label = f"{front}weighted_{name}"
    count = counts.get(label, 0)
    counts[label] = count + 1
    return f"{label}_{count}" if count else label
