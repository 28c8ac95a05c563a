"""Hidden units and output units: activations, their slopes, and what outputs mean."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim


def values(name, z):
    return pel.jit(nn.activations.BY_NAME[name])(z)


def slopes(name, z):
    return pel.jit(pel.grad(lambda z: np.sum(nn.activations.BY_NAME[name](z))))(z)


def layer(units, activation, weights, **options):
    model = pel.Sequential([nn.Dense(units, activation)], seed=0, dtype="float64", **options)
    model.build(np.shape(weights[0])[:1])
    model.set_weights(weights)
    return model


@pytest.mark.lecture("T1.D1")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_logistic_sigmoid(dtype):
    """The sigmoid 1/(1 + e⁻ˣ) has the derivative σ(1 - σ) and saturates on both sides."""
    z = np.array([-1000, -20, -1, 0, 1, 20, 1000], dtype)
    tolerance = 20 * np.finfo(dtype).eps
    exact = 1 / (1 + np.exp(-z[1:-1].astype(float)))
    np.testing.assert_allclose(values("sigmoid", z), [0, *exact, 1], rtol=tolerance)
    # Where σ rounds to 1 the slope σ(1 - σ) is 0 up to one rounding of that 1.
    wanted = [0, *exact * (1 - exact), 0]
    np.testing.assert_allclose(slopes("sigmoid", z), wanted, rtol=tolerance, atol=tolerance / 20)


@pytest.mark.lecture("T1.D2")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_hyperbolic_tangent(dtype):
    """tanh is an activation of hidden units: an S from -1 to 1 with the derivative 1 - tanh²."""
    z = np.array([-1000, -2, -0.5, 0, 1e-3, 0.5, 2, 1000], dtype)
    tolerance = 20 * np.finfo(dtype).eps
    wide = z.astype(float)
    e = np.exp(-2 * abs(wide))
    exact = np.sign(wide) * (1 - e) / (1 + e)
    np.testing.assert_allclose(values("tanh", z), exact, rtol=1e-12 + tolerance)
    wanted = 1 - exact**2
    np.testing.assert_allclose(slopes("tanh", z), wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(values("tanh", z), 2 * values("sigmoid", 2 * z) - 1, atol=tolerance)


@pytest.mark.lecture("T1.D3")
def test_the_rectified_linear_unit_and_units_that_are_dead():
    """A ReLU is max(0, z): its gradient is 1 where it is active, and 0 where it is not."""
    z = np.array([-1000.0, -1, -0.0, 0, 1e-300, 2, 1000])
    np.testing.assert_array_equal(values("relu", z), [0, 0, 0, 0, 1e-300, 2, 1000])
    np.testing.assert_array_equal(slopes("relu", z), [0, 0, 0, 0, 1, 1, 1])
    assert "its derivative at 0 is 0" in pel.numpy.relu.__doc__

    # Units that no row activates are dead: counted from the hidden layer's outputs.
    x = np.random.default_rng(0).normal(size=(50, 3))
    w = np.random.default_rng(1).normal(size=(3, 6))
    b = np.array([0.1, -100, 0, -100, 0.2, 0])
    hidden = layer(6, "relu", [w, b])
    dead = (hidden.predict(x) == 0).all(axis=0)
    assert dead.tolist() == [False, True, False, True, False, False] and dead.sum() == 2
    # No gradient reaches a dead unit: training leaves its weights as they are.
    model = pel.Sequential([*hidden.layers, nn.Dense(1)], seed=0, dtype="float64")
    model.build((3,))
    model.set_weights([w, b, *model.get_weights()[2:]])
    model.compile(optim.SGD(0.1), "squared")
    model.fit(x, x[:, 0], batch_size=50, epochs=5, seed=0, verbose=0)
    moved = (model.get_weights()[0] != w).any(axis=0)
    assert moved.tolist() == (~dead).tolist()


@pytest.mark.lecture("T1.D5")
def test_linear_units():
    """A linear output unit is the identity: ŷ = wᵀh + b, with slope 1 everywhere."""
    z = np.array([-1000.0, -1, 0, 1e-9, 1000])
    np.testing.assert_array_equal(values("linear", z), z)
    np.testing.assert_array_equal(slopes("linear", z), np.ones(5))
    x = np.random.default_rng(0).normal(size=(8, 3))
    w, b = np.random.default_rng(1).normal(size=(3, 2)), np.array([0.5, -3])
    named, unnamed = layer(2, "linear", [w, b]), layer(2, None, [w, b])
    np.testing.assert_allclose(named.predict(x), x @ w + b, rtol=1e-12)
    np.testing.assert_array_equal(named.predict(x), unnamed.predict(x))
    assert len(named.graph().nodes) == len(unnamed.graph().nodes), "it costs no operation"


@pytest.mark.lecture("T1.D6")
def test_one_class_or_any_number_of_labels():
    """A softmax is for exactly one class, a vector of sigmoids for any number of labels."""
    x = np.random.default_rng(0).normal(size=(6, 4))
    several = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0], [0, 0, 1]])
    one = np.array([0, 2, 1, 1, 0, 2])

    softmax = pel.Sequential([nn.Dense(3, "softmax")], seed=0, dtype="float64")
    softmax.compile(optim.SGD(0.1), "cross_entropy")
    softmax.fit(x, one, verbose=0, seed=0)
    np.testing.assert_allclose(softmax.predict(x).sum(axis=1), 1, rtol=1e-14)
    with pytest.raises(pel.DataError, match="sum to 1") as caught:
        softmax.fit(x, several, verbose=0)
    assert "binary_cross_entropy" in str(caught.value)

    sigmoids = pel.Sequential([nn.Dense(3, "sigmoid")], seed=0, dtype="float64")
    sigmoids.compile(optim.SGD(1.0), "binary_cross_entropy")
    sigmoids.fit(x, several, batch_size=6, epochs=500, verbose=0, seed=0)
    p = sigmoids.predict(x)
    assert (abs(p.sum(axis=1) - 1) > 0.1).any()
    # The loss of a row is the sum over its labels, each a Bernoulli variable of its own.
    surprise = -np.log(np.where(several == 1, p, 1 - p)).sum(axis=1)
    assert sigmoids.evaluate(x, several)["loss"] == pytest.approx(surprise.mean(), rel=1e-10)
    with pytest.raises(pel.ShapeError, match="y must be"):
        sigmoids.fit(x, one, verbose=0)

    for activation, loss in (("softmax", "binary_cross_entropy"), ("sigmoid", "cross_entropy")):
        with pytest.raises(pel.ArgumentError, match="got a final"):
            pel.Sequential([nn.Dense(3, activation)]).compile(optim.SGD(0.1), loss)


@pytest.mark.lecture("T1.D7")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_softplus(dtype):
    """The softplus ln(1 + eᶻ) is positive and smooth, and its slope is the sigmoid."""
    z = np.array([-800, -30, -1, 0, 1, 30, 800], dtype)
    tolerance = 20 * np.finfo(dtype).eps
    exact = [0, *np.log1p(np.exp(z[1:-1].astype(float))), 800]
    np.testing.assert_allclose(values("softplus", z), exact, rtol=tolerance)
    np.testing.assert_allclose(slopes("softplus", z), values("sigmoid", z), rtol=tolerance)
    assert (values("softplus", z[1:]) > 0).all()


@pytest.mark.lecture("T1.D8")
def test_a_gaussian_output_learns_how_uncertain_it_is():
    """A Gaussian output gives the mean and the variance of what is to be expected."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1000, 1))
    deviation = np.where(x > 0, 0.5, 0.1)
    t = np.sin(2 * x) + deviation * rng.normal(size=x.shape)
    model = pel.Sequential([nn.Dense(16, "tanh"), nn.Dense(2)], seed=0, dtype="float64")
    model.compile(optim.Adam(optim.Cosine(0.02, 1500)), "gaussian")
    model.fit(x, t, batch_size=200, epochs=300, seed=0, verbose=0)
    there = np.array([[-0.8], [-0.5], [0.5], [0.8]])
    mean, raw = model.predict(there).T
    np.testing.assert_allclose(mean, np.sin(2 * there[:, 0]), atol=0.1)
    np.testing.assert_allclose(np.sqrt(np.log1p(np.exp(raw))), [0.1, 0.1, 0.5, 0.5], rtol=0.2)


@pytest.mark.slow
@pytest.mark.lecture("T1.D9")
@pytest.mark.lecture("T1.K.mixture-precision")
def test_a_mixture_output_answers_with_several_branches():
    """A Gaussian mixture output has softmax weights, linear means and softplus precisions 1/σ²."""
    # An inverse problem: x is a function of t, up to noise, and several t belong to one x.
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 1, (600, 1))
    x = t + 0.3 * np.sin(2 * np.pi * t) + rng.uniform(-0.1, 0.1, t.shape)
    mixture = nn.GaussianMixture(3)
    measured = {}
    for loss, units in ((nn.Gaussian(), 2), (mixture, 9)):
        model = pel.Sequential([nn.Dense(12, "tanh"), nn.Dense(units)], seed=0, dtype="float64")
        model.compile(optim.Adam(optim.Cosine(0.03, 1500)), loss)
        model.fit(x, 10 * t, batch_size=600, epochs=1500, seed=0, verbose=0)
        measured[loss] = model.evaluate(x, 10 * t)["loss"]
    assert measured[mixture] < measured[nn.Gaussian()] - 0.5

    z = model.predict([[0.5]])
    weights, means, precisions = (np.asarray(part) for part in mixture.mixture(pel.Tensor(z)))
    np.testing.assert_allclose(weights, np.exp(z[:, :3]) / np.exp(z[:, :3]).sum(), rtol=1e-12)
    np.testing.assert_array_equal(means[0, :, 0], z[0, 3:6])
    np.testing.assert_allclose(precisions, np.log1p(np.exp(z[:, 6:])), rtol=1e-12)
    branches = np.sort(means[0, weights[0] > 0.1, 0])
    assert branches[-1] - branches[0] > 3, "at x = 0.5, t lies near 2 or near 8 of 10"
    # By log-sum-exp: so far from every mean e^(-apart) is 0, and its logarithm still is right.
    far = mixture.per_row(pel.Tensor([[1000.0]]), pel.Tensor(np.zeros((1, 9))))
    precision = np.log(2)  # softplus(0)
    apart = 0.5 * (np.log(2 * np.pi / precision) + precision * 1000.0**2)
    np.testing.assert_allclose(np.asarray(far), [apart], rtol=1e-14)
