"""Metrics through the door: over the batches of an epoch, alone, of one's own, in files.

All numbers are computed here, by loops; benchmarks/keras_layers.py compares with Keras itself.
"""

import itertools

import numpy as np
import pytest

from pellucid import keras
from pellucid.keras import metrics, ops

RNG = np.random.default_rng(1)
X = RNG.normal(size=(100, 4)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=100) > 0).astype("float32")
WEIGHTS = RNG.random(100)
LABELS, P = RNG.integers(0, 4, 60), RNG.dirichlet(np.ones(4), 60)
ROWS = np.eye(4)[LABELS]


def table(true, said, border, weights=None):
    """Hits, false alarms, misses and right refusals of flat arrays."""
    true, said = np.ravel(true) > 0, np.ravel(said) > border
    weights = np.ones(len(true)) if weights is None else np.ravel(weights)
    pairs = ((true, said), (~true, said), (true, ~said), (~true, ~said))
    return [float((weights * (one & other)).sum()) for one, other in pairs]


def area(true, said, weights=None, count=200):
    """Below the ROC curve, by the trapezoids between thresholds."""
    borders = [-1e-7, *(n / (count - 1) for n in range(1, count - 1)), 1 + 1e-7]
    points = []
    for border in borders:
        tp, fp, fn, tn = table(true, said, border, weights)
        points.append((fp / (fp + tn), tp / (tp + fn)))
    pairs = itertools.pairwise(points)
    return sum((one[0] - two[0]) * (one[1] + two[1]) / 2 for one, two in pairs)


def model(**options):
    keras.utils.clear_session()
    made = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    made.set_weights([np.array([[0.3], [-0.4], [0.2], [0.1]]), np.zeros(1)])
    made.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", **options)
    return made


class Hits(metrics.Metric):
    """As the guide of keras.io has it."""

    def __init__(self, name="hits", **more):
        super().__init__(name=name, **more)
        self.total = self.add_weight(shape=(), initializer="zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = ops.logical_and(ops.cast(y_true, "bool"), ops.reshape(y_pred, (-1,)) > 0.5)
        self.total.assign(self.total + ops.sum(ops.cast(right, self.dtype)))

    def result(self):
        return self.total


class Turned(metrics.AUC):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(1 - y_true, 1 - y_pred, sample_weight)


class OfBatches(metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(ops.max(y_pred))


def outputs_of_steps(size):
    """What the network says of each batch before the step on it, over one epoch."""
    other, said = model(), []
    for start in range(0, len(X), size):
        said.append(other.predict(X[start : start + size], verbose=0)[:, 0])
        other.train_on_batch(X[start : start + size], Y[start : start + size])
    return said


def test_an_epoch_counts_over_its_batches_and_names_are_those_of_keras():
    keras.utils.clear_session()  # names count from the start
    several = [
        "accuracy", metrics.Precision(), metrics.Precision(thresholds=0.3), metrics.AUC(),
        metrics.TruePositives(), "mse", "mse", Hits(), Turned(name="turned"), OfBatches("top"),
    ]  # fmt: skip
    trained = model(metrics=several, weighted_metrics=["mse", metrics.Recall()])
    options = {"batch_size": 30, "shuffle": False, "verbose": 0}
    found = trained.fit(X, Y, epochs=1, validation_data=(X, Y), **options).history
    parts = outputs_of_steps(30)
    said = np.concatenate(parts)
    tp, fp, fn, _ = table(Y, said, 0.5)
    low = table(Y, said, 0.3)
    wanted = {
        "accuracy": np.mean((said > 0.5) == Y), "precision": tp / (tp + fp),
        "precision_1": low[0] / (low[0] + low[1]), "auc": area(Y, said), "true_positives": tp,
        "mse": np.mean((said - Y) ** 2), "mse_1": np.mean((said - Y) ** 2), "hits": tp,
        "turned": area(1 - Y, 1 - said), "top": np.mean([one.max() for one in parts]),
        "weighted_mse": np.mean((said - Y) ** 2), "recall": tp / (tp + fn),
    }  # fmt: skip
    assert set(found) == {"loss", *wanted} | {f"val_{one}" for one in ("loss", *wanted)}
    for name, value in wanted.items():
        assert found[name][0] == pytest.approx(value, abs=2e-6), name
    said = trained.predict(X, verbose=0)[:, 0]
    assert found["val_auc"][0] == pytest.approx(area(Y, said), abs=2e-6)
    tops = [said[n : n + 30].max() for n in range(0, 100, 30)]
    assert found["val_top"][0] == pytest.approx(np.mean(tops), abs=2e-6)


def test_weights_of_rows_count_in_weighted_metrics_alone():
    trained = model(
        metrics=["accuracy"], weighted_metrics=["accuracy", metrics.AUC(), metrics.Precision()]
    )
    found = trained.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    said = trained.predict(X, verbose=0)[:, 0]
    right = (said > 0.5) == Y
    tp, fp, _, _ = table(Y, said, 0.5, WEIGHTS)
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["weighted_accuracy"] == pytest.approx((right * WEIGHTS).sum() / WEIGHTS.sum())
    assert found["precision"] == pytest.approx(tp / (tp + fp))
    assert found["auc"] == pytest.approx(area(Y, said, WEIGHTS), abs=1e-6)


def test_metrics_come_back_from_a_file(tmp_path):
    keras.utils.clear_session()
    trained = model(metrics=[metrics.AUC(), metrics.AUC(), Hits(), metrics.RootMeanSquaredError()])
    trained.fit(X, Y, epochs=1, verbose=0)
    trained.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    found, wanted = (m.evaluate(X, Y, verbose=0, return_dict=True) for m in (loaded, trained))
    assert found == pytest.approx(wanted)
    assert set(found) == {"loss", "auc", "auc_1", "hits", "root_mean_squared_error"}
    assert set(loaded.fit(X, Y, verbose=0).history) == set(found)


def best_of(p, k):
    """Outputs among the k largest of their row, the others as -1."""
    rank = np.argsort(np.argsort(-p, axis=1, kind="stable"), axis=1)
    return np.where(rank < k, p, -1.0)


def rates(class_id, top=None):
    p = P if top is None else best_of(P, top)
    tp, fp, fn, _ = table(ROWS[:, class_id], p[:, class_id], 0.5 if top is None else -0.5)
    return tp / (tp + fp), tp / (tp + fn)


def overlaps(classes):
    one, chosen = LABELS, P.argmax(axis=1)
    found = [
        np.sum(true & said) / np.sum(true | said)
        for true, said in ((one == c, chosen == c) for c in classes)
    ]
    return np.mean(found)


def f_scores(beta):
    chosen = np.eye(4)[P.argmax(axis=1)]
    found = []
    for c in range(4):
        tp, fp, fn, _ = table(ROWS[:, c], chosen[:, c], 0.5)
        found.append((1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp))
    return np.array(found)


def at(reached, asked, value):
    """The best of one rate where another is high enough: rates are functions of four counts."""
    counts = [table(ROWS[:, 0], P[:, 0], n / 199) for n in range(200)]
    return max([value(*c) for c in counts if reached(*c) >= asked], default=0.0)


def recall(tp, fp, fn, tn):
    return tp / (tp + fn)


def specificity(tp, fp, fn, tn):
    return tn / (tn + fp)


def precision(tp, fp, fn, tn):
    return tp / (tp + fp) if tp else 0.0


CASES = {
    "top_k": (metrics.Precision(top_k=2, class_id=1), lambda: rates(1, 2)[0]),
    "recall of a class": (metrics.Recall(class_id=2), lambda: rates(2)[1]),
    "borders": (
        metrics.TrueNegatives(thresholds=[0.2, 0.4]),
        lambda: [table(ROWS, P, 0.2)[3], table(ROWS, P, 0.4)[3]],
    ),
    "labels": (
        metrics.AUC(multi_label=True, label_weights=[1, 2, 3, 4]),
        lambda: np.average([area(ROWS[:, c], P[:, c]) for c in range(4)], weights=[1, 2, 3, 4]),
    ),
    "few borders": (metrics.AUC(num_thresholds=5), lambda: area(ROWS, P, count=5)),
    "overlap": (metrics.OneHotIoU(4, [1, 3]), lambda: overlaps([1, 3])),
    "all overlaps": (metrics.OneHotMeanIoU(4), lambda: overlaps(range(4))),
    "f": (metrics.FBetaScore(beta=2.0), lambda: f_scores(2)),
    "mean f": (metrics.F1Score("macro"), lambda: f_scores(1).mean()),
    "weighted f": (
        metrics.F1Score("weighted"), lambda: np.average(f_scores(1), weights=ROWS.sum(axis=0))
    ),
    "r2": (
        metrics.R2Score(),
        lambda: np.mean(1 - ((ROWS - P) ** 2).sum(0) / ((ROWS - ROWS.mean(0)) ** 2).sum(0)),
    ),
    "sensitivity": (
        metrics.SensitivityAtSpecificity(0.7, class_id=0), lambda: at(specificity, 0.7, recall)
    ),
    "specificity": (
        metrics.SpecificityAtSensitivity(0.7, class_id=0), lambda: at(recall, 0.7, specificity)
    ),
    "precision": (
        metrics.PrecisionAtRecall(0.6, class_id=0), lambda: at(recall, 0.6, precision)
    ),
    "recall": (metrics.RecallAtPrecision(0.3, class_id=0), lambda: at(precision, 0.3, recall)),
    "correlation": (
        metrics.PearsonCorrelation(),
        lambda: np.mean([np.corrcoef(t, p)[0, 1] for t, p in zip(ROWS, P, strict=True)]),
    ),
    "equal": (metrics.Accuracy(), lambda: np.mean(ROWS == P)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_metrics_alone(name):
    metric, wanted = CASES[name]
    metric.reset_state()
    metric.update_state(ROWS[:25], P[:25])
    metric.update_state(ROWS[25:], P[25:])
    np.testing.assert_allclose(metric.result(), wanted(), atol=1e-6)
    metric.reset_state()
    assert np.all(np.nan_to_num(np.asarray(metric.result())) == 0)
    if name not in ("correlation", "equal", "r2"):
        half = np.repeat([1.0, 0.0], 30)
        weighted = metric(ROWS, P, sample_weight=half)
        metric.reset_state()
        np.testing.assert_allclose(weighted, metric(ROWS[:30], P[:30]), atol=1e-6)


def test_means_and_sums_of_values():
    mean, total = metrics.Mean(), metrics.Sum()
    mean.update_state([1.0, 3.0, 8.0])
    mean.update_state([[1.0, 3.0], [2.0, 6.0]], sample_weight=[1.0, 0.5])
    assert mean.result() == pytest.approx((12 + 2 + 2) / (3 + 1.5))
    assert total([[1.0, 3.0], [2.0, 6.0]], sample_weight=[1.0, 0.5]) == pytest.approx(8)
    assert [one.name for one in mean.variables] == ["total", "count"]
    wrapped = metrics.MeanMetricWrapper(lambda t, p: ops.abs(t - p))
    assert wrapped(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == pytest.approx(1.5)
