"""Losses beside PyTorch: values and gradients, and what each says of targets it does not take.

The numbers were printed by PyTorch 2 in float64: `v.tolist()` of each loss with reduction="none",
summed over the outputs of a row, and `torch.autograd.grad(v.sum(), y)`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType

Y = np.array([[0.5, -1.25, 2.0, -0.75], [1.5, 0.25, -3.0, 0.5], [-0.5, 0.75, 0.125, 1.0]])
T = np.array([[1.0, 0.5, -2.0, 3.0], [0.25, 0.0, 1.0, 2.0], [0.5, 1.5, 2.5, 0.0]])
YES = (T > 0.7).astype(float)
CLASSES = np.array([2, 0, 3])


def softmax(y: Any) -> Any:
    e = np.exp(y)
    return e / np.sum(e, axis=1, keepdims=True)


def sigmoid(y: Any) -> Any:
    return 1 / (1 + np.exp(-y))


CASES = {
    "absolute": (
        nn.Absolute(),
        T,
        None,
        [10.0, 7.0, 5.125],
        [[-1, -1, 1, -1], [1, 1, -1, -1], [-1, -1, -1, 1]],
    ),
    "huber": (
        nn.Huber(),
        T,
        None,
        [8.125, 5.28125, 3.15625],
        [[-0.5, -1, 1, -1], [1, 0.25, -1, -1], [-1, -0.75, -1, 1]],
    ),
    "poisson": (
        nn.Poisson(),
        abs(T),
        None,
        [8.171648719231984, 9.089222826093799, 5.38746095785118],
        [
            [0.648721270700128, -0.21349520313981, 5.38905609893065, -2.527633447258985],
            [4.231689070338065, 1.284025416687741, -0.950212931632136, -0.351278729299872],
            [0.106530659712633, 0.617000016612675, -1.366851546933174, 2.718281828459045],
        ],
    ),
    "gaussian": (
        nn.Gaussian(),
        T[:, :2],
        None,
        [5.757192268890043, 16.423917837822678, 2.709474651756211],
        [
            [-0.235080828972118, -4.52347157667394, 0.182720764482552, -2.867653851257889],
            [25.726860170652607, 0.256653225628186, -15.20686545568982, 0.299011418947723],
            [-1.319959442109572, -0.571097144710995, -0.112173753413563, 0.15911888789878],
        ],
    ),
    "smoothed": (
        nn.CrossEntropy(label_smoothing=0.1),
        CLASSES,
        None,
        [0.469540359767025, 0.678871316541801, 0.948893640076796],
        [
            [0.14329441556514, 0.004245184253442, -0.170756757162778, 0.023217157344195],
            [-0.324577266815943, 0.147023993201138, -0.018329905935576, 0.195883179550381],
            [0.067248556850877, 0.296979100740478, 0.147342993415608, -0.511570651006964],
        ],
    ),
    "probabilities": (
        nn.ProbabilityCrossEntropy(),
        CLASSES,
        softmax,
        [0.282040359767025, 0.510121316541801, 0.883268640076796],
        [
            [0.16829441556514, 0.029245184253442, -0.245756757162778, 0.048217157344195],
            [-0.399577266815943, 0.172023993201138, 0.006670094064424, 0.220883179550381],
            [0.092248556850877, 0.321979100740478, 0.172342993415608, -0.586570651006963],
        ],
    ),
    "binary": (
        nn.ProbabilityBinaryCrossEntropy(),
        YES,
        sigmoid,
        [3.989805082683351, 6.050017033615444, 2.806808713130398],
        [
            [-0.377540668798145, 0.222700138825309, 0.880797077977882, -0.679178699175393],
            [0.817574476193644, 0.562176500885798, -0.952574126822433, -0.377540668798145],
            [0.377540668798145, -0.320821300824607, -0.468790626626244, 0.731058578630005],
        ],
    ),
    "binary smoothed": (
        nn.BinaryCrossEntropy(label_smoothing=0.2),
        YES,
        None,
        [3.889805082683352, 5.625017033615444, 2.844308713130399],
        [
            [-0.277540668798145, 0.122700138825309, 0.780797077977882, -0.579178699175393],
            [0.717574476193644, 0.462176500885798, -0.852574126822433, -0.277540668798145],
            [0.277540668798145, -0.220821300824607, -0.368790626626244, 0.631058578630005],
        ],
    ),
    "logistic": (
        nn.Logistic(),
        2 * YES - 1,
        None,
        [3.989805082683352, 6.050017033615445, 2.806808713130398],
        [
            [-0.377540668798145, 0.222700138825309, 0.880797077977882, -0.679178699175393],
            [0.817574476193644, 0.562176500885798, -0.952574126822433, -0.377540668798145],
            [0.377540668798145, -0.320821300824607, -0.468790626626244, 0.731058578630005],
        ],
    ),
    "multiclass hinge": (
        nn.MulticlassHinge(),
        CLASSES,
        None,
        [0.0, 0.0, 0.75],
        [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, -1]],
    ),
}


@pytest.mark.lecture("T1.E2")
@pytest.mark.lecture("T1.E3")
@pytest.mark.lecture("T1.E4")
@pytest.mark.lecture("T1.E6")
@pytest.mark.lecture("T1.D8")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_values_and_gradients(name, backend):
    loss, target, link, values, gradients = CASES[name]
    taken = loss.targets(np.asarray(target), TensorType(float64, (N, 4)))

    def rows(y, t):
        return loss.per_row(t, y if link is None else link(y))

    got = pel.jit(rows, backend=backend)(Y, taken)
    np.testing.assert_allclose(got, values, rtol=1e-12, atol=1e-12)
    slope = pel.jit(pel.grad(lambda y, t: np.sum(rows(y, t))), backend=backend)(Y, taken)
    np.testing.assert_allclose(slope, gradients, rtol=1e-11, atol=1e-12)


@pytest.mark.lecture("T1.D9")
def test_a_mixture_of_two_normal_distributions():
    """PyTorch: MixtureSameFamily(Categorical(logits), Normal(means, softplus(raw)^-½))."""
    z = np.array([[0.5, -1.25, 2.0, -0.75, 0.3, 1.1], [1.5, 0.25, -3.0, 0.5, -0.2, 0.7]])
    loss, t = nn.GaussianMixture(2), np.array([[0.4], [-1.5]])
    np.testing.assert_allclose(
        pel.jit(loss.per_row)(t, z), [2.0170762353168485, 2.0201177441449754], rtol=1e-13
    )
    gradients = [
        [
            0.06087998493943869,
            -0.06087998493943869,
            1.0813715359761733,
            -0.3333298705096063,
            0.3157184334460694,
            0.04715766502054205,
        ],
        [
            -0.1452422428112198,
            0.1452422428112198,
            -0.8277124365525714,
            0.170900940517527,
            0.12005147508022525,
            0.08005513603787111,
        ],
    ]
    slope = pel.jit(pel.grad(lambda z, t: np.sum(loss.per_row(t, z))))(z, t)
    np.testing.assert_allclose(slope, gradients, rtol=1e-12)
    weights, means, precisions = pel.jit(lambda z: tuple(loss.mixture(z)))(z)
    assert weights.shape == precisions.shape == (2, 2) and means.shape == (2, 2, 1)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(means[:, :, 0], z[:, 2:4])


def test_one_component_is_the_gaussian():
    """A mixture of one with precision s is a Gaussian with variance 1/s."""
    z, t = np.array([[0.3, 2.0, 0.7]]), np.array([[1.1]])
    precision = math.log1p(math.exp(0.7))
    wanted = 0.5 * (math.log(math.tau / precision) + (1.1 - 2.0) ** 2 * precision)
    got = pel.jit(nn.GaussianMixture(1).per_row)(t, z)
    np.testing.assert_allclose(got, [wanted], rtol=1e-14)


@pytest.mark.lecture("T1.E4")
def test_the_logistic_loss_is_the_binary_cross_entropy_of_relabelled_rows():
    left = pel.jit(nn.Logistic().per_row)(2 * YES - 1, Y)
    right = pel.jit(nn.BinaryCrossEntropy().per_row)(YES, Y)
    np.testing.assert_allclose(left, right, rtol=1e-14)


@pytest.mark.lecture("T1.E8")
def test_any_log_density_is_a_loss():
    def laplace(t, y):
        return -np.sum(np.abs(t - y), axis=-1) - math.log(2)

    loss = nn.NegativeLogLikelihood(laplace)
    got = pel.jit(loss.per_row)(T, Y)
    np.testing.assert_allclose(got, np.abs(T - Y).sum(axis=1) + math.log(2), rtol=1e-14)
    with pytest.raises(ShapeError, match="one value a row"):
        pel.jit(nn.NegativeLogLikelihood(lambda t, y: t - y).per_row)(T, Y)
    with pytest.raises(ArgumentError, match="log_prob must be a function"):
        nn.NegativeLogLikelihood("normal")


@pytest.mark.lecture("T1.D1")
@pytest.mark.lecture("T1.D7")
@pytest.mark.parametrize("name", ["smoothed", "binary smoothed", "logistic", "multiclass hinge"])
def test_far_from_zero_nothing_overflows(name):
    loss, target, *_ = CASES[name]
    target = loss.targets(np.asarray(target), TensorType(float64, (N, 4)))
    values = pel.jit(loss.per_row)(target, 1000 * Y)
    slopes = pel.jit(pel.grad(lambda y, t: np.sum(loss.per_row(t, y))))(1000 * Y, target)
    assert np.isfinite(values).all() and np.isfinite(slopes).all()


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "message"),
    [
        (nn.Poisson(), [[-1.0, 2.0]], 2, "counts must be ≥ 0, got -1.0 in row 0"),
        (nn.Gaussian(), [[1.0]], 3, "means and variances"),
        (nn.GaussianMixture(3), [[1.0]], 8, r"the model must return \(N, 3·\(T \+ 2\)\)"),
        (nn.Logistic(), [[0.0, 1.0]], 2, "labels must be -1 or 1"),
        (nn.MulticlassHinge(), [5], 3, r"labels must lie in \[0, 2\]"),
        (nn.ProbabilityBinaryCrossEntropy(), [[2.0]], 1, r"labels must lie in \[0, 1\]"),
        (nn.Absolute(), [1.0, 2.0], 2, "y must be"),
    ],
)
def test_targets_that_do_not_fit(loss, y, outputs, message):
    with pytest.raises((DataError, ShapeError), match=message):
        loss.targets(np.array(y), TensorType(float64, (N, outputs)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Huber(0), "delta must lie"),
        (lambda: nn.Huber(math.nan), "delta must lie"),
        (lambda: nn.CrossEntropy(label_smoothing=1), "label_smoothing must lie"),
        (lambda: nn.BinaryCrossEntropy(label_smoothing=-0.1), "label_smoothing must lie"),
        (lambda: nn.GaussianMixture(0), "components must be"),
        (lambda: nn.Huber(detla=1), "Did you mean 'delta'"),
    ],
)
def test_arguments_that_do_not_fit(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
