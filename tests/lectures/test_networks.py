"""Feed-forward networks: layers in a row, in the lectures' notation.

The lectures write a weight as (units, inputs) and a point as a column; here a weight is
(inputs, units) and a point is a row, so that their W is the transpose of ours.
"""

import dataclasses
import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.ops.spec import verify
from pellucid.testing import check_grad

FUNCTIONS = {
    None: lambda a: a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "softplus": lambda a: np.log1p(np.exp(a)),
}


def network(sizes, hidden="tanh", last=None, seed=0, **options):
    """A network of these sizes with biases that are not 0, in float64."""
    functions = [hidden] * (len(sizes) - 2) + [last]
    model = pel.Sequential(
        [
            nn.Dense(units, function, bias_initializer=nn.Normal(0.5), **options)
            for units, function in zip(sizes[1:], functions, strict=True)
        ],
        seed=seed,
        dtype="float64",
    )
    model.build((sizes[0],))
    return model


def lectures_weights(model):
    """[(W, b), …] with W (units, inputs)."""
    arrays = model.get_weights()
    return [(w.T, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]


def points(count, features, seed=0):
    return np.random.default_rng(seed).normal(size=(count, features))


@pytest.mark.lecture("T1.C1")
@pytest.mark.parametrize("first", FUNCTIONS)
@pytest.mark.parametrize("second", FUNCTIONS)
def test_two_layers_with_any_activations(first, second):
    """A two-layer network computes y_k = g₂(Σᵢ w_ki g₁(Σⱼ w_ij x_j)), with a bias in each layer."""
    d, h, k = 3, 4, 2
    model = network((d, h, k), first, second)
    (w1, b1), (w2, b2) = lectures_weights(model)
    assert w1.shape == (h, d) and b1.shape == (h,) and w2.shape == (k, h) and b2.shape == (k,)
    g1, g2 = FUNCTIONS[first], FUNCTIONS[second]
    x = points(5, d)
    for point, y in zip(x, model.predict(x, backend="interpreter"), strict=True):
        z = [g1(sum(w1[i, j] * point[j] for j in range(d)) + b1[i]) for i in range(h)]
        for out in range(k):
            wanted = g2(sum(w2[out, i] * z[i] for i in range(h)) + b2[out])
            assert y[out] == pytest.approx(wanted, rel=1e-12, abs=1e-14)


@pytest.mark.lecture("T1.C2")
def test_hidden_units_are_generalised_linear_models():
    """A two-layer network is U generalised linear models, combined by a linear one."""
    model = network((3, 5, 1), "sigmoid")
    (w1, b1), (w2, b2) = lectures_weights(model)
    assert w1.shape == (5, 3) and w2.shape == (1, 5)
    x = points(7, 3)
    # (6.6) element by element: every unit a model of its own, a layer of one unit.
    units = []
    for u in range(5):
        unit = network((3, 1), last="sigmoid")
        unit.set_weights([w1[[u]].T, b1[[u]]])
        units.append(unit.predict(x)[:, 0])
    by_elements = sum(w2[0, u] * units[u] for u in range(5)) + b2[0]
    # (6.8), one point as a column after the other.
    by_matrices = [w2 @ FUNCTIONS["sigmoid"](w1 @ point + b1) + b2 for point in x]
    np.testing.assert_allclose(by_elements, np.ravel(by_matrices), rtol=1e-13)
    np.testing.assert_allclose(model.predict(x).ravel(), by_elements, rtol=1e-13)


@pytest.mark.lecture("T1.C3")
@pytest.mark.parametrize("depth", range(1, 17))
def test_a_network_of_any_depth(depth):
    """Any number L of layers: q⁽ˡ⁾ = h(W⁽ˡ⁾q⁽ˡ⁻¹⁾ + b⁽ˡ⁾) and, last, ŷ = W⁽ᴸ⁾q⁽ᴸ⁻¹⁾ + b⁽ᴸ⁾."""
    model = network((2, *[3] * (depth - 1), 2), seed=depth)
    x = points(4, 2)
    q = x.T
    for w, b in lectures_weights(model)[:-1]:
        q = np.tanh(w @ q + b[:, None])
    w, b = lectures_weights(model)[-1]
    y = model.predict(x, backend="interpreter" if depth % 5 else None)
    np.testing.assert_allclose(y.T, w @ q + b[:, None], rtol=1e-11, atol=1e-14)

    def outputs(params, x):
        return model.apply(params, {n: {} for n in model.names}, x, train=True)[0]

    check_grad(outputs, [model.params, x], order=1, directions=1, tolerance=1e-6)


@pytest.mark.lecture("T1.C4")
def test_a_network_for_m_classes():
    """For M classes W⁽ᴸ⁾ is M × U and b⁽ᴸ⁾ has M entries, and g = softmax(z) are probabilities."""
    model = network((784, 200, 10), "relu")
    (w1, b1), (w2, b2) = lectures_weights(model)
    assert w1.shape == (200, 784) and b1.shape == (200,)
    assert w2.shape == (10, 200) and b2.shape == (10,)
    model.compile(optim.SGD(0.5), loss="cross_entropy")
    x = points(6, 784)
    z = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    np.testing.assert_allclose(model.predict(x), z, rtol=1e-10, atol=1e-12)
    g = model.predict_proba(x)
    np.testing.assert_allclose(g, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(g.sum(axis=1), 1, rtol=1e-14)


@pytest.mark.lecture("T1.C5")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_points_are_the_rows_of_a_matrix(backend):
    """Points as rows: Q = h(XW⁽¹⁾ᵀ + b⁽¹⁾ᵀ), Ŷ = QW⁽²⁾ᵀ + b⁽²⁾ᵀ, the stacked single outputs."""
    model = network((3, 5, 2))
    (w1, b1), (w2, b2) = lectures_weights(model)
    x = points(37, 3)
    batch = model.predict(x, backend=backend)
    q = np.tanh(x @ w1.T + b1)
    np.testing.assert_allclose(batch, q @ w2.T + b2, rtol=1e-12, atol=1e-14)
    singles = [model.predict(x[[i]], backend=backend) for i in range(37)]
    np.testing.assert_allclose(batch, np.concatenate(singles), rtol=1e-13, atol=1e-15)


@pytest.mark.lecture("T1.C6")
def test_all_parameters_as_one_vector():
    """All parameters are one vector θ = [vec(W⁽¹⁾)ᵀ b⁽¹⁾ᵀ … vec(W⁽ᴸ⁾)ᵀ b⁽ᴸ⁾ᵀ]ᵀ."""
    model = network((3, 5, 4, 2))
    # vec stacks the columns of a matrix: the rows of ours, which lie one behind the other.
    theta = np.concatenate([np.concatenate([w.ravel("F"), b]) for w, b in lectures_weights(model)])
    arrays = model.get_weights()
    np.testing.assert_array_equal(theta, np.concatenate([a.ravel() for a in arrays]))
    assert theta.size == model.count_params()

    ends = np.cumsum([a.size for a in arrays])
    spans = list(zip([0, *ends[:-1]], ends, [a.shape for a in arrays], strict=True))
    other = network((3, 5, 4, 2), seed=1)
    x = points(6, 3)
    assert (other.predict(x) != model.predict(x)).all()
    other.set_weights([theta[a:b].reshape(shape) for a, b, shape in spans])
    np.testing.assert_array_equal(other.predict(x), model.predict(x))

    given, how = pel.Tensor(x), {"train": True, "key": None}

    def cost(params):
        return np.mean(model.apply(params, {n: {} for n in model.names}, given, **how)[0] ** 2)

    def cost_of_vector(theta):
        parts = iter([theta[int(a) : int(b)].reshape(shape) for a, b, shape in spans])
        return cost({n: {k: next(parts) for k in leaf} for n, leaf in model.params.items()})

    by_layer = pel.grad(cost)(model.params)
    gradient = [by_layer[n][k].ravel() for n, leaf in model.params.items() for k in leaf]
    np.testing.assert_allclose(
        pel.grad(cost_of_vector)(theta), np.concatenate(gradient), rtol=1e-12, atol=1e-15
    )


@pytest.mark.lecture("T1.C8")
@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_linear_layers_make_a_linear_function(depth):
    """With linear activations, successive layers still compute one linear function."""
    model = network((3, *range(4, 3 + depth), 2), "linear", seed=depth)
    matrix, offset = np.eye(3), np.zeros(3)
    for w, b in lectures_weights(model):
        matrix, offset = w @ matrix, w @ offset + b
    x = points(9, 3)
    np.testing.assert_allclose(model.predict(x), x @ matrix.T + offset, rtol=1e-10, atol=1e-13)
    bent = network((3, *range(4, 4 + depth), 2), "relu", seed=depth)
    middle = bent.predict([[0.0] * 3]) * 2 - bent.predict(x[:1]) - bent.predict(-x[:1])
    assert abs(middle).max() > 1e-6, "one ReLU layer is enough to be no linear function"


@pytest.mark.slow
@pytest.mark.lecture("T1.C12")
def test_more_hidden_units_approximate_better():
    """One hidden layer with enough units approximates any continuous function on a compact set."""
    x = np.linspace(-1, 1, 101)[:, None]
    wave = np.sin(6 * x)
    farthest = []
    for units in (1, 2, 4, 8):
        hidden = nn.Dense(
            units, "tanh", kernel_initializer=nn.Normal(3.0), bias_initializer=nn.Uniform(3.0)
        )
        model = pel.Sequential([hidden, nn.Dense(1)], seed=0, dtype="float64")
        model.compile(optim.Adam(optim.Cosine(0.03, 4000)), "squared")
        model.fit(x, wave, batch_size=101, epochs=4000, seed=0, verbose=0)
        farthest.append(abs(model.predict(x) - wave).max())
    assert farthest == sorted(farthest, reverse=True) and farthest[-1] < 0.1 < 0.9 < farthest[0]


@pytest.mark.lecture("T1.C12")
def test_relu_units_draw_a_polygon_through_any_function():
    """U hidden ReLU units draw a polygon with U pieces: its distance to f falls as 1/U²."""
    fine = np.linspace(-1, 1, 2001)[:, None]
    distances = []
    for units in (4, 8, 16, 32):
        knots = np.linspace(-1, 1, units + 1)
        slopes = np.diff(np.exp(knots)) / np.diff(knots)
        model = network((1, units, 1), "relu")
        # Each unit bends the line at its knot by what the slope changes there.
        bends = np.diff(slopes, prepend=0)
        model.set_weights([np.ones((1, units)), -knots[:-1], bends[:, None], [np.exp(-1)]])
        distances.append(abs(model.predict(fine) - np.exp(fine)).max())
    for wide, narrow in itertools.pairwise(distances):
        assert wide / narrow == pytest.approx(4, rel=0.15)
    assert distances[-1] < np.e / 8 * (2 / 32) ** 2  # max |f''| h² / 8


@pytest.mark.lecture("T1.C13")
@pytest.mark.usefixtures("broken_graphs")
def test_a_feed_forward_network_has_no_feedback():
    """In a feed-forward network nothing feeds back: a graph with a cycle is refused."""
    graph = network((2, 3, 1)).graph()
    verify(graph)
    first = next(i for i, node in enumerate(graph.nodes) if node.op == "contract")
    last = len(graph.nodes) - 1
    nodes = list(graph.nodes)
    nodes[first] = dataclasses.replace(nodes[first], inputs=(last, *nodes[first].inputs[1:]))
    with pytest.raises(pel.GraphError, match=f"inputs must be earlier nodes, got {last}"):
        verify(dataclasses.replace(graph, nodes=tuple(nodes)))


@pytest.mark.lecture("T1.C15")
def test_flattening_loses_what_convolution_keeps():
    """Flattening an image loses where its pixels were; convolution keeps that."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4, 6, 6, 1))
    shuffled = rng.permutation(36)
    mixed = images.reshape(4, 36)[:, shuffled].reshape(images.shape)

    flat = pel.Sequential([nn.Flatten(), nn.Dense(5, "relu")], seed=0, dtype="float64")
    flat.build((6, 6, 1))
    w, b = flat.get_weights()
    before = flat.predict(images)
    flat.set_weights([w[shuffled], b])  # the same function of the shuffled pixels
    np.testing.assert_allclose(flat.predict(mixed), before, rtol=1e-12, atol=1e-14)

    convolution = pel.Sequential([nn.Conv2D(3, 3)], seed=0, dtype="float64")
    maps = convolution.predict(images)
    moved = convolution.predict(np.roll(images, (1, 2), axis=(1, 2)))
    np.testing.assert_allclose(moved[:, 1:, 2:], maps[:, :-1, :-2], rtol=1e-12, atol=1e-14)
    assert maps.shape == (4, 4, 4, 3) and (abs(convolution.predict(mixed) - maps) > 1e-6).any()
