"""How a model is trained: what `compile` was given, checked, and the task that follows from it.

In: an architecture, an optimizer, losses, metrics, penalties, rates. Out: a Configuration, and for
targets of known types the Task whose graphs train and measure the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core.arguments import choice, real
from pellucid.core.dtypes import DType
from pellucid.core.errors import ArgumentError, nearest
from pellucid.graph.node import TensorType
from pellucid.models.architecture import Architecture
from pellucid.models.endings import contract_of
from pellucid.nn.losses import Loss
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.losses.contract import Contract
from pellucid.nn.regularizers import Regularizer
from pellucid.ops.random import Key
from pellucid.optim import (
    LBFGS,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Minimizer,
    Muon,
    Nadam,
    Newton,
    Optimizer,
    Perturb,
    RMSprop,
)
from pellucid.optim.elsewhere import NAMES as OPTIMIZERS_ELSEWHERE
from pellucid.train.metric import Metric
from pellucid.train.metrics import GRADIENT_NORM, check_metrics, metric, unique_names
from pellucid.train.task import Head, Penalty, Task

OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "nadam": Nadam,
    "adamax": Adamax,
    "lion": Lion,
    "adadelta": Adadelta,
    "adafactor": Adafactor,
    "ftrl": Ftrl,
    "lamb": Lamb,
    "muon": Muon,
    "lbfgs": LBFGS,
    "newton": Newton,
    "perturb": Perturb,
}


@dataclass(frozen=True)
class Configuration:
    """What `compile` was given.

    Args:
        losses, weights, metrics: one per output.
        gradient_norm: whether the norm of the gradient is measured.
        rates: of layers whose rate is not that of the optimizer.
        unpenalized: names of layers whose own penalties are no part of the objective; bounds act.
        still: names of layers that act in training as in prediction, though their weights train.
        held: single weights, (layer, name), that stay as they are and have no penalty.
    """

    optimizer: Optimizer
    losses: tuple[Loss, ...]
    weights: tuple[float, ...]
    metrics: tuple[tuple[Metric, ...], ...]
    gradient_norm: bool
    regularizers: tuple[Regularizer, ...]
    rates: dict[str, float]
    unpenalized: frozenset[str] = frozenset()
    still: frozenset[str] = frozenset()
    held: frozenset[tuple[str, str]] = frozenset()

    @property
    def traced_parts(self) -> tuple[Any, ...]:
        """What graphs are made of, beside the layers."""
        return self.optimizer, *self.losses, *self.metrics, *self.regularizers

    def contracts(self, architecture: Architecture) -> list[Contract]:
        """What each output means under its loss.

        Raises:
            ArgumentError: for a pair of output and loss, or of metric and output, that is refused.
        """
        found = []
        for loss, metrics, end in zip(self.losses, self.metrics, architecture.ends, strict=True):
            found.append(contract_of(architecture, loss, end))
            check_metrics(metrics, loss, found[-1])
        return found

    def task(
        self,
        architecture: Architecture,
        params: Any,
        state: Any,
        ys: Sequence[TensorType],
        weights: tuple[TensorType, ...],
        dtype: DType,
    ) -> Task:
        """What is trained on targets of these types; `params` and `state` are trees of types."""
        contracts = self.contracts(architecture)
        frozen = {name for name in state if state[name] and self.rates.get(name) == 0}
        frozen |= self.still
        raw = {
            architecture.ending(end)[0]
            for end, one in zip(architecture.ends, contracts, strict=True)
            if one.reads_raw
        }

        def forward(
            params: Any, state: Any, inputs: Any, *, train: bool, key: Key | None
        ) -> tuple[list[Any], Any]:
            return architecture.apply(
                params, state, inputs, train=train, key=key, frozen=frozen, raw=raw, terms=True
            )

        several = architecture.outputs.several
        heads = [
            Head(name if several else "", y, loss, one, metrics, weight)
            for name, y, loss, one, metrics, weight in zip(
                architecture.outputs.names,
                ys,
                self.losses,
                contracts,
                self.metrics,
                self.weights,
                strict=True,
            )
        ]
        each = [(name, leaf) for name, leaves in params.items() for leaf in leaves]
        return Task(
            forward,
            params,
            state,
            architecture.inputs.nested(architecture.input_types),
            tuple(heads),
            architecture.outputs.nested,
            tuple(self._penalties(architecture, params)),
            weights,
            self.gradient_norm,
            rates=tuple(0.0 if one in self.held else self.rates.get(one[0], 1.0) for one in each),
            dtype=dtype,
        )

    def _penalties(self, architecture: Architecture, params: Any) -> list[Penalty]:
        """Those of the whole model, then those of single layers, each with its leaves."""
        layers = architecture.unique()
        each = [(layers[name], leaf) for name, leaves in params.items() for leaf in leaves]
        found = [
            Penalty(
                one,
                tuple(
                    i
                    for i, (layer, leaf) in enumerate(each)
                    if one.acts_on(leaf, leaf in layer.biases)
                ),
            )
            for one in self.regularizers
        ]
        for name, layer in layers.items():
            for one in layer.penalties:
                if name in self.unpenalized and not one.is_proximal:
                    continue
                own = [
                    i
                    for i, (other, leaf) in enumerate(each)
                    if other is layer and one.acts_on(leaf, leaf in layer.biases)
                ]
                if not own:
                    raise ArgumentError(
                        layer.where,
                        f"a regularizer needs weights to act on, got {one!r} on a layer without",
                        "Take regularizer= off this layer.",
                    )
                held = [i for i in own if (name, each[i][1]) in self.held]
                if len(held) < len(own):
                    found.append(Penalty(one, tuple(i for i in own if i not in held)))
        return found


def configuration(
    architecture: Architecture,
    optimizer: Any,
    loss: Any,
    metrics: Any,
    regularizer: Any,
    rates: Any,
    loss_weights: Any,
) -> Configuration:
    """The arguments of `compile`, checked."""
    if isinstance(optimizer, str):
        choice("compile", "optimizer", optimizer, OPTIMIZERS, OPTIMIZERS_ELSEWHERE)
        optimizer = OPTIMIZERS[optimizer]()
    if not isinstance(optimizer, Optimizer):
        hint = "Use one of pel.optim, such as SGD(0.1)."
        if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
            hint = f"Write {optimizer.__name__}(…), with brackets."
        raise ArgumentError("compile", f"expected an optimizer, got {optimizer!r}", hint)
    optimizer.check("compile")
    outputs = architecture.outputs
    losses = _each(architecture, "loss", loss, repeat=True)
    weights = [1.0] * len(outputs) if loss_weights is None else _weights(architecture, loss_weights)
    lists = _metrics(architecture, metrics)
    gradient_norm = any(one.name == GRADIENT_NORM for one in (m for each in lists for m in each))
    kept = [tuple(one for one in each if one.name != GRADIENT_NORM) for each in lists]
    penalties = tuple(regularizer) if isinstance(regularizer, (list, tuple)) else (regularizer,)
    for penalty in penalties:
        if not isinstance(penalty, Regularizer):
            raise ArgumentError(
                "compile", f"expected a regularizer, got {penalty!r}", "Write L2(1e-4)."
            )
    own = [penalty for layer in architecture.unique().values() for penalty in layer.penalties]
    found = Configuration(
        optimizer,
        tuple(loss_of(one) for one in losses),
        tuple(weights),
        tuple(kept),
        gradient_norm,
        penalties,
        _rates(architecture, rates, optimizer),
    )
    _check_penalties(optimizer, [*penalties, *own])
    if architecture.layers:
        found.contracts(architecture)
    return found


def _check_penalties(optimizer: Optimizer, penalties: Sequence[Regularizer]) -> None:
    if isinstance(optimizer, Minimizer) and any(penalty.is_proximal for penalty in penalties):
        raise ArgumentError(
            "compile",
            f"{type(optimizer).__name__} takes penalties that are part of the objective, got "
            f"{next(p for p in penalties if p.is_proximal)!r}",
            "Use an optimizer that takes one step along the gradient, such as Adam().",
        )


def _each(architecture: Architecture, name: str, given: Any, repeat: bool) -> list[Any]:
    """An argument of `compile` for each output."""
    outputs = architecture.outputs
    if not outputs.several:
        if isinstance(given, (list, tuple, Mapping)):
            raise ArgumentError(
                "compile",
                f"the model has one output and takes one {name}, got a {type(given).__name__}",
                "Write loss='squared'." if name == "loss" else "",
            )
        return [given]
    if repeat and not isinstance(given, (list, tuple, Mapping)):
        return [given] * len(outputs)
    return outputs.taken("compile", name, given)


def _weights(architecture: Architecture, given: Any) -> list[float]:
    weights = _each(architecture, "loss_weights", given, repeat=False)
    return [real("compile", "loss_weights", weight, 0) for weight in weights]


def _metrics(architecture: Architecture, given: Any) -> list[tuple[Metric, ...]]:
    """The metrics of each output; their names differ."""
    outputs = architecture.outputs
    if not outputs.several:
        lists = [given]
    elif isinstance(given, Mapping):
        lists = outputs.taken("compile", "metrics", {**dict.fromkeys(outputs.names, ()), **given})
    elif isinstance(given, (list, tuple)) and not given:
        lists = [()] * len(outputs)
    elif isinstance(given, (list, tuple)) and all(isinstance(g, (list, tuple)) for g in given):
        lists = outputs.taken("compile", "metrics", given)
    else:
        raise ArgumentError(
            "compile",
            f"metrics of {len(outputs)} outputs must say of which, got {given!r}",
            f"Write metrics={{'{outputs.names[0]}': ['accuracy']}}.",
        )
    found = [
        tuple(metric(item) for item in (one if isinstance(one, (list, tuple)) else [one]))
        for one in lists
    ]
    taken: dict[str, Metric | None] = {}  # None stands for a loss
    if outputs.several:
        taken = dict.fromkeys(f"{name}_loss" for name in outputs.names)
    for name, each in zip(outputs.names, found, strict=True):
        unique_names(each)
        for one in each:
            own = f"{name}_{one.name}"
            if outputs.several and own in taken:
                raise ArgumentError(
                    "compile",
                    f"the names of all measures must differ, got {own!r} twice",
                    _renamed(one, taken[own]),
                )
            taken[own] = one
    return found


def _renamed(*metrics: Metric | None) -> str:
    """What to do where two measures have one name, of which functions can change theirs."""
    for one in metrics:
        if one is not None and one.function is not None:
            return f"Name the function: pel.Metric({'own_' + one.name.strip('<>')!r}, function)."
    return "Name one of the outputs otherwise."


def _rates(
    architecture: Architecture, rates: Mapping[str, float] | None, optimizer: Optimizer
) -> dict[str, float]:
    """`rates` checked, by layer; those that are 1 are left out."""
    if rates is None:
        return {}
    if not isinstance(rates, Mapping):
        raise ArgumentError("compile", f"rates must be {{layer: factor}}, got {rates!r}")
    factors: dict[str, float] = {}
    for name, factor in rates.items():
        inside = architecture.inside(name) if isinstance(name, str) else []
        if not inside:
            raise ArgumentError(
                "compile",
                f"rates must name layers, got {name!r}",
                nearest(name, [*architecture.names, *architecture.groups]),
            )
        real("compile", f"rates of {name}", factor, 0)
        if isinstance(optimizer, Minimizer) and factor not in (0, 1):
            raise ArgumentError(
                "compile",
                f"with {type(optimizer).__name__} rates must be 0 or 1, got {factor!r} of {name}",
                "It moves all weights together; 0 freezes a layer.",
            )
        for one in inside:
            if factors.get(one, factor) != factor:
                raise ArgumentError(
                    "compile", f"rates must give layer {one} one factor, got two", "Name it once."
                )
            factors[one] = float(factor)
    return {name: factor for name, factor in factors.items() if factor != 1}
