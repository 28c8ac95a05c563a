"""Weights of rows, given one by one or by class: each value, each refusal and the row it names."""

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.data.weights import as_weights, weights_by_class

LABELS = np.array([2, 0, 0, 1, 0])
CLASSES = [0, 1, 2, 3]


@pytest.mark.parametrize("given", [[1, 0, 2.5], np.array([[1], [0], [2.5]])])
def test_a_weight_for_each_row(given):
    weights = as_weights(given, 3, "fit")
    assert weights.shape == (3,)
    assert weights.tolist() == [1, 0, 2.5]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([1, 1], ShapeError, r"sample_weight must be one weight a row \(3,\), got \(2,\)"),
        (np.ones((3, 2)), ShapeError, r"got \(3, 2\)"),
        ([[1, 1, 1]], ShapeError, r"got \(1, 3\)"),
        ([1, np.inf, 1], DataError, "sample_weight must be finite, got inf in row 1"),
        ([1, 1, -0.5], DataError, r"sample_weight must be 0 or more, got -0\.5 in row 2"),
        ([1, -2, -3], DataError, r"got -2 in row 1"),
    ],
)
def test_weights_that_are_refused(given, error, words):
    with pytest.raises(error, match=words):
        as_weights(given, 3, "fit")


def test_a_class_that_is_not_named_has_weight_1():
    assert weights_by_class({2: 9, 1: 0}, LABELS, CLASSES, "fit").tolist() == [9, 1, 1, 0, 1]
    assert weights_by_class({np.int64(0): 2.5}, LABELS, CLASSES, "fit").tolist() == [
        1,
        2.5,
        2.5,
        1,
        2.5,
    ]


def test_balanced_gives_every_class_that_is_there_the_same_sum():
    weights = weights_by_class("balanced", LABELS, CLASSES, "fit")
    # N / (C·N_c): five rows, three classes
    np.testing.assert_allclose(weights, [5 / 3, 5 / 9, 5 / 9, 5 / 3, 5 / 9], rtol=1e-15)


@pytest.mark.parametrize(
    ("given", "labels", "error", "words"),
    [
        (
            {0: 2},
            np.array([0, 1, 4, 9]),
            DataError,
            "labels must be 0 or 1 or 2 or 3, got 4 in row 2",
        ),
        ({4: 2}, LABELS, ArgumentError, "class_weight must name classes 0 … 3, got 4"),
        ({True: 2}, LABELS, ArgumentError, "class_weight must name classes 0 … 3, got True"),
        ({0: -1}, LABELS, ArgumentError, r"class_weight must lie in \[0, inf\), got -1"),
        ("balance", LABELS, ArgumentError, "unknown class_weight 'balance'.*balanced"),
        ([1, 2], LABELS, ArgumentError, r"must be \{class: weight\} or 'balanced', got \[1, 2\]"),
    ],
)
def test_class_weights_that_are_refused(given, labels, error, words):
    with pytest.raises(error, match=words):
        weights_by_class(given, labels, CLASSES, "fit")
