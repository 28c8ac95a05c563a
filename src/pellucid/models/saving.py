"""A model as a file: records as JSON, arrays beside them, functions as graph text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core import dtypes, trees
from pellucid.core.config import to_config
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.models.functions import FunctionTable
from pellucid.train.checkpoint import write_file

if TYPE_CHECKING:
    from pellucid.models.sequential import Sequential


def save(model: Sequential, path: str | Path, overwrite: bool) -> None:
    """Writes the model, its training configuration and where its training stands."""
    arrays, document = described(model)
    write_file(path, arrays, document, overwrite)


def described(model: Sequential) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the JSON document of a model's file.

    Raises:
        DataError: for what a file cannot hold.
    """
    functions = FunctionTable()
    arrays: dict[str, Any] = {}
    for kind, tree in (("params", model.params), ("state", model.state), ("slots", model.slots)):
        if tree is not None:
            for name, leaf in zip(trees.paths(tree), trees.flatten(tree)[0], strict=True):
                arrays[f"{kind}/{name}"] = leaf
    held = {epoch: model.holds(epoch) for epoch in model.kept}
    for epoch, (params, state) in model.kept.items():
        for kind, tree, leaves in (("params", model.params, params), ("state", model.state, state)):
            if not held[epoch]:
                for name, leaf in zip(trees.paths(tree), leaves, strict=True):
                    arrays[f"kept/{epoch}/{kind}/{name}"] = leaf
    for table in ("steps", "validation"):
        for name, values in getattr(model.history, table).items():
            arrays[f"history/{table}/{name}"] = np.asarray(values, np.float64)
    document = {
        "kind": type(model).__name__,
        "sources": [list(read) for read in model.sources],
        "dtype": model.dtype.name,
        "seed": model.seed,
        "input_shapes": [list(type.shape[1:]) for type in model.input_types],
        "names": model.names,
        "layers": [
            to_config(layer, functions.writer(type))
            for layer, type in zip(model.layers, model.types, strict=True)
        ],
        "shared": [
            next(i for i, other in enumerate(model.layers) if other is layer)
            for layer in model.layers
        ],
        "compile": _compile_config(model, functions),
        "training": model.training,
        "kept": {str(epoch): known for epoch, known in held.items()},
        "history": model.history.to_config(),
    }
    arrays |= functions.arrays
    return arrays, to_plain(document)


def to_plain(value: Any) -> Any:
    """Numbers that JSON has no word for (NaN, ±inf in a curve) become text."""
    if isinstance(value, Mapping):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value


def _compile_config(model: Sequential, functions: FunctionTable) -> Any:
    if model.optimizer is None or model.loss is None:
        return None
    rows = model.training.get("y")
    output = model.types[-1]
    target = output if rows is None else TensorType(dtypes.as_dtype(rows[0]), (N, *rows[1]))
    write = functions.writer(target, output)
    return {
        "optimizer": to_config(model.optimizer),
        "loss": to_config(model.loss, write),
        "metrics": [
            m.name if m.function is None else {"name": m.name, "function": write(m.function)}
            for m in model.metrics
        ],
        "regularizer": [to_config(item) for item in model.regularizers],
        "rates": model.rates,
    }
