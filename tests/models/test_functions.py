"""Functions of a person's own in a file: what fit accepts, save and load give back to the bit."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core import dtypes
from pellucid.core.errors import DataError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.models.functions import FunctionCalls, FunctionTable, GraphFunction
from pellucid.ops.spec import NotDifferentiable
from pellucid.train.checkpoint import grouped

X = np.random.default_rng(0).normal(size=(12, 4))
IMAGES = np.random.default_rng(1).normal(size=(12, 4, 4, 2))
Y = X[:, :2] ** 2
SCALE = np.array([1.0, -2.0, 0.5, 3.0], np.float32)


def halves(v):
    return v[..., : v.shape[-1] // 2] * v[..., v.shape[-1] // 2 :]


def twice(v):
    return np.concatenate([v, v**2], axis=-1)


def closed(v):
    return v * SCALE[: v.shape[-1]] + np.float32(0.25) - 1


def rows(v):
    return v / v.shape[0]


SHARED = nn.Activation(lambda v: np.tanh(v) + np.mean(v, axis=-1, keepdims=True))

MODELS = {
    "a basis that doubles the width": ([nn.Basis(twice), nn.Dense(2)], X),
    "an activation that halves it": ([nn.Dense(8, activation=halves), nn.Dense(2)], X),
    "the last layer's activation": ([nn.Dense(4, activation=halves)], X),
    "of a low rank": ([nn.LowRankDense(8, 2, activation=halves), nn.Dense(2)], X),
    "of a convolution": (
        [nn.Conv2D(4, 3, activation=halves), nn.Flatten(), nn.Dense(2)],
        IMAGES,
    ),
    "a layer used at two widths": ([SHARED, nn.Dense(3), SHARED, nn.Dense(2)], X),
    "one function at two widths": (
        [nn.Dense(8, activation=halves), nn.Dense(4, activation=halves), nn.Dense(2)],
        X,
    ),
    "closures": ([nn.Activation(closed), nn.Dense(2, activation=closed)], X),
    "a function of NumPy": ([nn.Dense(3, activation=np.tanh), nn.Dense(2)], X),
    "the number of rows": ([nn.Activation(rows), nn.Dense(2)], X),
}


FAST = {"backend": "interpreter"}


def trained(layers, x, dtype="float32", **options):
    model = pel.Sequential(layers, seed=0, dtype=dtype)
    model.compile(optim.Adam(0.01), options.pop("loss", "squared"), **options)
    model.fit(x, Y, epochs=1, batch_size=6, seed=0, verbose=0, **FAST)
    return model


def check_comes_back(model, x, path):
    model.save(path)
    back = pel.load(path)
    np.testing.assert_array_equal(back.predict(x, **FAST), model.predict(x, **FAST))
    assert back.evaluate(x, Y, **FAST) == model.evaluate(x, Y, **FAST)
    for one in (model, back):
        one.fit(x, Y, epochs=2, batch_size=6, verbose=0, resume=True, **FAST)
    for ours, theirs in zip(model.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    back.save(path, overwrite=True)
    np.testing.assert_array_equal(pel.load(path).predict(x, **FAST), model.predict(x, **FAST))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_a_model_with_functions_comes_back(tmp_path, name, dtype):
    layers, x = MODELS[name]
    check_comes_back(trained(layers, x, dtype=dtype), x, tmp_path / "m")


def loss(y_true, y_pred):
    return (SCALE[:2] * (y_pred - y_true) ** 2).sum(axis=-1)


def worst(y_true, y_pred):
    return abs(y_pred - y_true).max(axis=-1)


def test_a_loss_and_metrics_come_back(tmp_path):
    model = trained([nn.Dense(2)], X, loss=loss, metrics=[worst])
    check_comes_back(model, X, tmp_path / "m")
    assert pel.load(tmp_path / "m").evaluate(X, Y).keys() >= {"loss", "worst"}


def test_a_function_is_traced_at_the_types_of_its_calls():
    calls = FunctionCalls()
    layer = nn.Dense(8, activation=halves)
    params = {
        "W": TensorType(dtypes.float64, (4, 8)),
        "b": TensorType(dtypes.float64, (8,)),
    }
    calls.layer(layer, params, {}, TensorType(dtypes.float64, (N, 4)))
    assert calls.of(halves) == ((TensorType(dtypes.float64, (N, 8)),),)


def loaded(function, *types):
    table = FunctionTable()
    config = table.writer(*types)(function)
    return FunctionTable(grouped(table.arrays)).read(config)


F32 = TensorType(dtypes.float32, (N, 4))


def test_a_loaded_function_works_on_tensors_and_inside_transforms():
    back = loaded(closed, F32)
    assert isinstance(back, GraphFunction)
    t = pel.Tensor(X.astype("f4"))
    out = back(t)
    np.testing.assert_array_equal(out.numpy(), closed(pel.Tensor(X.astype("f4"))).numpy())
    out.backward(np.ones_like(X, "f4"))
    np.testing.assert_allclose(t.grad, np.broadcast_to(SCALE, X.shape))
    slope = pel.grad(lambda v: back(v).sum())(X.astype("f4"))
    np.testing.assert_array_equal(slope, t.grad)
    compiled = pel.jit(back)(X.astype("f4"))
    np.testing.assert_array_equal(compiled, out.numpy())


def test_the_rows_of_a_call_are_those_of_the_call():
    back = loaded(rows, F32)
    for count in (1, 3):
        out = back(pel.Tensor(np.ones((count, 4), "f4")))
        np.testing.assert_array_equal(out.numpy(), np.float32(1) / np.float32(count))


@pytest.mark.parametrize(
    "x", [np.ones((3, 5), "f4"), np.ones((3, 4)), np.ones(4, "f4"), np.ones((3, 4), "i4")]
)
def test_another_type_is_refused_with_those_it_was_saved_for(x):
    with pytest.raises(ShapeError, match=r"takes \(f32\[N,4\]\), got \("):
        loaded(closed, F32)(pel.Tensor(x))


def test_another_number_of_inputs_is_refused():
    with pytest.raises(ShapeError, match=r"takes \(f32\[N,4\]\), got \(f32\[3,4\], f32\[3,4\]\)"):
        loaded(closed, F32)(pel.Tensor(np.ones((3, 4), "f4")), pel.Tensor(np.ones((3, 4), "f4")))


class Mine(optim.Schedule):
    def rate(self, step):
        return 0.1 / (1 + step)


class Own(optim.SGD):
    pass


def untraceable(v):
    return v if float(v[0, 0]) > 0 else -v


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (optim.SGD(Mine()), r"learning_rate of SGD must be plain values"),
        (Own(0.1), r"a part of the model must be plain values"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_the_first_step(optimizer, words, tmp_path):
    model = pel.Sequential([nn.Dense(2)], seed=0)
    model.compile(optimizer, "squared")
    with pytest.raises(DataError, match=words) as caught:
        model.fit(X, Y, verbose=0, checkpoint=tmp_path / "m")
    assert caught.value.fix
    assert not list(tmp_path.iterdir())


def test_a_function_that_cannot_be_written_as_a_graph_is_named():
    calls = FunctionCalls()
    calls.note(untraceable, [F32])
    with pytest.raises(DataError, match=r"save untraceable.*can be written as a graph, got") as e:
        FunctionTable(calls=calls).write(untraceable)
    assert e.value.fix


def test_an_operation_that_keeps_a_gradient_back_keeps_it_back_when_it_is_loaded():
    """The rows of its forward would let the gradient through: training on would go elsewhere."""
    masked = pel.op(
        "masked_product",
        forward=lambda xp, x, mask: x * mask,
        derivative=(lambda x, mask, out: mask, None),
    )
    for function, slope in ((lambda v: masked(v, v), 1), (lambda v: masked(v, 1) * v, 2)):
        back, x = loaded(function, F32), X.astype("f4")
        np.testing.assert_array_equal(back(pel.Tensor(x)).numpy(), x * x)
        for one in (function, back):
            found = pel.grad(lambda x, one=one: np.sum(one(x)))(x)
            np.testing.assert_allclose(found, slope * x, rtol=1e-6)


def test_an_operation_without_a_derivative_is_not_saved_as_one_that_has_one():
    rough = pel.op("rough", lambda xp, x: xp.floor(x), NotDifferentiable("it jumps"))
    with pytest.raises(DataError, match="could not say") as caught:
        loaded(lambda v: rough(v) * v, F32)
    assert "ZeroGradient" in caught.value.fix


def test_an_operation_with_all_its_derivatives_is_saved():
    whole = pel.op(
        "whole_product",
        forward=lambda xp, x, y: x * y,
        derivative=(lambda x, y, out: y, lambda x, y, out: x),
    )
    back = loaded(lambda v: whole(v, v), F32)
    np.testing.assert_array_equal(back(pel.Tensor(X.astype("f4"))).numpy(), X.astype("f4") ** 2)


@pytest.mark.parametrize(
    "config",
    [
        {"graphs": [{"graph": 3}]},
        {"graphs": ["graph(x0: f32[N,4])\nreturn x0\n"]},
        {"graphs": 3},
        {"graphs": [{"graph": "graph(x0: f32[N,4])\nreturn x0, x0\n"}]},
        {"name": ["f"], "graphs": []},
        {"graphs": [{"graph": "graph(x0: f32[N,4])\nreturn x0\n", "consts": 3}]},
        {},
    ],
)
def test_a_description_that_is_none(config):
    with pytest.raises(DataError, match="a function must"):
        FunctionTable({}).read(config)


def test_a_saved_constant_and_an_array_that_is_closed_over_keep_names_of_their_own(tmp_path):
    table, shift = np.arange(3.0, dtype=np.float32), np.ones(3, np.float32)
    model = pel.Sequential([pel.nn.Basis(lambda x: x * table), pel.nn.Dense(1)], seed=0)
    model.build((3,))
    model.save(tmp_path / "m")
    saved = pel.load(tmp_path / "m").layers[0].function
    x = np.ones((2, 3), np.float32)
    graph = pel.jit(lambda x: saved(x) + shift).graph(x)
    names = [node.attr("name") for node in graph.nodes if node.op in ("input", "const")]
    assert len(names) == len(set(names)) == 3
    np.testing.assert_array_equal(pel.jit(lambda x: saved(x) + shift)(x), x * table + 1)
