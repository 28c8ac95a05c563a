"""Chromium for tests, driven by Playwright: `make test-web`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser. Without Playwright or Chromium the test is skipped by name."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox"] if root else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Seen:
    """A page in a context of its own, without a network, and all that went wrong in it.

    Attributes:
        page: Playwright's.
        errors: messages of the console that are errors, and exceptions.
        requests: addresses that the page asked for.
    """

    def __init__(self, browser: Any, path: Path, prepare: str = "", **options: Any):
        self.context = browser.new_context(offline=True, **options)
        if prepare:
            self.context.add_init_script(prepare)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda one: self.errors.append(one.text) if one.type == "error" else 0
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.set_default_timeout(20_000)
        self.page.goto(path.as_uri())

    def close(self) -> None:
        self.context.close()
