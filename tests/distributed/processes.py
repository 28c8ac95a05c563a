"""Processes on the loopback that train together, as a person starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

HEAD = """
import os, sys
import numpy as np
import pellucid as pel

me, count, port = (int(one) for one in sys.argv[1:4])
rng = np.random.default_rng(0)
X = rng.normal(size=(203, 4)).astype(np.float32)
Y = rng.integers(0, 3, 203)

def network(seed=0):
    layers = [
        pel.nn.Dense(8, "tanh", regularizer=pel.nn.L2(0.01)),
        pel.nn.BatchNorm(),
        pel.nn.Dropout(0.3),
        pel.nn.Dense(3),
    ]
    model = pel.Sequential(layers, seed=seed)
    rate = pel.optim.Exponential(0.02, 0.99)
    model.compile(pel.optim.Adam(rate, clip_norm=1.0), "cross_entropy", metrics=["accuracy"])
    return model

group = pel.distributed.start(f"127.0.0.1:{port}", count, me, timeout=60) if count else None
part = slice(None) if group is None else group.part(len(X))

class Going(pel.Callback):  # says when the run is under way
    def on_epoch(self, run):
        if run.epoch == 2:
            print("going", flush=True)
"""


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def own(self) -> str:
        """What our program printed: the library that CPUs talk by says a line, too."""
        return "".join(line for line in self.out.splitlines(True) if "[Gloo]" not in line)

    @property
    def line(self) -> str:
        """The last line of an error."""
        return self.err.strip().split("\n")[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def started(
    body: str, count: int, devices: int = 1, more: Sequence[str] = ()
) -> list[subprocess.Popen[str]]:
    """`count` processes of this program; 0: one that trains alone.

    Args:
        devices: how many each has.
        more: a further argument of each.
    """
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "OPENBLAS_NUM_THREADS": "1"}
    port = str(free_port())
    return [
        subprocess.Popen(
            [sys.executable, "-c", HEAD + body, str(number), str(count), port, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(max(count, 1))
    ]


def ended(processes: Sequence[subprocess.Popen[str]], timeout: float = 150) -> list[Ended]:
    """What they said, when all have ended."""
    found = []
    try:
        for one in processes:
            out, err = one.communicate(timeout=timeout)
            found.append(Ended(one.returncode, out, err))
    finally:
        for one in processes:
            one.kill()
    return found


def run(body: str, count: int, devices: int = 1, more: Sequence[str] = ()) -> list[Ended]:
    return ended(started(body, count, devices, more))
