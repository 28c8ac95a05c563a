"""Pictures as SVG text: elements, the width of text, colours for light and dark, files.

In: shapes in user units (pixels at 100 %). Out: a `Picture`. Colours are classes, so that one
picture serves a light and a dark screen, and a page may style it; nothing is told by colour alone.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pellucid.core import forks
from pellucid.core.arguments import checked, integer, real
from pellucid.core.errors import ArgumentError
from pellucid.core.files import as_path, check_target, write_atomically

SANS, MONO = "system-ui,'DejaVu Sans',sans-serif", "'DejaVu Sans Mono',Menlo,Consolas,monospace"
SIZE = 13  # of text
_MOST_PIXELS = 20_000  # of a PNG file, along each side

# class: (property, on white, on dark). Blue and vermillion differ for every kind of colour vision;
# text has a contrast of 4.5 to its ground, lines and areas that carry meaning one of 3.
COLOURS: dict[str, tuple[str, str, str]] = {
    "paper": ("fill", "#ffffff", "#14171c"),
    "panel": ("fill", "#f3f5f7", "#1d2229"),
    "box": ("fill", "#ffffff", "#262c35"),
    "ink": ("fill", "#1b1f24", "#e8eaed"),
    "muted": ("fill", "#4d5661", "#b3bac4"),
    "plus": ("fill", "#00619a", "#6cc0f2"),
    "minus": ("fill", "#a84300", "#ff9d5c"),
    "plus-area": ("fill", "#0072b2", "#56b4e9"),
    "minus-area": ("fill", "#d55e00", "#f0803c"),
    "line": ("stroke", "#5f6a76", "#97a1ad"),
    "axis": ("stroke", "#7b8591", "#7f8a97"),
    "grid": ("stroke", "#dfe3e8", "#2c333d"),
    "plus-line": ("stroke", "#0072b2", "#56b4e9"),
    "minus-line": ("stroke", "#d55e00", "#f0803c"),
    "ink-line": ("stroke", "#1b1f24", "#e8eaed"),
    "paper-line": ("stroke", "#ffffff", "#14171c"),
}
SHADES = 8  # of a surface, from low to high


def _shades() -> dict[str, tuple[str, str, str]]:
    """From near the ground to blue, on white and on dark."""

    def mixed(ground: str, colour: str, share: float) -> str:
        pairs = zip(bytes.fromhex(ground), bytes.fromhex(colour), strict=True)
        return "#" + bytes(round(a + (b - a) * share) for a, b in pairs).hex()

    found = {}
    for k in range(SHADES):
        share = 0.15 + 0.8 * k / (SHADES - 1)
        pair = mixed("ffffff", "0072b2", share), mixed("14171c", "56b4e9", share)
        found[f"shade{k}"] = ("fill", *pair)
    return found


COLOURS |= _shades()
_FIXED = (
    f"text{{font:{SIZE}px {SANS}}}.mono{{font-family:{MONO}}}.small{{font-size:11px}}"
    ".head{font-weight:600}.bare{fill:none}.middle{text-anchor:middle}.end{text-anchor:end}"
    ".halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}"
    ".dash{stroke-dasharray:6 3}.dots{stroke-dasharray:2 3}.faint{opacity:.35}"
)


def style() -> str:
    """The style sheet of all pictures; every rule stands under the class of the root."""
    rules = _FIXED.replace("}", "}\n").split("\n")
    fixed = "".join(f".pel {rule}" for rule in rules if rule)
    light, dark = (
        "".join(f".pel .{name}{{{row[0]}:{row[n]}}}" for name, row in COLOURS.items())
        for n in (1, 2)
    )
    return f"{fixed}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def plain(text: object) -> str:
    """Text that XML can hold: control characters, lone surrogates and the two code points of the
    first plane that XML leaves out are replaced."""
    return "".join("�" if _is_odd(c) else c for c in str(text))


def _is_odd(c: str) -> bool:
    return c in "\ufffe\uffff" or (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t")


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(name: str, *inside: str, **attributes: Any) -> str:
    """`<name …>inside</name>`; `cls` stands for class, `_` for `-`; None leaves one out."""
    words = []
    for key, value in attributes.items():
        if value is None:
            continue
        key = {"cls": "class"}.get(key, key.replace("_", "-"))
        shown = number(value) if isinstance(value, float) else plain(value)
        words.append(f" {key}={quoteattr(shown)}")
    start = f"<{name}{''.join(words)}"
    return f"{start}>{''.join(inside)}</{name}>" if inside else f"{start}/>"


def words(x: float, y: float, text: object, cls: str | None = "ink", **attributes: Any) -> str:
    """One line of text; y is its base line."""
    own = escape(plain(text))
    return element("text", own, x=float(x), y=float(y), cls=cls, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, cls: str = "line", **attributes: Any) -> str:
    ends = {"x1": float(x1), "y1": float(y1), "x2": float(x2), "y2": float(y2)}
    return element("line", **ends, cls=cls, **attributes)


def rect(
    x: float, y: float, width: float, height: float, cls: str = "box line", **attributes: Any
) -> str:
    sides = {"x": float(x), "y": float(y), "width": float(width), "height": float(height)}
    return element("rect", **sides, cls=cls, **attributes)


def circle(x: float, y: float, radius: float, cls: str = "box line", **attributes: Any) -> str:
    return element("circle", cx=float(x), cy=float(y), r=float(radius), cls=cls, **attributes)


def path(points: Iterable[tuple[float, float]], cls: str, closed: bool = False, **more: Any) -> str:
    """Straight lines through points."""
    return element("path", d=trail(points, closed), cls=cls, **more)


def trail(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    text = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{text}{'Z' * closed}"


def smooth(way: Sequence[tuple[float, float]], horizontal: bool = True) -> str:
    """A curve through points that leaves and reaches each of them along one axis."""
    text = f"M{number(way[0][0])} {number(way[0][1])}"
    for (x1, y1), (x2, y2) in itertools.pairwise(way):
        if horizontal:
            half = (x1 + x2) / 2
            points = [(half, y1), (half, y2), (x2, y2)]
        else:
            half = (y1 + y2) / 2
            points = [(x1, half), (x2, half), (x2, y2)]
        text += "C" + " ".join(f"{number(x)} {number(y)}" for x, y in points)
    return text


def group(*inside: str, title: str = "", **attributes: Any) -> str:
    """Parts that belong together; `title` is what a browser shows under the cursor."""
    head = [element("title", escape(plain(title)))] if title else []
    return element("g", *head, *inside, **attributes)


def arrow(x: float, y: float, dx: float, dy: float, cls: str = "ink", size: float = 7) -> str:
    """The head of an arrow that ends in (x, y), pointing along (dx, dy)."""
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length * size, dy / length * size
    back = (x - dx, y - dy)
    left = (back[0] - dy * 0.45, back[1] + dx * 0.45)
    right = (back[0] + dy * 0.45, back[1] - dx * 0.45)
    return path([(x, y), left, right], cls, closed=True)


_NARROW = frozenset("iljtfrI.,:;'|!()[] ")
_WIDE = frozenset("mwMWOQ@%∑Σ—→←")


def width(text: str, size: float = SIZE, mono: bool = False) -> float:
    """How wide a line of text is at most in common fonts, in pixels."""
    total = 0.0
    for c in text:
        if unicodedata.combining(c):
            continue
        if unicodedata.east_asian_width(c) in "WF":
            total += 1.0
        elif mono:
            total += 0.61
        elif c in _NARROW:
            total += 0.4
        else:
            total += 0.92 if c in _WIDE else 0.69 if c.isupper() else 0.635
    return total * size


_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscript(number: int) -> str:
    return str(number).translate(_LOWERED)


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Picture:
    """A picture as SVG. A notebook shows it; `save` writes it.

    Attributes:
        svg: the text of the file.
        width, height: in pixels.
        title: what it shows, in a line; a screen reader reads it.
    """

    def __init__(self, body: str, width: float, height: float, title: str, described: str = ""):
        self.width, self.height, self.title = width, height, title
        self.body, self.described = body, described

    @property
    def svg(self) -> str:
        size = {"width": float(self.width), "height": float(self.height)}
        inside = [
            element("title", escape(plain(self.title))),
            *([element("desc", escape(plain(self.described)))] if self.described else []),
            element("style", style()),
            rect(0, 0, self.width, self.height, "paper"),
            self.body,
        ]
        return element(
            "svg",
            *inside,
            xmlns="http://www.w3.org/2000/svg",
            **size,
            viewBox=f"0 0 {number(self.width)} {number(self.height)}",
            cls="pel",
            role="img",
            aria_label=self.title,
        )

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Picture({self.title!r}, {self.width:.0f} × {self.height:.0f})"

    @checked
    def save(
        self, path: str | Path, *, scale: float | None = None, overwrite: bool = False
    ) -> None:
        """Writes the picture as an SVG or a PNG file, whole or not at all.

        Args:
            path: ends in .svg or .png. PNG is drawn by matplotlib, on white: the same shapes at
                the same places, with its fonts.
            scale: of PNG, its pixels for each pixel of the picture; 2 unless given.
            overwrite: whether a file that stands there may be replaced.

        Raises:
            ArgumentError: where the file cannot be written, or exists and `overwrite` is False.
            MissingPackageError: for PNG without matplotlib.
        """
        target = as_path("save", path)
        kind = target.suffix.lower()
        if kind not in (".svg", ".png"):
            raise ArgumentError(
                f'save "{target}"',
                f"the name must end in .svg or .png, got {target.name!r}",
                "Write picture.save('picture.svg').",
            )
        if scale is not None and kind == ".svg":
            raise ArgumentError("save", f"scale is of PNG files, got {scale!r}", "Leave it out.")
        check_target(target, overwrite)
        data = self.svg.encode() if kind == ".svg" else self._png(2.0 if scale is None else scale)
        write_atomically(target, data, overwrite=overwrite)

    def _png(self, scale: float) -> bytes:
        real("save", "scale", scale, 0.1, 16)
        longest = max(self.width, self.height)
        if longest * scale > _MOST_PIXELS:
            raise ArgumentError(
                "save",
                f"a PNG file has at most {_MOST_PIXELS:,} pixels a side, got "
                f"{longest * scale:,.0f}",
                f"Write scale={_MOST_PIXELS / longest:.2g} or less, or save as .svg.",
            )
        return bytes(forks.load("pellucid.viz.raster").png(self.svg, float(scale)))


@checked
def beside(pictures: Sequence[Picture], title: str, columns: int = 2) -> Picture:
    """Pictures in rows of `columns`, as one."""
    if not isinstance(pictures, (list, tuple)) or not pictures:
        raise ArgumentError("beside", f"pictures must be a list of pictures, got {pictures!r}")
    for one in pictures:
        if not isinstance(one, Picture):
            raise ArgumentError("beside", f"pictures must be pictures, got {one!r}")
    if not isinstance(title, str):
        raise ArgumentError("beside", f"title must be text, got {title!r}")
    every, columns = list(pictures), integer("beside", "columns", columns, 1, 1000)
    rows = [every[n : n + columns] for n in range(0, len(every), columns)]
    parts, y, wide = [], 0.0, 0.0
    for row in rows:
        x = 0.0
        for one in row:
            parts.append(group(one.body, transform=f"translate({number(x)} {number(y)})"))
            x += one.width
        y += max(one.height for one in row)
        wide = max(wide, x)
    return Picture("".join(parts), wide, y, title)
