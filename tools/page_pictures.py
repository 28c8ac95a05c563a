"""Screenshots of pages that stand in docs/: the lesson of lessons.md, the report of tables.md.

Needs Playwright and Chromium: `.venv-web/bin/python tools/page_pictures.py [lesson] [report]`.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import pellucid as pel

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
STEPS = 19_200  # of the lesson: 800 epochs
COLUMNS = {  # of the messy table of the tests, as a person calls them
    "customer_id": "customer",
    "price": "spent",
    "score": "rating",
    "city": "city",
    "day": "since",
    "member": "member",
    "churned": "churned",
}


def lesson(browser: Any) -> bytes:
    """The program of docs/lessons.md, run, trained, and with both questions answered."""
    program = re.search(r"```python\n(.*?)```", (DOCS / "lessons.md").read_text("utf-8"), re.S)
    assert program
    exec(program[1], {})
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(Path("spiral.html").absolute().as_uri())
    page.locator("button.play").wait_for()
    page.evaluate(f"async () => (await lesson).once({STEPS})")
    number, choice = page.locator("form").all()
    number.get_by_role("textbox").fill("96")
    number.get_by_role("button").click()
    choice.get_by_label("The curves jump").check()
    choice.get_by_role("button").click()
    shot: bytes = page.screenshot(full_page=True)
    return shot


def report(browser: Any) -> bytes:
    """The upper part of a report, down to what the columns do."""
    sys.path.insert(0, str(ROOT))
    from tests.tables import files

    rows = [{new: row[old] for old, new in COLUMNS.items()} for row in files.messy(800)]
    files.write(Path("sales.csv"), rows, ";")
    pel.fit_table("sales.csv", "churned", verbose=0).report("report.html")
    page = browser.new_page(viewport={"width": 940, "height": 1300})
    page.goto(Path("report.html").absolute().as_uri())
    shot: bytes = page.screenshot()
    return shot


PICTURES = {"lesson": (lesson, "lessons/spiral.png"), "report": (report, "tables-report.png")}


def main(names: list[str]) -> None:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        os.chdir(folder)
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name in names:
            make, place = PICTURES[name]
            picture = Image.open(io.BytesIO(make(browser))).convert("RGB")
            picture.quantize(256).save(DOCS / place, optimize=True)
        browser.close()
        os.chdir(ROOT)


if __name__ == "__main__":
    main(sys.argv[1:] or list(PICTURES))
