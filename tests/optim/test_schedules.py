"""Schedules of rates and batch sizes: finite, in range and monotone at every step there can be."""

from __future__ import annotations

import inspect
import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pellucid as pel
from pellucid import optim
from pellucid.core.errors import ArgumentError

LARGEST = 10**12
RATES = st.floats(0, 1e300) | st.sampled_from([0.0, 5e-324, 1.7e308]) | st.integers(0, 10**30)
COUNTS = st.integers(1, 100) | st.integers(1, 2**63 - 1)
STEPS = st.integers(0, 200) | st.integers(0, LARGEST)
INSIDE = st.floats(0, 1, exclude_min=True, exclude_max=True)


def piecewise():
    return st.sets(st.integers(1, LARGEST), max_size=5).flatmap(
        lambda borders: st.builds(
            optim.Piecewise,
            st.just(tuple(sorted(borders))),
            st.tuples(*[RATES] * (len(borders) + 1)),
        )
    )


PLAIN = {
    optim.Constant: st.builds(optim.Constant, RATES),
    optim.Step: st.builds(optim.Step, RATES, st.floats(0, 1, exclude_min=True), COUNTS),
    optim.Exponential: st.builds(
        optim.Exponential, RATES, st.floats(0, 1e300, exclude_min=True), COUNTS
    ),
    optim.Cosine: st.builds(optim.Cosine, RATES, COUNTS, RATES),
    optim.CosineRestarts: st.builds(
        optim.CosineRestarts, RATES, COUNTS, st.floats(1, 1e300), INSIDE, RATES
    ),
    optim.PolynomialDecay: st.builds(
        optim.PolynomialDecay, RATES, COUNTS, RATES, st.floats(0, 1e300, exclude_min=True)
    ),
    optim.InverseTime: st.builds(optim.InverseTime, RATES, st.floats(0, 1e300), COUNTS),
    optim.OneCycle: st.builds(optim.OneCycle, RATES, COUNTS.map(lambda n: max(n, 2)), INSIDE),
    optim.Piecewise: piecewise(),
}
SCHEDULES = {
    **PLAIN,
    optim.WarmUp: st.builds(optim.WarmUp, st.one_of(RATES, *PLAIN.values()), COUNTS),
}


def test_every_schedule_is_drawn():
    public = {
        one
        for one in vars(optim).values()
        if inspect.isclass(one) and issubclass(one, optim.Schedule) and one is not optim.Schedule
    }
    assert public == set(SCHEDULES)


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_every_rate_is_a_finite_number(kind):
    @given(SCHEDULES[kind], STEPS)
    @settings(max_examples=150, deadline=None)
    def check(schedule, step):
        rate = schedule.rate(step)
        assert type(rate) is float and 0 <= rate < math.inf
        assert optim.SGD(schedule).rates(step, 2) == [rate, schedule.rate(step + 1)]

    check()


@pytest.mark.parametrize("rising", [0.05, 0.1, 0.100001, 0.2, 0.5, 0.9, 0.95, 0.999, 1e-300])
@pytest.mark.parametrize("steps", [2, 3, 10, 1000, 2**53 + 1, 2**63 - 1])
def test_one_cycle_rises_to_its_highest_rate_and_falls_from_there(rising, steps):
    schedule = optim.OneCycle(1.0, steps, rising)
    edge = max(int(rising * steps) - 1, 0)
    near = {max(edge + k, 0) for k in range(-3, 4)} | {0, 1, steps - 2, steps - 1, steps, 2 * steps}
    near |= {int(part * steps) for part in np.linspace(0, 1, 50)}
    rates = [schedule.rate(step) for step in sorted(near)]
    top = rates.index(max(rates))
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(rates[: top + 1]))
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(rates[top:]))
    assert max(rates) <= 1.0 and rates[-1] == pytest.approx(1 / 250_000)


@given(
    st.one_of(
        SCHEDULES[optim.Step],
        st.builds(optim.Exponential, RATES, st.floats(1e-300, 1), COUNTS),
        st.builds(optim.Cosine, RATES, COUNTS),
        SCHEDULES[optim.Constant],
    ),
    STEPS,
    STEPS,
)
@settings(max_examples=200, deadline=None)
def test_what_decays_never_rises(schedule, one, other):
    first, second = sorted((one, other))
    assert schedule.rate(second) <= schedule.rate(first) * (1 + 1e-12)


@given(st.builds(optim.Exponential, RATES, st.floats(1, 1e300), COUNTS), STEPS, STEPS)
@settings(max_examples=100, deadline=None)
def test_what_grows_never_falls(schedule, one, other):
    first, second = sorted((one, other))
    assert schedule.rate(first) <= schedule.rate(second) * (1 + 1e-12)


@given(SCHEDULES[optim.WarmUp], STEPS)
@settings(max_examples=100, deadline=None)
def test_the_line_of_a_warm_up_rises_to_the_first_rate_behind_it(schedule, step):
    after = schedule.after
    target = after.rate(0) if isinstance(after, optim.Schedule) else float(after)
    step = min(step, schedule.steps - 1)
    assert schedule.rate(step) == pytest.approx(
        target * ((step + 1) / (schedule.steps + 1)), rel=1e-12, abs=1e-320
    )


GROWING = st.builds(
    optim.GrowingBatch,
    st.integers(1, 10**6),
    st.floats(1, 1.01) | st.floats(1, 1e300),
    COUNTS,
    st.none() | st.integers(10**6, 2**63 - 1),
)


@given(GROWING, STEPS, STEPS)
@example(optim.GrowingBatch(1, 1e10), 0, LARGEST)
@settings(max_examples=200, deadline=None)
def test_a_batch_that_grows_never_shrinks_and_has_its_bound(schedule, one, other):
    first, second = sorted((one, other))
    sizes = [schedule.size(first), schedule.size(second)]
    assert all(type(size) is int for size in sizes)
    assert schedule.first <= sizes[0] <= sizes[1] <= (schedule.highest or 2**63 - 1)
    assert schedule.largest(second + 1) == sizes[1]


@given(
    st.integers(1, 1000), st.floats(1, 3), st.integers(1, 5), st.integers(0, 2000), st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_a_batch_grows_by_its_formula(first, factor, every, epoch, bounded):
    highest = 10**9 if bounded else None
    size = optim.GrowingBatch(first, factor, every, highest).size(epoch)
    exponent = math.log(first) + epoch // every * math.log(factor)
    known = first * factor ** (epoch // every) if exponent < 60 else math.inf
    if known < 10**9:
        assert size == pytest.approx(known, abs=0.5, rel=1e-9)
    elif bounded:
        assert size == 10**9


@pytest.mark.parametrize(
    "sizes", [optim.FixedBatch(7), optim.GrowingBatch(3, 1.5, 2), optim.GrowingBatch(2, 4.0)]
)
@pytest.mark.parametrize("epochs", [0, 1, 2, 9, 30])
def test_the_largest_batch_is_the_largest_of_all(sizes, epochs):
    assert sizes.largest(epochs) == max(sizes.size(epoch) for epoch in range(max(epochs, 1)))


@pytest.mark.parametrize("batch_size", [2, "all", optim.GrowingBatch(1, 1.5), None])
def test_a_run_of_a_billion_epochs_starts_at_once(batch_size):
    class Stop(pel.Callback):
        def on_step(self, run):
            self.after = time.perf_counter() - started
            run.stop = True

    stop, net = Stop(), pel.Sequential([pel.nn.Dense(1)], seed=0)
    net.compile("sgd", "squared")
    options = {"batch_size": batch_size, "seed": 0, "verbose": 0, "callbacks": stop}
    x, y = np.ones((4, 2)), np.ones(4)
    started = time.perf_counter()
    net.fit(x, y, epochs=1, **options)
    one = stop.after
    started = time.perf_counter()
    net.fit(x, y, epochs=10**9, **options)
    assert stop.after < 1 + 2 * one


class Silent(optim.Schedule):
    pass


class Own(optim.BatchSize):
    def __init__(self, size):
        self.given = size

    def size(self, epoch):
        return self.given


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: optim.SGD(Silent()).rate(0), r"\[Silent\] rate\(step\) must be defined"),
        (lambda: optim.WarmUp(Silent(), 3).rate(0), r"\[Silent\] rate\(step\) must be defined"),
        (lambda: optim.BatchSize().size(0), r"\[BatchSize\] size\(epoch\) must be defined"),
        (lambda: optim.Step(0.1).rate(-1), "step must be at least 0"),
        (lambda: optim.Cosine(0.1, 5).rate(1.5), "step must be a whole number, got 1.5"),
        (lambda: optim.SGD(0.1).rate("a"), "step must be a whole number, got 'a'"),
        (lambda: optim.GrowingBatch(2).size(-1), "epoch must be at least 0"),
        (lambda: optim.FixedBatch(2).size("a"), "epoch must be a whole number"),
        (lambda: optim.GrowingBatch(2).largest(-1), "epochs must be at least 0"),
        (lambda: optim.SGD(1e300), None),
    ],
)
def test_steps_that_are_none_are_refused(call, words):
    if words is None:
        call()
        return
    with pytest.raises(ArgumentError, match=words):
        call()


@pytest.mark.parametrize("size", [0, -1, 2.5, "all", None])
def test_a_batch_size_of_ones_own_is_checked(size):
    net = pel.Sequential([pel.nn.Dense(1)], seed=0)
    net.compile("sgd", "squared")
    with pytest.raises(ArgumentError, match=r"\[Own\] size\(0\) must be"):
        net.fit(np.ones((4, 2)), np.ones(4), batch_size=Own(size), verbose=0, seed=0)


@pytest.mark.parametrize("rate", [1e300, 1e39, optim.Exponential(1.0, 1e200)])
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_rate_that_the_models_dtype_cannot_hold_is_refused(rate, backend):
    net = pel.Sequential([pel.nn.Dense(1, kernel_initializer="zeros")], seed=0)
    net.compile(optim.SGD(rate), "squared")
    x, y = np.zeros((4, 2)), np.zeros(4)
    options = {"batch_size": 2, "verbose": 0, "seed": 0, "backend": backend}
    with pytest.raises(ArgumentError, match="learning rate must fit float32, got 1e"):
        net.fit(x, y, epochs=2, **options)
    assert all(np.isfinite(weight).all() for weight in net.get_weights())
