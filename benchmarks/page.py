"""Table rows, and docs/benchmarks.md: a page of sections that are measured one by one."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from turns import Rounds, version

HEAD = """# Benchmarks

Written by `make bench`, which measures every section; `make bench ONLY=calls,gradient` measures
some and leaves the others as they are. Each library runs in a process of its own; they are asked in
turn, and those that wait are stopped. Medians of the rounds; the last column is Pellucid's time in
parts of the other's, round by round: below 1 is faster.
"""
UNITS = {"µs": 1e6, "ms": 1e3, "MiB": 2**-20, "times": 1.0}


def head(unit: str, ours: str = "Pellucid") -> list[str]:
    return [f"| | | {unit} | spread | {ours} in parts of it |", "|---|---|---|---|---|"]


def row(what: str, name: str, values: Sequence[float], ours: Sequence[float], unit: str) -> str:
    """Median and spread of seconds or bytes in `unit`, and `ours` in parts of them."""
    shown = [value * UNITS[unit] for value in values]
    parts = [a / b for a, b in zip(ours, values, strict=True)]
    spread = f"{min(shown):.4g} – {max(shown):.4g}"
    ratio = f"{statistics.median(parts):.2f} ({min(parts):.2f} – {max(parts):.2f})"
    return f"| {what} | {name} | {statistics.median(shown):.4g} | {spread} | {ratio} |"


def table(what: str, found: Rounds, ours: str = "Pellucid", unit: str = "µs") -> list[str]:
    """A row for each library."""
    rows = [row(what, name, values, found[ours], unit) for name, values in found.items()]
    print("\n".join(rows), flush=True)
    return rows


def threaded(threads: int) -> list[str]:
    return ["", f"### {threads} thread{'s' if threads > 1 else ''}", ""]


def measured_on(names: Iterable[str], rounds: int) -> list[str]:
    """Where and with what a section was measured."""
    kinds = dict.fromkeys(name.split(" ")[0].rstrip(",") for name in names)
    versions = [f"{kind} {version(kind)}" for kind in kinds if version(kind)]
    missing = [kind for kind in kinds if not version(kind)]
    line = (
        f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, NumPy {metadata.version('numpy')}, {', '.join(versions)}; "
        f"{rounds} round{'s' if rounds > 1 else ''}."
    )
    return [line + (f" Not installed, left out: {', '.join(missing)}." if missing else ""), ""]


class Page:
    """The sections of a file by their headings; those that were not measured stay."""

    def __init__(self, path: Path, order: Sequence[str]):
        self.path, self.order = path, order
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
        self.sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def put(self, heading: str, lines: Iterable[str]) -> None:
        """Replaces a section and writes the file: what was measured is kept, whatever follows."""
        self.sections[heading] = "\n" + "\n".join(lines).strip() + "\n\n"
        parts = [HEAD]
        for known in self.order:
            if known in self.sections:
                parts.append(f"## {known}\n\n{self.sections[known].strip()}\n")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(parts), encoding="utf-8")
