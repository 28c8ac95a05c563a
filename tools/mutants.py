"""Changes the library in one small place at a time and asks whether a test of its room notices.

    make mutants ROOM=train SAMPLE=60 SEED=1      a seeded sample of one room
    make mutants ROOM=train                       every mutant of one room
    make mutants                                  every mutant of every room
    make mutants ROOM=train SAMPLE=60 AGAIN=1     the survivors of that sample once more
    make mutants AT=src/pellucid/train/step.py:120    the mutants of one line (or of lines 120-130)
    make mutants REPORT=1                         docs/mutants.md from what was tried

A run that is stopped goes on where it was: what was tried stands in .mutants/history.jsonl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from mutants_operators import Mutant, Skipped, change, mutants, mutated, sources
from mutants_page import name, page
from mutants_trials import (
    Child,
    Chosen,
    Map,
    copy_checkout,
    in_tree,
    run_pytest,
    start,
    wait,
    warm_up,
)

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / ".mutants"
ROOMS = ("core", "data", "optim", "nn", "train", "models", "transform")
NO_TESTS = 5  # pytest's exit code where nothing was selected


class History:
    """What was tried, a line a trial, in the order in which it was tried."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def knows(self, mutant: Mutant, source: str) -> bool:
        """Whether a mutant of this very source was tried."""
        return any(row["key"] == mutant.key and row["hash"] == source for row in self.rows)

    def survivors(self, label: str) -> Iterator[Mutant]:
        """The mutants of a sample that were not killed yet, where they stand now."""
        last = {name(row): row for row in self.rows}
        mine = dict.fromkeys(name(row) for row in self.rows if row["sample"] == label)
        for row in (last[each] for each in mine):
            if row["outcome"] == "survived":
                yield from islice((x for x in self._all(row) if same(x, row)), 1)

    @staticmethod
    def _all(row: dict[str, Any]) -> Iterator[Mutant]:
        yield from mutants(row["path"], read(row["path"]))


def same(mutant: Mutant, row: dict[str, Any]) -> bool:
    """Whether a mutant is the one of a trial, though its lines may have moved."""
    if (mutant.operator, mutant.definition) != (row["operator"], row["definition"]):
        return False
    source = read(mutant.path)
    return change(source, mutated(mutant, source) or "") == row["change"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def room_mutants(room: str) -> list[Mutant]:
    return [each for path in sources(ROOT, room) for each in mutants(path, read(path))]


def sample(room: str, size: int | None, seed: int) -> Iterator[Mutant]:
    """The mutants of a room in the order that the seed gives; a sample is the head of it."""
    everything = room_mutants(room)
    random.Random(f"{room} {seed}").shuffle(everything)
    count = 0
    for mutant in everything:
        if size is not None and count >= size:
            return
        if mutated(mutant, read(mutant.path)) is not None:
            count += 1
            yield mutant


def at(place: str) -> Iterator[Mutant]:
    """The mutants of `path:line` or `path:first-last`."""
    path, lines = place.rsplit(":", 1)
    first, _, last = lines.partition("-")
    for mutant in mutants(path, read(path)):
        inside = int(first) <= mutant.line <= int(last or first)
        if inside and mutated(mutant, read(path)) is not None:
            yield mutant


@dataclass
class Trial:
    """A mutant in a copy of the tree, and the tests that are still to be run on it."""

    mutant: Mutant
    tree: Path
    stages: list[list[str]]
    seconds: float
    began: float
    child: Child | None = None
    tests: int = 0

    @property
    def file(self) -> Path:
        return self.tree / self.mutant.path

    @property
    def note(self) -> Path:
        return self.tree.parent / "first-failure"

    def mutate(self) -> None:
        code = mutated(self.mutant, read(self.mutant.path))
        assert code is not None
        self.file.write_text(code, encoding="utf-8")
        self.note.unlink(missing_ok=True)

    def restore(self) -> None:
        shutil.copy2(ROOT / self.mutant.path, self.file)

    def start_stage(self) -> None:
        """Runs the next tests in a child."""
        order = self.stages.pop(0)
        files = list(dict.fromkeys(name.split("::")[0] for name in order))
        self.tests += len(order)
        cache = self.tree.parent / "trial-cache"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(self.tree.parent / "cache", cache, copy_function=_link)

        def work() -> int:
            in_tree(self.tree, cache, keep_bytecode=False)
            return run_pytest(["-x", *files], Chosen(order, self.note))

        processor = 15 + 4 * self.seconds
        self.child = start(work, self.tree.parent / "log", processor, 60 + 8 * processor)

    def outcome(self, code: int | None) -> dict[str, Any]:
        by = self.note.read_text() if self.note.exists() else ""
        if code is None:
            result = "timeout"
        elif code in (0, NO_TESTS):
            result = "survived"
        else:
            result, by = "killed", by or f"exit code {code}"
        source = read(self.mutant.path)
        return {
            "key": self.mutant.key,
            "hash": digest(source),
            **self.mutant.row(),
            "change": change(source, mutated(self.mutant, source) or ""),
            "outcome": result,
            "by": by,
            "tests": self.tests,
            "seconds": round(time.monotonic() - self.began, 1),
            "when": time.strftime("%Y-%m-%d %H:%M"),
        }


def _link(source: str, target: str) -> str:
    """A name of its own for the same bytes: a trial that writes a new entry leaves the old one."""
    Path(target).hardlink_to(source)
    return target


class Runner:
    """Tries mutants, as many at a time as there are copies."""

    def __init__(self, jobs: int) -> None:
        STORE.mkdir(exist_ok=True)
        self.history = History(STORE / "history.jsonl")
        self._trees = [STORE / f"copy-{index}" / "tree" for index in range(jobs)]
        for tree in self._trees:
            copy_checkout(ROOT, tree)
            (tree.parent / "cache").mkdir(exist_ok=True)
        self._maps: dict[str, Map] = {}
        warm_up()

    def map(self, room: str) -> Map:
        """The tests of a room; they run once, unchanged, where that was not done yet."""
        if room not in self._maps:
            made = Map(ROOT, room, STORE)
            stale = made.stale()
            if stale:
                print(f"{room}: {len(stale)} test files are run once, unchanged", flush=True)
                made.renew(self._trees[0], self._trees[0].parent / "cache")
            for tree in self._trees[1:]:
                _share_code(self._trees[0], tree)
            failing = made.failing()
            if failing:
                print(f"{room}: {len(failing)} tests fail unchanged and are left out: {failing}")
            self._maps[room] = made
        return self._maps[room]

    def run(self, chosen: Iterable[Mutant], label: str, again: bool = False) -> None:
        """Tries mutants; `again` those too that were tried before."""
        waiting = iter(chosen)
        free, running = list(self._trees), list[Trial]()
        while True:
            while free and (mutant := self._next(waiting, again)) is not None:
                running.append(self._begin(mutant, free.pop()))
            if not running:
                return
            child, code = wait([trial.child for trial in running if trial.child is not None])
            trial = next(each for each in running if each.child is child)
            if code in (0, NO_TESTS) and trial.stages:
                trial.start_stage()
                continue
            self._end(trial, code, label)
            running.remove(trial)
            free.append(trial.tree)

    def _next(self, waiting: Iterator[Mutant], again: bool) -> Mutant | None:
        for mutant in waiting:
            if again or not self.history.knows(mutant, digest(read(mutant.path))):
                return mutant
        return None

    def _begin(self, mutant: Mutant, tree: Path) -> Trial:
        tests = self.map(room_of(mutant.path))
        stages = tests.order(mutant.path, enclosing(mutant))
        seconds = tests.seconds([name for stage in stages for name in stage])
        trial = Trial(mutant, tree, stages, seconds, time.monotonic())
        trial.mutate()
        trial.start_stage()
        return trial

    def _end(self, trial: Trial, code: int | None, label: str) -> None:
        row = {**trial.outcome(code), "sample": label}
        trial.restore()
        self.history.add(row)
        place = f"{row['path'].removeprefix('src/pellucid/')}:{row['line']}"
        print(
            f"{row['outcome']:8} {row['seconds']:6.1f} s  {place} {row['operator']}\n"
            f"         {row['change']}\n         {row['by']}",
            flush=True,
        )


def _share_code(source: Path, target: Path) -> None:
    """Gives another copy the machine code and the bytecode that this one has made."""
    folders = [source.parent / "cache", *source.rglob("__pycache__")]
    for folder in folders:
        there = target.parent / folder.relative_to(source.parent)
        shutil.copytree(folder, there, copy_function=shutil.copy2, dirs_exist_ok=True)


def room_of(path: str) -> str:
    return path.removeprefix("src/pellucid/").split("/")[0]


def enclosing(mutant: Mutant) -> int | None:
    """The first line of the function that holds the mutant; None where a module runs it."""
    return Skipped(read(mutant.path)).function(mutant.line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--room", choices=ROOMS, action="append")
    parser.add_argument("--sample", type=int, help="how many mutants a room; all without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="how many are tried at a time")
    parser.add_argument("--again", action="store_true", help="try survivors once more")
    parser.add_argument("--at", help="PATH:LINE or PATH:FIRST-LAST")
    parser.add_argument("--report", action="store_true", help="write docs/mutants.md")
    wanted = parser.parse_args()
    if wanted.report:
        rooms = {room: room_mutants(room) for room in ROOMS}
        history = History(STORE / "history.jsonl")
        reasons = ROOT / "tools/mutants_reasons.toml"
        sizes = {room: len(found) for room, found in rooms.items()}
        text = page(sizes, history.rows, reasons, date.today())
        (ROOT / "docs/mutants.md").write_text(text, encoding="utf-8")
        return
    runner = Runner(wanted.jobs)
    if wanted.at:
        path = re.sub(r"^(src/pellucid/)?", "src/pellucid/", wanted.at)
        runner.run(at(path), "", again=True)
        return
    for room in wanted.room or ROOMS:
        label = f"{room} {wanted.seed}" if wanted.sample else f"{room} all"
        if wanted.again:
            runner.run(list(runner.history.survivors(label)), label, again=True)
        else:
            runner.run(sample(room, wanted.sample, wanted.seed), label)


if __name__ == "__main__":
    sys.exit(main())
