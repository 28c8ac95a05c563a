"""Architectures: units and links, blocks of relative sizes, products of matrices."""

import re

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError
from tests.viz.reading import SVG, overlaps, texts, tree


def mlp(*sizes, activation="tanh", **options):
    layers = [nn.Dense(size, activation) for size in sizes[1:-1]]
    model = pel.Sequential([*layers, nn.Dense(sizes[-1], **options)], seed=3)
    model.build((sizes[0],))
    return model


def by_id(picture, start):
    found = tree(picture).iter(f"{SVG}g")
    return {one.get("id"): one for one in found if one.get("id", "").startswith(start)}


def shape_of(link):
    return link.find(f"{SVG}line")


@pytest.mark.lecture("T1.J5")
def test_a_link_for_each_weight_with_its_sign_and_its_size():
    model = mlp(2, 4, 1)
    picture = pel.draw(model, view="units")
    links = by_id(picture, "w")
    first, bias, second, _ = model.get_weights()
    assert len(links) == first.size + second.size and len(by_id(picture, "u")) == 2 + 4 + 1
    widths = {}
    for (i, j), weight in np.ndenumerate(first):
        link = links[f"w0-{i}-{j}"]
        kinds = shape_of(link).get("class").split()
        assert ("plus-line" in kinds) == (weight > 0) and ("dash" in kinds) == (weight < 0)
        assert f"= {float(weight)!r}" in link.find(f"{SVG}title").text
        widths[abs(weight)] = float(re.search(r"[\d.]+", shape_of(link).get("style"))[0])
    assert [widths[key] for key in sorted(widths)] == sorted(widths.values())
    assert len(by_id(picture, "b")) == bias.size + 1


@pytest.mark.lecture("T1.J5")
def test_biases_and_activations_are_shown_or_hidden():
    model = mlp(2, 3, 2)
    every, none = pel.draw(model), pel.draw(model, biases=False, activations=False)
    assert by_id(every, "b") and not by_id(none, "b")
    assert {"3 tanh", "dense_1"} <= set(texts(every))
    curves = [len(list(one.iter(f"{SVG}path"))) for one in by_id(every, "u1").values()]
    assert curves == [1, 1, 1]
    assert not any(list(one.iter(f"{SVG}path")) for one in by_id(none, "u").values())
    assert {"h₁", "h₂", "h₃"} <= set(texts(none)) - set(texts(every))
    assert not by_id(pel.draw(mlp(2, 3, 2, use_bias=False)), "b1")


@pytest.mark.lecture("T1.J5")
def test_one_unit_is_read_as_a_sum():
    """f = ax + by + cz: three links with their numbers into one unit."""
    unit = pel.Sequential([nn.Dense(1, use_bias=False, input_shape=(3,))])
    unit.set_weights([[[2.0], [-1.0], [0.5]]])
    shown = texts(pel.draw(unit))
    assert {"x₁", "x₂", "x₃", "y₁", "+2", "−1", "+0.5"} <= set(shown)
    a, b, c = unit.get_weights()[0][:, 0]
    assert unit.predict([[3.0, 5.0, 7.0]])[0, 0] == 3 * a + 5 * b + 7 * c


def test_a_column_of_many_units_leaves_out_its_middle():
    picture = pel.draw(mlp(784, 200, 10), view="units")
    units = by_id(picture, "u")
    assert len(units) == 8 + 8 + 10
    assert {"x₁", "x₇₈₄", "⋮"} <= set(texts(picture)) and "x₅" not in texts(picture)
    assert picture.height < 800


def test_an_activation_of_its_own_belongs_to_the_units_before_it():
    model = pel.Sequential([nn.Dense(3, input_shape=(2,)), nn.Activation("relu"), nn.Dense(1)])
    assert "3 relu" in texts(pel.draw(model))


@pytest.mark.lecture("T1.J5")
def test_the_network_as_products_of_matrices():
    model = mlp(2, 3, 1, activation="relu")
    shown = texts(pel.draw(model, view="matrices"))
    assert {"relu (", "W₁", "2×3", "b₁", "1×3", "h₁", "W₂", "3×1", "y"} <= set(shown)
    for array in model.get_weights():
        assert {f"{value:.3g}" for value in array.ravel()} <= set(shown)
    large = texts(pel.draw(mlp(2, 8, 1), view="matrices"))
    assert "2×8" in large and len(large) < 30  # no numbers


@pytest.mark.lecture("T1.J4")
def test_blocks_have_relative_sizes_and_say_what_they_learn():
    model = pel.models.lenet5(seed=0)
    picture = pel.draw(model)
    layers = {
        one.get("id").removeprefix("layer-"): one
        for one in tree(picture).iter(f"{SVG}g")
        if one.get("class") == "layer"
    }
    assert list(layers) == ["input", *model.names]

    def area(name):
        front = layers[name].find(f"{SVG}rect")
        return float(front.get("width")) * float(front.get("height"))

    assert area("C1") > area("S2") > area("C3") > area("S4") > area("C5")  # 28, 14, 10, 5, 1
    assert area("C5") < area("F6") and area("output") < area("F6")  # 120, 84 and 10 as bars
    assert "1,516 weights" in texts(layers["C3"]) and "10 × 10 × 16" in texts(layers["C3"])
    assert picture.title == f"Sequential: {model.count_params():,} weights"


@pytest.mark.lecture("T1.J4")
def test_arrows_between_blocks_are_what_each_layer_reads():
    left, right = pel.Input((16,), name="left"), pel.Input((4,), name="right")
    both = nn.Concat()([nn.Dense(8)(left), nn.Dense(8)(right)])
    picture = pel.draw(pel.Model([left, right], nn.Dense(3)(both)))
    edges = [one for one in tree(picture).iter(f"{SVG}g") if one.get("class") == "edge"]
    assert len(edges) == 5
    fronts = [
        tuple(float(one.find(f"{SVG}rect").get(key)) for key in ("x", "y", "width", "height"))
        for one in tree(picture).iter(f"{SVG}g")
        if one.get("class") == "layer"
    ]
    assert len(fronts) == 6 and overlaps(fronts) == []


def test_blocks_of_a_large_model_make_no_weights():
    model = pel.models.alexnet(seed=0)
    assert "60,965,224 weights" in pel.draw(model).title
    assert all(layer.variables.params is None for layer in model.layers)


def test_small_dense_networks_are_units_and_others_blocks():
    assert by_id(pel.draw(mlp(2, 8, 8, 1)), "u0")
    assert not by_id(pel.draw(mlp(784, 200, 10)), "u0")


@pytest.mark.parametrize("view", ["units", "matrices"])
def test_other_layers_have_no_units(view):
    convolved = pel.Sequential([nn.Conv2D(2, 3, input_shape=(6, 6, 1)), nn.Flatten(), nn.Dense(1)])
    left, right = pel.Input((2,)), pel.Input((2,))
    added = pel.Model([left, right], nn.Dense(1)(nn.Add()([left, right])))
    for model, got in ((convolved, "Conv2D"), (added, "a graph of layers")):
        with pytest.raises(ArgumentError, match=f"is of a chain of Dense layers, got {got}"):
            pel.draw(model, view=view)
