"""Folders of temporary files that do not stay behind a process, however it ends.

The owner holds a lock on a file of the folder, which the system gives up with the process. So who
gets the lock knows that the owner is gone: another process of the same run, or the next one that
makes such a folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from pellucid.core import files

_LOCK = "lock"


class Scratch:
    """A folder of its own for temporary files.

    Args:
        kind: what it is for; folders of this kind whose owners are gone are removed first.

    Attributes:
        path: where it is.
    """

    def __init__(self, kind: str):
        prefix = f"pellucid-{kind}-"
        for name in os.listdir(tempfile.gettempdir()):
            if name.startswith(prefix):
                remove_left(Path(tempfile.gettempdir(), name))
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        # It has the name by which others look for it only once it is locked.
        part = self.path / f"{_LOCK}.part"
        self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if files.lock(self._descriptor, wait=False):
            part.rename(self.path / _LOCK)

    def close(self) -> None:
        """Removes it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def remove_left(path: Path) -> bool:
    """Removes a folder that a process of this user left behind; whether there was one."""
    if sys.platform == "win32":
        return False
    try:
        what = path.lstat()
        if not stat.S_ISDIR(what.st_mode) or what.st_uid != os.geteuid():
            return False
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # it is gone meanwhile, or being made
        return False
    try:
        left = files.lock(descriptor, wait=False)
        if left:
            shutil.rmtree(path, ignore_errors=True)
        return left
    finally:
        os.close(descriptor)
