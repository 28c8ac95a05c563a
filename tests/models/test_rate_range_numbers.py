"""The range test by hand: rates, smoothing, the suggestion, where it ends, and its arguments."""

import inspect

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([[1.0], [-2.0], [0.5]])


def model(optimizer=None, loss="squared"):
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optimizer or optim.SGD(0.1), loss)
    return net


def found(**how):
    options = {"seed": 0, "backend": "interpreter", "steps": 20, "batch_size": 8, **how}
    return pel.rate_range(model(), X, Y, **options)


def test_defaults():
    parameters = inspect.signature(pel.rate_range).parameters
    assert {name: each.default for name, each in parameters.items()} == {
        "model": inspect.Parameter.empty,
        "x": inspect.Parameter.empty,
        "y": inspect.Parameter.empty,
        "lowest": 1e-6,
        "highest": 10.0,
        "steps": 100,
        "batch_size": 32,
        "seed": None,
        "backend": None,
        "device": None,
        "precision": None,
    }


def test_rates_smoothing_and_suggestion():
    result = found(lowest=1e-5, highest=0.1, batch_size=40)
    assert len(result.rates) == len(result.losses) == 20
    np.testing.assert_allclose(result.rates, np.geomspace(1e-5, 0.1, 20), rtol=1e-9)
    for step in range(1, 21):
        weights = 0.9 ** np.arange(step)[::-1]
        mean = (weights * result.losses[:step]).sum() / weights.sum()
        assert result.smoothed[step - 1] == pytest.approx(mean, rel=1e-9)
    place = int(np.argmin(result.smoothed))
    assert place > 0
    assert result.suggestion == pytest.approx(result.rates[place] / 10)


def test_where_the_loss_only_grows_nothing_is_suggested():
    result = found(lowest=1.0, highest=100.0)
    assert result.suggestion is None
    assert len(result.losses) < 20


def test_it_ends_where_the_loss_is_four_times_the_lowest():
    result = found(lowest=1e-3, highest=1e3, steps=60)
    losses = np.array(result.losses)
    worse = [
        step for step in range(11, len(losses) + 1) if losses[step - 1] > 4 * losses[:step].min()
    ]
    assert worse == [len(losses)]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"steps": 9}, "steps must be in \\[10, 1000000\\], got 9"),
        ({"steps": 10.0}, "steps must be a whole number"),
        ({"lowest": 0}, r"lowest must lie in \(0"),
        ({"lowest": 0.1, "highest": 0.1}, "highest must lie in"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"step": 3}, "Did you mean 'steps'"),
    ],
)
def test_arguments_that_do_not_fit(how, words):
    with pytest.raises(ArgumentError, match=words):
        found(**how)


def test_the_fewest_steps():
    assert len(found(steps=10, highest=0.01).losses) == 10
    assert len(found(steps=12, highest=0.01, batch_size=100).losses) == 12


def test_models_that_do_not_fit():
    for wrong in (pel.Sequential([nn.Dense(1)]), "model", None):
        with pytest.raises(ArgumentError, match="model must be compiled"):
            pel.rate_range(wrong, X, Y)
    with pytest.raises(ArgumentError, match="LBFGS searches for the length of its steps"):
        pel.rate_range(model(optim.LBFGS()), X, Y)


def test_the_model_is_left_as_it_is():
    net = model(optim.SGD(0.1, momentum=0.5))
    net.fit(X, Y, epochs=2, seed=1, verbose=0, backend="interpreter")
    before, history = net.get_weights(), net.history
    pel.rate_range(net, X, Y, steps=10, seed=0, backend="interpreter")
    for one, other in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert net.history is history
    assert net.optimizer == optim.SGD(0.1, momentum=0.5)
