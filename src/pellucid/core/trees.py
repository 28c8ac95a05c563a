"""Nested dicts, lists and tuples of leaves: taken apart and put together again.

`None` is an empty container, not a leaf. Every other object is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of a nesting: `kind` is the container's type, None for a leaf."""

    kind: type | None
    keys: tuple[Any, ...] = ()
    children: tuple[Structure, ...] = ()
    count: int = 1

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inner = [repr(child) for child in self.children]
        if self.kind in _DICTS:
            pairs = zip(self.keys, inner, strict=True)
            return "{" + ", ".join(f"{key!r}: {text}" for key, text in pairs) + "}"
        if self.kind is type(None):
            return "None"
        return ("[{}]" if self.kind is list else "({})").format(", ".join(inner))


LEAF = Structure(None)
_END = object()


class ReadOnly(dict[str, Any]):
    """A dict whose entries stay: the arrays in it may change, but not be exchanged one by one.

    `model.params["dense_1"] = …` would change a dict that nothing reads.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(
            "model",
            "the entries of params and state cannot be set one by one, got an assignment",
            "Set some weights by name, model.set_weights({'dense_1.W': array}), or all: "
            "model.params = {…}.",
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        """A copy is a plain dict."""
        return dict, (dict(self),)


_DICTS = (dict, OrderedDict, ReadOnly)  # others do more than hold items


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree` in order, and its structure."""
    leaves: list[Any] = []
    try:
        return leaves, _flatten(tree, leaves)
    except RecursionError:
        raise _endless() from None


def _endless() -> ArgumentError:
    return ArgumentError(
        "trees",
        "containers must end somewhere, got one that holds itself or some hundred others",
        "Hand over a flat list or dict.",
    )


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    before = len(leaves)
    if tree is None:
        return Structure(type(None), count=0)
    if isinstance(tree, dict):
        if type(tree) not in _DICTS:
            raise ArgumentError(
                "trees",
                "containers must be dict, OrderedDict, list, tuple or a named tuple, got "
                f"{type(tree).__name__}",
                "Convert it: dict(x).",
            )
        children = tuple(_flatten(child, leaves) for child in tree.values())
        kind = dict if isinstance(tree, ReadOnly) else type(tree)
        return Structure(kind, tuple(tree), children, len(leaves) - before)
    if isinstance(tree, (list, tuple)):
        children = tuple(_flatten(child, leaves) for child in tree)
        sequence = type(tree) if not isinstance(tree, list) else list
        return Structure(sequence, (), children, len(leaves) - before)
    leaves.append(tree)
    return LEAF


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of `tree` in order, in less time than `flatten` takes."""
    leaves: list[Any] = []
    try:
        _collect((tree,), leaves)
    except RecursionError:
        raise _endless() from None
    return leaves


def _collect(children: Iterable[Any], leaves: list[Any]) -> None:
    for child in children:
        if isinstance(child, dict):
            _collect(child.values(), leaves)
        elif isinstance(child, (list, tuple)):
            _collect(child, leaves)
        elif child is not None:
            leaves.append(child)


def with_leaves(tree: Any, leaves: Iterable[Any]) -> Any:
    """`tree` with other leaves, as many as it has."""
    rest = iter(leaves)
    made = refilled(tree, rest)
    assert next(rest, _END) is _END, "as many leaves as before"
    return made


def refilled(tree: Any, leaves: Iterator[Any]) -> Any:
    """`tree` with the next leaves of an iterator, which may give more for other trees."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        made = {key: refilled(child, leaves) for key, child in tree.items()}
        return made if type(tree) is dict else type(tree)(made)
    if isinstance(tree, (list, tuple)):
        children = [refilled(child, leaves) for child in tree]
        if isinstance(tree, list):
            return children
        return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)
    return next(leaves)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The tree of `structure` with `leaves` in its places."""
    if structure.count != len(leaves):
        raise ArgumentError(
            "trees", f"{structure} needs {structure.count} leaves, got {len(leaves)}"
        )
    return _unflatten(structure, iter(leaves))


def _unflatten(structure: Structure, leaves: Iterator[Any]) -> Any:
    kind = structure.kind
    if kind is None:
        return next(leaves)
    if kind in _DICTS:
        made: dict[Any, Any] = {}
        for key, child in zip(structure.keys, structure.children, strict=True):
            made[key] = next(leaves) if child.kind is None else _unflatten(child, leaves)
        return made if kind is dict else kind(made)
    if kind is type(None):
        return None
    children = [_unflatten(child, leaves) for child in structure.children]
    if kind is list:
        return children
    if hasattr(kind, "_fields"):  # a named tuple takes its fields one by one
        return kind(*children)
    return tuple(children)


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """`tree` with `function` applied to each leaf, and to the leaves of `others` beside it."""
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in others:
        other_leaves, other_structure = flatten(other)
        if other_structure != structure:
            raise ArgumentError(
                "trees",
                f"both trees must have one structure, got {structure} and {other_structure}",
            )
        columns.append(other_leaves)
    return unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def paths(tree: Any, prefix: str = "") -> list[str]:
    """A name for each leaf: its keys joined by dots, `dense.W`."""
    try:
        return _paths(tree, prefix)
    except RecursionError:
        raise _endless() from None


def _paths(tree: Any, prefix: str) -> list[str]:
    if tree is None:
        return []
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        items = list(enumerate(tree))
    else:
        return [prefix]
    return [
        path
        for key, child in items
        for path in _paths(child, f"{prefix}.{key}" if prefix else str(key))
    ]
