"""A worker as a process of its own: where to go stands in the first line that it reads."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from pellucid.workers.worker import serve


def main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    data = [np.load(path, mmap_mode="r", allow_pickle=False) for path in given["data"]]
    address, secret = (given["host"], given["port"]), bytes.fromhex(given["secret"])
    serve(address, secret, given["ticket"], data, given["threads"])


if __name__ == "__main__":
    main()
