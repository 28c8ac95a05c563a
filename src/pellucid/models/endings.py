"""What the outputs of a model mean: the layers at its end, together with a loss.

In: an architecture, the number of an output, its loss. Out: the Contract of both, or a refusal that
names the layer which stands in the way.
"""

from __future__ import annotations

from typing import Any

from pellucid.core.errors import ArgumentError
from pellucid.models.architecture import Architecture
from pellucid.nn.activations import PROBABILITIES, PROBABILITY
from pellucid.nn.convolution import Convolution
from pellucid.nn.dense import Activation, Dense, Rescale
from pellucid.nn.depthwise import DepthwiseConvolution, SeparableConvolution
from pellucid.nn.losses import Loss
from pellucid.nn.losses.base import Form
from pellucid.nn.losses.contract import LINEAR, UNKNOWN, Contract, contract
from pellucid.nn.mapping import LowRankDense
from pellucid.nn.noise import Noise
from pellucid.nn.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm, UnitNorm
from pellucid.nn.pooling import LocalResponseNorm
from pellucid.nn.transposed import TransposedConvolution

_NORMALIZED = (BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm, UnitNorm)
_PROBABLE = PROBABILITIES | PROBABILITY
# Layers whose output is any number.
_LINEAR = (
    Dense,
    Convolution,
    LowRankDense,
    DepthwiseConvolution,
    SeparableConvolution,
    TransposedConvolution,
)


def contract_of(architecture: Architecture, loss: Loss, end: int) -> Contract:
    """What the output number `end` means under `loss`; refuses what does not fit."""
    first = len(architecture.inputs)
    place, behind = architecture.ending(end)
    layer = architecture.layers[place - first] if place >= first else None
    activation: Any = UNKNOWN if layer is None else layer.final_activation
    after = [architecture.layers[n - first] for n in behind]
    if activation is None:
        linear = isinstance(layer, _LINEAR) or any(isinstance(one, Activation) for one in after)
        activation = LINEAR if linear else UNKNOWN
    found = contract(loss, activation)
    found.check()
    if activation is UNKNOWN and loss.reads in (Form.PROBABILITIES, Form.PROBABILITY):
        _check_probabilities(architecture, loss, place)
    # Other numbers in training, or rows of another length, would be no probabilities.
    moved = found.form is Form.PROBABILITIES or any(isinstance(one, Noise) for one in after)
    known = found.form in (Form.PROBABILITIES, Form.PROBABILITY)
    if behind and (found.reads_raw or (known and moved)):
        name = architecture.names[behind[-1] - first]
        raise ArgumentError(
            "compile",
            f"{activation} must come last before {loss.name}, got {name} behind it",
            f"Move {name} before it.",
        )
    if not known or layer is None or layer.without_activation() is not None:
        return found
    # The activation is all of the layer.
    earlier = architecture.ending(architecture.sources[place - first][0])[0] - first
    if earlier >= 0 and architecture.layers[earlier].final_activation == activation:
        raise ArgumentError(
            "compile",
            f"one {activation} must end the model, got two: "
            f"{architecture.names[earlier]} and {architecture.names[place - first]}",
            "Remove one of them.",
        )
    return found


def _check_probabilities(architecture: Architecture, loss: Loss, place: int) -> None:
    """Refuses a layer at the end whose numbers are never probabilities.

    Raises:
        ArgumentError: for what is normalised; for probabilities that are scaled beyond [0, 1], or
            to rows that do not sum to 1.
    """
    first = len(architecture.inputs)
    if place < first:
        return
    layer = architecture.layers[place - first]
    before = architecture.ending(architecture.sources[place - first][0])[0]
    source = architecture.layers[before - first].final_activation if before >= first else None
    wrong = isinstance(layer, _NORMALIZED)
    if isinstance(layer, Rescale) and isinstance(source, str) and source in _PROBABLE:
        low, high = sorted((layer.offset, layer.offset + layer.scale))  # of what was 0 and 1
        other_sum = source in PROBABILITIES and not layer.offset and layer.scale != 1
        wrong = low < 0 or high > 1 or other_sum
    if wrong:
        name = architecture.names[place - first]
        raise ArgumentError(
            "compile",
            f"{loss.name} needs probabilities, got what {name} makes, which are none",
            f"Move {name} before the activation that ends the model.",
        )
