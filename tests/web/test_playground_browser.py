"""The playground in Chromium, as a person uses it: docs/playground.md names these tests."""

import io
import json
import math
import re
import subprocess
import sys
import time
import urllib.parse

import numpy as np
import pytest

pytest.importorskip("websockets")

import pellucid as pel
from pellucid.nn import Dense
from pellucid.web.playing import Playing
from pellucid.web.program import from_address
from pellucid.web.session import Session
from tests.web.browser import chromium

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


class Ground:
    """A page of a session of its own, and all that went wrong in it."""

    def __init__(self, browser, address="", make=None, **options):
        self.made = Playing(make or (lambda: Session(from_address(address))))
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors, self.requests = [], []
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.set_default_timeout(60_000)
        self.page.goto(self.made.address)
        self.page.locator("body[data-frames]").wait_for()

    @property
    def session(self):
        return self.made.session

    def get(self, name):
        return self.page.locator(f"#{name}")

    def until(self, what, seconds=60):
        """Waits until the session has done what a person asked for."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.get("message").text_content()
            self.page.wait_for_timeout(20)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def close(self):
        self.context.close()
        self.made.close()


@pytest.fixture(scope="module")
def shared(browser):
    """One page for the tests that leave it as they found it, or say what they want first."""
    one = Ground(browser)
    yield one
    one.close()
    assert not one.errors


@pytest.fixture
def ground(shared):
    """The shared page with the settings that it begins with, drawn."""

    def frames():
        return int(shared.page.evaluate("document.body.dataset.frames"))

    def current():
        shown = shared.page.locator(".link title").first.text_content().rpartition(": ")[2]
        return abs(float(shown) - shared.session.model.weights["dense_1.W"][0, 0]) < 1e-4

    shared.page.mouse.move(0, 0)
    shared.page.evaluate("document.getElementById('unit').close()")
    model, drawn = id(shared.session.model), frames()
    shared.made._worker.submit("address", {"text": ""})
    shared.until(lambda: id(shared.session.model) != model and not shared.session.playing)
    shared.until(lambda: frames() > drawn)
    shared.until(current)  # a frame may have been of the model before
    return shared


def chosen(ground, name, value):
    ground.get(name).select_option(value)


@pytest.mark.lecture("T1.J2")
def test_play_pause_step_and_reset(ground):  # P1
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    ground.until(lambda: ground.get("epoch").text_content() == "1")
    ground.press("Play")
    ground.until(lambda: ground.session.epoch > 50)
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    before = ground.session.model.get_weights()
    ground.press("Reset")
    ground.until(lambda: ground.session.epoch == 0)
    assert not np.array_equal(before[0], ground.session.model.get_weights()[0])


def test_learning_rates(ground):  # P2
    rates = ground.get("learning-rate").locator("option").all_text_contents()
    wanted = [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
    assert [float(one) for one in rates] == wanted
    assert float(ground.get("learning-rate").input_value()) == 0.03
    chosen(ground, "learning-rate", "0.3")
    ground.until(lambda: ground.session.settings.now()[0].learning_rate == 0.3)


def test_activations_of_all_hidden_units(ground):  # P3
    names = ground.get("all-activations").locator("option").all_text_contents()
    assert {"relu", "tanh", "sigmoid", "linear"} <= set(names)
    chosen(ground, "all-activations", "relu")
    ground.until(lambda: ground.session.settings.layers[0].activation == "relu")
    layers = ground.session.settings.layers
    assert [one.activation for one in layers] == ["relu", "relu", "tanh"]
    chosen(ground, "problem", "values")
    ground.until(lambda: ground.session.settings.data == "plane")
    assert ground.session.settings.layers[-1].activation is None


def test_a_rate_acts_without_a_reset_and_l1_makes_dead_links(ground):  # P4
    chosen(ground, "penalty", "L1")
    ground.until(lambda: ground.session.settings.penalties)
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    chosen(ground, "strength", "1")
    chosen(ground, "learning-rate", "0.3")
    ground.until(lambda: ground.session.settings.now()[0].learning_rate == 0.3)
    assert ground.session.epoch == 1
    for n in range(2, 8):
        ground.press("Step")
        ground.until(lambda n=n: ground.session.epoch == n)
    zeros = sum(int((w == 0).sum()) for n, w in ground.session.model.weights.items() if "W" in n)
    assert zeros > 0
    ground.until(lambda: ground.page.locator(".link.dead").count() == zeros)
    assert "after epoch 1" in ground.get("changes").text_content()
    chosen(ground, "penalty", "L2")  # another kind begins anew
    ground.until(lambda: ground.session.epoch == 0)


def test_classification_and_regression(ground):  # P5
    assert ground.get("loss").locator("option:checked").text_content() == "half_squared"
    chosen(ground, "problem", "values")
    ground.until(lambda: ground.session.rows.classes == 0)
    assert ground.get("loss").locator("option:checked").text_content() == "half_squared"
    ground.page.get_by_text("Test R²").wait_for()


def test_every_data_set(ground):  # P6, P7
    names = ground.get("data-name").locator("option").all_text_contents()
    assert names == ["circle", "xor", "gauss", "spiral", "plane", "gaussians", "digits"]
    for name in names[1:]:
        chosen(ground, "data-name", name)
        ground.until(lambda name=name: ground.session.settings.data == name)
    assert not ground.get("message").text_content()


def test_noise_share_batch_and_regenerate(ground):  # P8
    ground.get("noise").fill("25")
    ground.until(lambda: ground.session.settings.noise == 0.25)
    ground.get("held").fill("70")
    ground.until(lambda: ground.session.settings.held == 0.3)
    ground.get("batch-size").fill("25")
    ground.get("batch-size").press("Enter")
    ground.until(lambda: ground.session.settings.batch_size == 25)
    before = ground.session.rows.x
    ground.press("Regenerate")
    ground.until(lambda: ground.session.settings.data_seed == 1)
    assert not np.array_equal(before, ground.session.rows.x)


def test_features_by_click_and_as_a_formula(ground):  # P9
    for name in ("x1**2", "x2**2", "x1*x2", "sin(x1)", "sin(x2)"):
        ground.press(name)
        ground.until(lambda name=name: name in ground.session.settings.features)
    ground.get("feature").fill("tanh(x1 - x2)")
    ground.press("Add")
    ground.until(lambda: "tanh(x1 - x2)" in ground.session.settings.features)
    assert ground.session.model.weights["dense_1.W"].shape[0] == 8


def test_layers_and_units(ground):  # P10, limits lifted
    for n in range(3, 9):
        ground.press("Add a hidden layer")
        ground.until(lambda n=n: len(ground.session.settings.layers) == n + 1)
    for n in range(5, 12):
        ground.page.get_by_role("button", name="More units in layer 1", exact=True).click()
        ground.until(lambda n=n: ground.session.settings.layers[0].units == n)
        ground.get(f"unit-1-{n - 1}").wait_for()  # the diagram was made anew
    ground.page.get_by_role("button", name="Fewer units in layer 2", exact=True).click()
    ground.until(lambda: ground.session.settings.layers[1].units == 1)
    ground.press("Remove the last one")
    ground.until(lambda: len(ground.session.settings.layers) == 8)


def _picture(ground, selector):
    return ground.page.evaluate("s => document.querySelector(s).toDataURL()", selector)


def _colours(ground, selector):
    """The different colours of a canvas."""
    found = ground.page.evaluate(
        """s => {
            const one = document.querySelector(s), all = new Set();
            const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
            for (let i = 0; i < data.length; i += 4) all.add(data.slice(i, i + 3).join());
            return [...all];
        }""",
        selector,
    )
    return {tuple(map(int, one.split(","))) for one in found}


@pytest.mark.lecture("T1.C14")
def test_units_show_their_map_and_hovering_shows_it_large(ground):  # P11
    large = _picture(ground, "#map")
    ground.page.get_by_role("button", name="layer 1, unit 2", exact=True).hover()
    ground.until(lambda: _picture(ground, "#map") != large)
    label = ground.get("map").get_attribute("aria-label")
    assert label.startswith("Unit layer 1, unit 2 over the plane")
    assert _picture(ground, "#map") == _picture(ground, "#unit-1-1 canvas")
    ground.get("program-title").hover()
    ground.until(lambda: _picture(ground, "#map") == large)


def test_links_show_their_weight_and_are_edited(ground):  # P12
    titles = ground.page.locator(".link title").all_text_contents()
    shown = [float(one.rpartition(": ")[2]) for one in titles]
    W = ground.session.model.weights
    wanted = [W[f"dense_{k}.W"] for k in (1, 2, 3)]
    assert np.allclose(shown, np.concatenate([one.T.ravel() for one in wanted]), atol=5e-5)
    for one, w in zip(ground.page.locator(".link").all(), shown, strict=True):
        assert ("plus" in one.get_attribute("class")) == (w > 0)
    ground.page.locator(".link").first.dispatch_event("click")
    ground.get("unit-weights").get_by_label("from x1").fill("1.5")
    ground.get("unit-weights").get_by_label("bias").fill("-0.25")
    ground.page.keyboard.press("Tab")
    ground.until(lambda: ground.session.model.weights["dense_1.b"][0] == -0.25)
    assert ground.session.model.weights["dense_1.W"][0, 0] == 1.5
    ground.press("Close")


def test_the_output_with_test_data_and_discretized(ground):  # P13
    dots, large = _picture(ground, "#dots"), _picture(ground, "#map")
    ground.get("show-test").check()
    assert _picture(ground, "#dots") != dots
    ground.get("discretize").check()
    ground.until(lambda: _picture(ground, "#map") != large)
    colours = _colours(ground, "#map")
    assert colours == {(0, 114, 178), (213, 94, 0)}
    ground.get("show-test").uncheck()
    ground.get("discretize").uncheck()
    assert ground.get("scale").text_content() == "−1+1"


@pytest.mark.lecture("T1.J4")
def test_losses_as_numbers_and_lines(ground):  # P14, elapsed time
    empty = _picture(ground, "#curve")
    ground.press("Play")
    ground.until(lambda: ground.session.epoch > 30)
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    loss = ground.session.look.scores()
    ground.until(lambda: ground.get("train-loss").text_content() == f"{loss['train']['loss']:.4f}")
    assert ground.get("test-loss").text_content() == f"{loss['test']['loss']:.4f}"
    assert _picture(ground, "#curve") != empty
    assert float(ground.get("seconds").text_content().split()[0]) >= 0


def test_the_address_is_a_lesson(browser):  # P15
    link = (
        "data=spiral&noise=0.1&seed=7&features=x1;x2;sin(x1)&hide=training;program"
        "&layers=" + urllib.parse.quote("[Dense(5,'relu',kernel_initializer='zeros'),Dense(1)]")
    )
    one = Ground(browser, f"http://127.0.0.1:1/#{link}")
    try:
        assert not one.page.locator("#training").is_visible()
        assert not one.page.locator("#program").is_visible() and one.get("network").is_visible()
        assert "token" not in one.page.url and "data=spiral" in one.page.url
        assert one.session.settings.seed == 7
        assert (one.session.model.weights["dense_1.W"] == 0).all()  # zero initial weights
        one.page.reload()  # the tab keeps its token
        one.page.locator("body[data-frames]").wait_for()
        assert not one.page.locator("#training").is_visible()
        assert not one.errors
    finally:
        one.close()


# -- what people asked for ----------------------------------------------------------------------


def _table(classes=3, rows=90):
    draw = np.random.default_rng(0)
    names, lines = ["ash", "elm", "oak", "yew"], ["height,width,tree"]
    for i in range(rows):
        x = draw.normal((3 * np.cos(2 * i * np.pi / classes), 3 * np.sin(2 * i * np.pi / classes)))
        lines.append(f"{x[0]:.3f},{x[1]:.3f},{names[i % classes]}")
    return "\n".join(lines)


def test_own_table_chosen_several_classes_and_confusion(ground):
    ground.get("csv").set_input_files(
        {"name": "trees.csv", "mimeType": "text/csv", "buffer": _table().encode()}
    )
    ground.until(lambda: ground.session.rows.classes == 3)
    ground.press("Play")
    ground.until(lambda: ground.session.epoch > 30)
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    heads = ground.get("confusion").locator("th").all_text_contents()
    assert heads[1:4] == ["ash", "elm", "oak"]
    cells = list(map(int, ground.get("confusion").locator("td").all_text_contents()))
    ground.until(lambda: np.sum(cells) == len(ground.session.rows.held))
    assert "Test accuracy" in ground.get("score-list").text_content()
    assert ground.get("scale").text_content() == "ashelmoak"


def test_own_table_pasted_and_dropped(ground):
    for event, kind in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        ground.page.evaluate(
            """([text, event, kind]) => {
                const data = new DataTransfer();
                if (event === "drop") data.items.add(new File([text], "t.csv"));
                else data.setData("text/plain", text);
                const made = event === "drop" ? new DragEvent("drop", {dataTransfer: data})
                    : new ClipboardEvent("paste", {clipboardData: data});
                document.body.dispatchEvent(Object.assign(made, {}));
                dispatchEvent(made);
            }""",
            [_table(2, 30 if event == "paste" else 40), event, kind],
        )
        rows = 30 if event == "paste" else 40
        ground.until(lambda rows=rows: len(ground.session.rows.x) == rows)


def test_points_drawn_by_mouse_and_keyboard(ground):
    ground.get("drawing").check()
    ground.get("map").click(position={"x": 30, "y": 30})
    ground.until(lambda: len(ground.session.rows.x) == 501)
    assert ground.session.rows.x[-1, 0] < -3 and ground.session.rows.x[-1, 1] > 3
    ground.get("drawing").uncheck()
    ground.get("draw-class").fill("2")
    ground.get("map").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Enter"):
        ground.page.keyboard.press(key)
    ground.until(lambda: ground.session.rows.classes == 3)
    ground.page.keyboard.press("Delete")
    ground.until(lambda: len(ground.session.rows.x) == 501)
    ground.get("draw-class").fill("1")


def test_arrays_from_python(browser):
    x, y = pel.data.points("xor", rows=200)
    model = pel.Sequential([Dense(6, "tanh"), Dense(1)], seed=0)
    model.compile("adam", "binary_cross_entropy")
    from pellucid.web.playing import _session

    one = Ground(browser, make=lambda: _session(model, x, y, 0.2, None))
    try:
        before = model.get_weights()
        one.press("Step")
        one.until(lambda: one.session.epoch == 1)
        assert not np.array_equal(before[0], model.get_weights()[0])
        assert one.get("optimizer").input_value() == "Adam" and not one.errors
    finally:
        one.close()


def test_data_from_a_formula(ground):
    ground.get("formula").fill("x2 > 2*sin(x1)")
    ground.press("Use")
    ground.until(lambda: ground.session.settings.data == "x2 > 2*sin(x1)")
    ground.get("data-name").locator("option:checked", has_text="formula").wait_for(state="attached")
    ground.get("formula").fill("x2 > open('x')")
    ground.press("Use")
    ground.page.get_by_text("unknown function 'open'").wait_for()


def test_cross_entropy_and_hinge(ground):
    for name, units in (("CrossEntropy", 2), ("Hinge", 1), ("BinaryCrossEntropy", 1)):
        chosen(ground, "loss", name)
        ground.until(lambda name=name: type(ground.session.settings.loss).__name__ == name)
        assert ground.session.settings.layers[-1].units == units
        ground.press("Step")
        ground.until(lambda: ground.session.epoch == 1)


def test_a_layer_has_activation_initialization_bias_dropout_and_batch_norm(ground):
    def opened():
        ground.page.get_by_role("button", name="layer 1, unit 1", exact=True).click()
        return ground.get("unit-layer")

    opened().get_by_label("Activation of the layer").select_option("sigmoid")
    ground.until(lambda: ground.session.settings.layers[0].activation == "sigmoid")
    opened().get_by_label("Initial weights of the layer").select_option("he")
    ground.until(lambda: ground.session.settings.layers[0].kernel_initializer == "he")
    opened().get_by_label("Batch normalization").check()
    ground.until(lambda: len(ground.session.settings.layers) == 4)
    opened().get_by_label("Dropout").select_option("0.2")
    ground.until(lambda: len(ground.session.settings.layers) == 5)
    kinds = [type(one).__name__ for one in ground.session.settings.layers]
    assert kinds == ["Dense", "BatchNorm", "Dropout", "Dense", "Dense"]
    ground.page.get_by_role("button", name="output", exact=True).click()
    ground.get("unit-layer").get_by_label("Bias").uncheck()
    ground.until(lambda: ground.session.settings.layers[-1].use_bias is False)
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)


def test_every_optimizer_and_schedule(ground):
    names = ground.get("optimizer").locator("option").all_text_contents()
    assert len(names) == 8
    for name in names[1:]:
        chosen(ground, "optimizer", name)
        ground.until(lambda n=name: type(ground.session.settings.optimizer).__name__ == n)
    chosen(ground, "optimizer", "SGD")
    ground.until(lambda: type(ground.session.settings.optimizer).__name__ == "SGD")
    ground.get("optimizer-fields").get_by_label("momentum").fill("0.9")
    ground.page.keyboard.press("Tab")
    ground.until(lambda: ground.session.settings.optimizer.momentum == 0.9)
    for name in ground.get("schedule").locator("option").all_text_contents()[1:]:
        chosen(ground, "schedule", name)

        def is_named(name=name):
            return type(ground.session.settings.now()[0].learning_rate).__name__ == name

        ground.until(is_named)
    assert not ground.get("message").text_content()


def test_rewind_to_the_same_start(ground):
    start = ground.session.model.get_weights()
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    ground.press("Rewind")
    ground.until(lambda: ground.session.epoch == 0)
    assert all(map(np.array_equal, start, ground.session.model.get_weights()))


def test_the_stop_rule(ground):
    chosen(ground, "stop-kind", "below")
    ground.get("stop-number").fill("0.2")
    ground.page.keyboard.press("Tab")
    ground.until(lambda: ground.session.settings.stop.number == 0.2)
    ground.press("Play")
    ground.page.get_by_text("The stop rule of the training loss").wait_for()
    assert ground.session.model.history.epochs["loss"][-1] <= 0.2


def test_values_under_the_cursor_with_all_digits(ground):
    box = ground.get("map").bounding_box()
    ground.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    ground.get("at").get_by_text("output:").wait_for()
    ground.get("all-digits").check()

    def shown():  # of moves that come fast some are left out
        ground.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        text = ground.get("at").text_content()
        found = re.search(r"x1 = (\S+), x2 = (\S+?)x1", text), re.search(r"output: (\S+)$", text)
        return all(found) and [float(found[0][1]), float(found[0][2]), float(found[1][1])]

    ground.until(lambda: shown() and abs(shown()[0]) < 1)
    x1, x2, out = shown()
    assert out == float(ground.session.model.predict([[x1, x2]])[0, 0])
    ground.get("all-digits").uncheck()


def test_save_and_load_a_model(ground, tmp_path):
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    kept = ground.session.model.get_weights()
    with ground.page.expect_download() as caught:
        ground.press("Save the model")
    place = tmp_path / "model.safetensors"
    caught.value.save_as(place)
    assert all(map(np.array_equal, pel.load(place).get_weights(), kept))
    ground.press("Reset")
    ground.until(lambda: ground.session.epoch == 0)
    ground.get("load").set_input_files(place)
    same = lambda: all(map(np.array_equal, ground.session.model.get_weights(), kept))  # noqa: E731
    ground.until(same)
    ground.page.locator("#epoch", has_text=re.compile("^1$")).wait_for()  # where the file stood
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 2)
    x, y = ground.session.rows.train
    python = pel.load(place)
    python.fit(x, y, batch_size=10, epochs=2, seed=0, verbose=0, resume=True)
    assert all(map(np.array_equal, python.get_weights(), ground.session.model.get_weights()))
    with ground.page.expect_event("download", lambda one: "model" in one.suggested_filename) as got:
        ground.press("Export the program")
    got.value.save_as(tmp_path / "again.safetensors")  # the program loads it
    assert (tmp_path / "again.safetensors").read_bytes() == place.read_bytes()


def test_the_exported_program_ends_in_the_page_s_bits(ground, tmp_path):
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 1)
    chosen(ground, "learning-rate", "0.1")
    ground.until(lambda: ground.session.settings.changes)
    ground.press("Step")
    ground.until(lambda: ground.session.epoch == 2)
    with ground.page.expect_download() as caught:
        ground.press("Export the program")
    caught.value.save_as(tmp_path / "program.py")
    text = (tmp_path / "program.py").read_text()
    assert text == ground.get("program-text").input_value()
    end = "\nimport numpy as np\nnp.savez('w.npz', *model.get_weights())\n"
    (tmp_path / "program.py").write_text(text + end)
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=60)
    wanted = ground.session.model.get_weights()
    with np.load(tmp_path / "w.npz") as found:
        assert all(np.array_equal(found[f"arr_{i}"], w) for i, w in enumerate(wanted))


def test_the_program_panel_changes_the_screen_and_refuses_with_the_line(ground):
    panel = ground.get("program-text")
    text = panel.input_value()
    panel.fill(text.replace("units=4", "units=7").replace("'circle'", "'xor'"))
    ground.press("Use this program")
    ground.until(lambda: ground.session.settings.layers[0].units == 7)
    assert ground.session.settings.data == "xor"
    ground.page.get_by_role("button", name="layer 1, unit 7", exact=True).wait_for()
    bad = ground.session.program() + "\nimport os; os.system('touch /tmp/play-was-run')\n"
    panel.fill(bad)
    ground.press("Use this program")
    line = bad.count("\n") - 0
    ground.page.get_by_text(re.compile(rf"line {line}: only NumPy")).wait_for()
    assert panel.input_value() == bad  # nothing typed is lost
    ground.press("Back to what is on the screen")
    assert panel.input_value() == ground.session.program()


def test_the_first_value_that_is_not_finite_is_explained(ground):
    chosen(ground, "problem", "values")
    ground.until(lambda: ground.session.settings.data == "plane")
    chosen(ground, "all-activations", "linear")
    ground.until(lambda: ground.session.settings.layers[0].activation == "linear")
    chosen(ground, "learning-rate", "10")
    ground.until(lambda: ground.session.settings.now()[0].learning_rate == 10)
    said = ""
    for _ in range(4):  # weights that overflow at the end of a slice are said without a node
        ground.press("Play")
        ground.page.locator("#message", has_text="must stay finite").wait_for()
        ground.until(lambda: ground.get("play").text_content() == "Play")
        said = ground.get("message").text_content()
        if "the loss" in said:
            break
    assert re.search(r"at step \d+; the first value that is not finite is \w+ f32\[", said)


@pytest.mark.lecture("T1.J4")
def test_a_run_of_python_shows_itself(browser):
    import threading

    x, y = pel.data.points("circle")
    model = pel.Sequential([Dense(4, "tanh"), Dense(1, "tanh")], seed=0)
    model.compile(pel.optim.SGD(0.03), "half_squared")
    play = pel.Play(browser=False, paused=True)
    options = {"epochs": 400, "seed": 0, "verbose": 0, "callbacks": [play]}
    run = threading.Thread(target=lambda: model.fit(x, 2 * y - 1, **options), daemon=True)
    run.start()
    while not play.address:
        time.sleep(0.01)
    page = browser.new_page()
    page.goto(play.address)
    page.locator("body[data-frames]").wait_for()
    page.get_by_role("button", name="Step", exact=True).click()
    page.locator("#epoch", has_text=re.compile("^1$")).wait_for()
    page.locator("#learning-rate").select_option("0.1")
    page.get_by_text("Changed without a reset after epoch 1.").wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_text("The run has ended.").wait_for()
    run.join(20)
    page.close()
    assert model.history.memory["steering"] == [1.0, pytest.approx(0.1 / 0.03)]


# -- for everyone ---------------------------------------------------------------------------------


def test_the_aria_tree(ground):
    tree = ground.page.locator("body").aria_snapshot()
    for part in (
        'heading "Pellucid playground"',
        'toolbar "Run"',
        'button "Play"',
        'region "Data"',
        'combobox "Points"',
        'slider "Noise',
        'region "Network"',
        'button "layer 1, unit 1"',
        'button "More units in layer 1"',
        'region "Output"',
        'img "Output over the plane, x1 across, x2 up, with 500 points"',
        'region "Loss"',
        'table "Confusion matrix of the test data"',
        'textbox "Python program"',
        "status",
    ):
        assert part in tree, part


def _contrast(first, second):
    def luminance(colour):
        parts = [v / 255 for v in colour]
        line = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * line[0] + 0.7152 * line[1] + 0.0722 * line[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_classes_are_told_apart_without_colours(ground):
    """Blue circles and orange squares: shapes stand beside colours, and signs beside lines."""
    ground.page.evaluate(
        "async () => { const m = await import('/colours.js'); window.shapes = "
        "[0, 1, 2, 3, 4, 5, 6].map("
        "(k) => { const c = new OffscreenCanvas(20, 20).getContext('2d'); m.mark(c, k, 10, 10, 8);"
        "c.fill(); return Array.from(c.getImageData(0, 0, 20, 20).data).join(); }); }"
    )
    assert len(set(ground.page.evaluate("window.shapes"))) == 7
    dashes = ground.page.locator(".link.minus").first.evaluate(
        "one => getComputedStyle(one).strokeDasharray"
    )
    assert dashes != "none"


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia", "tritanopia", "achromatopsia"])
def test_the_two_sides_of_a_map_differ_under_colour_blindness(ground, kind):
    """As Chromium simulates it: the two ends of the scale, and each of them and the middle."""
    image = pytest.importorskip("PIL.Image")
    tools = ground.context.new_cdp_session(ground.page)
    tools.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
    shot = image.open(io.BytesIO(ground.page.locator("#scale canvas").screenshot())).convert("RGB")
    tools.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    tools.detach()
    width, height = shot.size
    low, middle, high = (shot.getpixel((x, height // 2)) for x in (3, width // 2, width - 4))
    assert _contrast(low, middle) >= 2.5 and _contrast(high, middle) >= 2.5
    if kind != "achromatopsia":  # there the signs at the ends of the scale and the shapes tell
        assert math.dist(low, high) > 60, (low, high)


def test_reduced_motion_is_obeyed(ground):
    ground.page.emulate_media(reduced_motion="reduce")
    ground.press("Play")
    ground.until(lambda: ground.session.epoch > 20)
    times = ground.page.evaluate(
        """() => new Promise((done) => {
            const times = [];
            new MutationObserver(() => { times.push(performance.now());
                if (times.length === 4) done(times); })
                .observe(document.body, {attributeFilter: ["data-frames"]});
        })"""
    )
    ground.press("Pause")
    ground.until(lambda: not ground.session.playing)
    ground.page.emulate_media(reduced_motion="no-preference")
    assert min(np.diff(times)) > 300  # milliseconds


# -- attacks, by a real browser -------------------------------------------------------------------


def test_another_site_cannot_reach_the_session(browser, ground):
    """A page of another origin tries the socket, the files, a frame and a form."""
    import http.server
    import threading

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>evil</title><body>")

        def log_message(self, *_):
            pass

    evil = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    target = ground.made._server.authority
    page = browser.new_page()
    page.goto(f"http://localhost:{evil.server_port}/")
    found = page.evaluate(
        """async (target) => {
            const socket = await new Promise((done) => {
                const one = new WebSocket(`ws://${target}/socket`);
                one.onopen = () => done("open"); one.onerror = () => done("refused");
            });
            const read = await fetch(`http://${target}/main.js`)
                .then((r) => `read ${r.status}`, () => "refused");
            const script = await new Promise((done) => {
                const one = document.createElement("script");
                one.src = `http://${target}/main.js`; one.type = "module";
                one.onload = () => done("loaded"); one.onerror = () => done("refused");
                document.body.append(one);
            });
            const frame = document.createElement("iframe");
            frame.src = `http://${target}/`;
            document.body.append(frame);
            await new Promise((done) => { frame.onload = done; setTimeout(done, 1500); });
            return {socket, read, script};
        }""",
        target,
    )
    assert found == {"socket": "refused", "read": "refused", "script": "refused"}
    inside = [one for one in page.frames if one != page.main_frame]
    assert all(one.locator("#play").count() == 0 for one in inside)
    page.close()
    evil.shutdown()
    evil.server_close()


def test_without_the_token_the_page_stays_empty(browser, ground):
    for fragment in ("", "#token=wrong"):
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{ground.made._server.authority}/{fragment}")
        page.get_by_text("The address lacks its token").wait_for()
        assert "ready" not in json.loads(
            page.evaluate("JSON.stringify({...document.body.dataset})")
        )
        context.close()


def test_the_policy_stops_inline_scripts_and_strangers(ground):
    found = ground.page.evaluate(
        """async () => {
            const one = document.createElement("script");
            one.textContent = "window.ran = true"; document.body.append(one);
            setTimeout("window.evaluated = true", 0);
            const out = await fetch("http://127.0.0.1:9/").then(() => "sent", () => "stopped");
            one.remove();
            await new Promise((done) => setTimeout(done, 100));
            return [window.ran ?? false, window.evaluated ?? false, out];
        }"""
    )
    ground.errors.clear()  # Chromium says what it stopped
    assert found == [False, False, "stopped"]


def test_the_page_asks_nobody_else(shared):
    own = f"http://{shared.made._server.authority}/"
    assert all(one.startswith((own, "blob:")) for one in shared.requests)
