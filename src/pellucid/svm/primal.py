"""The primal problem in its forms, on the graph: hard margin, slacks, hinge, and λ.

In: rows of two classes. Out: a `Hyperplane` with its multipliers, to full accuracy. For problems of
the size that a person looks at; `LinearSVC` is for many rows, the kernel machines for the rest.

All four forms are one problem, min f(z) + Σ cᵢ·[gᵢ(z)]₊ with a smooth convex f and affine gᵢ: where
cᵢ is infinite the term is the constraint gᵢ(z) ≤ 0. The method of multipliers solves it. A round
minimizes

    f(z) + 1/(2ρ) Σ ([aᵢ + ρ·gᵢ(z)]₊² - [aᵢ + ρ·gᵢ(z) - cᵢ]₊²)

over z, which is smooth and piecewise quadratic, by Newton's method, and sets aᵢ to aᵢ + ρ·gᵢ(z),
cut to [0, cᵢ]. At the end a are the multipliers.

Source: Rockafellar, Mathematics of Operations Research 1 (1976), 97-116, for the method.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pellucid import numpy as xp
from pellucid.core.arguments import checked, choice, real
from pellucid.core.errors import ArgumentError, NotSeparableError, PellucidError
from pellucid.data.arrays import Array
from pellucid.svm.arguments import price
from pellucid.svm.convex import Convex
from pellucid.svm.hyperplane import Plane
from pellucid.svm.inputs import as_rows, check_rows
from pellucid.svm.targets import as_signs

_ROUNDS = 60
_GROWTH = 4.0  # of ρ from round to round
_NEWTON_STEPS = 200
_MOST = 2000  # unknowns: Newton's method holds their square
_TOUCHING = 1e-8  # hulls of the classes that come closer, in units of the data's spread, meet


class _Form(NamedTuple):
    """f, the rows of g, and their cap c for a C; how many unknowns stand behind w and b."""

    smooth: Callable[..., Any]  # (z, x, C)
    parts: Callable[..., Any]  # (z, x, t)
    cap: Callable[[float], float]
    slacks: bool = False


def _penalty(z: Any, x: Any) -> Any:
    return xp.sum(xp.square(z[: x.shape[1]])) / 2


def _short(z: Any, x: Any, t: Any) -> Any:
    """How far a row is short of the margin: 1 - t·(w·x + b)."""
    features = x.shape[1]
    return 1 - t * (x @ z[:features] + z[features])


def _slack(z: Any, x: Any) -> Any:
    return z[x.shape[1] + 1 :]


_FORMS = {
    "hard": _Form(lambda z, x, C: _penalty(z, x), _short, lambda C: np.inf),
    "slack": _Form(
        lambda z, x, C: _penalty(z, x) + C * xp.sum(_slack(z, x)),
        lambda z, x, t: xp.concat([_short(z, x, t) - _slack(z, x), -_slack(z, x)]),
        lambda C: np.inf,
        slacks=True,
    ),
    "hinge": _Form(lambda z, x, C: _penalty(z, x), _short, lambda C: C),
    "lambda": _Form(lambda z, x, C: _penalty(z, x) / C, _short, lambda C: 1.0),
}


@dataclass(frozen=True, repr=False)
class Hyperplane(Plane):
    """w·x + b = 0 between two classes, and what proves that it is the best.

    Args:
        multipliers: a (N,) of the constraints t(w·x + b) ≥ 1 - ξ: w = Σ a·t·x, Σ a·t = 0.
        slack_multipliers: μ (N,) of ξ ≥ 0: C - a. None for the hard margin.
        slack: ξ (N,) = [1 - t(w·x + b)]₊, 0 for the hard margin.
        objective: of the form that was minimized; rounds: of the method of multipliers.
    """

    multipliers: Array
    slack_multipliers: Array | None
    slack: Array
    objective: float
    rounds: int
    form: str = field(default="hinge")

    @property
    def margin(self) -> float:
        """1/‖w‖, the distance from the hyperplane to w·x + b = ±1."""
        length = float(np.linalg.norm(self.weight))
        return 1 / length if length else np.inf

    def _facts(self) -> list[str]:
        late = self.slack > 1e-6
        wrong = int((self.slack >= 1).sum())
        return [
            f"  margin           {self.margin:.6g}",
            f"  support vectors  {len(self.support):,} of {len(self.slack):,} rows",
            f"  slack            {int(late.sum()):,} rows have some, {wrong:,} of them on the "
            "wrong side",
            f"  objective        {self.objective:.9g}",
        ]

    @property
    def support(self) -> Array:
        """The rows whose multiplier is above 0, up to the accuracy of the solution."""
        return np.flatnonzero(self.multipliers > 1e-7 * max(self.multipliers.max(), 1e-300))


@checked
def hard_margin(x: Any, y: Any, *, tol: float = 1e-9) -> Hyperplane:
    """min ½‖w‖² subject to t(w·x + b) ≥ 1: the widest margin between two separable classes.

    Args:
        x: (N, D); y: (N,) labels of two classes. t is 1 for the larger label, -1 for the other.
        tol: how far a constraint may be violated; the margin itself is 1.

    Raises:
        NotSeparableError: where no hyperplane separates the classes, with the proof.

    Source: the lectures' margin objective, max over w of min t·(w·x)/‖w‖ = 1/‖w‖.
    """
    return _solved("hard_margin", "hard", x, y, 1.0, tol)


@checked
def soft_margin(
    x: Any, y: Any, *, C: float = 1.0, form: str = "hinge", tol: float = 1e-9
) -> Hyperplane:
    """The soft margin in one of three forms, which have the same minimizer.

    form="slack":  min ½‖w‖² + C Σ ξ   subject to t(w·x + b) ≥ 1 - ξ, ξ ≥ 0
    form="hinge":  min ½‖w‖² + C Σ [1 - t(w·x + b)]₊
    form="lambda": min (λ/2)‖w‖² + Σ [1 - t(w·x + b)]₊, λ = 1/C

    Where a text has ‖w‖² + C′ Σ ξ without the ½, C is C′/2.

    Args:
        x: (N, D); y: (N,) labels of two classes. t is 1 for the larger label, -1 for the other.
        C: the price of slack, above 0.
        tol: how far the conditions of the optimum may be violated; the margin is 1.

    Raises:
        ArgumentError: for more than 2,000 unknowns: D + 1, with slacks N + D + 1.
    """
    choice("soft_margin", "form", form, ["slack", "hinge", "lambda"])
    return _solved("soft_margin", form, x, y, price("soft_margin", C), tol)


@functools.cache
def _lagrangian(name: str) -> tuple[Convex, Callable[..., Any]]:
    """What a round minimizes over z, and the function g, traced once for any number of rows."""
    form = _FORMS[name]

    def lagrangian(z: Any, x: Any, t: Any, a: Any, rho: Any, cap: Any, C: Any) -> Any:
        moved = a + rho * form.parts(z, x, t)
        cut = xp.minimum(xp.relu(moved), cap)
        # [moved]₊² - [moved - cap]₊², without a difference of large numbers far from the kinks.
        return form.smooth(z, x, C) + xp.sum(cut * (2 * moved - cut)) / (2 * rho)

    batch = () if form.slacks else (0, 1, 2)  # with slacks, z has an entry a row
    return Convex(lagrangian, batch), form.parts


def _solved(where: str, name: str, x: Any, y: Any, C: float, tol: float) -> Hyperplane:
    tol = real(where, "tol", tol, 0, open_low=True)
    given = as_rows(x, where).astype(np.float64)
    check_rows(given)
    classes, t = as_signs(y, len(given), where)
    form, (count, features) = _FORMS[name], given.shape
    unknowns = features + 1 + (count if form.slacks else 0)
    if unknowns > _MOST:
        fix = "Use pel.svm.LinearSVC."
        if form.slacks and features + 1 <= _MOST:
            fix = 'Write form="hinge", which has the same minimizer and no slacks.'
        raise ArgumentError(
            where, f"the problem must have {_MOST:,} unknowns at most, got {unknowns:,}", fix
        )
    # b is not penalised, so the problem is the same around the mean; with x/s for x it is that of
    # C·s² and multipliers a·s², w·s.
    mean = given.mean(axis=0)
    spread = float(np.sqrt(np.square(given - mean).sum(axis=1).max())) or 1.0
    z, a, rounds = _multiplied(where, name, (given - mean) / spread, t, C * spread**2, tol)
    weight = z[:features] / spread
    intercept = float(z[features] - weight @ mean)
    a = a[:count] * (C if name == "lambda" else spread**-2.0)
    slack, objective = np.zeros(count), float(weight @ weight / 2)
    if name != "hard":
        slack = np.maximum(1 - t * (given @ weight + intercept), 0)
        objective += C * float(slack.sum())
    return Hyperplane(
        weight,
        intercept,
        classes,
        a,
        None if name == "hard" else C - a,
        slack,
        objective / C if name == "lambda" else objective,
        rounds,
        name,
    )


def _multiplied(
    where: str, name: str, x: Array, t: Array, C: float, tol: float
) -> tuple[Array, Array, int]:
    """The method of multipliers for rows of length 1 at most: z, a, and the number of rounds."""
    form, (convex, parts) = _FORMS[name], _lagrangian(name)
    count, features = x.shape
    cap = form.cap(C)
    z = np.zeros(features + 1 + (count if form.slacks else 0))
    a = np.zeros(count * (2 if form.slacks else 1))
    rho = {"hard": 1.0, "lambda": 1.0}.get(name, C)
    for done in range(1, _ROUNDS + 1):
        # What rounding leaves of the gradient w - Σ a·t·x, or of a part of it.
        enough = max(tol * min(1.0, cap), 16 * np.finfo(float).eps * (1 + a.sum()))
        found = convex.minimum(z, (x, t, a, rho, cap, C), enough, _NEWTON_STEPS)
        z, before = found.point, a
        a = np.clip(a + rho * np.asarray(parts(z, x, t)), 0, cap)
        if name == "hard":
            _check_apart(where, x, t, a)
        if found.gradient <= 4 * enough and np.abs(a - before).max() <= tol * rho:
            return z, a, done
        rho *= _GROWTH
    raise PellucidError(
        where,
        f"the conditions of the optimum must hold to {tol:g}, which {_ROUNDS} rounds did not reach",
        "Give a larger tol, or scale the columns of x alike.",
    )


def _check_apart(where: str, x: Array, t: Array, a: Array) -> None:
    """Refuses classes whose convex hulls meet: multipliers that grow without end show where."""
    sums = [a[t < 0].sum(), a[t > 0].sum()]
    if not all(sums):
        return
    witness = a / np.where(t > 0, sums[1], sums[0])
    if np.linalg.norm((witness * t) @ x) > _TOUCHING:
        return
    sides = [
        " + ".join(
            f"{witness[row]:.3g}·x[{row}]"
            for row in np.argsort(-witness * (t == sign), kind="stable")[:4]
            if t[row] == sign and witness[row] > 1e-6
        )
        + (" + …" if (witness[t == sign] > 1e-6).sum() > 4 else "")
        for sign in (-1, 1)
    ]
    problem = (
        f"no hyperplane separates these classes: {sides[0]} = {sides[1]}, a point between rows of "
        "one class that lies between rows of the other"
    )
    pair = [int(np.argmax(witness * (t == sign))) for sign in (-1, 1)]
    if (x[pair[0]] == x[pair[1]]).all():
        problem = (
            f"no hyperplane separates these classes: rows {min(pair)} and {max(pair)} are the same "
            "point with different labels"
        )
    raise NotSeparableError(
        where,
        problem,
        "Use pel.svm.soft_margin, or a kernel: pel.svm.SVC.",
        witness=witness,
    )
