"""What all machines share: their arguments, the way to the solver, and what is kept of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import integer, real
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.data.frames import check_names, feature_names
from pellucid.runtime.threads import check as check_threads
from pellucid.svm import inputs
from pellucid.svm.certificate import Certificate, Certificates
from pellucid.svm.expansion import Expansion
from pellucid.svm.fitted import Fitted
from pellucid.svm.kernels import check_kernel, named
from pellucid.svm.own import OwnKernel, check_matrix, sample
from pellucid.svm.problem import Problem
from pellucid.svm.progress import Progress
from pellucid.svm.solver import Ending, Settings, solve
from pellucid.svm.sources import MatrixSource, NamedSource, OwnSource, opened
from pellucid.svm.sparse import SparseRows, SparseSource

Array = np.ndarray[Any, Any]
Source = NamedSource | OwnSource | MatrixSource | SparseSource
_UNBOUNDED = 1 << 62
_INSIDE = 0.99  # of the tolerance is used with float32 kernels, whose rounding takes the rest


class Data:
    """The training rows of a fit, in the order in which the problems see them.

    Args:
        source: of their kernel rows; order: their numbers among the rows that were given.
    """

    def __init__(self, source: Source, order: Array):
        self.source, self.order = source, order


class Solved:
    """The answers of a fit's problems.

    Attributes:
        coefficients: (k, n), intercepts: (k,), of each problem over all rows in order.
        used: the places in order of the support vectors.
    """

    def __init__(self, data: Data, problems: Sequence[Problem], endings: Sequence[Ending]):
        self.data, self.problems, self.endings = data, problems, endings
        self.coefficients = np.zeros((len(problems), data.source.n))
        self.intercepts = np.zeros(len(problems))
        self.used = np.zeros(0, np.int64)


class Machine(Fitted):
    """A support vector machine. What stands in `_FITTED` is there after fit."""

    _FITTED: tuple[str, ...] = (
        "support",
        "support_vectors",
        "n_support",
        "dual_coef",
        "intercept",
        "n_iter",
        "converged",
    )

    def __init__(
        self,
        *,
        kernel: Any,
        gamma: float | str,
        degree: int,
        coef0: float,
        tol: float,
        cache_size: float,
        max_iter: int | None,
        threads: int | None,
        verbose: int,
    ):
        name = self._name
        check_kernel(name, kernel, gamma, degree, coef0)
        self.kernel, self.gamma, self.degree, self.coef0 = kernel, gamma, degree, coef0
        self.tol = real(name, "tol", tol, 0, open_low=True)
        self.cache_size = real(name, "cache_size", cache_size, 0, open_low=True)
        self.max_iter = None if max_iter is None else integer(name, "max_iter", max_iter, 1)
        self.threads = None if threads is None else check_threads(name, threads)
        if isinstance(verbose, bool) or verbose not in (0, 1, 2):
            raise ArgumentError(name, f"verbose must be 0, 1 or 2, got {verbose!r}")
        self.verbose = verbose

    def __repr__(self) -> str:
        kernel = self.kernel if isinstance(self.kernel, str) else "own"
        fitted = "_expansion" in self.__dict__
        rest = f", {len(self.support)} support vectors" if fitted else ", not fitted"
        return f"{self._name}(kernel={kernel!r}{rest})"

    # -- data ---------------------------------------------------------------------------------

    def _rows(self, x: Any, where: str) -> Any:
        """The training rows; for a precomputed kernel a square matrix."""
        rows = inputs.as_rows(x, where, sparse=True)
        if isinstance(rows, SparseRows) and (callable(self.kernel) or self.kernel == "precomputed"):
            raise DTypeError(
                where,
                f"x must be dense with kernel={self.kernel!r}, got a sparse matrix",
                "Use x.toarray(), or a kernel by name.",
            )
        if self.kernel == "precomputed" and rows.shape[0] != rows.shape[1]:
            raise ShapeError(
                where,
                f"a precomputed kernel must be (N, N) in fit, got {shapes.text(rows.shape)}",
                "Give the kernel of every row with every row.",
            )
        self._columns = feature_names(x)
        return rows

    def _data(self, rows: Any, order: Array, weights: Array | None, where: str) -> Data:
        """The rows that count, in order, with their kernel."""
        if self.kernel == "precomputed":
            matrix = rows[order[:, None], order]
            inputs.check_finite(matrix, order, "x")
            check_matrix(matrix, where, "a precomputed kernel")
            self._kernel = None
            return Data(MatrixSource(matrix), order)
        chosen = rows[order]
        own = None if weights is None else weights[order]
        if own is not None and (own == own[0]).all():
            own = None  # the same bits as without
        columns = inputs.columns_of(chosen, own)
        if callable(self.kernel):
            self._kernel = OwnKernel(self.kernel, chosen, where)
            some = chosen[sample(len(chosen))]
            check_matrix(self._kernel.block(some, some), where, "kernel")
            return Data(OwnSource(self._kernel, chosen), order)
        inputs.warn_of_scales(where, columns, len(chosen), self._columns)
        width = chosen.shape[1]
        self._kernel = named(
            self.kernel, self.gamma, self.degree, self.coef0, width, columns.variance
        )
        if isinstance(chosen, SparseRows):
            return Data(SparseSource(self._kernel, chosen), order)
        return Data(NamedSource(self._kernel, chosen), order)

    # -- solving ------------------------------------------------------------------------------

    def _solve(self, data: Data, problems: Sequence[Problem], where: str) -> Solved:
        """Solves the problems over the rows of the data."""
        threads = check_threads(where, self.threads)
        rows = opened(data.source, self.cache_size, threads)
        starting = [one for one in problems if one.b.any()]
        if starting:
            begun = np.zeros((len(starting), data.source.n))
            for line, one in zip(begun, starting, strict=True):
                line[one.rows] = one.beta
            sums = data.source.sums(begun, threads)
            for column, one in enumerate(starting):
                one.F += sums[one.rows, column]
        exact = data.source.dtype == np.float64
        tolerance = self.tol if exact else self.tol * _INSIDE
        progress = Progress(self._name) if self.verbose else None
        most = _UNBOUNDED if self.max_iter is None else self.max_iter
        endings = solve(problems, rows, Settings(tolerance, most, threads, progress))
        self.computed = rows.computed
        self.n_iter = np.array([one.iterations for one in endings])
        self.converged = all(one.converged for one in endings)
        if not self.converged:
            gap = max(one.gap for one in endings if not one.converged)
            inputs.warn(
                where,
                f"max_iter={self.max_iter} steps were done before the gap fell below tol="
                f"{self.tol:g}: it is {gap:.3g}. Allow more steps, scale the columns, or accept a "
                "larger tol",
            )
        solved = Solved(data, problems, endings)
        if progress is not None:
            support = int(np.count_nonzero(sum(np.abs(one.beta).sum() > 0 for one in problems)))
            progress.end(int(self.n_iter.sum()), max(one.gap for one in endings), support)
        return solved

    def _keep(self, solved: Solved, owner: Array | None = None) -> None:
        """Keeps what predictions and the certificate need."""
        data = solved.data
        solved.used = np.flatnonzero(solved.coefficients.any(axis=0))
        self.support = data.order[solved.used]
        self.n_support = np.array([len(self.support)])
        vectors = None if isinstance(data.source, MatrixSource) else data.source.x[solved.used]
        self.support_vectors = np.empty((0, 0)) if vectors is None else vectors
        self.intercept = solved.intercepts
        self._width = None if vectors is None else vectors.shape[1]
        self._given = data.source.n if vectors is None else 0
        coefficients = np.ascontiguousarray(solved.coefficients[:, solved.used])
        self._certificate: Certificate | Certificates | None = None
        self._expansion = Expansion(
            self._kernel, vectors, self.support, coefficients, solved.intercepts
        )
        self._solved: Solved | None = solved

    def __getstate__(self) -> dict[str, Any]:
        """A copy or a pickle holds what predictions need, and the proof where it was asked for."""
        state = self.__dict__ | {"_solved": None} if "_solved" in self.__dict__ else self.__dict__
        return dict(state)

    @property
    def certificate(self) -> Certificate | Certificates:
        """The proof of the fit; recomputed in float64 from the data when it is first asked for.

        Of several problems, pairs of classes or a class against the rest, there is one each.
        """
        if "_expansion" not in self.__dict__:
            self.__getattr__("support")
        if self._certificate is None:
            if self._solved is None:
                raise ArgumentError(
                    self._name,
                    "the certificate needs the training data, which a machine that was loaded has "
                    "not",
                    "Ask for it before saving.",
                )
            self._certificate = self._proved(self._solved)
        return self._certificate

    def _proved(self, solved: Solved) -> Certificate | Certificates:
        threads = check_threads(self._name, self.threads)
        source = solved.data.source
        betas = np.zeros((len(solved.problems), source.n))
        for line, one in zip(betas, solved.problems, strict=True):
            line[one.rows] = one.beta
        sums = source.exact(betas, threads)
        parts = []
        for number, one in enumerate(solved.problems):
            part = self._proof(number, one, sums[one.rows, number])
            rows = one.rows

            def rank(rows: Array = rows) -> int:
                matrix = source.matrix_of(rows, threads)
                return int(np.linalg.matrix_rank(matrix, hermitian=True))

            parts.append(dataclasses.replace(part, _rank=rank))
        return parts[0] if len(parts) == 1 else Certificates(parts)

    def _proof(self, number: int, one: Problem, sums: Array) -> Certificate:
        """The certificate of one problem.

        Args:
            sums: Kβ of its rows, in float64.
        """
        raise NotImplementedError

    @property
    def coef(self) -> Array:
        """The weights of the columns with a linear kernel, float64 (k, D): a row a problem."""
        if self.kernel != "linear":
            raise UnknownNameError(
                self._name, f"coef is there with kernel='linear' alone, got {self.kernel!r}"
            )
        return self._expansion.weights(np.float64)

    # -- answers ------------------------------------------------------------------------------

    def _decide(self, x: Any, where: str) -> Array:
        """The answers of all problems, float64 (m, k)."""
        expansion = self.__dict__.get("_expansion")
        if expansion is None:
            raise ArgumentError(
                where,
                "the machine must be fitted, got one without support vectors",
                "Call fit first.",
            )
        check_names(where, self._columns, x)
        a = inputs.as_rows(x, where, self._width, sparse=True)
        if isinstance(expansion.vectors, SparseRows) and not isinstance(a, SparseRows):
            a = SparseRows.from_dense(a)
        elif isinstance(a, SparseRows) and not isinstance(expansion.vectors, SparseRows):
            raise DTypeError(
                where,
                "x must be dense for a machine that was fitted to dense rows, got a sparse matrix",
                "Use x.toarray(), or fit to a sparse matrix.",
            )
        if expansion.vectors is not None and a.dtype != expansion.vectors.dtype:
            a = a.astype(expansion.vectors.dtype)
        inputs.check_rows(a)
        return expansion.decide(a, check_threads(where, self.threads))
