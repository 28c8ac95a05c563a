"""The lectures' small graphs of scalars, with every number in sight."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.ops.value import apply


def sigma(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.lecture("T1.G12")
def test_logistic_regression_from_scalar_nodes_and_with_a_grouped_sigmoid():
    w = [np.float64(v) for v in (0.5, -1.0, 2.0)]
    x1, x2, t = 1.5, -0.25, 1.0

    def scalar(w0, w1, w2):
        p = 1 / (1 + np.exp(-(w0 + w1 * x1 + w2 * x2)))
        return -t * np.log(p) - (1 - t) * np.log(1 - p)

    def grouped(w0, w1, w2):
        p = pel.numpy.sigmoid(w0 + w1 * x1 + w2 * x2)
        return -t * np.log(p) - (1 - t) * np.log(1 - p)

    one = pel.grad(scalar, (0, 1, 2))(*w)
    two = pel.grad(grouped, (0, 1, 2))(*w)
    p = sigma(w[0] + w[1] * x1 + w[2] * x2)
    by_hand = [(p - t), (p - t) * x1, (p - t) * x2]  # dL/dp · dp/da = p - t
    np.testing.assert_allclose(one, by_hand, rtol=1e-12)
    np.testing.assert_allclose(two, by_hand, rtol=1e-12)
    text = str(pel.show(grouped, *w))
    assert text.count("sigmoid(") == 1
    assert "exp(" not in text.split("backward")[0]
    assert "exp(" in str(pel.show(scalar, *w))


@pytest.mark.lecture("T1.D1")
def test_the_derivative_of_the_sigmoid_is_sigma_times_one_minus_sigma():
    for a in (-1e3, -2.0, 0.0, 3.0, 1e3):
        s = np.float64(sigma(a)) if a > -700 else np.float64(0)
        assert float(pel.grad(pel.numpy.sigmoid)(np.float64(a))) == pytest.approx(s * (1 - s))


@pytest.mark.lecture("T1.G15")
def test_every_partial_of_the_2_3_3_1_net():
    """Nodes a, b → c, d, e → f, g, h → z; a bar is the value before the sigmoid. 25 parameters."""
    rng = np.random.default_rng(4)
    first, second, third = ("c", "d", "e"), ("f", "g", "h"), ("z",)
    layers = [(("a", "b"), first), (first, second), (second, third)]
    W = {f"{i}{j}": rng.normal() for sources, sinks in layers for i in sources for j in sinks}
    b = {j: rng.normal() for _, sinks in layers for j in sinks}
    assert len(W) + len(b) == 25
    inputs = {"a": 0.8, "b": -1.3}

    # The forward pass by hand.
    v, bar = dict(inputs), {}
    for sources, sinks in layers:
        for j in sinks:
            bar[j] = sum(W[f"{i}{j}"] * v[i] for i in sources) + b[j]
            v[j] = sigma(bar[j])

    # The lecture's partials by hand, from the last node backwards.
    def slope(j):
        return v[j] * (1 - v[j])

    d_bar = {"z": slope("z")}
    d = {}
    for i in second:  # dz/df = W_fz σ'(z̄), dz/df̄ = dz/df σ'(f̄)
        d[i] = W[f"{i}z"] * d_bar["z"]
        d_bar[i] = d[i] * slope(i)
    for i in first:  # dz/dc: the sum over f, g, h
        d[i] = sum(W[f"{i}{j}"] * d_bar[j] for j in second)
        d_bar[i] = d[i] * slope(i)
    by_hand = {
        f"{i}{j}": d_bar[j] * v[i] for sources, sinks in layers for i in sources for j in sinks
    }

    # The same net as a graph of scalars.
    leaf = {name: pel.Tensor(np.float64(x)) for name, x in {**inputs, **W}.items()}
    bias = {name: pel.Tensor(np.float64(x)) for name, x in b.items()}
    node, node_bar = {name: leaf[name] for name in inputs}, {}
    for sources, sinks in layers:
        for j in sinks:
            total = bias[j]
            for i in sources:
                total = total + leaf[f"{i}{j}"] * node[i]
            node_bar[j] = total
            node[j] = apply("sigmoid", total)
    node["z"].backward()

    assert float(node["z"]) == pytest.approx(v["z"], rel=1e-14)
    for name, partial in by_hand.items():
        assert float(leaf[name].grad) == pytest.approx(partial, rel=1e-12), f"dz/dW_{name}"
    for name in b:
        assert float(bias[name].grad) == pytest.approx(d_bar[name], rel=1e-12), f"dz/db_{name}"
        assert float(node_bar[name].grad) == pytest.approx(d_bar[name], rel=1e-12), f"dz/d{name}̄"
    for name in (*first, *second):
        assert float(node[name].grad) == pytest.approx(d[name], rel=1e-12), f"dz/d{name}"


@pytest.mark.lecture("T1.G8")
def test_the_vector_chain_rule_is_a_product_with_the_transposed_jacobian():
    x = np.array([0.3, -0.7, 1.1])

    def y(x):
        return np.stack([x[0] * x[1], np.sin(x[2]) + x[0]])

    def z(y):
        return y[0] ** 2 + 3 * y[1]

    jacobian = pel.jacobian(y)(x)
    inner = np.asarray(y(pel.Tensor(x)))
    outer = pel.grad(z)(inner)
    np.testing.assert_allclose(pel.grad(lambda x: z(y(x)))(x), jacobian.T @ outer, rtol=1e-12)
    _, pullback = pel.vjp(y, x)
    np.testing.assert_allclose(pullback(outer)[0], jacobian.T @ outer, rtol=1e-12)


@pytest.mark.lecture("T1.H5")
def test_the_best_rate_on_a_quadratic_is_one_over_its_second_derivative():
    def error(w):
        return 1.5 * (w - 4.0) ** 2 + 2.0

    w = np.float64(-3.0)
    rate = 1 / float(pel.hessian(error)(w))
    assert rate == pytest.approx(1 / 3)
    assert w - rate * float(pel.grad(error)(w)) == pytest.approx(4.0, abs=1e-12)
