"""Compiled graphs and their arrays as one WebAssembly module: one memory, all of it laid out.

In: graphs whose inputs and outputs are named arrays; two that name the same one share it. Out: a
`WebModule`: the code, with the arrays' first contents in it, and where everything stands. Nobody
allocates later: a page that runs the module reads and writes at these addresses.

The code is made from the same Program, by the same emitters, as native code; only the processor is
another one. So it computes the same bits.

    memory: [stack | status, scratch | arenas, one a graph | tables | arrays]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.compiler.codegen import module as codegen
from pellucid.compiler.codegen.barrier import STATUS_BYTES
from pellucid.compiler.codegen.foreign import foreign_object
from pellucid.compiler.codegen.scope import SCRATCH_BYTES
from pellucid.compiler.codegen.shuffle import SHUFFLE
from pellucid.compiler.codegen.target import WEB
from pellucid.compiler.codegen.web_functions import refused_functions
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.compiler.program import (
    ALIGNMENT,
    ARENA,
    SCRATCH,
    STATUS,
    MinibatchFeed,
    round_up,
)
from pellucid.compiler.signature import signature
from pellucid.core.errors import TooLargeError
from pellucid.export.web_linker import linked
from pellucid.graph.node import Graph
from pellucid.runtime.extras import NUMPY

Array = np.ndarray[Any, Any]
ADDRESS = 4  # bytes of an address
_STACK = 1 << 16
_LARGEST = 1 << 29  # bytes of memory that a page may ask a browser for


@dataclass(frozen=True)
class Part:
    """A graph of the module.

    Args:
        name: of its function: `name(slots, rows, 1, 0, 1)` runs it. With a feed the functions are
            `train(control, 0, 1)` of `codegen/training_loop.py` and `shuffle` of `shuffle.py`.
        inputs, outputs: names of arrays. An output that is named like an input takes its place:
            state, updated at each step.
        rows: the most that a call takes.
    """

    name: str
    graph: Graph
    inputs: Sequence[str]
    outputs: Sequence[str]
    rows: int
    feed: MinibatchFeed | None = None

    @property
    def shared(self) -> list[tuple[int, int]]:
        """The (input, output) pairs of one name."""
        places = {name: number for number, name in enumerate(self.inputs)}
        return [(places[name], n) for n, name in enumerate(self.outputs) if name in places]


@dataclass(frozen=True)
class WebModule:
    """A WebAssembly module and its memory.

    Attributes:
        code: the module, which imports nothing.
        arrays: the address of each array.
        slots: the address of each part's table of addresses.
        places: for each part and each of its arrays the address of the word, in the table, that
            holds the array's address. A page that writes there moves the array.
        status: the address of what went wrong: see `codegen/barrier.py`.
    """

    code: bytes
    arrays: dict[str, int]
    slots: dict[str, int]
    places: dict[str, dict[str, int]]
    status: int


@dataclass
class _Memory:
    """Addresses given out from the bottom up, and first contents."""

    end: int = _STACK
    contents: dict[int, bytes] = field(default_factory=dict)

    def room(self, size: int) -> int:
        """A place of its own."""
        place = self.end
        self.end += round_up(max(size, 1), ALIGNMENT)
        if self.end > _LARGEST:
            raise TooLargeError(
                "WebAssembly",
                f"the memory must have at most {_LARGEST >> 20} MiB, got more",
                "Give fewer rows.",
            )
        return place

    def held(self, array: Array) -> int:
        """A place with the numbers of an array in it. Zeros stand there anyway."""
        place, data = self.room(array.nbytes), array.tobytes()
        if data.strip(b"\0"):
            self.contents[place] = data.rstrip(b"\0")
        return place


def web_module(parts: Sequence[Part], arrays: Mapping[str, Array]) -> WebModule:
    """The module of `parts` over `arrays`.

    Args:
        arrays: all arrays that the parts name, and more that only the page uses, with their first
            contents. Those of a batch have as many rows as their part takes.

    Raises:
        CompileError: where an operation has no code, or none in a browser.
        TooLargeError: for arrays beyond what a page may ask for.
    """
    memory = _Memory()
    places = {name: memory.held(array) for name, array in arrays.items()}
    status = memory.room(STATUS_BYTES + SCRATCH_BYTES)
    modules, slots, words, exports = [], {}, {}, []
    for part in parts:
        program, _ = compile_graph(part.graph, part.shared, (), NUMPY)
        form = signature(program)
        modules.append(codegen.build(program, WEB, part.feed, part.name))
        exports += [part.name] if part.feed is None else [codegen.TRAIN, SHUFFLE]
        arena = memory.room(form.arena.bytes(part.rows))
        table = np.zeros(form.slots, np.uint32)
        table[[STATUS, SCRATCH, ARENA]] = status, status + STATUS_BYTES, arena
        for name, slot in form.constants.items():
            table[slot] = memory.held(np.asarray(program.consts[name].array))
        own = [*zip(part.inputs, form.inputs, strict=True)]
        own += zip(part.outputs, form.outputs, strict=True)
        for name, slot in own:
            table[slot] = places[name]
        slots[part.name] = memory.held(table)
        words[part.name] = {name: slots[part.name] + ADDRESS * slot for name, slot in own}
    modules.append(refused_functions(modules))
    code = foreign_object(modules, WEB)
    whole = linked(code, exports, memory.contents, _STACK, memory.end)
    return WebModule(whole, places, slots, words, status)
