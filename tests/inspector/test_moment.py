"""A function node by node: the lectures' numbers, each use of a value, and groups of nodes."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.inspector import facts, groups, tensors
from pellucid.inspector.differences import difference
from pellucid.inspector.moment import of_function
from pellucid.transform.explainable import function_call
from tests.viz.test_mathml import read

RNG = np.random.default_rng(0)


def moment(function, *args):
    return of_function(function_call("inspect", function, args))


def b(x, y, z):
    a = x * y
    return a + z


def fan(x):
    u = x**3
    v = x**2
    return u * v


def logistic(w0, w1, w2):
    a = w0 + w1 * 1.5 + w2 * -0.25
    p = 1 / (1 + np.exp(-a))
    return p * 1.0


def table(found):
    return {
        found.names[n]: (float(found.values[n]), float(found.gradients[n])) for n in found.places
    }


@pytest.mark.lecture("T1.G11")
def test_the_worked_graph_shows_its_numbers():
    found = moment(b, 3.0, -5.0, 2.0)
    assert table(found) == {
        **{"x": (3, -5), "y": (-5, 3), "z": (2, 1)},
        **{"a": (-15, 1), "b": (-13, 1)},
    }
    assert [found.names[n] for n in found.forward] == ["a", "b"]
    assert [found.names[n] for n in found.backward] == ["b", "a", "z", "y", "x"]
    (use,) = facts.uses(found, found.find("x"))
    assert (found.names[use.reader], use.output, use.local, use.product) == ("a", 1, -5, -5)
    assert read(facts.formula(found, found.find("a"))) == "a=x*y=3*(-5)=-15"
    shown = read(facts.gradient_formula(found, found.find("x"), use.reader))
    assert shown.endswith("=1*(-5)=-5") or shown.endswith("=(-5)*1=-5") or shown.endswith("=-5")
    assert facts.rule(found, found.find("x"), use.reader) == "multiply: ∂(x·y)/∂x = y"
    line, text = facts.source_line(found, found.find("a"))
    assert line.startswith("test_moment.py:") and text == "a = x * y"


@pytest.mark.lecture("T1.G7")
def test_where_edges_fan_out_the_uses_are_added_up():
    """f = x³·x² at 2: df/dx = 3x²·z + 2x·y = 12·4 + 4·8 = 80 = 5x⁴."""
    found = moment(fan, 2.0)
    uses = facts.uses(found, found.find("x"))
    assert sorted(float(use.product) for use in uses) == [32, 48]
    for use in uses:
        assert use.product == use.output * use.local
    assert facts.added(uses) == found.gradients[found.find("x")] == 80
    seen = difference(found, found.find("x"))
    assert seen.value == pytest.approx(80, rel=1e-9) and seen.engine == 80


@pytest.mark.lecture("T1.G12")
def test_logistic_regression_by_scalars_and_with_its_line_as_one_node():
    w = 0.5, -1.0, 2.0
    found = moment(logistic, *w)
    p = 1 / (1 + np.exp(-(w[0] + w[1] * 1.5 + w[2] * -0.25)))
    (sigma,) = [one for one in groups.by_line(found) if "np.exp" in one.text]
    assert sigma.text == "p = 1 / (1 + np.exp(-a))"
    assert [found.names[n] for n in sigma.inputs] == ["a"]
    assert found.values[sigma.end] == pytest.approx(p, rel=1e-14)
    a = found.find("a")
    assert groups.local_gradients(found, sigma)[a] == pytest.approx(p * (1 - p), rel=1e-12)
    assert groups.handed(found, sigma)[a] == found.gradients[a]  # the same by nodes and as one
    slopes = [float(found.gradients[found.find(name)]) for name in ("w0", "w1", "w2")]
    np.testing.assert_allclose(slopes, p * (1 - p) * np.array([1, 1.5, -0.25]), rtol=1e-12)


@pytest.mark.lecture("T1.G20")
def test_each_node_of_a_two_layer_network_adds_up_and_agrees_with_differences():
    """Backpropagation through the cached z and q, against NumPy by hand and against values."""
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 1))

    def cost(W1, b1, W2, b2):
        z1 = x @ W1 + b1
        q1 = np.maximum(z1, 0)
        z2 = q1 @ W2 + b2
        return np.mean((y - z2) ** 2)

    W1, b1, W2, b2 = (RNG.normal(size=size) for size in ((3, 4), (4,), (4, 1), (1,)))
    found = moment(cost, W1, b1, W2, b2)
    z1 = x @ W1 + b1
    q1 = np.maximum(z1, 0)
    delta2 = -2 * (y - (q1 @ W2 + b2)) / y.size
    delta1 = delta2 @ W2.T * (z1 > 0)
    by_hand = {"z1": delta1, "q1": delta2 @ W2.T, "z2": delta2, "W1": x.T @ delta1}
    by_hand |= {"b1": delta1.sum(0), "W2": q1.T @ delta2, "b2": delta2.sum(0)}
    for name, gradient in by_hand.items():
        np.testing.assert_allclose(found.gradients[found.find(name)], gradient, rtol=1e-12)
    for n in found.places:
        total = facts.added(facts.uses(found, n))
        if n != found.ends.objective:
            np.testing.assert_array_equal(total, found.gradients[n])
        for at in {(0,) * found.values[n].ndim, tuple(k - 1 for k in found.values[n].shape)}:
            seen = difference(found, n, at)
            assert abs(seen.value - seen.engine) <= seen.doubt + 1e-9
    # The local gradient of a product of matrices is that of one element, ∂z2[of]/∂q1: a row of W2.
    (use,) = facts.uses(found, found.find("q1"))
    assert use.of is not None
    wanted = np.zeros_like(q1)
    wanted[use.of[0]] = W2[:, 0]
    np.testing.assert_array_equal(use.local, wanted)


def test_a_value_without_a_gradient_says_why():
    def f(x):
        s = np.sign(x)
        return np.sum(s * 2 + x)

    found = moment(f, np.array([1.0, -2.0]))
    with pytest.raises(ArgumentError, match="has no gradient to compare with"):
        difference(found, found.find("s"))
    assert "sign hands no gradient on" in facts.why_none(found, found.find("s"))
    assert facts.why_none(found, found.find("x")) == ""
    with pytest.raises(ArgumentError, match="no node is called 'q'"):
        found.find("q")
    with pytest.raises(ArgumentError, match="must be a place in"):
        difference(found, found.find("x"), (2,))


def test_the_first_value_that_is_not_finite():
    def f(x):
        u = np.log(x)
        return np.sum(u * 2)

    found = moment(f, np.array([1.0, 0.0]))
    assert found.names[found.first_not_finite()] == "u"
    assert moment(f, np.array([1.0, 2.0])).first_not_finite() is None


def test_large_tensors_in_few_numbers():
    value = RNG.normal(size=(3, 40, 50))
    value[0, 0, :3] = 0, np.nan, np.inf
    found = tensors.summary(value)
    kept = value[np.isfinite(value)]
    assert (found.low, found.high, found.mean) == (kept.min(), kept.max(), kept.mean())
    assert (found.zeros, found.not_finite, sum(found.counts)) == (1, 2, kept.size)
    part = tensors.window(value, (2, 39, 25))
    assert part.before == (2,) and part.row == 28
    np.testing.assert_array_equal(part.cells, value[2, 28:40, part.column : part.column + 12])
    assert tensors.window(np.array(3.0), ()).cells.tolist() == [[3.0]]
    assert tensors.window(np.arange(5), (3,)).cells.tolist() == [[0, 1, 2, 3, 4]]
    assert np.isnan(tensors.summary(np.array([np.nan])).mean)


def test_a_model_before_any_step_is_a_function_too():
    model = pel.Sequential([pel.nn.Dense(2, "tanh"), pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(0.1), "squared")
    x, y = RNG.normal(size=(4, 3)), RNG.normal(size=4)
    found = of_function(model.__pellucid_function__("show", x, y))
    assert {"dense_1.W", "dense_2.b"} <= set(found.names)
    assert found.values[found.ends.objective] == pytest.approx(
        model.evaluate(x, y, backend="interpreter")["loss"], 1e-6
    )
