"""Every row in machine code, on the interpreter's own inputs, in every case that its tests know.

All cases of a row are one graph, so that it is compiled once. Rows that are `exact` give the same
bits. Others stay within 4 ulp, and a sum of K terms within K ulp, of the largest term.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.core import shapes
from pellucid.core.dtypes import DType, float32, float64
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.spec import REGISTRY, Op
from pellucid.ops.value import Builder
from pellucid.runtime.interpreter import Interpreter
from pellucid.runtime.native import Native
from tests.compiler.test_kernels import PLAIN
from tests.ops.cases import cases
from tests.ops.sampling import Case, dtypes_of, sample
from tests.ops.trial import bits_equal

ROWS = 4  # what N is in every case
EVERY = 5  # one case in five is tried in each run, the rest in the slow one


def together(op: Op, part: str) -> tuple[Graph, list[np.ndarray], list[tuple[Case, DType]]]:
    """One graph of some cases of a row, its inputs, and which case each output is.

    Args:
        part: "float64"; of all others "some", the first and every fifth after it, or the "rest".
    """
    turn = 0
    builder = Builder()
    arrays: list[np.ndarray] = []
    outputs, which = [], []
    with builder:
        builder.input("rows", TensorType(float32, (N,)))
        arrays.append(np.zeros(ROWS, np.float32))
        for case in cases(op):
            if case.symbolic and case.rows != ROWS:
                case = case.bound()
            for dtype in dtypes_of(op, case):
                own = "float64"
                if dtype != float64:
                    own = "rest" if turn % EVERY else "some"
                    turn += 1
                if own != part:
                    continue
                types = case.types(dtype)
                given = sample(op, case.bound(), dtype)
                inputs = [builder.input(f"x{len(arrays) + i}", t) for i, t in enumerate(types)]
                arrays += given
                outputs.append(builder.apply(op, inputs, case.attributes(dtype)))
                which.append((case, dtype))
    return builder.graph(outputs), arrays, which


def terms(op: Op, case: Case) -> int:
    """How many numbers one result adds up."""
    if op.name == "sum":
        shape = case.bound().shapes[0]
        return max(1, shapes.count(shape[i] for i in case.attrs["axis"]))
    if op.name == "contract":
        shape = case.bound().shapes[0]
        return max(1, shapes.count(shape[i] for i, _ in case.attrs["summed"]))
    return 4


def largest(op: Op, given: list[np.ndarray], known: np.ndarray) -> float:
    """The largest term that a result is made of."""
    sizes = [float(np.abs(known).max(initial=0))]
    if op.name in ("sum", "contract", "scatter_add", "fold"):
        sizes.append(
            float(np.prod([np.abs(x).max(initial=0) for x in given if x.dtype.kind == "f"]))
        )
        sizes += [float(np.abs(x).max(initial=0)) for x in given if x.dtype.kind == "f"]
    return max(sizes)


NAMES = sorted(name for name, op in REGISTRY.items() if not op.user)
KINDS = {
    name: [dtype for case in cases(REGISTRY[name]) for dtype in dtypes_of(REGISTRY[name], case)]
    for name in NAMES
}
WIDE = [name for name in NAMES if float64 in KINDS[name]]
SEVERAL = [name for name in NAMES if sum(dtype != float64 for dtype in KINDS[name]) > 1]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("name", "part"),
    [
        *((name, "some") for name in NAMES if name not in PLAIN),
        *(pytest.param(name, "some", marks=pytest.mark.slow) for name in PLAIN),
        *(pytest.param(name, "rest", marks=pytest.mark.slow) for name in SEVERAL),
        *(pytest.param(name, "float64", marks=pytest.mark.slow) for name in WIDE),
    ],
)
def test_a_row_equals_the_interpreter(name: str, part: str) -> None:
    op = REGISTRY[name]
    graph, arrays, which = together(op, part)
    ours, known = Native(graph)(arrays), Interpreter(graph)(arrays)
    assert len(ours) == len(which) > 0
    for (case, dtype), one, other in zip(which, ours, known, strict=True):
        where = f"{name} {case} {dtype}"
        if name == "cast" and other.dtype.kind == "u" and dtype.is_float:
            continue  # NumPy leaves a negative number as it may; test_kernels has the others
        assert one.dtype == other.dtype and one.shape == other.shape, where
        if op.exact or other.dtype.kind != "f":
            assert bits_equal(one, other), f"{where}: {one} instead of {other}"
            continue
        ulp = np.finfo(other.dtype).eps / 2
        given = sample(op, case.bound(), dtype)
        bound = 2 * max(4, terms(op, case)) * ulp * largest(op, given, other)
        error: Any = np.abs(one.astype(np.longdouble) - other.astype(np.longdouble))
        assert float(error.max(initial=0)) <= bound, f"{where}: off by {error.max()}"
