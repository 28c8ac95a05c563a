"""A function of two rows, over all pairs of rows of two blocks.

In: the graph of k(a, b) for rows a and b. Out: the same for blocks A (m, …) and B (n, …), as values
of the active recorder: (m, n, …). Each operation is recorded once. What hangs on a alone has an
axis for A, what hangs on b alone one for B, and what hangs on both has both, in this order; so the
product of two rows becomes one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pellucid.core.errors import GraphError
from pellucid.core.shapes import Dim
from pellucid.graph.node import CONST, Graph, Node
from pellucid.ops.contract import free_axes
from pellucid.ops.spec import Kind, lookup
from pellucid.ops.value import Value, apply, current

Axes = tuple[int, ...]  # 0 for A, 1 for B; ascending


class _Part(NamedTuple):
    """A value over some rows of A and of B: its first axes are those, the rest its own."""

    value: Value
    axes: Axes

    @property
    def own(self) -> tuple[Dim, ...]:
        return self.value.type.shape[len(self.axes) :]


class _Pairs:
    """The graph being written out over m rows of A and n rows of B."""

    def __init__(self, m: Dim, n: Dim):
        self._lengths = (m, n)

    def leading(self, axes: Axes) -> tuple[Dim, ...]:
        return tuple(self._lengths[one] for one in axes)

    def aligned(self, part: _Part, axes: Axes, rank: int) -> Value:
        """The value with 1 for every axis that it has not, so that it broadcasts."""
        if not part.axes:
            return part.value
        ones = (1,) * (rank - len(part.own))
        leading = tuple(self._lengths[one] if one in part.axes else 1 for one in axes)
        shape = (*leading, *ones, *part.own)
        if shape == part.value.type.shape:
            return part.value
        reshaped: Value = apply("reshape", part.value, shape=shape)
        return reshaped

    def whole(self, part: _Part, axes: Axes) -> Value:
        """The value with all of these axes in full length."""
        shape = (*self.leading(axes), *part.own)
        if part.axes == axes:
            return part.value
        value: Value = apply("broadcast_to", self.aligned(part, axes, len(part.own)), shape=shape)
        return value

    def record(self, node: Node, parts: Sequence[_Part]) -> _Part:
        axes = tuple(sorted({one for part in parts for one in part.axes}))
        if not axes:
            values = [part.value for part in parts]
            return _Part(current().apply(lookup(node.op), values, dict(node.attrs)), ())
        kind = lookup(node.op).kind
        if kind in (Kind.ELEMENTWISE, Kind.COMPARE):
            rank = max(len(part.own) for part in parts)
            values = [self.aligned(part, axes, rank) for part in parts]
            return _Part(apply(node.op, *values, **dict(node.attrs)), axes)
        if node.op == "contract":
            return self._contract(node, *parts)
        rule = _RULES.get(node.op)
        others = parts[1:]
        if kind is Kind.REDUCE:
            rule = _reduce
        if rule is None or (node.op != "concat" and any(part.axes for part in others)):
            raise GraphError(
                "kernel",
                f"a function of two rows must not use {node.op} in this way",
                "Write it for two blocks: k(A, B) gives (m, n) for A (m, D) and B (n, D).",
            )
        if node.op == "concat":
            values = [self.whole(part, axes) for part in parts]
        else:
            values = [part.value for part in parts]
        attrs = rule(dict(node.attrs), len(axes), self.leading(axes), parts[0].own)
        return _Part(apply(node.op, *values, **attrs), axes)

    def _contract(self, node: Node, x: _Part, y: _Part) -> _Part:
        """Axes that both have are batch axes; the others are free, and are put in front."""
        shared = [one for one in x.axes if one in y.axes]
        shift_x, shift_y = len(x.axes), len(y.axes)
        own = [(i + shift_x, j + shift_y) for i, j in node.attr("batch")]
        batch = [(x.axes.index(one), y.axes.index(one)) for one in shared] + own
        summed = [(i + shift_x, j + shift_y) for i, j in node.attr("summed")]
        attrs = dict(node.attrs) | {"batch": tuple(batch), "summed": tuple(summed)}
        value: Value = apply("contract", x.value, y.value, **attrs)
        labels: list[int] = [*shared, *[-1] * len(own)]
        for part, side in ((x, 0), (y, 1)):
            used = [pair[side] for pair in (*batch, *summed)]
            free = free_axes(len(part.value.type.shape), used)
            labels += [part.axes[i] if i < len(part.axes) else -1 for i in free]
        axes = tuple(sorted(one for one in labels if one >= 0))
        order = [labels.index(one) for one in axes]
        order += [i for i, one in enumerate(labels) if one < 0]
        if order != list(range(len(order))):
            value = apply("permute_dims", value, axes=tuple(order))
        return _Part(value, axes)


Attrs = dict[str, Any]
Rule = Callable[[Attrs, int, tuple[Dim, ...], tuple[Dim, ...]], Attrs]


def _reduce(attrs: Attrs, k: int, leading: Any, own: Any) -> Attrs:
    axis = attrs["axis"]
    moved = tuple(i + k for i in axis) if isinstance(axis, tuple) else axis + k
    return attrs | {"axis": moved}


def _slice(attrs: Attrs, k: int, leading: tuple[Dim, ...], own: Any) -> Attrs:
    return {
        "start": (0,) * k + attrs["start"],
        "stop": leading + attrs["stop"],
        "step": (1,) * k + attrs["step"],
    }


def _pad(attrs: Attrs, k: int, leading: Any, own: Any) -> Attrs:
    return {name: (0,) * k + attrs[name] for name in ("low", "high", "interior")}


_RULES: dict[str, Rule] = {
    "reshape": lambda attrs, k, leading, own: {"shape": leading + attrs["shape"]},
    "broadcast_to": lambda attrs, k, leading, own: {"shape": leading + attrs["shape"]},
    "permute_dims": lambda attrs, k, leading, own: {
        "axes": (*range(k), *(i + k for i in attrs["axes"]))
    },
    "slice": _slice,
    "pad": _pad,
    "flip": _reduce,
    "gather": _reduce,
    "concat": _reduce,
    "size": _reduce,
    "windows": lambda attrs, k, leading, own: attrs | {"axes": tuple(i + k for i in attrs["axes"])},
}


def over_pairs(graph: Graph, a: Value, b: Value) -> Value:
    """k of every row of `a` with every row of `b`, recorded: (m, n).

    Args:
        graph: of k, with two inputs (D,) and one output (); what it closes over are constants.
        a: (m, D); b: (n, D).

    Raises:
        GraphError: for an operation that has no form over pairs.
    """
    pairs = _Pairs(a.type.shape[0], b.type.shape[0])
    recorder: Any = current()
    parts: dict[int, _Part] = {
        graph.inputs[0]: _Part(a, (0,)),
        graph.inputs[1]: _Part(b, (1,)),
    }
    for position, node in enumerate(graph.nodes):
        if position in parts:
            continue
        if node.op == CONST:
            const = graph.consts[node.attr("name")]
            parts[position] = _Part(recorder.lift(const.array), ())
        elif node.op == "broadcast_to":
            source = parts[node.inputs[0]]
            rank = len(node.type.shape)
            wide = _Part(pairs.aligned(source, source.axes, rank), source.axes)
            parts[position] = pairs.record(node, [wide])
        else:
            parts[position] = pairs.record(node, [parts[source] for source in node.inputs])
    return pairs.whole(parts[graph.outputs[0]], (0, 1))
