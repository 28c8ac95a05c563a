"""Losses with arguments other than the defaults, decisions at their borders, labels by advice."""

import math

import numpy as np
import pytest

from pellucid import nn
from pellucid.core.dtypes import float32, float64
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.nn.losses.base import Form
from pellucid.transform.tensor import Tensor

T = TensorType


def tensor(values):
    return Tensor(np.asarray(values))


def each(loss, target, output):
    output = np.asarray(output, np.float64)
    return np.asarray(loss.per_row(tensor(target), tensor(output)))


@pytest.mark.parametrize("delta", [0.25, 1.0, 3.0])
def test_huber_of_any_border(delta):
    d = np.array([[-4.0, 0.1], [0.25, 3.0], [2.9, -0.2]])
    inside, outside = d**2 / 2, delta * (np.abs(d) - delta / 2)
    wanted = np.where(np.abs(d) <= delta, inside, outside).sum(1)
    np.testing.assert_allclose(each(nn.Huber(delta), np.zeros((3, 2)), d), wanted, rtol=1e-14)


@pytest.mark.parametrize("kind", [nn.CrossEntropy, nn.ProbabilityCrossEntropy])
def test_smoothed_classes(kind):
    z = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    t = np.eye(3)[[2, 0]] * 0.7 + 0.1
    output = z if kind is nn.CrossEntropy else p
    for target in (np.array([2, 0]), np.eye(3)[[2, 0]]):
        found = each(kind(label_smoothing=0.3), target, output)
        np.testing.assert_allclose(found, -(t * np.log(p)).sum(1), rtol=1e-12)


@pytest.mark.parametrize("kind", [nn.BinaryCrossEntropy, nn.ProbabilityBinaryCrossEntropy])
def test_smoothed_yes_and_no(kind):
    z = np.array([[1.0, -2.0], [0.5, 3.0]])
    p = 1 / (1 + np.exp(-z))
    target = np.array([[1.0, 0.0], [0.25, 1.0]])
    t = target * 0.8 + 0.1
    wanted = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(1)
    output = z if kind is nn.BinaryCrossEntropy else p
    np.testing.assert_allclose(each(kind(label_smoothing=0.2), target, output), wanted, rtol=1e-12)


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_mixture_of_any_size(components, columns):
    rng = np.random.default_rng(0)
    k, n = components, 5
    out = rng.normal(size=(n, k * (columns + 2)))
    t = rng.normal(size=(n, columns))
    logits, means, raw = out[:, :k], out[:, k : k + k * columns], out[:, k + k * columns :]
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    means, precisions = means.reshape(n, k, columns), np.log1p(np.exp(raw))
    apart = ((means - t[:, None]) ** 2).sum(-1) * precisions
    density = (precisions / (2 * np.pi)) ** (columns / 2) * np.exp(-apart / 2)
    loss = nn.GaussianMixture(components)
    np.testing.assert_allclose(each(loss, t, out), -np.log((weights * density).sum(1)), rtol=1e-10)
    mixture = loss.mixture(out)
    np.testing.assert_allclose(np.asarray(mixture.weights), weights, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(mixture.means), means)
    np.testing.assert_allclose(np.asarray(mixture.precisions), precisions, rtol=1e-12)
    wanted = (weights[:, :, None] * means).sum(1)
    np.testing.assert_allclose(np.asarray(loss.mean(tensor(out))), wanted, rtol=1e-12)
    fits = T(float64, (N, k * (columns + 2)))
    assert loss.targets(t, fits).shape == (n, columns)
    for width in (k * 2, k * 3 + 1) if k > 1 else (2,):
        with pytest.raises(ShapeError, match=rf"must return \(N, {k}·\(T \+ 2\)\)"):
            loss.targets(t, T(float64, (N, width)))


BORDERS = [
    (nn.BinaryCrossEntropy(), Form.LOGITS, [-0.1, 0.0, 0.1], [0, 0, 1]),
    (nn.BinaryCrossEntropy(), Form.PROBABILITY, [0.2, 0.5, 0.51], [0, 0, 1]),
    (nn.ProbabilityBinaryCrossEntropy(), Form.PROBABILITY, [0.49, 0.5, 0.6], [0, 0, 1]),
    (nn.Hinge(), Form.SCORES, [-0.1, 0.0, 0.1], [0, 0, 1]),
    (nn.Logistic(), Form.SCORES, [-0.1, 0.0, 0.1], [0, 0, 1]),
    (nn.Perceptron(), Form.SCORES, [-2.0, 0.0, 2.0], [0, 0, 1]),
]


@pytest.mark.parametrize(("loss", "form", "output", "wanted"), BORDERS)
def test_decisions_at_the_border(loss, form, output, wanted):
    found = np.asarray(loss.predicted_labels(tensor(np.array(output)), form))
    np.testing.assert_array_equal(found, wanted)
    low = loss.binary_labels[0]
    targets = np.array([low, 1, 1])
    np.testing.assert_array_equal(np.asarray(loss.true_labels(tensor(targets))), [0, 1, 1])
    right = loss.correct(tensor(targets), tensor(np.array(output)), form)
    np.testing.assert_array_equal(np.asarray(right), [1, 0, 1])


def test_a_label_is_what_is_above_a_half_and_all_of_a_row_must_be_right():
    loss = nn.BinaryCrossEntropy()
    np.testing.assert_array_equal(loss.true_labels(tensor([0.4, 0.5, 0.6])).numpy(), [0, 0, 1])
    right = loss.correct(
        tensor([[0.0, 1.0], [1.0, 1.0]]), tensor([[-1.0, 1.0], [1.0, -1.0]]), Form.LOGITS
    )
    np.testing.assert_array_equal(right.numpy(), [True, False])
    classes = nn.CrossEntropy()
    z = tensor([[1.0, 3.0], [2.0, 2.0]])
    np.testing.assert_array_equal(classes.predicted_labels(z, Form.CLASS_LOGITS).numpy(), [1, 0])
    np.testing.assert_array_equal(classes.true_labels(tensor([[0.2, 0.8], [1, 0]])).numpy(), [1, 0])
    np.testing.assert_array_equal(classes.correct(tensor([1, 1]), z, None).numpy(), [1, 0])
    np.testing.assert_array_equal(
        classes.target_values(tensor([1, 0]), z).numpy(), [[0.0, 1.0], [1.0, 0.0]]
    )


def test_hinges_perceptrons_and_hebb_by_hand():
    t, z = np.array([[1.0], [-1.0], [1.0], [1.0]]), np.array([[0.25], [0.5], [2.0], [0.0]])
    np.testing.assert_allclose(each(nn.Hinge(), t, z), [0.75, 1.5, 0, 1])
    np.testing.assert_allclose(each(nn.Perceptron(), t, z), [0, 0.5, 0, 0])
    np.testing.assert_allclose(each(nn.Hebbian(), t, z), [-0.25, 0.5, -2, 0])
    np.testing.assert_allclose(each(nn.Logistic(), t, z), np.log1p(np.exp(-t * z))[:, 0])
    scores = np.array([[1.0, 0.5, -1.0], [0.0, 0.0, 0.0], [3.0, 0.0, 1.9]])
    np.testing.assert_allclose(each(nn.MulticlassHinge(), np.array([0, 1, 0]), scores), [0.5, 1, 0])


@pytest.mark.parametrize(
    ("loss", "y", "output", "words"),
    [
        ("CrossEntropy", [0, 3], (N, 3), r"labels must lie in \[0, 2\], got 3 in row 1"),
        ("CrossEntropy", [1, 2, 3], (N, 3), "Classes count from 0: pass y - 1"),
        ("CrossEntropy", [2, 2, 3], (N, 3), "Classes count from 0: pass y - 1"),
        ("CrossEntropy", [0, 3], (N, 3), "Number the classes from 0"),
        ("CrossEntropy", [0, 1, 2, 3], (N, 3), "The model has 3 outputs: give the last layer"),
        ("CrossEntropy", [-1, 1], (N, 2), r"pass \(y \+ 1\) // 2, or use loss='hinge'"),
        ("CrossEntropy", [-1, 1], (N, 3), "Number the classes from 0"),
        ("CrossEntropy", [0.5], (N, 3), r"labels must be whole numbers, got 0\.5 in row 0"),
        ("CrossEntropy", [[0.5, 0.25]], (N, 2), r"got \[0\.5, 0\.25\] in row 0 with sum 0\.75"),
        ("CrossEntropy", [[1.5, -0.5]], (N, 2), "rows of y must be probabilities"),
        ("CrossEntropy", [[1.0]], (N, 2), r"y must be \(N,\) or \(N, 2\), got \(1, 1\).*y\.ravel"),
        ("CrossEntropy", [[1.0, 0, 0]], (N, 2), "Check the units of the last layer"),
        ("CrossEntropy", [0], (N, 1), r"a logit for each class, got \(N, 1\)"),
        ("CrossEntropy", [0], (N, 2, 2), r"y must be \(N, 2\) or \(N, 2, 2\).*Flatten\(\)"),
        ("CrossEntropy", [[0, 2]], (N, 2, 2), r"labels must lie in \[0, 1\], got 2 in row 0"),
        ("CrossEntropy", [[[1.0, 1], [0, 1]]], (N, 2, 2), r"got \[1\.0, 1\.0\] in row 0"),
        ("SquaredLogarithmic", [-1.0], (N, 1), r"targets must be ≥ 0, got -1\.0 in row 0"),
        ("PoissonRate", [-1.0], (N, 1), r"targets must be ≥ 0, got -1\.0 in row 0"),
        ("Dice", [2.0], (N, 1), r"must lie in \[0, 1\], got 2\.0 in row 0"),
        ("CategoricalHinge", [[0.5, 0.5]], (N, 2), "rows of y must hold a 1 and zeros"),
        ("BinaryCrossEntropy", [2.0], (N, 1), r"must lie in \[0, 1\], got 2\.0 in row 0"),
        ("BinaryCrossEntropy", [-0.1], (N, 1), "Labels must be 0 or 1"),
        ("BinaryCrossEntropy", [-1.0, 1.0], (N, 1), r"pass \(y \+ 1\) / 2"),
        ("BinaryCrossEntropy", [1.0, 2.0], (N, 1), "Labels are 1 and 2: pass y - 1"),
        ("Hinge", [0.0, 1.0], (N, 1), r"pass 2\*y - 1"),
        ("Hinge", [1.0, 2.0], (N, 1), r"pass 2\*y - 3"),
        ("Hinge", [1.0, 3.0], (N, 1), "Labels must be -1 or 1"),
        ("MulticlassHinge", [[0.5, 0.5]], (N, 2), "rows of y must hold a 1 and zeros"),
        ("Squared", [1.0, 2.0], (N, 2), r"y must be \(N, 2\) like the output of the model, got"),
        ("Squared", [[1e39]], (N, 1), r"y must fit float32, got 1e\+39 in row 0"),
    ],
)
def test_labels_that_do_not_fit(loss, y, output, words):
    with pytest.raises((DataError, ShapeError), match=words):
        getattr(nn, loss)().targets(np.asarray(y), T(float32, output))


def test_labels_that_just_fit():
    classes = nn.CrossEntropy()
    found = classes.targets(np.array([0.0, 2.0]), T(float32, (N, 3)))
    assert found.dtype == np.int64
    rows = np.array([[0.5, 0.4995], [1.0, 0.0]])  # within a thousandth
    assert classes.targets(rows, T(float32, (N, 2))).dtype == np.float32
    with pytest.raises(DataError):
        classes.targets(np.array([[0.5, 0.4985]]), T(float32, (N, 2)))
    both = nn.BinaryCrossEntropy().targets(np.array([0, 1]), T(float64, (N, 1)))
    assert both.dtype == np.float64
    assert both.shape == (2, 1)
    assert nn.Hinge().targets(np.array([-1, 1]), T(float64, (N, 1))).tolist() == [[-1], [1]]
    big = np.array([[1e38], [np.inf]])
    assert nn.Squared().targets(big, T(float32, (N, 1))).shape == (2, 1)


def test_classes_of_rows_for_class_weights():
    classes = nn.CrossEntropy()
    y, known = classes.row_classes(np.array([2, 0]), T(float32, (N, 3)), "fit")
    assert (y.tolist(), known) == ([2, 0], [0, 1, 2])
    y, _ = classes.row_classes(np.array([[0.0, 1, 0], [1, 0, 0]]), T(float32, (N, 3)), "fit")
    assert y.tolist() == [1, 0]
    with pytest.raises(DataError, match=r"hold a 1 and zeros, got \[0\.5, 0\.5\] in row 1"):
        classes.row_classes(np.array([[0, 1.0], [0.5, 0.5]]), T(float32, (N, 2)), "fit")
    y, known = nn.Hinge().row_classes(np.array([[-1.0], [1]]), T(float32, (N, 1)), "fit")
    assert (y.tolist(), known) == ([-1, 1], [-1, 1])
    for loss, output in ((nn.Hinge(), (N, 2)), (nn.Squared(), (N, 1))):
        with pytest.raises(ArgumentError, match="class_weight needs one class a row"):
            loss.row_classes(np.ones((2, 1)), T(float32, output), "fit")


def test_what_a_target_does_not_touch_may_be_infinite():
    binary = nn.ProbabilityBinaryCrossEntropy()
    found = each(binary, np.array([[0.0], [1.0], [0.0], [1.0]]), [[0.0], [1.0], [0.5], [0.5]])
    np.testing.assert_allclose(found, [0, 0, math.log(2), math.log(2)])
    assert each(binary, np.array([[1.0], [0.0]]), [[0.0], [1.0]]).tolist() == [math.inf] * 2
    classes = nn.ProbabilityCrossEntropy()
    np.testing.assert_allclose(
        each(classes, np.array([0, 1]), [[1.0, 0.0], [0.5, 0.5]]), [0, math.log(2)]
    )
    np.testing.assert_allclose(each(nn.CrossEntropy(), np.array([0]), [[1.0, -math.inf]]), [0])
