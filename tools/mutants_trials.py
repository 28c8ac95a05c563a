"""How `make mutants` tries one mutant: a fork of a warm process runs pytest in a copy of the tree.

In come a copy of the checkout, one changed module and the tests of a room; out goes which test saw
the change. The copy is ours alone, so the checkout is never touched. Each trial is a child of its
own, with limits on processor time, wall time and memory, and with a cache of machine code that it
can fill but not spoil.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

MEMORY = 8 << 30  # bytes of address space; LLVM and NumPy map more than they use
CATALOGUE = "tests/test_bad_input.py"  # what each room refuses
CONTRACTS = "tests/contracts"  # what holds in every room
STARTERS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}


def warm_up() -> None:
    """Imports what every trial needs and no mutant changes; children get it with the fork."""
    import hypothesis.strategies  # noqa: F401
    import llvmlite.binding  # noqa: F401
    import numpy.testing  # noqa: F401
    import safetensors.numpy  # noqa: F401


# --- the copy -----------------------------------------------------------------------------------


def copy_checkout(root: Path, tree: Path) -> None:
    """Makes `tree` equal to the checkout: what git tracks, and what it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, check=True, capture_output=True
    )
    names = {name for name in listed.stdout.decode().split("\0") if (root / name).is_file()}
    for name in names:
        old, new = root / name, tree / name
        if not new.exists() or _stamp(old) != _stamp(new):
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old, new)
    for path in list(tree.rglob("*")):
        inside = path.relative_to(tree).as_posix()
        if path.is_file() and inside not in names and "__pycache__" not in path.parts:
            path.unlink()


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


# --- what the tests of a room are ---------------------------------------------------------------


@dataclass
class Case:
    """A test: its time, whether it passes unchanged, and which functions of ours it calls."""

    seconds: float = 0.0
    passed: bool = True
    starts_processes: bool = False
    calls: list[tuple[str, int]] = field(default_factory=list)


def test_files(root: Path, room: str) -> list[str]:
    """The tests of a room: its folder, the contracts, its doctests, the catalogue of bad input."""
    folders = (root / "tests" / room, root / CONTRACTS)
    tests = [path for folder in folders for path in sorted(folder.rglob("test_*.py"))]
    modules = sorted((root / "src/pellucid" / room).rglob("*.py"))
    doctests = [path for path in modules if ">>>" in path.read_text(encoding="utf-8")]
    return [path.relative_to(root).as_posix() for path in [*tests, *doctests]] + [CATALOGUE]


class Recorder:
    """A pytest plugin: which test calls which functions of a room, and how long it takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self._current = ""
        self._names: dict[str, str] = {}
        self._seen: dict[str, set[tuple[str, int]]] = {"": set()}
        self.cases: dict[str, Case] = {}

    def start(self) -> None:
        sys.addaudithook(self._heard)
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: Any, event: str, argument: object) -> None:
        code = frame.f_code
        name = self._names.get(code.co_filename)
        if name is None:
            inside = code.co_filename.startswith(self._folder)
            name = code.co_filename.removeprefix(self._folder) if inside else ""
            self._names[code.co_filename] = name
        if name:
            self._seen[self._current].add((name, code.co_firstlineno))

    def _heard(self, event: str, arguments: object) -> None:
        if event in STARTERS and self._current in self.cases:
            self.cases[self._current].starts_processes = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._current = item.nodeid
        self._seen[item.nodeid] = set()
        case = self.cases.setdefault(item.nodeid, Case())
        started = time.perf_counter()
        sys.settrace(self._called)
        result = yield
        case.seconds = time.perf_counter() - started
        case.calls = sorted(self._seen.pop(item.nodeid))
        self._current = ""
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.cases.setdefault(report.nodeid, Case()).passed = False

    def at_import(self) -> Case:
        """What is called while modules are imported: every test depends on it."""
        return Case(calls=sorted(self._seen[""]))


class Control:
    """A pytest plugin: the same tests in the order of trials, unmutated; what fails is left out."""

    def __init__(self, cases: dict[str, Any]) -> None:
        self._cases = cases

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=self._place)

    def _place(self, item: pytest.Item) -> float:
        """Fastest first; the catalogue at the end in its own order."""
        if item.nodeid.startswith(CATALOGUE) or item.nodeid not in self._cases:  # slow ones go
            return math.inf
        return float(self._cases[item.nodeid]["seconds"])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        started = time.perf_counter()
        result = yield
        self._cases[item.nodeid]["seconds"] = time.perf_counter() - started
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._cases[report.nodeid]["passed"] = False


class Chosen:
    """A pytest plugin: runs the tests that are named, in that order; notes the first failure."""

    def __init__(self, order: list[str], note: Path) -> None:
        self._place = {name: index for index, name in enumerate(order)}
        self._note = note

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place),
            key=lambda item: self._place[item.nodeid],
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._note.exists():
            self._note.write_text(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self._note.exists():
            self._note.write_text(f"import of {report.nodeid}")


# --- children -----------------------------------------------------------------------------------


@dataclass
class Child:
    """A running fork: how it ends is read with `wait`."""

    process: int
    watch: int
    deadline: float


def start(
    work: Callable[[], int], log: Path, processor_seconds: float, wall_seconds: float
) -> Child:
    """Forks a child that does the work in a session of its own, its words in a log."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        code = 3
        try:
            os.setsid()
            words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((nothing, 0), (words, 1), (words, 2)):
                os.dup2(source, target)
            limit = max(1, int(processor_seconds))
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            sys.stdout.flush()
            os._exit(code)
    return Child(process, os.pidfd_open(process), time.monotonic() + wall_seconds)


def wait(children: list[Child]) -> tuple[Child, int | None]:
    """The first child that ends, and its exit code; None where it ran out of time."""
    while True:
        left = min(child.deadline for child in children) - time.monotonic()
        ready, _, _ = select.select([child.watch for child in children], [], [], max(left, 0))
        for child in children:
            late = time.monotonic() >= child.deadline
            if child.watch not in ready and not late:
                continue
            with contextlib.suppress(ProcessLookupError):  # what it started ends with it
                os.killpg(child.process, signal.SIGKILL)
            _, status = os.waitpid(child.process, 0)
            os.close(child.watch)
            code = os.waitstatus_to_exitcode(status)
            return child, None if late or code == -signal.SIGXCPU else code


def in_tree(tree: Path, cache: Path, keep_bytecode: bool) -> None:
    """Makes this process one of the copy: its folder, its modules, its cache."""
    os.chdir(tree)
    temporary = tree.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ.update(
        PYTHONPATH=str(tree / "src"),
        PELLUCID_CACHE=str(cache),
        TMPDIR=str(temporary),
        OPENBLAS_NUM_THREADS="1",
    )
    if not keep_bytecode:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = not keep_bytecode
    sys.path[:0] = [str(tree / "src")]


def run_pytest(files: list[str], plugin: object) -> int:
    warm = "ignore::pytest.PytestAssertRewriteWarning"  # plugins that the parent imported
    options = ["-W", warm, "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not slow"]
    return int(pytest.main([*options, *files], plugins=[plugin]))


# --- the map of a room --------------------------------------------------------------------------


class Map:
    """Which tests call which functions, kept in a file and renewed for test files that changed."""

    def __init__(self, root: Path, room: str, store: Path) -> None:
        self._root, self._room, self._store = root, room, store / "tests.json"
        kept = json.loads(self._store.read_text()) if self._store.exists() else {}
        self._files: dict[str, Any] = kept
        self.files = test_files(root, room)
        whole = hashlib.sha256()
        for path in sorted((root / "src/pellucid").rglob("*.py")):
            whole.update(path.read_bytes())
        self._sources = whole.hexdigest()

    def stale(self) -> list[str]:
        """The test files that were not run yet in the form they have."""
        return [
            name
            for name in self.files
            if not (self._is_traced(name) and self._files[name].get("controlled"))
        ]

    def renew(self, tree: Path, cache: Path) -> None:
        """Runs the tests of changed files once, unmutated, and notes what they call."""
        files = self.stale()
        if not files:
            return
        fresh = [name for name in files if not self._is_traced(name)]
        if fresh:
            self._keep(fresh, self._child(tree, cache, fresh, None), "traced")
        known = {key: case for name in files for key, case in self._files[name]["cases"].items()}
        self._keep(files, self._child(tree, cache, files, known), "controlled")

    def _keep(self, files: list[str], cases: dict[str, Any], what: str) -> None:
        for name in files:
            mine = {key: case for key, case in cases.items() if key.split("::")[0] == name}
            old = self._files.get(name, {}) if what == "controlled" else {}
            self._files[name] = {**old, "cases": mine, "hash": self._hash(name), what: True}
        early = self._files.setdefault("", {"calls": []})["calls"]
        early.extend(call for call in cases.get("", {"calls": []})["calls"] if call not in early)
        self._store.write_text(json.dumps(self._files))

    def _is_traced(self, name: str) -> bool:
        return self._files.get(name, {}).get("hash") == self._hash(name)

    def _child(
        self, tree: Path, cache: Path, files: list[str], traced: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The cases of files: traced first, then in the order and at the speed of trials."""
        note = self._store.with_suffix(".part")
        note.unlink(missing_ok=True)

        def work() -> int:
            in_tree(tree, cache, keep_bytecode=True)
            if traced is None:
                recorder = Recorder(tree / "src/pellucid")
                recorder.start()
                code = run_pytest(files, recorder)
                sys.settrace(None)
                threading.settrace(None)  # type: ignore[arg-type]
                cases = {"": recorder.at_import(), **recorder.cases}
                found = {name: vars(case) for name, case in cases.items()}
            else:
                found = traced
                code = run_pytest(files, Control(found))
            if code <= 1:  # 0 or failures; anything else says that tests did not run
                note.write_text(json.dumps(found))
            return code

        log = self._store.with_suffix(".log")
        wait([start(work, log, 3600, 7200)])
        if not note.exists():
            raise SystemExit(f"make: the tests of {self._room} did not run; see {log}")
        return dict(json.loads(note.read_text()))

    def cases(self) -> dict[str, Case]:
        return {
            name: Case(**case)
            for file in self.files
            for name, case in self._files[file]["cases"].items()
        }

    def order(self, path: str, line: int | None) -> list[list[str]]:
        """The stages of a trial: tests that call a function, the others, the catalogue's rows.

        The nearest by name come first, then the fastest; tests that start processes come last.
        """
        stem = Path(path).stem
        inside = path.removeprefix("src/pellucid/")
        early = line is None or [inside, line] in self._files[""]["calls"]
        first: list[tuple[bool, bool, float, str]] = []
        rest: list[tuple[bool, bool, float, str]] = []
        catalogue: list[str] = []
        for name, case in self.cases().items():
            calls = early or [inside, line] in case.calls
            if not case.passed:
                continue
            if name.startswith(CATALOGUE):
                if calls:
                    catalogue.append(name)
                continue
            near = stem in name.split("::")[0]
            place = (case.starts_processes, not near, case.seconds, name)
            (first if calls or case.starts_processes else rest).append(place)
        stages = [[name for *_, name in sorted(first)], [name for *_, name in sorted(rest)]]
        return [stage for stage in (*stages, catalogue) if stage]

    def failing(self) -> list[str]:
        return [name for name, case in self.cases().items() if not case.passed]

    def seconds(self, names: list[str]) -> float:
        cases = self.cases()
        return sum(cases[name].seconds for name in names)

    def _hash(self, name: str) -> str:
        """Of a test file and of the sources, whose lines the map counts."""
        whole = hashlib.sha256(self._sources.encode())
        whole.update((self._root / name).read_bytes())
        return whole.hexdigest()
