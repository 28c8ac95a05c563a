"""What a model's output means: one decision for each pair of a final activation and a loss.

In: the loss, and what the model ends in. Out: a Contract, which says what the numbers are that
`predict` returns, and whether the loss reads them or what stands before the final activation. The
training step, `evaluate`, metrics, `predict_proba` and docs/losses.md all ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pellucid.core.errors import ArgumentError
from pellucid.nn.activations import (
    BY_NAME,
    NEVER_NEGATIVE,
    NEVER_POSITIVE,
    POSITIVE,
    PROBABILITIES,
    PROBABILITY,
    activate,
)
from pellucid.nn.losses.base import Form, Loss
from pellucid.ops.value import Value


class _Unknown:
    """A model that ends in a layer without an activation that is known: BatchNorm, Basis, Add."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
LINEAR = "linear"


class Refusal(NamedTuple):
    """Why something does not go together, and what to do."""

    problem: str
    fix: str


@dataclass(frozen=True)
class Contract:
    """What the output of a model means under a loss.

    Attributes:
        activation: what the model ends in: a name, a function of a person's own, or UNKNOWN.
        form: what the numbers are that `predict` returns.
        reads_raw: whether the loss reads what stands before the final activation, where it is more
            exact. `predict` and metrics see what stands behind it all the same.
        refusal: why the pair is refused; None where it is allowed.
    """

    activation: Any
    form: Form
    reads_raw: bool = False
    refusal: Refusal | None = None

    def check(self, where: str = "compile") -> None:
        """Refuses a pair that does not go together.

        Raises:
            ArgumentError: with what to do.
        """
        if self.refusal is not None:
            raise ArgumentError(where, *self.refusal)

    @property
    def link(self) -> str | None:
        """The activation that makes probabilities of what `predict` returns; None: none does."""
        if self.form is Form.CLASS_LOGITS:
            return "softmax"
        if self.form is Form.LOGITS:
            return "sigmoid"
        known = self.form in (Form.PROBABILITIES, Form.PROBABILITY)
        if self.form is not Form.RATE and isinstance(self.activation, str):
            known = known or self.activation in PROBABILITIES | PROBABILITY
        return LINEAR if known else None

    def probabilities(self, predicted: Value, where: str = "predict_proba") -> Value:
        """The probabilities that what `predict` returns stands for.

        Raises:
            ArgumentError: where it stands for none.
        """
        if self.link is None:
            raise ArgumentError(
                where,
                f"the outputs must be probabilities or logits, got {self.form.value}",
                "Compile with loss='cross_entropy' or 'binary_cross_entropy'.",
            )
        return activate(self.link, predicted)


def contract(loss: Loss, activation: Any) -> Contract:
    """What the output of a model means.

    Args:
        activation: what the model ends in: a name of `activations.BY_NAME`; "linear" or None where
            it is known to be linear; a function of a person's own; or UNKNOWN.

    Returns:
        The Contract; a pair that does not go together has a refusal in it.
    """
    ends_in = LINEAR if activation is None else activation
    if loss.link is not None and ends_in == loss.link:
        return Contract(ends_in, _BEHIND[loss.reads], reads_raw=True)
    known = isinstance(ends_in, str) and ends_in in BY_NAME
    refusal = _refusal(loss, ends_in) if known else None
    return Contract(ends_in, loss.reads, refusal=refusal)


_BEHIND = {Form.CLASS_LOGITS: Form.PROBABILITIES, Form.LOGITS: Form.PROBABILITY}


def _refusal(loss: Loss, ends_in: str) -> Refusal | None:
    """Why a loss does not take a final activation whose name is known."""
    off = f"Take the {ends_in} off the end of the model"
    got = f"got a final {ends_in}"
    match loss.reads:
        case Form.CLASS_LOGITS if ends_in in PROBABILITY:
            fix = "or end it in a softmax"
            if ends_in == "sigmoid":
                fix = "or use loss='binary_cross_entropy' for labels of 0 and 1"
            return Refusal(f"{loss.name} needs logits or softmax, {got}", f"{off}, {fix}.")
        case Form.CLASS_LOGITS if ends_in in PROBABILITIES:
            return Refusal(
                f"{loss.name} needs logits or softmax, {got}, which makes probabilities",
                f"{off}, or end it in a softmax.",
            )
        case Form.LOGITS if ends_in == "softmax":
            return Refusal(
                f"{loss.name} needs logits or sigmoid, {got}",
                "End the model in a sigmoid, or use loss='cross_entropy' for classes.",
            )
        case Form.LOGITS if ends_in in NEVER_NEGATIVE:
            return Refusal(
                f"{loss.name} needs logits of either sign or sigmoid, {got}, which is never "
                "negative: no probability would be below 0.5",
                f"{off}, or end it in a sigmoid.",
            )
        case Form.LOGITS | Form.SCORES if ends_in in NEVER_POSITIVE:
            return Refusal(
                f"{loss.name} needs numbers of either sign, {got}, which is never positive: one "
                "of two labels could not be chosen",
                f"{off}.",
            )
        case Form.PROBABILITIES if ends_in not in PROBABILITIES & POSITIVE:
            return _no_probabilities(loss, ends_in, "softmax", "cross_entropy")
        case Form.PROBABILITY if ends_in not in PROBABILITY & POSITIVE:
            return _no_probabilities(loss, ends_in, "sigmoid", "binary_cross_entropy")
        case Form.CLASS_SCORES if ends_in in PROBABILITIES | PROBABILITY:
            return Refusal(
                f"{loss.name} needs a linear output, {got}",
                f"{off}: scores of classes may be any numbers.",
            )
        case Form.CLASS_SCORES if loss.negative_is_zero and ends_in in NEVER_POSITIVE:
            return Refusal(
                f"{loss.name} needs scores of either sign, {got}, which is never positive: a "
                "rival below 0 counts as 0, so no rival would count",
                f"{off}.",
            )
        case Form.SCORES if ends_in in NEVER_NEGATIVE:
            return Refusal(
                f"{loss.name} needs a linear output, {got}, which is never negative: the side -1 "
                "could not be chosen",
                f"{off}, or end it in tanh.",
            )
        case Form.VALUES if loss.negative_is_zero and ends_in in NEVER_POSITIVE:
            return Refusal(
                f"{loss.name} needs numbers ≥ 0, {got}, which is never positive: all of them "
                "would count as 0",
                f"{off}.",
            )
        case Form.LOG_RATE if ends_in != LINEAR:
            return Refusal(
                f"{loss.name} needs a linear output, the logarithm of the rate, {got}",
                f"{off}; the rate is np.exp(model.predict(x)).",
            )
        case Form.RATE if ends_in in NEVER_NEGATIVE - POSITIVE:
            return Refusal(
                f"{loss.name} needs rates above 0, {got}, which can be 0: its logarithm "
                "is infinite",
                "End the model in softplus or in exponential.",
            )
        case Form.RATE if ends_in not in POSITIVE:
            return Refusal(
                f"{loss.name} needs rates, which are never negative, {got}",
                ("Use" if ends_in == LINEAR else f"{off} and use")
                + " loss='poisson', which takes the logarithm of the rate.",
            )
        case Form.DENSITY if ends_in != LINEAR:
            return Refusal(
                f"{loss.name} needs a linear output, {got}",
                f"{off}: the loss makes variances, precisions and weights of its numbers itself.",
            )
    return None


def _no_probabilities(loss: Loss, ends_in: str, wanted: str, of_logits: str) -> Refusal:
    if ends_in == LINEAR:
        return Refusal(
            f"{loss.name} needs probabilities, got a linear output",
            f"Use loss='{of_logits}', which takes logits.",
        )
    zero = (PROBABILITIES | PROBABILITY) - POSITIVE
    why = ", which can be 0: its logarithm is infinite" if ends_in in zero else ""
    return Refusal(
        f"{loss.name} needs probabilities, got a final {ends_in}{why}",
        f"End the model in a {wanted}, or in a function of your own that makes probabilities.",
    )
