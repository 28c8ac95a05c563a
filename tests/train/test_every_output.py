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
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.nn import losses
from pellucid.nn.activations import BY_NAME as ACTIVATIONS
from pellucid.nn.losses.contract import contract
from pellucid.train import metrics

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient is 0 almost everywhere")


def own(z: Any) -> Any:
    """A function of a person's own, whose values are probabilities as well."""
    return 0.5 + 0.4 * np.tanh(z)


LAST: list[Any] = [
    *(None, "linear", "relu", "sigmoid", "tanh", "softplus", "softmax", "sign"),
    *("step", "sign_straight_through", "step_straight_through", own),
    *("gelu", "squareplus", "hard_sigmoid", "sparsemax", "log_softmax", "log_sigmoid", "glu"),
]
# One letter a last layer: a as it is, r rewritten to logits, - refused. They are: None, linear,
# relu, sigmoid | tanh, softplus, softmax, sign | step, the two straight-through forms, one's own |
# gelu, squareplus, hard_sigmoid, sparsemax | log_softmax, log_sigmoid, glu.
GRID = {
    # Any number is a value, and has a direction.
    "squared": "aaaa aaaa aaaa aaaa aaa",
    "half_squared": "aaaa aaaa aaaa aaaa aaa",
    "absolute": "aaaa aaaa aaaa aaaa aaa",
    "huber": "aaaa aaaa aaaa aaaa aaa",
    "log_cosh": "aaaa aaaa aaaa aaaa aaa",
    "absolute_percentage": "aaaa aaaa aaaa aaaa aaa",
    "cosine_distance": "aaaa aaaa aaaa aaaa aaa",
    # All that is below 0 is the same to it: what is nowhere above learns nothing.
    "squared_logarithmic": "aaaa aaaa aaaa aaaa --a",
    # A logarithm of a rate, and parts of a density, are any numbers, and have to reach all.
    "poisson": "aa-- ---- ---a ---- ---",
    "gaussian": "aa-- ---- ---a ---- ---",
    "gaussian_mixture": "aa-- ---- ---a ---- ---",
    # A rate is above 0: where it is 0, a count is impossible, and the loss infinite.
    "poisson_rate": "---a -aa- ---a -a-- ---",
    # A softmax of numbers between 0 and 1 is never sure, so these are no logits of classes.
    "cross_entropy": "aaa- aara aaaa aa-- aaa",
    "focal": "aaa- aara aaaa aa-- aaa",
    "generalized_cross_entropy": "aaa- aara aaaa aa-- aaa",
    "kl_divergence": "aaa- aara aaaa aa-- aaa",
    # The rows sum to 1, and no class is impossible.
    "probability_cross_entropy": "---- --a- ---a ---- ---",
    # A sign chooses the label: both have to occur.
    "binary_cross_entropy": "aa-r a--a -a-a a--- --a",
    "binary_focal": "aa-r a--a -a-a a--- --a",
    "tversky": "aa-r a--a -a-a a--- --a",
    "dice": "aa-r a--a -a-a a--- --a",
    # Each number is between 0 and 1, and neither of these two.
    "probability_binary_cross_entropy": "---a ---- ---a ---- ---",
    "logistic": "aa-- a--a -a-a a--- --a",
    "hinge": "aa-- a--a -a-a a--- --a",
    "squared_hinge": "aa-- a--a -a-a a--- --a",
    "perceptron": "aa-- a--a -a-a a--- --a",
    "hebbian": "aa-- a--a -a-a a--- --a",
    # Scores of classes have no scale, so a margin of 1 must not be out of reach.
    "multiclass_hinge": "aaa- aa-a aaaa aa-- aaa",
    # The same, and of rivals it sees those above 0 alone.
    "categorical_hinge": "aaa- aa-a aaaa aa-- --a",
}
# Of every other activation, the one of the grid that has numbers of the same kind.
LIKE = {
    **dict.fromkeys(("leaky_relu", "elu", "selu", "celu", "gelu_tanh", "silu", "mish"), "gelu"),
    **dict.fromkeys(("hard_silu", "hard_tanh", "softsign", "tanh_shrink"), "gelu"),
    **dict.fromkeys(("soft_shrink", "hard_shrink"), "gelu"),
    **{"exponential": "squareplus", "relu6": "relu", "sparse_plus": "relu"},
    "sparse_sigmoid": "hard_sigmoid",
}
# What the numbers of these are, by their formulas.
RANGES: dict[str, Callable[[Any], Any]] = {
    "gelu": lambda y: (y < 0).any() and (y > 0).any(),
    "relu": lambda y: (y >= 0).all() and (y == 0).any() and (y > 1).any(),
    "softplus": lambda y: (y > 0).all() and (y > 1).any(),
    "squareplus": lambda y: (y > 0).all() and (y > 1).any(),
    "sigmoid": lambda y: ((y > 0) & (y < 1)).all(),
    "hard_sigmoid": lambda y: ((y >= 0) & (y <= 1)).all() and (y == 0).any(),
    "softmax": lambda y: (y > 0).all() and np.allclose(y.sum(axis=-1), 1),
    "sparsemax": lambda y: (y >= 0).all() and np.allclose(y.sum(-1), 1) and (y == 0).any(),
    "log_softmax": lambda y: np.allclose(np.exp(y).sum(axis=-1), 1),
    "log_sigmoid": lambda y: (y <= 0).all() and (y < -1).any(),
}
LOGITS_OF_CLASSES = ("cross_entropy", "focal", "generalized_cross_entropy", "kl_divergence")
MARGINS = ("multiclass_hinge", "categorical_hinge")
CLASSES = (*LOGITS_OF_CLASSES, "probability_cross_entropy", *MARGINS)
LOGITS = ("binary_cross_entropy", "binary_focal", "tversky", "dice")
YES = (*LOGITS, "probability_binary_cross_entropy")
SIDES = ("logistic", "hinge", "squared_hinge", "perceptron", "hebbian")
COUNTED = ("poisson", "poisson_rate", "squared_logarithmic")  # targets that are never below 0
OF_VALUES = (
    *("squared_error", "absolute_error", "root_squared_error", "r2", "pearson", "concordance"),
)
OF_LABELS = ("accuracy", "error", "f1", "f_2", "precision", "recall", "mean_iou")
OF_RANKS = ("roc_auc", "average_precision")
IN_BATCHES = ("loss", "accuracy", "error", "squared_error", "absolute_error", "top_2_error")


def worst(y_true: Any, y_pred: Any) -> Any:
    """A metric of a person's own: it gets what predict returns."""
    return np.max(np.abs(y_pred), axis=-1) + 0 * y_pred[:, 0]


METRICS: list[Any] = [*metrics.BY_NAME, "top_2_error", "f_2", worst]
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
    return (COUNTS if loss in COUNTED else NUMBERS), outputs.get(loss, 2)


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
    if last in ("softmax", "sigmoid", "sparsemax", "hard_sigmoid") or loss.startswith("prob"):
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
        "squared_hinge": lambda: (np.maximum(1 - t * p, 0) ** 2).sum(1),
        "categorical_hinge": lambda: margins(t, p, 0.0),
        "log_cosh": lambda: np.log(np.cosh(p - t)).sum(1),
        "absolute_percentage": lambda: 100 * abs((p - t) / t).sum(1),
        "squared_logarithmic": lambda: (np.log((1 + np.maximum(p, 0)) / (1 + t)) ** 2).sum(1),
        "poisson_rate": lambda: rates(t, p).sum(1),
        "cosine_distance": lambda: angles(t, p),
    }
    if loss in rows:
        return float(rows[loss]().mean())
    q = probabilities(loss, last, p)
    if loss in ("tversky", "dice"):
        return float(np.mean(1 - (t * q).sum(1) / ((t + q).sum(1) / 2 + 1e-7)))
    own = np.where(t == 1, q, 1 - q) if loss in YES else q[np.arange(len(t)), t]
    surprise = -np.log(own)
    if loss.endswith("focal"):
        surprise = (1 - own) ** 2 * surprise
    if loss == "generalized_cross_entropy":
        surprise = (1 - own**0.5) / 0.5
    return float(surprise.reshape(len(t), -1).sum(1).mean())


def rates(t: Any, p: Any) -> Any:
    return np.where(t == 0, p, p - t * np.log(p))


def angles(t: Any, p: Any) -> Any:
    lengths = np.linalg.norm(t, axis=1) * np.linalg.norm(p, axis=1)
    return 1 - np.divide((t * p).sum(1), lengths, out=np.zeros(len(t)), where=lengths > 0)


def mixture(t: Any, weights: Any, means: Any, variances: Any) -> Any:
    return (weights * normal(t[:, None], means, variances[:, :, None]).prod(2)).sum(1)


def margins(t: Any, p: Any, least: float = -np.inf) -> Any:
    """Of the class over its best rival, which counts as `least` where it is less."""
    rest = np.where(np.arange(3) == t[:, None], least, np.maximum(p, least)).max(1)
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


def counted(name: str, t: Any, p: Any) -> float:
    """A share of hits, the mean over the columns."""
    hits, alarms, misses = (t & p).sum(0), (~t & p).sum(0), (t & ~p).sum(0)
    above, below = {
        "f1": (2 * hits, 2 * hits + alarms + misses),
        "f_2": (5 * hits, 5 * hits + alarms + 4 * misses),
        "precision": (hits, hits + alarms),
        "recall": (hits, hits + misses),
    }[name]
    return float(np.mean(above / np.maximum(below, 1)))


def mean_iou(t: Any, p: Any, classes: int) -> float:
    sets = [(t == one, p == one) for one in range(classes)]
    return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in sets if (a | b).any()]))


def auc(t: Any, p: Any) -> float:
    """The share of pairs in order, by counting them."""
    shares = []
    for truth, score in zip(t.T, p.T, strict=True):
        high, low = score[truth][:, None], score[~truth][None]
        shares.append(((high > low) + 0.5 * (high == low)).mean())
    return float(np.mean(shares))


def average_precision(t: Any, p: Any) -> float:
    """Σ over rows of the class of the precision where the border is their score, by counting."""
    means = []
    for truth, score in zip(t.T, p.T, strict=True):
        above = score[None] >= score[truth][:, None]
        means.append((above[:, truth].sum(1) / above.sum(1)).mean())
    return float(np.mean(means))


def of_columns(name: str, known: Any, found: Any) -> float:
    """A measure of each column of values, the mean over the columns."""
    apart, other = known - known.mean(0), found - found.mean(0)
    if name == "r2":
        return float(np.mean(1 - ((known - found) ** 2).sum(0) / (apart**2).sum(0)))
    both, spreads = (apart * other).mean(0), ((apart**2).mean(0), (other**2).mean(0))
    if name == "pearson":
        product = np.sqrt(spreads[0] * spreads[1])
        return float(np.mean(np.divide(both, product, out=0 * both, where=product > 0)))
    return float(np.mean(2 * both / (sum(spreads) + (known.mean(0) - found.mean(0)) ** 2)))


def by_numpy(name: str, loss: str, last: Any, t: Any, p: Any) -> float:
    """A metric of predictions."""
    if name == "worst":
        return float(abs(p).max(1).mean())
    if name in OF_VALUES:
        known, found = values(loss, t, p)
        if name in ("r2", "pearson", "concordance"):
            return of_columns(name, known, found)
        apart = abs(known - found)
        if name == "root_squared_error":
            return float(np.sqrt(np.mean(apart**2)))
        return float(np.mean(apart**2 if name == "squared_error" else apart))
    pick = chosen(loss, last, p)
    truth = t if loss in CLASSES else t > 0
    if name in ("accuracy", "error"):
        right = (pick == truth).reshape(ROWS, -1).all(1).mean()
        return float(right if name == "accuracy" else 1 - right)
    if name == "top_2_error":
        order = np.argsort(-p, axis=1, kind="stable")[:, :2]
        return float(1 - (order == t[:, None]).any(1).mean())
    if name == "mean_iou":
        return mean_iou(truth, pick, 3 if loss in CLASSES else 2)
    if loss in CLASSES:  # one against the rest, the classes that occur
        seen = np.arange(3) if name in OF_RANKS else np.union1d(truth, pick)
        truth, pick = truth[:, None] == seen, pick[:, None] == seen
    if name in OF_LABELS:
        return counted(name, truth, pick)
    score = auc if name == "roc_auc" else average_precision
    return score(truth, p if loss in SIDES else probabilities(loss, last, p))


# -- the rule ---------------------------------------------------------------------------------


def allowed(name: Any, loss: str, last: Any) -> bool:
    """Whether predictions have this measure, in words that are not the library's."""
    if name in OF_LABELS:
        return loss in CLASSES + YES + SIDES
    if name == "top_2_error":
        return loss in CLASSES
    if name in OF_RANKS:
        return loss in CLASSES + YES + SIDES and loss not in MARGINS
    if name in OF_VALUES:
        rewritten = ("softmax", "sigmoid")
        logits = loss in LOGITS_OF_CLASSES + LOGITS and last not in rewritten
        return loss not in SIDES + MARGINS and not logits
    return True


def model(loss: Any, last: Any, units: int, measured: Any) -> pel.Sequential:
    width = 2 * units if last == "glu" else units  # which makes one number of two
    net = pel.Sequential([nn.Dense(width, last, input_shape=(3,))], seed=3, dtype="float64")
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
        if name in (*IN_BATCHES, "worst"):
            assert history.epochs[name] == [close], name
    assert ("gradient_norm" in history.epochs) and "gradient_norm" not in found
    if loss in CLASSES + YES and loss not in MARGINS:
        np.testing.assert_allclose(
            net.predict_proba(X, backend=backend), probabilities(loss, last, p), rtol=1e-9
        )


PAIRS = [
    (loss, last, verdict)
    for loss, row in GRID.items()
    for last, verdict in zip(LAST, row.replace(" ", ""), strict=True)
]
TAKEN = [
    pytest.param(loss, last, id=f"{loss}-{getattr(last, '__name__', last)}")
    for loss, last, verdict in PAIRS
    if verdict != "-"
]


def test_all_losses_and_all_last_layers_are_here():
    assert set(GRID) == set(losses.BY_NAME)
    assert len(PAIRS) == 19 * 29
    assert {*LAST[1:], *LIKE} == {*ACTIVATIONS, own}


def test_numbers_of_every_activation_are_of_the_kind_that_the_grid_takes_them_for():
    z = np.random.default_rng(0).normal(0, 3, (200, 4))
    for name, holds in RANGES.items():
        for one in (name, *(other for other, like in LIKE.items() if like == name)):
            assert holds(ACTIVATIONS[one](pel.Tensor(z)).numpy()), one


def test_compile_decides_by_the_range_of_every_activation():
    """Not one of the grid's alone: each of them with each loss."""
    for loss, row in GRID.items():
        verdicts = dict(zip(LAST, row.replace(" ", ""), strict=True))
        for last in (*LAST, *LIKE):
            verdict = verdicts[LIKE.get(last, last)]
            found = contract(losses.BY_NAME[loss], last)
            assert (found.refusal is not None, found.reads_raw) == (
                verdict == "-",
                verdict == "r",
            ), (loss, last)
            if verdict == "-":
                with pytest.raises(ArgumentError, match=rf"^\[compile\] {loss} needs .* got a"):
                    model(loss, last, 2, [])
            else:
                model(loss, last, 2, [])


@pytest.mark.one_in(6)
@pytest.mark.parametrize(("loss", "last"), TAKEN)
def test_every_door_gives_the_numbers_of_predict(loss, last):
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
@pytest.mark.parametrize(("loss", "last"), TAKEN)
def test_machine_code_gives_them_for_every_pair(loss, last):
    agree(loss, last, "native")


def by_borders(kind: str, asked: float, truth: Any, score: Any) -> float:
    """The best of one rate over all borders at which the other is high enough."""
    found = [0.0]
    for border in (*score, np.inf):
        taken = score >= border
        hits, alarms = (taken & truth).sum(), (taken & ~truth).sum()
        of_rows = {
            "recall": hits / truth.sum(),
            "precision": hits / taken.sum() if taken.any() else 1.0,
            "specificity": 1 - alarms / (~truth).sum(),
        }
        of_rows["sensitivity"] = of_rows["recall"]
        wanted, given = kind.split("_at_")
        if of_rows[given] >= asked:
            found.append(of_rows[wanted])
    return float(max(found))


RATES = (
    *("sensitivity_at_specificity", "specificity_at_sensitivity"),
    *("precision_at_recall", "recall_at_precision"),
)


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        *(("binary_cross_entropy", None), ("binary_focal", "sigmoid"), ("dice", "gelu")),
        *(("probability_binary_cross_entropy", own), ("squared_hinge", "softsign")),
        *(("focal", None), ("kl_divergence", "softmax"), ("cross_entropy", "log_softmax")),
    ],
)
def test_one_rate_at_another(loss, last):
    """Of one output, or of the second of two classes, by its probability."""
    truth = BITS[:, 0] > 0
    t = truth.astype(int) if loss in CLASSES else (2 * truth - 1 if loss in SIDES else truth + 0.0)
    named = {
        kind.replace("_at_", f"_at_{asked}_"): (kind, asked)
        for kind in RATES
        for asked in (0.3, 0.8, 1)
    }
    net = model(loss, last, 2 if loss in CLASSES else 1, list(named))
    p = net.predict(X, backend="interpreter")
    score = probabilities(loss, last, p)[:, 1] if loss in CLASSES else p[:, 0]
    found = net.evaluate(X, t, batch_size=4, backend="interpreter")
    history = net.fit(X, t, seed=0, verbose=0, validation_data=(X, t), backend="interpreter")
    for name, (kind, asked) in named.items():
        wanted = pytest.approx(by_borders(kind, asked, truth, score))
        assert found[name] == wanted, name
        assert history.epochs[f"val_{name}"] == [wanted], name


@pytest.mark.parametrize(("loss", "units"), [("cross_entropy", 3), ("binary_cross_entropy", 2)])
def test_one_rate_at_another_is_of_one_output_or_two_classes(loss, units):
    """Labels of two among three classes would be ranked by the scores of another class."""
    net = model(loss, None, units, ["precision_at_0.5_recall"])
    t = np.array([1, 2] * 5) if loss in CLASSES else BITS
    for call in (net.evaluate, lambda x, y: net.fit(x, y, verbose=0, validation_data=(x, y))):
        with pytest.raises(ShapeError, match="one output, or two classes, got") as caught:
            call(X, t)
        assert "pel.metrics.precision_at_recall(y == 1" in str(caught.value)


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
