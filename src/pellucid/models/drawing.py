"""A model's architecture as the plain data that pictures are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.models.architecture import Architecture
from pellucid.models.summary import kind
from pellucid.nn.dense import Dense
from pellucid.viz.networks import Layer, Network


def network_of(
    title: str, architecture: Architecture, params: dict[str, dict[str, Any]], arrays: bool
) -> Network:
    """The layers and what each reads.

    Args:
        params: the arrays of each layer, or their types.
        arrays: whether they are arrays, of which those of dense layers are wanted.
    """
    layers = []
    for layer, name, out, sources in zip(
        architecture.layers,
        architecture.names,
        architecture.types,
        architecture.sources,
        strict=True,
    ):
        own = params[name]
        dense = isinstance(layer, Dense)
        activation = getattr(layer, "final_activation", None)
        layers.append(
            Layer(
                name,
                kind(layer),
                _named(activation),
                tuple(dim for dim in out.shape[1:] if isinstance(dim, int)),
                sum(math.prod(array.shape) for array in own.values()),
                sources,
                dense,
                np.asarray(own["W"]) if dense and arrays else None,
                np.asarray(own["b"]) if dense and arrays and "b" in own else None,
            )
        )
    inputs = tuple(zip(architecture.inputs.names, architecture.samples, strict=True))
    return Network(title, inputs, tuple(layers), architecture.ends)


def _named(activation: object) -> str:
    if activation is None or isinstance(activation, str):
        return activation or ""
    return str(getattr(activation, "__name__", "φ"))
