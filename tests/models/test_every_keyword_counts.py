"""No argument of a model's methods is taken and ignored: each one is seen in what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import models, nn, optim
from pellucid.core.errors import ArgumentError
from pellucid.models import fitting

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
LABELS = np.arange(24) % 2
WEIGHTS = RNG.uniform(0.2, 2.0, 24)


def compiled(**options: Any) -> pel.Sequential:
    net = pel.Sequential([nn.Dense(3, "tanh", name="first"), nn.Dense(2)], seed=0, dtype="float64")
    net.compile(**{"optimizer": optim.SGD(0.1)} | options)
    net.build((3,))
    return net


def fitted(net: pel.Sequential | None = None, **options: Any) -> tuple[bytes, Any]:
    """Weights and history after a run."""
    net = net or compiled()
    fixed = {"epochs": 2, "batch_size": 8, "seed": 1, "verbose": 0, "backend": "interpreter"}
    history = net.fit(X, LABELS, **fixed | options)
    weights = b"".join(array.tobytes() for array in net.get_weights())
    return weights, history


PLAIN = fitted()[0]


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 3},
        {"batch_size": 6},
        {"seed": 2},
        {"sample_weight": WEIGHTS},
        {"class_weight": {0: 2.0}},
        {"callbacks": pel.StopBelow("loss", 1e9)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_moves_the_weights_of_a_run(options):
    assert fitted()[0] == PLAIN
    assert fitted(**options)[0] != PLAIN


def test_weights_of_rows_and_of_classes_multiply():
    both = fitted(sample_weight=WEIGHTS, class_weight={0: 2.0})[0]
    assert both == fitted(sample_weight=WEIGHTS * np.where(LABELS == 0, 2.0, 1.0))[0]
    assert both != fitted(sample_weight=WEIGHTS)[0]
    balanced = fitted(class_weight="balanced", sample_weight=WEIGHTS)[0]
    assert balanced == fitted(sample_weight=WEIGHTS)[0]  # as many of each


def test_what_is_seen_of_a_run(capsys, tmp_path):
    weights, history = fitted(validation_data=(X[:8], LABELS[:8]))
    assert weights == PLAIN
    assert len(history.epochs["val_loss"]) == 2
    others = fitted(validation_data=(X[:8], LABELS[:8], WEIGHTS[:8]))[1]
    assert others.epochs["val_loss"] != history.epochs["val_loss"]
    often = fitted(validation_data=(X[:8], LABELS[:8]), validate_every=2)[1]
    assert len(often.validation["step"]) > len(history.validation.get("step", []))
    assert len(fitted(history_points=4)[1].steps["loss"]) <= 4 < len(fitted()[1].steps["loss"])
    assert capsys.readouterr().out == ""
    fitted(verbose=2)
    assert capsys.readouterr().out.count("Epoch") == 2


def test_checkpoints_of_a_run(tmp_path, monkeypatch):
    path, saved = tmp_path / "run", []
    assert fitted(checkpoint=path)[0] == PLAIN
    assert path.exists()
    with pytest.raises(ArgumentError, match="exists"):
        fitted(checkpoint=path)
    fitted(checkpoint=path, overwrite=True)
    whole = fitted(epochs=4)[0]
    again = pel.load(path)
    assert fitted(again, epochs=4, resume=True, seed=None)[0] == whole
    make = fitting.Checkpoint

    def watched(save: Callable[[], None], every: float) -> Any:
        saved.append(every)
        return make(save, every)

    monkeypatch.setattr(fitting, "Checkpoint", watched)
    fitted(checkpoint=path, overwrite=True)
    fitted(checkpoint=path, overwrite=True, checkpoint_every=0.25)
    assert saved == [5.0, 0.25]


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam"},
        {"loss": "squared"},
        {"regularizer": nn.L2(0.5)},
        {"rates": {"first": 0}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_compile_takes_moves_the_weights(options):
    labels = LABELS if "loss" not in options else np.eye(2)[LABELS]
    net = compiled(**options)
    net.fit(X, labels, epochs=2, batch_size=8, seed=1, verbose=0, backend="interpreter")
    assert b"".join(array.tobytes() for array in net.get_weights()) != PLAIN


def test_metrics_and_weights_of_losses():
    logs = fitted(compiled(metrics=["accuracy"]))[1].epochs
    assert set(logs) - set(fitted()[1].epochs) == {"accuracy"}
    given = pel.Input((3,))
    runs = []
    for weights in (None, [1.0, 0.5], [1.0, 0.0]):
        net = pel.Model(given, [nn.Dense(2, name="a")(given), nn.Dense(1, name="b")(given)], seed=0)
        net.compile(optim.SGD(0.1), ["cross_entropy", "squared"], loss_weights=weights)
        options = {"verbose": 0, "seed": 0, "backend": "interpreter"}
        net.fit(X, [LABELS, X[:, 0]], **options)
        runs.append(b"".join(array.tobytes() for array in net.get_weights()))
    assert len(set(runs)) == 3


def test_what_evaluate_and_predict_take(monkeypatch):
    net = compiled(metrics=["accuracy"])
    plain = net.evaluate(X, LABELS)
    weighted = net.evaluate(X, LABELS, sample_weight=WEIGHTS)
    classes = net.evaluate(X, LABELS, class_weight={0: 2.0})
    assert len({plain["loss"], weighted["loss"], classes["loss"]}) == 3
    assert plain["accuracy"] == weighted["accuracy"] == classes["accuracy"]
    for size in (1, 7, 24, 10**9):
        np.testing.assert_allclose(net.evaluate(X, LABELS, batch_size=size)["loss"], plain["loss"])
        np.testing.assert_allclose(net.predict(X, batch_size=size), net.predict(X), rtol=1e-12)
    for call in (
        lambda **o: net.evaluate(X, LABELS, **o),
        lambda **o: net.predict(X, **o),
        lambda **o: net.predict_proba(X, **o),
        lambda **o: fitted(**o),
        lambda **o: pel.rate_range(net, X, LABELS, **o),
    ):
        with pytest.raises(ArgumentError, match="batch_size"):
            call(batch_size=0)
        with pytest.raises(ArgumentError, match="backend"):
            call(backend="slow")


def test_what_a_test_of_rates_takes():
    net = compiled()
    fixed = {"steps": 12, "seed": 0, "backend": "interpreter", "lowest": 1e-4, "highest": 1e-2}
    plain = pel.rate_range(net, X, LABELS, **fixed)
    assert len(plain.rates) == 12
    np.testing.assert_allclose([plain.rates[0], plain.rates[-1]], [1e-4, 1e-2])
    for other in ({"steps": 10}, {"seed": 1}, {"lowest": 1e-3}, {"highest": 1}, {"batch_size": 6}):
        found = pel.rate_range(net, X, LABELS, **fixed | other)
        assert (found.rates, found.losses) != (plain.rates, plain.losses), other


def test_what_models_are_made_with():
    layers = [nn.Dense(2)]
    first, second = pel.Sequential(layers, seed=0), pel.Sequential([nn.Dense(2)], seed=1)
    for net in (first, second):
        net.build((3,))
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    assert first.get_weights()[0].dtype == np.float32
    whole = models.lenet5(seed=0, dtype="float64")
    assert str(whole.dtype) == "float64"
    given = pel.Input((3,))
    assert pel.Model(given, nn.Dense(2)(given), name="mine").name == "mine"
    lines: list[str] = []
    first.summary(print_fn=lines.append)
    assert any("dense_1" in line for line in lines)
