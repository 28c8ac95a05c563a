"""Numbers that pick rows of a batch: those that stay in their own row are told from all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.train.test_meetings import graph_of

from pellucid.core.dtypes import DType, float32, int8, int64
from pellucid.core.errors import ArgumentError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.ops import composite as c
from pellucid.ops.value import Value, apply, cast, elementwise
from pellucid.runtime.interpreter import run
from pellucid.train.meetings import places
from pellucid.train.reach import reaches

ROWS = TensorType(float32, (N, 4))
X = np.random.default_rng(3).normal(scale=3, size=(6, 4)).astype(np.float32)


def number(value: int) -> Value:
    result: Value = apply("full", value=value, shape=(), dtype=int64)
    return result


def row(times: int = 4, axis: Any = N) -> Value:
    number: Value = apply("iota", shape=(axis, 1), axis=0, dtype=int64)
    return number * times


def picked(x: Value, at: Value) -> Value:
    """The elements at places among those of all rows."""
    result: Value = apply("gather", c.reshape(x, (4 * N,)), at, axis=0)
    return result


def held(x: Value, low: float = 0.0, high: float = 3.0, dtype: DType = int64) -> Value:
    return cast(c.clip(c.floor(x), low, high), dtype)


OWN = {
    "sort": lambda x: c.sort(x, 1),
    "median": lambda x: c.median(x, 1, keepdims=True),
    "take_along_axis": lambda x: c.take_along_axis(x, c.argsort(x, 1), 1),
    "held": lambda x: picked(x, row() + held(x)),
    "backwards": lambda x: picked(x, row() + 3 - held(x)),
    "negative": lambda x: picked(x, row() - held(x, -3.0, 0.0)),
    "remainder": lambda x: picked(x, row() + apply("remainder", cast(x * 10, int64), number(4))),
    "where": lambda x: picked(x, row() + c.where(x > 0, held(x), 2)),
    "concat": lambda x: picked(x, c.concat([row(), row() + 3], 1)),
    "argmax": lambda x: picked(x, row() + c.expand_dims(c.argmax(x, 1), 1)),
    "a table": lambda x: picked(x, row() + c.take(c.arange(4), held(x))),
    "moved": lambda x: picked(x, c.reshape(c.reshape(row() + held(x), (2 * N, 2)), (N, 2, 2))),
    "rows in two": lambda x: picked(x, c.reshape(row(2, 2 * N), (N, 2))),
    "added": lambda x: apply("scatter_add", c.reshape(x, (4 * N,)), row() + held(x), x, axis=0),
}
OTHERS = {
    "one too far": lambda x: picked(x, row() + held(x, 0.0, 4.0)),
    "one too early": lambda x: picked(x, row() + held(x, -1.0, 3.0)),
    "not held": lambda x: picked(x, row() + cast(x, int64)),
    "half held": lambda x: picked(x, row() + cast(elementwise("minimum", x, 3.0), int64)),
    "other rows": lambda x: picked(x, row(3) + held(x)),
    "no row": lambda x: picked(x, held(x)),
    "either row": lambda x: picked(x, c.where(x > 0, row(), row(2))),
    "the larger row": lambda x: picked(x, elementwise("maximum", row() + held(x), row(2))),
    "numbers that overflow": lambda x: picked(
        x, row() + cast(held(x, 0.0, 100.0, int8) * 2, int64)
    ),
    "numbers that are rounded": lambda x: picked(x, row() + cast(c.clip(x, 0.0, 2.9) + 1, int64)),
    "rows as floats": lambda x: picked(x, cast(cast(row(), float32), int64) + held(x)),
    "divided": lambda x: picked(x, apply("remainder", row() + held(x), number(4)) + row() * 2),
    "every row": lambda x: apply("gather", x, c.arange(4), axis=0),
}


@pytest.mark.parametrize("name", OWN)
def test_a_row_that_picks_from_itself_is_computed_alone(name: str) -> None:
    graph = graph_of(OWN[name], ROWS)
    assert places(graph)[-1].kind == "rows"
    whole = run(graph, [X])[0].reshape(6, -1)
    for one in range(6):
        assert (run(graph, [X[one : one + 1]])[0].reshape(-1) == whole[one]).all()


@pytest.mark.parametrize("name", OTHERS)
def test_what_may_pick_from_other_rows_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"gather of .* picks from the rows of a whole batch"):
        places(graph_of(OTHERS[name], ROWS))


def test_bounds_hold_what_is_computed() -> None:
    """Of every node of these graphs, the numbers of each row lie within its bounds."""
    for make in (*OWN.values(), *OTHERS.values()):
        graph = graph_of(make, ROWS)
        for i, reach in enumerate(reaches(graph)):
            if graph.nodes[i].op in ("gather", "scatter_add", "input"):
                continue
            (values,) = run(replace(graph, nodes=graph.nodes[: i + 1], outputs=(i,)), [X])
            type_ = graph.nodes[i].type
            axis = next((k for k, dim in enumerate(type_.shape) if not isinstance(dim, int)), None)
            own = np.zeros(1, np.int64)
            if axis is not None:
                own = np.arange(values.shape[axis]) // (values.shape[axis] // 6)
                own = own.reshape([-1 if k == axis else 1 for k in range(values.ndim)])
            assert (values >= reach.scale * own + reach.low).all()
            assert (values <= reach.scale * own + reach.high).all()
