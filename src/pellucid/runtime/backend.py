"""Which executor runs a graph: machine code where it can be had, else the interpreter."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from pellucid.core.arguments import choice
from pellucid.core.errors import PellucidError
from pellucid.graph.node import Graph
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native

BACKENDS = ("native", "interpreter")
_said: set[str] = set()


def check_backend(where: str, backend: str | None) -> None:
    """Raises an ArgumentError where `backend` is neither None nor a backend's name."""
    if backend is not None:
        choice(where, "backend", backend, BACKENDS)


def notice(where: str, error: PellucidError) -> None:
    """Says once for each reason that the interpreter takes over."""
    reason = str(error)
    if reason not in _said:
        _said.add(reason)
        warnings.warn(f"{where} runs on the interpreter, which is slower: {reason}", stacklevel=3)


def executor(
    graph: Graph,
    shared: Sequence[tuple[int, int]] = (),
    backend: str | None = None,
    where: str = "call",
) -> Native | Interpreter:
    """The executor of `graph`."""
    if backend == "interpreter":
        return Interpreter(graph)
    try:
        return Native(graph, shared)
    except PellucidError as error:
        if backend == "native":
            raise
        notice(where, error)
        return Interpreter(graph)
