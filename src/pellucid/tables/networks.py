"""The networks of a table's model: their kinds, and how one is trained on a fold.

In: prepared arrays. Out: trained models. All networks of one kind are the same graph, so they share
what is compiled for it; only their weights differ.

The defaults are a recipe that was measured (docs/tables.md): two hidden layers of 128 ReLU, dropout
0.1, AdamW 2e-3 with decay 1e-3, a batch of an eighth of the rows within 16 … 256, at most 100
epochs, each network stopped early on its own fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid.models import Model
from pellucid.nn import Categories, Concat, Dense, Dropout, Input
from pellucid.optim import AdamW
from pellucid.tables.preparation import Arrays
from pellucid.train.callback import Callback
from pellucid.train.callbacks import EarlyStopping

Array = np.ndarray[Any, Any]
SCALED, BINNED = "scaled", "binned"
KINDS = (SCALED, BINNED)
_HIDDEN = 128
_DROPOUT = 0.1
_RATE, _DECAY = 2e-3, 1e-3
_EPOCHS, _PATIENCE = 100, 20
_BATCHES = 8  # of an epoch, where the batch is not limited
_LOW, _HIGH = 16, 256
_CURVE = 200  # rows of a network's curves that are kept


@dataclass(frozen=True)
class Shape:
    """What a network reads and returns.

    Attributes:
        scaled, bins: how many numbers of each kind a row has.
        levels: how many codes each category has.
        outputs: classes, or 1 for a number.
        classes: whether they are classes.
    """

    scaled: int
    bins: int
    levels: tuple[int, ...]
    outputs: int
    classes: bool


class Networks:
    """Networks of one kind and one shape.

    Args:
        kind: "scaled" reads scaled numbers, "binned" their bins beside them, "linear" is a linear
            model of scaled numbers. All read the categories.
    """

    def __init__(self, kind: str, shape: Shape):
        self.kind, self.shape = kind, shape
        self._first: Model | None = None

    @property
    def widths(self) -> dict[str, tuple[int]]:
        """The shape of one row of each input."""
        shape = self.shape
        found = {
            "numbers": shape.scaled + (shape.bins if self.kind == BINNED else 0),
            "codes": len(shape.levels),
        }
        return {name: (width,) for name, width in found.items() if width}

    def new(self, seed: int) -> Model:
        """A network with fresh weights."""
        inputs = {name: Input(width) for name, width in self.widths.items()}
        parts = []
        if "numbers" in inputs:
            parts.append(inputs["numbers"])
        if "codes" in inputs:
            parts.append(Categories(self.shape.levels, name="codes")(inputs["codes"]))
        x = Concat(name="features")(parts) if len(parts) > 1 else parts[0]
        for number in (1, 2):
            x = Dense(_HIDDEN, "relu", name=f"hidden_{number}")(x)
            x = Dropout(_DROPOUT, name=f"dropout_{number}")(x)
        model = Model(inputs, Dense(self.shape.outputs, name="output")(x), seed=seed)
        model.compile(
            AdamW(_RATE, weight_decay=_DECAY),
            "cross_entropy" if self.shape.classes else "squared",
        )
        model.built()
        return self.adopted(model)

    def adopted(self, model: Model) -> Model:
        """`model`, one of this kind, which runs what is compiled for the others."""
        if self._first is None:
            self._first = model
        model.share_programs(self._first.programs)
        return model

    def inputs(self, x: Arrays) -> dict[str, Array]:
        """What a network of this kind reads of prepared rows."""
        found = {}
        if x.scaled.shape[1]:
            both = self.kind == BINNED
            found["numbers"] = np.concatenate([x.scaled, x.bins], axis=1) if both else x.scaled
        if x.codes.shape[1]:
            found["codes"] = x.codes
        return found

    def trained(
        self, x: Arrays, y: Array, held: Array, seed: int, watcher: Callback
    ) -> tuple[Model, bool]:
        """A network trained on all rows but `held`, with the weights that were best on those.

        Returns:
            the network, and whether Ctrl-C ended its training.

        Raises:
            KeyboardInterrupt: before its first epoch ended.
        """
        model = self.new(seed)
        kept = np.ones(len(y), bool)
        kept[held] = False
        inside, outside = self.inputs(x.take(kept)), self.inputs(x.take(held))
        stopped = False
        try:
            model.fit(
                inside,
                y[kept],
                batch_size=batch_size(int(kept.sum())),
                epochs=_EPOCHS,
                validation_data=(outside, y[held]),
                seed=seed,
                verbose=0,
                callbacks=[EarlyStopping(patience=_PATIENCE), watcher],
                history_points=_CURVE,
            )
        except KeyboardInterrupt:
            if not model.history.epochs.get("val_loss"):
                raise
            stopped = True
        model.forget_training()
        return model, stopped

    def outputs(self, model: Model, x: Arrays) -> Array:
        """Probabilities (N, C), or standardised numbers (N, 1), float64."""
        given = self.inputs(x)
        found = model.predict_proba(given) if self.shape.classes else model.predict(given)
        return np.asarray(found, np.float64)


class Member(NamedTuple):
    """One of the networks whose predictions are averaged."""

    networks: Networks
    model: Model


def batch_size(rows: int) -> int:
    return min(max(rows // _BATCHES, _LOW), _HIGH)
