"""What stands on the screen as one record: data, network, how it is trained, what was changed when.

Layers, optimizer, loss and penalties are the library's own records; nothing is named twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.core.arguments import choice, integer, real
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, DataError, TooLargeError
from pellucid.data import formula, plane
from pellucid.nn import HalfSquared, Layer, Loss, Regularizer
from pellucid.nn.dense import Activation, Dense
from pellucid.nn.noise import Dropout
from pellucid.nn.normalization import BatchNorm, LayerNorm
from pellucid.optim import SGD, Minimizer, Optimizer
from pellucid.web.exercises import Exercise
from pellucid.web.machine import Machine

OWN = "own"  # data that the page or Python gave
DIGITS = "digits"  # the bundled pictures
MOST_LAYERS, MOST_UNITS, MOST_WEIGHTS = 24, 128, 200_000
MOST_ROWS, MOST_COLUMNS, MOST_CLASSES = 100_000, 64, 20
MOST_EPOCHS, MOST_CHANGES = 10_000_000, 500
LAYERS = (Dense, Dropout, BatchNorm, LayerNorm, Activation)
MONITORS = ("loss", "val_loss")
CONTROLS = (  # what a lesson may hide
    "data",
    "features",
    "network",
    "training",
    "regularization",
    "output",
    "units",
    "curves",
    "scores",
    "program",
    "stop",
    "compare",
    "files",
    "machine",
    "modes",
)
MODES = ("svm", "exercise")  # settings that choose what is looked at; no run begins anew for them
WHERE = "playground"


@dataclass(frozen=True)
class Stop:
    """A rule that pauses the run.

    Args:
        kind: "below": the measure is at most `number`; "patience": it has not improved for so many
            epochs, and the weights of its best epoch come back.
        monitor: "loss" or "val_loss".
    """

    kind: str
    monitor: str
    number: float

    def __post_init__(self) -> None:
        choice(WHERE, "stop rule", self.kind, ("below", "patience"))
        choice(WHERE, "monitor", self.monitor, MONITORS)
        if self.kind == "patience":
            integer(WHERE, "patience", self.number, 1, MOST_EPOCHS)
        else:
            real(WHERE, "limit", self.number)


@dataclass(frozen=True)
class Change:
    """What a person changed at the end of an epoch, without a reset.

    Args:
        optimizer, penalties: from here on; None where weights were set.
        weights: {name: nested list}, put in place of the trained ones.
    """

    epoch: int
    optimizer: Optimizer | None
    penalties: tuple[Regularizer, ...] = ()
    weights: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Loaded:
    """A run that begins with a model file, see `files.py`.

    Args:
        resumes: whether the file's own run goes on, with the same data and options; None: if it
            can. Else its weights, means and slots stay, and epochs count anew.
        begun: the epoch at which the file stands; 0 where epochs count anew.
        compiled: "rates" where the model is compiled with other rates and strengths and its slots
            stay, "anew" where they do not; None: it is trained as the file says.
    """

    resumes: bool | None = None
    begun: int = 0
    compiled: str | None = None


@dataclass(frozen=True)
class Settings:
    """See the module. Rows are divided into those trained on and the share `held` out."""

    data: str = "circle"
    rows: int = 500
    noise: float = 0.0
    data_seed: int = 0
    held: float = 0.5
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[Layer, ...] = field(
        default_factory=lambda: (Dense(4, "tanh"), Dense(2, "tanh"), Dense(1, "tanh"))
    )
    seed: int = 0
    dtype: str = "float32"
    optimizer: Optimizer = field(default_factory=lambda: SGD(0.03))
    loss: Loss = field(default_factory=HalfSquared)
    penalties: tuple[Regularizer, ...] = ()
    batch_size: int = 10
    epochs: int = 0
    stop: Stop | None = None
    hidden: tuple[str, ...] = ()
    svm: Machine | None = None  # looked at in place of the network
    exercise: Exercise | None = None  # looked at in place of both
    changes: tuple[Change, ...] = ()
    loaded: Loaded | None = None

    def now(self) -> tuple[Optimizer, tuple[Regularizer, ...]]:
        """The optimizer and penalties that hold at the end."""
        for change in reversed(self.changes):
            if change.optimizer is not None:
                return change.optimizer, change.penalties
        return self.optimizer, self.penalties

    @property
    def start(self) -> Settings:
        """The same before its first step, with what holds now; weights given there stay."""
        optimizer, penalties = self.now()
        first = tuple(
            one for one in self.changes if one.weights is not None and one.epoch <= self.begun
        )
        return dataclasses.replace(
            self, optimizer=optimizer, penalties=penalties, changes=first, epochs=0
        )

    @property
    def begun(self) -> int:
        """The epoch at which the run begins: 0, or that of a model file."""
        return self.loaded.begun if self.loaded else 0

    @property
    def signs(self) -> bool:
        """Whether classes are given to the loss as -1 and 1, not as 0 and 1."""
        return not self.loss.is_classification or self.loss.binary_labels == (-1, 1)


def checked(settings: Settings, columns: int = 2) -> Settings:
    """`settings` within the bounds of a page.

    Args:
        columns: of the data.

    Raises:
        PellucidError: for the first thing that is outside; the bounds hold for what a page asks.
    """
    if settings.data not in (OWN, DIGITS):
        if settings.data not in plane.CLASSES | plane.VALUES:
            formula.Formula(settings.data, 2, "data")
        integer("data", "rows", settings.rows, 10, MOST_ROWS)
        real("data", "noise", settings.noise, 0, 0.5)
    check_seed("data", settings.data_seed)
    real("data", "held", settings.held, 0.05, 0.95)
    if not 1 <= len(settings.features) <= MOST_COLUMNS:
        raise ArgumentError(
            WHERE, f"features must be 1 to {MOST_COLUMNS}, got {len(settings.features)}"
        )
    for one in settings.features:
        if formula.Formula(one, columns, "features").is_condition:
            raise DataError("features", f"a feature must be a number, got {one!r}")
    _check_network(settings)
    choice(WHERE, "dtype", settings.dtype, ("float32", "float64"))
    check_seed(WHERE, settings.seed)
    steered = [one.optimizer for one in settings.changes if one.optimizer is not None]
    for optimizer in [settings.optimizer, *steered]:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(WHERE, f"expected an optimizer, got {optimizer!r}")
        optimizer.check(WHERE)
    if not isinstance(settings.loss, Loss):
        raise ArgumentError(WHERE, f"expected a loss, got {settings.loss!r}")
    penalties = [*settings.penalties, *(p for one in settings.changes for p in one.penalties)]
    for penalty in penalties:
        if not isinstance(penalty, Regularizer):
            raise ArgumentError(WHERE, f"expected a regularizer, got {penalty!r}")
    integer(WHERE, "batch_size", settings.batch_size, 1, MOST_ROWS)
    integer(WHERE, "epochs", settings.epochs, 0, MOST_EPOCHS)
    if len(settings.changes) > MOST_CHANGES:
        raise TooLargeError(WHERE, f"a run has at most {MOST_CHANGES} changes, got more")
    for name in settings.hidden:
        choice(WHERE, "control to hide", name, CONTROLS)
    return settings


def _check_network(settings: Settings) -> None:
    layers = settings.layers
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise TooLargeError(WHERE, f"a network has 1 to {MOST_LAYERS} layers, got {len(layers)}")
    width, weights = len(settings.features), 0
    for layer in layers:
        if not isinstance(layer, LAYERS):
            known = ", ".join(kind.__name__ for kind in LAYERS)
            raise ArgumentError(WHERE, f"layers must be {known}, got {type(layer).__name__}")
        if isinstance(layer, Dense):
            if layer.units > MOST_UNITS:
                raise TooLargeError(
                    WHERE, f"a layer has at most {MOST_UNITS} units, got {layer.units}"
                )
            weights += (width + 1) * layer.units
            width = layer.units
    if not isinstance(layers[-1], (Dense, Activation)):
        raise ArgumentError(
            WHERE, f"the last layer must be Dense or Activation, got {type(layers[-1]).__name__}"
        )
    if weights > MOST_WEIGHTS:
        raise TooLargeError(WHERE, f"a network has at most {MOST_WEIGHTS:,} weights, got more")


def steerable(old: Settings, new: Settings) -> bool:
    """Whether `new` differs from what holds in `old` by rates and strengths of penalties alone."""
    before, after = old.start, new.start
    same = dataclasses.replace(after, optimizer=before.optimizer, penalties=before.penalties)
    return same == before and same_but_for_rates(
        (before.optimizer, before.loss, before.penalties),
        (after.optimizer, after.loss, after.penalties),
    )


def same_but_for_rates(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    """Whether optimizer, loss and penalties have the same slots, and differ by numbers alone."""
    before, after = old[0], new[0]
    if old[1] != new[1] or isinstance(before, Minimizer) or type(before) is not type(after):
        return False
    # The slots of the new optimizer are those of the old one, so the rest of it must be equal.
    kept = dataclasses.replace(after, learning_rate=before.learning_rate)
    others = [[_unscaled(p) for p in one[2]] for one in (old, new)]
    return kept == before and others[0] == others[1]


def _unscaled(penalty: Any) -> Any:
    return penalty.with_strength(0.0)
