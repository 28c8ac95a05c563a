"""The curves of a run: bounded, the same whether it was resumed, and the numbers of its steps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.train import history as module
from pellucid.train.history import History

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, 0] - X[:, 1]


def model():
    net = pel.Sequential([pel.nn.Dense(1)], seed=0)
    net.compile(pel.optim.SGD(0.01), "squared", metrics=["absolute_error"])
    return net


def value(step):
    return step + 0.5


@given(st.lists(st.integers(1, 40), max_size=25), st.integers(0, 12), st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_a_thinned_curve_is_the_whole_one_at_every_kth_step(slices, limit, start):
    """However the steps come in: rows k, 2k, … with k the smallest power of 2 that fits."""
    history, done = History(limit), 0
    for count in slices:
        numbers = range(start + done + 1, start + done + count + 1)
        history.add_steps({"step": numbers, "loss": [value(step) for step in numbers]})
        done += count
    stride = 1
    while limit and done // stride > limit:
        stride *= 2
    wanted = [start + row for row in range(stride, done + 1, stride)] if limit else []
    assert history.steps.get("step", []) == wanted
    assert history.steps.get("loss", []) == [value(step) for step in wanted]
    assert len(wanted) <= limit and (not done or stride == 1 or len(wanted) > limit // 2 - 1)


@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 9), st.sampled_from(["epoch", "steps"])
)
@settings(max_examples=100, deadline=None)
def test_a_history_out_of_a_file_goes_on_as_if_it_had_not_been_in_one(before, after, limit, table):
    def fill(history, first, last):
        for step in range(first, last):
            history.add_validation({"step": 3 * step + 1, "val_loss": value(step)})
            history.add_steps({"step": [step + 1], "loss": [value(step)]})
            history.add_epoch({"loss": value(step)})

    whole, half = History(limit), History(limit)
    fill(whole, 0, before + after)
    fill(half, 0, before)
    config = json.loads(json.dumps(half.to_config()))
    tables = {
        name: {k: np.asarray(v, np.float64) for k, v in getattr(half, name).items()}
        for name in ("steps", "validation")
    }
    back = History.from_config(config, tables)
    fill(back, before, before + after)
    assert vars(back) == vars(whole)
    for numbers in (back.steps.get("step", []), back.validation.get("step", [])):
        assert all(type(number) is int for number in numbers)


def test_a_measure_that_comes_late_or_goes_has_nan_where_it_was_not_taken():
    history = History()
    history.add_epoch({"loss": 1.0, "old": 5.0})
    history.add_epoch({"loss": 2.0})
    history.add_epoch({"loss": 3.0, "val_loss": 4.0})
    np.testing.assert_array_equal(history.epochs["val_loss"], [np.nan, np.nan, 4.0])
    np.testing.assert_array_equal(history.epochs["old"], [5.0, np.nan, np.nan])
    assert history.epochs["loss"] == [1.0, 2.0, 3.0]


@pytest.fixture
def few(monkeypatch):
    """Bounds that a short run reaches."""
    monkeypatch.setattr(module, "MAX_EPOCHS", 8)
    monkeypatch.setattr(History.__init__, "__defaults__", (10,))  # as fit makes one by default


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_long_run_has_a_bounded_history_that_resuming_does_not_change(tmp_path, backend):
    options = {"batch_size": 4, "verbose": 0, "validation_data": (X, Y), "validate_every": 2}
    options |= {"backend": backend}
    whole, half = model(), model()
    whole.fit(X, Y, epochs=21, seed=0, **options)
    half.fit(X, Y, epochs=10, seed=0, checkpoint=tmp_path / "run", **options)
    rest = pel.load(tmp_path / "run")
    rest.fit(X, Y, epochs=21, resume=True, **options)
    known, ours = vars(whole.history), vars(rest.history)
    for name in ("epochs", "steps", "validation", "counts", "validated", "seed"):
        assert ours[name] == known[name], name
    assert whole.history.steps["step"] == list(range(8, 64, 8))
    assert all(type(step) is int for step in rest.history.steps["step"])
    assert {len(values) for values in whole.history.epochs.values()} == {5}
    assert {len(values) for values in whole.history.validation.values()} == {42 // 4}
    assert whole.history.counts == {"epochs": 21, "steps": 63, "validation": 21 + 31 - 10}
    for one, other in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("few")
def test_callbacks_know_what_a_thinned_history_no_longer_shows(tmp_path):
    """Stopping and rates of a resumed run are those of one that was not interrupted."""

    def callbacks():
        return [
            pel.EarlyStopping("loss", patience=6, min_delta=0.01),
            pel.ReduceOnPlateau("loss", patience=2, min_delta=0.05, factor=0.5, cooldown=1),
        ]

    options = {"batch_size": 4, "verbose": 0, "epochs": 200}
    whole, watching = model(), callbacks()
    whole.fit(X, Y, seed=0, callbacks=watching, **options)
    stopped = whole.history.counts["epochs"]
    assert 20 < stopped < 200 and watching[1].scale < 1
    for cut in (5, 9, stopped - 7, stopped - 1, stopped):
        half, path = model(), tmp_path / f"run{cut}"
        options["epochs"] = cut
        half.fit(X, Y, seed=0, callbacks=callbacks(), checkpoint=path, **options)
        rest, again = pel.load(path), callbacks()
        options["epochs"] = 200
        rest.fit(X, Y, resume=True, callbacks=again, **options)
        assert rest.history.counts["epochs"] == stopped
        assert [one.numbers() for one in again] == [one.numbers() for one in watching]
        for one, other in zip(whole.get_weights(), rest.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_million_steps_take_no_more_room_than_the_bound():
    history = History()
    for first in range(0, 3_000_000, 100_000):
        numbers = range(first + 1, first + 100_001)
        history.add_steps({"step": numbers, "loss": np.zeros(100_000)})
    assert len(history.steps["loss"]) == len(history.steps["step"]) <= 10_000
    assert history.steps["step"][0] == 512 and history.counts["steps"] == 3_000_000


def test_curves_of_steps_can_be_switched_off():
    history = History(max_points=0)
    history.add_steps({"step": range(1, 5), "loss": np.zeros(4)})
    history.add_epoch({"loss": 1.0})
    assert history.steps == {} and history.epochs == {"loss": [1.0]}
    with pytest.raises(ArgumentError, match="max_points must be at least 0"):
        History(max_points=-1)
