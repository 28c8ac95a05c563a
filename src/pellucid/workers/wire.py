"""Connections between the processes of a run: a handshake, messages, and the exchange of numbers.

Whoever connects proves that it knows the secret of the run, and so does who listens, before another
byte is read or sent. Behind that, arrays travel as they lie in memory; every frame states its
length, and one that is not what was expected ends the connection. Nothing is encrypted: workers
belong into a network that is trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import os
import select
import selectors
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Address = tuple[str, int]
Views = list[memoryview]

PATIENCE = 10.0  # seconds for a handshake or a connection
TICK = 1.0  # seconds of waiting after which it is asked for whom
_NONCE = 16
_PROOF = 32
_MAGIC = b"pelw"
_HEAD = struct.Struct("<4sIQ")  # magic, tag or bytes of JSON, bytes of arrays
_LONGEST = 1 << 28  # bytes of JSON, which holds the graph as text
_AT_ONCE = 512  # pieces of memory in a call of the system
_KINDS = "biuf"
_BOTH = select.POLLIN | select.POLLOUT


class Lost(Exception):
    """A connection that ended, or that brought what nobody expected."""


def no_one() -> None:
    """Is asked while nothing comes, where nobody asks."""


def secret() -> bytes:
    return os.urandom(32)


def listen(host: str) -> socket.socket:
    """A socket that others connect to, at a port that the system chooses."""
    return socket.create_server((host, 0), backlog=128)


def accept(listener: socket.socket, known: bytes) -> socket.socket | None:
    """The next connection; None where its other end does not know the secret."""
    connection, _ = listener.accept()
    try:
        until = time.monotonic() + PATIENCE
        ours = os.urandom(_NONCE)
        connection.settimeout(PATIENCE)
        connection.sendall(ours)
        theirs = _exactly(connection, _NONCE, until)
        proof = _exactly(connection, _PROOF, until)
        if not hmac.compare_digest(proof, _proof(known, b"c", ours, theirs)):
            raise Lost
        connection.sendall(_proof(known, b"s", ours, theirs))
    except (OSError, Lost):
        connection.close()
        return None
    return _tuned(connection)


def connect(address: Address, known: bytes) -> socket.socket:
    """A connection to who listens there.

    Raises:
        Lost: where no one does, or someone who does not know the secret.
    """
    connection = None
    try:
        until = time.monotonic() + PATIENCE
        connection = socket.create_connection(address, PATIENCE)
        theirs = _exactly(connection, _NONCE, until)
        ours = os.urandom(_NONCE)
        connection.sendall(ours + _proof(known, b"c", theirs, ours))
        proof = _exactly(connection, _PROOF, until)
        if not hmac.compare_digest(proof, _proof(known, b"s", theirs, ours)):
            raise Lost
    except (OSError, Lost) as error:
        if connection is not None:
            connection.close()
        raise Lost from error
    return _tuned(connection)


def _proof(known: bytes, side: bytes, first: bytes, second: bytes) -> bytes:
    return hmac.new(known, side + first + second, hashlib.sha256).digest()


def _tuned(connection: socket.socket) -> socket.socket:
    """A connection that waits as long as work takes, and ends where its other end is gone."""
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A host that vanished is noticed after 10 + 3·5 seconds, or 25 s after bytes it never took.
    for name, value in (
        ("KEEPIDLE", 10),
        ("KEEPINTVL", 5),
        ("KEEPCNT", 3),
        ("USER_TIMEOUT", 25000),
    ):
        option = getattr(socket, f"TCP_{name}", None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


def _exactly(
    connection: socket.socket,
    count: int,
    until: float | None = None,
    idle: Callable[[], None] = no_one,
) -> bytes:
    held = bytearray(count)
    _fill(connection, memoryview(held), until, idle)
    return bytes(held)


def _fill(
    connection: socket.socket,
    view: memoryview,
    until: float | None = None,
    idle: Callable[[], None] = no_one,
) -> None:
    """Reads what fills `view`, by the time `until` of `time.monotonic`: None, however long."""
    while view:
        if until is not None:  # of all bytes together: a stranger may send one at a time
            connection.settimeout(max(0.001, until - time.monotonic()))
        try:
            got = connection.recv_into(view)
        except TimeoutError as error:
            if until is not None or error.errno is not None:  # the system has given it up
                raise
            idle()
            continue
        if not got:
            raise Lost
        view = view[got:]


def bytes_of(array: Array) -> memoryview:
    """The memory of an array in C order."""
    return array.reshape(-1).data.cast("B")


def _empty(connection: socket.socket, view: memoryview, idle: Callable[[], None]) -> None:
    """Sends all of `view`, however long it takes."""
    while view:
        try:
            count = connection.send(view)
        except TimeoutError as error:
            if error.errno is not None:
                raise
            idle()
            continue
        view = view[count:]


def send(
    connection: socket.socket,
    kind: str,
    arrays: Sequence[Array] = (),
    idle: Callable[[], None] = no_one,
    **words: Any,
) -> None:
    """Sends a message.

    Args:
        idle: is called after each timeout of the connection; what it raises ends the sending.

    Raises:
        Lost: where the connection has ended.
    """
    given = [np.asarray(array, order="C") for array in arrays]
    types = [[array.dtype.str, list(array.shape)] for array in given]
    text = json.dumps({"kind": kind, "arrays": types, **words}).encode()
    head = _HEAD.pack(_MAGIC, len(text), sum(array.nbytes for array in given))
    try:
        _empty(connection, memoryview(head + text), idle)
        for array in given:
            if array.nbytes:
                _empty(connection, bytes_of(array), idle)
    except OSError as error:
        raise Lost from error


def greeting(connection: socket.socket) -> dict[str, Any]:
    """The words of the first message, which comes at once.

    Raises:
        Lost: where it does not come within `PATIENCE`.
    """
    words, _ = receive(connection, time.monotonic() + PATIENCE)
    connection.settimeout(None)
    return words


def receive(
    connection: socket.socket, until: float | None = None, idle: Callable[[], None] = no_one
) -> tuple[dict[str, Any], list[Array]]:
    """The next message: its words and its arrays.

    Args:
        until: by which time of `time.monotonic` it must be here; None: however long it takes.
        idle: as of `send`.

    Raises:
        Lost: where the connection has ended, or brought something else.
    """
    try:
        magic, length, size = _HEAD.unpack(_exactly(connection, _HEAD.size, until, idle))
        if magic != _MAGIC or length > _LONGEST:
            raise Lost
        words = json.loads(_exactly(connection, length, until, idle))
        types = [(np.dtype(name), tuple(shape)) for name, shape in words.pop("arrays")]
        if any(dtype.kind not in _KINDS for dtype, _ in types):
            raise Lost
        if sum(dtype.itemsize * math.prod(shape) for dtype, shape in types) != size:
            raise Lost
        arrays = [np.empty(shape, dtype) for dtype, shape in types]
        for array in arrays:
            if array.nbytes:
                _fill(connection, bytes_of(array), until, idle)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Lost from error
    return words, arrays


def waiting(connections: Sequence[socket.socket], seconds: float = 0.0) -> list[socket.socket]:
    """Those that have something to be read, or have ended."""
    if not connections:
        return []
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)]  # type: ignore[misc]


class Mesh:
    """Connections from one worker to all others.

    Args:
        idle: is called after each `TICK` of waiting; what it raises ends an exchange.

    Attributes:
        sent: bytes that went out, headers included.
    """

    def __init__(self, connections: Mapping[int, socket.socket], idle: Callable[[], None] = no_one):
        self.connections, self.sent, self._idle = dict(connections), 0, idle
        self._rooms: dict[Any, Array] = {}
        for connection in self.connections.values():
            connection.setblocking(False)

    def room(self, key: Any, length: int, dtype: Any) -> Array:
        """Memory for numbers, the same at every step: fresh memory costs as much as the network."""
        held = self._rooms.get(key)
        if held is None or held.size != length:
            held = self._rooms[key] = np.empty(length, dtype)
        return held

    def close(self) -> None:
        for connection in self.connections.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections = {}

    def exchange(self, tag: int, out: Mapping[int, Views], into: Mapping[int, Views]) -> None:
        """Sends memory to others and fills memory from others, all at the same time.

        Args:
            tag: what both sides call the exchange.

        Raises:
            Lost: where one of them is gone or sends something else.
        """
        if not {*out, *into} <= {*self.connections}:
            raise Lost  # they were dropped
        going = {peer: self._frame(tag, views) for peer, views in out.items() if _size(views)}
        coming = {peer: _Incoming(tag, views) for peer, views in into.items() if _size(views)}
        peers = {self.connections[peer].fileno(): peer for peer in {*going, *coming}}
        look, ready = select.poll(), [(number, _BOTH) for number in peers]
        while True:
            for number, _ in ready:
                self._move(number, peers[number], going, coming, look)
            if not going and not coming:
                return
            ready = look.poll(1000 * TICK)
            if not ready:
                self._idle()

    def _move(
        self,
        number: int,
        peer: int,
        going: dict[int, Views],
        coming: dict[int, _Incoming],
        look: select.poll,
    ) -> None:
        """Sends and reads what a connection takes and has, and says what is waited for."""
        connection = self.connections[peer]
        try:
            if peer in going and self._write(connection, going[peer]):
                del going[peer]
            if peer in coming and coming[peer].read(connection):
                del coming[peer]
        except OSError as error:
            raise Lost from error
        wanted = select.POLLOUT * (peer in going) | select.POLLIN * (peer in coming)
        if wanted:
            look.register(number, wanted)
        else:
            with contextlib.suppress(KeyError):  # it was never waited for
                look.unregister(number)

    def _frame(self, tag: int, views: Views) -> Views:
        head = _HEAD.pack(_MAGIC, tag & 0xFFFFFFFF, _size(views))
        return [memoryview(head), *(view for view in views if len(view))]

    def _write(self, connection: socket.socket, views: Views) -> bool:
        """Sends what the system takes; whether that was all."""
        while views:
            try:
                count = connection.sendmsg(views[:_AT_ONCE])
            except BlockingIOError:
                return False
            self.sent += count
            _advance(views, count)
        return True


class _Incoming:
    """A frame that is being read."""

    def __init__(self, tag: int, views: Views):
        self._tag, self._size = tag, _size(views)
        self._head = bytearray(_HEAD.size)
        self._views = [memoryview(self._head), *(view for view in views if len(view))]
        self._checked = False

    def read(self, connection: socket.socket) -> bool:
        """Reads what is there; whether that was all."""
        while self._views:
            # The header comes alone: nothing is written to where it does not belong.
            views = self._views[:_AT_ONCE] if self._checked else self._views[:1]
            try:
                count = connection.recvmsg_into(views)[0]
            except BlockingIOError:
                return False
            if not count:
                raise Lost
            left = len(self._views)
            _advance(self._views, count)
            if not self._checked and len(self._views) < left:
                if self._head != _HEAD.pack(_MAGIC, self._tag & 0xFFFFFFFF, self._size):
                    raise Lost
                self._checked = True
        return True


def _size(views: Views) -> int:
    return sum(map(len, views))


def _advance(views: Views, count: int) -> None:
    """Takes `count` bytes off the front."""
    done = 0
    while done < len(views) and count >= len(views[done]):
        count -= len(views[done])
        done += 1
    del views[:done]
    if count:
        views[0] = views[0][count:]
