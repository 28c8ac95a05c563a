"""Notices: what a person should know and that stops nothing."""

from __future__ import annotations

import sys
import warnings

from pellucid.core.errors import PACKAGE_FOLDER

_said: set[str] = set()


def once(text: str) -> None:
    """`warn`, unless that was said before in this process."""
    if text not in _said:
        _said.add(text)
        warn(text)


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns with `text` at the line of the person's own code."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
