"""The learning-rate range test."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = X @ np.array([[1.0], [-2.0], [0.5]])


def model(optimizer=None):
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optimizer or optim.SGD(0.1, momentum=0.5), loss="half_squared")
    return net


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_the_rates_grow_until_the_loss_does(backend):
    net = model(optim.SGD(0.1))
    net.fit(X, Y, verbose=0, epochs=0)
    before, history = net.get_weights(), net.history
    found = pel.rate_range(net, X, Y, lowest=1e-5, highest=1e3, steps=60, seed=0, backend=backend)
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e8) / 59, rtol=1e-9)
    assert found.rates[0] == pytest.approx(1e-5) and 20 < len(found.rates) < 60
    assert len(found.losses) == len(found.smoothed) == len(found.rates)
    # It ends beyond 2/H, where descent diverges, and proposes a rate below it.
    limit = 2 / pel.curvature(net.objective(X, Y), (net.params,)).value
    assert found.rates[-1] > limit > found.suggestion > 1e-3
    for a, b in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert net.history is history and net.optimizer == optim.SGD(0.1)
    # The first losses are those of a run at these rates.
    again = model(optim.SGD(optim.Exponential(1e-5, 1e8 ** (1 / 59))))
    again.build((3,))
    steps = again.fit(X, Y, epochs=2, seed=0, verbose=0).steps["loss"]
    np.testing.assert_allclose(found.losses[:10], steps[:10], rtol=1e-12)


def test_the_curve_is_written_and_an_overwrite_asked_for(tmp_path):
    pytest.importorskip("matplotlib")
    found = pel.rate_range(model(), X, Y, steps=20, seed=0)
    found.save(tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ArgumentError, match="overwrite"):
        found.save(tmp_path / "r.png")


def test_without_matplotlib_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(pel.MissingPackageError, match=r"pip install 'pellucid\[plot\]'"):
        pel.models.RateRange([1.0], [1.0], [1.0], None).save(tmp_path / "r.png")
    assert not list(tmp_path.iterdir())


def test_rates_that_lower_nothing_suggest_nothing():
    solved = model()
    solved.build((3,))
    solved.set_weights([np.array([[1.0], [-2.0], [0.5]]), np.zeros(1)])
    assert pel.rate_range(solved, X, Y, steps=10, seed=0).suggestion is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lowest": 0}, r"lowest must lie in \(0, inf\), got 0"),
        ({"lowest": 1.0, "highest": 0.5}, "highest must lie in"),
        ({"steps": 3}, "steps must be in"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"stepps": 3}, "unknown argument 'stepps'"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(ArgumentError, match=words):
        pel.rate_range(model(), X, Y, **options)


def test_it_wants_a_compiled_model_with_steps():
    with pytest.raises(ArgumentError, match="model must be compiled"):
        pel.rate_range(pel.Sequential([nn.Dense(1)]), X, Y)
    with pytest.raises(ArgumentError, match="LBFGS searches for the length"):
        pel.rate_range(model(optim.LBFGS()), X, Y)
