"""What the training of a table's model found out: scores, baselines, what to know of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.tables.evidence import Evidence

QUANTILES = 201  # of the errors of held out rows, that intervals are made of


@dataclass(frozen=True)
class Findings:
    """What training found out, beside the networks.

    Attributes:
        rows, held: how many rows there were, and of how many a prediction by networks that did not
            train on them gave the scores.
        scores: of these predictions, by measure; intervals: the middle 95 % over resampled rows.
        baselines: the same measures of "constant" (most frequent class or mean) and "linear".
        notes: what a person should know of the table.
        ranges: the lowest and the highest value of each number.
        errors: quantiles of target less prediction over the held rows, evenly spaced from 0 to 1;
            none of classes.
        settings: how the model was trained.
        evidence: what a report shows beside.
    """

    rows: int
    held: int
    scores: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    baselines: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    errors: tuple[float, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
