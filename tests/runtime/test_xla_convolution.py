"""Convolutions that XLA gets as such, as on a GPU: which they are, and that the numbers stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel

pytest.importorskip("jax")

from pellucid.graph.node import Graph
from pellucid.runtime.xla_convolution import convolutions
from pellucid.runtime.xla_device import Place

Array = np.ndarray[Any, Any]
LAYERS: dict[str, Callable[[], pel.nn.Layer]] = {
    "plain": lambda: pel.nn.Conv2D(4, 3),
    "same, strides that leave a rest": lambda: pel.nn.Conv2D(
        4, (3, 2), strides=(2, 3), padding="same"
    ),
    "dilated": lambda: pel.nn.Conv2D(3, 3, dilation=2),
    "one row": lambda: pel.nn.Conv2D(2, (1, 4), padding="same", strides=2),
    "transposed": lambda: pel.nn.Conv2DTranspose(3, 3, strides=2, padding="same"),
    "transposed, a rest": lambda: pel.nn.Conv2DTranspose(3, 2, strides=3),
}


def model(layer: pel.nn.Layer, dtype: str) -> pel.Sequential:
    """The layer behind one with weights, so that its input's gradient is needed too."""
    made = pel.Sequential(
        [pel.nn.Conv2D(3, 1, input_shape=(9, 10, 2)), layer, pel.nn.Flatten(), pel.nn.Dense(2)],
        dtype=dtype,
        seed=1,
    )
    made.compile(pel.optim.SGD(0.01), "squared")
    return made


def data(dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 9, 10, 2)).astype(dtype), rng.normal(size=(5, 2)).astype(dtype)


def step_graph(made: pel.Sequential) -> Graph:
    return made.training_graph(*data(made.dtype.name))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_both_of_its_gradients_are_convolutions(name: str) -> None:
    graph = step_graph(model(LAYERS[name](), "float32"))
    kinds = [graph.nodes[place].op for place in convolutions(graph)]
    first = 2  # the first layer's result and its kernel's gradient: nobody asks for x's
    assert len(kinds) == first + 3
    assert kinds.count("fold") == 1


def test_groups_and_products_without_windows_are_none() -> None:
    grouped = pel.nn.Conv2D(6, 3, groups=3)
    made = pel.Sequential([grouped, pel.nn.Flatten(), pel.nn.Dense(2)])
    made.compile(pel.optim.SGD(0.01), "squared")
    x = np.zeros((2, 5, 5, 3), np.float32)
    assert not convolutions(made.training_graph(x, np.zeros((2, 2), np.float32)))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", LAYERS)
def test_steps_end_in_the_weights_of_the_interpreter(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "convolves", True)
    x, y = data("float64")
    found = {}
    for backend in ("interpreter", "xla"):
        made = model(LAYERS[name](), "float64")
        made.fit(x, y, epochs=2, batch_size=3, shuffle=False, verbose=0, backend=backend)
        found[backend] = [made.predict(x, backend=backend), *made.get_weights()]
    for expected, other in zip(found["interpreter"], found["xla"], strict=True):
        np.testing.assert_allclose(other, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
def test_bfloat16_rounds_the_factors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without convolutions the same factors are rounded, so the numbers agree as sums do."""
    x, y = data("float32")
    found = []
    for convolves in (True, False):
        monkeypatch.setattr(Place, "convolves", convolves)
        made = model(LAYERS["same, strides that leave a rest"](), "float32")
        made.fit(x, y, epochs=2, shuffle=False, verbose=0, backend="xla", precision="bfloat16")
        found.append(made.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
