"""`fit_many` in this process, and what it says of arguments and of clusters that are not there."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core import trees
from pellucid.models import clusters, many
from pellucid.models.clusters import Outcome
from pellucid.train.callback import Callback

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
HOW: dict[str, Any] = {"epochs": 6, "batch_size": 16, "validation_split": 0.25}


def make(rate: float, kind: str = "relu", seed: int = 0) -> pel.Sequential:
    model = pel.Sequential([nn.Dense(6, kind), nn.Dropout(0.2), nn.Dense(2)], seed=seed)
    model.compile(optim.Adam(rate), "cross_entropy", metrics=["accuracy"])
    return model


def doubled(x: Any) -> Any:
    return 2 * x


def models() -> list[pel.Sequential]:
    """Two structures, and one with a function of a person's own."""
    return [*(make(rate) for rate in (0.001, 0.01, 0.1)), make(0.01, "tanh"), make(0.01, doubled)]


def same(one: Any, other: Any) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    for name, arrays in one.slots.items():
        for a, b in zip(arrays, other.slots[name], strict=True):
            assert a.tobytes() == b.tobytes()
    assert one.history.epochs == other.history.epochs
    assert one.history.steps == other.history.steps
    assert one.history.seed == other.history.seed
    assert one.training == other.training
    for epoch, kept in one.kept.items():
        for a, b in zip(*map(trees.leaves_of, (kept, other.kept[epoch])), strict=True):
            assert a.tobytes() == b.tobytes()


class _Wire(clusters._Ray):
    """A cluster whose worker is this process: models go through their files."""

    def __init__(self, address: str | None, threads: int):
        pass

    def outcomes(self, files: Any, data: Any, options: Any) -> Any:
        assert all(type(file) is bytes for file in files)
        for number in reversed(range(len(files))):
            found = clusters.trained(files[number], data, options[number])
            yield Outcome(number, *found)


@pytest.fixture(params=[None, "ray"])
def cluster(request: Any, monkeypatch: Any) -> Any:
    monkeypatch.setattr(clusters, "_Ray", _Wire)
    return request.param


# -- bits ---------------------------------------------------------------------------------------


def test_runs_have_the_bits_of_fit(cluster: str | None) -> None:
    seeds = [3, 1, 4, 1, 5]
    alone, together = models(), models()
    for model, seed in zip(alone, seeds, strict=True):
        stop = pel.EarlyStopping("val_loss", patience=1)
        model.fit(X, Y, seed=seed, verbose=0, callbacks=stop, **HOW)
    stop = pel.EarlyStopping("val_loss", patience=1)
    runs = pel.fit_many(together, X, Y, cluster=cluster, seed=seeds, callbacks=stop, **HOW)
    assert stop.best_epoch == 0  # runs follow copies
    for one, other, run in zip(alone, together, runs, strict=True):
        same(one, other)
        assert run is other.history
    # They are whole: each goes on as it would have.
    for one, other in zip(alone, together, strict=True):
        one.fit(X, Y, seed=0, verbose=0)
        other.fit(X, Y, seed=0, verbose=0)
        same(one, other)


def test_models_of_one_structure_share_what_is_compiled() -> None:
    several = models()
    pel.fit_many(several, X, Y, seed=0, **HOW)
    graphs = [id(model.programs.graphs) for model in several]
    assert graphs[0] == graphs[1] == graphs[2]
    assert len(set(graphs)) == 3


def branches(order: tuple[int, int], weight: float) -> pel.Model:
    """Two heads that read each other's layers the other way round."""
    x = pel.Input((4,))
    hidden = [nn.Dense(3, "tanh", name="a")(x), nn.Dense(3, "tanh", name="b")(x)]
    ends = [nn.Dense(1, name=name)(hidden[n]) for name, n in zip("cd", order, strict=True)]
    model = pel.Model(x, ends, seed=0)
    model.compile("sgd", "squared", loss_weights=[1.0, weight])
    return model


def test_models_that_are_wired_otherwise_share_nothing(cluster: str | None) -> None:
    kinds = [((0, 1), 1.0), ((1, 0), 1.0), ((0, 1), 0.5)]
    alone, together = ([branches(*kind) for kind in kinds] for _ in range(2))
    y = [X[:, :1], X[:, 1:2]]
    for model in alone:
        model.fit(X, y, seed=0, verbose=0)
    pel.fit_many(together, X, y, cluster=cluster, seed=0)
    for one, other in zip(alone, together, strict=True):
        same(one, other)


def test_runs_go_on_at_once(monkeypatch: Any) -> None:
    """As many as there are processors: each waits until the other one has begun."""
    monkeypatch.setattr(many, "available", lambda: 2)
    meeting = threading.Barrier(2, timeout=20)  # outside of the package

    class Meets(Callback):
        def on_start(self, run: Any) -> None:
            meeting.wait()

    monkeypatch.setattr(many, "_FOLLOWERS", (Meets,))
    meet = Meets()
    monkeypatch.setattr(many.copy, "deepcopy", lambda one: one)
    assert len(pel.fit_many([make(0.1), make(0.01)], X, Y, seed=0, callbacks=meet)) == 2


# -- runs that fail -----------------------------------------------------------------------------


def test_a_run_that_fails_takes_no_other_with_it(cluster: str | None) -> None:
    alone, together = models(), models()
    for several in (alone, together):
        for number in (1, 2):
            several[number].compile(optim.SGD(1e30), "cross_entropy")
    for number, model in enumerate(alone):
        if number in (1, 2):
            with pytest.raises(pel.DivergenceError):
                model.fit(X, Y, seed=0, verbose=0, **HOW)
        else:
            model.fit(X, Y, seed=0, verbose=0, **HOW)
    words = r"\[fit_many\] 2 of 5 runs failed, the first is models\[1\]: \[fit\] .*finite"
    with pytest.raises(pel.DivergenceError, match=words):
        pel.fit_many(together, X, Y, cluster=cluster, seed=0, **HOW)
    for one, other in zip(alone, together, strict=True):
        same(one, other)


def test_ctrl_c_ends_all_runs(monkeypatch: Any) -> None:
    begun: list[int] = []

    class Interrupted(Callback):
        def on_epoch(self, run: Any) -> None:
            begun.append(run.epoch)
            raise KeyboardInterrupt

    monkeypatch.setattr(many, "available", lambda: 1)
    monkeypatch.setattr(many, "_FOLLOWERS", (Interrupted,))
    with pytest.raises(KeyboardInterrupt):
        pel.fit_many(models(), X, Y, callbacks=Interrupted(), epochs=3)
    assert begun == [1]


def test_a_model_that_no_file_holds_is_refused_on_clusters_alone(monkeypatch: Any) -> None:
    class Own(nn.Layer):
        def apply(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
            return 2 * x, state

    def made() -> pel.Sequential:
        model = pel.Sequential([Own(), nn.Dense(2)], seed=0)
        model.compile("sgd", "cross_entropy")
        return model

    pel.fit_many([made()], X, Y, seed=0)
    monkeypatch.setattr(clusters, "_Ray", _Wire)
    with pytest.raises(pel.PellucidError, match="Own"):
        pel.fit_many([made()], X, Y, seed=0, cluster="ray")


# -- arguments ----------------------------------------------------------------------------------


def test_no_models_are_no_runs() -> None:
    assert pel.fit_many([], X, Y) == []


def test_models_that_share_a_layer_are_refused() -> None:
    layer = nn.Dense(2)
    several = [pel.Sequential([layer], seed=seed) for seed in (0, 1)]
    for model in several:
        model.compile("sgd", "cross_entropy")
    with pytest.raises(pel.ArgumentError, match=r"one in models\[0\] and models\[1\]"):
        pel.fit_many(several, X, Y)
    with pytest.raises(pel.ArgumentError, match="must not share layers"):
        pel.fit_many([several[0]] * 2, X, Y)
    pel.fit_many([several[0], copy.deepcopy(several[0])], X, Y)


@pytest.mark.parametrize(
    ("cluster", "package", "extra"),
    [("ray", "ray", "ray"), ("dask", "distributed", "dask"), ("tcp://h:1", "distributed", "dask")],
)
def test_a_missing_package_is_one_line(cluster: str, package: str, extra: str, monkeypatch: Any):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(pel.MissingPackageError, match=rf"pip install 'pellucid\[{extra}\]'"):
        pel.fit_many([make(0.1)], X, Y, cluster=cluster)


def test_neither_ray_nor_dask_is_imported_unasked() -> None:
    code = """
import sys, numpy as np, pellucid as pel
model = pel.Sequential([pel.nn.Dense(1)], seed=0); model.compile("sgd", "squared")
pel.fit_many([model], np.eye(4), np.ones(4), backend="interpreter")
print({"ray", "dask", "distributed", "jax", "joblib"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
