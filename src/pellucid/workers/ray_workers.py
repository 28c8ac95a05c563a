"""Workers as Ray actors. Ray places them and keeps the data in its object store; no more."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core import forks
from pellucid.core.arguments import checked, integer, real
from pellucid.core.errors import ArgumentError, MissingPackageError
from pellucid.workers.launching import MOST, PATIENCE, busy
from pellucid.workers.worker import serve

Array = np.ndarray[Any, Any]


def package(where: str) -> Any:
    """Ray, for all that asks for it.

    Args:
        where: what asks.

    Raises:
        MissingPackageError: where it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anyone
    with forks.importing:
        try:
            import ray
        except ImportError as error:
            raise MissingPackageError(
                where,
                f"Ray must be installed, got: {error}",
                "pip install 'pellucid[ray]'.",
            ) from None
    return ray


class _Actor:
    """What runs in an actor's process."""

    def work(self, given: Mapping[str, Any], *data: Array) -> None:
        """Works until the process that trains ends; a replacement is a new actor."""
        address, secret = (given["host"], given["port"]), bytes.fromhex(given["secret"])
        serve(address, secret, given["ticket"], data, given["threads"])


class _Started:
    def __init__(self, ray: Any, actor: Any, work: Any):
        self._ray, self._actor, self._work = ray, actor, work

    def ended(self) -> str | None:
        done, _ = self._ray.wait([self._work], timeout=0)
        if not done:
            return None
        try:
            self._ray.get(self._work)
        except Exception as error:  # of whatever kind: it is told to the person
            return str(error).strip()
        return "it ended"

    def stop(self) -> None:
        self._ray.kill(self._actor)


_ELSEWHERE = {
    **dict.fromkeys(("num_workers", "workers", "n_jobs"), "count"),
    **dict.fromkeys(("num_cpus", "threads", "cpus_per_worker"), "cpus"),
    "resources_per_worker": "resources",
    **dict.fromkeys(("timeout", "seconds"), "patience"),
}


class RayWorkers:
    """Workers of `fit` as Ray actors, on any node of a cluster.

    The process that calls `fit` is one of them; Ray places the others. Each holds the data through
    Ray's object store, one copy a node.

    Args:
        count: workers in all.
        cpus: processors of each actor, which trains on as many threads.
        address: of the cluster, as `ray.init` takes it; None: the cluster that this process is
            connected to already, else one of this machine alone, which is started.
        resources: what else an actor needs: {"name": amount}.
        patience: seconds after which an actor that does not answer is ended, and another one takes
            its place. One that computes answers, however long it takes.
    """

    @functools.partial(checked, elsewhere=_ELSEWHERE)
    def __init__(
        self,
        count: int,
        cpus: int = 1,
        address: str | None = None,
        resources: Mapping[str, float] | None = None,
        patience: float = PATIENCE,
    ):
        self.count = integer("RayWorkers", "count", count, 1, MOST)
        self.threads: int | None = integer("RayWorkers", "cpus", cpus, 1)
        if address is not None and not isinstance(address, str):
            raise ArgumentError("RayWorkers", f"address must be a text or None, got {address!r}")
        if resources is not None and not isinstance(resources, Mapping):
            raise ArgumentError(
                "RayWorkers", f"resources must be a dict or None, got {resources!r}"
            )
        for name, amount in (resources or {}).items():
            real("RayWorkers", f"resources[{name!r}]", amount, 0)
        self.patience = real("RayWorkers", "patience", patience, 1)
        self._address, self._resources = address, dict(resources or {})
        self._ray: Any = None
        self._data: list[Any] = []
        self.host = ""

    def __repr__(self) -> str:
        return f"RayWorkers({self.count}, cpus={self.threads})"

    def open(self, data: Sequence[Array]) -> None:
        if self._data:
            raise busy(self)
        self._ray = package("RayWorkers")
        if not self._ray.is_initialized():
            try:
                self._ray.init(address=self._address, log_to_driver=False, include_dashboard=False)
            except (RuntimeError, ConnectionError, ValueError) as error:
                raise ArgumentError(
                    "RayWorkers",
                    f"Ray must be reached at {self._address or 'an address that it knows'}, "
                    f"got: {error}",
                    "Call ray.init(…) first, and leave address out.",
                ) from error
        self.host = self._ray.util.get_node_ip_address()
        self._data = [self._ray.put(np.ascontiguousarray(array)) for array in data]

    def start(self, given: dict[str, Any]) -> _Started:
        kind = self._ray.remote(num_cpus=self.threads, resources=self._resources, max_restarts=0)(
            _Actor
        )
        actor = kind.remote()
        return _Started(self._ray, actor, actor.work.remote(given, *self._data))

    def close(self) -> None:
        self._data = []
