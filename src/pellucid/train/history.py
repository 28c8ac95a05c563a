"""What a training run measured: a row an epoch and a row a step, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core import display, shapes
from pellucid.core.arguments import integer, real
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.names import unknown_attribute
from pellucid.transform.arrays import as_array
from pellucid.viz.progress import progress
from pellucid.viz.svg import Picture

Table = dict[str, list[float]]
Column = Sequence[float] | np.ndarray[Any, Any]
MAX_POINTS = 10_000  # rows of the curves of steps and of validation
MAX_EPOCHS = 100_000  # rows of the curves of epochs
_TABLES = "epochs", "steps", "validation"


class History:
    """The curves of a run.

    Curves are bounded: `epochs` to 100,000 rows, `steps` and `validation` to `max_points`. A run
    that measures more keeps every second row, then every fourth, and so on: rows k, 2k, 3k, … with
    k the smallest power of 2 that fits, each with the values of that very step. It is the same
    whether the run was resumed or not.

    Args:
        max_points: the most rows of `steps` and `validation`; 0 keeps none.

    Attributes:
        epochs: {"loss": […], "accuracy": […], "val_loss": […], …}, one entry an epoch. An epoch
            in which a measure was not taken has NaN.
        steps: the same for each training step, with "step"; the minibatch's own values.
        validation: {"step": […], "val_loss": […], …} at the steps where it was measured.
        seed: the seed that ordered the data and drew the masks.
        seconds: {"gather": …, "step": …, "validation": …, "checkpoint": …} wall time.
        counts: how many rows each table has been given, thinned ones included.
        validated: the step at which validation was measured last.
        memory: what callbacks must know of epochs that are no longer in the curves.
    """

    # Not each number of the curves: the counts tell that they grew.
    __pellucid_unwatched__ = ("epochs", "steps", "validation", "seconds", "memory")

    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_attribute

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self.max_points = integer("History", "max_points", max_points, 0)
        self.epochs: Table = {}
        self.steps: Table = {}
        self.validation: Table = {}
        self.seed: int | None = None
        self.seconds: dict[str, float] = {}
        self.counts = dict.fromkeys(_TABLES, 0)
        self.validated = 0
        self.memory: dict[str, list[float]] = {}

    @property
    def history(self) -> Table:
        """The epochs' curves, under the name that Keras gives them."""
        return self.epochs

    @property
    def is_complete(self) -> bool:
        """Whether `epochs` has a row for every epoch."""
        return self.counts["epochs"] <= MAX_EPOCHS

    def add_epoch(self, row: Mapping[str, float]) -> None:
        """An epoch's averages."""
        _check_row("add_epoch", row)
        extend(self, "epochs", {name: [value] for name, value in row.items()})

    def add_validation(self, row: Mapping[str, float]) -> None:
        """What was measured at a step, with "step"."""
        _check_row("add_validation", row, "step")
        columns = {name: [value] for name, value in row.items()}
        extend(self, "validation", columns)
        self.validated = int(row["step"])

    def add_steps(self, columns: Mapping[str, Column]) -> None:
        """The measures of steps that follow each other, with "step"."""
        _check_columns("add_steps", columns)
        extend(self, "steps", columns)

    def add_seconds(self, what: str, seconds: float) -> None:
        """Wall time that a part of the run took."""
        if not isinstance(what, str):
            raise ArgumentError("add_seconds", f"what must be a name, got {what!r}")
        spent = real("add_seconds", "seconds", seconds, 0)
        self.seconds[what] = self.seconds.get(what, 0.0) + spent

    def plot(self) -> Picture:
        """The curves of the epochs: a panel for each measure, with validation beside training.

        Returns:
            A Picture, which a notebook shows and `history.plot().save("run.svg")` writes.
        """
        return progress(*self.__pellucid_curves__())

    def __pellucid_curves__(self) -> tuple[Table, range]:
        """What `pel.draw` draws of a run, and the numbers of its epochs."""
        every, rows = _stride(self.counts["epochs"], MAX_EPOCHS), map(len, self.epochs.values())
        return self.epochs, range(every, every * max(rows, default=0) + 1, every)

    def __pellucid_steps__(self) -> tuple[Table, Table]:
        """What it draws of its steps: minibatches, and validation where it was measured."""
        return self.steps, self.validation

    def _repr_svg_(self) -> str | None:
        """The curves in a notebook."""
        return display.svg(self)

    def __repr__(self) -> str:
        count = self.counts["epochs"]
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.epochs.items())
        return f"History({count} epochs: {last})" if last else f"History({count} epochs)"

    def to_config(self) -> dict[str, Any]:
        """Plain values for a file; the curves of the steps are kept as arrays beside it."""
        return {
            "epochs": self.epochs,
            "seed": self.seed,
            "max_points": self.max_points,
            "columns": {name: list(getattr(self, name)) for name in _TABLES[1:]},
            "counts": self.counts,
            "validated": self.validated,
            "memory": self.memory,
        }

    @staticmethod
    def from_config(config: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]]) -> History:
        """What `to_config` wrote, with the arrays of the tables "steps" and "validation"."""
        history = History(config.get("max_points", MAX_POINTS))
        history.epochs = {
            str(name): [float(value) for value in values]
            for name, values in config["epochs"].items()
        }
        for name in _TABLES[1:]:
            table: Table = getattr(history, name)
            for column in config.get("columns", tables)[name]:  # arrays have an order of their own
                values: list[float] = tables[name][column].tolist()
                table[column] = [int(step) for step in values] if column == "step" else values
        history.seed = config["seed"]
        for name in _TABLES:
            rows = {len(values) for values in getattr(history, name).values()}
            count = config.get("counts", {}).get(name, max(rows, default=0))
            history.counts[name] = integer("History", f"counts of {name}", count, 0)
        last = history.validation.get("step", [0])[-1:] or [0]
        history.validated = integer("History", "validated", config.get("validated", last[0]), 0)
        for name, values in config.get("memory", {}).items():
            history.memory[str(name)] = [float(value) for value in values]
        return history


def extend(history: History, name: str, columns: Mapping[str, Column]) -> None:
    """Adds rows, which are known to be right, to the table of this name."""
    limit = MAX_EPOCHS if name == "epochs" else history.max_points
    before = history.counts[name]
    history.counts[name] = after = before + len(next(iter(columns.values())))
    if not limit:
        return
    table: Table = getattr(history, name)
    stride, wider = _stride(before, limit), _stride(after, limit)
    if wider > stride:
        every = wider // stride
        for values in table.values():
            values[:] = values[every - 1 :: every]
    if table.keys() != columns.keys():  # a measure comes or goes: NaN where it was not taken
        rows = max(map(len, table.values()), default=0)
        for column in columns:
            table.setdefault(column, [math.nan] * rows)
        missing = [math.nan] * (after - before)
        columns = {column: columns.get(column, missing) for column in table}
    first = -(before + 1) % wider
    for column, values in table.items():
        picked = columns[column][first::wider]
        values.extend(picked.tolist() if isinstance(picked, np.ndarray) else picked)


def _check_row(where: str, row: Any, *needed: str) -> None:
    """Refuses what is no {name: number}."""
    if not isinstance(row, Mapping) or not row:
        raise ArgumentError(where, f"row must be {{'loss': number, …}}, got {row!r}")
    for name, value in row.items():
        if not isinstance(name, str):
            raise ArgumentError(where, f"names must be text, got {name!r}")
        number = isinstance(value, (float, np.floating))
        if not number and not (isinstance(value, (int, np.integer)) and abs(int(value)) < 2**63):
            raise ArgumentError(where, f"{name} must be a number, got {value!r}")
    for name in needed:
        if name not in row:
            raise ArgumentError(where, f"row must hold {name!r}, got {', '.join(row)}")


def _check_columns(where: str, columns: Any) -> None:
    """Refuses what is no {name: numbers} of one length."""
    if not isinstance(columns, Mapping) or not columns:
        raise ArgumentError(where, f"columns must be {{'loss': numbers, …}}, got {columns!r}")
    for name, column in columns.items():
        if not isinstance(name, str):
            raise ArgumentError(where, f"names must be text, got {name!r}")
        if isinstance(column, range):
            continue
        floats = type(column) is np.ndarray and column.dtype.kind == "f"
        array = column if floats else as_array(column, where, exact=True)
        if array.ndim != 1:
            raise ShapeError(where, f"{name} must be (N,), got {shapes.text(array.shape)}")
    lengths = [len(column) for column in columns.values()]
    if len(set(lengths)) > 1:
        raise ShapeError(where, f"columns must have one length, got {lengths}")


def _stride(count: int, limit: int) -> int:
    """The smallest power of 2 of which at most `limit` multiples are ≤ count."""
    most = -(-(count + 1) // (limit + 1))  # count // k ≤ limit exactly where k ≥ this
    return 1 << (most - 1).bit_length()
