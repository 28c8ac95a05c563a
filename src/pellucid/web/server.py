"""The server of one session: named files, and one socket for commands and frames.

It listens on the loopback alone, at a free port, and ends when no page has been there for a while.
"""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pellucid.core.errors import DataError, MissingPackageError, PellucidError
from pellucid.core.forks import importing
from pellucid.web import guard
from pellucid.web.commands import COMMANDS, MOST_MESSAGE, Command, read
from pellucid.web.frames import to_json
from pellucid.web.showing import Message

HOST = "127.0.0.1"
_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
Files = dict[str, tuple[str, bytes]]
MOST_PAGES, _MOST_QUEUED, _IN_FLIGHT = 4, 200, 2
_HELLO = 5.0  # seconds within which a page must say the token
FIRST, GONE = 600.0, 60.0  # seconds without a page after which the server ends: before the first


def files(folder: Path = _STATIC) -> Files:
    """All that is served of a page: path → type and content."""
    found = {
        f"/{one.name}": served(one.suffix, one.read_bytes())
        for one in sorted(folder.iterdir())
        if one.suffix in _TYPES
    }
    return {**found, "/": found["/index.html"]}


def served(suffix: str, content: bytes) -> tuple[str, bytes]:
    """A file with its type."""
    return f"{_TYPES[suffix]}; charset=utf-8", content


@dataclass(frozen=True)
class Site:
    """What one server serves.

    Args:
        where: who asks for it, for messages.
        files: all of it.
        commands: what a page may ask for.
    """

    where: str
    files: Files
    commands: Mapping[str, Command]


class _Page:
    """One socket: what is to be sent, bounded."""

    def __init__(self, socket: Any):
        self.socket = socket
        self.queue: collections.deque[Message] = collections.deque()
        self.in_flight = 0
        self.there = asyncio.Event()

    def put(self, message: Message) -> bool:
        """False where the page takes nothing any more."""
        if len(self.queue) >= _MOST_QUEUED:
            return False
        self.queue.append(message)
        self.there.set()
        return True

    async def write(self) -> None:
        while True:
            await self.there.wait()
            while self.queue:
                message = self.queue.popleft()
                await self.socket.send(message if isinstance(message, bytes) else to_json(message))
            self.there.clear()


def _package(where: str) -> Any:
    """websockets, which is imported when the first page is served."""
    try:
        with importing:
            import websockets.asyncio.server
            import websockets.datastructures
            import websockets.exceptions
            import websockets.http11
    except ImportError:
        raise MissingPackageError(
            where, "the package websockets is needed", "Run pip install 'pellucid[web]'."
        ) from None
    return websockets


class Server:
    """See the module.

    Args:
        submit: takes a checked command; False where too many wait.
        hello: what a page is told first.
        idle: seconds without a page after which it ends: before the first one, after the last.
        site: what is served; None: the playground.
    """

    def __init__(
        self,
        submit: Callable[[str, dict[str, Any]], bool],
        hello: dict[str, Any],
        idle: tuple[float, float] = (FIRST, GONE),
        site: Site | None = None,
    ):
        self.site = site or Site("play", files(), COMMANDS)
        self._websockets = _package(self.site.where)
        self.submit, self.hello, self.idle = submit, hello, idle
        self.token = guard.new_token()
        self.files = self.site.files
        self.pages: set[_Page] = set()
        self.port = 0
        self._left = idle[0]  # seconds without a page until the end
        self._closing: set[Any] = set()
        self.ended = threading.Event()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="pellucid-web", daemon=True)
        self._failure: BaseException | None = None

    # -- from other threads -----------------------------------------------------------------

    def start(self) -> None:
        """Listens; returns when pages can come."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise DataError(self.site.where, f"no port can be had: {self._failure}")

    @property
    def authority(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """What a browser opens. The token stands behind #, so no server and no log sees it."""
        return f"http://{self.authority}/#token={self.token}"

    def send(self, message: Message) -> None:
        """Sends to all pages."""
        if self._loop is not None and not self.ended.is_set():
            if isinstance(message, bytes):
                for page in tuple(self.pages):
                    page.in_flight += 1
            self._loop.call_soon_threadsafe(self._put, message)

    def ready(self) -> bool:
        """Whether a page has seen the frames before."""
        return any(page.in_flight < _IN_FLIGHT for page in tuple(self.pages))

    def close(self) -> None:
        if self._loop is not None and not self.ended.is_set():
            self._loop.call_soon_threadsafe(self._stop.set)
            if threading.current_thread() is not self._thread:
                self._thread.join(5)

    # -- the loop ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self.ended.set()
            self._started.set()

    async def _serve(self) -> None:
        logger = logging.getLogger("pellucid.web")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False  # what strangers send fills no terminal
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._websockets.asyncio.server.serve(
            self._page,
            HOST,
            0,
            process_request=self._request,
            max_size=MOST_MESSAGE,
            max_queue=8,
            open_timeout=_HELLO,
            close_timeout=1,
            compression=None,
            server_header=None,
            logger=logger,
        )
        async with server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._until_idle()

    async def _until_idle(self) -> None:
        while self._left > 0 and not self._stop.is_set():
            wait = min(1.0, self._left)
            try:
                await asyncio.wait_for(self._stop.wait(), wait)
            except TimeoutError:
                if not self.pages:
                    self._left -= wait

    def _request(self, connection: Any, request: Any) -> Any:
        """A page, a refusal, or None: the handshake of a socket goes on."""
        status = guard.refusal(
            self.authority, request.path, request.headers.get_all, tuple(self.files)
        )
        if getattr(request, "method", "GET") != "GET":  # older versions take no other one
            status = HTTPStatus.METHOD_NOT_ALLOWED
        if status is None and request.path == guard.SOCKET:
            if len(self.pages) < MOST_PAGES:
                return None
            status = HTTPStatus.SERVICE_UNAVAILABLE
        kind, body = "text/plain; charset=utf-8", b""
        if status is None:
            status = HTTPStatus.OK
            kind, body = self.files[request.path]
        elif request.path == "/favicon.ico" and status is HTTPStatus.NOT_FOUND:
            status = HTTPStatus.NO_CONTENT
        else:
            body = f"{status.value} {status.phrase}\n".encode()
        headers = self._websockets.datastructures.Headers(
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                *guard.HEADERS.items(),
            ]
        )
        response = self._websockets.http11.Response
        return response(status.value, status.phrase, headers, body)

    async def _page(self, socket: Any) -> None:
        """One socket, from its token to its end."""
        try:
            first = await asyncio.wait_for(socket.recv(), _HELLO)
            address = self._admitted(first)
        except (TimeoutError, self._websockets.exceptions.ConnectionClosed):
            return
        if address is None:
            await socket.close(1008, "no token")
            return
        page = _Page(socket)
        self.pages.add(page)
        writer = asyncio.create_task(page.write())
        try:
            page.put(self.hello)
            opened = ("address", {"text": address}) if address else ("show", {})
            self.submit(*opened)
            async for message in socket:
                self._take(page, message)
        except self._websockets.exceptions.ConnectionClosed:
            pass
        finally:
            self.pages.discard(page)
            self._left = self.idle[1]
            writer.cancel()

    def _admitted(self, first: object) -> str | None:
        """The address that the first message asks for; None where the token is not in it."""
        try:
            given = json.loads(first) if isinstance(first, str) and len(first) < 50_000 else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(given, dict) or not guard.is_token(self.token, given.get("token")):
            return None
        address = given.get("address", "")
        return address if isinstance(address, str) and len(address) <= 16_000 else ""

    def _take(self, page: _Page, message: object) -> None:
        if message == "seen":
            page.in_flight = max(0, page.in_flight - 1)
            return
        try:
            name, arguments = read(message, self.site.commands)
            if not self.submit(name, arguments):
                raise DataError("page", "too many commands wait, got another one")
        except PellucidError as error:
            page.put({"kind": "error", "text": error.short})

    def _put(self, message: Message) -> None:
        for page in tuple(self.pages):
            if not page.put(message):
                self.pages.discard(page)
                closing = asyncio.ensure_future(page.socket.close(1013, "too slow"))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
