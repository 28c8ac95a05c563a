"""Writes the generated pages of docs/: `make docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def bad_input() -> None:
    """docs/bad-input.md, from the table of tests/test_bad_input.py."""
    from tests import test_bad_input

    with tempfile.TemporaryDirectory() as folder:
        test_bad_input.PAGE.write_text(test_bad_input.page(Path(folder)), encoding="utf-8")


def main() -> None:
    bad_input()


if __name__ == "__main__":
    main()
