"""What a run refuses: rows that are none, data that change under it, metrics and monitors."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, ShapeError
from pellucid.train.history import History

X = np.random.default_rng(0).normal(size=(12, 3))
Y = X[:, :1] * 2
LABELS = np.arange(12) % 2


@pytest.mark.parametrize(
    ("method", "given", "error", "words"),
    [
        ("add_epoch", {}, ArgumentError, r"row must be \{'loss': number, …\}, got \{\}"),
        ("add_epoch", [1.0], ArgumentError, r"row must be .*got \[1\.0\]"),
        ("add_epoch", {3: 1.0}, ArgumentError, "names must be text, got 3"),
        ("add_epoch", {"loss": "1"}, ArgumentError, "loss must be a number, got '1'"),
        ("add_epoch", {"loss": 2**63}, ArgumentError, "loss must be a number, got 9223"),
        ("add_validation", {"loss": 1.0}, ArgumentError, "row must hold 'step', got loss"),
        ("add_steps", {}, ArgumentError, r"columns must be \{'loss': numbers, …\}, got \{\}"),
        ("add_steps", 3, ArgumentError, "columns must be .*got 3"),
        ("add_steps", {3: [1.0]}, ArgumentError, "names must be text, got 3"),
        ("add_steps", {"loss": [[1.0]]}, ShapeError, r"loss must be \(N,\), got \(1, 1\)"),
        (
            "add_steps",
            {"loss": [1.0], "step": range(2)},
            ShapeError,
            r"columns must have one length, got \[1, 2\]",
        ),
    ],
)
def test_rows_of_a_history_that_are_none(method, given, error, words):
    history = History()
    with pytest.raises(error, match=rf"^\[{method}\] {words}"):
        getattr(history, method)(given)
    assert (history.epochs, history.validation, history.steps) == ({}, {}, {})
    assert set(history.counts.values()) == {0}


def test_rows_of_a_history_at_their_ends():
    history = History()
    history.add_epoch({"loss": 2**63 - 1, "other": np.float32(0.5), "whole": np.int8(3)})
    history.add_validation({"step": 4, "loss": 1.0})
    history.add_steps({"step": range(1, 3), "loss": np.array([0.5, 0.25])})
    assert history.epochs == {"loss": [2**63 - 1], "other": [0.5], "whole": [3]}
    assert history.validation == {"step": [4], "loss": [1.0]} and history.validated == 4
    assert history.steps == {"step": [1, 2], "loss": [0.5, 0.25]}
    assert repr(history) == "History(1 epochs: loss 9.223e+18, other 0.5, whole 3)"
    assert repr(History()) == "History(0 epochs)"


def test_seconds_of_a_history():
    history = History()
    history.add_seconds("step", 0.25)
    history.add_seconds("step", 0)
    history.add_seconds("step", 0.5)
    assert history.seconds == {"step": 0.75}
    with pytest.raises(ArgumentError, match=r"\[add_seconds\] what must be a name, got 3"):
        history.add_seconds(3, 1.0)
    for wrong in (-1, float("nan"), "1"):
        with pytest.raises(ArgumentError, match=r"\[add_seconds\] seconds must"):
            history.add_seconds("step", wrong)
    assert history.seconds == {"step": 0.75}


def test_data_that_change_while_they_are_trained_on():
    net = pel.Sequential([nn.Dense(1)], seed=0)
    net.compile(optim.SGD(0.01), "squared")
    changing = X.copy()

    class Spoil(pel.Callback):
        """What is written over during the run is not finite, and finite again at the check."""

        def on_epoch(self, run):
            changing[:] = np.nan

    with pytest.raises(DataError, match="x must be finite, got nan in row"):
        net.fit(changing, Y, epochs=3, batch_size=4, verbose=0, seed=0, callbacks=Spoil())


def test_a_metric_gives_one_value_a_row():
    net = pel.Sequential([nn.Dense(2)], seed=0)
    for function in (lambda t, y: np.mean(y), lambda t, y: y):
        net.compile("sgd", "squared", metrics=[pel.Metric("own", function)])
        with pytest.raises(
            ShapeError, match=r"^\[metric own\] a metric must return one value a row \(N,\), got"
        ):
            net.fit(X, X[:, :2], verbose=0)
    net.compile("sgd", "squared", metrics=[pel.Metric("own", lambda t, y: np.mean(y, axis=-1))])
    assert "own" in net.fit(X, X[:, :2], verbose=0).epochs


@pytest.mark.parametrize(
    ("monitor", "advice"),
    [
        ("lsos", "Did you mean 'loss'"),
        ("val_loss", "Give fit validation_data."),
        ("accuracy", r"Compile with metrics=\['accuracy'\]\."),
        ("val_accuracy", r"Compile with metrics=\['accuracy'\] and give fit validation_data\."),
        ("roc_auc", r"It is measured on validation data alone: .*monitor 'val_roc_auc'"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [pel.EarlyStopping, pel.ReduceOnPlateau, lambda monitor: pel.StopBelow(monitor, 0.1)],
)
def test_a_measure_that_is_not_there_is_told_how_to_get_it(make, monitor, advice):
    net = pel.Sequential([nn.Dense(2)], seed=0)
    net.compile("sgd", "cross_entropy")
    with pytest.raises(ArgumentError, match=f"monitor must be one of loss, got.*{advice}"):
        net.fit(X, LABELS, verbose=0, callbacks=make(monitor))


def test_labels_of_a_loss_that_has_none():
    net = pel.Sequential([nn.Dense(2)], seed=0)
    with pytest.raises(ArgumentError, match=r"accuracy needs a classification loss.*squared_error"):
        net.compile("sgd", "squared", metrics=["accuracy"])
    own = nn.NegativeLogLikelihood(lambda t, y: -np.sum((t - y) ** 2, axis=-1))
    with pytest.raises(ArgumentError, match=r"a function \(y_true, y_pred\) of your own"):
        net.compile("sgd", own, metrics=["accuracy"])


def test_the_objective_is_what_a_run_lowers():
    """(1/N) Σ wᵢ·lossᵢ + penalties, from arrays and from Tensors, and its gradient."""
    net = pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")
    net.compile("sgd", "squared", regularizer=nn.L2(0.5))
    net.build((3,))
    rows = np.linspace(0.5, 1.5, 12)
    w, b = (net.params["dense_1"][name] for name in ("W", "b"))
    wanted = np.mean(rows * ((X @ w + b - Y) ** 2)[:, 0]) + 0.25 * (w**2).sum()
    for given in (rows, pel.Tensor(rows)):
        objective = net.objective(X, Y, sample_weight=np.asarray(given))
        np.testing.assert_allclose(np.asarray(objective(net.params)).item(), wanted)
    slope = pel.grad(objective)(net.params)["dense_1"]
    error = rows[:, None] * (X @ w + b - Y) * 2 / 12
    np.testing.assert_allclose(np.asarray(slope["W"]), X.T @ error + 0.5 * w)
    np.testing.assert_allclose(np.asarray(slope["b"]), error.sum(0))
