"""Checks of the arguments of `init` and `apply`, in front of every layer.

In: what a model or a person hands over, Values or arrays. Out: Values for the layer's own method,
or a message that names the argument.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core import shapes, trees
from pellucid.core.arguments import diagnosed, flag
from pellucid.core.dtypes import int64
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError, nearest
from pellucid.graph.node import TensorType
from pellucid.ops.composite.base import asvalue
from pellucid.ops.random import Key
from pellucid.ops.value import Value
from pellucid.transform.arrays import check_whole
from pellucid.transform.trace import trace

OFFSET = "Subtract an offset, such as x.min()."
WIDER = 'Make the model with dtype="float64".'
FLOATS = ("float32", "float64")
_START = "Start from params, state = layer.init(pel.Key(seed, 0), type)."
_SCALAR = TensorType(int64)


def checked_init(init: Callable[..., Any]) -> Callable[..., Any]:
    """`init(key, x)` that refuses what is no Key and no type."""

    @functools.wraps(init)
    def checked(self: Any, key: Key, x: TensorType) -> Any:
        _check_key(self.where, key)
        if not isinstance(x, TensorType):
            raise ArgumentError(self.where, f"x must be the TensorType of an input, got {x!r}")
        return init(self, key, x)

    return checked


def checked_apply(apply: Callable[..., Any]) -> Callable[..., Any]:
    """`apply(params, state, x, train=, key=)` that takes arrays too, and refuses what does not fit.

    Shapes of params and state are looked at where the layer fails: a model has compared them.
    """
    call = diagnosed(_check_arrays)(apply)

    @functools.wraps(apply)
    def checked(self: Any, params: Any, state: Any, x: Any, *, train: bool, key: Key | None) -> Any:
        where = self.where
        flag(where, "train", train)
        if key is not None:
            _check_key(where, key)
        for name, tree in (("params", params), ("state", state)):
            if not isinstance(tree, dict):
                raise ArgumentError(
                    where, f"{name} must be a dict of arrays, got {type(tree).__name__}", _START
                )
        if self.multiple_inputs and not isinstance(x, (list, tuple)):
            raise ArgumentError(where, f"x must be a list of inputs, got {type(x).__name__}")
        _check_whole(where, params, tuple(x) if self.multiple_inputs else (x,))
        inputs = tuple(map(_value, x)) if self.multiple_inputs else (_value(x),)
        if not inputs or any(one.type.shape == () for one in inputs):
            raise ShapeError(where, "x must have rows, got a single number or none")
        own = (trees.map_leaves(_value, params), trees.map_leaves(_value, state))
        return call(self, *own, inputs if self.multiple_inputs else inputs[0], train=train, key=key)

    return checked


def _check_whole(where: str, params: Any, inputs: tuple[Any, ...]) -> None:
    """Refuses whole numbers that the layer's weights would round, and such weights."""
    weights = trees.leaves_of(params)
    names = [getattr(getattr(leaf, "dtype", None), "name", "") for leaf in weights]
    floats = [name for name in names if name in FLOATS]
    if not floats:
        return
    narrow = np.dtype(min(floats))  # float32 before float64
    for one in inputs:
        check_whole(one, narrow, where, "x", OFFSET)
    for leaf in weights:
        check_whole(leaf, narrow, where, "a weight", WIDER)


def _check_key(where: str, key: object) -> None:
    if not isinstance(key, Key):
        raise ArgumentError(where, f"key must be one, got {key!r}", "Write pel.Key(seed, step).")


def _value(array: Any) -> Value:
    return array if isinstance(array, Value) else asvalue(array)


def _check_arrays(
    layer: Any, params: Any, state: Any, x: Any, *, train: bool, key: Key | None
) -> None:
    """Refuses params and state that are not nested and shaped as the layer makes them for x."""
    first = x[0] if layer.multiple_inputs else x
    try:
        traced = trace(
            lambda seed, step: layer.init(Key(seed, step, "init"), first.type),
            [_SCALAR, _SCALAR],
            ["seed", "step"],
            lambda values: (tuple(values), {}),
        )
    except PellucidError:
        raise
    except Exception:  # a layer of a person's own, whose error of before says more
        return
    wanted = trees.unflatten(traced.structure, traced.graph.output_types)
    for name, tree, types in zip(("params", "state"), (params, state), wanted, strict=True):
        _check_tree(layer.where, name, tree, types)


def _check_tree(where: str, name: str, tree: Any, wanted: Any) -> None:
    known = dict(zip(trees.paths(wanted), trees.leaves_of(wanted), strict=True))
    given = dict(zip(trees.paths(tree), trees.leaves_of(tree), strict=True))
    for path in given:
        if path not in known:
            raise ArgumentError(where, f"{name} holds no {path!r}", nearest(path, known))
    for path, type in known.items():
        if path not in given:
            raise ArgumentError(where, f"{name} must hold {path}, got none", _START)
        shape = given[path].type.shape
        if shape != type.shape:
            raise ShapeError(
                where,
                f"{name}.{path} must be {shapes.text(type.shape)}, got {shapes.text(shape)}",
                _START,
            )
