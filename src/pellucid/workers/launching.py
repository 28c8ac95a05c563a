"""Where workers come from: what starts them, and processes on this machine."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

import pellucid
from pellucid.core.arguments import checked, integer, real
from pellucid.core.errors import ArgumentError
from pellucid.core.scratch import Scratch

Array = np.ndarray[Any, Any]
MOST = 1024  # workers
PATIENCE = 60.0  # seconds
_TAIL = 2000  # characters of what a process wrote at its end
_END = 5.0  # seconds for a process that was killed


class Started(Protocol):
    """A worker that was started."""

    def ended(self) -> str | None:
        """None while it lives, or may still come to life; else its last words."""

    def stop(self) -> None:
        """Ends it at once."""


@runtime_checkable
class Launcher(Protocol):
    """What starts workers.

    Attributes:
        count: workers in all, the process that trains included.
        host: the address of this machine that workers reach it at.
        threads: of each worker; None, the process decides.
        patience: seconds after which a worker that does not answer counts as lost.
    """

    count: int
    host: str
    threads: int | None
    patience: float

    def open(self, data: Sequence[Array]) -> None:
        """Brings the data to where workers find it."""

    def start(self, given: dict[str, Any]) -> Started:
        """A new worker.

        Args:
            given: the arguments of `worker.serve` but for the data.
        """

    def close(self) -> None:
        """Forgets the data."""


def busy(launcher: Launcher) -> ArgumentError:
    """What is said where a launcher is asked to open the data of a second run."""
    return ArgumentError(
        "fit",
        f"workers must be free, got {launcher!r} with a run under way",
        "Make another one for this run.",
    )


class _Process:
    def __init__(self, given: dict[str, Any], words: Path):
        self._words = words
        place = str(Path(pellucid.__file__).parent.parent)
        paths = [place, *filter(None, [os.environ.get("PYTHONPATH")])]
        with words.open("wb") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pellucid.workers.process"],
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=told,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # Ctrl-C is for the process that trains
            )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as line:
            line.write(json.dumps(given).encode() + b"\n")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> str | None:
        code = self._process.poll()
        if code is None:
            return None
        told = (
            self._words.read_text(errors="replace").strip()[-_TAIL:] if self._words.exists() else ""
        )
        return told or f"it ended with code {code}"

    def stop(self) -> None:
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for a disk, and ends then
            self._process.wait(_END)


_ELSEWHERE = {
    **dict.fromkeys(("num_workers", "workers", "n_jobs", "processes"), "count"),
    **dict.fromkeys(("timeout", "seconds"), "patience"),
}


class LocalWorkers:
    """Workers of `fit` as processes of this machine: `workers=4` is `LocalWorkers(4)`.

    The process that calls `fit` is one of them. They read the data from files that they share, in
    the system's folder for temporary files.

    Args:
        count: workers in all.
        patience: seconds after which a worker that does not answer is ended, and another one takes
            its place. One that computes answers, however long it takes.
    """

    host = "127.0.0.1"
    threads: int | None = None

    @functools.partial(checked, elsewhere=_ELSEWHERE)
    def __init__(self, count: int, patience: float = PATIENCE):
        self.count = integer("LocalWorkers", "count", count, 1, MOST)
        self.patience = real("LocalWorkers", "patience", patience, 1)
        self._scratch: Scratch | None = None
        self._files: list[str] = []
        self._started = 0

    def __repr__(self) -> str:
        return f"LocalWorkers({self.count}, patience={self.patience:g})"

    def open(self, data: Sequence[Array]) -> None:
        if self._scratch is not None:
            raise busy(self)
        self._scratch = Scratch("workers")
        for number, array in enumerate(data):
            path = self._scratch.path / f"{number}.npy"
            np.save(path, array, allow_pickle=False)
            self._files.append(str(path))

    def start(self, given: dict[str, Any]) -> _Process:
        assert self._scratch is not None, "open comes first"
        self._started += 1
        folder = self._scratch.path
        told = folder / f"{self._started}.txt"
        return _Process(given | {"data": self._files, "folder": str(folder)}, told)

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.close()
            self._scratch, self._files = None, []
