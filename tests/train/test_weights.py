"""Weights of rows and classes, batch sizes by epoch, rates of layers."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, PellucidError, ShapeError
from pellucid.nn import losses

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.integers(0, 3, 40)


def model(loss="cross_entropy", units=3, optimizer=None, **compiled):
    last = "softplus" if loss == "poisson_rate" else None  # rates are never below 0
    net = pel.Sequential(
        [nn.Dense(4, "tanh", name="hidden"), nn.Dense(units, last, name="out")],
        seed=0,
        dtype="float64",
    )
    net.compile(optimizer or optim.SGD(0.1), loss=loss, **compiled)
    return net


def targets(loss):
    if losses.BY_NAME[loss].binary_labels is not None:
        return RNG.choice(losses.BY_NAME[loss].binary_labels, (40, 1)).astype(float), 1
    if losses.BY_NAME[loss].is_classification:
        return Y, 3
    counts = RNG.poisson(2.0, (40, 2)).astype(float)
    return counts, {"gaussian": 4, "gaussian_mixture": 8}.get(loss, 2)


@pytest.mark.parametrize("loss", losses.BY_NAME)
def test_a_weight_is_how_often_a_row_stands_there(loss):
    """(1/N) Σ wᵢ·Lᵢ with whole weights is the mean over repeated rows, times their number / N."""
    if loss.startswith("probability"):
        pytest.skip("the same code as its base class, of outputs that must be probabilities")
    y, units = targets(loss)
    w = RNG.integers(0, 4, 40)
    how = {"batch_size": "all", "epochs": 5, "verbose": 0, "seed": 0, "backend": "interpreter"}
    one = model(loss, units)
    one.fit(X, y, sample_weight=w, **how)
    again = model(loss, units, optim.SGD(0.1 * w.sum() / 40))
    again.fit(X.repeat(w, 0), y.repeat(w, 0), **how)
    for a, b in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    plain = {"backend": "interpreter"}
    weighted = one.evaluate(X, y, sample_weight=w, **plain)["loss"]
    repeated = one.evaluate(X.repeat(w, 0), y.repeat(w, 0), **plain)["loss"]
    assert weighted == pytest.approx(repeated * w.sum() / 40, rel=1e-10)


def test_penalties_are_not_weighted_and_metrics_neither():
    net = model(metrics=["accuracy"], regularizer=nn.L2(0.3))
    net.fit(X, Y, epochs=0, verbose=0)
    plain, none = net.evaluate(X, Y), net.evaluate(X, Y, sample_weight=np.zeros(40))
    weights = net.get_weights()
    penalty = 0.15 * (np.sum(weights[0] ** 2) + np.sum(weights[2] ** 2))
    assert none["loss"] == pytest.approx(penalty)
    assert none["accuracy"] == plain["accuracy"]


def test_classes_have_weights():
    own = np.array([2.0, 1.0, 0.5])
    by_class, by_row = model(), model()
    by_class.fit(X, Y, class_weight={0: 2, 2: 0.5}, epochs=3, verbose=0, seed=0)
    by_row.fit(X, Y, sample_weight=own[Y], epochs=3, verbose=0, seed=0)
    for a, b in zip(by_class.get_weights(), by_row.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    net = model()
    net.fit(X, Y, epochs=0, verbose=0)
    balanced = (40 / (3 * np.bincount(Y)))[Y]
    assert net.evaluate(X, Y, class_weight="balanced") == net.evaluate(X, Y, sample_weight=balanced)
    both = net.evaluate(X, Y, class_weight="balanced", sample_weight=balanced)
    assert both == net.evaluate(X, Y, sample_weight=balanced**2)
    rows = np.eye(3)[Y]
    assert net.evaluate(X, rows, class_weight={1: 3})["loss"] == pytest.approx(
        net.evaluate(X, Y, class_weight={1: 3})["loss"]
    )


def test_balanced_classes_are_counted_over_the_rows_that_are_trained_on():
    order = np.argsort(Y)  # the rows that are held out have other shares
    x, y = X[order], Y[order]
    counts = np.bincount(y[:30], minlength=3)
    shares = np.where(counts > 0, 30 / (np.count_nonzero(counts) * np.maximum(counts, 1)), 1.0)
    split, by_row = model(), model()
    options = {"epochs": 2, "verbose": 0, "seed": 0}
    split.fit(x, y, class_weight="balanced", validation_split=0.25, **options)
    by_row.fit(x[:30], y[:30], sample_weight=shares[y[:30]], **options)
    for a, b in zip(split.get_weights(), by_row.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("loss", ["hinge", "binary_cross_entropy"])
def test_sides_have_weights(loss):
    low, high = losses.BY_NAME[loss].binary_labels
    y = np.where(X[:, 0] > 0, high, low)
    net = model(loss, 1)
    net.fit(X, y, epochs=0, verbose=0)
    assert net.evaluate(X, y, class_weight={low: 3}) == net.evaluate(
        X, y, sample_weight=np.where(y == low, 3.0, 1.0)
    )


BAD = {
    "another length": ({"sample_weight": np.ones(39)}, ShapeError, r"\(40,\), got \(39,\)"),
    "a negative weight": ({"sample_weight": -np.ones(40)}, DataError, "0 or more, got -1.0 in row"),
    "a weight that is NaN": ({"sample_weight": np.full(40, np.nan)}, DataError, "finite"),
    "text": ({"sample_weight": ["a"] * 40}, PellucidError, "numbers, got text"),
    "a class that is none": ({"class_weight": {3: 1.0}}, ArgumentError, "classes 0 … 2, got 3"),
    "a name": ({"class_weight": "even"}, ArgumentError, "unknown class_weight 'even'"),
    "a list": ({"class_weight": [1, 2, 3]}, ArgumentError, r"\{class: weight\} or 'balanced'"),
    "a negative class weight": ({"class_weight": {0: -1}}, ArgumentError, r"in \[0, inf\), got -1"),
    "a batch size of 0": ({"batch_size": 0}, ArgumentError, "at least 1, got 0"),
    "a word for a batch size": ({"batch_size": "full"}, ArgumentError, "unknown batch_size 'full'"),
    "validation with four parts": (
        {"validation_data": (X, Y, Y, Y)},
        ArgumentError,
        r"\(x, y, weights\)",
    ),
    "validation with short weights": (
        {"validation_data": (X, Y, np.ones(3))},
        ShapeError,
        r"\(40,\), got \(3,\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    options, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        model().fit(X, Y, verbose=0, **options)


def test_class_weight_needs_classes():
    with pytest.raises(ArgumentError, match="one class a row, got loss squared"):
        model("squared", 2).fit(X, X[:, :2], class_weight={0: 1}, verbose=0)
    with pytest.raises(ArgumentError, match="one class a row, got loss binary_cross_entropy with"):
        model("binary_cross_entropy", 2).fit(X, (X > 0)[:, :2], class_weight={0: 1}, verbose=0)
    with pytest.raises(DataError, match=r"labels must be 0 or 1, got 0.5 in row 0"):
        model("binary_cross_entropy", 1).fit(X, np.full(40, 0.5), class_weight={0: 1}, verbose=0)


@pytest.mark.lecture("T1.H4")
def test_a_batch_that_grows_takes_fewer_steps(tmp_path):
    """Start with small batches and let them grow as training proceeds, at one learning rate."""
    sizes = optim.GrowingBatch(4, factor=3, every=2, highest=30)
    assert [sizes.size(epoch) for epoch in range(7)] == [4, 4, 12, 12, 30, 30, 30]
    net = model()
    history = net.fit(X, Y, batch_size=sizes, epochs=5, verbose=0, seed=0)
    assert len(history.steps["step"]) == 10 + 10 + 4 + 4 + 2
    # The same by hand: an epoch of 4, … with the order of each epoch.
    path = tmp_path / "half.safetensors"
    half = model()
    half.fit(X, Y, batch_size=sizes, epochs=3, verbose=0, seed=0, checkpoint=path)
    rest = pel.load(path)
    rest.fit(X, Y, batch_size=sizes, epochs=5, verbose=0, resume=True)
    for a, b in zip(net.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ArgumentError, match="batch_size must be"):
        pel.load(path).fit(X, Y, batch_size=4, epochs=5, verbose=0, resume=True)


def test_the_size_of_a_batch_is_all_rows_at_most():
    net = model()
    history = net.fit(X, Y, batch_size=optim.GrowingBatch(20, 10.0), epochs=3, verbose=0)
    assert len(history.steps["step"]) == 2 + 1 + 1
    with pytest.raises(ArgumentError, match="factor must lie in"):
        optim.GrowingBatch(20, 0.5)
    with pytest.raises(ArgumentError, match="highest must be at least 20"):
        optim.GrowingBatch(20, highest=10)


@pytest.mark.lecture("T1.H7")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
@pytest.mark.parametrize("optimizer", [optim.SGD(0.1, momentum=0.5), optim.Adam(0.01)])
def test_layers_learn_at_rates_of_their_own(optimizer, backend, tmp_path):
    """Different parts of a network may learn at different rates; a rate of 0 freezes a layer."""
    plain, slow, frozen = model(optimizer=optimizer), None, None
    options = {"batch_size": "all", "epochs": 1, "verbose": 0, "seed": 0, "backend": backend}
    plain.build((3,))
    start = plain.get_weights()
    plain.fit(X, Y, **options)
    slow = model(optimizer=optimizer, rates={"hidden": 0.25})
    slow.fit(X, Y, **options)
    frozen = model(optimizer=optimizer, rates={"hidden": 0}, metrics=["gradient_norm"])
    history = frozen.fit(X, Y, **options)
    moves = [
        [after - before for before, after in zip(start, net.get_weights(), strict=True)]
        for net in (plain, slow, frozen)
    ]
    for layer in (0, 1):
        np.testing.assert_allclose(moves[1][layer], 0.25 * moves[0][layer], rtol=1e-9)
        assert not moves[2][layer].any()
    for layer in (2, 3):
        np.testing.assert_allclose(moves[1][layer], moves[0][layer], rtol=1e-12)
        np.testing.assert_allclose(moves[2][layer], moves[0][layer], rtol=1e-12)
    assert history.steps["gradient_norm"][0] > 0
    slow.save(tmp_path / "m.safetensors")
    again = pel.load(tmp_path / "m.safetensors")
    again.fit(X, Y, **options)
    slow.fit(X, Y, **options)
    np.testing.assert_array_equal(again.get_weights()[0], slow.get_weights()[0])


def test_a_frozen_layer_is_not_differentiated():
    net = model(rates={"hidden": 0})
    products = [node.op for node in net.training_graph(X, Y).nodes].count("contract")
    whole = [node.op for node in model().training_graph(X, Y).nodes].count("contract")
    assert (products, whole) == (3, 5)


def test_rates_that_do_not_fit():
    for rates, words in (
        ({"hiden": 0.1}, "rates must name layers, got 'hiden'.*hidden"),
        ({"hidden": -1}, "rates of hidden must lie in"),
        ([0.1, 0.2], r"rates must be \{layer: factor\}"),
    ):
        with pytest.raises(ArgumentError, match=words):
            model(rates=rates)
    with pytest.raises(ArgumentError, match=r"must be 0 or 1, got 0\.5 of hidden"):
        model(optimizer=optim.LBFGS(), rates={"hidden": 0.5})
    with pytest.raises(ArgumentError, match="a layer with weights must be trained"):
        model(rates={"hidden": 0, "out": 0}).fit(X, Y, verbose=0)
