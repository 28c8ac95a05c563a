"""How processes find each other and what they agree on, without JAX: each is a thread here."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.runtime.group import Group, ProcessError
from pellucid.runtime.joining import Address, join
from tests.distributed.processes import free_port

VERSIONS = {"pellucid": "1.0", "jax": "0.10", "numpy": "2.0"}


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gives or raises, all at the same time."""
    found: list[Any] = [None] * len(calls)

    def one(number: int) -> None:
        try:
            found[number] = calls[number]()
        except PellucidError as error:
            found[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def joined(
    numbers: list[int],
    processes: int,
    timeout: float = 10.0,
    versions: dict[int, dict[str, str]] | None = None,
    sizes: dict[int, int] | None = None,
) -> list[Any]:
    address = Address("127.0.0.1", free_port())

    def call(number: int) -> Callable[[], Group]:
        own = (versions or {}).get(number, VERSIONS)
        size = (sizes or {}).get(number, processes)
        return lambda: join(address, size, number, timeout, own).group

    return together(*(call(number) for number in numbers))


def ends(groups: list[Group]) -> None:
    for group in groups:  # as if all had said so: a process whose first one is gone ends itself
        group._ended.update(range(group.processes))
    for group in groups:
        for link in group._links.values():
            link.close()


def test_values_are_exchanged_in_the_order_of_the_processes() -> None:
    groups = joined([0, 1, 2], 3)
    assert [group.process for group in groups] == [0, 1, 2]
    assert [group.first for group in groups] == [True, False, False]
    for round_ in range(3):
        found = together(
            *(lambda g=group: g.exchange([g.process, round_, "é"]) for group in groups)
        )
        assert found == [[[0, round_, "é"], [1, round_, "é"], [2, round_, "é"]]] * 3
    large = "x" * (1 << 20)  # many times what a socket holds
    found = together(*(lambda g=group: g.exchange(large) for group in groups))
    assert found == [[large] * 3] * 3
    ends(groups)


@pytest.mark.parametrize(("rows", "processes"), [(10, 3), (2, 4), (7, 1)])
def test_the_parts_of_all_processes_are_all_rows(rows: int, processes: int) -> None:
    groups = [Group(number, ["a"] * processes) for number in range(processes)]
    found = [row for group in groups for row in range(rows)[group.part(rows)]]
    assert found == list(range(rows))
    sizes = [len(range(rows)[group.part(rows)]) for group in groups]
    assert max(sizes) - min(sizes) <= 1


def test_a_host_may_be_an_address_of_the_sixth_version() -> None:
    address = Address("::1", free_port())
    found = together(*(lambda n=n: join(address, 2, n, 10.0, VERSIONS) for n in (0, 1)))
    assert str(address) == f"[::1]:{address.port}"
    assert found[0].service == found[1].service and found[0].service.startswith("[::1]:")
    groups = [one.group for one in found]
    assert together(*(lambda g=g: g.exchange(g.process) for g in groups)) == [[0, 1]] * 2
    ends(groups)


def test_who_sends_no_message_of_ours_is_lost() -> None:
    groups = joined([0, 1], 2)
    groups[1]._ended.add(0)  # else it would end itself, as a process without its first one does
    groups[1]._links[0].send({"kind": "one"})
    with pytest.raises(ProcessError, match=r"process 1 \(.*is gone"):
        groups[0].exchange(1)
    ends(groups)


def test_what_differs_is_one_line_in_all() -> None:
    groups = joined([0, 1, 2], 3)
    facts = [{"epochs": 2, "seed": 5 + (group.process == 2)} for group in groups]
    found = together(*(lambda g=g, f=f: g.agree(f, {}) for g, f in zip(groups, facts, strict=True)))
    name = socket.gethostname()
    for error in found:
        assert isinstance(error, ProcessError)
        assert error.problem == (
            f"seed must be the same in all processes, got 5 in process 0 ({name}) and 6 in "
            f"process 2 ({name})"
        )
    ends(groups)


def refuse(error: Exception) -> None:
    raise error


def test_who_leaves_a_run_ends_it_for_all_with_the_reason() -> None:
    groups = joined([0, 1, 2], 3)

    def leaves() -> None:
        groups[1].fitting(refuse, ArgumentError("fit", "epochs must be at least 0, got -1"))

    def waits(group: Group) -> None:
        group.fitting(group.exchange, 1)

    found = together(lambda: waits(groups[0]), leaves, lambda: waits(groups[2]))
    for error in (found[0], found[2]):
        assert isinstance(error, ProcessError)
        assert error.problem.startswith("process 1 (")
        assert "has left the run: [fit] epochs must be at least 0, got -1" in error.problem
    with pytest.raises(ProcessError, match="has left"):  # and nobody waits a second time
        groups[2].exchange(1)

    def again(group: Group) -> list[int]:
        return group.fitting(group.exchange, group.process)

    assert together(*(lambda g=g: again(g) for g in groups)) == [[0, 1, 2]] * 3
    ends(groups)


def test_who_is_a_call_behind_waits_for_no_one() -> None:
    """One leaves a call that another has not begun, and is in the next one already."""
    groups = joined([0, 1], 2)

    def ahead() -> list[int]:
        with contextlib.suppress(ArgumentError):
            groups[1].fitting(refuse, ArgumentError("fit", "no"))
        return groups[1].fitting(groups[1].exchange, 1)

    def behind() -> list[int]:
        time.sleep(0.3)
        with contextlib.suppress(ProcessError):
            groups[0].fitting(groups[0].exchange, 0)
            raise AssertionError("the other one has left this call")
        return groups[0].fitting(groups[0].exchange, 0)

    assert together(behind, ahead) == [[0, 1]] * 2
    ends(groups)


def test_who_is_gone_is_known_at_once() -> None:
    groups = joined([0, 1, 2], 3)
    began = time.monotonic()
    groups[2]._ended.add(0)  # else it would end itself, as a process without its first one does
    for link in groups[2]._links.values():
        link.socket.shutdown(socket.SHUT_RDWR)  # what the system does for a process that is killed
    found = together(*(lambda g=g: g.exchange(1) for g in groups[:2]))
    assert time.monotonic() - began < 5
    for error in found:
        assert "process 2 (" in error.problem and "is gone: it was killed" in error.problem
        assert "fit(…, resume=True)" in error.fix
    ends(groups)


def test_one_does_not_come() -> None:
    found = joined([0, 2], 3, timeout=0.5)
    for error in found:
        assert isinstance(error, ProcessError)
        assert error.problem == "all 3 processes must come within 0.5 s, got 2: 1 did not"


def test_the_first_does_not_come() -> None:
    (error,) = joined([1], 2, timeout=0.3)
    assert "the first process must answer at 127.0.0.1:" in error.problem
    assert "within 0.3 s, got: Connection refused" in error.problem


def test_a_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ArgumentError, match=rf"port {port} must be free on 127.0.0.1") as told:
            join(Address("127.0.0.1", port), 2, 0, 1.0, VERSIONS)
        assert f"address='127.0.0.1:{port + 1}'" in told.value.fix


def test_another_program_has_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greets() -> None:
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
            connection.close()

        thread = threading.Thread(target=greets)
        thread.start()
        with pytest.raises(ProcessError, match="no greeting of ours there"):
            join(Address("127.0.0.1", server.getsockname()[1]), 2, 1, 2.0, VERSIONS)
        thread.join()


def test_a_stranger_who_knocks_is_no_process() -> None:
    address = Address("127.0.0.1", free_port())

    def knocks() -> None:
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02[]", b"\x00\x02\x00\x00{", b""):
            while True:
                try:
                    connection = socket.create_connection((address.host, address.port), 1)
                    break
                except OSError:
                    time.sleep(0.02)
            connection.sendall(words)
            connection.close()

    def comes() -> Group:
        time.sleep(0.3)
        return join(address, 2, 1, 10.0, VERSIONS).group

    first, _, second = together(lambda: join(address, 2, 0, 10.0, VERSIONS).group, knocks, comes)
    assert together(lambda: first.exchange(0), lambda: second.exchange(1)) == [[0, 1]] * 2
    ends([first, second])


@pytest.mark.parametrize(
    ("numbers", "more", "words"),
    [
        (
            [0, 1],
            {"versions": {1: {**VERSIONS, "numpy": "1.26"}}},
            "numpy must have the same version in all processes, got 2.0 in process 0",
        ),
        ([0, 1, 1], {}, "each process must have a number of its own, got 1 twice"),
        ([0, 1], {"sizes": {1: 4}}, "processes must be the same in all of them, got 3 in process"),
    ],
)
def test_who_does_not_belong_is_one_line_in_each(
    numbers: list[int], more: dict[str, Any], words: str
) -> None:
    processes = 2 if "numpy" in words else 3
    for error in joined(numbers, processes, **more):
        assert isinstance(error, ProcessError), error
        assert words in error.problem
        assert "\n" not in str(error)


def test_silence_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is down closes no socket."""
    monkeypatch.setattr("pellucid.runtime.group.SILENCE", 0.5)
    monkeypatch.setattr("pellucid.runtime.group.BEAT", 0.1)
    address = Address("127.0.0.1", free_port())

    def mute() -> Any:
        """A process whose signs of life do not come any more."""
        from pellucid.runtime.joining import _HELLO
        from pellucid.runtime.links import Link

        time.sleep(0.2)
        link = Link(socket.create_connection((address.host, address.port), 5))
        own = {"process": 1, "processes": 2, "host": "mute", "versions": VERSIONS}
        link.send({"hello": _HELLO, **own})
        link.receive_one(time.monotonic() + 5)
        return link

    first, link = together(lambda: join(address, 2, 0, 10.0, VERSIONS).group, mute)
    with pytest.raises(ProcessError, match=r"process 1 \(mute\) has been silent for"):
        first.exchange(1)
    link.close()
    ends([first])


def test_who_waits_inside_a_step_for_one_that_has_left_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pellucid.runtime.group.GRACE", 0.2)
    monkeypatch.setattr(Group, "_say", lambda self: said.append(self._over))
    groups = joined([0, 1], 2)

    def waits() -> None:
        groups[0].fitting(groups[0].collective, time.sleep, 1.2)

    def leaves() -> None:
        groups[1].fitting(refuse, ArgumentError("fit", "y must be numbers"))

    together(waits, leaves)
    assert said and "process 1 (" in said[0] and "y must be numbers" in said[0]
    ends(groups)


def test_a_lost_process_is_told_without_what_xla_makes_of_it() -> None:
    """Else the person reads two tracebacks of JAX's before the line that says who is gone."""
    groups = joined([0, 1], 2)
    groups[1]._ended.add(0)  # else it would end itself

    def step() -> None:
        for link in groups[1]._links.values():
            link.socket.shutdown(socket.SHUT_RDWR)
        raise RuntimeError("Gloo all-reduce failed")

    with pytest.raises(ProcessError, match=r"process 1 \(.*\) is gone") as caught:
        groups[0].fitting(groups[0].collective, step)
    assert caught.value.__suppress_context__
    ends(groups)
