"""The gallery: its pictures show the lectures' numbers, and its files are those of the code."""

from xml.etree import ElementTree

import numpy as np
import pytest
from tools import gallery, gallery_examples, gallery_figures

import pellucid as pel
from tests.viz.reading import SVG, boxes, nodes, numbers, overlaps, texts, tree

FOLDER = gallery.FOLDER
ALL = [one for _, module in gallery.SECTIONS for one in gallery.entries(module)]


def shown(function):
    """For each node of a drawn graph its numbers."""
    return {name: numbers(lines) for name, lines in nodes(function()).items()}


@pytest.mark.lecture("T1.G7")
def test_two_powers():
    found = shown(gallery_examples.two_powers)
    assert found["x"] == {"value": 2, "∂f/∂x": 80}
    assert found["f"]["value"] == 32 and found["y"]["value"] == 8 and found["z"]["value"] == 4


@pytest.mark.lecture("T1.G11")
def test_product_and_sum():
    assert shown(gallery_examples.product_and_sum) == {
        "x": {"value": 3, "∂b/∂x": -5},
        "y": {"value": -5, "∂b/∂y": 3},
        "z": {"value": 2, "∂b/∂z": 1},
        "a": {"value": -15, "∂b/∂a": 1},
        "b": {"value": -13},
    }


@pytest.mark.lecture("T1.G12")
def test_logistic_regression_by_scalars_and_with_a_grouped_node():
    scalars = shown(gallery_examples.logistic_regression_by_scalars)
    grouped = shown(gallery_examples.logistic_regression_with_sigma)
    assert len(scalars) == len(grouped) + 3  # -a, e^-a, 1 + e^-a and the quotient are one node
    p = 1 / (1 + np.exp(-(0.5 - 1.0 * 1.5 + 2.0 * -0.25)))
    slopes = p * (1 - p) * np.array([1, 1.5, -0.25])
    for found in (scalars, grouped):
        assert found["p"]["value"] == pytest.approx(p, rel=1e-5)
        for name, slope in zip(("w0", "w1", "w2"), slopes, strict=True):
            assert found[name][f"∂p/∂{name}"] == pytest.approx(slope, rel=1e-5)


@pytest.mark.lecture("T1.G14")
def test_frames_know_more_and_more_and_end_in_all_gradients():
    def b(x, y, z):
        a = x * y
        return a + z

    frames = pel.viz.frames(b, 3.0, -5.0, 2.0)
    known = [sum(len(numbers(lines)) for lines in nodes(one).values()) for one in frames]
    assert known == [3, 4, 5, 7, 9]  # inputs, a, b; then the gradients of a and z, of x and y
    now = [
        {texts(one)[0] for one in tree(frame).iter(f"{SVG}g") if " now" in one.get("class", "")}
        for frame in frames
    ]
    assert now == [{"x", "y", "z"}, {"a"}, {"b"}, {"a", "z"}, {"x", "y"}]
    assert len({(one.width, one.height) for one in frames}) == 1
    assert nodes(frames[-1]) == nodes(gallery_examples.product_and_sum())
    assert any("= ?" in line for line in nodes(frames[0])["b"])


@pytest.mark.lecture("T1.G14")
def test_which_function_ends_in_the_gradients_of_all_parameters():
    shown_texts = texts(gallery_examples.which_function())
    z = 1.5 * 2.0 - 0.5
    e = max(z, 0) - 1
    assert f"= {e**2:.6g}" in shown_texts
    assert f"∂cost/∂w = {2 * e * 2.0:.6g}" in shown_texts
    assert f"∂cost/∂b = {2 * e:.6g}" in shown_texts


@pytest.mark.lecture("T1.G15")
def test_scalar_backpropagation():
    """Every partial of 2-3-3-1, against the formulas worked by hand on the weights shown."""
    found = shown(gallery_examples.scalar_backpropagation)
    links = [name.removeprefix("W.") for name in found if name.startswith("W.")]
    layers = [("ab", "cde"), ("cde", "fgh"), ("fgh", "z")]
    assert len(links) + len([name for name in found if name.startswith("bias.")]) == 25
    value, bar = {k: found[k]["value"] for k in "ab"}, {}
    for sources, sinks in layers:
        for j in sinks:
            bar[j] = found[f"bias.{j}"]["value"]
            bar[j] += sum(found[f"W.{i}{j}"]["value"] * value[i] for i in sources)
            value[j] = 1 / (1 + np.exp(-bar[j]))
    slope, slope_bar = {"z": 1.0}, {}
    for sources, sinks in reversed(layers):
        for j in sinks:
            slope_bar[j] = slope[j] * value[j] * (1 - value[j])  # dz/df̄ = dz/df · s'(f̄)
        for i in sources:
            slope[i] = sum(found[f"W.{i}{j}"]["value"] * slope_bar[j] for j in sinks)
    for i, j in links:
        assert found[f"W.{i}{j}"][f"∂z/∂W.{i}{j}"] == pytest.approx(
            slope_bar[j] * value[i], rel=1e-4
        )
    for j in "cdefghz":
        assert found[f"bias.{j}"][f"∂z/∂bias.{j}"] == pytest.approx(slope_bar[j], rel=1e-4)
        assert found[f"{j}_"]["value"] == pytest.approx(bar[j], rel=1e-4)
        assert found[j]["value"] == pytest.approx(value[j], rel=1e-4)
        if j != "z":
            assert found[j][f"∂z/∂{j}"] == pytest.approx(slope[j], rel=1e-4)


@pytest.mark.lecture("T1.G19")
@pytest.mark.lecture("T1.G20")
def test_two_layer_regression():
    """(6.24), (6.26a), (6.27) on the numbers of the picture; it reads the cached q and z."""
    picture = gallery_examples.two_layer_regression()
    lines = {head.split()[0]: rows[-1] for head, rows in nodes(picture).items()}
    W1, b1 = np.array([[0.5, 0.25], [1.0, -0.5], [-1.0, 0.5]]), np.array([0.1, 0.0, -0.2])
    W2, b2, x, y = np.array([[1.0, -0.5, 2.0]]), np.array([0.3]), np.array([1.0, -2.0]), 0.7
    z1 = W1 @ x + b1
    q1 = np.maximum(z1, 0)
    z2 = W2 @ q1 + b2
    dz2 = -2 * (y - z2)
    dq1 = W2.T @ dz2
    dz1 = dq1 * (z1 > 0)
    for name, array in {"z1": z1, "q1": q1, "z2": z2, "∂z2": dz2, "∂q1": dq1, "∂z1": dz1}.items():
        assert values(lines[name]) == pytest.approx(array.tolist(), rel=1e-3)
    assert values(lines["∂W2"]) == pytest.approx((dz2 * q1).tolist(), rel=1e-3)
    dW1 = np.outer(dz1, x)
    assert values(lines["∂W1"]) == pytest.approx([dW1.min(), dW1.max(), dW1.mean()], rel=2e-3)
    assert float(lines["cost"].removeprefix("= ")) == pytest.approx((y - z2[0]) ** 2)
    ports = [
        texts(one)[0]
        for one in tree(picture).iter(f"{SVG}g")
        if one.get("class") == "node port backward"
    ]
    assert {"q1", "z1"} <= set(ports)


def values(line):
    text = line.removeprefix("= ").replace("mean", "").replace("…", ",")
    return [float(v) for v in text.replace("[", "").replace("]", "").split(",") if v.strip()]


@pytest.mark.lecture("T1.G13")
@pytest.mark.lecture("T1.G19")
def test_the_step_of_a_two_layer_regression_has_an_update_for_each_weight():
    """(6.23): w - γ·gradient, in the row of the update and the column of the layer."""
    found = nodes(gallery_examples.two_layer_regression_step())
    updates = [lines[0] for lines in found.values() if lines and "subtract(params" in lines[0]]
    assert [text.split("params.")[1].split(",")[0] for text in updates] == [
        *("hidden.W", "hidden.b", "out.W", "out.b")
    ]
    assert {"forward", "backward", "update", "inputs"} <= set(
        texts(gallery_examples.two_layer_regression_step())
    )


@pytest.mark.lecture("T1.C11")
def test_xor():
    """Weights, outputs 0, 1, 1, 0, and both 1s at the feature (1, 0)."""
    drawn = texts(gallery_examples.xor_network())
    assert sorted(t for t in drawn if t[0] in "+−") == ["+1"] * 5 + ["−1", "−2"]
    features = texts(gallery_examples.xor_features())
    assert [t for t in features if t.startswith("y = ")] == ["y = 0", "y = 1", "y = 1", "y = 0"]
    assert [t for t in features if t.startswith("(")] == ["(0, 0)", "(1, 0)", "(2, 1)"]


@pytest.mark.lecture("T1.A11")
def test_hyperplane_features():
    drawn = texts(gallery_examples.hyperplane_features())
    assert [t for t in drawn if t.startswith("(")] == [
        *("(-1, -1, +1, -1)", "(-1, +1, +1, -1)", "(-1, -1, -1, -1)")
    ]
    assert {"u₁: −1 to 1", "u₄: −1 to 1", "class 0", "class 1"} <= set(drawn)


@pytest.mark.lecture("T1.J6")
def test_losses_against_the_margin_and_activations():
    drawn = texts(gallery_figures.losses_against_the_margin())
    assert {"0/1 error", "hinge", "squared", "logistic", "margin t·y"} <= set(drawn)
    curves = {}
    picture = gallery_figures.losses_against_the_margin()
    paths = [p for p in tree(picture).iter(f"{SVG}path") if p.get("stroke-width") == "2"]
    at = lambda x: 54 + (x + 2) / 5 * (400 - 16 - 54)  # noqa: E731
    for name, one in zip(("0/1", "hinge", "squared", "logistic"), paths, strict=True):
        points = [
            tuple(map(float, pair.split()))
            for pair in one.get("d").replace("M", "L").split("L")
            if pair
        ]
        xs, ys = np.array(points).T
        heights = -0.2 + (320 - 46 - ys) / (320 - 46 - 34) * 4.2
        curves[name] = lambda x, xs=xs, heights=heights: float(np.interp(at(x), xs, heights))
    for x in (-0.5, 0.5, 1.5, 2.5):
        assert curves["hinge"](x) == pytest.approx(max(0, 1 - x), abs=0.02)
        assert curves["squared"](x) == pytest.approx((1 - x) ** 2, abs=0.03)
        assert curves["logistic"](x) == pytest.approx(np.log1p(np.exp(-x)), abs=0.02)
        assert curves["0/1"](x) == pytest.approx(float(x < 0), abs=0.02)
    names = texts(gallery_figures.activations())
    assert {"sigmoid: 1/(1 + e⁻ˣ)", "tanh", "ReLU: max(0, x)"} <= set(names)


@pytest.mark.lecture("T1.J6")
def test_the_least_sum_with_l1_lies_on_an_axis_and_with_l2_beside_it():
    """Closed forms for error (w₁ - 1.6)² + (w₂ - 0.4)²: soft threshold ½, and division by 2."""
    drawn = texts(gallery_figures.penalties())
    assert {"L1: (1.1, 0)", "L2: (0.8, 0.2)", "least error"} <= set(drawn)


@pytest.mark.lecture("T1.J6")
def test_slopes_of_the_chain_rule():
    drawn = texts(gallery_figures.chain_rule_slopes())
    assert {"slope 1.5 at 1", "slope 2.25 at 0.75", "slope 3.375 at 1"} <= set(drawn)
    assert 1.5 * 2.25 == 3.375


@pytest.mark.lecture("T1.J8")
def test_the_nerve_cell_and_the_history():
    story = set(texts(gallery_figures.nerve_cell()))
    assert {"dendrites", "axon", "synapses", "action potential: all or none"} <= story
    assert "synapses on it: + excitatory, − inhibitory" in story
    line = gallery_figures.history_line()
    assert [one.get("data-year") for one in tree(line).iter() if one.get("data-year")] == [
        *("1949", "1958", "1985", "1995", "2012")
    ]
    named = {"Hebb", "Rosenblatt", "Backpropagation", "Support vector machine", "AlexNet"}
    assert named <= set(texts(line))


def test_the_page_and_the_files_are_those_of_the_code():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == gallery.page(), "make gallery"
    assert {one.name for one in FOLDER.glob("*.svg")} == {gallery.file_name(f) for f in ALL}
    for function in ALL:
        size = (FOLDER / gallery.file_name(function)).stat().st_size
        assert size < 100_000, f"{function.__name__}: {size}"


# What training ends in may differ in its last digits from machine to machine.
TRAINED = {"learned_features", "decision_boundary", "training_curves", "margin"}


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
def test_a_file_of_the_gallery(function):
    """It is well-formed, its words are inside, no box covers another, and it is up to date."""
    text = (FOLDER / gallery.file_name(function)).read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("aria-label") and width < 3500 and height < 1500
    if function.__name__ in TRAINED:
        return
    picture = function()
    assert overlaps([(x, y, w, h) for x, y, w, h in boxes_alone(picture)]) == []
    assert picture.svg == text, "make gallery"


def boxes_alone(picture):
    """Boxes of a picture that is not put together of several."""
    return boxes(picture) if "translate(" not in picture.svg else []
