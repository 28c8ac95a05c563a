"""A model out of the description and the arrays in a file. Nothing of the file runs.

It builds the architecture from known records, works out the type of every weight without allocating
one, and takes the arrays only if they fit.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pellucid.core import dtypes, shapes, trees
from pellucid.core.config import from_config
from pellucid.core.errors import DataError, PellucidError
from pellucid.models import variables
from pellucid.models.architecture import Architecture
from pellucid.models.base import BaseModel
from pellucid.models.configuration import Configuration, configuration
from pellucid.models.model import Model
from pellucid.models.ports import Ports
from pellucid.models.sequential import Sequential
from pellucid.nn.layer import Layer
from pellucid.ops.value import at_most
from pellucid.runtime.backend import PRECISIONS
from pellucid.train.checkpoint import grouped, most_nodes
from pellucid.train.functions import FunctionTable
from pellucid.train.history import History
from pellucid.train.metric import Metric
from pellucid.train.metrics import GRADIENT_NORM, metric
from pellucid.transform.arrays import type_of

T = TypeVar("T")

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


def described(path: str | Path, make: Callable[[], T]) -> T:
    """What `make` makes of a file's description.

    Raises:
        DataError: that names the file, whatever a description that does not hold leads to.
    """
    where = f'load "{path}"'
    try:
        return make()
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


def model_of(arrays: Mapping[str, Any], document: Mapping[str, Any]) -> Model:
    """The model that a description and its arrays are; see `described` for what it may raise."""
    parts = grouped(arrays)
    known = document.get("layers")
    layers = len(known) if isinstance(known, list) else 0
    return at_most(most_nodes(parts, layers), _model, parts, document)


def _model(arrays: Mapping[str, dict[str, Any]], document: Mapping[str, Any]) -> Model:
    if "layers" not in document:
        raise DataError(
            "load",
            f"expected a network, got {document.get('kind')!r:.40}",
            "Support vector machines are loaded by pel.svm.load(path).",
        )
    document = _of_today(document)
    functions = FunctionTable(arrays)
    layers: list[Any] = []
    for i, (config, first) in enumerate(zip(document["layers"], document["shared"], strict=True)):
        if type(first) is not int or not 0 <= first <= i:
            raise DataError("load", f"layer {i} must share an earlier layer, got {first!r}")
        layers.append(layers[first] if first < i else from_config(config, functions.read))
    model = _wired(layers, document, document["seed"], document["dtype"])
    architecture = model.architecture
    architecture.shaped([tuple(sample) for sample in document["input_shapes"]], variables.check)
    for kind, types in (("params", architecture.params), ("state", architecture.state)):
        variables.write(architecture, kind, _take(arrays, kind, types))
    _groups(architecture, document["groups"], layers, document["dtype"])
    architecture.shape_groups(variables.check)
    model.columns = [_columns(names) for names in document["columns"]]
    if len(model.columns) != len(architecture.inputs):
        raise DataError("load", f"columns must be those of each input, got {len(model.columns)}")
    compiled = document["compile"]
    if compiled is not None:
        model.configure(_configuration(architecture, compiled, functions))
        _resume(model, arrays, document)
    return model


def _of_today(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description in the form that is written today, for files of format 1."""
    if document["format"] > 1:
        return document
    samples = document["input_shapes"] if "input_shapes" in document else [document["input_shape"]]
    count, layers = len(samples), len(document["layers"])
    names = ["input"] if count == 1 else [f"input_{n}" for n in range(1, count + 1)]
    chain = [[n] for n in range(layers)]
    compiled, training = document["compile"], dict(document["training"])
    if compiled is not None:
        optimizer = dict(compiled["optimizer"])
        if "most" in optimizer:  # of Newton
            optimizer["max_weights"] = optimizer.pop("most")
        compiled = {
            **compiled,
            "optimizer": optimizer,
            "losses": [compiled["loss"]],
            "weights": [1.0],
            "metrics": [[one for one in compiled["metrics"] if one != GRADIENT_NORM]],
            "gradient_norm": GRADIENT_NORM in compiled["metrics"],
            "rates": compiled.get("rates"),
        }
    if "y" in training:
        training["y"] = [training["y"]]
    return {
        **document,
        "name": None,
        "columns": [None] * count,
        "input_shapes": samples,
        "sources": document["sources"] if document["kind"] == "Model" else chain,
        "ends": [count + layers - 1],
        "inputs": {"names": names, "form": None if count == 1 else "list"},
        "outputs": {"names": ["output"], "form": None},
        "groups": {},
        "compile": compiled,
        "training": training,
    }


def _groups(
    architecture: Architecture, table: Mapping[str, Any], layers: list[Any], dtype: str
) -> None:
    """Puts the models inside a model into its architecture, over the layers of the whole."""
    values = len(architecture.inputs) + len(architecture.layers)
    for name, document in table.items():
        own = [layers[_number(n, len(layers))] for n in document["layers"]]
        inside = _wired(own, document, document["seed"], dtype)
        inside.architecture.nested = True
        architecture.groups[name] = inside
        reads = tuple(_number(n, values) for n in document["reads"])
        if reads:
            if len(reads) != len(inside.architecture.inputs):
                raise DataError("load", f"{name} must read its inputs, got {len(reads)}")
            architecture.reads[name] = reads
        _groups(inside.architecture, document["groups"], layers, dtype)


def _columns(names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError("load", "columns must be names, got something else")
    return tuple(names)


def _number(value: Any, below: int) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise DataError("load", f"a layer's number must be in [0, {below}), got {value!r}")
    return value


def _wired(layers: list[Any], document: Mapping[str, Any], seed: Any, dtype: Any) -> Model:
    """The layers as a graph in which each reads what stands before it."""
    kinds: dict[str, type[Model]] = {"Sequential": Sequential, "Model": Model}
    kind = kinds.get(document["kind"])
    if kind is None:
        raise DataError("load", f"unknown kind of model {document['kind']!r}")
    inputs, outputs = _ports(document, "input"), _ports(document, "output")
    if kind is Sequential and (inputs.several or outputs.several):
        raise DataError("load", f"expected one input, got {len(inputs)}")
    model: Model = kind.__new__(kind)
    BaseModel.__init__(model, seed, dtype, document["name"], inputs)
    architecture, count = model.architecture, len(inputs)
    architecture.declared = kind is Model
    for i, (layer, name, read) in enumerate(
        zip(layers, document["names"], document["sources"], strict=True)
    ):
        if not isinstance(layer, Layer):
            raise DataError("load", f"layer {i} must be a layer, got {layer!r}")
        fits = len(read) >= layer.fewest_inputs if layer.multiple_inputs else len(read) == 1
        if not fits or not all(type(n) is int and 0 <= n < count + i for n in read):
            raise DataError("load", f"layer {i} must read what stands before it, got {list(read)}")
        if not isinstance(name, str):
            raise DataError("load", f"layer {i} must have a name, got {name!r}")
        architecture.append(layer, tuple(read), name)
    ends = tuple(document["ends"])
    if len(ends) != len(outputs) or not all(
        type(end) is int and count <= end < count + len(layers) for end in ends
    ):
        raise DataError("load", f"outputs must be those of layers, got {list(ends)}")
    terms = tuple(document.get("terms", ()))  # older files have none
    if not all(type(term) is int and count <= term < count + len(layers) for term in terms):
        raise DataError("load", f"terms must be those of layers, got {list(terms)}")
    architecture.ends, architecture.outputs = ends, outputs
    architecture.terms = terms
    return model


def _ports(document: Mapping[str, Any], each: str) -> Ports:
    config = document[f"{each}s"]
    names, form = config["names"], config["form"]
    kinds = {None: None, "list": list, "dict": dict}
    distinct = isinstance(names, list) and len(set(names)) == len(names) > 0
    if not distinct or not all(isinstance(name, str) for name in names) or form not in kinds:
        raise DataError("load", f"inputs and outputs must have names and a form, got {config!r}")
    if form is None and len(names) > 1:
        raise DataError("load", f"several inputs or outputs must be a list or a dict, got {names}")
    return Ports.of(kinds[form], names, each)


def _configuration(
    architecture: Architecture, compiled: Mapping[str, Any], functions: FunctionTable
) -> Configuration:
    outputs = architecture.outputs
    metrics = [[_metric(item, functions) for item in each] for each in compiled["metrics"]]
    losses = [from_config(one, functions.read) for one in compiled["losses"]]
    for each in (losses, metrics, compiled["weights"]):
        if len(each) != len(outputs):
            raise DataError("load", f"expected {len(outputs)} losses, got {len(each)}")
    if compiled["gradient_norm"]:
        metrics[0].append(metric(GRADIENT_NORM))
    made = configuration(
        architecture,
        from_config(compiled["optimizer"]),
        outputs.nested(losses),
        outputs.nested(metrics),
        [from_config(item) for item in compiled["regularizer"]],
        compiled["rates"],
        outputs.nested(compiled["weights"]),
    )
    named: dict[str, Any] = {}
    for what in ("unpenalized", "still"):  # older files say nothing of them
        names = compiled.get(what, [])
        if not isinstance(names, list) or not all(name in architecture.names for name in names):
            raise DataError("load", f"{what} must name layers of the model, got {names!r}")
        named[what] = frozenset(names)
    single = compiled.get("held", [])
    known = {(name, leaf) for name, leaves in architecture.params.items() for leaf in leaves}
    pairs = isinstance(single, list) and all(
        isinstance(one, list) and [type(word) for word in one] == [str, str] for one in single
    )
    if not pairs or not known.issuperset(map(tuple, single)):
        raise DataError("load", f"held must be weights of layers, got {single!r}")
    named["held"] = frozenset((str(layer), str(leaf)) for layer, leaf in single)
    return dataclasses.replace(made, **named)


def _metric(config: Any, functions: FunctionTable) -> Metric:
    if isinstance(config, str):
        return metric(config)
    finish = None if config.get("finish") is None else functions.read(config["finish"])
    weighted = config.get("weighted", False)
    return Metric(str(config["name"]), functions.read(config["function"]), finish, weighted)


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
    return words[0] in dtypes.BY_NAME and lengths and len(words[1]) < shapes.MAX_AXES


def _resume(
    model: Model, arrays: Mapping[str, dict[str, Any]], document: Mapping[str, Any]
) -> None:
    training = dict(document["training"])
    if "slots" in arrays or "step" in training:
        model.slots = _take(arrays, "slots", model.slot_types())
    for name, kind in _TRAINING.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if training and type(training.get(name)) not in kinds:
            wanted = " or ".join(one.__name__ for one in kinds)
            raise DataError("load", f"training.{name} must be {wanted}")
    if not isinstance(training.get("shuffle", True), bool):  # older files do not say
        raise DataError("load", "training.shuffle must be bool")
    if training.get("precision") not in (None, *PRECISIONS):  # None is not written
        raise DataError("load", f"training.precision must be one of {', '.join(PRECISIONS)}")
    chunks = training.get("chunks", 1)  # as precision
    if type(chunks) is not int or chunks < 1:
        raise DataError("load", f"training.chunks must be 1 or more, got {chunks!r}")
    for name in ("seed", "step", "epoch", "batch"):
        if not 0 <= training.get(name, 0) < _MOST:
            raise DataError("load", f"training.{name} must be 0 or more, got {training[name]}")
    if training.get("rows", 0) and training.get("batch", 0) > training["rows"]:
        raise DataError(
            "load",
            f"training.batch must be at most {training['rows']} rows, got {training['batch']}",
        )
    counted = training.get("counted", [])  # older files do not say
    if not isinstance(counted, list) or not all(type(one) in (int, float) for one in counted):
        raise DataError("load", "training.counted must be numbers")
    if training.get("batch", 0) and "rows" not in training["sums"]:
        raise DataError("load", "training.sums must name the rows of the epoch so far")
    outputs = len(model.architecture.outputs)
    if training and not (len(training["y"]) == outputs and all(map(_is_type, training["y"]))):
        raise DataError(
            "load",
            "training.y must be a dtype and the lengths of the targets' axes, one per output",
        )
    model.training = training
    # The model's own arrays may be written over; those of epochs that are kept are only read.
    kept = document.get("kept", {})
    copies = copy.deepcopy((model.params, model.state)) if kept else ({}, {})
    for epoch, held in kept.items():
        params, state = copies
        if not held:
            params = _take(arrays, f"kept/{int(epoch)}/params", model.architecture.params)
            state = _take(arrays, f"kept/{int(epoch)}/state", model.architecture.state)
        model.kept[int(epoch)] = trees.leaves_of(params), trees.leaves_of(state)
    tables = {table: arrays.get(f"history/{table}", {}) for table in ("steps", "validation")}
    model.history = History.from_config(document["history"], tables)
