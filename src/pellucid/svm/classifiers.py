"""SVC and NuSVC.

In: rows and labels of two classes or more. Out: a fitted machine with its support vectors and its
certificate. Signs are those of scikit-learn: `decision_function` is positive for the second of two
classes, and for the first class of each pair where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from pellucid.core.arguments import checked, choice, real
from pellucid.core.errors import DataError
from pellucid.data.arrays import Array
from pellucid.svm import classes as kinds
from pellucid.svm import problem, proofs, targets
from pellucid.svm.arguments import NU_SVC, price
from pellucid.svm.arguments import SVC as SVC_ELSEWHERE
from pellucid.svm.certificate import Certificate
from pellucid.svm.expansion import Expansion
from pellucid.svm.files import savable
from pellucid.svm.machine import Data, Machine, Solved
from pellucid.svm.notices import warn

_LEAST_MARGIN = 1e-300  # what coefficients can be divided by


class _Classifier(Machine):
    """What SVC and NuSVC share: problems of two classes, and what their answers say."""

    _FITTED = (*Machine._FITTED, "classes")

    def __init__(
        self, multi_class: str, class_weight: Any, decision_function_shape: str, **common: Any
    ):
        super().__init__(**common)
        choice(self._name, "multi_class", multi_class, ("ovo", "ovr"))
        choice(self._name, "decision_function_shape", decision_function_shape, ("ovr", "ovo"))
        targets.check_class_weight(self._name, class_weight)
        self.multi_class, self.class_weight = multi_class, class_weight
        self.decision_function_shape = decision_function_shape

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Finds the machine for these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: (N,) two classes or more: whole numbers or names.
            sample_weight: (N,) weights ≥ 0, which scale C; rows of weight 0 are left out.

        Returns:
            The machine itself.

        Raises:
            PellucidError: for data that do not fit; the message says which and where.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        given = targets.labelled(y, sample_weight, self.class_weight, len(rows), where, self._names)
        labels, numbers, weights, by_class = given
        order = np.argsort(numbers, kind="stable")  # so that a class is a range of rows
        if weights is not None or self.class_weight is not None:
            order = order[given.products[order] > 0]
        counts = np.bincount(numbers[order], minlength=len(labels)).tolist()
        tasks = kinds.tasks(counts, self.multi_class)
        factors = by_class[numbers[order]]
        own = np.ones(len(order)) if weights is None else weights[order]
        self._check_tasks(tasks, own, self._named(labels), where)
        data = self._data(rows, order, weights, where)
        solved = self._solved_tasks(data, tasks, own, factors, where)
        self._answer(solved)
        if len(labels) == 2:  # the second class is the positive one
            solved.coefficients *= -1
            solved.intercepts *= -1
        self.classes = labels
        self._keep(solved, numbers[order])
        return self

    def _adopt(self, expansion: Expansion) -> None:
        super()._adopt(expansion)
        count, owner = len(self.classes), self._support_class
        self.n_support = np.bincount(owner, minlength=count)
        if self.multi_class == "ovo" and count > 2:
            self.dual_coef = kinds.compact(expansion.coefficients, owner, count)

    def _check_tasks(
        self, tasks: Sequence[kinds.Task], weights: Array, labels: Array, where: str
    ) -> None:
        """Refuses what no problem can meet, before any kernel is computed."""

    def _solved_tasks(
        self, data: Data, tasks: Sequence[kinds.Task], weights: Array, factors: Array, where: str
    ) -> Solved:
        """The solved problems.

        Args:
            weights, factors: of the rows in order, their own and those of their class.
        """
        raise NotImplementedError

    def _answer(self, solved: Solved) -> None:
        """Sets the coefficients and the intercepts of solved problems of `classification`."""
        problems = solved.problems
        assert isinstance(problems, problem.Together)
        numbers = np.repeat(np.arange(len(problems)), np.diff(problems.starts))
        solved.coefficients[numbers, problems.rows] = problems.b
        solved.intercepts[:] = -problems.multipliers()

    def _problems(self, classes: int) -> int:
        """How many problems there are for so many classes."""
        pairs = classes * (classes - 1) // 2
        return pairs if self.multi_class == "ovo" or classes == 2 else classes

    def _title(self, number: int) -> str:
        task = kinds.tasks([1] * len(self.classes), self.multi_class)[number]
        return kinds.title(self._named(self.classes), task.positive, task.negative)

    def decision_function(self, x: Any) -> Array:
        """On which side each row lies and how far, float64.

        Returns:
            (N,) for two classes: Σ_s y_s α_s k(x_s, x) + intercept, positive for the second class.
            (N, K) for K classes: the answer of each against the rest, or the votes of the pairs
            with a part below a third that says how sure they are. (N, K(K - 1)/2), the answers of
            the pairs, with decision_function_shape="ovo".
        """
        decisions = self._decide(x, f"{self._name}.decision_function")
        count = len(self.classes)
        if count == 2:
            return decisions[:, 0]
        if self.multi_class == "ovr" or self.decision_function_shape == "ovo":
            return decisions
        return kinds.scores(decisions, count)

    def predict(self, x: Any) -> Array:
        """The class of each row, (N,)."""
        decisions = self._decide(x, f"{self._name}.predict")
        if len(self.classes) == 2:
            chosen = (decisions[:, 0] >= 0).astype(np.int64)
        elif self.multi_class == "ovr":
            chosen = decisions.argmax(axis=1)
        else:
            chosen = kinds.votes(decisions, len(self.classes)).argmax(axis=1)
        return np.asarray(self.classes[chosen])


def _taken(numbers: Array, tasks: Sequence[kinds.Task]) -> Array:
    """The parts of sorted numbers that problems see, one behind the other."""
    return np.concatenate([numbers[first:stop] for one in tasks for first, stop in one.ranges])


@savable
class SVC(_Classifier):
    """A support vector machine for classes: the widest margin, with slack at price C.

    min ½|w|² + C Σ w_n ξ_n with y_n (w·φ(x_n) + b) ≥ 1 - ξ_n and ξ_n ≥ 0, solved in its dual.

    Args:
        kernel: "linear", "poly", "rbf", "sigmoid", "precomputed", or a function of two rows or two
            blocks of rows.
        C: the price of slack, above 0.
        gamma: of poly, rbf and sigmoid: a number, "scale" for 1/(D·variance of x), or "auto" for
            1/D.
        degree, coef0: (γ a·b + coef0)^degree.
        multi_class: how more than two classes become problems of two: "ovo", every pair of classes;
            "ovr", each class against the rest.
        class_weight: {class: weight} or "balanced"; scales C.
        tol: the largest violation of the optimality conditions that is left.
        cache_size: megabytes for kernel rows.
        max_iter: steps a problem may take; None for as many as it needs.
        threads: how many are used, at most; None for as many as the process may use. Results do not
            depend on it.
        verbose: 0 silent, 1 or 2 a line a second with the gap.
        decision_function_shape: "ovr" or "ovo"; see `decision_function`.

    Attributes, after fit:
        support: (S,) the numbers of the support vectors; support_vectors: (S, D).
        dual_coef: y_s α_s: (1, S) for two classes; (K - 1, S) for pairs of classes, where row o
            holds the coefficient against the o-th other class; (K, S) for "ovr".
        intercept: one a problem; n_support: support vectors of each class; classes: (K,).
        n_iter: steps of each problem; certificate: the proof: see `Certificate`.

    Example:
        >>> import numpy as np
        >>> x, y = np.array([[0.0], [1.0], [3.0], [4.0]]), [0, 0, 1, 1]
        >>> machine = SVC("linear", C=10.0).fit(x, y)
        >>> machine.predict([[1.5], [2.5]]), machine.support
        (array([0, 1]), array([1, 2]))

    Source: Cortes and Vapnik, Support-vector networks, 1995.
    """

    @partial(checked, elsewhere=SVC_ELSEWHERE)
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        C: float = 1.0,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        multi_class: str = "ovo",
        class_weight: Any = None,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
        decision_function_shape: str = "ovr",
    ):
        super().__init__(
            multi_class,
            class_weight,
            decision_function_shape,
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=cache_size,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.C = price(self._name, C)

    def _solved_tasks(
        self, data: Data, tasks: Sequence[kinds.Task], weights: Array, factors: Array, where: str
    ) -> Solved:
        with np.errstate(over="ignore", under="ignore"):
            weights = weights * factors
        bounds = targets.bounds_of(self.C, weights, where)
        ranges = [task.ranges for task in tasks]
        return self._solve(data, problem.classification(ranges, _taken(bounds, tasks)), where)

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        return proofs.classification(
            self._title(number), sums, one.b, one.z, one.bounds, -one.multiplier(), self.tol
        )


@savable
class NuSVC(_Classifier):
    """A machine for classes whose ν bounds both the rows inside the margin and the support vectors.

    At most ν of the weights lie on the wrong side of the margin, and at least ν are support
    vectors. It is the SVC with C = 1/r for an r that the solution finds.

    Args:
        nu: in (0, 1]; at most twice the share of the smaller class of each pair.
        infeasible_nu: what happens where ν is larger than that: "raise", an error before any kernel
            is computed, or "clip": a pair takes the largest ν that it can, with a warning.

    The other arguments and the attributes are those of `SVC`. Rows count in ν by their own weights;
    `class_weight` then scales the C that ν stands for in each problem, which is solved again.

    Source: Schölkopf, Smola, Williamson and Bartlett, New support vector algorithms, 2000.
    """

    @partial(checked, elsewhere=NU_SVC)
    def __init__(
        self,
        nu: float = 0.5,
        *,
        kernel: Any = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        multi_class: str = "ovo",
        class_weight: Any = None,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
        decision_function_shape: str = "ovr",
        infeasible_nu: str = "raise",
    ):
        super().__init__(
            multi_class,
            class_weight,
            decision_function_shape,
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            tol=tol,
            cache_size=cache_size,
            max_iter=max_iter,
            threads=threads,
            verbose=verbose,
        )
        self.nu = real(self._name, "nu", nu, 0, 1, open_low=True)
        choice(self._name, "infeasible_nu", infeasible_nu, ("raise", "clip"))
        self.infeasible_nu = infeasible_nu

    def _check_tasks(
        self, tasks: Sequence[kinds.Task], weights: Array, labels: Array, where: str
    ) -> None:
        words = labels.tolist()
        for task in tasks:
            own, split = _taken(weights, [task]), task.ranges[0][1] - task.ranges[0][0]
            rest = "the rest" if task.negative < 0 else words[task.negative]
            names = (words[task.positive], rest)
            if self.infeasible_nu == "raise":
                problem.check_nu(where, self.nu, own[:split], own[split:], names)
                continue
            most = problem.largest_nu(own[:split], own[split:])
            if self.nu > most:
                warn(
                    where,
                    f"nu={self.nu:g} is lowered to {most:.6g} for classes {names[0]!r} and "
                    f"{names[1]!r}, which allow no larger one",
                )

    def _solved_tasks(
        self, data: Data, tasks: Sequence[kinds.Task], weights: Array, factors: Array, where: str
    ) -> Solved:
        problems = []
        for task in tasks:
            own = _taken(weights, [task])
            problems.append(
                problem.nu_classification(task.ranges, own, self._used(task.ranges, own))
            )
        solved = self._solve(data, problems, where)
        self._prices = None
        if (factors == 1).all():
            return solved
        converged = self.converged
        first, self._prices = solved, [1 / self._margin(one) for one in problems]
        bounds = _taken(weights * factors, tasks)
        bounds *= np.repeat(self._prices, [len(one.rows) for one in problems])
        ranges = [task.ranges for task in tasks]
        solved = self._solve(data, problem.classification(ranges, bounds), where)
        self.n_iter = self.n_iter + np.array([one.iterations for one in first.endings])
        self.converged = self.converged and converged
        return solved

    def _used(self, ranges: problem.Ranges, weights: Array) -> float:
        """ν as a problem has it."""
        split = ranges[0][1] - ranges[0][0]
        return min(self.nu, problem.largest_nu(weights[:split], weights[split:]))

    def _margin(self, one: problem.Problem) -> float:
        """Half of the difference of the multipliers of both classes, which is 1/C.

        Raises:
            DataError: where it is not above 0: the hulls that ν leaves of both classes meet.
        """
        width = (one.multiplier(0) - one.multiplier(1)) / 2
        if not width > _LEAST_MARGIN:
            raise DataError(
                f"{self._name}.fit",
                f"nu={self.nu:g} must leave a margin between two classes, got "
                f"{max(width, 0.0):.3g}",
                "Choose a larger nu, another gamma or another kernel.",
            )
        return width

    def _answer(self, solved: Solved) -> None:
        if self._prices is not None:
            super()._answer(solved)
            return
        for number, one in enumerate(solved.problems):
            width = self._margin(one)
            solved.coefficients[number, one.rows] = one.b / width
            middle = (one.multiplier(0) + one.multiplier(1)) / 2
            solved.intercepts[number] = -middle / width

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        edge = None
        middle = one.multiplier()
        if self._prices is None:
            positive, negative = one.multiplier(0), one.multiplier(1)
            total = self._used(one.ranges, one.bounds) * float(one.bounds.sum())
            middle, edge = (positive + negative) / 2, ((positive - negative) / 2, total)
        return proofs.classification(
            self._title(number),
            sums,
            one.b,
            np.where(one.hi > 0, 1.0, -1.0),
            one.bounds,
            -middle,
            self.tol,
            edge,
        )
