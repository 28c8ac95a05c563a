"""The browser of the run is closed with it."""

from __future__ import annotations

from tests.web import browser


def pytest_sessionfinish() -> None:
    browser.close()
