"""Short epochs that run several in one go: as if each had come alone, whatever ends the run."""

from __future__ import annotations

import itertools
import os
import signal

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.runtime.native_executor import NativeTrainer
from pellucid.train import loop

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = (X[:, 0] + RNG.normal(size=50) > 0).astype(int)
EPOCHS = 23


class Follows(pel.Callback):
    """Goes by averages alone, or lets the loop think that it does not.

    Args:
        at: the epoch after which `act(run)` is called.
    """

    reads_model = False

    def __init__(self, averages=True, at=0, act=None):
        self.only_averages, self.at, self.act, self.seen = averages, at, act, []

    def on_epoch(self, run):
        self.seen.append((run.epoch, run.step, run.batch, run.steps_per_epoch, *run.logs.values()))
        if run.epoch == self.at:
            self.act(run)


def trained(callback, rate=0.1, batch_size=16, **options):
    layers = [nn.Dense(4, "relu", input_shape=(3,)), nn.Dropout(0.2), nn.Dense(1)]
    model = pel.Sequential(layers, seed=0, dtype="float64")
    model.compile(optim.Adam(rate), "binary_cross_entropy", metrics="accuracy")
    given = {"epochs": EPOCHS, "seed": 1, "verbose": 0, **options}
    try:
        model.fit(X, Y, batch_size=batch_size, callbacks=callback, **given)
    except (pel.PellucidError, RuntimeError) as error:
        return model, f"{type(error).__name__} {error}"
    return model, ""


def assert_same(one, other):
    (model, said), (alone, wanted) = one, other
    assert said.partition(" At ")[0] == wanted.partition(" At ")[0]
    for mine, its in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    for mine, its in zip(model.slots["v"], alone.slots["v"], strict=True):
        np.testing.assert_array_equal(mine, its)
    assert model.history.epochs == alone.history.epochs
    assert model.history.steps == alone.history.steps
    assert model.training == alone.training


@pytest.fixture
def taken_back(monkeypatch):
    """How often epochs were taken back, where the machine's load does not decide what fits."""
    calls = []
    monkeypatch.setattr(loop, "_SLICE", 1000.0)
    back = NativeTrainer.go_back
    monkeypatch.setattr(NativeTrainer, "go_back", lambda self: (calls.append(1), back(self))[1])
    return calls


@pytest.mark.parametrize("batch_size", [16, 50, optim.GrowingBatch(4, 2.0, every=3)])
def test_epochs_in_one_go_are_those_of_their_own(batch_size, taken_back):
    ours, alone = Follows(), Follows(False)
    assert_same(trained(ours, batch_size=batch_size), trained(alone, batch_size=batch_size))
    assert ours.seen == alone.seen and len(ours.seen) == EPOCHS
    assert_same(trained(()), trained(alone))
    assert not taken_back


def stop(run):
    run.stop = True


def slower(run):
    run.rate_scale = 0.1


def fail(run):
    raise RuntimeError("as asked")


@pytest.mark.parametrize("at", [1, 2, 7, 12, 23])
@pytest.mark.parametrize("act", [stop, slower, fail])
def test_what_a_callback_does_holds_from_its_epoch_on(act, at, taken_back):
    ours, alone = Follows(True, at, act), Follows(False, at, act)
    assert_same(trained(ours), trained(alone))
    assert ours.seen == alone.seen
    assert len(taken_back) == (at in (1, 7, 12))  # epochs 1 and 2, 3 to 6, 7 to 14, and the rest


def test_a_callback_gets_the_weights_of_its_epoch():
    kept = []
    for averages in (True, False):
        act = lambda run: (run.publish(), kept.append(run.model.get_weights()))  # noqa: E731
        callback = Follows(averages, 9, act)
        kept.append(trained(callback)[0].get_weights())
    for ours, alone in zip(kept[:2], kept[2:], strict=True):
        for one, other in zip(ours, alone, strict=True):
            np.testing.assert_array_equal(one, other)


class Breaks(optim.Schedule):
    """A rate that cannot be had from a step on, or one that lets the loss overflow."""

    def __init__(self, at, then):
        self.at, self.then = at, then

    def rate(self, step):
        return 0.01 if step < self.at else self.then


@pytest.mark.parametrize("then", [-1.0, 1e200])
@pytest.mark.parametrize("at", [0, 5, 31])
def test_a_run_that_fails_does_so_at_its_step(at, then):
    ours, alone = Follows(), Follows(False)
    one, other = trained(ours, Breaks(at, then)), trained(alone, Breaks(at, then))
    assert_same(one, other)
    assert one[1] and ours.seen == alone.seen


def test_a_run_goes_on_from_where_one_in_one_go_ended():
    whole, _ = trained(())
    model, _ = trained((), epochs=9)
    model.fit(X, Y, batch_size=16, epochs=EPOCHS, seed=1, verbose=0, resume=True)
    for one, other in itertools.zip_longest(model.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(one, other)
    assert model.history.epochs == whole.history.epochs


@pytest.mark.parametrize("averages", [True, False])
def test_weights_that_are_kept_are_those_of_their_epoch(averages, taken_back):
    nine, _ = trained((), epochs=9)

    class Keeps(Follows):
        def on_end(self, run):
            run.restore(9)

    model, _ = trained(Keeps(averages, 9, lambda run: run.keep([])))
    for one, other in zip(model.get_weights(), nine.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("own", ["of the class", "of the object"])
def test_a_callback_with_a_method_for_steps_hears_of_them(own, taken_back):
    heard = []

    class Steps(Follows):
        every_step = False
        if own == "of the class":

            def on_step(self, run):
                heard.append(run.step)

    callback = Steps()
    if own == "of the object":
        callback.on_step = lambda run: heard.append(run.step)
    trained(callback)
    assert len(heard) == EPOCHS  # each of them fits a slice


def test_a_method_that_an_object_got_hears_of_every_step():
    heard, callback = [], pel.Callback()
    callback.on_step = lambda run: heard.append(run.step)
    model, _ = trained(callback)
    assert heard == list(range(1, model.training["step"] + 1))


@pytest.fixture
def interrupted(taken_back):
    """A run that gets Ctrl-C behind epoch 8, by its model and its callback."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    callback = Follows(True, 8, lambda run: os.kill(os.getpid(), signal.SIGINT))

    def run():
        model = pel.Sequential([nn.Dense(1, input_shape=(3,))], seed=0)
        model.compile(optim.Adam(0.1), "binary_cross_entropy")
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=16, epochs=EPOCHS, seed=1, verbose=0, callbacks=callback)
        return model, callback

    yield run
    signal.signal(signal.SIGINT, before)


def assert_goes_on(model):
    """The run, to its end, is that of a model that was never interrupted."""
    assert model.training["epoch"] == 8
    alone = pel.Sequential([nn.Dense(1, input_shape=(3,))], seed=0)
    alone.compile(optim.Adam(0.1), "binary_cross_entropy")
    for one, resume in ((model, True), (alone, False)):
        one.fit(X, Y, batch_size=16, epochs=EPOCHS, seed=1, verbose=0, resume=resume)
    for one, other in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_ctrl_c_is_heard_before_callbacks_hear_of_further_epochs(interrupted, taken_back):
    model, callback = interrupted()
    assert len(callback.seen) == 8 and taken_back
    assert_goes_on(model)


def test_a_second_ctrl_c_loses_no_step(interrupted, monkeypatch):
    """One that comes while the epochs ahead are taken back for the first."""
    back = NativeTrainer.go_back
    again = lambda self: (back(self), os.kill(os.getpid(), signal.SIGINT))  # noqa: E731
    monkeypatch.setattr(NativeTrainer, "go_back", again)
    assert_goes_on(interrupted()[0])
