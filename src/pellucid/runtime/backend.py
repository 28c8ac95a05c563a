"""Which executor runs a graph: machine code where it can be had, else the interpreter, or XLA.

In: a graph and what the person asked for. Out: an executor; all kinds are called alike and give
the same results, XLA to within rounding. Whoever did not ask is told once why it is the slower one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pellucid.core import forks, notices
from pellucid.core.arguments import choice
from pellucid.core.errors import ArgumentError, CompileError, PellucidError
from pellucid.graph.node import Graph
from pellucid.runtime.executor import (
    Array,
    Executable,
    Executor,
    Job,
    Kept,
    Pairs,
    Trainer,
)

if TYPE_CHECKING:
    from pellucid.runtime.native import Native

Made = TypeVar("Made")

# The module of each executor, which holds it as EXECUTOR.
_EXECUTORS = {
    "native": "pellucid.runtime.native_executor",
    "interpreter": "pellucid.runtime.interpreter_executor",
    "xla": "pellucid.runtime.xla_executor",
}
BACKENDS = tuple(_EXECUTORS)
_UNASKED = ("native", "interpreter")  # the fastest first
_PLACED = ("xla",)  # those that run on a device of choice, in a precision of choice
_DEVICE = re.compile(r"(cpu|gpu|tpu)(:[0-9]{1,4})?")
PRECISIONS = ("bfloat16",)
_ELSEWHERE = {
    "jax": "xla",
    "numpy": "interpreter",
    "cpu": "native",
    **dict.fromkeys(("gpu", "cuda"), "Pass backend='xla', device='gpu'."),
    "tpu": "Pass backend='xla', device='tpu'.",
}


class Backend(NamedTuple):
    """What a person asked for: see `check_backend`."""

    name: str | None = None
    device: str | None = None
    precision: str | None = None


Asked = str | Backend | None  # a name alone, or all
_UNSAID = Backend()


def check_backend(
    where: str, backend: str | None, device: str | None = None, precision: str | None = None
) -> Backend:
    """The words `backend=`, `device=` and `precision=` of a call, as one.

    Args:
        backend: a backend's name; None, the first one that can.
        device: "cpu", "gpu" or "tpu", with ":1" for the second one; None, the best that is there.
        precision: "bfloat16" rounds the factors of products in float32; None rounds nothing.

    Raises:
        ArgumentError: for another word, or one that this backend does not have.
    """
    if backend is device is precision is None:  # calls of few rows feel each test
        return _UNSAID
    if backend is not None:
        choice(where, "backend", backend, BACKENDS, _ELSEWHERE)
    if precision is not None:
        choice(where, "precision", precision, PRECISIONS)
    if device is not None and not (isinstance(device, str) and _DEVICE.fullmatch(device)):
        raise ArgumentError(
            where,
            f"device must be 'cpu', 'gpu' or 'tpu', with ':1' for the second one, got {device!r}",
            {"cuda": "Write 'gpu'.", "mps": "JAX runs on no Apple GPU: use 'cpu'."}.get(
                str(device).partition(":")[0], ""
            ),
        )
    for name, value in (("device", device), ("precision", precision)):
        if value is not None and backend not in _PLACED:
            raise ArgumentError(
                where,
                f"{name}={value!r} belongs to backend='xla', got backend={backend!r}",
                "Pass backend='xla' too, or leave it out.",
            )
    return Backend(backend, device, precision)


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


@functools.cache
def named(name: str) -> Executor:
    """The executor of a backend, imported with all that it needs when it is first used."""
    found: Executor = forks.load(_EXECUTORS[name]).EXECUTOR
    return found


def chosen(
    backend: Asked,
    where: str,
    graph: Graph,
    write_out: Callable[[Graph], Graph],
    make: Callable[[Executor, Graph], Made],
) -> Made:
    """What `make` gives for the executor that `backend` asks for and the graph that it runs.

    Args:
        backend: a name, that executor or an error; None, the first one that can.
        where: who asks, for messages.
        write_out: writes operations of a person's own out as rows.

    Raises:
        ArgumentError: for another word.
        CompileError: where the backend that was asked for cannot be had.
    """
    asked = backend if isinstance(backend, Backend) else check_backend(where, backend)
    names = _UNASKED if asked.name is None else (asked.name,)
    for name in names[:-1]:
        try:
            return _made(named(name), graph, write_out, make)
        except CompileError as error:
            notice(where, error)
    last: Any = named(names[-1])
    if asked.device is not None or asked.precision is not None:
        last = last.on(asked.device, asked.precision)
    return _made(last, graph, write_out, make)


def _made(
    executor: Executor,
    graph: Graph,
    write_out: Callable[[Graph], Graph],
    make: Callable[[Executor, Graph], Made],
) -> Made:
    return make(executor, graph if executor.own_operations else prepared(graph, write_out))


def compiled(graph: Graph, write_out: Callable[[Graph], Graph]) -> Native:
    """Machine code for `graph`, to be looked at.

    Raises:
        CompileError: where it cannot be had.
    """
    made: Native = forks.load("pellucid.runtime.native").Native(prepared(graph, write_out))
    return made


def executor(
    graph: Graph,
    shared: Pairs = (),
    backend: Asked = None,
    where: str = "fit",
    prepare: Callable[[Graph], Graph] = lambda graph: graph,
) -> Executable:
    """`graph` made ready; the arguments are those of `chosen` and `Executor.prepare`."""
    return chosen(
        backend, where, graph, prepare, lambda executor, graph: executor.prepare(graph, shared)
    )


def trainer(
    job: Job,
    state: Sequence[Array],
    backend: Asked,
    threads: int,
    kept: Kept,
    write_out: Callable[[Graph], Graph] = lambda graph: graph,
) -> Trainer:
    """What runs the steps of `job`; the arguments are those of `chosen` and `Executor.trainer`."""
    return chosen(
        backend,
        "fit",
        job.graph,
        write_out,
        lambda executor, graph: executor.trainer(job.over(graph), state, threads, kept),
    )
