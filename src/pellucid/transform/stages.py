"""What happens to a graph on its way to machine code, stage by stage, as text.

In: a graph and the name of a stage. Out: one line a pass up to there, and what it left: nodes,
kernels with their places in memory, LLVM's text, or assembly for this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pellucid.core import display
from pellucid.core.arguments import choice
from pellucid.graph.node import Graph
from pellucid.runtime.backend import compiled
from pellucid.transform.custom import in_rows

if TYPE_CHECKING:  # the compiler is imported when it is first used
    from pellucid.compiler.passes.pipeline import Record
    from pellucid.compiler.program import Program

PASSES = (
    "fold",
    "simplify",
    "cse",
    "dce",
    "unfold",
    "channelwise",
    "lower",
    "fuse",
    "schedule",
    "inplace",
    "arena",
)
STAGES = (*PASSES, "llvm", "assembly")


class Stage:
    """A graph behind a stage; print it.

    Attributes:
        stage: its name.
        records: what each pass up to there did: its name, seconds, the number of nodes or kernels.
        result: the graph or program behind the last of them.
        code: LLVM's text or assembly, where that was asked for, else "".
    """

    def __init__(self, stage: str, records: Sequence[Record], code: str = ""):
        self.stage, self.records, self.code = stage, tuple(records), code
        self.result: Graph | Program = self.records[-1].result

    def __str__(self) -> str:
        passes = "".join(one.line() for one in self.records)
        return f"{passes}\n{self.code or self.records[-1].text()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The text in a notebook, where its lines stay whole."""
        return display.text(self)


def staged(graph: Graph, stage: str) -> Stage:
    """`graph` behind `stage`.

    Raises:
        ArgumentError: if `stage` is not the name of a stage.
        CompileError: for a graph that the engine has no code for.
    """
    choice("show", "stage", stage, STAGES)
    native = compiled(graph, in_rows)
    records = native.records
    if stage in PASSES:
        return Stage(stage, records[: 1 + [one.name for one in records].index(stage)])
    return Stage(stage, records, native.llvm() if stage == "llvm" else native.assembly())
