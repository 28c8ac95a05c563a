"""docs/bad-input-keras.md: what a wrong value of each argument of the door gets.

In: the targets of `wrong.py`. Out: the page, which `make docs` writes, and the page read back, by
which `test_wrong_arguments.py` holds it and the code together, one callable at a time.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pellucid.core.errors import PellucidError
from tests.keras.wrong import ANY, KINDS, TARGETS, WRONG, Target

PAGE = Path(__file__).parents[2] / "docs" / "bad-input-keras.md"
ANYTHING = "anything"
HEAD = """# Wrong arguments of `pellucid.keras`, and their messages

Written by `make docs` from `tests/keras/wrong.py`: every public function, class and
method of the door, and each of its arguments with a value that is none. Each row is a test
(`tests/keras/test_wrong_arguments.py`). Messages begin with the part that refuses, in brackets, and
name the line of your code; both are left out here. Where several callables say the same, they share
a row. For other wrong input: [bad input](bad-input.md).
"""


class Row(NamedTuple):
    """A callable, its argument, a wrong value, and the line that a person reads."""

    name: str
    argument: str
    value: str
    line: str


def line_of(target: Target, argument: str, value: object) -> str | None:
    """What the error says, if there is one and it names the argument."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.use(**{**target.good, argument: value})
    except PellucidError as error:
        if names(error, argument):
            return re.sub(r" of \S+\.py:\d+", "", error.short.removeprefix(f"[{error.where}] "))
    return None


def names(error: PellucidError, argument: str) -> bool:
    """Whether the problem that an error states has the argument's name."""
    word = KINDS if argument == "identifier" else re.escape(argument)
    return re.search(rf"\b{word}\b", error.problem) is not None


def rows_of(target: Target) -> Iterable[Row]:
    """For each argument the first wrong value that is refused by its name."""
    for argument in target.names:
        if f"{target.name}.{argument}" in ANY:
            yield Row(target.name, argument, ANYTHING, ANY[f"{target.name}.{argument}"])
            continue
        for word, value in WRONG.items():
            line = line_of(target, argument, value)
            if line is not None:
                yield Row(target.name, argument, word, line)
                break


def page(rows: Iterable[Row]) -> str:
    """The page: a table for each module, sorted by arguments."""
    rooms: dict[str, dict[tuple[str, str, str], set[str]]] = {}
    for row in rows:
        room, _, short = row.name.rpartition(".")
        if room[:1].isupper() or not room:  # of a class, or one of the first names
            room, short = "", row.name
        elif "." in room:  # a method of a class of a module
            room, _, kind = room.partition(".")
            short = f"{kind}.{short}"
        rooms.setdefault(room, {}).setdefault(row[1:], set()).add(short)
    lines = [HEAD]
    for room in sorted(rooms):
        lines += [f"## `keras.{room}`" if room else "## `keras`", ""]
        lines += ["| argument | value | what happens | of |", "|---|---|---|---|"]
        for (argument, value, line), of in sorted(rooms[room].items()):
            told = line.replace("\\", "\\\\").replace("|", "\\|")
            lines.append(f"| `{argument}` | {value} | {told} | {', '.join(sorted(of))} |")
        lines.append("")
    return "\n".join(lines)


def read(text: str) -> set[Row]:
    """The rows of a page."""
    found, room = set(), ""
    for line in text.splitlines():
        if line.startswith("## "):
            room = line[3:].strip("`").partition(".")[2]
        if line.startswith("| `"):
            cells = [one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]]
            argument, value, told, of = cells
            told = told.replace("\\|", "|").replace("\\\\", "\\")
            for name in of.split(", "):
                full = f"{room}.{name}" if room else name
                found.add(Row(full, argument.strip("`"), value, told))
    return found


def write() -> None:
    """Writes the page."""
    rows = [row for target in TARGETS for row in rows_of(target)]
    PAGE.write_text(page(rows), encoding="utf-8")
