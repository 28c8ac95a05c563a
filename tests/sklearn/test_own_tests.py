"""scikit-learn's own tests of these classes, run on ours: see tools/scikit_learn_tests.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "scikit_learn_tests.py"


@pytest.mark.slow
def test_every_test_that_fails_stands_in_the_note():
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
