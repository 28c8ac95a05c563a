"""Layers that change images in training: what moves where, and that prediction is left alone."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.nn.augmentation import FILL_MODES
from pellucid.ops.random import Key

RNG = np.random.default_rng(0)
X = RNG.random((6, 5, 7, 2))
MOVES = [
    nn.RandomShift(0.3, 0.3),
    nn.RandomRotation(0.2),
    nn.RandomZoom(0.4, 0.2),
    nn.RandomZoom(0.3),
    nn.RandomFlip(),
    nn.GaussianNoise(0.5),
    nn.RandomShift(0.4, 0.1, fill_mode="reflect"),
    nn.RandomRotation(0.5, fill_mode="wrap"),
    nn.RandomShift(0.5, 0.5, fill_mode="nearest", interpolation="nearest"),
]


def changed(layer, x, seed=0, step=0, backend="interpreter", train=True):
    def out(x, seed, step):
        return layer.apply({}, {}, x, train=train, key=Key(seed, step, "train"))[0]

    return np.asarray(pel.jit(out, backend=backend)(x, np.asarray(seed), np.asarray(step)))


@pytest.mark.lecture("T1.F7")
@pytest.mark.parametrize(
    ("mode", "backend"),
    [("constant", "native"), *((mode, "interpreter") for mode in FILL_MODES)],
)
def test_shifts_of_whole_pixels(mode, backend):
    """The training set grows by changed copies of its images: here shifted ones."""
    pad = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "wrap": "wrap"}[mode]
    around = np.pad(X, ((0, 0), (5, 5), (7, 7), (0, 0)), pad)
    for down, right in ((0, 0), (2, 0), (0, -3), (-1, 2), (-5, 7)):
        layer = nn.RandomShift((down / 5,) * 2, (right / 7,) * 2, fill_mode=mode)
        wanted = around[:, 5 - down : 10 - down, 7 - right : 14 - right]
        np.testing.assert_allclose(changed(layer, X, backend=backend), wanted, atol=1e-12)


def test_half_a_pixel_is_the_mean_of_two():
    layer = nn.RandomShift((0.1, 0.1), (0.0, 0.0), fill_mode="nearest")
    wanted = X.copy()
    wanted[:, 1:] = (X[:, 1:] + X[:, :-1]) / 2
    np.testing.assert_allclose(changed(layer, X), wanted, atol=1e-12)


@pytest.mark.lecture("T1.F7")
def test_turns_by_right_angles():
    """Rotated digits: a quarter turn is counter-clockwise, and four of them are none."""
    square = RNG.random((3, 6, 6, 2))
    for turns in range(-3, 4):
        layer = nn.RandomRotation((turns / 4, turns / 4), fill_mode="nearest")
        wanted = np.rot90(square, turns, axes=(1, 2))
        np.testing.assert_allclose(changed(layer, square), wanted, atol=1e-9)


def test_zoom():
    ramp = np.arange(8.0).reshape(1, 8, 1, 1) * np.ones((1, 1, 4, 1))
    twice = changed(nn.RandomZoom((-0.5, -0.5), (0.0, 0.0), fill_mode="nearest"), ramp)
    np.testing.assert_allclose(twice[0, :, 0, 0], 3.5 + (np.arange(8) - 3.5) / 2)
    half = changed(nn.RandomZoom((1.0, 1.0), (0.0, 0.0), fill_value=-1.0), ramp)
    np.testing.assert_allclose(half[0, 3:5, 0, 0], [2.5, 4.5])
    assert (half[0, [0, 7], 0, 0] == -1).all()


def test_flips_mirror_and_half_of_the_samples_do():
    many = RNG.random((400, 3, 4, 1))
    for mode, axes in (("horizontal", (2,)), ("vertical", (1,))):
        out = changed(nn.RandomFlip(mode), many)
        mirrored = np.flip(many, axes)
        turned = (out == mirrored).all(axis=(1, 2, 3))
        assert ((out == many).all(axis=(1, 2, 3)) ^ turned).all()
        assert 150 < turned.sum() < 250
    both = changed(nn.RandomFlip(), many)
    seen = {
        kind: sum((b == f(x)).all() for b, x in zip(both, many, strict=True))
        for kind, f in {
            "none": lambda x: x,
            "rows": lambda x: x[::-1],
            "columns": lambda x: x[:, ::-1],
            "both": lambda x: x[::-1, ::-1],
        }.items()
    }
    assert sum(seen.values()) == 400 and min(seen.values()) > 60


def test_noise_is_normal():
    out = changed(nn.GaussianNoise(0.5), np.zeros((200, 10, 10, 1)))
    assert abs(out.mean()) < 0.02 and abs(out.std() - 0.5) < 0.01


@pytest.mark.parametrize("layer", MOVES, ids=repr)
def test_each_sample_draws_its_own_and_runs_repeat(layer):
    same = np.repeat(RNG.random((1, 9, 9, 1)), 8, 0)
    out = changed(layer, same)
    assert len({sample.tobytes() for sample in out}) > (2 if layer == nn.RandomFlip() else 6)
    np.testing.assert_array_equal(out, changed(layer, same))
    assert not np.array_equal(out, changed(layer, same, step=1))
    assert not np.array_equal(out, changed(layer, same, seed=1))
    np.testing.assert_array_equal(changed(layer, same, train=False), same)
    np.testing.assert_allclose(out, changed(layer, same, backend="native"), atol=1e-6)
    # A row is changed alike in whatever batch it stands.
    np.testing.assert_array_equal(changed(layer, same[:3]), out[:3])


@pytest.mark.parametrize(
    "layer",
    [*MOVES[::2], *(pytest.param(layer, marks=pytest.mark.slow) for layer in MOVES[1::2])],
    ids=repr,
)
def test_gradients_go_back_to_the_pixels(layer):
    weights = RNG.normal(size=X.shape)

    def total(x, seed, step):
        out, _ = layer.apply({}, {}, x, train=True, key=Key(seed, step, "train"))
        return np.sum(out * weights)

    drawn = np.asarray(3), np.asarray(0)
    measure = pel.jit(total)
    small = pel.numerical_grad(lambda x: measure(x, *drawn))(X)
    np.testing.assert_allclose(pel.grad(total)(X, *drawn), small, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_a_model_with_them_is_saved_and_predicts_without(tmp_path):
    moves = [nn.RandomShift(0.1, 0.1), nn.RandomRotation(0.05), nn.RandomZoom((-0.1, 0.1))]
    layers = [*moves, nn.RandomFlip("horizontal"), nn.GaussianNoise(0.1), nn.Flatten(), nn.Dense(3)]
    net = pel.Sequential(layers, seed=0)
    net.compile("adam", loss="cross_entropy")
    x, y = X.astype(np.float32), np.arange(6) % 3
    net.fit(x, y, epochs=2, batch_size=4, seed=0, verbose=0, checkpoint=tmp_path / "c.st")
    whole = pel.load(tmp_path / "c.st")
    for one in (net, whole):
        one.fit(
            x,
            y,
            epochs=4,
            batch_size=4,
            verbose=0,
            **({"resume": True} if one is whole else {"seed": 0}),
        )
    plain = pel.Sequential([nn.Flatten(), nn.Dense(3)], seed=0)
    plain.build((5, 7, 2))
    plain.set_weights(whole.get_weights())
    np.testing.assert_array_equal(whole.predict(x), plain.predict(x))


@pytest.mark.slow
@pytest.mark.lecture("T1.F7")
def test_training_on_shifted_digits_recognises_shifted_digits():
    """Changed copies teach what a change does not: the digits of shifted images."""
    data = pel.data.load_digits(seed=0)
    train, test = (part.reshape(-1, 8, 8, 1) / 16 for part in (data.x_train, data.x_test))
    moved = np.zeros_like(test)
    moved[:, 1:, 1:] = test[:, :-1, :-1]
    right = []
    for first in ([], [nn.RandomShift(1 / 8, 1 / 8, interpolation="nearest")]):
        net = pel.Sequential([*first, nn.Flatten(), nn.Dense(64, "relu"), nn.Dense(10)], seed=0)
        net.compile(optim.Adam(0.003), loss="cross_entropy", metrics=["accuracy"])
        net.fit(train, data.y_train, epochs=15, seed=0, verbose=0)
        right.append(net.evaluate(moved, data.y_test)["accuracy"])
    assert right[1] > right[0] + 0.15 and right[1] > 0.8


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.RandomShift(2, 0), r"a fraction of the image's height.*got 2.*2 / 28"),
        (lambda: nn.RandomShift(0.1, (0.2, -0.2)), r"pair \(lowest, highest\).*got \(0.2, -0.2\)"),
        (lambda: nn.RandomRotation(15), r"a fraction of a full turn.*got 15.*15 / 360"),
        (lambda: nn.RandomZoom((-1, 0)), r"height is the change.*got \(-1, 0\)"),
        (lambda: nn.RandomFlip("sideways"), "unknown mode 'sideways'"),
        (lambda: nn.RandomShift(0.1, 0.1, fill_mode="mirror"), "unknown fill_mode 'mirror'"),
        (lambda: nn.RandomShift(0.1, 0.1, interpolation="cubic"), "unknown interpolation 'cubic'"),
        (lambda: nn.GaussianNoise(-1), r"stddev must lie in \[0, inf\)"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_images_have_channels():
    with pytest.raises(ShapeError, match="random_shift"):
        pel.Sequential([nn.RandomShift(0.1, 0.1), nn.Flatten(), nn.Dense(1)]).build((8, 8))
