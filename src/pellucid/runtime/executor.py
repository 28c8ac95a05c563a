"""What every executor promises: it prepares a graph and runs it, once or for many training steps.

Machine code and the interpreter are two; `backend.py` lists them and is where one is chosen. Above
this folder nobody asks which of them it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pellucid.core import shapes
from pellucid.core.errors import DTypeError, ShapeError
from pellucid.graph.node import Graph, TensorType

if TYPE_CHECKING:
    from pellucid.runtime.group import Group

Array = np.ndarray[Any, Any]
_KNOWN = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
Pairs = Sequence[tuple[int, int]]  # (input number, output number): an old state and its new value


class Executable(Protocol):
    """A graph made ready, for any number of rows. Safe to call from several threads.

    Attributes:
        releases_gil: whether calls from several threads run at the same time.
    """

    releases_gil: bool

    def __call__(
        self, inputs: Sequence[Any], threads: int = 1, in_place: bool = False
    ) -> list[Array]:
        """The outputs for `inputs`: fresh arrays, that share no memory with them.

        Args:
            threads: how many threads share the work, at most.
            in_place: whether inputs that were prepared as state may be written over: an output is
                then the array of its input, or a fresh one. Where the call raises they stay as
                they were.
        """

    def brought(self, arrays: Sequence[Any]) -> list[Any]:
        """`arrays` where calls run, as inputs of several calls. They must not change meanwhile."""

    def repeat(
        self, arrays: Sequence[Array], threads: int
    ) -> Callable[[list[Array]], list[Array] | None] | None:
        """A quicker call in place for arrays like these; None where there is none.

        It gives None for arrays that turn out to be others: call it the usual way then.

        Args:
            arrays: those of a call that went well.
        """


class Job(Protocol):
    """A training run without its state, as `train/engines.py` describes it.

    Its graph maps (state, step, seed, rate, fixed, data) to (state, step, measures).

    Attributes:
        params: how many leaves of the state are weights.
        data: one array an input of the graph that is gathered, row by row; these are the last ones.
        batch_size: the most rows that a step takes.
        rows: how many the data have.
        leaves: how many arrays the state has, the step counter included.
        moving: whether rows of the data are written over between calls, as a stream's window is.
        group: the processes that run it together, each with its own part of the data; None, one.
    """

    @property
    def graph(self) -> Graph: ...

    @property
    def params(self) -> int: ...

    @property
    def data(self) -> tuple[Array, ...]: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def leaves(self) -> int: ...

    @property
    def moving(self) -> bool: ...

    @property
    def group(self) -> Group | None: ...

    def inputs(self, state: Sequence[Array], rate: float, batch: Sequence[Any]) -> list[Any]:
        """The inputs of one step."""

    def batch(self, rows: Array) -> list[Array]:
        """These rows of the data, as the graph takes them."""

    def order(self, seed: int, epoch: int) -> Array:
        """The order of the rows in an epoch."""

    def over(self, graph: Graph) -> Job:
        """The same run of another graph that computes the same."""


class Trainer(Protocol):
    """Runs training steps, and owns their state meanwhile.

    Attributes:
        steps_at_once: the most that are worth a call.
        seconds: what a step took last, or a guess; infinite where nothing is known yet.
    """

    steps_at_once: int
    seconds: float

    def order(self, seed: int, epoch: int) -> Array:
        """The order of the rows in an epoch: that of the job."""

    def run(self, rows: Array, rates: Array, size: int) -> Array:
        """A step for each `size` of `rows`; its measures, (steps, measures).

        A step whose loss is not finite is the last one. So is the one before a batch that holds a
        number that is not finite. Where Ctrl-C leaves a step, its state is that before the step.
        """

    def state(self) -> list[Array]:
        """The state after the last step: arrays that no one else writes to."""

    def finish(self) -> list[Array]:
        """The same when no step follows: the trainer's own arrays, not copies of them."""

    def mark(self) -> None:
        """Remembers the state after the last step."""

    def go_back(self) -> None:
        """Goes back to the state that was marked last, once."""

    def before_failure(self) -> list[Array]:
        """The state that the last step, whose loss was not finite, began with."""

    def is_finite(self) -> bool:
        """Whether all weights are finite numbers."""

    def give_up(self, steps: int) -> None:
        """Takes back the last 1 or 2 steps if the weights are not finite numbers."""


Kept = dict[Any, Any]  # code of earlier runs over one graph; what stands in it is the executor's


class Executor(Protocol):
    """A way to run graphs.

    Attributes:
        own_operations: whether it runs operations of a person's own by calling them. Else they are
            written out as rows first.
    """

    own_operations: bool

    def prepare(self, graph: Graph, shared: Pairs = ()) -> Executable:
        """The graph made ready.

        Args:
            shared: state that a call in place may write over.

        Raises:
            CompileError: where this executor cannot run it.
        """

    def trainer(self, job: Job, state: Sequence[Array], threads: int, kept: Kept) -> Trainer:
        """What runs the steps of a job, from this state on.

        Args:
            kept: what earlier runs of the same graph left to be used again; more is put there.

        Raises:
            CompileError: where this executor cannot run it.
        """


def is_readable(data: Array) -> bool:
    """Whether rows of `data` can be gathered as they lie; trainers may copy other data first."""
    known = data.dtype.isnative and data.dtype.str[1:] in _KNOWN
    return bool(known and data.flags.aligned and data[:1].flags.c_contiguous)


def readable(data: Array) -> Array:
    """`data` if its rows can be gathered as they lie, else a copy of which they can."""
    if is_readable(data):
        return data
    widened = {2: np.float32, 16: np.float64}.get(data.dtype.itemsize, data.dtype)
    goal = widened if data.dtype.kind == "f" else data.dtype
    return np.ascontiguousarray(data, np.dtype(goal).newbyteorder("="))


def finite(arrays: Sequence[Array]) -> bool:
    """Whether all numbers of all arrays are."""
    return all(np.count_nonzero(np.isfinite(array)) == array.size for array in arrays)


@lru_cache
def dtype_name(dtype: Any) -> str:
    """NumPy makes a dtype's name anew at each request; calls are many."""
    return str(dtype.name)


def bind_rows(
    types: Sequence[TensorType], names: Sequence[str], arrays: Sequence[Any]
) -> int | None:
    """The number of rows N that `arrays` have, after checking them against `types`.

    Raises:
        ShapeError: where a shape does not fit, or two inputs have different numbers of rows.
        DTypeError: where a dtype differs.
    """
    rows: int | None = None
    first = ""
    for type, name, array in zip(types, names, arrays, strict=True):
        if dtype_name(array.dtype) != type.dtype.name:
            raise DTypeError(name, f"dtype must be {type.dtype}, got {array.dtype.name}")
        fits = len(array.shape) == len(type.shape)
        for dim, length in zip(type.shape, array.shape, strict=False):
            if not isinstance(dim, shapes.Batch):
                fits = fits and dim == length
                continue
            n, rest = divmod(length, dim.scale)
            if rest:
                fits = False
            elif rows is None:
                rows, first = n, name
            elif n != rows:
                raise ShapeError(
                    name,
                    f"one batch size must hold in the whole call, got {rows} rows in {first} "
                    f"and {n} in {name}",
                )
        if not fits:
            raise ShapeError(
                name,
                f"shape must be {shapes.text(type.shape)}, got {shapes.text(array.shape)}",
            )
    return rows


def check_inputs(graph: Graph, arrays: Sequence[Any]) -> int | None:
    """Checks a call of `graph`; returns its number of rows, None where it has no batch."""
    if len(arrays) != len(graph.inputs):
        raise ShapeError(
            "call", f"expected {len(graph.inputs)} inputs ({graph.input_names}), got {len(arrays)}"
        )
    return bind_rows(graph.input_types, graph.input_names, arrays)
