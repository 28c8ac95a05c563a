"""Files that are written whole or not at all, and never over another one unasked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pellucid.core.errors import ArgumentError


def as_path(where: str, path: object) -> Path:
    """`path` as a Path; only text and Paths name files."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(where, f"the path must be text or a Path, got {path!r}")
    return Path(path)


def check_target(path: str | Path, overwrite: bool) -> Path:
    """The place of a new file: its folder can be written, and nothing is replaced unasked."""
    target = as_path("save", path)
    where = f'save "{target}"'
    if target.is_dir():
        raise ArgumentError(where, "the path must name a file, got a folder")
    if not target.parent.is_dir():
        raise ArgumentError(where, f"the folder {target.parent} does not exist", "Create it first.")
    if not os.access(target.parent, os.W_OK):
        raise ArgumentError(where, f"the folder {target.parent} cannot be written")
    if target.exists() and not overwrite:
        raise ArgumentError(
            where,
            "the file exists already",
            "Pass overwrite=True (--overwrite) to replace it, or choose another name.",
        )
    return target


def write_atomically(target: Path, data: bytes) -> None:
    """`data` as the whole content of `target`; never a part of it, whatever happens."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY) if os.name == "posix" else None
    if folder is not None:
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
