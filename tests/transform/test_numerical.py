"""Derivatives by differences: the definition by the limit."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, ShapeError


@pytest.mark.lecture("T1.G1")
@pytest.mark.parametrize(("method", "order"), [("central", 2), ("forward", 1), ("backward", 1)])
def test_the_error_shrinks_with_the_step_as_the_limit_says(method, order):
    errors = [
        abs(float(pel.numerical_grad(np.exp, method=method, step=h)(0.5)) - np.exp(0.5))
        for h in (1e-2, 1e-3)
    ]
    assert errors[0] / errors[1] == pytest.approx(10**order, rel=0.1)


@pytest.mark.lecture("T1.G1")
def test_f_moves_by_the_step_times_its_derivative():
    slope = float(pel.grad(np.sin)(np.float64(0.7)))
    for e in (1e-3, 1e-4):
        assert np.sin(0.7 + e) == pytest.approx(np.sin(0.7) + e * slope, abs=e * e)


def test_nested_arguments_several_argnums_and_what_is_passed_stays():
    def f(p, k, q):
        return (p["a"] ** 2).sum() * k + q[0] * q[1]

    a = np.arange(3.0)
    slopes = pel.numerical_grad(f, (0, 2))({"a": a}, 2, (3.0, 4.0))
    np.testing.assert_allclose(slopes[0]["a"], 4 * a, atol=1e-8)
    np.testing.assert_allclose(slopes[1], (4, 3), atol=1e-8)
    np.testing.assert_array_equal(a, [0, 1, 2])


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: pel.numerical_grad(np.sin, method="centre"), ArgumentError, "'central'"),
        (lambda: pel.numerical_grad(np.sin, step=0.0), ArgumentError, "step must lie in"),
        (lambda: pel.numerical_grad(lambda x: x)(np.ones(2)), ShapeError, "scalar"),
        (lambda: pel.numerical_grad(np.sin, 1)(1.0), ArgumentError, "argnums"),
    ],
)
def test_bad_arguments(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
