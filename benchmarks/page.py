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
some and keeps the others. Each library runs in its own process. The processes take turns, and those
that wait are suspended. The tables show the median and the range of all rounds. The last column is
the ratio of Pellucid's time or memory to that of the row, taken in each round: below 1, Pellucid
needs less.
"""
UNITS = {"µs": 1e6, "ms": 1e3, "MiB": 2**-20, "ratio": 1.0}


def head(unit: str, ours: str = "Pellucid") -> list[str]:
    return [f"| case | library | {unit} | range | {ours} / row |", "|---|---|---|---|---|"]


def row(what: str, name: str, values: Sequence[float], ours: Sequence[float], unit: str) -> str:
    """Median and range of seconds or bytes in `unit`, and the ratio of `ours` to them."""
    shown = [value * UNITS[unit] for value in values]
    ratios = [a / b for a, b in zip(ours, values, strict=True)]
    between = f"{min(shown):.4g} – {max(shown):.4g}"
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"
    return f"| {what} | {name} | {statistics.median(shown):.4g} | {between} | {ratio} |"


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
