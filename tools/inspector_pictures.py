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
from pellucid.nn import Conv2D, Dense, Flatten, MaxPool2D
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


def convolution() -> tuple[Any, Any, Any]:
    """Two convolutions on the digits 0, 1 and 2 of 8 × 8 pixels."""
    digits = pel.data.load_digits()
    few = digits.y_train < 3
    x = digits.x_train[few].reshape(-1, 8, 8, 1) / 16
    model = pel.Sequential(
        [Conv2D(4, 3, activation="relu", padding="same", name="conv"), MaxPool2D(2)]
        + [Conv2D(6, 2, activation="relu", name="second"), Flatten(), Dense(3, name="out")],
        seed=0,
        name="digits",
    )
    model.compile(pel.optim.Adam(0.01), "cross_entropy")
    return model, x, digits.y_train[few]


def opened(browser: Any, made: Any, scheme: str, width: int, step: int) -> Any:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 1000})
    page.goto(made.address)
    page.locator("body[data-ready]").wait_for()
    if step:
        page.locator("#step").fill(str(step))
        page.locator(f"body[data-place*=' {step} ']").wait_for()
    return page


def whole_page(browser: Any, scheme: str, width: int) -> None:
    """A step of a run, on its way back."""
    with inspect(*network(), epochs=30, batch_size=20, browser=False, wait=False) as made:
        page = opened(browser, made, scheme, width, 240)
        page.locator("[id='forward-hidden']").click()
        page.get_by_role("tab", name="backward").click()
        page.locator("body[data-place^='backward']").wait_for()
        page.get_by_role("button", name="Finite difference (D)").click()
        page.locator("#difference:not(:empty)").wait_for()
        page.locator("#units-buttons button").first.click()
        page.locator("#units-picture image").first.wait_for()
        page.evaluate("scrollTo(0, 0)")
        saved(page, f"{scheme}-{width}", full_page=width < 500)
        page.close()


def landscape(browser: Any) -> None:
    """The loss along the gradient, and over the plane of the path."""
    with inspect(*network(), epochs=30, batch_size=20, browser=False, wait=False) as made:
        for which, scheme in (("gradient", "light"), ("path", "dark")):
            page = opened(browser, made, scheme, 1280, 120)
            page.wait_for_timeout(300)
            page.locator(f"[data-landscape={which}]").click()
            page.locator("#landscape-picture svg").wait_for()
            saved(page.locator("#landscape"), f"loss-{which}")
            page.close()


def maps_and_code(browser: Any) -> None:
    """The maps of a convolution with a window, and the code of a node."""
    with inspect(*convolution(), epochs=3, batch_size=32, browser=False, wait=False) as made:
        page = opened(browser, made, "light", 1280, 10)
        moment = made.session.walk.moment
        node = [n for n in moment.forward if moment.graph.nodes[n].op == "relu"][1]
        page.locator("#find").select_option(str(node))
        page.locator(f"body[data-place$=' {node}']").wait_for()
        page.locator("#maps summary").click()
        page.locator("#maps-shown image[data-map='2']").click()
        page.locator("#maps-shown h3", has_text="[0, 1, 1, 2]").wait_for()
        page.get_by_label("Place along axis 0").fill("2")
        page.get_by_label("Place along axis 0").press("Enter")
        page.locator("#maps-shown h3", has_text="[2, 1, 1, 2]").wait_for()
        saved(page.locator("#maps"), "maps")
        page.locator("#maps summary").click()
        page.locator("#code summary").first.click()
        page.get_by_role("button", name="Assembly of kernel").first.click()
        page.locator("#code-text:visible").wait_for()
        saved(page.locator("#code"), "code")
        page.close()


def function(browser: Any) -> None:
    """A line of the source as one node."""
    with inspect(logistic, 0.5, -1.0, 2.0, browser=False, wait=False) as made:
        page = opened(browser, made, "light", 1400, 0)
        page.locator("#find").select_option(label="p")
        page.locator("#fold").click()
        page.wait_for_timeout(500)
        saved(page, "function")
        page.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in (1280, 800, 400):
                whole_page(browser, scheme, width)
        landscape(browser)
        maps_and_code(browser)
        function(browser)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
