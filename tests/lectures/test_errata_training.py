"""Slips of the lectures where they speak of training: what was meant holds, what is printed fails.

Each test states the right version first, and shows that the printed one is another.
"""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.nn import Dense
from pellucid.nn.regularizers import L2


def sigma(a):
    return 1 / (1 + np.exp(-a))


def logistic_data(n=20):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), rng.integers(0, 2, n).astype(float)


def one_step(optimizer, loss, x, t, start, penalty=()):
    """The weights of a layer without bias after one step on all rows."""
    model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    model.compile(optimizer, loss, regularizer=penalty)
    model.build((x.shape[1],))
    model.set_weights([start])
    model.fit(x, t, batch_size=len(x), seed=0, verbose=0)
    return model.get_weights()[0]


@pytest.mark.lecture("T1.K.l2-half")
def test_weight_decay_is_the_gradient_of_half_lambda_theta_squared():
    """The penalty (λ/2)·θᵀθ has the gradient λθ of weight decay; the slide's λ·θᵀθ has 2λθ."""
    (x, t), eta, lam = logistic_data(), 0.1, 0.3
    theta = np.array([[0.5], [-2.0], [1.0]])

    def nll(theta):
        a = x @ theta[:, 0]
        return np.mean(np.log(1 + np.exp(a)) - t * a)

    decayed = (1 - eta * lam) * theta - eta * pel.grad(nll)(theta)
    ours = one_step(optim.SGD(eta), "binary_cross_entropy", x, t, theta, L2(lam))
    np.testing.assert_allclose(ours, decayed, rtol=1e-12)
    as_printed = theta - eta * pel.grad(lambda w: nll(w) + lam * np.sum(w * w))(theta)
    np.testing.assert_allclose(as_printed - decayed, -eta * lam * theta, rtol=1e-10)


@pytest.mark.lecture("T1.K.penalty-not-divided")
def test_lambda_is_not_divided_by_the_number_of_samples():
    """The objective is the mean loss and (λ/2)‖w‖²; a slide's (λ/N)·Ω is λ/N as our strength."""
    (x, t), lam = logistic_data(), 0.3
    theta = np.array([[0.5], [-2.0], [1.0]])
    model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    for n in (20, 5):  # the penalty is the same for any number of rows
        values = []
        for penalty in ((), L2(lam)):
            model.compile(optim.SGD(0.1), "binary_cross_entropy", regularizer=penalty)
            model.build((3,))
            model.set_weights([theta])
            values.append(model.evaluate(x[:n], t[:n])["loss"])
        assert values[1] - values[0] == pytest.approx(lam / 2 * np.sum(theta**2), rel=1e-12)


@pytest.mark.lecture("T1.K.ascent")
def test_ascent_on_the_log_likelihood_is_descent_on_its_negative():
    """θ + η∇ log p is the step θ - η∇NLL: we always go downhill."""
    (x, t), eta = logistic_data(), 0.1
    theta = np.array([[0.5], [-2.0], [1.0]])

    def log_likelihood(theta):
        p = sigma(x @ theta[:, 0])
        return np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))

    uphill = theta + eta * pel.grad(log_likelihood)(theta)
    downhill = one_step(optim.SGD(eta), "binary_cross_entropy", x, t, theta)
    np.testing.assert_allclose(downhill, uphill, rtol=1e-12)
    assert log_likelihood(downhill) > log_likelihood(theta)
    assert log_likelihood(theta - eta * pel.grad(log_likelihood)(theta)) < log_likelihood(theta)


@pytest.mark.lecture("T1.K.mixture-precision")
def test_softplus_makes_the_precision_of_a_mixture():
    """In a mixture density network softplus makes the precision 1/σ² positive, not σ."""
    logits, means, raw = np.array([0.5, -1.25]), np.array([2.0, -0.75]), np.array([0.3, -4.0])
    t, loss = 0.4, nn.GaussianMixture(2)
    z = np.concatenate([logits, means, raw])[None, :]
    softplus = np.log1p(np.exp(raw))

    def by_hand(variance):
        share = np.exp(logits) / np.exp(logits).sum()
        density = np.exp(-((t - means) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        return -np.log(share @ density)

    got = float(pel.jit(loss.per_row)(np.array([[t]]), z)[0])
    assert got == pytest.approx(by_hand(1 / softplus), rel=1e-12)
    assert abs(got - by_hand(softplus**2)) > 0.1  # as a σ it would be another loss
    precisions = pel.jit(lambda z: loss.mixture(z).precisions)(z)
    np.testing.assert_allclose(precisions, softplus[None, :], rtol=1e-12)
    assert (precisions > 0).all()


@pytest.mark.lecture("T1.K.delta-shape")
def test_the_gradient_of_a_weight_matrix_is_delta_bar_times_v_transposed():
    """Δᵢ is δ̄ᵢ₊₁ vᵢ′, of the shape of Wᵢ; the printed vᵢ δ′ᵢ₊₁ is transposed and lacks s′."""
    rng = np.random.default_rng(0)
    W, v, w_next = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=3)

    def z(W):
        return np.sum(w_next * np.tanh(W @ v))

    gradient = pel.grad(z)(W)
    delta = w_next  # dz/dv of the next layer, behind the activation
    delta_bar = (1 - np.tanh(W @ v) ** 2) * delta
    np.testing.assert_allclose(gradient, np.outer(delta_bar, v), rtol=1e-12)
    as_printed = np.outer(v, delta)
    assert as_printed.shape == (2, 3) != gradient.shape == W.shape
    assert not np.allclose(gradient, as_printed.T, rtol=0.01)


@pytest.mark.lecture("T1.K.jax-snippet")
def test_the_jax_snippet_needs_one_minus_targets():
    """The snippet's loss wants (1 - preds)·(1 - targets); as printed it is no cross-entropy."""
    (inputs, targets), w, b = logistic_data(), np.array([0.5, -1.0, 0.25]), np.float64(0.1)

    def loss(w, b, printed=False):
        preds = 1 / (1 + np.exp(-(np.dot(inputs, w) + b)))
        rest = (1 - preds) if printed else (1 - preds) * (1 - targets)
        return -np.sum(np.log(preds * targets + rest))

    p = sigma(inputs @ w + b)
    right = np.sum(np.where(targets == 1, -np.log(p), -np.log(1 - p)))
    assert loss(w, b) == pytest.approx(right, rel=1e-12)
    model = pel.Sequential([Dense(1, input_shape=(3,))], seed=0, dtype="float64")
    model.compile("sgd", "binary_cross_entropy")
    model.set_weights([w[:, None], [b]])
    assert model.evaluate(inputs, targets)["loss"] == pytest.approx(right / 20, rel=1e-12)
    np.testing.assert_allclose(pel.grad(loss)(w, b), inputs.T @ (p - targets), rtol=1e-11)
    # As printed a row of class 1 has probability p + (1 - p) = 1, whatever the weights are.
    assert loss(w, b, printed=True) == pytest.approx(-np.log(1 - p)[targets == 0].sum(), rel=1e-12)
    slope = pel.grad(lambda w: loss(w, b, printed=True))(w)
    np.testing.assert_allclose(slope, inputs.T @ (p * (targets == 0)), rtol=1e-11)


@pytest.mark.lecture("T1.K.algorithm-6.1")
def test_algorithm_6_1_sums_over_its_own_index_and_divides_once_by_the_batch():
    """In Algorithm 6.1 the denominator sums over k, and 1/n_b stands in lines 18 and 19 alone."""
    rng = np.random.default_rng(0)
    n_b, q, y = 7, rng.normal(size=(7, 4)), rng.integers(0, 3, 7)
    W, b = rng.normal(size=(3, 4)), rng.normal(size=3)
    Z = q @ W.T + b
    # Line 13: e^{z_ij} / Σₖ e^{z_ik}, each row over its own classes.
    d_z = np.empty((n_b, 3))
    for i, j in np.ndindex(n_b, 3):
        own = 1.0 if y[i] == j else 0.0
        d_z[i, j] = -own + np.exp(Z[i, j]) / sum(np.exp(Z[i, k]) for k in range(3))
    np.testing.assert_allclose(d_z.sum(axis=1), 0, atol=1e-14)

    def cost(W, b):
        return nn.CrossEntropy().per_row(pel.Tensor(y), q @ W.T + b).mean()

    d_w, d_b = pel.grad(cost, (0, 1))(W, b)
    np.testing.assert_allclose(d_w, d_z.T @ q / n_b, rtol=1e-12)  # line 18
    np.testing.assert_allclose(d_b, d_z.sum(0) / n_b, rtol=1e-12)  # line 19
    # So lines 10 and 13 are the slopes of a row's own loss; those of J are smaller by 1/n_b.
    by_z = pel.grad(lambda Z: nn.CrossEntropy().per_row(pel.Tensor(y), Z).mean())(Z)
    np.testing.assert_allclose(by_z, d_z / n_b, rtol=1e-12)
    t = rng.normal(size=(n_b, 3))
    by_z = pel.grad(lambda Z: nn.Squared().per_row(pel.Tensor(t), Z).mean())(Z)
    np.testing.assert_allclose(by_z, -2 * (t - Z) / n_b, rtol=1e-12)


@pytest.mark.lecture("T1.K.adam-lr")
def test_adams_rate_may_be_spelled_lr_and_is_not_ignored():
    """Adam(lr=…), as the lecture's Keras snippet has it, sets the learning rate."""
    (x, t), start = logistic_data(), np.array([[0.5], [-2.0], [1.0]])
    short, long = (
        one_step(optimizer, "binary_cross_entropy", x, t, start)
        for optimizer in (optim.Adam(lr=0.001), optim.Adam(learning_rate=0.001))
    )
    np.testing.assert_array_equal(short, long)
    # Adam's first step moves each weight by its rate.
    np.testing.assert_allclose(np.abs(short - start), 0.001, rtol=1e-4)
    with pytest.raises(pel.ArgumentError, match="learning_rate or lr"):
        optim.Adam(0.1, lr=0.001)
