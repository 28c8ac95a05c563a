"""The loss around a step: against NumPy by hand, and what a run's path is in a plane."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.inspector import landscape, landscape_pictures
from pellucid.inspector.travel import Travel
from pellucid.nn import L2, Dense, Dropout
from pellucid.optim import LBFGS, SGD, Adam
from tests.viz.reading import texts

RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 2))
Y = X @ [1.5, -0.5] + 0.3 * RNG.normal(size=24)


def linear(optimizer, **options):
    model = pel.Sequential([Dense(1, use_bias=False, name="o")], seed=0, dtype="float64")
    model.compile(optimizer, "squared", **options)
    return Travel(model, X, Y, batch_size=8, epochs=4, seed=0, backend="interpreter")


def by_hand(travel, number, w):
    rows = travel.step(number).rows
    return np.mean((X[rows] @ w - Y[rows]) ** 2) + 0.05 * w @ w


def test_a_line_along_the_gradient_is_the_loss_there():
    travel = linear(SGD(0.1), regularizer=L2(0.1))
    line = landscape.along_gradient(travel, 4)
    w = travel.weights(4)["o.W"][:, 0].astype(float)
    rows = travel.step(4).rows
    g = 2 * X[rows].T @ (X[rows] @ w - Y[rows]) / len(rows) + 0.1 * w
    wanted = [by_hand(travel, 4, w - t * g) for t in line.t]
    np.testing.assert_allclose(line.losses, wanted, rtol=1e-12)
    assert line.slope == pytest.approx(-(g @ g), rel=1e-12)
    assert line.step == pytest.approx(0.1, rel=1e-9)  # a plain gradient step ends at t = rate
    assert line.angle == pytest.approx(0, abs=1e-4)
    after = travel.weights(5)["o.W"][:, 0]
    assert line.after == pytest.approx(by_hand(travel, 4, after), rel=1e-12)
    assert line.losses[-1] > by_hand(travel, 4, w)  # it goes as far as the loss is lower
    shown = texts(landscape_pictures.draw_line(line, 4))
    assert {"w", "end of the step", "Loss along the gradient at step 4"} <= set(shown)


def test_the_loss_at_the_weights_is_measured_where_few_places_are(monkeypatch):
    monkeypatch.setattr(landscape, "_points", lambda objective: 10)  # none of them at t = 0
    travel = linear(SGD(0.1), regularizer=L2(0.1))
    line = landscape.along_gradient(travel, 4)
    assert not (line.t == 0).any()
    w = travel.weights(4)["o.W"][:, 0].astype(float)
    assert line.loss == pytest.approx(by_hand(travel, 4, w), rel=1e-12)
    assert f"The loss is {line.loss:.6g} at w" in landscape_pictures.described_line(line)


@pytest.mark.slow
def test_a_step_of_adam_ends_beside_the_line_in_machine_code():
    travel = linear(Adam(0.1))
    travel.backend = None
    line = landscape.along_gradient(travel, 3)
    assert 1 < line.angle < 89
    assert "at an angle of" in landscape_pictures.described_line(line)


@pytest.mark.parametrize("kind", landscape.PLANES)
def test_a_plane_is_the_loss_there_and_holds_the_whole_path_of_two_weights(kind):
    travel = linear(Adam(0.2), regularizer=L2(0.1))
    travel.state(12)
    found = landscape.plane(travel, 6, kind)
    w = travel.weights(6)["o.W"][:, 0]
    path = np.array([travel.weights(k)["o.W"][:, 0] - w for k in found.steps])
    assert found.share == pytest.approx(1, rel=1e-9)  # two weights: the plane is all there is
    np.testing.assert_allclose(  # and keeps all distances
        np.hypot(*found.path.T), np.hypot(*path.T), atol=1e-12
    )
    # The plane's own directions, from the path and its projection.
    directions = np.linalg.lstsq(found.path, path, rcond=None)[0]
    for b, a in ((0, 0), (3, 7), (40, 11)):
        there = w + np.array([found.x[a], found.y[b]]) @ directions
        assert found.losses[b, a] == pytest.approx(by_hand(travel, 6, there), rel=1e-9)
    assert found.loss == pytest.approx(by_hand(travel, 6, w), rel=1e-12)
    assert (np.diff(found.x) > 0).all() and found.x[0] < 0 < found.x[-1]
    shown = " ".join(texts(landscape_pictures.draw_plane(found, 6)))
    assert "distance along: " + found.names[0] in shown and "step 6" in shown
    assert "100 % of the length of the path" in landscape_pictures.described_plane(found)


def deep(optimizer, **options):
    model = pel.Sequential([Dense(4, "tanh"), Dropout(0.5), Dense(1)], seed=0)
    model.compile(optimizer, "squared", **options)
    return Travel(model, X, Y, batch_size=8, epochs=8, seed=0, backend="interpreter")


@pytest.mark.slow
def test_random_draws_are_those_of_the_step_and_a_path_leaves_its_plane():
    travel = deep(Adam(0.05), rates={"dense_2": 0.5})
    travel.state(travel.steps)
    for number in (0, 9):
        line = landscape.along_gradient(travel, number)
        here = float(travel.moment(number).values[travel.moment(number).ends.objective])
        assert line.loss == pytest.approx(here, rel=1e-6)
    found = landscape.plane(travel, 12)
    assert 0.3 < found.share < 1 and len(found.path) == len(found.steps) > 10
    own = landscape.plane(travel, 12, "step")
    assert own.after[1] > 0 and own.names == ("against the gradient", "the rest of the step")


def test_a_plain_gradient_step_borrows_a_direction_from_the_path():
    travel = deep(SGD(0.1))
    with pytest.raises(ArgumentError, match="leaves the gradient"):
        landscape.plane(travel, 0, "step")
    assert landscape.plane(travel, 5, "step").names[1] == "to the first state of the run"


def test_a_minimizer_has_a_line_too():
    model = pel.Sequential([Dense(2, "tanh"), Dense(1)], seed=0, dtype="float64")
    model.compile(LBFGS(), "squared")
    line = landscape.along_gradient(Travel(model, X, Y, epochs=3, seed=0, backend="interpreter"), 1)
    assert line.after <= line.loss


def test_what_cannot_be_drawn_is_refused_and_a_long_one_is_stopped():
    travel = linear(SGD(0.1))
    with pytest.raises(ArgumentError, match="needs 3 states that do not lie on a line"):
        landscape.plane(travel, 0)
    with pytest.raises(ArgumentError, match="plane must be one of path, step"):
        landscape.plane(travel, 0, "space")
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > 5

    with pytest.raises(landscape.Stopped):
        landscape.along_gradient(travel, 2, stopped)
    assert len(asked) == 6
    model = pel.Sequential([Dense(1, name="o")], seed=0)
    model.build((2,))
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    model.compile(SGD(0.1), "squared")
    with pytest.raises(ArgumentError, match="the gradient must not be 0"):
        landscape.along_gradient(Travel(model, X, np.zeros(24), backend="interpreter"), 0)
