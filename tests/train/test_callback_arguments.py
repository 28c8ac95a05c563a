"""Arguments of callbacks at their bounds, their defaults, and when a checkpoint is written."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError
from pellucid.train import callbacks
from pellucid.train.callbacks import Checkpoint
from pellucid.train.history import History

TINY, ALMOST, OVER = 5e-324, 1 - 2**-53, 1 + 2**-52
NAN, INF = float("nan"), float("inf")
AT_LEAST_0 = ([0, 0.5], [-TINY, NAN, INF, "1", True])
NAME = (["loss", "val_f1"], [3, None])
MODE = ([None, "min", "max"], ["up", 1])
TABLE = {
    pel.EarlyStopping: (
        {"monitor": "val_loss", "patience": 0, "min_delta": 0, "mode": None, "restore_best": True},
        {
            "monitor": NAME,
            "patience": ([0, 9], [-1, 1.0, True]),
            "min_delta": AT_LEAST_0,
            "mode": MODE,
            "restore_best": ([True, False], [0, None]),
        },
    ),
    pel.ReduceOnPlateau: (
        {
            "monitor": "val_loss",
            "factor": 0.1,
            "patience": 10,
            "min_delta": 0,
            "mode": None,
            "lowest": 0,
        },
        {
            "monitor": NAME,
            "factor": ([TINY, ALMOST], [0, 1, NAN, True]),
            "patience": ([1, 9], [0, 1.0, True]),
            "min_delta": AT_LEAST_0,
            "mode": MODE,
            "lowest": ([0, 1], [-TINY, OVER, NAN, True]),
        },
    ),
}


@pytest.mark.parametrize("kind", TABLE)
def test_defaults_and_bounds(kind):
    defaults, arguments = TABLE[kind]
    signature = inspect.signature(kind)
    own = {name: each.default for name, each in signature.parameters.items()}
    assert own == {**own, **defaults}
    for name, (allowed, refused) in arguments.items():
        for value in allowed:
            made = kind(**{name: value})
            assert name == "mode" or getattr(made, name) == value
        for value in refused:
            with pytest.raises(ArgumentError, match=name):
                kind(**{name: value})


@pytest.mark.parametrize(
    ("monitor", "mode", "higher"),
    [
        ("loss", None, False),
        ("val_squared_error", None, False),
        ("accuracy", None, True),
        ("val_accuracy", None, True),
        ("out_f1", None, True),
        ("val_roc_auc", None, True),
        ("r2", None, True),
        ("accuracy", "min", False),
        ("loss", "max", True),
    ],
)
def test_which_of_two_values_is_better(monitor, mode, higher):
    """Values that are better by less, by exactly and by more than min_delta."""
    near = [1.0, 1.25, 1.26] if higher else [1.0, 0.75, 0.74]
    for values, best in ((near, 3), (near[:2], 1), ([1.0, 0.5 if higher else 1.5], 1)):
        stop = pel.EarlyStopping(monitor, mode=mode, min_delta=0.25, restore_best=False, patience=9)
        run = SimpleNamespace(
            logs={}, epoch=0, stop=False, callbacks=[stop], history=History(), progress=None
        )
        stop.on_start(run)
        for epoch, value in enumerate(values, 1):
            run.logs, run.epoch = {monitor: value}, epoch
            stop.on_measured(run)
            stop.on_epoch(run)
        assert stop.best_epoch == best
        assert stop.best == values[best - 1]


def test_a_value_to_stop_at_is_one_that_is_reached():
    seen = []

    class Seen(pel.Callback):
        def on_epoch(self, run):
            seen.append(run.logs["loss"])

    def fit(limit):
        seen.clear()
        net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
        net.compile(optim.SGD(0.05), "squared")
        x = np.arange(6.0).reshape(6, 1) / 6
        net.fit(x, x, epochs=6, verbose=0, seed=0, callbacks=[Seen(), pel.StopBelow("loss", limit)])
        return list(seen)

    whole = fit(-1.0)
    assert len(whole) == 6
    assert fit(whole[2]) == whole[:3]
    assert fit(np.nextafter(whole[2], 0)) == whole[:4]


class FakeRun:
    """A run whose steps take as long as a test says."""

    def __init__(self):
        self.calls = []
        self.history = History()

    def publish(self):
        self.calls.append("publish")


def test_a_checkpoint_is_written_every_few_seconds_and_at_the_end(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: now[0])
    run = FakeRun()

    def save():
        run.calls.append("save")
        now[0] += 1

    checkpoint = Checkpoint(save)
    assert checkpoint.every == 5
    assert not checkpoint.every_step
    checkpoint.on_start(run)
    now[0] = 104.9
    checkpoint.on_step(run)
    assert run.calls == []
    now[0] = 105.0
    checkpoint.on_step(run)
    assert run.calls == ["publish", "save"]
    assert run.history.seconds == {"checkpoint": 1.0}
    now[0] = 110.9  # five seconds from its end
    checkpoint.on_step(run)
    assert run.calls == ["publish", "save"]
    now[0] = 111.0
    checkpoint.on_step(run)
    checkpoint.on_end(run)
    assert run.calls == ["publish", "save", "publish", "save", "save"]


@pytest.mark.parametrize("backend", ["interpreter", "native"])
@pytest.mark.parametrize(
    "optimizer", [optim.SGD(0.0), optim.SGD(0.0, momentum=0.5), optim.Adam(0.0)], ids=str
)
def test_the_state_of_layers_does_not_depend_on_the_optimizers_slots(optimizer, backend):
    """Running means by hand, with none, one and two slots a weight beside them."""
    x = np.random.default_rng(3).normal(size=(8, 3)) + 2
    net = pel.Sequential([nn.BatchNorm(momentum=0.5), nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optimizer, "squared")

    class Watch(pel.Callback):
        def on_epoch(self, run):
            pass

    net.fit(
        x,
        x[:, 0],
        batch_size="all",
        epochs=2,
        seed=0,
        verbose=0,
        backend=backend,
        callbacks=Watch(),
    )
    state = net.state["batch_norm_1"]
    np.testing.assert_allclose(state["mean"], 0.75 * x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(state["variance"], 0.25 + 0.75 * x.var(0), rtol=1e-12)
    assert {name: len(each) for name, each in net.slots.items()} == {
        name: 4 for name in optimizer.init(np.zeros(1)) if name != "step"
    }
