"""Where workers come from: what starts them, and processes on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

import pellucid

Array = np.ndarray[Any, Any]
MOST = 1024  # workers
_TAIL = 2000  # characters of what a process wrote at its end


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
    """

    count: int
    host: str
    threads: int | None

    def open(self, data: Sequence[Array]) -> None:
        """Brings the data to where workers find it."""

    def start(self, given: dict[str, Any]) -> Started:
        """A new worker.

        Args:
            given: the arguments of `worker.serve` but for the data.
        """

    def close(self) -> None:
        """Forgets the data."""


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
        self._process.wait()


class LocalWorkers:
    """Processes on this machine, which read the data from files that they share.

    Args:
        count: workers in all.
    """

    host = "127.0.0.1"
    threads: int | None = None

    def __init__(self, count: int):
        self.count = count
        self._folder = Path()
        self._files: list[str] = []
        self._started = 0

    def open(self, data: Sequence[Array]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pellucid-"))
        for number, array in enumerate(data):
            path = self._folder / f"{number}.npy"
            np.save(path, array, allow_pickle=False)
            self._files.append(str(path))

    def start(self, given: dict[str, Any]) -> _Process:
        self._started += 1
        told = self._folder / f"{self._started}.txt"
        return _Process(given | {"data": self._files}, told)

    def close(self) -> None:
        if self._files:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._files = []
