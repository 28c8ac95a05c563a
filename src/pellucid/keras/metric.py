"""What a metric of Keras is: variables that grow with each batch, and a result of them.

A metric whose variables only grow, by sums over the rows of a batch, is one of ours: `update_state`
is traced with y_true and y_pred, and `result` is what is made of the sums. So metrics of a person's
own run inside the training step as those of Keras do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.core.scopes import during
from pellucid.keras import blame
from pellucid.keras.arguments import must_be, permit, refuse
from pellucid.keras.members import unknown_member
from pellucid.keras.operands import named
from pellucid.keras.session import SESSION
from pellucid.keras.tensors import aligned
from pellucid.keras.variable import Kept, Variable, shape_of, standing
from pellucid.ops import composite
from pellucid.ops.composite.base import as_float, asvalue
from pellucid.train.counted import Counted
from pellucid.train.metric import Metric as Inner

Given = Callable[[Any], Any]
_DTYPES = ("float32", "float64", "int32", "int64", "int", "float")
_GROWN: ContextVar[dict[int, Any] | None] = ContextVar("grown", default=None)


def _as_it_is(target: Any) -> Any:
    return target


class _Sum:
    """A variable, and what is added to it."""

    def __init__(self, variable: MetricVariable, more: Any):
        self.variable, self.more = variable, more


class MetricVariable(Kept):
    """What a metric adds up."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, name: str, path: str, value: Any = 0.0):
        kind: Any = np.int64 if "int" in str(dtype) else np.float64
        super().__init__(np.array(np.broadcast_to(value, shape), kind), name, path)

    @property
    def value(self) -> Any:
        """The numbers.

        Raises:
            ArgumentError: while `update_state` is traced, where they are not known.
        """
        if _GROWN.get() is not None:
            raise ArgumentError(
                "keras.metrics",
                f"update_state may only add to its variables, got a use of {self.name}",
                f"Write self.{self.name}.assign_add(…), and the rest in result().",
            )
        return super().value

    def assign(self, value: Any) -> Any:
        """Replaces the numbers; in `update_state` by themselves and something more."""
        if isinstance(value, _Sum) and value.variable is self:
            return self.assign_add(value.more)
        if _GROWN.get() is not None:
            _ = self.value  # refused
        return super().assign(value)

    def assign_add(self, value: Any) -> Any:
        """Adds to the numbers."""
        grown = _GROWN.get()
        if grown is None:
            return super().assign_add(value)
        old = grown.get(id(self))
        grown[id(self)] = value if old is None else old + value
        return None

    def assign_sub(self, value: Any) -> Any:
        """Takes off the numbers."""
        return self.assign_add(-value)

    def __add__(self, other: Any) -> Any:
        return self.value + other if _GROWN.get() is None else _Sum(self, other)

    __radd__ = __add__


class Metric:
    """What is measured beside the loss.

    One of your own makes variables by `add_variable` in its `__init__`, adds to them in
    `update_state(y_true, y_pred)`, and returns what they make in `result()`.
    """

    room_name = ""
    direction = ""  # "max" where more is better, "min" where less is
    if not TYPE_CHECKING:  # for a type checker there is no such name
        __getattr__ = unknown_member

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        where, why = f"metrics.{type(self).__name__}", "float32, float64 or int32"
        permit(where, "dtype", getattr(dtype, "name", dtype), None, *_DTYPES, why=why)
        blame.check_kinds(where, {"name": name}, {"name": None})
        self.name = name or SESSION.name(type(self).__name__)
        self._dtype = str(dtype or SESSION.floatx)
        self._variables: list[MetricVariable] = []

    @property
    def dtype(self) -> str:
        return self._dtype

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> MetricVariable:
        """A variable that `update_state` adds to; it begins at 0, or at 1 with "ones"."""
        where, known = f"metrics.{type(self).__name__}", {None: 0.0, "zeros": 0.0, "ones": 1.0}
        word = initializer if isinstance(initializer, str) else getattr(initializer, "name", None)
        word = (
            type(initializer).__name__.lower() if word is None and initializer is not None else word
        )
        if word not in known:
            must_be(where, "initializer", initializer, ("zeros", "ones"))
        permit(where, "aggregation", aggregation, "sum", why="a model trains on one machine")
        permit(where, "dtype", getattr(dtype, "name", dtype), None, *_DTYPES)
        blame.check_kinds(where, {"name": name}, {"name": None})
        dims = shape_of(where, shape)
        own = name or SESSION.name("Variable")
        path = f"{self.name}/{own}"
        made = MetricVariable(dims, dtype or "float", own, path, known[word])
        self._variables.append(made)
        return made

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> MetricVariable:
        """As `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[MetricVariable]:
        """Its variables, and those of metrics that it holds."""
        inside = [own.variables for own in vars(self).values() if isinstance(own, Metric)]
        return [*self._variables, *(one for each in inside for one in each)]

    @property
    def awaits_rows(self) -> bool:
        """Whether its first rows make its variables."""
        return not self.variables

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Takes in rows."""
        raise self._missing("update_state(y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The number of the rows so far."""
        raise self._missing("result()")

    def _missing(self, what: str) -> ArgumentError:
        return ArgumentError(
            f"keras.metrics.{type(self).__name__}", f"it must define {what}, got none",
            "See the example in docs/keras.md.",
        )  # fmt: skip

    def reset_state(self) -> None:
        """Forgets all rows."""
        for one in self.variables:
            one.assign(np.zeros(one.shape))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Takes in rows, and the number so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    # -- as functions of the numbers of its variables ---------------------------------------

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """The numbers of the variables behind `update_state`; nothing that is given changes."""
        own = self._given("stateless_update_state", metric_variables)
        _, now = standing(own, self.update_state, *args, **kwargs)
        return [now[one] for one in own]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """What `result` is of these numbers of the variables."""
        return standing(self._given("stateless_result", metric_variables), self.result)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The numbers of the variables where no row is counted."""
        own = {id(one): one.numpy() for one in self.variables}
        _, now = standing(own, self.reset_state)
        return [now[one] for one in own]

    def _given(self, where: str, numbers: Sequence[Any]) -> dict[int, Any]:
        """Numbers by the variables that they stand for."""
        own = self.variables
        if len(own) != len(numbers) or not own:
            why = "" if own else "its variables are made by its first rows, "
            raise ArgumentError(
                f"keras.metrics.{type(self).__name__}.{where}",
                f"metric_variables must be {len(own)}, {why}got {len(numbers)}",
                "Take them from metric.variables; where it is empty, call update_state on a batch, "
                "then reset_state.",
            )
        return {
            id(one): each.value if isinstance(each, Variable) else each
            for one, each in zip(own, numbers, strict=True)
        }

    # -- for compile ------------------------------------------------------------------------

    @property
    def is_own(self) -> bool:
        """Whether its batches are measured by code of a person's own."""
        kind = type(self)
        known = next(n for n, one in enumerate(kind.__mro__) if "room_name" in vars(one))
        changed = [name for one in kind.__mro__[:known] for name in vars(one)]
        return not kind.room_name or "update_state" in changed or "result" in changed

    def inner(
        self, name: str, output: tuple[Any, ...], weighted: bool, given: Given = _as_it_is
    ) -> Inner:
        """The metric of ours, of an output of this shape.

        Args:
            weighted: whether rows count by their weights.
            given: makes targets as they were given of those that the loss takes.
        """
        if weighted:
            refuse("Model.compile", "weighted_metrics", self, "one of your own goes into metrics")
        return Inner(name, lambda t, p: self._batch(given(t), p), self._made)

    def _batch(self, y_true: Any, y_pred: Any) -> Any:
        """What a batch adds to the variables, as one vector."""
        where = f"keras.metrics.{type(self).__name__}"
        grown: dict[int, Any] = {}  # what is added to each variable
        try:
            during(_GROWN, grown, self.update_state, y_true, y_pred)
        except PellucidError:
            raise
        except Exception as error:
            raise ArgumentError(
                where,
                f"update_state must be written in keras.ops, got {type(error).__name__}: {error}",
                "Its inputs stand for the numbers of any batch, and have none of their own.",
            ) from error
        parts = []
        for one in self.variables:
            count = int(np.prod(one.shape))
            more = asvalue(np.zeros(one.shape)) if id(one) not in grown else grown[id(one)]
            more = composite.astype(asvalue(more), as_float(y_pred).type.dtype)
            parts.append(composite.reshape(composite.broadcast_to(more, one.shape), (count,)))
        if not parts:
            raise ArgumentError(where, "it must add to variables of add_variable, got none", "")
        return composite.concat(parts, 0)

    def _made(self, sums: Any) -> Any:
        """What `result` makes of the variables, where they have grown from the start by `sums`."""
        variables, first = self.variables, 0
        _, now = standing({id(one): one.numpy() for one in variables}, self.reset_state)
        for one in variables:
            count = int(np.prod(one.shape))
            more, start = np.reshape(sums[first : first + count], one.shape), now[id(one)]
            now[id(one)] = more + start if np.any(start) else more
            first += count

        def result() -> Any:
            found = self.result()
            return found.value if isinstance(found, Variable) else found

        return standing(now, result)[0]


def samplewise(values: Any, weights: Any, reduce: Callable[..., Any]) -> tuple[Any, Any]:
    """One value a row, by its weights, and one weight a row, as Keras counts them."""
    values = as_float(values)
    if weights is not None:
        weights = pnp.astype(pnp.asarray(weights), values.type.dtype)
        values, weights = aligned(values, weights)
        rank = len(weights.shape)
        if len(values.shape) > rank:
            values = reduce(values, axis=tuple(range(rank, len(values.shape))))
        weights = composite.broadcast_to(asvalue(weights), asvalue(values).type.shape)
        values = values * weights
        if rank > 1:
            weights = reduce(weights, axis=tuple(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, weights


class Sum(Metric):
    """As keras.metrics.Sum: the sum of values."""

    room_name = "Sum"

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")

    @named
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Takes in values, (N, …)."""
        self.total.assign_add(pnp.sum(samplewise(values, sample_weight, pnp.sum)[0]))

    def result(self) -> Any:
        return _plain(self.total.value)


class Mean(Metric):
    """As keras.metrics.Mean: the mean of values."""

    room_name = "Mean"

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    @named
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Takes in values, (N, …)."""
        values, weights = samplewise(values, sample_weight, pnp.mean)
        self.total.assign_add(pnp.sum(values))
        self.count.assign_add(pnp.sum(pnp.ones_like(values) if weights is None else weights))

    def result(self) -> Any:
        total, count = self.total.value, self.count.value
        return _plain(np.where(count == 0, 0.0, total / np.where(count == 0, 1.0, count)))

    def inner(
        self, name: str, output: tuple[Any, ...], weighted: bool, given: Given = _as_it_is
    ) -> Inner:
        if not self.is_own:
            refuse("Model.compile", "metrics", self, "it takes values, not y_true and y_pred")
        return super().inner(name, output, weighted, given)


class Whole(Metric):
    """A metric of Keras that is made of sums over rows.

    Attributes:
        counted: its two functions.
        several: whether it gives several numbers for outputs of a shape.
    """

    counted: Counted
    several: Callable[[tuple[Any, ...]], bool]

    @property
    def variables(self) -> list[Any]:
        """Its sums; none before the first rows where their number depends on the outputs."""
        if not self._variables:
            try:
                one, two = (
                    np.shape(self.counted.rows(pnp.zeros((1, n)), pnp.zeros((1, n))))[1:]
                    for n in (1, 2)
                )
            except PellucidError:
                return []
            if one == two:
                self.add_variable(one, "zeros", name="sums")
        return list(self._variables)

    @named
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes in rows."""
        rows: Any = self.counted.rows(pnp.asarray(y_true), as_float(pnp.asarray(y_pred)))
        if sample_weight is not None:
            weights: Any = pnp.asarray(sample_weight)
            if len(weights.shape) > 1 or weights.shape[:1] != rows.shape[:1]:
                refuse(f"metrics.{self.room_name}", "sample_weight", sample_weight, "one a row")
            rows = rows * pnp.expand_dims(pnp.astype(weights, rows.dtype), -1)
        sums: Any = pnp.sum(rows, axis=0)
        if not self.variables:
            self.add_variable(tuple(sums.shape), "zeros", name="sums")
        self._variables[0].assign_add(sums)

    def result(self) -> Any:
        return _plain(self.counted.finish(self._variables[0].value)) if self._variables else 0.0

    def inner(
        self, name: str, output: tuple[Any, ...], weighted: bool, given: Given = _as_it_is
    ) -> Inner:
        if self.several(output):
            refuse("Model.compile", "metrics", self, "a history holds one number a metric")
        if self.is_own:
            return super().inner(name, output, weighted, given)
        return Inner(name, self.counted.rows, self.counted.finish, weighted)


def _plain(found: Any) -> Any:
    """A number as a float, several as an array; what is traced as it is."""
    if isinstance(found, np.ndarray | np.generic | float | int):
        return float(found) if np.ndim(found) == 0 else np.asarray(found)
    return found
