"""A model's training as a WebAssembly module and the plan that the page runs it by.

In: a compiled model and data. Out: `Training`: what `engine.js` needs. It trains as `fit` would
now: the same step graph from the same weights, with the rows, rates and random numbers of a seed.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.compiler.codegen.training_loop import DATA
from pellucid.compiler.program import FEW_ROWS, MinibatchFeed
from pellucid.core.dtypes import as_dtype
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import bind
from pellucid.data.arrays import check_finite, slice_rows
from pellucid.export.web_module import Part, WebModule, web_module
from pellucid.graph.node import TensorType
from pellucid.models import fitting, variables
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.models.measuring import CHUNK
from pellucid.optim import BatchSize, Minimizer, Optimizer, Schedule
from pellucid.runtime.executor import readable
from pellucid.runtime.extras import ORDER, numpy_dtype, stream_words
from pellucid.train.engines import Job
from pellucid.train.step import evaluation_graph, prediction_graph
from pellucid.train.task import Task
from pellucid.transform.custom import in_rows

Array = np.ndarray[Any, Any]
MOST_STEPS = 256  # of one call: between two looks at the clock
MOST_EPOCHS = 10**6
_MOST_RATES = 10**6  # of a schedule
_READ = ("state", "x0", "y0", "values", "measures", "rates", "sum", "grid", "outputs")
GRID = 64  # places along each side of the plane


@dataclass(frozen=True)
class Training:
    """What the page trains.

    Attributes:
        plan: plain values for `engine.js`.
        weights: the name of the array of each weight, in the order of `model.params`.
    """

    plan: dict[str, Any]
    weights: list[str]


@dataclass(frozen=True)
class Options:
    """How the model is trained: the arguments of `lesson`, checked."""

    batch_size: Any
    epochs: int | None
    seed: int
    validation: Data | None


def training(model: BaseModel, data: Data, options: Options, plane: bool) -> Training:
    """The training of `model` on `data`.

    Args:
        plane: whether the page asks for the output at any place of a plane.

    Raises:
        ArgumentError: for what a page cannot do.
        CompileError: for an operation that has no code in a browser.
    """
    _check(model, options)
    task = model.task(data.types)
    fresh = model.slots is None
    optimizer = model.configuration("lesson").optimizer
    sizes = fitting.batch_sizes(options.batch_size, data.rows, optimizer)
    try:
        start = fitting.start(model, task, {}, options.seed, False)
        job = fitting.job(model, task, data, start.seed, sizes.checked_size(0))
    finally:
        if fresh:
            model.slots = None  # those are the lesson's
    state = [*start.params, *start.slots, *start.state, np.asarray(start.step, np.int64)]
    built = _Builder(job, task, state, model)
    built.train()
    rates = built.rates(optimizer, start.step, options.epochs)
    if options.validation is not None:
        built.evaluate(options.validation)
    if plane:
        built.predict()
    module = web_module(built.parts, built.arrays)
    plan = {
        **built.plan(module),
        "rates": rates,
        "epochs": options.epochs,
        "measures": task.step_measures,
    }
    return Training(plan, built.state[: job.params])


def _check(model: BaseModel, options: Options) -> None:
    """Refuses what a page cannot train."""
    how = model.configuration("lesson")
    if numpy_dtype(model.dtype) != np.float32:
        raise ArgumentError(
            "lesson",
            f"the model must compute in float32, got {model.dtype}",
            "Make it with dtype='float32': a page has no exact products of float64.",
        )
    if isinstance(how.optimizer, Minimizer):
        raise ArgumentError(
            "lesson",
            "the optimizer must take one step along each gradient, got "
            f"{type(how.optimizer).__name__}, which evaluates the objective several times",
            "Compile with SGD, Adam or another that has a learning rate.",
        )
    if isinstance(options.batch_size, BatchSize):
        raise ArgumentError(
            "lesson",
            f"batch_size must be a number of rows or 'all', got {options.batch_size!r}",
            "A page takes batches of one size.",
        )
    whole = [m.name for each in how.metrics for m in each if m.measure is None]
    if whole:
        raise ArgumentError(
            "lesson",
            f"metrics must be means over rows, got {', '.join(whole)}",
            "Compile without it: the page has no code for it.",
        )
    if isinstance(how.optimizer.learning_rate, Schedule) and options.epochs is None:
        raise ArgumentError(
            "lesson",
            f"epochs must be given with a schedule, got {how.optimizer.learning_rate!r} alone",
            "Write epochs=100: the file holds the rate of each step.",
        )


class _Builder:
    """The parts and arrays of a module, as they come together."""

    def __init__(self, job: Job, task: Task, state: list[Array], model: BaseModel):
        self.job, self.task, self.model = job, task, model
        self.state = [f"state{n}" for n in range(len(state))]
        self.layers = [*range(job.params), *range(len(state) - 1 - self._kept, len(state) - 1)]
        self.arrays: dict[str, Array] = dict(zip(self.state, state, strict=True))
        self.parts: list[Part] = []
        self._rest: dict[str, Any] = {"evaluate": None, "predict": None}

    @property
    def _kept(self) -> int:
        """How many arrays layers keep beside weights."""
        return len(variables.leaves(self.model.architecture, "state"))

    def _make(self, name: str, type: TensorType, rows: int) -> str:
        """An array that a part writes to, or that a page fills."""
        self.arrays[name] = np.zeros(bind(type.shape, rows), numpy_dtype(type.dtype))
        return name

    def _fixed_state(self) -> list[str]:
        """The weights and what layers keep."""
        return [self.state[n] for n in self.layers]

    def _data(
        self, name: str, arrays: tuple[Array, ...], where: str, as_float: bool = False
    ) -> list[str]:
        """The rows of a data set as the page reads them."""
        names = []
        for number, array in enumerate(arrays):
            kept = np.ascontiguousarray(readable(array))
            if as_float:
                kept = slice_rows(kept, 0, len(kept), np.dtype(np.float32), where)
            check_finite(kept, range(len(kept)), where)
            names.append(f"{name}{number}")
            self.arrays[names[-1]] = kept
        return names

    def train(self) -> None:
        """The training step, many in a call."""
        job, graph = self.job, in_rows(self.job.graph)
        large = any(x.dtype.itemsize > 4 for x in job.features)  # twice the room for the same bits
        self._whole = [
            *self._data("x", job.features, "x", as_float=large),
            *self._data("y", job.others, "y"),
        ]
        first, batch = len(graph.inputs) - len(self._whole), job.batch_size
        fixed = ["seed", "rate", *(f"strength{n}" for n in range(len(job.fixed) - 1))]
        rate = np.zeros((), np.float32)
        values = [job.fixed[0], rate, *job.fixed[1:]]
        self.arrays |= dict(zip(fixed, values, strict=True))
        gathered = [
            self._make(f"batch{n}", type, batch) for n, type in enumerate(graph.input_types[first:])
        ]
        measured = [
            self._make(f"measure{n}", type, batch)
            for n, type in enumerate(graph.output_types[len(self.state) :])
        ]
        feed = MinibatchFeed(
            tuple(
                (first + n, as_dtype(self.arrays[name].dtype, "lesson"))
                for n, name in enumerate(self._whole)
            ),
            (len(self.state) + 1,),
            tuple(range(len(self.state), len(graph.outputs))),
            batch <= FEW_ROWS,
        )
        inputs, outputs = [*self.state, *fixed, *gathered], [*self.state, *measured]
        self.parts.append(Part("train", graph, inputs, outputs, batch, feed))
        self.arrays |= {
            "order": np.zeros(job.rows, np.int64),
            "values": np.zeros(MOST_STEPS),
            "measures": np.zeros((MOST_STEPS, len(measured))),
            "control": np.zeros(DATA + 2 * len(self._whole), np.int64),
        }

    def rates(self, optimizer: Optimizer, step: int, epochs: int | None) -> dict[str, Any]:
        """The learning rate of each step, or the one of all."""
        if not isinstance(optimizer.learning_rate, Schedule):
            return {"constant": optimizer.rates(step, 1)[0]}
        count = (epochs or 0) * -(-self.job.rows // self.job.batch_size)
        if count > _MOST_RATES:
            raise ArgumentError(
                "lesson",
                f"a schedule may have at most {_MOST_RATES:,} steps, got {count:,}",
                "Give fewer epochs, or compile with a constant rate.",
            )
        self.arrays["rates"] = np.array(optimizer.rates(step, count))
        return {"table": "rates"}

    def evaluate(self, data: Data) -> None:
        """Loss and metrics of validation data."""
        task, rows = self.model.task(data.types), min(data.rows, CHUNK)
        graph = in_rows(evaluation_graph(task))
        self._validation = [
            *self._data("validation_x", data.features, "x of validation_data", as_float=True),
            *self._data("validation_y", data.targets, "y of validation_data"),
        ]
        strengths = [name for name in self.arrays if name.startswith("strength")]
        outputs = [self._make(f"sum{n}", type, rows) for n, type in enumerate(graph.output_types)]
        inputs = [*self._fixed_state(), *strengths, *self._validation]
        self.parts.append(Part("evaluate", graph, inputs, outputs, rows))
        names = len(self.task.row_measures)
        self._rest["evaluate"] = {
            "rows": data.rows,
            "chunk": CHUNK,
            "sums": outputs[:names],
            "penalty": next(iter(outputs[names:]), None),
        }

    def predict(self) -> None:
        """The output at places of a plane."""
        architecture = self.model.architecture
        inputs = architecture.inputs.nested(architecture.input_types)
        graph = in_rows(
            prediction_graph(architecture.apply, architecture.params, architecture.state, inputs)
        )
        rows = GRID * GRID
        grid = self._make("grid", graph.input_types[-1], rows)
        outputs = [self._make("outputs", graph.output_types[0], rows)]
        self.parts.append(Part("predict", graph, [*self._fixed_state(), grid], outputs, rows))
        self._rest["predict"] = {}

    def plan(self, module: WebModule) -> dict[str, Any]:
        """What the page is told of its module."""
        at, job = module.arrays, self.job
        _, key = stream_words(int(job.fixed[0]), 0, ORDER)
        train = {
            **{name: at[name] for name in ("control", "order", "values", "measures")},
            "slots": module.slots["train"],
            "status": module.status,
            "rows": job.rows,
            "batch": job.batch_size,
            "most": MOST_STEPS,
            "key": [int(word) for word in key],
            "data": [
                part for name in self._whole for part in (at[name], _row_bytes(self.arrays[name]))
            ],
        }
        rest = dict(self._rest)
        if rest["predict"] is not None:
            rest["predict"] = {"slots": module.slots["predict"]}
        if rest["evaluate"] is not None:
            rest["evaluate"] |= {
                "slots": module.slots["evaluate"],
                "data": [
                    (module.places["evaluate"][name], at[name], _row_bytes(self.arrays[name]))
                    for name in self._validation
                ],
            }
        last = self.state[-1]
        return {
            "code": base64.b64encode(zlib.compress(module.code, 9)).decode(),
            "arrays": {
                name: _described(at[name], one)
                for name, one in self.arrays.items()
                if name.startswith(_READ)
            },
            "start": [at[self.state[0]], at[last] + self.arrays[last].nbytes],
            "train": train,
            **rest,
        }


def _row_bytes(array: Array) -> int:
    return array.strides[0] if array.ndim else 0


def _described(address: int, array: Array) -> dict[str, Any]:
    return {"address": address, "dtype": array.dtype.name, "shape": list(array.shape)}
