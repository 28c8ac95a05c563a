"""Metrics by name and by function: names that are unique, data that have no value, files."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.nn import losses
from pellucid.nn.losses.contract import contract
from pellucid.train import metrics

X = np.arange(8.0).reshape(-1, 1)
Y = np.ones(8)


def constant(value: float) -> Any:
    def named(t, y):
        return 0 * y[:, 0] + value

    return named


def rows_of(name: str, value: float) -> Any:
    function = constant(value)
    function.__name__ = name
    return function


def model(measured: Any, loss: Any = "squared", last: Any = None, units: int = 1) -> pel.Sequential:
    """A model that returns 0 for every row: the loss of each is 1 under "squared"."""
    net = pel.Sequential([nn.Dense(units, last, kernel_initializer="zeros")], seed=0)
    net.compile(optim.SGD(0.0), loss, measured)
    return net


def fitted(net: pel.Sequential, x: Any = X, y: Any = Y, **options: Any) -> Any:
    return net.fit(
        x, y, **{"batch_size": 3, "seed": 0, "verbose": 0, "backend": "interpreter", **options}
    )


def test_every_measure_keeps_its_own_numbers():
    """F3: of any number of metrics none takes the place of another, or of the loss."""
    given = [rows_of("a", 3.0), "squared_error", pel.Metric("b", constant(5.0)), rows_of("c", 7.0)]
    net = model(given)
    known = {"loss": 1.0, "a": 3.0, "squared_error": 1.0, "b": 5.0, "c": 7.0}
    history = fitted(net, validation_data=(X, Y), validate_every=1)
    for table, prefix in ((history.epochs, ""), (history.epochs, "val_"), (history.steps, "")):
        for name, value in known.items():
            assert set(table[prefix + name]) == {value}, name
    assert net.evaluate(X, Y, backend="interpreter") == known


def test_a_name_that_a_history_uses_is_refused():
    """The rule is taken from a run: what it keeps beside the metrics is no name of a metric."""
    net = model([])
    history = fitted(net, validation_data=(X, Y), validate_every=1)

    class Stop(pel.Callback):
        def on_step(self, run):
            run.stop = True

    fitted(net, callbacks=[Stop()])  # within an epoch: its sums are kept
    taken = {*history.epochs, *history.steps, *history.validation, *net.training["sums"]}
    assert taken >= {"loss", "rows", "step", "val_loss"}
    for name in (*taken, "gradient_norm", "epoch", "val_accuracy"):
        for one in (rows_of(name, 7.0), pel.Metric(name, constant(7.0))):
            with pytest.raises(ArgumentError, match=f"a name of its own, got '{name}'"):
                model([one])


@pytest.mark.parametrize(
    "given",
    [
        [lambda t, y: y[:, 0], lambda t, y: t[:, 0]],
        [rows_of("worst", 1.0), rows_of("worst", 2.0)],
        [rows_of("r2", 1.0), "r2"],
        ["r2", rows_of("r2", 1.0)],
        [pel.Metric("late", constant(1.0)), pel.Metric("late", constant(2.0))],
    ],
    ids=["lambdas", "functions", "a built-in", "after a built-in", "metrics"],
)
def test_two_metrics_of_one_name_are_refused_and_the_advice_works(given):
    with pytest.raises(
        ArgumentError, match=r"names of metrics must differ, got '.*' twice"
    ) as caught:
        model(given)
    code = caught.value.fix.split("metrics=")[1].rstrip(".").replace("…, ", "given[0], ")
    function = next(one for one in reversed(given) if not isinstance(one, str))
    function = getattr(function, "function", function)
    scope = {"pel": pel, "given": ["squared_error"], "function": function}
    assert len(model(eval(code, scope)).metrics) == 2


def test_the_same_built_in_metric_twice_is_refused():
    for name in ("squared_error", "gradient_norm"):
        with pytest.raises(ArgumentError, match=f"got '{name}' twice.* Leave one of them out"):
            model([name, name])


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\ud800", "a\0", 3, None, b"a", ["a"]])
def test_a_name_is_printable_text(name):
    with pytest.raises(ArgumentError, match="name must be printable text"):
        pel.Metric(name, constant(1.0))


def test_a_metric_with_a_name_is_saved(tmp_path):
    net = model([pel.Metric("late, in %", lambda t, y: 100.0 * (y < t)[:, 0]), "r2"])
    y = np.arange(8.0)
    fitted(net, y=y)
    net.save(tmp_path / "m.safetensors")
    again = pel.load(tmp_path / "m.safetensors")
    assert again.evaluate(X, y) == net.evaluate(X, y)
    assert again.evaluate(X, y)["late, in %"] == 87.5


def test_compiled_metrics_are_copied_and_pickled():
    for name in (*metrics.BY_NAME, "top_2_error"):
        one = metrics.metric(name)
        for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert other.name == name and (other.whole is None) == (one.whole is None)
    net = model(["top_2_error", worst], "cross_entropy", units=3)
    labels = np.arange(8) % 3
    fitted(net, y=labels)
    again = pickle.loads(pickle.dumps(net.metrics))
    assert [one.name for one in again] == ["top_2_error", "worst"]
    assert copy.deepcopy(net).evaluate(X, labels) == net.evaluate(X, labels)


def worst(t: Any, y: Any) -> Any:
    return np.max(y, axis=-1)


# -- what a metric compares -------------------------------------------------------------------


def test_values_and_targets_never_broadcast():
    """A loss of one's own takes targets of any shape; these metrics take those of the output."""

    def own_loss(t, y):
        return np.sum(y * y, axis=-1)

    targets = {"(N, 1)": Y.reshape(-1, 1), "(N,)": Y, "(N, 2)": np.ones((8, 2))}
    for y in targets.values():
        for name in ("squared_error", "absolute_error", "r2"):
            net = model([name], own_loss, units=3)
            net.build((1,))
            with pytest.raises(ShapeError, match=r"y must be .*3\) like the output of the model"):
                net.evaluate(X, y, backend="interpreter")
    net = model(["squared_error"], own_loss, units=3)
    net.build((1,))
    assert net.evaluate(X, np.ones((8, 3)), backend="interpreter")["squared_error"] == 1


def test_probabilities_of_classes_are_compared_with_rows_of_them():
    """Classes (N,), rows with a 1 and shared rows: the error is that of each output."""
    p = np.full((8, 3), 1 / 3)
    shared = np.tile([0.5, 0.5, 0.0], (8, 1))
    for y, known in ((np.arange(8) % 3, np.eye(3)[np.arange(8) % 3]), (shared, shared)):
        net = model(["squared_error", "absolute_error"], "cross_entropy", "softmax", 3)
        net.build((1,))
        found = net.evaluate(X, y, backend="interpreter")
        assert found["squared_error"] == pytest.approx(np.mean((known - p) ** 2))
        assert found["absolute_error"] == pytest.approx(np.mean(abs(known - p)))


def test_smoothed_labels_are_the_loss_s_and_not_the_metric_s():
    net = model(["squared_error"], nn.CrossEntropy(label_smoothing=0.3), "softmax", 2)
    net.build((1,))
    found = net.evaluate(X, np.arange(8) % 2, backend="interpreter")
    assert found["squared_error"] == pytest.approx(0.25)


def test_f1_of_several_labels_is_their_mean():
    x, y = np.eye(4), np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    net = pel.Sequential([nn.Dense(2, "sigmoid", use_bias=False)], seed=0)
    net.compile("sgd", "binary_cross_entropy", ["f1", "accuracy"])
    net.build((4,))
    net.set_weights([[[1, 1], [-1, 1], [-1, -1], [-1, 1]]])
    # Column 1: one hit, one missed: 2/3. Column 2: one hit, one missed, two wrong: 2/5.
    assert net.evaluate(x, y) == {
        "loss": pytest.approx(8 * np.log(1 + np.exp(1.0)) / 4 - 4 / 4),  # four of eight are right
        "f1": pytest.approx((2 / 3 + 2 / 5) / 2),
        "accuracy": 0.0,
    }


def test_f1_of_three_classes_is_the_mean_where_two_occur_too():
    net = model(["f1"], "cross_entropy", "softmax", 3)  # chooses class 0 always
    net.build((1,))
    found = net.evaluate(X, np.array([0, 1] * 4), backend="interpreter")
    assert found["f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_whole_numbers_as_targets_are_compared_as_numbers():
    def own_loss(t, y):
        return np.sum((y - t) ** 2, axis=-1)

    net = model(["squared_error", "absolute_error", "r2"], own_loss)
    net.build((1,))
    found = net.evaluate(X, np.arange(8), backend="interpreter")
    assert found["squared_error"] == found["loss"] == np.mean(np.arange(8) ** 2)
    assert found["absolute_error"] == 3.5
    assert found["r2"] == pytest.approx(1 - np.sum(np.arange(8) ** 2) / 42)


# -- data that have no value ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "loss", "last", "y", "words"),
    [
        ("r2", losses.Squared(), None, np.ones((5, 2)), "y_true must vary"),
        ("r2", losses.CrossEntropy(), "softmax", np.array([0, 1, 0, 1, 1]), "y_true must vary"),
        ("roc_auc", losses.CrossEntropy(), "softmax", np.array([0, 1, 0]), "must hold two labels"),
        ("roc_auc", losses.Hinge(), None, np.ones((3, 1)), "must hold two labels"),
    ],
)
def test_targets_without_a_value_are_refused_before_anything_is_trained(name, loss, last, y, words):
    output = TensorType(pel.Tensor(1.0).type.dtype, (N, *((3,) if y.ndim == 1 else y.shape[1:])))
    with pytest.raises(DataError, match=words):
        metrics.check_targets([metrics.metric(name)], loss, contract(loss, last), y, output)
    metrics.check_targets(
        [metrics.metric("f1")] * (name != "r2"), loss, contract(loss, last), y, output
    )
