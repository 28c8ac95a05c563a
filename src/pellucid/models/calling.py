"""A model as a function: of arrays and x, of symbols, and as `show` and `explain` look at it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pellucid.core.arguments import flag
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.models import variables
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.models.measuring import rows_of
from pellucid.nn.checks import OFFSET, WIDER
from pellucid.nn.symbols import Symbol
from pellucid.ops.random import Key
from pellucid.ops.value import Value, current
from pellucid.runtime.extras import numpy_dtype
from pellucid.train.step import objective
from pellucid.transform.arrays import check_whole
from pellucid.transform.explainable import FunctionCall


def applied(
    model: BaseModel, params: Any, state: Any, x: Any, train: bool, key: Key | None
) -> tuple[Any, Any]:
    """The outputs for x with these arrays, and the layers' new state; see `Model.apply`."""
    outputs, after, _ = applied_with_terms(model, params, state, x, train, key, terms=False)
    return outputs, after


def applied_with_terms(
    model: BaseModel,
    params: Any,
    state: Any,
    x: Any,
    train: bool,
    key: Key | None,
    frozen: Collection[str] = (),
    terms: bool = True,
) -> tuple[Any, Any, list[Value]]:
    """The same, and the terms of the objective.

    Args:
        frozen: names of layers that act as in prediction, whose state stays.
    """
    flag("apply", "train", train)
    if key is not None and not isinstance(key, Key):
        raise ArgumentError("apply", f"key must be one, got {key!r}", "Write pel.Key(0, step).")
    architecture, dtype = model.architecture, numpy_dtype(model.dtype)

    def lift(one: Any, name: str = "a weight", fix: str = WIDER) -> Value:
        check_whole(one, dtype, "apply", name, fix)
        return current().lift(one)

    inputs = [lift(one, "x", OFFSET) for one in architecture.inputs.taken("apply", "x", x)]
    shape_by(model, inputs)
    outputs, after = architecture.apply(
        variables.fitted("apply", "params", params, architecture.params, lift),
        variables.fitted("apply", "state", state, architecture.state, lift),
        inputs,
        train=train,
        key=None if key is None else key.child("train"),
        frozen=frozen,
        terms=terms,
    )
    values = [one.value for one in outputs]
    ends = len(architecture.ends)
    return architecture.outputs.nested(values[:ends]), after, values[ends:]


def shape_by(model: BaseModel, inputs: Sequence[Value]) -> None:
    """Works out the shapes of a model that is first called on Tensors, and refuses others."""
    given = [tuple(one.type.shape) for one in inputs]
    if () in given:
        raise ShapeError(type(model).__name__, "x must have rows, got a single number")
    if not model.architecture.input_types:
        samples: list[Any] = [shape[1:] for shape in given]
        model.architecture.shaped(samples, variables.check)
    model.fits(given)


def are_symbols(model: BaseModel, given: Sequence[Any]) -> bool:
    """Whether a model is called on symbols; some of each kind are refused."""
    symbols = [isinstance(one, Symbol) for one in given]
    if any(symbols) and not all(symbols):
        raise ArgumentError(
            type(model).__name__,
            "a model is called on symbols or on numbers, got both",
            "Write x = Input((4,)) for each array, and give the arrays to predict.",
        )
    return all(symbols)


def placed(model: BaseModel, given: Sequence[Symbol]) -> Any:
    """The outputs of a model that becomes part of another one, as symbols."""
    architecture = model.architecture
    if not architecture.layers:
        raise ArgumentError(type(model).__name__, "a model needs a layer, got none")
    values = list(given)
    for layer, name, read in zip(
        architecture.layers, architecture.names, architecture.sources, strict=True
    ):
        scope = model, name, tuple(given)
        values.append(Symbol(layer, [values[n] for n in read], scope=scope))
    for end in architecture.ends:
        values[end].terms = tuple([values[n] for n in architecture.terms])
    return architecture.outputs.nested([values[end] for end in architecture.ends])


def as_function(model: BaseModel, where: str, args: Sequence[Any]) -> FunctionCall:
    """What `show` and `explain` look at: with x the prediction, with x and y the objective."""
    if len(args) not in ((2,) if where == "explain" else (1, 2)):
        raise ArgumentError(
            where,
            f"a model is shown for x and y, its prediction for x, got {len(args)} arguments",
            f"Write pel.{where}(model, x, y).",
        )
    inputs, outputs = model.architecture.inputs, model.architecture.outputs
    data = Data.of(model, args[0], args[1], where) if len(args) == 2 else None
    features = data.features if data else model.features(args[0], where)
    rows = rows_of(features, 0, len(features[0]), numpy_dtype(model.dtype))
    x, state = inputs.nested(rows), model.state
    if data is None:

        def predict(params: Any, x: Any) -> Any:
            return applied(model, params, state, x, False, None)[0]

        return FunctionCall(predict, (model.params, x), ("", "x"), (0,))
    task, y = model.task(data.types), outputs.nested(data.targets)

    def objective_of(params: Any, x: Any, y: Any) -> Any:
        return objective(task, state, x, y, ())(params)

    return FunctionCall(objective_of, (model.params, x, y), ("", "x", "y"), (0,))
