"""The playground for everyone, in each mode: keys alone, contrast, colour blindness, motion."""

import re

import numpy as np
import pytest

pytest.importorskip("websockets")

from pellucid.web.exercises import Exercise
from pellucid.web.machine import Machine
from pellucid.web.settings import MOST_CLASSES
from tests.web.browser import chromium
from tests.web.test_playground_browser import Ground

pytestmark = pytest.mark.browser
SHAPES = 7  # of points

MODES = {
    "network": "",
    "network of three classes, hidden layers and a schedule": (
        "optimizer=SGD(Cosine(0.1, 1000))&penalties=[L2(0.01)]&stop=below;loss;0.1"
    ),
    "machine": "data=gauss&noise=0.3&rows=120&svm=SVC('poly',C=0.5,gamma=0.1,coef0=1.0)",
    "function": "exercise=which-function;2;4",
    "units": "exercise=hidden-units;1;2",
    "two runs": "",
}


@pytest.fixture(scope="module")
def shared():
    with chromium() as browser:
        one = Ground(browser)
        yield one
        one.close()
        assert not one.errors


@pytest.fixture(params=MODES)
def ground(shared, request):
    shared.page.evaluate("delete document.body.dataset.frames")
    shared.page.evaluate(
        "['frames', 'fits', 'exercises'].forEach((n) => delete document.body.dataset[n])"
    )
    shared.made._worker.submit("address", {"text": MODES[request.param]})
    shared.page.locator("body[data-frames]").wait_for()
    if request.param == "two runs":
        shared.made._worker.submit("compare", {"values": {"batch_size": 20}})
        shared.page.get_by_text("Second network", exact=False).first.wait_for()
    shared.page.wait_for_timeout(60)
    return shared


CONTROLS = """() => {
    const kinds = "a[href], button, input, select, textarea, [tabindex='0']";
    return [...document.querySelectorAll(kinds)].filter((one) =>
        !one.disabled && one.checkVisibility({visibilityProperty: true}));
}"""


def test_every_control_is_reached_in_order_by_tab_alone_and_back(ground):
    """From the first to the last control by Tab, from the last to the first by Shift+Tab."""
    page = ground.page
    count = page.evaluate(
        f"() => {{ window.controls = ({CONTROLS})(); return window.controls.length; }}"
    )
    assert count > 8
    focused = "() => window.controls.indexOf(document.activeElement)"
    page.evaluate("document.activeElement.blur(); window.controls[0].focus()")
    walk = [page.evaluate(focused)]
    for _ in range(count - 1):
        page.keyboard.press("Tab")
        walk.append(page.evaluate(focused))
    assert walk == list(range(count))
    visible = page.evaluate(
        """() => { const style = getComputedStyle(document.activeElement);
            return [style.outlineStyle, parseFloat(style.outlineWidth)]; }"""
    )
    assert visible[0] == "solid" and visible[1] >= 2  # the focus is seen
    for _ in range(count - 1):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate(focused) == 0


def test_every_control_has_a_name_that_is_read_aloud(ground):
    nameless = ground.page.evaluate(
        f"""() => ({CONTROLS})().filter((one) => !(one.ariaLabel
            || document.getElementById(one.getAttribute("aria-labelledby"))?.textContent
            || [...(one.labels ?? [])].map((l) => l.textContent).join("").trim()
            || (one.tagName === "BUTTON" && one.textContent.trim())))
            .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


PAIRS = """(least) => {
    const channels = (text) => {
        const all = text.match(/[\\d.]+/g).map(Number);
        return all.length > 3 ? all : [...all, 1];
    };
    const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const colour = channels(getComputedStyle(at).backgroundColor);
            if (colour[3] === 1) return colour;
        }
        return [255, 255, 255, 1];
    };
    const contrast = (a, b) => {
        const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
        return (high + 0.05) / (low + 0.05);
    };
    const low = [];
    const seen = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true});
    for (const one of document.querySelectorAll("body *")) {
        if (!seen(one) || one.closest("svg, canvas, :disabled")) continue;
        const style = getComputedStyle(one), own = [...one.childNodes].some((n) =>
            n.nodeType === 3 && n.textContent.trim());
        const drawn = ["range", "checkbox", "file"].includes(one.type);  // by the browser
        const field = ["INPUT", "TEXTAREA", "SELECT"].includes(one.tagName) && !drawn;
        const name = one.id || one.textContent.trim().slice(0, 30);
        if (own || field) {
            const found = contrast(channels(style.color), behind(one));
            const sign = one.closest("[aria-hidden]");  // a key to a line, not text
            if (found < (sign ? least.graphics : least.text)) low.push(["text", name, found]);
        }
        if (field || one.tagName === "BUTTON") {
            const edge = channels(style.borderTopColor), around = behind(one.parentElement);
            const found = Math.max(contrast(edge, around), contrast(behind(one), around));
            if (found < least.graphics) low.push(["edge", name, found]);
        }
    }
    for (const line of document.querySelectorAll(".link")) {
        if (!seen(line)) continue;
        const colour = channels(getComputedStyle(line).stroke);
        const found = contrast(colour, behind(line.closest("section")));
        if (found < least.graphics) low.push(["link", line.getAttribute("class"), found]);
    }
    return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_all_that_is_seen(ground, scheme):
    """Text 4.5, edges of controls and links 3, of the colours that the browser has computed."""
    ground.page.emulate_media(color_scheme=scheme)
    found = ground.page.evaluate(PAIRS, {"text": 4.5, "graphics": 3})
    ground.page.emulate_media(color_scheme="light")
    assert found == []


# Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision
# deficiency, 2009: severity 1, of linear red, green and blue.
BLIND = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, matrix=None):
    """CIE L*a*b* of a colour, as someone with such eyes sees it."""
    rgb = np.array(colour) / 255
    line = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    line = np.clip(np.array(matrix) @ line, 0, 1) if matrix is not None else line
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ line / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(first, second, matrix):
    return float(np.linalg.norm(lab(first, matrix) - lab(second, matrix)))


@pytest.fixture(scope="module")
def palettes(shared):
    """Classes of points, the ends of a map, and the two lines of the curves."""
    shared.page.evaluate(
        """async (n) => { const m = await import('/colours.js'); window.shapes = m.SHAPES;
            window.palette = Array.from({length: n}, (_, k) => m.classColour(k)); }""",
        MOST_CLASSES,
    )
    named = shared.page.evaluate(
        """() => { const style = getComputedStyle(document.documentElement);
            return ["--blue", "--orange"].map((n) => style.getPropertyValue(n).trim()); }"""
    )

    def channels(text):
        return [int(text[at : at + 2], 16) for at in (1, 3, 5)]

    return [channels(one) for one in shared.page.evaluate("window.palette")], [
        channels(one) for one in named
    ]


@pytest.mark.parametrize("kind", BLIND)
def test_classes_that_share_a_shape_stay_apart(shared, palettes, kind):
    """Of the classes that a page takes, two with one shape differ by colour in everyone's eyes."""
    classes, _ = palettes
    assert shared.page.evaluate("window.shapes") == SHAPES
    for a in range(MOST_CLASSES):
        for b in range(a + SHAPES, MOST_CLASSES, SHAPES):
            for eyes in (None, BLIND[kind]):
                assert apart(classes[a], classes[b], eyes) > 20, (a, b, kind)


@pytest.mark.parametrize("kind", BLIND)
def test_the_ends_of_maps_and_the_two_lines_stay_apart(palettes, kind):
    classes, lines = palettes
    for pair in (classes[:2], lines):
        assert apart(*pair, BLIND[kind]) > 20
        for one in pair:  # and each from the white in the middle
            assert apart(one, (255, 255, 255), BLIND[kind]) > 40


def test_nothing_moves_by_itself(ground):
    """No transition and no animation, whatever the system asks for."""
    moving = ground.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
            const style = getComputedStyle(one);
            return style.animationName !== "none" || /[1-9]/.test(style.transitionDuration);
        }).map((one) => one.tagName)"""
    )
    assert moving == [] and not ground.page.evaluate("document.getAnimations().length")


# -- whole tasks without a mouse ------------------------------------------------------------------


@pytest.fixture
def keys(shared):
    """The first page, and a function that goes to a control by Tab alone."""
    shared.page.evaluate("delete document.body.dataset.frames")
    shared.made._worker.submit("address", {"text": ""})
    shared.page.locator("body[data-frames]").wait_for()
    page = shared.page
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")

    def to(name):
        known = """(n) => document.activeElement.id === n
            || document.activeElement.textContent.trim() === n"""
        for _ in range(150):
            if page.evaluate(known, name):
                return page.keyboard
            page.keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached")

    return to


def chosen(ground, to, name, value):
    """An option of a list, by its first letters."""
    label = ground.get(name).locator(f"option[value='{value}']").text_content()
    to(name).type(label)


def test_a_network_is_built_and_trained_by_keys_alone(shared, keys):
    session = shared.session
    chosen(shared, keys, "data-name", "xor")
    shared.until(lambda: session.settings.data == "xor")
    keys("add-layer").press("Enter")
    shared.until(lambda: len(session.settings.layers) == 4)
    keys("unit-1-1").press("Enter")
    shared.page.locator("#unit[open]").wait_for()
    field = shared.get("unit-weights").get_by_label("bias")
    for _ in range(20):
        if field.evaluate("one => document.activeElement === one"):
            break
        shared.page.keyboard.press("Tab")
    shared.page.keyboard.type("0.5")
    shared.page.keyboard.press("Tab")
    shared.until(lambda: 0.5 in session.model.weights["dense_1.b"])
    shared.page.keyboard.press("Escape")
    keys("step").press("Enter")
    shared.until(lambda: session.epoch == 1)
    keys("play").press("Space")
    shared.until(lambda: session.epoch > 5)
    shared.page.keyboard.press("Space")
    shared.until(lambda: not session.playing)


def test_a_machine_is_fitted_and_its_points_moved_by_keys_alone(shared, keys):
    session = shared.session
    keys("Support vector machine").press("Enter")
    shared.until(lambda: session.settings.svm == Machine("rbf"))
    chosen(shared, keys, "kernel", "linear")
    shared.until(lambda: session.settings.svm.kernel == "linear")
    keys("price").press("ArrowRight")
    shared.until(lambda: session.settings.svm.C > 1)
    keys("map").press("ArrowUp")
    shared.page.keyboard.press("Space")
    said = shared.page.get_by_text(re.compile(r"Point \d+ goes along"))
    said.wait_for()
    row = int(re.search(r"\d+", said.text_content())[0])
    before = session.rows.x[row].copy()
    shared.page.keyboard.press("ArrowRight")
    shared.until(lambda: session.rows.x[row][0] > before[0] + 0.2)
    shared.page.keyboard.press("Space")


def test_an_exercise_is_answered_by_keys_alone(shared, keys):
    keys("Exercises").press("Enter")
    shared.until(lambda: shared.session.settings.exercise == Exercise())
    chosen(shared, keys, "exercise-kind", "which-function")
    shared.until(lambda: shared.session.settings.exercise.kind == "which-function")
    shared.page.locator("#exercise-label", has_text="f(x1").wait_for()
    keys("exercise-answer").type("x1*x2 + 7")
    shared.page.keyboard.press("Enter")
    shared.page.locator("#exercise-verdict.wrong").wait_for()
