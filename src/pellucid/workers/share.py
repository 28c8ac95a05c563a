"""A worker's share of a training step: its rows through the phases.

What meets goes out as the sums of whole subtrees of blocks and comes back as the sum of all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core import shapes
from pellucid.graph.node import Graph
from pellucid.runtime.backend import executor
from pellucid.runtime.executor import Executable
from pellucid.runtime.extras import numpy_dtype
from pellucid.workers.division import Division
from pellucid.workers.phases import COUNTED, FIRST, Phase, Stage, phases

Array = np.ndarray[Any, Any]
Sums = list[list[Array]]  # of each subtree the values that meet


@dataclass(frozen=True)
class Meeting:
    """What meets after a phase.

    Args:
        kinds: shape and dtype of each value.
        hows: the function of NumPy that puts two of each together.
    """

    kinds: tuple[tuple[tuple[int, ...], Any], ...]
    hows: tuple[str, ...]


class _Piece:
    """A subtree of a worker.

    Args:
        rows: its rows among those of the worker.
        kept: what its phases so far left for later ones.
    """

    def __init__(self, begin: int, end: int, first: int):
        self.rows = slice(begin, end)
        self.kept: dict[int, Array] = {FIRST: np.asarray(first, np.int64)}


class Share:
    """The programs of a step, as machine code: that alone promises bits.

    Args:
        graph: of the step, its sums in blocks.
    """

    def __init__(self, graph: Graph, threads: int):
        self.cut, self._threads = phases(graph), threads
        stages = [one for phase in self.cut.phases for one in (phase.joint, phase.rows)]
        self._programs: dict[int, Executable] = {
            id(stage): executor(stage.graph, backend="native")
            for stage in (*stages, self.cut.last)
            if stage is not None
        }
        self.meetings = [_meeting(phase) for phase in self.cut.phases]

    def step(
        self, inputs: Sequence[Array], division: Division, worker: int
    ) -> Generator[tuple[int, Sums], list[Array], list[Array]]:
        """The outputs of a step; (number of the phase, sums) come out on the way, joined go in.

        Args:
            inputs: those of the whole step, with the worker's rows alone.
        """
        known: dict[int, Array] = dict(zip(self.cut.inputs, inputs, strict=True))
        known[COUNTED] = np.asarray(division.rows, np.int64)
        top, _ = division.part(worker)
        spans = [division.rows_of(span) for span in division.subtrees[worker]]
        pieces = [_Piece(begin - top, end - top, begin) for begin, end in spans]
        for number, phase in enumerate(self.cut.phases):
            if phase.joint is not None:
                known.update(self._run(phase.joint, known))
            sums = []
            for piece in pieces:
                made = self._run(phase.rows, known, piece)
                sums.append([made.pop(i) for i, _ in phase.meets])
                piece.kept.update(made)
            joined = yield number, sums
            known.update(zip((i for i, _ in phase.meets), joined, strict=True))
        outputs = self._run(self.cut.last, known)
        return [outputs[i] for i in self.cut.last.outputs]

    def _run(
        self, stage: Stage, known: dict[int, Array], piece: _Piece | None = None
    ) -> dict[int, Array]:
        arrays = []
        for i, type in zip(stage.inputs, stage.graph.input_types, strict=True):
            if piece is not None and i in piece.kept:
                arrays.append(piece.kept[i])
            elif piece is not None and shapes.has_batch(type.shape):
                arrays.append(known[i][piece.rows])
            else:
                arrays.append(known[i])
        made = self._programs[id(stage)](arrays, self._threads)
        return dict(zip(stage.outputs, made, strict=True))


def _meeting(phase: Phase) -> Meeting:
    types = phase.rows.graph.output_types[: len(phase.meets)]
    kinds = [(shapes.bind(type.shape, 0), numpy_dtype(type.dtype)) for type in types]
    return Meeting(tuple(kinds), tuple(how for _, how in phase.meets))
