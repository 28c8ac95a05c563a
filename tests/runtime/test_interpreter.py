"""The reference executor: what goes in, what comes out, and that nothing is shared."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import DTypeError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import Constant, TensorType
from pellucid.ops.spec import REGISTRY, Linear, register
from pellucid.ops.spec import elementwise as elementwise_row
from pellucid.ops.value import Builder, Value, apply, elementwise
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.interpreter import Interpreter, run, step
from tests.ops.graphs import scalar, trace

ROWS = TensorType(float64, (N, 2))
VECTOR = TensorType(float64, (3,))


def doubled(x: Value) -> Any:
    return x * 2.0


class TestInputs:
    def test_a_wrong_number(self) -> None:
        with pytest.raises(ShapeError, match=r"\[call\] expected 1 inputs \(\('x0',\)\), got 2"):
            run(trace(doubled, VECTOR), [np.zeros(3)] * 2)

    def test_a_wrong_shape(self) -> None:
        program = Interpreter(trace(doubled, VECTOR))
        for shape in ((4,), (), (3, 1), (0,)):
            with pytest.raises(ShapeError, match=r"\[x0\] shape must be \(3,\), got "):
                program([np.zeros(shape)])

    def test_a_wrong_dtype(self) -> None:
        with pytest.raises(DTypeError, match=r"\[x0\] dtype must be float64, got float32"):
            run(trace(doubled, VECTOR), [np.zeros(3, np.float32)])


class TestRows:
    """Graphs under N take any number of rows, the same in every input."""

    def test_any_number(self) -> None:
        program = Interpreter(trace(doubled, ROWS))
        for rows in (4, 1, 0, 7, 4):
            assert program([np.ones((rows, 2))])[0].shape == (rows, 2)

    def test_two_numbers_in_one_call(self) -> None:
        program = Interpreter(trace(lambda x, y: (doubled(x), y), ROWS, ROWS))
        with pytest.raises(
            ShapeError,
            match="one batch size must hold in the whole call, got 3 rows in x0 and 4 in x1",
        ):
            program([np.zeros((3, 2)), np.zeros((4, 2))])

    def test_multiples(self) -> None:
        types = TensorType(float64, (2 * N,)), TensorType(float64, (N,))
        program = Interpreter(trace(lambda x, y: (x, y), *types))
        assert program([np.zeros(6), np.zeros(3)])[0].shape == (6,)
        with pytest.raises(ShapeError, match=r"shape must be \(2N,\), got \(5,\)"):
            program([np.zeros(5), np.zeros(3)])
        with pytest.raises(ShapeError, match="got 3 rows in x0 and 2 in x1"):
            program([np.zeros(6), np.zeros(2)])

    def test_n_reaches_attributes_and_size(self) -> None:
        def function(x: Value) -> Any:
            n = apply("cast", apply("size", x, axis=0), dtype=float64)
            ones = apply("full", value=1.0, shape=(N,), dtype=float64)
            return n, ones, apply("iota", shape=(2, N), axis=1, dtype=int64)

        program = Interpreter(trace(function, ROWS))
        for rows in (3, 5):
            n, ones, counted = program([np.zeros((rows, 2))])
            assert n == rows and ones.shape == (rows,) and counted[1].tolist() == list(range(rows))

    def test_n_that_no_input_brings(self) -> None:
        graph = trace(lambda x: apply("broadcast_to", x, shape=(N,)), scalar())
        with pytest.raises(ShapeError, match="the batch size N must come with an input"):
            run(graph, [np.array(1.0)])

    def test_more_numbers_of_rows_than_are_remembered(self) -> None:
        program = Interpreter(trace(doubled, ROWS))
        for rows in range(30):
            assert program([np.ones((rows, 2))])[0].sum() == 4 * rows
        assert len(program._plans) <= 8


class TestOutputs:
    """Fresh arrays: nothing that a caller holds changes later, nothing of his is handed back."""

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: x,
            lambda x: (x, x),
            lambda x: apply("reshape", x, shape=(2, 3)),
            lambda x: apply("reshape", x, shape=(3, 2)),
            lambda x: apply("permute_dims", x, axes=(1, 0)),
            lambda x: apply("flip", x, axis=(0,)),
            lambda x: apply("slice", x, start=(0, 0), stop=(2, 3), step=(1, 1)),
            lambda x: apply("broadcast_to", x, shape=(2, 2, 3)),
            lambda x: apply("windows", x, axes=(1,), size=(2,), stride=(1,), dilation=(1,)),
            lambda x: (apply("flip", x, axis=(1,)), apply("flip", x, axis=(1,))),
            lambda x: (elementwise("exp", x), elementwise("exp", x)),
        ],
    )
    def test_no_memory_is_shared(self, function: Any) -> None:
        x = np.arange(6.0).reshape(2, 3)
        before = x.copy()
        outputs = run(trace(function, TensorType(float64, (2, 3))), [x])
        for i, out in enumerate(outputs):
            assert out.flags.owndata and out.flags.writeable and out.flags.c_contiguous
            assert not np.shares_memory(out, x)
            assert not any(np.shares_memory(out, other) for other in outputs[:i])
            out[...] = -1
        assert np.array_equal(x, before)

    def test_one_node_given_out_twice_is_two_arrays(self) -> None:
        def function(x: Value) -> Any:
            y = elementwise("exp", x)
            return y, y, apply("reshape", y, shape=(3, 1))

        first, second, third = run(trace(function, VECTOR), [np.zeros(3)])
        first[...] = 7
        assert second.tolist() == [1, 1, 1] and third.tolist() == [[1], [1], [1]]

    def test_a_constant_is_copied(self) -> None:
        array = np.arange(3.0)
        builder = Builder()
        with builder:
            constant = builder.const("c", Constant.of(array, VECTOR))
            graph = builder.graph([constant, -constant])
        out, _ = run(graph, [])
        out[...] = 9
        assert array.tolist() == [0, 1, 2] and run(graph, [])[0].tolist() == [0, 1, 2]

    def test_scalars_are_arrays_of_rank_0(self) -> None:
        out = run(trace(lambda x: elementwise("exp", x), scalar()), [np.array(0.0)])[0]
        assert isinstance(out, np.ndarray) and out.shape == () and out.dtype == np.float64

    def test_a_row_that_gives_its_input_back(self) -> None:
        row = elementwise_row(
            "test_same", ("x",), lambda xp, x: x, Linear((lambda ct, x: ct,)), user=True
        )
        register(row)
        try:
            x = np.zeros(3)
            out = run(trace(lambda v: apply("test_same", v), VECTOR), [x])[0]
            assert out is not x and not np.shares_memory(out, x)
        finally:
            del REGISTRY["test_same"]


class TestRunning:
    def test_intermediates_die_after_their_last_use(self) -> None:
        alive: list[Any] = []

        def watched(xp: Any, x: Any) -> Any:
            gc.collect()
            alive.append(sum(1 for ref in refs if ref() is not None))
            out = x + 1
            refs.append(weakref.ref(out))
            return out

        refs: list[Any] = []
        register(
            elementwise_row("test_watched", ("x",), watched, Linear((lambda ct, x: ct,)), user=True)
        )
        try:

            def chain(x: Value) -> Any:
                for _ in range(6):
                    x = apply("test_watched", x)
                return x

            run(trace(chain, VECTOR), [np.zeros(3)])
        finally:
            del REGISTRY["test_watched"]
        assert max(alive) <= 1

    def test_step_gives_the_value_of_every_node(self) -> None:
        graph = trace(lambda x: elementwise("exp", x * 2.0), VECTOR)
        values = step(graph, [np.arange(3.0)])
        assert len(values) == len(graph) == 4
        assert (
            values[0].tolist() == [0, 1, 2] and values[1] == 2 and values[2].tolist() == [0, 2, 4]
        )
        np.testing.assert_array_equal(values[3], run(graph, [np.arange(3.0)])[0])

    def test_nodes_that_no_output_needs_are_not_run(self) -> None:
        def function(x: Value) -> Any:
            apply(
                "gather", x, apply("full", value=99, shape=(), dtype=int64), axis=0
            )  # would raise
            return doubled(x)

        assert run(trace(function, VECTOR), [np.ones(3)])[0].tolist() == [2, 2, 2]

    def test_no_warning_escapes(self) -> None:
        def function(x: Value) -> Any:
            bad = elementwise("log", x), elementwise("divide", x, x), elementwise("exp", x * 1e5)
            return (*bad, apply("cast", elementwise("sqrt", x - 5.0), dtype=int64))

        out = run(trace(function, VECTOR), [np.array([0.0, -1.0, 1.0])])
        assert np.isneginf(out[0][0]) and np.isnan(out[1][0]) and np.isinf(out[2][2])

    def test_another_namespace_is_called_instead_of_numpy(self) -> None:
        class Counting:
            def __init__(self) -> None:
                self.called: list[str] = []

            def __getattr__(self, name: str) -> Any:
                self.called.append(name)
                return getattr(NUMPY, name)

        xp = Counting()
        Interpreter(trace(lambda x: elementwise("tanh", x + 1.0), VECTOR), xp)([np.zeros(3)])
        assert xp.called == ["full", "add", "tanh"]

    def test_calls_from_several_threads(self) -> None:
        program = Interpreter(
            trace(lambda x: apply("sum", doubled(x), axis=(0, 1), keepdims=False), ROWS)
        )
        wrong: list[Any] = []

        def work(k: int) -> None:
            for i in range(60):
                rows = 1 + (i * k) % 13
                if program([np.full((rows, 2), float(k))])[0] != 4 * rows * k:
                    wrong.append((k, rows))

        threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_big_endian_and_unaligned_inputs(self) -> None:
        graph = trace(
            lambda x: (doubled(x), apply("flip", x, axis=(0,))), TensorType(float32, (3,))
        )
        packed = np.zeros(3, np.dtype([("a", "u1"), ("b", "f4")]))
        packed["b"] = [1, 2, 3]
        for x in (np.array([1, 2, 3], ">f4"), packed["b"]):
            assert run(graph, [x])[0].tolist() == [2, 4, 6] and run(graph, [x])[1].tolist() == [
                3,
                2,
                1,
            ]
