"""Losses, objectives and error rates."""

import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(6, 4)) * 2
LABELS = np.array([0, 3, 1, 1, 2, 0])
X = RNG.normal(size=(80, 3))
CLASSES = np.argmax(X @ RNG.normal(size=(3, 4)) + RNG.normal(size=(80, 4)), axis=1)


def rows(loss, target, output):
    return pel.jit(loss.per_row)(np.asarray(target), output)


def slope(loss, target, output):
    target = np.asarray(target)
    return pel.grad(lambda y: np.sum(loss.per_row(pel.Tensor(target), y)))(output)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def classifier(seed=0, **options):
    model = pel.Sequential([nn.Dense(4)], seed=seed, dtype="float64")
    model.compile(**{"optimizer": optim.SGD(0.5), "loss": "cross_entropy", **options})
    model.build((3,))
    return model


@pytest.mark.lecture("T1.E1")
def test_the_squared_error_in_both_scalings():
    """The squared error is (y - f)² with gradient -2(y - f), or half of both."""
    t = Y[::-1].copy()
    whole, half = nn.losses.loss("squared"), nn.losses.loss("half_squared")
    np.testing.assert_allclose(rows(whole, t, Y), ((t - Y) ** 2).sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(rows(half, t, Y), ((t - Y) ** 2).sum(axis=1) / 2, rtol=1e-14)
    np.testing.assert_allclose(slope(whole, t, Y), -2 * (t - Y), rtol=1e-14)
    np.testing.assert_allclose(slope(half, t, Y), Y - t, rtol=1e-14)
    # Nobody gets one of them under a name that leaves the factor open.
    for name in ("mse", "mean_squared_error", "square", "l2"):
        with pytest.raises(pel.ArgumentError, match="unknown loss"):
            nn.losses.loss(name)
    # The metric of that name has no half in it, whichever of the two is trained.
    for name, factor in (("squared", 1), ("half_squared", 0.5)):
        model = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
        model.compile(optim.SGD(0.1), name, metrics=["squared_error"])
        measured = model.evaluate(X, X[:, 0])
        error = np.mean((model.predict(X)[:, 0] - X[:, 0]) ** 2)
        assert measured["squared_error"] == pytest.approx(error, rel=1e-12)
        assert measured["loss"] == pytest.approx(factor * error, rel=1e-12)


@pytest.mark.lecture("T1.E2")
def test_the_binary_cross_entropy_from_logits():
    """The binary cross-entropy of a logit y is -(t ln σ(y) + (1 - t) ln(1 - σ(y)))."""
    y = np.array([-5.0, -1.0, 0.0, 0.5, 4.0])[:, None]
    s = 1 / (1 + np.exp(-y))
    loss = nn.BinaryCrossEntropy()
    for t in (np.ones((5, 1)), np.zeros((5, 1)), np.full((5, 1), 0.25)):
        known = -(t * np.log(s) + (1 - t) * np.log(1 - s))
        np.testing.assert_allclose(rows(loss, t, y), known[:, 0], rtol=1e-12)
        np.testing.assert_allclose(slope(loss, t, y), s - t, rtol=1e-12)
        curved = pel.hessian(lambda y, t=t: np.sum(loss.per_row(pel.Tensor(t), y)))(y)
        np.testing.assert_allclose(curved.reshape(5, 5), np.diag((s * (1 - s))[:, 0]), rtol=1e-12)
    # Stable on both sides: where the label is right, what is left is e^-|y|.
    far = np.array([[-1000.0], [1000.0], [40.0], [-40.0], [1000.0]])
    t = np.array([[0.0], [1.0], [1.0], [0.0], [0.0]])
    np.testing.assert_allclose(
        rows(loss, t, far), [0, 0, np.exp(-40), np.exp(-40), 1000], rtol=1e-14
    )
    # The first step from weights of 0 is the step of logistic regression.
    model = pel.Sequential([nn.Dense(1, kernel_initializer="zeros")], seed=0, dtype="float64")
    model.compile(optim.SGD(1.0), "binary_cross_entropy")
    label = (CLASSES > 1).astype(float)
    model.fit(X, label, batch_size=80, verbose=0, seed=0)
    w, b = model.get_weights()
    np.testing.assert_allclose(w[:, 0], (label - 0.5) @ X / 80, rtol=1e-11)
    np.testing.assert_allclose(b, (label - 0.5).mean(), rtol=1e-11)


@pytest.mark.lecture("T1.E3")
def test_the_gradient_of_the_binary_cross_entropy_in_two_steps_and_in_one():
    """For a probability p, dL/dp = -t/p + (1 - t)/(1 - p); grouped with the sigmoid it is p - t."""
    z, t = Y, (Y[::-1] > 0).astype(float)
    p = 1 / (1 + np.exp(-z))
    loss = nn.ProbabilityBinaryCrossEntropy()
    known = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(rows(loss, t, p), known.sum(axis=1), rtol=1e-12)
    by_p = slope(loss, t, p)
    np.testing.assert_allclose(by_p, -t / p + (1 - t) / (1 - p), rtol=1e-12)
    np.testing.assert_allclose(by_p * p * (1 - p), p - t, rtol=1e-12)
    np.testing.assert_allclose(slope(nn.BinaryCrossEntropy(), t, z), p - t, rtol=1e-12)


@pytest.mark.lecture("T1.E4")
def test_the_logistic_loss_is_the_cross_entropy_with_other_labels():
    """The logistic loss log(1 + e^(-yf)), y in {-1, 1}, is the binary cross-entropy for {0, 1}."""
    sign = np.sign(Y[::-1]).copy()
    logistic = rows(nn.Logistic(), sign, Y)
    np.testing.assert_allclose(logistic, np.log(1 + np.exp(-sign * Y)).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        logistic, rows(nn.BinaryCrossEntropy(), (sign + 1) / 2, Y), rtol=1e-13
    )
    # The same model from either pair of labels.
    ends = []
    for loss, labels in (("logistic", [-1, 1]), ("binary_cross_entropy", [0, 1])):
        model = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
        model.compile(optim.SGD(0.5), loss)
        model.fit(X, np.array(labels)[(CLASSES > 1).astype(int)], epochs=3, seed=0, verbose=0)
        ends.append(model.get_weights()[0])
    np.testing.assert_allclose(*ends, rtol=1e-11)


@pytest.mark.lecture("T1.E5")
def test_the_hinge_loss():
    """The hinge loss is [1 - ty]₊ for labels t in {-1, 1}."""
    y = np.array([[-1.0], [0.0], [0.5], [1.0], [2.0]])
    hinge = nn.Hinge()
    for t in (1.0, -1.0):
        labels = np.full((5, 1), t)
        np.testing.assert_array_equal(rows(hinge, labels, t * y), [2, 1, 0.5, 0, 0])
        wanted = -t * np.array([[1], [1], [1], [0], [0]])
        np.testing.assert_array_equal(slope(hinge, labels, t * y), wanted)
    # Labels 0 and 1 are an error, which says what to write.
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile(optim.SGD(0.1), "hinge", metrics=["accuracy"])
    label = (CLASSES > 1).astype(int)
    with pytest.raises(pel.DataError, match=r"labels must be -1 or 1, got 0.*2\*y - 1"):
        model.fit(X, label, verbose=0)
    model.fit(X, 2 * label - 1, batch_size=80, epochs=100, verbose=0, seed=0)
    assert model.evaluate(X, 2 * label - 1)["accuracy"] > 0.75


@pytest.mark.lecture("T1.E6")
@pytest.mark.lecture("T1.E7")
def test_the_cross_entropy_from_logits_and_by_indicators():
    """-Σ I(t=k) ln softmax_k is -z_t + ln Σ e^{z_j}, whose gradient is -I{t=j} + softmax_j."""
    indicator = np.eye(4)[LABELS]
    by_indicators = -(indicator * np.log(softmax(Y))).sum(axis=1)
    by_logits = -Y[np.arange(6), LABELS] + np.log(np.exp(Y).sum(axis=1))
    np.testing.assert_allclose(by_logits, by_indicators, rtol=1e-13)
    loss = nn.CrossEntropy()
    for target in (LABELS, indicator):
        np.testing.assert_allclose(rows(loss, target, Y), by_logits, rtol=1e-13)
        np.testing.assert_allclose(slope(loss, target, Y), softmax(Y) - indicator, rtol=1e-12)

    def written_out(z):
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return -np.sum(indicator * np.log(p))

    np.testing.assert_allclose(pel.grad(written_out)(Y), softmax(Y) - indicator, rtol=1e-11)


@pytest.mark.lecture("T1.E8")
def test_the_negative_log_likelihood():
    """The loss of any model p(y; X, θ) is -log p: minimising it is maximising the likelihood."""

    def log_poisson(t, y):
        return np.sum(t * y - np.exp(y), axis=-1)

    counts = np.floor(np.exp(X[:, 0] * 0.5 + 1))
    model = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    model.compile(optim.SGD(0.05), nn.NegativeLogLikelihood(log_poisson))
    history = model.fit(X, counts, batch_size=80, epochs=2000, seed=0, verbose=0)
    rate = np.exp(model.predict(X)[:, 0])
    likelihood = np.mean(counts * np.log(rate) - rate)
    assert model.evaluate(X, counts)["loss"] == pytest.approx(-likelihood, rel=1e-12)
    # At the maximum of the likelihood its gradient Σ (t - rate) x is 0.
    np.testing.assert_allclose((counts - rate) @ X / 80, 0, atol=1e-8)
    assert sorted(history.steps["loss"], reverse=True)[:9] == history.steps["loss"][:9]


class Cauchy(nn.Regularizer):
    """λ Σ ln(1 + w²)."""

    def __init__(self, strength):
        self.strength, self.biases = strength, False

    def penalty(self, strength, weight):
        return np.sum(np.log(1 + weight**2)) * strength


@pytest.mark.slow
@pytest.mark.lecture("T1.E9")
def test_any_differentiable_objective_with_a_regularizer():
    """Any differentiable objective will do: a loss plus a regularizer, E(w) = Σ L + λ Ω(w)."""

    def log_cosh(y_true, y_pred):
        return np.sum(np.log(np.cosh(y_pred - y_true)), axis=-1)

    t, n, rate = X[:, 0] ** 2, len(X), 0.1
    omegas = [
        (nn.L2(0.3), lambda w: 0.3 * w, lambda w: 0.15 * np.sum(w**2)),
        (Cauchy(0.3), lambda w: 0.6 * w / (1 + w**2), lambda w: 0.3 * np.sum(np.log(1 + w**2))),
    ]
    for regularizer, gradient, value in omegas:
        model = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
        model.compile(optim.SGD(rate), log_cosh, regularizer=regularizer)
        error = model.predict(X) - t[:, None]
        w, b = model.get_weights()
        # The lecture's E is a sum, ours a mean: N times ours with λ/N for λ is the lecture's.
        total = np.sum(np.log(np.cosh(error))) + n * value(w)
        assert n * model.evaluate(X, t)["loss"] == pytest.approx(total, rel=1e-12)
        operations = {node.op for node in model.training_graph(X, t).nodes}
        assert "exp" in operations or "cosh" in operations, "the loss is part of the graph"
        model.fit(X, t, batch_size=n, verbose=0, seed=0)
        moved = w - rate * (X.T @ np.tanh(error) / n + gradient(w))
        np.testing.assert_allclose(model.get_weights()[0], moved, rtol=1e-10)
        np.testing.assert_allclose(model.get_weights()[1], b - rate * np.tanh(error).mean(0))


@pytest.mark.lecture("T1.E10")
def test_the_mean_objective_keeps_the_rate_from_depending_on_the_batch():
    """The objective is a mean, J = 1/n Σ L, so that one learning rate serves every batch size."""
    model = classifier()
    start = model.get_weights()
    ends = []
    for times in (1, 4, 16):  # the same points several times in a batch: the same mean
        model.set_weights(start)
        x, y = np.tile(X, (times, 1)), np.tile(CLASSES, times)
        model.fit(x, y, batch_size=80 * times, epochs=5, seed=0, verbose=0)
        ends.append(model.get_weights())
    for one, other in itertools.pairwise(ends):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
    assert abs(ends[0][0] - start[0]).max() > 0.1

    # J is the mean over minibatches of equal size of their J, and its gradient likewise.
    full = classifier(optimizer=optim.SGD(1.0))
    full.fit(X, CLASSES, batch_size=80, verbose=0, seed=0)
    step = full.get_weights()[0] - start[0]
    parts = []
    for begin in range(0, 80, 20):
        part = classifier(optimizer=optim.SGD(1.0))
        part.fit(X[begin : begin + 20], CLASSES[begin : begin + 20], batch_size=20, verbose=0)
        parts.append(part.get_weights()[0] - start[0])
    np.testing.assert_allclose(np.mean(parts, axis=0), step, rtol=1e-10, atol=1e-14)

    reached = []
    for size in (5, 20, 80):  # 400 steps each
        model = classifier()
        model.fit(X, CLASSES, batch_size=size, epochs=5 * size, seed=0, verbose=0)
        reached.append(model.evaluate(X, CLASSES)["loss"])
    assert max(reached) < 1.1 * min(reached) < 0.9 * classifier().evaluate(X, CLASSES)["loss"]


@pytest.mark.lecture("T1.E11")
def test_the_error_rate_of_minibatches_and_of_validation_data():
    """The misclassification rate is measured on every minibatch and on the validation data."""
    validation = X[60:], CLASSES[60:]
    options = {
        "batch_size": 20,
        "epochs": 4,
        "validation_data": validation,
        "validate_every": 2,
        "seed": 0,
        "verbose": 0,
    }
    # With rate 0 the weights stay: what is measured can be counted by hand.
    model = classifier(optimizer=optim.SGD(0.0), metrics=["accuracy"])
    history = model.fit(X[:60], CLASSES[:60], **options)
    wrong = model.predict(X).argmax(axis=1) != CLASSES
    assert 0 < wrong[60:].sum() < 20
    assert history.steps["step"] == list(range(1, 13))
    errors = 20 * (1 - np.array(history.steps["accuracy"]))
    np.testing.assert_allclose(errors, errors.round(), atol=1e-9)
    np.testing.assert_allclose(errors.reshape(4, 3).sum(axis=1), wrong[:60].sum(), atol=1e-9)
    np.testing.assert_allclose(1 - np.array(history.epochs["accuracy"]), wrong[:60].mean())
    assert history.validation["step"] == [2, 3, 4, 6, 8, 9, 10, 12]
    np.testing.assert_allclose(1 - np.array(history.validation["val_accuracy"]), wrong[60:].mean())

    # Where the weights move, the last measure is that of the last weights.
    model = classifier(metrics=["accuracy"])
    history = model.fit(X[:60], CLASSES[:60], **options)
    wrong = model.predict(validation[0]).argmax(axis=1) != validation[1]
    assert 1 - history.validation["val_accuracy"][-1] == pytest.approx(wrong.mean())
    assert 1 - history.epochs["val_accuracy"][-1] == pytest.approx(wrong.mean())
    assert len(set(history.steps["accuracy"])) > 2
