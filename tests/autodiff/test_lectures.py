"""The lectures' worked derivatives, with their numbers in sight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid import autodiff
from pellucid.core.dtypes import float64
from pellucid.graph.node import TensorType
from pellucid.ops.value import Value, apply, elementwise
from pellucid.runtime.interpreter import run
from tests.ops.graphs import grads, scalar, tangent, trace, value


@pytest.mark.lecture("T1.G6")
def test_chain_rule_of_scalars() -> None:
    """z = f(y), y = g(x): dz/dx = dz/dy · dy/dx; (3x + 1)² at x = 2 is 49, its slope 2·7·3 = 42."""

    def function(x: Value) -> Any:
        return elementwise("square", x * 3.0 + 1.0)

    assert value(function, 2.0) == 49
    assert grads(function, 2.0)[0] == 42
    assert tangent(function, 2.0) == 42


@pytest.mark.lecture("T1.G6")
def test_chain_rule_of_many_variables_sums_over_outgoing_edges() -> None:
    """dL/dx = Σᵢ dL/dfᵢ · dfᵢ/dx: x feeds f₁ = 2x, f₂ = x², f₃ = -x; L = f₁f₂ + 5f₃.

    At x = 3: f = (6, 9, -3), dL/df = (f₂, f₁, 5) = (9, 6, 5), df/dx = (2, 2x, -1) = (2, 6, -1),
    so dL/dx = 9·2 + 6·6 + 5·(-1) = 49.
    """

    def function(x: Value) -> Any:
        return (x * 2.0) * elementwise("square", x) + (-x) * 5.0

    assert value(function, 3.0) == 39
    assert grads(function, 3.0)[0] == 9 * 2 + 6 * 6 + 5 * -1 == 49
    assert tangent(function, 3.0) == 49


@pytest.mark.lecture("T1.G7")
def test_product_of_two_powers() -> None:
    """y(x) = x³, z(x) = x², f = y·z: df/dx = z·3x² + y·2x = 5x⁴, 80 at x = 2."""

    def function(x: Value) -> Any:
        return x**3.0 * x**2.0

    assert value(function, 2.0) == 32
    assert grads(function, 2.0)[0] == 80
    assert tangent(function, 2.0) == 80
    outputs = trace(lambda x: (x**3.0, x**2.0), scalar())
    forward = run(autodiff.jvp(outputs, [0]), [np.array(2.0), np.array(1.0)])
    assert [float(v) for v in forward] == [8, 4, 12, 4]  # y, z, dy/dx = 3x², dz/dx = 2x
    assert 4 * 12 + 8 * 4 == 80


@pytest.mark.lecture("T1.G11")
def test_worked_graph_of_a_product_and_a_sum() -> None:
    """a = xy, b = a + z at x = 3, y = -5, z = 2: a = -15, b = -13; ∂b = -5, 3, 1."""

    def function(x: Value, y: Value, z: Value) -> Any:
        a = x * y
        return a + z

    assert value(function, 3.0, -5.0, 2.0) == -13
    assert [float(g) for g in grads(function, 3.0, -5.0, 2.0)] == [-5, 3, 1]
    values = run(
        trace(lambda x, y, z: (x * y, x * y + z), *[scalar()] * 3),
        [np.array(v) for v in (3.0, -5.0, 2.0)],
    )
    assert [float(v) for v in values] == [-15, -13]


@pytest.mark.lecture("T1.G12")
def test_logistic_regression_by_scalars_and_by_one_node() -> None:
    """p = 1/(1 + e^-(w₀ + w₁x₁ + w₂x₂)): the same gradient by five scalar nodes and by one σ.

    With w = (1, -1, 2), x = (2, ½): the sum is 0, p = ½, dp/dw = p(1-p)·(1, x₁, x₂) = (¼, ½, ⅛).
    """
    x1, x2 = 2.0, 0.5

    def total(w0: Value, w1: Value, w2: Value) -> Any:
        return w0 + w1 * x1 + w2 * x2

    def scalars(*w: Value) -> Any:
        return elementwise("divide", 1.0, elementwise("exp", -total(*w)) + 1.0)

    def grouped(*w: Value) -> Any:
        return elementwise("sigmoid", total(*w))

    for function in (scalars, grouped):
        assert value(function, 1.0, -1.0, 0.0) == 1 / (1 + np.exp(1.0))
        assert value(function, 1.0, -1.0, 2.0) == 0.5
        assert [float(g) for g in grads(function, 1.0, -1.0, 2.0)] == [0.25, 0.5, 0.125]


@pytest.mark.lecture("T1.G15")
def test_backpropagation_through_2_3_3_1_by_scalars() -> None:
    """Nodes a, b → c, d, e → f, g, h → z; a bar marks what stands before the activation s.

    dz/dW_fz = f·s′(z̄), dz/df = W_fz·s′(z̄), dz/df̄ = dz/df·s′(f̄), dz/dW_cf = dz/df̄·c,
    dz/dc = Σ over f, g, h of W_c·dz/d·̄; 25 parameters with the biases.
    """
    rng = np.random.default_rng(15)
    shapes = [(2, 3), (3,), (3, 3), (3,), (3, 1), (1,)]
    parameters = [rng.normal(size=shape) for shape in shapes]
    assert sum(p.size for p in parameters) == 6 + 3 + 9 + 3 + 3 + 1 == 25
    ab = rng.normal(size=2)

    def network(*ws: Value) -> Any:
        scalars = iter(ws)
        layer: list[Any] = [float(v) for v in ab]
        for wide in (3, 3, 1):
            weights = [[next(scalars) for _ in range(wide)] for _ in layer]
            biases = [next(scalars) for _ in range(wide)]
            layer = [
                elementwise(
                    "tanh", sum((w[j] * v for w, v in zip(weights, layer, strict=True)), biases[j])
                )
                for j in range(wide)
            ]
        return layer[0]

    flat = np.concatenate([p.reshape(-1) for p in parameters])
    got = np.array([float(g) for g in grads(network, *map(float, flat))])

    def s(v: np.ndarray) -> np.ndarray:
        return np.tanh(v)

    def ds(v: np.ndarray) -> np.ndarray:
        return 1 - np.tanh(v) ** 2

    W1, b1, W2, b2, W3, b3 = parameters
    cde_bar = ab @ W1 + b1
    cde = s(cde_bar)
    fgh_bar = cde @ W2 + b2
    fgh = s(fgh_bar)
    z_bar = fgh @ W3 + b3
    dz_zbar = ds(z_bar)  # dz/dz̄
    dW3, db3 = np.outer(fgh, dz_zbar), dz_zbar  # dz/dW_fz = f·s′(z̄)
    dfgh_bar = (W3 @ dz_zbar) * ds(fgh_bar)  # dz/df̄ = W_fz·s′(z̄)·s′(f̄)
    dW2, db2 = np.outer(cde, dfgh_bar), dfgh_bar  # dz/dW_cf = dz/df̄·c
    dcde_bar = (W2 @ dfgh_bar) * ds(cde_bar)  # dz/dc sums over f, g, h
    dW1, db1 = np.outer(ab, dcde_bar), dcde_bar
    wanted = np.concatenate([g.reshape(-1) for g in (dW1, db1, dW2, db2, dW3, db3)])
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.lecture("T1.G17")
def test_deltas_of_an_mlp() -> None:
    """dE/dz = g′(z)·dE/dy; dE/dyᵢ = Σⱼ wⱼᵢ dE/dzⱼ; dE/dwⱼᵢ = yᵢ dE/dzⱼ.

    E = ½‖y - t‖² with g = σ, two hidden units and two outputs, w[j, i] from unit i to unit j.
    """
    x, t = np.array([1.0, -2.0, 0.5]), np.array([1.0, 0.0])
    w1 = np.array([[0.5, -0.25, 1.0], [0.0, 0.75, -0.5]])
    w2 = np.array([[1.0, -1.0], [0.5, 2.0]])

    def error(w1: Value, w2: Value, x: Value) -> Any:
        y1 = elementwise("sigmoid", apply("contract", w1, x, batch=(), summed=((1, 0),)))
        y2 = elementwise("sigmoid", apply("contract", w2, y1, batch=(), summed=((1, 0),)))
        off = elementwise("square", y2 - apply("cast", constant(t, y2), dtype=float64))
        return apply("sum", off, axis=(0,), keepdims=False) * 0.5

    def constant(numbers: np.ndarray, like: Value) -> Any:
        parts = [apply("full", value=float(v), shape=(1,), dtype=like.type.dtype) for v in numbers]
        return apply("concat", *parts, axis=0)

    types = TensorType(float64, (2, 3)), TensorType(float64, (2, 2)), TensorType(float64, (3,))
    graph = autodiff.vjp(trace(error, *types), [0, 1, 2])
    E, dw1, dw2, dx = run(graph, [w1, w2, x, np.array(1.0)])

    def g(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    y1 = g(w1 @ x)
    y2 = g(w2 @ y1)
    assert pytest.approx(0.5 * np.sum((y2 - t) ** 2), rel=1e-14) == E
    dE_dz2 = y2 * (1 - y2) * (y2 - t)  # g′(z)·dE/dy, with dE/dy = y - t
    dE_dw2 = np.array([[y1[i] * dE_dz2[j] for i in range(2)] for j in range(2)])
    dE_dy1 = np.array([sum(w2[j, i] * dE_dz2[j] for j in range(2)) for i in range(2)])
    dE_dz1 = y1 * (1 - y1) * dE_dy1
    dE_dw1 = np.array([[x[i] * dE_dz1[j] for i in range(3)] for j in range(2)])
    dE_dx = np.array([sum(w1[j, i] * dE_dz1[j] for j in range(2)) for i in range(3)])
    np.testing.assert_allclose(dw2, dE_dw2, rtol=1e-12)
    np.testing.assert_allclose(dw1, dE_dw1, rtol=1e-12)
    np.testing.assert_allclose(dx, dE_dx, rtol=1e-12)
