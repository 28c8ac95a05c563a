"""Graphs and machine code that models of one structure share, in one process.

In: a model that is compiled. Out: the model, with what an earlier one of the same structure made.
Learning rates, strengths of penalties and seeds are inputs of graphs, so a search over them traces
and compiles once. Between processes machine code goes by the disk cache.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from pellucid.models.base import BaseModel
from pellucid.models.programs import Programs
from pellucid.models.saving import wiring

_MOST = 32  # structures that are kept, those used last
_known: dict[Hashable, Programs] = {}


def reuse_programs(model: BaseModel) -> None:
    """Runs what an earlier model of this structure made; a later one runs what this one makes.

    A model with code of a person's own has programs of its own: what that code reads may change.
    """
    model.built()
    model.refresh()
    own = model.programs.own
    if own is not None and own.parts:
        return
    key = structure(model)
    found = _known.pop(key, None) or model.programs.apart()
    _known[key] = found
    for old in list(_known)[:-_MOST]:
        _known.pop(old, None)
    model.share_programs(found)


def structure(model: BaseModel) -> Hashable:
    """All that the graphs of a model depend on, targets aside."""
    how = model.configuration("fit")
    return (
        str(model.dtype),
        tuple(model.architecture.samples),
        tuple(zip(model.names, map(repr, model.layers), strict=True)),
        repr(wiring(model.architecture)),
        repr(replace(how.optimizer, learning_rate=0.0)),
        repr(how.losses),
        how.weights,
        tuple(one.name for each in how.metrics for one in each),
        how.gradient_norm,
        tuple(repr(one.with_strength(1.0)) for one in how.regularizers),
        tuple(how.rates.items()),
    )
