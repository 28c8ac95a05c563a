"""Every last layer with every loss and every metric: all doors give the numbers of `predict`.

A pair is refused by `compile`, or `evaluate`, the history, validation and a computation by NumPy
from what `predict` returns agree. `GRID` says which, and nothing of the library decides it here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError
from pellucid.nn import losses
from pellucid.nn.activations import BY_NAME as ACTIVATIONS
from pellucid.nn.losses.contract import contract
from pellucid.train import metrics

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient is 0 almost everywhere")


def own(z: Any) -> Any:
    """A function of a person's own, whose values are probabilities as well."""
    return 0.5 + 0.4 * np.tanh(z)


LAST: list[Any] = [None, *ACTIVATIONS, own]
# One letter a last layer: a as it is, r rewritten to logits, - refused. They are: None, linear,
# relu, sigmoid | tanh, softplus, softmax, sign | step, the two straight-through forms, one's own.
GRID = {
    "squared": "aaaa aaaa aaaa",
    "half_squared": "aaaa aaaa aaaa",
    "absolute": "aaaa aaaa aaaa",
    "huber": "aaaa aaaa aaaa",
    "poisson": "aa-- ---- ---a",
    "gaussian": "aa-- ---- ---a",
    "gaussian_mixture": "aa-- ---- ---a",
    "cross_entropy": "aaa- aara aaaa",
    "probability_cross_entropy": "---- --a- ---a",
    "binary_cross_entropy": "aa-r a--a -a-a",
    "probability_binary_cross_entropy": "---a ---- ---a",
    "logistic": "aa-- a--a -a-a",
    "hinge": "aa-- a--a -a-a",
    "multiclass_hinge": "aaa- aa-a aaaa",
    "perceptron": "aa-- a--a -a-a",
    "hebbian": "aa-- a--a -a-a",
}
CLASSES = ("cross_entropy", "probability_cross_entropy", "multiclass_hinge")
YES = ("binary_cross_entropy", "probability_binary_cross_entropy")
SIDES = ("logistic", "hinge", "perceptron", "hebbian")
OF_VALUES = ("squared_error", "absolute_error", "r2")
OF_LABELS = ("accuracy", "error", "f1")


def worst(y_true: Any, y_pred: Any) -> Any:
    """A metric of a person's own: it gets what predict returns."""
    return np.max(np.abs(y_pred), axis=-1) + 0 * y_pred[:, 0]


METRICS: list[Any] = [*metrics.BY_NAME, "top_2_error", worst]
ROWS = 10
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 3))
LABELS = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 1])
BITS = np.stack([np.arange(ROWS) % 2, np.arange(ROWS) // 2 % 2], axis=1).astype(float)
NUMBERS = RNG.normal(size=(ROWS, 2))
COUNTS = RNG.poisson(2.0, (ROWS, 2)).astype(float)


def targets(loss: str) -> tuple[Any, int]:
    """Targets that a loss takes, and how many outputs they want."""
    if loss in CLASSES:
        return LABELS, 3
    if loss in YES:
        return BITS, 2
    if loss in SIDES:
        return 2 * BITS - 1, 2
    outputs = {"gaussian": 4, "gaussian_mixture": 8}
    return (COUNTS if loss == "poisson" else NUMBERS), outputs.get(loss, 2)


# -- what NumPy says of predictions ----------------------------------------------------------


def softmax(z: Any) -> Any:
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def normal(t: Any, mean: Any, variance: Any) -> Any:
    return np.exp(-((t - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


def branches(p: Any) -> tuple[Any, Any, Any]:
    """Weights, means and variances of two components of two columns."""
    return softmax(p[:, :2]), p[:, 2:6].reshape(-1, 2, 2), 1 / np.log1p(np.exp(p[:, 6:]))


def probabilities(loss: str, last: Any, p: Any) -> Any:
    """The probabilities that predictions stand for."""
    if last in ("softmax", "sigmoid") or loss.startswith("probability"):
        return p
    return softmax(p) if loss in CLASSES else sigmoid(p)


def mean_loss(loss: str, last: Any, t: Any, p: Any) -> float:
    rows: dict[str, Callable[[], Any]] = {
        "squared": lambda: ((p - t) ** 2).sum(1),
        "half_squared": lambda: ((p - t) ** 2).sum(1) / 2,
        "absolute": lambda: abs(p - t).sum(1),
        "huber": lambda: np.where(abs(p - t) < 1, (p - t) ** 2 / 2, abs(p - t) - 0.5).sum(1),
        "poisson": lambda: (np.exp(p) - t * p).sum(1),
        "gaussian": lambda: -np.log(normal(t, p[:, :2], np.log1p(np.exp(p[:, 2:])))).sum(1),
        "gaussian_mixture": lambda: -np.log(mixture(t, *branches(p))),
        "logistic": lambda: np.log(1 + np.exp(-t * p)).sum(1),
        "hinge": lambda: np.maximum(1 - t * p, 0).sum(1),
        "perceptron": lambda: np.maximum(-t * p, 0).sum(1),
        "hebbian": lambda: -(t * p).sum(1),
        "multiclass_hinge": lambda: margins(t, p),
    }
    if loss in rows:
        return float(rows[loss]().mean())
    q = probabilities(loss, last, p)
    if loss in YES:
        return float(-np.where(t == 1, np.log(q), np.log(1 - q)).sum(1).mean())
    return float(-np.log(q[np.arange(len(t)), t]).mean())


def mixture(t: Any, weights: Any, means: Any, variances: Any) -> Any:
    return (weights * normal(t[:, None], means, variances[:, :, None]).prod(2)).sum(1)


def margins(t: Any, p: Any) -> Any:
    rest = np.where(np.arange(3) == t[:, None], -np.inf, p).max(1)
    return np.maximum(1 + rest - p[np.arange(len(t)), t], 0)


def values(loss: str, t: Any, p: Any) -> tuple[Any, Any]:
    """Targets and predictions as values that can be compared."""
    if loss in CLASSES:
        return np.eye(3)[t], p
    if loss == "poisson":
        return t, np.exp(p)
    if loss == "gaussian":
        return t, p[:, :2]
    if loss == "gaussian_mixture":
        weights, means, _ = branches(p)
        return t, (weights[:, :, None] * means).sum(1)
    return t, p


def chosen(loss: str, last: Any, p: Any) -> Any:
    if loss in CLASSES:
        return p.argmax(1)
    return p > (0.5 if loss in YES and probabilities(loss, last, p) is p else 0)


def f1(t: Any, p: Any) -> float:
    hits, all_ = (t & p).sum(0), t.sum(0) + p.sum(0)
    return float(np.mean(2 * hits / np.maximum(all_, 1)))


def auc(t: Any, p: Any) -> float:
    """The share of pairs in order, by counting them."""
    shares = []
    for truth, score in zip(t.T, p.T, strict=True):
        high, low = score[truth][:, None], score[~truth][None]
        shares.append(((high > low) + 0.5 * (high == low)).mean())
    return float(np.mean(shares))


def by_numpy(name: str, loss: str, last: Any, t: Any, p: Any) -> float:
    """A metric of predictions."""
    if name == "worst":
        return float(abs(p).max(1).mean())
    if name in OF_VALUES:
        known, found = values(loss, t, p)
        if name == "r2":
            rest, spread = ((known - found) ** 2).sum(0), ((known - known.mean(0)) ** 2).sum(0)
            return float(np.mean(1 - rest / spread))
        return float(
            np.mean((known - found) ** 2 if name == "squared_error" else abs(known - found))
        )
    pick = chosen(loss, last, p)
    truth = t if loss in CLASSES else t > 0
    if name in ("accuracy", "error"):
        right = (pick == truth).reshape(ROWS, -1).all(1).mean()
        return float(right if name == "accuracy" else 1 - right)
    if name == "top_2_error":
        order = np.argsort(-p, axis=1, kind="stable")[:, :2]
        return float(1 - (order == t[:, None]).any(1).mean())
    if loss in CLASSES:  # one against the rest, the classes that occur
        seen = np.union1d(truth, pick) if name == "f1" else np.arange(3)
        truth, pick = truth[:, None] == seen, pick[:, None] == seen
    if name == "f1":
        return f1(truth, pick)
    return auc(truth, p if loss in SIDES else probabilities(loss, last, p))


# -- the rule ---------------------------------------------------------------------------------


def allowed(name: Any, loss: str, last: Any) -> bool:
    """Whether predictions have this measure, in words that are not the library's."""
    if name in OF_LABELS:
        return loss in CLASSES + YES + SIDES
    if name == "top_2_error":
        return loss in CLASSES
    if name == "roc_auc":
        return loss in CLASSES + YES + SIDES and loss != "multiclass_hinge"
    if name in OF_VALUES:
        scored = loss in SIDES or loss == "multiclass_hinge"
        logits = loss in ("cross_entropy", "binary_cross_entropy") and last not in (
            "softmax",
            "sigmoid",
        )
        return not scored and not logits
    return True


def model(loss: Any, last: Any, units: int, measured: Any) -> pel.Sequential:
    net = pel.Sequential([nn.Dense(units, last, input_shape=(3,))], seed=3, dtype="float64")
    net.compile(optim.SGD(0.0), loss, measured)
    return net


def agree(loss: str, last: Any, backend: str) -> None:
    t, units = targets(loss)
    names = [one for one in METRICS if allowed(one, loss, last)]
    for one in METRICS:
        if one not in names:
            with pytest.raises(
                ArgumentError, match=r"^\[compile\] .* needs? |^\[compile\] .*compares"
            ):
                model(loss, last, units, [one])
    net = model(loss, last, units, names)
    p = net.predict(X, backend=backend)
    spelled = [getattr(one, "__name__", one) for one in names]
    known = {"loss": mean_loss(loss, last, t, p)}
    known |= {one: by_numpy(one, loss, last, t, p) for one in spelled if one != "gradient_norm"}
    found = net.evaluate(X, t, batch_size=4, backend=backend)
    assert list(found) == list(known)
    history = net.fit(
        X, t, batch_size=4, seed=0, verbose=0, validation_data=(X, t), backend=backend
    )
    for name, value in known.items():
        close = pytest.approx(value, rel=1e-6, abs=1e-6)
        assert found[name] == close, name
        assert history.epochs[f"val_{name}"] == [close], name
        if name not in ("f1", "roc_auc", "r2"):
            assert history.epochs[name] == [close], name
    assert ("gradient_norm" in history.epochs) and "gradient_norm" not in found
    if loss in (*CLASSES[:2], *YES):
        np.testing.assert_allclose(
            net.predict_proba(X, backend=backend), probabilities(loss, last, p), rtol=1e-9
        )


PAIRS = [
    pytest.param(loss, last, verdict, id=f"{loss}-{getattr(last, '__name__', last)}")
    for loss, row in GRID.items()
    for last, verdict in zip(LAST, row.replace(" ", ""), strict=True)
]


def test_all_losses_and_all_last_layers_are_here():
    assert set(GRID) == set(losses.BY_NAME)
    assert len(PAIRS) == 12 * 16


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("loss", "last", "verdict"), PAIRS)
def test_every_door_gives_the_numbers_of_predict(loss, last, verdict):
    found = contract(losses.BY_NAME[loss], last)
    assert (found.refusal is not None, found.reads_raw) == (verdict == "-", verdict == "r")
    if verdict == "-":
        with pytest.raises(ArgumentError, match=rf"^\[compile\] {loss} needs .* got a"):
            model(loss, last, targets(loss)[1], [])
        return
    agree(loss, last, "interpreter")


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("cross_entropy", "softmax"),
        ("binary_cross_entropy", "sigmoid"),
        ("hinge", None),
        ("gaussian_mixture", None),
        ("poisson", own),
    ],
)
def test_machine_code_gives_them_too(loss, last):
    agree(loss, last, "native")


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "last", "verdict"), PAIRS)
def test_machine_code_gives_them_for_every_pair(loss, last, verdict):
    if verdict != "-":
        agree(loss, last, "native")


@pytest.mark.parametrize("last", ["softmax", None])
def test_rows_of_probabilities_as_targets(last):
    t = softmax(RNG.normal(size=(ROWS, 3)))
    net = model("cross_entropy", last, 3, ["accuracy", "top_2_error", "f1", "roc_auc", worst])
    p = net.predict(X, backend="interpreter")
    q = p if last else softmax(p)
    found = net.evaluate(X, t, backend="interpreter")
    assert found["loss"] == pytest.approx(-(t * np.log(q)).sum(1).mean())
    for name in list(found)[1:]:
        known = by_numpy(name, "cross_entropy", last, t.argmax(1), p)
        assert found[name] == pytest.approx(known), name


def test_a_loss_of_ones_own_and_its_metrics_see_the_same_output():
    def own_loss(t, y):
        return np.sum((y - t) ** 2, axis=-1)

    def seen(t, y):
        return np.sum(y, axis=-1)

    for last in LAST:
        net = model(own_loss, last, 2, [seen, "squared_error", "r2"])
        p = net.predict(X, backend="interpreter")
        found = net.evaluate(X, NUMBERS, backend="interpreter")
        assert found["loss"] == pytest.approx(((p - NUMBERS) ** 2).sum(1).mean())
        assert found["seen"] == pytest.approx(p.sum(1).mean())
        for name in ("squared_error", "r2"):
            assert found[name] == pytest.approx(by_numpy(name, "squared", last, NUMBERS, p))


ENDS: dict[str, list[Any]] = {
    "Activation": [nn.Dense(3), nn.Activation("softmax")],
    "LowRankDense": [nn.LowRankDense(3, 1, "softmax")],
    "Conv1D": [nn.Reshape((3, 1)), nn.Conv1D(3, 3, activation="softmax"), nn.GlobalMaxPool()],
    "behind": [nn.Dense(3, "softmax"), nn.Rescale(1.0)],
}


@pytest.mark.parametrize("name", ENDS)
def test_softmax_in_other_places(name):
    """Rewritten or not: metrics see what predict returns."""
    net = pel.Sequential(ENDS[name], seed=3, dtype="float64")
    net.compile(optim.SGD(0.0), "cross_entropy", ["accuracy", worst])
    net.build((3,))
    p = net.predict(X, backend="interpreter")
    np.testing.assert_allclose(p.sum(axis=1), 1)
    found = net.evaluate(X, LABELS, backend="interpreter")
    rewritten = name in ("Activation", "LowRankDense")
    q = p if rewritten else softmax(p)
    assert found["loss"] == pytest.approx(-np.log(q[np.arange(ROWS), LABELS]).mean())
    assert found["worst"] == pytest.approx(p.max(1).mean())
    assert found["accuracy"] == pytest.approx((p.argmax(1) == LABELS).mean())
