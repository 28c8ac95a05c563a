"""Machine code kept on disk: a graph that was compiled once starts in milliseconds ever after.

In: a key, which is a hash of all that decides the code. Out: the object file that belongs to it and
the plain data beside it, or nothing. An entry is one file:

    magic | SHA-256 of key and rest | length of the data | data as JSON | object file

Code from a file is run, so the folder must be the user's own: no link, writable by no one else.
Within it nothing is trusted to be whole: an entry whose hash does not fit is no entry. Writers put
a whole file in its place at once, so processes need no locks. Whatever fails here costs time, never
a result.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.core import notices
from pellucid.core.errors import PACKAGE_FOLDER

VARIABLE = "PELLUCID_CACHE"  # a folder; empty or "off": nothing is kept
LIMIT = 256 * 2**20  # bytes of all entries together
_MAGIC = b"pellucid code 1\n"
_DIGEST, _LENGTH = 32, 8
_HEAD = len(_MAGIC) + _DIGEST + _LENGTH
_NAME = re.compile(r"[0-9a-f]{64}\.code|\.[0-9a-f]{64}\.\d+\.\d+\.part")  # all that is ours here
_STARTED = time.time()  # the modules that make code were read at about this time
_LEFT = 3600.0  # seconds after which a part file belongs to no one who still writes

# Whatever decides the code of a graph is imported by this module, directly or not.
MAKER = "pellucid.runtime.machine_code"
_IMPORT = re.compile(r"^from (pellucid[\w.]*) import (\([^)]*\)|[^\n]*)", re.M)


class Entry(NamedTuple):
    """What is kept of one graph."""

    data: dict[str, Any]
    code: bytes


@functools.cache
def sources(maker: str = MAKER) -> str:
    """A hash of the source text that makes code: of a module and all that it imports of ours.

    "" where it cannot be read or is none of ours, and where it was edited since this process read
    it: then the text on disk is not what makes the code here.
    """
    if maker.partition(".")[0] != "pellucid":
        return ""
    whole = hashlib.sha256()
    try:
        for name, file in sorted(source_files(maker).items()):
            text = file.read_bytes()
            if file.stat().st_mtime > _STARTED:
                return ""
            whole.update(f"{name} {len(text)}\n".encode())
            whole.update(text)
    except OSError:
        return ""
    return whole.hexdigest()


def source_files(maker: str = MAKER) -> dict[str, Path]:
    """The file of each module of ours that takes part in making code, by the module's name."""
    root, files, waiting = Path(PACKAGE_FOLDER), {}, [maker]
    while waiting:
        name = waiting.pop()
        if name in files or name not in sys.modules:  # imported already, or no module but a name
            continue
        path = root.joinpath(*name.split(".")[1:])
        is_package = hasattr(sys.modules[name], "__path__")
        files[name] = file = path / "__init__.py" if is_package else path.with_suffix(".py")
        for base, names in _IMPORT.findall(file.read_text("utf-8")) if name != "pellucid" else ():
            waiting += [base, *(f"{base}.{one}" for one in re.findall(r"\w+", names))]
        waiting.append(name.rpartition(".")[0])
    return files


def key(*parts: str, maker: str = "") -> str:
    """The name of the entry for code that `parts` and our own sources decide; "" without one.

    Args:
        maker: a module that makes code too and is no part of what makes graphs into code.
    """
    own = sources()
    if own and maker:
        more = sources(maker)
        own = more and own + more
    if not own:  # a package without its sources cannot tell one version's code from another's
        return ""
    whole = hashlib.sha256(_MAGIC)
    for part in (own, *parts):
        text = part.encode("utf-8", "surrogatepass")
        whole.update(len(text).to_bytes(_LENGTH, "little"))
        whole.update(text)
    return whole.hexdigest()


def find(name: str) -> Entry | None:
    """Entry `name`; None where there is no whole one."""
    folder = _folder() if name else None
    if folder is None:
        return None
    path = _path(folder, name)
    content = _read(path)
    if content is None or not content.startswith(_MAGIC):
        return None
    digest, rest = content[len(_MAGIC) : _HEAD - _LENGTH], content[_HEAD - _LENGTH :]
    if hashlib.sha256(name.encode() + rest).digest() != digest:
        return None
    length = int.from_bytes(rest[:_LENGTH], "little")
    data: dict[str, Any] = json.loads(rest[_LENGTH : _LENGTH + length])
    with contextlib.suppress(OSError):
        os.utime(path)  # the oldest by last use leave first
    return Entry(data, rest[_LENGTH + length :])


def keep(name: str, data: Mapping[str, Any], code: bytes) -> None:
    """Writes entry `name`, and removes the oldest ones beyond the limit."""
    folder = _folder() if name else None
    if folder is None:
        return
    text = json.dumps(data).encode()
    rest = len(text).to_bytes(_LENGTH, "little") + text + code
    content = _MAGIC + hashlib.sha256(name.encode() + rest).digest() + rest
    if len(content) > LIMIT:
        return
    try:
        _write(_path(folder, name), content)
        _shrink(folder)
    except OSError as error:
        if VARIABLE in os.environ:
            _refuse(folder, f"cannot be written: {error.strerror}")


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.code"


def _read(path: Path) -> bytes | None:
    """The content of a plain file that only the user can write to."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        known = os.fstat(file)
        if not stat.S_ISREG(known.st_mode) or known.st_size > LIMIT or not _own(known):
            return None
        with open(file, "rb", buffering=0, closefd=False) as stream:
            return stream.read()
    except OSError:
        return None
    finally:
        os.close(file)


def _write(path: Path, content: bytes) -> None:
    """A whole file in its place. It needs not reach the disk: a part of it is no entry."""
    part = path.parent / f".{path.stem}.{os.getpid()}.{threading.get_ident()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(part, flags, 0o600), "wb") as stream:
            stream.write(content)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _shrink(folder: Path) -> None:
    """Removes what killed writers left, then the entries whose last use is longest ago."""
    total, entries = 0, []
    for path, known in _entries(folder):
        if path.suffix == ".part":
            if time.time() - known.st_mtime > _LEFT:
                _remove(path)
        else:
            total += known.st_size
            entries.append((known.st_mtime_ns, known.st_size, path))
    for _, size, path in sorted(entries):
        if total <= LIMIT:
            break
        _remove(path)
        total -= size


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Our own files. A folder that a person named may hold others."""
    with os.scandir(folder) as found:
        for item in found:
            if _NAME.fullmatch(item.name):
                with contextlib.suppress(OSError):  # another process removed it
                    yield Path(item.path), item.stat(follow_symlinks=False)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _folder() -> Path | None:
    """The folder of the entries, made if need be; None where nothing is to be kept.

    A folder that the user named and that cannot serve is worth a notice. Without a home, or with
    one that cannot be written, there is simply no cache.
    """
    named = os.environ.get(VARIABLE)
    if named is not None and named.strip().lower() in ("", "off"):
        return None
    folder = _default() if named is None else Path(named).expanduser().absolute()
    if folder is None:
        return None
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(0o700, parents=True)
        known = folder.lstat()
    except OSError as error:
        problem = f"cannot be made: {error.strerror}"
    else:
        problem = _problem(known)
    if problem and named is not None:
        _refuse(folder, problem)
    return None if problem else folder


def _default() -> Path | None:
    """Where this system keeps a user's caches."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "pellucid" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "pellucid"
    given = os.environ.get("XDG_CACHE_HOME", "")  # to be ignored where it is not absolute
    return (Path(given) if os.path.isabs(given) else home / ".cache") / "pellucid"


def _problem(known: os.stat_result) -> str:
    """Why code from a folder must not be run; "" where it may."""
    if stat.S_ISLNK(known.st_mode):
        return "must be no link"
    if not stat.S_ISDIR(known.st_mode):
        return "must be a folder"
    return "" if _own(known) else "must belong to you, and others must not be able to write to it"


def _own(known: os.stat_result) -> bool:
    """Whether a file is the user's, and no one else can write to it."""
    if os.name != "posix":  # Windows keeps profiles apart by itself
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return known.st_uid == os.geteuid() and not known.st_mode & others


def _refuse(folder: Path, problem: str) -> None:
    notices.once(
        f"Compiled code is not kept: {VARIABLE}={folder} {problem}. "
        f"Name another folder, or set {VARIABLE}=off."
    )
