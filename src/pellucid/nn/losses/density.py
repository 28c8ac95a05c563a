"""Losses that are negative log-likelihoods of a distribution that the outputs describe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.config import record
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.graph.node import TensorType
from pellucid.nn.layer import checked_result, is_function
from pellucid.nn.losses.base import Array, Form, Loss, same_shape
from pellucid.ops import composite
from pellucid.ops.value import Value, elementwise


class Mixture(NamedTuple):
    """A mixture of normal distributions for each row, all with one variance in every direction.

    Attributes:
        weights: (N, K), each row sums to 1.
        means: (N, K, T).
        precisions: (N, K), 1/σ².
    """

    weights: Any
    means: Any
    precisions: Any


@record
class GaussianMixture(Loss):
    """-ln Σₖ πₖ N(t; μₖ, σₖ²) of K normal distributions, (N, K·(T + 2)) outputs for (N, T) targets.

    In a row stand K logits of the weights π (softmax), K·T means μ as they are, and K numbers
    whose softplus is the precision 1/σ². The sum is taken by log-sum-exp.

    Outputs begin near 0, so means near each other and deviations near 1: scale targets whose
    branches lie closer than that, or training takes long to tell the components apart.

    Args:
        components: K.

    Source: Bishop, Mixture density networks, Aston University NCRG/94/004 (1994); the softplus is
    of the precision, as in the lectures.
    """

    name: ClassVar[str] = "gaussian_mixture"
    reads: ClassVar[Form] = Form.DENSITY

    components: int = 2

    def __post_init__(self) -> None:
        integer("GaussianMixture", "components", self.components, 1)

    def target_shapes(self, output: TensorType) -> tuple[shapes.Shape, ...]:
        return ((output.shape[0], self._columns(output)),)

    def per_row(self, target: Value, output: Value) -> Value:
        logits, means, precisions = self._parts(output)
        count = target.type.shape[1]
        assert isinstance(count, int)
        far = elementwise("square", means - composite.expand_dims(target, 1))
        apart = composite.sum(far, axis=-1) * precisions
        height = elementwise("log", precisions) * count - count * math.log(math.tau)
        share = logits - composite.logsumexp(logits, axis=-1, keepdims=True)
        return -composite.logsumexp(share + (height - apart) * 0.5, axis=-1)

    def _parts(self, output: Value) -> tuple[Value, Value, Value]:
        """Logits (N, K), means (N, K, T) and precisions (N, K)."""
        k, columns = self.components, self._columns(output.type)
        logits, means, raw = composite.split(output, [k, k + k * columns], axis=1)
        means = composite.reshape(means, (output.type.shape[0], k, columns))
        return logits, means, elementwise("softplus", raw)

    def mixture(self, output: Any) -> Mixture:
        """What outputs of the model describe: weights, means and precisions."""
        logits, means, precisions = self._parts(composite.asvalue(output))
        return Mixture(composite.softmax(logits), means, precisions)

    def mean(self, output: Value) -> Value:
        """Σ π·μ, (N, T)."""
        logits, means, _ = self._parts(output)
        return composite.sum(composite.expand_dims(composite.softmax(logits), -1) * means, axis=1)

    def _columns(self, output: TensorType) -> int:
        width, k = output.shape[-1], self.components
        if len(output.shape) != 2 or not isinstance(width, int) or width % k or width < 3 * k:
            raise ShapeError(
                self.name,
                f"the model must return (N, {k}·(T + 2)), got {shapes.text(output.shape)}",
                f"For targets (N, 1) the last layer is Dense({3 * k}).",
            )
        return width // k - 2

    def targets(self, y: Array, output: TensorType) -> Array:
        one = TensorType(output.dtype, (output.shape[0], self._columns(output)))
        return same_shape(
            self.name,
            y,
            one,
            "for the output of the model",
            f"The last layer has {self.components}·(T + 2) units for T columns of y.",
        )


@record
class NegativeLogLikelihood(Loss):
    """-ln p(t; y) for any density of a person's own.

    Args:
        log_prob: a function `log_prob(t, y)` of the targets and the outputs that returns one
            logarithm a row.
    """

    name: ClassVar[str] = "negative_log_likelihood"
    reads: ClassVar[Form] = Form.OWN

    log_prob: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        if isinstance(self.log_prob, type) or not is_function(self.log_prob):
            raise ArgumentError(
                "NegativeLogLikelihood", f"log_prob must be a function, got {self.log_prob!r}"
            )

    def per_row(self, target: Value, output: Value) -> Value:
        value = checked_result(self.name, "log_prob", self.log_prob(target, output))
        if value.type.shape != output.type.shape[:1]:
            raise ShapeError(
                self.name,
                f"log_prob must return one value a row {shapes.text(output.type.shape[:1])}, got "
                f"{shapes.text(value.type.shape)}",
                "Sum over the last axes: np.sum(…, axis=-1).",
            )
        return -value

    def targets(self, y: Array, output: TensorType) -> Array:
        return self._own(y, output)

    def _own(self, y: Array, output: TensorType) -> Array:
        """Targets of any shape, as numbers of the outputs' dtype."""
        if y.ndim == 1:
            y = y.reshape(-1, 1)
        return same_shape(self.name, y, TensorType(output.dtype, (output.shape[0], *y.shape[1:])))
