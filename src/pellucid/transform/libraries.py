"""Whose code a file is: a library's, or the person's own, which may change while it is used.

In: a file's path. Out: whether it belongs to Python, to Pellucid, or to what was installed. What is
installed is found where installers put it: the folders named for it, NumPy's own wherever that is,
and in every other folder of `sys.path` the packages that a `.dist-info` beside them lists. A
person's own package may stand in the same folder.
"""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterator

import numpy as np

from pellucid.core.errors import PACKAGE_FOLDER


def in_library(file: str) -> bool:
    """Whether the file at this path is a library's."""
    return file.startswith(_folders(tuple(sys.path)))


@functools.lru_cache(maxsize=8)
def _folders(path: tuple[str, ...]) -> tuple[str, ...]:
    """What the paths of libraries' files begin with."""
    found = {PACKAGE_FOLDER, "<frozen", os.path.dirname(np.__file__) + os.sep}
    installed = [*map(sysconfig.get_paths().get, ("stdlib", "purelib", "platlib"))]
    installed += [*site.getsitepackages(), site.getusersitepackages()]
    found |= {folder for folder in installed if folder}
    for folder in path:
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            found.add(folder)
        elif not folder.startswith(tuple(found)):
            found |= set(_listed(folder))
    return tuple(found)


def _listed(folder: str) -> Iterator[str]:
    """The packages and modules in a folder that an installer put there."""
    try:
        records = [name for name in os.listdir(folder) if name.endswith(".dist-info")]
    except OSError:  # a zip file, or a folder that is gone
        return
    for record in records:
        try:
            with open(os.path.join(folder, record, "RECORD"), encoding="utf-8") as file:
                names = {line.split(",")[0].partition("/")[0] for line in file}
        except OSError:
            continue
        for name in names - {"", "..", record}:
            single = name.endswith(".py")
            yield os.path.join(folder, name if single else name + os.sep)
