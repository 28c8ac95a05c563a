"""Files that are written whole or not at all, and never over another one unasked.

A file is written under a name of its own beside its place (a part), flushed to the disk and
renamed. So a kill, a full disk or a second writer leaves the old file or a new one, no mixture.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import sys
import time
from pathlib import Path

from pellucid.core.arguments import flag
from pellucid.core.errors import ArgumentError
from pellucid.core.forks import importing

_MAX_NAME = 120  # bytes of the target's name that a part's name repeats; a name has 255 at most
_FOREIGN_AGE = 86_400.0  # seconds after which another host's part counts as left behind
_HOST = re.sub("[^0-9A-Za-z]", "_", os.uname().nodename)[:40] if os.name == "posix" else "host"


def as_path(where: str, path: object) -> Path:
    """`path` as a Path; only text and Paths name files."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(where, f"the path must be text or a Path, got {path!r}")
    try:
        text = os.fsdecode(path)
        valid = b"\0" not in os.fsencode(text)
    except (TypeError, ValueError):  # a PathLike without a path; half a surrogate pair
        valid = False
    if not valid:
        raise ArgumentError(
            where,
            f"the path must be a name that the file system can hold, got {path!r}",
            "Leave out the NUL bytes and lone surrogates.",
        )
    return Path(text)


def check_target(path: str | Path, overwrite: bool) -> Path:
    """The place of a new file: its folder can be written, and nothing is replaced unasked.

    Raises:
        ArgumentError: where the path cannot be a file, or is one and `overwrite` is False.
    """
    target = as_path("save", path)
    where = f'save "{target}"'
    flag(where, "overwrite", overwrite)
    try:
        place = Path(os.path.realpath(target))
        found = stat.S_IFMT(place.stat().st_mode) if place.exists() else None
        in_circle = place.is_symlink()
        folder_found = place.parent.is_dir()
    except OSError as error:  # such as a name that is too long
        raise ArgumentError(where, f"the path cannot be used: {error.strerror}") from None
    if found == stat.S_IFDIR:
        raise ArgumentError(where, "the path must name a file, got a folder")
    if in_circle:
        raise ArgumentError(where, "the path must name a file, got a link that leads to itself")
    if not folder_found:
        raise ArgumentError(where, f"the folder {place.parent} does not exist", "Create it first.")
    if not os.access(place.parent, os.W_OK):
        raise ArgumentError(where, f"the folder {place.parent} cannot be written")
    if found is not None and not overwrite:
        raise _exists(target)
    if found not in (None, stat.S_IFREG):
        raise ArgumentError(where, "the path must name a file, got a pipe or a device")
    return target


def _exists(target: Path) -> ArgumentError:
    return ArgumentError(
        f'save "{target}"',
        "the file exists already",
        "Pass overwrite=True to replace it, or choose another name.",
    )


def write_atomically(target: Path, data: bytes, *, overwrite: bool = True) -> None:
    """`data` as the whole content of `target`; never a part of it, whatever happens.

    Of several writers to one path, threads or processes, the last one to finish wins. A link is
    followed, and the mode of a file that is replaced is kept.

    Args:
        overwrite: whether a file that stands there may be replaced, even one that appeared since
            the path was checked.

    Raises:
        ArgumentError: where the file cannot be written; the old one stays.
    """
    place = Path(os.path.realpath(target))
    try:
        _sweep(place)
        _write(place, data, overwrite)
        _sync_folder(place.parent)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise ArgumentError(f'save "{target}"', f"the file cannot be written: {error}") from None


def _write(place: Path, data: bytes, overwrite: bool) -> None:
    try:
        old: os.stat_result | None = place.stat()
    except FileNotFoundError:
        old = None
    descriptor, part = _new_part(place, 0o666 if old is None else stat.S_IMODE(old.st_mode))
    try:
        # Closing the file gives the lock up, so it stays open until the part has its name.
        with open(descriptor, "wb") as file:
            if old is not None and os.name == "posix":
                with contextlib.suppress(PermissionError):  # only root gives files away
                    os.chown(descriptor, old.st_uid, old.st_gid)
                os.chmod(descriptor, stat.S_IMODE(old.st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            if os.name == "posix":
                _rename(part, place, overwrite)
        if os.name != "posix":  # elsewhere an open file cannot be renamed
            _rename(part, place, overwrite)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _rename(part: Path, place: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, place)
        return
    try:
        os.link(part, place)  # the one call that refuses to replace a file
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if place.exists():
            raise FileExistsError from None
        os.replace(part, place)
    else:
        part.unlink()


def _sync_folder(folder: Path) -> None:
    """The new name itself must reach the disk."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder may be writable and not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that syncs no folders
            raise
    finally:
        os.close(descriptor)


def _prefix(place: Path) -> str:
    name = place.name
    if len(os.fsencode(name)) > _MAX_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _new_part(place: Path, mode: int) -> tuple[int, Path]:
    """A new file beside `place` that only this writer has, open and locked, and its path."""
    while True:
        name = f"{_prefix(place)}{_HOST}-{os.getpid()}-{os.urandom(8).hex()}.part"
        part = place.parent / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(part, flags, mode)
        lock(descriptor, wait=True)
        if os.name != "posix" or os.fstat(descriptor).st_nlink:
            return descriptor, part
        os.close(descriptor)  # a sweep came between its making and its lock


def lock(descriptor: int, wait: bool) -> bool:
    """Whether this process holds the file now; False too where the file system has no locks."""
    if sys.platform == "win32":
        return False
    with importing:
        import fcntl  # POSIX only

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _sweep(place: Path) -> None:
    """Removes what killed writers of `place` left beside it.

    A living writer holds a lock on its part, which the system gives up with the process. Not every
    shared folder carries locks from host to host, so a part of another host must be a day old too.
    """
    if os.name != "posix":
        return
    wanted = re.compile(re.escape(_prefix(place)) + r"(\w+)-[0-9]+-[0-9a-f]{16}\.part")
    try:
        names = os.listdir(place.parent)
    except PermissionError:
        return
    for name in names:
        found = wanted.fullmatch(name)
        if found:
            with contextlib.suppress(OSError):  # another sweep was here, or the part is not ours
                _remove_if_left(place.parent / name, found.group(1) == _HOST)


def _remove_if_left(part: Path, own_host: bool) -> None:
    descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)  # NFS locks need RDWR
    try:
        old = time.time() - os.fstat(descriptor).st_mtime > _FOREIGN_AGE
        if lock(descriptor, wait=False) and (own_host or old):
            part.unlink()
    finally:
        os.close(descriptor)
