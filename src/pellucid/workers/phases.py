"""A training step cut where rows meet. In: its graph, in blocks. Out: phases, graphs by themselves.

Each worker runs a phase's `rows` on rows of its own, which ends in sums of those rows; the sums of
all workers meet; and what is the same for all rows, `joint`, each worker computes for itself. A
layer such as BatchNorm, which needs sums of the whole batch on the way, makes further phases.

Values go by the position of their node in the graph that was cut. What is made of nothing but
constants and the number of rows is made anew in each graph that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pellucid.core.dtypes import int64
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import Batch, size
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType
from pellucid.ops.spec import Kind, lookup
from pellucid.ops.value import Builder, Value, apply, cast, number, records
from pellucid.runtime.machine_code import graph_of_kernels
from pellucid.train.meetings import COUNT, EXTREME, ROWS, SUM, Place, axis_of, picks_rows, places

COUNTED, FIRST = -1, -2  # how many rows the batch has, and which of them is the first of a part


@dataclass(frozen=True)
class Stage:
    """A graph whose inputs and outputs are values of the step.

    Args:
        inputs, outputs: which value each is: the position of a node, `COUNTED` or `FIRST`.
    """

    graph: Graph
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Phase:
    """What happens up to a meeting.

    Args:
        joint: what `rows` needs that is the same for all rows; None where it needs nothing new.
        rows: from rows of the batch to their sums, and to what later phases need of them.
        meets: the outputs of `rows` that meet, and how: "add", "maximum" or "minimum".
    """

    joint: Stage | None
    rows: Stage
    meets: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Phases:
    """A step in phases.

    Args:
        inputs: the positions of the graph's inputs, in their order.
        phases: in their order; last: from all that met to the graph's outputs.
    """

    inputs: tuple[int, ...]
    phases: tuple[Phase, ...]
    last: Stage


def phases(graph: Graph) -> Phases:
    """The phases of a step whose sums are in blocks, for machine code.

    First come the passes over graphs. Two of them choose the order of sums by what else reads a
    value, which a cut would change; behind them nothing is left for them to choose.

    Raises:
        ArgumentError: for a node that mixes rows in another way than by a sum.
    """
    return _Cut(graph_of_kernels(graph)).phases()


class _Cut:
    def __init__(self, graph: Graph):
        self.graph, self.places = graph, places(graph)
        self.free = self._free()
        self.needed = graph.needed()
        alive = [one for one, there in zip(self.places, self.needed, strict=True) if there]
        self.levels = 1 + max((one.level for one in alive if one.meets), default=-1)

    def _free(self) -> list[bool]:
        """Which nodes are made of constants and the number of rows alone."""
        found: list[bool] = []
        for node, place in zip(self.graph.nodes, self.places, strict=True):
            made = place.kind == COUNT or (node.op != INPUT and not place.meets)
            from_free = place.kind == COUNT or all(found[i] for i in node.inputs)
            found.append(made and from_free)
        return found

    def phases(self) -> Phases:
        known = set(self.graph.inputs)  # what each worker has before a stage: joint values
        done: list[Phase] = []
        kept = [self._kept(level) for level in range(self.levels)]
        for level in range(self.levels):
            meets = [i for i in self._alive() if self._is(i, level, meets=True)]
            goals = [*meets, *(i for i in kept[level] if i not in self.graph.inputs)]
            wanted = self._reads(goals, level, known)
            joint = self._stage(wanted, known) if wanted else None
            known |= {*wanted}
            rows = self._rows(goals, level, known)
            done.append(Phase(joint, rows, tuple((i, self._how(i)) for i in meets)))
            known |= {*meets}
        return Phases(self.graph.inputs, tuple(done), self._stage(self.graph.outputs, known))

    def _alive(self) -> list[int]:
        return [i for i, there in enumerate(self.needed) if there]

    def _is(self, i: int, level: int, meets: bool) -> bool:
        return self.places[i].level == level and self.places[i].meets == meets

    def _of_rows(self, i: int) -> bool:
        return self.places[i].kind == ROWS

    def _how(self, i: int) -> str:
        if self.places[i].kind == SUM:
            return "add"
        assert self.places[i].kind == EXTREME
        return {"max": "maximum", "min": "minimum"}[self.graph.nodes[i].op]

    def _kept(self, level: int) -> list[int]:
        """Values of rows that later phases read."""
        found: dict[int, None] = {}
        for i in self._alive():
            if self.places[i].level > level and (self._of_rows(i) or self.places[i].meets):
                for source in self.graph.nodes[i].inputs:
                    own = self.places[source]
                    if own.level == level and self._of_rows(source) and not self.free[source]:
                        found[source] = None
        return list(found)

    def _inside(self, i: int, level: int) -> bool:
        """Whether a phase of this level computes node i of rows, or reads it as it is."""
        return self.free[i] or (self._of_rows(i) and self.places[i].level == level)

    def _reads(self, goals: Sequence[int], level: int, known: Collection[int]) -> list[int]:
        """The joint values that rows of a level read and that are not there yet."""
        found: dict[int, None] = {}
        waiting, seen = list(goals), set(goals)
        while waiting:
            i = waiting.pop()
            for source in self._sources(i):
                joint = not self._of_rows(source) and not self.free[source]
                if joint and source not in known:
                    found[source] = None
                elif self._inside(source, level) and source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return sorted(found)

    def _sources(self, i: int) -> tuple[int, ...]:
        """What a node of rows reads; a scatter_add that meets begins from nothing."""
        node = self.graph.nodes[i]
        return node.inputs[1:] if self.begins(i) else node.inputs

    def begins(self, i: int) -> bool:
        """Whether a node adds what meets to a joint value."""
        return self.places[i].meets and self.graph.nodes[i].op == "scatter_add"

    def _rows(self, goals: Sequence[int], level: int, known: Collection[int]) -> Stage:
        def given(i: int) -> bool:
            if i in self.graph.inputs or (i in known and not self.places[i].meets):
                return True
            if self.places[i].meets:
                return self.places[i].level < level
            return not self.free[i] and not self._inside(i, level)

        return _Copy(self, given, partial=True).stage(goals)

    def _stage(self, goals: Sequence[int], known: Collection[int]) -> Stage:
        """A stage that every worker runs."""
        return _Copy(self, lambda i: i in known and not self.begins(i), False).stage(goals)


class _Copy:
    """A part of the graph, copied behind inputs.

    Args:
        given: whether a node's value is an input of the part.
        partial: whether it is of some of the rows: what meets is their sum alone.
    """

    def __init__(self, cut: _Cut, given: Callable[[int], bool], partial: bool):
        self.cut, self.given, self.partial = cut, given, partial
        self.builder = Builder()
        self.inputs: list[int] = []
        self.made: dict[int, Value] = {}

    @records
    def stage(self, goals: Sequence[int]) -> Stage:
        with self.builder:
            for i in self._needed(goals):
                node = self.cut.graph.nodes[i]
                with self.builder.at(node.line):
                    self.made[i] = self._node(i, node, self.cut.places[i])
            outputs = [self.made[i] for i in goals]
            return Stage(self.builder.graph(outputs), tuple(self.inputs), tuple(goals))

    def _needed(self, goals: Sequence[int]) -> list[int]:
        found, waiting = set(goals), list(goals)
        while waiting:
            i = waiting.pop()
            for source in self._sources(i):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return sorted(found)

    def _sources(self, i: int) -> tuple[int, ...]:
        node = self.cut.graph.nodes[i]
        if self.given(i) or self.cut.places[i].kind == COUNT:
            return ()
        if self.cut.begins(i):
            return node.inputs[1:] if self.partial else node.inputs[:1]
        return node.inputs

    def _input(self, i: int, type: TensorType) -> Value:
        """The value that is called i, as an input of the part; one for all its readers."""
        name = {COUNTED: "rows", FIRST: "first"}.get(i, f"v{i}")
        if i in self.inputs:
            return self.builder.values[self.builder.input_positions[self.inputs.index(i)]]
        self.inputs.append(i)
        return self.builder.input(name, type)

    def _node(self, i: int, node: Node, place: Place) -> Value:
        if self.given(i):
            return self._input(i, node.type)
        if node.op == CONST:
            return self.builder.const(node.attr("name"), self.cut.graph.consts[node.attr("name")])
        if place.kind == COUNT:
            return self._count(node)
        if self.cut.begins(i) and not self.partial:
            return apply("add", self.made[node.inputs[0]], self._input(i, node.type))
        inputs, attrs = [self.made[j] for j in self._sources(i)], dict(node.attrs)
        if self.cut.begins(i):
            zeros = number(0, node.type.dtype, node.type.shape)
            return self.builder.apply(lookup(node.op), [zeros, *inputs], attrs)
        if place.numbered:
            return self._numbered(node, inputs)
        return self.builder.apply(lookup(node.op), inputs, attrs)

    def _count(self, node: Node) -> Value:
        """The length of an axis c·N of the whole batch."""
        source = self.cut.graph.nodes[node.inputs[0]].type.shape[node.attr("axis")]
        assert isinstance(source, Batch)
        rows = self._input(COUNTED, TensorType(int64))
        return rows if source.scale == 1 else rows * source.scale

    def _numbered(self, node: Node, inputs: list[Value]) -> Value:
        """What is made of the number of a row in the batch, from the first row of the part on."""
        axis, attrs = axis_of(node.type), dict(node.attrs)
        sources = [self.cut.graph.nodes[i] for i in node.inputs]
        if picks_rows(node, sources):
            x, indices, *updates = inputs
            length = sources[0].type.shape[node.attr("axis")]
            assert isinstance(length, Batch)
            first = self._input(FIRST, TensorType(int64))
            here = indices - cast(first * length.scale, indices.type.dtype)
            return self.builder.apply(lookup(node.op), [x, here, *updates], attrs)
        assert axis is not None
        before, rows = size(node.type.shape[:axis]), node.type.shape[axis]
        behind = size(node.type.shape[axis + 1 :])
        assert isinstance(rows, Batch) and isinstance(behind, int)
        first = self._input(FIRST, TensorType(int64))
        if lookup(node.op).kind is Kind.RANDOM and before == 1:
            elements = first * (rows.scale * behind)
            return self.builder.apply(lookup(node.op), [*inputs, elements], attrs)
        if node.op == "iota" and node.type.dtype.is_integer:
            here = self.builder.apply(lookup("iota"), [], attrs)
            return here + cast(first * rows.scale, node.type.dtype)
        raise ArgumentError(
            "fit",
            f"several workers need random numbers with the rows of the batch along their first "
            f"axis, got {node.op} of {node.type!r}",
            "Put the batch first, or train on one worker.",
            line=node.line,
        )
