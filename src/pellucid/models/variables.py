"""The arrays of a model: those of its layers, which every model with the same layers shares."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pellucid.core import dtypes, shapes, trees
from pellucid.core.errors import ArgumentError, ShapeError, nearest
from pellucid.core.forks import Claim, hold
from pellucid.graph.node import Graph, TensorType
from pellucid.models.architecture import Architecture
from pellucid.nn.layer import Layer
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run

Array = np.ndarray[Any, Any]
Tree = dict[str, Any]
R = TypeVar("R")
M = TypeVar("M", bound=Callable[..., Any])

_ADDRESSES = 2**47  # bytes that a process can name


def type_tree(tree: Any) -> Any:
    """The types of a tree of arrays."""
    return trees.map_leaves(lambda a: TensorType(dtypes.as_dtype(a.dtype), tuple(a.shape)), tree)


def is_built(architecture: Architecture) -> bool:
    """Whether every layer has its arrays."""
    for layer in architecture.unique().values():
        if layer.variables.params is None:
            return False
    return bool(architecture.layers)


def held(layer: Layer) -> tuple[Tree, Tree] | None:
    """Parameters and state of a layer, where it has them."""
    own = layer.variables
    return None if own.params is None or own.state is None else (own.params, own.state)


def read(architecture: Architecture, kind: str) -> Tree:
    """The layers' arrays of one `kind`, "params" or "state", by layer name."""
    return trees.ReadOnly(
        (name, trees.ReadOnly(getattr(layer.variables, kind)))
        for name, layer in architecture.unique().items()
    )


def leaves(architecture: Architecture, *kinds: str) -> list[Array]:
    """All arrays of these kinds; by default parameters, then state, as graphs take them."""
    own = [layer.variables for layer in architecture.unique().values()]
    found: list[Array] = []
    for kind in kinds or ("params", "state"):
        for one in own:
            for array in (getattr(one, kind) or {}).values():  # calls of few rows feel it
                if type(array) is np.ndarray:
                    found.append(array)
                else:
                    found += trees.leaves_of(array)
    return found


def write(architecture: Architecture, kind: str, tree: Tree) -> None:
    """Gives the layers other arrays."""
    for name, layer in architecture.unique().items():
        setattr(layer.variables, kind, tree[name])


def write_leaves(architecture: Architecture, kind: str, arrays: Sequence[Array]) -> None:
    """Gives the layers other arrays, listed in the order of those that they have."""
    rest = iter(arrays)
    for layer in architecture.unique().values():
        own = layer.variables
        setattr(own, kind, trees.refilled(getattr(own, kind), rest))


def fitted(where: str, name: str, tree: Any, wanted: Tree, leaf: Callable[[Any], Any]) -> Tree:
    """The leaves of `tree`, each made by `leaf`, nested like the types in `wanted`.

    Raises:
        ArgumentError: for leaves that are missing or unknown.
        ShapeError: for a leaf of another shape.
    """
    if not isinstance(tree, Mapping):
        raise ArgumentError(
            where,
            f"{name} must be a dict of the layers' arrays, got {type(tree).__name__}",
            f"Start from model.{name}.",
        )
    types, structure = trees.flatten(wanted)
    known = dict(zip(trees.paths(wanted), types, strict=True))
    given = dict(zip(trees.paths(tree), trees.leaves_of(tree), strict=True))
    for path in given:
        if path not in known:
            raise ArgumentError(where, f"{name} holds no {path!r}", nearest(path, known))
    found = []
    for path, type_ in known.items():
        if path not in given:
            raise ArgumentError(
                where, f"{name} must hold {path}, got none", f"Start from model.{name}."
            )
        found.append(leaf(given[path]))
        shape = tuple(found[-1].shape)
        if shape != type_.shape:
            raise ShapeError(
                where,
                f"{name}.{path} must be {shapes.text(type_.shape)}, got {shapes.text(shape)}",
                f"Start from model.{name}.",
            )
    return trees.unflatten(structure, found)  # type: ignore[no-any-return]


def check(architecture: Architecture, again: bool = False) -> None:
    """Refuses layers that have arrays of other types than they need here.

    Args:
        again: whether they fitted before, and functions of a person's own do something else now;
            otherwise the arrays come from another model.

    Raises:
        ShapeError: naming the layer.
    """
    for name, layer in architecture.unique().items():
        own = held(layer)
        if own is None or name not in architecture.params:  # no shape is known yet
            continue
        for wanted, has in zip(
            (architecture.params[name], architecture.state[name]), own, strict=True
        ):
            if type_tree(has) != wanted:
                raise _other_types(architecture.where, name, wanted, type_tree(has), again)


def _other_types(where: str, name: str, wanted: Any, has: Any, again: bool) -> ShapeError:
    if again:
        source = "made before a value changed that a function of your own reads"
        fix = "Set it back, or make a new model."
    else:
        source = "from another model that it stands in"
        fix = "Use a new layer, or inputs of the same width and dtype."
    return ShapeError(
        where,
        f"layer {name} must have weights {_shown(wanted)} here, got {_shown(has)} {source}",
        fix,
    )


def _shown(tree: Any) -> str:
    return ", ".join(map(repr, trees.leaves_of(tree))) or "none"


def build(architecture: Architecture, seed: int) -> None:
    """Makes the arrays of all layers that have none, from a seed; the shapes must be known."""
    check(architecture)
    graph, structure = architecture.initial()
    layers = architecture.unique()
    params, state = trees.unflatten(structure, list(range(len(graph.outputs))))
    new = [name for name, layer in layers.items() if held(layer) is None]
    wanted = [*trees.leaves_of([params[name] for name in new])]
    wanted += trees.leaves_of([state[name] for name in new])
    dtype = numpy_dtype(architecture.dtype)
    sizes = [shapes.size(graph.output_types[i].shape) for i in wanted]
    needed = dtype.itemsize * sum(size for size in sizes if isinstance(size, int))
    if needed >= _ADDRESSES:
        raise ArgumentError(
            architecture.where,
            f"weights must fit the memory, got {needed:.3g} bytes of them",
            "Look at the sizes that summary() prints.",
        )
    chosen = Graph(graph.nodes, graph.inputs, tuple(graph.outputs[i] for i in wanted), graph.consts)
    arrays = run(chosen, [np.asarray(seed, np.int64), np.asarray(0, np.int64)])
    made = iter(arrays)
    for kind, tree in (("params", params), ("state", state)):
        for name in new:
            setattr(
                layers[name].variables, kind, trees.map_leaves(lambda _: next(made), tree[name])
            )


def alone(method: M) -> M:
    """A method during which no one else may train, compile or change these layers.

    A run owns the weights: what a callback, another thread, or another model with the same layers
    changed would be lost at its end.
    """

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return claimed(method.__name__, self.claims(), lambda: method(self, *args, **kwargs))

    return wrapper  # type: ignore[return-value]


def claimed(
    where: str, claims: Sequence[Claim], function: Callable[[], R], lends: bool = False
) -> R:
    """The function's result, which has all of these meanwhile.

    Args:
        lends: whether calls inside of the function may have them.

    Raises:
        ArgumentError: where another call has one of them.
    """

    def call(own: bool) -> R:
        if not own:
            raise ArgumentError(
                where,
                "the model must not be trained at the moment, got a call from a callback "
                "or another thread",
                "Wait until fit has ended, or change a copy: copy.deepcopy(model).",
            )
        return function()

    return hold(claims, call, lends)
