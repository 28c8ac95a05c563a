"""`init` and `apply`, losses and penalties called by hand: what they give, and what they refuse."""

import dataclasses

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    PellucidError,
    ShapeError,
)
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.nn.losses import BY_NAME, Form
from pellucid.nn.losses.base import sum_per_row
from pellucid.transform.tensor import Tensor

KEY = pel.Key(0, 1)
TYPE = TensorType(float64, (N, 3))
X = np.random.default_rng(0).normal(size=(5, 3))
DENSE = nn.Dense(2, name="d")


def params():
    return {"W": np.ones((3, 2)), "b": np.zeros(2)}


def apply(layer=DENSE, **changes):
    given = {"params": params(), "state": {}, "x": X, "train": False, "key": None}
    return layer.apply(**given | changes)


def test_a_layer_by_hand():
    made, state = DENSE.init(KEY, TYPE)
    assert {name: array.type.shape for name, array in made.items()} == {"W": (3, 2), "b": (2,)}
    assert state == {}
    out, after = apply()
    np.testing.assert_allclose(np.asarray(out), np.repeat(X.sum(1, keepdims=True), 2, 1))
    assert after == {}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"train": 1}, ArgumentError, "train must be True or False, got 1"),
        ({"key": 3}, ArgumentError, r"key must be one, got 3.*pel\.Key\(seed, step\)"),
        ({"params": [1]}, ArgumentError, r"params must be a dict of arrays, got list.*layer\.init"),
        ({"state": None}, ArgumentError, "state must be a dict of arrays, got NoneType"),
        ({"x": 3.0}, ShapeError, "x must have rows, got a single number or none"),
        ({"params": {}}, ArgumentError, "params must hold W, got none"),
        ({"params": {"W": np.ones((3, 2))}}, ArgumentError, "params must hold b, got none"),
        (
            {"params": params() | {"W": np.ones((2, 2))}},
            ShapeError,
            r"x must be \(N, 2\), got \(5, 3",
        ),
        ({"params": {"w": 1.0, "b": np.zeros(2)}}, ArgumentError, "params holds no 'w'.*'W'"),
    ],
)
def test_what_a_layer_by_hand_refuses(changes, error, words):
    with pytest.raises(error, match=rf'^\[dense "d"\] {words}'):
        apply(**changes)


def test_starts_are_refused_before_anything_is_drawn():
    with pytest.raises(ArgumentError, match="key must be one, got 7"):
        DENSE.init(7, TYPE)
    with pytest.raises(ArgumentError, match="x must be the TensorType of an input, got "):
        DENSE.init(KEY, (N, 3))


@pytest.mark.parametrize("layer", [nn.Add(), nn.Multiply(), nn.Concat()])
def test_several_inputs_by_hand(layer):
    one, two, three = X, X + 1, X * 2
    wanted = {
        nn.Add: one + two + three,
        nn.Multiply: one * two * three,
        nn.Concat: np.concatenate([one, two, three], axis=-1),
    }[type(layer)]
    for many in ([one, two, three], (one, two, three)):
        out, state = layer.apply({}, {}, many, train=True, key=None)
        np.testing.assert_allclose(np.asarray(out), wanted)
        assert state == {}
        np.testing.assert_allclose(layer(many), wanted)
    with pytest.raises(ArgumentError, match="x must be a list of inputs, got ndarray"):
        layer.apply({}, {}, X, train=True, key=None)
    with pytest.raises(ShapeError, match="x must have rows, got a single number or none"):
        layer.apply({}, {}, [X, 3.0], train=True, key=None)
    with pytest.raises(ShapeError, match="got a single number or none"):
        layer.apply({}, {}, [], train=True, key=None)
    with pytest.raises(ArgumentError, match="it takes a list of two inputs or more, got 1"):
        layer([X])
    with pytest.raises(ArgumentError, match="it takes a list of two inputs or more"):
        layer(X)


DRAWING = {
    nn.Dropout(0.5): X,
    nn.GaussianNoise(1.0): X,
    nn.RandomFlip(): X.reshape(5, 1, 3, 1),
    nn.RandomShift(0.3, 0.3): X.reshape(5, 1, 3, 1),
    nn.RandomRotation(0.2): X.reshape(5, 1, 3, 1),
    nn.RandomZoom(0.3): X.reshape(5, 1, 3, 1),
}


@pytest.mark.parametrize(("layer", "x"), DRAWING.items(), ids=lambda one: type(one).__name__)
def test_what_draws_needs_a_key_in_training_and_does_nothing_otherwise(layer, x):
    with pytest.raises(ArgumentError, match=r"needs a key, got None.*key=pel\.Key\(seed, step\)"):
        layer.apply({}, {}, x, train=True, key=None)
    out, state = layer.apply({}, {}, x, train=False, key=None)
    np.testing.assert_array_equal(np.asarray(out), x)
    assert state == {} == layer.init(KEY, TensorType(float64, (N, *x.shape[1:])))[1]
    drawn = [np.asarray(layer.apply({}, {}, x, train=True, key=KEY)[0]) for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert not np.array_equal(drawn[0], x)


def test_layers_that_are_called_need_numbers_that_their_weights_hold():
    layer = nn.Dense(1)
    with pytest.raises(ArgumentError, match="a layer has weights once it stands in a model"):
        layer(X)
    pel.Sequential([layer], seed=0).build((3,))
    assert layer(np.array([[1, 2, 2**24]])).dtype == np.float32
    with pytest.raises(DataError, match=r"whole numbers that float32 can hold, got 16777217.*min"):
        layer(np.array([[1, 2, 2**24 + 1]]))
    with pytest.raises(ShapeError, match="x must have rows, got a single number"):
        layer(3.0)
    with pytest.raises(ArgumentError, match=r"it takes one input, got a list of 2.*Concat"):
        layer([pel.Input((3,)), pel.Input((3,))])


def test_a_layer_of_ones_own_that_cannot_be_applied():
    @dataclasses.dataclass(frozen=True)
    class Mine(nn.Layer):
        def init(self, key, x):
            raise KeyError("of a person's own")

    with pytest.raises(ArgumentError, match="a layer of your own must define apply, got none"):
        Mine().apply({}, {}, X, train=False, key=None)

    @dataclasses.dataclass(frozen=True)
    class Failing(Mine):
        def apply(self, params, state, x, *, train, key):
            raise IndexError("in apply")

    with pytest.raises((IndexError, PellucidError), match="in apply"):
        Failing().apply({}, {}, X, train=False, key=None)


def test_arrays_are_compared_with_what_init_makes_where_a_layer_fails():
    @dataclasses.dataclass(frozen=True)
    class Centre(nn.Layer):
        def init(self, key, x):
            return {"c": key.normal(x.shape[-1:], x.dtype)}, {"n": key.normal((2,), x.dtype)}

        def apply(self, params, state, x, *, train, key):
            if params["c"].type.shape != x.type.shape[-1:] or state["n"].type.shape != (2,):
                raise IndexError("of a person's own")
            return x - params["c"], state

    layer, c, n = Centre(), {"c": X[0]}, {"n": np.ones(2)}
    out, _ = layer.apply(c, n, X, train=False, key=None)
    np.testing.assert_allclose(np.asarray(out), X - X[0])
    with pytest.raises(ShapeError, match=r"params\.c must be \(3,\), got \(2,\).*layer\.init"):
        layer.apply({"c": X[0, :2]}, n, X, train=False, key=None)
    with pytest.raises(ShapeError, match=r"state\.n must be \(2,\), got \(1,\)"):
        layer.apply(c, {"n": np.ones(1)}, X, train=False, key=None)
    with pytest.raises(ArgumentError, match=r"params holds no 'd'"):
        layer.apply({"c": X[0, :2], "d": X}, n, X, train=False, key=None)


# --- losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", BY_NAME.values(), ids=BY_NAME)
def test_targets_that_hold_no_rows_of_numbers(loss):
    for output in (3, (N, 2), TensorType(float32, ())):
        with pytest.raises(ArgumentError, match="output must be the TensorType of an output"):
            loss.targets(np.ones(3), output)
    for y, shape in ((np.float64(1.0), r"\(\)"), (np.ones((0, 2)), r"\(0, 2\)")):
        with pytest.raises(ShapeError, match=rf"y must have rows of numbers, got {shape}"):
            loss.targets(y, TYPE)
    for y in (np.array(["a", "b"]), np.array([1j]), [object()]):
        with pytest.raises(DTypeError):
            loss.targets(y, TYPE)


def test_what_a_base_of_losses_gives_and_leaves_to_others():
    plain = nn.Loss()
    rows = Tensor(X)
    for method, arguments in (
        ("per_row", (rows, rows)),
        ("true_labels", (rows,)),
        ("predicted_labels", (rows, Form.VALUE if hasattr(Form, "VALUE") else next(iter(Form)))),
    ):
        with pytest.raises(NotImplementedError):
            getattr(plain, method)(*arguments)
    assert plain.mean(rows) is rows
    assert plain.target_values(rows, Tensor(X + 1)) is rows
    np.testing.assert_allclose(np.asarray(sum_per_row(rows)), X.sum(1))
    np.testing.assert_allclose(np.asarray(sum_per_row(Tensor(X.reshape(5, 3, 1)))), X.sum(1))
    np.testing.assert_array_equal(np.asarray(sum_per_row(Tensor(X[:, 0]))), X[:, 0])


@pytest.mark.parametrize("given", [X[:, 0], X[:, :1], X[:, 0] > 0, np.arange(5)])
def test_targets_of_a_loss_of_ones_own(given):
    loss = nn.losses.UserLoss(lambda t, y: np.sum((y - t) ** 2, axis=-1))
    made = loss.targets(given, TensorType(float32, (N, 1)))
    assert made.dtype == (np.float32 if given.dtype.kind == "f" else np.int64)
    np.testing.assert_array_equal(made, given.reshape(-1, 1).astype(made.dtype))
    whole = loss.targets(given, TensorType(float32, (N, 2)))
    assert whole.shape == given.shape
    np.testing.assert_allclose(np.asarray(loss.per_row(X, X + 2)), np.full(5, 12.0))
    for returned, words in (
        (lambda t, y: np.sum(y), r"one value a row \(5,\), got \(\)"),
        (lambda t, y: y, r"one value a row \(5,\), got \(5, 3\)"),
        (lambda t, y: None, "it must return a Tensor, got None. .*End it with return"),
    ):
        with pytest.raises((ShapeError, ArgumentError), match=words):
            nn.losses.UserLoss(returned).per_row(X, X)


# --- penalties ------------------------------------------------------------------------------------

W = np.array([[0.5, -2.0], [0.0, 3.0]])


@pytest.mark.parametrize(
    ("penalty", "wanted", "moved"),
    [
        (nn.L2(0.3), 0.15 * (W**2).sum(), W),
        (nn.L1(0.3), 0.3 * abs(W).sum(), W),
        (nn.L1(0.3, proximal=True), 0.3 * abs(W).sum(), np.sign(W) * np.maximum(abs(W) - 0.03, 0)),
        (nn.ElasticNet(0.3, 0.25), 0.075 * abs(W).sum() + 0.1125 * (W**2).sum(), W),
        (
            nn.ElasticNet(0.3, 0.25, proximal=True),
            0.075 * abs(W).sum() + 0.1125 * (W**2).sum(),
            np.sign(W) * np.maximum(abs(W) - 0.0075, 0),
        ),
        (nn.ElasticNet(0.3, 1.0), 0.3 * abs(W).sum(), W),
        (nn.ElasticNet(0.3, 0.0), 0.15 * (W**2).sum(), W),
        (nn.MaxNorm(1.5), None, W * np.minimum(1, 1.5 / np.sqrt((W**2).sum(0)))),
    ],
)
def test_penalties_and_their_steps_by_hand(penalty, wanted, moved):
    strength, rate, weight = Tensor(penalty.strength, dtype="float64"), Tensor(0.1), Tensor(W)
    value = penalty.penalty(strength, weight)
    if wanted is None:
        assert value is None
    else:
        np.testing.assert_allclose(value.item(), wanted)
    np.testing.assert_allclose(np.asarray(penalty.proximal_step(strength, rate, weight)), moved)
    assert penalty.is_proximal == (not np.array_equal(moved, W))


def test_a_proximal_penalty_has_no_gradient_of_its_absolute_values():
    for penalty, slope in (
        (nn.L1(0.3), 0.3 * np.sign(W)),
        (nn.L1(0.3, proximal=True), 0 * W),
        (nn.ElasticNet(0.4, 0.25, proximal=True), 0.3 * W),
    ):
        strength = penalty.strength
        got = pel.grad(lambda w, p=penalty, s=strength: p.penalty(Tensor(s, dtype="float64"), w))(W)
        np.testing.assert_allclose(np.asarray(got), slope, atol=1e-15)


def test_a_penalty_of_ones_own_must_say_what_it_adds():
    @dataclasses.dataclass(frozen=True)
    class Mine(nn.Regularizer):
        strength: float = 1.0
        biases: bool = False

    assert not Mine().is_proximal
    assert Mine().proximal_step(Tensor(1.0), Tensor(1.0), X) is X
    with pytest.raises(NotImplementedError):
        Mine().penalty(Tensor(1.0), Tensor(W))
    with pytest.raises(NotImplementedError):
        nn.Initializer().values(KEY, (2,), int64)
