"""A chain of 10⁵ nodes (20,000 by default): nothing recurses over depth, nothing is quadratic."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid import autodiff
from pellucid.graph.node import Graph
from pellucid.graph.text import parse_graph, print_graph
from pellucid.ops.spec import type_of, verify
from pellucid.ops.value import Value, elementwise
from pellucid.runtime.interpreter import run, step
from tests.ops.graphs import scalar, trace

SECONDS = 30.0  # a few on an idle machine; a quadratic step would take hours


def chain(x: Value, length: int) -> Value:
    y = x
    for i in range(length // 2):
        y = elementwise("negative", y) if i % 2 else elementwise("add", y, x)
    for _ in range(length // 2):
        y = elementwise("negative", y)
    return y


@pytest.fixture(
    scope="module", params=[6_000, pytest.param(100_000, marks=pytest.mark.slow)], ids=str
)
def graph(request: pytest.FixtureRequest) -> Graph:
    return timed(lambda: trace(lambda x: chain(x, request.param), scalar()))


def timed(work: Callable[[], Any]) -> Any:
    start, limit = time.perf_counter(), sys.getrecursionlimit()
    sys.setrecursionlimit(400)  # pytest's own depth and a few frames
    try:
        result = work()
    finally:
        sys.setrecursionlimit(limit)
    assert time.perf_counter() - start < SECONDS
    return result


def test_it_is_verified(graph: Graph) -> None:
    assert len(graph) in (6_001, 100_001)
    timed(lambda: verify(graph))


def test_it_is_printed_and_read_back(graph: Graph) -> None:
    text = timed(lambda: print_graph(graph))
    assert timed(lambda: parse_graph(text, type_rule=type_of)) == graph


def test_it_is_run_and_stepped_through(graph: Graph) -> None:
    x = np.array(3.0)
    assert timed(lambda: run(graph, [x]))[0] == expected(3.0, len(graph) - 1)
    assert len(timed(lambda: step(graph, [x]))) == len(graph)


def test_it_is_differentiated(graph: Graph) -> None:
    backward = timed(lambda: autodiff.vjp(graph, [0]))
    assert timed(lambda: run(backward, [np.array(3.0), np.array(1.0)]))[1] == expected(
        1.0, len(graph) - 1
    )


@pytest.mark.parametrize("length", [6_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_it_is_differentiated_forward(length: int) -> None:
    graph = trace(lambda x: chain(x, length), scalar())
    forward = timed(lambda: autodiff.jvp(graph, [0]))
    got = timed(lambda: run(forward, [np.array(3.0), np.array(1.0)]))
    assert got[1] == expected(1.0, length)


def expected(x: float, length: int) -> float:
    y = x
    for i in range(length // 2):
        y = -y if i % 2 else y + x
    return y if (length // 2) % 2 == 0 else -y
