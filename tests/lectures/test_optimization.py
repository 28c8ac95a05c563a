"""What the lectures say of descent: its direction, its batches, its rate, and where it ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.nn import Dense

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
LABELS = np.array([0, 1, 1, 0])


@pytest.mark.lecture("T1.H1")
def test_a_small_step_against_the_sign_of_the_derivative_lowers_the_function():
    """f(x - ε·sign f′(x)) < f(x) for small ε, wherever f′(x) is not 0."""

    def f(x):
        return x**4 - 3 * x**2 + np.sin(4 * x)

    slope = pel.grad(f)
    for x in np.linspace(-2, 2, 41):
        d = float(slope(x))
        assert abs(d) > 1e-3
        assert f(x - 1e-5 * np.sign(d)) < f(x) < f(x + 1e-5 * np.sign(d))


@pytest.mark.lecture("T1.H1")
def test_the_negative_gradient_is_the_direction_of_steepest_descent():
    """Of all directions the negative gradient lowers the function fastest: by its own norm."""

    def f(w):
        return np.sum(np.sin(w)) + np.prod(w) + np.sum(w**2 * np.arange(1.0, 4))

    rng = np.random.default_rng(0)
    for _ in range(5):
        w = rng.normal(size=3)
        g = np.asarray(pel.grad(f)(w))
        norm = np.linalg.norm(g)
        steepest = float(pel.jvp(f, (w,), (-g / norm,))[1])
        assert steepest == pytest.approx(-norm, rel=1e-12)
        for direction in rng.normal(size=(20, 3)):
            unit = direction / np.linalg.norm(direction)
            assert steepest < float(pel.jvp(f, (w,), (unit,))[1])


@pytest.mark.lecture("T1.H1")
def test_one_step_is_the_weights_less_the_rate_times_the_gradient():
    """Gradient descent is θ ← θ - η∇E, and with a small rate each step lowers E."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(30, 3)), rng.normal(size=30)
    model = pel.Sequential([Dense(1)], seed=0, dtype="float64")
    model.compile(optim.SGD(0.05), "squared")
    model.build((3,))
    W, b = model.get_weights()

    def error(W, b):
        return np.mean((x @ W + b - t[:, None]) ** 2)

    dW, db = pel.grad(error, (0, 1))(W, b)
    losses = model.fit(x, t, batch_size=30, epochs=20, seed=0, verbose=0).steps["loss"]
    assert (np.diff(losses) < 0).all()
    model.set_weights([W, b])
    model.fit(x, t, batch_size=30, seed=0, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], W - 0.05 * dW, rtol=1e-12)
    np.testing.assert_allclose(model.get_weights()[1], b - 0.05 * db, rtol=1e-12)


@pytest.mark.lecture("T1.H2")
def test_batch_stochastic_and_minibatch_are_one_switch():
    """Batch, stochastic and minibatch learning differ in how many rows an update takes."""
    rng = np.random.default_rng(0)
    n = 23
    x, t = rng.normal(size=(n, 3)), rng.normal(size=n)
    start = rng.normal(size=(3, 1))

    def trained(batch, seed, rate=0.1):
        model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
        model.compile(optim.SGD(rate), "half_squared")
        model.build((3,))
        model.set_weights([start])
        history = model.fit(x, t, batch_size=batch, seed=seed, verbose=0)
        return model.get_weights()[0], len(history.steps["step"])

    for batch, updates in ((1, 23), (10, 3), (n, 1)):
        assert trained(batch, 0)[1] == updates
    # The whole batch takes the mean over all rows, so their order does not matter.
    each = (x @ start - t[:, None]) * x
    np.testing.assert_allclose(trained(n, 0)[0], start - 0.1 * each.mean(0)[:, None], rtol=1e-12)
    np.testing.assert_allclose(trained(n, 1)[0], trained(n, 0)[0], rtol=1e-12)
    # A sample of one or ten is random: another seed goes another way.
    for batch in (1, 10):
        assert np.abs(trained(batch, 0)[0] - trained(batch, 1)[0]).max() > 1e-4
    # Each row is taken once an epoch: at a tiny rate the steps of one add up to n of the mean.
    tiny = 1e-7
    moved = (start - trained(1, 0, tiny)[0]) / tiny
    np.testing.assert_allclose(moved, each.sum(0)[:, None], rtol=1e-4)


def correlated(n=200, correlation=0.98):
    """Two inputs of mean 0 and variance 1 that say nearly the same, and targets without noise."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 2))
    x = np.stack([z[:, 0], correlation * z[:, 0] + np.sqrt(1 - correlation**2) * z[:, 1]], axis=1)
    x = (x - x.mean(0)) / x.std(0)
    return x, x @ [1.0, -2.0]


def updates(x, t, optimizer, most):
    """How many full updates take the loss to a millionth."""
    model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    model.compile(optimizer, "half_squared")
    model.build((2,))
    model.set_weights([np.zeros((2, 1))])
    losses = model.fit(x, t, batch_size=len(x), epochs=most, seed=0, verbose=0).steps["loss"]
    (below,) = np.nonzero(np.array(losses) < 1e-6 * losses[0])
    return int(below[0])


@pytest.mark.lecture("T1.H8")
def test_correlated_data_are_slow_for_steepest_descent_and_less_so_with_momentum():
    """Correlated data make steepest descent slow; momentum helps, whitening leaves one step."""
    x, t = correlated()
    hessian = pel.hessian(lambda w: 0.5 * np.mean((x @ w - t) ** 2))(np.zeros(2))
    values, vectors = np.linalg.eigh(np.asarray(hessian))
    assert values[1] / values[0] > 90  # an ellipse ten times as long as it is wide
    root = np.sqrt(values)
    # Each method at its own best rate, which the eigenvalues give.
    plain = updates(x, t, optim.SGD(2 / values.sum()), 500)
    momentum = ((root[1] - root[0]) / root.sum()) ** 2
    heavy = updates(x, t, optim.SGD((2 / root.sum()) ** 2, momentum=momentum), 500)
    white = updates(x @ vectors / root, t, optim.SGD(1.0), 5)
    assert plain > 250 and heavy < plain / 4 and white == 1
    # Without correlation steepest descent needs a few steps only.
    assert updates(*correlated(correlation=0.0), optim.SGD(1.0), 100) < 10


@pytest.mark.slow
@pytest.mark.lecture("T1.H9")
def test_where_descent_ends_depends_on_where_it_starts():
    """With two hidden units, XOR has local minima: the initial weights decide which is reached."""
    ends = []
    for seed in range(6):
        model = pel.Sequential(
            [Dense(2, activation="tanh", kernel_initializer=nn.Normal(1.0)), Dense(1)],
            seed=seed,
            dtype="float64",
        )
        model.compile(optim.SGD(0.5), "binary_cross_entropy")
        model.fit(XOR, LABELS, batch_size=4, epochs=2000, seed=0, verbose=0)
        before = model.get_weights()
        model.fit(XOR, LABELS, batch_size=4, seed=0, verbose=0)
        pairs = zip(before, model.get_weights(), strict=True)
        assert max(np.abs(a - b).max() for a, b in pairs) < 1e-3  # it stands still, nearly
        ends.append(model.evaluate(XOR, LABELS)["loss"])
    solved = [end for end in ends if end < 0.01]
    # The other minimum gives two of the four rows the same ½: ½·ln 2 a row.
    stuck = [end for end in ends if end == pytest.approx(0.5 * np.log(2), abs=0.005)]
    assert solved and stuck and len(solved) + len(stuck) == len(ends)


@pytest.mark.lecture("T1.H9")
def test_critical_points_are_minima_maxima_and_saddles():
    """Where the gradient is 0 lies a minimum, a maximum or a saddle: the Hessian tells which."""

    def f(w):
        return (w[0] ** 2 - 1) ** 2 + 0.3 * w[0] ** 3 - 0.9 * w[0] + w[1] ** 2

    kinds = {}
    for w0 in (-1.0, -0.225, 1.0):  # the roots of 4w³ + 0.9w² - 4w - 0.9
        w = np.array([w0, 0.0])
        np.testing.assert_allclose(pel.grad(f)(w), 0, atol=1e-14)
        signs = np.sign(np.linalg.eigvalsh(np.asarray(pel.hessian(f)(w))))
        kinds[w0] = {2: "minimum", 0: "saddle", -2: "maximum"}[int(signs.sum())]
    assert kinds == {-1.0: "minimum", -0.225: "saddle", 1.0: "minimum"}
    upside_down = pel.hessian(lambda w: -f(w))(np.array([1.0, 0.0]))
    assert np.linalg.eigvalsh(np.asarray(upside_down)).max() < 0  # a maximum
    assert float(f([1.0, 0.0])) < float(f([-1.0, 0.0]))  # one is local, the other global
    step = pel.jit(lambda w: w - 0.05 * pel.grad(f)(w))
    for start, end in ((-0.3, -1.0), (-0.15, 1.0)):
        w = np.array([start, 0.5])
        for _ in range(300):
            w = step(w)
        np.testing.assert_allclose(w, [end, 0], atol=1e-6)


@pytest.mark.lecture("T1.H10")
def test_the_noise_of_small_batches_leaves_a_local_minimum():
    """The randomness of small batches helps to escape a local minimum where batch descent stays."""
    rng = np.random.default_rng(0)
    n = 20
    tilts = rng.normal(size=n)
    tilts = 4 * (tilts - tilts.mean()) / tilts.std()

    def two_wells(tilt, w):
        """Wells near -0.84, shallow, and 1.11, deep; each row tilts them, their mean does not."""
        w = w[:, 0]
        return 0.25 * (w**2 - 1) ** 2 - 0.25 * w + tilt[:, 0] * w

    model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    model.compile(optim.SGD(0.05), two_wells)
    model.build((1,))

    def end(batch, start, seed=0):
        model.set_weights([[[start]]])
        model.fit(np.ones((n, 1)), tilts, batch_size=batch, epochs=100, seed=seed, verbose=0)
        return float(model.get_weights()[0][0, 0])

    def slope(w):
        return w**3 - w - 0.25

    shallow, deep = end(n, -1.0), end(n, 1.0)
    assert abs(slope(shallow)) < 1e-3 and abs(slope(deep)) < 1e-3
    assert shallow == pytest.approx(-0.8376, abs=1e-2) and deep == pytest.approx(1.1072, abs=1e-2)
    ends = [end(1, -1.0, seed) for seed in range(20)]
    assert sum(w > 0 for w in ends) >= 18
    # It is the noise that does it: half the rows at a time do not get out.
    assert all(end(10, -1.0, seed) < 0 for seed in range(5))


@pytest.mark.slow
@pytest.mark.lecture("T1.H13")
def test_rate_and_batch_size_are_chosen_by_the_validation_error():
    """Batch size and learning rate are hyper-parameters: the validation error chooses them."""
    data = pel.data.load_digits(seed=0)
    x, y = data.x_train, data.y_train
    validation, test = {}, {}
    for rate, batch in itertools.product((0.001, 0.03, 1.0), (1, 8, 64)):
        model = pel.Sequential([nn.Rescale(1 / 16), nn.Flatten(), Dense(10)], seed=0)
        model.compile(optim.SGD(rate), "cross_entropy", metrics=["accuracy"])
        model.fit(x[:500], y[:500], batch_size=batch, epochs=5, seed=0, verbose=0)
        validation[rate, batch] = 1 - model.evaluate(x[500:900], y[500:900])["accuracy"]
        test[rate, batch] = 1 - model.evaluate(data.x_test, data.y_test)["accuracy"]
    chosen = min(validation, key=validation.__getitem__)
    assert test[chosen] <= min(test.values()) + 0.02
    assert test[chosen] < 0.1 < 0.8 < max(test.values())

    def best_rate(batch):
        return min((0.001, 0.03, 1.0), key=lambda rate: validation[rate, batch])

    # They are chosen together: larger batches, of which an epoch has fewer, want larger rates.
    assert best_rate(1) < best_rate(64)
