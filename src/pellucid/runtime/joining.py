"""How the processes of a group find each other: the first one listens, the others come to it.

Before anything else they compare who they are. Every mistake is one line in each of them: a port
that is taken, a process that does not come, one that came twice, another version of a package.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from pellucid.core.errors import ArgumentError
from pellucid.runtime.group import Group, ProcessError
from pellucid.runtime.links import Link, LinkError

_HELLO = "pellucid, version 1 of this protocol"
_GREETING = 5.0  # seconds that a stranger may take for a first word
_WORDS = 1 << 16  # bytes that it may have


class Address(NamedTuple):
    """Where the first process listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return self.at_port(self.port)

    @property
    def loopback(self) -> bool:
        """Whether other hosts cannot come."""
        return self.host == "localhost" or self.host == "::1" or self.host.startswith("127.")

    def at_port(self, port: int) -> str:
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    def listen(self, port: int) -> socket.socket:
        """A socket that others connect to; 0 is a port that the system chooses.

        Where other hosts shall come it takes every address of this one: a name may be that of a
        gateway, which no process here can listen at.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        return socket.create_server((self.host if self.loopback else "", port), family=family)


class Joined(NamedTuple):
    """A group, and where JAX's own service shall be."""

    group: Group
    service: str


def join(
    address: Address, processes: int, process: int, timeout: float, versions: Mapping[str, str]
) -> Joined:
    """Waits until all processes of a group are there.

    Raises:
        ArgumentError: where the first process cannot listen, or has no address.
        ProcessError: where one does not come in time, or is another than it should be.
    """
    own = {
        "hello": _HELLO,
        "process": process,
        "processes": processes,
        "host": socket.gethostname(),
        "versions": dict(versions),
    }
    if process:
        return _come(address, own, timeout)
    return _wait_for_all(address, own, timeout)


# -- the first process ---------------------------------------------------------------------------


def _wait_for_all(address: Address, own: dict[str, Any], timeout: float) -> Joined:
    until, came = time.monotonic() + timeout, {0: own}
    links: dict[int, Link] = {}
    try:
        with _listening(address) as server:
            while len(came) < own["processes"]:
                server.settimeout(max(0.01, until - time.monotonic()))
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    raise _missing(came, own["processes"], timeout) from None
                link = Link(connection)
                hello = _hello(link)
                if hello is None:
                    continue
                number = hello["process"]
                links.setdefault(number if number not in links else -1, link)
                _check(own, hello, came)
                came[number] = hello
    except ProcessError as error:
        for link in links.values():
            link.send({"refused": error.problem, "fix": error.fix})
            link.close()
        raise
    hosts = [came[number]["host"] for number in range(own["processes"])]
    service = address.at_port(_free_port(address))
    for link in links.values():
        link.send({"welcome": hosts, "service": service})
    return Joined(Group(0, hosts, links), service)


def _listening(address: Address) -> socket.socket:
    try:
        return address.listen(address.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ArgumentError(
                "distributed",
                f"port {address.port} must be free on {address.host}, got one that is taken",
                f"Name another one in all processes: address={address.at_port(address.port + 1)!r}"
                ".",
            ) from None
        raise ArgumentError(
            "distributed",
            f"the first process must be able to listen at {address}, got: "
            f"{error.strerror or error}",
            "Name the host that process 0 runs on, and a port above 1023.",
        ) from None


def _free_port(address: Address) -> int:
    with address.listen(0) as server:
        return int(server.getsockname()[1])


def _hello(link: Link) -> dict[str, Any] | None:
    """The first words of a process; None of what is none of ours."""
    try:
        hello = link.receive_one(time.monotonic() + _GREETING, most=_WORDS)
    except LinkError:
        hello = {}
    known = {"process": int, "processes": int, "host": str, "versions": dict}
    if hello.get("hello") == _HELLO and all(
        type(hello.get(name)) is kind for name, kind in known.items()
    ):
        return hello
    link.close()
    return None


def _check(own: dict[str, Any], other: dict[str, Any], came: Mapping[int, Any]) -> None:
    """Refuses a process that does not belong to the others."""
    who = f"process {other['process']} ({other['host']})"
    first = f"process 0 ({own['host']})"
    if other["processes"] != own["processes"]:
        raise ProcessError(
            "distributed",
            f"processes must be the same in all of them, got {own['processes']} in {first} and "
            f"{other['processes']} in {who}",
            "Start all of them with the same number.",
        )
    if not 0 <= other["process"] < own["processes"] or other["process"] in came:
        raise ProcessError(
            "distributed",
            f"each process must have a number of its own, got {other['process']} twice",
            f"Number them from 0 to {own['processes'] - 1}: process=….",
        )
    for name, version in own["versions"].items():
        found = other["versions"].get(name)
        if found != version:
            raise ProcessError(
                "distributed",
                f"{name} must have the same version in all processes, got {version} in {first} "
                f"and {found} in {who}",
                f"Install one: pip install {name}=={version}.",
            )


def _missing(came: Mapping[int, Any], processes: int, timeout: float) -> ProcessError:
    absent = [str(number) for number in range(processes) if number not in came]
    return ProcessError(
        "distributed",
        f"all {processes} processes must come within {timeout:g} s, got {len(came)}: "
        f"{', '.join(absent)} did not",
        "Start them all at about the same time, or give more time: timeout=….",
    )


# -- the others ----------------------------------------------------------------------------------


def _come(address: Address, own: dict[str, Any], timeout: float) -> Joined:
    link = Link(_connected(address, timeout))
    link.send(own)
    try:
        answer = link.receive_one(time.monotonic() + timeout + _GREETING)
    except LinkError as error:
        link.close()
        raise ProcessError(
            "distributed",
            f"the first process must answer at {address}, got "
            f"{'no answer' if str(error) == 'silent' else 'no greeting of ours'} there",
            "It ended before all had come, as it says itself, or another program has the port.",
        ) from None
    if "refused" in answer:
        link.close()
        raise ProcessError("distributed", str(answer["refused"]), str(answer.get("fix", "")))
    return Joined(Group(own["process"], answer["welcome"], {0: link}), answer["service"])


def _connected(address: Address, timeout: float) -> socket.socket:
    until = time.monotonic() + timeout
    while True:
        left = until - time.monotonic()
        try:
            return socket.create_connection((address.host, address.port), max(0.05, left))
        except socket.gaierror:
            problem = f"the first process's host must have an address, got {address.host!r}"
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "no answer"
            problem = f"the first process must answer at {address} within {timeout:g} s, got: {why}"
        if time.monotonic() >= until:
            raise ProcessError(
                "distributed",
                problem,
                "Start process 0 there, and let no firewall stand between them.",
            )
        time.sleep(0.1)
