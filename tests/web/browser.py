"""Chromium for tests, driven by Playwright: `make test-web`."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")  # as in tools/chromium.sh
_open = contextlib.ExitStack()


@contextmanager
def chromium() -> Iterator[Any]:
    """The run's one browser. Without Chromium or Playwright the test is skipped by name."""
    found = next(filter(_starts, filter(None, map(shutil.which, _NAMES))), None)
    if found is None:
        pytest.skip("Chromium is not installed")
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    yield _launched(found)


@functools.cache
def _starts(path: str) -> bool:
    """Whether it is a browser, and no name that only says where to get one."""
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


@functools.cache
def _launched(path: str) -> Any:
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    driver = _open.enter_context(sync_playwright())
    browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
    _open.callback(browser.close)
    return browser


def close() -> None:
    """At the end of the run."""
    _launched.cache_clear()
    _open.close()


def until(page: Any, what: Callable[[], Any], seconds: float = 60) -> None:
    """Waits for what no locator of Playwright's can tell; the page goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited for {what} in vain"
        page.wait_for_timeout(20)


def two_frames(page: Any) -> None:
    """Waits until the page was drawn twice: what it does in every frame it has done."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


class Seen:
    """A page in a context of its own, without a network, and all that went wrong in it.

    Attributes:
        page: Playwright's.
        errors: messages of the console that are errors, and exceptions.
        requests: addresses that the page got something from.
    """

    def __init__(self, browser: Any, path: Path, prepare: str = "", **options: Any):
        self.context = browser.new_context(offline=True, **options)
        if prepare:
            self.context.add_init_script(prepare)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfinished", lambda one: self.requests.append(one.url))
        self.page.set_default_timeout(60_000)
        self.page.goto(path.as_uri())

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def close(self) -> None:
        self.context.close()
