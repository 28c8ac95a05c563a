"""The fixture behind the whole run: every graph that any test builds is verified.

The slow run also reads the text of each back; the default run does so for one length in four.

`install` puts a watcher behind `graph.node.arranged`, the one place where builders, transforms and
the interpreter make graphs. A graph that breaks an invariant, or whose text does not read back as
the same graph, fails the test that built it.
"""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pellucid import ops
from pellucid.graph import node, verify
from pellucid.graph.node import CONST, INPUT, Graph
from pellucid.graph.text import parse_graph, print_graph
from pellucid.ops import spec

LARGEST = 5_000  # nodes; of longer graphs a sample is verified and no text is written
SAMPLE = 500


@dataclass
class Audit:
    """What was seen. `failures` holds one line a broken graph."""

    built: int = 0
    different: int = 0
    sampled: int = 0
    failures: list[str] = field(default_factory=list)
    active: bool = True
    every: int = 4  # graphs whose length is a multiple of it are read back
    read: int = 0
    _seen: set[int] = field(default_factory=set)

    def check(self, graph: Graph) -> None:
        if not self.active:
            return
        self.built += 1
        try:
            if len(graph) > LARGEST:
                self.sampled += 1
                self._sample(graph)
                return
            types = tuple(node.type for node in graph.nodes)
            known = hash((graph.nodes, types, graph.outputs, tuple(graph.consts)))
            if known not in self._seen:
                self._seen.add(known)
                self.different += 1
                spec.verify(graph)
                if len(graph) % self.every == 0:
                    self.read += 1
                    self._read_back(graph, print_graph(graph))
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _read_back(self, graph: Graph, text: str) -> None:
        again = parse_graph(text, graph.consts, spec.type_of)
        assert again == graph, f"the text reads back as another graph:\n{text}"
        lines = [old.line for old in graph.nodes]
        assert [new.line for new in again.nodes] == lines, f"lines are lost:\n{text}"

    def _sample(self, graph: Graph) -> None:
        draw = random.Random(len(graph))
        for position in draw.sample(range(len(graph)), SAMPLE):
            if graph.nodes[position].op not in (INPUT, CONST):
                verify._verify_node(graph, position, graph.nodes[position], spec.type_of)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For tests that break graphs on purpose."""
        self.active = False
        try:
            yield
        finally:
            self.active = True

    def line(self) -> str:
        return (
            f"graphs: {self.built:,} built, {self.different:,} different ones verified, "
            f"{self.read:,} read back, {self.sampled} longer than {LARGEST:,} nodes verified by "
            "sample"
        )


AUDIT = Audit()


def install() -> None:
    """Puts the watcher behind `arranged`, in every module that imported it."""
    original = node.arranged
    if hasattr(original, "watched"):
        return

    @functools.wraps(original)
    def arranged(*args: Any, **kwargs: Any) -> Graph:
        graph = original(*args, **kwargs)
        AUDIT.check(graph)
        return graph

    arranged.watched = True  # type: ignore[attr-defined]
    assert ops.REGISTRY
    for name, module in list(sys.modules.items()):
        if name.startswith("pellucid") and getattr(module, "arranged", None) is original:
            module.arranged = arranged  # type: ignore[attr-defined]
