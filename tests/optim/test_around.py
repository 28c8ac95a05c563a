"""Decay, gathered gradients and averages around the step of an optimizer, by loops of NumPy."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import optim
from pellucid.core.errors import ArgumentError

RNG = np.random.default_rng(0)
GRADIENTS = RNG.normal(size=(7, 3))
START = RNG.normal(size=3)


def steps(optimizer):
    """The weights after each of seven steps, and the slots at the end."""
    w, slots, found = {"w": START}, optimizer.init({"w": START}), []
    for g in GRADIENTS:
        w, slots = optimizer.update({"w": g}, slots, w)
        found.append(w["w"])
    return np.array(found), slots


def adam(gradients, start, rate, decay=0.0, largest=False, keras=False):
    w, m, v, top, found = start, 0.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        w = w - rate * decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        top = np.maximum(top, v) if largest else v
        first, second = 1 - 0.9**t, 1 - 0.999**t
        if keras:
            w = w - rate * np.sqrt(second) / first * m / (np.sqrt(top) + 1e-3)
        else:
            w = w - rate * (m / first) / (np.sqrt(top / second) + 1e-3)
        found.append(w)
    return np.array(found)


@pytest.mark.parametrize("keras", [False, True])
@pytest.mark.parametrize("largest", [False, True])
def test_forms_of_adam(keras, largest):
    options = {"epsilon_uncorrected": keras, "amsgrad": largest, "decoupled_decay": 0.3}
    found, _ = steps(optim.Adam(0.1, epsilon=1e-3, **options))
    wanted = adam(GRADIENTS, START, 0.1, 0.3, largest, keras)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_gathered_gradients_move_weights_together():
    found, _ = steps(optim.Adam(0.1, epsilon=1e-3, gather_steps=3, clip_norm=0.5))
    means = [GRADIENTS[k : k + 3].mean(axis=0) for k in (0, 3)]
    clipped = [g * min(1.0, 0.5 / np.linalg.norm(g)) for g in means]
    moved = adam(clipped, START, 0.1)
    wanted = [START, START, moved[0], moved[0], moved[0], moved[1], moved[1]]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_averages_and_what_stands_in_the_place_of_weights():
    w, average, wanted = START, np.zeros(3), []
    for t, g in enumerate(GRADIENTS):
        w = w - 0.1 * g
        kept = 0.8 if t else 0.0
        average = kept * average + (1 - kept) * w
        w = average if (t + 1) % 4 == 0 else w
        wanted.append(w)
    found, slots = steps(optim.SGD(0.1, average=0.8, average_every=4))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(slots["average"]["w"], average, rtol=1e-12)
    plain, _ = steps(optim.SGD(0.1))
    alone, _ = steps(optim.SGD(0.1, average=0.8))
    np.testing.assert_array_equal(plain, alone)


def test_a_velocity_of_moves():
    rates = [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05]
    schedule = optim.Piecewise((2,), (0.1, 0.05))
    for nesterov in (False, True):
        w, v, wanted = START, 0.0, []
        for rate, g in zip(rates, GRADIENTS, strict=True):
            v = 0.9 * v - rate * g
            w = w + (0.9 * v - rate * g if nesterov else v)
            wanted.append(w)
        found, _ = steps(optim.SGD(schedule, 0.9, nesterov, rate_inside=True))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_epsilon_under_the_root():
    s, w, wanted = 0.0, START, []
    for g in GRADIENTS:
        s = s + g**2
        w = w - 0.1 * g / np.sqrt(s + 0.2)
        wanted.append(w)
    found, _ = steps(optim.Adagrad(0.1, epsilon=0.2, epsilon_inside=True))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    s, v, w, wanted = 0.0, 0.0, START, []
    for g in GRADIENTS:
        s = 0.9 * s + 0.1 * g**2
        v = 0.5 * v + 0.1 * g / np.sqrt(s + 0.2)
        w = w - v
        wanted.append(w)
    options = {"epsilon_inside": True, "rate_inside": True}
    found, _ = steps(optim.RMSprop(0.1, 0.9, 0.5, 0.2, **options))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_gathered_batches_train_like_one_large_one(tmp_path):
    x, y = RNG.normal(size=(48, 3)), RNG.normal(size=48)

    def trained(size, **more):
        model = pel.Sequential([pel.nn.Dense(1, input_shape=(3,), regularizer=pel.nn.MaxNorm(0.4))],
                               seed=0, dtype="float64")  # fmt: skip
        model.set_weights([np.full((3, 1), 0.01), np.zeros(1)])  # within the bound
        model.compile(optim.Adam(0.1, average=0.9, **more), "squared")
        options = {"batch_size": size, "shuffle": False, "verbose": 0, "seed": 0}
        model.fit(x, y, epochs=2, **options)
        model.save(tmp_path / "m", overwrite=True)
        model = pel.load(tmp_path / "m")
        model.fit(x, y, epochs=3, resume=True, **options)
        return model.get_weights()

    for one, other in zip(trained(24), trained(8, gather_steps=3), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optim.SGD(average=1.0), "average must lie"),
        (lambda: optim.SGD(average_every=2), "average_every needs average"),
        (lambda: optim.SGD(gather_steps=0), "gather_steps must be"),
        (lambda: optim.SGD(decoupled_decay=-1.0), "decoupled_decay must lie"),
        (lambda: optim.Adam(amsgrad=1), "amsgrad must be"),
        (lambda: optim.LBFGS(gather_steps=2), "gather_steps is of optimizers that take one step"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()
