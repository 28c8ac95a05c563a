"""Two runs, the plane as two units see it, and pictures, in Chromium, as a person uses them."""

import re

import numpy as np
import pytest

pytest.importorskip("websockets")

from tests.web.browser import chromium
from tests.web.test_playground_browser import Ground

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def shared(browser):
    one = Ground(browser)
    yield one
    one.close()
    assert not one.errors


@pytest.fixture
def ground(shared):
    """The shared page with the settings that it begins with, without a second run."""

    def frames():
        return int(shared.page.evaluate("document.body.dataset.frames"))

    model, drawn = id(shared.session.model), frames()
    shared.made._worker.submit("compare", {"values": {}})
    shared.made._worker.submit("address", {"text": ""})
    shared.until(lambda: id(shared.session.model) != model and not shared.session.playing)
    shared.until(lambda: frames() > drawn)
    return shared


def beside(ground, act):
    """A second run that differs by what `act` changes."""
    ground.press("Choose what differs")
    act()
    ground.until(lambda: ground.session.second is not None)
    ground.get("output-second").wait_for()


def test_two_runs_side_by_side(ground):
    beside(ground, lambda: ground.get("all-activations").select_option("relu"))
    assert ground.session.settings.layers[0].activation == "tanh"
    assert ground.get("compare-text").text_content() == (
        "First run: activation tanh. Second run: activation relu."
    )
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == ground.session.second.epoch == 1)
    ground.page.locator("#epoch", has_text=re.compile("^1$")).wait_for()
    shown = [ground.get(name) for name in ("train-loss", "second-train-loss")]
    ground.until(lambda: all(one.text_content() for one in shown))
    losses = [one.scores["train"]["loss"] for one in (ground.session, ground.session.second)]
    assert [float(one.text_content()) for one in shown] == pytest.approx(losses, abs=1e-4)
    # Four lines, each in its colour, and circles on those of the second.
    found = ground.page.evaluate(
        """() => {
            const c = document.getElementById("curve"), seen = new Set();
            const style = getComputedStyle(document.documentElement);
            const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            const hex = (v) => v.toString(16).padStart(2, "0");
            for (let i = 0; i < data.length; i += 4) {
                const rgb = [0, 1, 2].map((k) => hex(data[i + k])).join("");
                if (data[i + 3] > 250) seen.add(`#${rgb}`);
            }
            const wanted = (name) => style.getPropertyValue(name).trim().toLowerCase();
            return ["--blue", "--orange", "--second", "--second-test"].map(
                (name) => seen.has(wanted(name)));
        }"""
    )
    assert found == [True] * 4
    maps = ground.page.evaluate(
        "['map', 'map-second'].map((id) => document.getElementById(id).toDataURL())"
    )
    assert maps[0] != maps[1]
    ground.get("program-of").select_option("second")
    text = ground.get("program-text").input_value()
    assert "relu" in text and ground.get("program-apply").is_disabled()
    assert text == ground.session.second.program()
    # The units of the second network are looked at by keyboard.
    unit = ground.page.get_by_role("button", name="second run, layer 1, unit 2", exact=True)
    unit.focus()
    hovered = ground.page.evaluate("document.getElementById('map-second').width")
    assert hovered == ground.session.second.look.coarse
    ground.press("End the second run")
    ground.until(lambda: ground.session.second is None)
    ground.get("output-second").wait_for(state="hidden")
    assert ground.get("program-text").input_value() == ground.session.program()


@pytest.mark.parametrize(
    ("act", "name", "words"),
    [
        (lambda g: g.get("learning-rate").select_option("0.3"), "optimizer", "learning rate 0.3"),
        (lambda g: g.get("optimizer").select_option("Adam"), "optimizer", "Adam"),
        (lambda g: g.get("penalty").select_option("L1"), "penalties", "L1"),
        (lambda g: g.press("Add a hidden layer"), "layers", "layers 4 tanh, 2 tanh, 4 tanh"),
        (lambda g: g.press("x1*x2"), "features", "features x1, x2, x1*x2"),
    ],
    ids=["rate", "optimizer", "penalty", "layers", "features"],
)
def test_any_setting_can_be_the_one_that_differs(ground, act, name, words):
    beside(ground, lambda: act(ground))
    assert list(ground.session.differs) == [name]
    assert words in ground.get("compare-text").text_content()


def test_data_cannot_differ(ground):
    ground.press("Choose what differs")
    ground.get("data-name").select_option("xor")
    ground.page.get_by_text("two runs have the same data").wait_for()
    assert ground.session.settings.data == "circle" and ground.session.second is None
    assert ground.get("compare").get_attribute("aria-pressed") == "false"
    assert ground.get("data-name").input_value() == "circle"  # and shows what stands


# -- the plane as two units see it ----------------------------------------------------------------


def pixels(ground):
    return ground.page.evaluate("document.getElementById('units-map').toDataURL()")


def test_the_plane_as_two_units_see_it(ground):
    column = ground.get("units-column")
    shown = column.locator("option").all_text_contents()
    assert shown == ["not shown", "features", "layer 1", "layer 2"]  # one output has no plane
    column.focus()
    column.press("End")  # by keyboard: the last of them
    ground.until(lambda: ground.session.units == (2, 0, 1))
    picture = ground.get("units-map")
    picture.wait_for()
    assert "as unit 1 (across) and unit 2 (up) of layer 2" in picture.get_attribute("aria-label")
    before = pixels(ground)
    ground.press("Play")  # live while it trains
    ground.until(lambda: ground.session.epoch > 30)
    ground.until(lambda: pixels(ground) != before)
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    column.select_option("1")
    ground.get("units-up").select_option("2")
    ground.until(lambda: ground.session.units == (1, 0, 2))
    picture.focus()
    ground.page.keyboard.press("ArrowRight")
    ground.page.keyboard.press("ArrowDown")
    ground.until(lambda: ground.session.units == (1, 1, 1))
    ground.page.keyboard.press("ArrowUp")
    ground.until(lambda: ground.session.units == (1, 1, 2))
    assert ground.get("units-across").input_value() == "1"
    # The border, drawn black: its pixels lie where the session says.
    dark = ground.page.evaluate(
        """() => {
            const c = document.getElementById("units-map"), {width: w} = c;
            const {data} = c.getContext("2d").getImageData(0, 0, w, c.height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4) {
                n += data[i] + data[i + 1] + data[i + 2] < 60 && data[i + 3] > 200;
            }
            return n;
        }"""
    )
    assert dark > 100
    before = pixels(ground)
    box = ground.get("map").bounding_box()  # the cursor on the map stands there too
    ground.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    ground.until(lambda: pixels(ground) != before)
    column.select_option("")
    ground.until(lambda: ground.session.units is None)
    picture.wait_for(state="hidden")


# -- pictures -------------------------------------------------------------------------------------


def test_digits_are_drawn_and_predicted(ground):
    ground.get("data-name").select_option("digits")
    ground.until(lambda: ground.session.rows.picture)
    ground.page.get_by_role("button", name="More units in layer 1").click()
    ground.until(lambda: ground.session.settings.layers[0].units == 5)
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    board = ground.get("board")
    board.wait_for()
    assert not ground.get("features").is_visible() and not ground.get("discretize").is_visible()
    board.hover()  # a one, by mouse
    box = board.bounding_box()
    spot = lambda row, column: (  # noqa: E731
        box["x"] + box["width"] * (column + 0.5) / 8,
        box["y"] + box["height"] * (row + 0.5) / 8,
    )
    ground.page.mouse.move(*spot(1, 4))
    ground.page.mouse.down()
    ground.page.mouse.move(*spot(6, 4), steps=12)
    ground.page.mouse.up()
    ground.until(lambda: ground.session.board and ground.session.board[6 * 8 + 4] == 1)
    ink = np.reshape(ground.session.board, (8, 8))
    assert (ink[1:7, 4] == 1).all() and (ink[1:7, 3] == 0.45).all() and not ink[:, :2].any()
    chances = ground.session.model.predict_proba([ground.session.board])[0]
    bars = ground.get("bars").locator("li")
    wanted = f"{int(chances.argmax())}{100 * chances.max():.1f} %"
    ground.page.locator("#bars .chosen", has_text=wanted).wait_for()
    assert bars.count() == 10
    board.focus()  # and by keyboard
    ground.page.keyboard.press("Delete")
    ground.until(lambda: not any(ground.session.board))
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Space"):
        ground.page.keyboard.press(key)
    ground.until(lambda: ground.session.board[4 * 8 + 3] == 1)
    assert "Row 5, column 4, ink 1.00" in board.get_attribute("aria-label")
    before = ground.get("bars").text_content()
    ground.press("Play")  # live while it trains
    ground.until(lambda: ground.session.epoch > 5)
    ground.until(lambda: ground.get("bars").text_content() != before)
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    ground.until(lambda: ground.get("play").text_content() == "Play")
    worst = ground.get("worst").get_by_role("button")
    ground.until(lambda: worst.count() == 12)
    first = ground.session.scores["worst"][0]
    assert f"{first['true']}, taken for {first['chosen']}" in worst.first.get_attribute(
        "aria-label"
    )
    worst.first.click()
    pixels = ground.session.rows.x[first["row"]]
    ground.until(lambda: np.allclose(ground.session.board, pixels))
    assert ground.get("confusion").locator("tr").count() == 11
    # A unit of the first layer shows its 64 weights large, and as fields.
    unit = ground.page.get_by_role("button", name="layer 1, unit 5", exact=True)
    unit.hover()
    assert ground.page.evaluate("document.getElementById('map').width") == 8
    unit.click()
    field = ground.page.get_by_label("from row 5, column 4", exact=True)
    value = float(field.input_value())
    assert value == pytest.approx(ground.session.model.weights["dense_1.W"][4 * 8 + 3, 4], abs=1e-6)
    ground.page.keyboard.press("Escape")
    ground.press("Next test picture")
    first = ground.session.rows.x[ground.session.rows.held[0]]
    ground.until(lambda: np.allclose(ground.session.board, first))
    ground.get("data-name").select_option("circle")
    ground.until(lambda: ground.session.rows.picture is None)
    board.wait_for(state="hidden")
