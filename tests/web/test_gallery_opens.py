"""Every worked example of the gallery opens in the inspector, with the numbers of its picture."""

import numpy as np
import pytest

pytest.importorskip("websockets")

from tools import gallery, gallery_examples

import pellucid as pel
from tests.viz.reading import nodes, numbers
from tests.web.test_inspection import Page

EXAMPLES = [
    pytest.param(gallery_examples.product_and_sum, marks=pytest.mark.lecture("T1.G11")),
    pytest.param(gallery_examples.two_powers, marks=pytest.mark.lecture("T1.G7")),
    pytest.param(
        gallery_examples.logistic_regression_by_scalars, marks=pytest.mark.lecture("T1.G12")
    ),
    pytest.param(
        gallery_examples.logistic_regression_with_sigma, marks=pytest.mark.lecture("T1.G12")
    ),
    pytest.param(gallery_examples.scalar_backpropagation, marks=pytest.mark.lecture("T1.G15")),
]


def drawn(example, monkeypatch):
    """The function and the arguments that an example draws."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(pel, "draw", lambda *given, **options: found.append(given))
        example()
    return found[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_opens_with_its_numbers(example, monkeypatch):
    function, *args = drawn(example, monkeypatch)
    picture = {name: numbers(lines) for name, lines in nodes(example()).items()}
    page = Page(function, *args)
    assert page.do("show")["svg"]
    seen = {}
    for number in range(len(page.session.walk.moment.names)):
        facts = page.do("go", level="forward", step=0, node=number)["facts"]
        if facts["name"] in picture:
            seen[facts["name"]] = facts
    assert set(seen) == set(picture)
    for name, told in picture.items():
        facts = seen[name]
        assert float(facts["value"]["element"]) == pytest.approx(told["value"], rel=1e-5)
        slopes = [value for key, value in told.items() if key != "value"]
        if slopes:
            assert float(facts["gradient"]["element"]) == pytest.approx(slopes[0], rel=1e-5)


@pytest.mark.lecture("T1.G19")
def test_the_two_layer_regression_opens_with_its_gradients(monkeypatch):
    cost, *weights = drawn(gallery_examples.two_layer_regression, monkeypatch)
    page = Page(cost, *weights)
    page.do("show")
    for place, name in enumerate(("W1", "b1", "W2", "b2")):
        node = page.node(name)
        facts = page.do("go", level="forward", step=0, node=node)["facts"]
        shown = np.array(facts["gradient"]["window"]["cells"], float)
        wanted = np.asarray(pel.grad(cost, place)(*weights))
        assert shown.ravel() == pytest.approx(wanted.ravel(), rel=1e-6)


@pytest.mark.lecture("T1.C11")
def test_xor_opens_with_its_features_its_outputs_and_a_loss_of_0(monkeypatch):
    (model,) = drawn(gallery_examples.xor_network, monkeypatch)
    model.compile("sgd", "squared")
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
    page = Page(model, x, y, batch_size=4, epochs=1, seed=0, backend="interpreter")
    page.do("show")
    shown = {}
    for node, name in enumerate(page.session.walk.moment.names):
        facts = page.do("go", level="forward", step=0, node=node)["facts"]
        cells = facts["value"]["window"]["cells"]
        if "True" not in str(cells) and "False" not in str(cells):
            shown[name] = np.array(cells, float)
    features = {(0, 0): (0, 0), (0, 1): (1, 0), (1, 0): (1, 0), (1, 1): (2, 1)}
    wanted = np.array([features[tuple(row)] for row in shown["x"].astype(int).tolist()], float)
    output = (shown["x"].sum(1) == 1).astype(float)
    assert any(np.array_equal(one, wanted) for one in shown.values())
    assert any(np.array_equal(one.ravel(), output) for n, one in shown.items() if n != "y")
    assert shown["J"] == 0


def test_every_worked_example_has_a_picture_and_a_program():
    for example in gallery.entries(gallery_examples):
        assert gallery.FOLDER.joinpath(gallery.file_name(example)).exists()
        assert "pel." in gallery.program(example)
