"""Screenshots of the playground for docs/playground.md: light and dark, three widths.

Needs Playwright and Chromium: `.venv-web/bin/python tools/playground_pictures.py`.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from pellucid.web.playing import Playing
from pellucid.web.program import from_address
from pellucid.web.session import Session

FOLDER = Path(__file__).parent.parent / "docs" / "playground"
LINK = (
    "data=spiral&noise=0.05&features=x1;x2;sin(x1);sin(x2)&optimizer=SGD(0.03)"
    "&layers=[Dense(8,'tanh'),Dense(6,'tanh'),Dense(1,'tanh')]&penalties=[L2(0.0001)]"
)
EPOCHS = 1500
WIDTHS = (1280, 800, 400)
SCENES: dict[str, str] = {  # of the network: name, link
    "second": "data=xor&noise=0.1&seed=2",
    "bent": "data=circle&layers=[Dense(3,'tanh'),Dense(2,'tanh'),Dense(1,'tanh')]",
    "digits": "data=digits&held=0.3&layers=[Dense(12,'tanh'),Dense(10)]&loss=CrossEntropy()",
}
STROKE = (  # a three
    *((0, 2), (0, 3), (0, 4), (1, 5), (2, 5), (3, 4), (3, 3)),
    *((4, 5), (5, 5), (6, 5), (7, 4), (7, 3), (7, 2)),
)
OTHERS = (  # the other modes: name, link, answer to the exercise
    ("machine", "data=gauss&noise=0.3&rows=120&svm=SVC('linear',C=0.1)", ""),
    ("kernel", "data=spiral&rows=200&svm=SVC('rbf',C=10.0,gamma=1.0)", ""),
    ("exercise", "exercise=which-function;3;2", "tanh(sin(x1))"),
    ("units", "exercise=hidden-units;2;1", "3"),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    made = Playing(lambda: Session(from_address(LINK)))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(made.address)
        page.locator("body[data-frames]").wait_for()
        page.locator("#learning-rate").select_option("0.1")
        page.get_by_role("button", name="Play", exact=True).click()
        while made.session.epoch < EPOCHS:
            page.wait_for_timeout(50)
        page.locator("#learning-rate").select_option("0.01")
        while made.session.epoch < 2 * EPOCHS:
            page.wait_for_timeout(50)
        page.get_by_role("button", name="Pause", exact=True).click()
        page.wait_for_timeout(800)
        box = page.locator("#map").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
        _shots(page, folder, "")
        page.close()
        made.close()
        for name, link in SCENES.items():
            made = Playing(lambda link=link: Session(from_address(link)))  # type: ignore[misc]
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(made.address)
            page.locator("body[data-frames]").wait_for()
            _scene(page, made, name)
            _shots(page, folder, f"{name}-")
            page.close()
            made.close()
        for name, link, answer in OTHERS:
            made = Playing(lambda link=link: Session(from_address(link)))  # type: ignore[misc]
            page = browser.new_page()
            page.goto(made.address)
            page.locator("body[data-fits], body[data-exercises]").first.wait_for()
            if answer:
                page.locator("#exercise-answer").fill(answer)
                page.keyboard.press("Enter")
                page.locator("#exercise-verdict:is(.right, .wrong)").wait_for(timeout=60_000)
            else:
                box = page.locator("#map").bounding_box()
                assert box is not None
                page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
            _shots(page, folder, f"{name}-")
            page.close()
            made.close()
        browser.close()


def _scene(page: Any, made: Playing, name: str) -> None:
    """What a person does before the picture."""
    if name == "second":
        page.get_by_role("button", name="Choose what differs").click()
        page.locator("#all-activations").select_option("relu")
        page.locator("#output-second").wait_for()
    if name == "bent":
        page.locator("#units-column").select_option("2")
    page.get_by_role("button", name="Play", exact=True).click()
    while made.session.epoch < (30 if name == "digits" else 400):
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator("#play", has_text="Play").wait_for()
    if name == "digits":
        box = page.locator("#board").bounding_box()
        assert box is not None
        for i, (row, column) in enumerate(STROKE):
            place = [(part + 0.5) / 8 for part in (column, row)]
            page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
            if not i:
                page.mouse.down()
        page.mouse.up()
        page.locator("#bars li").first.wait_for()
        page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(600)


def _shots(page: Any, folder: Path, prefix: str) -> None:
    """Light and dark, at all widths."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
            small = shot.convert("RGB").quantize(192, dither=Image.Dither.NONE)
            small.save(folder / f"{prefix}{scheme}-{width}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
