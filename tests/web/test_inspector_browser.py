"""The inspector in Chromium: keys, clicks, the slider, and that nothing goes wrong on the way."""

import re

import numpy as np
import pytest

pytest.importorskip("websockets")

import pellucid as pel
from pellucid.nn import Conv2D, Dense, Flatten, MaxPool2D
from pellucid.web.inspector.inspecting import inspect
from tests.inspector.test_moment import b
from tests.web.browser import chromium

pytestmark = pytest.mark.browser

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(40, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def network():
    model = pel.Sequential([Dense(3, "relu", name="hidden"), Dense(1, name="out")], seed=0)
    model.compile(pel.optim.SGD(0.5), "binary_cross_entropy")
    return model


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


class Inspected:
    """A page of the inspector, and all that went wrong in it."""

    def __init__(self, browser, *args, **options):
        self.made = inspect(*args, **options, browser=False, wait=False)
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_default_timeout(60_000)
        self.page.goto(self.made.address)
        self.page.locator("body[data-ready]").wait_for()

    @property
    def place(self):
        level, step, node = self.page.locator("body").get_attribute("data-place").split()
        return level, int(step), int(node)

    def key(self, name):
        """Presses a key; returns when the page stands at another place."""
        before = self.page.locator("body").get_attribute("data-place")
        self.page.keyboard.press(name)
        self.page.locator(f"body:not([data-place='{before}'])").wait_for()
        return self.place

    def text(self, name):
        return self.page.locator(f"#{name}").text_content()

    def close(self):
        self.context.close()
        self.made.close()
        assert not self.errors


@pytest.mark.lecture("T1.G11")
def test_a_function_by_keys(browser):
    one = Inspected(browser, b, 3.0, -5.0, 2.0)
    seen = [one.text("name")]
    while seen[-1] != "x":
        one.key("ArrowRight")
        seen.append(one.text("name"))
    assert seen == ["a", "b", "b", "a", "z", "y", "x"]  # forward, then back
    assert "∂b/∂x" in one.text("gradient")
    facts = one.text("facts")
    assert "∂(x·y)/∂x = y" in facts and "return a + z" not in facts
    math = one.page.locator("#facts math").last.text_content()
    assert re.search(r"=−?\(?.*5", math)
    one.page.keyboard.press("d")
    one.page.locator("#difference").get_by_text("by the engine -5").wait_for()
    assert one.key("ArrowLeft")[0] == "backward"
    one.close()


def test_a_run_by_clicks_keys_and_the_slider(browser):
    one = Inspected(browser, network(), X, Y, epochs=2, batch_size=8, seed=0)
    page, travel = one.page, one.made.session.walk.travel
    assert one.place[:2] == ("batch", 0)
    # Two clicks from the page to a gradient: the layer, and the node in it.
    page.locator("[id='forward-hidden']").click()
    node = travel.moment(0).forward[0]
    page.locator(f"[id='n{node}']").click()
    page.locator("#gradient").wait_for()
    wanted = travel.moment(0).gradients[node]
    cells = page.locator("#facts .cells").nth(1).locator("span")
    assert float(cells.first.text_content()) == pytest.approx(float(wanted[0, 0]), rel=1e-5)
    # The slider.
    page.locator("#step").fill("9")
    page.locator("body[data-place^='forward 9 ']").wait_for()
    assert one.text("step-shown") == "9 of 0 to 9"
    assert one.page.locator("#curve path").count() == 1
    # The ladder: from the batch down to one update, and on into the way there.
    page.get_by_role("tab", name="update").click()
    page.locator("body[data-place^='update 9 ']").wait_for()
    assert "Update" in one.text("facts")
    assert one.key("ArrowUp")[0] == "backward"
    # An element that is chosen goes into the formula.
    page.locator("#facts .cells button").nth(1).click()
    page.locator("#facts .hint", has_text="Element 0, 1").wait_for()
    # Layers, and what their units respond to.
    assert page.locator("#layers tr").count() == 3
    page.locator("#units-buttons button").first.click()
    page.locator("#units-picture image").nth(2).wait_for()
    # A reload comes back to the place.
    place = one.place
    page.reload()
    page.locator(f"body[data-place='{' '.join(map(str, place))}']").wait_for()
    for width in (400, 800):
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
    one.close()


def test_the_loss_around_a_step_by_keys_alone(browser):
    one = Inspected(browser, network(), X, Y, epochs=4, batch_size=8, seed=0)
    page = one.page
    page.locator("#step").fill("8")
    page.locator("body[data-place^='batch 8 ']").wait_for()
    for which, said in (("gradient", "lowest on this line"), ("path", "lies in this plane")):
        page.locator(f"[data-landscape={which}]").focus()
        page.keyboard.press("Enter")
        page.locator("#landscape-text", has_text=said).wait_for()
        title = page.locator("#landscape-picture svg").get_attribute("aria-label")
        assert title.endswith("step 8")
    one.close()


def convolution():
    model = pel.Sequential(
        [Conv2D(3, 3, activation="relu", padding="same", name="conv"), MaxPool2D(2)]
        + [Conv2D(2, 2, name="second"), Flatten(), Dense(2, name="out")],
        seed=0,
    )
    model.compile(pel.optim.SGD(0.1), "cross_entropy")
    return model, RNG.normal(size=(6, 8, 8, 1)), np.arange(6) % 2


@pytest.mark.lecture("T1.C14")
def test_maps_and_the_window_of_a_number(browser):
    one = Inspected(browser, *convolution(), batch_size="all", backend="interpreter")
    page, moment = one.page, one.made.session.walk.moment
    products = [n for n in moment.forward if moment.graph.nodes[n].op == "contract"]
    page.locator("#find").select_option(str(products[1]))
    page.locator(f"body[data-place$=' {products[1]}']").wait_for()
    page.locator("#maps summary").focus()
    page.keyboard.press("Enter")
    page.locator("#maps-shown image[data-map]").nth(1).wait_for()
    # By a click in a map: the middle of its 3 × 3 numbers, two rows and columns of a 4 × 4 map.
    page.locator("#maps-shown image[data-map='1']").click()
    said = page.locator("#maps-shown p", has_text="x: 36 of 384 numbers, at [0; 1 to 6; 1 to 6; 0]")
    said.wait_for()
    # By keys: the place along an axis is a field, which keeps the focus.
    field = page.get_by_label("Place along axis 1, 0 to 2")
    field.focus()
    page.keyboard.press("ArrowUp")
    page.locator("#maps-shown p", has_text="at [0; 3 to 7; 1 to 6; 0]").wait_for()
    assert page.evaluate("document.activeElement.dataset.focus") == "axis 1"
    one.close()


def test_a_node_as_numpy_llvm_and_assembly(browser):
    one = Inspected(browser, network(), X, Y, batch_size=8)
    page = one.page
    page.locator("#code summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("#code-shown pre", has_text="= x @ hidden.W").wait_for()
    for form, sign in (("LLVM", "define internal void"), ("Assembly", ".type")):
        page.get_by_role("button", name=f"{form} of kernel").first.click()
        page.locator("#code-text", has_text=sign).wait_for()
    one.key("ArrowDown")
    one.key("ArrowRight")  # the bias and the activation share a kernel with what they read
    page.locator("#code-shown p", has_text="nodes together").wait_for()
    one.close()
