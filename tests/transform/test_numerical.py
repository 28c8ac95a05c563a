"""Derivatives by differences: the definition by the limit."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError


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


def test_functions_of_ours_are_differenced_in_float64_at_scalars_too():
    # Arrays of rank 0 are weak in our functions: they would be computed in float32.
    slope = pel.numerical_grad(lambda x: pel.numpy.sin(x) * x)(0.5)
    assert float(slope) == pytest.approx(np.sin(0.5) + 0.5 * np.cos(0.5), abs=1e-9)


def test_the_step_fits_a_function_that_computes_in_float32():
    def narrow(x):
        return np.sin(x.astype(np.float32)).sum()

    x = np.array([0.5, 2.0])
    np.testing.assert_allclose(pel.numerical_grad(narrow)(x), np.cos(x), atol=1e-3)


@pytest.mark.parametrize(("method", "calls"), [("central", 7), ("forward", 4), ("backward", 4)])
def test_the_number_of_calls_is_the_one_stated(method, calls):
    seen = []
    pel.numerical_grad(lambda x: (seen.append(1), x.sum())[1], method=method)(np.ones(3))
    assert len(seen) == calls


def test_a_function_that_writes_to_its_argument_is_differenced_rightly():
    slopes = pel.numerical_grad(lambda x: np.multiply(x, 2, out=x).sum())(np.ones(2))
    np.testing.assert_allclose(slopes, 2, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: pel.numerical_grad(np.sin, method="centre"), ArgumentError, "'central'"),
        (lambda: pel.numerical_grad(np.sin, step=0.0), ArgumentError, "step must lie in"),
        (lambda: pel.numerical_grad(lambda x: x)(np.ones(2)), ShapeError, "scalar"),
        (lambda: pel.numerical_grad(np.sin, 1)(1.0), ArgumentError, "argnums"),
        (lambda: pel.numerical_grad(3), ArgumentError, "expected a function"),
        (lambda: pel.numerical_grad(np.sin, stp=1), ArgumentError, "Did you mean 'step'"),
        (lambda: pel.numerical_grad(lambda x: None)(1.0), DTypeError, "must return a number"),
        (lambda: pel.numerical_grad(lambda x: "a")(1.0), DTypeError, "must return a number"),
        (lambda: pel.numerical_grad(lambda x: 1j * x)(1.0), DTypeError, "must return a number"),
    ],
)
def test_bad_arguments(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
