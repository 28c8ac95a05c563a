"""Linear and generalised linear models: a network with one layer is each of the classics."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim

# 40 points in the plane of two classes that overlap, written down by a formula.
ROW = np.arange(40.0)
X = np.stack([np.sin(1.3 * ROW), np.cos(0.7 * ROW), np.sin(0.4 * ROW + 1)], axis=1)
T = (X @ [1.5, -2.0, 0.5] + 0.3 + np.sin(5.1 * ROW) > 0).astype(float)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def fitted(model, x, t, rate, epochs, loss, **options):
    """The model after so many steps of gradient descent on all of the data."""
    model.compile(optim.SGD(rate), loss, **options)
    model.fit(x, t, batch_size=len(x), epochs=epochs, seed=0, verbose=0)
    return model


def one_layer(units, activation=None, features=3, **options):
    layer = nn.Dense(units, activation, input_shape=(features,), **options)
    return pel.Sequential([layer], seed=0, dtype="float64")


@pytest.mark.lecture("T1.A1")
def test_a_perceptron_with_linear_output():
    """A perceptron with linear output computes y = wᵀx + w₀: a product and a sum in the graph."""
    model = one_layer(1)
    operations = [node.op for node in model.graph().nodes if node.op != "input"]
    assert operations == ["contract", "add"]  # contract is the matrix product
    w, w_0 = np.array([0.5, -1.25, 2.0]), 0.75
    model.set_weights([w[:, None], [w_0]])
    by_hand = [sum(w[i] * x[i] for i in range(3)) + w_0 for x in X]
    np.testing.assert_allclose(model.predict(X).ravel(), by_hand, rtol=1e-13, atol=1e-15)


@pytest.mark.lecture("T1.A2")
def test_a_perceptron_with_logistic_output():
    """A perceptron with logistic output, y = σ(wᵀx + w₀), is logistic regression."""
    model = one_layer(1, "sigmoid")
    fitted(model, X, T, 1.0, 2000, "binary_cross_entropy", regularizer=nn.L2(0.05))
    w, w_0 = model.get_weights()
    # scikit-learn 1.9.1: LogisticRegression(C=1/(40*0.05), solver="newton-cholesky", tol=1e-14)
    known = [1.0240422031938223, -1.6168349003052962, 0.299696149376212]
    np.testing.assert_allclose(w.ravel(), known, rtol=1e-10)
    np.testing.assert_allclose(w_0, [0.24320026201202452], rtol=1e-10)
    np.testing.assert_allclose(model.predict(X), sigma(X @ w + w_0), rtol=1e-12)


@pytest.mark.lecture("T1.A3")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_bias_is_the_weight_of_an_input_that_is_one(dtype):
    """One linear output a class is y_k = Σ w_ki x_i with x₀ = 1: the bias is one more weight."""
    rng = np.random.default_rng(0)
    apart = pel.Sequential([nn.Dense(4, input_shape=(8,))], dtype=dtype)
    folded = pel.Sequential([nn.Dense(4, use_bias=False, input_shape=(9,))], dtype=dtype)

    def both(x, w, b, front):
        one = np.ones((len(x), 1))
        apart.set_weights([w, b])
        folded.set_weights([np.vstack([b, w] if front else [w, b])])
        return apart.predict(x), folded.predict(np.hstack([one, x] if front else [x, one]))

    # Numbers whose sums are exact: the same bits with x₀ = 1 in front, as the lecture has it.
    whole = [rng.integers(-50, 50, shape).astype(float) for shape in ((30, 8), (8, 4), (4,))]
    np.testing.assert_array_equal(*both(*whole, front=True))
    # Any numbers: the same bits where the 1 comes last, since a sum has one order.
    x, w, b = rng.normal(size=(30, 8)), rng.normal(size=(8, 4)), rng.normal(size=4)
    np.testing.assert_array_equal(*both(x, w, b, front=False))
    one, other = both(x, w, b, front=True)
    terms = (abs(x) @ abs(w) + abs(b)).astype(one.dtype)
    assert (abs(one - other) <= 4 * np.spacing(terms)).all()


@pytest.mark.slow
@pytest.mark.lecture("T1.A4")
def test_logistic_outputs_are_independent():
    """One logistic output a class, y_k = σ(Σ w_ki x_i), asks K independent yes/no questions."""
    labels = np.stack([X[:, 0] > 0.2, X[:, 1] > -0.3, X[:, 0] + X[:, 2] > 1], axis=1)
    assert {0, 1, 2, 3} == set(labels.sum(axis=1)), "any number of classes may be right at once"
    together = one_layer(3, "sigmoid")
    start = together.get_weights()
    fitted(together, X, labels, 2.0, 300, "binary_cross_entropy", metrics=["accuracy"])
    losses = 0.0
    for k in range(3):
        alone = one_layer(1, "sigmoid")
        alone.set_weights([start[0][:, [k]], start[1][[k]]])
        fitted(alone, X, labels[:, k], 2.0, 300, "binary_cross_entropy")
        np.testing.assert_allclose(together.predict(X)[:, [k]], alone.predict(X), rtol=1e-10)
        losses += alone.evaluate(X, labels[:, k])["loss"]
    measured = together.evaluate(X, labels)
    assert measured["loss"] == pytest.approx(losses, rel=1e-10)
    right = ((together.predict(X) > 0.5) == labels).all(axis=1)
    assert measured["accuracy"] == right.mean() > 0.9


@pytest.mark.lecture("T1.A5")
def test_several_linear_outputs_are_multidimensional_linear_regression():
    """Linear outputs with squared loss are linear regression of several targets at once."""
    targets = np.stack([np.sin(ROW), X[:, 0] - 2 * X[:, 2] + 1, X[:, 1] ** 2], axis=1)
    model = fitted(one_layer(3), X, targets, 0.3, 400, "squared")
    known, *_ = np.linalg.lstsq(np.hstack([X, np.ones((40, 1))]), targets, rcond=None)
    w, b = model.get_weights()
    np.testing.assert_allclose(np.vstack([w, b]), known, rtol=1e-7, atol=1e-9)


@pytest.mark.lecture("T1.A6")
@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_a_fixed_mapping_before_the_weights(activation):
    """A fixed mapping φ of the inputs, y_k = Σ w_kj φ_j(x), is a node before the weights."""
    centers = ((0.0, 0.5, -0.5), (1.0, 0.0, 0.0))
    mappings = [
        (nn.Polynomial(2), np.stack([X, X**2], axis=-1).reshape(40, 6)),
        (nn.RBF(centers, 0.5), np.exp(-2 * ((X[:, None] - np.array(centers)) ** 2).sum(-1))),
        (
            nn.Basis(lambda x: np.stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])], axis=-1)),
            np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])], axis=-1),
        ),
    ]
    for mapping, features in mappings:
        model = pel.Sequential([mapping, nn.Dense(2, activation)], seed=0, dtype="float64")
        model.build((3,))
        w, b = model.get_weights()
        assert w.shape == (features.shape[1], 2), "the mapping itself has no weights"
        linear = features @ w + b
        wanted = linear if activation is None else sigma(linear)
        np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-11, atol=1e-13)
        operations = [node.op for node in model.graph().nodes]
        product = operations.index("contract")
        assert set(operations[:product]) - {"input", "constant"}, "nodes stand before the product"


@pytest.mark.lecture("T1.A7")
def test_softmax_regression_is_a_network_with_one_layer():
    """Softmax regression is a network with one layer: p_i = e^{z_i} / Σ e^{z_j}, with sum 1."""
    model = one_layer(10, "softmax", features=784)
    assert model.count_params() == 784 * 10 + 10 == 7_850
    x = np.random.default_rng(0).uniform(size=(5, 784))
    w, b = model.get_weights()
    z = x @ w + b
    np.testing.assert_allclose(
        model.predict(x), np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-11
    )
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1, rtol=1e-14)


@pytest.mark.lecture("T1.A9")
@pytest.mark.lecture("T1.K.ascent")
def test_logistic_regression_by_batch_gradient_descent():
    """Logistic regression by gradient ascent on the log-likelihood: θ ← θ + η Σ (y - σ(θᵀx)) x."""
    rate, steps = 0.02, 50
    theta = np.array([0.3, -0.2, 0.1])

    def negative_log_likelihood(theta):
        p = pel.numpy.sigmoid(X @ theta)
        return -np.sum(T * np.log(p) + (1 - T) * np.log(1 - p))

    np.testing.assert_allclose(
        pel.grad(negative_log_likelihood)(theta), -X.T @ (T - sigma(X @ theta)), rtol=1e-12
    )
    # Our objective is the mean over 40 points, so that 40 times the rate makes the same steps, and
    # descent on minus the log-likelihood is ascent on it.
    model = one_layer(1, "sigmoid", use_bias=False)
    model.set_weights([theta[:, None]])
    fitted(model, X, T, 40 * rate, steps, "binary_cross_entropy")
    for _ in range(steps):
        theta = theta + rate * (T - sigma(X @ theta)) @ X
    np.testing.assert_allclose(model.get_weights()[0].ravel(), theta, rtol=1e-11)


@pytest.mark.lecture("T1.G23")
def test_the_gradient_of_logistic_regression_is_derived_rule_by_rule():
    """The exercise: ∂J/∂w_j = Σ_i (σ(z_i) - t_i) x_ij, from sum, chain, log, σ and dot product."""
    pytest.importorskip("sympy")

    def negative_log_likelihood(w, x, t):
        p = pel.numpy.sigmoid(x @ w)
        return -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))

    w = np.array([0.3, -0.2, 0.1])
    shown = pel.explain(negative_log_likelihood, w, X, T)
    text = str(shown)
    assert "v3[i]  = Σ_j x[i,j]·w[j]\n" in text
    assert "v4[i]  = σ(v3[i])\n" in text
    for fact in (
        "sum: the derivative of a sum is the sum of the derivatives",
        "output gradient × local gradient (the chain rule)",
        "log: d ln(x)/dx = 1/x",
        "sigmoid: d σ(x)/dx = σ(x)·(1 - σ(x))",
        "dot product: ∂(Σ_k x_k·y_k)/∂y_k = x_k",
    ):
        assert fact in text
    assert "= v4[i] - t[i]   sigmoid" in text  # ∂J/∂z_i
    assert shown.gradients == {"w": "Σ_i x[i,j]·(v4[i] - t[i])"}
    np.testing.assert_allclose(
        shown.values[shown.places[0]], X.T @ (sigma(X @ w) - T), rtol=1e-12, atol=1e-14
    )
