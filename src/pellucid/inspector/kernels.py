"""The kernel that computes a node in machine code: its nodes, its LLVM text, its assembly.

In: a graph as an executor compiles it. Out: for each node the kernels of the compiled program that
hold it, and their code, emitted one at a time by the same functions that emit the whole.

A node's place in the graph goes through all passes in the room of its source line, which stands
outside what makes nodes equal: so the passes do what they do in the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.target import host
from pellucid.compiler.passes.lower import Pairs
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.compiler.program import Kernel, MinibatchFeed, Program
from pellucid.core import forks
from pellucid.graph.node import CONST, INPUT, Graph
from pellucid.inspector.travel import Travel
from pellucid.ops.spec import REGISTRY
from pellucid.runtime.extras import NUMPY

_MARK = "node:"


@dataclass(frozen=True)
class Code:
    """A kernel.

    Attributes:
        number: its place in the program; count: how many kernels that has.
        name: of its function.
        nodes: the nodes of the graph that it computes, in order.
        text: its instructions, one a line, with the buffers that it reads and writes.
    """

    number: int
    count: int
    name: str
    nodes: tuple[int, ...]
    text: str


class Kernels:
    """A graph as the kernels that machine code runs.

    Args:
        graph: as it is compiled.
        shared, feed: as in `MachineCode`.

    Raises:
        CompileError: for an operation that the engine has no code for.
    """

    def __init__(self, graph: Graph, shared: Pairs = (), feed: MinibatchFeed | None = None):
        self.graph, self._few = graph, feed is None or feed.few
        nodes = [
            node if node.is_input else dataclasses.replace(node, line=f"{_MARK}{n}")
            for n, node in enumerate(graph.nodes)
        ]
        marked = Graph(tuple(nodes), graph.inputs, graph.outputs, graph.consts)
        self.program: Program = compile_graph(marked, shared, (), NUMPY)[0]

    @staticmethod
    def of_run(travel: Travel) -> Kernels:
        """Those of a training run's step."""
        native = forks.load("pellucid.runtime.native_executor")
        job = travel.job
        shared, feed = native.arrangement(job, job.leaves, native.gathered(job))
        return Kernels(job.graph, shared, feed)

    @forks.cached_property
    def _places(self) -> Mapping[int, list[int]]:
        """For each node the kernels that it is an instruction of."""
        found: dict[int, list[int]] = {}
        for number, kernel in enumerate(self.program.kernels):
            for n in self._nodes(kernel):
                found.setdefault(n, []).append(number)
        return found

    @staticmethod
    def _nodes(kernel: Kernel) -> list[int]:
        lines = (one.line or "" for one in kernel.body)
        own = [int(line.removeprefix(_MARK)) for line in lines if line.startswith(_MARK)]
        return list(dict.fromkeys(own))

    @forks.cached_property
    def _first(self) -> list[int]:
        """For each node the first one that is equal to it: the passes compute that alone."""
        known: dict[object, int] = {}
        first: list[int] = []
        for n, node in enumerate(self.graph.nodes):
            key = (node.op, tuple(first[i] for i in node.inputs), repr(node.attrs), repr(node.type))
            first.append(n if node.op == INPUT else known.setdefault(key, n))
        return first

    def of(self, n: int) -> list[Code]:
        """The kernels that compute a node: one, or, for a number or a view, each that uses it."""
        found = self._places.get(n) or self._places.get(self._first[n]) or []
        return [self._code(number) for number in found]

    def _code(self, number: int) -> Code:
        kernel, count = self.program.kernels[number], len(self.program.kernels)
        alone = dataclasses.replace(self.program, kernels=(kernel,))
        text = "\n".join(line.partition("  # ")[0] for line in alone.text().splitlines()[1:])
        name = f"k{number}.{kernel.name}.{kernel.op}"
        return Code(number, count, name, tuple(self._nodes(kernel)), text)

    def why_none(self, n: int) -> str:
        """Why a node is in no kernel; empty where it is in one."""
        node = self.graph.nodes[n]
        if self.of(n):
            return ""
        if node.op in (INPUT, CONST):
            return "it is given, and kernels read it where it stands"
        if not self.graph.needed()[n]:
            return "no output of the step needs it"
        if node.op in REGISTRY and REGISTRY[node.op].user:
            return "it is an operation of your own, and is compiled as the operations it is made of"
        if node.op in ("reshape", "stop_gradient"):
            return "it is another name for the same numbers in memory"
        return "the passes left it out: its value is known beforehand, or another node has it"

    def llvm(self, number: int) -> str:
        """The LLVM text of a kernel's function, and of the functions that it alone calls."""
        return str(codegen.kernel_module(self.program, number, host(), self._few))

    def assembly(self, number: int) -> str:
        """The machine code of the same, as assembly for this machine."""
        target = host()
        built = codegen.kernel_module(self.program, number, target, self._few)
        return codegen.assembly_of(built, target)
