"""Lowering. In: a graph and its state pairs. Out: a Program that is right and plain.

Each node becomes one kernel with a buffer of its own in the arena, and every output is copied to
its slot at the very end, when no old value is read any more. `schedule`, `inplace` and `arena` make
it good; each of them may be switched off.
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.compiler.program import (
    FIRST_SLOT,
    VIEWED,
    Arena,
    Buffer,
    Extent,
    Instruction,
    Kernel,
    Program,
    is_elementwise,
)
from pellucid.core.errors import CompileError
from pellucid.core.shapes import merged_axes
from pellucid.graph.node import CONST, INPUT, Graph, Node, TensorType
from pellucid.graph.printer import names

VIEWING = ("contract", "max", "min", "argmax")  # heads that read views
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
        placed,
        (*kernels, *endings),
        graph.inputs,
        tuple(outputs),
        pairs,
        constants,
        slot + 1,
        arena,
        dict(graph.consts),
    )


def _in_memory(graph: Graph) -> set[int]:
    """The nodes whose elements must stand in memory: all but constants that only instructions use.

    A constant of one number is part of each instruction's kernel: it costs no memory and no reads.
    So is a view that products read.
    """
    wanted = set(graph.outputs)
    found: set[int] = set()
    for position in reversed(range(len(graph.nodes))):
        node = graph.nodes[position]
        spared = node.op in ("full", "permute_dims") or _is_view(graph, position)
        if spared and position not in wanted:
            continue
        found.add(position)
        wanted.update(i for i in node.inputs if not _inlined(graph, node, i))
        for view in _inside(graph, node):
            wanted.update(i for i in graph.nodes[view].inputs if not _is_view(graph, i))
    return found


def _inlined(graph: Graph, node: Node, source: int) -> bool:
    """Whether `source` is an instruction of the kernel of `node`, which reads it."""
    one = graph.nodes[source]
    if one.op == "permute_dims":
        if node.op == "fold":
            return True
        # The left operand of a product is found by tables, as it lies.
        left = node.op == "contract" and node.inputs[0] == source != node.inputs[1]
        return left and _is_view(graph, source) and one.type.dtype.is_float
    if _is_view(graph, source):
        return node.op in VIEWING and (node.op != "contract" or one.type.dtype.is_float)
    return one.op == "full" and node.op not in VIEWS and is_elementwise(node.op)


def _is_view(graph: Graph, source: int) -> bool:
    """Whether a node only walks its input another way: as windows, permuted or laid flat."""
    node = graph.nodes[source]
    if node.op == "permute_dims":
        return graph.nodes[node.inputs[0]].op == "windows"
    if node.op != "reshape":
        return node.op in VIEWED
    wide = graph.nodes[node.inputs[0]]
    return wide.op == "windows" and merged_axes(wide.type.shape, node.type.shape) is not None


def _kernel(graph: Graph, position: int, name: str, home: Sequence[int]) -> Kernel:
    """One node as a kernel of one instruction, its constants and views; inputs are read once."""
    node = graph.nodes[position]
    inside = _inside(graph, node)
    needed = [i for one in (*(graph.nodes[i] for i in inside), node) for i in one.inputs]
    wanted = {i: (home[i], graph.nodes[i].type) for i in needed if i not in inside}
    reads = list(dict.fromkeys(wanted.values()))
    value = {i: reads.index(read) for i, read in wanted.items()}
    body: list[Instruction] = []
    for place, i in enumerate(inside):
        inputs = tuple(value[j] for j in graph.nodes[i].inputs)
        body.append(_instruction(graph.nodes[i], f"{name}.c{place}", inputs))
        value[i] = len(reads) + place
    body.append(_instruction(node, name, tuple(value[i] for i in node.inputs)))
    numbers, types = tuple(number for number, _ in reads), tuple(type for _, type in reads)
    last = len(reads) + len(inside)
    return Kernel(name, numbers, types, tuple(body), (position,), (last,), node.line)


def _inside(graph: Graph, node: Node) -> list[int]:
    """The constants and views in the kernel of `node`, in order."""
    found: list[int] = []
    for i in dict.fromkeys(node.inputs):
        if _inlined(graph, node, i):
            chain = [i]
            while (view := graph.nodes[chain[-1]]).inputs and _is_view(graph, view.inputs[0]):
                chain.append(view.inputs[0])
            found += [one for one in reversed(chain) if one not in found]
    return found


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
