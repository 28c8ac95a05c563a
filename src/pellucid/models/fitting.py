"""The stages of `fit`: the data, where the run starts, what runs it, who watches it."""

from __future__ import annotations

import copy
import functools
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import forks, notices, shapes, trees
from pellucid.core.arguments import choice, integer, real
from pellucid.core.arguments import seed as check_seed
from pellucid.core.config import to_config
from pellucid.core.errors import ArgumentError
from pellucid.core.files import check_target
from pellucid.data.arrays import fingerprint
from pellucid.models import variables
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.models.measuring import Measuring
from pellucid.models.saving import check_savable, save
from pellucid.optim import BatchSize, FixedBatch, GrowingBatch, Minimizer, Optimizer
from pellucid.runtime.backend import Asked
from pellucid.runtime.executor import Executable, Trainer
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.group import Group
from pellucid.train.callback import Callback, Elsewhere, as_callbacks
from pellucid.train.callbacks import Checkpoint, ProgressBar
from pellucid.train.engines import Job, MinimizerTrainer, engine
from pellucid.train.group_rows import GroupJob, GroupRows
from pellucid.train.history import History
from pellucid.train.metric import Metric
from pellucid.train.metrics import check_targets
from pellucid.train.rows import DrawnRows, Rows
from pellucid.train.state import LAST, RunState
from pellucid.train.step import evaluation_graph, product_graph, value_graph
from pellucid.train.task import Task

Array = np.ndarray[Any, Any]
_BEFORE = {  # where files say nothing of it
    "shuffle": True,
    "steps_per_epoch": None,
    "precision": None,
    "chunks": None,
}


@dataclass(frozen=True)
class Feed:
    """What the steps of a run take their rows from.

    Attributes:
        data: arrays that the steps gather rows from.
        size: rows a step, by epoch; largest: the most of all epochs.
        same: what must be as it was for a run to go on.
        rows: made for what runs the steps, says which rows each of them takes.
        moving: whether rows of the data are written over while the run goes on.
    """

    data: Data
    size: Callable[[int], int]
    largest: int
    same: dict[str, Any]
    rows: Callable[[Trainer], Rows]
    moving: bool = False


def feed(
    model: BaseModel,
    data: Data,
    batch_size: Any,
    epochs: int,
    shuffle: bool,
    parts: GroupRows | None = None,
) -> Feed:
    """Of arrays: all rows, in a drawn order or in their own.

    Args:
        parts: where other processes have rows too.
    """
    rows = data.rows if parts is None else parts.rows
    read = fingerprint if parts is None else parts.fingerprint
    sizes = batch_sizes(batch_size, rows, model.configuration("fit").optimizer)
    same = {
        "batch_size": stored_size(sizes),
        "rows": rows,
        "shuffle": shuffle,
        "data": read(data.features, data.others, numpy_dtype(model.dtype)),
    }
    return Feed(
        data,
        lambda epoch: min(sizes.checked_size(epoch), rows),
        min(sizes.largest(epochs), rows),
        same,
        lambda engine: DrawnRows(engine, rows, shuffle),
    )


def batch_sizes(given: Any, rows: int, optimizer: Optimizer) -> BatchSize:
    """`batch_size` as a function of the epoch, of data that have so many rows."""
    if given is None:
        given = "all" if optimizer.full_batch else 32
    if isinstance(given, BatchSize):
        return given
    if isinstance(given, str):
        choice("fit", "batch_size", given, ("all",))
        return FixedBatch(rows)
    return FixedBatch(integer("fit", "batch_size", given, 1))


def stored_size(sizes: BatchSize) -> Any:
    """The sizes of steps as plain data."""
    return to_config(sizes) if isinstance(sizes, GrowingBatch) else sizes.checked_size(0)


def rows_of_chunk(model: BaseModel, chunks: int | None, feed: Feed, workers: int = 1) -> int | None:
    """How many rows of a batch a chunk has, where a batch is cut into `chunks`.

    They are so many that no more than `chunks` are needed: fewer may be, and the last one may have
    fewer rows. The last batch of an epoch may have fewer chunks.

    Raises:
        ArgumentError: for chunks or workers that would have no rows at any step.
    """
    if chunks is None:
        return None
    optimizer = model.configuration("fit").optimizer
    if isinstance(optimizer, Minimizer):
        raise ArgumentError(
            "fit",
            f"chunks needs an optimizer that takes one gradient a step, got {optimizer!r}",
            "Use SGD or Adam, or leave chunks out.",
        )
    size = feed.same["batch_size"]
    if not isinstance(size, int) or not size:
        given = "the batches of a stream" if size == 0 else "a GrowingBatch"
        raise ArgumentError(
            "fit",
            f"chunks needs steps of one size, got {given}",
            "Pass batch_size= as a number.",
        )
    if chunks > max(feed.largest, 1):
        raise ArgumentError(
            "fit",
            f"chunks must be at most {feed.largest}, the rows of a step, got {chunks}",
            "Pass fewer chunks, or a larger batch_size; chunks=8 suits most runs.",
        )
    block = -(-feed.largest // chunks)
    there = -(-feed.largest // block)
    if workers > there:
        raise ArgumentError(
            "fit",
            f"workers must be at most {there}, got {workers}: {feed.largest} rows a step in "
            f"{chunks} chunks are {there} of {block} rows",
            "Pass chunks by which the rows of a step can be divided.",
        )
    return block


def history(model: BaseModel, points: int | None, resume: bool) -> History:
    """What the run writes to: the model's own where it goes on, else an empty one.

    Args:
        points: the most rows of steps.

    Raises:
        ArgumentError: for another number than a run that is resumed began with.
    """
    if points is not None:
        integer("fit", "history_points", points, 0)
    made = History() if points is None else History(max_points=points)
    if not resume:
        return made
    if points not in (None, model.history.max_points):
        raise ArgumentError(
            "fit",
            f"to resume, history_points must be {model.history.max_points} as before, got {points}",
            "Leave history_points out.",
        )
    return model.history


def _shown(name: str, value: Any) -> str:
    """What must stay, in words: that of a stream is 0 where an array has a number."""
    if value == 0 and name in ("rows", "batch_size"):
        return "those of a stream" if name == "rows" else "None, each batch a step,"
    return str(value)


def start(
    model: BaseModel,
    task: Task,
    same: Mapping[str, Any],
    seed: int | None,
    resume: bool,
    initial_epoch: int = 0,
) -> RunState:
    """Where the run starts: anew from the current weights, or where a checkpoint stood.

    Args:
        initial_epoch: how many epochs count as done where it starts anew.
        same: what must be as it was to go on.
    """
    stored = model.training
    if resume:
        if "seed" not in stored:
            raise ArgumentError(
                "fit",
                "resume needs a model that was being trained, got a fresh one",
                "Load the checkpoint first: pel.load(path).",
            )
        asked = same if seed is None else {**same, "seed": seed}
        for name, value in asked.items():
            known = stored.get(name, _BEFORE.get(name))
            if known != value:
                before, now = (_shown(name, one) for one in (known, value))
                raise ArgumentError(
                    "fit",
                    f"to resume, {name} must be {before} as before, got {now}",
                    "Give the same data and options, or train without resume.",
                )
    if model.slots is None:
        model.start_slots(task)
    params, state = (variables.leaves(model.architecture, kind) for kind in ("params", "state"))
    slots = trees.leaves_of(model.slots)
    step = int(stored.get("step", 0))
    if resume:
        kept = dict(model.kept)
        last = kept.pop(LAST, (params, state))
        if any(model.holds(epoch) for epoch in kept):  # the run ended with an earlier epoch's
            params, state = last
        return RunState(
            params,
            slots,
            state,
            seed=stored["seed"],
            step=step,
            epoch=stored["epoch"],
            batch=stored["batch"],
            sums=dict(stored["sums"]),
            counted=list(stored.get("counted", ())),
            kept=kept,
        )
    chosen = secrets.randbits(32) if seed is None else check_seed("fit", seed)
    return RunState(params, slots, state, seed=chosen, step=step, epoch=initial_epoch)


def job(
    model: BaseModel,
    task: Task,
    data: Data,
    seed: int,
    batch_size: int,
    moving: bool = False,
    chunk: int | None = None,
    parts: GroupRows | None = None,
) -> Job:
    """The run without its state.

    Args:
        chunk: rows that are summed by themselves; None: batches are not cut.
        parts: of the rows, where several processes have them: the run is that of all.
    """
    dtype = numpy_dtype(model.dtype)
    strengths = [np.asarray(one.regularizer.strength, dtype) for one in task.penalties]
    names: tuple[str, ...] = ("sample_weight",)
    if len(data.weights) > 1:
        names = model.architecture.outputs.labels("sample_weight")
    made = Job(
        graph=model.step_graph(task) if chunk is None else model.chunked_graph(task, chunk),
        params=len(task.rates),
        fixed=[np.asarray(seed, np.int64), *strengths],
        features=data.features,
        others=data.others,
        batch_size=batch_size,
        dtype=dtype,
        feature_names=model.architecture.inputs.labels("x"),
        other_names=(*model.architecture.outputs.labels("y"), *names),
        moving=moving,
    )
    return made if parts is None else GroupJob.of(made, parts)


def summed(model: BaseModel, task: Task, job: Job) -> dict[str, tuple[int, Metric]]:
    """The measures that are made of sums over rows: how many sums, and of which metric."""
    alone = isinstance(model.configuration("fit").optimizer, Minimizer)  # its graph gives no state
    first = len(task.step_measures) + (0 if alone else job.leaves)
    sizes = [shapes.count(type.shape) for type in job.graph.output_types[first:]]
    return {
        name: (size, metric)
        for (name, metric), size in zip(task.summed.items(), sizes, strict=False)
    }


def engine_of(
    model: BaseModel,
    task: Task,
    job: Job,
    progress: RunState,
    backend: Asked,
    threads: int,
    chunk: int | None = None,
    workers: Any = None,
) -> Trainer:
    """What runs the steps of this job, whose chunks have so many rows.

    Args:
        workers: what starts others that share the steps; None: there are none.
    """
    state = [*progress.params, *progress.slots, *progress.state]
    state.append(np.asarray(progress.step, np.int64))
    if workers is not None:
        shared = forks.load("pellucid.workers.trainer")
        found: Trainer = shared.trainer(job, state, chunk, workers, threads)
        return found
    optimizer, key = model.configuration("fit").optimizer, model.key(task)
    if not isinstance(optimizer, Minimizer):
        kept = model.programs.trainers.setdefault(key if chunk is None else (key, chunk), {})
        return engine(job, state, backend, threads, kept)
    slots = model.slot_types()
    makers = {
        "gradient": lambda: job.graph,
        "value": lambda: value_graph(task, slots),
        "product": lambda: product_graph(task, slots),
    }

    @functools.cache  # a run keeps its programs, whatever a callback changes
    def program(kind: str) -> Executable:
        return model.programs.program((kind, key), makers[kind], backend, "fit")

    return MinimizerTrainer(job, state, optimizer, program, task.free)


def measured(
    model: BaseModel, data: Data, chunk: int, backend: Asked, threads: int | None = None
) -> dict[str, float]:
    """Loss and metrics of a data set with the model's weights."""
    return measure_of(model, data, chunk, backend, threads)()


def measure_of(
    model: BaseModel, data: Data, chunk: int, backend: Asked, threads: int | None = None
) -> Callable[[], dict[str, float]]:
    """What gives loss and metrics of a data set with the weights that the model has then."""
    measuring = measuring_of(model, data, chunk, backend, threads)

    def measure() -> dict[str, float]:
        made = measuring()
        made.add(data.features, data.targets, data.weights)
        return made.values()

    return measure


def measuring_of(
    model: BaseModel, data: Data, chunk: int, backend: Asked, threads: int | None = None
) -> Callable[[], Measuring]:
    """What takes in rows like `data`, with the weights that the model has when it is called."""
    task = model.task(data.types, data.weight_types)
    program = model.programs.program(
        ("evaluate", model.key(task)), lambda: evaluation_graph(task), backend, "evaluate"
    )
    return lambda: Measuring(task, program, variables.leaves(model.architecture), chunk, threads)


def validation(
    model: BaseModel, given: Any, backend: Asked, chunk: int
) -> Callable[[], dict[str, float]]:
    """What measures `validation_data`, `chunk` rows at a time."""
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ArgumentError(
            "fit",
            "validation_data must be (x, y) or (x, y, weights), or a stream of such batches, got "
            "something else",
        )
    x, y, weights = (*given, None)[:3]
    data = Data.of(model, x, y, "validation_data", weights, name="y of validation_data")
    check_metrics(model, data)
    return measure_of(model, data, chunk, backend)


def check_metrics(model: BaseModel, data: Data) -> None:
    """Refuses targets that a metric cannot measure."""
    for head, target, output in zip(
        model.task(data.types, data.weight_types).heads,
        data.targets,
        model.architecture.output_types,
        strict=True,
    ):
        check_targets(head.metrics, head.loss, head.contract, target, output)


def watchers(
    model: BaseModel,
    data: Data,
    callbacks: Callback | Sequence[Callback],
    verbose: int,
    checkpoint: str | Path | None,
    every: float,
    overwrite: bool,
    group: Group | None = None,
) -> tuple[list[Callback], bool]:
    """All callbacks of a run, and whether one of a person's own looks at the model.

    Args:
        group: the processes that run it together: the first one prints and writes files.
    """
    known = isinstance(verbose, (int, np.integer)) and not isinstance(verbose, bool)
    if not known or verbose not in (0, 1, 2):
        raise ArgumentError("fit", f"verbose must be 0, 1 or 2, got {verbose!r}")
    given, first = as_callbacks("fit", callbacks), group is None or group.first
    if not first:
        given = [Elsewhere(one) if one.first_only else one for one in given]
    bar = ProgressBar(verbose if first else 0)
    several: list[Callback] = [bar, *given] if verbose else list(given)
    real("fit", "checkpoint_every", every, 0)
    if checkpoint is not None:
        path = check_target(checkpoint, overwrite or not first)
        check_savable(model, data.types)
        several.append(_checkpoint(model, path, every, group))
    return several, any(one.reads_model for one in given)


def _checkpoint(model: BaseModel, path: Path, every: float, group: Group | None) -> Checkpoint:
    """What saves the run: of several processes the first one, while the others wait."""

    def write() -> None:
        if group is None or (group.first and not group.broken):
            save(model, path, overwrite=True)

    if group is None:
        return Checkpoint(write, every)
    return Checkpoint(write, every, lambda: float(group.exchange(time.perf_counter())[0]))


def noting_changes(model: BaseModel) -> Callable[[], None]:
    """What says, at the end of a run, which surroundings of own functions changed since now."""
    known = model.programs.own
    own = copy.copy(known) if known is not None and known.parts else None

    def note() -> None:
        name = None if own is None else own.change()
        if name is not None:
            notices.once(
                f"[fit] functions of your own may read {name}, which changed during the run: all "
                "its steps use what stood there at the start. To train on with the new value, call "
                "fit again with resume=True."
            )

    return note
