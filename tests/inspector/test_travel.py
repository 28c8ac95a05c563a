"""Any step of a run: its nodes have the values of the run, and any state comes back in its bits."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.inspector import facts
from pellucid.inspector.ladder import Walk
from pellucid.inspector.layers import layers
from pellucid.inspector.travel import Travel
from pellucid.nn import L2, BatchNorm, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPool2D
from pellucid.ops.spec import Kind, lookup
from pellucid.optim import LBFGS, SGD, Adam

RNG = np.random.default_rng(1)
X = RNG.normal(size=(23, 2)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def network(optimizer=None):
    model = pel.Sequential(
        [Dense(5, "relu", name="hidden"), BatchNorm(), Dropout(0.5), Dense(2, name="out")], seed=0
    )
    model.compile(optimizer or Adam(0.01), "cross_entropy", regularizer=L2(0.01))
    return model


class States(pel.Callback):
    """What a run was before and behind each step."""

    def on_start(self, run):
        self.weights, self.losses = [], []
        self.on_step(run)

    def on_step(self, run):
        run.publish()
        self.weights.append({name: w.copy() for name, w in run.model.weights.items()})
        self.losses.append(run.measures.get("loss"))


def the_run(model, x, y, **options):
    seen = States()
    model.fit(x, y, verbose=0, callbacks=[seen], **options)
    return seen


OPTIONS = {"batch_size": 4, "epochs": 5, "seed": 3}


@pytest.mark.parametrize("backend", ["interpreter", "native"])
def test_every_state_of_the_run_comes_back_in_its_bits_whatever_the_way(backend):
    seen = the_run(network(), X, Y, backend=backend, **OPTIONS)
    travel = Travel(network(), X, Y, backend=backend, most_states=4, **OPTIONS)
    assert travel.steps == 30 == len(seen.weights) - 1
    for number in (30, 0, 17, 16, 5, 29, 1):  # forward, back, and between what is kept
        for name, array in travel.weights(number).items():
            np.testing.assert_array_equal(array, seen.weights[number][name])
        assert len(travel.kept) <= 4
    assert [travel.losses[k] for k in range(30)] == seen.losses[1:]


def convolution():
    model = pel.Sequential(
        [Conv2D(2, 3, activation="relu"), MaxPool2D(2), Flatten(), Dense(3)], seed=0
    )
    model.compile(SGD(0.1, momentum=0.9), "cross_entropy")
    return model, RNG.normal(size=(6, 8, 8, 1)), RNG.integers(0, 3, 6)


def embedding():
    model = pel.Sequential([Embedding(7, 3), Flatten(), Dense(1)], seed=0)
    model.compile(SGD(0.1), "squared")
    return model, RNG.integers(0, 7, (6, 2)), RNG.normal(size=6)


def batch_norm():
    return network(), X, Y


MADE = batch_norm, convolution, embedding


def test_these_networks_have_rows_of_every_kind():
    steps = [Travel(model, x, y).graph.whole for model, x, y in (make() for make in MADE)]
    nodes = [node for graph in steps for node in graph.nodes if not node.is_input]
    assert {lookup(node.op).kind for node in nodes} == set(Kind)


@pytest.mark.parametrize("backend", ["interpreter", "native"])
@pytest.mark.parametrize("make", MADE)
def test_a_step_node_by_node_is_the_step_of_the_run(make, backend):
    """On the interpreter in every bit; beside machine code within 4 units in the last place of
    the largest number of a tensor, since that sums in another order."""
    model, x, y = make()
    travel = Travel(model, x, y, batch_size=4, epochs=2, seed=0, backend=backend)
    for number in (0, travel.last):
        moment = travel.moment(number)
        after = travel.state(number + 1)
        for place, wanted in zip(moment.graph.outputs, after, strict=False):
            got = moment.values[place]
            if backend == "interpreter" or wanted.dtype.kind != "f":
                np.testing.assert_array_equal(got, wanted)
            else:
                size = np.abs(wanted).max(initial=1e-3)
                np.testing.assert_allclose(got, wanted, rtol=0, atol=4 * np.spacing(size))
        loss = float(moment.values[moment.ends.objective])
        assert loss == pytest.approx(travel.losses[number], rel=0 if backend != "native" else 1e-6)


def plain():
    model = pel.Sequential([Dense(5, "tanh"), Dropout(0.5), Dense(2)], seed=0)
    model.compile(SGD(0.1, momentum=0.9), "cross_entropy", regularizer=L2(0.01))
    return model


@pytest.mark.parametrize("make", [network, plain])
def test_the_uses_of_every_node_add_up_to_its_gradient(make):
    moment = Travel(make(), X, Y, backend="interpreter", **OPTIONS).moment(7)
    weights = [n for n in moment.graph.inputs if n in moment.places]
    assert [moment.names[n] for n in weights] == names_of(make())
    if make is plain:  # all gradients are nodes of the step itself: nothing is computed beside it
        assert all(moment.places[n] < moment.own for n in weights)
    for n in moment.backward:
        uses = facts.uses(moment, n)
        for use in uses:
            if use.of is None:
                np.testing.assert_array_equal(use.product, use.output * use.local)
        if uses:
            np.testing.assert_array_equal(facts.added(uses), moment.gradients[n])


def names_of(model):
    model.build((2,))
    return list(model.weights)


def test_an_update_by_hand():
    """Adam's first step: m = (1-β₁)g, v = (1-β₂)g², w - η·m̂/(√v̂ + ε)."""
    moment = Travel(network(), X, Y, backend="interpreter", **OPTIONS).moment(0)
    n = moment.find("hidden.W")
    g, w = moment.gradients[n].astype(float), moment.values[n].astype(float)
    new = moment.values[moment.updates[n]]
    large = np.abs(g) > 1e-5  # of others the sign is rounding
    wanted = w - 0.01 * g / (np.abs(g) + 1e-8)
    np.testing.assert_allclose(new[large], wanted[large], rtol=1e-5)
    chain = moment.chain(n)
    assert moment.updates[n] == chain[-1] and len(chain) > 5
    assert facts.formula(moment, chain[-1])


def test_walking_on_and_back_along_the_whole_ladder():
    walk = Walk(Travel(network(SGD(0.1)), X, Y, batch_size=8, epochs=2, seed=0))
    assert walk.levels == ("run", "epoch", "batch", "forward", "backward", "update")
    moves = []
    for level in ("run", "epoch", "batch"):
        walk.to(level, step=0)
        steps = [0]
        while walk.right():
            steps.append(walk.place.step)
        moves.append(steps)
    assert moves == [[0, 5], [0, 3], [0, 1, 2, 3, 4, 5]]
    walk.to("forward", 4, walk.moment.forward[0])
    there = [walk.place]
    while walk.right():
        there.append(walk.place)
    assert {place.step for place in there} == {4, 5}
    assert [p.level for p in there if p.step == 5 and p.level == "update"] == ["update"] * 6
    count = len(there)
    here = [walk.place]
    while len(here) < count and walk.left():
        here.append(walk.place)
    assert here[::-1] == there
    # Down keeps the node where it stands at that level too, and up comes back.
    walk.to("forward", 1, walk.moment.find("J"))
    assert (
        walk.down() and walk.place.level == "backward" and walk.place.node == walk.moment.find("J")
    )
    assert walk.down() and walk.place.level == "update" and not walk.down()
    assert [walk.up() for _ in range(6)] == [True] * 5 + [False]
    with pytest.raises(ArgumentError, match="step must be in"):
        walk.to(step=6)
    product = walk.moment.forward[0]
    walk.to("forward", 1, product)
    walk.to("update")
    assert walk.moment.names[walk.place.node] == "hidden.W"  # of the same layer
    walk.to(node=product)
    assert walk.place.level == "forward"


def test_a_minimizer_is_walked_forward_and_backward():
    def searched():
        model = pel.Sequential([Dense(3, "tanh"), Dense(1)], seed=0, dtype="float64")
        model.compile(LBFGS(), "squared")
        return model

    x, y = RNG.normal(size=(9, 2)), RNG.normal(size=9)
    seen = the_run(searched(), x, y, epochs=3, seed=0)
    travel = Travel(searched(), x, y, epochs=3, seed=0)
    for name, array in travel.weights(3).items():
        np.testing.assert_array_equal(array, seen.weights[3][name])
    walk = Walk(travel)
    assert walk.levels == ("run", "epoch", "batch", "forward", "backward")
    walk.to("backward", 1, walk.moment_at(1).find("dense_1.W"))
    assert facts.uses(walk.moment, walk.place.node)
    assert walk.right() and walk.right() and not np.isnan(travel.losses[1])


@pytest.mark.lecture("T1.G13")
def test_the_matrix_graph_of_a_network_unit_by_unit():
    """z = x·W + b as one node; the formula with numbers is that of one unit of one row."""
    model = pel.Sequential([Dense(3, "tanh", name="h"), Dense(1, name="o")], seed=0)
    model.compile(SGD(0.1), "squared")
    x, y = X[:4], X[:4, 0]
    moment = Travel(model, x, y, batch_size="all").moment(0)
    rows = moment.values[moment.find("x")]
    W, b = (moment.values[moment.find(name)] for name in ("h.W", "h.b"))
    nodes = [moment.graph.nodes[n].op for n in moment.forward if moment.roles[n].layer == "h"]
    assert nodes == ["contract", "add", "tanh"]
    product = moment.forward[0]
    np.testing.assert_allclose(moment.values[product], rows @ W, rtol=1e-5)
    np.testing.assert_allclose(moment.values[moment.forward[1]], rows @ W + b, rtol=1e-5)
    shown = facts.formula(moment, product, (2, 1))
    for number in (rows[2, 0], W[0, 1], rows[2, 1], W[1, 1]):
        assert f"{abs(number):.6g}" in shown


@pytest.mark.lecture("T1.G22")
def test_gradient_norms_shrink_through_sigmoids():
    def norms(activation, initializer):
        hidden = [Dense(20, activation, kernel_initializer=initializer) for _ in range(10)]
        model = pel.Sequential([*hidden, Dense(1)], seed=0)
        model.compile(SGD(1.0), "squared")
        moment = Travel(model, X, Y.astype(float), batch_size="all").moment(0)
        for row in layers(moment):  # with rate 1 a step is the gradient
            assert row.update == pytest.approx(row.gradient, rel=1e-3, abs=1e-7)
        return np.array([row.gradient for row in layers(moment)])

    sigmoid, relu = norms("sigmoid", "xavier"), norms("relu", "he")
    assert (np.diff(sigmoid[:10]) > 0).all() and sigmoid[0] / sigmoid[9] < 1e-4
    assert relu[0] / relu[9] > 0.05


@pytest.mark.lecture("T1.D3")
def test_dead_units_by_layer():
    model = pel.Sequential([Dense(6, "relu", name="h"), Dense(1, name="o")], seed=0)
    model.build((2,))
    W, b, *rest = model.get_weights()
    b[:] = 0.1, -100, 0, -100, 0.2, 0
    model.set_weights([W, b, *rest])
    model.compile(SGD(0.1), "squared")
    moment = Travel(model, X, Y.astype(float), batch_size="all").moment(0)
    first, last = layers(moment)
    assert (first.layer, first.units, first.dead) == ("h", 6, (1, 3))
    assert last.dead == ()
    slope = moment.gradients[moment.find("h.W")]
    assert (slope[:, [1, 3]] == 0).all() and (slope[:, 0] != 0).any()


@pytest.mark.lecture("T1.D3")
def test_dead_maps_of_a_convolution():
    """A unit of a convolution is a map: windows of the pooling behind it are no units."""
    model = pel.Sequential(
        [Conv2D(3, 2, activation="relu", name="c"), MaxPool2D(2), Flatten(), Dense(2, name="o")],
        seed=0,
    )
    model.build((5, 5, 1))
    W, b, *rest = model.get_weights()
    b[:] = 0.1, -100, 0.1
    model.set_weights([W, b, *rest])
    model.compile(SGD(0.1), "cross_entropy")
    x = RNG.normal(size=(4, 5, 5, 1))
    found = layers(Travel(model, x, np.arange(4) % 2, backend="interpreter").moment(0))
    assert [(one.layer, one.units, one.dead) for one in found] == [("c", 3, (1,)), ("o", 2, ())]


def test_a_run_that_fails_ends_at_the_step_that_fails():
    model = pel.Sequential([Dense(3), Dense(1)], seed=0)
    model.compile(SGD(1e6), "squared")
    travel = Travel(model, X, Y.astype(float), batch_size=4, epochs=9, seed=0)
    with pytest.raises(ArgumentError, match="whose loss is not finite") as caught:
        travel.state(travel.steps)
    assert travel.last == travel.failed < travel.steps - 1
    assert str(travel.failed) in str(caught.value)
    moment = travel.moment(travel.last)
    assert not np.isfinite(moment.values[moment.ends.objective])
    assert moment.first_not_finite() is not None
    assert all(np.isfinite(moment.values[n]).all() for n in moment.graph.inputs)


def test_the_model_is_not_trained():
    model = network()
    model.build((2,))
    before = [w.copy() for w in model.get_weights()]
    travel = Travel(model, X, Y, **OPTIONS)
    travel.state(9)
    travel.moment(3)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert "seed" not in model.training


def test_the_line_of_a_layer_and_a_loss_of_ones_own():
    class Doubled(pel.nn.Layer):
        def apply(self, params, state, x, train=False, key=None):
            return x * 2, state

    def loss(y, output):
        return np.sum((y - output) ** 2, axis=-1)

    model = pel.Sequential([Dense(1, name="o"), Doubled(name="twice")], seed=0)
    model.compile(SGD(0.1), loss)
    moment = Travel(model, X, Y.astype(float)).moment(0)
    lines = [facts.source_line(moment, n)[1] for n in moment.forward]
    assert {"return x * 2, state", "return np.sum((y - output) ** 2, axis=-1)"} <= set(lines)
    assert facts.source_line(moment, moment.forward[0]) == ("", "")  # a layer of the library
