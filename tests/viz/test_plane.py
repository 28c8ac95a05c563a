"""Curves, level lines, regions and surfaces, against what is known of the functions."""

import base64
import re
import zlib

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.viz.axes import Axes, contour, png, ticks
from tests.viz.reading import SVG, texts, tree

AREA = ((-2, 2), (-2, 2))
RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal((-1, -1), 0.6, (20, 2)), RNG.normal((1, 1), 0.6, (20, 2))])
Y = np.repeat([-1, 1], 20)


def test_level_lines_of_a_circle():
    x = np.linspace(-2, 2, 81)
    values = x[None, :] ** 2 + x[:, None] ** 2
    (line,) = contour(values, 1.0)
    points = -2 + np.array(line) / 80 * 4
    np.testing.assert_allclose(np.hypot(*points.T), 1, atol=1e-3)
    assert line[0] == line[-1]
    turn = np.diff(np.unwrap(np.arctan2(points[:, 1], points[:, 0]))).sum()
    assert abs(turn) == pytest.approx(2 * np.pi)


@pytest.mark.parametrize("seed", range(4))
def test_every_place_where_a_random_surface_crosses_the_level_is_on_a_line(seed):
    values = np.random.default_rng(seed).normal(size=(12, 15))
    crossings = set()
    for axis in (0, 1):
        a, b = (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])
        for r, c in np.argwhere((a > 0) != (b > 0)):
            share = a[r, c] / (a[r, c] - b[r, c])
            crossings.add((round(c + share * axis, 9), round(r + share * (1 - axis), 9)))
    lines = contour(values, 0.0)
    found = [(round(x, 9), round(y, 9)) for line in lines for x, y in line]
    assert set(found) == crossings
    closed = sum(line[0] == line[-1] for line in lines)
    assert len(found) == len(crossings) + closed  # each once, but where a line closes


def test_level_lines_leave_out_what_is_not_finite():
    values = np.arange(25.0).reshape(5, 5)
    values[2, 2] = np.nan
    assert all(np.isfinite(line).all() for line in contour(values, 11.5))


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.06, 1.06, [0, 0.5, 1]),
        (-4, 4, [-4, -2, 0, 2, 4]),
        (1, 60, [20, 40, 60]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low, high, wanted):
    assert ticks(low, high) == pytest.approx(wanted)


def test_pixels_as_a_png_file():
    pixels = RNG.integers(0, 256, size=(3, 5, 4)).astype(np.uint8)
    data = png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[16:24] == b"\0\0\0\5\0\0\0\3"
    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(3, 21)
    assert (rows[:, 0] == 0).all() and (rows[:, 1:].reshape(3, 5, 4) == pixels).all()


def levels(picture):
    """The points of the level lines by their level, in pixels."""
    found = {}
    for one in tree(picture).iter(f"{SVG}g"):
        if one.get("class") == "level":
            pairs = re.findall(r"(-?[\d.]+) (-?[\d.]+)", one.find(f"{SVG}path").get("d"))
            found[float(one.get("data-level"))] = np.array(pairs, float)
    return found


@pytest.mark.lecture("T1.J6")
def test_boundary_and_margin_of_a_machine_are_its_scores():
    """On the line the score is 0, on the dashed lines it is ±1; support vectors have rings."""
    machine = pel.svm.SVC(kernel="linear", C=1.0).fit(X, Y)
    picture = pel.draw(machine, X, Y)
    assert set(levels(picture)) == {-1.0, 0.0, 1.0}
    plain = pel.viz.boundary(machine, X, Y, area=AREA)
    for level, pixels in levels(plain).items():
        x = -2 + (pixels[:, 0] - 54) / (400 - 16 - 54) * 4
        y = -2 + (320 - 46 - pixels[:, 1]) / (320 - 46 - 34) * 4
        scores = machine.decision_function(np.stack([x, y], 1))
        np.testing.assert_allclose(scores, level, atol=0.02)
    rings = [one for one in tree(picture).iter(f"{SVG}circle") if "bare" in one.get("class")]
    assert len(rings) == len(machine.support) + 1  # and one in the legend
    assert f"{len(machine.support)} support vectors" in texts(picture)
    assert {"class -1", "class 1", "+", "−"} <= set(texts(picture))


def test_scikit_learns_spelling_is_drawn_alike_and_logistic_regression_has_no_margin():
    sklearn = pytest.importorskip("pellucid.sklearn")
    own = pel.svm.SVC(kernel="linear").fit(X, Y)
    assert pel.draw(sklearn.SVC(kernel="linear").fit(X, Y), X, Y).svg == pel.draw(own, X, Y).svg
    for kind in (pel.svm.KernelLogisticRegression, sklearn.KernelLogisticRegression):
        shown = texts(pel.draw(kind().fit(X, Y), X, Y))
        assert not any("support vectors" in one or "margin" in one for one in shown)


def test_the_threshold_of_a_model_is_the_middle_between_its_labels():
    def function(rows):
        return rows[:, :1]

    for labels, middle in ((np.repeat([0, 1], 20), 0.5), (Y, 0.0)):
        (level,) = levels(pel.viz.boundary(function, X, labels))
        assert level == middle


def test_regions_of_three_classes():
    def function(rows):
        return np.stack([-rows[:, 0], rows[:, 0], 3 * rows[:, 1] - 3], 1)

    labels = np.arange(40) % 3
    picture = pel.viz.boundary(function, X, labels, area=AREA)
    assert {"class 0", "class 1", "class 2"} <= set(texts(picture))
    assert len(re.findall('class="level"', picture.svg)) == 3


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_regions_of_a_machine_are_its_predictions(shape):
    """With scores of pairs of classes the largest score names no class."""
    points = np.array([[-1.0, -1.0], [1.0, -1.0], [0.0, 1.2], [-1.2, 1.2]])
    rows = np.concatenate([points + RNG.normal(scale=0.2, size=(4, 2)) for _ in range(6)])
    labels = np.tile(np.arange(4), 6)
    machine = pel.svm.SVC(decision_function_shape=shape).fit(rows, labels)
    picture = pel.viz.boundary(machine, rows, labels, area=AREA)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", picture.svg)[1])
    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    height = int.from_bytes(data[20:24], "big")
    pixels = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, -1)[:, 1:]
    kinds = [tuple(one) for one in pixels.reshape(height, height, 4)[::-1].reshape(-1, 4).tolist()]
    grid = np.linspace(-2, 2, height)
    predicted = machine.predict(np.stack([v.ravel() for v in np.meshgrid(grid, grid)], 1))
    by_class = {
        k: {kind for kind, one in zip(kinds, predicted, strict=True) if one == k} for k in range(4)
    }
    assert all(len(found) == 1 for found in by_class.values())
    assert len(set(kinds)) == 3  # blue, vermillion and clear; the borders tell the rest


def test_kernel_logistic_regression_has_no_margin():
    machine = pel.svm.KernelLogisticRegression().fit(X, Y)
    assert set(levels(pel.draw(machine, X, Y))) == {0.0}


@pytest.mark.lecture("T1.C14")
def test_features_of_hidden_units():
    """Step units give binary features, sigmoids values between 0 and 1 that mimic them."""
    model = pel.Sequential([nn.Dense(2, "step", input_shape=(2,)), nn.Dense(1)])
    weights = [[[1, 0], [0, -3]], [-0.5, 1.5], [[1], [1]], [0]]
    model.set_weights(weights)
    hidden = pel.Sequential(model.layers[:1])
    points = RNG.uniform(-2, 2, size=(50, 2))
    assert set(np.unique(hidden.predict(points))) == {0, 1}
    picture = pel.viz.features(hidden, AREA)
    assert [text for text in texts(picture) if " to " in text] == [
        "h₁: 0.00 to 1.00",
        "h₂: 0.00 to 1.00",
    ]
    smooth = pel.Sequential([nn.Dense(2, "sigmoid", input_shape=(2,))])
    smooth.set_weights(weights[:2])
    assert ((smooth.predict(points) > 0.5) == (hidden.predict(points) > 0.5)).all()
    # Where the unit changes side: x = 0.5 for the first, at the same place for both kinds.
    for kind in (hidden, smooth):
        first = levels(pel.viz.features(lambda rows, kind=kind: kind.predict(rows)[:, :1], AREA))
        (pixels,) = first.values()
        x = -2 + (pixels[:, 0] - 54) / (230 - 16 - 54) * 4
        np.testing.assert_allclose(x, 0.5, atol=0.03)


def test_a_heat_map_is_blue_above_the_middle_and_vermillion_below():
    axes = Axes((0, 1), (0, 1))
    axes.heat(np.array([[-1.0, 0.0, 1.0]]), 0.0, 1.0)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", axes.parts[0])[1])
    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    low, middle, high = np.frombuffer(zlib.decompress(body), np.uint8)[1:].reshape(3, 4)
    assert middle[3] == 0  # clear: the ground of the page is seen
    assert low[0] > low[2] and high[2] > high[0] and low[3] == high[3] > 0


@pytest.mark.lecture("T1.J6")
def test_the_slope_of_a_tangent_is_the_gradient():
    picture = pel.viz.plot({"f": lambda x: 1.5 * x**2}, -1, 2, tangent=0.75)
    assert "slope 2.25 at 0.75" in texts(picture)


def test_curves_leave_out_what_is_outside_or_not_finite():
    picture = pel.viz.plot({"1/x": lambda x: 1 / np.where(x == 0, np.nan, x)}, -1, 1, y=(-5, 5))
    (curve,) = (
        one for one in tree(picture).iter(f"{SVG}path") if "plus-line" in one.get("class", "")
    )
    assert curve.get("d").count("M") == 2
    ys = [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", curve.get("d"))]
    assert min(ys) >= 34 and max(ys) <= 320 - 46


@pytest.mark.lecture("T1.J6")
def test_a_surface_says_its_heights_and_shades_by_them():
    picture = pel.viz.surface(lambda w: (w**2).sum(1), AREA)
    assert "height: 0.0356 to 8" in texts(picture)  # 16 places a side miss 0 itself
    shades = re.findall(r"shade(\d)", picture.svg.split("</style>")[1])
    assert set(shades) == set("01234567") and len(shades) == 15 * 15


def test_the_curves_of_a_run_end_in_its_last_values():
    model = pel.Sequential([nn.Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_cross_entropy", ["accuracy"])
    labels = (Y + 1) // 2
    history = model.fit(X, labels, epochs=3, validation_data=(X, labels), seed=0, verbose=0)
    shown = texts(pel.draw(history))
    for name, of in (("training", "loss"), ("validation", "val_loss"), ("training", "accuracy")):
        assert f"{name}, last {history.epochs[of][-1]:.4g}" in shown
    assert "No epoch has ended yet." in texts(pel.draw(pel.Sequential().history))


@pytest.mark.parametrize("form", [list, np.array, lambda y: np.array(y, object)])
def test_labels_may_be_names_in_every_form_that_fit_takes(form):
    names = ["no" if y < 0 else "yes" for y in Y]
    machine = pel.svm.SVC().fit(X, form(names))
    assert {"class no", "class yes"} <= set(texts(pel.draw(machine, X, form(names))))
