"""The primal forms: one minimizer, the conditions of the optimum, a witness where none exists."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pellucid.svm import NotSeparableError, hard_margin, soft_margin

RNG = np.random.default_rng(0)
T = np.repeat([1, -1], 20)
X = RNG.normal(size=(40, 2)) + T[:, None]
APART = X + 2.5 * T[:, None]


@pytest.mark.parametrize("form", ["slack", "hinge", "lambda"])
@pytest.mark.parametrize("C", [0.01, 1.0, 1e4])
def test_the_conditions_of_the_optimum_hold(form, C):
    found = soft_margin(X, T, C=C, form=form)
    a, mu, xi = found.multipliers, found.slack_multipliers, found.slack
    f = X @ found.weight + found.intercept
    scale = C * 1e-8
    np.testing.assert_allclose((a * T) @ X, found.weight, atol=1e-7 * max(1, C))
    assert abs(a @ T) < 1e-7 * max(1, C)
    assert a.min() >= -scale and mu.min() >= -scale and (T * f - 1 + xi).min() >= -1e-8
    assert abs(a * (T * f - 1 + xi)).max() <= 1e-7 * C
    assert abs(mu * xi).max() <= 1e-7 * C
    dual = a.sum() - found.weight @ found.weight / 2
    primal = found.weight @ found.weight / 2 + C * xi.sum()
    assert abs(primal - dual) <= 1e-8 * primal
    assert found.objective == pytest.approx(primal / C if form == "lambda" else primal)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_unit_of_x_does_not_matter(scale):
    one, other = soft_margin(X, T), soft_margin(X * scale, T, C=1 / scale**2)
    np.testing.assert_allclose(other.weight * scale, one.weight, rtol=1e-7)
    assert other.intercept == pytest.approx(one.intercept, abs=1e-7)
    wide, small = hard_margin(APART, T), hard_margin(APART * scale, T)
    assert small.margin == pytest.approx(wide.margin * scale, rel=1e-7)


def test_the_widest_margin_is_half_the_way_between_the_hulls():
    found = hard_margin([[0, 0], [0, 2], [3, 1], [5, 5]], ["a", "a", "b", "b"])
    np.testing.assert_allclose(found.weight, [2 / 3, 0], atol=1e-8)
    assert found.margin == pytest.approx(1.5) and found.intercept == pytest.approx(-1)
    np.testing.assert_array_equal(found.predict([[1.0, 9.0], [2.0, 9.0]]), ["a", "b"])
    np.testing.assert_array_equal(found.support, [0, 1, 2])
    assert (T * hard_margin(APART, T).decision_function(APART)).min() == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]),
        ([[1.0], [1.0]], [0, 1]),
        ([[0.0], [1], [2], [3]], [0, 1, 0, 1]),
        (X.tolist(), T.tolist()),
    ],
)
def test_the_witness_is_a_point_of_both_hulls(x, y):
    with pytest.raises(
        NotSeparableError, match="no hyperplane separates these classes: "
    ) as caught:
        hard_margin(x, y)
    again = pickle.loads(pickle.dumps(caught.value))
    witness, first = again.witness, np.asarray(y) == min(y)
    assert witness.min() >= 0
    assert witness[first].sum() == pytest.approx(1) and witness[~first].sum() == pytest.approx(1)
    meeting = witness[first] @ np.asarray(x)[first] - witness[~first] @ np.asarray(x)[~first]
    np.testing.assert_allclose(meeting, 0, atol=1e-7)


def test_equal_rows_are_named():
    with pytest.raises(NotSeparableError, match="rows 1 and 2 are the same point"):
        hard_margin([[0.0], [3.0], [3.0]], [0, 0, 1])


def test_a_hyperplane_prints_what_it_says_and_no_arrays():
    found = hard_margin(APART, T)
    lines = str(found).splitlines()
    assert repr(found) == str(found) and len(lines) == 6 and "array" not in str(found)
    assert f"{len(found.support)} of 40 rows" in str(found)
    assert f"{found.margin:.6g}" in str(found)


def test_a_large_problem_is_sent_to_linear_svc():
    x = np.zeros((4, 2100))
    with pytest.raises(TypeError, match=r"2,000 unknowns at most, got 2,101.*LinearSVC"):
        soft_margin(x, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="two classes, got 3"):
        hard_margin([[0.0], [1], [2]], [0, 1, 2])
