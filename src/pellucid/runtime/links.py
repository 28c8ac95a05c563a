"""A socket between two processes, with messages of JSON: four bytes of length, then the text."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from pellucid.core import forks

_LENGTH = struct.Struct(">I")
_MOST = 1 << 28  # bytes of a message
_PATIENCE = 10.0  # seconds that a message may take to be sent


class LinkError(Exception):
    """The other side is gone, or sends what is no message."""


class Link:
    """One side of a connection; one thread reads, any may send.

    Attributes:
        heard: when something came last; open: whether the other side is still there.
    """

    def __init__(self, connection: socket.socket):
        self.socket = connection
        self.socket.settimeout(_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard, self.open = time.monotonic(), True
        self._sending = forks.Lock()
        self._held = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        """Sends it, where the other side is there: the reader is who finds out that it is not."""
        text = json.dumps(message).encode()
        with self._sending:
            if not self.open:
                return
            try:
                self.socket.sendall(_LENGTH.pack(len(text)) + text)
            except OSError:
                self._shut()

    def receive(self, most: int = _MOST) -> Iterator[dict[str, Any]]:
        """The messages that are whole by now; waits for a part of one where there is none.

        Args:
            most: bytes that a message may have.

        Raises:
            LinkError: where the other side has ended, or sends what is no message.
        """
        try:
            data = self.socket.recv(1 << 16)
        except OSError as error:
            raise LinkError(str(error)) from None
        if not data:
            raise LinkError("closed")
        self.heard = time.monotonic()
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > most:
                raise LinkError("no message")
            if len(self._held) < _LENGTH.size + length:
                return
            text = bytes(self._held[_LENGTH.size : _LENGTH.size + length])
            del self._held[: _LENGTH.size + length]
            yield _message(text)

    def receive_one(self, until: float, most: int = _MOST) -> dict[str, Any]:
        """The next message alone, for the first words of a connection.

        Args:
            until: the time by `time.monotonic`; most: bytes that it may have.

        Raises:
            LinkError: where none comes in time.
        """
        while time.monotonic() < until:
            self.socket.settimeout(max(0.05, until - time.monotonic()))
            try:
                for message in self.receive(most):
                    return message
            finally:
                self.socket.settimeout(_PATIENCE)
        raise LinkError("silent")

    def close(self) -> None:
        with self._sending:
            self._shut()
            self.socket.close()

    def _shut(self) -> None:
        self.open = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was no longer connected


def _message(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise LinkError("no message") from None
    if not isinstance(found, dict):
        raise LinkError("no message")
    return found
