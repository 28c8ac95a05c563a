"""Screenshots of the playground for docs/playground.md: light and dark, three widths.

Needs Playwright and Chromium: `.venv-web/bin/python tools/playground_pictures.py`.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

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
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(300)
                shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                small = shot.convert("RGB").quantize(96, dither=Image.Dither.NONE)
                small.save(folder / f"{scheme}-{width}.png", optimize=True)
        browser.close()
    made.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
