"""Convolution and pooling layers: shapes, weights, connections, starts, and what they refuse."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid.numpy as pnp
from pellucid import load
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError
from pellucid.models import Sequential
from pellucid.nn import (
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    He,
    LocalResponseNorm,
    MaxPool1D,
    MaxPool2D,
    Uniform,
    Xavier,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 7, 6, 4))


def built(layer, shape, seed=0):
    model = Sequential([layer], seed=seed, dtype="float64")
    model.build(shape)
    return model


def random_weights(model):
    """Weights drawn anew, biases too."""
    weights = [RNG.normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    return weights


@pytest.mark.lecture("T1.C15")
@pytest.mark.parametrize(
    ("layer", "kernel", "out"),
    [
        (Conv2D(5, 3), (3, 3, 4, 5), (5, 4, 5)),
        (Conv2D(5, (3, 2), strides=(2, 1), padding="same"), (3, 2, 4, 5), (4, 6, 5)),
        (Conv2D(6, 2, groups=2, padding=1), (2, 2, 2, 6), (8, 7, 6)),
        (Conv2D(8, 3, groups=4, padding=((1, 0), 2)), (3, 3, 1, 8), (6, 8, 8)),
        (Conv2D(5, 3, dilation=2), (3, 3, 4, 5), (3, 2, 5)),
        (Conv2D(5, 3, use_bias=False), (3, 3, 4, 5), (5, 4, 5)),
    ],
)
def test_conv2d_is_a_convolution_and_a_bias(layer, kernel, out):
    model = built(layer, (7, 6, 4))
    w, *b = random_weights(model)
    assert w.shape == kernel and model.types[-1].shape[1:] == out
    assert len(b) == layer.use_bias
    known = pnp.conv(
        IMAGES, w, layer.strides, layer.padding, layer.dilation, layer.groups
    ).numpy() + (b[0] if b else 0)
    np.testing.assert_allclose(model.predict(IMAGES), known, rtol=1e-12, atol=1e-12)


def test_conv1d_by_hand():
    model = built(Conv1D(1, 2, strides=2, padding=((1, 0),), activation="relu"), (5, 1))
    model.set_weights([np.array([1.0, -2.0]).reshape(2, 1, 1), np.array([0.5])])
    x = np.array([1.0, -2, 3, -4, 5]).reshape(1, 5, 1)
    out = model.predict(x).ravel()  # windows (0, 1), (-2, 3), (-4, 5)
    np.testing.assert_allclose(out, np.maximum([-1.5, -7.5, -13.5], 0))
    model.set_weights([np.array([-1.0, -2.0]).reshape(2, 1, 1), np.array([8.5])])
    np.testing.assert_allclose(model.predict(x).ravel(), [6.5, 4.5, 2.5])


def test_a_kernel_is_not_turned_round():
    model = built(Conv2D(1, 3, padding="same"), (3, 3, 1))
    kernel = np.arange(9.0).reshape(3, 3, 1, 1)
    model.set_weights([kernel, np.zeros(1)])
    point = np.zeros((1, 3, 3, 1))
    point[0, 1, 1] = 1
    np.testing.assert_array_equal(model.predict(point).ravel(), np.arange(9.0)[::-1])


TABLE = ((0, 2), (1,), (3, 0, 1))


def test_connections_are_a_convolution_with_zeros():
    model = built(Conv2D(3, 3, connections=TABLE), (7, 6, 4))
    w, b = random_weights(model)
    assert w.shape == (3, 3, 6)
    dense = np.zeros((3, 3, 4, 3))
    pairs = [(channel, h) for h, row in enumerate(TABLE) for channel in row]
    for place, (channel, h) in enumerate(pairs):
        dense[:, :, channel, h] = w[:, :, place]
    known = pnp.conv(IMAGES, dense).numpy() + b
    np.testing.assert_allclose(model.predict(IMAGES), known, rtol=1e-12)


def test_connections_train_their_weights_alone():
    model = Sequential([Conv2D(2, 2, connections=((0,), (1,))), Flatten(), Dense(1)], seed=0)
    model.compile("sgd", "squared")
    model.fit(IMAGES[..., :2], np.ones(3), epochs=2, verbose=0, seed=0)
    assert model.get_weights()[0].shape == (2, 2, 2)


def test_a_bias_of_a_unit_stands_at_its_place():
    model = built(Conv2D(2, 3, bias="unit", strides=2), (7, 7, 1))
    _, b = random_weights(model)
    assert b.shape == (3, 3, 2)
    np.testing.assert_allclose(model.predict(np.zeros((1, 7, 7, 1)))[0], b)


@pytest.mark.lecture("T1.C10")
def test_maxout_is_the_largest_of_several_convolutions():
    """A maxout unit is the largest of several values of the previous layer, here of maps."""
    model = built(Conv2D(3, 2, pieces=4), (7, 6, 4))
    w, b = random_weights(model)
    assert w.shape == (2, 2, 4, 12)
    each = pnp.conv(IMAGES, w).numpy() + b
    known = each.reshape(*each.shape[:-1], 3, 4).max(-1)
    np.testing.assert_allclose(model.predict(IMAGES), known, rtol=1e-12)


@pytest.mark.lecture("T1.C10")
def test_the_gradient_of_maxout_goes_to_the_largest_piece():
    """The gradient of a maxout unit goes to the piece that is the largest."""
    model = Sequential([Conv2D(1, 1, pieces=2, use_bias=False), Flatten()], seed=0)
    model.compile("sgd", "squared")
    model.build((1, 1, 1))
    model.set_weights([np.array([2.0, 3.0]).reshape(1, 1, 1, 2)])
    model.fit(np.ones((1, 1, 1, 1)), np.zeros((1, 1)), epochs=1, verbose=0, seed=0)
    small, large = model.get_weights()[0].ravel()
    assert small == 2 and large < 3


@pytest.mark.parametrize(
    ("layer", "fan_in", "fan_out"),
    [
        (Conv2D(64, 5), 25 * 32, 25 * 64),
        (Conv2D(64, 5, groups=4), 25 * 8, 25 * 16),
        (Conv2D(64, 5, connections=tuple((i % 32, (i + 1) % 32) for i in range(64))), 50, 25 * 4),
    ],
)
def test_starts_count_what_a_unit_sees_and_feeds(layer, fan_in, fan_out):
    known = {He(): 2 / fan_in, Xavier(): 2 / (fan_in + fan_out), Uniform(): 1 / (3 * fan_in)}
    for start, variance in known.items():
        chosen = type(layer)(**{**vars(layer), "kernel_initializer": start})
        w = built(chosen, (6, 6, 32)).get_weights()[0]
        assert w.var() == pytest.approx(variance, rel=0.1)
        assert len(np.unique(w)) > 0.99 * w.size, "parts are drawn apart"


def test_pooling_layers():
    def out(layer, x):
        return built(layer, x.shape[1:]).predict(x)

    np.testing.assert_allclose(out(GlobalMaxPool(), IMAGES), IMAGES.max((1, 2)))
    np.testing.assert_allclose(out(GlobalAveragePool(), IMAGES), IMAGES.mean((1, 2)))
    np.testing.assert_allclose(out(GlobalMaxPool(), IMAGES[0]), IMAGES[0].max(1))
    blocks = IMAGES[:, :6].reshape(3, 3, 2, 3, 2, 4)
    np.testing.assert_allclose(out(MaxPool2D(), IMAGES), blocks.max((2, 4)))
    np.testing.assert_allclose(out(AveragePool2D(), IMAGES), blocks.mean((2, 4)))
    x = np.array([1.0, 2, 4]).reshape(1, 3, 1)
    assert out(MaxPool1D(2, 1, 1), x).ravel().tolist() == [1, 2, 4, 4]
    assert out(AveragePool1D(2, 1, 1), x).ravel().tolist() == [0.5, 1.5, 3, 2]
    inside = out(AveragePool1D(2, 1, 1, count_padding=False), x)
    assert inside.ravel().tolist() == [1, 1.5, 3, 4]
    normed = pnp.local_response_norm(IMAGES, 3, 0.5, 2.0, 1.0).numpy()
    np.testing.assert_allclose(out(LocalResponseNorm(3, 0.5, 2.0, 1.0), IMAGES), normed)


def test_a_file_brings_every_layer_back(tmp_path):
    layers = [
        Conv2D(3, 3, connections=TABLE, padding=((1, 2), 0), bias="unit", activation="tanh"),
        MaxPool2D((2, 1), 1),
        LocalResponseNorm(3),
        Conv2D(6, 2, groups=3, pieces=2, padding="same"),
        AveragePool2D(2, count_padding=False),
        GlobalAveragePool(),
    ]
    model = Sequential(layers, seed=0)
    model.build((7, 6, 4))
    model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert again.layers == model.layers
    np.testing.assert_array_equal(again.predict(IMAGES), model.predict(IMAGES))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Conv2D(0, 3), ArgumentError, "filters must be at least 1"),
        (lambda: Conv2D(4, 0), ArgumentError, "kernel_size must be at least 1"),
        (lambda: Conv2D(4, (3, 3, 3)), ArgumentError, "kernel_size must be a number or 2"),
        (lambda: Conv2D(4, 3, strides=1.5), ArgumentError, "strides must be a whole number"),
        (lambda: Conv2D(4, 3, padding="full"), ArgumentError, "unknown padding 'full'"),
        (lambda: Conv1D(4, 3, padding=(1, 2)), ArgumentError, "padding=((1, 2),)"),
        (lambda: Conv2D(4, 3, padding=((1, -1), 0)), ArgumentError, "padding must be at least 0"),
        (lambda: Conv2D(4, 3, groups=3), ArgumentError, "groups must divide the 4 filters"),
        (lambda: Conv2D(4, 3, pieces=0), ArgumentError, "pieces must be at least 1"),
        (lambda: Conv2D(4, 3, bias="all"), ArgumentError, "unknown bias 'all'"),
        (lambda: Conv2D(4, 3, padding_value="x"), ArgumentError, "padding_value must be a number"),
        (lambda: Conv2D(2, 3, connections=((0,),)), ArgumentError, "each of 2 filters"),
        (lambda: Conv2D(1, 3, connections=((),)), ArgumentError, "each of 1 filters"),
        (lambda: Conv2D(1, 3, connections=((0, 0),)), ArgumentError, "once a filter"),
        (lambda: Conv2D(2, 3, groups=2, connections=((0,), (0,))), ArgumentError, "exclude"),
        (lambda: Conv2D(4, 3, activation="rleu"), ArgumentError, "Did you mean 'relu'"),
        (lambda: Conv2D(4, 3, dilation_rate=2), ArgumentError, "Here it is called 'dilation'"),
        (lambda: MaxPool2D(0), ArgumentError, "pool_size must be at least 1"),
        (lambda: MaxPool2D(2, (1, 1, 1)), ArgumentError, "strides must be a number or 2"),
        (lambda: AveragePool2D(2, count_padding=1), ArgumentError, "count_padding must be True"),
        (lambda: LocalResponseNorm(beta=-1), ArgumentError, "beta must lie in"),
        (lambda: built(Conv2D(4, 3), (28, 28)), ShapeError, "Reshape((28, 28, 1))"),
        (lambda: built(MaxPool2D(), (28, 28)), ShapeError, "Reshape((28, 28, 1))"),
        (lambda: built(Conv2D(4, 3), (3, 2, 28, 28)), ShapeError, "height, width, channels"),
        (lambda: built(Conv2D(4, 5), (3, 28, 28)), ShapeError, "np.moveaxis(x, 1, -1)"),
        (lambda: built(Conv2D(4, 5, groups=2), (28, 28, 3)), ShapeError, "the 3 channels of x"),
        (lambda: built(Conv2D(1, 3, connections=((3,),)), (9, 9, 3)), ShapeError, "below 3, got 3"),
        (lambda: built(MaxPool2D(2, 1, 2), (5, 5, 1)), ShapeError, "padding alone"),
        (lambda: built(GlobalMaxPool(), (5,)), ShapeError, "before Flatten()"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value)


ODD = st.one_of(
    st.integers(-1, 4),
    st.floats(),
    st.none(),
    st.booleans(),
    st.sampled_from(["same", "map", ""]),
    st.lists(st.integers(-1, 3), max_size=3).map(tuple),
    st.lists(st.lists(st.integers(-1, 3), max_size=3), max_size=3),
)
NAMES = (
    "strides",
    "padding",
    "dilation",
    "groups",
    "connections",
    "pieces",
    "bias",
    "use_bias",
    "padding_value",
)


@settings(max_examples=200, deadline=None)
@given(
    filters=st.integers(-1, 4),
    size=ODD,
    pool=ODD,
    strides=ODD,
    padding=ODD,
    options=st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3),
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
)
def test_nothing_but_our_errors_comes_out(filters, size, pool, strides, padding, options, shape):
    with contextlib.suppress(PellucidError):
        model = built(Conv2D(filters, size, **options), shape)
        assert np.isfinite(model.predict(np.ones((2, *shape)))).all()
    with contextlib.suppress(PellucidError):
        out = built(MaxPool2D(pool, strides, padding), shape).predict(np.ones((2, *shape)))
        assert (out == 1).all()
