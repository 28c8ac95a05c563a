"""What a notebook shows of objects that stand below the pictures.

`pellucid` sets the painter; until then, and for what cannot be drawn, a notebook shows the text.
"""

from __future__ import annotations

from collections.abc import Callable

from pellucid.core.errors import PellucidError

_painters: list[Callable[[object], str]] = []


def paint_with(painter: Callable[[object], str]) -> None:
    """Names the function that makes an SVG of an object."""
    _painters[:] = [painter]


def svg(what: object) -> str | None:
    """The picture of an object; None where there is none, such as of a graph too large for one."""
    try:
        return _painters[0](what) if _painters else None
    except PellucidError:
        return None
