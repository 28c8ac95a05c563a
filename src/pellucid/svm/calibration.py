"""Calibrated probabilities: decision values of rows that a machine did not see, and a curve.

In: a machine that decides between classes. Out: the same machine, and for each class a curve from
its decision value to a probability: Platt's sigmoid or an isotonic step function. The decision
values come from machines fitted to the other parts of the data (cross-fitting), since a machine is
surer of the rows that it was fitted to than it should be.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from pellucid.core.arguments import checked, choice, integer
from pellucid.core.arguments import seed as checked_seed
from pellucid.core.errors import ArgumentError, DataError
from pellucid.data.arrays import Array
from pellucid.svm import files
from pellucid.svm.fitted import Fitted
from pellucid.svm.inputs import as_rows
from pellucid.svm.targets import as_labels, row_weights

_STEPS = 100


class Decider(Protocol):
    """A machine that decides between classes."""

    classes: Array

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Any: ...

    def decision_function(self, x: Any) -> Array: ...


@dataclass(frozen=True)
class Sigmoid:
    """p = 1/(1 + e^{a·d + b}), a below 0 where larger decision values d mean the class.

    Source: Platt 1999, in the form of Lin, Lin and Weng, Machine Learning 68 (2007), 267-276.
    """

    a: float
    b: float

    def arrays(self) -> dict[str, Array]:
        """What a file holds of it."""
        return {"numbers": np.array([self.a, self.b])}

    @classmethod
    def of(cls, numbers: Array) -> Sigmoid:
        """From what `arrays` says, which is checked."""
        files.hold(numbers.shape == (2,) and numbers.dtype == np.float64, "curves")
        files.hold(bool(np.isfinite(numbers).all()), "curves")
        return cls(*numbers.tolist())

    def __call__(self, decisions: Array) -> Array:
        z = self.a * decisions + self.b
        return np.asarray(np.exp(-np.logaddexp(0, z)))

    @classmethod
    def fitted(cls, decisions: Array, own: Array, weights: Array) -> Sigmoid:
        """The sigmoid of largest likelihood for Platt's targets, by Newton's method.

        Args:
            own: whether a row is of the class.

        The targets are (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2), not 1 and 0: the curve stays finite where
        the decision values separate the classes.
        """
        scale = float(np.abs(decisions).max()) or 1.0
        d = decisions / scale
        more, less = weights[own].sum(), weights[~own].sum()
        target = np.where(own, (more + 1) / (more + 2), 1 / (less + 2))
        at = np.array([0.0, np.log((less + 1) / (more + 1))])
        columns = np.stack([d, np.ones_like(d)], axis=1)

        def loss(point: Array) -> float:
            z = columns @ point
            return float(weights @ (np.logaddexp(0, z) - (1 - target) * z))

        for _ in range(_STEPS):
            p = np.exp(-np.logaddexp(0, columns @ at))
            slope = columns.T @ (weights * (target - p))
            hessian = (columns * (weights * p * (1 - p))[:, None]).T @ columns
            step = -np.linalg.solve(hessian + 1e-12 * np.trace(hessian) * np.eye(2), slope)
            promise = float(slope @ step)
            length, here = 1.0, loss(at)
            while loss(at + length * step) > here + 1e-4 * length * promise and length > 1e-10:
                length /= 2
            at = at + length * step
            if -promise <= 1e-14 * max(here, 1e-300):
                break
        return cls(float(at[0] / scale), float(at[1]))


@dataclass(frozen=True)
class Isotonic:
    """The increasing curve with the least squared error, straight between its corners.

    Args:
        places: decision values, increasing. heights: probabilities there.

    Source: pool adjacent violators; Zadrozny and Elkan, KDD 2002.
    """

    places: Array
    heights: Array

    def arrays(self) -> dict[str, Array]:
        """What a file holds of it."""
        return {"places": self.places, "heights": self.heights}

    @classmethod
    def of(cls, places: Array, heights: Array) -> Isotonic:
        """From what `arrays` says, which is checked."""
        files.hold(places.ndim == 1 and places.shape == heights.shape and places.size > 0, "curves")
        files.hold(places.dtype == heights.dtype == np.float64, "curves")
        files.hold(bool(np.isfinite(places).all() and (np.diff(places) > 0).all()), "curves")
        within = (heights >= 0) & (heights <= 1)
        files.hold(bool(within.all() and (np.diff(heights) >= 0).all()), "curves")
        return cls(places, heights)

    def __call__(self, decisions: Array) -> Array:
        return np.asarray(np.interp(decisions, self.places, self.heights))

    @classmethod
    def fitted(cls, decisions: Array, own: Array, weights: Array) -> Isotonic:
        """The curve nearest to 1 for rows of the class (`own`) and 0 for others, by weights."""
        order = np.argsort(decisions, kind="stable")
        places, start = np.unique(decisions[order], return_index=True)
        weight = np.add.reduceat(weights[order], start)
        height = np.add.reduceat((weights * own)[order], start) / weight
        blocks: list[list[float]] = []  # height, weight, values: none below the one before it
        for one, own_weight in zip(height, weight, strict=True):
            blocks.append([float(one), float(own_weight), 1])
            while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
                high, many, count = blocks.pop()
                low, some, before = blocks[-1]
                blocks[-1] = [
                    (low * some + high * many) / (some + many),
                    some + many,
                    before + count,
                ]
        heights = np.repeat([b[0] for b in blocks], [int(b[2]) for b in blocks])
        return cls(places, heights)


_CURVES: dict[str, type[Sigmoid] | type[Isotonic]] = {"sigmoid": Sigmoid, "isotonic": Isotonic}


class Calibrated(Fitted):
    """A machine with calibrated probabilities.

        predict_proba = curve_k(decision value of class k), divided by their sum

    The curves are fitted to decision values of held-out parts of the data; then the machine is
    fitted to all of it. `predict` is the machine's own, so it may differ from the class of the
    largest probability.

    Args:
        machine: SVC, NuSVC or LinearSVC, which need not be fitted; it is copied, not changed.
        method: "sigmoid" (Platt), for few rows; "isotonic", for some thousands of them and more.
        folds: how many parts, each with its share of every class.
        seed: of the order in which rows are dealt out to the parts.

    Attributes, after fit:
        machine: fitted to all rows. classes: (K,). curves: one a class; one for two classes.

    Example:
        >>> import numpy as np
        >>> from pellucid.svm import SVC
        >>> x = np.concatenate([np.arange(10.0), np.arange(8.0, 18.0)])[:, None]
        >>> machine = Calibrated(SVC("linear"), folds=2).fit(x, np.repeat([0, 1], 10))
        >>> bool(machine.predict_proba([[17.0]])[0, 1] > 0.8)
        True
    """

    _FITTED = ("classes", "curves")

    @checked
    def __init__(self, machine: Decider, *, method: str = "sigmoid", folds: int = 5, seed: int = 0):
        if isinstance(machine, type):
            raise ArgumentError(
                "Calibrated",
                f"machine must be an object, got the class {machine.__name__}",
                f"Write {machine.__name__}(…), with brackets.",
            )
        if not callable(getattr(machine, "decision_function", None)):
            raise ArgumentError(
                "Calibrated",
                f"machine must have decision_function, got {type(machine).__name__}",
                "Use SVC, NuSVC or LinearSVC.",
            )
        choice("Calibrated", "method", method, _CURVES)
        self.machine, self.method = machine, method
        self.folds = integer("Calibrated", "folds", folds, 2)
        self.seed = checked_seed("Calibrated", seed)

    def __repr__(self) -> str:
        return f"Calibrated({self.machine!r}, method={self.method!r})"

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fits the machine to the parts, the curves to what it says of the rest, and it to all.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed". y: (N,) classes.
            sample_weight: (N,) weights ≥ 0, of the machine and of the curves.

        Raises:
            DataError: where a class has fewer rows of weight above 0 than there are folds.
        """
        where = "Calibrated.fit"
        rows = as_rows(x, where)
        labels, numbers = as_labels(y, len(rows), where)
        given = row_weights(sample_weight, len(rows), where)
        weights = np.ones(len(rows)) if given is None else given
        part = self._parts(numbers, weights, labels, where)
        square = getattr(self.machine, "kernel", None) == "precomputed"
        told = np.zeros((len(rows), 1 if len(labels) == 2 else len(labels)))
        for fold in range(self.folds):
            held, kept = (
                np.flatnonzero(part == fold),
                np.flatnonzero((part != fold) & (weights > 0)),
            )
            some = rows[kept][:, kept] if square else rows[kept]
            asked = rows[held][:, kept] if square else rows[held]
            one = copy.copy(self.machine)
            one.fit(some, labels[numbers[kept]], None if given is None else weights[kept])
            told[held] = one.decision_function(asked).reshape(len(held), -1)
        kind = _CURVES[self.method]
        counted = np.flatnonzero(weights)
        self.curves = [
            kind.fitted(
                told[counted, column],
                numbers[counted] == (1 if told.shape[1] == 1 else column),
                weights[counted],
            )
            for column in range(told.shape[1])
        ]
        self.machine = copy.copy(self.machine)
        self.machine.fit(x, y, sample_weight)
        self.classes = labels
        return self

    def _parts(self, numbers: Array, weights: Array, labels: Array, where: str) -> Array:
        """The part of each row: the rows of a class are dealt out in a drawn order."""
        part, draw = np.zeros(len(numbers), np.int64), np.random.default_rng(self.seed)
        for number, label in enumerate(labels.tolist()):
            own = np.flatnonzero((numbers == number) & (weights > 0))
            if len(own) < self.folds:
                raise DataError(
                    where,
                    f"each class must have {self.folds} rows or more, one for each fold, got "
                    f"{len(own)} of class {label!r}",
                    "Give a smaller folds=.",
                )
            part[draw.permutation(own)] = np.arange(len(own)) % self.folds
        return part

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes the fitted machine and its curves to a safetensors file, for `pel.svm.load`.

        Args:
            overwrite: whether a file that is there may be replaced.

        Raises:
            ArgumentError: where it is not fitted, or the file cannot be written.
            DataError: for a machine that is none of `pel.svm`.
        """
        files.save(self, path, overwrite)

    def _contents(self) -> files.Contents:
        inner = getattr(self.machine, "_contents", None)
        if inner is None:
            raise DataError(
                "Calibrated.save",
                f"machine must be one of pel.svm, got {type(self.machine).__name__}",
            )
        arrays, document = inner()
        curves = [curve.arrays() for curve in self.curves]
        for number, parts in enumerate(curves):
            arrays |= {f"params/curve{number}_{name}": one for name, one in parts.items()}
        own = {name: getattr(self, name) for name in ("method", "folds", "seed")}
        return arrays, {
            "kind": "Calibrated",
            "parameters": own,
            "curves": len(curves),
            "machine": document,
        }

    def decision_function(self, x: Any) -> Array:
        """That of the machine which was fitted to all rows."""
        return self.machine.decision_function(x)

    def predict_proba(self, x: Any) -> Array:
        """The probability of each class, (N, K)."""
        curves = self.curves
        decisions = self.decision_function(x)
        if len(self.classes) == 2:
            own = curves[0](decisions)
            return np.stack([1 - own, own], axis=1)
        each = np.stack([curve(d) for curve, d in zip(curves, decisions.T, strict=True)], axis=1)
        total = each.sum(axis=1, keepdims=True)
        even = np.full_like(each, 1 / len(curves))  # where no class has any
        return np.asarray(np.where(total > 0, each / np.where(total > 0, total, 1), even))

    def predict(self, x: Any) -> Array:
        """The class that the machine decides for, (N,)."""
        machine: Any = self.machine
        return np.asarray(machine.predict(x))


def _read(parts: files.Parts, document: Mapping[str, Any]) -> Calibrated:
    """A machine with its curves from what a file holds."""
    files.hold(document["machine"]["kind"] != "Calibrated", "machine")
    machine = files.read_machine(parts, document["machine"])
    made = Calibrated(machine, **document["parameters"])
    classes = machine.__dict__.get("classes", ())
    count = document["curves"]
    files.hold(type(count) is int and count == (1 if len(classes) == 2 else len(classes)), "curves")
    kind = _CURVES[made.method]
    curves = []
    for number in range(count):
        head = f"curve{number}_"
        own = {name: one for name, one in parts["params"].items() if name.startswith(head)}
        curves.append(kind.of(**{name.removeprefix(head): one for name, one in own.items()}))
    made.classes, made.curves = classes, curves
    return made


files.readable("Calibrated", _read)
