"""LinearSVC: linear machines for many rows.

In: data of two classes or more. Out: a hyperplane for each problem of two classes, and the gap
between its objective and the dual one, which no solution can go below.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from pellucid.core.arguments import checked, choice, flag, integer, real
from pellucid.core.arguments import seed as checked_seed
from pellucid.core.config import from_config
from pellucid.data.arrays import Array
from pellucid.data.frames import check_names, feature_names
from pellucid.runtime.threads import Team
from pellucid.runtime.threads import check as check_threads
from pellucid.svm import files, inputs
from pellucid.svm.arguments import LINEAR_SVC, check_word, intercept_scale, price
from pellucid.svm.certificate import Certificates
from pellucid.svm.classes import title
from pellucid.svm.descent import descend
from pellucid.svm.files import arguments, column_names, described, hold, parameters, readable
from pellucid.svm.fitted import Fitted
from pellucid.svm.linear_certificate import LinearCertificate, certified
from pellucid.svm.linear_problem import LinearProblem
from pellucid.svm.linear_rows import linear_rows
from pellucid.svm.newton import minimize
from pellucid.svm.notices import reached
from pellucid.svm.progress import Progress
from pellucid.svm.targets import bounds_of, check_class_weight, check_objective, labelled

_MOST_FEATURES = 3000  # for Newton's method, which holds their square


class LinearSVC(Fitted):
    """A support vector machine with the linear kernel, for many rows.

        min ½(‖w‖² + β²) + C Σ wₙ·ℓ(tₙ(w·xₙ + s·β)), intercept b = s·β

    with ℓ(m) = [1 - m]₊² or [1 - m]₊, weights wₙ and s = `intercept_scaling`: as in LIBLINEAR the
    intercept is penalised as one more weight, of a column that is s in every row. The larger s, the
    less it is. Several classes: each against the rest.

    Args:
        loss: "squared_hinge" or "hinge".
        C: the price of slack, above 0.
        tol: the relative gap between the primal and the dual objective that is left.
        fit_intercept: whether there is b. intercept_scaling: s, above 0.
        class_weight: {class: weight} or "balanced"; scales C. Of several classes, that of a class
            against the rest, as in LIBLINEAR: the rest has weight 1.
        solver: "descent", dual coordinate descent with shrinking; "newton", the method of
            multipliers with Newton's method, whose steps cost features² each; "auto" picks
            "newton" for more rows than features and 3,000 features at most.
        max_iter: sweeps of the descent, or Newton's steps, a problem may take.
        seed: of the order of the coordinates.
        threads: how many are used, at most; None for as many as the process may use. Results do
            not depend on it.
        verbose: 0 silent, 1 or 2 a line a second with the gap.

    Attributes, after fit:
        classes: (K,); coef: (1, D) for two classes, else (K, D); intercept: one a row of coef.
        n_iter: steps of each problem, in the order of coef; converged: whether all are.
        certificate: the proof: see `LinearCertificate`; for several classes `Certificates`,
            one for each row of coef.

    Example:
        >>> import numpy as np
        >>> x, y = np.array([[0.0], [1.0], [3.0], [4.0]]), [0, 0, 1, 1]
        >>> LinearSVC(C=10.0).fit(x, y).predict([[1.5], [2.5]])
        array([0, 1])

    Source: Fan, Chang, Hsieh, Wang and Lin, JMLR 9 (2008), 1871-1874, for the problem.
    """

    certificate: LinearCertificate | Certificates
    _FITTED = ("classes", "coef", "intercept", "n_iter", "certificate", "converged")

    @partial(checked, elsewhere=LINEAR_SVC)
    def __init__(
        self,
        loss: str = "squared_hinge",
        *,
        C: float = 1.0,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1.0,
        class_weight: Any = None,
        solver: str = "auto",
        max_iter: int = 1000,
        seed: int = 0,
        threads: int | None = None,
        verbose: int = 0,
    ):
        name = self._name
        check_word(name, "loss", loss, "C")
        choice(name, "loss", loss, ("squared_hinge", "hinge"))
        choice(name, "solver", solver, ("auto", "descent", "newton"))
        flag(name, "fit_intercept", fit_intercept)
        self.loss, self.solver, self.fit_intercept = loss, solver, fit_intercept
        self.C = price(name, C)
        self.tol = real(name, "tol", tol, 0, open_low=True)
        self.intercept_scaling = intercept_scale(name, intercept_scaling)
        check_class_weight(name, class_weight)
        self.class_weight = class_weight
        self.max_iter = integer(name, "max_iter", max_iter, 1)
        self.seed = checked_seed(name, seed)
        self.threads = None if threads is None else check_threads(name, threads)
        self.verbose = integer(name, "verbose", verbose, 0, 2)

    def __repr__(self) -> str:
        fitted = "fitted" if self._is_fitted else "not fitted"
        return f"{self._name}(loss={self.loss!r}, C={self.C:g}, {fitted})"

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Finds the hyperplanes for these rows.

        Args:
            x: (N, D) numbers. y: (N,) two classes or more: whole numbers or names.
            sample_weight: (N,) weights ≥ 0, which scale C; rows of weight 0 are left out.

        Returns:
            The machine itself.

        Raises:
            PellucidError: for data that do not fit; the message says which and where.
        """
        where = f"{self._name}.fit"
        given = inputs.as_rows(x, where)
        labels, numbers, own_weights, by_class = labelled(
            y, sample_weight, self.class_weight, len(given), where, self._names
        )
        weights = np.ones(len(given)) if own_weights is None else own_weights
        self._columns = feature_names(x)
        kept = np.flatnonzero(weights)
        if len(kept) < len(given):
            given, numbers, weights = given[kept], numbers[kept], weights[kept]
        columns = inputs.columns_of(given, None, kept)
        inputs.check_size(given, np.float64, where)
        inputs.warn_of_scales(where, columns, len(given), self._columns)
        rows = linear_rows(given, self.intercept_scaling if self.fit_intercept else 0.0)
        problems = []
        for one in [1] if len(labels) == 2 else range(len(labels)):
            rest = by_class[0] if len(labels) == 2 else 1.0
            own = numbers == one
            with np.errstate(over="ignore", under="ignore"):
                factors = weights * np.where(own, by_class[one], rest)
            cost = bounds_of(self.C, factors, where)
            squared = self.loss == "squared_hinge"
            problems.append(LinearProblem(rows, np.where(own, 1.0, -1.0), cost, squared))
        self._solve(problems, where)
        self.classes = labels
        found = np.stack([one.weight for one in problems])
        self.coef = found[:, :-1].copy()
        self.intercept = found[:, -1] * rows.intercept
        self.n_iter = np.array([one.iterations for one in problems])
        proofs = tuple(
            certified(one, title(self._named(labels), number, 1 if len(labels) == 2 else -1))
            for number, one in enumerate(problems)
        )
        self.certificate = proofs[0] if len(proofs) == 1 else Certificates(proofs)
        return self

    def _solve(self, problems: list[LinearProblem], where: str) -> None:
        """Solves all problems; each by one thread where there are several."""
        threads = check_threads(where, self.threads)
        count, features = problems[0].rows.x.shape
        newton = self.solver == "newton"
        if self.solver == "auto":
            newton = features <= _MOST_FEATURES and count > features
        team = min(threads, len(problems))
        within = threads if len(problems) == 1 else 1
        left: list[bool] = []
        watch = Progress(self._name) if self.verbose else None

        def stop(one: LinearProblem) -> bool:
            if watch is not None:
                watch([one])
            return bool(left)

        def take(part: int) -> None:
            for number in range(part, len(problems), team):
                one = problems[number]
                with np.errstate(all="ignore"):  # what is not finite is refused below
                    if newton:
                        minimize(one, self.tol, self.max_iter, within, stop)
                    else:
                        descend(one, self.tol, self.max_iter, (self.seed, number), stop)

        Team(team).run(take, lambda: left.append(True))
        for one in problems:
            check_objective(where, one.primal, one.dual)
        ends = [(one.iterations, one.gap) for one in problems]
        self.converged = reached(where, "the relative gap", self.tol, self.max_iter, ends)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes the fitted machine to a safetensors file, which `pel.svm.load` reads.

        Args:
            overwrite: whether a file that is there may be replaced.
        """
        files.save(self, path, overwrite)

    def _contents(self) -> files.Contents:
        proof = self.certificate
        proofs = proof if isinstance(proof, Certificates) else (proof,)
        document = {
            "kind": self._name,
            "parameters": parameters(self),
            "classes": self.classes.tolist(),
            "columns": None if self._columns is None else list(self._columns),
            "converged": bool(self.converged),
            "certificate": [described(one) for one in proofs],
        }
        arrays = {"coef": self.coef, "intercept": self.intercept, "n_iter": self.n_iter}
        return {f"params/{name}": array for name, array in arrays.items()}, document

    def decision_function(self, x: Any) -> Array:
        """w·x + b of each row, float64: (N,) for two classes, else (N, K)."""
        where = f"{self._name}.decision_function"
        self._check_fitted(where)
        check_names(where, self._columns, x)
        rows = inputs.as_rows(x, where, self.coef.shape[1])
        inputs.check_rows(rows)
        inputs.check_size(rows, np.float64, where, fix="Scale x as that of the fit was.")
        source = linear_rows(rows, 1.0)
        threads = check_threads(where, self.threads)
        found = [
            source.products(np.append(w, b), threads)
            for w, b in zip(self.coef, self.intercept, strict=True)
        ]
        return found[0] if len(found) == 1 else np.stack(found, axis=1)

    def predict(self, x: Any) -> Array:
        """The class of each row, (N,)."""
        decisions = self.decision_function(x)
        chosen = decisions > 0 if decisions.ndim == 1 else decisions.argmax(axis=1)
        return np.asarray(self.classes[chosen.astype(np.int64)])


def _proof(described: Any) -> LinearCertificate:
    numbers = {name: from_config(value) for name, value in described.items()}
    kkt = numbers["kkt"]
    hold(len(kkt) == 6 and all(type(value) is float for value in kkt), "certificate")
    return LinearCertificate(**numbers | {"kkt": tuple(kkt)})


def _read(parts: files.Parts, document: Mapping[str, Any]) -> LinearSVC:
    """A machine from what its file holds."""
    arrays = parts["params"]
    machine = LinearSVC(**arguments(document["parameters"]))
    coef, intercept, steps = (arrays[name] for name in ("coef", "intercept", "n_iter"))
    labels = np.array(document["classes"])
    count = 1 if len(labels) == 2 else len(labels)
    hold(labels.ndim == 1 and len(labels) > 1 and labels.dtype.kind in "biuU", "classes")
    hold(coef.ndim == 2 and len(coef) == count and coef.dtype == np.float64, "coef")
    hold(intercept.shape == (count,) and intercept.dtype == np.float64, "intercept")
    hold(steps.shape == (count,) and steps.dtype == np.int64, "n_iter")
    hold(bool(np.isfinite(coef).all() and np.isfinite(intercept).all()), "numbers")
    machine.classes, machine.coef = labels, coef
    machine.intercept, machine.n_iter = intercept, steps
    machine._columns = column_names(document["columns"])
    machine.converged = bool(document["converged"])
    proofs = tuple(_proof(one) for one in document["certificate"])
    hold(len(proofs) == count, "certificate")
    machine.certificate = proofs[0] if count == 1 else Certificates(proofs)
    return machine


readable("LinearSVC", _read)
