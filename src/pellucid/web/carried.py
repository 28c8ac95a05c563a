"""The plane as two units of a layer see it: a grid over it, some rows, the border of the classes.

In: what the page sees of a model. Out: for each of them the values of the two units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pellucid.web.sources import Rows

Array = np.ndarray[Any, Any]

_NODES = 49  # of the grid along an edge
_ROWS = 600  # that are shown
_HALVINGS = 12  # of an edge of the grid, for a point of the border


class Seen(Protocol):
    """What is needed of the look of a model; see `look.py`."""

    rows: Rows
    dtype: Any
    widths: list[int]

    def over(self, places: Array) -> Array: ...
    def columns(self, rows: Array, backend: str | None) -> list[Array]: ...
    def classes_of(self, predicted: Array) -> Array | None: ...


class Carried:
    """See the module.

    Args:
        look: of a model over a plane.
    """

    def __init__(self, look: Seen):
        self.look = look
        count = len(look.rows.inputs)
        self.chosen = np.unique(np.linspace(0, count - 1, min(count, _ROWS)).astype(np.int64))
        self.rows = look.rows.inputs[self.chosen].astype(look.dtype)
        self.places = self.nodes = np.zeros((0, 2))
        if look.rows.picture:
            return
        self.places = look.rows.grid(np.linspace(0, 1, _NODES))[:, :2]
        self.nodes = look.over(self.places)

    def arrays(self, column: int, units: Sequence[int], backend: str | None) -> dict[str, Array]:
        """What the two units see.

        Args:
            column: 0 for the features, 1 for the first block, and so on.

        Returns:
            "carried" (P, 2), their values for the rows "carried:rows"; over a plane "mesh"
            (n, n, 2), those at the nodes of the grid, with "mesh:output" (n, n, C), and "border"
            (S, 2, 2), those at both ends of its segments. Nothing where there are no such units.
        """
        widths = self.look.widths
        if column >= len(widths) or max(units) >= widths[column]:
            return {}
        chosen = list(units)
        found = {
            "carried": self.look.columns(self.rows, backend)[column][:, chosen],
            "carried:rows": self.chosen,
        }
        if not len(self.nodes):
            return found
        columns = self.look.columns(self.nodes, backend)
        ends = self._border(self.look.classes_of(columns[-1]), backend)
        if len(ends):
            ends = self.look.columns(self.look.over(ends), backend)[column][:, chosen]
        return {
            **found,
            "mesh": columns[column][:, chosen].reshape(_NODES, _NODES, 2),
            "mesh:output": columns[-1].reshape(_NODES, _NODES, -1),
            "border": ends.reshape(-1, 2, 2),
        }

    def _border(self, classes: Array | None, backend: str | None) -> Array:
        """Places of the plane, two for each segment, where the class changes.

        A triangle of the grid that two classes share has one segment, from edge to edge.
        """
        if classes is None:
            return np.zeros((0, 2))
        node = np.arange(_NODES * _NODES).reshape(_NODES, _NODES)
        a, b, c, d = (
            one.ravel() for one in (node[:-1, :-1], node[:-1, 1:], node[1:, :-1], node[1:, 1:])
        )
        triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
        edges = np.stack([triangles, np.roll(triangles, -1, 1)], 2)  # (T, 3, 2)
        cut = classes[edges[:, :, 0]] != classes[edges[:, :, 1]]
        edges = edges[cut.sum(1) == 2][cut[cut.sum(1) == 2]]
        low, high = self.places[edges[:, 0]], self.places[edges[:, 1]]
        mine = classes[edges[:, 0]]
        for _ in range(_HALVINGS if len(edges) else 0):
            middle = (low + high) / 2
            output = self.look.columns(self.look.over(middle), backend)[-1]
            same = (self.look.classes_of(output) == mine)[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        found: Array = (low + high) / 2
        return found
