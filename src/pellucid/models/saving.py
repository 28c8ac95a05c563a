"""A model as a file: records as JSON, arrays beside them, functions as graph text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import dtypes, trees
from pellucid.core.config import is_record, to_config
from pellucid.core.errors import DataError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.models.architecture import Architecture
from pellucid.models.base import BaseModel
from pellucid.models.ports import Ports
from pellucid.nn.layer import Layer
from pellucid.train.checkpoint import grouped, most_nodes, write_file
from pellucid.train.functions import FunctionCalls, FunctionTable, function_graph
from pellucid.train.metric import Metric


def save(model: BaseModel, path: str | Path, overwrite: bool) -> None:
    """Writes the model, its training configuration and where its training stands."""
    write_file(path, *file_of(model, targets_of(model)), overwrite)


def check_savable(model: BaseModel, targets: Sequence[TensorType]) -> None:
    """Refuses a model that cannot be saved: before the first step, not at the first save.

    Args:
        targets: the types that the model will be trained on.

    Raises:
        DataError: for a part that a file cannot hold.
    """
    file_of(model, targets)


def targets_of(model: BaseModel) -> Sequence[TensorType]:
    """The types that the model was trained on; those of its outputs where it was not."""
    trained = model.training.get("y")
    if trained is None:
        return model.architecture.output_types
    return [TensorType(dtypes.as_dtype(dtype), (N, *shape)) for dtype, shape in trained]


def file_of(
    model: BaseModel, targets: Sequence[TensorType]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of a model's file, and its description.

    Raises:
        DataError: for a part that a file cannot hold.
    """
    functions = FunctionTable(calls=_calls(model.architecture))
    arrays: dict[str, Any] = {}
    for kind, tree in (("params", model.params), ("state", model.state), ("slots", model.slots)):
        if tree is not None:
            arrays |= _named(kind, tree, trees.leaves_of(tree))
    held = {epoch: model.holds(epoch) for epoch in model.kept}
    for epoch, (params, state) in model.kept.items():
        if not held[epoch]:
            arrays |= _named(f"kept/{epoch}/params", model.params, params)
            arrays |= _named(f"kept/{epoch}/state", model.state, state)
    for table in ("steps", "validation"):
        for name, values in getattr(model.history, table).items():
            arrays[f"history/{table}/{name}"] = np.asarray(values, np.float64)
    architecture = model.architecture
    first = _first_uses(architecture)
    document = {
        "kind": type(model).__name__,
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "columns": [None if names is None else list(names) for names in model.columns],
        "input_shapes": [list(sample) for sample in architecture.samples],
        "layers": [_layer(layer, functions) for layer in architecture.layers],
        "shared": [first[id(layer)] for layer in architecture.layers],
        **wiring(architecture),
        "groups": _groups(architecture, first),
        "compile": _compile_config(model, functions, targets),
        "training": model.training,
        "kept": {str(epoch): known for epoch, known in held.items()},
        "history": model.history.to_config(),
    }
    arrays |= functions.arrays
    most = most_nodes(grouped(arrays), len(architecture.layers))
    if architecture.nodes > most // 2:  # a load records them, and those of functions
        raise DataError(
            "save",
            f"layers must record at most {most // 2:,} nodes in a file of this size, got "
            f"{architecture.nodes:,}: it would not be loaded again",
            "Keep the weights alone: np.savez(path, **model.weights).",
        )
    return arrays, to_plain(document)


def _layer(layer: Layer, functions: FunctionTable) -> Any:
    """A layer's record; one of a person's own class is no function, though it can be called."""
    if layer.lender is not None:
        raise DataError(
            "save",
            f"a file holds no layer that reads weights of another one, got {layer.where} of "
            f"{layer.lender.where}",
            "Keep the weights alone: np.savez(path, *model.get_weights()).",
        )
    return to_config(layer, functions.write if is_record(layer) else None, layer.where)


def _named(prefix: str, tree: Any, leaves: Any) -> dict[str, Any]:
    return {f"{prefix}/{name}": leaf for name, leaf in zip(trees.paths(tree), leaves, strict=True)}


def _first_uses(architecture: Architecture) -> dict[int, int]:
    """By the id of each layer, the number of its first use."""
    found: dict[int, int] = {}
    for number, layer in enumerate(architecture.layers):
        found.setdefault(id(layer), number)
    return found


def wiring(architecture: Architecture) -> dict[str, Any]:
    """What reads what, and what goes in and out."""
    return {
        "names": architecture.names,
        "sources": [list(read) for read in architecture.sources],
        "ends": list(architecture.ends),
        "terms": list(architecture.terms),
        "inputs": _ports(architecture.inputs),
        "outputs": _ports(architecture.outputs),
    }


def _ports(ports: Ports) -> dict[str, Any]:
    kind = ports.structure.kind
    return {"names": list(ports.names), "form": None if kind is None else kind.__name__}


def _groups(architecture: Architecture, number: dict[int, int]) -> dict[str, Any]:
    """The models inside, their layers by number in the whole model.

    One that lends the whole only some of its layers, such as one head of two, has no place in the
    file: it comes back as these layers.
    """
    return {
        name: {
            "kind": type(model).__name__,
            "name": model.name,
            "seed": model.seed,
            "layers": [number[id(layer)] for layer in model.architecture.layers],
            **wiring(model.architecture),
            "groups": _groups(model.architecture, number),
            "reads": list(architecture.reads.get(name, ())),
        }
        for name, model in architecture.groups.items()
        if all(id(layer) in number for layer in model.architecture.layers)
    }


def to_plain(value: Any) -> Any:
    """Numbers that JSON has no word for (NaN, ±inf in a curve) become text."""
    if isinstance(value, Mapping):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value


def _calls(architecture: Architecture) -> FunctionCalls:
    """The types that functions of a person's own are called with in the layers."""
    calls = FunctionCalls()
    types = [*architecture.input_types, *architecture.types]
    for layer, name, read in zip(
        architecture.layers, architecture.names, architecture.sources, strict=True
    ):
        x = tuple(types[n] for n in read) if layer.multiple_inputs else types[read[0]]
        calls.layer(layer, architecture.params[name], architecture.state[name], x)
    return calls


def _metric(metric: Metric, functions: FunctionTable, write: Callable[[Any], Any]) -> Any:
    """A metric by its name, or as the functions that it is made of."""
    if metric.function is None:
        return metric.name
    config = {"name": metric.name, "function": write(metric.function)}
    if metric.finish is None:
        return config
    graphs = functions.calls.of(metric.function)
    width = function_graph(metric.function, graphs[-1]).output_types[0].shape[-1]
    finish = functions.writer(TensorType(dtypes.float64, (width,)))
    return {**config, "finish": finish(metric.finish), "weighted": metric.weighted}


def _compile_config(
    model: BaseModel, functions: FunctionTable, targets: Sequence[TensorType]
) -> Any:
    if not model.compiled:
        return None
    own = model.configuration("save")
    losses, metrics = [], []
    for loss, measures, target, output in zip(
        own.losses, own.metrics, targets, model.architecture.output_types, strict=True
    ):
        functions.calls.loss(loss, target, output)
        write = functions.writer(target, output)
        losses.append(to_config(loss, functions.write))
        metrics.append([_metric(one, functions, write) for one in measures])
    return {
        "optimizer": to_config(own.optimizer),
        "losses": losses,
        "weights": list(own.weights),
        "metrics": metrics,
        "gradient_norm": own.gradient_norm,
        "regularizer": [to_config(item) for item in own.regularizers],
        "rates": own.rates,
        "unpenalized": sorted(own.unpenalized),
        "still": sorted(own.still),
        "held": [list(one) for one in sorted(own.held)],
    }
