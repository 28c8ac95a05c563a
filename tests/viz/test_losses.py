"""pel.explain of every loss, as a model records it: every line is true, and ends as in a book."""

from pathlib import Path

import numpy as np
import pytest
from tools.docs import softmax_page

import pellucid as pel
from pellucid.nn import losses
from pellucid.nn.losses.base import Form
from pellucid.ops.composite import asvalue
from tests.viz.evaluation import Numbers, check

pytest.importorskip("sympy")

RNG = np.random.default_rng(11)
Z = RNG.normal(size=(5, 3))
CLASSES = np.array([0, 1, 2, 1, 0])
HOT = np.eye(3)[CLASSES]
ROWS = RNG.dirichlet(np.ones(3), size=5)
SIGNS = np.where(RNG.normal(size=(5, 3)) > 0, 1.0, -1.0)
SOFTMAX = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
SIGMOID = 1 / (1 + np.exp(-Z))
T = RNG.uniform(size=(5, 3))
X, W, B = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)

SMOOTH = losses.CrossEntropy(label_smoothing=0.1)
TARGETS = {
    "cross_entropy": [CLASSES, HOT, ROWS],
    "probability_cross_entropy": [CLASSES, ROWS],
    "multiclass_hinge": [CLASSES],
    "binary_cross_entropy": [T, (T > 0.5) * 1.0],
    "probability_binary_cross_entropy": [T],
    "poisson": [np.floor(5 * T)],
    "gaussian": [T[:, :2]],
    "gaussian_mixture": [T[:, :1]],
}
NAMED = [(loss, t) for name, loss in losses.BY_NAME.items() for t in TARGETS.get(name, [SIGNS])]
CASES = [*NAMED, (SMOOTH, CLASSES), (SMOOTH, ROWS)]


def mean_of(loss):
    """The objective: the loss of the rows, averaged."""

    def objective(z, t):
        return np.mean(loss.per_row(asvalue(t), z))

    return objective


def output(loss, t):
    """A model's output as the loss takes it."""
    if loss.reads in (Form.PROBABILITIES, Form.PROBABILITY):
        return SOFTMAX
    if isinstance(loss, (losses.Gaussian, losses.GaussianMixture)):
        return RNG.normal(size=(5, 6 if isinstance(loss, losses.GaussianMixture) else 4))
    return Z


@pytest.mark.parametrize(
    ("loss", "t"), CASES, ids=[f"{loss.name}-{t.dtype}{t.shape}" for loss, t in CASES]
)
def test_every_line_of_every_loss_is_numerically_right(loss, t):
    z = output(loss, t)
    shown = pel.explain(mean_of(loss), z, t)
    check(shown)
    np.testing.assert_allclose(
        Numbers(shown).gradient(shown.graph.inputs[0]), pel.grad(mean_of(loss))(z, t), rtol=1e-12
    )
    assert list(shown.gradients) == ["z"]


@pytest.mark.parametrize(
    ("loss", "t", "text", "gradient"),
    [
        (losses.CrossEntropy(), CLASSES, "(p[i,j] - [t[i] = j])/5", (SOFTMAX - HOT) / 5),
        (losses.CrossEntropy(), HOT, "(p[i,j] - t[i,j])/5", (SOFTMAX - HOT) / 5),
        (losses.CrossEntropy(), ROWS, "(p[i,j] - t[i,j])/5", (SOFTMAX - ROWS) / 5),
        (SMOOTH, CLASSES, "(p[i,j] - v6[i,j])/5", (SOFTMAX - 0.9 * HOT - 0.1 / 3) / 5),
        (losses.BinaryCrossEntropy(), T, "(σ(z[i,j]) - t[i,j])/5", (SIGMOID - T) / 5),
        (losses.Squared(), T, "2/5·(z[i,j] - t[i,j])", 2 * (Z - T) / 5),
        (losses.HalfSquared(), T, "(z[i,j] - t[i,j])/5", (Z - T) / 5),
    ],
    ids=["classes", "one-hot", "probabilities", "smoothed", "binary", "squared", "half"],
)
def test_the_gradient_is_output_minus_target(loss, t, text, gradient):
    shown = pel.explain(mean_of(loss), Z, t)
    assert shown.gradients == {"z": text}
    np.testing.assert_allclose(pel.grad(mean_of(loss))(Z, t), gradient, rtol=1e-12, atol=1e-15)


def test_the_probability_is_a_line_of_the_function_and_says_what_it_is():
    shown = pel.explain(mean_of(losses.CrossEntropy()), Z, CLASSES)
    assert "p[i,j]   = v9[i,j]/v10[i]         softmax(z): the shift by v7 cancels" in str(shown)
    p = shown.names.index("p")
    np.testing.assert_allclose(shown.values[p], SOFTMAX, rtol=1e-12)
    rows = str(shown).split("its gradient")[0].splitlines()
    (place,) = (n for n, row in enumerate(rows) if row.startswith("  p[i,j]"))
    assert rows[place - 1].startswith("  v10[i]  ")
    assert "the factor is 0 wherever the guard is" in str(shown)
    assert "Σ_k [t = k] = 1" in str(shown)


def test_every_step_of_softmax_regression_through_a_dense_layer():
    def objective(W, b, x, t):
        return np.mean(losses.CrossEntropy().per_row(asvalue(t), x @ W + b))

    shown = pel.explain(objective, W, B, X, CLASSES, argnums=(0, 1))
    check(shown)
    assert shown.gradients == {
        "W": "1/5·Σ_i x[i,k]·(p[i,j] - [t[i] = j])",
        "b": "1/5·Σ_i (p[i,j] - [t[i] = j])",
    }
    assert "softmax(v5): the shift by v11 cancels" in str(shown)
    assert "; as matrices xᵀ·∂J/∂v4" in str(shown)


def test_rows_that_do_not_sum_to_1_are_not_said_to():
    shown = pel.explain(mean_of(losses.CrossEntropy()), Z, 2 * ROWS)
    assert "Σ_k t[k] = 1" not in str(shown)
    check(shown)


@pytest.mark.parametrize("smooth", [0.0, 0.3])
def test_a_label_that_is_no_class_is_not_said_to_be_one(smooth):
    shown = pel.explain(mean_of(losses.CrossEntropy(smooth)), Z, np.array([0, 1, 3, 1, 0]))
    assert "= k] = 1" not in str(shown)
    check(shown)


def test_a_probability_that_no_gradient_needs_gets_no_line():
    def objective(w, z):
        return w * pel.numpy.logsumexp(z)

    assert "softmax" not in str(pel.explain(objective, 2.0, Z))
    assert "softmax" in str(pel.explain(objective, 2.0, Z, argnums=1))
    assert "softmax" not in str(pel.explain(lambda z: np.sum(np.exp(z)), Z))


def over_the_other_axis(z):
    e = np.exp(z[:3])
    return np.sum(e / np.sum(e, axis=1))  # a square: the sums of rows divide the columns


def over_something_else_first(z):
    e = np.exp(z)
    return np.sum(e / np.abs(z)) + np.sum(np.log(np.sum(e, axis=1)))


def is_softmax(p, z):
    """Whether p is the softmax of z over some of its axes."""
    groups = [(0,), (1,), (0, 1)] if z.ndim == 2 else [(0,)]
    return any(np.allclose(p, np.exp(z) / np.exp(z).sum(axis=g, keepdims=True)) for g in groups)


@pytest.mark.parametrize(
    "function",
    [
        over_the_other_axis,
        over_something_else_first,
        lambda z: np.sum(np.log(np.sum(np.exp(z - np.arange(3.0)), axis=1))),
        lambda z: np.sum(pel.numpy.softmax(z) ** 2),
        lambda z: np.sum(pel.numpy.softmax(z, axis=0)[0]),
        lambda z: pel.numpy.logsumexp(z),
        lambda z: np.sum(pel.numpy.logsumexp(z, axis=0) ** 2),
        lambda z: np.sum(pel.numpy.logsumexp(z, axis=0, keepdims=True) * z),
        lambda z: np.sum(np.log(np.sum(np.exp(z), axis=0))),
        lambda z: np.sum(np.exp(z) / np.sum(np.exp(z), axis=1)[:, None] * z),
        lambda z: np.sum(np.exp(z - z[:, :1]) / np.sum(np.exp(z - z[:, :1]))),
        lambda z: np.sum(np.log(np.sum(np.exp(z - np.mean(z)), axis=1))),
        lambda z: np.sum(np.log(np.sum(np.exp(np.transpose(z)), axis=1))),
        lambda z: np.sum(np.exp(z)) * np.sum(np.exp(z[0])),
    ],
)
def test_other_uses_of_softmax(function):
    shown = pel.explain(function, Z)
    check(shown)
    for line in shown.function:
        if line.note.startswith("softmax("):
            logits = line.note.partition("(")[2].partition(")")[0]
            z, p = (np.asarray(shown.values[n]) for n in (shown.names.index(logits), line.node))
            assert is_softmax(p, z)


def test_names_of_the_person_are_not_taken():
    def objective(p, v, z):
        return -np.sum(p * pel.numpy.log_softmax(v)) - np.sum(p * pel.numpy.log_softmax(z))

    shown = pel.explain(objective, ROWS, Z, 2 * Z, argnums=(1, 2))
    assert {"p2", "p3"} <= set(shown.names)
    assert shown.gradients == {"v": "p2[i,j] - p[i,j]", "z": "p3[i,j] - p[i,j]"}
    check(shown)


@pytest.mark.parametrize("axes", [(1, 0), (0, 0), (1, 1), (0, 1)])
def test_the_matrix_form_of_a_product_is_its_gradient(axes):
    shapes = {(1, 0): ((2, 3), (3, 4)), (0, 0): ((3, 2), (3, 4))}
    shapes |= {(1, 1): ((2, 3), (4, 3)), (0, 1): ((3, 2), (4, 3))}
    x, y = (RNG.normal(size=shape) for shape in shapes[axes])
    shown = pel.explain(
        lambda x, y: np.sum(np.tanh(np.tensordot(x, y, axes))), x, y, argnums=(0, 1)
    )
    numbers, seen = Numbers(shown), 0
    for line in shown.gradient:
        for term in line.terms:
            if "as matrices " in term.rule:
                left, right = term.rule.split("as matrices ")[1].split("·")
                found = matrix(numbers, left) @ matrix(numbers, right)
                np.testing.assert_allclose(found, numbers.gradient(line.node), rtol=1e-12)
                seen += 1
    assert seen == 2


def matrix(numbers, text):
    """The value of a name, of a gradient, or of what is transposed."""
    name = text.removesuffix("ᵀ")
    of = name.removeprefix("∂J/∂")
    place = numbers.names[of]
    value = numbers.value(place) if of == name else numbers.gradient(place)
    return value.T if text != name else value


def test_the_page_of_the_softmax_gradient_is_up_to_date():
    page = (Path(__file__).parents[2] / "docs" / "softmax-gradient.md").read_text("utf-8")
    assert page == softmax_page(), "run make docs"
    assert "= (p[i,j] - [y[i] = j])/5 " in page
    assert "= 1/5·Σ_i x[i,k]·(p[i,j] - [y[i] = j])" in page
