"""Random graphs of floats over all kinds of rows: machine code against the interpreter.

Every node's value is asked for, and compared with what the interpreter computes **from the native
values in front of it**: so errors do not add up, and no comparison flips because of one. Then the
same graph with few outputs, in which rows are fused and memory is shared, must give the same bits.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from pellucid.compiler.codegen.target import host
from pellucid.core.errors import DataError
from pellucid.graph.node import Graph, Node
from pellucid.ops.spec import lookup
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from tests.compiler.any_graph import (
    COMPARED,
    IMPOSSIBLE,
    POSSIBLE,
    AnyGraph,
    edges,
    family,
    forward,
    given,
)
from tests.ops.trial import bits_equal

QUICK, CHUNK = 50, 25
SEEDS = [*range(200), 250, 333]  # the last two have pairs of kinds that no earlier one has


def terms(node: Node, inputs: list[np.ndarray], known: np.ndarray) -> int:
    """How many numbers one result adds up, at most."""
    if node.op == "contract":
        return int(np.prod([inputs[0].shape[i] for i, _ in node.attr("summed")], initial=1))
    if node.op == "sum":
        return inputs[0].size // max(1, known.size)
    if node.op == "fold":
        return int(np.prod(node.attr("size"), initial=1))
    return 1 + inputs[1].size if node.op == "scatter_add" else 1


def largest(node: Node, inputs: list[np.ndarray], known: np.ndarray) -> Any:
    """The largest term, or the result where it is larger: of a row that adds nothing up, always."""
    sizes = [np.abs(x).max(initial=0) for x in inputs if x.dtype.kind == "f"]
    most = max(sizes, default=0)
    term = {"contract": np.prod(sizes), "sum": most, "fold": most, "scatter_add": most}
    return np.maximum(np.abs(known), term.get(node.op, 0))


def agree(node: Node, one: np.ndarray, inputs: list[np.ndarray], rows: int) -> None:
    """One row: the bits where it is exact, else 4 ulp, and K ulp for a sum of K terms."""
    known = forward(node, inputs, rows)
    where = f"{node.op} of {[x.dtype.name + str(x.shape) for x in inputs]} {node.attrs}"
    assert one.dtype == known.dtype and one.shape == known.shape, where
    if lookup(node.op).exact or known.dtype.kind != "f":
        assert bits_equal(one, known), f"{where}: {one} instead of {known}"
        return
    finite = np.isfinite(known)
    np.testing.assert_array_equal(one[~finite], known[~finite], where)
    with np.errstate(all="ignore"):
        ulp = np.spacing(np.asarray(largest(node, inputs, known), known.dtype))
        off = np.abs(one - known) > max(4, terms(node, inputs, known)) * ulp
    assert not (off & finite).any(), f"{where}: {one} instead of {known}"


def refused(graph: Graph, arrays: list[np.ndarray]) -> bool:
    """Whether a seed was drawn that is negative for these rows."""
    try:
        Interpreter(graph)(arrays)
    except DataError:
        return True
    return False


def compare(seed: int) -> None:
    """One graph, row by row and as a whole."""
    graph = AnyGraph(seed).graph()
    nodes = graph.nodes
    whole = Graph(nodes, graph.inputs, tuple(range(len(nodes))), graph.consts)
    every = Native(whole)
    fused = Native(graph)
    quick = Native(graph, target=dataclasses.replace(host(), level=0))  # see tests/quick_code.py
    for rows in (5, 33):
        arrays = given(graph, rows)
        if refused(whole, arrays):
            with pytest.raises(DataError):
                every(arrays)
            continue
        values = every(arrays)
        for place, array in zip(graph.inputs, arrays, strict=True):
            assert bits_equal(values[place], array)
        for node, value in zip(nodes, values, strict=True):
            if family(node) != "input":
                agree(node, value, [values[i] for i in node.inputs], rows)
        outputs = zip(graph.outputs, fused(arrays), quick(arrays), strict=True)
        for place, output, same in outputs:
            assert bits_equal(output, values[place]), f"seed {seed}: {nodes[place]} when fused"
            assert bits_equal(same, output), f"seed {seed}: {nodes[place]} selected the quick way"
    COMPARED.update(edges(graph))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(QUICK))
def test_native_equals_the_interpreter(seed: int) -> None:
    compare(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(QUICK, len(SEEDS), CHUNK))
def test_native_equals_the_interpreter_in_many_more(start: int) -> None:
    for seed in SEEDS[start : start + CHUNK]:
        compare(seed)


@pytest.mark.slow
def test_every_kind_of_row_feeds_every_other_that_takes_its_numbers() -> None:
    """In the graphs that the tests above compare."""
    found: set[tuple[str, str]] = set()
    for seed in SEEDS:
        found |= edges(AnyGraph(seed).graph())
    assert found == POSSIBLE and not found & IMPOSSIBLE
