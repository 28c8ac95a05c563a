"""Notices: what a person should know and that stops nothing, said once a process."""

from __future__ import annotations

import sys
import warnings

from pellucid.core.errors import PACKAGE_FOLDER

_said: set[str] = set()


def once(text: str) -> None:
    """Warns with `text` at the line of the person's own code, unless that was said before."""
    if text in _said:
        return
    _said.add(text)
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
