"""Whose code a file is, and closures over what NumPy itself keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid.transform.libraries import in_library

SOURCE = str(Path(pel.__file__).parent.parent)


def test_numpy_is_a_library_wherever_it_is_installed(tmp_path: Path) -> None:
    """As with PYTHONPATH, `pip install --user`, or a .pth file: outside the usual folders."""
    (tmp_path / "numpy").symlink_to(Path(np.__file__).parent, target_is_directory=True)
    code = (
        "import numpy as np, pellucid as pel\n"
        "f = pel.jit(lambda v: np.pad(v, 1) + np.ma.add(1, 1), backend='interpreter')\n"
        "print(np.__file__, f(np.ones(2)).tolist(), f.cache_info().traces)\n"
    )
    path = os.pathsep.join([str(tmp_path), SOURCE])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(tmp_path))
    assert run.stdout.split()[1:] == ["[2.0,", "3.0,", "3.0,", "2.0]", "1"]


def test_what_an_installer_lists_is_a_library_and_what_stands_beside_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other-1.0.dist-info").mkdir()
    record = "other/__init__.py,sha256=x,1\nsingle.py,,\nother-1.0.dist-info/RECORD,,\n,,\n"
    (tmp_path / "other-1.0.dist-info" / "RECORD").write_text(record)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert in_library(str(tmp_path / "other" / "deep" / "module.py"))
    assert in_library(str(tmp_path / "single.py"))
    assert not in_library(str(tmp_path / "mine.py"))
    assert not in_library(str(tmp_path / "others" / "module.py"))
    assert in_library(np.__file__)
    assert in_library(os.__file__)
    assert not in_library(__file__)


def test_masked_arrays_and_dates_may_be_closed_over() -> None:
    masked, dates = np.ma.masked, np.arange(20_000).astype("M8[s]")
    f = pel.jit(lambda x: x * 2 if masked is not None and dates.size else x)
    assert f(3.0) == 6
    kept = np.ma.array([1.0, 2.0], mask=[False, True])
    g = pel.jit(lambda x: x * float(kept.sum()), backend="interpreter")
    assert g(1.0) == 1
    kept.mask = [False, False]
    assert g(1.0) == 3
    kept[0] = 4.0
    assert g(1.0) == 6
