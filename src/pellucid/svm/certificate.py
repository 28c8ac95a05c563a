"""What is proved of a fit: how far the solution is from the optimum, and what the solution says.

In: the numbers of a proof: see `proofs.py`. Out: margin, support vectors, slacks, the six KKT
residuals, primal and dual objective and their gap, as a person reads them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import ArgumentError, UnknownNameError
from pellucid.data.arrays import Array

KKT = ("a ≥ 0", "mu ≥ 0", "xi ≥ 0", "t y - 1 + xi ≥ 0", "a (t y - 1 + xi) = 0", "mu xi = 0")


class _Words(NamedTuple):
    """How a certificate speaks of a kind of machine."""

    space: str  # of |w| and what it measures
    between: str  # where support vectors between their bounds lie
    some: str  # what rows with slack do
    room: str  # in the place of t y - 1 in the conditions
    balance: str


_WORDS = {
    "classes": _Words(
        "margin           {margin:.6g}   (|w| = {norm:.6g})",
        "on the margin",
        "lie inside the margin",
        "t y - 1",
        "sum a t = 0",
    ),
    "numbers": _Words(
        "|w|              {norm:.6g}",
        "on the edge of the tube",
        "lie outside the tube",
        "epsilon - |z - y|",
        "sum (a - a*) = 0",
    ),
    "region": _Words(
        "distance         {margin:.6g} of the region from the origin   (|w| = {norm:.6g})",
        "on the border",
        "lie outside the region",
        "y - rho",
        "sum a = nu sum C",
    ),
}
KINDS = tuple(_WORDS)


class Standing(NamedTuple):
    """Where each row of a problem stands: what the counts of a certificate are made of.

    Attributes:
        numbers: int64 (rows,), of the rows among those that were given, ascending.
        held: 0 for no support vector, 1 between the bounds, 2 at a bound.
        side: 0 without slack, 1 with some, 2 on the wrong side.
    """

    numbers: Array
    held: Array
    side: Array


def listed(names: Sequence[str], values: Sequence[float]) -> list[str]:
    """The lines of residuals under their names."""
    width = max(22, *map(len, names))
    return [f"    {name:{width}s} {value:.1e}" for name, value in zip(names, values, strict=True)]


class Gap:
    """What all certificates state: no solution has an objective below `dual`."""

    primal: float
    dual: float
    positive: bool = True  # of a kernel that is not, there is no gap: NaN

    @property
    def gap(self) -> float:
        """primal - dual: how far the objective may be above its minimum."""
        return self.primal - self.dual if self.positive else math.nan

    @property
    def relative_gap(self) -> float:
        """The gap in units of the objective."""
        return self.gap / max(abs(self.primal), abs(self.dual), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Certificate(Gap):
    """What was proved of one problem.

    With coefficients a_n in [0, C_n], multipliers mu_n = C_n - a_n, and slacks xi_n.

    Attributes:
        title: which problem: the classes, or the machine.
        rows: how many it saw.
        norm: |w|, where |w|² = β'Kβ; margin: 1/|w|, how far the nearest rows without slack lie from
            the boundary, in the space of the kernel. Of a one-class machine the distance of the
            region from the origin, ρ/|w|. inf where w is 0.
        support: how many support vectors; on_margin: those of them strictly between their bounds,
            whose slack is 0; at_bound: those with a = C.
        right: rows without slack but for tol (of a regression: inside the tube); inside: those with
            slack on the right side of the boundary; wrong: those on the other side, None where
            there is none: of a regression and a one-class machine all rows with slack are `inside`.
        slack: float64 (rows,), in the order in which the rows were given, without those of other
            classes and those of weight 0; None in a machine that was loaded.
        kkt: the largest violation of each of the six conditions; see `KKT`. a and mu are in units
            of C, so that all six compare with tol.
        balance: |Σ a_n t_n| in units of the largest C; with ν also how far Σ a is from its value.
        primal, dual: the objectives; gap: primal - dual, ≥ 0 but for rounding.
        kind: "classes", "numbers" or "region".
        positive: whether the kernel is positive on the rows, as far as was seen. Where it is not,
            there is no space with a w in it and no gap: norm, margin and gap are NaN, and the KKT
            residuals say no more than that no pair of coefficients can be improved.
    """

    title: str
    rows: int
    norm: float
    margin: float
    support: int
    on_margin: int
    at_bound: int
    right: int
    inside: int
    wrong: int | None
    kkt: tuple[float, ...]
    balance: float
    primal: float
    dual: float
    kind: str = "classes"
    positive: bool = True
    slack: Array | None = field(default=None, repr=False)
    _rank: Callable[[], int] | None = field(default=None, repr=False)
    _standing: Standing | None = field(default=None, repr=False)

    @property
    def residual(self) -> float:
        """The largest of the six KKT residuals."""
        return max(self.kkt)

    def numbers(self) -> dict[str, Any]:
        """What a file holds of it: all but the arrays."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        del plain["slack"], plain["_rank"], plain["_standing"]
        return plain | {"kkt": list(self.kkt)}

    def unproved(self) -> Certificate:
        """The same of a kernel that is not positive."""
        return replace(self, positive=False, norm=math.nan, margin=math.nan)

    def ordered(self, numbers: Array) -> Certificate:
        """The same with its rows in ascending order of their numbers, int64 (rows,)."""
        assert self._standing is not None and self.slack is not None
        order = np.argsort(numbers, kind="stable")
        standing = Standing(numbers[order], self._standing.held[order], self._standing.side[order])
        return replace(self, slack=self.slack[order], _standing=standing)

    def repeated(self, of: Array) -> Certificate:
        """The same for the rows that the rows of the fit stood for.

        Args:
            of: int64 (n,), for each row the number of the one that stood for it.
        """
        assert self._standing is not None and self.slack is not None
        place = np.full(int(max(of.max(), self._standing.numbers.max())) + 1, -1)
        place[self._standing.numbers] = np.arange(len(self._standing.numbers))
        rows = np.flatnonzero(place[of] >= 0)
        chosen = place[of[rows]]
        standing = Standing(rows, self._standing.held[chosen], self._standing.side[chosen])
        slack, counts = self.slack[chosen], counted(standing, self.wrong is not None)
        return replace(self, rows=len(rows), slack=slack, _standing=standing, **counts)

    def rank(self) -> int:
        """The rank of the kernel matrix of its rows; where it is full, any labels can be separated.

        It is computed when it is asked for, from all eigenvalues: N³ steps.
        """
        if self._rank is None:
            raise ArgumentError(
                "certificate",
                "the rank needs the training data, which a machine that was loaded has not",
                "Ask for it before saving.",
            )
        return self._rank()

    def __str__(self) -> str:
        words = _WORDS[self.kind]
        rest = "" if self.wrong is None else f", {self.wrong:,} on the wrong side"
        space = words.space.format(margin=self.margin, norm=self.norm)
        objective = (
            f"  objective        primal {self.primal:.9g}, dual {self.dual:.9g}, gap "
            f"{self.gap:.2e} ({self.relative_gap:.1e} of the objective)"
        )
        if not self.positive:
            space = "kernel           not positive on these rows: nothing is proved, no margin"
            objective = f"  objective        {self.dual:.9g} of a stationary point: no gap"
        lines = [
            f"{self.title}: {self.rows:,} rows",
            f"  {space}",
            f"  support vectors  {self.support:,}: {self.on_margin:,} {words.between}, "
            f"{self.at_bound:,} at the bound",
            f"  slack            {self.right:,} rows have none, {self.inside:,} {words.some}{rest}",
            objective,
            "  KKT residuals",
        ]
        shown = [name.replace("t y - 1", words.room) for name in KKT] + [words.balance]
        return "\n".join([*lines, *listed(shown, [*self.kkt, self.balance])])

    __repr__ = __str__


class Certificates(Sequence[Any]):
    """The proofs of several problems, one a pair of classes or a class against the rest.

    Args:
        parts: one or more certificates of one kind.
    """

    def __init__(self, parts: Sequence[Any]):
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, place: Any) -> Any:
        return self.parts[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    @property
    def residual(self) -> float:
        """The largest KKT residual of all."""
        return float(max(one.residual for one in self.parts))

    @property
    def relative_gap(self) -> float:
        """The largest gap of all, in units of each objective; NaN where one is not proved."""
        return float(np.max([one.relative_gap for one in self.parts]))

    def repeated(self, of: Array) -> Certificates:
        """See `Certificate.repeated`."""
        return type(self)([one.repeated(of) for one in self.parts])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "parts":
            raise AttributeError(name)
        problem = f"each of the {len(self.parts)} problems has its own '{name}'"
        if not hasattr(self.parts[0], name):
            problem = f"there is no '{name}' here"
        raise UnknownNameError(
            "certificate",
            problem,
            "Take one of them, such as certificate[0], or go over all: for one in certificate.",
        )

    def __repr__(self) -> str:
        width = max(7, *(len(one.title) for one in self.parts))
        head = f"{'problem':{width}s} {'margin':9s} {'support':9s} {'wrong':7s} {'KKT':8s} gap"
        lines = [head]
        for one in self.parts:
            lines.append(
                f"{one.title:{width}s} {one.margin:<9.3g} {one.support:<9,} "
                f"{one.wrong or 0:<7,} {one.residual:<8.1e} {one.relative_gap:.1e}"
            )
        return "\n".join(lines)


def counted(standing: Standing, sided: bool) -> dict[str, Any]:
    """The counts of a certificate; `sided` where there is a wrong side."""
    held, side = (np.bincount(part, minlength=3).tolist() for part in standing[1:])
    return {
        "support": held[1] + held[2],
        "on_margin": held[1],
        "at_bound": held[2],
        "right": side[0],
        "inside": side[1],
        "wrong": side[2] if sided else None,
    }


def residuals(share: Array, mu: Array, slack: Array, room: Array) -> tuple[float, ...]:
    """The largest violation of each condition.

    Args:
        share, mu: a and mu, in one unit. room: t y - 1 + xi, how far a constraint is from tight.
    """
    return (
        _largest(-share),
        _largest(-mu),
        _largest(-slack),
        _largest(-room),
        float(np.abs(share * room).max()),
        float(np.abs(mu * slack).max()),
    )


def _largest(violations: Array) -> float:
    return max(0.0, float(violations.max()))
