"""Rows of docs/bad-input.md for training on several processes. `CASES` as in bad_input_svm.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pellucid as pel


def started(**changes: Any) -> Any:
    return pel.distributed.start(**{"address": "a:7531", "processes": 2, "process": 0, **changes})


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        "`pel.distributed.start(address='a:b')`",
        lambda p: started(address="a:b"),
        "address must be 'host:port' of the first process, got 'a:b'",
    ),
    (
        "`pel.distributed.start(processes=0)`",
        lambda p: started(processes=0),
        "processes must be in [1, 65536], got 0",
    ),
    (
        "`pel.distributed.start(process=2)` of two",
        lambda p: started(process=2),
        "process must be below processes (2), got 2",
    ),
    (
        "`pel.distributed.start(timeout=0)`",
        lambda p: started(timeout=0),
        "timeout must lie in (0, 86400], got 0",
    ),
]
