"""`--hosts`: which hosts train together, and which of them this one is.

Every host runs the same command; nothing is started from here.
"""

from __future__ import annotations

import socket

from pellucid import distributed
from pellucid.core.errors import ArgumentError

AUTO = "auto"


def joined(hosts: str | None, host: int | None) -> distributed.Group | None:
    """The group that `--hosts` and `--host` name; None without them."""
    if hosts is None:
        if host is not None:
            raise ArgumentError(
                "train", f"--host needs --hosts, got --host {host}", "Write --hosts a,b --host 0."
            )
        return None
    if hosts == AUTO:
        if host is not None:
            raise ArgumentError(
                "train",
                f"--host belongs to a list of hosts, got --hosts {AUTO} --host {host}",
                "Leave --host out: SLURM, MPI and Kubernetes say which one this is.",
            )
        return distributed.start()
    names = [name.strip() for name in hosts.split(",")]
    if len(names) < 2 or not all(names):
        raise ArgumentError(
            "train",
            f"--hosts must be two names or more, or {AUTO}, got '{hosts}'",
            "Write such as --hosts a,b or --hosts a:7531,b.",
        )
    number = _this_one(names) if host is None else host
    if not 0 <= number < len(names):
        raise ArgumentError(
            "train", f"--host must be in [0, {len(names) - 1}], got {number}", "Count from 0."
        )
    return distributed.start(names[0], processes=len(names), process=number)


def _this_one(names: list[str]) -> int:
    """The number of the name that is this host's."""
    own = [number for number, name in enumerate(names) if _is_here(name.partition(":")[0])]
    if len(own) != 1:
        found = "none" if not own else f"{len(own)} of them"
        raise ArgumentError(
            "train",
            f"--hosts must name this host once, got {found} in '{','.join(names)}'",
            "Say which one it is: --host 0 for the first.",
        )
    return own[0]


def _is_here(name: str) -> bool:
    """Whether this host has the address of a name: one can listen at it."""
    if name in (socket.gethostname(), socket.getfqdn()):
        return True
    try:
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as tried:
                tried.bind(address)
    except OSError:
        return False
    return True
