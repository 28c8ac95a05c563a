"""What a notebook shows of objects that stand below the pictures.

`pellucid` sets the painter; until then, and for what cannot be drawn, a notebook shows the text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from html import escape

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


def text(what: object) -> str:
    """The text of an object as HTML: its lines stay whole and scroll to the side."""
    style = "white-space: pre; overflow-x: auto; font-family: monospace; line-height: 1.3"
    return f'<pre style="{style}">{_escaped(str(what))}</pre>'


def table(
    head: str,
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Collection[str] = (),
    said: Sequence[str] = (),
) -> str:
    """Rows of texts as an HTML table.

    Args:
        head: stands above it.
        names: of the columns.
        numbers: which columns hold numbers, which stand to the right.
        said: paragraphs below it.
    """
    sides = ["right" if name in numbers else "left" for name in names]

    def row(cells: Sequence[str], kind: str) -> str:
        inside = "".join(
            f'<{kind} style="text-align: {side}">{_escaped(cell)}</{kind}>'
            for cell, side in zip(cells, sides, strict=True)
        )
        return f"<tr>{inside}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    grid = f"<table><thead>{row(names, 'th')}</thead><tbody>{body}</tbody></table>"
    return f"<p>{_escaped(head)}</p>{grid}" + "".join(f"<p>{_escaped(one)}</p>" for one in said)


def _escaped(words: str) -> str:
    return escape(words.encode(errors="replace").decode())
