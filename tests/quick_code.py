"""Machine code of the tests: in most of them LLVM selects instructions the quick way.

LLVM's choice of instructions and registers is half the time of all tests. Its level 0 takes a
fifth of level 2, which users have, and computes the same bits: the emitters write final form, and
nothing may reorder a sum. `compiler/test_any_graph.py` compares the two on all kinds of rows. So
where machine code itself is not what is tested, only some tests compile as users do. Tests are
dealt into eight parts by their names: by default one part does, in the slow run four others do,
and three never do. The rooms ALWAYS, the processes that a test starts, and tests in a browser know
no quick way.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pellucid.runtime import machine_code
from pellucid.runtime.machine import Machine, this_machine

TESTS = Path(__file__).parent
DEFAULT, SLOW = range(1, 8), (0, 5, 6, 7)  # the parts that are quick, in each of the two runs
ALWAYS = ("compiler", "export", "runtime", "svm")  # rooms that compile as users do


@dataclass
class Quick:
    """Which tests are quick, and how many were."""

    parts: Collection[int] = DEFAULT
    here: bool = False
    tests: int = 0
    quick: int = 0

    def enter(self, path: Path, name: str) -> None:
        """Before the test `name`, which stands in the file `path`."""
        room = path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""
        self.here = room not in ALWAYS and zlib.crc32(name.encode()) % 8 in self.parts
        self.tests += 1
        self.quick += self.here

    def line(self) -> str:
        return f"machine code: selected the quick way in {self.quick:,} of {self.tests:,} tests"


QUICK = Quick()


def machine() -> Machine:
    """This machine, as the test that runs compiles for it."""
    found = this_machine()
    if not QUICK.here:
        return found
    return found._replace(target=dataclasses.replace(found.target, level=0))


def install() -> None:
    """Graphs that are compiled for no target of their own ask `machine`."""
    machine_code.this_machine = machine
