"""LinearSVC: both solvers against each other and the optimum; bits, weights, certificates."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import svm
from pellucid.svm import newton
from pellucid.svm.linear_certificate import certified
from pellucid.svm.linear_problem import LinearProblem
from pellucid.svm.linear_reference import LinearRowsReference
from pellucid.svm.linear_rows import LinearRows
from tests.svm.data import blobs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5))
K = (X @ RNG.normal(size=(5, 4)) + RNG.normal(size=(300, 4))).argmax(axis=1)
TWO = (K > 1).astype(int)


@pytest.mark.parametrize("features", [1, 7, 33, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_machine_code_does_what_numpy_does(features, dtype):
    x = RNG.normal(size=(50, features)).astype(dtype)
    rows, reference = LinearRows(x, 0.5), LinearRowsReference(x, 0.5)
    w, factors, places = RNG.normal(size=features + 1), RNG.normal(size=3), np.array([3, 7, 20])
    found = rows.products(w)
    np.testing.assert_allclose(found, reference.products(w), rtol=1e-11, atol=1e-12)
    summed = rows.combine(places, factors)
    np.testing.assert_allclose(summed, reference.combine(places, factors), rtol=1e-11, atol=1e-12)
    for threads in (2, 3, 4):
        assert rows.products(w, threads).tobytes() == found.tobytes()
        assert rows.combine(places, factors, threads).tobytes() == summed.tobytes()


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sweeps_are_those_of_the_reference(squared, dtype):
    x = X[:80].astype(dtype)
    x[5] = 0  # which moves at once to its bound
    signs, cost = 2.0 * TWO[:80] - 1, RNG.uniform(0.1, 2, 80)
    ends = []
    for kind in (LinearRows, LinearRowsReference):
        one = LinearProblem(LinearRows(x, 0.0), signs, cost, squared)
        squares = one.rows.squares() + one.shift
        order, active, high, low, rows = np.arange(80), 80, np.inf, -np.inf, kind(x, 0.0)
        seen = []
        for _ in range(12):
            saw = rows.sweep(
                *(order, active, signs, squares, one.upper, one.shift),
                *(one.alpha, one.weight, high, low),
            )
            active, high, low = saw.active, max(saw.top, 1e-3), min(saw.least, -1e-3)
            seen.append(saw)
        ends.append((one, order, seen))
    (ours, order, seen), (theirs, order_there, seen_there) = ends
    np.testing.assert_allclose(ours.alpha, theirs.alpha, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(order, order_there)
    assert [s.active for s in seen] == [s.active for s in seen_there] and seen[-1].active < 80


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("y", [TWO, K], ids=["two", "four"])
def test_both_solvers_find_the_minimum(loss, y):
    options = {"C": 0.3, "tol": 1e-9, "intercept_scaling": 2.0, "max_iter": 100_000}
    weight = RNG.uniform(0.1, 2, 300)
    one = svm.LinearSVC(loss, solver="descent", **options).fit(X, y, weight)
    other = svm.LinearSVC(loss, solver="newton", **options).fit(X, y, weight)
    np.testing.assert_allclose(one.coef, other.coef, atol=2e-5)
    np.testing.assert_allclose(one.intercept, other.intercept, atol=2e-5)
    proofs = [m.certificate if y is K else (m.certificate,) for m in (one, other)]
    for proof in (*proofs[0], *proofs[1]):
        assert -1e-12 <= proof.relative_gap <= 1e-9
        assert proof.right + proof.inside + proof.wrong == 300
    # The objective, written out.
    proof, w, b = proofs[1][0], other.coef[0], other.intercept[0]
    t = np.where(y == 1, 1, -1) if y is TWO else np.where(y == 0, 1, -1)
    short = np.maximum(1 - t * (X @ w + b), 0)
    each = short if loss == "hinge" else short**2
    objective = (w @ w + (b / 2) ** 2) / 2 + 0.3 * weight @ each
    assert proof.primal == pytest.approx(objective, rel=1e-12)
    np.testing.assert_allclose(proof.slack, short, atol=1e-10)
    assert str(proof).startswith("0 against 1" if y is TWO else "0 against the rest")


@pytest.mark.parametrize("squared", [False, True])
def test_the_six_conditions(squared):
    """Of multipliers and weights that are not optimal, written out; then near the optimum."""
    cost = RNG.uniform(0.1, 2, 300)
    one = LinearProblem(LinearRowsReference(X, 0.5), 2.0 * TWO - 1, cost, squared)
    one.alpha = RNG.uniform(-0.1, 2.5, 300)
    one.weight = one.spanned() + 0.01
    proof = certified(one, "test")
    a, t, C = one.alpha, one.signs, one.cost
    y = X @ one.weight[:-1] + 0.5 * one.weight[-1]
    xi = np.maximum(0, 1 - t * y)
    mu, unit = (2 * C * xi - a, 2 * C) if squared else (C - a, C)
    room = t * y - 1 + xi
    wanted = [-(a / unit).min(), -(mu / unit).min(), 0, 0, np.abs(a / unit * room).max()]
    np.testing.assert_allclose(proof.kkt, [*wanted, np.abs(mu / unit * xi).max()], rtol=1e-10)
    assert min(proof.kkt[:2]) > 0 and proof.residual == max(proof.kkt)
    sums = np.append(X.T @ (a * t), 0.5 * (a * t).sum())
    length = max(np.linalg.norm(sums), np.linalg.norm(one.weight))
    assert proof.span == pytest.approx(np.linalg.norm(one.weight - sums) / length, rel=1e-9)
    loss = "squared_hinge" if squared else "hinge"
    for solver in "descent", "newton":
        options = {"solver": solver, "max_iter": 100_000, "tol": 1e-11}
        found = svm.LinearSVC(loss, C=0.3, **options).fit(X, TWO).certificate
        assert max(found.residual, found.span) < 1e-4
        assert "mu xi = 0" in str(found) and "w = sum a t x" in str(found)


def test_without_an_intercept_and_with_weights_of_classes():
    found = svm.LinearSVC(fit_intercept=False, tol=1e-10).fit(X, TWO)
    assert found.intercept == 0
    heavy = svm.LinearSVC(class_weight={1: 3.0}, tol=1e-10).fit(X, TWO)
    as_rows = svm.LinearSVC(tol=1e-10).fit(X, TWO, np.where(TWO, 3.0, 1.0))
    np.testing.assert_allclose(heavy.coef, as_rows.coef, rtol=1e-6)
    # A weight of k is k equal rows, a weight of 0 no row.
    count = RNG.integers(0, 3, 300)
    weighted = svm.LinearSVC(tol=1e-12).fit(X, TWO, count)
    repeated = svm.LinearSVC(tol=1e-12).fit(np.repeat(X, count, 0), np.repeat(TWO, count))
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-6)


@pytest.mark.parametrize("solver", ["descent", "newton"])
def test_the_bits_do_not_depend_on_threads(solver):
    found = [
        svm.LinearSVC(solver=solver, threads=threads).fit(X, K).coef.tobytes()
        for threads in (1, 2, 4)
    ]
    assert len(set(found)) == 1
    two = [
        svm.LinearSVC(solver=solver, threads=threads).fit(X, TWO).coef.tobytes()
        for threads in (1, 3)
    ]
    assert len(set(two)) == 1


def test_many_rows_start_from_some_of_them(monkeypatch):
    x = RNG.normal(size=(6000, 3)).astype(np.float32)
    y = x.sum(axis=1) + RNG.normal(size=6000) > 0
    found = svm.LinearSVC("hinge", tol=1e-8).fit(x, y)
    monkeypatch.setattr(newton, "_FEW", 10**6)
    plain = svm.LinearSVC("hinge", tol=1e-8).fit(x, y)
    np.testing.assert_allclose(found.coef, plain.coef, atol=1e-4)
    assert found.certificate.relative_gap <= 1e-8 >= plain.certificate.relative_gap


def test_what_did_not_converge_says_how_far_it_came():
    with pytest.warns(svm.ConvergenceWarning, match="max_iter=2 steps.*tol=1e-12: it is"):
        found = svm.LinearSVC("hinge", tol=1e-12, max_iter=2, solver="descent").fit(X, TWO)
    assert not found.converged and found.n_iter[0] == 2
    assert found.certificate.relative_gap > 1e-12


def test_separable_data_and_rows_that_are_equal():
    found = svm.LinearSVC("hinge", C=1e4, tol=1e-8).fit([[0.0], [0.0], [2.0], [2.0]], [0, 0, 1, 1])
    assert found.certificate.wrong == 0
    np.testing.assert_array_equal(found.predict([[0.0], [2.0]]), [0, 1])


def test_progress_is_told(capsys, monkeypatch):
    monkeypatch.setattr(svm.progress.time, "perf_counter", iter(range(0, 10**6, 2)).__next__)
    svm.LinearSVC(verbose=1).fit(X, TWO)
    assert "LinearSVC - " in capsys.readouterr().out


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "logistic"])
def test_stochastic_steps_come_close_to_the_minimum(loss):
    x = RNG.normal(size=(4000, 4)).astype(np.float32)
    y = x.sum(axis=1) + RNG.normal(size=4000) > 0.3
    found = svm.subgradient(x, y, loss=loss, C=0.01, epochs=5)
    again = svm.subgradient(x, y, loss=loss, C=0.01, epochs=5)
    assert found.weight.tobytes() == again.weight.tobytes()
    w, b, t = found.weight, found.intercept, np.where(y, 1, -1)
    margin = t * (x @ w + b)
    each = {
        "hinge": np.maximum(1 - margin, 0),
        "squared_hinge": np.maximum(1 - margin, 0) ** 2,
        "logistic": np.logaddexp(0, -margin),
    }[loss]
    value = (w @ w + b * b) / 2 + 0.01 * each.sum()
    assert found.objective[-1] == pytest.approx(value, rel=1e-5)
    assert found.steps == 5 * 63
    if loss == "logistic":
        assert found.active[-1] == 4000
    else:
        exact = svm.LinearSVC(loss, C=0.01, tol=1e-8).fit(x, y)
        assert found.objective[-1] <= exact.certificate.primal * (
            1.02 if loss == "squared_hinge" else 1.002
        )
        assert abs(found.active[-1] - (margin < 1).sum()) <= 2
        np.testing.assert_array_equal(found.predict(x), margin * t > 0)


def test_a_file_holds_the_machine(tmp_path):
    names = np.array(["no", "so", "yes", "zero"])[K]
    found = svm.LinearSVC("hinge", class_weight={"so": 2.0}).fit(X, names)
    found.save(tmp_path / "machine")
    again = svm.load(tmp_path / "machine")
    assert again.decision_function(X).tobytes() == found.decision_function(X).tobytes()
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    assert again.class_weight == {"so": 2.0} and again.loss == "hinge"
    assert str(again.certificate) == str(found.certificate)
    with pytest.raises(TypeError, match="the machine must be fitted"):
        svm.LinearSVC().save(tmp_path / "other")


def test_steps_on_few_rows_go_on_until_they_are_near():
    x, y = blobs(100, 2, seed=3)
    found = svm.subgradient(x, y)
    least = svm.LinearSVC("hinge", tol=1e-8).fit(x, y).certificate.primal
    assert found.steps >= 2000
    assert found.objective[-1] < 1.01 * least
    assert "steps" in str(found) and "array" not in repr(found)


def test_steps_that_end_too_early_are_warned_of():
    x, y = blobs(100, 2, seed=3)
    with pytest.warns(svm.ConvergenceWarning, match="the last of 2 passes took"):
        svm.subgradient(x, y, epochs=2, C=10.0)
