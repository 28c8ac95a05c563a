"""Support vector machines: margin, slack, dual, kernels, C, the hinge; the lecture's claims."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, svm

RNG = np.random.default_rng(0)
T = np.repeat([1, -1], 20)
X = RNG.normal(size=(40, 2)) + T[:, None]
APART = X + 2.5 * T[:, None]
XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([1, -1, -1, 1])


def objective(w, b, x, t, C):
    """½‖w‖² + C Σ [1 - t(w·x + b)]₊."""
    return w @ w / 2 + C * np.maximum(1 - t * (x @ w + b), 0).sum()


@pytest.mark.lecture("T1.B1")
def test_the_widest_margin():
    """max over w of min t(w·x + b)/‖w‖ is min ½‖w‖² with t(w·x + b) ≥ 1; the margin is 1/‖w‖."""
    found = svm.hard_margin(APART, T)
    distance = T * (APART @ found.weight + found.intercept) / np.linalg.norm(found.weight)
    assert distance.min() == pytest.approx(found.margin, rel=1e-7)
    assert found.margin == pytest.approx(1 / np.linalg.norm(found.weight))
    # No direction has a wider one: for a direction the best border lies halfway.
    angle = np.linspace(0, 2 * np.pi, 20_001)
    along = APART @ np.stack([np.cos(angle), np.sin(angle)])
    widest = ((along[T > 0].min(axis=0) - along[T < 0].max(axis=0)) / 2).max()
    assert found.margin == pytest.approx(widest, rel=1e-6)
    with pytest.raises(svm.NotSeparableError, match=r"0\.5·x\[1\] \+ 0\.5·x\[2\]"):
        svm.hard_margin(*XOR)


@pytest.mark.lecture("T1.H14")
def test_a_constraint_has_a_multiplier():
    """min ½‖w‖² with t(w·x + b) ≥ 1: a ≥ 0, and 0 where a constraint is slack; w = Σ atx."""
    found = svm.hard_margin(APART, T)
    a, room = found.multipliers, T * found.decision_function(APART) - 1
    assert room.min() > -1e-8 and a.min() >= 0
    np.testing.assert_allclose((a * T) @ APART, found.weight, atol=1e-8)
    assert abs(a @ T) < 1e-8 and abs(a * room).max() < 1e-8
    assert 2 <= len(found.support) <= 3
    # The dual has the same value, so nothing is better.
    assert a.sum() - found.weight @ found.weight / 2 == pytest.approx(found.objective, rel=1e-8)


@pytest.mark.lecture("T1.B2")
def test_the_soft_margin():
    """½‖w‖² + C Σ ξ with constraints: no point near it is better; the objective of scikit-learn."""
    found = svm.soft_margin(X, T, C=1.0, form="slack")
    least = objective(found.weight, found.intercept, X, T, 1.0)
    assert found.objective == pytest.approx(least, rel=1e-9)
    for step in 10.0 ** RNG.uniform(-4, 1, 300):
        move = step * RNG.normal(size=3)
        assert objective(found.weight + move[:2], found.intercept + move[2], X, T, 1.0) > least
    # scikit-learn 1.9.1: SVC(kernel="linear", C=1, tol=1e-12), whose LIBSVM solves the dual
    libsvm = 13.218903754949917
    assert found.objective == pytest.approx(libsvm, rel=1e-8)
    machine = svm.SVC("linear", C=1.0).fit(X, T)
    assert machine.certificate.primal == pytest.approx(libsvm, rel=1e-3)


@pytest.mark.lecture("T1.B3")
@pytest.mark.lecture("T1.K.slack")
def test_what_slack_means():
    """ξ is 0 on the right side of the margin line, else abs(t - y(x)); from 1 on it is an error."""
    found = svm.soft_margin(X, T, C=1.0, form="slack")
    y = found.decision_function(X)
    right = T * y >= 1 - 1e-9
    np.testing.assert_allclose(found.slack[right], 0, atol=1e-8)
    np.testing.assert_allclose(found.slack[~right], abs(T - y)[~right], atol=1e-9)
    assert not np.allclose(found.slack[~right], abs(T * y)[~right])  # as one slide has it
    # The distance back to the margin line is ξ/‖w‖.
    w = found.weight
    back = X + (T * found.slack / (w @ w))[:, None] * w
    np.testing.assert_allclose((T * found.decision_function(back))[~right], 1, atol=1e-8)
    np.testing.assert_array_equal(found.slack >= 1, T * y <= 0)
    assert (found.slack >= 1).any()


@pytest.mark.lecture("T1.B4")
def test_the_six_conditions():
    """a ≥ 0, μ ≥ 0, ξ ≥ 0, ty - 1 + ξ ≥ 0, a(ty - 1 + ξ) = 0 and μξ = 0."""
    found = svm.soft_margin(X, T, C=2.0, form="slack")
    a, mu, xi = found.multipliers, found.slack_multipliers, found.slack
    room = T * found.decision_function(X) - 1 + xi
    for least in (a, mu, xi, room):
        assert least.min() >= -1e-8
    assert abs(a * room).max() < 1e-7 and abs(mu * xi).max() < 1e-7
    machine = svm.SVC("rbf", C=2.0, tol=1e-6).fit(X, T)
    assert len(machine.certificate.kkt) == 6 and machine.certificate.residual < 1e-5


@pytest.mark.lecture("T1.B5")
def test_the_dual():
    """0 ≤ a ≤ C and Σ at = 0 hold, and Σ a - ½ ΣΣ aₙaₘtₙtₘ xₙ·xₘ is the primal objective."""
    machine = svm.SVC("linear", C=1.0, tol=1e-8).fit(X, T)
    a = np.zeros(40)
    a[machine.support] = machine.dual_coef[0] * T[machine.support]
    assert a.min() >= 0 and a.max() <= 1 and abs(a @ T) < 1e-9
    dual = a.sum() - (a * T) @ (X @ X.T) @ (a * T) / 2
    assert machine.certificate.dual == pytest.approx(dual, rel=1e-9)
    w = (a * T) @ X
    assert objective(w, machine.intercept[0], X, T, 1.0) == pytest.approx(dual, rel=1e-6)


@pytest.mark.lecture("T1.B6")
def test_a_kernel_takes_the_place_of_products():
    """y(x) = Σ at k(xₙ, x) + b over the support vectors."""
    machine = svm.SVC("rbf", gamma=0.7, C=1.0, tol=1e-8).fit(X, T)
    new = RNG.normal(size=(7, 2))
    k = np.exp(-0.7 * np.square(machine.support_vectors[:, None] - new).sum(axis=2))
    by_hand = machine.dual_coef[0] @ k + machine.intercept[0]
    np.testing.assert_allclose(machine.decision_function(new), by_hand, rtol=1e-9, atol=1e-12)


@pytest.mark.lecture("T1.B7")
def test_kernels_and_their_rank():
    """The RBF kernel matrix has full rank: random labels are separated. The linear one has 2."""
    labels = np.where(RNG.random(40) < 0.5, -1, 1)
    rbf = svm.SVC("rbf", gamma=1.0, C=1e6).fit(X, labels)
    assert rbf.certificate.rank() == 40 and (rbf.predict(X) == labels).all()
    linear = svm.SVC("linear", C=1.0).fit(X, labels)
    assert linear.certificate.rank() == 2 and (linear.predict(X) != labels).any()
    # XOR: (a·b + 1)² has the product x₁x₂ among its features; your own kernel may be that alone.
    poly = svm.SVC("poly", degree=2, gamma=1.0, coef0=1.0, C=100.0).fit(*XOR)
    own = svm.SVC(lambda a, b: (pel.numpy.sum(a * b) + 1) ** 2, C=100.0).fit(*XOR)
    for machine in (poly, own):
        np.testing.assert_array_equal(machine.predict(XOR[0]), XOR[1])


@pytest.mark.lecture("T1.B8")
@pytest.mark.parametrize("C", [0.05, 1.0, 30.0])
def test_three_forms_have_one_minimizer(C):
    """With slacks, with [1 - ty]₊, and with λ = 1/C: the same w, b and multipliers."""
    slack, hinge, scaled = (
        svm.soft_margin(X, T, C=C, form=form) for form in ("slack", "hinge", "lambda")
    )
    for other in (hinge, scaled):
        np.testing.assert_allclose(other.weight, slack.weight, atol=1e-8)
        assert other.intercept == pytest.approx(slack.intercept, abs=1e-8)
        np.testing.assert_allclose(other.multipliers, slack.multipliers, atol=1e-6 * max(1, C))
    assert hinge.objective == pytest.approx(slack.objective, rel=1e-9)
    assert scaled.objective == pytest.approx(slack.objective / C, rel=1e-9)


@pytest.mark.lecture("T1.K.svm-c")
def test_the_other_lectures_c_is_twice_as_large():
    """‖b‖² + C′ Σ ε is twice ½‖w‖² + (C′/2) Σ ξ: it has the minimizer of C = C′/2."""
    theirs = 3.0
    found = svm.soft_margin(X, T, C=theirs / 2)

    def doubled(w, b):
        return w @ w + theirs * np.maximum(1 - T * (X @ w + b), 0).sum()

    least = doubled(found.weight, found.intercept)
    assert least == pytest.approx(2 * found.objective, rel=1e-9)
    for step in 10.0 ** RNG.uniform(-4, 0, 200):
        move = step * RNG.normal(size=3)
        assert doubled(found.weight + move[:2], found.intercept + move[2]) > least
    same_c = svm.soft_margin(X, T, C=theirs)
    assert doubled(same_c.weight, same_c.intercept) > least * 1.0001


@pytest.mark.lecture("T1.B9")
def test_the_hinge_by_stochastic_sub_gradients():
    """The sub-gradient at the kink is 0; only rows below margin 1 count; it finds the minimum."""
    one = np.ones((1, 1))
    slope = pel.grad(lambda y: pel.numpy.sum(nn.Hinge().per_row(one, y)))
    assert [float(slope(np.full((1, 1), m))[0, 0]) for m in (0.5, 1.0, 1.5)] == [-1, 0, 0]
    x = np.random.default_rng(1).normal(size=(3000, 4))
    t = np.where(x.sum(axis=1) + np.random.default_rng(2).normal(size=3000) > 0, 1, -1)
    found = svm.subgradient(x, t, C=0.01, epochs=8)
    exact = svm.LinearSVC("hinge", C=0.01, tol=1e-9).fit(x, t)
    assert found.objective[-1] == pytest.approx(exact.certificate.primal, rel=2e-3)
    assert found.objective[-1] < found.objective[0]
    margin = t * found.decision_function(x)
    assert found.active[-1] == (margin < 1).sum() < 3000
    # Rows that are not active have no say: without them the minimum is the same.
    say = t * exact.decision_function(x) < 1 + 1e-6
    less = svm.LinearSVC("hinge", C=0.01, tol=1e-9).fit(x[say], t[say])
    np.testing.assert_allclose(less.coef, exact.coef, atol=1e-4)


@pytest.mark.lecture("T1.B10")
@pytest.mark.lecture("T1.I11")
def test_the_effect_of_c():
    """From a small to a large C the margin and the support vectors only become fewer."""
    found = [svm.soft_margin(X, T, C=C) for C in (1e-3, 1e-2, 0.1, 1.0, 10.0)]
    margins, counts = [one.margin for one in found], [len(one.support) for one in found]
    assert margins == sorted(margins, reverse=True) and margins[0] > 5 * margins[-1]
    assert counts == sorted(counts, reverse=True) and counts[0] == 40 > counts[-1]
    # Separable classes: from some C on it is the hard margin.
    hard, soft = svm.hard_margin(APART, T), svm.soft_margin(APART, T, C=1e3)
    np.testing.assert_allclose(soft.weight, hard.weight, atol=1e-7)
    assert (T * soft.decision_function(APART) > 0).all()


@pytest.mark.lecture("T1.I11")
def test_one_outlier_and_the_hard_margin():
    """One point more moves the hard margin; the soft margin keeps most of it."""
    hard, w = svm.hard_margin(APART, T), svm.hard_margin(APART, T).weight
    outlier = -hard.intercept * w / (w @ w) + 0.8 * w / (w @ w)
    x, t = np.vstack([APART, outlier]), np.append(T, -1)
    moved, soft = svm.hard_margin(x, t), svm.soft_margin(x, t, C=0.02)
    assert moved.margin < 0.35 * hard.margin and soft.margin > 0.9 * hard.margin
    assert len(moved.slack) == 41 and not moved.slack.any()
    assert soft.slack.argmax() == 40 and soft.slack[40] > 1


@pytest.mark.lecture("T1.B11")
def test_only_support_vectors_are_needed():
    """Rows without a multiplier may go; kernel logistic regression has none of them."""
    machine = svm.SVC("rbf", gamma=0.5, C=1.0, tol=1e-8).fit(X, T)
    pruned = svm.SVC("rbf", gamma=0.5, C=1.0, tol=1e-8)
    pruned.fit(X[machine.support], T[machine.support])
    new = RNG.normal(size=(50, 2))
    ours, theirs = machine.decision_function(new), pruned.decision_function(new)
    assert len(machine.support) < 40
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    slack = np.maximum(1 - T * machine.decision_function(X), 0)
    assert set(np.flatnonzero(slack > 1e-6)) <= set(machine.support)
    logistic = svm.KernelLogisticRegression("rbf", gamma=0.5, C=1.0).fit(X, T)
    assert len(logistic.support) == 40 and (logistic.dual_coef != 0).all()


@pytest.mark.lecture("T1.B12")
def test_the_two_losses():
    """At margins -1, 0, 1, 2: hinge 2, 1, 0, 0; logistic 1.3133, 0.6931, 0.3133, 0.1269."""
    margins, ones = np.array([[-1.0], [0], [1], [2]]), np.ones((4, 1))
    hinge = np.asarray(nn.Hinge().per_row(pel.Tensor(ones), pel.Tensor(margins)))
    logistic = np.asarray(nn.Logistic().per_row(pel.Tensor(ones), pel.Tensor(margins)))
    np.testing.assert_array_equal(hinge, [2, 1, 0, 0])
    np.testing.assert_allclose(logistic, [1.3133, 0.6931, 0.3133, 0.1269], atol=5e-5)
    # -ln 1/(1 + e^{-m}) is the same function; with the other label the margin changes its sign.
    np.testing.assert_allclose(logistic, -np.log(1 / (1 + np.exp(-margins[:, 0]))), rtol=1e-14)
    other = np.asarray(nn.Logistic().per_row(pel.Tensor(-ones), pel.Tensor(-margins)))
    np.testing.assert_array_equal(other, logistic)


@pytest.mark.lecture("T1.J9")
def test_the_lab():
    """100,000 rows, both machines by stochastic (sub-)gradients: both come to their minimum."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=(100_000, 10)).astype(np.float32)
    t = np.where(x.sum(axis=1) + 2 * draw.normal(size=100_000) > 0.5, 1, -1)
    hinge, logistic = (
        svm.subgradient(x, t, loss=loss, C=1e-3, epochs=2, batch_size=128)
        for loss in ("hinge", "logistic")
    )
    exact = svm.LinearSVC("hinge", C=1e-3, tol=1e-6).fit(x, t)
    assert hinge.objective[-1] == pytest.approx(exact.certificate.primal, rel=1e-3)
    # No w has less than the dual objective C Σ H(p) - ½‖Σ C(1 - p)tx‖², p = σ(t·y(x)).
    w, wide = np.append(logistic.weight, logistic.intercept), np.hstack([x, np.ones((100_000, 1))])
    p = 1 / (1 + np.exp(-t * (wide @ w)))
    pull = 1e-3 * ((1 - p) * t) @ wide
    dual = -1e-3 * (p * np.log(p) + (1 - p) * np.log1p(-p)).sum() - pull @ pull / 2
    assert dual < logistic.objective[-1] == pytest.approx(dual, rel=5e-3)
    cosine = hinge.weight @ logistic.weight
    cosine /= np.linalg.norm(hinge.weight) * np.linalg.norm(logistic.weight)
    assert cosine > 0.999
    assert hinge.active[-1] < 60_000 and logistic.active[-1] == 100_000
    assert (hinge.predict(x) == logistic.predict(x)).mean() > 0.98
