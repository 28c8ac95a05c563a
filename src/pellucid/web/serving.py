"""A session, the thread that owns it and the server: what a person holds of a page."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from typing import Any, Self

from pellucid.web.choices import hello
from pellucid.web.commands import COMMANDS
from pellucid.web.server import FIRST, GONE, Server, Site
from pellucid.web.worker import Worker


class Serving:
    """A page that is served.

    Args:
        make: makes the session.
        idle: seconds without a page after which it ends: before the first one, after the last.
        site: what is served; None: the playground.

    Attributes:
        address: what a browser opens; whoever has it controls the page.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        idle: tuple[float, float] = (FIRST, GONE),
        site: Site | None = None,
    ):
        self.session = make()
        self._worker = Worker(self.session, COMMANDS if site is None else site.commands)
        self._server = Server(self._worker.submit, hello(), idle, site)
        self.session.send, self.session.ready = self._server.send, self._server.ready
        self._server.start()
        self._worker.start()

    @property
    def address(self) -> str:
        return self._server.address

    def open(self, title: str, browser: bool, wait: bool) -> None:
        """Says where the page is, and opens it.

        Args:
            title: of what is served, as it stands in a sentence.
            browser: whether to open a browser.
            wait: whether to return only when no page is there any more. Ctrl-C, which the printed
                line names, ends that from the moment it can be read.
        """
        try:
            print(f"{title} is at {self.address}\nCtrl-C ends it.", flush=True)
            if browser:
                webbrowser.open(self.address)
            while wait and not self._server.ended.wait(0.2):
                pass
        except KeyboardInterrupt:
            self.close()
            if not wait:
                raise
        if wait:
            self.close()

    def close(self) -> None:
        """Ends server and training, at the end of the epoch."""
        self._server.close()
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *rest: object) -> None:
        self.close()
