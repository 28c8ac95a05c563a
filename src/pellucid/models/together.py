"""`fit` in several processes: what it refuses, and what all of them compare before the first step.

In: the arguments of this process's call. Out: the same decisions in all processes, or the same
error.
"""

from __future__ import annotations

import functools
import hashlib
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pellucid.core import forks
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.graph.printer import print_graph
from pellucid.models.data import Data
from pellucid.optim import Minimizer, Optimizer
from pellucid.runtime.backend import Backend
from pellucid.runtime.group import Group, current
from pellucid.train.callback import Run
from pellucid.train.engines import Array, Job
from pellucid.train.group_rows import GroupRows
from pellucid.train.state import RunState

_APART = 1e-3  # how far apart measures of the same rows may be, of the larger one
_FIXES = {
    "the weights": "Give the model a seed, Sequential(…, seed=0), or load one file in all of them.",
    "the columns": "Give each process its own rows of one table, with all its columns.",
}
F = TypeVar("F", bound=Callable[..., Any])


def told(fit: F) -> F:
    """`fit`, of which an error in one process ends it in all."""

    @functools.wraps(fit)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        group = current()
        return fit(*args, **kwargs) if group is None else group.fitting(fit, *args, **kwargs)

    return wrapper  # type: ignore[return-value]


def launcher(workers: Any, chunks: int | None, backend: Backend) -> Any:
    """What starts workers that share each step, None where there is one alone.

    Raises:
        ArgumentError: for another value, or a run that several cannot share.
    """
    if workers is None:
        return None
    return forks.load("pellucid.workers.trainer").launcher(workers, chunks, backend)


def group_of(
    backend: Backend,
    optimizer: Optimizer,
    streamed: bool,
    validation_split: float | None,
    class_weight: Any,
) -> Group | None:
    """The processes that train together; None where this one trains alone.

    Raises:
        ArgumentError: for what they cannot do together.
    """
    group = current()
    if group is None:
        return None
    refused = [
        (
            backend.name != "xla",
            f"backend must be 'xla' behind pel.distributed.start, got {backend.name!r}",
            "Pass backend='xla', or leave start out to train in this process alone.",
        ),
        (
            isinstance(optimizer, Minimizer),
            "an optimizer of several processes must take one gradient a step, got "
            f"{type(optimizer).__name__}",
            "Use SGD or Adam.",
        ),
        (
            streamed,
            "x must be arrays where several processes train, got a stream",
            "Give each process its own rows as arrays, or memmaps: x[group.part(len(x))].",
        ),
        (
            group.processes > 1 and validation_split is not None,
            "validation_split needs all rows in one process, got a part of them",
            "Give all processes the same validation_data.",
        ),
        (
            group.processes > 1 and isinstance(class_weight, str),
            f"class_weight={class_weight!r} needs all rows in one process, got a part of them",
            "Give the weights as {class: weight}.",
        ),
    ]
    for wrong, problem, fix in refused:
        if wrong:
            raise ArgumentError("fit", problem, fix)
    return group


def group_rows(group: Group | None, data: Data) -> GroupRows | None:
    """Whose rows are where; None where all are here."""
    if group is None:
        return None
    if data.sparse:
        raise ArgumentError(
            "fit",
            "x must be dense where several devices train, got a sparse matrix",
            "Pass x.toarray().",
        )
    return GroupRows.of(group, data.rows)


def seed_of(group: Group | None, seed: int | None, resume: bool) -> int | None:
    """The seed that a run draws: one for all processes."""
    if group is None or resume:
        return seed
    drawn = group.exchange(secrets.randbits(32))[0]
    return int(drawn) if seed is None else seed


def compare(group: Group | None, job: Job, progress: RunState, options: Mapping[str, Any]) -> None:
    """Makes sure that all processes begin the same run.

    Raises:
        ProcessError: naming the first thing that differs.
    """
    if group is None:
        return
    state = [*progress.params, *progress.slots, *progress.state]
    group.agree(
        {
            "the columns": [[one.dtype.str, list(one.shape[1:])] for one in job.data],
            "the model": _graph_digest(job.graph),
            **options,
            "seed": progress.seed,
            "the step to begin with": [progress.epoch, progress.batch, progress.step],
            "strengths of penalties": [float(one) for one in job.fixed[1:]],
            "the weights": _digest(state),
        },
        _FIXES,
    )


def agreed(
    group: Group | None, validate: Callable[[Run], dict[str, float]] | None
) -> Callable[[Run], dict[str, float]] | None:
    """Validation whose numbers are those of the first process in all of them.

    Each measures the same rows, so that nobody waits for another one's.
    """
    if group is None or validate is None:
        return validate

    def measure(run: Run) -> dict[str, float]:
        told = group.exchange(validate(run))
        for process, values in enumerate(told):
            for name, value in told[0].items():
                other = values.get(name, math.nan)
                if not math.isclose(other, value, rel_tol=_APART, abs_tol=_APART):
                    group.end(
                        "validation_data must be the same in all processes, got "
                        f"{name} {value:.4g} in {group.name(0)} and {other:.4g} in "
                        f"{group.name(process)}",
                        "Give all of them all rows that are measured.",
                    )
        return dict(told[0])

    return measure


def _digest(arrays: Sequence[Array]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()[:16]


def _graph_digest(graph: Graph) -> str:
    """Of the operations of a graph and its constants."""
    consts = [graph.consts[name].array for name in sorted(graph.consts)]
    text = hashlib.sha256(print_graph(graph, lines=False).encode())
    return text.hexdigest()[:16] + _digest(consts)
