"""The inspector for everyone: keys alone, names and roles, contrast, narrow screens, and any
gradient two clicks away."""

import numpy as np
import pytest

pytest.importorskip("websockets")

import pellucid as pel
from pellucid.inspector import picture
from pellucid.nn import Dense
from tests.web.browser import chromium
from tests.web.test_inspector_browser import Inspected, X, Y, convolution

pytestmark = pytest.mark.browser

CONTROLS = ":is(button, select, input, summary, [tabindex='0']):visible:not([disabled])"


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def inspected(browser):
    """A run with everything open."""
    one = Inspected(browser, *convolution(), batch_size="all", epochs=3, backend="interpreter")
    page, moment = one.page, one.made.session.walk.moment
    page.get_by_role("tab", name="forward").click()
    product = next(n for n in moment.forward if moment.graph.nodes[n].op == "contract")
    page.locator("#find").select_option(str(product))
    page.locator(f"body[data-place$=' {product}']").wait_for()
    for part in ("maps", "code"):
        page.locator(f"#{part} > details > summary").click()
    page.locator("#maps-shown svg").nth(1).wait_for()
    page.locator("[data-landscape=gradient]").click()
    page.locator("#landscape-picture svg").wait_for()
    page.get_by_role("button", name="LLVM of kernel").first.click()
    page.locator("#code-text:visible").wait_for()
    yield one
    one.close()


def test_every_control_has_a_name_and_is_reached_by_tab(inspected):
    page = inspected.page
    names = page.locator(CONTROLS).evaluate_all(
        "all => all.map((one, k) => { one.dataset.tried = k; return [k, (one.ariaLabel ||"
        "[...(one.labels ?? [])].map((l) => l.textContent).join('') || one.textContent).trim()]; })"
    )
    assert len(names) > 40
    assert all(name for _, name in names), [k for k, name in names if not name]
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(len(names) + 10):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.tried"))
    assert {str(k) for k, _ in names} <= reached


def test_focus_stays_where_it_is_while_the_page_changes(inspected):
    page = inspected.page
    tab = page.get_by_role("tab", name="forward")
    tab.focus()
    before = inspected.place
    inspected.key("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "forward"
    inspected.key("ArrowLeft")
    assert inspected.place == before
    cell = page.locator("#facts .cells button").nth(2)
    cell.focus()
    page.keyboard.press("Enter")
    page.locator("#facts .cells td.here button[data-focus$=',2']").first.wait_for()
    assert page.evaluate("document.activeElement.dataset.focus").endswith(",2")
    page.locator("#facts .cells button").first.click()


def test_the_aria_tree(inspected):
    tree = inspected.page.locator("body").aria_snapshot()
    for part in (
        'heading "Pellucid inspector Sequential"',
        'tablist "Ladder of steps"',
        'tab "forward" [selected]',
        'toolbar "Moves"',
        'combobox "Node"',
        'slider "Step',
        'img "Loss of the steps that were run"',
        'region "Graph"',
        'spinbutton "Place along axis 0, 0 to 5"',
        'heading "Gradient ∂J/∂',
        'region "Loss around this step"',
        'group "Loss along the gradient at step',
        'button "Plane of the path"',
        'region "Maps, and the window of a number"',
        'region "NumPy, LLVM, assembly"',
        'button "Assembly of kernel',
        'region "Layers at this step"',
        'columnheader "dead units"',
        'status: "forward, step',
    ):
        assert part in tree, part


_SEEN = """() => {
  const grounds = (one) => {
    const found = [];
    if (one.closest("svg")) for (const name of ["paper", "panel", "box"]) {
      const probe = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      probe.setAttribute("class", name);
      one.closest("svg").append(probe);
      found.push(getComputedStyle(probe).fill);
      probe.remove();
    } else for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.startsWith("rgba(0, 0, 0, 0")) { found.push(colour); break; }
    }
    return found;
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() &&
    [...one.childNodes].some((part) => part.nodeType === 3 && part.textContent.trim()) &&
    !one.closest("title, desc, style, option"));
  const shapes = [...document.querySelectorAll("svg :is(line, path, rect, circle)")];
  const lines = shapes.filter((one) => one.checkVisibility() &&
    !/grid|paper/.test(one.getAttribute("class") ?? "") && getComputedStyle(one).stroke !== "none");
  return {
    text: texts.map((one) => [one.closest("svg") ? getComputedStyle(one).fill
      : getComputedStyle(one).color, grounds(one), one.textContent.slice(0, 40)]),
    line: lines.map((one) => [getComputedStyle(one).stroke, grounds(one),
      one.outerHTML.slice(0, 90)]),
  };
}"""


def contrast(one, other):
    def luminance(colour):
        shares = np.array([float(v) for v in colour.strip("rgba()").split(",")[:3]]) / 255
        plain = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return plain @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_all_text_and_lines(inspected, scheme):
    """Text 4.5, lines that carry meaning 3: each against whatever it may stand on."""
    page = inspected.page
    page.emulate_media(color_scheme=scheme)
    seen = page.evaluate(_SEEN)
    page.emulate_media(color_scheme="light")
    assert len(seen["text"]) > 100 and len(seen["line"]) > 50
    for kind, least in (("text", 4.5), ("line", 3.0)):
        low = [
            (round(contrast(colour, ground), 2), colour, ground, what)
            for colour, grounds, what in seen[kind]
            for ground in grounds
            if contrast(colour, ground) < least
        ]
        assert not low, low[:5]


def test_nothing_is_wider_than_a_narrow_screen(inspected):
    page = inspected.page
    for width in (1280, 800, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#step").bounding_box()["width"] > 100
    page.set_viewport_size({"width": 1280, "height": 900})


def test_any_gradient_is_two_clicks_away(browser):
    """From the page of a model: a click opens the cell, a click on the node shows its gradient."""
    model = pel.Sequential([Dense(3, "tanh", name="h"), Dense(1, name="o")], seed=0)
    model.compile(pel.optim.SGD(0.1), "binary_cross_entropy")
    one = Inspected(browser, model, X, Y, batch_size=8)
    page, moment = one.page, one.made.session.walk.moment
    drawn = ("reshape", "broadcast_to", "transpose")  # other views of a tensor have no box
    nodes = [n for n in moment.backward if moment.graph.nodes[n].op not in drawn]
    cells = {picture.cell_of(moment, n) for n in nodes}
    assert len(nodes) > 12 and len(cells) > 3
    for cell in cells:
        page.locator(f"[id='{cell}']").click()  # the first click
        page.locator(f"[id='{cell}'].cell").wait_for()
        for n in (n for n in nodes if picture.cell_of(moment, n) == cell):
            page.locator(f"[id='n{n}']").click()  # the second
            page.locator("#name", has_text=moment.names[n]).wait_for()
            title = page.locator("#gradient").text_content()
            assert title == f"Gradient ∂J/∂{moment.names[n]}"
        page.get_by_role("button", name=f"Close {cell.replace('-', ' ', 1)}", exact=True).focus()
        page.keyboard.press("Enter")
        page.locator(f"[id='{cell}']:not(.cell)").wait_for()
    one.close()
