"""EarlyStopping and ReduceOnPlateau beside the rules of Keras 3, written out here by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pel
from pellucid.train.history import History


def keras_stop(curve, patience, min_delta, sign):
    """keras.callbacks.EarlyStopping.on_epoch_end: (epochs run, best epoch from 1)."""
    best, best_epoch, wait = None, 0, 0
    for epoch, current in enumerate(curve):
        wait += 1
        if best is None or sign * current + min_delta < sign * best:
            best, best_epoch, wait = current, epoch + 1, 0
            continue
        if wait >= patience and epoch > 0:
            return epoch + 1, best_epoch
    return len(curve), best_epoch


def keras_rates(curve, factor, patience, min_delta, cooldown, min_lr, sign):
    """keras.callbacks.ReduceLROnPlateau.on_epoch_end: the rate after each epoch, from 1."""
    best, wait, counter, rate, rates = math.inf * sign, 0, 0, 1.0, []
    for current in curve:
        if counter > 0:
            counter -= 1
            wait = 0
        if sign * current + min_delta < sign * best:
            best, wait = current, 0
        elif counter <= 0:
            wait += 1
            if wait >= patience and rate > min_lr:
                rate = max(rate * factor, min_lr)
                counter, wait = cooldown, 0
        rates.append(rate)
    return rates


def followed(callback, curve):
    """What a run with this curve would do: epochs run, and the rate's scale after each."""
    run = SimpleNamespace(
        logs={},
        history=History(),
        epoch=0,
        callbacks=[callback],
        kept=set(),
        stop=False,
        rate_scale=1.0,
    )
    run.keep = lambda epochs: run.kept.add(run.epoch)
    callback.on_start(run)
    scales = []
    for value in curve:
        run.logs = {"loss": value}
        run.history.add_epoch(run.logs)
        run.epoch += 1
        callback.on_measured(run)
        callback.on_epoch(run)
        scales.append(run.rate_scale)
        if run.stop:
            break
    return run.epoch, scales


TABLE = [  # a curve, patience, epochs that Keras runs
    ([3, 2, 1], 0, 3),
    ([1, 2, 3], 0, 2),
    ([1, 2, 3], 1, 2),
    ([1, 2, 3], 2, 3),
    ([1, 2, 0.5, 2, 2, 2], 2, 5),
    ([1, 1, 1, 1, 1], 3, 4),
    ([1, 2, 2, 0.9, 2, 2, 0.8, 2, 2, 2], 3, 10),
    ([5], 0, 1),
]


@pytest.mark.parametrize(("curve", "patience", "epochs"), TABLE)
def test_epochs_that_are_run(curve, patience, epochs):
    assert keras_stop(curve, patience, 0.0, 1)[0] == epochs
    assert followed(pel.EarlyStopping("loss", patience), curve)[0] == epochs
    turned = [-value for value in curve]
    assert followed(pel.EarlyStopping("loss", patience, mode="max"), turned)[0] == epochs


# Few values, so that ties and improvements by min_delta exactly are drawn.
CURVES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 2.0]), min_size=1, max_size=30)
DELTAS = st.sampled_from([0.0, 0.25, 0.3])


@given(CURVES, st.integers(0, 6), DELTAS, st.sampled_from(["min", "max"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_stopping_is_keras(curve, patience, min_delta, mode, restore):
    callback = pel.EarlyStopping("loss", patience, min_delta, mode, restore)
    epochs, _ = followed(callback, curve)
    known = keras_stop(curve, patience, min_delta, 1 if mode == "min" else -1)
    assert (epochs, callback.best_epoch) == known


@given(
    CURVES,
    st.sampled_from([0.1, 0.5]),
    st.integers(1, 5),
    DELTAS,
    st.integers(0, 4),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from(["min", "max"]),
)
@settings(max_examples=300, deadline=None)
def test_rates_are_keras(curve, factor, patience, min_delta, cooldown, lowest, mode):
    callback = pel.ReduceOnPlateau(
        "loss", factor, patience, min_delta, mode, lowest=lowest, cooldown=cooldown
    )
    sign = 1 if mode == "min" else -1
    known = keras_rates(curve, factor, patience, min_delta, cooldown, lowest, sign)
    assert followed(callback, curve)[1] == known


def test_nan_is_no_improvement_and_is_not_waited_for_before_the_first_number():
    curve = [math.nan] * 4 + [1.0, math.nan, 0.5, math.nan, math.nan, 0.1]
    stopping = pel.EarlyStopping("loss", patience=2)
    assert followed(stopping, curve)[0] == 9
    assert (stopping.best, stopping.best_epoch) == (0.5, 7)
