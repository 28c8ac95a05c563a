"""Units that step: Rosenblatt's network of 1958, sign and step, and gradients straight through."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core import notices

RNG = np.random.default_rng(0)


def rosenblatt(*more: nn.Layer, activation: str = "sign") -> pel.Sequential:
    """NI = 3 inputs, NH = 5 hidden units, NO = 2 outputs."""
    layers = [nn.Dense(5, activation, name="hidden", input_shape=(3,)), nn.Dense(2, name="out")]
    net = pel.Sequential([*layers, *more], seed=0, dtype="float64")
    net.build((3,))
    return net


@pytest.mark.lecture("T1.A10")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_rosenblatts_network_of_1958(backend):
    """zH = WH·x + bH, uH = sign(zH), zO = WO·uH + bO, uO = 1[zO > λ]; a regression ends at zO."""
    net, cut = rosenblatt(), rosenblatt(nn.Rescale(1.0, -0.3), nn.Activation("step"))
    weights = [RNG.normal(size=w.shape) for w in net.get_weights()]
    net.set_weights(weights)
    cut.set_weights(weights)
    x = RNG.normal(size=(40, 3))
    wh, bh, wo, bo = weights
    hidden = np.sign(x @ wh + bh)
    assert set(np.unique(hidden)) == {-1.0, 1.0}
    out = hidden @ wo + bo
    np.testing.assert_allclose(net.predict(x, backend=backend), out, rtol=1e-12)
    np.testing.assert_array_equal(cut.predict(x, backend=backend), (out > 0.3).astype(float))


@pytest.mark.lecture("T1.A10")
def test_the_numbers_of_units_are_shown_and_so_is_the_gradient_of_zero():
    """NI, NH and NO stand in the summary, and the graph says where the gradient is 0."""
    printed: list[str] = []
    rosenblatt().summary(printed.append)
    for part in ("(N, 3)", "(N, 5)", "(N, 2)"):
        assert part in "\n".join(printed)
    w, x = RNG.normal(size=(3, 5)), RNG.normal(size=(4, 3))
    shown = str(pel.show(lambda w: np.sum(np.sign(x @ w)), w))
    assert "gradient 0: sign is constant on either side of 0" in shown
    assert not pel.grad(lambda w: np.sum(np.sign(x @ w)))(w).any()


def test_training_says_which_weights_cannot_learn(monkeypatch):
    x, y = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2))
    monkeypatch.setattr(notices, "_said", set())
    net = rosenblatt()
    before = net.get_weights()
    net.compile(optim.SGD(0.1), loss="squared")
    with pytest.warns(
        UserWarning, match=r"0 almost everywhere for hidden.W, hidden.b: .*rates={'h"
    ):
        net.fit(x, y, verbose=0, seed=0)
    assert np.array_equal(net.get_weights()[0], before[0])
    assert not np.array_equal(net.get_weights()[2], before[2])
    monkeypatch.setattr(notices, "_said", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.compile(optim.SGD(0.1), loss="squared", rates={"hidden": 0})
        net.fit(x, y, verbose=0, seed=0)
        through = rosenblatt(activation="sign_straight_through")
        through.compile(optim.SGD(0.1), loss="squared")
        through.fit(x, y, verbose=0, seed=0)
        assert not np.array_equal(through.get_weights()[0], before[0])


@pytest.mark.lecture("T1.D4")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_threshold_units_forward(backend):
    """H(x) and 1[z > λ] give 0 or 1, sign(z) gives -1, 0 or 1, and all are exact."""
    z = np.array([-np.inf, -2.0, -1e-300, -0.0, 0.0, 1e-300, 2.0, np.inf])
    names = ("sign", "step", "sign_straight_through", "step_straight_through")
    functions = nn.activations.BY_NAME
    values = {name: pel.jit(functions[name], backend=backend)(z) for name in names}
    for name in ("sign", "sign_straight_through"):
        assert values[name].tolist() == [-1, -1, -1, 0, 0, 1, 1, 1]
    for name in ("step", "step_straight_through"):
        assert values[name].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.lecture("T1.D4")
@pytest.mark.parametrize(("name", "slope"), [("sign", 1.0), ("step", 0.5)])
def test_gradients_straight_through(name, slope):
    """The straight-through form hands the gradient on within [-1, 1] and holds it back beyond."""
    z = np.array([-3.0, -0.5, 0.0, 0.9, 1.5])
    through = nn.activations.BY_NAME[f"{name}_straight_through"]
    found = pel.grad(lambda z: np.sum(through(z) * np.arange(1.0, 6.0)))(z)
    np.testing.assert_array_equal(found, slope * np.array([0, 2, 3, 4, 0]))
    assert not pel.grad(lambda z: np.sum(nn.activations.BY_NAME[name](z)))(z).any()


@pytest.mark.slow
@pytest.mark.lecture("T1.D4")
def test_a_network_of_signs_learns_straight_through():
    """With gradients straight through, hidden sign units learn XOR, which no line separates."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * 2.0 - 1
    y = np.array([0, 1, 1, 0])
    solved = 0
    for seed in range(10):
        layers = [nn.Dense(8, "sign_straight_through"), nn.Dense(2)]
        net = pel.Sequential(layers, seed=seed, dtype="float64")
        net.compile(optim.Adam(0.05), loss="cross_entropy", metrics=["accuracy"])
        net.fit(x, y, batch_size="all", epochs=300, verbose=0, seed=seed)
        solved += net.evaluate(x, y)["accuracy"] == 1
    assert solved >= 8
