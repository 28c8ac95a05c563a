"""A function of two rows over all pairs: every operation that may stand in one."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import numpy as pnp
from pellucid.core import dtypes
from pellucid.core.errors import GraphError
from pellucid.graph.node import TensorType
from pellucid.transform.pairs import over_pairs
from pellucid.transform.trace import trace

A = np.random.default_rng(0).normal(size=(4, 6))
B = np.random.default_rng(1).normal(size=(7, 6))
W = np.random.default_rng(2).normal(size=(6, 3))
PLACES = np.array([0, 2, 2, 5])

FUNCTIONS = {
    "constant": lambda a, b: np.float64(2.0),
    "of a alone": lambda a, b: np.sum(a),
    "of b alone": lambda a, b: np.max(b),
    "product": lambda a, b: a @ b,
    "product backwards": lambda a, b: b @ a,
    "through a matrix": lambda a, b: (a @ W) @ (b @ W),
    "matrix first": lambda a, b: np.sum((W.T @ a) * (W.T @ b)),
    "outer": lambda a, b: np.sum(np.outer(a, b) * np.outer(b, a)),
    "both, then a": lambda a, b: (a + b) @ a,
    "both, then both": lambda a, b: (a + b) @ (a - b),
    "broadcast": lambda a, b: np.sum(np.broadcast_to(a, (3, 6)) * b),
    "reshape": lambda a, b: np.sum(np.reshape(a + b, (2, 3)) @ np.reshape(b, (3, 2))),
    "transpose": lambda a, b: np.sum(np.reshape(a, (2, 3)).T * np.reshape(b, (3, 2))),
    "slice": lambda a, b: np.sum((a * b)[1:5:2]) + a[0] * b[-1],
    "flip": lambda a, b: a[::-1] @ b,
    "concat": lambda a, b: np.sum(np.concatenate([a, b]) ** 2),
    "pad": lambda a, b: np.sum(pnp.pad(a * b, 0.0, (1,), (2,), (1,)) ** 2),
    "gather": lambda a, b: np.sum(pnp.take(a * b, PLACES, axis=0)),
    "where": lambda a, b: np.sum(np.where(a > b, a, b * 2)),
    "argmax": lambda a, b: np.argmax(a + b) * 1.0,
    "keepdims": lambda a, b: np.sum((a - np.mean(a, keepdims=True)) * b),
    "mean": lambda a, b: np.mean(a * b),
    "cast": lambda a, b: np.sum((a > 0) & (b > 0)) * 1.0,
    "norm": lambda a, b: np.sqrt(np.sum((a - b) ** 2)),
}


def whole(function):
    kind = TensorType(dtypes.float64, (6,))
    traced = trace(function, [kind, kind], ["a", "b"], lambda values: (tuple(values), {}))
    graph = traced.with_constants()
    return lambda a, b: over_pairs(graph, a, b)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("batch", [None, 0])
def test_all_pairs(name, batch):
    function = FUNCTIONS[name]
    known = np.array([[float(function(a, b)) for b in B] for a in A])
    found = pel.jit(whole(function), batch=batch)(A, B)
    assert found.shape == (4, 7)
    np.testing.assert_allclose(found, known, rtol=1e-12, atol=1e-12)


def test_what_has_no_form_over_pairs_says_so():
    with pytest.raises(GraphError, match="must not use scatter_add in this way"):
        pel.jit(whole(lambda a, b: np.sum(pnp.scatter_add(a, PLACES, b[:4], axis=0))))(A, B)
