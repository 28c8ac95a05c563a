"""The problem of kernel logistic regression, and Newton's method for it.

In: a kernel matrix, targets and bounds. Out: the coefficients at the minimum.

With f = Kβ + b the problem is min ½ tr βᵀKβ + Σ Cₙ·ℓ(tₙ, fₙ). Where e is the gradient of the
losses with respect to f, that of the objective is K(β + e) for β and Σ eₙ for b, and a Newton step
solves (K + KHK)δ = -K(β + e) with the losses' Hessian H, for β and b together. Conjugate gradients
solve it with diag(K, m) as preconditioner, which takes the K out of every product: vectors are kept
as r with K·r meant, and K itself is never inverted. e and H come from the graph of the losses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pellucid import numpy as xp
from pellucid.data.arrays import Array
from pellucid.transform.grad import hvp, value_and_grad
from pellucid.transform.jit import Jit, jit

_HALVINGS = 40
_NEAR = 1e-9  # of the objective
_PRODUCTS = 2000  # of conjugate gradients in one step, at most


def losses(f: Any, targets: Any, bounds: Any) -> Any:
    """Σ Cₙ·ℓ. f: (N, 1) with targets -1 and 1, or (N, K) with rows of a 1 and zeros."""
    if f.shape[1] == 1:
        each = xp.sum(xp.softplus(-targets * f), axis=1)
    else:
        each = xp.logsumexp(f, axis=1) - xp.sum(targets * f, axis=1)
    return xp.sum(bounds * each)


class _Programs(NamedTuple):
    """The losses with e, H times a direction, and products with a matrix, as machine code."""

    gradient: Jit
    product: Jit
    times: Jit


@functools.cache
def _programs(threads: int) -> _Programs:
    def product(f: Any, direction: Any, targets: Any, bounds: Any) -> Any:
        return hvp(lambda at: losses(at, targets, bounds), (f,), (direction,))

    def times(matrix: Any, x: Any) -> Any:
        return matrix @ x

    return _Programs(
        jit(value_and_grad(losses), batch=(0, 1, 2), threads=threads),
        jit(product, batch=(0, 1, 2, 3), threads=threads),
        jit(times, threads=threads),
    )


class State(NamedTuple):
    """A point: β (n, k), b (k,), Kβ, and there the losses and their gradient e."""

    beta: Array
    b: Array
    sums: Array
    loss: float
    e: Array

    @property
    def norm(self) -> float:
        """tr βᵀKβ."""
        return float((self.beta * self.sums).sum())

    @property
    def objective(self) -> float:
        """½ tr βᵀKβ + Σ Cₙ·ℓₙ."""
        return self.norm / 2 + self.loss


class LogisticProblem:
    """The problem over a kernel matrix.

    Args:
        matrix: float64 (n, n). targets: see `losses`. bounds: C of each row. free: whether there
            is b.
    """

    def __init__(self, matrix: Array, targets: Array, bounds: Array, free: bool, threads: int):
        self.matrix, self.targets, self.bounds, self.free = matrix, targets, bounds, free
        self.code = _programs(threads)
        self.weight = float(bounds.sum()) / 4  # the most that the losses curve along b

    def at(self, beta: Array, b: Array, sums: Array) -> State:
        """The state of a point, from β, b and Kβ."""
        loss, e = self.code.gradient(sums + b, self.targets, self.bounds)
        return State(beta, b, sums, float(loss), np.asarray(e))

    def direction(self, at: State, tolerance: float) -> tuple[Array, Array, Array, float]:
        """Newton's step by conjugate gradients: δβ, δb, Kδβ, and the slope along it.

        Args:
            tolerance: the part of the residual's square that may be left.
        """
        r, s = -(at.beta + at.e), self._pull(-at.e)
        kr = self.times(r)
        x, y = np.zeros_like(r), np.zeros_like(s)
        p, q, kp = r, s, kr
        size = first = self._inner(r, s, kr, s)
        for _ in range(_PRODUCTS):
            if size <= tolerance * first or size <= 0:
                break
            bent = np.asarray(self.code.product(at.sums + at.b, kp + q, self.targets, self.bounds))
            ap, aq = p + bent, self._pull(bent)
            curvature = self._inner(ap, aq, kp, q)
            if not curvature > 0:
                break
            length = size / curvature
            x, y = x + length * p, y + length * q
            r, s = r - length * ap, s - length * aq
            kr = self.times(r)
            before, size = size, self._inner(r, s, kr, s)
            p, q, kp = r + size / before * p, s + size / before * q, kr + size / before * kp
        # Newton's equation again, which the solution x meets: where K is singular, x holds parts
        # that K does not see, and they would grow.
        u = self.times(x) + y
        bent = np.asarray(self.code.product(at.sums + at.b, u, self.targets, self.bounds))
        x = -(at.beta + at.e + bent)
        kx = self.times(x)
        promise = float(((at.beta + at.e) * kx).sum() + at.e.sum(axis=0) @ y)
        return x, y, kx, promise

    def _inner(self, r: Array, s: Array, kp: Array, q: Array) -> float:
        """⟨(r, s), (p, q)⟩ with diag(K, m), for K·p."""
        return float((r * kp).sum() + self.weight * (s @ q))

    def _pull(self, e: Array) -> Array:
        """What e says of b, before the preconditioner's m."""
        return e.sum(axis=0) / self.weight if self.free else np.zeros(e.shape[1])

    def times(self, x: Array) -> Array:
        """K·x, (n, k)."""
        return np.asarray(self.code.times(self.matrix, x))


def minimized(
    problem: LogisticProblem, tol: float, steps: int, told: Callable[[int, float], None]
) -> tuple[State, int, float]:
    """Newton's steps until what a step promises is `tol` of the objective at most.

    Returns:
        The state, how many steps were taken, and what the next one promises, as a part of the
        objective.
    """
    one, shape = problem, problem.targets.shape
    at = one.at(np.zeros(shape), np.zeros(shape[1]), np.zeros(shape))
    for taken in range(steps + 1):
        # A coarse direction is enough far away; near the end digits double, so must its own.
        rough = 1e-6 if taken < 2 else 1e-10
        beta, b, sums, slope = one.direction(at, rough)
        # A slope above 0 is one of rounding: how large it is, is left.
        left = abs(slope) / 2 / max(at.objective, np.finfo(float).tiny)
        told(taken, left)
        if left <= tol or taken == steps:
            break
        length, best = 1.0, None
        for _ in range(_HALVINGS):
            there = one.at(at.beta + length * beta, at.b + length * b, at.sums + length * sums)
            # So near that values tell less than the model: the whole step.
            if left < _NEAR or there.objective <= at.objective + 1e-4 * length * slope:
                best = there
                break
            length /= 2
        if best is None:  # rounding is all that is left
            break
        at = one.at(best.beta, best.b, one.times(best.beta))
    return at, taken, left
