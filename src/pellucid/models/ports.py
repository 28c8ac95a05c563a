"""The inputs or the outputs of a model: their names, and how a person gives or gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core import trees
from pellucid.core.errors import ArgumentError, nearest
from pellucid.core.trees import LEAF, Structure
from pellucid.data.sparse import is_sparse


@dataclass(frozen=True)
class Ports:
    """Names in order, and the nesting: one alone, a list, or a dict by name.

    Args:
        names: one per port; of a port alone it is only for messages.
        structure: a leaf for one alone, else a list or a dict.
        each: what one is, for messages.
    """

    names: tuple[str, ...]
    structure: Structure = LEAF
    each: str = "input"

    @staticmethod
    def of(kind: type | None, names: Sequence[str], each: str = "input") -> Ports:
        """Ports that are given alone (None), as a `list` or as a `dict`."""
        if kind is None:
            return Ports(tuple(names), LEAF, each)
        keys = tuple(names) if kind is dict else ()
        return Ports(tuple(names), Structure(kind, keys, (LEAF,) * len(names), len(names)), each)

    @property
    def several(self) -> bool:
        """Whether data come in a list or a dict."""
        return self.structure.kind is not None

    def __len__(self) -> int:
        return len(self.names)

    def labels(self, name: str) -> tuple[str, ...]:
        """What messages call the data of each port: x, x[0] or x['age']."""
        keys = self.names if self.structure.kind is dict else range(len(self))
        return tuple(f"{name}[{key!r}]" for key in keys) if self.several else (name,)

    def nested(self, each: Sequence[Any]) -> Any:
        """One thing a port, in the nesting of the ports."""
        return trees.unflatten(self.structure, each) if self.several else each[0]

    def taken(self, where: str, name: str, given: Any) -> list[Any]:
        """What a person gave, one thing a port.

        Raises:
            ArgumentError: for another number of things, or names that are no ports.
        """
        by_name = isinstance(given, Mapping) and not is_sparse(
            given
        )  # SciPy has one that is a dict
        if not self.several:
            if by_name:
                raise ArgumentError(
                    where,
                    f"{name} must be one alone, for the model has one {self.each}, got a dict of "
                    f"{', '.join(map(str, given)) or 'nothing'}",
                    "Give the array itself.",
                )
            return [given]
        if by_name:
            return self._by_name(where, name, given)
        if self.structure.kind is list and isinstance(given, (list, tuple)):
            if len(given) == len(self.names):
                return list(given)
            got = str(len(given))
        else:
            got = f"an object of type {type(given).__name__}"
        if self.structure.kind is dict:
            raise ArgumentError(
                where,
                f"{name} must be a dict of {', '.join(self.names)}, got {got}",
                f"Write {{{self.names[0]!r}: …}}.",
            )
        raise ArgumentError(
            where,
            f"{name} must be a list of {len(self.names)}, one per {self.each}, got {got}",
            f"The {self.each}s are {', '.join(self.names)}.",
        )

    def _by_name(self, where: str, name: str, given: Mapping[Any, Any]) -> list[Any]:
        for key in given:
            if key not in self.names:
                raise ArgumentError(where, f"{name} has no '{key}'", nearest(key, self.names))
        missing = [one for one in self.names if one not in given]
        if missing:
            raise ArgumentError(
                where, f"{name} must hold {', '.join(self.names)}, got none for {missing[0]}"
            )
        return [given[one] for one in self.names]
