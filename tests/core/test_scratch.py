"""Folders of temporary files: those whose owners are gone are removed, those of the living stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pellucid.core.scratch import Scratch, remove_left

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
OWNER = (
    "import signal, sys, tempfile\n"
    "from pellucid.core.scratch import Scratch\n"
    "tempfile.tempdir = sys.argv[1]\n"
    "one = Scratch('tests')\n"
    "print(one.path, flush=True)\n"
    "signal.pause()\n"
)


def test_what_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    foreign = tmp_path / "pellucid-tests-no-lock"
    foreign.mkdir()
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        (path / "data").write_bytes(b"x" * 100)
        other = Scratch("tests")
        assert (path / "data").exists() and not remove_left(path)  # its owner lives
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    third = Scratch("tests")
    assert not path.exists() and other.path.exists() and foreign.exists()
    other.close()
    third.close()
    assert os.listdir(tmp_path) == [foreign.name]
    assert not remove_left(path)


def test_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "lock").touch()
    link = tmp_path / "pellucid-tests-link"
    link.symlink_to(kept)
    Scratch("tests").close()
    assert not remove_left(link) and (kept / "lock").exists()
