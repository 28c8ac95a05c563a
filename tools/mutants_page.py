"""docs/mutants.md, written from the trials: what was tried, what survived, and why."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

INTRODUCTION = """\
# Mutants

A mutant is the library with one small change: a `<` that became `<=`, a number that became one
more, a call that is not made. Where no test of the room fails, the tests do not see what that place
does. `make mutants` makes such changes and runs the tests.

    make mutants ROOM=train SAMPLE=60 SEED=1    a seeded sample of one room
    make mutants ROOM=train                     all mutants of one room
    make mutants                                all mutants of all rooms: days on two cores
    make mutants ROOM=train SAMPLE=60 AGAIN=1   the survivors of that sample once more
    make mutants AT=train/step.py:120-130       the mutants of some lines
    make mutants REPORT=1                       write this page

It works in copies of the checkout in `.mutants/`, never in the checkout. What was tried stands in
`.mutants/history.jsonl`; a run that is stopped goes on there, and a module that changed
is tried anew. `JOBS=2` tries two at a time.

**The tests of a room** are `tests/ROOM`, what holds in every room (`tests/contracts`), the doctests
of `src/pellucid/ROOM` and the rows of the catalogue of bad input (`tests/test_bad_input.py`) that
call the changed function. Slow tests are left out. Tests run in processes that share one cache of
machine code. The tests that call the changed function run first, then all others of the room. Tests
that fail without any change are left out, and so are those that fail when the order of the tests
changes.

**Killed** is a mutant that makes a test fail, stops the import, or does not end: a trial has 15
seconds of processor time and four times what its tests take. **Equivalent** is one that computes
the same, or differs in speed or memory alone; it is not counted. The reasons below were given by a
person who read the code, and so was the judgement.

**What is changed:** arithmetic (`+ -`, `* /`, `**`, `//`, `%`, `& |`, `<< >>`: one replacement
each), comparisons (`< <=`, `== !=`, `is`), conditions (`not` before those of `if`, `while` and
`x if c else y`; `and or`; `not` and `-` taken off), numbers (± 1), `True False`, `break` and
`continue`, the class that an `except` catches, decorators taken off, loops that run over nothing.
All of these are operators of cosmic-ray, which has more pairs of each; one of them says what the
others say. Four operators are our own and aim at the wiring: a statement (a call, a `raise`, an
assignment to an attribute or an item) that is not run; a keyword argument that is not handed on; a
call whose first argument or owner is taken for its result; `in` turned round.

**What is left alone:** type annotations, imports, `TYPE_CHECKING` blocks, `__all__`, assertions
(the `strict=` of `zip` is one), text (messages, names, docstrings), what stands inside an f-string
or the arguments of a raised error, and decorators that change speed or types alone (`cache`,
`overload`, `override`, `final`, …).
"""

SAMPLES = """\
## By sample

A sample is drawn evenly from all mutants of a room, by a seed. Not counted are its equivalent
mutants, and survivors whose code was rewritten before they were tried again. The first share is
what the tests killed when the sample was drawn, before anybody had looked at its survivors: the
estimate for all mutants of the room, with its 95 % interval (Wilson). The last one is how the same
sample stands now, after tests were written against its survivors; for the mutants outside the
sample it proves nothing.
"""

COLUMNS = (
    ("room", "---"),
    ("mutants", "---:"),
    ("seed", "---:"),
    ("tried", "---:"),
    ("not counted", "---:"),
    ("killed when drawn", "---:"),
    ("share", "---:"),
    ("interval", "---"),
    ("killed now", "---:"),
    ("share now", "---:"),
)


@dataclass
class Sample:
    """The trials of one room under one seed: the first and the last outcome of each mutant."""

    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: dict[str, dict[str, Any]] = field(default_factory=dict)


def name(row: dict[str, Any]) -> str:
    """What a mutant is known by, though its lines may move: file, place, operator and change."""
    return " ".join(str(row[part]) for part in ("path", "definition", "operator", "change"))


def interval(good: int, count: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share."""
    if count == 0:
        return 0.0, 1.0
    z, share = 1.959964, good / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    return max(0.0, middle - half), min(1.0, middle + half)


def page(mutants: dict[str, int], rows: list[dict[str, Any]], reasons: Path, today: date) -> str:
    """The page.

    Args:
        mutants: how many there are, by room.
        rows: all trials, oldest first.
        reasons: the file that says of survivors why they survive, the counts of earlier samples,
            which go before those of the trials, and notes on the samples.
    """
    known = tomllib.loads(reasons.read_text(encoding="utf-8"))
    why = {(each["file"], each["change"]): each for each in known.get("survivor", [])}
    latest = {name(row): row for row in rows}
    samples: dict[str, Sample] = {}
    for row in rows:
        if row["sample"]:
            sample = samples.setdefault(row["sample"], Sample())
            sample.first.setdefault(name(row), row)
    for sample in samples.values():
        sample.last = {key: latest[key] for key in sample.first}
    lines = [INTRODUCTION, f"Last written on {today.isoformat()}.\n", SAMPLES]
    lines += [f"| {' | '.join(cells)} |" for cells in zip(*COLUMNS, strict=True)]
    order = list(mutants)
    counted = [tuple(row) for row in known.get("earlier", [])]
    written = {f"{room} {seed}" for room, _, seed, *_ in counted}
    counted += [
        _counted(label, sample, mutants, why)
        for label, sample in samples.items()
        if label not in written
    ]
    counted.sort(key=lambda row: (order.index(row[0]), row[2]))
    lines += [_sample_row(*row) for row in counted]
    lines += ["", *(f"- {note}" for note in known.get("notes", []))]
    lines.append("\n## Survivors\n")
    survivors = [row for row in latest.values() if row["outcome"] == "survived"]
    tried = {(_file(row), row["change"]) for row in latest.values()}
    # Of earlier samples only the reasons are kept.
    survivors += [
        {"path": file, "line": 0, "operator": "", "change": change}
        for file, change in why
        if (file, change) not in tried
    ]
    for kind, title in KINDS.items():
        found = [row for row in survivors if _kind(row, why) == kind]
        lines.append(f"### {title}: {len(found)}\n")
        lines.extend(_survivors(found, why))
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


KINDS = {
    "equivalent": "Equivalent",
    "gone": "No longer there: the code was rewritten before it was tried again",
    "left": "Not killed, for the reason that is given",
    "": "Not killed, and no reason given yet",
}


def _kind(row: dict[str, Any], why: dict[tuple[str, str], Any]) -> str:
    return str(why.get((_file(row), row["change"]), {}).get("kind", ""))


def _file(row: dict[str, Any]) -> str:
    return str(row["path"]).removeprefix("src/pellucid/")


def _counted(
    label: str, sample: Sample, mutants: dict[str, int], why: dict[tuple[str, str], Any]
) -> tuple[Any, ...]:
    """Room, its mutants, seed, tried, not counted, killed when drawn, killed now."""
    room, seed = label.split()
    same = {
        key
        for key, row in sample.last.items()
        if row["outcome"] == "survived" and _kind(row, why) in ("equivalent", "gone")
    }

    def killed(rows: dict[str, dict[str, Any]]) -> int:
        return sum(row["outcome"] != "survived" for key, row in rows.items() if key not in same)

    tried = len(sample.first)
    return (
        *(room, mutants[room], int(seed), tried, len(same)),
        *(killed(sample.first), killed(sample.last)),
    )


def _sample_row(
    room: str, mutants: int, seed: int, tried: int, left_out: int, then: int, now: int
) -> str:
    count = tried - left_out
    low, high = interval(then, count)
    shares = [f"{part / count:.1%}" if count else "" for part in (then, now)]
    cells = [room, f"{mutants:,}", seed, tried, left_out, then, shares[0]]
    cells += [f"{low:.0%} … {high:.0%}", now, shares[1]]
    return "| " + " | ".join(map(str, cells)) + " |"


def _survivors(rows: Iterable[dict[str, Any]], why: dict[tuple[str, str], Any]) -> list[str]:
    lines = []
    for row in sorted(rows, key=lambda row: (_file(row), row["line"])):
        operator = row["operator"].rpartition("/")[2]
        place = f"`{_file(row)}:{row['line']}` {operator}" if operator else f"`{_file(row)}`"
        reason = why.get((_file(row), row["change"]), {}).get("why", "")
        lines.append(f"- {place}: `` {row['change']} ``")
        if reason:
            lines.append(f"  {reason}")
    return lines or ["None."]
