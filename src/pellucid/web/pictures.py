"""What the page draws of a model whose inputs are pictures: patches, where a plane has maps.

A unit of the first block shows its weights, where they sit on the picture. A later one shows how
its value goes with each pixel over the rows trained on: their covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.models import Sequential
from pellucid.nn.dense import Dense
from pellucid.web.look import Look
from pellucid.web.settings import Settings
from pellucid.web.sources import Rows

Array = np.ndarray[Any, Any]

_MOST_ROWS = 1_000  # that a covariance is taken over
_WORST = 12  # pictures that are shown


def look_of(settings: Settings, model: Sequential, rows: Rows) -> Look:
    """What the page sees of a model, by the kind of its inputs."""
    return (Pictures if rows.picture else Look)(settings, model, rows)


class Pictures(Look):
    """A model of pictures as the page sees it."""

    def _prepare(self) -> None:
        assert self.rows.picture is not None
        self.size = self.rows.picture
        self.coarse = max(self.size)
        self._some = self.rows.train[0][:_MOST_ROWS].astype(self.dtype)
        self._spread = self._some - self._some.mean(0)
        self._board = self.rows.middle.astype(self.dtype)
        self._dense = next(
            name
            for name, layer in zip(self.model.names, self.model.layers, strict=True)
            if isinstance(layer, Dense)
        )

    def show(self, picture: Sequence[float]) -> None:
        """Puts a picture on the board, where the mean of all stands first."""
        if len(picture) != len(self.rows.middle):
            raise ArgumentError(
                "playground",
                f"a picture has {len(self.rows.middle)} pixels here, got {len(picture)}",
            )
        self._board = np.array(picture, self.dtype)

    def maps(self, backend: str | None = None) -> dict[str, Array]:
        """The picture on the board, and the patch of each unit."""
        found = {"features": self._board.reshape(1, *self.size)}
        for i, values in enumerate(self._blocks(self._some, backend)):
            patches = (values - values.mean(0)).T @ self._spread / len(values)
            if i == 0:
                patches = self.model.weights[f"{self._dense}.W"].T
            found[f"block{i}"] = patches.reshape(-1, *self.size)
        return found

    def prediction(self, backend: str | None = "interpreter") -> dict[str, Any]:
        """What the network says of the picture on the board: outputs and probabilities."""
        row = self._board[None]
        blocks = self._blocks(row, backend)
        chances = self._chances(row, backend)
        return {
            "blocks": [one[0].tolist() for one in blocks],
            "chosen": int(self._chosen(blocks[-1])[0]),
            "chances": None if chances is None else chances[0].tolist(),
        }

    def _chances(self, rows: Array, backend: str | None) -> Array | None:
        """The probabilities of the classes; None for a loss that gives none."""
        try:
            found: Array = self.model.predict_proba(rows, backend=backend)
        except PellucidError:
            return None
        return found

    def scores(self, backend: str | None = None) -> dict[str, Any]:
        """Those of a plane, and the pictures held out that are classified worst."""
        found = super().scores(backend)
        numbers = self.rows.held if len(self.rows.held) else self.rows.kept
        rows = self.rows.x[numbers].astype(self.dtype)
        outputs, chances = self._blocks(rows, backend)[-1], self._chances(rows, backend)
        true, each = self.rows.shown[numbers], np.arange(len(numbers))
        measure = outputs if chances is None else chances
        others = measure.copy()
        others[each, true] = -np.inf
        behind = measure[each, true] if chances is not None else outputs[each, true] - others.max(1)
        chosen = self._chosen(outputs)
        found["worst"] = [
            {
                "row": int(numbers[i]),
                "true": int(true[i]),
                "chosen": int(chosen[i]),
                "chance": None if chances is None else float(chances[i, true[i]]),
            }
            for i in np.argsort(behind, kind="stable")[:_WORST]
        ]
        return found
