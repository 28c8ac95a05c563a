"""Muon by a loop of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import keras, optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
START = {"first": {"W": RNG.normal(size=(5, 3)), "b": RNG.normal(size=3)},
         "last": {"W": RNG.normal(size=(3, 4))}}  # fmt: skip
SLOPES = [
    {name: {leaf: RNG.normal(size=w.shape) for leaf, w in own.items()}
     for name, own in START.items()} for _ in range(6)
]  # fmt: skip


def orthogonal(x, steps, a=3.4445, b=-4.775, c=2.0315):
    if x.shape[0] > x.shape[1]:
        return orthogonal(x.T, steps).T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x


def by_hand(w, slopes, adam, momentum=0.95, nesterov=True, steps=5, scale=0.2):
    """A weight behind some steps at the rate 0.05, with decay of matrices 0.1, of others 0.2."""
    m = v = np.zeros_like(w)
    for t, g in enumerate(slopes, 1):
        if adam:
            w = w - 0.05 * 0.2 * w
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            speed = 0.05 * 0.5 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w = w - speed * m / (np.sqrt(v) + 1e-8)
            continue
        m = momentum * m + g
        factor = 1.0 if scale is None else scale * np.sqrt(max(w.shape))
        move = orthogonal(g + momentum * m if nesterov else m, steps)
        w = w - 0.05 * 0.1 * w - 0.05 * factor * move
    return w


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("more", [{}, {"nesterov": False, "momentum": 0.5}, {"scale": None}])
def test_steps_by_hand(steps, more):
    made = optim.Muon(
        0.05, adam=("last",), weight_decay=0.1, adam_weight_decay=0.2, adam_rate=0.5,
        iterations=steps, **more,
    )  # fmt: skip
    w, slots = START, made.init(START)
    jitted = pel.jit(lambda g, slots, w: made.update(g, slots, w))
    for n, slopes in enumerate(SLOPES):  # machine code and the interpreter in turn
        w, slots = (jitted if n % 2 else made.update)(slopes, slots, w)
    for layer, own in START.items():
        for leaf, start in own.items():
            adam = layer == "last" or leaf == "b"
            found = by_hand(start, [one[layer][leaf] for one in SLOPES], adam, steps=steps, **more)
            np.testing.assert_allclose(w[layer][leaf], found, rtol=1e-9, atol=1e-12)
    assert slots["v"]["first"]["W"].shape == (1,)
    assert slots["v"]["last"]["W"].shape == (3, 4)


def test_names_are_those_of_layers_and_weights():
    for names, moved in (((), 2), (("first.W",), 1), (("first", "last.W"), 0), (["first.b"], 2)):
        slots = optim.Muon(adam=names).init(START)
        shapes = [one.shape for own in slots["v"].values() for one in own.values()]
        assert sum(shape == (1,) for shape in shapes) == moved
    with pytest.raises(ArgumentError, match=r"adam names no layer or weight 'lst'.*Did you mean"):
        optim.Muon(adam=("lst",)).init(START)


def test_a_model_of_a_file_goes_on(tmp_path):
    x = RNG.normal(size=(24, 3)).astype("float32")
    made = [pel.Sequential([pel.nn.Dense(4, "tanh"), pel.nn.Dense(2)], seed=0) for _ in range(2)]
    for model in made:
        model.compile(optim.Muon(0.05, adam=("dense_2",)), "squared")
        model.fit(x, x[:, :2], epochs=2, batch_size=8, verbose=0, seed=0)
    made[0].save(tmp_path / "model")
    made[0] = pel.load(tmp_path / "model")
    assert made[0].optimizer == made[1].optimizer
    for model in made:
        model.fit(x, x[:, :2], epochs=4, batch_size=8, verbose=0, resume=True)
    for one, other in zip(*(model.weights.values() for model in made), strict=True):
        np.testing.assert_array_equal(one, other)


def test_keras_chooses_the_weights_of_adam_by_paths():
    def adam(**more):
        layers = keras.layers
        model = keras.Sequential(
            [layers.Input((3,)), layers.Embedding(5, 2, name="words"), layers.Flatten(),
             layers.Dense(4, name="first"), layers.Dense(2, name="last")]
        )  # fmt: skip
        model.compile(keras.optimizers.Muon(0.01, **more), "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        return [name for name, v in zip(model.network().weights, model.network().slots["v"],
                                        strict=True) if v.shape != (1,)]  # fmt: skip

    biases = ["first.b", "last.b"]
    assert set(adam()) == {"words.table", *biases}
    assert set(adam(exclude_embeddings=False)) == set(biases)
    assert set(adam(exclude_layers=["la.t"])) == {"words.table", *biases, "last.W"}
    for wrong in ("last", [3], ["("]):
        with pytest.raises(ArgumentError, match="exclude_layers must be a list of words"):
            keras.optimizers.Muon(exclude_layers=wrong)
