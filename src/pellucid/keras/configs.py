"""What `get_config` gives of a class that has none of its own: the arguments it was made of."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError


def arguments(
    made: Any, plain: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of an object by name, those of `plain` as they are now where it takes them.

    Raises:
        ArgumentError: where another object of them would share weights with this one.
    """
    kind = type(made)
    form, starred = inspect.signature(kind), inspect.signature(kind.__init__)
    several = [one for one in form.parameters.values() if one.kind is one.VAR_KEYWORD]
    own = {key: value for key, value in kwargs.items() if several or key in form.parameters}
    found = dict(form.bind(*args, **own).arguments)
    for one in form.parameters.values():
        if one.kind is one.VAR_POSITIONAL and found.get(one.name):
            _refuse(kind.__name__, one.name, found[one.name])
    for one in several:
        found |= found.pop(one.name, {})
    found |= {key: value for key, value in kwargs.items() if key not in own}
    for name, value in found.items():
        if _is_weighted(value):
            _refuse(kind.__name__, name, value)
    open_ended = any(one.kind is one.VAR_KEYWORD for one in starred.parameters.values())
    return {
        **found,
        **{key: value for key, value in plain.items() if open_ended or key in form.parameters},
    }


def _is_weighted(value: Any) -> bool:
    """Whether a layer, a model or a weight stands in nested lists, tuples and dicts."""
    if isinstance(value, Mapping):
        return any(map(_is_weighted, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_is_weighted, value))
    if isinstance(value, (type, np.ndarray)):
        return False
    return hasattr(value, "get_weights") or hasattr(value, "assign_add")


def _refuse(kind: str, name: str, value: Any) -> None:
    raise ArgumentError(
        f"keras.{kind}.get_config",
        f"{name} must be numbers, words and functions for another object of them, got {value!r}",
        f"Define get_config in {kind}, and from_config where it makes layers.",
    )
