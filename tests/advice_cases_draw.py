"""Advice followed: pictures. In the form of advice_cases.py."""

from __future__ import annotations

import numpy as np

import pellucid as pel
from pellucid import svm, viz
from pellucid.viz.svg import Picture
from tests.advice_cases import Followed
from tests.bad_input_draw import AREA, SIGNS, X, convolved, dense, first, powers, product

wide = Picture("", 5000, 20, "wide")
WIDE = np.concatenate([X, X[:, :1]], axis=1)

FOLLOWED = [
    Followed(
        "Write pel.draw(machine, x, y).",
        lambda p: pel.draw(svm.SVC().fit(X, SIGNS), X),
        lambda p: pel.draw(svm.SVC().fit(X, SIGNS), X, SIGNS),
    ),
    Followed(
        "Write pel.draw(target).",
        lambda p: pel.draw(dense.history, 1),
        lambda p: pel.draw(dense.history),
    ),
    Followed(
        "It takes view, values, backward.",
        lambda p: pel.draw(product, 1.0, 2.0, biases=True),
        lambda p: pel.draw(product, 1.0, 2.0, values=True),
    ),
    Followed(
        "Draw a part of it.",
        lambda p: pel.draw(powers, 1.0),
        lambda p: pel.draw(lambda x: x * 1.01, 1.0),
    ),
    Followed(
        "A plane has two features: choose two columns, such as x[:, :2].",
        lambda p: viz.boundary(first, np.ones((40, 4)), SIGNS),
        lambda p: viz.boundary(first, X[:, :2], SIGNS),
    ),
    Followed(
        'Write view="blocks".',
        lambda p: pel.draw(convolved, view="units"),
        lambda p: pel.draw(convolved, view="blocks"),
    ),
    Followed(
        "Choose columns of the result.",
        lambda p: viz.features(lambda rows: np.zeros((len(rows), 30)), AREA),
        lambda p: viz.features(lambda rows: np.zeros((len(rows), 30))[:, :3], AREA),
    ),
    Followed(
        "A picture has one feature or two: train on x[:, :2] to see what it makes of them.",
        lambda p: pel.draw(svm.SVR().fit(WIDE, SIGNS), WIDE, SIGNS),
        lambda p: pel.draw(svm.SVR().fit(WIDE[:, :2], SIGNS), WIDE[:, :2], SIGNS),
    ),
    Followed(
        "Write picture.save('picture.svg').",
        lambda p: pel.draw(product, 1.0, 2.0).save(p / "picture.gif"),
        lambda p: pel.draw(product, 1.0, 2.0).save(p / "picture.svg"),
    ),
    Followed(
        "Write scale=4 or less, or save as .svg.",
        lambda p: wide.save(p / "wide.png", scale=8),
        lambda p: (wide.save(p / "wide.png", scale=4), wide.save(p / "wide.svg")),
    ),
    Followed(
        "Use some of all, inputs-dense_1, inputs, dense_1, inputs-dense_2, dense_2, inputs-data, "
        "data, inputs-loss, loss, forward-dense_1, forward, forward-dense_2, forward-loss.",
        lambda p: pel.draw(dense, X, SIGNS, opened="dense_9"),
        lambda p: pel.draw(dense, X, SIGNS, opened="dense_1"),
    ),
]

BY_NATURE = {
    "Leave opened out, or name fewer cells.": "takes a step of more than 400 boxes",
    "pip install 'pellucid[plot]', or save as .svg.": "changes the environment",
    "Take a node behind it.": "tests/viz/test_mathml.py",
}
