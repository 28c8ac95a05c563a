"""Rates that fall on a plateau, and stopping at a value."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] - 2 * X[:, 1:2] + RNG.normal(size=(40, 1))


def model(rate=0.1, metrics=()):
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optim.SGD(rate), loss="squared", metrics=metrics)
    return net


class Rates(pel.Callback):
    """The scale after each epoch."""

    def __init__(self):
        self.seen = []

    def on_epoch(self, run):
        self.seen.append(run.rate_scale)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_the_rate_falls_where_the_loss_stands_still(backend):
    plateau = pel.ReduceOnPlateau("loss", factor=0.5, patience=2, min_delta=0.01, lowest=0.2)
    rates, net = Rates(), model()
    options = {"batch_size": "all", "verbose": 0, "seed": 0, "backend": backend}
    history = net.fit(X, Y, epochs=40, callbacks=[plateau, rates], **options)
    wanted, best, waited, scale = [], np.inf, 0, 1.0
    for value in history.epochs["loss"]:
        if value < best - 0.01:
            best, waited = value, 0
        elif (waited := waited + 1) == 2:
            scale, waited = max(scale / 2, 0.2), 0
        wanted.append(scale)
    assert rates.seen == wanted and wanted[-1] == plateau.scale == 0.2 and 1.0 in wanted
    # The last move is a fifth of the one that the whole rate would make.
    before = net.get_weights()
    again = model(0.1 * 0.2)
    again.build((3,))
    again.set_weights(before)
    again.fit(X, Y, epochs=1, **options)
    other = model()
    other.fit(
        X,
        Y,
        epochs=41,
        callbacks=pel.ReduceOnPlateau("loss", factor=0.5, patience=2, min_delta=0.01, lowest=0.2),
        **options,
    )
    np.testing.assert_allclose(other.get_weights()[0], again.get_weights()[0], rtol=1e-12)


def test_a_resumed_run_keeps_the_fallen_rate(tmp_path):
    def plateau():
        return pel.ReduceOnPlateau("val_loss", patience=1, min_delta=0.05)

    options = {"verbose": 0, "batch_size": 8, "validation_data": (X, Y)}
    whole, half = model(), model()
    whole.fit(X, Y, epochs=8, seed=0, callbacks=plateau(), **options)
    half.fit(X, Y, epochs=5, seed=0, callbacks=plateau(), checkpoint=tmp_path / "c.st", **options)
    rest = pel.load(tmp_path / "c.st")
    seen = Rates()
    rest.fit(X, Y, epochs=8, callbacks=[plateau(), seen], resume=True, **options)
    assert seen.seen[-1] < 1e-2
    for a, b in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.lecture("T1.F9")
def test_descent_stops_where_the_gradient_is_close_to_zero():
    """Training stops when a criterion is fulfilled: here the gradient is close to 0."""
    net = model(metrics=["gradient_norm"])
    history = net.fit(
        X,
        Y,
        batch_size="all",
        epochs=10_000,
        verbose=0,
        seed=0,
        callbacks=pel.StopBelow("gradient_norm", 1e-6),
    )
    norms = history.epochs["gradient_norm"]
    assert 20 < len(norms) < 10_000 and norms[-1] <= 1e-6 < norms[-2]
    design = np.hstack([X, np.ones((40, 1))])
    exact = np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose(np.vstack(net.get_weights()[:1]), exact[:3], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pel.ReduceOnPlateau(factor=1.0), r"ReduceOnPlateau\] factor must lie in \(0, 1\)"),
        (lambda: pel.ReduceOnPlateau(patience=0), "patience must be at least 1, got 0"),
        (lambda: pel.ReduceOnPlateau(mode="up"), "unknown mode 'up'"),
        (lambda: pel.ReduceOnPlateau(lowest=2), r"lowest must lie in \[0, 1\], got 2"),
        (lambda: pel.StopBelow(3, 1.0), "monitor must be a name, got 3"),
        (lambda: pel.StopBelow("loss", "low"), "limit must be a number, got 'low'"),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=pel.ReduceOnPlateau()),
            "one of loss, got 'val_loss'.*Give fit validation_data",
        ),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=pel.StopBelow("gradient_norm", 1)),
            "StopBelow] monitor must be one of loss, got 'gradient_norm'.*metrics",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ArgumentError, match=words.replace("StopBelow]", r"StopBelow\]")):
        call()
