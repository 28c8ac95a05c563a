"""Training on several processes and devices of the loopback: the run of one process, and its end.

Each is a process of its own, started as a person would. JAX alone takes some seconds there.
"""

from __future__ import annotations

import csv
import importlib.util
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.runtime import group as groups
from tests.distributed.processes import ended, run, started

JAX = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
SLOW = pytest.mark.slow

SHARED = """
model, folder = network(), sys.argv[4]
history = model.fit(
    X[part], Y[part], batch_size=32, epochs=3, seed=3, backend="xla", verbose=2,
    sample_weight=np.linspace(0.5, 1.5, len(X))[part], validation_data=(X[:50], Y[:50]),
    checkpoint=f"{folder}/checkpoint", callbacks=[pel.CSVLog(f"{folder}/log.csv")],
)
np.savez(f"{folder}/{me}.npz", *model.get_weights(), loss=history.steps["loss"],
         val=history.epochs["val_loss"], accuracy=history.epochs["accuracy"])
"""


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The run of one process on one device, natively: another engine, the same graph."""
    folder = tmp_path_factory.mktemp("alone")
    (done,) = run(SHARED.replace('"xla"', '"native"'), 0, more=[str(folder)])
    assert done.code == 0, done.err
    return arrays(folder / "0.npz")


@JAX
@pytest.mark.parametrize(
    ("count", "devices"),
    [
        (2, 1),
        pytest.param(4, 1, marks=SLOW),
        pytest.param(1, 4, marks=SLOW),  # 32 rows on four, the last batch's 11 on each
        pytest.param(2, 3, marks=SLOW),  # 2 of 6 devices have rows of their own
    ],
)
@SLOW
def test_a_run_is_that_of_one_process(
    count: int, devices: int, alone: dict[str, Any], tmp_path: Path
) -> None:
    """Rows, masks, statistics and rates are those of all rows together."""
    found = run(SHARED, count, devices, [str(tmp_path)])
    for done in found:
        assert done.code == 0, done.err
    for number in range(count):
        own = arrays(tmp_path / f"{number}.npz")
        assert own.keys() == alone.keys()
        for name, values in alone.items():
            np.testing.assert_allclose(own[name], values, rtol=2e-4, atol=2e-5, err_msg=name)
        first = arrays(tmp_path / "0.npz")
        for name, values in first.items():
            assert (own[name] == values).all(), f"{name} must have the same bits in all"
    shown = ["Epoch 3/3" in done.out for done in found]
    assert shown == [True] + [False] * (count - 1), "the first one prints"
    with (tmp_path / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    saved = pel.load(tmp_path / "checkpoint")
    assert saved.training["rows"] == 203 and saved.training["step"] == 21
    told = [f"spread over 2 of {count * devices} devices" in done.err for done in found]
    assert told == [devices == 3] + [False] * (count - 1)


KILLED = """
path, epochs, resume = sys.argv[4], int(sys.argv[5]), sys.argv[6] == "resume"
model = pel.load(path) if resume else network()
model.fit(
    X[part], Y[part], batch_size=32, epochs=epochs, seed=None if resume else 3, backend="xla",
    verbose=0, checkpoint=path, checkpoint_every=0.3, overwrite=True, resume=resume,
    callbacks=[] if resume else [Going()],
)
print("step", model.training["step"], flush=True)
"""
LONG = "100000"


def under_way(processes: list[Any]) -> None:
    for one in processes:
        for line in one.stdout:
            if line == "going\n":
                break


def weights(path: Path) -> list[Any]:
    return pel.load(path).get_weights()


@JAX
@SLOW
@pytest.mark.parametrize(("count", "victim", "fewer"), [(4, 2, 2), (2, 0, 0)])
def test_one_that_is_killed_ends_all_and_fewer_go_on(
    count: int, victim: int, fewer: int, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    processes = started(KILLED, count, more=[str(path), LONG, "anew"])
    under_way(processes)
    time.sleep(1.5)
    began = time.monotonic()
    processes[victim].send_signal(signal.SIGKILL)
    found = ended(processes, 30)
    assert time.monotonic() - began < 30
    for number, done in enumerate(found):
        if number != victim:
            assert done.code == 1
            assert f"process {victim} (" in done.line and "is gone: it was killed" in done.line
            assert "then fit(…, resume=True)" in done.line
    # Fewer go on from the file, to the weights of a run that nobody killed.
    epochs = str(pel.load(path).training["epoch"] + 2)
    for done in run(KILLED, fewer, more=[str(path), epochs, "resume"]):
        assert done.code == 0, done.err
    whole = tmp_path / "whole"
    (done,) = run(KILLED, 0, more=[str(whole), epochs, "anew"])
    assert done.code == 0, done.err
    assert pel.load(path).training["step"] == pel.load(whole).training["step"] == 7 * int(epochs)
    for one, other in zip(weights(path), weights(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=0.02)


@JAX
@SLOW
def test_ctrl_c_in_one_ends_all_and_saves(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    processes = started(KILLED, 2, more=[str(path), LONG, "anew"])
    under_way(processes)
    processes[1].send_signal(signal.SIGINT)
    first, second = ended(processes, 30)
    assert "KeyboardInterrupt" in second.err
    assert "process 1 (" in first.line and "has left the run by KeyboardInterrupt" in first.line
    saved = pel.load(path)
    assert saved.training["step"] == saved.history.steps["step"][-1]


FAILS = """
class Fails(pel.Callback):
    def on_epoch(self, run):
        if me == 1 and run.epoch == 2:
            raise ValueError("a mistake of one's own")
model = network()
try:
    model.fit(X[part], Y[part], epochs=9, seed=3, backend="xla", verbose=0, callbacks=Fails(),
              checkpoint=sys.argv[4])
finally:
    print("step", model.training["step"])
"""


@JAX
@SLOW
def test_a_mistake_in_one_ends_all_with_nothing_lost(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    first, second = run(FAILS, 2, more=[str(path)])
    assert second.line == "ValueError: a mistake of one's own"
    assert "process 1 (" in first.line and "has left the run by ValueError" in first.line
    assert (first.code, second.code) == (1, 1)
    assert pel.load(path).training["step"] == 14


@JAX
@SLOW
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            "network().fit(X[part], Y[part], epochs=1 + me, backend='xla')",
            "epochs must be the same",
        ),
        ("network(None).fit(X[part], Y[part], backend='xla')", "the weights must be the same"),
        (
            "network().fit(X[part], Y[part], seed=0, verbose=0, backend='xla',"
            " validation_data=(X[part], Y[part]))",
            "validation_data must be the same in all processes, got val_loss",
        ),
    ],
)
def test_what_differs_is_one_line(call: str, words: str) -> None:
    for done in run(f"print({call})\n", 2):
        assert done.code == 1
        assert words in done.line


STOPS = """
class Stops(pel.Callback):
    def on_epoch(self, run):
        run.stop = me == 1
network().fit(X[part], Y[part], epochs=9, seed=3, backend="xla", verbose=0, callbacks=Stops())
"""


@JAX
@SLOW
def test_callbacks_that_do_not_decide_alike_end_the_run() -> None:
    first, second = run(STOPS, 2)
    assert second.code == 0 or "process 0 (" in second.line
    assert "process 1 (" in first.line and "has ended, and this one goes on" in first.line


BAD = """
X = X.copy()
X[{row}, 2] = {value}
model = network()
try:
    model.fit(X[part], Y[part], batch_size=32, epochs=2, seed=3, backend="xla", verbose=0)
except pel.PellucidError as error:
    print(type(error).__name__, error.problem)
"""


@JAX
@SLOW
def test_numbers_that_are_not_finite_are_named_as_by_one_process() -> None:
    bad = BAD.format(row=150, value="np.nan")
    (known,) = run(bad, 0)
    assert "row 150" in known.out
    for done in run(bad, 2):
        assert done.own == known.own


DIVERGES = """
def descent(rate):
    model = pel.Sequential([pel.nn.Dense(3, "relu"), pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(rate), "squared")
    given = {"batch_size": 32, "epochs": 2, "seed": 3, "verbose": 0, "backend": "xla"}
    try:
        model.fit(X[part], X[part][:, 0], **given)
    except pel.DivergenceError as error:
        print(error.problem)
    print(all(np.isfinite(w).all() for w in model.get_weights()), model.training["step"])

descent(30.0)
descent(0.01)  # and all may go on
"""


@JAX
@SLOW
def test_a_loss_that_is_not_finite_leaves_the_last_finite_weights() -> None:
    (known,) = run(DIVERGES, 0)
    assert known.out.startswith("the loss must stay finite") and known.out.endswith("True 14\n")
    for done in run(DIVERGES, 2):
        assert done.own == known.own, done.err
        assert done.code == 0


# -- without processes -------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = np.arange(20) % 3


def fit(optimizer: Any = "sgd", **options: Any) -> None:
    model = pel.Sequential([pel.nn.Dense(3)], seed=0)
    model.compile(optimizer, "cross_entropy")
    given = {"backend": "xla", "verbose": 0, "seed": 0, **options}
    x, y = given.pop("x", X), given.pop("y", Y)
    model.fit(x, y, **given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "native"}, "backend must be 'xla' behind pel.distributed.start, got 'native'"),
        ({"backend": None}, "got None"),
        ({"optimizer": "lbfgs"}, "must take one gradient a step, got LBFGS"),
        ({"x": [(X, Y)], "y": None}, "x must be arrays where several processes train, got a"),
        ({"validation_split": 0.5}, "validation_split needs all rows in one process"),
        ({"class_weight": "balanced"}, "class_weight='balanced' needs all rows in one process"),
    ],
)
def test_what_several_processes_cannot_do_is_refused(
    options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_current", [groups.Group(0, ["a", "b"])])
    with pytest.raises(ArgumentError, match=words.replace("(", r"\(")):
        fit(**options)


def test_start_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_current", [groups.Group(0, ["a"])])
    with pytest.raises(ArgumentError, match="start must be called once"):
        pel.distributed.start(processes=1)
