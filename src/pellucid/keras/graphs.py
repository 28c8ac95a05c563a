"""From tensors of Keras to a Model of ours: order of layers, names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid import models
from pellucid.core.errors import ArgumentError
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import KerasTensor, Node, flat


def ordered(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Any]:
    """The layers between tensors in Keras's order: by how far they are from the end, then found."""
    found: dict[int, int] = {}
    order: list[Node] = []
    seen: set[int] = set()
    ends = {id(one.node): one for one in inputs}

    def visit(node: Node) -> None:
        stack: list[tuple[Node, bool]] = [(node, False)]
        while stack:
            one, done = stack.pop()
            if done:
                order.append(one)
                continue
            if id(one) in seen:
                continue
            seen.add(id(one))
            found.setdefault(id(one.layer or one), len(found))
            stack.append((one, True))
            if id(one) not in ends:
                stack.extend((each.node, False) for each in reversed(one.inputs) if each.node)

    for tensor in outputs:
        if tensor.node is not None:
            visit(tensor.node)
    depths: dict[int, int] = {}
    layers: dict[int, int] = {}
    for node in reversed(order):
        key = id(node.layer or node)
        depth = max(depths.get(id(node), 0), layers.get(key, 0))
        layers[key] = depths[id(node)] = depth
        for each in node.inputs if id(node) not in ends else ():
            if each.node is not None:
                before = id(each.node)
                depths[before] = max(depths.get(before, 0), depth + 1)
    unique = {id(node.layer): node.layer for node in order if node.layer is not None}
    return sorted(unique.values(), key=lambda one: (-layers[id(one)], found[id(one)]))


def named(tensors: Any, kind: str) -> dict[str, KerasTensor]:
    """Tensors by their names: the keys of a dict, or the layers that made them."""
    if isinstance(tensors, Mapping):
        pairs = list(tensors.items())
    else:
        pairs = [(_name(one), one) for one in flat(tensors)]
    made: dict[str, KerasTensor] = {}
    for name, tensor in pairs:
        word, number = name, 1
        while word in made:
            word, number = f"{name}_{number}", number + 1
        made[word] = tensor
    for one in made.values():
        if not isinstance(one, KerasTensor):
            raise ArgumentError("keras.Model", f"{kind} must be tensors, got {one!r}", "Use Input.")
    return made


def _name(tensor: Any) -> str:
    """That of the layer that made a tensor, or its own."""
    layer = getattr(getattr(tensor, "node", None), "layer", None)
    return getattr(layer, "name", None) or str(getattr(tensor, "name", ""))


def _word(name: str) -> str:
    word = "".join(one if one.isalnum() or one == "_" else "_" for one in name)
    return (
        word
        if word.isidentifier() and not word.startswith("val_") and word != "val"
        else f"_{word}"
    )


def network(
    inputs: Mapping[str, KerasTensor],
    outputs: Mapping[str, KerasTensor],
    name: str,
    losses: Sequence[KerasTensor] = (),
) -> models.Model:
    """The Model of ours; several inputs or outputs are named, and losses are its terms."""

    def given(several: Mapping[str, KerasTensor]) -> Any:
        if len(several) == 1:
            return next(iter(several.values())).symbol
        return {_word(key): one.symbol for key, one in several.items()}

    return models.Model(
        given(inputs), given(outputs), seed=SESSION.seed(), dtype=SESSION.floatx, name=name,
        terms=[one.symbol for one in losses],
    )  # fmt: skip
