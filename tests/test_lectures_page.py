"""docs/lectures.md names every test that shows a row of the lectures, and no other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tools import docs_lectures
from tools.lecture_rows import ROWS

ROOT = Path(__file__).resolve().parent.parent
PAGE = docs_lectures.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tests(request: pytest.FixtureRequest, lectures: docs_lectures.Marks) -> dict[str, list[str]]:
    """The marked tests by row: of this run, or, where it has not all of them, of another process.

    None of them runs there.
    """
    known = {name.partition("::")[0] for cases in lectures.cases.values() for name in cases}
    whole = not any("::" in one for one in request.config.args)
    if whole and known >= set(docs_lectures.marked_files()):
        return lectures.tests()
    done = subprocess.run(
        [sys.executable, "tools/docs_lectures.py", "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_mark_has_a_row(tests):
    assert set(tests) - set(ROWS) == set(), "marks that tools/lecture_rows.py does not know"


def test_every_row_has_a_test_or_says_why_not(tests):
    silent = [name for name, row in ROWS.items() if not (name in tests or row.later or row.context)]
    assert silent == []
    both = [name for name, row in ROWS.items() if row.later and row.context]
    assert both == [] and not [name for name in tests if ROWS[name].context]


def test_the_page_is_that_of_the_marked_tests(tests):
    results = docs_lectures.outcomes(PAGE)
    assert docs_lectures.page(tests, results) == PAGE, "run make lectures-page"
    assert all(re.match(r"passed|skipped|test_\w+\.py::", results[row]) for row in tests)
    assert "failed" not in "".join(results.values())


def test_nobody_needs_more_than_the_page():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links and all((docs_lectures.PAGE.parent / link).exists() for link in links)
    assert "checklist" not in PAGE and "shared/" not in PAGE


def test_what_the_page_says_of_the_code_exists():
    """Each `nn.Name`, `optim.Name` and `pel.name` of the page is there."""
    import pellucid as pel

    for path in set(re.findall(r"`((?:nn|optim|pel)(?:\.\w+)+)", PAGE)):
        found = pel
        for part in path.removeprefix("pel.").split("."):
            found = getattr(found, part)


def test_unlike_outcomes_are_told_apart():
    marks = docs_lectures.Marks()
    marks.cases = {"T1.A1": {"tests/a.py::f": ["f[1]", "f[2]"], "tests/a.py::g": ["g"]}}
    assert marks.outcome("T1.A1") == "not run"
    marks.ended = {"f[1]": "passed", "f[2]": "skipped (no data)", "g": "passed"}
    assert marks.outcome("T1.A1") == "a.py::f: passed, skipped (no data)<br>a.py::g: passed"
    marks.ended["f[2]"] = "passed"
    assert marks.outcome("T1.A1") == "passed"
