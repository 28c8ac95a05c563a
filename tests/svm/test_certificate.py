"""Certificates against NumPy, and what the lectures say of margin, slack, C and support vectors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pellucid import svm
from pellucid.core.errors import UnknownNameError
from tests.svm.data import blobs, dual, kernel_matrix, rings, waves

X, Y = blobs(150, 3, seed=8)
T = np.where(Y == 1, 1.0, -1.0)
XR, YR = waves()


@pytest.fixture(scope="module")
def fitted():
    return svm.SVC(C=5.0, gamma=0.4, tol=1e-4).fit(X, Y)


def coefficients(machine):
    alpha = np.zeros(len(Y))
    alpha[machine.support] = machine.dual_coef[0] * T[machine.support]
    return alpha


@pytest.mark.lecture("T1.B4")
def test_the_six_conditions_hold_and_are_reported(fitted):
    K = kernel_matrix("rbf", X, X, 0.4)
    a = coefficients(fitted)
    y = K @ (a * T) + fitted.intercept[0]
    xi, mu = np.maximum(0, 1 - T * y), 5.0 - a
    conditions = {
        "a ≥ 0": -a.min(),
        "mu ≥ 0": -mu.min(),
        "xi ≥ 0": -xi.min(),
        "t y - 1 + xi ≥ 0": -(T * y - 1 + xi).min(),
        "a (t y - 1 + xi) = 0": np.abs(a / 5 * (T * y - 1 + xi)).max(),
        "mu xi = 0": np.abs(mu / 5 * xi).max(),
    }
    proof = fitted.certificate
    np.testing.assert_allclose(
        proof.kkt, np.maximum(0, list(conditions.values())), rtol=1e-5, atol=1e-12
    )
    assert proof.residual <= 1e-4
    assert all(f"{name}" in str(proof) for name in conditions)


@pytest.mark.lecture("T1.B2", "T1.B5")
def test_primal_and_dual_meet(fitted):
    K = kernel_matrix("rbf", X, X, 0.4)
    a = coefficients(fitted)
    proof = fitted.certificate
    square = (a * T) @ K @ (a * T)
    xi = np.maximum(0, 1 - T * (K @ (a * T) + fitted.intercept[0]))
    assert proof.dual == pytest.approx(dual(K, T, a), rel=1e-9)
    assert proof.primal == pytest.approx(0.5 * square + 5.0 * xi.sum(), rel=1e-9)
    assert 0 <= proof.gap < 1e-4 * 5.0 * 150
    np.testing.assert_allclose(proof.slack, xi, atol=1e-9)
    assert proof.balance < 1e-12


@pytest.mark.lecture("T1.B1")
def test_the_margin_of_separable_classes():
    """Two points at distance 2 along one axis: w = 1 and the margin is 1."""
    x = np.array([[0.0, 3.0], [0.0, -3.0], [2.0, 0.0], [5.0, 1.0]])
    machine = svm.SVC("linear", C=1e6, tol=1e-9).fit(x, [0, 0, 1, 1])
    w = machine.dual_coef @ machine.support_vectors
    np.testing.assert_allclose(w, [[1.0, 0.0]], atol=1e-7)
    np.testing.assert_allclose(machine.intercept, [-1.0], atol=1e-7)
    proof = machine.certificate
    assert proof.margin == pytest.approx(1 / np.linalg.norm(w)) == pytest.approx(1.0)
    signed = np.array([-1, -1, 1, 1]) * machine.decision_function(x) * proof.margin
    assert signed.min() == pytest.approx(proof.margin), "the nearest row lies on the margin"
    assert (proof.right, proof.inside, proof.wrong) == (4, 0, 0)


@pytest.mark.lecture("T1.B3")
def test_slack_says_where_a_row_lies(fitted):
    y = fitted.decision_function(X)
    xi, proof = np.maximum(0, 1 - T * y), fitted.certificate
    outside = xi > 0
    np.testing.assert_allclose(xi[outside], np.abs(T - y)[outside])
    assert proof.wrong == int((xi >= 1).sum()) == int((T * y <= 0).sum())
    assert proof.inside == int(((xi > 1e-4) & (xi < 1)).sum())
    assert proof.right + proof.inside + proof.wrong == 150


@pytest.mark.lecture("T1.B10")
def test_the_effect_of_C():
    """With C the margin shrinks and fewer rows are support vectors; a large C separates."""
    x, y = rings()
    proofs = [
        svm.SVC(C=C, gamma=0.5, tol=1e-6).fit(x, y).certificate for C in 10.0 ** np.arange(-2, 5)
    ]
    margins = [one.margin for one in proofs]
    counts = [one.support for one in proofs]
    assert margins == sorted(margins, reverse=True)
    assert all(b <= a for a, b in itertools.pairwise(counts)), counts
    assert proofs[0].wrong > 0 and proofs[-1].wrong == 0


@pytest.mark.lecture("T1.B11")
def test_only_support_vectors_are_needed(fitted):
    inside = coefficients(fitted) > 0
    pruned = svm.SVC(C=5.0, gamma=0.4, tol=1e-8).fit(X[inside], Y[inside])
    whole = svm.SVC(C=5.0, gamma=0.4, tol=1e-8).fit(X, Y)
    new = X + 0.1
    np.testing.assert_allclose(
        pruned.decision_function(new), whole.decision_function(new), atol=1e-6
    )
    on_or_in = T * whole.decision_function(X) <= 1 + 1e-7
    assert on_or_in[whole.support].all(), "support vectors lie on the margin or have slack"
    alone = kernel_matrix("rbf", new, X[fitted.support], 0.4) @ fitted.dual_coef[0]
    np.testing.assert_allclose(alone + fitted.intercept, fitted.decision_function(new), atol=1e-9)


@pytest.mark.lecture("T1.B7")
def test_a_kernel_matrix_of_full_rank_separates_any_labels():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    rbf = svm.SVC(C=1e8, gamma=10.0, tol=1e-6).fit(x, y)
    assert rbf.certificate.rank() == 40
    assert rbf.certificate.wrong == 0 and rbf.certificate.inside == 0
    linear = svm.SVC("linear").fit(x, y).certificate
    assert linear.rank() == 2 and linear.wrong > 0
    assert svm.SVC("poly", degree=2, coef0=1.0).fit(x, y).certificate.rank() == 6


def test_float32_rows_pass_the_proof_in_float64():
    machine = svm.SVC(C=5.0).fit(X.astype(np.float32), Y)
    assert machine.support_vectors.dtype == np.float32
    assert machine.certificate.residual < 1e-3


@pytest.mark.parametrize(
    "machine",
    [svm.SVR(C=3.0), svm.NuSVR(0.4, C=3.0), svm.OneClassSVM(nu=0.2), svm.NuSVC(0.3)],
    ids=lambda machine: machine._name,
)
def test_every_machine_proves_its_optimum(machine):
    if isinstance(machine, svm.NuSVC):
        machine.fit(X, Y)
    else:
        machine.fit(XR, YR)
    proof = machine.certificate
    assert proof.residual < 1e-3
    assert 0 <= proof.relative_gap < 1e-2
    assert proof.support == proof.on_margin + proof.at_bound == len(machine.support)
    assert proof.balance < 1e-9
    assert str(proof).startswith(proof.title) and repr(proof) == str(proof)


def test_the_tube_of_a_regression():
    machine = svm.SVR(C=3.0, epsilon=0.2).fit(XR, YR)
    error = np.abs(YR - machine.predict(XR))
    proof = machine.certificate
    np.testing.assert_allclose(proof.slack, np.maximum(0, error - 0.2), atol=1e-9)
    assert proof.right == int((error <= 0.2 + 1e-3).sum()) and proof.wrong is None


def test_several_problems_have_a_proof_each():
    x, y = blobs(120, 3, 4, seed=10)
    names = np.array(["a", "b", "c", "d"])[y]
    pairs = svm.SVC().fit(x, names).certificate
    assert len(pairs) == 6 and pairs[0].title == "'a' against 'b'"
    assert pairs.residual < 1e-3 and pairs.relative_gap < 1e-2
    assert len(repr(pairs).splitlines()) == 7
    rest = svm.SVC(multi_class="ovr").fit(x, names).certificate
    assert [one.title for one in rest] == [f"{name!r} against the rest" for name in "abcd"]


def indefinite():
    """Rows on which tanh(a·b/10 - 1) has eigenvalues below 0, and |w|² is below 0 at the end."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 8))
    return x, (x[:, 0] + x[:, 1] > 0).astype(int)


@pytest.mark.parametrize("kernel", ["sigmoid", "poly"])
def test_nothing_is_proved_where_the_kernel_is_not_positive(kernel, tmp_path):
    x, y = indefinite()
    options = {"gamma": 0.1, "coef0": -1.0, "degree": 2}
    machine = svm.SVC(kernel, C=10.0, **options)
    with pytest.warns(svm.SolverWarning, match="is not positive on these rows") as said:
        proof = machine.fit(x, y).certificate
    assert len(said) == 1
    assert not proof.positive
    assert all(np.isnan(one) for one in (proof.margin, proof.norm, proof.gap, proof.relative_gap))
    assert "nothing is proved" in str(proof) and "gap 0" not in str(proof)
    machine.save(tmp_path / "machine")
    loaded = svm.load(tmp_path / "machine").certificate
    assert not loaded.positive and np.isnan(loaded.gap)
    with pytest.warns(svm.SolverWarning, match="is not positive"):
        other = svm.KernelLogisticRegression(kernel, tol=10.0, **options).fit(x, y).certificate
    assert np.isnan(other.gap) and "nothing is proved" in str(other)


def test_large_kernel_values_are_warned_of():
    large = r"kernel values are as large as .*degree=200"
    with (
        pytest.warns(svm.ConvergenceWarning, match="rounding leaves"),
        pytest.warns(svm.SolverWarning, match=large),
    ):
        svm.SVC("poly", degree=200, tol=10.0).fit(30 * X, Y)


def test_each_machine_has_its_own_words():
    tube = str(svm.SVR(C=3.0).fit(XR, YR).certificate)
    assert "margin" not in tube and "outside the tube" in tube and "sum (a - a*) = 0" in tube
    region = str(svm.OneClassSVM(nu=0.2).fit(XR).certificate)
    assert "margin" not in region and "sum a = nu sum C" in region and "sum a t" not in region
    assert "of the objective)" in tube


def test_a_table_of_proofs_names_each_problem_and_says_where_a_margin_is():
    x, y = blobs(120, 3, 3, seed=10)
    names = np.array([f"a class with a long name, number {n}" for n in range(3)])[y]
    for machine in (svm.SVC(), svm.LinearSVC()):
        proof = machine.fit(x, names).certificate
        lines = repr(proof).splitlines()
        assert isinstance(proof, svm.Certificates) and len({*lines}) == 4
        with pytest.raises(UnknownNameError, match=r"its own 'margin'.*certificate\[0\]"):
            _ = proof.margin
        with pytest.raises(UnknownNameError, match="there is no 'width'"):
            _ = proof.width


def test_there_is_none_before_fit():
    assert not hasattr(svm.SVC(), "support")
    with pytest.raises(UnknownNameError, match="there after fit"):
        _ = svm.SVC().certificate
