"""Kernel logistic regression against its own conditions, and against logistic regression."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import svm
from pellucid.svm import KernelLogisticRegression

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
K = (X @ RNG.normal(size=(3, 3)) + RNG.normal(size=(120, 3))).argmax(axis=1)


def rbf(a, b, gamma):
    return np.exp(-gamma * np.square(a[:, None] - b).sum(axis=2))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_the_gradient_of_the_objective_is_zero(classes, C):
    y, matrix = K % classes, rbf(X, X, 0.5)
    weight = RNG.uniform(0.1, 2, 120)
    found = KernelLogisticRegression(gamma=0.5, C=C).fit(X, y, weight)
    hot = (y[:, None] == np.arange(classes)).astype(float)

    def objective(beta, b):
        f = pel.numpy.matmul(matrix, beta) + b
        norm = pel.numpy.sum(beta * pel.numpy.matmul(matrix, beta)) / 2
        if classes == 2:
            f = pel.numpy.concat([0 * f, f], axis=1)
        lost = pel.numpy.logsumexp(f, axis=1) - pel.numpy.sum(hot * f, axis=1)
        return norm + C * pel.numpy.sum(weight * lost)

    at = found.dual_coef.T.copy(), found.intercept.copy()
    assert at[0].shape == (120, 1 if classes == 2 else classes)
    value, slopes = pel.value_and_grad(objective, (0, 1))(*at)
    assert max(abs(slope).max() for slope in slopes) < 1e-6 * C
    proof = found.certificate
    assert proof.primal == pytest.approx(float(value)) and abs(proof.relative_gap) < 1e-9
    # The functions are what decision_function computes, and all points are needed.
    f = matrix @ at[0] + at[1]
    decisions = found.decision_function(X).reshape(120, -1)
    np.testing.assert_allclose(decisions, f, atol=1e-9)
    assert len(found.support) == 120 and (abs(found.dual_coef) > 0).all()
    proba = found.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba.argmax(axis=1), found.predict(X))
    # At the optimum the coefficients are C(t - p).
    expected = C * weight[:, None] * (hot - proba)
    expected = expected[:, 1:] if classes == 2 else expected
    np.testing.assert_allclose(at[0], expected, atol=1e-5 * C)


def test_with_the_linear_kernel_it_is_logistic_regression():
    y, t = K % 2, 2.0 * (K % 2) - 1
    found = KernelLogisticRegression("linear", C=0.7).fit(X, y)
    w = found.dual_coef[0] @ X
    p = 1 / (1 + np.exp(-t * (X @ w + found.intercept)))
    np.testing.assert_allclose(w, 0.7 * (t * (1 - p)) @ X, atol=1e-7)  # its own condition
    assert abs((t * (1 - p)).sum()) < 1e-7


def test_kernels_of_all_kinds_and_none_of_an_intercept():
    y = K % 2
    own = KernelLogisticRegression(lambda a, b: pel.numpy.exp(-0.5 * pel.numpy.sum((a - b) ** 2)))
    named = KernelLogisticRegression("rbf", gamma=0.5)
    given = KernelLogisticRegression("precomputed")
    answers = [
        own.fit(X, y).decision_function(X),
        named.fit(X, y).decision_function(X),
        given.fit(rbf(X, X, 0.5), y).decision_function(rbf(X, X, 0.5)),
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-7)
    np.testing.assert_allclose(answers[2], answers[1], atol=1e-7)
    bare = KernelLogisticRegression(gamma=0.5, fit_intercept=False).fit(X, y)
    assert bare.intercept == 0
    names = KernelLogisticRegression().fit(X, np.array(["no", "yes"])[y])
    assert set(names.predict(X)) <= {"no", "yes"}
    bits = {
        KernelLogisticRegression(threads=threads).fit(X, K).dual_coef.tobytes()
        for threads in (1, 2, 3)
    }
    assert len(bits) == 1


def test_one_step_is_not_enough(capsys):
    with pytest.warns(svm.ConvergenceWarning, match="max_iter=1 steps were done"):
        KernelLogisticRegression(max_iter=1, verbose=1).fit(X, K)
    assert "KernelLogisticRegression - 1 steps" in capsys.readouterr().out


@pytest.mark.parametrize("classes", [2, 3])
def test_a_file_holds_the_machine(tmp_path, classes):
    found = KernelLogisticRegression().fit(X, K % classes)
    found.save(tmp_path / "machine")
    again = svm.load(tmp_path / "machine")
    assert again.predict_proba(X).tobytes() == found.predict_proba(X).tobytes()
    assert str(again.certificate) == str(found.certificate) and len(again.support) == 120
