"""A model out of a file. Loading runs no code of the file.

It builds the architecture from known records, works out the type of every weight without allocating
one, and takes the arrays only if they fit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.core import dtypes, shapes, trees
from pellucid.core.config import from_config
from pellucid.core.errors import DataError, PellucidError
from pellucid.models.functions import FunctionTable
from pellucid.models.model import Model
from pellucid.models.sequential import Sequential
from pellucid.ops.value import at_most
from pellucid.train.checkpoint import grouped, most_nodes, read_file
from pellucid.train.history import History
from pellucid.train.metrics import Metric, metric
from pellucid.transform.arrays import type_of

_MOST = 2**63  # what seeds and counts are held in
_TRAINING = {
    "seed": int,
    "step": int,
    "epoch": int,
    "batch": int,
    "sums": dict,
    "batch_size": (int, dict),
    "rows": int,
    "data": str,
    "y": list,
}


def load(path: str | Path) -> Sequential:
    """The model that `save` wrote: weights, training configuration, and where training stood.

    Raises:
        DataError: for a file that is missing, truncated, changed, or of a newer format; the
            message names the file and what does not fit.

    Example:
        >>> load("missing.safetensors")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        pellucid.core.errors.DataError: [load "missing.safetensors"] the file cannot be read: ...
    """
    arrays, document = read_file(path)
    where = f'load "{path}"'
    try:
        parts = grouped(arrays)
        with at_most(most_nodes(parts)):
            return _model(parts, document)
    except PellucidError as error:
        if isinstance(error, DataError) and error.where == where:
            raise
        raise DataError(
            where, f"the description of the model does not hold: {error.problem}", error.fix
        ) from None
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
        ArithmeticError,
    ) as error:
        # A changed description can be wrong in any way; what it says is never trusted further.
        raise DataError(
            where, f"the description of the model does not hold: {type(error).__name__} {error}"
        ) from None


def _model(arrays: Mapping[str, dict[str, Any]], document: Mapping[str, Any]) -> Sequential:
    if document["kind"] not in ("Sequential", "Model"):
        raise DataError("load", f"unknown kind of model {document['kind']!r}")
    functions = FunctionTable(arrays)
    layers: list[Any] = []
    for i, (config, first) in enumerate(zip(document["layers"], document["shared"], strict=True)):
        if type(first) is not int or not 0 <= first <= i:
            raise DataError("load", f"layer {i} must share an earlier layer, got {first!r}")
        layers.append(layers[first] if first < i else from_config(config, functions.read))
    samples = document["input_shapes"] if "input_shapes" in document else [document["input_shape"]]
    model = _wired(layers, len(samples), document)
    names = list(document["names"])
    if len(names) != len(layers) or not all(isinstance(name, str) for name in names):
        raise DataError("load", f"expected {len(layers)} layer names, got {len(names)}")
    model.names = names
    params, state = model._types([tuple(sample) for sample in samples])
    model.params = _take(arrays, "params", params)
    model.state = _take(arrays, "state", state)
    compiled = document["compile"]
    if compiled is not None:
        model.compile(
            optimizer=from_config(compiled["optimizer"]),
            loss=from_config(compiled["loss"], functions.read),
            metrics=[_metric(item, functions) for item in compiled["metrics"]],
            regularizer=[from_config(item) for item in compiled["regularizer"]],
            rates=compiled.get("rates"),
        )
        _resume(model, arrays, document)
    return model


def _wired(layers: list[Any], inputs: int, document: Mapping[str, Any]) -> Sequential:
    """The layers as a row, or as a graph in which each reads what stands before it."""
    seed, dtype = document["seed"], document["dtype"]
    if inputs < 1 or (inputs > 1 and document["kind"] == "Sequential"):
        raise DataError("load", f"expected one input, got {inputs}")
    if document["kind"] == "Sequential":
        return Sequential(layers, seed=seed, dtype=dtype)
    sources = [tuple(read) for read in document["sources"]]
    for i, (layer, read) in enumerate(zip(layers, sources, strict=True)):
        fits = len(read) >= 2 if layer.several else len(read) == 1
        if not fits or not all(type(n) is int and 0 <= n < inputs + i for n in read):
            raise DataError("load", f"layer {i} must read what stands before it, got {list(read)}")
    return Model.wired(inputs, layers, sources, seed, dtype)


def _metric(config: Any, functions: FunctionTable) -> Metric:
    if isinstance(config, str):
        return metric(config)
    made = metric(functions.read(config["function"]))
    return Metric(str(config["name"]), made.measure, function=made.function)


def _take(arrays: Mapping[str, dict[str, Any]], kind: str, tree: Any) -> Any:
    """The arrays of a tree of types, each checked against its type."""
    types, structure = trees.flatten(tree)
    found, own = [], arrays.get(kind, {})
    for name, type in zip(trees.paths(tree), types, strict=True):
        array = own.get(name)
        if array is None or type_of(array) != type:
            got = "none" if array is None else repr(type_of(array))
            raise DataError("load", f"{kind}/{name} must be {type!r}, got {got}")
        found.append(array)
    extra = sorted(own.keys() - set(trees.paths(tree)))
    if extra:
        raise DataError("load", f"the model has no {kind}/{extra[0]}")
    return trees.unflatten(structure, found)


def _is_type(words: list[Any]) -> bool:
    """Whether `words` are a dtype and the lengths of a sample's axes."""
    if len(words) != 2 or not isinstance(words[0], str) or not isinstance(words[1], list):
        return False
    lengths = all(type(n) is int and 0 <= n < _MOST for n in words[1])
    return words[0] in dtypes.BY_NAME and lengths and len(words[1]) < shapes.MOST_AXES


def _resume(
    model: Sequential, arrays: Mapping[str, dict[str, Any]], document: Mapping[str, Any]
) -> None:
    training = dict(document["training"])
    if "slots" in arrays or "step" in training:
        assert model.optimizer is not None
        model.slots = _take(arrays, "slots", model._slot_types(model.optimizer))
    for name, kind in _TRAINING.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if training and type(training.get(name)) not in kinds:
            wanted = " or ".join(one.__name__ for one in kinds)
            raise DataError("load", f"training.{name} must be {wanted}")
    for name in ("seed", "step", "epoch", "batch"):
        if not 0 <= training.get(name, 0) < _MOST:
            raise DataError("load", f"training.{name} must be 0 or more, got {training[name]}")
    if training.get("batch", 0) > training.get("rows", 0):
        raise DataError(
            "load",
            f"training.batch must be at most {training['rows']} rows, got {training['batch']}",
        )
    if training.get("batch", 0) and "rows" not in training["sums"]:
        raise DataError("load", "training.sums must name the rows of the epoch so far")
    if training and not _is_type(training["y"]):
        raise DataError("load", "training.y must be a dtype and the lengths of the targets' axes")
    model.training = training
    # The model's own arrays may be written over; those of epochs that are kept are only read.
    kept = document.get("kept", {})
    copies = copy.deepcopy((model.params, model.state)) if kept else ({}, {})
    for epoch, held in kept.items():
        params, state = copies
        if not held:
            params = _take(arrays, f"kept/{int(epoch)}/params", model._type_tree(params))
            state = _take(arrays, f"kept/{int(epoch)}/state", model._type_tree(state))
        model.kept[int(epoch)] = trees.leaves_of(params), trees.leaves_of(state)
    history = History()
    stored = document["history"]
    history.epochs = {
        str(name): [float(value) for value in values] for name, values in stored["epochs"].items()
    }
    history.seed = stored["seed"]
    for table in ("steps", "validation"):
        curves = arrays.get(f"history/{table}", {})
        setattr(history, table, {name: array.tolist() for name, array in curves.items()})
    model.history = history
