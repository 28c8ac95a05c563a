"""The exercises in Chromium: asked, answered, checked, cancelled."""

import re

import pytest

pytest.importorskip("websockets")

from pellucid.web import exercise_units
from pellucid.web.exercise_graph import puzzle
from pellucid.web.exercises import Exercise
from tests.web.browser import chromium
from tests.web.test_exercises import written
from tests.web.test_playground_browser import Ground

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared():
    with chromium() as browser:
        one = Ground(browser, "exercise=which-function;2;4")
        yield one
        one.close()
        assert not one.errors


@pytest.fixture
def ground(shared):
    """The shared page at one exercise."""

    def count():
        return int(shared.page.evaluate("document.body.dataset.exercises"))

    before = count()
    shared.made._worker.submit("address", {"text": "exercise=which-function;2;4"})
    shared.until(lambda: count() > before)
    return shared


def answered(ground, text):
    ground.get("exercise-answer").fill(text)
    ground.page.keyboard.press("Enter")
    verdict = ground.page.locator("#exercise-verdict:is(.right, .wrong)")
    verdict.wait_for()
    return verdict.text_content()


@pytest.mark.lecture("T1.G14")
def test_which_function_with_a_counterexample_drawn_and_the_right_one(ground):
    asked = puzzle(2, 4)
    image = ground.get("exercise-graph")
    assert image.get_attribute("alt") == asked.picture().title
    assert image.evaluate("one => one.complete && one.naturalWidth > 100")
    told = answered(ground, "x1")
    x1, x2, given, wanted = map(
        float, re.findall(r"-?\d+\.?\d*(?=[ ,.])", told.replace("x1", "").replace("x2", ""))
    )
    assert given == x1 and wanted == pytest.approx(asked(x1, x2), abs=6e-5)
    shown = ground.get("exercise-counter-graph")
    shown.wait_for(state="visible")
    assert shown.get_attribute("alt") == asked.picture((x1, x2)).title
    assert "Right" in answered(ground, written(asked))
    assert not shown.is_visible()


def test_another_one_another_level_and_what_is_no_formula(ground):
    ground.get("exercise-next").click()
    ground.until(lambda: ground.session.settings.exercise == Exercise("which-function", 2, 5))
    ground.get("exercise-level").select_option("4")
    ground.until(lambda: ground.session.settings.exercise == Exercise("which-function", 4, 5))
    ground.page.get_by_label("f(x1, x2, x3) =").wait_for()
    assert "exercise=which-function%3B4%3B5" in ground.page.url
    ground.get("exercise-answer").fill("open('x')")
    ground.press("Check")
    ground.page.get_by_text("unknown function 'open'").wait_for()
    assert ground.get("exercise-check").is_enabled()


@pytest.mark.lecture("T1.I10")
def test_hidden_units_by_starts_and_cancelled(ground, monkeypatch):
    ground.get("exercise-kind").select_option("hidden-units")
    ground.get("exercise-points").wait_for(state="visible")
    ground.get("exercise-level").select_option("3")
    ground.until(lambda: ground.session.settings.exercise == Exercise("hidden-units", 3))
    ground.page.get_by_label("Hidden units", exact=True).fill("4")
    ground.press("Check")
    ground.press("Cancel")
    ground.until(lambda: not ground.session.desk.checking)
    assert ground.get("exercise-verdict").text_content() == "Cancelled."
    monkeypatch.setattr(exercise_units, "STARTS", 2)
    ground.get("exercise-level").select_option("1")
    ground.get("exercise-seed").fill("2")
    ground.page.keyboard.press("Tab")
    ground.until(lambda: ground.session.settings.exercise == Exercise("hidden-units", 1, 2))
    ground.get("exercise-help").get_by_text("2 networks").wait_for()
    assert ground.get("exercise-level").input_value() == "1"
    label = ground.get("exercise-points").get_attribute("aria-label")
    assert "circles and" in label and "squares" in label
    assert answered(ground, "1").startswith("✗ Too few: with 1 unit no start solves it")
    told = answered(ground, "2")
    assert told.startswith("✓ Right: ") and told.endswith(
        "solve it with 2 units, none with 1 unit."
    )
    heads = ground.get("exercise-starts").locator("tr th:first-child").all_text_contents()
    assert heads == ["units", "2", "1"]


def test_the_link_of_the_page_and_the_aria_tree(ground):
    ground.press("Network")
    ground.get("network").wait_for(state="visible")
    assert not ground.get("exercises").is_visible()
    ground.press("Exercises")
    ground.get("exercises").wait_for(state="visible")
    tree = ground.page.locator("body").aria_snapshot()
    for part in (
        'region "Exercises"',
        'combobox "Exercise"',
        'combobox "Level"',
        'spinbutton "Number"',
        'button "Next one"',
        'textbox "Hidden units"',
        'button "Check"',
        "circles and",
        "status",
    ):
        assert part in tree, part
