"""EarlyStopping: when it stops, and whose weights the model has then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError
from pellucid.models.measuring import Measuring
from pellucid.train.checkpoint import read_file


def problem():
    """Few noisy rows and a wide network: validation gets worse while training gets better."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)).astype(np.float32)
    y = (x[:, :1] + rng.normal(size=(30, 1))).astype(np.float32)
    net = pel.Sequential([nn.Dense(64, "tanh"), nn.Dense(1)], seed=0)
    net.compile(optim.SGD(0.05), loss="squared")
    return net, (x[:15], y[:15]), (x[15:], y[15:])


@pytest.mark.lecture("T1.F9")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_it_stops_behind_the_best_epoch_and_gives_its_weights_back(backend):
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=5)
    history = net.fit(
        *train,
        batch_size=5,
        epochs=300,
        seed=0,
        verbose=0,
        validation_data=held,
        callbacks=stopping,
        backend=backend,
    )
    losses = [epoch["val_loss"] for epoch in rows(history)]
    assert len(losses) < 300 and stopping.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == stopping.best_epoch + 5
    assert stopping.best == min(losses) < losses[-1]
    assert net.evaluate(*held)["loss"] == pytest.approx(min(losses), rel=1e-6)
    assert train_loss(net, train) > 0


def rows(history):
    names = list(history.epochs)
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*history.epochs.values(), strict=True)
    ]


def train_loss(net, train):
    return net.evaluate(*train)["loss"]


def test_without_restoring_the_last_weights_stay():
    results = []
    for restore in (True, False):
        net, train, held = problem()
        net.fit(
            *train,
            batch_size=5,
            epochs=300,
            seed=0,
            verbose=0,
            validation_data=held,
            callbacks=pel.EarlyStopping(patience=3, restore_best=restore),
        )
        results.append(net.evaluate(*held)["loss"])
    assert results[0] < results[1]


def test_a_run_that_ends_by_itself_has_its_best_weights_too(tmp_path):
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=1000)
    net.fit(
        *train,
        batch_size=5,
        epochs=120,
        seed=0,
        verbose=0,
        validation_data=held,
        callbacks=stopping,
        checkpoint=tmp_path / "run",
    )
    assert stopping.best_epoch < 120
    saved = pel.load(tmp_path / "run")
    for one in (net, saved):
        assert one.evaluate(*held)["loss"] == pytest.approx(stopping.best, rel=1e-6)


def test_larger_is_better_for_accuracy_and_min_delta_counts():
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    net = pel.Sequential([nn.Dense(2)], seed=0)
    net.compile(optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    stopping = pel.EarlyStopping("accuracy", patience=2)
    net.fit(x, y, batch_size=8, epochs=60, seed=0, verbose=0, callbacks=stopping)
    assert stopping.best > 0.8
    net, train, held = problem()
    stopping = pel.EarlyStopping(patience=0, min_delta=100.0)
    history = net.fit(*train, epochs=9, seed=0, verbose=0, validation_data=held, callbacks=stopping)
    assert len(rows(history)) == 2


class Interrupt(pel.Callback):
    """Ctrl-C behind a step, or behind an epoch."""

    def __init__(self, step: int = 0, epoch: int = 0):
        self.step, self.epoch = step, epoch

    @property
    def every_step(self) -> bool:
        return self.step > 0

    def on_step(self, run: Any) -> None:
        if run.step == self.step:
            raise KeyboardInterrupt

    def on_epoch(self, run: Any) -> None:
        if run.epoch == self.epoch:
            raise KeyboardInterrupt


BEST = 12  # of the first 20 epochs, which have three steps each


@pytest.mark.parametrize("how", ["in memory", "from the file"])
@pytest.mark.parametrize("patience", [6, 1000])
@pytest.mark.parametrize("step", [1, 3 * BEST - 1, 3 * BEST, 3 * BEST + 1, 3 * BEST + 7])
def test_a_resumed_run_ends_as_one_never_stopped(tmp_path, step, patience, how):
    path, options = tmp_path / "run", {"batch_size": 5, "epochs": 20, "verbose": 0}
    net, train, held = problem()
    known = pel.EarlyStopping(patience=patience)
    history = net.fit(*train, seed=0, validation_data=held, callbacks=known, **options)
    assert known.best_epoch == BEST
    again = problem()[0]
    stopping = pel.EarlyStopping(patience=patience)
    with pytest.raises(KeyboardInterrupt):
        again.fit(
            *train,
            seed=0,
            validation_data=held,
            checkpoint=path,
            callbacks=[Interrupt(step), stopping],
            **options,
        )
    if step > 3 * BEST:  # interrupted, it has its best weights too
        assert again.evaluate(*held)["loss"] == pytest.approx(known.best, rel=1e-6)
    if how == "from the file":
        again, stopping = pel.load(path), pel.EarlyStopping(patience=patience)
    went_on = again.fit(*train, validation_data=held, callbacks=stopping, resume=True, **options)
    assert (stopping.best, stopping.best_epoch) == (known.best, known.best_epoch)
    assert went_on.epochs == history.epochs
    for one, other in zip(again.get_weights(), net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_that_was_over_goes_on_from_its_last_step(tmp_path):
    """Not from the weights of its best epoch, which stay the best."""
    net, train, held = problem()
    options = {"batch_size": 5, "verbose": 0, "validation_data": held}
    whole = net.fit(*train, epochs=20, seed=0, callbacks=pel.EarlyStopping(patience=99), **options)
    parts = problem()[0]
    parts.fit(*train, epochs=16, seed=0, callbacks=pel.EarlyStopping(patience=99), **options)
    best = [weight.copy() for weight in parts.get_weights()]
    parts.save(tmp_path / "run")
    parts = pel.load(tmp_path / "run")
    stopping = pel.EarlyStopping(patience=99)
    assert parts.fit(*train, epochs=20, resume=True, callbacks=stopping, **options).epochs == (
        whole.epochs
    )
    assert stopping.best_epoch == BEST
    for one, other in zip(parts.get_weights(), best, strict=True):
        np.testing.assert_array_equal(one, other)


def same(one, other):
    assert other.history.epochs == one.history.epochs
    for mine, known in zip(other.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, known)


@pytest.mark.parametrize("patience", [0, 1, 3, 6])
@pytest.mark.parametrize("first", [True, False])
def test_a_run_interrupted_behind_any_epoch_stops_where_it_would_have(first, patience):
    options = {"batch_size": 5, "epochs": 20, "verbose": 0}
    net, train, held = problem()
    net.fit(
        *train,
        seed=0,
        validation_data=held,
        callbacks=pel.EarlyStopping(patience=patience),
        **options,
    )
    for epoch in range(1, len(net.history.epochs["loss"]) + 1):
        again = problem()[0]
        both = [pel.EarlyStopping(patience=patience), Interrupt(epoch=epoch)]
        with pytest.raises(KeyboardInterrupt):
            again.fit(
                *train,
                seed=0,
                validation_data=held,
                callbacks=both[::-1] if first else both,
                **options,
            )
        for _ in range(2):  # what has stopped stays so
            again.fit(
                *train,
                validation_data=held,
                resume=True,
                callbacks=pel.EarlyStopping(patience=patience),
                **options,
            )
            same(net, again)


def test_an_interrupt_while_validation_runs_loses_no_row(monkeypatch):
    options = {"batch_size": 5, "epochs": 20, "verbose": 0, "validate_every": 3}
    net, train, held = problem()
    net.fit(
        *train, seed=0, validation_data=held, callbacks=pel.EarlyStopping(patience=6), **options
    )
    again, calls = problem()[0], iter(range(1000))
    values = Measuring.values

    def measured(measuring: Measuring) -> Any:
        if next(calls) == BEST + 1:
            raise KeyboardInterrupt
        return values(measuring)

    monkeypatch.setattr(Measuring, "values", measured)
    with pytest.raises(KeyboardInterrupt):
        again.fit(
            *train, seed=0, validation_data=held, callbacks=pel.EarlyStopping(patience=6), **options
        )
    again.fit(
        *train,
        validation_data=held,
        resume=True,
        callbacks=pel.EarlyStopping(patience=6),
        **options,
    )
    same(net, again)
    assert again.history.validation == net.history.validation


@pytest.mark.parametrize("where", [Interrupt(epoch=17), Interrupt(50)], ids=["end", "middle"])
@pytest.mark.parametrize("turn", [1, -1])
def test_several_of_them_go_on_together_and_the_last_ones_weights_are_given(turn, where, tmp_path):
    def several():
        return [pel.EarlyStopping("loss", 1000), pel.EarlyStopping("val_loss", 6)][::turn]

    options = {"batch_size": 5, "epochs": 20, "verbose": 0}
    net, train, held = problem()
    stoppings = several()
    net.fit(*train, seed=0, validation_data=held, callbacks=stoppings, **options)
    assert len({one.best_epoch for one in stoppings}) == 2
    of_validation = next(one for one in stoppings if one.monitor == "val_loss")
    given = net.evaluate(*held)["loss"] == pytest.approx(of_validation.best)
    assert given == (of_validation is stoppings[-1])
    again = problem()[0]
    with pytest.raises(KeyboardInterrupt):
        again.fit(*train, seed=0, validation_data=held, callbacks=[*several(), where], **options)
    again.save(tmp_path / "run")
    again, went_on = pel.load(tmp_path / "run"), several()
    again.fit(*train, validation_data=held, resume=True, callbacks=went_on, **options)
    same(net, again)
    assert [one.best_epoch for one in went_on] == [one.best_epoch for one in stoppings]


@pytest.mark.parametrize("how", ["set_weights", "in place"])
@pytest.mark.parametrize("epochs", [BEST, 20], ids=["the best is the last", "it is not"])
def test_other_weights_are_never_taken_for_the_best(epochs, how):
    net, train, held = problem()
    options = {"batch_size": 5, "verbose": 0, "validation_data": held}
    net.fit(*train, epochs=epochs, seed=0, callbacks=pel.EarlyStopping(patience=99), **options)
    best = [weight.copy() for weight in net.get_weights()]
    if how == "set_weights":
        net.set_weights([np.full_like(weight, 0.5) for weight in best])
    else:
        for layer in net.params.values():
            for weight in layer.values():
                weight[...] = 0.5
    net.fit(*train, epochs=epochs, resume=True, **options)
    assert all((weight == 0.5).all() for weight in net.get_weights())
    stopping = pel.EarlyStopping(patience=99)
    net.fit(*train, epochs=epochs + 2, resume=True, callbacks=stopping, **options)
    assert stopping.best_epoch == BEST  # and what it was comes back
    for one, other in zip(net.get_weights(), best, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_set_by_hand_are_those_a_resumed_run_starts_from():
    net, train, held = problem()
    options = {"batch_size": 5, "verbose": 0, "validation_data": held}
    net.fit(*train, epochs=20, seed=0, callbacks=pel.EarlyStopping(patience=99), **options)
    zeros = [np.zeros_like(weight) for weight in net.get_weights()]
    net.set_weights(zeros)
    net.fit(*train, epochs=20, resume=True, **options)
    for one, other in zip(net.get_weights(), zeros, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_a_run_that_was_never_stopped_has_its_weights_once(tmp_path):
    net, train, held = problem()
    net.fit(
        *train,
        batch_size=5,
        epochs=BEST,
        seed=0,
        verbose=0,
        validation_data=held,
        callbacks=pel.EarlyStopping(patience=99),
    )
    net.save(tmp_path / "run")
    assert not any(name.startswith("kept/") for name in read_file(tmp_path / "run")[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": 3}, "monitor must be a name"),
        ({"patience": -1}, "patience must be"),
        ({"min_delta": -0.1}, "min_delta must lie"),
        ({"mode": "up"}, "unknown mode 'up'"),
        ({"restore_best": 1}, "restore_best must be True or False"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        pel.EarlyStopping(**arguments)


def test_a_measure_that_is_not_there_is_said():
    net, train, _ = problem()
    with pytest.raises(ArgumentError, match="Give fit validation_data"):
        net.fit(*train, verbose=0, callbacks=pel.EarlyStopping())
