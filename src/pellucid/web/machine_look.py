"""A fitted support vector machine as the page draws it: plane, rows, the numbers of its proof.

Everything is what `pellucid.svm` says: coefficients, slacks and objectives are its certificate's.
"""

from __future__ import annotations

import itertools
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, TooLargeError
from pellucid.data import features
from pellucid.svm import SVC, Certificates, Hyperplane, hard_margin
from pellucid.svm.kernels import Kernel, named
from pellucid.train.scores import confusion_matrix
from pellucid.web.frames import pack
from pellucid.web.look import FINE
from pellucid.web.machine import MOST_ROWS
from pellucid.web.settings import Settings
from pellucid.web.sources import Rows

Array = np.ndarray[Any, Any]

_LISTED = 60  # rows that are told with all their digits
_TERMS = 3  # of the sum at a point
NONE, ON_MARGIN, INSIDE, WRONG = range(4)  # where a row stands; the page has a mark for each


@dataclass(frozen=True)
class Pair:
    """One problem of two classes, solved.

    Attributes:
        positive, negative: numbers of the classes; t is 1 for the first, -1 for the other.
        rows: (n,) numbers of its rows among all.
        t, f, a, slack: (n,) of each; f is w·φ(x) + b.
        bound: C, inf for the hard margin; norm: ‖w‖, NaN where the kernel is not positive.
        w: (features,) with the linear kernel.
        tol: slack below it is none.
    """

    positive: int
    negative: int
    rows: Array
    t: Array
    f: Array
    a: Array
    slack: Array
    bound: float
    norm: float
    b: float
    primal: float
    dual: float
    residual: float
    tol: float
    w: Array | None = None

    @property
    def where(self) -> Array:
        """Where each row stands."""
        found = np.where(self.a > 0, ON_MARGIN, NONE)
        found[self.slack > self.tol] = INSIDE
        found[self.slack >= 1] = WRONG
        return found

    def numbers(self) -> dict[str, Any]:
        """What the page says of it."""
        counts = np.bincount(self.where, minlength=4).tolist()
        proved = np.isfinite(self.norm)
        return {
            "positive": self.positive,
            "negative": self.negative,
            "rows": len(self.rows),
            "support": int((self.a > 0).sum()),
            "on_margin": counts[ON_MARGIN],
            "inside": counts[INSIDE],
            "wrong": counts[WRONG],
            "at_bound": int((self.a >= self.bound * (1 - 1e-9)).sum()),
            "bound": self.bound,
            "norm": self.norm,
            "margin": 1 / self.norm if proved and self.norm else None,
            "penalty": self.norm**2 / 2,
            "slack": float(self.slack.sum()),
            "objective": self.primal if proved else None,
            "dual": self.dual if proved else None,
            "gap": self.primal - self.dual if proved else None,
            "residual": self.residual,
            "w": None if self.w is None else self.w.tolist(),
            "b": self.b,
        }


class MachineLook:
    """A machine fitted to the rows that are trained on.

    Args:
        settings: with a machine.
        pair: the number of the pair of classes that is looked at first.

    Raises:
        PellucidError: where these rows have no machine.
    """

    def __init__(self, settings: Settings, rows: Rows, pair: int = 0):
        assert settings.svm is not None
        self.settings, self.rows, self.chosen = settings, rows, settings.svm
        if not rows.classes:
            raise DataError(
                "support vector machine",
                "the data must have classes, got values",
                "Choose points with classes, such as circle.",
            )
        if len(rows.kept) > MOST_ROWS:
            raise TooLargeError(
                "support vector machine",
                f"here it is fitted to at most {MOST_ROWS:,} points, got {len(rows.kept):,}",
                "Choose fewer points, or a smaller share of training data.",
            )
        x, y = rows.inputs[rows.kept], rows.shown[rows.kept].astype(np.int64)
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if self.chosen.hard:
                self.fitted: SVC | Hyperplane = hard_margin(x, y)
                self.pairs = [_hard(self.fitted, x, y, rows.kept)]
            else:
                self.fitted = self.chosen.made().fit(x, y)
                self.pairs = _soft(self.fitted, x, y, rows.kept)
        self.notes = [str(one.message) for one in caught]
        self.seconds = time.perf_counter() - started
        self.pair = min(pair, len(self.pairs) - 1)
        self._field = self._decisions(self._plane(FINE, 1))  # what cannot be drawn does not stand

    def choose(self, pair: int) -> None:
        """Looks at another pair of classes."""
        if pair >= len(self.pairs):
            raise DataError("support vector machine", f"there is no pair {pair}")
        self.pair = pair

    def _decisions(self, inputs: Array) -> Array:
        """(m, pairs)."""
        return np.asarray(self.fitted.decision_function(inputs)).reshape(len(inputs), -1)

    def _plane(self, cells: int, ring: int) -> Array:
        """The features of the plane, a row a cell, with a ring of cells around it."""
        places = (np.arange(-ring, cells + ring) + 0.5) / cells
        return features(self.rows.grid(places), list(self.settings.features))

    @property
    def is_flat(self) -> bool:
        """Whether w is a direction of the plane, so that a slack is a distance in it."""
        return self.chosen.kernel == "linear" and self.settings.features == ("x1", "x2")

    def message(self) -> bytes:
        """All that the page draws."""
        one, classes = self.pairs[self.pair], self.rows.classes
        width = FINE + 2
        arrays = {"decision": self._field[:, self.pair].reshape(width, width)}
        if classes > 2:
            regions = np.asarray(self.fitted.predict(self._plane(FINE, 0)))
            arrays["regions"] = (regions == np.arange(classes)[:, None]).reshape(-1, FINE, FINE)
        every = np.full((4, len(self.rows.x)), np.nan)
        every[:, one.rows] = one.a, one.slack, one.t * one.f, one.where
        arrays |= dict(zip(("a", "slack", "margin", "where"), every, strict=True))
        header = {
            "kind": "machine",
            **one.numbers(),
            "pair": self.pair,
            "pairs": [[pair.positive, pair.negative] for pair in self.pairs],
            "flat": self.is_flat,
            "gamma": self.kernel.gamma,
            "scores": self.scores(),
            "list": self._listed(one),
            "notes": self.notes,
            "converged": getattr(self.fitted, "converged", True),
            "seconds": self.seconds,
        }
        return pack(header, arrays)

    @property
    def kernel(self) -> Kernel:
        """The kernel with the number that its gamma stands for."""
        chosen, x = self.chosen, self.rows.inputs[self.rows.kept]
        numbers = (chosen.gamma, chosen.degree, chosen.coef0, x.shape[1], float(x.var()))
        return named(chosen.kernel, *numbers)

    def _listed(self, one: Pair) -> list[list[float]]:
        """Support vectors and rows with slack, those with the most slack first, all digits."""
        where = one.where
        order = np.lexsort((-one.a, -one.slack))
        chosen = order[where[order] != NONE][:_LISTED]
        columns = (one.rows, one.t, one.t * one.f, one.slack, one.a, where)
        return [
            [float(column[i]) for column in columns] + self.rows.x[one.rows[i], :2].tolist()
            for i in chosen
        ]

    def at(self, x: Array) -> dict[str, Any]:
        """The decision at a point, and the nearest row with its coefficient."""
        place = np.where(np.isfinite(x), x, self.rows.middle)
        inputs = features(place[None], list(self.settings.features))
        one = self.pairs[self.pair]
        distances = ((self.rows.x[one.rows, :2] - place[:2]) ** 2).sum(1)
        near = int(distances.argmin())
        told = {
            "f": float(self._decisions(inputs)[0, self.pair]),
            "class": int(self.fitted.predict(inputs)[0]),
            "near": {
                "row": int(one.rows[near]),
                "x": self.rows.x[one.rows[near], :2].tolist(),
                **{n: float(getattr(one, n)[near]) for n in ("t", "f", "a", "slack")},
            },
            "terms": self._terms(one, inputs),
        }
        return {"features": inputs[0].tolist(), "machine": told}

    def _terms(self, one: Pair, inputs: Array) -> list[list[float]]:
        """The largest a·t·k(x_s, x) of the sum: [row, a·t, k]."""
        if self.chosen.kernel == "linear":
            return []
        held = np.flatnonzero(one.a)
        rows, kernel = self.rows.inputs[one.rows[held]], self.kernel
        k = kernel.of_products(rows @ inputs[0])
        if kernel.kind == "rbf":
            k = np.exp(-kernel.gamma * ((rows - inputs) ** 2).sum(1))
        weight = (one.a * one.t)[held]
        order = np.argsort(-np.abs(weight * k), kind="stable")[:_TERMS]
        return [[float(one.rows[held[i]]), float(weight[i]), float(k[i])] for i in order]

    def scores(self) -> dict[str, Any]:
        """Accuracy of the rows trained on and of those held out, and the confusion matrix."""
        found: dict[str, Any] = {}
        for name, numbers in (("train", self.rows.kept), ("test", self.rows.held)):
            if not len(numbers):
                continue
            shown = self.rows.shown[numbers].astype(np.int64)
            predicted = np.asarray(self.fitted.predict(self.rows.inputs[numbers]))
            found[name] = float((predicted == shown).mean())
            table = confusion_matrix(shown, predicted, self.rows.classes)
            found["confusion"] = table.tolist()
        return found


def _soft(machine: SVC, x: Array, y: Array, kept: Array) -> list[Pair]:
    """The pairs of classes of a fitted machine."""
    classes = machine.classes.tolist()
    decisions = machine.decision_function(x).reshape(len(x), -1)
    proof = machine.certificate
    proofs = list(proof) if isinstance(proof, Certificates) else [proof]
    at = np.searchsorted(machine.classes, y[machine.support])  # the place of each one's class
    found = []
    for number, (i, j) in enumerate(itertools.combinations(range(len(classes)), 2)):
        mine = np.flatnonzero((y == classes[i]) | (y == classes[j]))
        first = 1 if len(classes) == 2 else i  # the positive one
        t = np.where(y[mine] == classes[first], 1.0, -1.0)
        a = np.zeros(len(x))
        if len(classes) == 2:
            a[machine.support] = np.abs(machine.dual_coef[0])
        else:
            for own, row in ((i, j - 1), (j, i)):  # as LIBSVM lays them out
                held = at == own
                a[machine.support[held]] = np.abs(machine.dual_coef[row, held])
        one = proofs[number]
        assert one.slack is not None
        w = machine.coef[number] if machine.kernel == "linear" else None
        found.append(
            Pair(
                positive=classes[first],
                negative=classes[i + j - first],
                rows=kept[mine],
                t=t,
                f=decisions[mine, number],
                a=a[mine],
                slack=one.slack,
                bound=machine.C,
                norm=one.norm,
                b=float(machine.intercept[number]),
                primal=one.primal,
                dual=one.dual,
                residual=one.residual,
                tol=machine.tol,
                w=w,
            )
        )
    return found


def _hard(plane: Hyperplane, x: Array, y: Array, kept: Array) -> Pair:
    """The hyperplane without slack; its dual objective from the multipliers."""
    t = np.where(y == plane.classes[1], 1.0, -1.0)
    f = plane.decision_function(x)
    a = np.where(np.isin(np.arange(len(x)), plane.support), plane.multipliers, 0.0)
    norm, sums = float(np.linalg.norm(plane.weight)), (plane.multipliers * t) @ x
    room = np.maximum(t * f - 1, 0)
    apart = np.abs(plane.multipliers * room).max() / max(a.max(), 1e-300)  # from complementarity
    return Pair(
        positive=int(plane.classes[1]),
        negative=int(plane.classes[0]),
        rows=kept,
        t=t,
        f=f,
        a=a,
        slack=plane.slack,
        bound=np.inf,
        norm=norm,
        b=plane.intercept,
        primal=norm**2 / 2,
        dual=float(plane.multipliers.sum() - sums @ sums / 2),
        residual=float(max(apart, (1 - t * f).max())),
        tol=1e-6,
        w=plane.weight,
    )
