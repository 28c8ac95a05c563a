"""The way to the optimum: threads, the cache, an interruption, bounds on steps, warnings."""

from __future__ import annotations

import _thread
import threading
import warnings

import numpy as np
import pytest
from scipy import sparse

from pellucid import svm
from pellucid.svm import cache as cache_module
from pellucid.svm import optimum, solver, sources
from pellucid.svm.cache import RowCache
from pellucid.svm.kernels import Kernel
from tests.svm.data import blobs, kernel_matrix, waves

X, Y = blobs(1300, 6, 2, seed=20, apart=0.5)
X5, Y5 = blobs(1500, 6, 5, seed=21, apart=1.0)
XR, YR = np.tile(waves(400)[0], (3, 1)), np.tile(waves(400)[1], 3)


@pytest.fixture(autouse=True)
def through_the_cache(monkeypatch):
    """Small problems take the way of large ones."""
    monkeypatch.setattr(optimum, "WHOLE", 0)
    monkeypatch.setattr(optimum, "SHARED", 0)
    monkeypatch.setattr(solver, "_WORTH_BLOCKS", 0)


def state(machine):
    names = ("support", "dual_coef", "intercept", "n_iter")
    return [getattr(machine, name) for name in names]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(state(one), state(other), strict=True))


MACHINES = {
    "classes": lambda **o: svm.SVC(C=5.0, **o).fit(X, Y),
    "pairs": lambda **o: svm.SVC(C=5.0, **o).fit(X5, Y5),
    "rest": lambda **o: svm.SVC(multi_class="ovr", **o).fit(X5, Y5),
    "nu": lambda **o: svm.NuSVC(0.2, **o).fit(X5, Y5),
    "float32": lambda **o: svm.SVC(C=5.0, **o).fit(X5.astype(np.float32), Y5),
    "numbers": lambda **o: svm.SVR(C=2.0, **o).fit(XR, YR),
    "nu numbers": lambda **o: svm.NuSVR(0.3, C=2.0, **o).fit(XR, YR),
    "region": lambda **o: svm.OneClassSVM(nu=0.2, **o).fit(X),
}


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", MACHINES)
def test_threads_change_no_bit(name, whole, monkeypatch):
    if whole:
        monkeypatch.setattr(optimum, "WHOLE", 1 << 24)
        monkeypatch.setattr(solver, "WORTH_THREADS", 0)
    one = MACHINES[name](threads=1)
    assert all(same(one, MACHINES[name](threads=threads)) for threads in (2, 3, 4))
    assert one.certificate.residual < 1e-3


@pytest.mark.parametrize("name", ["pairs", "rest", "nu", "float32"])
def test_problems_that_begin_together_end_as_each_by_itself(name, monkeypatch, capsys):
    """A fit that prints its progress begins one problem after the other."""
    monkeypatch.setattr(optimum, "WHOLE", 1 << 24)
    assert same(MACHINES[name](), MACHINES[name](verbose=1))
    assert "steps" in capsys.readouterr().out


@pytest.mark.parametrize("name", MACHINES)
def test_a_cache_that_is_too_small_converges(name):
    whole, small = MACHINES[name](), MACHINES[name](cache_size=0.1)
    assert small.computed >= whole.computed
    assert small.certificate.residual < 1e-3


def test_a_cache_of_four_rows_converges():
    x, y = blobs(90, 3, seed=22)
    machine = svm.SVC(cache_size=1e-9).fit(x, y)
    assert machine.converged and machine.certificate.residual < 1e-3


def product(a, b):
    return a @ b.T


def by_squares(a, b):
    """An rbf kernel that loses digits where its rows are long."""
    return np.exp(np.minimum(2 * a @ b.T - np.sum(a * a, 1)[:, None] - np.sum(b * b, 1), 0))


def converges(machine, x, y):
    machine.fit(x, y)
    return machine.converged and machine.certificate.residual < 1e-3


@pytest.mark.parametrize(
    ("kind", "whole"), [("dense", 0), ("dense", 1 << 20), ("sparse", 0), ("own", 0)]
)
def test_float32_rows_whose_rounding_shows_give_way(kind, whole, monkeypatch):
    """Large kernels: rounding alone would be several times the tolerance."""
    monkeypatch.setattr(optimum, "WHOLE", whole)
    x, y = blobs(150, 4, seed=25, apart=0.8)
    x = (60 * x).astype(np.float32)
    kernel = product if kind == "own" else "linear"
    assert converges(svm.SVC(kernel), sparse.csr_array(x) if kind == "sparse" else x, y)


@pytest.mark.parametrize("kind", ["dense", "own"])
def test_float32_kernels_that_lose_digits_give_way(kind):
    """Two clouds far apart: float32 holds the distances within each to a thousandth."""
    x = (X[:600] + 60.0 * (np.arange(600) % 2)[:, None]).astype(np.float32)
    kernel = by_squares if kind == "own" else "rbf"
    assert converges(svm.SVC(kernel, gamma=1.0, C=100.0), x, Y[:600])


def test_rows_that_were_not_used_for_longest_leave():
    source = sources.NamedSource(Kernel("rbf", 0.3), X[:50].copy())
    rows = RowCache(source, 10 * 50 * 8)
    assert rows.room == 10
    rows.ensure(np.arange(8), 1)
    rows.ensure(np.array([0, 1, 2]), 1)
    rows.ensure(np.array([20, 21, 22, 23]), 1)
    there = set(np.flatnonzero(rows.addresses).tolist())
    assert there >= {0, 1, 2, 20, 21, 22, 23} and len(there) == 10 and rows.computed == 12
    K = kernel_matrix("rbf", X[:50], X[:50], 0.3)
    for row in there:
        at = cache_module.np.ctypeslib.as_array(
            (cache_module.np.ctypeslib.ctypes.c_double * 50).from_address(int(rows.addresses[row]))
        )
        np.testing.assert_allclose(at, K[row], atol=1e-12)


def interrupted(call):
    """Calls until Ctrl-C comes, since one call may end too soon."""

    def repeated():
        while True:
            call()

    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        repeated()
    timer.join()


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
@pytest.mark.usefixtures("ctrl_c_raises")
def test_ctrl_c_is_heard_and_a_new_fit_has_the_same_bits():
    x, y = blobs(4000, 4, 2, seed=23, apart=0.1)
    machines = []

    def fit():
        machines.append(svm.SVC(C=1e4, tol=1e-9, gamma=5.0))
        machines[-1].fit(x, y)

    interrupted(fit)
    machine = machines[-1]
    assert not hasattr(machine, "support")
    straight = svm.SVC(C=1.0).fit(X, Y)
    machine.C, machine.tol, machine.gamma = 1.0, 1e-3, "scale"
    assert same(machine.fit(X, Y), straight)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_ctrl_c_during_several_problems():
    x, y = blobs(3000, 4, 4, seed=24, apart=0.1)
    interrupted(lambda: svm.SVC(C=1e4, tol=1e-9, gamma=5.0, threads=2).fit(x, y))


@pytest.mark.parametrize("name", ["classes", "pairs", "numbers"])
def test_max_iter_says_the_gap_that_is_left(name):
    with pytest.warns(
        svm.ConvergenceWarning, match=r"max_iter=20 steps .* tol=0.001: it is [0-9.]+\."
    ):
        machine = MACHINES[name](max_iter=20)
    assert machine.n_iter.max() <= 20 and not machine.converged
    assert machine.certificate.residual > 1e-3, "the certificate says that it did not converge"


def test_the_gap_is_printed(capsys, monkeypatch):
    monkeypatch.setattr("pellucid.svm.progress.EVERY", 0.0)
    svm.SVC(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("SVC - ") and " steps - gap " in line for line in lines)
    assert "support vectors" in lines[-1]


def test_columns_whose_scales_differ_are_named():
    x = X * [1, 1e4, 1, 1, 1e-3, 1]
    with pytest.warns(
        svm.SolverWarning, match=r"column 1 varies by up to .* column 4 varies by as"
    ):
        svm.SVC().fit(x, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svm.SVC().fit(X * 50.0, Y)
        svm.SVC().fit(X * [1, 1, 1, 1, 1, 0], Y)  # a constant column has no scale
        rare = X.copy()
        rare[:, 5] = 0
        rare[3, 5] = 1e-4  # nor has one that is nearly always 0
        svm.SVC().fit(rare, Y)


def test_gamma_heeds_weights():
    """The variance counts a row as often as it weighs: weight k is the row k times."""
    weights = np.arange(1300) % 3
    one = svm.SVC().fit(X, Y, weights)
    other = svm.SVC().fit(np.repeat(X, weights, 0), np.repeat(Y, weights))
    assert one._kernel.gamma == pytest.approx(other._kernel.gamma, rel=1e-12)
    plain = svm.SVC().fit(X, Y)
    assert plain._kernel.gamma == pytest.approx(1 / (6 * X.var()), rel=1e-12)
    assert svm.SVC(gamma="auto").fit(X, Y)._kernel.gamma == 1 / 6


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "bool"])
def test_other_dtypes(dtype):
    x = (10 * np.abs(X[:200])).astype(dtype)
    machine = svm.SVC().fit(x, Y[:200])
    wide = np.float64 if dtype == "int64" else np.float32
    assert machine.support_vectors.dtype == wide
    assert same(machine, svm.SVC().fit(np.asfortranarray(x.astype(wide)), Y[:200]))


def test_predictions_of_one_row_are_those_of_many():
    machine = svm.SVC().fit(X5, Y5)
    whole = machine.decision_function(X5)
    for first, stop in ((0, 1), (5, 12), (700, 1500)):
        np.testing.assert_array_equal(machine.decision_function(X5[first:stop]), whole[first:stop])


def test_the_data_may_change_after_fit():
    x = X.copy()
    machine = svm.SVC().fit(x, Y)
    x[:] = 0
    assert machine.certificate.residual < 1e-3
