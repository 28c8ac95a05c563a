"""The machines against LIBSVM, through scikit-learn: objectives, decisions, support, attributes."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import svm
from tests.svm.data import blobs, dual, kernel_matrix, rings, waves

peer = pytest.importorskip("sklearn.svm", reason="scikit-learn is the peer that is compared with")

DATA = {
    "blobs": blobs(),
    "wide": blobs(60, 30, seed=3, apart=0.5),
    "rings": rings(),
    "far": blobs(80, 3, seed=4, apart=4.0),
}
X3, Y3 = blobs(160, 3, 4, seed=5)
XR, YR = waves()
WEIGHTS = np.random.default_rng(6).integers(0, 4, 120).astype(float)


def close(ours, theirs, x, tol, name="decision_function"):
    one, other = getattr(ours, name)(x), getattr(theirs, name)(x)
    assert one.shape == other.shape
    # LIBSVM keeps kernel rows in float32, so its own sums are right to a millionth of their terms.
    terms = np.abs(theirs.dual_coef_).sum() * 2e-7
    np.testing.assert_allclose(one, other, rtol=0, atol=tol + terms)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.filterwarnings("ignore:.*kernel is not positive")
@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid"])
@pytest.mark.parametrize("name", DATA)
@pytest.mark.lecture("T1.B5", "T1.B6")
def test_classes(name, kernel, C):
    x, y = DATA[name]
    options = {"C": C, "gamma": 0.3, "coef0": 1.0 if kernel == "poly" else 0.0, "degree": 2}
    ours = svm.SVC(kernel, **options).fit(x, y)
    theirs = peer.SVC(kernel=kernel, **options).fit(x, y)
    K = kernel_matrix(kernel, x, x, 0.3, options["coef0"], 2)
    t = np.where(y == 1, 1.0, -1.0)
    values = []
    for machine in (ours.dual_coef[0], ours.support), (theirs.dual_coef_[0], theirs.support_):
        alpha = np.zeros(len(y))
        alpha[machine[1]] = np.abs(machine[0])
        values.append(dual(K, t, alpha))
        assert alpha.min() >= 0 and alpha.max() <= C
        assert abs(t @ alpha) < 1e-9 * C * len(y)
    if kernel != "sigmoid":  # which is not positive: there are several minima
        assert values[0] >= values[1] - 1e-6 * abs(values[1]) - 1e-9
        scale = max(1.0, np.abs(theirs.decision_function(x)).max())
        close(ours, theirs, x, 2e-3 * scale)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("name", ["blobs", "rings"])
def test_a_small_tolerance(name, kernel):
    x, y = DATA[name]
    ours = svm.SVC(kernel, C=2.0, tol=1e-8).fit(x, y)
    close(ours, peer.SVC(kernel=kernel, C=2.0, tol=1e-8).fit(x, y), x, 1e-6)
    assert ours.certificate.residual < 1.1e-8


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_several_classes(shape):
    ours = svm.SVC(C=3.0, tol=1e-6, decision_function_shape=shape).fit(X3, Y3)
    theirs = peer.SVC(C=3.0, tol=1e-6, decision_function_shape=shape).fit(X3, Y3)
    close(ours, theirs, X3, 1e-4)
    np.testing.assert_array_equal(ours.predict(X3), theirs.predict(X3))
    np.testing.assert_array_equal(ours.support, theirs.support_)
    np.testing.assert_array_equal(ours.n_support, theirs.n_support_)
    np.testing.assert_array_equal(ours.classes, theirs.classes_)
    np.testing.assert_allclose(ours.support_vectors, theirs.support_vectors_)
    np.testing.assert_allclose(ours.dual_coef, theirs.dual_coef_, atol=1e-3)
    np.testing.assert_allclose(ours.intercept, theirs.intercept_, atol=1e-4)


def test_one_against_the_rest():
    """Each class against the rest is the machine of two classes."""
    ours = svm.SVC(C=2.0, gamma=0.5, tol=1e-6, multi_class="ovr").fit(X3, Y3)
    decisions = ours.decision_function(X3)
    assert decisions.shape == (160, 4) and ours.dual_coef.shape == (4, len(ours.support))
    for k in range(4):
        theirs = peer.SVC(C=2.0, gamma=0.5, tol=1e-6).fit(X3, k == Y3)
        np.testing.assert_allclose(decisions[:, k], theirs.decision_function(X3), atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X3), decisions.argmax(1))


def test_weights_of_rows_and_classes_scale_C():
    x, y = DATA["blobs"]
    options = {"C": 2.0, "gamma": 0.3, "tol": 1e-6, "class_weight": {0: 3.0, 1: 0.5}}
    ours = svm.SVC(**options).fit(x, y, WEIGHTS)
    theirs = peer.SVC(**options).fit(x, y, WEIGHTS)
    close(ours, theirs, x, 1e-4)
    assert not np.isin(np.flatnonzero(WEIGHTS == 0), ours.support).any()
    balanced = svm.SVC(class_weight="balanced", gamma=0.3, tol=1e-6).fit(x, y)
    other = peer.SVC(class_weight="balanced", gamma=0.3, tol=1e-6).fit(x, y)
    close(balanced, other, x, 1e-4)


def test_a_weight_is_a_row_given_so_often():
    x, y = DATA["blobs"]
    weighted = svm.SVC(tol=1e-9).fit(x, y, WEIGHTS)
    often = np.repeat(np.arange(120), WEIGHTS.astype(int))
    repeated = svm.SVC(tol=1e-9).fit(x[often], y[often])
    difference = weighted.decision_function(x) - repeated.decision_function(x)
    assert np.abs(difference).max() < 1e-7


@pytest.mark.parametrize("nu", [0.1, 0.5])
def test_nu_classes(nu):
    x, y = DATA["blobs"]
    ours, theirs = svm.NuSVC(nu, tol=1e-6).fit(x, y), peer.NuSVC(nu=nu, tol=1e-6).fit(x, y)
    close(ours, theirs, x, 5e-3)  # the decisions are divided by a small r
    close(svm.NuSVC(0.2, tol=1e-6).fit(X3, Y3), peer.NuSVC(nu=0.2, tol=1e-6).fit(X3, Y3), X3, 1e-3)
    assert ours.certificate.support >= nu * 120 - 1e-9 >= ours.certificate.inside - 120 * 1e-9
    weighted = svm.NuSVC(nu / 2, gamma=0.3, tol=1e-6).fit(x, y, WEIGHTS)
    close(weighted, peer.NuSVC(nu=nu / 2, gamma=0.3, tol=1e-6).fit(x, y, WEIGHTS), x, 1e-4)


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_numbers(C):
    for kernel in ("rbf", "linear"):
        ours = svm.SVR(kernel, C=C, tol=1e-6).fit(XR, YR)
        theirs = peer.SVR(kernel=kernel, C=C, tol=1e-6).fit(XR, YR)
        close(ours, theirs, XR, 1e-4, "predict")
    ours, theirs = (kind(C=C, tol=1e-6, nu=0.3).fit(XR, YR) for kind in (svm.NuSVR, peer.NuSVR))
    close(ours, theirs, XR, 1e-4, "predict")
    weights = np.arange(100) % 3
    weighted = svm.SVR(gamma=0.5, tol=1e-6).fit(XR, YR, weights)
    close(weighted, peer.SVR(gamma=0.5, tol=1e-6).fit(XR, YR, weights), XR, 1e-4, "predict")


@pytest.mark.parametrize("nu", [0.01, 0.3])
def test_one_class(nu):
    ours = svm.OneClassSVM(nu=nu, tol=1e-6).fit(XR)
    theirs = peer.OneClassSVM(nu=nu, tol=1e-6).fit(XR)
    close(ours, theirs, XR, 1e-4)
    np.testing.assert_allclose(ours.offset, theirs.offset_, atol=1e-4)
    np.testing.assert_allclose(ours.score_samples(XR), theirs.score_samples(XR), atol=1e-4)
    sure = np.abs(theirs.decision_function(XR)) > 1e-3
    np.testing.assert_array_equal(ours.predict(XR)[sure], theirs.predict(XR)[sure])


def test_one_class_with_all_rows_outside():
    """ν = 1: every coefficient is at its bound, which LIBSVM's intercept does not survive."""
    machine = svm.OneClassSVM(nu=1.0).fit(XR)
    assert (machine.dual_coef == 1).all() and np.isfinite(machine.offset).all()


def test_precomputed():
    x, y = DATA["blobs"]
    K = kernel_matrix("rbf", x, x, 0.2)
    ours = svm.SVC("precomputed", tol=1e-6).fit(K, y)
    theirs = peer.SVC(kernel="precomputed", tol=1e-6).fit(K, y)
    close(ours, theirs, K, 1e-5)
    np.testing.assert_array_equal(ours.support, theirs.support_)
    new = kernel_matrix("rbf", x[:7] + 0.1, x, 0.2)
    hidden = np.full_like(new, 1e9)  # only the columns of support vectors count
    hidden[:, ours.support] = new[:, ours.support]
    np.testing.assert_array_equal(ours.decision_function(hidden), ours.decision_function(new))


def test_names_and_whole_numbers_as_labels():
    x, y = DATA["blobs"]
    names = np.array(["no", "yes"])[y]
    assert set(svm.SVC().fit(x, names).predict(x)) == {"no", "yes"}
    assert set(svm.SVC().fit(x, y * 4.0 - 7).predict(x)) == {-7.0, -3.0}
    listed = svm.SVC().fit(x.tolist(), names.tolist())
    np.testing.assert_array_equal(listed.predict(x.tolist()), svm.SVC().fit(x, names).predict(x))
