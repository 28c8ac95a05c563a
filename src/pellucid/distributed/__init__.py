"""Training on several processes, hosts and devices at once: `fit(…, backend="xla")` in each.

Each process calls `start`, reads its own part of the rows and calls `fit` as it would alone. The
rows of a step lie on all devices, the weights on each of them; the result is that of one process
with all rows, within rounding. See docs/distributed.md.

Example, the same program in each process::

    group = pel.distributed.start("node1:7531", processes=2, process=0)  # 1 on the other host
    part = group.part(len(x))
    model.fit(x[part], y[part], backend="xla", seed=0)
"""

from __future__ import annotations

import atexit
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from pellucid.core import forks
from pellucid.core.arguments import checked, integer, real
from pellucid.core.errors import ArgumentError
from pellucid.core.names import unknown_names
from pellucid.distributed import surroundings
from pellucid.runtime import group as groups
from pellucid.runtime.group import Group, ProcessError
from pellucid.runtime.joining import Address, join

__all__ = ["Group", "ProcessError", "start"]

_MOST = 1 << 16  # processes
_DAY = 86_400.0
_ELSEWHERE = {
    "initialize": "start",
    "init_process_group": "start",
    "init": "start",
    "MirroredStrategy": "Write pel.distributed.start(processes=1): all devices of one process.",
    "MultiWorkerMirroredStrategy": "start",
    "DistributedDataParallel": "Write pel.distributed.start(), then fit(…, backend='xla').",
    "DistributedSampler": "Write group = pel.distributed.start(…), then x[group.part(len(x))].",
    "get_rank": "Write group = pel.distributed.start(…), then group.process.",
    "get_world_size": "Write group = pel.distributed.start(…), then group.processes.",
    "barrier": "Leave it out: fit waits for all processes.",
}
_MEANT = {
    "coordinator_address": "address",
    "init_method": "address",
    "master_addr": "address",
    "num_processes": "processes",
    "world_size": "processes",
    "process_id": "process",
    "rank": "process",
    "initialization_timeout": "timeout",
    "local_device_ids": "Leave it out: a process trains on all devices that JAX sees there.",
}


def start(
    address: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    timeout: float = 60.0,
) -> Group:
    """Starts or joins the processes that train together: the first call of a program.

    Under SLURM, MPI and Kubernetes their variables say what is left out here.

    Args:
        address: "host:port" of the first process, where it listens; the port may be left out.
        processes: how many there are. 1 is this one alone, with all its devices.
        process: this one's number, from 0; 0 prints and writes files.
        timeout: seconds that all of them may take to come.

    Returns:
        The group: `process`, `processes`, `first` (whether this is process 0), and
        `part(rows)`, the slice of so many rows that is this process's.

    Raises:
        ArgumentError: where it is not known who takes part, or the port is taken.
        ProcessError: where a process does not come, or has another version of a package.
        MissingPackageError: where there is no JAX.
    """
    real("distributed", "timeout", timeout, 0, _DAY, open_low=True)
    known = _given(address, processes, process)
    if groups.current() is not None:
        raise ArgumentError(
            "distributed",
            "start must be called once in a process, got a second call",
            "Use the group that the first call gave.",
        )
    device = forks.load("pellucid.runtime.xla_device")
    if known.processes == 1:
        group = Group(0, ("this host",))
        groups.enter(group)
        return group
    host, port = _host_and_port(known.address or "")
    at = Address(host, port)
    versions = {
        "pellucid": forks.load("pellucid").__version__,
        "jax": device.jax.__version__,
        "numpy": np.__version__,
    }
    joined = join(at, known.processes or 1, known.process or 0, timeout, versions)
    group = joined.group
    here = group.processes, group.process, at.loopback
    group.fitting(lambda: device.join(joined.service, *here, known.local, timeout))
    atexit.register(group.close)
    groups.enter(group)
    return group


def _given(
    address: str | None, processes: int | None, process: int | None
) -> surroundings.Surroundings:
    """Who takes part, by the arguments and, where these are silent, by the environment."""
    if address is not None:
        _host_and_port(address)
    if processes is not None:
        integer("distributed", "processes", processes, 1, _MOST)
    if process is not None:
        integer("distributed", "process", process, 0)
    if processes == 1 and process in (None, 0):
        return surroundings.Surroundings("", None, 1, 0)
    told = surroundings.read(os.environ)
    known = told._replace(
        address=told.address if address is None else address,
        processes=told.processes if processes is None else int(processes),
        process=told.process if process is None else int(process),
    )
    absent = [name for name in ("processes", "process", "address") if getattr(known, name) is None]
    if absent and known.processes != 1:
        by = f"the variables of {told.by} do not say" if told.by else "none of"
        raise ArgumentError(
            "distributed",
            f"address, processes and process must be given, or said by SLURM, MPI or Kubernetes, "
            f"got no {' and no '.join(absent)}" + (f": {by} it" if told.by else ""),
            "Write start('host:7531', processes=2, process=0) in the first process, process=1 in "
            "the second; start(processes=1) for all devices of one.",
        )
    if (known.process or 0) >= (known.processes or 1):
        raise ArgumentError(
            "distributed",
            f"process must be below processes ({known.processes}), got {known.process}",
            "Number them from 0.",
        )
    return known


def _host_and_port(address: object) -> tuple[str, int]:
    """The parts of "host:port", "host", "[::1]:port"."""
    found = None
    if isinstance(address, str):
        found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]/]+))(?::([0-9]{1,5}))?", address)
    port = surroundings.PORT if found is None or found[3] is None else int(found[3])
    if found is None or not 0 < port < 1 << 16:
        raise ArgumentError(
            "distributed",
            f"address must be 'host:port' of the first process, got {address!r}",
            "Write such as '10.0.0.1:7531'.",
        )
    return found[1] or found[2], port


start = checked(start, "distributed", _MEANT)

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.distributed", __all__, _ELSEWHERE)
