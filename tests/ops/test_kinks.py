"""What a derivative is where the function has none: stated in the row, pinned here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pellucid.ops import composite
from pellucid.ops.spec import REGISTRY, ZeroGradient
from pellucid.ops.value import Value, apply, elementwise
from tests.ops.graphs import grad, grads, tangent


def row(name: str, **attrs: Any) -> Any:
    return lambda *xs: apply(name, *xs, **attrs)


@pytest.mark.parametrize(
    ("name", "x", "slope"),
    [
        ("relu", 0.0, 0.0),
        ("relu", -0.0, 0.0),
        ("abs", 0.0, 0.0),
        ("abs", -0.0, 0.0),
        ("sqrt", 0.0, math.inf),
        ("log", 0.0, math.inf),
        ("relu", 1e-300, 1.0),
        ("relu", math.inf, 1.0),
        ("relu", -math.inf, 0.0),
        ("sigmoid", math.inf, 0.0),
        ("sigmoid", -1e4, 0.0),
        ("softplus", -1e4, 0.0),
        ("softplus", 1e4, 1.0),
        ("tanh", 1e4, 0.0),
        ("erf", 1e4, 0.0),
        ("square", 0.0, 0.0),
        ("expm1", -1e4, 0.0),
    ],
)
def test_slope_at_a_point(name: str, x: float, slope: float) -> None:
    assert grad(row(name), x) == slope
    assert tangent(row(name), x) == slope


@pytest.mark.parametrize(
    "name",
    [
        n
        for n, op in REGISTRY.items()
        if isinstance(op.derivative, ZeroGradient)
        and len(op.inputs) == 1
        and not op.attrs
        and any(d.is_float for d in op.accepts)
    ],
)
def test_steps_have_zero_gradient_on_the_step_too(name: str) -> None:
    for x in (0.0, 0.5, 1.0, -2.0):
        assert (
            grad(
                lambda v: elementwise(
                    "multiply", apply("cast", apply(name, v), dtype=v.type.dtype), 3.0
                ),
                x,
            )
            == 0
        )


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_first_of_equals_gets_the_gradient(name: str) -> None:
    x = np.array([[2.0, 5.0, 5.0], [5.0, 2.0, 2.0]])
    over = grad(row(name, axis=(1,), keepdims=False), x, np.array([10.0, 20.0]))
    columns = {"max": (1, 0), "min": (0, 1)}[name]
    wanted = np.zeros((2, 3))
    wanted[[0, 1], columns] = [10.0, 20.0]
    assert np.array_equal(over, wanted)
    whole = grad(row(name, axis=(0, 1), keepdims=True), x)
    wanted = np.zeros((2, 3))
    wanted[(0, 1) if name == "max" else (0, 0)] = 1
    assert np.array_equal(whole, wanted)
    down = grad(row(name, axis=(0,), keepdims=False), np.ones((3, 2)))
    assert np.array_equal(down, [[1, 1], [0, 0], [0, 0]])
    turned = (
        np.array([[1.0, 7.0], [7.0, 7.0]]) if name == "max" else -np.array([[1.0, 7.0], [7.0, 7.0]])
    )
    assert np.array_equal(grad(row(name, axis=(0, 1), keepdims=False), turned), [[0, 1], [0, 0]])
    assert np.sum(tangent(row(name, axis=(0, 1), keepdims=False), turned, [[1, 2], [4, 8]])) == 2


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_of_two_equals_the_first_gets_the_gradient(name: str) -> None:
    dx, dy = grads(row(name), np.array([1.0, 2.0, 0.0]), np.array([1.0, 2.0, -0.0]))
    assert dx.tolist() == [1, 1, 1] and dy.tolist() == [0, 0, 0]
    assert grad(lambda x: apply(name, x, x), 3.0) == 1


def test_equals_keep_their_order_and_each_gets_its_own_gradient() -> None:
    x = np.array([2.0, 1.0, 2.0, 1.0, 0.0])
    order = [4, 1, 3, 0, 2]
    ct = np.array([1.0, 10.0, 100.0, 1e3, 1e4])
    got = grad(lambda v: composite.sort(v), x, ct)
    assert got[order].tolist() == ct.tolist()
    down = grad(lambda v: composite.sort(v, descending=True), x, ct)
    assert down[[0, 2, 1, 3, 4]].tolist() == ct.tolist()
    assert grad(lambda v: composite.median(v), x).tolist() == [0, 0, 0, 1, 0]
    assert grad(lambda v: composite.median(v), x[:4]).tolist() == [0.5, 0, 0, 0.5]
    assert grad(lambda v: composite.quantile(v, 0.3), x) @ np.arange(5) == pytest.approx(
        0.8 * 1 + 0.2 * 3
    )


def test_a_maximum_that_is_nan_sends_its_gradient_to_the_nan() -> None:
    got = grad(row("max", axis=(0,), keepdims=False), np.array([1.0, np.nan, 3.0, np.nan]))
    assert got.tolist() == [0, 1, 0, 0]


def test_where_gives_an_exact_zero_to_the_branch_not_taken() -> None:
    mask = np.array([True, False])

    def pick(x: Value, y: Value) -> Any:
        condition = elementwise("greater", apply("stop_gradient", x), 0.0)
        return apply("where", condition, x, y)

    for bad in (math.nan, math.inf):
        dx, dy = grads(pick, np.array([1.0, -1.0]), np.array([bad, 2.0]), ct=np.array([7.0, 9.0]))
        assert dx.tolist() == [7, 0] and dy.tolist() == [0, 9]
        assert not np.any(np.signbit([dx, dy]))
    assert mask.any()


def test_zero_times_infinity_inside_the_branch_is_still_nan() -> None:
    def root(x: Value) -> Any:
        return apply("where", elementwise("greater", x, 0.0), elementwise("sqrt", x), x)

    def safe(x: Value) -> Any:
        positive = elementwise("greater", x, 0.0)
        inside = apply(
            "where", positive, x, elementwise("add", elementwise("multiply", x, 0.0), 1.0)
        )
        return apply("where", positive, elementwise("sqrt", inside), x)

    assert np.isnan(grad(root, 0.0))  # documented: semantics §1
    assert grad(safe, 0.0) == 1 and grad(safe, 4.0) == 0.25


class TestPower:
    """x ** y on the edges of its domain."""

    def test_first_order(self) -> None:
        def both(x: float, y: float) -> list[float]:
            return [float(g) for g in grads(row("pow"), x, y)]

        assert both(0.0, 2.0) == [0.0, 0.0]
        assert both(0.0, 1.0) == [1.0, 0.0]
        assert both(0.0, 0.0) == [0.0, -math.inf]
        assert both(2.0, 0.0) == [0.0, math.log(2)]
        assert both(0.0, 0.5) == [math.inf, 0.0]
        dx, dy = both(-2.0, 3.0)
        assert dx == 12.0 and math.isnan(dy)

    def test_an_exponent_that_is_a_number_asks_no_logarithm(self) -> None:
        assert grad(lambda x: x**3.0, -2.0) == 12.0
        assert grad(lambda x: x**2, -3.0) == -6.0
        assert grad(lambda x: x**1.0, 0.0) == 1.0
        assert grad(lambda x: x**0.0, 0.0) == 0.0
        assert grad(lambda x: 2.0**x, 3.0) == pytest.approx(8 * math.log(2))

    def test_mixed_second_derivative_at_exponent_zero(self) -> None:
        """∂²(x^y)/∂x∂y = x^(y-1)·(1 + y·ln x), which is 1/x at y = 0."""
        from pellucid import autodiff
        from pellucid.runtime.interpreter import run
        from tests.ops.graphs import scalar, trace

        first = autodiff.vjp(trace(row("pow"), scalar(), scalar()), [0])  # x, y, ct → out, ∂x
        second = autodiff.vjp(first, [1], seeded=[1])
        got = run(second, [np.array(4.0), np.array(0.0), np.array(1.0), np.array(1.0)])
        assert got[-1] == pytest.approx(0.25)
