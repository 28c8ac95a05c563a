"""Random models: what is trained is saved, loaded and resumed to the bit, or refused first."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.models.any_model import Case, case

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import DataError, DivergenceError
from pellucid.core.trees import leaves_of

NUMBERS = st.lists(st.integers(0, 719), min_size=8, max_size=50)
LOOSE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def fit(one: Case, model: pel.Model, epochs: int, backend: str, **how: Any) -> None:
    try:
        model.fit(one.x, one.y, epochs=epochs, verbose=0, backend=backend, **one.how, **how)
    except DivergenceError:
        assume(False)


def assert_same(one: Case, model: pel.Model, other: pel.Model) -> None:
    """Weights, state, what the optimizer remembers, predictions and measures, to the bit."""
    assert model.names == other.names
    for kind in ("params", "state", "slots"):
        for mine, theirs in zip(
            leaves_of(getattr(model, kind)), leaves_of(getattr(other, kind)), strict=True
        ):
            assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes()
    found, again = (leaves_of(m.predict(one.x, backend="interpreter")) for m in (model, other))
    assert [a.tobytes() for a in found] == [a.tobytes() for a in again]
    assert repr(model.evaluate(one.x, one.y, backend="interpreter")) == repr(
        other.evaluate(one.x, one.y, backend="interpreter")
    )


def check(numbers: list[int], folder: Path, backend: str) -> None:
    straight, stopped = case(numbers), case(numbers)
    path = folder / "run"
    fit(stopped, stopped.model, 2, backend, seed=7, checkpoint=path, overwrite=True)
    loaded = pel.load(path)
    assert type(loaded) is type(stopped.model) and loaded.optimizer == stopped.model.optimizer
    assert loaded.rates == stopped.model.rates
    assert_same(stopped, stopped.model, loaded)
    fit(straight, straight.model, 4, backend, seed=7)
    fit(stopped, loaded, 4, backend, resume=True)
    assert_same(stopped, straight.model, loaded)
    assert repr(straight.model.history.epochs) == repr(loaded.history.epochs)
    loaded = pel.load(path)
    twin = copy.deepcopy(stopped.model)
    for model in (stopped.model, loaded, twin):
        fit(stopped, model, 1, backend, seed=8)
    assert_same(stopped, stopped.model, loaded)
    assert_same(stopped, stopped.model, twin)
    loaded.save(path, overwrite=True)
    assert_same(stopped, stopped.model, pel.load(path))


@settings(max_examples=8, suppress_health_check=LOOSE)
@given(NUMBERS)
def test_random_models_are_saved_loaded_and_resumed_to_the_bit(numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(numbers, Path(folder), "interpreter")


class OwnSchedule(optim.Schedule):
    def rate(self, step: int) -> float:
        return 0.01


class OwnOptimizer(optim.Optimizer):
    def step(self, gradients: Any, slots: Any, weights: Any, step: Any, rate: Any) -> Any:
        return [w - rate * g for w, g in zip(weights, gradients, strict=True)], slots


class OwnLoss(nn.Loss):
    name = "own"

    def per_row(self, target: Any, output: Any) -> Any:
        return np.sum((target - output) ** 2, axis=1)


class OwnLayer(nn.Layer):
    def apply(self, params: Any, state: Any, x: Any, *, train: bool, key: Any) -> Any:
        return x * 2.0, state


class OwnPenalty(nn.L2):
    pass


def with_layer(layer: nn.Layer) -> list[Any]:
    """A row with this layer, and a graph with it two models deep."""
    x = pel.Input((3,))
    inner = pel.Sequential([layer], name="inner")
    outer = pel.Sequential([inner, nn.Dense(2)], name="outer")
    return [pel.Sequential([layer, nn.Dense(1)], seed=0), pel.Model(x, nn.Dense(1)(outer(x)))]


UNSAVABLE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a schedule": ([], {"optimizer": optim.SGD(OwnSchedule())}),
    "a schedule in another": ([], {"optimizer": optim.SGD(optim.WarmUp(OwnSchedule(), 3))}),
    "an optimizer": ([], {"optimizer": OwnOptimizer(0.1)}),
    "a loss": ([], {"loss": OwnLoss()}),
    "a penalty": ([], {"regularizer": OwnPenalty(0.1)}),
    "a layer": (with_layer(OwnLayer()), {}),
    "a penalty of a layer": (with_layer(nn.Dense(2, regularizer=OwnPenalty(0.1))), {}),
}


@pytest.mark.parametrize("name", UNSAVABLE)
def test_what_a_file_cannot_hold_is_refused_before_the_first_step(
    name: str, tmp_path: Path
) -> None:
    models, how = UNSAVABLE[name]
    x, y = np.ones((6, 3)), np.ones((6, 1))
    for model in models or [pel.Sequential([nn.Dense(1)], seed=0)]:
        model.compile(**{"optimizer": "sgd", "loss": "squared", **how})
        model.build((3,))
        before = [array.tobytes() for array in model.get_weights()]
        with pytest.raises(DataError):
            model.fit(x, y, verbose=0, backend="interpreter", checkpoint=tmp_path / "run")
        assert [array.tobytes() for array in model.get_weights()] == before
        assert list(tmp_path.iterdir()) == []
        model.fit(x, y, verbose=0, backend="interpreter")  # without a file it may


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=LOOSE)
@given(NUMBERS, st.sampled_from(["native", "interpreter"]))
def test_many_random_models_on_both_backends(numbers: list[int], backend: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(numbers, Path(folder), backend)
