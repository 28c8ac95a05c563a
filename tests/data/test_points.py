"""Points to learn from, and formulas: against their definitions, and against what is no formula."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import ArgumentError, DataError, PellucidError, ShapeError
from pellucid.data import features, points
from pellucid.data.formula import Formula


def test_circle_is_one_inside_and_zero_outside():
    x, y = points("circle", rows=2000, seed=4)
    radius = np.hypot(x[:, 0], x[:, 1])
    assert radius[y == 1].max() < 2.5 and radius[y == 0].min() >= 3.5 and radius.max() < 5
    assert (y == 1).sum() == 1000


def test_xor_is_the_sign_of_the_product_away_from_the_axes():
    x, y = points("xor", rows=2000, seed=1)
    assert np.array_equal(y, (x[:, 0] * x[:, 1] >= 0).astype(int))
    assert np.abs(x).min() >= 0.3 and np.abs(x).max() <= 5.3


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.25, 2.25), (0.5, 4.0)])
def test_gauss_is_two_normals_of_a_variance_that_the_noise_chooses(noise, variance):
    x, y = points("gauss", rows=20_000, noise=noise, seed=2)
    for label, center in ((1, 2), (0, -2)):
        own = x[y == label]
        assert np.allclose(own.mean(0), center, atol=0.1)
        assert np.allclose(own.var(0), variance, rtol=0.06)


def test_spiral_is_two_arms_half_a_turn_apart():
    x, y = points("spiral", rows=400)
    i = np.arange(200)
    r, angle = 5 * i / 200, 1.75 * 2 * math.pi * i / 200
    assert np.allclose(x[y == 1], np.stack([r * np.sin(angle), r * np.cos(angle)], 1))
    assert np.allclose(x[y == 0], -x[y == 1])


def test_plane_and_gaussians_have_their_values():
    x, y = points("plane", rows=500)
    assert np.allclose(y, (x[:, 0] + x[:, 1]) / 10)
    x, y = points("gaussians", rows=5000)
    bumps = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}
    wanted = []
    for row in x:
        heights = [s * max(0, 1 - math.dist(row, c) / 2) for c, s in bumps.items()]
        wanted.append(max(heights, key=abs))
    assert np.allclose(y, wanted)


def test_noise_moves_a_point_before_it_gets_its_class():
    x, y = points("xor", rows=4000, noise=0.3, seed=1)
    wrong = (y != (x[:, 0] * x[:, 1] >= 0)).mean()
    assert 0.05 < wrong < 0.4
    assert np.array_equal(x, points("xor", rows=4000, seed=1)[0])


def test_a_set_is_a_function_of_its_arguments():
    for kind in ("circle", "spiral", "x1 > 0"):
        first, again = points(kind, noise=0.2, seed=3), points(kind, noise=0.2, seed=3)
        assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
        assert not np.array_equal(first[0], points(kind, noise=0.2, seed=5)[0])


def test_a_condition_gives_classes_and_a_number_gives_values():
    x, y = points("x2 > sin(x1) and not x1 < -2", rows=300)
    assert np.array_equal(y, ((x[:, 1] > np.sin(x[:, 0])) & ~(x[:, 0] < -2)).astype(int))
    x, y = points("x1**2 - 2*x2 + pi", rows=300)
    assert y.dtype == np.float64 and np.allclose(y, x[:, 0] ** 2 - 2 * x[:, 1] + math.pi)


@given(
    st.recursive(
        st.sampled_from(["x1", "x2", "2", "0.5", "pi"]),
        lambda inner: st.one_of(
            st.tuples(st.sampled_from("+-*"), inner, inner).map(
                lambda t: f"({t[1]} {t[0]} {t[2]})"
            ),
            inner.map(lambda one: f"sin({one})"),
            inner.map(lambda one: f"-{one}"),
        ),
        max_leaves=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_formulas_are_python_s_arithmetic(text):
    x = np.array([[0.3, -1.7], [2.0, 0.25]])
    for row, found in zip(x, Formula(text, 2)(x), strict=True):
        own = {"x1": row[0], "x2": row[1], "pi": math.pi, "sin": math.sin}
        assert found == pytest.approx(eval(text, {"__builtins__": {}}, own), abs=1e-9)


ATTACKS = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "x1.__class__",
    "x1[0]",
    "(lambda: 1)()",
    "[x1 for x1 in (1,)][0]",
    "x1 if x2 else 3",
    "'a' * 9",
    "f'{x1}'",
    "(x3 := 4)",
    "9**9**9**9",
    "x1**x2",
    "x1**99",
    "10000000.0",
    "True",
    "None",
    "sin",
    "sin(x1, x2)",
    "sin(*x1)",
    "sin(x=1)",
    "min(x1)",
    "open('/etc/passwd')",
    "exec('1')",
    "eval",
    "x1; x2",
    "x1 = 3",
    "import os",
    "x1 @ x2",
    "x1 // x2",
    "x1 % 2",
    "x1 & x2",
    "x1 == x2",
    "x1 in x2",
    "x1 is x2",
    "x0 > 1",
    "x3 > 1",
    "x1 > (x2 > 0)",
    "not x1",
    "x1 and x2",
    "await x1",
    "...",
    "1j",
    "",
    "   ",
    "(" * 300,
    "-" * 390 + "1",
    "+".join(["x1"] * 130),
    "x1\0",
    "x1 +",
    "ｘ1.real",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(PellucidError) as caught:
        points(text)
    assert len(str(caught.value)) < 1500


def test_what_is_not_finite_is_refused_with_its_point():
    with pytest.raises(DataError, match=r"log\(x1\) must be finite, got (nan|-inf) where x1 = -"):
        points("log(x1)")


def test_features_are_columns_of_formulas():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = features(x, ["x3", "x1*x2", "1"])
    assert np.array_equal(found, [[3, 2, 1], [6, 20, 1]])
    for wrong, error in (([], ArgumentError), ("x1", ArgumentError), (["x4"], DataError)):
        with pytest.raises(error):
            features(x, wrong)
    with pytest.raises(ShapeError, match=r"\(N, D\)"):
        features([1.0, 2.0], ["x1"])
    with pytest.raises(DataError, match="a feature must be a number"):
        features(x, ["x1 > 0"])


@pytest.mark.parametrize(
    "wrong", [{"rows": 1}, {"noise": 0.6}, {"seed": -1}, {"kind": 3}, {"kind": "cirle"}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(PellucidError):
        points(**{"kind": "circle", **wrong})
