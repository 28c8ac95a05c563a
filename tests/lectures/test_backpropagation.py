"""The lectures' backpropagation, line by line in NumPy, equals the derivative of the graph."""

import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid.nn import CrossEntropy, Squared
from pellucid.transform.grad import value_and_grad


def h(z):
    return np.maximum(z, 0)


def h_prime(z):
    return (z > 0).astype(float)


def algorithm_6_1(weights, biases, x, y, classification):
    """Algorithm 6.1: lines as numbered there; W is (U_out, U_in), b is (U_out,)."""
    n_b = len(x)
    layers = len(weights)
    q = [x]  # 2: Q⁰ ← X
    z = []
    for i in range(layers):  # 3
        z.append(q[i] @ weights[i].T + biases[i])  # 4: Z = Q Wᵀ + bᵀ
        if i < layers - 1:
            q.append(h(z[i]))  # 5: Q = h(Z), not for the last layer
    last = z[-1]
    if not classification:  # 8
        cost = np.mean((y - last[:, 0]) ** 2)  # 9
        d_z = -2 * (y[:, None] - last)  # 10
    else:  # 11
        rows = np.arange(n_b)
        cost = np.mean(-last[rows, y] + np.log(np.exp(last).sum(1)))  # 12
        # 13, with the index k in the denominator, where the lecture uses j twice
        d_z = -np.eye(last.shape[1])[y] + np.exp(last) / np.exp(last).sum(1, keepdims=True)
    d_w, d_b = [None] * layers, [None] * layers
    d_q = None
    for i in reversed(range(layers)):  # 15
        if i < layers - 1:
            d_z = d_q * h_prime(z[i])  # 16: dZ = dQ ⊙ h'(Z), not for the last layer
        d_q = d_z @ weights[i]  # 17: dQ = dZ W
        d_w[i] = d_z.T @ q[i] / n_b  # 18: dW = 1/n_b dZᵀ Q
        d_b[i] = d_z.sum(0) / n_b  # 19: db = 1/n_b Σ dZ
    return cost, d_w, d_b  # 21, 22


def draw(sizes, n, seed=0):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]
    biases = [rng.normal(size=b) for b in sizes[1:]]
    return weights, biases, rng.normal(size=(n, sizes[0])), rng


def network(params, x):
    q = x
    for i, (w, b) in enumerate(params):
        q = q @ w.T + b
        if i < len(params) - 1:
            q = pel.numpy.relu(q)
    return q


@pytest.mark.lecture("T1.G18")
@pytest.mark.parametrize("sizes", [(3, 4, 1), (5, 7, 6, 1), (2, 3, 3, 3, 1)])
def test_algorithm_6_1_regression(sizes):
    weights, biases, x, rng = draw(sizes, 11)
    y = rng.normal(size=11)
    cost, d_w, d_b = algorithm_6_1(weights, biases, x, y, classification=False)

    def loss(params):
        return Squared().per_row(pel.Tensor(y[:, None]), network(params, x)).mean()

    value, slopes = value_and_grad(loss)(list(zip(weights, biases, strict=True)))
    assert float(value) == pytest.approx(cost, rel=1e-12)
    for (w, b), dw, db in zip(slopes, d_w, d_b, strict=True):
        np.testing.assert_allclose(w, dw, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(b, db, rtol=1e-12, atol=1e-12)


@pytest.mark.lecture("T1.G18")
@pytest.mark.parametrize("sizes", [(4, 3), (5, 7, 6), (2, 3, 3, 3, 4)])
def test_algorithm_6_1_classification(sizes):
    weights, biases, x, rng = draw(sizes, 13)
    y = rng.integers(0, sizes[-1], 13)
    cost, d_w, d_b = algorithm_6_1(weights, biases, x, y, classification=True)

    def loss(params):
        return CrossEntropy().per_row(pel.Tensor(y), network(params, x)).mean()

    value, slopes = value_and_grad(loss)(list(zip(weights, biases, strict=True)))
    assert float(value) == pytest.approx(cost, rel=1e-12)
    for (w, b), dw, db in zip(slopes, d_w, d_b, strict=True):
        np.testing.assert_allclose(w, dw, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(b, db, rtol=1e-12, atol=1e-12)


@pytest.mark.lecture("T1.G19")
def test_the_two_layer_listing_forward_backward_update():
    (w1, w2), (b1, b2), x, _ = draw((2, 3, 1), 1, seed=3)
    y, gamma = 0.7, 0.1
    # Forward, (6.24), one data point as a column.
    q0 = x[0]
    z1 = w1 @ q0 + b1
    q1 = h(z1)
    z2 = w2 @ q1 + b2
    cost = (y - z2[0]) ** 2
    # Backward, (6.26a) and (6.27).
    dz2 = -2 * (y - z2)
    dq1 = w2.T @ dz2
    dz1 = dq1 * h_prime(z1)
    dw2, db2 = np.outer(dz2, q1), dz2
    dw1, db1 = np.outer(dz1, q0), dz1
    # Update, (6.23).
    after = [w1 - gamma * dw1, b1 - gamma * db1, w2 - gamma * dw2, b2 - gamma * db2]

    model = pel.Sequential(
        [pel.nn.Dense(3, activation="relu", input_shape=(2,)), pel.nn.Dense(1)],
        dtype="float64",
        seed=0,
    )
    model.compile(pel.optim.SGD(gamma), "squared")
    model.set_weights([w1.T, b1, w2.T, b2])
    assert model.evaluate(x, [y])["loss"] == pytest.approx(cost, rel=1e-14)
    model.fit(x, [y], batch_size=1, verbose=0)
    got = model.get_weights()
    for ours, theirs in zip([got[0].T, got[1], got[2].T, got[3]], after, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.lecture("T1.G24")
@pytest.mark.lecture("T1.J3")
def test_the_jax_snippet_with_its_erratum_corrected():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(6, 3)), np.array([1.0, 0, 1, 1, 0, 1])
    w, b = rng.normal(size=3), 0.3

    def predict(w, b, inputs):
        return pel.numpy.sigmoid(np.dot(inputs, w) + b)

    def loss(w, b):
        preds = predict(w, b, inputs)
        label_probs = preds * targets + (1 - preds) * (1 - targets)
        return -np.sum(np.log(label_probs))

    w_grad, b_grad = pel.grad(loss, (0, 1))(w, np.float64(b))
    p = 1 / (1 + np.exp(-(inputs @ w + b)))
    np.testing.assert_allclose(w_grad, inputs.T @ (p - targets), rtol=1e-12)
    np.testing.assert_allclose(b_grad, (p - targets).sum(), rtol=1e-12)


@pytest.mark.lecture("T1.C8")
def test_linear_layers_collapse_to_one_matrix():
    (w1, w2, w3), _, x, _ = draw((4, 6, 5, 2), 7)
    model = pel.Sequential(
        [
            pel.nn.Dense(6, use_bias=False, input_shape=(4,)),
            pel.nn.Dense(5, use_bias=False),
            pel.nn.Dense(2, use_bias=False),
        ],
        dtype="float64",
        seed=0,
    )
    model.set_weights([w1.T, w2.T, w3.T])
    np.testing.assert_allclose(model.predict(x), x @ (w3 @ w2 @ w1).T, rtol=1e-12)


@pytest.mark.lecture("T1.A12")
def test_no_line_separates_xor():
    """No line separates the four points of XOR: a linear model is wrong on one of them at least."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    for seed in range(5):
        model = pel.Sequential([pel.nn.Dense(1)], seed=seed)
        model.compile(pel.optim.SGD(0.5), "binary_cross_entropy", metrics=["accuracy"])
        model.fit(x, [0, 1, 1, 0], batch_size=4, epochs=100, seed=seed, verbose=0)
        assert model.evaluate(x, [0, 1, 1, 0])["accuracy"] <= 0.75
