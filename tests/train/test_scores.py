"""Metrics as functions of arrays and as names of a model: scikit-learn's numbers, edges, errors."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import metrics, nn, optim
from pellucid.core.errors import ArgumentError, DataError, ShapeError


def drawn():
    """What the numbers below were made of: by scikit-learn 1.7 from the same generator."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 4, 40)
    scores = rng.normal(size=(40, 4)).round(1)
    scores[np.arange(40), y] += 0.7
    t = rng.normal(size=(40, 2))
    out = t + 0.5 * rng.normal(size=(40, 2))
    several = (rng.random((40, 3)) > 0.5).astype(int), (rng.random((40, 3)) > 0.5).astype(int)
    return y, scores, t, out, several


def test_the_numbers_are_scikit_learns():
    y, scores, t, out, (truth, chosen) = drawn()
    p = scores.argmax(axis=1)
    assert metrics.f1(y, p) == pytest.approx(0.25658643892339544, rel=1e-12)
    assert metrics.f1(y, p, average="weighted") == pytest.approx(0.2524495341614907, rel=1e-12)
    assert metrics.f1(y, p, average="micro") == pytest.approx(0.25, rel=1e-12)
    assert metrics.confusion_matrix(y, p).tolist() == [
        [2, 3, 4, 3],
        [2, 3, 4, 1],
        [2, 5, 2, 0],
        [2, 2, 2, 3],
    ]
    assert metrics.accuracy(y, p) == 0.25 and metrics.error(y, p) == 0.75
    assert metrics.top_k_error(y, scores, k=2) == pytest.approx(0.275)
    assert metrics.top_k_error(y, scores, k=3) == pytest.approx(0.1)
    assert metrics.top_k_error(y, scores, k=4) == 0
    assert metrics.roc_auc(y, scores) == pytest.approx(0.6266759472606247, rel=1e-12)
    upper, score = y > 1, scores[:, 3].round()
    assert metrics.roc_auc(upper, score) == pytest.approx(0.5340909090909091, rel=1e-12)
    assert metrics.f1(upper, score > 0) == pytest.approx(0.32, rel=1e-12)
    assert metrics.r2(t, out) == pytest.approx(0.7790571917096194, rel=1e-12)
    assert metrics.r2(t[:, :1], out[:, 0]) == pytest.approx(0.7650865169482416, rel=1e-12)
    assert metrics.f1(truth, chosen) == pytest.approx(0.4289363254880496, rel=1e-12)
    assert metrics.f1(truth, chosen, "micro") == pytest.approx(0.42990654205607476, rel=1e-12)
    assert metrics.accuracy(truth, chosen) == 0.15


def test_edges():
    assert metrics.f1([-1, 1, 1, -1], [1, 1, -1, -1]) == pytest.approx(0.5)
    assert metrics.f1([0, 0], [0, 0]) == 0  # nothing of the class, nothing found
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.roc_auc([0, 1, 1], [[-1.0], [0.0], [3.0]]) == 1
    assert metrics.top_k_error([1], [[2.0, 2.0]], k=1) == 1  # ties: the lower class first
    assert metrics.r2([1.0, 3.0], [2.0, 2.0]) == 0
    assert metrics.confusion_matrix([0, 1], [1, 1], classes=3).shape == (3, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.accuracy([1, 2], [[0.1, 0.9], [1, 0]]), "argmax"),
        (lambda: metrics.accuracy([1, 2], [1, 2, 3]), r"\(2,\) and \(3,\)"),
        (lambda: metrics.f1([1], [1], average="both"), "unknown average 'both'"),
        (lambda: metrics.top_k_error([3], [[0.0, 1.0]]), "classes 0 … 1, got 3 in row 0"),
        (lambda: metrics.top_k_error([1], [[0.0, 1.0]], k=3), r"k must be in \[1, 2\]"),
        (lambda: metrics.roc_auc([1, 1], [0.1, 0.2]), "two labels, got 1"),
        (lambda: metrics.r2([2.0, 2.0], [1.0, 2.0]), "must vary"),
        (lambda: metrics.confusion_matrix([0.5], [1]), "whole numbers"),
        (lambda: metrics.confusion_matrix([4], [1], classes=2), "5 or more, got 2"),
        (lambda: metrics.r2([np.nan, 1], [1.0, 2.0]), "finite"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises((ArgumentError, DataError, ShapeError), match=words):
        call()


def model(loss, units, *names, rows=None):
    net = pel.Sequential([nn.Dense(units)], seed=0, dtype="float64")
    net.compile(optim.SGD(0.1), loss=loss, metrics=names)
    return net


@pytest.mark.lecture("T1.E11")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_models_metrics_are_those_of_its_predictions(backend):
    """The error rate and the top-k error of every minibatch, and of the validation data."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1500, 5)), rng.integers(0, 6, 1500)  # evaluated in two chunks
    net = model("cross_entropy", 6, "error", "top_5_error", "f1", "roc_auc")
    history = net.fit(x, y, seed=0, verbose=0, validation_data=(x, y), backend=backend)
    scores = net.predict(x)
    wanted = {
        "error": metrics.error(y, scores.argmax(axis=1)),
        "top_5_error": metrics.top_k_error(y, scores),
        "f1": metrics.f1(y, scores.argmax(axis=1)),
        "roc_auc": metrics.roc_auc(y, net.predict_proba(x)),
    }
    found = net.evaluate(x, y, backend=backend)
    assert list(found) == ["loss", *wanted]
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12)
        assert history.epochs[f"val_{name}"] == [pytest.approx(value, rel=1e-12)]
    assert len(history.steps["error"]) == len(history.steps["top_5_error"]) == 47
    assert "f1" not in history.steps and "f1" not in history.epochs


def test_a_roc_curve_does_not_see_what_the_probabilities_do_not():
    """Logits may be moved row by row."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)), rng.integers(0, 3, 200)
    net = pel.Sequential([pel.nn.Activation("softmax")], seed=0, dtype="float64")
    net.compile(loss="cross_entropy", metrics=["roc_auc"])
    known = metrics.roc_auc(y, net.predict(x))
    for moved in (x, x + rng.normal(size=(200, 1))):
        assert net.evaluate(moved, y)["roc_auc"] == pytest.approx(known)
    assert metrics.roc_auc(y, x) != pytest.approx(known)


@pytest.mark.parametrize(
    ("loss", "low"), [("hinge", -1), ("binary_cross_entropy", 0), ("logistic", -1)]
)
def test_metrics_of_two_sides(loss, low):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=80) > 0, 1, low)
    net = model(loss, 1, "accuracy", "f1", "roc_auc")
    net.fit(x, y, epochs=5, verbose=0, seed=0)
    out = net.predict(x)[:, 0]
    found = net.evaluate(x, y)
    assert found["f1"] == pytest.approx(metrics.f1(y == 1, out > 0))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc(y, out))
    assert found["accuracy"] == pytest.approx(metrics.accuracy(y == 1, out > 0))


def test_two_of_three_classes_are_still_three():
    x, y = np.eye(4), np.array([0, 1, 0, 1])
    net = model("cross_entropy", 3, "f1")
    net.fit(x, y, verbose=0, seed=0)
    chosen = net.predict(x).argmax(axis=1)
    assert net.evaluate(x, y)["f1"] == pytest.approx(metrics.f1(y, chosen, "macro"))


def test_r2_of_a_regression():
    x = np.random.default_rng(1).normal(size=(60, 3))
    net = model("squared", 2, "r2")
    net.fit(x, x[:, :2], epochs=3, verbose=0, seed=0)
    assert net.evaluate(x, x[:, :2])["r2"] == pytest.approx(metrics.r2(x[:, :2], net.predict(x)))


def test_the_gradient_norm_is_that_of_the_objective_before_clipping():
    x = np.random.default_rng(1).normal(size=(20, 3))
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile(optim.SGD(0.0, clip_norm=1e-3), "squared", ["gradient_norm"], nn.L2(0.5))
    history = net.fit(x, x[:, :1], batch_size="all", verbose=0, seed=0)
    w, b = net.get_weights()

    def objective(w, b):
        return np.mean(np.sum((x @ w + b - x[:, :1]) ** 2, 1)) + 0.25 * np.sum(w * w)

    slopes = pel.grad(objective, (0, 1))(w, b)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in slopes))
    assert history.steps["gradient_norm"] == [pytest.approx(norm, rel=1e-12)]
    assert "gradient_norm" not in net.evaluate(x, x[:, :1])


@pytest.mark.parametrize(
    ("names", "loss", "words"),
    [
        (["f1"], "squared", "f1 needs a classification loss, got squared"),
        (["top_5_error"], "cross_entropy", "needs 5 classes or more, got 2"),
        (["top_1_error"], "hinge", "top_1_error needs a loss of classes, got hinge"),
        (["error"], "absolute", "error needs a classification loss"),
        (["auc"], "cross_entropy", "unknown metric 'auc'"),
    ],
)
def test_metrics_that_do_not_fit(names, loss, words):
    labels = {"hinge": np.array([-1, 1])}.get(loss, np.array([0, 1]))
    y = labels if loss in ("cross_entropy", "hinge") else np.ones((2, 2))
    with pytest.raises(ArgumentError, match=words):
        model(loss, 1 if loss == "hinge" else 2, *names).fit(np.ones((2, 3)), y, verbose=0)


def test_a_model_with_metrics_of_all_kinds_is_saved(tmp_path):
    x, y = np.eye(6), np.arange(6)
    net = model("cross_entropy", 6, "top_5_error", "f1", "gradient_norm")
    net.fit(x, y, verbose=0, seed=0)
    net.save(tmp_path / "m.safetensors")
    assert pel.load(tmp_path / "m.safetensors").evaluate(x, y) == net.evaluate(x, y)


@pytest.mark.parametrize("value", [0.1, 1.0, 1e-300, 0.3])
def test_a_constant_has_no_r2_whatever_its_mean_rounds_to(value):
    y = np.full(7, value)
    with pytest.raises(DataError, match=r"y_true must vary.* Use squared_error"):
        metrics.r2(y, np.arange(7.0))
    with pytest.raises(DataError, match="one value for all rows in column 1"):
        metrics.r2(np.stack([np.arange(7.0), y], axis=1), np.zeros((7, 2)))


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_r2_does_not_depend_on_the_unit(scale):
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    known = np.mean([1 - ((y - p) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)])
    assert metrics.r2(y * scale, p * scale) == pytest.approx(known, rel=1e-12)
