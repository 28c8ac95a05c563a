"""What the lectures say of regularisation: priors, dropout, and the error that it lowers."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid.nn import Dense, Dropout, Polynomial
from pellucid.nn.regularizers import L2
from pellucid.ops.random import Key


@pytest.mark.lecture("T1.F3")
def test_an_l2_penalty_is_a_gaussian_prior_up_to_a_constant():
    """From a Bayesian perspective, an L2 penalty is a Gaussian prior on the parameters."""
    strength = 0.7
    penalty = pel.jit(lambda w: L2(strength).penalty(pel.Tensor(strength), w))
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(5):
        w = rng.normal(size=(4, 3))
        # ln N(w; 0, 1/λ), element by element
        log_prior = np.sum(0.5 * np.log(strength / (2 * np.pi)) - 0.5 * strength * w**2)
        gaps.append(float(penalty(w)) + log_prior)
    np.testing.assert_allclose(gaps, 6 * np.log(strength / (2 * np.pi)), rtol=1e-6)


@pytest.mark.lecture("T1.F3")
def test_training_with_the_penalty_finds_the_most_probable_weights():
    """Minimising the NLL with an L2 penalty maximises the posterior: it is the MAP estimate."""
    rng = np.random.default_rng(1)
    n, noise, spread = 30, 0.5, 0.8  # the deviations of the targets and of the prior
    x = rng.normal(size=(n, 3))
    t = x @ rng.normal(0, spread, 3) + rng.normal(0, noise, n)

    def log_posterior(w):
        """ln p(t | x, w) + ln p(w), without what does not move with w."""
        return -np.sum((t - x @ w) ** 2) / (2 * noise**2) - np.sum(w * w) / (2 * spread**2)

    # -σ²/n · ln posterior is the mean of ½(y - t)² and (λ/2)‖w‖² with λ = σ²/(n·τ²).
    model = pel.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    penalty = L2(noise**2 / (n * spread**2))
    model.compile(pel.optim.SGD(0.3), "half_squared", regularizer=penalty)
    model.fit(x, t, batch_size=n, epochs=300, seed=0, verbose=0)
    found = model.get_weights()[0].ravel()
    np.testing.assert_allclose(pel.grad(log_posterior)(found), 0, atol=1e-9)
    # Its curvature is negative in every direction: this is the one maximum.
    assert np.linalg.eigvalsh(np.asarray(pel.hessian(log_posterior)(found))).max() < 0
    # The prior draws the weights towards 0 from those of greatest likelihood.
    likeliest = np.linalg.lstsq(x, t, rcond=None)[0]
    assert np.linalg.norm(found) < np.linalg.norm(likeliest)


def dropped(x, seed=3, step=0, rate=0.4):
    """The graph of dropout as a function of (x, seed, step), with the value of every node."""

    def function(x, seed, step):
        key = Key(seed, step, "drop")
        return Dropout(rate).apply({}, {}, x, train=True, key=key)[0]

    return pel.show(function, x, np.array(seed), np.array(step))


@pytest.mark.lecture("T1.F5")
def test_the_mask_of_dropout_is_a_node_of_the_graph():
    """Dropout is a mask that stands in the graph with its values, and gradients obey it too."""
    x = np.arange(1.0, 13).reshape(3, 4)
    found = dropped(x)
    place = next(i for i, n in enumerate(found.graph.nodes) if n.type.dtype.name == "bool")
    mask = found.values[place]
    assert 0 < mask.sum() < mask.size
    np.testing.assert_allclose(found.values[-1], np.where(mask, x / 0.6, 0), rtol=1e-14)
    assert str(mask[0].tolist()) in str(found)

    def total(x):
        key = Key(pel.Tensor(3), pel.Tensor(0), "drop")
        return Dropout(0.4).apply({}, {}, x, train=True, key=key)[0].sum()

    np.testing.assert_allclose(pel.grad(total)(x), mask / 0.6, rtol=1e-14)


@pytest.mark.lecture("T1.F5")
def test_dropout_keeps_the_mean_and_its_masks_follow_from_seed_and_step():
    """Dropout keeps the mean; the same seed and step draw the same mask, another step another."""
    x = np.ones((200, 100))
    out = dropped(x).values[-1]
    np.testing.assert_array_equal(out, dropped(x).values[-1])
    for other in (dropped(x, step=1), dropped(x, seed=4)):
        assert 0.4 < np.mean(other.values[-1] == out) < 0.6  # 0.4² + 0.6² = 0.52 by chance
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.6])
    # 20,000 elements: the share of zeros deviates by √(0.4·0.6/20,000) = 0.0035.
    assert np.mean(out == 0) == pytest.approx(0.4, abs=0.014)
    assert out.mean() == pytest.approx(1, abs=0.023)


@pytest.mark.slow
@pytest.mark.lecture("T1.F5")
def test_dropout_is_for_training_and_prediction_goes_without():
    """Dropout acts in training alone: a prediction uses all units and no random number."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.integers(0, 3, 40)
    model = pel.Sequential([Dense(8, activation="relu"), Dropout(0.5), Dense(3)], seed=0)
    plain = pel.Sequential([Dense(8, activation="relu"), Dense(3)], seed=0)
    for one in (model, plain):
        one.compile(pel.optim.SGD(0.1), "cross_entropy")
        one.build((5,))
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))
    assert model.evaluate(x, y) == plain.evaluate(x, y)
    random = {
        name: [n.op for n in one.training_graph(x, y).nodes].count("uniform")
        for name, one in (("dropout", model), ("plain", plain))
    }
    assert random == {"dropout": 1, "plain": 0}
    for one in (model, plain):
        one.fit(x, y, batch_size=40, seed=0, verbose=0)
    assert np.abs(model.get_weights()[2] - plain.get_weights()[2]).max() > 1e-3


def noisy_sine(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 1))
    return x, np.sin(3 * x) + rng.normal(0, 0.3, (n, 1))


@pytest.mark.slow
@pytest.mark.lecture("T1.F8")
def test_a_regulariser_lowers_the_generalisation_error_and_not_the_training_error():
    """A regulariser lowers the generalisation error, but not the training error."""
    few, held = noisy_sine(12, seed=0), noisy_sine(500, seed=1)
    training, generalisation = [], []
    for strength in (0.0, 1e-2, 1.0):  # overfits, fits, underfits
        model = pel.Sequential([Polynomial(9), Dense(1)], seed=0, dtype="float64")
        model.compile(
            pel.optim.SGD(0.02, momentum=0.99),
            "squared",
            metrics=["squared_error"],
            regularizer=L2(strength),
        )
        model.fit(*few, batch_size=12, epochs=10_000, seed=0, verbose=0)
        training.append(model.evaluate(*few)["squared_error"])
        generalisation.append(model.evaluate(*held)["squared_error"])
    assert training[0] < training[1] < training[2]
    over, right, under = generalisation
    assert right < over / 2 and right < under / 2
    # Without it the fit is better than the noise allows, and the next points are missed.
    assert training[0] < 0.3**2 < over
