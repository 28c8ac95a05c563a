"""Nested weights at the door of an optimizer: flat Values in, trees of the same kind out.

Outside a trace the leaves are arrays or Tensors with numbers, and come back as what they were;
inside one they are values of the graph under construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.core.dtypes import DType, as_dtype, int64
from pellucid.core.errors import ArgumentError, DTypeError
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.ops.value import Value, is_scalar, is_tracing, number
from pellucid.transform.tensor import Tensor


def _value(leaf: Any, dtype: DType | None = None) -> Value:
    """A leaf in the active recorder; outside a trace without its past.

    Args:
        dtype: what a number becomes; None: what it is by itself.
    """
    if isinstance(leaf, Tensor) and leaf.data is not None and not is_tracing():
        leaf = leaf.data
    if is_scalar(leaf) and (dtype is not None or hasattr(leaf, "dtype")):
        return number(leaf, dtype or as_dtype(leaf.dtype, "params"))
    return composite.asvalue(leaf)


def given_back(values: Sequence[Value], leaves: Sequence[Any]) -> list[Any]:
    """Values as a person holds them: as a Tensor where the leaf was one, else as an array."""
    if is_tracing():
        return list(values)
    arrays = [np.array(value, order="C") for value in values]
    return [
        Tensor(array) if isinstance(leaf, Tensor) else array
        for array, leaf in zip(arrays, leaves, strict=True)
    ]


@dataclass(frozen=True)
class Tree:
    """Nested weights.

    Args:
        leaves: as they were given; values: the same in the active recorder.
        paths: a name for each leaf.
    """

    leaves: list[Any]
    values: list[Value]
    paths: list[str]
    structure: trees.Structure

    @staticmethod
    def of(where: str, name: str, given: Any, weights: Tree | None = None) -> Tree:
        """`given` taken apart.

        Args:
            weights: what it must be nested like; its numbers take the dtypes of these.

        Raises:
            ArgumentError: for another nesting.
            DTypeError: for leaves that are not floats.
        """
        leaves, structure = trees.flatten(given)
        paths = trees.paths(given, name)
        if weights is not None and structure != weights.structure:
            raise ArgumentError(
                where,
                f"{name} must be nested like params, {weights.structure}, got {structure}",
                "Take the gradient with respect to the same weights: pel.grad(loss)(params, …).",
            )
        values = []
        for i, (leaf, path) in enumerate(zip(leaves, paths, strict=True)):
            if isinstance(leaf, (str, bytes)) or not (hasattr(leaf, "dtype") or is_scalar(leaf)):
                raise DTypeError(
                    where,
                    f"{path} must be an array, a Tensor or a number, got {type(leaf).__name__}",
                    "Hand over the weights alone, in dicts, lists and tuples.",
                )
            value = _value(leaf, weights.types[i].dtype if weights else None)
            if not value.type.dtype.is_float:
                raise DTypeError(
                    where,
                    f"{path} must hold floats, got {value.type!r}",
                    "Convert it, np.asarray(w, np.float32), or leave it out of the weights.",
                )
            values.append(value)
        return Tree(leaves, values, paths, structure)

    @property
    def types(self) -> list[TensorType]:
        return [value.type for value in self.values]

    def like(self, values: Sequence[Value]) -> Any:
        """A tree nested like this one."""
        return trees.unflatten(self.structure, given_back(values, self.leaves))


def matching(where: str, name: str, given: Any, weights: Tree) -> list[Value]:
    """The leaves of a tree that must be nested like `weights`, with the same types."""
    found = Tree.of(where, name, given, weights)
    for path, type, wanted in zip(found.paths, found.types, weights.types, strict=True):
        if type != wanted:
            raise ArgumentError(
                where,
                f"{path} must be {wanted!r} like its weight, got {type!r}",
                "The gradient of a weight has its shape and dtype.",
            )
    return found.values


def check_slots(
    where: str,
    slots: Any,
    weights: Tree,
    wanted: Mapping[str, Sequence[TensorType]],
    count: str,
) -> dict[str, list[Value]]:
    """The slots as flat lists, the step count under its name.

    Raises:
        ArgumentError: for slots that another optimizer or other weights made.
    """
    names = [count, *wanted]
    got = ", ".join(map(str, slots)) or "none" if isinstance(slots, Mapping) else repr(slots)
    fix = "Start with slots = optimizer.init(params), and go on with what update returns."
    if not isinstance(slots, Mapping) or set(slots) != set(names):
        raise ArgumentError(where, f"slots must hold {', '.join(names)}, got {got}", fix)
    found: dict[str, list[Value]] = {}
    for name, types in {count: [TensorType(int64)], **wanted}.items():
        leaves, structure = trees.flatten(slots[name])
        values = [_value(leaf) for leaf in leaves if hasattr(leaf, "dtype")]
        fitting = structure == (trees.LEAF if name == count else weights.structure)
        if not fitting or [value.type for value in values] != list(types):
            raise ArgumentError(
                where,
                f"slots[{name!r}] must be {list(types)!r} nested like params, got "
                f"{[getattr(v, 'type', v) for v in values]!r} nested like {structure}",
                fix,
            )
        found[name] = values
    steps = getattr(found[count][0], "data", None)  # inside a trace the count is no number
    if steps is not None and steps < 0:
        raise ArgumentError(where, f"slots[{count!r}] must count from 0, got {int(steps)}", fix)
    return found
