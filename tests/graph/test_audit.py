"""The fixture behind the run: it sees the graphs that tests build, and it fails on broken ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pellucid import autodiff
from pellucid.core.dtypes import float32
from pellucid.graph.node import TensorType
from pellucid.ops.value import elementwise
from pellucid.runtime.interpreter import run
from tests.audit import AUDIT, LARGEST, Audit
from tests.ops.graphs import scalar, trace


def test_builders_transforms_and_the_interpreter_are_watched() -> None:
    counts = [AUDIT.built]
    graph = trace(lambda x: elementwise("tanh", x) * 0.123456, scalar())
    counts.append(AUDIT.built)
    backward = autodiff.vjp(graph, [0])
    counts.append(AUDIT.built)
    run(backward, [np.array(1.0), np.array(1.0)])
    counts.append(AUDIT.built)
    assert all(after > before for before, after in pairwise(counts))


def test_a_broken_graph_is_a_failure() -> None:
    graph = trace(lambda x: elementwise("tanh", x), scalar())
    audit = Audit(every=1)
    audit.check(graph)
    assert audit.failures == [] and audit.different == 1
    wrong = replace(graph.nodes[1], type=TensorType(float32, ()))
    audit.check(replace(graph, nodes=(graph.nodes[0], wrong)))
    assert len(audit.failures) == 1 and "type must be f64[], got f32[]" in audit.failures[0]
    unreadable = replace(graph.nodes[0], attrs=(("name", "two words"),))
    audit.check(replace(graph, nodes=(unreadable, graph.nodes[1])))
    assert len(audit.failures) == 2 and "expected a colon" in audit.failures[1]
    listed = replace(graph.nodes[1], line="a file\nof two lines.py:3")
    audit.check(replace(graph, nodes=(replace(graph.nodes[0], attrs=(("name", "y"),)), listed)))
    assert len(audit.failures) == 3


def test_a_long_graph_is_sampled() -> None:
    def chain(x: object) -> object:
        for _ in range(LARGEST + 1):
            x = elementwise("negative", x)
        return x

    graph = trace(chain, scalar())
    audit = Audit()
    audit.check(graph)
    assert audit.sampled == 1 and audit.failures == []
    wrong = [replace(node, op="tan") if node.inputs else node for node in graph.nodes]
    audit.check(replace(graph, nodes=tuple(wrong)))
    assert "unknown operation 'tan'" in audit.failures[0]


def test_nothing_is_checked_while_paused() -> None:
    audit = Audit()
    with audit.paused():
        audit.check(trace(lambda x: x, scalar()))
    assert audit.built == 0
