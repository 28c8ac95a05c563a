"""Reads pictures back: the boxes of a graph with their lines, texts, colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from pellucid.viz import Picture

SVG = "{http://www.w3.org/2000/svg}"


def tree(picture: Picture) -> ElementTree.Element:
    """The picture as a browser parses it: an error where it is no XML."""
    return ElementTree.fromstring(picture.svg)


def texts(picture: Picture | ElementTree.Element) -> list[str]:
    root = tree(picture) if isinstance(picture, Picture) else picture
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def nodes(picture: Picture) -> dict[str, list[str]]:
    """For each box that is no port the lines behind its head, by its head."""
    found = {}
    for one in tree(picture).iter(f"{SVG}g"):
        kinds = one.get("class", "").split()
        if "node" in kinds and "port" not in kinds:
            head, *rest = texts(one)
            found[head] = rest
    return found


def numbers(lines: list[str]) -> dict[str, float]:
    """`= -15` as value, `∂b/∂x = -5` by its name."""
    found = {}
    for line in lines:
        match = re.fullmatch(r"(.*?) ?= (-?[\d.]+(?:e[+-]?\d+)?)", line)
        if match:
            found[match[1] or "value"] = float(match[2])
    return found


def boxes(picture: Picture) -> list[tuple[float, float, float, float]]:
    """Corners and sides of the boxes of all nodes."""
    found = []
    for one in tree(picture).iter(f"{SVG}g"):
        if "node" in one.get("class", "").split():
            last = one.findall(f"{SVG}rect")[-1]
            found.append(tuple(float(last.get(key)) for key in ("x", "y", "width", "height")))
    return found


def overlaps(places: list[tuple[float, float, float, float]]) -> list[tuple[int, int]]:
    return [
        (n, m)
        for n, (x, y, w, h) in enumerate(places)
        for m, (a, b, c, d) in enumerate(places[:n])
        if x < a + c and a < x + w and y < b + d and b < y + h
    ]
