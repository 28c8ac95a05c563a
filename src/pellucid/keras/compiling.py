"""How a model is trained: losses and metrics of Keras as those of ours; data in our form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid import models as ours
from pellucid import nn
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, nearest
from pellucid.keras import formulas, losses, metrics, optimizers, training
from pellucid.keras.arguments import permit, refuse
from pellucid.keras.networks import Network, array, numbers
from pellucid.keras.tensors import flat
from pellucid.keras.training import Measures
from pellucid.models.endings import contract_of
from pellucid.train.metrics import Metric


class Compiled(Network):
    """A network that knows how it is trained."""

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
            ("weighted_metrics", weighted_metrics, (None, [])),
            ("run_eagerly", run_eagerly, (False,)),
            ("steps_per_execution", steps_per_execution, (1,)),
            ("jit_compile", jit_compile, ("auto", True)),
            ("auto_scale_loss", auto_scale_loss, (True,)),
        ):
            permit("Model.compile", name, value, *plain)
        if loss is None:
            refuse("Model.compile", "loss", None, "an objective must be given")
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        for one in flat(loss):
            if one is not None:
                losses.get(one)
        self._compiled = {"loss": loss, "weights": loss_weights, "metrics": metrics}
        self._configured = None

    @property
    def metrics_names(self) -> list[str]:
        return self._measures(self.network()).names

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

    def _configure(self, where: str, x: Any = None) -> ours.Model:
        """The Model of ours, compiled as the door's is."""
        network = self.network(x)
        if self._compiled is None:
            if network.compiled:  # out of a file
                return network
            raise ArgumentError(
                f"keras.{where}",
                "the model must be compiled first",
                "Call compile(optimizer, loss).",
            )
        frozen = {id(one) for one in self._frozen()}
        key = (id(network), frozenset(frozen), id(self._compiled))
        if self._configured is not None and self._configured[0] == key:
            return network
        architecture = network.architecture
        self._losses = [losses.get(one) for one in self._per_output(self._compiled["loss"], "loss")]
        inner = []
        for one, end in zip(self._losses, architecture.ends, strict=True):
            inner.append(one.inner(contract_of(architecture, nn.Squared(), end).activation))
        table, measured = self._metrics(architecture)
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
        network.compile(
            self.optimizer.inner,
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
        own = {}
        if several:
            own = {
                f"{word}_loss": f"{name}_loss"
                for word, name in zip(words, self._output_names, strict=True)
            }
        self._configured = (key, Measures(measured, own))
        return network

    def _metrics(self, architecture: Any) -> tuple[list[list[Metric]], dict[str, Any]]:
        """For each output the metrics of ours, and what Keras's are made of."""
        assert self._compiled is not None
        given, several = self._compiled["metrics"], len(self._output_names) > 1
        lists = self._per_output(given, "metrics") if several else [given]
        if not several and isinstance(given, Mapping):
            lists = self._per_output(given, "metrics")
        table: list[list[Metric]] = []
        measured: dict[str, Any] = {}
        for number, (own, name, word) in enumerate(
            zip(lists, self._output_names, architecture.outputs.names, strict=True)
        ):
            row = []
            listed = own if isinstance(own, (list, tuple)) else [] if own is None else [own]
            shape = architecture.output_types[number].shape
            for k, one in enumerate(flat(list(listed))):
                metric = metrics.get(one, shape)
                parts, combine = metric.made(shape[-1] if len(shape) > 1 else 1)
                keys = []
                for j, part in enumerate(parts):
                    key = f"k{number}_{k}_{j}"
                    row.append(Metric(key, _per_row(part)))
                    keys.append(f"{word}_{key}" if several else key)
                label = f"{name}_{metric.name}" if several else metric.name
                while label in measured:
                    label += "_1"
                measured[label] = (keys, combine, metric.needs_rows)
            table.append(row)
        return table, measured

    def _measures(self, network: ours.Model) -> Measures:
        if self._configured is not None:
            return self._configured[1]  # type: ignore[no-any-return]
        names = [m.name for each in network._configuration.metrics for m in each]  # type: ignore[union-attr]
        return Measures({one: ([one], lambda means, rows: means[0], False) for one in names}, {})

    # -- data -------------------------------------------------------------------------------

    def _x(self, x: Any) -> Any:
        """Features in the form of the Model of ours."""
        arrays = [array(one) for one in self._given(x, "inputs")]
        if len(arrays) == 1:
            return arrays[0]
        return dict(zip(self.network().architecture.inputs.names, arrays, strict=True))

    def _y(self, y: Any) -> Any:
        """Targets in the form of the Model of ours."""
        network = self.network()
        arrays = [array(one) for one in self._given(y, "outputs")]
        types = network.architecture.output_types
        if self._compiled is not None:
            arrays = [
                loss.prepared(one, type.shape)
                for loss, one, type in zip(self._losses, arrays, types, strict=True)
            ]
        words = network.architecture.outputs.names
        return arrays[0] if len(arrays) == 1 else dict(zip(words, arrays, strict=True))

    def _batch(self, class_weight: Any = None) -> Callable[[Any], Any]:
        """What makes a batch of Keras one of ours."""

        def prepared(batch: Any) -> Any:
            batch = tuple(batch) if isinstance(batch, (list, tuple)) else batch
            if not isinstance(batch, tuple) or len(batch) not in (2, 3):
                raise ArgumentError("keras.fit", "a batch must be (x, y) or (x, y, weights)")
            x, y, weights = (*batch, None)[:3]
            if class_weight is not None:
                weights = training.by_class(y, class_weight, weights)
            made = (self._x(numbers(x)), self._y(numbers(y)))
            return made if weights is None else (*made, np.asarray(weights))

        return prepared


def _per_row(part: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda t, p: formulas.of_rows(part(t, p), p.shape[0])
