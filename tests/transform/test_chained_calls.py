"""Calls of transforms one after the other on eager Tensors: `backward` goes through all of them."""

import numpy as np
import pytest

import pellucid as pel

CALLS = {
    "jit": (pel.jit(lambda x: x * x), lambda x: x**2, lambda x: 2 * x),
    "grad": (pel.grad(lambda x: x**3), lambda x: 3 * x**2, lambda x: 6 * x),
    "value and grad": (
        lambda t: sum(pel.value_and_grad(lambda x: x**2)(t)),
        lambda x: x**2 + 2 * x,
        lambda x: 2 * x + 2,
    ),
    "jvp": (
        lambda t: pel.jvp(lambda x: x**3, (t,), (1.0,))[1],
        lambda x: 3 * x**2,
        lambda x: 6 * x,
    ),
    "vjp": (
        lambda t: pel.vjp(lambda x: x**3, t)[1](1.0)[0],
        lambda x: 3 * x**2,
        lambda x: 6 * x,
    ),
    "eager": (lambda t: t * t, lambda x: x**2, lambda x: 2 * x),
}


@pytest.mark.parametrize("first", CALLS)
@pytest.mark.parametrize("second", CALLS)
def test_a_gradient_goes_through_two_calls(first, second):
    (one, f, df), (other, g, dg) = CALLS[first], CALLS[second]
    t = pel.Tensor(1.5)
    u = one(t)
    out = other(u)
    assert float(out) == pytest.approx(g(f(1.5)))
    (out * 1).backward()
    assert float(t.grad) == pytest.approx(dg(f(1.5)) * df(1.5))
    assert float(u.grad) == pytest.approx(dg(f(1.5)))


def test_results_that_are_no_floats_are_not_followed():
    t = pel.Tensor([1.5, 2.5])
    count, twice = pel.jit(lambda x: ((x > 2).sum(), x * 2))(t)
    assert int(count) == 1
    (twice.sum() * count).backward()
    np.testing.assert_array_equal(t.grad, [2, 2])
    whole = pel.jit(lambda x: x + 1)(np.array([1, 2]))
    assert type(whole) is np.ndarray
    assert type(pel.jit(lambda x: x * 2)(np.ones(2))) is np.ndarray


def test_a_call_with_constants_beside_a_tensor():
    t, fixed = pel.Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    weights = pel.Tensor([5.0, 6.0])
    out = pel.jit(lambda x, y: (x * y * weights).sum())(t, fixed)
    out.backward()
    np.testing.assert_allclose(t.grad, [15, 24])
    np.testing.assert_allclose(weights.grad, [3, 8])
