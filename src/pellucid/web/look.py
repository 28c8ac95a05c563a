"""What the page draws of a model: each unit over the plane, weights, scores; one point at a time.

Everything is what the library computes: a second model of the same layers gives each block's
output. A block is a Dense layer with the layers behind it, up to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError
from pellucid.data import features
from pellucid.models import Model, Sequential
from pellucid.nn import BinaryCrossEntropy, Input, ProbabilityBinaryCrossEntropy
from pellucid.nn.dense import Dense
from pellucid.nn.layer import Layer
from pellucid.train.scores import confusion_matrix
from pellucid.web.carried import Carried
from pellucid.web.settings import Settings
from pellucid.web.sources import Rows

Array = np.ndarray[Any, Any]

FINE = 60  # cells along an edge of the output's map
_COARSE, _CELLS = 24, 40_000  # of a unit's map at most; numbers of all of them together


def blocks(layers: Sequence[Layer]) -> list[int]:
    """The last layer of each block."""
    first = [i for i, layer in enumerate(layers) if isinstance(layer, Dense)]
    return [*(i - 1 for i in first[1:]), len(layers) - 1] if first else [len(layers) - 1]


class Look:
    """A model as the page sees it.

    Args:
        model: of the layers of `settings`, built.
        rows: the data.
    """

    def __init__(self, settings: Settings, model: Sequential, rows: Rows):
        self.settings, self.model, self.rows = settings, model, rows
        self.ends = blocks(model.layers)
        first = h = Input((len(settings.features),))
        outputs = []
        for i, layer in enumerate(model.layers):
            h = layer(h)
            if i in self.ends:
                outputs.append(h)
        self.probe = Model(first, outputs, dtype=settings.dtype)
        widths = [model.types[end].shape[-1] for end in self.ends]
        inner = [one for one in widths if isinstance(one, int)]
        self.widths = [len(settings.features), *inner]  # of the features and of each block
        self.dtype = np.float32 if settings.dtype == "float32" else np.float64
        self._carried: Carried | None = None
        self._prepare()

    def _prepare(self) -> None:
        """What stays the same from picture to picture."""
        self.coarse = max(6, min(_COARSE, int((_CELLS / sum(self.widths)) ** 0.5)))
        self._fine, self._small = self._grid(FINE), self._grid(self.coarse)
        self._inputs = self._small.T.reshape(-1, self.coarse, self.coarse)

    def _grid(self, cells: int) -> Array:
        """The features of the plane, a row a cell; the first row is the upper left one."""
        return self._features(self.rows.grid((np.arange(cells) + 0.5) / cells))

    def over(self, places: Array) -> Array:
        """The features of places of the plane (N, 2)."""
        return self._features(self.rows.at(places))

    def _features(self, x: Array) -> Array:
        return features(x, list(self.settings.features)).astype(self.dtype)

    def _blocks(self, rows: Array, backend: str | None = None) -> list[Array]:
        found = self.probe.predict(rows, backend=backend)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def maps(self, backend: str | None = None) -> dict[str, Array]:
        """Features and units over the plane, block by block, and the output in finer cells."""
        cells = self.coarse
        small = [one.T.reshape(-1, cells, cells) for one in self._blocks(self._small, backend)]
        fine = self._blocks(self._fine, backend)[-1].T.reshape(-1, FINE, FINE)
        blocks = {f"block{i}": one for i, one in enumerate(small)}
        return {"features": self._inputs, **blocks, "output": fine}

    def columns(self, rows: Array, backend: str | None) -> list[Array]:
        """The columns of the diagram for rows of features: these themselves, then each block."""
        return [rows, *self._blocks(rows, backend)]

    def carried(self, column: int, units: Sequence[int], backend: str | None) -> dict[str, Array]:
        """The plane as two units see it; see `carried.py`."""
        if self._carried is None:
            self._carried = Carried(self)
        return self._carried.arrays(column, units, backend)

    def weights(self) -> dict[str, Array]:
        return dict(self.model.weights)

    def at(self, x: Array) -> dict[str, Any]:
        """Features and every unit's value for one point, with all digits."""
        rows = self._features(np.where(np.isfinite(x), x, self.rows.middle)[None])
        return {
            "features": rows[0].tolist(),
            "blocks": [one[0].tolist() for one in self._blocks(rows)],
        }

    def show(self, picture: Sequence[float]) -> None:
        """Puts a picture that a person drew before the network; there are none on a plane."""
        raise ArgumentError("playground", "there are no pictures among these data")

    def prediction(self, backend: str | None = "interpreter") -> dict[str, Any] | None:
        """What the network says of the picture before it, where its inputs are pictures."""
        return None

    def scores(self, backend: str | None = None) -> dict[str, Any]:
        """Loss and accuracy or R² of the rows trained on and of those held out."""
        found: dict[str, Any] = {}
        for name, (x, y), numbers in (
            ("train", self.rows.train, self.rows.kept),
            ("test", self.rows.test, self.rows.held),
        ):
            if not len(numbers):
                continue
            own = {"loss": self.model.evaluate(x, y, backend=backend)["loss"]}
            predicted = self._blocks(x.astype(self.dtype), backend)[-1]
            shown = self.rows.shown[numbers]
            if self.rows.classes:
                chosen = self._chosen(predicted)
                own["accuracy"] = float((chosen == shown).mean())
                if name == "test" or not len(self.rows.held):
                    known = np.clip(chosen, 0, self.rows.classes - 1)
                    table = confusion_matrix(shown, known, self.rows.classes)
                    found["confusion"] = table.tolist()
            else:
                spread = float(((shown - shown.mean()) ** 2).sum())
                missed = float(((shown - predicted[:, 0]) ** 2).sum())
                own["r2"] = 1 - missed / spread if spread else float("nan")
            found[name] = own
        return found

    def classes_of(self, predicted: Array) -> Array | None:
        """The class that each row of outputs stands for; None where the data have values."""
        return self._chosen(predicted) if self.rows.classes else None

    def _chosen(self, predicted: Array) -> Array:
        """The class that each row of outputs stands for."""
        if predicted.shape[1] > 1:
            return np.asarray(predicted.argmax(1))
        return (predicted[:, 0] > self.border).astype(np.int64)

    @property
    def border(self) -> float:
        """The output at which the class changes: ½ of a probability, else 0."""
        probability = isinstance(
            self.settings.loss, (BinaryCrossEntropy, ProbabilityBinaryCrossEntropy)
        )
        ends_in = self.model.layers[-1].final_activation
        return 0.5 if probability and ends_in == "sigmoid" else 0.0
