"""Which executor runs a graph: machine code where it can be had, else the interpreter.

In: a graph and what the person asked for. Out: an executor; both kinds are called alike and give
the same results. Whoever did not ask is told once why it is the slower one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pellucid.core import forks, notices
from pellucid.core.arguments import choice
from pellucid.core.errors import CompileError, PellucidError
from pellucid.graph.node import Graph
from pellucid.runtime.interpreter import Interpreter

if TYPE_CHECKING:
    from pellucid.runtime.native import Native

BACKENDS = ("native", "interpreter")


def check_backend(where: str, backend: str | None) -> None:
    """Raises an ArgumentError where `backend` is neither None nor a backend's name."""
    if backend is not None:
        choice(where, "backend", backend, BACKENDS)


def notice(where: str, error: CompileError) -> None:
    """Says once for each reason that the interpreter takes over, and what to do.

    The reason is what decides, not the line: a hundred calls of one missing operation are one.
    """
    fix = "" if "backend=" in error.fix else f" {error.fix}"
    notices.once(
        f"[{where}] runs on the interpreter, which is slower: {error.problem}.{fix} "
        "To run it there without this notice, pass backend='interpreter'."
    )


def prepared(graph: Graph, prepare: Callable[[Graph], Graph]) -> Graph:
    """`prepare(graph)`; where it cannot be had, that is a reason against machine code."""
    try:
        return prepare(graph)
    except CompileError:
        raise
    except PellucidError as error:
        raise CompileError(error.where, error.problem, error.fix, line=error.line) from error


def _native() -> type[Native]:
    """The class of the native executor, imported with all that makes code when it is first used."""
    found: type[Native] = forks.load("pellucid.runtime.native").Native
    return found


def compiled(graph: Graph, prepare: Callable[[Graph], Graph]) -> Native:
    """Machine code for `graph`, to be looked at.

    Raises:
        CompileError: where it cannot be had.
    """
    return _native()(prepared(graph, prepare))


def executor(
    graph: Graph,
    shared: Sequence[tuple[int, int]] = (),
    backend: str | None = None,
    where: str = "fit",
    prepare: Callable[[Graph], Graph] = lambda graph: graph,
) -> Native | Interpreter:
    """The executor of `graph`.

    Args:
        shared: (input number, output number) pairs: state that machine code may update in place.
        backend: "native" is machine code or an error; "interpreter" imports no compiler; None is
            machine code where it can be had.
        where: who asks, for messages.
        prepare: makes the graph one that machine code can be had for.

    Raises:
        ArgumentError: for another word.
        CompileError: where "native" cannot be had: no llvmlite, an operation without code, a
            machine that it makes no code for.
    """
    check_backend(where, backend)
    if backend == "interpreter":
        return Interpreter(graph)
    try:
        return _native()(prepared(graph, prepare), shared)
    except CompileError as error:
        if backend == "native":
            raise
        notice(where, error)
        return Interpreter(graph)
