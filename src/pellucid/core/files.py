"""Files that are written whole or not at all, and never over another one unasked."""

from __future__ import annotations

import os
from pathlib import Path

from pellucid.core.errors import ArgumentError


def as_path(where: str, path: object) -> Path:
    """`path` as a Path; only text and Paths name files."""
    if not isinstance(path, (str, os.PathLike)) or "\0" in os.fsdecode(path):
        raise ArgumentError(where, f"the path must be text or a Path, got {path!r}")
    return Path(os.fsdecode(path))


def check_target(path: str | Path, overwrite: bool) -> Path:
    """The place of a new file: its folder can be written, and nothing is replaced unasked."""
    target = as_path("save", path)
    where = f'save "{target}"'
    try:
        is_folder = target.is_dir()
    except OSError as error:  # such as a name that is too long
        raise ArgumentError(where, f"the path cannot be used: {error.strerror}") from None
    if is_folder:
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
    _sweep(target)
    part = target.parent / f".{target.name}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name itself must reach the disk
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sweep(target: Path) -> None:
    """Removes what killed writers of `target` left beside it."""
    if os.name != "posix":  # elsewhere one cannot ask whether a process lives
        return
    for part in target.parent.glob(f".{target.name}.*.part"):
        writer = part.name.split(".")[-2]
        if writer.isdigit() and int(writer) != os.getpid() and not _lives(int(writer)):
            part.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
