"""What all machines share: their arguments, the way to the solver, and what is kept of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.arguments import integer, real
from pellucid.core.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    ShapeError,
    UnknownNameError,
)
from pellucid.data.arrays import Array, check_finite
from pellucid.data.frames import check_names, feature_names
from pellucid.data.sparse import SparseRows
from pellucid.runtime.threads import check as check_threads
from pellucid.svm import files, inputs
from pellucid.svm.arguments import check_word, most_steps
from pellucid.svm.certificate import Certificate, Certificates
from pellucid.svm.expansion import Expansion
from pellucid.svm.fitted import Fitted
from pellucid.svm.kernels import Kernel, check_kernel, named, not_finite
from pellucid.svm.notices import reached, warn
from pellucid.svm.optimum import Source, optimum
from pellucid.svm.own import OwnKernel, below_zero, check_matrix, sample
from pellucid.svm.problem import Problem
from pellucid.svm.progress import Progress
from pellucid.svm.run import Ending, Settings
from pellucid.svm.sources import MatrixSource, NamedSource, OwnSource
from pellucid.svm.sparse import SparseSource

_LARGE = 1e8  # kernel values that make for many steps
_AS_FITTED = "Scale x as that of the fit was."
_UNBOUNDED = 1 << 62  # steps: an int64 for machine code


class Data:
    """The training rows of a fit, in the order in which the problems see them.

    Args:
        source: of their kernel rows; order: their numbers among the rows that were given.
        positive: whether the kernel is positive on them, as far as was seen.
    """

    def __init__(self, source: Source, order: Array, positive: bool = True):
        self.source, self.order, self.positive = source, order, positive


class Solved:
    """The answers of a fit's problems.

    Attributes:
        coefficients: (k, n), intercepts: (k,), of each problem over all rows in order.
    """

    def __init__(self, data: Data, problems: Sequence[Problem], endings: Sequence[Ending]):
        self.data, self.problems, self.endings = data, problems, endings
        self.coefficients = np.zeros((len(problems), data.source.n))
        self.intercepts = np.zeros(len(problems))


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
        "certificate",
    )

    _matrix = "a precomputed kernel"  # how messages name the matrix
    _MEANT = "C"  # what a number in the first place is

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
        check_word(name, "kernel", kernel, self._MEANT)
        check_kernel(name, kernel, gamma, degree, coef0)
        self.kernel, self.gamma, self.degree, self.coef0 = kernel, gamma, degree, coef0
        self.tol = real(name, "tol", tol, 0, open_low=True)
        self.cache_size = real(name, "cache_size", cache_size, 0, open_low=True)
        self.max_iter = most_steps(name, max_iter)
        self.threads = None if threads is None else check_threads(name, threads)
        self.verbose = integer(name, "verbose", verbose, 0, 2)

    def __getstate__(self) -> dict[str, Any]:
        """The machine without its training data: arrays, numbers and the proof."""
        state = self.__dict__.copy()
        if state.get("_solved") is not None:
            proof = self.certificate
            parts = proof if isinstance(proof, Certificates) else [proof]
            kept = [dataclasses.replace(one, _rank=None) for one in parts]
            state["_certificate"] = kept[0] if len(kept) == 1 else Certificates(kept)
            state["_solved"] = None
        return state

    def __repr__(self) -> str:
        own = getattr(self.kernel, "__name__", "function")
        kernel = self.kernel if isinstance(self.kernel, str) else own
        rest = f", {len(self.support)} support vectors" if self._is_fitted else ", not fitted"
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
            self._given = len(rows)
            matrix = rows[order[:, None], order]
            check_finite(matrix, order, "x")
            check_matrix(matrix, where, self._matrix, order)
            self._kernel: Kernel | OwnKernel | None = None
            return Data(MatrixSource(matrix), order)
        chosen = rows[order]
        weighing = None if weights is None else weights[order]
        if weighing is not None and (weighing == weighing[0]).all():
            weighing = None  # the same bits as without
        columns = inputs.columns_of(chosen, weighing, order)
        if callable(self.kernel):
            own = OwnKernel(self.kernel, chosen, where)
            some = sample(len(chosen))  # against all rows: the graph of the fit serves
            name = f"kernel function {own.name}"
            block = own.block(chosen[some], chosen)[:, some]
            check_matrix(block, where, name, order[some])
            self._kernel = own
            return Data(OwnSource(own, chosen), order)
        inputs.warn_of_scales(where, columns, len(chosen), self._columns)
        width = chosen.shape[1]
        kernel = named(self.kernel, self.gamma, self.degree, self.coef0, width, columns.variance)
        inputs.check_size(chosen, chosen.dtype, where)
        self._kernel = kernel
        sparse = isinstance(chosen, SparseRows)
        source = SparseSource(kernel, chosen) if sparse else NamedSource(kernel, chosen)
        return Data(source, order, self._looked_at(source, kernel, where))

    @staticmethod
    def _looked_at(source: NamedSource | SparseSource, kernel: Kernel, where: str) -> bool:
        """Warns of kernel values that solvers have trouble with; whether the kernel is positive."""
        if kernel.kind == "poly":
            with np.errstate(all="ignore"):
                largest = float(np.abs(source.diagonal()).max())
            if _LARGE < largest < np.inf:  # infinite ones are refused where they are met
                warn(
                    where,
                    f"kernel values are as large as {largest:.1e}: with degree={kernel.degree} the "
                    "solver may take very many steps. Scale the columns, such as (x - x.mean(0)) / "
                    "x.std(0), choose a smaller degree, or give max_iter",
                )
        if kernel.is_positive:
            return True
        block = source.among(sample(source.n))
        if not np.isfinite(block).all():
            raise not_finite(where)
        least = below_zero(block)
        if least:
            warn(
                where,
                f"the {kernel.kind} kernel is not positive on these rows, it has an eigenvalue of "
                f"{least:.3g}: what is found may not be the best, and the certificate proves no "
                "margin and no gap. Use kernel='rbf', or change gamma and coef0",
            )
        return not least

    # -- solving ------------------------------------------------------------------------------

    def _solve(self, data: Data, problems: Sequence[Problem], where: str) -> Solved:
        """Solves the problems over the rows of the data."""
        threads = check_threads(where, self.threads)
        progress = Progress(self._name) if self.verbose else None
        most = _UNBOUNDED if self.max_iter is None else self.max_iter
        settings = Settings(self.tol, most, threads, report=progress)
        endings, self.computed = optimum(data.source, problems, settings, self.cache_size)
        self.n_iter = np.array([one.iterations for one in endings])
        ends = [(one.iterations, one.left) for one in endings]
        self.converged = reached(where, "the gap", self.tol, self.max_iter, ends)
        solved = Solved(data, problems, endings)
        if progress is not None:
            held = np.zeros(data.source.n, bool)
            for one in problems:
                held[one.rows[one.beta != 0]] = True
            support = int(held.sum())
            progress.end(int(self.n_iter.sum()), max(one.gap for one in endings), support)
        return solved

    def _keep(self, solved: Solved, owner: Array | None = None) -> None:
        """Keeps what predictions and the certificate need.

        Args:
            owner: the number of each row's class, in order; None without classes.
        """
        data = solved.data
        used = np.flatnonzero(solved.coefficients.any(axis=0))
        x = None if isinstance(data.source, MatrixSource) else data.source.x
        self._width = self._given if x is None else x.shape[1]
        self._support_class = np.zeros(len(used), np.int64) if owner is None else owner[used]
        self._certificate: Certificate | Certificates | None = None
        self._solved: Solved | None = solved
        self._adopt(
            Expansion(
                self._kernel,
                None if x is None else x[used],
                data.order[used],
                np.ascontiguousarray(solved.coefficients[:, used]),
                solved.intercepts,
            )
        )

    def _adopt(self, expansion: Expansion) -> None:
        """Sets the attributes that are there after fit."""
        self._expansion = expansion
        self.support, self.intercept = expansion.support, expansion.intercepts
        vectors = expansion.vectors
        self.support_vectors = np.empty((0, 0)) if vectors is None else vectors
        self.n_support = np.array([len(self.support)])
        self.dual_coef = expansion.coefficients

    @property
    def certificate(self) -> Certificate | Certificates:
        """The proof of the fit; recomputed in float64 from the data when it is first asked for.

        Of several problems, pairs of classes or a class against the rest, there is one each.
        """
        _ = self.support  # an error before fit
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

            part = part.ordered(solved.data.order[rows])
            part = part if solved.data.positive else part.unproved()
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
                self._name,
                f"coef is there with kernel='linear' alone, got kernel={self.kernel!r}",
                "Use dual_coef, the coefficients of the support vectors, or kernel='linear'.",
            )
        return self._expansion.weights(np.float64)

    # -- files --------------------------------------------------------------------------------

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes the fitted machine to a safetensors file: support vectors, numbers and the proof.

        Args:
            overwrite: whether a file that is there may be replaced.

        A kernel of a person's own is stored as a graph; `pel.svm.load` runs no code.

        Raises:
            ArgumentError: where the machine is not fitted, or the file cannot be written.
            DataError: for a kernel that cannot be compiled.
        """
        files.save(self, path, overwrite)

    def _contents(self) -> files.Contents:
        return files.contents(self)

    # -- answers ------------------------------------------------------------------------------

    def _decide(self, x: Any, where: str) -> Array:
        """The answers of all problems, float64 (m, k)."""
        self._check_fitted(where)
        expansion = self._expansion
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
        inputs.check_rows(a)
        if expansion.vectors is not None:
            dtype = expansion.vectors.dtype
            by_name = isinstance(expansion.kernel, Kernel)
            inputs.check_size(a, dtype, where, products=by_name, fix=_AS_FITTED)
            a = a if a.dtype == dtype else a.astype(dtype)
        with np.errstate(all="ignore"):
            found = expansion.decide(a, check_threads(where, self.threads))
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found).all(axis=1)))
            raise DataError(
                where,
                f"answers must be finite, got {found[row][~np.isfinite(found[row])][0]} for row "
                f"{row}",
                _AS_FITTED,
            )
        return found
