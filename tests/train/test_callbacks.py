"""Rates that fall on a plateau, stopping at a value, hooks, and what callbacks raise."""

from __future__ import annotations

import contextlib
import gc
import math
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError
from pellucid.train.callback import HOOKS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] - 2 * X[:, 1:2] + RNG.normal(size=(40, 1))


def model(rate=0.1, metrics=()):
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optim.SGD(rate), loss="squared", metrics=metrics)
    return net


class Rates(pel.Callback):
    """The scale after each epoch."""

    def __init__(self):
        self.seen = []

    def on_epoch(self, run):
        self.seen.append(run.rate_scale)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_the_rate_falls_where_the_loss_stands_still(backend):
    plateau = pel.ReduceOnPlateau("loss", factor=0.5, patience=2, min_delta=0.01, lowest=0.2)
    rates, net = Rates(), model()
    options = {"batch_size": "all", "verbose": 0, "seed": 0, "backend": backend}
    history = net.fit(X, Y, epochs=40, callbacks=[plateau, rates], **options)
    wanted, best, waited, scale = [], np.inf, 0, 1.0
    for value in history.epochs["loss"]:
        if value < best - 0.01:
            best, waited = value, 0
        elif (waited := waited + 1) == 2:
            scale, waited = max(scale / 2, 0.2), 0
        wanted.append(scale)
    assert rates.seen == wanted and wanted[-1] == plateau.scale == 0.2 and 1.0 in wanted
    # The last move is a fifth of the one that the whole rate would make.
    before = net.get_weights()
    again = model(0.1 * 0.2)
    again.build((3,))
    again.set_weights(before)
    again.fit(X, Y, epochs=1, **options)
    other = model()
    other.fit(
        X,
        Y,
        epochs=41,
        callbacks=pel.ReduceOnPlateau("loss", factor=0.5, patience=2, min_delta=0.01, lowest=0.2),
        **options,
    )
    np.testing.assert_allclose(other.get_weights()[0], again.get_weights()[0], rtol=1e-12)


def test_a_resumed_run_keeps_the_fallen_rate(tmp_path):
    def plateau():
        return pel.ReduceOnPlateau("val_loss", patience=1, min_delta=0.05)

    options = {"verbose": 0, "batch_size": 8, "validation_data": (X, Y)}
    whole, half = model(), model()
    whole.fit(X, Y, epochs=8, seed=0, callbacks=plateau(), **options)
    half.fit(X, Y, epochs=5, seed=0, callbacks=plateau(), checkpoint=tmp_path / "c.st", **options)
    rest = pel.load(tmp_path / "c.st")
    seen = Rates()
    rest.fit(X, Y, epochs=8, callbacks=[plateau(), seen], resume=True, **options)
    assert seen.seen[-1] < 1e-2
    for a, b in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.lecture("T1.F9")
def test_descent_stops_where_the_gradient_is_close_to_zero():
    """Training stops when a criterion is fulfilled: here the gradient is close to 0."""
    net = model(metrics=["gradient_norm"])
    history = net.fit(
        X,
        Y,
        batch_size="all",
        epochs=10_000,
        verbose=0,
        seed=0,
        callbacks=pel.StopBelow("gradient_norm", 1e-6),
    )
    norms = history.epochs["gradient_norm"]
    assert 20 < len(norms) < 10_000 and norms[-1] <= 1e-6 < norms[-2]
    design = np.hstack([X, np.ones((40, 1))])
    exact = np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose(np.vstack(net.get_weights()[:1]), exact[:3], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pel.ReduceOnPlateau(factor=1.0), r"ReduceOnPlateau\] factor must lie in \(0, 1\)"),
        (lambda: pel.ReduceOnPlateau(patience=0), "patience must be at least 1, got 0"),
        (lambda: pel.ReduceOnPlateau(mode="up"), "unknown mode 'up'"),
        (lambda: pel.ReduceOnPlateau(lowest=2), r"lowest must lie in \[0, 1\], got 2"),
        (lambda: pel.ReduceOnPlateau(cooldown=-1), "cooldown must be at least 0, got -1"),
        (
            lambda: pel.ReduceOnPlateau(min_lr=1e-4),
            "unknown argument 'min_lr'.*lowest=min_lr / learning_rate",
        ),
        (lambda: pel.ReduceOnPlateau(lowst=0.1), "Did you mean 'lowest'"),
        (lambda: pel.EarlyStopping(restore_best_weights=True), "called restore_best"),
        (lambda: pel.StopBelow("loss", lim=1.0), "Did you mean 'limit'"),
        (lambda: pel.StopBelow(3, 1.0), "monitor must be a name, got 3"),
        (lambda: pel.StopBelow("loss", "low"), "limit must be a number, got 'low'"),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=pel.ReduceOnPlateau()),
            "one of loss, got 'val_loss'.*Give fit validation_data",
        ),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=pel.StopBelow("gradient_norm", 1)),
            "StopBelow] monitor must be one of loss, got 'gradient_norm'.*metrics",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ArgumentError, match=words.replace("StopBelow]", r"StopBelow\]")):
        call()


class Hooks(pel.Callback):
    """Notes each call of its hooks, and raises in one of them."""

    every_step = False

    def __init__(self, name="", raises=None, error=None):
        self.name, self.raises, self.error, self.calls = name, raises, error, []

    def _called(self, hook):
        self.calls.append(hook)
        if hook == self.raises:
            raise self.error or ValueError(f"{self.name} in {hook}")

    def on_start(self, run):
        self._called("on_start")

    def on_step(self, run):
        self._called("on_step")

    def on_measured(self, run):
        self._called("on_measured")

    def on_epoch(self, run):
        self._called("on_epoch")

    def on_end(self, run):
        self._called("on_end")


ERRORS = [ValueError("own"), KeyboardInterrupt("own"), SystemExit(3)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("place", [0, 1])
def test_whatever_a_hook_raises_every_end_is_heard_and_the_checkpoint_written(
    hook, error, place, tmp_path
):
    others = [Hooks("a"), Hooks("b")]
    callbacks = [*others[:place], Hooks("c", hook, error), *others[place:]]
    net, path = model(), tmp_path / "run"
    options = {"verbose": 0, "batch_size": 10, "callbacks": callbacks, "checkpoint": path}
    with pytest.raises(type(error)) as caught:
        net.fit(X, Y, epochs=3, seed=0, **options)
    assert caught.value is error
    if hook == "on_start":  # what has not begun does not end, and nothing is written over
        begun = [one for one in callbacks if one.calls == ["on_start", "on_end"]]
        assert begun == callbacks[:place] and not path.exists()
        return
    assert all(one.calls[-1] == "on_end" and one.calls.count("on_end") == 1 for one in callbacks)
    saved = pel.load(path)
    assert saved.training["step"] == net.training["step"] > 0
    for one, other in zip(saved.get_weights(), net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_first_error_is_raised_and_the_others_stand_in_its_notes():
    callbacks = [Hooks("a", "on_end"), Hooks("b", "on_epoch"), Hooks("c", "on_end")]
    with pytest.raises(ValueError, match="b in on_epoch") as caught:
        model().fit(X, Y, epochs=3, seed=0, verbose=0, callbacks=callbacks)
    notes = " ".join(caught.value.__notes__)
    assert "ValueError: a in on_end" in notes and "ValueError: c in on_end" in notes


def test_an_epoch_is_heard_by_all_even_where_one_raises():
    callbacks = [Hooks("a", "on_epoch"), Hooks("b"), Hooks("c", "on_epoch")]
    with pytest.raises(ValueError, match="a in on_epoch") as caught:
        model().fit(X, Y, epochs=3, seed=0, verbose=0, callbacks=callbacks)
    assert callbacks[1].calls[-3:] == ["on_measured", "on_epoch", "on_end"]
    assert caught.value.__notes__ == ["After it came ValueError: c in on_epoch"]


def test_a_save_that_fails_at_the_end_does_not_hide_why_the_run_ended(tmp_path, monkeypatch):
    net = model()

    class Failing(pel.Callback):
        def on_step(self, run):
            monkeypatch.setattr("pellucid.models.fitting.save", lambda *a, **k: 1 / 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        net.fit(X, Y, seed=0, verbose=0, callbacks=Failing(), checkpoint=tmp_path / "run")
    assert caught.value.__notes__ == ["After it came ZeroDivisionError: division by zero"]


def with_method(name, function=lambda self, run: None):
    return type("Own", (pel.Callback,), {name: function})()


KERAS_HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "batch", "train_batch", "test", "test_batch", "predict")
    for when in ("begin", "end")
]


class KerasEarlyStopping:
    """What a Keras callback looks like from outside."""

    def set_model(self, model):
        pass

    def on_epoch_end(self, epoch, logs=None):
        pass


KerasEarlyStopping.__name__ = "EarlyStopping"


def on_instance():
    callback = pel.Callback()
    callback.on_epoch_end = lambda epoch, logs: None
    return callback


@pytest.mark.parametrize("name", [*KERAS_HOOKS, "on_epochs", "on_steps", "on_stop", "on_error"])
def test_a_method_that_nothing_calls_is_refused_before_the_first_step(name):
    net = model()
    with pytest.raises(ArgumentError, match=rf"Own.{name} is not a hook: nothing calls it"):
        net.fit(X, Y, verbose=0, callbacks=[Rates(), with_method(name)])
    assert not net.training


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: with_method("on_epoch_end"), r"Write on_epoch, with \(self, run\)"),
        (lambda: with_method("on_train_begin"), "Write on_start"),
        (lambda: with_method("on_train_batch_end"), "Write on_step"),
        (lambda: with_method("on_epochs"), "Did you mean 'on_epoch'.*call it _on_epochs"),
        (on_instance, "Callback.on_epoch_end is not a hook"),
        (
            lambda: with_method("on_epoch", lambda self, epoch, logs: None),
            r"Own.on_epoch must take on_epoch\(self, run\), got one that takes epoch, logs",
        ),
        (lambda: with_method("on_end", lambda self: None), "got one that takes nothing"),
        (lambda: with_method("on_end", None), "Own.on_end must be a method, got None"),
        (KerasEarlyStopping, r"expected a Callback.*Use pel.EarlyStopping"),
        (lambda: SimpleNamespace(on_epoch_end=print), "Write a subclass of pel.Callback with"),
        (lambda: print, "Write a subclass of pel.Callback that calls it"),
        (lambda: pel.EarlyStopping, "with brackets"),
        (lambda: None, "expected a Callback, got None"),
    ],
)
def test_what_is_no_callback_is_told_what_to_write(make, words):
    with pytest.raises(ArgumentError, match=words):
        model().fit(X, Y, verbose=0, callbacks=[make()])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("stop_training", True, "Write run.stop = True"),
        ("learning_rate", 0.1, "run.rate_scale"),
        ("epoch", 3, "no epoch that can be set"),
        ("rate_scale", -1.0, "rate_scale must lie"),
        ("rate_scale", math.nan, "rate_scale must lie"),
        ("rate_scale", "low", "rate_scale must be a number"),
    ],
)
def test_what_a_callback_sets_is_used_or_refused(name, value, words):
    class Setting(pel.Callback):
        def on_epoch(self, run):
            setattr(run, name, value)

    with pytest.raises(ArgumentError, match=words):
        model().fit(X, Y, epochs=3, verbose=0, seed=0, callbacks=Setting())


def test_two_plateaus_multiply():
    pair = [
        pel.ReduceOnPlateau("loss", factor=0.5, patience=1, min_delta=10),
        pel.ReduceOnPlateau("loss", factor=0.1, patience=2, min_delta=10),
    ]
    seen = Rates()
    model().fit(X, Y, epochs=5, verbose=0, seed=0, callbacks=[*pair, seen])
    np.testing.assert_allclose(seen.seen, [1.0, 0.5, 0.025, 0.0125, 0.000625])


class Walk(optim.Schedule):
    """A schedule of one's own, which no file can hold."""

    def rate(self, step):
        return 0.1


class Half(optim.Optimizer):
    def step(self, gradients, slots, weights, step, rate):
        return [w - rate * g for w, g in zip(weights, gradients, strict=True)], slots


@pytest.mark.parametrize("optimizer", [optim.SGD(Walk()), Half(0.1)], ids=["schedule", "optimizer"])
def test_a_run_that_could_not_be_saved_is_refused_before_its_first_step(optimizer, tmp_path):
    net, seen = model(), Hooks()
    net.compile(optimizer, "squared")
    options = {"epochs": 2, "seed": 0, "verbose": 0, "callbacks": seen}
    with pytest.raises(DataError, match="cannot hold"):
        net.fit(X, Y, checkpoint=tmp_path / "run", **options)
    assert seen.calls == []
    assert list(tmp_path.iterdir()) == []
    net.fit(X, Y, **options)
    assert "on_step" in seen.calls


@pytest.mark.parametrize("of", ["callback", "layer"])
def test_an_error_keeps_no_run_alive(of):
    """Its traceback went round in a circle through our frames, which hold data and weights."""

    class Failing(pel.Callback):
        def on_epoch(self, run):
            raise ValueError("mine")

    class Twice(nn.Layer):
        def apply(self, params, state, x, *, train, key):
            raise ValueError("mine")

    def failed():
        failing = Failing() if of == "callback" else Twice()
        with contextlib.suppress(ValueError):
            if of == "layer":
                failing(X)
            else:
                model().fit(X, Y, verbose=0, callbacks=failing, backend="interpreter")
        return weakref.ref(failing)

    failed()
    gc.collect()
    gc.disable()
    try:
        assert failed()() is None
    finally:
        gc.enable()
