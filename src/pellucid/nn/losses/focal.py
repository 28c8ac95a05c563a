"""Losses of classifications that look at hard rows, at overlaps, or at whole distributions."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from pellucid.core.arguments import real
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError
from pellucid.nn.losses.base import Form, sum_per_row
from pellucid.nn.losses.classification import BinaryCrossEntropy, BinaryLabels, CrossEntropy
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise


@record
class Focal(CrossEntropy):
    """-α Σ tⱼ (1 - pⱼ)^γ ln pⱼ with p = softmax(z): a cross-entropy that leaves easy rows alone.

    Args:
        gamma: γ ≥ 0; 0 is the cross-entropy.
        alpha: α ≥ 0, the same for all classes; `class_weights` gives each its own.
        label_smoothing, class_weights, average: as of CrossEntropy.

    Source: Lin et al., ICCV 2017; Keras's alpha is 0.25.
    """

    name: ClassVar[str] = "focal"

    gamma: float = dataclasses.field(default=2.0, kw_only=True)
    alpha: float = dataclasses.field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("Focal", "gamma", self.gamma, 0)
        real("Focal", "alpha", self.alpha, 0)

    def of_classes(self, target: Value, output: Value) -> Value:
        surprise = super().of_classes(target, output)
        return (
            surprise
            * power(-elementwise("expm1", composite.log_softmax(output)), self.gamma)
            * self.alpha
        )


def power(base: Value, exponent: float) -> Value:
    """base^exponent for base ≥ 0, with a gradient of 0 at 0 where the exponent is above 1."""
    result: Value = elementwise("pow", base, float(exponent))
    return result


@record
class BinaryFocal(BinaryCrossEntropy):
    """The binary cross-entropy times (1 - q)^γ, with q the probability of the label.

    Args:
        gamma: γ ≥ 0; 0 is the cross-entropy.
        alpha: the weight of the label 1, in [0, 1]; that of 0 is 1 - α. None weighs both by 1.
        label_smoothing, average: as of BinaryCrossEntropy.

    Source: Lin et al., ICCV 2017; with labels between 0 and 1 as in Keras.
    """

    name: ClassVar[str] = "binary_focal"

    gamma: float = dataclasses.field(default=2.0, kw_only=True)
    alpha: float | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("BinaryFocal", "gamma", self.gamma, 0)
        if self.alpha is not None:
            real("BinaryFocal", "alpha", self.alpha, 0, 1)

    def of_elements(self, target: Value, output: Value) -> Value:
        surprise = super().of_elements(target, output)
        target = self._smoothed(target)
        yes, no = elementwise("sigmoid", output), elementwise("sigmoid", -output)
        # 1 - q, without a difference of numbers near 1.
        miss = target * no + (1 - target) * yes
        loss = surprise * power(miss, self.gamma)
        if self.alpha is None:
            return loss
        return loss * (target * self.alpha + (1 - target) * (1 - self.alpha))


@record
class GeneralizedCrossEntropy(CrossEntropy):
    """(1 - pₜ^q)/q with p = softmax(z): between the cross-entropy, q → 0, and 1 - pₜ, q = 1.

    Wrong labels pull less at the weights than with a cross-entropy.

    Args:
        q: in (0, 1].
        class_weights, average: as of CrossEntropy; label_smoothing must be 0.

    Source: Zhang and Sabuncu, NeurIPS 2018.
    """

    name: ClassVar[str] = "generalized_cross_entropy"

    q: float = dataclasses.field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        real("GeneralizedCrossEntropy", "q", self.q, 0, 1, open_low=True)
        if self.label_smoothing:
            raise ArgumentError(
                "GeneralizedCrossEntropy",
                f"label_smoothing must be 0, got {self.label_smoothing}",
                "It holds out against wrong labels itself: choose a larger q.",
            )

    def of_classes(self, target: Value, output: Value) -> Value:
        logarithm = composite.log_softmax(output)
        return -target * elementwise("expm1", logarithm * self.q) / self.q


@record
class KLDivergence(CrossEntropy):
    """Σ tⱼ ln(tⱼ/pⱼ) with p = softmax(z): the cross-entropy without the entropy of the targets.

    Args:
        label_smoothing, class_weights, average: as of CrossEntropy.
    """

    name: ClassVar[str] = "kl_divergence"

    def of_classes(self, target: Value, output: Value) -> Value:
        safe = composite.where(target == 0, 1.0, target)
        return super().of_classes(target, output) + target * elementwise("log", safe)


@dataclasses.dataclass(frozen=True)
class _Overlap(BinaryLabels):
    """1 minus how far the labels 1 of a row and its probabilities overlap."""

    reads: ClassVar[Form] = Form.LOGITS
    link: ClassVar[str | None] = "sigmoid"

    @property
    def _weights(self) -> tuple[float, float]:
        """Of false positives and of false negatives, beside 1 for what is common."""
        raise NotImplementedError

    def per_row(self, target: Value, output: Value) -> Value:
        yes, no = elementwise("sigmoid", output), elementwise("sigmoid", -output)
        common = sum_per_row(target * yes)
        false, missed = sum_per_row((1 - target) * yes), sum_per_row(target * no)
        return 1 - common / (common + false * self._weights[0] + missed * self._weights[1] + _LEAST)


_LEAST = 1e-7  # a row without a 1, and none foretold, has loss 1


@record
class Tversky(_Overlap):
    """1 - Σtp/(Σtp + α Σ(1-t)p + β Σt(1-p)) over the outputs of a row, with p = σ(z).

    Args:
        alpha, beta: ≥ 0, the weights of false positives and of false negatives.

    Labels in [0, 1], one for each output.
    Source: Salehi, Erdogmus and Gholipour, MLMI 2017. Keras sums over a whole batch by default.
    """

    name: ClassVar[str] = "tversky"

    alpha: float = 0.5
    beta: float = 0.5

    def __post_init__(self) -> None:
        real("Tversky", "alpha", self.alpha, 0)
        real("Tversky", "beta", self.beta, 0)

    @property
    def _weights(self) -> tuple[float, float]:
        return self.alpha, self.beta


@record
class Dice(_Overlap):
    """1 - 2Σtp/(Σt + Σp) over the outputs of a row, with p = σ(z): Tversky with ½ and ½.

    Labels in [0, 1], one for each output.
    Source: Milletari, Navab and Ahmadi, 3DV 2016. Keras sums over a whole batch by default.
    """

    name: ClassVar[str] = "dice"

    @property
    def _weights(self) -> tuple[float, float]:
        return 0.5, 0.5
