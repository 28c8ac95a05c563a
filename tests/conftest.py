"""Fixtures of the whole run: every graph is audited, and the operations' report is written.

`PELLUCID_REPORT=docs/operations.md pytest tests/ops` writes the report.
"""

from __future__ import annotations

import collections
import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `from tests.ops.cases import …` under every import mode
    sys.path.insert(0, str(ROOT))

from tools.docs_lectures import Marks  # noqa: E402

from tests import audit, quick_code  # noqa: E402
from tests.audit import AUDIT  # noqa: E402
from tests.compiler import any_graph  # noqa: E402
from tests.ops import report  # noqa: E402
from tests.quick_code import QUICK  # noqa: E402

# Seeds are explicit and a busy machine is no failure.
settings.register_profile("pellucid", deadline=None, derandomize=True)
settings.load_profile("pellucid")

_LECTURES = Marks()
_STATES: dict[tuple[str, str], Any] = {}  # of a module's generators before its first test


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("PELLUCID_CACHE", "off")  # every test makes its own machine code
    marks = config.option.markexpr
    slow = "not slow" not in marks or "slow" in marks.replace("not slow", "")
    if slow:
        AUDIT.every = 1
    if "browser" in marks.replace("not browser", ""):
        QUICK.parts = ()
    elif slow:
        QUICK.parts = quick_code.SLOW
    audit.install()
    quick_code.install()


def pytest_collection_finish() -> None:
    """Thousands of tests and modules are not looked at again, and what a test leaves less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 20)


@pytest.hookimpl(tryfirst=True)  # before fixtures of modules compile something
def pytest_runtest_setup(item: pytest.Item) -> None:
    QUICK.enter(item.path, item.nodeid)


@pytest.fixture(autouse=True)
def every_graph_is_well_formed() -> Iterator[None]:
    """Fails the test that built a graph which is not well formed or not read back."""
    before = len(AUDIT.failures)
    yield
    fresh = AUDIT.failures[before:]
    assert not fresh, f"{len(fresh)} graphs broke an invariant: {fresh[0]}"


@pytest.fixture(autouse=True)
def generators_begin_anew(request: pytest.FixtureRequest) -> None:
    """A module's generators give a test the same numbers, whichever tests ran before it."""
    for name, value in vars(request.module).items():
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            value.bit_generator.state = _STATES.setdefault((request.module.__name__, name), state)


@pytest.hookimpl(tryfirst=True)  # before cases are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _LECTURES.pytest_collection_modifyitems(items)
    seen: collections.Counter[str] = collections.Counter()
    for item in items:
        mark = item.get_closest_marker("one_in")
        if mark is not None and item.get_closest_marker("slow") is None:
            family = item.nodeid.split("[")[0]
            if seen[family] % mark.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[family] += 1


@pytest.fixture(scope="session")
def lectures() -> Marks:
    """The rows of the lectures that the tests of this run are marked with, chosen or not."""
    return _LECTURES


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """For tests that interrupt themselves: who runs in a shell's background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def broken_graphs() -> Iterator[None]:
    """For tests that build broken graphs on purpose: the audit looks away."""
    with AUDIT.paused():
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = getattr(session.config, "workeroutput", None)
    if worker is not None:  # under xdist the controller adds the workers up
        worker["audit"] = [AUDIT.built, AUDIT.different, AUDIT.read, AUDIT.sampled]
        worker["code"] = [QUICK.tests, QUICK.quick]
        worker["operations"] = report.rows()
        worker["pairs"] = list(any_graph.COMPARED)
        return
    path = os.environ.get("PELLUCID_REPORT")
    if path and report.RECORDS:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(report.text(), encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    output = getattr(node, "workeroutput", {})
    built, different, read, sampled = output.get("audit", (0, 0, 0, 0))
    AUDIT.built += built
    AUDIT.different += different
    AUDIT.read += read
    AUDIT.sampled += sampled
    tests, quick = output.get("code", (0, 0))
    QUICK.tests += tests
    QUICK.quick += quick
    report.merge(output.get("operations", []))
    any_graph.COMPARED.update(map(tuple, output.get("pairs", [])))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if AUDIT.built:
        terminalreporter.write_line(AUDIT.line())
    if QUICK.quick:
        terminalreporter.write_line(QUICK.line())
    if any_graph.COMPARED:
        terminalreporter.write_line(any_graph.covered())
    if report.EXCEPTIONS_SHOWN:
        terminalreporter.write_line(report.exceptions_text())
