"""Both modes as graph transformations: what is summed, what stays symbolic, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid import autodiff
from pellucid.autodiff.cotangents import unbroadcast
from pellucid.core.dtypes import float32, float64, int64
from pellucid.core.errors import DTypeError, NotDifferentiableError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.ops.value import Value, apply, elementwise
from pellucid.runtime.interpreter import run
from tests.ops.graphs import grad, grads, scalar, tangent, trace, value
from tests.ops.numerical import jacobian

Both = [autodiff.vjp, autodiff.jvp]
VECTOR = TensorType(float64, (3,))


def names_of(graph: Any) -> list[str]:
    return [node.op for node in graph.nodes]


def total(x: Value) -> Any:
    return apply("sum", x, axis=tuple(range(len(x.type.shape))), keepdims=False)


class TestFanOut:
    """A value that is used twice gets the sum of both gradients."""

    def test_two_edges(self) -> None:
        assert grad(lambda x: x * x, 3.0) == 6
        assert grad(lambda x: x + x + x, 3.0) == 3
        assert grad(lambda x: x - x, 3.0) == 0
        assert tangent(lambda x: x * x * x, 2.0) == 12

    def test_the_same_output_twice_takes_two_cotangents(self) -> None:
        graph = autodiff.vjp(trace(lambda x: (x * 2.0,) * 2, scalar()), [0])
        assert graph.input_names == ("x0", "ct0", "ct1")
        assert run(graph, [np.array(1.0), np.array(10.0), np.array(100.0)])[2] == 220

    def test_a_wide_fan(self) -> None:
        def wide(x: Value) -> Any:
            out = x
            for k in range(2, 50):
                out = out + x * float(k)
            return out

        assert grad(wide, 1.0) == sum(range(1, 50)) == tangent(wide, 1.0)

    def test_a_diamond_of_many_floors_costs_one_visit_a_node(self) -> None:
        def tower(x: Value) -> Any:
            for _ in range(40):  # 2⁴⁰ paths
                x = x * 0.5 + x * 0.5
            return x

        graph = trace(tower, scalar())
        assert grad(tower, 1.0) == 1 == tangent(tower, 1.0)
        assert len(autodiff.vjp(graph, [0])) < 4 * len(graph)

    def test_an_intermediate_that_is_an_output_too(self) -> None:
        graph = autodiff.vjp(trace(lambda x: (x * 3.0, (x * 3.0) * x), scalar()), [0])
        got = run(graph, [np.array(2.0), np.array(1.0), np.array(1.0)])
        assert [float(g) for g in got] == [6, 12, 15]


class TestUnbroadcasting:
    """What was repeated forward is summed backward."""

    @given(st.lists(st.integers(1, 3), max_size=4), st.data())
    def test_any_pair_of_shapes(self, shape: list[int], data: st.DataObject) -> None:
        kept = data.draw(st.integers(0, len(shape)))
        flat = data.draw(st.lists(st.booleans(), min_size=kept, max_size=kept))
        small = tuple(1 if f else n for f, n in zip(flat, shape[len(shape) - kept :], strict=True))
        x, y = np.zeros(small), np.zeros(shape)
        ct = np.arange(1.0, y.size + 1).reshape(shape)
        dx, dy = grads(lambda a, b: a + b, x, y, ct=ct)
        assert dx.shape == small and np.array_equal(dy, ct)
        wide = ct.reshape(ct.shape)
        lead = tuple(range(len(shape) - kept))
        summed = wide.sum(axis=lead)
        summed = summed.sum(axis=tuple(i for i, f in enumerate(flat) if f), keepdims=True)
        assert np.array_equal(dx, summed.reshape(small))

    def test_under_a_batch(self) -> None:
        types = TensorType(float64, (N, 2)), TensorType(float64, (2,)), TensorType(float64, (1, 1))
        graph = autodiff.vjp(trace(lambda x, b, c: x + b * c, *types), [0, 1, 2])
        assert [repr(type) for type in graph.output_types[1:]] == ["f64[N,2]", "f64[2]", "f64[1,1]"]
        inputs = [np.zeros((3, 2)), np.array([1.0, 2.0]), np.array([[10.0]]), np.ones((3, 2))]
        _, dx, db, dc = run(graph, inputs)
        assert dx.sum() == 6 and db.tolist() == [30, 30] and dc.tolist() == [[9]]

    def test_equal_types_pass_untouched(self) -> None:
        graph = trace(lambda x: unbroadcast(x, x.type), VECTOR)
        assert len(graph) == 1


class TestSymbolicZeros:
    """What no gradient reaches costs no node, and is written down only where it is asked for."""

    def test_an_input_that_is_not_used(self) -> None:
        graph = autodiff.vjp(trace(lambda x, y: x * 2.0, VECTOR, VECTOR), [0, 1])
        got = run(graph, [np.ones(3), np.ones(3), np.ones(3)])
        assert got[1].tolist() == [2, 2, 2] and got[2].tolist() == [0, 0, 0]
        forward = autodiff.jvp(trace(lambda x, y: (x * 2.0, y), VECTOR, VECTOR), [1])
        got = run(forward, [np.ones(3), np.ones(3), np.full(3, 5.0)])
        assert got[2].tolist() == [0, 0, 0] and got[3].tolist() == [5, 5, 5]

    def test_zeros_are_not_multiplied(self) -> None:
        graph = autodiff.jvp(
            trace(lambda x, y: elementwise("sin", x) * elementwise("exp", y), VECTOR, VECTOR), [0]
        )
        assert names_of(graph).count("multiply") == 3  # the product, cos x · dot, · exp y
        assert "full" not in names_of(graph)

    def test_only_what_leads_to_an_input_is_visited(self) -> None:
        graph = trace(lambda x, y: x * elementwise("tanh", elementwise("exp", y)), VECTOR, VECTOR)
        backward = autodiff.vjp(graph, [0])
        assert len(backward) == len(graph) + 2  # the cotangent and one product
        assert names_of(backward).count("exp") == 1

    def test_zero_does_not_multiply_infinity(self) -> None:
        """A symbolic zero is a zero, whatever the local gradient is."""

        def function(x: Value, y: Value) -> Any:
            return elementwise("divide", 1.0, x) * 1.0 + y

        dx, dy = grads(function, np.array(0.0), np.array(1.0), ct=1.0)
        assert dx == -np.inf and dy == 1
        graph = autodiff.jvp(trace(function, scalar(), scalar()), [1])
        assert run(graph, [np.array(0.0), np.array(1.0), np.array(2.0)])[1] == 2

    def test_nothing_is_differentiated(self) -> None:
        graph = trace(lambda x: x * 2.0, VECTOR)
        assert len(autodiff.vjp(graph, []).outputs) == 1
        assert run(autodiff.jvp(graph, []), [np.ones(3)])[1].tolist() == [0, 0, 0]


class TestBlockedPaths:
    """A derivative that would pass through a row without one is refused by name and line."""

    @pytest.mark.parametrize("transform", Both)
    def test_argmax_used_as_a_number(self, transform: Any) -> None:
        def function(x: Value) -> Any:
            place = apply("argmax", x, axis=0, keepdims=False)
            return apply("cast", place, dtype=float64) * x

        graph = trace(function, VECTOR)
        with pytest.raises(NotDifferentiableError) as caught:
            transform(graph, [0])
        message = str(caught.value)
        assert message.startswith("[argmax] the derivative passes through argmax, which has none:")
        line = next(node.line for node in graph.nodes if node.op == "argmax")
        assert f"At {line}." in message and "test_reverse_and_forward.py" in message
        assert "stop_gradient" in message

    @pytest.mark.parametrize("transform", Both)
    def test_a_cast_to_an_integer(self, transform: Any) -> None:
        def function(x: Value) -> Any:
            return apply("cast", apply("cast", x * 2.0, dtype=int64) + 1, dtype=float64)

        with pytest.raises(
            NotDifferentiableError, match=r"\[cast\] .* its result is int64\. At test_rev"
        ):
            transform(trace(function, VECTOR), [0])

    @pytest.mark.parametrize("transform", Both)
    def test_random_numbers_from_a_seed_that_moves(self, transform: Any) -> None:
        def function(x: Value) -> Any:
            seed = apply("cast", x, dtype=int64)
            return apply("uniform", seed, seed, stream="", shape=(2,), dtype=float64)

        with pytest.raises(NotDifferentiableError, match=r"\[cast\]"):
            transform(trace(function, scalar()), [0])

    @pytest.mark.parametrize("transform", Both)
    def test_integers_have_no_gradient(self, transform: Any) -> None:
        graph = trace(lambda x: x + x, TensorType(int64, (2,)))
        with pytest.raises(
            DTypeError, match=r"\[grad of x0\] only float tensors have a gradient, got i64\[2\]"
        ):
            transform(graph, [0])

    def test_argmax_as_an_index_is_fine(self) -> None:
        def largest(x: Value) -> Any:
            return apply("gather", x, apply("argmax", x, axis=0, keepdims=False), axis=0)

        x = np.array([1.0, 7.0, 3.0])
        assert grad(largest, x).tolist() == [0, 1, 0]
        assert tangent(largest, x, np.array([10.0, 20.0, 30.0])) == 20

    def test_argmax_as_a_condition_is_fine(self) -> None:
        def function(x: Value) -> Any:
            first = elementwise("equal", apply("argmax", x, axis=0, keepdims=False), 0)
            return total(apply("where", first, x * 2.0, x * 3.0))

        assert grad(function, np.array([1.0, 2.0])).tolist() == [3, 3]

    def test_what_is_stopped_is_not_refused(self) -> None:
        def function(x: Value) -> Any:
            place = apply("argmax", apply("stop_gradient", x), axis=0, keepdims=False)
            return total(apply("cast", place, dtype=float64) * x)

        assert grad(function, np.array([1.0, 5.0, 2.0])).tolist() == [1, 1, 1]
        assert tangent(function, np.array([1.0, 5.0, 2.0])) == 3

    @pytest.mark.parametrize("transform", Both)
    def test_an_integer_beside_the_loss_blocks_nothing(self, transform: Any) -> None:
        def function(x: Value) -> Any:
            return total(x * x), apply("argmax", x, axis=0, keepdims=False)

        graph = transform(trace(function, VECTOR), [0])
        seed = np.array(1.0) if transform is autodiff.vjp else np.ones(3)
        loss, place, derivative = run(graph, [np.array([1.0, 2.0, 0.0]), seed])
        assert loss == 5 and place == 1 and derivative.sum() == 6

    @pytest.mark.parametrize("transform", Both)
    def test_a_blocked_value_that_no_output_needs_blocks_nothing(self, transform: Any) -> None:
        def function(x: Value) -> Any:
            apply("cast", apply("cast", x, dtype=int64), dtype=float64) * x
            return x * 2.0

        transform(trace(function, VECTOR), [0])

    def test_the_derivative_by_another_input_is_free(self) -> None:
        def function(x: Value, y: Value) -> Any:
            return apply("cast", apply("argmax", x, axis=0, keepdims=False), dtype=float64) * y

        graph = autodiff.vjp(trace(function, VECTOR, scalar()), [1])
        assert run(graph, [np.array([1.0, 5.0, 2.0]), np.array(3.0), np.array(1.0)])[1] == 1


class TestStopGradient:
    def test_the_value_passes_and_the_gradient_does_not(self) -> None:
        def function(x: Value) -> Any:
            return x * apply("stop_gradient", x)

        assert value(function, 3.0) == 9 and grad(function, 3.0) == 3 == tangent(function, 3.0)

    def test_it_holds_at_every_order(self) -> None:
        graph = trace(lambda x: x * x * apply("stop_gradient", x * x), scalar())
        first = autodiff.vjp(graph, [0])
        second = autodiff.vjp(first, [0], seeded=[1])
        assert run(second, [np.array(3.0), np.array(1.0), np.array(1.0)])[2] == 2 * 9


class TestSignature:
    """Inputs, outputs and names of the derived graphs."""

    def test_vjp(self) -> None:
        graph = autodiff.vjp(
            trace(lambda x, y: (x * y, x), scalar(), scalar(), names=("x", "ct1")), [1, 0]
        )
        assert graph.input_names == ("x", "ct1", "ct0", "ct1_")
        got = run(graph, [np.array(v) for v in (2.0, 3.0, 10.0, 100.0)])
        assert [float(v) for v in got] == [6, 2, 20, 130]

    def test_jvp(self) -> None:
        graph = autodiff.jvp(
            trace(lambda x, y: x * y, scalar(), scalar(), names=("x", "x_dot")), [0]
        )
        assert graph.input_names == ("x", "x_dot", "x_dot_")
        assert [float(v) for v in run(graph, [np.array(v) for v in (2.0, 3.0, 10.0)])] == [6, 30]

    def test_only_seeded_outputs_take_a_cotangent(self) -> None:
        graph = autodiff.vjp(trace(lambda x: (x * 2.0, x * 3.0), scalar()), [0], seeded=[1])
        assert graph.input_names == ("x0", "ct1")
        assert run(graph, [np.array(1.0), np.array(1.0)])[2] == 3

    def test_an_output_that_is_an_input(self) -> None:
        graph = autodiff.vjp(trace(lambda x: x, VECTOR), [0])
        assert run(graph, [np.zeros(3), np.arange(3.0)])[1].tolist() == [0, 1, 2]
        forward = autodiff.jvp(trace(lambda x: x, VECTOR), [0])
        assert run(forward, [np.zeros(3), np.arange(3.0)])[1].tolist() == [0, 1, 2]

    def test_derived_nodes_carry_the_line_of_the_node_they_come_from(self) -> None:
        graph = trace(lambda x: elementwise("tanh", x), VECTOR)
        line = graph.nodes[1].line
        for transform in Both:
            derived = transform(graph, [0])
            assert {node.line for node in derived.nodes if node.inputs} == {line}

    def test_a_cast_between_floats_gives_the_gradient_in_the_inputs_dtype(self) -> None:
        graph = trace(lambda x: apply("cast", x, dtype=float64) * 2.0, TensorType(float32, (2,)))
        backward = autodiff.vjp(graph, [0])
        assert [repr(type) for type in backward.output_types] == ["f64[2]", "f32[2]"]


class TestHigherOrder:
    """Derivatives are graphs, so they are differentiated like any other."""

    @staticmethod
    def function(x: Value, y: Value) -> Any:
        inner = elementwise("sin", x * y) + elementwise("exp", elementwise("divide", x, y))
        return total(elementwise("tanh", inner) * x)

    def hessian(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        graph = autodiff.vjp(trace(self.function, VECTOR, VECTOR), [0, 1])
        one = np.array(1.0)
        return jacobian(lambda a: run(graph, [*a, one])[1:], [x, y], [0, 1])

    x, y = np.array([0.3, -0.7, 1.1]), np.array([1.3, 0.9, -1.7])

    def test_vjp_of_vjp_jvp_of_vjp_and_vjp_of_jvp_are_rows_of_one_hessian(self) -> None:
        graph = trace(self.function, VECTOR, VECTOR)
        wanted = self.hessian(self.x, self.y)
        assert np.allclose(wanted, wanted.T, atol=1e-8)
        one, dots = np.array(1.0), [np.array([1.0, -2.0, 0.5]), np.array([0.25, 3.0, -1.0])]
        direction = np.concatenate(dots)
        backward = autodiff.vjp(graph, [0, 1])  # x, y, ct → out, ∂x, ∂y
        twice = autodiff.vjp(backward, [0, 1], seeded=[1, 2])
        reverse_twice = np.concatenate(run(twice, [self.x, self.y, one, *dots])[3:])
        mixed = autodiff.jvp(backward, [0, 1])
        forward_over_reverse = np.concatenate(run(mixed, [self.x, self.y, one, *dots])[4:])
        forward = autodiff.jvp(graph, [0, 1])  # x, y, dots → out, tangent
        other = autodiff.vjp(forward, [0, 1], seeded=[1])
        reverse_over_forward = np.concatenate(run(other, [self.x, self.y, *dots, one])[2:])
        for got in (reverse_twice, forward_over_reverse, reverse_over_forward):
            np.testing.assert_allclose(got, wanted @ direction, rtol=1e-8)
        again = autodiff.jvp(forward, [0, 1])
        quadratic = run(again, [self.x, self.y, *dots, *dots])[3]
        np.testing.assert_allclose(quadratic, direction @ wanted @ direction, rtol=1e-8)

    def test_powers_fall_one_by_one(self) -> None:
        graph = trace(lambda x: x * x * x * x, scalar())
        inputs, wanted = [np.array(2.0)], [16.0, 32.0, 48.0, 48.0, 24.0, 0.0]
        for order, derivative in enumerate(wanted):
            assert run(graph, inputs)[-1] == derivative, order
            last = len(graph.outputs) - 1
            graph = autodiff.vjp(graph, [0], seeded=[last])
            inputs.append(np.array(1.0))

    def test_jvp_of_jvp_of_jvp(self) -> None:
        graph = trace(lambda x: elementwise("exp", x * 2.0), scalar())
        for _ in range(3):
            graph = autodiff.jvp(graph, [0])
        moved = [np.array(0.5), *[np.array(1.0)] * 3]
        outputs = [float(value) / float(np.exp(1.0)) for value in run(graph, moved)]
        np.testing.assert_allclose(outputs, [1, 2, 2, 4, 2, 4, 4, 8])
