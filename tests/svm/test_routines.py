"""Kernels, their sums and updates of F as machine code, against float64 formulas."""

from __future__ import annotations

import _thread
import copy
import functools
import math
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from pellucid import svm
from pellucid.core import notices
from pellucid.runtime.machine import this_machine
from pellucid.svm import linear_rows, reference, routines
from pellucid.svm.kernels import Kernel
from tests.svm.problems import Array, kernel

KERNELS = [
    kernel("linear"),
    kernel("poly"),
    kernel("poly", degree=0),
    kernel("poly", 1.5, -1.0, 7),
    kernel("rbf", 0.1),
    kernel("rbf", 3.0),
    kernel("sigmoid", 0.1),
]
SHAPES = [(1, 1, 1), (2, 3, 1), (7, 47, 5), (8, 48, 20), (9, 49, 33), (17, 300, 64), (33, 131, 7)]
EACH_KERNEL = pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.kind}{k.degree}")
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def formula(kernel: Kernel, A: Array, X: Array) -> Array:
    """From differences and products in float64, one by one."""
    a, x = A.astype(np.float64)[:, None], X.astype(np.float64)
    if kernel.kind == "rbf":
        return np.exp(-kernel.gamma * ((a - x) ** 2).sum(2))
    product = (a * x).sum(2)
    if kernel.kind == "poly":
        return (kernel.gamma * product + kernel.coef0) ** kernel.degree
    if kernel.kind == "sigmoid":
        return np.tanh(kernel.gamma * product + kernel.coef0)
    return product


def data(m: int, n: int, d: int, dtype: Any, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    A, X = (0.5 * rng.normal(size=(count, d)).astype(dtype) + 1 for count in (m, n))
    A[0] = X[-1]
    return A.astype(dtype), X.astype(dtype)


def bound(kernel: Kernel, A: Array, X: Array) -> Array:
    """How far a kernel may be off: d + 10 roundings of what goes into it, through its slope."""
    a, x = np.abs(A).astype(np.float64), np.abs(X).astype(np.float64)
    size = a @ x.T
    if kernel.kind == "rbf":
        size = ((a - a.mean(0)) ** 2).sum(1)[:, None] + ((x + a.mean(0)) ** 2).sum(1) + size
    slope: Any = 1.0
    inner = kernel.gamma * size + abs(kernel.coef0)
    if kernel.kind in ("rbf", "sigmoid"):
        slope, inner = 1.0, kernel.gamma * size + 1
    if kernel.kind == "poly":
        slope = kernel.degree * inner ** max(kernel.degree - 1, 0)
    if kernel.kind == "linear":
        inner = size
    eps = np.finfo(A.dtype).eps
    return eps * (np.sqrt(A.shape[1]) + 10) * (slope * inner + np.abs(formula(kernel, A, X)))


@EACH_DTYPE
@EACH_KERNEL
def test_kernels_are_those_of_the_formula(kernel: Kernel, dtype: Any) -> None:
    for m, n, d in SHAPES:
        A, X = data(m, n, d, dtype, m)
        out = np.full((m, n), 9, dtype)
        routines.Packed(X).rows(kernel, A, out)
        assert (np.abs(out - formula(kernel, A, X)) <= bound(kernel, A, X)).all(), (m, n, d)
        known = np.empty_like(out)
        reference.Packed(X).rows(kernel, A, known)
        assert np.allclose(known, formula(kernel, A, X), rtol=1e-6, atol=1e-37)


@EACH_DTYPE
@EACH_KERNEL
def test_each_number_hangs_on_its_own_rows_alone(
    kernel: Kernel, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits for any threads, any number of rows and columns beside it, any place."""
    monkeypatch.setattr(routines, "WORTH_THREADS", 0)
    A, X = data(29, 211, 19, dtype)
    packed, whole = routines.Packed(X), np.empty((29, 211), dtype)
    packed.rows(kernel, A, whole)
    weights = np.random.default_rng(1).normal(size=(3, 211))
    sums = packed.combine(kernel, A, weights)
    for threads in (2, 3, 4):
        out = np.empty_like(whole)
        packed.rows(kernel, A, out, threads)
        assert np.array_equal(out, whole)
        assert np.array_equal(packed.combine(kernel, A, weights, threads), sums)
    for first, last in ((0, 1), (3, 12), (28, 29)):
        part = np.empty((last - first, 211), dtype)
        packed.rows(kernel, A[first:last], part)
        assert np.array_equal(part, whole[first:last])
        assert np.array_equal(packed.combine(kernel, A[first:last], weights), sums[first:last])
    if kernel.kind != "rbf":  # the means of the columns are those of all rows
        few = np.empty((29, 50), dtype)
        routines.Packed(X[100:150].copy()).rows(kernel, A, few)
        assert np.array_equal(few, whole[:, 100:150])
    monkeypatch.setattr(routines, "MULTIPLIED", 211 * 35 * 9)
    out = np.empty_like(whole)
    packed.rows(kernel, A, out, 2)
    assert np.array_equal(out, whole)
    assert np.array_equal(packed.combine(kernel, A, weights), sums)


@EACH_DTYPE
def test_rbf_is_symmetric_and_1_on_the_diagonal(dtype: Any) -> None:
    _, X = data(2, 97, 23, dtype)
    X *= 1000
    out = np.empty((97, 97), dtype)
    routines.Packed(X).rows(kernel("rbf", 1e-6), X, out)
    assert (np.diag(out) == 1).all() and np.array_equal(out, out.T) and (out <= 1).all()


def test_rbf_is_exact_far_from_the_origin() -> None:
    """|a|² of 10⁸ would leave no digit of a distance of 1."""
    rng = np.random.default_rng(2)
    X = (rng.integers(-2, 3, (40, 3)) + 10_000).astype(np.float32)
    out = np.empty((40, 40), np.float32)
    routines.Packed(X).rows(kernel("rbf", 0.5), X, out)
    assert np.allclose(out, formula(kernel("rbf", 0.5), X, X), rtol=1e-5)


@EACH_DTYPE
def test_rbf_of_every_distance(dtype: Any) -> None:
    """The exponential from 1 down to the least normal number, and 0 below."""
    X = np.zeros((2, 1), dtype)
    limit = 87.0 if dtype == np.float32 else 708.0
    distances = np.linspace(0, limit, 5000)
    A = np.sqrt(distances)[:, None].astype(dtype)
    out = np.empty((5000, 2), dtype)
    routines.Packed(X).rows(kernel("rbf", 1.0), A, out)
    exact = np.exp(-(A.astype(np.float64) ** 2))
    kept = A[:, 0] ** 2 < limit
    relative = np.abs(out - exact) / exact
    assert relative[kept].max() < np.finfo(dtype).eps * limit
    far = np.array([[1e10], [1e30], [50.0]], dtype)
    routines.Packed(X).rows(kernel("rbf", 1.0), far, out[:3])
    assert (out[:3] == 0).all()


@EACH_DTYPE
@EACH_KERNEL
def test_nan_goes_through(kernel: Kernel, dtype: Any) -> None:
    if kernel.degree == 0:
        return
    A, X = data(9, 60, 5, dtype)
    A[3, 2] = X[7, 1] = math.nan
    if kernel.kind == "rbf":
        X[7, 1] = 1
    out = np.empty((9, 60), dtype)
    packed = routines.Packed(X)
    packed.rows(kernel, A, out)
    assert np.isnan(out[3]).all()
    assert np.isnan(out[:, 7]).all() or kernel.kind == "rbf"
    assert np.isfinite(np.delete(np.delete(out, 3, 0), 7, 1)).all()
    sums = packed.combine(kernel, A, np.where(np.arange(60) == 7, 0.0, 1.0)[None])
    assert np.isnan(sums[3]).all()


def test_rows_go_to_addresses() -> None:
    """The rows of a cache, in any order."""
    A, X = data(20, 70, 6, np.float32)
    cache, wanted = np.full((30, 80), 9, np.float32), np.empty((20, 70), np.float32)
    slots = np.random.default_rng(0).permutation(30)[:20]
    packed = routines.Packed(X)
    packed.rows(KERNELS[4], A, wanted)
    for one in (packed, reference.Packed(X)):
        cache[:] = 9
        places = (cache.ctypes.data + cache.strides[0] * slots).astype(np.int64)
        one.rows(KERNELS[4], A, places)
        assert np.allclose(cache[slots, :70], wanted, rtol=1e-6)
        assert (cache[:, 70:] == 9).all() and (np.delete(cache, slots, 0) == 9).all()
    wide = np.full((20, 90), 9, np.float32)
    packed.rows(KERNELS[4], A, wide[:, 10:80])
    assert np.array_equal(wide[:, 10:80], wanted)
    assert (wide[:, :10] == 9).all() and (wide[:, 80:] == 9).all()


def test_rows_of_any_layout() -> None:
    A, X = data(12, 40, 10, np.float64)
    wanted, out = np.empty((12, 40)), np.empty((12, 40))
    routines.Packed(X).rows(KERNELS[1], A, wanted)
    wide = np.repeat(np.repeat(A, 2, 0), 2, 1)
    routines.Packed(np.asfortranarray(X)).rows(KERNELS[1], wide[::2, ::2], out)
    assert np.array_equal(out, wanted)


def test_nothing_asked_for() -> None:
    A, X = data(3, 5, 2, np.float32)
    packed = routines.Packed(X)
    packed.rows(KERNELS[0], A[:0], np.empty((0, 5), np.float32))
    assert packed.combine(KERNELS[0], A[:0], np.ones((2, 5))).shape == (0, 2)
    assert packed.combine(KERNELS[0], A, np.ones((0, 5))).shape == (3, 0)


@EACH_DTYPE
@EACH_KERNEL
def test_sums_are_those_of_the_rows(kernel: Kernel, dtype: Any) -> None:
    for m, n, d, k in ((1, 1, 1, 1), (5, 239, 4, 2), (70, 241, 3, 1), (9, 500, 6, 5)):
        A, X = data(m, n, d, dtype)
        weights = np.random.default_rng(n).normal(size=(k, n))
        packed, out = routines.Packed(X), np.empty((m, n), dtype)
        packed.rows(kernel, A, out)
        found = packed.combine(kernel, A, weights)
        exact = out.astype(np.float64) @ weights.T
        size = np.abs(out.astype(np.float64)) @ np.abs(weights).T
        assert found.shape == (m, k) and found.dtype == np.float64
        assert (np.abs(found - exact) <= 1e-14 * size).all()
        known = reference.Packed(X).combine(kernel, A, weights)
        assert np.allclose(known, found, rtol=0, atol=50 * np.finfo(dtype).eps * size.max())


@EACH_DTYPE
def test_updates_have_the_bits_of_the_reference(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    monkeypatch.setattr(routines, "WORTH_THREADS", 0)
    for count, length, column in ((0, 5, 0), (1, 1, 3), (7, 31, 0), (8, 33, 2), (19, 2500, 11)):
        K = rng.normal(size=(count + 1, length + column + 4)).astype(dtype)
        rows = (K.ctypes.data + K.strides[0] * rng.permutation(count)).astype(np.int64)
        weights, start = rng.normal(size=count), rng.normal(size=length + 2)
        known = start.copy()
        reference.accumulate(rows, weights, known[1:-1], column, 1, dtype)
        for threads in (1, 2, 4):
            F = start.copy()
            routines.accumulate(rows, weights, F[1:-1], column, threads, dtype)
            assert np.array_equal(F, known)
    monkeypatch.setattr(routines, "ADDED", 3 * length)
    F = start.copy()
    routines.accumulate(rows, weights, F[1:-1], column, 2, dtype)
    assert np.array_equal(F, known)


def test_updates_by_hand() -> None:
    K = np.array([[1, 2, 3], [10, 20, 30]], np.float32)
    rows = K.ctypes.data + 12 * np.arange(2)
    F = np.array([0.5, 0.25])
    routines.accumulate(rows, np.array([2.0, -1.0]), F, 1, 1, np.float32)
    assert F.tolist() == [0.5 + 4 - 20, 0.25 + 6 - 30]


@pytest.mark.usefixtures("ctrl_c_raises")
def test_long_products_hear_an_interrupt() -> None:
    """Seconds of work; all its rows go to one place."""
    X = np.random.default_rng(0).normal(size=(3000, 784)).astype(np.float32)
    packed, out = routines.Packed(X), np.empty((8, 3000), np.float32)
    packed.rows(KERNELS[4], X[:8], out)
    A, places = np.broadcast_to(X[0], (40_000, 784)), np.full(40_000, out.ctypes.data)
    for call in (
        lambda: packed.rows(KERNELS[4], A, places),
        lambda: packed.combine(KERNELS[4], A, np.ones((1, 3000))),
    ):
        timer, start = threading.Timer(0.1, _thread.interrupt_main), time.perf_counter()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            call()
        assert time.perf_counter() - start < 1.0
        timer.join()


@pytest.mark.parametrize("fit", [svm.SVC(C=5.0), svm.LinearSVC(), svm.SVR("poly")], ids=repr)
def test_without_fused_products_the_reference_runs(
    fit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 3))
    y = (x @ [1.0, 2.0, 0.5] + 0.3 * rng.normal(size=60) > 0).astype(int)
    wanted = copy.copy(fit).fit(x, y).predict(x)
    machine = this_machine()
    plain = machine._replace(target=type(machine.target)(machine.target.triple, "x86-64", ""))
    monkeypatch.setattr(routines, "this_machine", lambda: plain)
    monkeypatch.setattr(routines, "native", functools.cache(routines.native.__wrapped__))
    monkeypatch.setattr(linear_rows, "native", routines.native)
    monkeypatch.setattr(notices, "_said", set())
    with pytest.warns(UserWarning, match="runs on NumPy, which is slower: the processor must"):
        found = fit.fit(x, y).predict(x)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_without_llvmlite_the_machines_run() -> None:
    code = """
import sys, warnings
sys.modules["llvmlite"] = None
warnings.simplefilter("ignore")
import numpy as np, pellucid as pel
x = np.random.default_rng(0).normal(size=(40, 3))
y = x[:, 0] > 0
for kind in (pel.svm.SVC, pel.svm.LinearSVC, pel.svm.KernelLogisticRegression):
    print((kind(C=100.0).fit(x, y).predict(x) == y).mean())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert min(map(float, done.stdout.split())) > 0.95


def test_importing_the_machines_needs_no_llvmlite() -> None:
    code = "import sys, pellucid.svm; assert 'llvmlite' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
