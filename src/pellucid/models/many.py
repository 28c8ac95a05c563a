"""`fit_many`: models that are trained on the same rows, side by side, here or on a cluster."""

from __future__ import annotations

import copy
import functools
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.core.arguments import checked, integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.core.forks import hold
from pellucid.data.streams import is_stream
from pellucid.graph.node import TensorType
from pellucid.models import elsewhere, variables
from pellucid.models.clusters import WHERE, Cluster, cluster_of, file_bytes, from_bytes
from pellucid.models.data import Data
from pellucid.models.model import Model
from pellucid.models.reuse import reuse_programs
from pellucid.optim import BatchSize
from pellucid.runtime.threads import MOST, Team, available
from pellucid.train.callback import Callback, Run, as_callbacks
from pellucid.train.callbacks import EarlyStopping, ReduceOnPlateau, StopBelow
from pellucid.train.history import History

_FOLLOWERS = (EarlyStopping, ReduceOnPlateau, StopBelow)
Errors = dict[int, Exception]


@functools.partial(checked, elsewhere=elsewhere.FIT_MANY)
def fit_many(
    models: Sequence[Model],
    x: Any,
    y: Any,
    *,
    cluster: Any = None,
    batch_size: int | str | BatchSize | None = None,
    epochs: int = 1,
    sample_weight: Any = None,
    class_weight: Any = None,
    validation_data: Sequence[Any] | None = None,
    validation_split: float | None = None,
    validation_freq: int = 1,
    steps_per_epoch: int | None = None,
    shuffle: bool = True,
    seed: int | Sequence[int] | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    backend: str | None = None,
    threads: int = 1,
    history_points: int | None = None,
) -> list[History]:
    """Trains each model on x and y, several at once.

    A run is `model.fit(x, y, …)`, with the same bits wherever it is done. Models of one structure
    (rates, strengths of penalties and seeds may differ) are compiled once, on a cluster once a
    worker.

    Args:
        models: compiled; no two may share a layer.
        x, y: arrays, as in `fit`.
        cluster: None trains here, as many models at once as there are processors. "ray" is the
            cluster that `ray.init` connected to, "ray://host:10001" another one; "dask" is that of
            the last `distributed.Client`, and a client or "tcp://host:8786" another one. Data are
            sent once; a run whose worker or node dies is done again elsewhere.
        seed: of every run, or a list with one for each model.
        callbacks: EarlyStopping, ReduceOnPlateau, StopBelow; each run follows a copy.
        threads: processors of a run.
        batch_size, epochs, sample_weight, class_weight, validation_data, validation_split,
            validation_freq, steps_per_epoch, shuffle, backend, history_points: as in `fit`.

    Returns:
        The History of each run, in the order of the models.

    Raises:
        PellucidError: behind the last run, where some failed: the error of the first of these, with
            its number. The other models are trained.
        DataError: for a model that cannot be a file, on a cluster alone.
        MissingPackageError: where Ray or Dask is not installed.

    Example:
        >>> import numpy as np
        >>> from pellucid import Sequential, nn, optim
        >>> models = [Sequential([nn.Dense(1)], seed=0) for rate in (0.01, 0.1)]
        >>> for model, rate in zip(models, (0.01, 0.1)):
        ...     model.compile(optim.SGD(rate), "squared")
        >>> runs = fit_many(models, np.eye(4), np.arange(4.0), epochs=5, seed=0)
        >>> [len(run.epochs["loss"]) for run in runs]
        [5, 5]
    """
    given = _checked(models)
    team = integer(WHERE, "threads", threads, 1, MOST)
    place = None if cluster is None else cluster_of(cluster, team)
    followers = _followers(callbacks)
    data = {
        "x": x,
        "y": y,
        "sample_weight": sample_weight,
        "class_weight": class_weight,
        "validation_data": validation_data,
    }
    types = _types(given, data)
    shared = {
        "batch_size": batch_size,
        "epochs": epochs,
        "validation_split": validation_split,
        "validation_freq": validation_freq,
        "steps_per_epoch": steps_per_epoch,
        "shuffle": shuffle,
        "backend": backend,
        "threads": team,
        "history_points": history_points,
        "verbose": 0,
    }
    options = [
        {**shared, "seed": one, "callbacks": copy.deepcopy(followers)}
        for one in _seeds(seed, len(given))
    ]
    if place is None:
        errors = _here(given, data, options, available() // team)
    else:
        errors = _there(given, types, data, options, place)
    if errors:
        raise _told(errors, len(given))
    return [model.history for model in given]


def _checked(models: Any) -> list[Model]:
    """The models, each compiled and with layers of its own."""
    if not isinstance(models, (list, tuple)) or not all(isinstance(one, Model) for one in models):
        raise ArgumentError(
            WHERE,
            f"models must be a list of models, got {models!r}",
            "Write fit_many([make(rate) for rate in rates], x, y).",
        )
    owners: dict[int, int] = {}
    for number, model in enumerate(models):
        model.configuration(WHERE)
        for layer in model.architecture.unique().values():
            owner = owners.setdefault(id(layer), number)
            if owner != number:
                raise ArgumentError(
                    WHERE,
                    f"models must not share layers, got one in models[{owner}] and "
                    f"models[{number}]",
                    "Make each model of new layers, or copy.deepcopy(model).",
                )
    return list(models)


def _followers(callbacks: Any) -> list[Callback]:
    """The callbacks, of kinds that go by the measures of their run alone."""
    found = as_callbacks(WHERE, callbacks)
    for one in found:
        if type(one) not in _FOLLOWERS:
            names = ", ".join(kind.__name__ for kind in _FOLLOWERS)
            raise ArgumentError(
                WHERE,
                f"callbacks must be {names}, got {type(one).__name__}",
                "For others call fit for each model.",
            )
    return list(found)


def _seeds(seed: Any, count: int) -> list[int | None]:
    """The seed of each run."""
    if not isinstance(seed, (list, tuple)):
        return [None if seed is None else check_seed(WHERE, seed)] * count
    if len(seed) != count:
        raise ArgumentError(
            WHERE, f"seed must hold one for each of {count} models, got {len(seed)}"
        )
    return [check_seed(WHERE, one) for one in seed]


def _types(models: Sequence[Model], data: Mapping[str, Any]) -> list[tuple[TensorType, ...]]:
    """The types of each model's targets, once the data are checked; the models get weights."""
    validation = data["validation_data"]
    for name, one in (("x", data["x"]), ("y", data["y"]), ("validation_data", validation)):
        if one is not None and is_stream(one):
            raise ArgumentError(
                WHERE,
                f"{name} must be arrays, which all runs read, got a stream",
                "Call fit for each model.",
            )
    given = (data["x"], data["y"], WHERE, data["sample_weight"], data["class_weight"])
    return [Data.of(model, *given).types for model in models]


class _End(Callback):
    """Ends runs where no one waits for them any more."""

    every_step = False
    reads_model = False
    only_averages = True

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True

    def on_epoch(self, run: Run) -> None:
        run.stop = run.stop or self.asked


def _here(
    models: Sequence[Model],
    data: Mapping[str, Any],
    options: Sequence[dict[str, Any]],
    lanes: int,
) -> Errors:
    """Trains in threads of this process: machine code runs beside Python."""
    errors: Errors = {}
    end, waiting = _End(), deque(range(len(models)))
    for model in models:
        reuse_programs(model)

    def work(part: int) -> None:
        while waiting and not end.asked:
            try:
                number = waiting.popleft()
            except IndexError:  # another lane took the last one
                return
            own = options[number]
            try:
                models[number].fit(**data, **{**own, "callbacks": [*own["callbacks"], end]})
            except Exception as error:  # the others go on
                errors[number] = error

    Team(max(1, min(lanes, len(models)))).run(work, end.ask)
    return errors


def _there(
    models: Sequence[Model],
    types: Sequence[Sequence[TensorType]],
    data: Mapping[str, Any],
    options: Sequence[Mapping[str, Any]],
    place: Cluster,
) -> Errors:
    """Trains on a cluster; each model takes over what its run made of it."""

    def train(own: bool) -> Errors:
        if not own:
            raise ArgumentError(WHERE, "no model may be trained at the moment, got one that is")
        errors: Errors = {}
        files = [file_bytes(*pair) for pair in zip(models, types, strict=True)]
        for number, file, error in place.outcomes(files, data, options):
            if file is not None:
                _take_over(models[number], from_bytes(file))
            if error is not None:
                errors[number] = error
        return errors

    return hold([claim for model in models for claim in model.claims()], train)


def _take_over(model: Model, trained: Model) -> None:
    """Gives a model the arrays and the run of its trained copy."""
    for kind in ("params", "state"):
        arrays = variables.leaves(trained.architecture, kind)
        variables.write_leaves(model.architecture, kind, arrays)
    model._slots, model.training, model.kept = trained.slots, trained.training, trained.kept
    model.history, model.columns = trained.history, trained.columns


def _told(errors: Errors, count: int) -> PellucidError:
    """The error of the first run that failed, with its number."""
    number = min(errors)
    first = errors[number]
    if isinstance(first, PellucidError):
        kind, what, fix = type(first), f"[{first.where}] {first.problem}", first.fix
    else:
        kind, what, fix = PellucidError, f"{type(first).__name__}: {first}", ""
    told = kind(
        WHERE, f"{len(errors)} of {count} runs failed, the first is models[{number}]: {what}", fix
    )
    told.__cause__ = first
    return told
