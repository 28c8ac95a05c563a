"""The mode "Support vector machine" in Chromium, as a person uses it."""

import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("websockets")

from pellucid.web.machine import Machine
from tests.web.browser import chromium
from tests.web.test_playground_browser import Ground

pytestmark = pytest.mark.browser
LINK = "data=gauss&noise=0.3&rows=120&svm="


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def shared(browser):
    one = Ground(browser, f"{LINK}SVC('linear',C=0.5)")
    yield one
    one.close()
    assert not one.errors


@pytest.fixture
def ground(shared):
    before = shared.session.machine
    shared.made._worker.submit("address", {"text": f"{LINK}SVC('linear',C=0.5)"})
    shared.until(lambda: shared.session.machine not in (None, before))
    shared.get("machine-list").get_by_text("0.5000 ·").wait_for()
    return shared


def facts(ground):
    found = ground.page.evaluate(
        "[...document.querySelectorAll('#machine-list > div')].map("
        "(one) => [one.children[0].textContent, one.children[1].textContent])"
    )
    return dict(found)


def numbers(text):
    return [float(one.replace("−", "-")) for one in re.findall(r"[-−]?\d+\.?\d*(?:e-?\d+)?", text)]


def where(ground, row):
    """The place of a row on the screen."""
    box, rows = ground.get("map").bounding_box(), ground.session.rows
    share = (rows.x[row] - rows.low) / (rows.high - rows.low)
    return box["x"] + share[0] * box["width"], box["y"] + (1 - share[1]) * box["height"]


def lines(ground):
    """The pixels of boundary, margins, marks and slacks, (600, 600, 4)."""
    image = pytest.importorskip("PIL.Image")
    found = ground.page.evaluate("document.getElementById('lines').toDataURL()")
    return np.asarray(image.open(io.BytesIO(base64.b64decode(found.partition(",")[2]))))


def test_the_switch_and_back(ground):
    ground.press("Network")
    ground.get("network").wait_for(state="visible")
    assert not ground.get("machine").is_visible() and ground.get("play").is_visible()
    ground.press("Support vector machine")
    ground.get("machine").wait_for(state="visible")
    assert not ground.get("network").is_visible() and not ground.get("play").is_visible()
    ground.until(lambda: ground.session.settings.svm == Machine("rbf"))
    pressed = ground.page.get_by_role("button", name="Support vector machine", pressed=True)
    assert pressed.count() == 1


def test_every_kernel_and_its_numbers(ground):
    for name in ("poly", "rbf", "sigmoid", "linear"):
        ground.get("kernel").select_option(name)
        ground.until(lambda name=name: ground.session.settings.svm.kernel == name)
        for field, of in (
            ("gamma-fields", ("poly", "rbf", "sigmoid")),
            ("degree", ("poly",)),
            ("coef0", ("poly", "sigmoid")),
        ):
            ground.get(field).wait_for(state="visible" if name in of else "hidden")
    ground.get("kernel").select_option("poly")
    ground.get("degree").fill("2")
    ground.get("coef0").fill("1")
    ground.get("gamma-rule").select_option("")
    ground.get("gamma-number").fill("0.25")
    ground.page.keyboard.press("Tab")
    ground.until(lambda: ground.session.settings.svm == Machine("poly", 0.5, 0.25, 2, 1.0))
    ground.get("machine-list").get_by_text("γ = 0.2500, c = 1.0000, d = 2").wait_for()


def test_the_proof_in_numbers(ground):
    shown, one = facts(ground), ground.session.machine.pairs[0]
    wanted = one.numbers()
    assert numbers(shown["Support vectors"]) == [
        *(wanted[name] for name in ("support", "rows", "on_margin", "inside", "wrong"))
    ]
    assert numbers(shown["½‖w‖² + C Σξ"]) == pytest.approx(
        [wanted["penalty"], 0.5, wanted["slack"], wanted["objective"]], abs=6e-5
    )
    assert numbers(shown["Margin 1/‖w‖"]) == pytest.approx([wanted["margin"]], abs=6e-5)
    assert numbers(shown["Duality gap"]) == pytest.approx([wanted["gap"]], rel=1e-3, abs=6e-5)
    w1, w2, b = *one.w, one.b
    sign = "−" if b < 0 else "+"
    assert shown["Decision"] == f"f(x) = w·x + b = {w1:.4f}·x1 + {w2:.4f}·x2 {sign} {abs(b):.4f}"
    rows = ground.get("machine-rows").locator("tr").all_text_contents()
    assert len(rows) == wanted["support"] and rows[0].startswith("✕ on the wrong side")


@pytest.mark.lecture("T1.B10")
def test_sliding_c_refits_live(ground):
    slider = ground.get("price")
    slider.focus()
    norms = [ground.session.machine.pairs[0].norm]
    for _ in range(12):
        ground.page.keyboard.press("ArrowRight")
    ground.until(lambda: pytest.approx(2.0, rel=0.03) == ground.session.settings.svm.C)
    norms.append(ground.session.machine.pairs[0].norm)
    assert norms[1] > norms[0]  # a larger C, a smaller margin
    ground.get("machine-list").get_by_text(re.compile(r"· .* = ")).wait_for()
    assert float(ground.get("price-number").input_value()) == ground.session.settings.svm.C


def test_marks_of_support_vectors_differ_by_shape(ground):
    """○ ◇ ✕: beside the centre of a mark black is at other places."""
    black = lines(ground)
    black = (black[..., :3].max(-1) < 60) & (black[..., 3] > 200)
    session = ground.session
    one, rows = session.machine.pairs[0], session.rows
    share = (rows.x[one.rows] - rows.low) / (rows.high - rows.low)
    px, py = 600 * share[:, 0], 600 * (1 - share[:, 1])

    def dark(i, x, y):
        r, c = round(py[i] + y), round(px[i] + x)
        return black[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].any()

    inner = [i for i in range(len(px)) if 20 < px[i] < 580 and 20 < py[i] < 580]
    for kind, spots in (
        (1, [(9, 0), (0, -9)]),
        (2, [(11.7, 0), (0, -11.7)]),
        (3, [(6, 6), (-6, 6)]),
    ):
        mine = [i for i in inner if one.where[i] == kind]
        assert mine and all(dark(i, *spot) for i in mine for spot in spots), kind


@pytest.mark.lecture("T1.B3")
def test_slacks_are_lines_to_their_margin(ground):
    """Half way between a point with slack and its margin there is a line."""
    one, rows = ground.session.machine.pairs[0], ground.session.rows
    drawn = lines(ground)[..., 3] > 100
    for i in np.flatnonzero(one.slack > 0.05):
        way = one.t[i] * one.slack[i] * one.w / (one.w @ one.w)
        assert one.w @ (rows.x[one.rows[i]] + way) + one.b == pytest.approx(one.t[i])
        share = (rows.x[one.rows[i]] + 0.5 * way - rows.low) / (rows.high - rows.low)
        row, column = round(600 * (1 - share[1])), round(600 * share[0])
        assert drawn[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].any()


def test_a_point_is_dragged_added_and_deleted_by_the_mouse(ground):
    mouse, session = ground.page.mouse, ground.session
    row = int(session.rows.kept[0])
    before, norm = session.rows.x[row].copy(), session.machine.pairs[0].norm
    ground.get("map").scroll_into_view_if_needed()
    x, y = where(ground, row)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y + 25, steps=4)
    mouse.up()
    span = 12 / ground.get("map").bounding_box()["width"]
    goal = before + [30 * span, -25 * span]
    ground.until(lambda: np.allclose(session.rows.x[row], goal, atol=0.05))
    assert session.machine.pairs[0].norm != norm
    ground.get("click-does").select_option("add")
    ground.get("map").click(position={"x": 20, "y": 20})
    ground.until(lambda: len(session.rows.x) == 121)
    ground.get("click-does").select_option("delete")
    ground.get("map").click(position={"x": 20, "y": 20})
    ground.until(lambda: len(session.rows.x) == 120)
    ground.get("click-does").select_option("drag")


def test_a_point_is_moved_by_the_keyboard(ground):
    keys, session = ground.page.keyboard, ground.session
    ground.get("map").focus()
    keys.press("ArrowRight")
    keys.press("Space")
    said = ground.page.get_by_text(re.compile(r"Point \d+ goes along"))
    said.wait_for()
    row = int(re.search(r"\d+", said.text_content())[0])
    before = session.rows.x[row].copy()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
        keys.press(key)
    ground.until(lambda: np.allclose(session.rows.x[row], before + [-0.3, 0.6], atol=1e-3))
    keys.press("Escape")
    ground.until(lambda: np.allclose(session.rows.x[row], before, atol=1e-5))
    keys.press("Enter")
    ground.until(lambda: len(session.rows.x) == 121)
    keys.press("Delete")
    ground.until(lambda: len(session.rows.x) == 120)


def test_values_under_the_cursor(ground):
    ground.page.evaluate("document.getElementById('at').replaceChildren()")  # of the test before
    box = ground.get("map").bounding_box()
    ground.page.mouse.move(box["x"] + 100, box["y"] + 80)
    ground.get("at").get_by_text("nearest point").wait_for()
    text = ground.get("at").text_content()
    x1, x2 = numbers(
        re.search(r"x1 = (\S+), x2 = (-?\d+\.\d{4})", text)[0].replace("x1", "").replace("x2", "")
    )
    f = float(re.search(r"= (-?\d+\.\d{4}): class", text)[1])
    w, b = ground.session.machine.pairs[0].w, ground.session.machine.pairs[0].b
    assert f == pytest.approx(w @ [x1, x2] + b, abs=2e-4)
    assert "a·t = " in text and "ξ = " in text


def test_the_hard_margin_and_where_there_is_none(ground):
    ground.get("hard").check()
    ground.page.locator("#message", has_text="no hyperplane separates").wait_for()
    ground.until(lambda: not ground.get("hard").is_checked())
    ground.get("data-name").select_option("gauss")
    ground.get("noise").fill("0")
    ground.until(lambda: ground.session.settings.noise == 0)
    ground.get("hard").check()
    ground.until(lambda: ground.session.settings.svm.hard)
    ground.page.locator("#machine-list dt", has_text=re.compile("^½‖w‖²$")).wait_for()
    assert ground.get("price").is_disabled()


def test_several_classes_one_against_one(ground):
    draw = np.random.default_rng(0)
    lines = ["a,b,kind"]
    for i in range(60):
        a, b = draw.normal((3 * np.cos(i * 2.1), 3 * np.sin(i * 2.1)))
        lines.append(f"{a:.3f},{b:.3f},{'uvw'[i % 3]}")
    ground.get("csv").set_input_files(
        {"name": "t.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    )
    ground.until(lambda: len(ground.session.machine.pairs) == 3)
    pair = ground.get("machine-pair")
    pair.wait_for(state="visible")
    names = ["u against v", "u against w", "v against w"]
    assert pair.locator("option").all_text_contents() == names
    pair.select_option("2")
    ground.until(lambda: ground.session.machine.pair == 2)
    ground.get("machine-rows").get_by_text("w", exact=True).first.wait_for()
    assert ground.get("scale").text_content() == "uvw"


def test_the_program_and_the_link(ground, tmp_path):
    panel = ground.get("program-text")
    ground.until(lambda: panel.input_value() == ground.session.program())
    panel.fill(panel.input_value().replace("C=0.5", "C=25.0").replace("'linear'", "'rbf'"))
    ground.press("Use this program")
    ground.until(lambda: ground.session.settings.svm == Machine("rbf", 25.0))
    assert "svm=SVC" in ground.page.url
    with ground.page.expect_download() as caught:
        ground.press("Export the program")
    caught.value.save_as(tmp_path / "program.py")
    run = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=60, capture_output=True
    )
    told = run.stdout.decode()
    ground.until(lambda: "25.0000 ·" in "".join(facts(ground).values()))
    primal = numbers(facts(ground)["½‖w‖² + C Σξ"])[-1]
    assert float(re.search(r"primal (\S+),", told)[1]) == pytest.approx(primal, abs=1e-4)


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia", "tritanopia", "achromatopsia"])
def test_lines_and_marks_stand_out_under_colour_blindness(ground, kind):
    """Black on white edges: the picture holds both, whatever the map's colours become."""
    image = pytest.importorskip("PIL.Image")
    tools = ground.context.new_cdp_session(ground.page)
    tools.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
    shot = image.open(io.BytesIO(ground.get("map-frame").screenshot())).convert("L")
    tools.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    tools.detach()
    levels = np.asarray(shot)
    assert (levels < 40).sum() > 300 and (levels > 235).sum() > 300


def test_the_aria_tree(ground):
    tree = ground.page.locator("body").aria_snapshot()
    for part in (
        'group "What is on the page"',
        'button "Support vector machine" [pressed]',
        'region "Support vector machine"',
        'combobox "Kernel"',
        'slider "Price C of slack, by powers of ten"',
        'checkbox "Hard margin',
        'region "Margin, slack and proof"',
        'group "Support vectors and points with slack"',
        'columnheader "slack ξ"',
        'img "Decision of the support vector machine over the plane',
    ):
        assert part in tree, part


def test_quick_changes_add_up(ground):
    """Several controls changed before the first fit is there: none is lost."""
    ground.page.evaluate(
        """() => { for (const [id, value] of [["kernel", "poly"], ["degree", "4"], ["coef0", "2"],
            ["price-number", "7"], ["gamma-rule", ""], ["gamma-number", "0.2"]]) {
            const one = document.getElementById(id);
            one.value = value; one.dispatchEvent(new Event("change"));
        } }"""
    )
    ground.until(lambda: ground.session.settings.svm == Machine("poly", 7, 0.2, 4, 2))
