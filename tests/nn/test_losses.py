"""Losses against hand-worked numbers, stability at ±1e3, and what labels each one takes."""

import numpy as np
import pytest

from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.nn import losses
from pellucid.transform.grad import grad
from pellucid.transform.tensor import Tensor


def rows(loss, target, output):
    return np.asarray(
        loss.per_row(Tensor(np.asarray(target)), Tensor(np.asarray(output, np.float64)))
    )


def slope(loss, target, output):
    def total(z):
        return loss.per_row(Tensor(np.asarray(target)), z).sum()

    return grad(total)(np.asarray(output, np.float64))


def test_squared_and_half_squared_differ_by_two():
    y, t = np.array([[3.0], [1.0]]), np.array([[1.0], [4.0]])
    np.testing.assert_array_equal(rows(losses.Squared(), t, y), [4, 9])
    np.testing.assert_array_equal(rows(losses.HalfSquared(), t, y), [2, 4.5])
    np.testing.assert_array_equal(slope(losses.Squared(), t, y), [[4], [-6]])
    np.testing.assert_array_equal(slope(losses.HalfSquared(), t, y), [[2], [-3]])


def test_cross_entropy_of_equal_logits_is_ln_of_the_classes():
    np.testing.assert_allclose(rows(losses.CrossEntropy(), [1], [[0.0, 0, 0, 0]]), [np.log(4)])


def test_cross_entropy_gradient_is_softmax_minus_label():
    z = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    np.testing.assert_allclose(
        slope(losses.CrossEntropy(), [2, 0], z), p - np.eye(3)[[2, 0]], atol=1e-15
    )


def test_cross_entropy_takes_classes_or_probabilities():
    z = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    by_class = rows(losses.CrossEntropy(), [2, 0], z)
    by_row = rows(losses.CrossEntropy(), np.eye(3)[[2, 0]], z)
    np.testing.assert_allclose(by_class, by_row, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropies_are_stable_at_a_thousand(dtype):
    z = np.array([[1e3, -1e3], [-1e3, 1e3]], dtype)
    value = np.asarray(losses.CrossEntropy().per_row(Tensor(np.array([0, 0])), Tensor(z)))
    np.testing.assert_allclose(value, [0, 2000])
    z = np.array([[1e3], [-1e3], [1e3], [-1e3]], dtype)
    t = np.array([[1], [0], [0], [1]], dtype)
    value = np.asarray(losses.BinaryCrossEntropy().per_row(Tensor(t), Tensor(z)))
    np.testing.assert_allclose(value, [0, 0, 1000, 1000])
    np.testing.assert_allclose(
        grad(lambda z: losses.BinaryCrossEntropy().per_row(Tensor(t), z).sum())(z),
        [[0], [0], [1], [-1]],
    )


def test_binary_cross_entropy_gradient_is_p_minus_t():
    z, t = np.array([[0.3], [-2.0]]), np.array([[1.0], [0.0]])
    p = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(slope(losses.BinaryCrossEntropy(), t, z), p - t, rtol=1e-14)


def test_hinge_at_margins_and_at_its_kink():
    y, t = np.array([[-1.0], [0.0], [1.0], [2.0]]), np.ones((4, 1))
    np.testing.assert_array_equal(rows(losses.Hinge(), t, y), [2, 1, 0, 0])
    np.testing.assert_array_equal(slope(losses.Hinge(), t, y), [[-1], [-1], [0], [0]])


OUT3, OUT1, OUT2 = (TensorType(float32, (N, k)) for k in (3, 1, 2))


@pytest.mark.parametrize(
    ("loss", "y", "output", "kind", "words"),
    [
        ("cross_entropy", [0, 3], OUT3, DataError, r"labels must lie in \[0, 2\], got 3 in row 1"),
        ("cross_entropy", [-1, 1], OUT2, DataError, r"\(y \+ 1\) // 2"),
        ("cross_entropy", [0.0, 1.5], OUT3, DataError, "whole numbers, got 1.5"),
        ("cross_entropy", [[0], [1]], OUT3, ShapeError, r"y\.ravel\(\)"),
        ("cross_entropy", [[0.5, 0.5, 0.5]], OUT3, DataError, "sum to 1"),
        ("cross_entropy", [0, 1], OUT1, ShapeError, r"Dense\(2\)"),
        ("binary_cross_entropy", [-1, 1], OUT1, DataError, r"\(y \+ 1\) / 2"),
        ("binary_cross_entropy", [0, 1], OUT2, ShapeError, r"\(N, 2\)"),
        ("hinge", [0, 1], OUT1, DataError, r"2\*y - 1"),
        ("hinge", [0.5, 1], OUT1, DataError, "-1 or 1"),
        ("squared", [1.0, 2.0], OUT2, ShapeError, r"y must be \(N, 2\)"),
        ("squared", [[1.0, 2.0]], OUT1, ShapeError, r"y must be \(N, 1\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(loss, y, output, kind, words):
    with pytest.raises(kind, match=words):
        losses.loss(loss).targets(np.asarray(y), output)


def test_labels_that_fit_are_converted():
    assert losses.CrossEntropy().targets(np.array([0.0, 2.0]), OUT3).dtype == np.int64
    assert losses.Squared().targets(np.array([1, 2]), OUT1).shape == (2, 1)
    assert losses.Hinge().targets(np.array([-1, 1]), OUT1).dtype == np.float32
    wide = TensorType(float64, (N, 1))
    assert losses.Hinge().targets(np.array([-1, 1]), wide).dtype == np.float64


def test_unknown_losses_name_the_nearest_and_what_keras_calls_them():
    with pytest.raises(ArgumentError, match="Did you mean 'hinge'"):
        losses.loss("hing")
    with pytest.raises(ArgumentError, match="Here it is called 'squared'"):
        losses.loss("mse")
    with pytest.raises(ArgumentError, match="Here it is called 'cross_entropy'"):
        losses.loss("categorical_crossentropy")
