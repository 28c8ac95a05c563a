"""The screenshot in docs/lessons.md: the program of that page, run and trained for 800 epochs.

Needs Playwright and Chromium: `.venv-web/bin/python tools/lesson_picture.py`.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
STEPS = 19_200


def main() -> None:
    program = re.search(r"```python\n(.*?)```", (DOCS / "lessons.md").read_text("utf-8"), re.S)
    assert program
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        os.chdir(folder)
        exec(program[1], {})
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto((Path(folder) / "spiral.html").as_uri())
        page.locator("button.play").wait_for()
        page.evaluate(f"async () => (await lesson).once({STEPS})")
        number, choice = page.locator("form").all()
        number.get_by_role("textbox").fill("96")
        number.get_by_role("button").click()
        choice.get_by_label("The curves jump").check()
        choice.get_by_role("button").click()
        shot = page.screenshot(full_page=True)
        browser.close()
        os.chdir(DOCS)
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.quantize(256).save(DOCS / "lessons" / "spiral.png", optimize=True)


if __name__ == "__main__":
    main()
