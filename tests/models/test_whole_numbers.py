"""Whole numbers that the weights' dtype cannot hold are refused at every door, or kept exactly."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import DataError

BIG = 2**24 + 1
ROWS = np.array([[BIG, 1], [0, 1]])
W = {"W": np.array([[BIG], [1]]), "b": np.array([0])}


def made(dtype="float32"):
    model = pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0, dtype=dtype)
    model.build((2,))
    model.compile("sgd", "squared")
    return model


def layer_apply(model, x, params=None):
    layer = model.layers[0]
    return layer.apply(params or dict(model.params["dense_1"]), {}, x, train=False, key=None)[0]


DOORS = {
    "fit": lambda m, x: m.fit(x, np.zeros(2), verbose=0),
    "predict": lambda m, x: m.predict(x),
    "model(x)": lambda m, x: m(x),
    "model(Tensor)": lambda m, x: m(pel.Tensor(x)),
    "model.apply": lambda m, x: m.apply(m.params, m.state, x)[0],
    "model.apply of a list": lambda m, x: m.apply(m.params, m.state, x.tolist())[0],
    "model.apply of a Tensor": lambda m, x: m.apply(m.params, m.state, pel.Tensor(x))[0],
    "model.apply inside jit": lambda m, x: pel.jit(lambda p: m.apply(p, m.state, x)[0])(m.params),
    "layer(x)": lambda m, x: m.layers[0](x),
    "layer(Tensor)": lambda m, x: m.layers[0](pel.Tensor(x)),
    "layer.apply": layer_apply,
}
WEIGHTS = {
    "set_weights": lambda m, w: m.set_weights([w["W"], w["b"]]),
    "set_weights by name": lambda m, w: m.set_weights({"dense_1.W": w["W"]}),
    "params": lambda m, w: setattr(m, "params", {"dense_1": w}),
    "model.apply": lambda m, w: m.apply({"dense_1": w}, m.state, ROWS[1:])[0],
    "layer.apply": lambda m, w: layer_apply(m, ROWS[1:], {**w, "b": np.zeros(1, np.float32)}),
}


@pytest.mark.parametrize("door", DOORS)
def test_rows(door):
    with pytest.raises(DataError, match=f"whole numbers that float32 can hold, got {BIG}") as e:
        DOORS[door](made(), ROWS)
    assert "Subtract an offset" in e.value.fix
    DOORS[door](made(), ROWS - BIG + 1)
    DOORS[door](made(), ROWS - 1)  # 2**24 itself
    DOORS[door](made("float64"), ROWS)


@pytest.mark.parametrize("door", WEIGHTS)
def test_weights(door):
    with pytest.raises(DataError, match=f"whole numbers that float32 can hold, got {BIG}") as e:
        WEIGHTS[door](made(), W)
    assert e.value.fix == 'Make the model with dtype="float64".'
    WEIGHTS[door](made(), {**W, "W": W["W"] - 1})


@pytest.mark.parametrize("door", ["set_weights", "params"])
def test_a_model_of_float64_holds_them(door):
    model = made("float64")
    WEIGHTS[door](model, W)
    assert model.weights["dense_1.W"][0, 0] == BIG
    with pytest.raises(DataError, match="float64 can hold"):
        WEIGHTS[door](model, {**W, "W": np.array([[2**63 - 1], [1]])})
