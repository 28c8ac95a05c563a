"""A worker as a process of its own: where to go stands in the first line that it reads.

It is killed as the run ends. Where the process that trains was killed before that, it ends by
itself, and removes what that one has left.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.scratch import remove_left
from pellucid.workers.worker import serve

_LINGER = 5.0  # seconds in which a process that was killed gives up its lock behind its connections


def main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    data = [np.load(path, mmap_mode="r", allow_pickle=False) for path in given["data"]]
    address, secret = (given["host"], given["port"]), bytes.fromhex(given["secret"])
    serve(address, secret, given["ticket"], data, given["threads"])
    folder, until = Path(given["folder"]), time.monotonic() + _LINGER
    while folder.exists() and not remove_left(folder) and time.monotonic() < until:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
