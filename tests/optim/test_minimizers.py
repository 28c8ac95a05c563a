"""L-BFGS, Newton and perturbation: PyTorch's iterates, exact steps, training, resuming."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError
from pellucid.optim import Objective

C, A = np.array([1.0, 10.0, 0.1]), np.array([0.5, -1.0, 2.0])


def waves(w):
    return np.sum(C * (w - A) ** 2) + np.sum(np.sin(3 * w))


def valley(w):
    """Rosenbrock's in four dimensions."""
    return np.sum(100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2)


def steps(optimizer, function, start, count):
    """The iterates, and how often the gradient was asked for."""
    measure, asked = pel.jit(pel.value_and_grad(function)), [0]

    def slope_at(w):
        asked[0] += 1
        value, slope = measure(w)
        return float(value), slope

    w, found = np.array(start), []
    slots = {name: np.zeros((10, len(w))) for name in optimizer.history}
    for number in range(count):
        value, slope = measure(w)
        here = Objective(
            w,
            float(value),
            slope,
            lambda w: float(measure(w)[0]),
            slope_at,
            lambda v, w=w: pel.hvp(function, (w,), (v,)),
        )
        w, slots = optimizer.minimize_step(
            here, slots, optimizer.rate(0), np.random.default_rng(number)
        )
        found.append(w)
    return found, asked[0]


def test_lbfgs_takes_pytorchs_steps():
    """torch.optim.LBFGS(lr=1, max_iter=1, line_search_fn="strong_wolfe"), float64, steps 1-3, 5."""
    found, _ = steps(optim.LBFGS(), waves, [1.0, -2.0, 3.0], 100)
    known = {
        1: [1.0911062516829437, -1.2082688790347529, 3.117162627351809],
        2: [1.2904484977565254, -0.6326096070271955, 3.4348934701046403],
        3: [1.2829204675248265, -0.861541119356565, 3.438012907745107],
        5: [1.3687380869356587, -0.8711668208064746, 3.6397933420911706],
    }
    for step, w in known.items():
        np.testing.assert_allclose(found[step - 1], w, rtol=1e-12)
    # From there on both end in the same minimum; the searches stop by other rules.
    end = [1.365719642140553, -0.8705700339960221, 3.6289216419603023]
    np.testing.assert_allclose(found[-1], end, rtol=1e-7)


def test_lbfgs_walks_the_valley():
    start = [-1.2, 1.0, 0.5, 2.0]
    found, asked = steps(optim.LBFGS(), valley, start, 60)
    assert np.abs(pel.grad(valley)(found[-1])).max() < 1e-5
    assert asked < 200
    plain = np.array(start)
    for _ in range(200):
        plain = plain - 1e-3 * pel.grad(valley)(plain)
    assert valley(found[-1]) < valley(plain) - 0.01
    assert all(valley(b) <= valley(a) for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("optimizer", [optim.LBFGS(), optim.Newton()])
def test_a_minimum_is_left_alone(optimizer):
    found, _ = steps(optimizer, lambda w: np.sum((w - A) ** 2), A, 2)
    np.testing.assert_array_equal(found[-1], A)


@pytest.mark.lecture("T1.H5")
def test_newton_needs_one_step_on_a_quadratic():
    """The best rate is the inverse of the second derivative: one step reaches the minimum."""
    matrix = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    found, _ = steps(optim.Newton(), lambda w: np.sum((w @ matrix) * w) / 2 - np.sum(A * w), C, 1)
    np.testing.assert_allclose(found[0], np.linalg.solve(matrix, A), rtol=1e-12)


def test_newton_leaves_a_saddle():
    """At (0.1, 0) of x² - y² + y⁴ the Hessian is indefinite; the step still goes down."""

    def saddle(w):
        return w[0] ** 2 - w[1] ** 2 + w[1] ** 4

    found, _ = steps(optim.Newton(), saddle, [0.1, 1e-3], 30)
    np.testing.assert_allclose(np.abs(found[-1]), [0, np.sqrt(0.5)], atol=1e-6)


@pytest.mark.lecture("T1.G4")
def test_perturbation_accepts_what_improves_and_nothing_else():
    """Make small changes to the weights and accept those that improve: never worse, and slow."""
    found, asked = steps(optim.Perturb(0.3), waves, [1.0, -2.0, 3.0], 300)
    values = [waves(w) for w in found]
    assert all(b <= a for a, b in itertools.pairwise(values))
    assert len(set(values)) < 150 and asked == 0
    assert values[-1] < values[0] - 10
    one, _ = steps(optim.Perturb(0.3, coordinates=1), waves, [1.0, -2.0, 3.0], 20)
    moved = [np.count_nonzero(b - a) for a, b in itertools.pairwise(one)]
    assert set(moved) == {0, 1}


RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.8).astype(int)


def model(optimizer, dtype="float64", **compiled):
    net = pel.Sequential([nn.Dense(5, "tanh", name="h"), nn.Dense(2)], seed=0, dtype=dtype)
    net.compile(optimizer, **{"loss": "cross_entropy", "metrics": ["accuracy"], **compiled})
    return net


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_lbfgs_trains_in_fewer_epochs_than_descent(dtype):
    quick, slow = model(optim.LBFGS(), dtype), model(optim.SGD(0.5), dtype)
    for net in (quick, slow):
        net.fit(X, Y, batch_size="all", epochs=40, verbose=0, seed=0)
    ours, theirs = quick.history.epochs["loss"], slow.history.epochs["loss"]
    assert len(quick.history.steps["loss"]) == 40
    assert ours[-1] < 0.1 * theirs[-1] and ours[-1] < 0.05


@pytest.mark.parametrize("name", ["lbfgs", "newton", "perturb"])
def test_a_run_resumes_to_the_same_bits(name, tmp_path):
    penalty = nn.L2(0.01)
    whole, half = model(name, regularizer=penalty), model(name, regularizer=penalty)
    whole.fit(X, Y, epochs=6, verbose=0, seed=3)
    half.fit(X, Y, epochs=3, verbose=0, seed=3, checkpoint=tmp_path / "c.safetensors")
    rest = pel.load(tmp_path / "c.safetensors")
    rest.fit(X, Y, epochs=6, verbose=0, resume=True)
    for a, b in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert rest.history.epochs == whole.history.epochs


def test_dropout_draws_one_mask_a_step_and_statistics_run_on():
    net = pel.Sequential(
        [nn.Dense(6, "tanh"), nn.BatchNorm(), nn.Dropout(0.3), nn.Dense(2)], seed=0, dtype="float64"
    )
    net.compile(optim.LBFGS(), loss="cross_entropy")
    net.fit(X, Y, epochs=4, verbose=0, seed=0)
    assert np.isfinite(net.history.steps["loss"]).all()
    assert net.state["batch_norm_1"]["mean"].any()


def test_frozen_layers_stay():
    net = model(optim.LBFGS(), rates={"h": 0})
    net.build((4,))
    start = net.get_weights()
    net.fit(X, Y, epochs=5, verbose=0, seed=0)
    same = [np.array_equal(a, b) for a, b in zip(start, net.get_weights(), strict=True)]
    assert same == [True, True, False, False]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="clip_norm must be None, got 1"):
        optim.LBFGS(clip_norm=1.0)
    with pytest.raises(ArgumentError, match="memory must be in"):
        optim.LBFGS(memory=0)
    with pytest.raises(ArgumentError, match="coordinates must be at least 1"):
        optim.Perturb(coordinates=0)
    with pytest.raises(ArgumentError, match="penalties that are part of the objective, got L1"):
        model(optim.LBFGS(), regularizer=nn.L1(0.1, proximal=True))
    for call in (lambda: optim.LBFGS().init(C), lambda: optim.Newton().update(C, {}, C)):
        with pytest.raises(ArgumentError, match=r"several times a step.*Train with fit"):
            call()
    with pytest.raises(ArgumentError, match="10 weights at most, got 37"):
        model(optim.Newton(max_weights=10)).fit(X, Y, verbose=0)


def test_perturbation_changes_as_many_weights_as_it_says():
    for count in (2, 3, 4):
        found, _ = steps(optim.Perturb(0.3, coordinates=count), waves, [1.0, -2.0, 3.0], 40)
        moved = {np.count_nonzero(b - a) for a, b in itertools.pairwise(found)}
        assert moved == {0, min(count, 3)}


def test_a_perturbation_is_as_wide_as_its_rate():
    def falling(w):
        return -np.sum(w)

    found, _ = steps(optim.Perturb(0.01), falling, np.zeros(500), 40)
    kept = [np.std(b - a) for a, b in itertools.pairwise(found) if (b != a).any()]
    assert 0.009 < np.mean(kept) < 0.011
    still, _ = steps(optim.Perturb(0.0), falling, np.zeros(3), 2)
    assert not still[-1].any()


def test_newton_halves_until_the_objective_falls_enough():
    """From 2 on √(1 + w²) the full step goes to -8; α = 1/2 gives -3, α = 1/4 gives -1/2."""

    def bowl(w):
        return np.sum(np.sqrt(1 + w**2))

    found, _ = steps(optim.Newton(), bowl, [2.0], 1)
    np.testing.assert_allclose(found[0], [-0.5], rtol=1e-12)
    found, _ = steps(optim.Newton(0.125), bowl, [2.0], 1)  # the first α is the rate
    np.testing.assert_allclose(found[0], [0.75], rtol=1e-12)
    fitting, _ = steps(optim.Newton(max_weights=2), lambda w: np.sum(w**2), [2.0, 1.0], 1)
    np.testing.assert_allclose(fitting[0], 0, atol=1e-12)
    with pytest.raises(ArgumentError, match="must have 1 weights at most, got 2"):
        steps(optim.Newton(max_weights=1), lambda w: np.sum(w**2), [2.0, 1.0], 1)


def test_lbfgs_keeps_as_many_pairs_as_fit_and_forgets_where_none_helps():
    optimizer = optim.LBFGS(memory=2)
    w, slots = np.array([1.0, -2.0, 3.0]), {name: np.zeros((2, 3)) for name in optimizer.history}
    points = [w]
    for _ in range(4):
        value, slope = pel.value_and_grad(waves)(w)
        here = Objective(
            w,
            float(value),
            slope,
            lambda w: float(waves(w)),
            lambda w: pel.value_and_grad(waves)(w),
            lambda v: v,
        )
        w, slots = optimizer.minimize_step(here, slots, 1.0, np.random.default_rng(0))
        points.append(w)
    assert slots["moves"].shape == (2, 3)
    np.testing.assert_allclose(slots["moves"], np.diff(points, axis=0)[-2:], rtol=1e-12)
    slopes = [pel.grad(waves)(point) for point in points]
    np.testing.assert_allclose(slots["changes"], np.diff(slopes, axis=0)[-2:], rtol=1e-12)
    worse = Objective(w, -1e9, slope, lambda w: 0.0, lambda w: (0.0, slope), lambda v: v)
    same, empty = optimizer.minimize_step(worse, slots, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(same, w)
    assert not empty["moves"].any()
    assert not empty["changes"].any()


@pytest.mark.parametrize("optimizer", [optim.LBFGS(), optim.Newton(), optim.Perturb()])
def test_a_first_batch_that_is_not_finite_is_refused_by_name(optimizer):
    """There is no step before it whose measures would tell how many there are."""
    x = np.ones((4, 2), np.float32)
    x[1, 0] = np.nan
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile(optimizer, "squared")
    with pytest.raises(DataError, match=r"x must be finite, got nan in row 1"):
        model.fit(x, np.ones(4), verbose=0, backend="interpreter")
