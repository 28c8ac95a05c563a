"""Optimizers, clipping and schedules beside PyTorch.

The numbers were printed by PyTorch 2 in float64 after 7, 40 and 100 steps from (1, -2, 3) on
Σ c·(w - a)² + sin 3w with c = (1, 10, 0.1) and a = (0.5, -1, 2).
"""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import optim
from pellucid.core.errors import ArgumentError
from pellucid.nn import L2, Dense
from pellucid.ops import composite
from pellucid.ops.value import elementwise

C, A = np.array([1.0, 10.0, 0.1]), np.array([0.5, -1.0, 2.0])
START = np.array([1.0, -2.0, 3.0])

KNOWN = {
    "adagrad": (
        optim.Adagrad(0.1),
        [
            [1.31744619272208, -1.625976090225559, 3.392223641253872],
            [1.365717339871195, -1.1017059089577135, 3.624700406263039],
            [1.3657196360090382, -0.8953340315347891, 3.6289189115367804],
        ],
    ),
    "adagrad, begun": (
        optim.Adagrad(0.1, initial_accumulator=0.1, epsilon=1e-7),
        [
            [1.316231581903823, -1.6260071680148802, 3.391064225414382],
            [1.3657170041930757, -1.1017340162675895, 3.6246185842071985],
            [1.3657196360090267, -0.895340785538884, 3.628918785782947],
        ],
    ),
    "rmsprop": (
        optim.RMSprop(0.01),
        [
            [1.1312989325497194, -1.8681455318218407, 3.137335102976735],
            [1.3539003749201568, -1.5358691951638388, 3.4614967482849304],
            [1.365719636009067, -1.022355908075347, 3.6289216386505325],
        ],
    ),
    "rmsprop, centered": (
        optim.RMSprop(0.01, rho=0.95, momentum=0.9, centered=True),
        [
            [1.550938265729098, -1.3139249997106832, 3.698240048744363],
            [1.3297490945107033, -0.9346918584629725, 3.6841980392201634],
            [1.3662661570532317, -0.87017610612004, 3.6290797459855293],
        ],
    ),
    "adamw": (
        optim.AdamW(0.02, weight_decay=0.1),
        [
            [1.124802886811537, -1.833608896022374, 3.097715917648226],
            [1.377767164747335, -1.1540253942789906, 3.499489571180847],
            [1.3550675787772555, -0.8321888572130696, 3.566076321003411],
        ],
    ),
    # PyTorch divides by the norm + 1e-6.
    "clipped norm": (
        optim.SGD(0.02, momentum=0.9, clip_norm=1.5),
        [
            [1.0879785384226897, -1.3247631210938253, 3.1175867027530155],
            [1.3867946277749363, -0.8163105770332126, 3.682364458060469],
            [1.364953378416281, -0.8687244601299915, 3.6294341657227633],
        ],
    ),
    "clipped values": (
        optim.SGD(0.02, momentum=0.9, clip_value=0.8),
        [
            [1.3666723080281518, -1.631252464, 3.368747536],
            [1.395109876381928, -0.8017809648652005, 3.5777167205198905],
            [1.3664601406550345, -0.8691373637608801, 3.6289064738295504],
        ],
    ),
}


def steps(optimizer, backend):
    """The weights after 7, 40 and 100 steps."""

    def objective(w):
        far = composite.sum(elementwise("square", w - A) * C)
        return far + composite.sum(elementwise("sin", 3 * w))

    def moved(w, slots):
        return optimizer.update(pel.grad(objective)(w), slots, w)

    move = pel.jit(moved, backend=backend)
    w, slots, found = START, optimizer.init(START), []
    for step in range(100):
        w, slots = move(w, slots)
        if step + 1 in (7, 40, 100):
            found.append(w)
    return found


@pytest.mark.lecture("T1.H12")
@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_hundred_steps_are_pytorchs(name, backend):
    optimizer, wanted = KNOWN[name]
    rtol = 1e-6 if name == "clipped norm" else 1e-10
    np.testing.assert_allclose(steps(optimizer, backend), wanted, rtol=rtol)


def trained(optimizer, regularizer=()):
    x = np.random.default_rng(0).normal(size=(40, 3))
    net = pel.Sequential([Dense(4, "tanh"), Dense(2)], seed=0, dtype="float64")
    net.compile(optimizer, loss="squared", regularizer=regularizer)
    net.fit(x, x[:, :2], batch_size=8, epochs=3, seed=0, verbose=0)
    return net.get_weights()[0]


@pytest.mark.slow
@pytest.mark.lecture("T1.F1")
def test_decay_and_penalty_are_one_for_sgd_and_two_under_adam():
    """θ ← (1 - ηλ)θ - η∇ is the step on loss + (λ/2)‖θ‖² for SGD alone."""
    w = np.array([0.5, -2.0])
    plain = w * (1 - 0.1 * 0.3) - 0.1 * np.cos(w)
    penalty = w - 0.1 * pel.grad(lambda w: np.sum(np.sin(w)) + 0.15 * np.sum(w * w))(w)
    np.testing.assert_allclose(penalty, plain, rtol=1e-14)
    decayed = trained(optim.AdamW(0.01, weight_decay=0.1))
    penalised = trained(optim.Adam(0.01), [L2(0.1)])
    assert np.abs(decayed - penalised).max() > 1e-3
    np.testing.assert_array_equal(
        trained(optim.AdamW(0.01, weight_decay=0.0)), trained(optim.Adam(0.01))
    )


def test_a_norm_below_its_bound_changes_no_bit():
    np.testing.assert_array_equal(trained(optim.SGD(0.01, clip_norm=1e6)), trained(optim.SGD(0.01)))


SCHEDULES = {
    "exponential": (optim.Exponential(0.1, 0.9), [0.1, 0.09, 0.081, 0.0729]),
    "cosine": (
        optim.Cosine(0.1, 10, 0.01),
        [
            0.1,
            0.09779754323328192,
            0.09140576474687263,
            0.08145033635316129,
            0.06890576474687264,
            0.055,
            0.04109423525312737,
            0.028549663646838717,
            0.01859423525312737,
            0.012202456766718092,
            0.01,
            0.01,
        ],
    ),
    "one cycle": (
        optim.OneCycle(0.1, 12, 0.25),
        [
            0.004,
            0.052,
            0.1,
            0.09698464310077128,
            0.08830226894706028,
            0.0750001,
            0.058682574153711,
            0.04131782584628902,
            0.025000300000000013,
            0.01169813105293973,
            0.0030157568992287415,
            4e-07,
            4e-07,
        ],
    ),
    "warm-up": (
        optim.WarmUp(optim.Step(0.5, 0.1, every=2), 4),
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.05, 0.05],
    ),
    "warm-up to a number": (optim.WarmUp(0.3, 2), [0.1, 0.2, 0.3, 0.3]),
    "piecewise": (optim.Piecewise([2, 3], [0.1, 0.2, 0.3]), [0.1, 0.1, 0.2, 0.3, 0.3]),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    schedule, rates = SCHEDULES[name]
    np.testing.assert_allclose([schedule.rate(i) for i in range(len(rates))], rates, rtol=1e-9)
    assert optim.SGD(schedule).rates(1, 3) == [schedule.rate(i) for i in (1, 2, 3)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_model_with_a_schedule_is_saved_and_goes_on(name, tmp_path):
    x = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)

    def start():
        net = pel.Sequential([Dense(2)], seed=0)
        net.compile(optim.SGD(SCHEDULES[name][0], clip_norm=0.5), loss="squared")
        return net

    whole, part = start(), start()
    whole.fit(x, x[:, :2], batch_size=8, epochs=4, seed=1, verbose=0)
    part.fit(x, x[:, :2], batch_size=8, epochs=2, seed=1, verbose=0, checkpoint=tmp_path / "m")
    again = pel.load(tmp_path / "m")
    assert again.optimizer == part.optimizer
    again.fit(x, x[:, :2], batch_size=8, epochs=4, verbose=0, resume=True)
    for one, other in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.Adagrad(epsilon=0), "epsilon must lie"),
        (lambda: optim.RMSprop(rho=1.0), "rho must lie"),
        (lambda: optim.RMSprop(centred=True), "Did you mean 'centered'"),
        (lambda: optim.AdamW(weight_decay=-1), "weight_decay must lie"),
        (lambda: optim.SGD(0.1, clip_norm=0), "clip_norm must lie"),
        (lambda: optim.Adam(clip_value=float("nan")), "clip_value must lie"),
        (lambda: optim.Cosine(0.1, 0), "steps must be"),
        (lambda: optim.OneCycle(0.1, 10, 1.0), "rising must lie"),
        (lambda: optim.WarmUp("fast", 3), "after must be a number"),
        (lambda: optim.Piecewise([3, 2], [1, 1, 1]), "borders must increase"),
        (lambda: optim.Piecewise([3], [1]), "one more than borders"),
    ],
)
def test_arguments_that_do_not_fit(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
