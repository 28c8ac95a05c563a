"""docs/losses.md: it is up to date, and both sides of every conversion are the same number.

The formulas of other libraries are written out in NumPy here, with the reductions that Keras 3,
PyTorch 2 and scikit-learn 1 document.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tools import docs_losses
from tools.docs_losses import CONVERSIONS

import pellucid as pel
from pellucid import nn
from pellucid.nn.losses import BY_NAME, loss

RNG = np.random.default_rng(2)
N, H, LAMBDA = 7, 3, 0.4
X, W = RNG.normal(size=(N, 4)), RNG.normal(size=(4, H))
Z = X @ W
T = RNG.normal(size=(N, H))
COUNTS = RNG.poisson(2.0, (N, H)).astype(float)
BITS = (RNG.random((N, H)) > 0.5).astype(float)
CLASSES = RNG.integers(0, H, N)
ROWS = np.eye(H)[CLASSES]
SIGNS, Z1, W1 = 2 * BITS[:, 0] - 1, Z[:, 0], W[:, 0]
VARIANCES = RNG.random((N, H)) + 0.5
SIGMOID = 1 / (1 + np.exp(-Z))
SOFTMAX = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)


def huber(d: Any) -> Any:
    return np.where(abs(d) <= 1, d * d / 2, abs(d) - 0.5)


def of_their_class() -> Any:
    return -np.log(SOFTMAX[np.arange(N), CLASSES])


# What their function returns for targets and outputs of N rows: (targets, outputs, number).
THEIRS: dict[tuple[str, str], tuple[Any, Any, Callable[[], Any]]] = {
    ("Keras", "mean_squared_error"): (T, Z, lambda: ((T - Z) ** 2).mean(-1).mean()),
    ("Keras", "mean_absolute_error"): (T, Z, lambda: abs(T - Z).mean(-1).mean()),
    ("Keras", "huber"): (T, Z, lambda: huber(T - Z).mean(-1).mean()),
    ("Keras", "binary_crossentropy"): (
        BITS,
        Z,
        lambda: -(BITS * np.log(SIGMOID) + (1 - BITS) * np.log(1 - SIGMOID)).mean(-1).mean(),
    ),
    ("Keras", "categorical_crossentropy"): (
        ROWS,
        Z,
        lambda: -(ROWS * np.log(SOFTMAX)).sum(-1).mean(),
    ),
    ("Keras", "sparse_categorical_crossentropy"): (CLASSES, Z, lambda: of_their_class().mean()),
    ("Keras", "hinge"): (
        2 * BITS - 1,
        Z,
        lambda: np.maximum(1 - (2 * BITS - 1) * Z, 0).mean(-1).mean(),
    ),
    ("Keras", "poisson"): (
        COUNTS,
        Z,
        lambda: (np.exp(Z) - COUNTS * np.log(np.exp(Z))).mean(-1).mean(),
    ),
    ("Keras", "regularizers.L2(λ)"): (None, None, lambda: LAMBDA * (W**2).sum()),
    ("Keras", "regularizers.L1(λ)"): (None, None, lambda: LAMBDA * abs(W).sum()),
    ("PyTorch", "MSELoss"): (T, Z, lambda: ((T - Z) ** 2).mean()),
    ("PyTorch", "L1Loss"): (T, Z, lambda: abs(T - Z).mean()),
    ("PyTorch", "HuberLoss"): (T, Z, lambda: huber(T - Z).mean()),
    ("PyTorch", "CrossEntropyLoss"): (CLASSES, Z, lambda: of_their_class().mean()),
    ("PyTorch", "NLLLoss of log p"): (CLASSES, SOFTMAX, lambda: of_their_class().mean()),
    ("PyTorch", "BCEWithLogitsLoss"): (
        BITS,
        Z,
        lambda: (np.log(1 + np.exp(Z)) - BITS * Z).mean(),
    ),
    ("PyTorch", "BCELoss"): (
        BITS,
        SIGMOID,
        lambda: -np.where(BITS == 1, np.log(SIGMOID), np.log(1 - SIGMOID)).mean(),
    ),
    ("PyTorch", "SoftMarginLoss"): (
        2 * BITS - 1,
        Z,
        lambda: np.log(1 + np.exp(-(2 * BITS - 1) * Z)).mean(),
    ),
    ("PyTorch", "PoissonNLLLoss"): (COUNTS, Z, lambda: (np.exp(Z) - COUNTS * Z).mean()),
    ("PyTorch", "GaussianNLLLoss"): (
        T,
        np.concatenate([Z, np.log(np.expm1(VARIANCES))], axis=1),
        lambda: (0.5 * (np.log(VARIANCES) + (T - Z) ** 2 / VARIANCES)).mean(),
    ),
    ("PyTorch", "SGD(weight_decay=λ)"): (None, None, lambda: LAMBDA / 2 * (W**2).sum()),
    ("scikit-learn", "mean_squared_error"): (
        T,
        Z,
        lambda: np.average(np.average((T - Z) ** 2, axis=0)),
    ),
    ("scikit-learn", "mean_absolute_error"): (T, Z, lambda: np.average(abs(T - Z).mean(0))),
    ("scikit-learn", "log_loss"): (CLASSES, Z, lambda: of_their_class().mean()),
    ("scikit-learn", "hinge_loss"): (
        SIGNS,
        Z[:, :1],
        lambda: np.maximum(1 - SIGNS * Z1, 0).mean(),
    ),
    ("scikit-learn", "hinge_loss of classes"): (
        CLASSES,
        Z,
        lambda: np.mean(
            [max(0, 1 - Z[n, c] + np.delete(Z[n], c).max()) for n, c in enumerate(CLASSES)]
        ),
    ),
    ("scikit-learn", "Ridge(λ)"): (T, Z, lambda: ((T - Z) ** 2).sum() + LAMBDA * (W**2).sum()),
    ("scikit-learn", "Lasso(λ)"): (
        T,
        Z,
        lambda: ((T - Z) ** 2).sum() / (2 * N) + LAMBDA * abs(W).sum(),
    ),
    ("scikit-learn", "LogisticRegression(C=1/λ)"): (
        SIGNS,
        Z[:, :1],
        lambda: np.log(1 + np.exp(-SIGNS * Z1)).sum() / LAMBDA + (W1**2).sum() / 2,
    ),
    ("scikit-learn", "LinearSVC(C=1/λ, loss='hinge')"): (
        SIGNS,
        Z[:, :1],
        lambda: np.maximum(0, 1 - SIGNS * Z1).sum() / LAMBDA + (W1**2).sum() / 2,
    ),
    ("the lectures", "½(y - t)²"): (T, Z, lambda: ((Z - T) ** 2).sum(1).mean() / 2),
    ("the lectures", "(y - f)²"): (T, Z, lambda: ((T - Z) ** 2).sum(1).mean()),
    ("the lectures", "MSE + (λ/2)·‖w‖²"): (
        T[:, :1],
        Z[:, :1],
        lambda: ((T[:, 0] - Z1) ** 2).mean() + LAMBDA / 2 * (W1**2).sum(),
    ),
    ("the lectures", "Σ (y - f)² + λ·½‖w‖²"): (
        T,
        Z,
        lambda: ((T - Z) ** 2).sum() + LAMBDA / 2 * (W**2).sum(),
    ),
    ("the lectures", "-Σ I(t = k) ln softmax_k"): (
        CLASSES,
        Z,
        lambda: -((CLASSES[:, None] == np.arange(H)) * np.log(SOFTMAX)).sum(1).mean(),
    ),
    ("the lectures", "-t ln p - (1 - t) ln(1 - p)"): (
        BITS[:, 0],
        SIGMOID[:, :1],
        lambda: -(BITS * np.log(SIGMOID) + (1 - BITS) * np.log(1 - SIGMOID))[:, 0].mean(),
    ),
}


def ours(here: str, y: Any, outputs: Any) -> float:
    """What fit and evaluate show: the loss of a model, penalties included."""
    scope = {"L1": nn.L1, "L2": nn.L2, "λ": LAMBDA, "N": N}
    name, *penalties = [part.strip() for part in here.split(",")]
    if name not in BY_NAME:  # penalties alone
        name, penalties = "squared", [here]
    own = [eval(penalty, scope) for penalty in penalties]
    if y is None:
        net, y = weights_of(W), np.zeros((N, H))
        net.compile("sgd", name, regularizer=own)
        zero = weights_of(W)
        zero.compile("sgd", name)
        return net.evaluate(X, y)["loss"] - zero.evaluate(X, y)["loss"]
    if penalties:
        net = weights_of(W[:, : outputs.shape[1]])
        net.compile("sgd", name, regularizer=own)
        return net.evaluate(X, y)["loss"]
    net = pel.Sequential([nn.Activation(lambda z: z)], dtype="float64")
    net.compile("sgd", name)
    return net.evaluate(outputs, y)["loss"]


def weights_of(w: Any) -> pel.Sequential:
    net = pel.Sequential([nn.Dense(w.shape[1], use_bias=False)], dtype="float64")
    net.build((4,))
    net.set_weights([w])
    return net


@pytest.mark.parametrize("row", CONVERSIONS, ids=lambda row: f"{row.library}: {row.theirs}")
def test_both_sides_of_a_conversion_are_one_number(row):
    y, outputs, theirs = THEIRS[row.library, row.theirs]
    width = 1 if y is None else np.asarray(y).reshape(N, -1).shape[1]
    scope = {"ours": ours(row.here, y, outputs), "N": N, "H": width, "λ": LAMBDA}
    number = eval(row.number, scope | {"ln": math.log, "π": math.pi})
    assert number == pytest.approx(theirs(), rel=1e-10)


def test_every_conversion_has_its_formula():
    assert {(row.library, row.theirs) for row in CONVERSIONS} == set(THEIRS)


def test_where_only_part_is_the_same():
    """Keras's categorical hinge and PyTorch's multi-margin loss are other functions."""
    z, t = np.array([[2.0, -3.0, -4.0], [0.5, 1.0, 0.0]]), np.array([0, 0])
    own = np.eye(3)[t]
    found = loss("multiclass_hinge").per_row(pel.Tensor(t), pel.Tensor(z)).numpy()
    keras = np.maximum(((1 - own) * z).max(1) - (own * z).sum(1) + 1, 0)
    multi = np.array([sum(max(0, 1 - r[0] + r[j]) for j in (1, 2)) / 3 for r in z])
    np.testing.assert_allclose(found, [0, 1.5])
    np.testing.assert_allclose(keras, [0, 1.5])
    z[0, 0] = -1  # all rivals below 0: Keras's highest rival is 0
    found = loss("multiclass_hinge").per_row(pel.Tensor(t), pel.Tensor(z)).numpy()
    np.testing.assert_allclose(found, [0, 1.5])
    assert np.maximum(((1 - own) * z).max(1) - (own * z).sum(1) + 1, 0)[0] == 2
    assert multi[1] == pytest.approx((1.5 + 0.5) / 3)


def test_every_page_is_up_to_date():
    page = docs_losses.PAGE.read_text(encoding="utf-8")
    assert page == docs_losses.page(), "write it anew: make docs"
    for name in BY_NAME:
        assert f"`{name}`" in page
