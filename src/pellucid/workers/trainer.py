"""Training steps that several workers share, as the process that called `fit` runs them.

It is one of the workers itself. So the state of the last whole step is always here: whoever is
lost, the step is taken again from it by those who are left, and whoever joins gets it from here.
The sums are those of one tree over the chunks of a batch, so no bit depends on who was there.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.core.signals import immediate
from pellucid.graph.text import print_graph
from pellucid.runtime.backend import Backend
from pellucid.runtime.executor import finite
from pellucid.runtime.replay import explain
from pellucid.runtime.stepwise import StepwiseTrainer, numbers
from pellucid.train.engines import Job
from pellucid.workers.crew import Crew
from pellucid.workers.division import Division
from pellucid.workers.launching import MOST, Launcher, LocalWorkers
from pellucid.workers.share import Share
from pellucid.workers.wire import Lost
from pellucid.workers.worker import shared_step

Array = np.ndarray[Any, Any]
WAIT = 120.0  # seconds for all workers to come at the start
_ROWS = 4096  # rows that are looked at together


class WorkersTrainer(StepwiseTrainer):
    """A `Trainer` whose steps are shared with others.

    Args:
        job: of a graph whose sums are in blocks.
        block: how many rows they have.
        threads: of this machine, which workers on it share.

    Attributes:
        sent: bytes that this process sent for the sums of steps.
    """

    job: Job

    def __init__(
        self, job: Job, state: Sequence[Array], block: int, launcher: Launcher, threads: int
    ):
        graph = job.graph
        super().__init__(job, state, graph.output_types[len(state) :])
        threads = launcher.threads or max(1, threads // launcher.count)
        self._block, self._share = block, Share(graph, threads)
        self._bad = _not_finite(job)
        words = {
            "graph": print_graph(graph),
            "consts": list(graph.consts),
            "features": len(job.features),
            "batch_size": job.batch_size,
            "dtype": job.dtype.str,
        }
        arrays = [*(np.asarray(one.array) for one in graph.consts.values()), *job.fixed]
        self._shared: list[Array] | None = None  # the state that the workers have
        self._sent = 0
        self._crew = Crew(launcher, job.data, words, arrays, threads)
        self._close = weakref.finalize(self, _close, self._crew, os.getpid())
        try:
            with immediate():
                self._crew.begin(WAIT)
        except BaseException:
            self._close()
            raise

    @property
    def sent(self) -> int:
        return self._sent + self._crew.mesh.sent

    def taken(self, rows: Array) -> Any:
        """The rows themselves: each worker gathers its own."""
        return None if self._bad is not None and self._bad[rows].any() else rows

    def step(self, batch: Any, rate: float) -> tuple[list[float], list[Array]]:
        crew, done = self._crew, False
        while True:
            try:
                self._together()
                outputs = self._step(batch, rate)
                done = True
                break
            except Lost:
                if crew.failure:
                    self._refuse(batch, rate, crew.failure)
            except PellucidError as error:
                self._refuse(batch, rate, str(error), error)
            finally:
                if not done:
                    self._drop()
        new = outputs[: len(self._state)]
        self._shared = new
        return numbers(outputs[len(new) :]), new

    def _drop(self) -> None:
        """A step was left: what others have of it goes."""
        self._sent, self._shared = self.sent, None
        self._crew.mesh.close()
        self._crew.mesh.sent = 0

    def _together(self) -> None:
        """Everyone who can work is connected and has the state.

        Raises:
            Lost: where one of them has gone meanwhile.
        """
        self._crew.look()
        if self._crew.failure:
            raise Lost
        if self._crew.changed:
            self._drop()
            self._crew.regroup()
        if self._shared is not self._state:
            self._crew.tell("state", self._state)
            self._shared = self._state

    def _step(self, rows: Array, rate: float) -> list[Array]:
        crew = self._crew
        cut = Division(len(rows), self._block, 1 + len(crew.members))
        parts = [rows[slice(*cut.part(worker))] for worker in range(cut.workers)]
        crew.tell("step", parts, rate=rate, division=[cut.rows, cut.block, cut.workers])
        own = self.job.batch(parts[0])
        return shared_step(self._share, self.job, self._state, own, rate, crew.mesh, 0, cut)

    def _refuse(
        self, rows: Array, rate: float, told: str, error: PellucidError | None = None
    ) -> None:
        """Raises what a row refused, as a step on one worker says it.

        Raises:
            PellucidError: in any case.
        """
        self._crew.failure = ""
        explain(self.job, self._state, rate, rows)
        raise error or PellucidError("fit", f"a worker could not do its part of a step: {told}")

    def finish(self) -> list[Array]:
        self._close()
        return self._state


def _close(crew: Crew, process: int) -> None:
    """Ends the workers; a forked child, which has the same connections, leaves them alone."""
    if os.getpid() == process:
        crew.close()


def _not_finite(job: Job) -> Array | None:
    """Which rows hold a number that is not finite; None where none does."""
    found = np.zeros(job.rows, bool)
    for start in range(0, job.rows, _ROWS):
        rows = np.arange(start, min(start + _ROWS, job.rows))
        try:
            batch = job.batch(rows)
        except PellucidError:  # a number that the dtype cannot hold: it is named when it is met
            found[rows] = True
            continue
        if not finite(batch):
            for array in batch:
                found[rows] |= ~np.isfinite(array).reshape(len(rows), -1).all(axis=1)
    return found if found.any() else None


def launcher(workers: Any, chunks: int | None, backend: Backend) -> Launcher | None:
    """What starts the workers that `fit` was asked for; None where there is one alone.

    Raises:
        ArgumentError: for another value, or a run that several cannot share.
    """
    if isinstance(workers, Launcher):
        found = workers
    elif isinstance(workers, str):
        raise ArgumentError(
            "fit",
            "workers must be a whole number, pel.LocalWorkers(…) or pel.RayWorkers(…), got "
            f"{workers!r}",
            "Pass workers=4 for processes of this machine, pel.RayWorkers(4) for actors of Ray's.",
        )
    else:
        found = LocalWorkers(integer("fit", "workers", workers, 1, MOST))
    if found.count == 1:
        return None
    if chunks is None:
        raise ArgumentError(
            "fit",
            f"workers needs chunks, the runs of rows that they share, got workers={workers!r} "
            "alone",
            "Pass chunks=8, or leave workers out: threads= sets the threads of one process.",
        )
    if found.count > chunks:
        raise ArgumentError(
            "fit",
            f"workers must be at most chunks, got {found.count} workers and {chunks} chunks",
            "Pass more chunks; their number decides the bits, that of workers does not.",
        )
    if backend.name not in (None, "native"):
        raise ArgumentError(
            "fit",
            f"workers train by machine code, got backend={backend.name!r}",
            "Leave backend out, or workers.",
        )
    return found


def trainer(
    job: Job, state: Sequence[Array], block: int, launcher: Launcher, threads: int
) -> WorkersTrainer:
    """What runs the steps of a job with others.

    Raises:
        ArgumentError: for a stream, or rows that are no array.
    """
    if job.moving or not all(isinstance(array, np.ndarray) for array in job.data):
        what = "a stream" if job.moving else "a sparse matrix"
        raise ArgumentError(
            "fit",
            f"workers need x as an array, got {what}",
            "Give an array, or leave workers out.",
        )
    return WorkersTrainer(job, state, block, launcher, threads)
