"""What a fitted machine computes: sums of kernels with its support vectors.

In: support vectors, their coefficients in each problem, intercepts. Out: Σ_s c_ks·k(x, x_s) + d_k.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.data.arrays import Array
from pellucid.data.sparse import SparseRows
from pellucid.svm import reference
from pellucid.svm.kernels import Kernel
from pellucid.svm.own import OwnKernel
from pellucid.svm.routines import packed
from pellucid.svm.sparse import SparseKernel


class Expansion:
    """Decision functions of one or several problems over common support vectors.

    Args:
        kernel: None for precomputed kernels.
        vectors: (s, D), dense or `SparseRows`, or None for precomputed kernels.
        support: int64 (s,), the columns of a precomputed kernel that count.
        coefficients: float64 (k, s); intercepts: float64 (k,).
    """

    def __init__(
        self,
        kernel: Kernel | OwnKernel | None,
        vectors: Any,
        support: Array,
        coefficients: Array,
        intercepts: Array,
    ):
        self.kernel, self.vectors, self.support = kernel, vectors, support
        self.coefficients, self.intercepts = coefficients, intercepts
        self._packed: reference.Packed | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_packed": None}  # it is machine code's, and made again

    def decide(self, a: Any, threads: int) -> Array:
        """float64 (m, k).

        Args:
            a: (m, D) in the dtype of the vectors; (m, n) kernels where they are precomputed.
        """
        return self.sums(a, threads) + self.intercepts

    def sums(self, a: Any, threads: int) -> Array:
        """The same without intercepts."""
        if self.kernel is None or self.vectors is None:
            return np.asarray(a[:, self.support].astype(np.float64) @ self.coefficients.T)
        if not len(self.vectors):
            return np.zeros((len(a), len(self.coefficients)))
        if isinstance(self.kernel, OwnKernel):
            return self.kernel.sums(a, self.vectors, self.coefficients)
        if isinstance(self.vectors, SparseRows):
            return SparseKernel(self.kernel, self.vectors).sums(a, self.coefficients)
        if self._packed is None:
            linear = self.kernel.kind == "linear"
            self._packed = packed(self.weights() if linear else self.vectors)
        if self.kernel.kind == "linear":
            out = np.empty((len(a), len(self.coefficients)), self.vectors.dtype)
            self._packed.rows(self.kernel, a, out, threads)
            return out.astype(np.float64)
        return self._packed.combine(self.kernel, a, self.coefficients, threads)

    def weights(self, dtype: Any = None) -> Array:
        """Of a linear kernel: Σ_s c_ks·x_s, (k, D) in this dtype, or in that of the vectors."""
        assert self.vectors is not None
        if isinstance(self.vectors, SparseRows):
            own, values = self.vectors.owner, self.vectors.data
            lines = [
                np.bincount(self.vectors.columns, line[own] * values, self.vectors.shape[1])
                for line in self.coefficients
            ]
            return np.stack(lines)
        exact = self.coefficients @ self.vectors.astype(np.float64)
        return np.ascontiguousarray(exact, dtype or self.vectors.dtype)
