"""What the lectures say of derivatives: how many paths, calls and nodes they cost, and what stays.

Costs are counted in graphs, not timed.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from tests.ops.cases import cases
from tests.ops.graphs import grads
from tests.ops.sampling import sample

import pellucid as pel
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.core.dtypes import float64
from pellucid.graph.node import CONST, INPUT
from pellucid.ops import REGISTRY
from pellucid.ops.spec import Kind, Linear, Partials
from pellucid.runtime.extras import NUMPY

relu = pel.numpy.relu


def shown(function, *args):
    """The graph of a scalar function with its gradient behind it."""
    return pel.show(function, *args, values=False)


def computed(nodes):
    return [node for node in nodes if node.op not in (INPUT, CONST)]


def multiply_adds(nodes, types):
    """The products that the matrix products among `nodes` add up."""
    total = 0
    for node in nodes:
        if node.op == "contract":
            summed = [types[node.inputs[0]].shape[i] for i, _ in node.attr("summed")]
            total += math.prod(node.type.shape) * math.prod(summed)
    return total


def costs(function, *args):
    """Multiply-adds of a function, and of the function with its gradient."""
    found = shown(function, *args)
    nodes = found.graph.nodes
    types = [node.type for node in nodes]
    return multiply_adds(nodes[: found.forward], types), multiply_adds(nodes, types)


def paths_through(graph, start, end):
    """How many paths lead from a node to another, by dynamic programming over the nodes."""
    ways = [0] * len(graph.nodes)
    ways[start] = 1
    for position, node in enumerate(graph.nodes):
        ways[position] += sum(ways[source] for source in node.inputs)
    return ways[end]


def scalar_net(width, depth, seed=0):
    """x → `depth` full layers of `width` scalar units → their sum, and what to do by hand."""
    w = np.random.default_rng(seed).normal(size=(depth, width, width)) / width

    def net(x):
        layer = [np.tanh(x * (i + 1.0)) for i in range(width)]
        for one in w:
            layer = [
                np.tanh(sum(float(one[j, i]) * v for i, v in enumerate(layer)))
                for j in range(width)
            ]
        return sum(layer)

    return net, w


def slope_along_every_path(x, w):
    """The total derivative as a sum over paths, one by one; and their number."""
    width = w.shape[1]
    values = [np.tanh(x * np.arange(1, width + 1))]
    for one in w:
        values.append(np.tanh(one @ values[-1]))
    total, count = 0.0, 0
    for path in itertools.product(range(width), repeat=len(values)):
        product = (path[0] + 1.0) * (1 - values[0][path[0]] ** 2)
        for layer, (i, j) in enumerate(itertools.pairwise(path)):
            product *= w[layer, j, i] * (1 - values[layer + 1][j] ** 2)
        total, count = total + product, count + 1
    return total, count


@pytest.mark.lecture("T1.G2")
def test_paths_multiply_with_the_depth_and_nodes_only_add_up():
    """With the depth the paths multiply, but backpropagation visits each node once."""
    width, depths = 3, (1, 2, 3, 4, 5)
    paths, nodes = [], []
    for depth in depths:
        net, w = scalar_net(width, depth)
        x = np.float64(0.4)
        graph = pel.show(net, x, backward=False).graph
        paths.append(paths_through(graph, graph.inputs[0], graph.outputs[0]))
        nodes.append(len(computed(shown(net, x).graph.nodes)))
        naive, count = slope_along_every_path(float(x), w)
        assert count == paths[-1]
        assert naive == pytest.approx(float(pel.grad(net)(x)), rel=1e-12)
    assert paths == [width ** (depth + 1) for depth in depths]
    steps = np.diff(nodes)
    assert (steps == steps[0]).all()


@pytest.mark.lecture("T1.G2")
def test_at_depth_sixty_no_machine_could_sum_over_the_paths():
    """Two edges a layer make 2⁶⁰ paths at depth sixty, and the gradient is there at once."""

    def chain(x):
        for _ in range(60):
            x = x * np.cos(x)
        return x

    found = shown(chain, np.float64(0.5))
    graph = found.graph
    end = graph.outputs[0]
    assert paths_through(graph, graph.inputs[0], end) == 2**60
    assert len(graph) < 10 * found.forward
    difference = pel.numerical_grad(chain)(np.float64(0.5))
    assert float(pel.grad(chain)(np.float64(0.5))) == pytest.approx(float(difference), rel=1e-6)


def regression(hidden, rows=20):
    """A two-layer regression on `rows` rows: its loss as a function of its weights, the weights."""
    rng = np.random.default_rng(hidden)
    x, y = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 1))
    sizes = [(3, hidden), (hidden,), (hidden, 1), (1,)]
    seen = []

    def loss(w1, b1, w2, b2):
        seen.append(len(x))
        return np.mean((np.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2)

    return loss, [rng.normal(size=size) * 0.5 for size in sizes], seen


@pytest.mark.lecture("T1.G3")
@pytest.mark.lecture("T1.K.numerical-kept")
@pytest.mark.parametrize("hidden", [2, 5, 9])
def test_differences_need_two_forward_passes_a_weight(hidden):
    """Numerical differentiation needs several passes over the whole data set for each weight."""
    loss, weights, seen = regression(hidden)
    count = sum(w.size for w in weights)
    every = (0, 1, 2, 3)
    by_differences = pel.numerical_grad(loss, every)(*weights)
    assert seen == [20] * (2 * count + 1)
    seen.clear()
    by_backprop = pel.grad(loss, every)(*weights)
    assert seen == [20]
    for one, other in zip(by_differences, by_backprop, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)
    forward, both = costs(loss, *weights)
    assert both <= 3 * forward < (2 * count + 1) * forward


def mlp(sizes, activation=np.tanh, seed=0):
    """v ← s(W·v + b) for one sample: a function of its weights and biases, and these."""
    rng = np.random.default_rng(seed)
    params = [
        {"W": rng.normal(size=(m, k)) / np.sqrt(k), "b": rng.normal(size=m)}
        for k, m in itertools.pairwise(sizes)
    ]
    v0 = rng.normal(size=sizes[0])

    def z(params):
        v = v0
        for layer in params:
            v = activation(layer["W"] @ v + layer["b"])
        return np.sum(v)

    return z, params, v0


@pytest.mark.lecture("T1.G5")
def test_each_node_gets_one_gradient_and_each_layer_as_many_nodes():
    """Backpropagation is dynamic programming: each gradient is computed once, layer by layer."""
    sizes = []
    for depth in (2, 3, 4, 8, 16):
        z, params, _ = mlp([3] * (depth + 1))
        found = shown(z, params)
        sizes.append((depth, len(found.graph)))
        names = [name for note in found.notes for name in note.split(", ") if name.startswith("∂")]
        moving = computed(found.graph.nodes[: found.forward])
        assert len(names) == len(set(names)) == len(moving) + 2 * depth
    (first, least), *rest = sizes
    per_layer = (rest[0][1] - least) / (rest[0][0] - first)
    assert all(size == least + per_layer * (depth - first) for depth, size in rest)


LOCAL = {  # f: (inputs, output) → the local gradient of each input, as the figure has them
    "add": lambda x, y, out: (1, 1),
    "subtract": lambda x, y, out: (1, -1),
    "multiply": lambda x, y, out: (y, x),
    "divide": lambda x, y, out: (1 / y, -x / y**2),
    "pow": lambda x, y, out: (y * x ** (y - 1), out * np.log(x)),
    "maximum": lambda x, y, out: (x > y, y > x),
    "minimum": lambda x, y, out: (x < y, y < x),
    "negative": lambda x, out: (-1,),
    "square": lambda x, out: (2 * x,),
    "sqrt": lambda x, out: (1 / (2 * out),),
    "exp": lambda x, out: (out,),
    "expm1": lambda x, out: (np.exp(x),),
    "log": lambda x, out: (1 / x,),
    "log1p": lambda x, out: (1 / (1 + x),),
    "tanh": lambda x, out: (1 - out**2,),
    "sinh": lambda x, out: (np.cosh(x),),
    "cosh": lambda x, out: (np.sinh(x),),
    "atan": lambda x, out: (1 / (1 + x**2),),
    "asin": lambda x, out: (1 / np.sqrt(1 - x**2),),
    "acos": lambda x, out: (-1 / np.sqrt(1 - x**2),),
    "asinh": lambda x, out: (1 / np.sqrt(x**2 + 1),),
    "acosh": lambda x, out: (1 / np.sqrt(x**2 - 1),),
    "atanh": lambda x, out: (1 / (1 - x**2),),
    "atan2": lambda y, x, out: (x / (x**2 + y**2), -y / (x**2 + y**2)),
    "remainder": lambda x, y, out: (1, -np.floor(x / y)),
    "sigmoid": lambda x, out: (out * (1 - out),),
    "softplus": lambda x, out: (1 / (1 + np.exp(-x)),),
    "relu": lambda x, out: (x > 0,),
    "abs": lambda x, out: (np.sign(x),),
    "sin": lambda x, out: (np.cos(x),),
    "cos": lambda x, out: (-np.sin(x),),
    "erf": lambda x, out: (2 / np.sqrt(np.pi) * np.exp(-(x**2)),),
}


def smooth_rows():
    """The rows of the table that act on each element and state a local gradient."""
    return sorted(
        name
        for name, op in REGISTRY.items()
        if op.kind is Kind.ELEMENTWISE
        and not op.user
        and not op.attrs
        and isinstance(op.derivative, (Partials, Linear))
        and all(op.differentiable(i) for i in range(len(op.inputs)))
    )


@pytest.mark.lecture("T1.G10")
@pytest.mark.parametrize("name", smooth_rows())
def test_the_gradient_is_the_output_gradient_times_the_local_gradient(name):
    """Every common function hands on its output gradient times its own local gradient."""
    op = REGISTRY[name]
    case = next(c for c in cases(op) if not c.symbolic and c.shapes == ((3,),) * len(op.inputs))
    inputs = sample(op, case, float64)
    out = op.forward(NUMPY, *inputs)
    ct = np.array([2.0, -0.5, 3.0])
    got = grads(lambda *xs: xs[0].recorder.apply(op, xs, {}), *inputs, ct=ct)
    for gradient, local in zip(got, LOCAL[name](*inputs, out), strict=True):
        np.testing.assert_allclose(gradient, ct * local, rtol=1e-13)


@pytest.mark.lecture("T1.G10")
def test_the_table_of_local_gradients_leaves_no_function_out():
    """The table of local gradients holds every common function that has a slope."""
    assert set(LOCAL) == set(smooth_rows())


@pytest.mark.lecture("T1.G13")
def test_the_matrix_graph_of_the_network_is_the_scalar_graph():
    """A network written with matrices has the gradients of the one written unit by unit."""
    z, params, v0 = mlp([2, 3, 3, 1])

    def by_units(params):
        v = [float(one) for one in v0]
        for layer in params:
            rows, width = range(layer["W"].shape[0]), range(len(v))
            v = [
                np.tanh(sum((layer["W"][j, i] * v[i] for i in width), layer["b"][j])) for j in rows
            ]
        return sum(v)

    value, gradient = pel.value_and_grad(z)(params)
    value_by_units, gradient_by_units = pel.value_and_grad(by_units)(params)
    assert float(value) == pytest.approx(float(value_by_units), rel=1e-14)
    for one, other in zip(gradient, gradient_by_units, strict=True):
        np.testing.assert_allclose(one["W"], other["W"], rtol=1e-12)
        np.testing.assert_allclose(one["b"], other["b"], rtol=1e-12)
    # Three nodes a layer, product, sum and activation, however wide it is.
    layer_of_three = ["contract", "add", "tanh"] * 3
    for sizes in ([2, 3, 3, 1], [2, 30, 30, 1]):
        wide, weights, _ = mlp(sizes)
        nodes = computed(pel.show(wide, weights, backward=False).graph.nodes)
        assert [node.op for node in nodes] == [*layer_of_three, "sum"]


@pytest.mark.lecture("T1.G16")
def test_the_delta_rules_of_the_linear_algebra_view():
    """Deltas are products with W′, and a weight matrix's gradient is an outer product: δ̄ᵢ₊₁ vᵢ′."""
    _, params, v0 = mlp([4, 5, 3, 1])
    W, b = [p["W"] for p in params], [p["b"] for p in params]
    v, bar = [v0], []
    for w, shift in zip(W, b, strict=True):
        bar.append(w @ v[-1] + shift)
        v.append(np.tanh(bar[-1]))
    delta, by_hand = np.ones(1), [None] * 3  # dz/dz = 1
    for i in reversed(range(3)):
        delta_bar = (1 - np.tanh(bar[i]) ** 2) * delta  # δ̄ = s′(v̄) × δ
        by_hand[i] = np.outer(delta_bar, v[i]), delta_bar  # Δᵢ = δ̄ᵢ₊₁ vᵢ′, of the shape of Wᵢ
        delta = W[i].T @ delta_bar  # δᵢ = Wᵢ′ δ̄ᵢ₊₁
    z, params, _ = mlp([4, 5, 3, 1])
    gradient = pel.grad(z)(params)
    for layer, (slope, shift) in zip(gradient, by_hand, strict=True):
        np.testing.assert_allclose(layer["W"], slope, rtol=1e-12)
        np.testing.assert_allclose(layer["b"], shift, rtol=1e-12)
    # The graph itself has an outer product for each Δ, and a product with W′ for each inner δ.
    found = shown(z, params)
    back = [n for n in found.graph.nodes[found.forward :] if n.op == "contract"]
    assert Counter(n.attr("summed") for n in back) == {(): 3, ((0, 0),): 2}


@pytest.mark.lecture("T1.G16")
def test_loss_and_gradient_cost_three_times_the_loss_and_both_are_linear_in_the_weights():
    """The gradient for one sample costs O(P) for P weights: with the loss, thrice the loss."""
    for depth, width in itertools.product((2, 3, 6), (2, 4, 8, 32)):
        sizes = [width] * depth + [1]
        z, params, _ = mlp(sizes)
        weights = sum(layer["W"].size for layer in params)
        forward, both = costs(z, params)
        assert forward == weights
        # The first layer's input is data: no delta is sent on to it.
        assert both == 3 * weights - params[0]["W"].size <= 3 * forward


@pytest.mark.lecture("T1.G20")
def test_the_way_back_reads_what_the_way_forward_cached():
    """Backpropagation of a two-layer network reads the cached q and z of its forward pass."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))

    def cost(W1, b1, W2, b2):
        z1 = x @ W1 + b1
        q1 = relu(z1)
        z2 = q1 @ W2 + b2
        return np.mean((y - z2) ** 2)

    weights = [rng.normal(size=size) for size in ((3, 4), (4,), (4, 1), (1,))]
    alone = pel.show(cost, *weights, backward=False).graph
    found = shown(cost, *weights)
    nodes, forward = found.graph.nodes, found.forward
    assert nodes[:forward] == alone.nodes  # the forward pass as it stands, and the gradient behind
    keys = [node.key for node in nodes]
    assert len(set(keys)) == len(keys)  # nothing is computed twice
    ops = Counter(node.op for node in nodes)
    assert ops["relu"] == 1
    q1 = next(i for i, node in enumerate(nodes) if node.op == "relu")
    (z1,) = nodes[q1].inputs
    z2 = next(i for i, n in enumerate(nodes) if n.op == "add" and n.type.shape == (5, 1))
    # Two products on the way forward; on the way back dQ, dW² and dW¹.
    products = [i for i, node in enumerate(nodes) if node.op == "contract"]
    assert [i < forward for i in products] == [True, True, False, False, False]
    by_name = {
        name: i
        for i, note in enumerate(found.notes)
        for name in note.split(", ")
        if name.startswith("∂")
    }
    end = f"∂v{alone.outputs[0]}/∂"
    dz1, dq1, dz2 = (by_name[f"{end}v{i}"] for i in (z1, q1, z2))
    dw1, dw2 = by_name[f"{end}W1"], by_name[f"{end}W2"]
    assert nodes[dw2].inputs == (q1, dz2)  # (6.27): dW = dZ′ Q from the cached Q
    assert nodes[dq1].inputs[0] == dz2
    assert dq1 in nodes[dz1].inputs
    assert nodes[dw1].inputs[1] == dz1
    # h′(Z) reads the cached hidden units: where q is above 0, z is too.
    (mask,) = (node for node in nodes if node.op == "greater")
    assert mask.inputs[0] in (q1, z1)


def arena(depth, rows, backward, width=8):
    """Bytes of what a compiled network keeps while it runs, weights and data apart."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, width))
    weights = [rng.normal(size=(width, width)) for _ in range(depth)]

    def loss(weights):
        v = x
        for w in weights:
            v = np.tanh(v @ w)
        return np.mean(v * v)

    graph = pel.show(loss, weights, values=False, backward=backward).graph
    return compile_graph(graph, xp=NUMPY)[0].arena.bytes(0)


@pytest.mark.lecture("T1.G21")
def test_training_stores_every_layers_activations_and_prediction_does_not():
    """Backpropagation stores the activations of every layer; prediction need not."""
    rows, width, item = 100, 8, 8
    layer = rows * width * item
    training = {depth: arena(depth, rows, True) for depth in (2, 4, 8, 16)}
    running = {depth: arena(depth, rows, False) for depth in (2, 4, 8, 16)}
    assert len(set(running.values())) == 1  # two buffers in turn, however deep
    for depth, size in training.items():  # one array a layer, and one for the way back
        assert size == pytest.approx((depth + 1) * layer, rel=0.02)
    # And it grows with the batch: twice the rows, twice the memory.
    assert arena(8, 200, True) / training[8] == pytest.approx(2, rel=0.02)


def layer_norms(activation, initializer, depth=12, width=20):
    """The norm of each layer's gradient of W, first layer first, and the model's."""
    x = np.random.default_rng(0).normal(size=(50, width))
    y = np.random.default_rng(1).integers(0, 3, 50)
    layers = [
        pel.nn.Dense(width, activation=activation, kernel_initializer=initializer)
        for _ in range(depth)
    ]
    model = pel.Sequential([*layers, pel.nn.Dense(3)], seed=0, dtype="float64")
    model.compile(pel.optim.SGD(1.0), "cross_entropy")
    model.build((width,))
    before = model.get_weights()
    model.fit(x, y, batch_size=50, verbose=0, seed=0, backend="interpreter")
    # With rate 1 a step is the gradient.
    moves = [a - b for a, b in zip(before, model.get_weights(), strict=True)]
    return np.array([np.linalg.norm(move) for move in moves[0 : 2 * depth : 2]])


@pytest.mark.lecture("T1.G22")
def test_through_many_sigmoids_hardly_any_gradient_reaches_the_first_layers():
    """Gradients may not reach the early layers: through each sigmoid they shrink by a factor."""
    sigmoid = layer_norms("sigmoid", "xavier")
    assert (np.diff(sigmoid) > 0).all()  # each layer gets less than the one behind it
    assert sigmoid[0] / sigmoid[-1] < 1e-6
    relu_net = layer_norms("relu", "he")
    assert relu_net[0] / relu_net[-1] > 0.1
