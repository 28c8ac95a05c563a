"""What a page shows of a model beside its curves: the plane of two features, the units and weights.

In: a model and its data. Out: plain values for `page.js`, or None where there is nothing to show.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core import trees
from pellucid.data.frames import feature_names as feature_columns
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.nn.dense import Dense
from pellucid.nn.losses.base import Form
from pellucid.viz.svg import subscript

Array = np.ndarray[Any, Any]
MOST_CLASSES = 6  # that colours and shapes tell apart
MOST_UNITS = 16  # of a layer that is drawn
_MARGIN = 0.08  # of the plane around the points
_TWO_SIDES = {Form.PROBABILITY: (0.0, 1.0), Form.LOGITS: (0.0, 1.0), Form.SCORES: (-1.0, 1.0)}
_CLASSES = (Form.PROBABILITIES, Form.CLASS_LOGITS, Form.CLASS_SCORES)


def feature_names(model: BaseModel, x: Any, count: int) -> list[str]:
    """The names of the columns of a frame, or x₁, x₂, …"""
    names = feature_columns(x) or model.columns[0]
    if names is not None and len(names) == count:
        return list(names)
    return [f"x{subscript(n + 1)}" for n in range(count)]


def has_plane(model: BaseModel) -> bool:
    """Whether each row is a point of a plane, and the output a number or a class."""
    inputs, outputs = model.architecture.input_types, model.architecture.output_types
    if len(inputs) != 1 or inputs[0].shape[1:] != (2,) or len(outputs) != 1:
        return False
    shape = outputs[0].shape[1:]
    if len(shape) > 1:
        return False
    form = _form(model)
    if not shape or shape == (1,):
        return form in _TWO_SIDES or form is Form.VALUES
    return form in _CLASSES and isinstance(shape[0], int) and shape[0] <= MOST_CLASSES


def _form(model: BaseModel) -> Form:
    return model.configuration("lesson").contracts(model.architecture)[0].form


def plane(model: BaseModel, data: Data, names: list[str]) -> dict[str, Any]:
    """The plane: its borders, and what the output's numbers mean.

    Where the output is one number, `low` and `high` are its ends on the colour scale. Where there
    are classes, `classes` counts them.
    """
    x, form = np.asarray(data.features[0], np.float64), _form(model)
    low, high = x.min(axis=0), x.max(axis=0)
    room = np.where(high > low, high - low, 2.0) * _MARGIN
    borders = [*(low - room).tolist(), *(high + room).tolist()]
    told = {"borders": borders, "names": names, "link": None, "classes": 0}
    if form in _CLASSES:
        classes = model.architecture.output_types[0].shape[-1]
        link = "softmax" if form is Form.CLASS_LOGITS else None
        return {**told, "classes": classes, "link": link}
    values = np.asarray(data.targets[0], np.float64)
    ends = _TWO_SIDES.get(form, (float(values.min()), float(values.max())))
    if ends[0] == ends[1]:
        ends = ends[0] - 1, ends[1] + 1
    link = "sigmoid" if form is Form.LOGITS else None
    return {**told, "low": ends[0], "high": ends[1], "link": link}


def network(model: BaseModel, state: list[str], names: list[str]) -> list[dict[str, Any]] | None:
    """The columns of a diagram, from the inputs on; None for what is no short chain of vectors.

    A dense layer has its weights' arrays by name. Layers that keep the number of units are notes
    at the column before them.
    """
    architecture = model.architecture
    chain = [(n,) for n in range(len(architecture.layers))]
    if len(architecture.inputs) != 1 or list(architecture.sources) != chain:
        return None
    arrays = dict(zip(trees.paths(architecture.params), state, strict=True))
    shape = architecture.input_types[0].shape[1:]
    if not _drawn(shape):
        return None
    columns: list[dict[str, Any]] = [{"name": "", "units": shape[0], "labels": names, "notes": []}]
    for layer, name, type in zip(
        architecture.layers, architecture.names, architecture.types, strict=True
    ):
        if not _drawn(type.shape[1:]):
            return None
        units = type.shape[-1]
        if not isinstance(layer, Dense) and units == columns[-1]["units"]:
            columns[-1]["notes"].append(name)
            continue
        column: dict[str, Any] = {"name": name, "units": units, "labels": [], "notes": []}
        if isinstance(layer, Dense):
            column |= {"W": arrays[f"{name}.W"], "b": arrays.get(f"{name}.b")}
            if isinstance(layer.activation, str):
                column["notes"].append(layer.activation)
        columns.append(column)
    return columns


def _drawn(shape: tuple[Any, ...]) -> bool:
    return len(shape) == 1 and isinstance(shape[0], int) and 0 < shape[0] <= MOST_UNITS
