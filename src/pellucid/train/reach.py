"""Whether numbers that pick rows of a batch stay in their own. In: a graph with N. Out: bounds.

A value with a part for each row may be a·r + t for row r, as the places of a row's elements are
where all rows stand in one axis. `sort` along another axis and layers that read images between
their pixels gather that way. Where t is known to lie in [0, a), each row picks from itself alone.

The bounds follow from the graph: `argsort` gives numbers below the length of its axis, `minimum` of
two values none above either's bound. What is not known has the bounds ±∞.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.core.dtypes import int64
from pellucid.core.shapes import Batch
from pellucid.graph.node import Graph, Node


@dataclass(frozen=True)
class Reach:
    """The elements of row r lie in [scale·r + low, scale·r + high], or are NaN."""

    scale: int
    low: float
    high: float

    def within(self, length: int) -> bool:
        """Whether row r has places among its own `length` elements of an axis length·N."""
        return self.scale == length and self.low >= 0 and self.high < length


_UNKNOWN = Reach(0, -math.inf, math.inf)
Rule = Callable[[Node, Sequence[Node], Sequence[Reach]], Reach]


def reaches(graph: Graph) -> list[Reach]:
    """The bounds of each node, in the order of the graph."""
    found: list[Reach] = []
    for node in graph.nodes:
        rule = _RULES.get(node.op)
        inputs = [graph.nodes[i] for i in node.inputs]
        found.append(rule(node, inputs, [found[i] for i in node.inputs]) if rule else _UNKNOWN)
    return found


def _held(node: Node, scale: int, low: float, high: float) -> Reach:
    """These bounds, where a node computes them exactly: in integers that hold them."""
    dtype = node.type.dtype
    exact = dtype.is_integer and dtype.holds(low) and dtype.holds(high)
    return Reach(scale, low, high) if exact and (not scale or dtype == int64) else _UNKNOWN


def _full(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    value = np.asarray(node.attr("value")).astype(node.type.dtype.name).item()
    return _UNKNOWN if math.isnan(value) else Reach(0, value, value)


def _iota(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    length = node.type.shape[node.attr("axis")]
    scale = length.scale if isinstance(length, Batch) else 0
    return _held(node, scale, 0, (scale or length) - 1)


def _place(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """A place along one axis of the input: the attribute's, or the last one."""
    axis = node.attr("axis") if node.op == "argmax" else -1
    length = inputs[0].type.shape[axis]
    return _UNKNOWN if isinstance(length, Batch) else Reach(0, 0, length - 1)


def _add(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    x, y = of
    return _held(node, x.scale + y.scale, x.low + y.low, x.high + y.high)


def _subtract(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    x, y = of
    return _held(node, x.scale - y.scale, x.low - y.high, x.high - y.low)


def _multiply(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    x, y = of if of[1].low == of[1].high else of[::-1]
    factor = y.low
    if y.scale or y.high != factor or not node.type.dtype.is_integer:
        return _UNKNOWN
    ends = (x.low * factor, x.high * factor)
    return _held(node, x.scale * int(factor), min(ends), max(ends))


def _either(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """One of the values: `where`, and `concat`."""
    among = of[1:] if node.op == "where" else of
    if len({one.scale for one in among}) != 1:
        return _UNKNOWN
    return Reach(among[0].scale, min(one.low for one in among), max(one.high for one in among))


def _extreme(pick: Callable[[float, float], float]) -> Rule:
    def rule(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
        x, y = of
        if x.scale != y.scale:
            return _UNKNOWN
        return Reach(x.scale, pick(x.low, y.low), pick(x.high, y.high))

    return rule


def _floor(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    (x,) = of
    low, high = (math.floor(end) if math.isfinite(end) else end for end in (x.low, x.high))
    return Reach(x.scale, low, high)


def _cast(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """A cast drops what stands behind the point; NaN becomes a number that no axis has."""
    (x,) = of
    if x.scale and not inputs[0].type.dtype.is_integer:
        return _UNKNOWN
    low, high = (math.trunc(end) if math.isfinite(end) else end for end in (x.low, x.high))
    return _held(node, x.scale, low, high)


def _remainder(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """The remainder has the sign of the divisor."""
    _, y = of
    known = y.low == y.high and y.low > 0 and not y.scale
    return _held(node, 0, 0, y.low - 1) if known else _UNKNOWN


def _read(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """What is read out of a table that is the same for all rows; another index is an error."""
    return of[0] if of[0].scale == 0 else _UNKNOWN


def _moved(node: Node, inputs: Sequence[Node], of: Sequence[Reach]) -> Reach:
    """Elements that stay in their rows, as all moves do that are let through."""
    return of[0]


_RULES: dict[str, Rule] = {
    "full": _full,
    "iota": _iota,
    **dict.fromkeys(("argsort", "argmax"), _place),
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    **dict.fromkeys(("where", "concat"), _either),
    "maximum": _extreme(max),
    "minimum": _extreme(min),
    "floor": _floor,
    "cast": _cast,
    "remainder": _remainder,
    "gather": _read,
    **dict.fromkeys(
        ("reshape", "broadcast_to", "permute_dims", "slice", "flip", "stop_gradient"), _moved
    ),
}
