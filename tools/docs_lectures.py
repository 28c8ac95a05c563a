"""docs/lectures.md: what the lectures state, and the tests that show it. `make lectures-page`.

python tools/docs_lectures.py           runs every marked test and writes the page
python tools/docs_lectures.py --list    prints {id: [test, …]} as JSON; runs nothing
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.lecture_rows import ROWS, SECTIONS, Row  # noqa: E402

PAGE = ROOT / "docs" / "lectures.md"

HEAD = """# What the lectures state, and the tests that show it

Written by `make lectures-page`, which runs the {count} tests named here. Pellucid is meant to cover
five lectures on neural networks. This page lists what they define, compute or claim, one statement
per row. *Shown by* names the tests that fail if the statement
does not hold; *result* is their outcome when this page was written. Of {rows} rows, {shown} are
shown, {part} in part, {missing} not yet; {context} cannot be tested.

Points are the rows of x (N×D), and a weight matrix is (inputs, units): the lectures' W is the
transpose of ours. σ is the sigmoid, η the learning rate, [x]₊ = max(x, 0), and I is 1 where its
condition holds. `nn` is `pellucid.nn`, `optim` is `pellucid.optim`, `pel` is `pellucid`.
"""

Tests = Mapping[str, Sequence[str]]  # row → "tests/file.py::function"


class Marks:
    """A plugin of pytest: which tests carry which rows, and how they ended."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, list[str]]] = {}  # row → test → its cases
        self.ended: dict[str, str] = {}  # case → "passed", "failed" or "skipped (reason)"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("lecture"):
                tests = self.cases.setdefault(mark.args[0], {})
                tests.setdefault(item.nodeid.split("[")[0], []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.ended[report.nodeid] = "failed"
        elif report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            self.ended[report.nodeid] = f"skipped ({reason})"
        elif report.when == "call":
            self.ended.setdefault(report.nodeid, "passed")

    def tests(self) -> dict[str, list[str]]:
        return {row: sorted(tests) for row, tests in self.cases.items()}

    def outcome(self, row: str) -> str:
        """One word where all cases of a row ended alike, and otherwise each test's own."""
        ended = {
            test: sorted({self.ended.get(case, "not run") for case in cases})
            for test, cases in sorted(self.cases[row].items())
        }
        different = {word for words in ended.values() for word in words}
        if len(different) == 1:
            return different.pop()
        return "<br>".join(f"{test_name(test)}: {', '.join(w)}" for test, w in ended.items())


def marked_files() -> list[str]:
    """The files that have a mark, which are found by reading them."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if 'mark.lecture("' in path.read_text(encoding="utf-8")
    )


def pytest_run(*options: str) -> tuple[Marks, int]:
    """Runs pytest on the files that have a mark."""
    marks = Marks()
    os.chdir(ROOT)
    # `-m lecture` in place of `-m "not slow"`: the slow ones are taken too.
    options = (*marked_files(), "-m", "lecture", "-q", *options)
    return marks, int(pytest.main([*options], plugins=[marks]))


def test_name(test: str) -> str:
    file, function = test.split("::")
    return f"{Path(file).name}::{function}"


def cells(row: str, tests: Sequence[str], outcome: str) -> list[str]:
    """The five cells of a row."""
    known = ROWS[row]
    links = [f"[{test_name(test)}](../{test.split('::')[0]})" for test in tests]
    result = [outcome] if tests else []
    result += [note(known)] if note(known) else []
    return [row, known.says, known.api, "<br>".join(links) or "–", "; ".join(result)]


def note(row: Row) -> str:
    return f"not shown yet: {row.later}" if row.later else row.context


def page(tests: Tests, outcomes: Mapping[str, str]) -> str:
    """The whole page."""
    states = {row: (row in tests, bool(known.later)) for row, known in ROWS.items()}
    count = list(states.values()).count
    parts = [
        HEAD.format(
            count=len({test for found in tests.values() for test in found}),
            rows=len(ROWS),
            shown=count((True, False)),
            part=count((True, True)),
            missing=count((False, True)),
            context=count((False, False)),
        )
    ]
    for title, rows in SECTIONS.items():
        parts.append(
            f"\n## {title}\n\n| id | the lectures state | in Pellucid | shown by | result |\n"
            "|---|---|---|---|---|\n"
        )
        for row in rows:
            texts = cells(row, tests.get(row, ()), outcomes.get(row, ""))
            assert not any("|" in text for text in texts), f"a bar would end a cell of {row}"
            parts.append(f"| {' | '.join(texts)} |\n")
    return "".join(parts)


def outcomes(text: str) -> dict[str, str]:
    """The results that stand on a page, without the notes."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| T1."):
            row, *_, result = line.strip("| ").split(" | ")
            if row in ROWS and note(ROWS[row]):
                result = result.removesuffix(note(ROWS[row])).removesuffix("; ")
            found[row] = result
    return found


def main() -> int:
    if sys.argv[1:] == ["--list"]:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            marks, code = pytest_run("--collect-only")
        print(json.dumps(marks.tests()))
        return code
    marks, code = pytest_run()
    tests = marks.tests()
    PAGE.write_text(page(tests, {row: marks.outcome(row) for row in tests}), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
