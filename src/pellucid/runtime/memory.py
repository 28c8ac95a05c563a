"""How much memory is left.

In: nothing. Out: bytes that this process can take before the machine swaps or ends it; None where
the system does not say.
"""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")  # inside a container that of the container


def free_memory() -> int | None:
    """The least of what the machine has left and what the control group allows."""
    found = [one for one in (_of_machine(), _of_group()) if one is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except (OSError, ValueError, IndexError):  # no Linux
        names = getattr(os, "sysconf_names", {})
        if "SC_PHYS_PAGES" not in names:
            return None
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _of_group() -> int | None:
    pairs = (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    )
    for most, used in pairs:
        try:
            return max(0, int((_GROUP / most).read_text()) - int((_GROUP / used).read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return None
