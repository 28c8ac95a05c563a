"""Lowering. In: a graph and its state pairs. Out: a Program that is right and plain.

Each node becomes one kernel with a buffer of its own in the arena, and every output is copied to
its slot at the very end, when no old value is read any more. `schedule`, `inplace` and `arena` make
it good; each of them may be switched off.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.program import ARENA, COPY, Arena, Buffer, Extent, Kernel, Program
from pellucid.core.errors import CompileError
from pellucid.graph.node import CONST, INPUT, Graph, names

Pairs = Sequence[tuple[int, int]]  # (number of an input, number of the output that replaces it)


def lower(graph: Graph, shared: Pairs) -> Program:
    """The program of `graph`.

    Args:
        shared: (input number, output number) pairs that share memory: state updated in place.
    """
    _check_pairs(graph, shared)
    label = names(graph)
    slot = ARENA
    buffers: list[Buffer] = []  # buffer i is node i; copies come behind
    kernels: list[Kernel] = []
    constants: dict[str, int] = {}
    for position, node in enumerate(graph.nodes):
        if node.op in (INPUT, CONST):
            slot += 1
            buffers.append(Buffer(label[position], node.type, slot))
            if node.op == CONST:
                constants[label[position]] = position
            continue
        buffers.append(Buffer(label[position], node.type, None, Extent()))
        kernels.append(
            Kernel(label[position], node.op, node.attrs, node.inputs, position, node.line)
        )
    replaces = {output: graph.inputs[number] for number, output in shared}
    outputs: list[int] = []
    endings: list[Kernel] = []
    for number, position in enumerate(graph.outputs):
        source = position
        if graph.nodes[position].op == INPUT:
            # The input may be state that another output replaces: save it before the endings.
            source = len(buffers)
            buffers.append(Buffer(f"saved{number}", graph.nodes[position].type, None, Extent()))
            kernels.append(Kernel(f"saved{number}", COPY, (), (position,), source))
        old = replaces.get(number)
        if old is None:
            slot += 1
        place = slot if old is None else buffers[old].slot
        name = f"out{number}" if old is None else f"new.{label[old]}"
        outputs.append(len(buffers))
        endings.append(Kernel(name, COPY, (), (source,), len(buffers)))
        buffers.append(Buffer(name, graph.nodes[position].type, place))
    pairs = tuple((old, outputs[number]) for number, old in replaces.items())
    placed, arena = _side_by_side(buffers)
    return Program(
        placed, (*kernels, *endings), graph.inputs, tuple(outputs), pairs,
        constants, slot + 1, arena, dict(graph.consts),
    )  # fmt: skip


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
