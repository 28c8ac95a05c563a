"""The table of passes, in order, and the function that runs them.

In: a graph and its state pairs. Out: a verified Program, and a record a pass: what it took, what it
made. Every pass but `unfold`, `channelwise` and `lower` may be switched off: the bits of the
results stay the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from pellucid.compiler.passes.arena import arena
from pellucid.compiler.passes.channelwise import channelwise
from pellucid.compiler.passes.cse import cse
from pellucid.compiler.passes.dce import dce
from pellucid.compiler.passes.fold import fold
from pellucid.compiler.passes.fuse import fuse
from pellucid.compiler.passes.inplace import inplace
from pellucid.compiler.passes.lower import Pairs, lower
from pellucid.compiler.passes.schedule import schedule
from pellucid.compiler.passes.simplify import simplify
from pellucid.compiler.passes.unfold import unfold
from pellucid.compiler.program import Program
from pellucid.compiler.verify import verify as verify_program
from pellucid.core.errors import ArgumentError, nearest
from pellucid.graph.node import Graph
from pellucid.graph.text import print_graph
from pellucid.ops.spec import verify as verify_graph


@dataclass(frozen=True)
class Pass:
    """A pure function with a name, and one line on what it does."""

    name: str
    run: Callable[..., Any]
    doc: str


FOLD = Pass("fold", fold, "computes scalars that no input changes")
GRAPH_PASSES = (
    FOLD,
    Pass("simplify", simplify, "drops operations that change no bit"),
    Pass("cse", cse, "computes equal nodes once"),
    Pass("dce", dce, "drops nodes that no output needs"),
)
UNFOLD = Pass("unfold", unfold, "makes products over windows of folds of products")
CHANNELWISE = Pass(
    "channelwise", channelwise, "makes depthwise convolutions of windows whose channels do not meet"
)
PROGRAM_PASSES = (
    Pass("fuse", fuse, "joins elementwise rows with each other, with products and with sums"),
    Pass("schedule", schedule, "puts reads of old state before its update"),
    Pass("inplace", inplace, "writes outputs and state straight to their place"),
    Pass("arena", arena, "lets buffers that never live together share memory"),
)
SWITCHES = tuple(one.name for one in (*GRAPH_PASSES, *PROGRAM_PASSES))


@dataclass(frozen=True)
class Record:
    """What one pass did. `result` is the graph or program behind it."""

    name: str
    doc: str
    seconds: float
    result: Graph | Program = field(repr=False)

    @property
    def size(self) -> int:
        """The number of nodes or kernels."""
        done = self.result
        return len(done.nodes if isinstance(done, Graph) else done.kernels)

    def line(self) -> str:
        """How long it took, and how many nodes or kernels it left."""
        return f"{self.name:<10}{self.seconds * 1e3:8.2f} ms {self.size:6d}  {self.doc}\n"

    def text(self) -> str:
        """The graph or program behind this pass."""
        done = self.result
        return print_graph(done) if isinstance(done, Graph) else done.text()


def compile_graph(
    graph: Graph, shared: Pairs = (), off: Collection[str] = (), xp: Any = None
) -> tuple[Program, tuple[Record, ...]]:
    """The program of `graph`, verified behind every pass.

    Args:
        shared: (input number, output number) pairs that share memory.
        off: names of passes to leave out.
        xp: the array namespace that folds constants; without one, that pass is left out.
    """
    off = {*off, "fold"} if xp is None else off
    for name in off:
        if name not in SWITCHES:
            raise ArgumentError("passes", f"unknown pass '{name}'", nearest(name, SWITCHES))
    lowering = Pass("lower", lambda done: lower(done, shared), "makes one kernel a node")
    table = (*_over_graphs(xp), lowering, *PROGRAM_PASSES)
    records: list[Record] = []
    done: Any = graph
    for one in table:
        if one.name in off:
            continue
        start = time.perf_counter()
        done = one.run(done)
        records.append(Record(one.name, one.doc, time.perf_counter() - start, done))
        (verify_graph if isinstance(done, Graph) else verify_program)(done)
    return done, tuple(records)


def _over_graphs(xp: Any) -> tuple[Pass, ...]:
    folding = Pass("fold", lambda done: fold(done, xp), FOLD.doc)
    return (*(folding if one is FOLD else one for one in GRAPH_PASSES), UNFOLD, CHANNELWISE)


def rewritten(graph: Graph, xp: Any) -> Graph:
    """The graph that kernels are made of. These passes leave nothing more to choose in it."""
    for one in _over_graphs(xp):
        graph = one.run(graph)
    return graph


def report(records: Collection[Record]) -> str:
    """One line a pass."""
    return "".join(one.line() for one in records)
