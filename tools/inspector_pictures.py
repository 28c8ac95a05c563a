"""Screenshots of the inspector for docs/inspector.md.

Needs Playwright and Chromium: `.venv-web/bin/python tools/inspector_pictures.py`.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import pellucid as pel
from pellucid.nn import Dense
from pellucid.web.inspector.inspecting import inspect

FOLDER = Path(__file__).parent.parent / "docs" / "inspector"


def network() -> tuple[Any, Any, Any]:
    """A 2-4-1 network on two classes that no line parts."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    model = pel.Sequential(
        [Dense(4, "tanh", name="hidden"), Dense(1, name="out")], seed=0, name="xor"
    )
    model.compile(pel.optim.SGD(0.5), "binary_cross_entropy")
    return model, x, (x[:, 0] * x[:, 1] > 0).astype(int)


def logistic(w0: float, w1: float, w2: float) -> float:
    """Logistic regression of one row, (1.5, -0.25)."""
    a = w0 + w1 * 1.5 + w2 * -0.25
    p = 1 / (1 + np.exp(-a))
    return p


def saved(page: Any, name: str, **options: Any) -> None:
    image = Image.open(io.BytesIO(page.screenshot(**options)))
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(
        FOLDER / f"{name}.png", optimize=True
    )


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, scheme, width in (
            ("run-light", "light", 1400),
            ("run-dark", "dark", 1400),
            ("run-400", "light", 400),
        ):
            made = inspect(*network(), epochs=30, batch_size=20, browser=False, wait=False)
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 1000})
            page.goto(made.address)
            page.locator("body[data-ready]").wait_for()
            page.locator("[id='forward-hidden']").click()
            page.locator("#step").fill("240")
            page.locator("body[data-place*=' 240 ']").wait_for()
            page.get_by_role("tab", name="backward").click()
            page.locator("body[data-place^='backward']").wait_for()
            page.get_by_role("button", name="Finite difference (D)").click()
            page.locator("#difference:not(:empty)").wait_for()
            page.locator("#units-buttons button").first.click()
            page.locator("#units-picture image").first.wait_for()
            page.evaluate("scrollTo(0, 0)")
            saved(page, name, full_page=width < 500)
            made.close()
        made = inspect(logistic, 0.5, -1.0, 2.0, browser=False, wait=False)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(made.address)
        page.locator("body[data-ready]").wait_for()
        page.locator("#find").select_option(label="p")
        page.locator("#fold").click()
        page.wait_for_timeout(500)
        saved(page, "function")
        made.close()
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
