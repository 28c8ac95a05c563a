"""The parts of the inspector's page as plain values: tensors, and what is opened on demand.

In: a `Moment`, a `Travel`, an array. Out: what a message holds: pictures without styles, text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import CompileError
from pellucid.inspector import landscape as around
from pellucid.inspector import landscape_pictures as pictures
from pellucid.inspector import maps, tensors
from pellucid.inspector.kernels import Kernels
from pellucid.inspector.moment import Moment
from pellucid.inspector.numpy_line import numpy_line
from pellucid.inspector.travel import Travel
from pellucid.viz import svg

Array = np.ndarray[Any, Any]
VIEWS = ("maps", "code")
LANDSCAPES = ("gradient", *around.PLANES)
FORMS = ("llvm", "assembly")
_STYLE = re.compile(r' style="[^"<>]*"')  # a page's security policy forbids such attributes
_MOST_KERNELS = 8  # that are listed of a node: a number may stand in many


def landscape(
    travel: Travel, number: int, which: str, stopped: Callable[[], bool]
) -> tuple[svg.Picture, str]:
    """The picture of the loss around a step, and the same in words."""
    if which == "gradient":
        line = around.along_gradient(travel, number, stopped)
        return pictures.draw_line(line, number), pictures.described_line(line)
    plane = around.plane(travel, number, which, stopped)
    return pictures.draw_plane(plane, number), pictures.described_plane(plane)


def maps_of(moment: Moment, n: int, at: Sequence[int]) -> dict[str, Any]:
    """A node's maps of one row, and the window of one number in the inputs."""
    if n in moment.fixed:
        return {"svg": None, "window": None, "lines": ["It belongs to no row of the batch."]}
    drawn = maps.draw_maps(moment, n, at) if maps.has_maps(moment, n) else None
    window, lines = maps.draw_window(moment, n, at) if moment.values[n].size else (None, [])
    return {
        "svg": None if drawn is None else plain_svg(drawn),
        "window": None if window is None else plain_svg(window),
        "lines": lines,
    }


def code_of(moment: Moment, n: int, kernels: Callable[[], Kernels]) -> dict[str, Any]:
    """A node as NumPy, and the kernels that compute it."""
    line = numpy_line(moment, n)
    shown: dict[str, Any] = {"numpy": line.text, "source": line.source, "kernels": [], "why": ""}
    if n >= moment.own and moment.ends.layered:
        return shown | {"why": "it is computed beside the step, for this page alone"}
    try:
        made = kernels()
        found = made.of(n)
        shown["why"] = made.why_none(n)
    except CompileError as error:
        return shown | {"why": error.short}
    shown["kernels"] = [
        {
            "number": one.number,
            "count": one.count,
            "name": one.name,
            "text": one.text,
            "nodes": [[k, moment.names[k]] for k in one.nodes],
        }
        for one in found[:_MOST_KERNELS]
    ]
    return shown


def plain_svg(made: svg.Picture) -> str:
    """A picture without a style sheet of its own: the page has it as a file."""
    return svg.element(
        "svg",
        svg.rect(0, 0, made.width, made.height, "paper"),
        _STYLE.sub("", made.body),
        xmlns="http://www.w3.org/2000/svg",
        width=made.width,
        height=made.height,
        viewBox=f"0 0 {svg.number(made.width)} {svg.number(made.height)}",
        cls="pel",
        role="group",
        aria_label=made.title,
    )


def within(value: Array, at: tuple[int, ...]) -> tuple[int, ...]:
    """The same element where there is one, else the first."""
    fits = len(at) == value.ndim and all(k < n for k, n in zip(at, value.shape, strict=True))
    return at if fits else (0,) * value.ndim


def number(value: Any) -> str:
    """A number with the fewest digits that are read back as it."""
    return str(value)


def tensor(value: Array, at: Sequence[int]) -> dict[str, Any]:
    """A tensor as the page shows it: its summary, the window around an element, that element."""
    whole = tensors.summary(value)
    shown = dataclasses.asdict(whole)
    part = tensors.window(value, within(value, tuple(at)))
    shown["window"] = {
        "before": list(part.before),
        "row": part.row,
        "column": part.column,
        "cells": [[number(cell) for cell in row] for row in part.cells],
    }
    if value.size:
        shown["element"] = number(value[within(value, tuple(at))])
    return shown
