"""The window of a number against NaN sent through the network; maps as images."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib import image

import pellucid as pel
from pellucid.graph.node import Graph
from pellucid.inspector import maps
from pellucid.inspector.receptive_field import receptive_field
from pellucid.inspector.travel import Travel
from pellucid.nn import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    MaxPool2D,
)
from pellucid.optim import SGD
from pellucid.runtime.interpreter import Interpreter
from tests.inspector.test_moment import moment
from tests.viz.reading import texts

RNG = np.random.default_rng(3)
X = RNG.normal(size=(3, 9, 8, 2))
Y = np.array([0, 1, 2])


def step_of(*layers, x=X):
    model = pel.Sequential([*layers, Flatten(), Dense(3)], seed=0)
    model.compile(SGD(0.1), "cross_entropy")
    travel = Travel(model, x, Y, batch_size="all", backend="interpreter")
    return travel.moment(0), travel.inputs(0)


def touched_by_nan(found, inputs, n, at, x):
    """The elements of x that make the element NaN where they are NaN; no rule, only values."""
    run = Interpreter(Graph(found.graph.nodes, found.graph.inputs, (n,), found.graph.consts))
    place = found.graph.inputs.index(x)
    mask = np.zeros(inputs[place].shape, bool)
    for one in np.ndindex(mask[:1].shape):
        changed = list(inputs)
        changed[place] = inputs[place].copy()
        changed[place][(at[0], *one[1:])] = np.nan
        mask[(at[0], *one[1:])] = np.isnan(run(changed)[0][at])
    return mask


NETWORKS = {
    "stride": [Conv2D(2, 3, strides=2)],
    "same": [Conv2D(2, (3, 2), strides=2, padding="same"), Activation("relu")],
    "dilation": [Conv2D(2, 2, dilation=3, padding="same"), Conv2D(1, 2, dilation=(1, 2))],
    "pooling": [Conv2D(2, 2, strides=(2, 1)), MaxPool2D(2), AveragePool2D(2, strides=1)],
    "overlap": [MaxPool2D(3, strides=2, padding="same"), Conv2D(1, 2)],
}


@pytest.mark.lecture("T1.C14")
@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_window_is_what_nan_comes_through(name):
    found, inputs = step_of(*NETWORKS[name])
    x = found.find("x")
    wide = [n for n in found.forward if found.values[n].ndim == 4 and n not in found.fixed]
    n = wide[-1]
    shape = found.values[n].shape
    for at in ((0, 0, 0, 0), (1, shape[1] - 1, shape[2] // 2, shape[3] - 1)):
        got = receptive_field(found, n, at)[x]
        np.testing.assert_array_equal(got, touched_by_nan(found, inputs, n, at, x))


def test_a_window_of_two_layers_is_the_known_one():
    """3×3 with stride 2, then 2×2 pooling: 5 rows and columns, from 4·i and 4·j on."""
    x = RNG.normal(size=(3, 13, 13, 1))
    found, _ = step_of(Conv2D(2, 3, strides=2), MaxPool2D(2), x=x)
    n = next(n for n in found.forward if found.graph.nodes[n].op == "max")
    seen = receptive_field(found, n, (2, 1, 2, 0))[found.find("x")]
    wanted = np.zeros(x.shape, bool)
    wanted[2, 4:9, 8:13] = True
    np.testing.assert_array_equal(seen, wanted)
    picture, lines = maps.draw_window(found, n, (2, 1, 2, 0))
    assert lines == ["x: 25 of 507 numbers, at [2; 4 to 8; 8 to 12; 0]"]
    assert (
        "x[2]" in texts(picture) and picture.title == f"The window of {found.names[n]}[2, 1, 2, 0]"
    )
    drawn = maps.draw_maps(found, n, (2, 1, 2, 0))
    shown = [text for text in texts(drawn) if text.startswith("map ")]
    own = found.values[n][2, :, :, 1]
    assert len(shown) == 2 == drawn.svg.count("<image")
    assert shown[1] == f"map 1: {own.min():.3g} to {own.max():.3g}".replace("-", "−")


def test_means_over_the_batch_are_held_fixed_and_an_embedding_reads_its_index():
    found, _ = step_of(Conv2D(2, 3), BatchNorm(), Activation("relu"))
    n = [n for n in found.forward if found.values[n].ndim == 4 and n not in found.fixed][-1]
    seen = receptive_field(found, n, (1, 2, 2, 0))
    assert not any(name.endswith(".W") for name in (found.names[k] for k in seen))
    x = seen[found.find("x")]
    assert x[1].any() and not x[[0, 2]].any() and x.sum() == 18
    model = pel.Sequential([Embedding(7, 3), Flatten(), Dense(1)], seed=0)
    model.compile(SGD(0.1), "squared")
    rows = RNG.integers(0, 7, (4, 2))
    found = Travel(model, rows, RNG.normal(size=4), backend="interpreter").moment(0)
    n = next(n for n in found.forward if found.values[n].shape == (4, 2, 3))
    seen = receptive_field(found, n, (1, 1, 2))[found.find("x")]
    assert np.argwhere(seen).tolist() == [[1, 1]]


def test_the_dependence_in_a_function_goes_through_every_kind_of_operation():
    def f(x, y):
        u = np.where(x > 0, x, y)  # reads all three
        v = np.sum(u[::2] * 2)
        return v + np.max(y) * 0

    x, y = np.arange(1.0, 6), np.arange(5.0)
    found = moment(f, x, y)
    end = found.ends.objective
    seen = receptive_field(found, end)
    assert seen[found.find("x")].tolist() == [True, False, True, False, True]
    assert seen[found.find("y")].all()
    assert maps.draw_window(found, end) == (
        None,
        ["x: 3 of 5 numbers, at [0 to 4 in steps of 2]", "y: 5 of 5 numbers"],
    )
    assert not maps.has_maps(found, end)


@pytest.mark.parametrize("name", ["sort", "median"])
def test_a_number_that_was_sorted_reads_all_that_it_was_sorted_with(name):
    found = moment(lambda x: getattr(np, name)(x, axis=1), RNG.normal(size=(2, 5)))
    end = found.graph.outputs[0]
    seen = receptive_field(found, end, (1,) if name == "median" else (1, 3))[found.find("x")]
    assert seen.tolist() == [[False] * 5, [True] * 5]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_leaves_the_colours_of_the_others(odd):
    x = np.arange(64.0).reshape(1, 8, 8)
    pictures = []
    for first in (0.0, odd):
        x[0, 0, 0] = first
        found = moment(lambda x: np.sum(x * 2), x)
        picture, _ = maps.draw_window(found, found.ends.objective)
        data = base64.b64decode(re.search(r"base64,([^\"]+)", picture.svg)[1])
        pictures.append(image.imread(io.BytesIO(data)))
    np.testing.assert_array_equal(*(one[1:] for one in pictures))
