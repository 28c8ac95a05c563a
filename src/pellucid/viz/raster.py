"""A picture as PNG: the same shapes at the same places, drawn by matplotlib.

In: the SVG text of a `Picture`, which has few kinds of elements (see `svg.py`). Out: the bytes of
a PNG file, on white. Text is set in DejaVu, which matplotlib brings along; where a browser has
another font, its letters differ, and their places do not.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from pellucid.core.errors import MissingPackageError
from pellucid.core.forks import importing
from pellucid.viz.svg import COLOURS, SIZE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

_BEND = 4 / 3 * (2**0.5 - 1)  # of a quarter of a circle as one cubic curve
_CLASSES: dict[str, dict[str, Any]] = {  # as in the style sheet of `svg.py`
    **{"dash": {"dash": (6.0, 3.0)}, "dots": {"dash": (2.0, 3.0)}, "small": {"size": 11.0}},
    **{"mono": {"mono": True}, "head": {"bold": True}, "halo": {"halo": True}},
    **{"middle": {"align": "center"}, "end": {"align": "right"}},
}
_FAINT = 0.35
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_STEP = re.compile(r"([MLCZ])([^MLCZ]*)")
_COLOURS = {name: (kind, light) for name, (kind, light, _) in COLOURS.items()}


def png(picture: str, scale: float) -> bytes:
    """The PNG file of an SVG picture.

    Args:
        scale: pixels of the file for each pixel of the picture.

    Raises:
        MissingPackageError: without matplotlib.
    """
    root = ElementTree.fromstring(picture)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    figure = _figure(width, height, scale)
    try:
        painter = _Painter(figure, root, height, scale)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    painter.draw(root, _Look(), painter.whole)
    buffer = io.BytesIO()
    about = {"Title": root.get("aria-label", ""), "Software": "Pellucid"}
    figure.savefig(buffer, format="png", dpi=72 * scale, metadata=about)
    return buffer.getvalue()


def _figure(width: float, height: float, scale: float) -> Figure:
    try:
        with importing:  # optional, at first use
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    figure = Figure(figsize=(width / 72, height / 72), dpi=72 * scale)
    FigureCanvasAgg(figure)
    return figure


def _missing(error: ModuleNotFoundError) -> MissingPackageError:
    return MissingPackageError(
        "save",
        f"matplotlib must be installed, which writes PNG; got: {error}",
        "pip install 'pellucid[plot]', or save as .svg.",
    )


@dataclass(frozen=True)
class _Look:
    """What an element is drawn with."""

    fill: str | None = "#000000"
    stroke: str | None = None
    width: float = 1.0
    alpha: float = 1.0
    dash: tuple[float, float] | None = None
    size: float = float(SIZE)
    mono: bool = False
    bold: bool = False
    align: str = "left"
    halo: bool = False

    def of(self, one: ElementTree.Element) -> _Look:
        """That of an element inside, from its classes and attributes."""
        names = one.get("class", "").split()
        new: dict[str, Any] = {}
        for name in names:
            kind, colour = _COLOURS.get(name, ("", ""))
            new |= {kind: colour} if kind in ("fill", "stroke") else {}
            new |= _CLASSES.get(name, {})
        if "faint" in names:
            new["alpha"] = self.alpha * _FAINT
        if "bare" in names:
            new["fill"] = None
        style = dict(part.split(":") for part in one.get("style", "").split(";") if part)
        new["width"] = float(style.get("stroke-width", one.get("stroke-width", self.width)))
        if "font-size" in style:
            new["size"] = float(style["font-size"].removesuffix("px"))
        return replace(self, **new)


class _Painter:
    """Puts the elements of a picture into a figure, one above the other."""

    def __init__(self, figure: Figure, root: ElementTree.Element, height: float, scale: float):
        with importing:  # optional, at first use
            from matplotlib import image, patches, path, patheffects, text, transforms

        self.image, self.patches, self.path = image, patches, path
        self.effects, self.text, self.transforms = patheffects, text, transforms
        self.figure, self.scale = figure, scale
        self.whole = transforms.Affine2D().scale(scale, -scale).translate(0, height * scale)
        self.order = itertools.count()
        self.clips = {
            one.get("id"): one for one in root.iter() if _tag(one) == "clipPath" and len(one)
        }

    def draw(
        self,
        one: ElementTree.Element,
        around: _Look,
        place: Affine2D,
        clip: tuple[Path, Affine2D] | None = None,
    ) -> None:
        """An element and all that stands in it."""
        tag = _tag(one)
        if tag in ("title", "desc", "style", "clipPath"):
            return
        look = around.of(one)
        place = self._moved(one.get("transform", ""), place)
        named = _NAMED.fullmatch(one.get("clip-path", ""))
        if named:
            clip = self._outline(self.clips[named[1]][0]), place
        if tag == "text":
            artist: Any = self._words(one, look, place)
        elif tag == "image":
            artist = self._image(one, place)
        elif tag in ("svg", "g"):
            for part in one:
                self.draw(part, look, place, clip)
            return
        else:
            artist = self._shape(one, look, place)
        artist.set_zorder(next(self.order))
        self.figure.add_artist(artist)
        if clip is not None:
            artist.set_clip_path(*clip)

    def _moved(self, text: str, place: Affine2D) -> Affine2D:
        own = self.transforms.Affine2D()
        for name, given in reversed(re.findall(r"(\w+)\(([^)]*)\)", text)):
            numbers = [float(part) for part in _NUMBER.findall(given)]
            own = own.rotate_deg(*numbers) if name == "rotate" else own.translate(*numbers)
        return self.transforms.Affine2D(place.get_matrix() @ own.get_matrix())

    def _shape(self, one: ElementTree.Element, look: _Look, place: Affine2D) -> Any:
        thick = look.width if look.stroke else 0.0
        dashes = (0, tuple(part / thick for part in look.dash)) if look.dash and thick else "-"
        filled = look.fill is not None and _tag(one) != "line"
        return self.patches.PathPatch(
            self._outline(one),
            transform=place,
            facecolor=look.fill if filled else "none",
            edgecolor=look.stroke or "none",
            linewidth=thick,
            linestyle=dashes,
            alpha=look.alpha,
            capstyle="butt",
            joinstyle="miter",
        )

    def _outline(self, one: ElementTree.Element) -> Path:
        """The path of a shape, in its own coordinates."""
        steps = list(_steps(one))
        codes = [getattr(self.path.Path, name) for name, _ in steps]
        return self.path.Path([point for _, point in steps], codes)

    def _words(self, one: ElementTree.Element, look: _Look, place: Affine2D) -> Any:
        x, y = place.transform((_number(one, "x"), _number(one, "y")))
        shown = self.text.Text(
            x,
            y,
            one.text or "",
            color=look.fill,
            fontsize=look.size,
            family="DejaVu Sans Mono" if look.mono else "DejaVu Sans",
            weight="bold" if look.bold else "normal",
            ha=look.align,
            va="baseline",
            rotation=self._turn(place),
            rotation_mode="anchor",
            transform=self.transforms.IdentityTransform(),
            parse_math=False,
            alpha=look.alpha,
        )
        if look.halo and look.stroke:
            outline = self.effects.withStroke(linewidth=3, foreground=look.stroke)
            shown.set_path_effects([outline])
        return shown

    @staticmethod
    def _turn(place: Affine2D) -> float:
        """How far text is turned, against the clock."""
        matrix = place.get_matrix()
        return float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))

    def _image(self, one: ElementTree.Element, place: Affine2D) -> Any:
        data = base64.b64decode(one.get("href", "").partition(",")[2])
        x, y, width, height = (_number(one, name) for name in ("x", "y", "width", "height"))
        corners = place.transform([(x, y + height), (x + width, y)])
        sharp = one.get("class") == "pixels"
        shown = self.image.BboxImage(
            self.transforms.Bbox(corners),
            interpolation="nearest" if sharp else "bilinear",
            origin="upper",
        )
        shown.set_data(self.image.imread(io.BytesIO(data)))
        return shown


_NAMED = re.compile(r"url\(#(.+)\)")


def _tag(one: ElementTree.Element) -> str:
    return str(one.tag).rpartition("}")[2]


def _number(one: ElementTree.Element, name: str) -> float:
    return float(one.get(name, 0.0))


Point = tuple[float, float]


def _steps(one: ElementTree.Element) -> Iterator[tuple[str, Point]]:
    """A shape as moves, lines and curves, by matplotlib's names."""
    tag = _tag(one)
    if tag == "path":
        yield from _drawn(one.attrib["d"])
    elif tag == "line":
        yield "MOVETO", (_number(one, "x1"), _number(one, "y1"))
        yield "LINETO", (_number(one, "x2"), _number(one, "y2"))
    elif tag == "circle":
        r = _number(one, "r")
        yield from _rounded(_number(one, "cx") - r, _number(one, "cy") - r, 2 * r, 2 * r, r)
    elif tag == "rect":
        x, y, width, height = (_number(one, name) for name in ("x", "y", "width", "height"))
        yield from _rounded(x, y, width, height, min(_number(one, "rx"), width / 2, height / 2))
    else:
        raise AssertionError(f"a picture has no element {tag}")


def _drawn(text: str) -> Iterator[tuple[str, Point]]:
    """The commands M, L, C and Z of a path."""
    names: Mapping[str, str] = {"M": "MOVETO", "L": "LINETO", "C": "CURVE4"}
    for command, given in _STEP.findall(text):
        if command == "Z":
            yield "CLOSEPOLY", (0.0, 0.0)
            continue
        numbers = [float(part) for part in _NUMBER.findall(given)]
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            yield names[command], (x, y)


def _rounded(x: float, y: float, width: float, height: float, r: float) -> Iterator[Any]:
    """A rectangle whose corners are quarters of circles."""
    right, low, k = x + width, y + height, r * (1 - _BEND)
    yield "MOVETO", (x + r, y)
    corners = (
        ((right - r, y), (right - k, y), (right, y + k), (right, y + r)),
        ((right, low - r), (right, low - k), (right - k, low), (right - r, low)),
        ((x + r, low), (x + k, low), (x, low - k), (x, low - r)),
        ((x, y + r), (x, y + k), (x + k, y), (x + r, y)),
    )
    for start, *bend in corners:
        yield "LINETO", start
        if r:
            for point in bend:
                yield "CURVE4", point
    yield "CLOSEPOLY", (0.0, 0.0)
