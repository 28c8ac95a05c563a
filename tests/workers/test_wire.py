"""Connections: who does not know the secret is not heard, and every frame is what was expected."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pellucid.ops.blocks import tree
from pellucid.workers import pulse, wire
from pellucid.workers.division import Division, traffic
from pellucid.workers.meeting import meet
from pellucid.workers.pulse import Pulse
from pellucid.workers.share import Meeting
from pellucid.workers.wire import Lost, Mesh

HEADER = 16


def together(*functions: Callable[[], Any]) -> list[Any]:
    """The results of functions that wait for each other; an error is a result."""
    found: list[Any] = [None] * len(functions)

    def call(number: int) -> None:
        try:
            found[number] = functions[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=call, args=(n,)) for n in range(len(functions))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
        assert not one.is_alive()
    return found


@pytest.fixture
def meshes() -> Iterator[Callable[[int], list[Mesh]]]:
    """Makes workers that are connected in pairs."""
    made: list[Mesh] = []

    def make(count: int) -> list[Mesh]:
        ends: list[dict[int, socket.socket]] = [{} for _ in range(count)]
        for i in range(count):
            for j in range(i):
                ends[i][j], ends[j][i] = socket.socketpair()
        made.extend(Mesh(one) for one in ends)
        return made

    yield make
    for one in made:
        one.close()


class TestHandshake:
    def test_who_knows_the_secret_is_heard(self) -> None:
        known = wire.secret()
        with wire.listen("127.0.0.1") as listener:
            address = listener.getsockname()
            server, client = together(
                lambda: wire.accept(listener, known), lambda: wire.connect(address, known)
            )
            sent = [np.arange(6.0).reshape(2, 3), np.array(7), np.empty((0, 2), np.float32)]
            with server, client:
                wire.send(client, "hello", sent, ticket=3)
                words, arrays = wire.receive(server)
        assert words == {"kind": "hello", "ticket": 3}
        for one, other in zip(arrays, sent, strict=True):
            assert one.dtype == other.dtype and one.shape == other.shape and (one == other).all()

    def test_a_wrong_secret_is_refused_on_both_sides(self) -> None:
        with wire.listen("127.0.0.1") as listener:
            address = listener.getsockname()
            server, client = together(
                lambda: wire.accept(listener, wire.secret()),
                lambda: wire.connect(address, wire.secret()),
            )
        assert server is None and isinstance(client, Lost)

    def test_a_stranger_is_dropped(self) -> None:
        def stranger() -> bytes:
            with socket.create_connection(listener.getsockname()) as one:
                one.sendall(b"GET / HTTP/1.1\r\n" + b"x" * 64)
                return one.recv(1000)

        with wire.listen("127.0.0.1") as listener:
            server, got = together(lambda: wire.accept(listener, wire.secret()), stranger)
        assert server is None
        assert isinstance(got, ConnectionError) or len(got) == 16  # a number of no meaning

    def test_a_stranger_who_sends_a_byte_at_a_time_is_dropped(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire, "PATIENCE", 0.3)

        def stranger() -> None:
            with socket.create_connection(listener.getsockname()) as one:
                for _ in range(20):
                    one.sendall(b"x")
                    time.sleep(0.1)

        def hears() -> tuple[Any, float]:
            began = time.monotonic()
            return wire.accept(listener, wire.secret()), time.monotonic() - began

        with wire.listen("127.0.0.1") as listener:
            (server, seconds), _ = together(hears, stranger)
        assert server is None and seconds < 1.5

    def test_an_answer_is_no_proof_for_the_other_side(self) -> None:
        """What one side proves cannot be sent back as the other side's proof."""
        known = wire.secret()
        assert wire._proof(known, b"c", b"1", b"2") != wire._proof(known, b"s", b"1", b"2")


class TestMessages:
    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 200 OK\r\n\r\n",
            wire._HEAD.pack(b"pelw", 2**31, 0),
            wire._HEAD.pack(b"pelw", 3, 0) + b"{]}",
            wire._HEAD.pack(b"pelw", 33, 8) + b'{"arrays": [["|O", [1]]], "k": 0}',
            wire._HEAD.pack(b"pelw", 34, 9) + b'{"arrays": [["<f8", [1]]], "k": 0}' + b"x" * 9,
            wire._HEAD.pack(b"pelw", 35, 0) + b'{"arrays": [["<f8", [-1]]], "k": 0}',
            wire._HEAD.pack(b"pelw", 36, 8) + b'{"arrays": [["<f8", [1e18]]], "k":0}',
            wire._HEAD.pack(b"pelw", 51, 8)
            + b'{"arrays": [["<f8", [1000000000000000000]]], "k":0}',
            wire._HEAD.pack(b"pelw", 3, 0) + b'"a"',
            b"",
        ],
    )
    def test_what_is_no_message_ends_the_connection(self, raw: bytes) -> None:
        one, other = socket.socketpair()
        with one, other:
            one.sendall(raw)
            one.shutdown(socket.SHUT_WR)
            with pytest.raises(Lost):
                wire.receive(other)

    def test_a_greeting_that_does_not_come_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire, "PATIENCE", 0.2)
        one, other = socket.socketpair()
        with one, other:
            one.sendall(wire._HEAD.pack(b"pelw", 30, 0))
            with pytest.raises(Lost):
                wire.greeting(other)

    def test_who_takes_nothing_is_asked_for(self) -> None:
        """A message goes on behind each question; what the question raises ends it."""
        one, other = socket.socketpair()
        data, asked = np.arange(1_000_000), []

        def idle() -> None:
            asked.append(len(asked))
            if len(asked) == 3:
                threading.Thread(target=lambda: got.append(wire.receive(other)[1][0])).start()
            if len(asked) > 20:
                raise Lost

        got: list[Any] = []
        with one, other:
            one.settimeout(0.05)
            wire.send(one, "state", [data], idle)
            until = time.monotonic() + 10
            while not got and time.monotonic() < until:
                time.sleep(0.01)
            assert len(asked) >= 3 and (got[0] == data).all()
            one.settimeout(0.01)
            with pytest.raises(Lost):
                wire.send(one, "state", [data], idle)


class TestPulse:
    def felt(self, monkeypatch: pytest.MonkeyPatch, other: Callable[[Any], None]) -> Pulse:
        """A pulse behind 20 looks, one each second of a clock of its own."""
        clock = [0.0]
        monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        one, end = socket.socketpair()
        found = Pulse(one)
        for second in range(20):
            clock[0] = float(second) if second < 10 else second + 1000.0
            found.look()
            other(end)
        end.close()
        found.close()
        return found

    def test_who_answers_is_not_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.felt(monkeypatch, lambda end: end.sendall(end.recv(9))).silent == 0

    def test_silence_is_what_was_waited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time in which nobody looked is no silence."""
        assert self.felt(monkeypatch, lambda end: None).silent == 18 + 2 * wire.TICK

    def test_an_end_is_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.felt(monkeypatch, lambda end: end.close()).silent > 10

    def test_a_thread_answers(self) -> None:
        one, other = socket.socketpair()
        thread = threading.Thread(target=pulse.answer, args=(other,))
        thread.start()
        with one:
            one.sendall(b"..")
            assert one.recv(9) == b".."
        thread.join(10)
        assert not thread.is_alive()


class TestExchange:
    def test_who_does_not_send_is_asked_for(
        self, meshes: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire, "TICK", 0.01)
        one, other = socket.socketpair()

        def idle() -> None:
            raise Lost

        here = Mesh({1: one}, idle)
        with one, other, pytest.raises(Lost):
            here.exchange(4, {}, {1: [wire.bytes_of(np.zeros(8))]})

    def test_large_frames_cross(self, meshes: Any) -> None:
        """Both send more than the system holds at once, and nobody waits for ever."""
        pair = meshes(2)
        data = [np.random.default_rng(n).integers(0, 255, 3_000_000, np.uint8) for n in range(2)]
        got = [np.zeros(3_000_000, np.uint8) for _ in range(2)]

        def side(n: int) -> None:
            out = {1 - n: [wire.bytes_of(data[n][:5]), wire.bytes_of(data[n][5:])]}
            pair[n].exchange(4, out, {1 - n: [wire.bytes_of(got[n])]})

        assert together(lambda: side(0), lambda: side(1)) == [None, None]
        assert (got[0] == data[1]).all() and (got[1] == data[0]).all()
        assert pair[0].sent == 3_000_000 + HEADER

    @pytest.mark.parametrize("wrong", ["tag", "length", "end"])
    def test_another_frame_is_not_read(self, meshes: Any, wrong: str) -> None:
        here, there = meshes(2)
        kept = np.zeros(8, np.uint8)

        def other() -> None:
            if wrong == "end":
                there.close()
            else:
                length = 9 if wrong == "length" else 8
                data = [wire.bytes_of(np.ones(length, np.uint8))]
                there.exchange(5 if wrong == "tag" else 4, {0: data}, {})

        found, _ = together(lambda: here.exchange(4, {}, {1: [wire.bytes_of(kept)]}), other)
        assert isinstance(found, Lost) and not kept.any()

    @pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 8])
    def test_all_get_one_sum_in_the_order_of_the_tree(self, meshes: Any, workers: int) -> None:
        """And what travels is what `traffic` says, with a header for each frame."""
        rng, division = np.random.default_rng(workers), Division(40, 5, workers)
        shapes = [(3, 4), (), (1001,), (0, 2)]
        kinds = [np.float32, np.float64, np.float32, np.float32]
        hows = ("add", "add", "add", "add")
        parts = [
            [rng.normal(size=shape).astype(kind) for _ in range(8)]
            for shape, kind in zip(shapes, kinds, strict=True)
        ]
        whole = [tree(blocks, np.add) for blocks in parts]
        meeting = Meeting(tuple(zip(shapes, map(np.dtype, kinds), strict=True)), hows)
        mesh = meshes(workers)

        def side(n: int) -> list[Any]:
            sums = [
                [np.asarray(tree(blocks[slice(*span)], np.add)) for blocks in parts]
                for span in division.subtrees[n]
            ]
            return meet(mesh[n], n, division, meeting, sums, 2)

        for joined in together(*(lambda n=n: side(n) for n in range(workers))):  # type: ignore[misc]
            for ours, theirs in zip(joined, whole, strict=True):
                assert ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()
        numbers = 4 * traffic(12 + 1001, division.counts) + 8 * traffic(1, division.counts)
        sent = sum(one.sent for one in mesh)
        assert numbers <= sent <= numbers + 2 * HEADER * workers * (workers - 1)
