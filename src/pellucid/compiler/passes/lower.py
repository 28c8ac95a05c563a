"""Lowering. In: a graph and its state pairs. Out: a Program that is right and plain.

Each node becomes one kernel with a buffer of its own in the arena, and every output is copied to
its slot at the very end, when no old value is read any more. `schedule`, `inplace` and `arena` make
it good; each of them may be switched off.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.program import (
    FIRST_SLOT,
    Arena,
    Buffer,
    Extent,
    Instruction,
    Kernel,
    Program,
    is_elementwise,
)
from pellucid.core.errors import CompileError
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType, names

VIEWS = ("reshape", "stop_gradient")  # other names for the same bytes: no kernel, no memory
Pairs = Sequence[tuple[int, int]]  # (number of an input, number of the output that replaces it)


def lower(graph: Graph, shared: Pairs) -> Program:
    """The program of `graph`.

    Args:
        shared: (input number, output number) pairs that share memory: state updated in place.
    """
    _check_pairs(graph, shared)
    label = names(graph)
    slot = FIRST_SLOT - 1
    buffers: list[Buffer] = []  # buffer i is node i; copies come behind
    kernels: list[Kernel] = []
    constants: dict[str, int] = {}
    home: list[int] = []  # the buffer where the elements of node i stand
    needed = _in_memory(graph)
    for position, node in enumerate(graph.nodes):
        name = label[position]
        home.append(home[node.inputs[0]] if node.op in VIEWS else position)
        if node.op in (INPUT, CONST):
            slot += 1
            buffers.append(Buffer(name, node.type, slot))
            if node.op == CONST:
                constants[name] = position
            continue
        buffers.append(Buffer(name, node.type, None, Extent()))
        if node.op not in VIEWS and position in needed:
            kernels.append(_kernel(graph, position, name, home))
    replaces = {output: graph.inputs[number] for number, output in shared}
    outputs: list[int] = []
    endings: list[Kernel] = []
    for number, position in enumerate(graph.outputs):
        source, type = home[position], graph.nodes[position].type
        if graph.nodes[source].op == INPUT:
            # The input may be state that another output replaces: save it before the endings.
            saved = len(buffers)
            buffers.append(Buffer(f"saved{number}", type, None, Extent()))
            kernels.append(_copy(f"saved{number}", source, type, saved))
            source = saved
        old = replaces.get(number)
        if old is None:
            slot += 1
        place = slot if old is None else buffers[old].slot
        name = f"out{number}" if old is None else f"new.{label[old]}"
        outputs.append(len(buffers))
        endings.append(_copy(name, source, type, len(buffers)))
        buffers.append(Buffer(name, type, place))
    pairs = tuple((old, outputs[number]) for number, old in replaces.items())
    placed, arena = _side_by_side(buffers)
    return Program(
        placed, (*kernels, *endings), graph.inputs, tuple(outputs), pairs,
        constants, slot + 1, arena, dict(graph.consts),
    )  # fmt: skip


def _in_memory(graph: Graph) -> set[int]:
    """The nodes whose elements must stand in memory: all but constants that only instructions use.

    A constant of one number is part of each instruction's kernel: it costs no memory and no reads.
    """
    wanted = set(graph.outputs)
    for node in graph.nodes:
        wanted.update(i for i in node.inputs if not _inlined(graph, node, i))
    return {i for i, node in enumerate(graph.nodes) if node.op != "full" or i in wanted}


def _inlined(graph: Graph, node: Node, source: int) -> bool:
    return graph.nodes[source].op == "full" and node.op not in VIEWS and is_elementwise(node.op)


def _kernel(graph: Graph, position: int, name: str, home: Sequence[int]) -> Kernel:
    """One node as a kernel of one instruction and its constants; equal inputs are read once."""
    node = graph.nodes[position]
    constants = list(dict.fromkeys(i for i in node.inputs if _inlined(graph, node, i)))
    wanted = {i: (home[i], graph.nodes[i].type) for i in node.inputs if i not in constants}
    reads = list(dict.fromkeys(wanted.values()))
    value = {i: reads.index(read) for i, read in wanted.items()}
    value |= {i: len(reads) + place for place, i in enumerate(constants)}
    body = [
        _instruction(graph.nodes[i], f"{name}.c{place}", ()) for place, i in enumerate(constants)
    ]
    body.append(_instruction(node, name, tuple(value[i] for i in node.inputs)))
    numbers, types = tuple(number for number, _ in reads), tuple(type for _, type in reads)
    last = len(reads) + len(constants)
    return Kernel(name, numbers, types, tuple(body), (position,), (last,), node.line)


def _instruction(node: Node, name: str, inputs: tuple[int, ...]) -> Instruction:
    return Instruction(name, node.op, node.attrs, inputs, node.type, node.line)


def _copy(name: str, source: int, type: TensorType, goal: int) -> Kernel:
    return Kernel(name, (source,), (type,), (), (goal,), (0,))


def _check_pairs(graph: Graph, shared: Pairs) -> None:
    for side, many in enumerate((graph.inputs, graph.outputs)):
        numbers = [pair[side] for pair in shared]
        if len(set(numbers)) != len(numbers) or any(not 0 <= i < len(many) for i in numbers):
            raise CompileError("shared", f"pairs must name each state once, got {list(shared)}")
    for number, output in shared:
        old, new = graph.nodes[graph.inputs[number]], graph.nodes[graph.outputs[output]]
        if old.type != new.type:
            name = graph.input_names[number]
            raise CompileError(
                "shared",
                f"state {name} must keep its type {old.type!r}, got {new.type!r}",
                line=new.line,
            )


def _side_by_side(buffers: Sequence[Buffer]) -> tuple[tuple[Buffer, ...], Arena]:
    """Each arena buffer at a place of its own."""
    fixed = sum(buffer.size.fixed for buffer in buffers if buffer.slot is None)
    next_fixed = next_row = 0
    placed = []
    for buffer in buffers:
        if buffer.slot is not None:
            placed.append(buffer)
            continue
        by_row = buffer.region == "row"
        offset = Extent(fixed, next_row) if by_row else Extent(next_fixed, 0)
        next_fixed, next_row = next_fixed + buffer.size.fixed, next_row + buffer.size.per_row
        placed.append(Buffer(buffer.name, buffer.type, None, offset))
    return tuple(placed), Arena(fixed, next_row)
