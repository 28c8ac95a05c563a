"""Random graphs of floats over all kinds of rows, and which kind feeds which in them.

Each row is computed as it is drawn, so that a graph's numbers stay finite but for a few on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.core.dtypes import DType, bool_, float32, float64, int64
from pellucid.core.errors import PellucidError
from pellucid.core.shapes import Dim, N, Shape
from pellucid.graph.node import INPUT, Graph, Node, TensorType
from pellucid.ops.spec import REGISTRY, Kind, lookup
from pellucid.ops.value import Builder, Value, apply, cast, elementwise, number
from pellucid.runtime.extras import NUMPY

ROWS = 5  # what N is while a graph is drawn
INDEX = 3  # index inputs are below this
INPUTS: dict[str, tuple[Shape, DType | None]] = {
    "x": ((N, 3), None),
    "row": ((3,), None),
    "column": ((N, 1), None),
    "one": ((), None),
    "square": ((3, 3), None),
    "images": ((N, 4, 3), None),
    "block": ((4, 5, 2), None),
    "seed": ((), int64),
    "whole": ((N, 3), int64),
    "index": ((4,), int64),
    "mask": ((N, 3), bool_),
}
EACH = {
    (kind, arity): sorted(
        name
        for name, op in REGISTRY.items()
        if op.kind is kind and len(op.inputs) == arity and not op.attrs and not op.user
    )
    for kind in (Kind.ELEMENTWISE, Kind.COMPARE)
    for arity in (1, 2)
}
FAMILIES = (*(kind.value for kind in Kind), "windows", "fold")
DRAWN = (*FAMILIES, "elementwise", "elementwise", "contract")  # most work is in these
# A boolean is no number: it is neither summed nor multiplied, and no seed.
IMPOSSIBLE = {("compare", family) for family in ("reduce", "contract", "fold", "random")}
POSSIBLE = {(a, b) for a in FAMILIES for b in FAMILIES} - IMPOSSIBLE
COMPARED: set[tuple[str, str]] = set()  # edges of the graphs that were compared


def family(node: Node) -> str:
    """The kind of a node's row; windows and their transpose are kinds of their own."""
    if node.op in (INPUT, "windows", "fold"):
        return node.op
    return lookup(node.op).kind.value


def edges(graph: Graph) -> set[tuple[str, str]]:
    """Which kind of row feeds which other one."""
    kinds = [family(node) for node in graph.nodes]
    return {
        (kinds[source], kind)
        for node, kind in zip(graph.nodes, kinds, strict=True)
        for source in node.inputs
        if kinds[source] != INPUT
    }


def covered() -> str:
    """What the graphs that were compared had in them, in one line."""
    text = f"random graphs: {len(COMPARED)} of {len(POSSIBLE)} pairs of kinds compared"
    missing = sorted(f"{a} → {b}" for a, b in POSSIBLE - COMPARED)
    return f"{text}; not {', '.join(missing)}" if missing else text


def given(graph: Graph, rows: int) -> list[np.ndarray]:
    """Inputs of a drawn graph."""
    rng = np.random.default_rng(rows)
    arrays: list[Any] = []
    for type in graph.input_types:
        shape = shapes.bind(type.shape, rows)
        if type.dtype.is_float:
            arrays.append(rng.normal(size=shape))
        else:
            arrays.append(rng.integers(0, 2 if type.dtype.kind == "b" else INDEX, shape))
        arrays[-1] = np.asarray(arrays[-1]).astype(type.dtype.name)
    return arrays


def forward(node: Node, inputs: list[Any], rows: int) -> np.ndarray:
    """What the interpreter computes for one node."""
    attrs = {name: shapes.bind(value, rows) for name, value in node.attrs}
    with np.errstate(all="ignore"):
        return np.asarray(lookup(node.op).forward(NUMPY, *inputs, **attrs))


class AnyGraph:
    """A graph under construction from a seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.dtype = (float32, float64)[seed % 2]
        self.builder = Builder()
        self.values: list[Value] = []
        self.arrays: list[np.ndarray] = []  # of every node

    def graph(self) -> Graph:
        """A graph of some outputs."""
        count = self.random.randrange(8, 16)
        with self.builder:
            for name, (shape, dtype) in INPUTS.items():
                type = TensorType(dtype or self.dtype, shape)
                self.values.append(self.builder.input(name, type))
            self.arrays = given(self.builder.graph(self.values), ROWS)
            first = len(self.values)
            while len(self.values) < first + count:
                self.grow()
        made = self.values[first:]
        return self.builder.graph([*self.random.sample(made[:-1], 3), made[-1]])

    def grow(self) -> None:
        """One more row, if it can be had and its numbers are fit to go on with."""
        make: Callable[[], Value | None] = getattr(self, f"_{self.random.choice(DRAWN)}")
        try:
            made = make()
        except PellucidError:  # shapes that do not fit
            made = None
        nodes = self.builder.nodes
        for node in nodes[len(self.arrays) :]:
            self.arrays.append(forward(node, [self.arrays[i] for i in node.inputs], ROWS))
        if made is None or any(made is value for value in self.values):
            return
        array = self.arrays[made.position]
        large = array.dtype.kind == "f" and not (np.abs(array) < 1e6).all()
        if array.size <= 2000 and array.ndim <= 5 and (not large or self.chance(0.02)):
            self.values.append(made)

    # -- choices --------------------------------------------------------------------------------

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def pick(self, fits: Callable[[Value], bool] = lambda value: True) -> Value | None:
        """A value that fits: first a kind of producer, then one of its values."""
        groups: dict[str, list[Value]] = {}
        for value in filter(fits, self.values):
            groups.setdefault(family(self.builder.nodes[value.position]), []).append(value)
        return self.random.choice(groups[self.random.choice(list(groups))]) if groups else None

    def numeric(self) -> Value | None:
        return self.pick(lambda value: value.type.dtype.kind != "b")

    def still(self, value: Value, least: int = 1) -> list[int]:
        """The axes of known length."""
        return [
            i for i, dim in enumerate(value.type.shape) if isinstance(dim, int) and dim >= least
        ]

    def axes(self, value: Value) -> tuple[int, ...]:
        return tuple(i for i in range(len(value.type.shape)) if self.chance(0.5))

    def beside(self, x: Value, shape: Shape | None = None) -> Value | None:
        """Another value of its dtype, of `shape` or one that broadcasts."""

        def fits(value: Value) -> bool:
            if value.type.dtype != x.type.dtype:
                return False
            if shape is not None:
                return value.type.shape == shape
            return _broadcasts(x.type.shape, value.type.shape)

        return self.pick(fits)

    def bounded(self, value: Value, length: int) -> Value:
        """Whole numbers as indices: clamped where they are not known to be below `length`."""
        node = self.builder.nodes[value.position]
        if node.op == INPUT and node.attr("name") == "index" and length >= INDEX:
            return value
        low = elementwise("maximum", value, number(0, value.type.dtype))
        return elementwise("minimum", low, number(length - 1, value.type.dtype))

    # -- one method a family --------------------------------------------------------------------

    def _each(self, kind: Kind) -> Value | None:
        arity = self.random.choice((1, 2))
        op = lookup(self.random.choice(EACH[kind, arity]))
        x = self.pick(lambda value: value.type.dtype in op.accepts)
        y = self.beside(x) if x is not None and arity == 2 else x
        if x is None or y is None:
            return None
        return apply(op.name, *((x, y) if arity == 2 else (x,)))

    def _elementwise(self) -> Value | None:
        choice = self.random.randrange(5)
        if choice == 0:
            return self._where()
        return self._cast() if choice == 1 else self._each(Kind.ELEMENTWISE)

    def _where(self) -> Value | None:
        mask = self.pick(lambda value: value.type.dtype == bool_)
        x = self.pick()
        y = self.beside(x) if x is not None else None
        return None if mask is None or x is None or y is None else apply("where", mask, x, y)

    def _cast(self) -> Value | None:
        x = self.pick()
        assert x is not None
        if not x.type.dtype.is_float:
            return cast(x, self.random.choice((self.dtype, self.dtype, int64, bool_)))
        if self.chance(0.3):
            return cast(x, self.random.choice((float32, float64, bool_)))
        small = elementwise("less", elementwise("abs", x), number(100, x.type.dtype))
        return cast(apply("where", small, x, number(0, x.type.dtype)), int64)

    def _compare(self) -> Value | None:
        return self._each(Kind.COMPARE)

    def _reduce(self) -> Value | None:
        x, keepdims = self.numeric(), self.chance(0.5)
        assert x is not None
        if x.type.shape and self.chance(0.25):
            axis = self.random.randrange(len(x.type.shape))
            return apply("argmax", x, axis=axis, keepdims=keepdims)
        name = self.random.choice(("sum", "sum", "max", "min"))
        return apply(name, x, axis=self.axes(x), keepdims=keepdims)

    def _movement(self) -> Value | None:
        x = self.pick()
        assert x is not None
        ways = (
            self._reshape,
            self._permute,
            self._broadcast,
            self._slice,
            self._flip,
            self._concat,
            self._pad,
        )
        return self.random.choice(ways)(x)

    def _reshape(self, x: Value) -> Value:
        shape = x.type.shape
        if self.chance(0.4):
            return apply("reshape", x, shape=(shapes.size(shape),))
        place = self.random.randrange(len(shape) + 1)
        return apply("reshape", x, shape=(*shape[:place], 1, *shape[place:]))

    def _permute(self, x: Value) -> Value:
        rank = len(x.type.shape)
        return apply("permute_dims", x, axes=tuple(self.random.sample(range(rank), rank)))

    def _broadcast(self, x: Value) -> Value:
        wide = tuple(2 if dim == 1 else dim for dim in x.type.shape)
        new: Dim = 2 if shapes.has_batch(wide) else N
        return apply("broadcast_to", x, shape=(new, *wide) if self.chance(0.5) else wide)

    def _slice(self, x: Value) -> Value:
        start, step = [0] * len(x.type.shape), [1] * len(x.type.shape)
        stop = list(x.type.shape)
        for axis in self.still(x):
            length = stop[axis]
            assert isinstance(length, int)
            start[axis] = self.random.randrange(length)
            stop[axis] = self.random.randint(start[axis] + 1, length)
            step[axis] = self.random.choice((1, 1, 2))
        return apply("slice", x, start=tuple(start), stop=tuple(stop), step=tuple(step))

    def _flip(self, x: Value) -> Value:
        return apply("flip", x, axis=self.axes(x))

    def _concat(self, x: Value) -> Value | None:
        y = self.beside(x, x.type.shape)
        rank = len(x.type.shape)
        return apply("concat", x, y, axis=self.random.randrange(rank)) if rank else None

    def _pad(self, x: Value) -> Value | None:
        value = self.beside(x, ())
        known = self.still(x)
        if value is None:
            return None
        widths = [
            tuple(self.random.randrange(3) if i in known else 0 for i in range(len(x.type.shape)))
            for _ in range(3)
        ]
        return apply("pad", x, value, low=widths[0], high=widths[1], interior=widths[2])

    def _over(self, x: Value, known: list[int]) -> dict[str, Any]:
        """Attributes of windows that fit into one or two of the axes, or into none."""
        axes = sorted(self.random.sample(known, min(len(known), self.random.choice((1, 1, 2)))))
        size, stride, dilation = [], [], []
        for axis in axes:
            length = x.type.shape[axis]
            assert isinstance(length, int)
            size.append(self.random.randint(1, min(3, length)))
            stride.append(self.random.randint(1, 3))
            dilation.append(2 if (size[-1] - 1) * 2 < length and self.chance(0.3) else 1)
        return {
            "axes": tuple(axes),
            "size": tuple(size),
            "stride": tuple(stride),
            "dilation": tuple(dilation),
        }

    def _windows(self) -> Value | None:
        x = self.pick()
        assert x is not None
        return apply("windows", x, **self._over(x, self.still(x, 2)))

    def _fold(self) -> Value | None:
        """The last axis is taken as what runs inside a window of another one."""
        x = self.numeric()
        assert x is not None
        shape, known = x.type.shape, self.still(x)
        if len(known) < 2 or known[-1] != len(shape) - 1:
            none: dict[str, Any] = dict.fromkeys(("axes", "size", "stride", "dilation"), ())
            return apply("fold", x, **none, lengths=())
        axis, stride = self.random.choice(known[:-1]), self.random.randint(1, 3)
        count, size = shape[axis], shape[-1]
        dilation = self.random.choice((1, 1, 2))
        assert isinstance(count, int) and isinstance(size, int)
        rest = self.random.randrange(stride)  # what no window reaches
        length = (count - 1) * stride + (size - 1) * dilation + 1 + rest
        return apply(
            "fold",
            x,
            axes=(axis,),
            size=(size,),
            stride=(stride,),
            dilation=(dilation,),
            lengths=(length,),
        )

    def _contract(self) -> Value | None:
        x = self.numeric()
        assert x is not None
        y = self.pick(lambda value: value.type.dtype == x.type.dtype)
        assert y is not None
        pairs: list[tuple[int, int]] = []
        for i, dim in enumerate(x.type.shape):
            taken = [j for _, j in pairs]
            fitting = [j for j, d in enumerate(y.type.shape) if d == dim and j not in taken]
            if fitting and self.chance(0.7):
                pairs.append((i, self.random.choice(fitting)))
        cut = min(len(pairs), self.random.choice((0, 0, 0, 1)))
        return apply("contract", x, y, batch=tuple(pairs[:cut]), summed=tuple(pairs[cut:]))

    def _gather(self) -> Value | None:
        indices = self.pick(lambda value: value.type.dtype.is_integer)
        choice = self.random.randrange(3)
        assert indices is not None
        if choice == 0:
            return apply("one_hot", indices, depth=INDEX, dtype=self.dtype)
        x = self.pick() if choice == 1 else self.numeric()
        assert x is not None
        known = self.still(x)
        if not known:
            return None
        axis = self.random.choice(known)
        length = x.type.shape[axis]
        assert isinstance(length, int)
        found = apply("gather", x, self.bounded(indices, length), axis=axis)
        if choice == 1:
            return found
        updates = self.beside(x, found.type.shape) or found
        return apply("scatter_add", x, self.bounded(indices, length), updates, axis=axis)

    def _create(self) -> Value | None:
        choice = self.random.randrange(4)
        if choice == 0:
            return number(self.random.choice((0.5, -2.0, 3.0)), self.dtype, (3,))
        if choice == 1:
            return apply("iota", shape=(N, 3), axis=self.random.randrange(2), dtype=self.dtype)
        x = self.pick(lambda value: value.type.shape != ())
        assert x is not None
        return apply("size", x, axis=self.random.randrange(len(x.type.shape)))

    def _random(self) -> Value | None:
        """Seeds that are negative are refused."""

        def fits(value: Value) -> bool:
            scalar = value.type.dtype.is_integer and value.type.shape == ()
            return scalar and bool(self.arrays[value.position] >= 0)

        seed, step = self.pick(fits), self.pick(fits)
        name = self.random.choice(("uniform", "normal", "random_bits"))
        shape: Shape = self.random.choice(((3,), (N, 3), ()))
        attrs: dict[str, Any] = {"stream": "draw", "shape": shape}
        if name != "random_bits":
            attrs["dtype"] = self.dtype
        return apply(name, seed, step, **attrs)


def _broadcasts(x: Shape, y: Shape) -> bool:
    try:
        shapes.broadcast("draw", x, y)
    except PellucidError:
        return False
    return True
