"""Workers that take turns in one process: a step of any number of them with one set of programs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

import pellucid as pel
from pellucid.core import trees
from pellucid.models import fitting
from pellucid.models.data import Data
from pellucid.train.engines import Job
from pellucid.workers.division import Division, joined
from pellucid.workers.share import Share

Array = np.ndarray[Any, Any]


def hash_of(model: pel.Model) -> str:
    """Of all weights and of the layers' state."""
    found = hashlib.sha256()
    for leaf in trees.leaves_of([model.params, model.state]):
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()


def job_of(
    model: pel.Model, x: Any, y: Any, chunks: int, weights: Any = None
) -> tuple[Job, list[Array], int]:
    """A step on all rows in chunks, the state that it begins with, and the rows of a chunk."""
    data = Data.of(model, x, y, "fit", weights)
    block = -(-data.rows // chunks)
    task = model.task(data.types, data.weight_types)
    start = fitting.start(model, task, {}, 5, False)
    job = fitting.job(model, task, data, 5, data.rows, chunk=block)
    return job, [*start.params, *start.slots, *start.state, np.asarray(3, np.int64)], block


def step(share: Share, job: Job, state: Sequence[Array], division: Division) -> list[list[Array]]:
    """The outputs of one step, as each worker has them."""
    rows = np.arange(division.rows)
    running, told = [], []
    for worker in range(division.workers):
        own = job.batch(rows[slice(*division.part(worker))])
        running.append(share.step(job.inputs(state, 0.1, own), division, worker))
        told.append(next(running[-1]))
    while True:
        meeting = share.meetings[told[0][0]]
        whole = []
        for k, how in enumerate(meeting.hows):
            sums = {
                span: values[k]
                for spans, (_, subtrees) in zip(division.subtrees, told, strict=True)
                for span, values in zip(spans, subtrees, strict=True)
            }
            whole.append(joined(sums, division.blocks, getattr(np, how)))
        done, told = [], []
        for one in running:
            try:
                told.append(one.send(whole))
            except StopIteration as end:
                done.append(end.value)
        if done:
            assert not told
            return done
