"""Forty runs on clusters of Ray's and Dask's, one of whose workers is killed in the middle.

Each test is a process of its own: these libraries start threads and processes, and warn of much.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MODELS = """
import os, signal, sys, time
import numpy as np
import pellucid as pel
from pellucid import nn, optim
from pellucid.models import clusters
from pellucid.runtime.threads import available

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 8)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
SWISH = 1.5

def swish(x):
    return x / (1 + np.exp(-SWISH * x))

def say(*words):
    print("\\n>", *words, flush=True)

def make(number):
    model = pel.Sequential([nn.Dense(24, swish if number % 4 == 3 else "relu"), nn.Dropout(0.2),
                            nn.Dense(2)], seed=number)
    model.compile(optim.Adam(1e-4 * 1.2**number), "cross_entropy", metrics=["accuracy"])
    return model

HOW = dict(epochs=80, validation_split=0.25, seed=[7 * n for n in range(40)])

def here():
    models = [make(n) for n in range(40)]
    for model, seed in zip(models, HOW["seed"]):
        model.fit(X, Y, verbose=0, callbacks=pel.EarlyStopping("val_loss", patience=40),
                  **{**HOW, "seed": seed})
    return models

def there(cluster):
    models = [make(n) for n in range(40)]
    runs = pel.fit_many(models, X, Y, cluster=cluster,
                        callbacks=pel.EarlyStopping("val_loss", patience=40), **HOW)
    assert runs == [model.history for model in models]
    return models

def bits(model):
    slots = [array for each in model.slots.values() for array in each]
    return [array.tobytes() for array in [*model.get_weights(), *slots]]

def check(ones, others):
    for one, other in zip(ones, others, strict=True):
        assert bits(one) == bits(other)
        assert one.history.epochs == other.history.epochs
        assert one.history.steps == other.history.steps
        assert one.training == other.training and one.kept.keys() == other.kept.keys()

def after(count, kind, kill):
    "Calls kill() behind the outcome of this number."
    usual = kind.outcomes
    def outcomes(self, *args):
        for number, outcome in enumerate(usual(self, *args)):
            if number == count:
                kill()
            yield outcome
    kind.outcomes = outcomes
"""
RAY = """
import ray
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
ray.init(cluster.address, log_to_driver=False)  # to the head, which is not killed
node = cluster.add_node(num_cpus=1)
"""


def script(package: str, code: str, folder: Path) -> str:
    """What a new process says that runs this code; Ray prints too."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    path = folder / "script.py"
    path.write_text(MODELS + textwrap.dedent(code))
    with tempfile.TemporaryDirectory(prefix="r") as short:  # Ray's sockets take short paths alone
        done = subprocess.run(
            [sys.executable, path],
            capture_output=True,
            text=True,
            timeout=500,
            env={**os.environ, "RAY_TMPDIR": short, "RAY_AUTH_MODE": "disabled"},
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return " ".join(line[2:] for line in done.stdout.splitlines() if line.startswith("> "))


def test_a_node_of_ray_that_is_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    code = """
    from ray._private.state import available_resources_per_node

    def kill():
        while available_resources_per_node()[node.node_id].get("CPU"):  # until it has a run
            time.sleep(0.01)
        cluster.remove_node(node, allow_graceful=False)
        say("killed")

    after(8, clusters._Ray, kill)
    check(here(), there("ray"))
    say(len(ray.nodes()), sum(one["Alive"] for one in ray.nodes()))
    """
    assert script("ray", RAY + textwrap.dedent(code), tmp_path).split() == ["killed", "2", "1"]


def test_a_run_of_ray_takes_the_processors_that_it_is_given(tmp_path: Path) -> None:
    """A run that fails is told with its number; the others are trained."""
    code = """
    def told(function):
        try:
            function()
        except pel.PellucidError as error:
            say(type(error).__name__, error.short)

    told(lambda: pel.fit_many([make(0)], X, Y, cluster="ray", threads=2))
    models = [make(n) for n in range(3)]
    models[1].compile(optim.SGD(1e30), "cross_entropy")
    told(lambda: pel.fit_many(models, X, Y, epochs=20, seed=0, cluster="ray"))
    alone = make(1)
    alone.compile(optim.SGD(1e30), "cross_entropy")
    told(lambda: alone.fit(X, Y, epochs=20, seed=0, verbose=0, threads=1))
    assert bits(alone) == bits(models[1])
    others = make(2)
    others.fit(X, Y, epochs=20, seed=0, verbose=0)
    assert bits(others) == bits(models[2])
    """
    words = script("ray", RAY + textwrap.dedent(code), tmp_path)
    assert "threads must be at most 1, the processors of the largest node, got 2" in words
    assert "DivergenceError [fit_many] 1 of 3 runs failed, the first is models[1]: [fit]" in words


DASK = """
import distributed

def main():
    client = distributed.Client(n_workers={workers}, threads_per_worker=1, dashboard_address=None)

    def kill():
        pids = list(client.run(os.getpid).values())
        for pid in pids[:{killed}]:
            os.kill(pid, signal.SIGKILL)
        say("killed", len(pids[:{killed}]))

    after(8, clusters._Dask, kill)
    check(here(), there({cluster}))
    client.close()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(("workers", "killed", "cluster"), [(2, 1, '"dask"'), (1, 1, "client")])
def test_a_worker_of_dask_that_is_killed_in_the_middle_loses_nothing(
    workers: int, killed: int, cluster: str, tmp_path: Path
) -> None:
    """Also where it was the last one that had the data."""
    code = DASK.format(workers=workers, killed=killed, cluster=cluster)
    assert script("distributed", code, tmp_path).split() == ["killed", str(killed)]


@pytest.mark.parametrize("processes", [True, False])
def test_a_task_of_dask_has_one_thread(processes: bool, tmp_path: Path) -> None:
    code = f"""
    import distributed

    if __name__ == "__main__":
        say(available() > 1 or os.cpu_count() == 1)
        client = distributed.Client(
            n_workers=1, threads_per_worker=2, processes={processes}, dashboard_address=None
        )
        say(*client.gather(client.map(lambda n: available(), range(2), pure=False)))
        client.close()
    """
    environ = os.environ.pop("OMP_NUM_THREADS", None)
    try:
        assert script("distributed", code, tmp_path).split() == ["True", "1", "1"]
    finally:
        if environ is not None:
            os.environ["OMP_NUM_THREADS"] = environ
