"""The public machines: SVC, NuSVC, SVR, NuSVR and OneClassSVM.

In: data and targets. Out: a fitted machine with its support vectors and its certificate. Signs are
those of scikit-learn: `decision_function` is positive for the second of two classes, and for the
first class of each pair where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pellucid.core.arguments import checked, choice, real
from pellucid.core.errors import DataError
from pellucid.svm import certificate as proof
from pellucid.svm import classes as kinds
from pellucid.svm import inputs, problem
from pellucid.svm.certificate import Certificate
from pellucid.svm.expansion import Expansion
from pellucid.svm.files import savable
from pellucid.svm.machine import Data, Machine, Solved

Array = np.ndarray[Any, Any]
_LEAST_MARGIN = 1e-300  # what coefficients can be divided by


class _Classifier(Machine):
    """What SVC and NuSVC share: problems of two classes, and what their answers say."""

    _FITTED = (*Machine._FITTED, "classes")

    def __init__(
        self, several: str, class_weight: Any, decision_function_shape: str, **common: Any
    ):
        super().__init__(**common)
        choice(self._name, "several", several, ("ovo", "ovr"))
        choice(self._name, "decision_function_shape", decision_function_shape, ("ovr", "ovo"))
        inputs.check_class_weight(self._name, class_weight)
        self.several, self.class_weight = several, class_weight
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
        labels, numbers = inputs.as_labels(y, len(rows), where)
        weights = inputs.as_bounds(sample_weight, len(rows), where)
        by_class = inputs.class_weights(self.class_weight, labels, numbers, weights, where)
        factors = by_class[numbers]
        bounds = factors if weights is None else factors * weights
        inputs.check_some(where, labels, numbers, bounds)
        order = np.argsort(numbers, kind="stable")
        if weights is not None or self.class_weight is not None:
            order = order[bounds[order] > 0]
        counts = np.bincount(numbers[order], minlength=len(labels)).tolist()
        tasks = kinds.tasks(counts, self.several)
        factors = factors[order]
        own = np.ones(len(order)) if weights is None else weights[order]
        self._check_tasks(tasks, own, labels, where)
        data = self._data(rows, order, weights, where)
        solved = self._solved_tasks(data, tasks, own, factors, where)
        for number, one in enumerate(solved.problems):
            coefficients, intercept = self._answer(one)
            solved.coefficients[number, one.rows] = coefficients
            solved.intercepts[number] = intercept
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
        if self.several == "ovo" and count > 2:
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

    def _answer(self, one: problem.Problem) -> tuple[Array, float]:
        """Coefficients of the rows of a solved problem, and its intercept."""
        raise NotImplementedError

    def _problems(self, classes: int) -> int:
        """How many problems there are for so many classes."""
        pairs = classes * (classes - 1) // 2
        return pairs if self.several == "ovo" or classes == 2 else classes

    def _title(self, number: int) -> str:
        names = self.classes.tolist()
        task = kinds.tasks([1] * len(names), self.several)[number]
        rest = "the rest" if task.negative < 0 else repr(names[task.negative])
        return f"{names[task.positive]!r} against {rest}"

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
        if self.several == "ovr" or self.decision_function_shape == "ovo":
            return decisions
        return kinds.scores(decisions, count)

    def predict(self, x: Any) -> Array:
        """The class of each row, (N,)."""
        decisions = self._decide(x, f"{self._name}.predict")
        if len(self.classes) == 2:
            chosen = (decisions[:, 0] >= 0).astype(np.int64)
        elif self.several == "ovr":
            chosen = decisions.argmax(axis=1)
        else:
            chosen = kinds.votes(decisions, len(self.classes)).argmax(axis=1)
        return np.asarray(self.classes[chosen])


def _taken(numbers: Array, task: kinds.Task) -> Array:
    """The parts of sorted numbers that a problem sees."""
    parts = [numbers[first:stop] for first, stop in task.ranges]
    return np.concatenate(parts)


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
        several: how more than two classes become problems of two: "ovo", every pair, or "ovr", each
            class against the rest.
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

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        C: float = 1.0,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        several: str = "ovo",
        class_weight: Any = None,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
        decision_function_shape: str = "ovr",
    ):
        super().__init__(
            several,
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
        self.C = real(self._name, "C", C, 0, open_low=True)

    def _solved_tasks(
        self, data: Data, tasks: Sequence[kinds.Task], weights: Array, factors: Array, where: str
    ) -> Solved:
        with np.errstate(over="ignore", under="ignore"):
            weights = weights * factors
        bounds = inputs.bounds_of(self.C, weights, where)
        problems = [problem.classification(task.ranges, _taken(bounds, task)) for task in tasks]
        return self._solve(data, problems, where)

    def _answer(self, one: problem.Problem) -> tuple[Array, float]:
        return one.b, -one.multiplier()

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        return proof.classification(
            self._title(number), sums, one.b, one.z, one.bounds, -one.multiplier(), self.tol
        )


@savable
class NuSVC(_Classifier):
    """A machine for classes whose ν bounds both the rows inside the margin and the support vectors.

    At most ν of the weights lie on the wrong side of the margin, and at least ν are support
    vectors. It is the SVC with C = 1/r for an r that the solution finds.

    Args:
        nu: in (0, 1]; at most twice the share of the smaller class of each pair.
        infeasible: what happens where ν is larger than that: "refuse", an error before any kernel
            is computed, or "lower": a pair takes the largest ν that it can, with a warning.

    The other arguments and the attributes are those of `SVC`. Rows count in ν by their own weights;
    `class_weight` then scales the C that ν stands for in each problem, which is solved again.

    Source: Schölkopf, Smola, Williamson and Bartlett, New support vector algorithms, 2000.
    """

    @checked
    def __init__(
        self,
        nu: float = 0.5,
        *,
        kernel: Any = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        several: str = "ovo",
        class_weight: Any = None,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
        decision_function_shape: str = "ovr",
        infeasible: str = "refuse",
    ):
        super().__init__(
            several,
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
        choice(self._name, "infeasible", infeasible, ("refuse", "lower"))
        self.infeasible = infeasible

    def _check_tasks(
        self, tasks: Sequence[kinds.Task], weights: Array, labels: Array, where: str
    ) -> None:
        for task in tasks:
            own, split = _taken(weights, task), task.ranges[0][1] - task.ranges[0][0]
            rest = "the rest" if task.negative < 0 else labels[task.negative].item()
            names = (labels[task.positive].item(), rest)
            if self.infeasible == "refuse":
                problem.check_nu(where, self.nu, own[:split], own[split:], names)
                continue
            most = problem.largest_nu(own[:split], own[split:])
            if self.nu > most:
                inputs.warn(
                    where,
                    f"nu={self.nu:g} is lowered to {most:.6g} for classes {names[0]!r} and "
                    f"{names[1]!r}, which allow no larger one",
                )

    def _solved_tasks(
        self, data: Data, tasks: Sequence[kinds.Task], weights: Array, factors: Array, where: str
    ) -> Solved:
        problems = []
        for task in tasks:
            own = _taken(weights, task)
            problems.append(
                problem.nu_classification(task.ranges, own, self._used(task.ranges, own))
            )
        solved = self._solve(data, problems, where)
        self._prices = None
        if (factors == 1).all():
            return solved
        first, self._prices = solved, [1 / self._margin(one) for one in problems]
        problems = [
            problem.classification(task.ranges, price * _taken(weights * factors, task))
            for task, price in zip(tasks, self._prices, strict=True)
        ]
        solved = self._solve(data, problems, where)
        self.n_iter = self.n_iter + np.array([one.iterations for one in first.endings])
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

    def _answer(self, one: problem.Problem) -> tuple[Array, float]:
        if self._prices is not None:
            return one.b, -one.multiplier()
        positive, negative = one.multiplier(0), one.multiplier(1)
        width = self._margin(one)
        return one.b / width, -(positive + negative) / 2 / width

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        edge = None
        middle = one.multiplier()
        if self._prices is None:
            positive, negative = one.multiplier(0), one.multiplier(1)
            total = self._used(one.ranges, one.bounds) * float(one.bounds.sum())
            middle, edge = (positive + negative) / 2, ((positive - negative) / 2, total)
        return proof.classification(
            self._title(number),
            sums,
            one.b,
            np.where(one.hi > 0, 1.0, -1.0),
            one.bounds,
            -middle,
            self.tol,
            edge,
        )


class _Regressor(Machine):
    """What SVR and NuSVR share."""

    C: float

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Self:
        """Finds the machine for these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: (N,) numbers.
            sample_weight: (N,) weights ≥ 0, which scale C; rows of weight 0 are left out.

        Returns:
            The machine itself.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        targets = inputs.as_numbers(y, len(rows), where)
        weights = inputs.as_bounds(sample_weight, len(rows), where)
        order = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
        bounds = np.ones(len(order)) if weights is None else weights[order]
        data = self._data(rows, order, weights, where)
        one = self._problem(targets[order], inputs.bounds_of(self.C, bounds, where))
        solved = self._solve(data, [one], where)
        solved.coefficients[0] = one.beta
        solved.intercepts[0] = self._intercept(one)
        self._keep(solved)
        return self

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        raise NotImplementedError

    def _intercept(self, one: problem.Problem) -> float:
        raise NotImplementedError

    def predict(self, x: Any) -> Array:
        """Σ_s (α_s - α*_s) k(x_s, x) + intercept of each row, float64 (N,)."""
        return self._decide(x, f"{self._name}.predict")[:, 0]


@savable
class SVR(_Regressor):
    """A support vector machine for numbers: errors below ε cost nothing, others cost C each.

    min ½|w|² + C Σ w_n (ξ_n + ξ*_n) with -ε - ξ*_n ≤ y_n - f(x_n) ≤ ε + ξ_n.

    Args:
        C: the price of errors, above 0; epsilon: the error that is free, ≥ 0.

    The other arguments and the attributes are those of `SVC`; dual_coef is (1, S), α - α*.

    Source: Vapnik, The Nature of Statistical Learning Theory, 1995.
    """

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        C: float = 1.0,
        epsilon: float = 0.1,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
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
        self.C = real(self._name, "C", C, 0, open_low=True)
        self.epsilon = real(self._name, "epsilon", epsilon, 0)

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        return problem.regression(targets, bounds, self.epsilon)

    def _intercept(self, one: problem.Problem) -> float:
        return -one.multiplier()

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        intercept = self.intercept[0]
        return proof.regression(
            "SVR", sums, one.beta, one.z, one.bounds, intercept, self.tol, self.epsilon
        )


@savable
class NuSVR(_Regressor):
    """A machine for numbers whose ν takes the place of ε: it bounds the rows outside the tube.

    Args:
        nu: in (0, 1]: at most this share of the weights lies outside the tube, and at least this
            share are support vectors; C: the price of errors, above 0.

    The other arguments and the attributes are those of `SVR`; `epsilon` is the one it found.

    Source: Schölkopf, Smola, Williamson and Bartlett, New support vector algorithms, 2000.
    """

    @checked
    def __init__(
        self,
        nu: float = 0.5,
        *,
        C: float = 1.0,
        kernel: Any = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
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
        self.C = real(self._name, "C", C, 0, open_low=True)

    def _problem(self, targets: Array, bounds: Array) -> problem.Problem:
        return problem.nu_regression(targets, bounds, self.nu)

    def _intercept(self, one: problem.Problem) -> float:
        upper, lower = one.multiplier(0), one.multiplier(1)
        self.epsilon = (lower - upper) / 2
        return -(upper + lower) / 2

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        total = self.nu * float(one.bounds.sum())
        intercept, epsilon = self.intercept[0], self.epsilon
        return proof.regression(
            "NuSVR", sums, one.beta, one.z, one.bounds, intercept, self.tol, epsilon, total
        )


@savable
class OneClassSVM(Machine):
    """The region that holds most of the data: what lies outside is new.

    min ½|w|² + Σ w_n ξ_n - ν (Σ w_n) ρ with w·φ(x_n) ≥ ρ - ξ_n.

    Args:
        nu: in (0, 1]: at most this share of the weights is left outside, and at least this share
            are support vectors.

    The other arguments and the attributes are those of `SVC`. `offset` is ρ.

    Source: Schölkopf, Platt, Shawe-Taylor, Smola and Williamson, Estimating the support of a
    high-dimensional distribution, 2001.
    """

    _FITTED = (*Machine._FITTED, "offset")

    @checked
    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        nu: float = 0.5,
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        tol: float = 1e-3,
        cache_size: float = 200,
        max_iter: int | None = None,
        threads: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
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

    def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Finds the region of these rows.

        Args:
            x: (N, D) numbers; (N, N) kernels with kernel="precomputed".
            y: not read; it stands here so that all machines are called alike.
            sample_weight: (N,) weights ≥ 0; rows of weight 0 are left out.

        Returns:
            The machine itself.
        """
        where = f"{self._name}.fit"
        rows = self._rows(x, where)
        weights = inputs.as_bounds(sample_weight, len(rows), where)
        order = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
        bounds = np.ones(len(order)) if weights is None else weights[order]
        data = self._data(rows, order, weights, where)
        one = problem.one_class(len(order), bounds, self.nu)
        solved = self._solve(data, [one], where)
        solved.coefficients[0] = one.b
        solved.intercepts[0] = -one.multiplier()
        self._keep(solved)
        return self

    def _adopt(self, expansion: Expansion) -> None:
        super()._adopt(expansion)
        self.offset = -expansion.intercepts

    def _proof(self, number: int, one: problem.Problem, sums: Array) -> Certificate:
        total = self.nu * float(one.bounds.sum())
        offset = float(self.offset[0])
        return proof.one_class("OneClassSVM", sums, one.b, one.bounds, offset, self.tol, total)

    def score_samples(self, x: Any) -> Array:
        """Σ_s α_s k(x_s, x) of each row, float64 (N,)."""
        return self.decision_function(x) + self.offset

    def decision_function(self, x: Any) -> Array:
        """`score_samples` less ρ: positive inside, float64 (N,)."""
        return self._decide(x, f"{self._name}.decision_function")[:, 0]

    def predict(self, x: Any) -> Array:
        """1 for rows inside, -1 for rows outside, (N,)."""
        decisions = self._decide(x, f"{self._name}.predict")[:, 0]
        return np.where(decisions > 0, 1, -1)
