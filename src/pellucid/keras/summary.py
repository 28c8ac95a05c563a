"""The table of a model's layers, as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import ArgumentError


def lines(
    model: Any, width: int, nested: bool, trainable: bool, layer_range: Sequence[str] | None
) -> Iterator[str]:
    """The lines of the table.

    Args:
        nested: whether the layers of models inside follow below them.
        trainable: whether a column says what is trained.
        layer_range: expressions that the names of the first and the last layer fit; None: all.
    """
    widths = _widths(width, trainable)
    yield f'Model: "{model.name}"'
    yield "─" * width
    head = ("Layer (type)", "Output Shape", "Param #", *(("Trainable",) if trainable else ()))
    yield _row(widths, head)
    yield "─" * width
    for depth, layer in _layers(_ranged(model, layer_range), 0, nested):
        cells = [
            f"{'  ' * depth}{layer.name} ({_kind(layer)})",
            _shape(layer),
            _count(layer),
        ]
        if trainable:
            cells.append(("Y" if layer.trainable else "N") if layer.weights else "-")
        yield _row(widths, cells)
    yield "─" * width
    yield _total("Total params", model.weights)
    yield _total("Trainable params", model.trainable_weights)
    yield _total("Non-trainable params", model.non_trainable_weights)


def _widths(width: int, trainable: bool) -> list[int]:
    last = [10] if trainable else []
    number = max(11, width // 6)
    shape = max(12, (width - number - sum(last)) * 3 // 8)
    return [width - number - shape - sum(last), shape, number, *last]


def _row(widths: Sequence[int], cells: Sequence[str]) -> str:
    """Cells in their columns; the third one ends at its right."""
    made = []
    for place, (size, cell) in enumerate(zip(widths, cells, strict=True)):
        text = cell if len(cell) < size or place == 2 else f"{cell[: size - 2]}…"
        made.append(text.rjust(size) if place >= 2 else text.ljust(size))
    return "".join(made).rstrip()


def _kind(layer: Any) -> str:
    """The class, of a layer of a file that of ours."""
    kind, _ = layer.__dict__.get("_of_file", (type(layer).__name__, None))
    return str(kind)


def _layers(layers: Sequence[Any], depth: int, nested: bool) -> Iterator[tuple[int, Any]]:
    for one in layers:
        yield depth, one
        if nested and hasattr(one, "layers"):
            yield from _layers(one.layers, depth + 1, nested)


def _ranged(model: Any, given: Sequence[str] | None) -> list[Any]:
    layers = list(model.layers)
    if given is None:
        return layers
    where = "keras.Model.summary"
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    if not pair or not all(isinstance(one, str) for one in given):
        raise ArgumentError(where, f"layer_range must be two names of layers, got {given!r}")
    found = [[n for n, one in enumerate(layers) if re.match(word, one.name)] for word in given]
    if not all(found):
        raise ArgumentError(
            where,
            f"layer_range must name layers, got {list(given)}",
            f"The layers are {', '.join(one.name for one in layers)}.",
        )
    first, last = sorted((min(found[0]), max(found[1])))
    return layers[first : last + 1]


def _shape(layer: Any) -> str:
    made = layer.__dict__.get("_made_tensor")
    several = [one.shape for one in made] if isinstance(made, (list, tuple)) else None
    if several is not None:
        return ", ".join(map(str, several))
    _, shape = layer.__dict__.get("_of_file", (None, "?"))
    return str(getattr(made, "shape", shape))


def _count(layer: Any) -> str:
    count = _numbers(layer.weights)
    return f"{count:,}" if layer.built or count else "0 (unbuilt)"


def _total(word: str, arrays: Sequence[Any]) -> str:
    size = sum(_numbers([one]) * np.dtype(str(one.dtype)).itemsize for one in arrays)
    return f"{word}: {_numbers(arrays):,} ({_bytes(size)})"


def _numbers(arrays: Sequence[Any]) -> int:
    return sum(math.prod(one.shape) for one in arrays)


def _bytes(size: float) -> str:
    """A number of bytes as Keras writes it."""
    for word in ("B", "KB", "MB", "GB"):
        if size < 1024 or word == "GB":
            return f"{size:.2f} {word}"
        size /= 1024
    return ""
