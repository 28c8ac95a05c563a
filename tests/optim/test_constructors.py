"""Every argument of every optimizer and schedule: what is just allowed, and what just is not."""

import contextlib
import dataclasses
import inspect
import math

import pytest

from pellucid import optim
from pellucid.core.errors import ArgumentError

TINY, ALMOST = 5e-324, 1 - 2**-53
INF, NAN = float("inf"), float("nan")

AT_LEAST_0 = ([0, 1, 1e300], [-TINY, INF, NAN, "1", None, True])
ABOVE_0 = ([TINY, 1e300], [0, -1.0, INF, NAN, "1", True])
BELOW_1 = ([0, 0.5, ALMOST], [-TINY, 1, 2, NAN, "0", True])
INSIDE = ([TINY, 0.5, ALMOST], [0, 1, NAN, True])
COUNT = ([1, 7, 10**6], [0, -1, 1.0, "1", None, True])
FLAG = ([True, False], [0, 1, "yes", None])
RATE = ([0, 0.5, optim.Constant(1)], [-TINY, INF, NAN, "fast", True, optim.Constant])
CLIP = ([None, *ABOVE_0[0]], ABOVE_0[1])
EVERY = {
    **{"learning_rate": RATE, "clip_value": CLIP, "clip_norm": CLIP, "clip_each_norm": CLIP},
    **{"decoupled_decay": AT_LEAST_0, "gather_steps": COUNT},
    "average": ([None, *BELOW_1[0]], BELOW_1[1]),
    "average_every": ([None], [0, 3, "1", True]),  # a number needs an average
}
SEARCHED = {
    "learning_rate": RATE,
    **dict.fromkeys(("clip_value", "clip_norm", "clip_each_norm", "average"), ([None], [0.5])),
    **{"decoupled_decay": ([0], [0.1]), "gather_steps": ([1], [2]), "average_every": ([None], [2])},
}
BETAS = EVERY | {"beta_1": BELOW_1, "beta_2": BELOW_1}
MOMENTS = BETAS | {"epsilon": ABOVE_0}
ADAM = MOMENTS | {"epsilon_uncorrected": FLAG, "amsgrad": FLAG}
PART = ([TINY, 0.5, 1], [0, 1 + 2**-52, NAN, True])

# For each class: what it is made with otherwise, and for each argument (allowed, refused).
TABLE = {
    optim.SGD: (
        {"momentum": 0.5},
        EVERY | {"momentum": BELOW_1, "nesterov": FLAG, "rate_inside": FLAG},
    ),
    optim.Adagrad: (
        {},
        EVERY | {"initial_accumulator": AT_LEAST_0, "epsilon": ABOVE_0, "epsilon_inside": FLAG},
    ),
    optim.RMSprop: (
        {},
        EVERY
        | {"rho": BELOW_1, "momentum": BELOW_1, "epsilon": ABOVE_0, "centered": FLAG}
        | {"epsilon_inside": FLAG, "rate_inside": FLAG},
    ),
    optim.Adam: ({}, ADAM),
    optim.AdamW: ({}, ADAM | {"weight_decay": AT_LEAST_0}),
    optim.Nadam: ({}, MOMENTS | {"momentum_decay": AT_LEAST_0}),
    optim.Adamax: ({}, MOMENTS),
    optim.Lamb: ({}, MOMENTS | {"weight_decay": AT_LEAST_0}),
    optim.Muon: (
        {},
        MOMENTS
        | {"momentum": BELOW_1, "nesterov": FLAG, "iterations": COUNT, "adam_rate": ABOVE_0}
        | dict.fromkeys(("weight_decay", "adam_weight_decay"), AT_LEAST_0)
        | {"scale": CLIP, "adam": ([(), ("last",), ["last"]], ["last", (1,), None])}
        | {"coefficients": ([(1, 2.0, 3), [3.0, -4.0, 2.0]], [(1, 2), 3, (1, 2, "3"), None])},
    ),
    optim.Lion: ({}, BETAS | {"weight_decay": AT_LEAST_0}),
    optim.Adadelta: ({}, EVERY | {"rho": BELOW_1, "epsilon": ABOVE_0}),
    optim.Ftrl: (
        {},
        EVERY | dict.fromkeys(("initial_accumulator", "l1", "l2", "beta"), AT_LEAST_0),
    ),
    optim.Adafactor: (
        {},
        EVERY
        | dict.fromkeys(("epsilon_1", "epsilon_2", "clip_threshold"), ABOVE_0)
        | {"decay": PART, "relative_step": FLAG},
    ),
    optim.CosineRestarts: (
        {"initial": 1, "steps": 10},
        {
            **{"initial": AT_LEAST_0, "steps": COUNT, "lower": PART, "final": AT_LEAST_0},
            "longer": ([1, 2.5], [ALMOST, 0, INF, NAN, True]),
        },
    ),
    optim.PolynomialDecay: (
        {"initial": 1, "steps": 10},
        {"initial": AT_LEAST_0, "steps": COUNT, "final": AT_LEAST_0, "power": ABOVE_0},
    ),
    optim.InverseTime: (
        {"initial": 1},
        {"initial": AT_LEAST_0, "decay": AT_LEAST_0, "every": COUNT},
    ),
    optim.LBFGS: ({}, SEARCHED | {"memory": ([1, 1000], [0, 1001, 1.0, True])}),
    optim.Newton: ({}, SEARCHED | {"max_weights": COUNT}),
    optim.Perturb: ({}, SEARCHED | {"coordinates": ([None, 1, 7], [0, 1.0, True])}),
    optim.Constant: ({"value": 1}, {"value": AT_LEAST_0}),
    optim.Step: (
        {"initial": 1},
        {
            "initial": AT_LEAST_0,
            "factor": ([TINY, 0.5, 1], [0, 1 + 2**-52, NAN, True]),
            "every": COUNT,
        },
    ),
    optim.Exponential: (
        {"initial": 1},
        {"initial": AT_LEAST_0, "factor": ABOVE_0, "every": COUNT},
    ),
    optim.Cosine: (
        {"initial": 1, "steps": 10},
        {"initial": AT_LEAST_0, "steps": COUNT, "final": AT_LEAST_0},
    ),
    optim.OneCycle: (
        {"highest": 1, "steps": 10},
        {"highest": AT_LEAST_0, "steps": ([2, 9], [1, 0, 2.0, True]), "rising": INSIDE},
    ),
    optim.WarmUp: (
        {"after": 1, "steps": 10},
        {"after": ([0, 1, optim.Constant(1)], [-TINY, INF, NAN, "fast"]), "steps": COUNT},
    ),
    optim.Piecewise: (
        {"borders": (1,), "rates": (1, 2)},
        {
            "borders": ([(1,), [3]], [(0,), (1.0,), (1, 1), (), 1, "1", b"1"]),
            "rates": ([(0, 1), [1, 0]], [(-TINY, 1), (1, NAN), (1,), (1, 2, 3), 1, "12"]),
        },
    ),
    optim.FixedBatch: ({"rows": 1}, {"rows": COUNT}),
    optim.GrowingBatch: (
        {"first": 4},
        {
            "first": COUNT,
            "factor": ([1, 2.5], [ALMOST, 0, INF, NAN, True]),
            "every": COUNT,
            "highest": ([None, 4, 9], [3, 0, 4.0]),
        },
    ),
}
CASES = [
    (kind, {**others, name: value}, name, fits)
    for kind, (others, arguments) in TABLE.items()
    for name, (allowed, refused) in arguments.items()
    for fits, values in ((True, allowed), (False, refused))
    for value in values
]


def test_the_table_has_every_class_and_every_argument():
    bases = {optim.Optimizer, optim.Minimizer, optim.Schedule, optim.BatchSize}
    public = {getattr(optim, name) for name in optim.__all__}
    kinds = {kind for kind in public if inspect.isclass(kind) and issubclass(kind, tuple(bases))}
    assert kinds - bases == set(TABLE)
    for kind, (_, arguments) in TABLE.items():
        assert {field.name for field in dataclasses.fields(kind)} == set(arguments), kind


@pytest.mark.parametrize("fits", [True, False])
def test_arguments_at_their_bounds(fits):
    for kind, arguments, name, allowed in CASES:
        if allowed != fits:
            continue
        if allowed:
            made = kind(**arguments)
            kept = getattr(made, name)
            assert kept == arguments[name] or list(kept) == list(arguments[name])
            assert hash(made) == hash(kind(**arguments))  # no list is left in it
        else:
            with pytest.raises(ArgumentError, match=rf"\[{kind.__name__}\]") as caught:
                kind(**arguments)
            assert name in str(caught.value) or "momentum" in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in TABLE if issubclass(kind, optim.Optimizer)])
def test_every_optimizer_has_its_own_default_rate_and_both_spellings(kind):
    own = {optim.LBFGS: 1, optim.Newton: 1}
    own |= {optim.RMSprop: 0.001, optim.Adam: 0.001, optim.AdamW: 0.001, optim.Adadelta: 1}
    own |= dict.fromkeys((optim.Nadam, optim.Adamax, optim.Lamb, optim.Lion, optim.Muon), 0.001)
    own |= {optim.Adafactor: 0.001}
    assert kind().learning_rate == kind.default_rate() == own.get(kind, 0.01)
    assert kind(lr=0.25).learning_rate == 0.25
    assert kind(0.25).rate(7) == 0.25
    assert kind(0.25).rates(7, 2) == [0.25, 0.25]
    assert kind(optim.Step(1, 0.5, every=8)).rates(7, 3) == [1, 0.5, 0.5]
    with pytest.raises(ArgumentError, match=r"give learning_rate or lr, got 0\.1 and 0\.2"):
        kind(0.1, lr=0.2)
    with pytest.raises(ArgumentError, match=r"the class Constant.*Constant\(…\), with brackets"):
        kind(optim.Constant)


def test_a_momentum_is_needed_for_nesterovs():
    with pytest.raises(ArgumentError, match="nesterov needs a momentum"):
        optim.SGD(nesterov=True)
    assert optim.SGD(momentum=TINY, nesterov=True).nesterov


def test_sizes_of_growing_batches():
    assert [optim.GrowingBatch(3).size(epoch) for epoch in range(4)] == [3, 6, 12, 24]
    grown = optim.GrowingBatch(10, factor=1.5, every=2, highest=20)
    assert [grown.size(epoch) for epoch in range(6)] == [10, 10, 15, 15, 20, 20]
    assert optim.GrowingBatch(3, factor=1.5).size(1) == 4  # 4.5: to even
    assert optim.GrowingBatch(3).size(10**9) >= 10**18
    assert optim.GrowingBatch(3, factor=1e300).size(5) >= 10**18
    assert optim.GrowingBatch(3, highest=7).size(10**9) == 7
    assert optim.FixedBatch(5).size(3) == 5


def test_the_first_steps_of_the_shortest_schedules():
    assert optim.Cosine(1.0, 1, 0.5).rate(0) == 1.0
    assert optim.Cosine(1.0, 1, 0.5).rate(1) == 0.5
    assert optim.Exponential(2.0, 0.25, every=2).rate(1) == 1.0
    assert optim.Piecewise((2,), (1, 3)).rate(1) == 1
    assert optim.Piecewise((2,), (1, 3)).rate(2) == 3


def test_a_rate_that_no_float_holds_is_no_raw_error():
    optimizer = optim.SGD(optim.Exponential(0.1, 2.0))
    assert optimizer.rate(1000) == pytest.approx(0.1 * 2.0**1000)
    with contextlib.suppress(ArgumentError):
        assert math.isfinite(optimizer.rate(2000))


@pytest.mark.parametrize("base", [optim.Schedule, optim.BatchSize])
def test_a_schedule_that_defines_nothing_says_so(base):
    class Empty(base):
        pass

    with pytest.raises((NotImplementedError, ArgumentError)):
        getattr(Empty(), "rate" if base is optim.Schedule else "size")(0)


def test_the_largest_batch_of_so_many_epochs():
    grown = optim.GrowingBatch(3, every=2)
    for epochs in range(8):
        assert grown.largest(epochs) == max(grown.size(epoch) for epoch in range(max(epochs, 1)))
    assert optim.FixedBatch(5).largest(9) == 5

    class Shrinking(optim.BatchSize):
        def size(self, epoch):
            return 10 - epoch

    assert Shrinking().largest(3) >= 10  # of one's own: nothing is known of it


@pytest.mark.parametrize("wrong", [-1, 1.0, "1", None, True])
def test_steps_and_epochs_are_whole_numbers_from_0(wrong):
    schedules = [
        optim.Constant(1),
        optim.Step(1),
        optim.Exponential(1),
        optim.Cosine(1, 5),
        optim.OneCycle(1, 5),
        optim.WarmUp(1, 5),
        optim.Piecewise((1,), (1, 2)),
    ]
    for schedule in schedules:
        with pytest.raises(ArgumentError, match="step must be"):
            schedule.rate(wrong)
        assert schedule.rate(0) > 0
    for sizes in (optim.FixedBatch(3), optim.GrowingBatch(3)):
        with pytest.raises(ArgumentError, match="epoch must be"):
            sizes.size(wrong)
        with pytest.raises(ArgumentError, match="epochs must be"):
            sizes.largest(wrong)
