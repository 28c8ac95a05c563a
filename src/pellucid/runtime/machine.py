"""The machine that code is made for and runs on, known without llvmlite where that can be.

In: nothing, or an object file. Out: what LLVM says of this machine, and code ready to run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.compiler.codegen.target import Target, host, load, versions
from pellucid.core import forks
from pellucid.runtime import cache, elf

compiling = forks.Lock()  # LLVM's context is one a process


class Machine(NamedTuple):
    """A machine that code is made for, and the versions of what makes it."""

    target: Target
    versions: str


@functools.cache
def this_machine() -> Machine:
    """This one, as LLVM describes it: in this process, or in an earlier one that kept it.

    So a process whose code is kept imports no llvmlite, which takes 40 MB.
    """
    known = _identity() if elf.SUPPORTED else ""
    name = cache.key("machine", known) if known else ""
    kept = cache.find(name)
    if kept is not None:
        with contextlib.suppress(KeyError, TypeError):  # whole, but not ours
            return Machine(Target(**kept.data["target"]), kept.data["versions"])
    found = Machine(host(), versions())
    cache.keep(name, {**found._asdict(), "target": dataclasses.asdict(found.target)}, b"")
    return found


def _identity() -> str:
    """What LLVM's description of a Linux machine depends on: its processor and LLVM; else ""."""
    told = ("vendor_id", "cpu family", "model", "stepping", "flags")
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            first, _, _ = stream.read(8192).partition("\n\n")
        spec = importlib.util.find_spec("llvmlite")
        places = (spec.submodule_search_locations if spec is not None else None) or []
        files = [file for place in places for file in sorted(Path(place, "binding").glob("*.so"))]
        library = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except (OSError, ValueError, ImportError):  # no such file; an llvmlite that is broken
        return ""
    processor = [line for line in first.splitlines() if line.startswith(told)]
    return repr((processor, library)) if processor and library else ""


def ready(code: bytes, target: Target) -> Any:
    """An object file ready to run."""
    return elf.load(code) or load(code, target)
