"""Pictures of a moment: cells that open, lines of the source as one box, maps of units."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.inspector import picture
from pellucid.inspector.responses import layers_with_units, responses
from pellucid.inspector.travel import Travel
from pellucid.nn import Activation, Dense
from pellucid.optim import SGD
from pellucid.viz.graphs import draw_diagram
from tests.inspector.test_moment import logistic, moment
from tests.inspector.test_travel import OPTIONS as RUN
from tests.inspector.test_travel import X, Y, network
from tests.viz.reading import texts

OPTIONS = RUN | {"backend": "interpreter"}


def test_a_step_is_folded_by_phase_and_layer_and_opened_on_demand():
    found = Travel(network(), X, Y, **OPTIONS).moment(2)
    assert picture.opened_at_first(found) == set()
    closed = picture.boxes(found, [])
    ids = {box.id for box in closed.boxes}
    assert {"forward-hidden", "backward-hidden", "update-hidden", "forward-loss"} <= ids
    assert ids <= set(picture.cells(found))
    opened = picture.boxes(found, ["forward-hidden"])
    shown = [box for box in opened.boxes if box.phase == "forward" and box.layer == "hidden"]
    assert {f"n{n}" for n in found.forward if found.roles[n].layer == "hidden"} <= {
        box.id for box in shown
    }
    n = found.find("hidden.W")
    assert picture.cell_of(found, n) == "inputs-hidden"
    # Two clicks lead from the model to any gradient: the cell, and the node in it.
    nodes = [n for n in found.backward if _shown(found, n)]
    for cell in {picture.cell_of(found, n) for n in nodes}:
        inside = picture.boxes(found, [cell]).boxes
        apart = {box.nodes[0] for box in inside if box.kind != "folded"}
        assert {n for n in nodes if picture.cell_of(found, n) == cell} <= apart


def _shown(found, n):
    """Other views of one tensor, and numbers that are made, have no box of their own."""
    return found.graph.nodes[n].op not in ("reshape", "broadcast_to", "transpose")


@pytest.mark.lecture("T1.G12")
def test_the_sigmoid_of_a_line_is_one_box_or_its_nodes():
    found = moment(logistic, 0.5, -1.0, 2.0)
    fold = f"g{found.find('p')}"
    assert fold in picture.folds(found)
    apart, together = picture.boxes(found, []), picture.boxes(found, [], [fold])
    assert len(apart.boxes) == len(together.boxes) + 3  # -a, e^-a and 1 + e^-a go into p
    (p,) = [box for box in together.boxes if box.id == fold]
    same = next(box for box in apart.boxes if box.id == f"n{fold[1:]}")
    assert p.rows[-2:] == same.rows[-2:]  # the same value and gradient
    assert p.rows[1].text == "p = 1 / (1 + np.exp(-a))"
    assert "p = 1 / (1 + np.exp(-a))" in texts(draw_diagram(together))


@pytest.mark.lecture("T1.C14")
def test_what_hidden_units_respond_to_at_a_step():
    """Step units are 0 or 1 on either side of their line, sigmoids lie between."""
    for activation, low, high in (("step", "0.00", "1.00"), ("sigmoid", "0.00", "1.00")):
        model = pel.Sequential(
            [Dense(2, name="h"), Activation(activation), Dense(1, name="o")], seed=0
        )
        model.build((2,))
        model.set_weights([[[30, 0], [0, -30]], [-15, 5], [[1], [1]], [0]])
        model.compile(SGD(0.1), "squared", rates={"h": 0})
        travel = Travel(model, X, Y.astype(float), **OPTIONS)
        assert layers_with_units(travel) == ["h", "o"]
        shown = [text for text in texts(responses(travel, 0, "h")) if " to " in text]
        assert shown == [f"h₁: {low} to {high}", f"h₂: {low} to {high}"]
        later = responses(travel, 4, "o").svg
        assert later != responses(travel, 0, "o").svg
    with pytest.raises(ArgumentError, match="no layer with units"):
        responses(travel, 0, "q")
    with pytest.raises(ArgumentError, match="columns must be two"):
        responses(travel, 0, "h", (0, 2))


def test_units_on_pixels_show_their_weights():
    model = pel.Sequential([Dense(3, "relu", name="h"), Dense(2)], seed=0)
    model.compile(SGD(0.1), "cross_entropy")
    x = np.random.default_rng(0).normal(size=(8, 64))
    travel = Travel(model, x, np.arange(8) % 2)
    assert layers_with_units(travel) == ["h"]
    assert responses(travel, 0, "h").svg.count("<image") == 3
