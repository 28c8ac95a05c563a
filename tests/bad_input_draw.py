"""Rows of docs/bad-input.md for pictures: `pel.draw` and `pel.viz`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, svm, viz
from pellucid.viz.svg import Picture

AREA = ((-2.0, 2.0), (-2.0, 2.0))
X = np.random.default_rng(0).normal(size=(40, 2))
SIGNS = np.where(X[:, 0] > 0, 1, -1)
dense = pel.Sequential([nn.Dense(3, "tanh", input_shape=(2,)), nn.Dense(1)], seed=0)
dense.compile("sgd", "squared")
convolved = pel.Sequential([nn.Conv2D(2, 3, input_shape=(6, 6, 1)), nn.Flatten(), nn.Dense(1)])


def product(x: Any, y: Any) -> Any:
    return x * y


def powers(x: Any) -> Any:
    for _ in range(500):
        x = x * 1.01
    return x


def first(rows: Any) -> Any:
    return rows[:, 0]


def saved_twice(folder: Path) -> None:
    pel.draw(product, 1.0, 2.0).save(folder / "twice.svg")
    pel.draw(product, 1.0, 2.0).save(folder / "twice.svg")


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    ("draw of a number", lambda p: pel.draw(3), "expected a function, a model or a Tensor"),
    ("draw without arguments", lambda p: pel.draw(product), "Write pel.draw(product, x, y)."),
    (
        "draw of a function without a result",
        lambda p: pel.draw(lambda x: None, 1.0),
        "must return a result",
    ),
    (
        "draw inside a traced function",
        lambda p: pel.grad(lambda x: pel.draw(x))(1.0),
        "expected a Tensor with values",
    ),
    (
        "an unknown view of a function",
        lambda p: pel.draw(product, 1.0, 2.0, view="units"),
        "unknown view of a graph, 'units'",
    ),
    (
        "biases of a function",
        lambda p: pel.draw(product, 1.0, 2.0, biases=True),
        "a function takes no biases, got True",
    ),
    (
        "a function has no cells to open",
        lambda p: pel.draw(product, 1.0, 2.0, opened="all"),
        "a function takes no opened, got 'all'",
    ),
    (
        "draw with values=1",
        lambda p: pel.draw(product, 1.0, 2.0, values=1),
        "values must be True or False, got 1",
    ),
    (
        "the way back of a function without it",
        lambda p: pel.draw(product, 1.0, 2.0, view="backward", backward=False),
        "is the way back, got backward=False",
    ),
    ("draw of 500 operations", lambda p: pel.draw(powers, 1.0), "at most 400 boxes, got 501"),
    (
        "a model drawn by three arrays",
        lambda p: pel.draw(dense, X, X, X),
        "Write pel.draw(model, x, y).",
    ),
    ("a graph view of a model", lambda p: pel.draw(dense, view="graph"), "unknown view of a model"),
    (
        "blocks without biases",
        lambda p: pel.draw(dense, view="blocks", biases=False),
        'view="blocks" takes no biases, got False',
    ),
    (
        "units of a convolution",
        lambda p: pel.draw(convolved, view="units"),
        "is of a chain of Dense layers, got Conv2D",
    ),
    (
        "a cell that does not exist",
        lambda p: pel.draw(dense, X, SIGNS, opened="dense_9"),
        "opened must name phases, layers or cells, got 'dense_9'",
    ),
    (
        "opened as a number",
        lambda p: pel.draw(dense, X, SIGNS, opened=3),
        "opened must be a name or a list of names, got 3",
    ),
    (
        "a history with data",
        lambda p: pel.draw(dense.history, 1),
        "a history is drawn with nothing else, got 1 arguments",
    ),
    ("a machine without labels", lambda p: pel.draw(svm.SVC(), X), "is drawn with x and y, got 1"),
    ("a machine before fit", lambda p: pel.draw(svm.SVC(), X, SIGNS), "must be fitted"),
    (
        "a regression of three features",
        lambda p: pel.draw(svm.SVR().fit(np.ones((4, 3)), np.arange(4.0)), np.ones((4, 3)), X[:4]),
        "x must be (N, 1) or (N, 2), got (4, 3)",
    ),
    (
        "a regression with other targets",
        lambda p: pel.draw(svm.SVR().fit(X, SIGNS), X, SIGNS[:3]),
        f"y must be ({len(X)},), got (3,)",
    ),
    (
        "a picture over a file",
        saved_twice,
        "the file exists already",
    ),
    (
        "a picture as GIF",
        lambda p: pel.draw(product, 1.0, 2.0).save(p / "f.gif"),
        "must end in .svg or .png, got 'f.gif'",
    ),
    (
        "a scale for an SVG file",
        lambda p: pel.draw(product, 1.0, 2.0).save(p / "f.svg", scale=2),
        "scale is of PNG files, got 2",
    ),
    (
        "a PNG file of too many pixels",
        lambda p: Picture("", 5000, 20, "wide").save(p / "f.png", scale=8),
        "a PNG file has at most 20,000 pixels a side, got 40,000",
    ),
    (
        "frames of a vector",
        lambda p: viz.frames(np.sin, np.ones(3)),
        "must return one scalar (), got (3,)",
    ),
    ("a plane of one feature", lambda p: viz.boundary(first, X[:, :1], SIGNS), "x must be (N, 2)"),
    ("a plane with NaN", lambda p: viz.boundary(first, X * np.nan, SIGNS), "x must be finite"),
    (
        "three labels for forty points",
        lambda p: viz.boundary(first, X, SIGNS[:3]),
        "y must be (40,), got (3,)",
    ),
    (
        "a boundary of a number",
        lambda p: viz.boundary(3, X, SIGNS),
        "expected a model, a machine or a function of rows, got 3",
    ),
    (
        "scores of three rows",
        lambda p: viz.boundary(lambda rows: rows[:3], X, SIGNS),
        "must return (N,) or (N, K) for N rows, got (3, 2)",
    ),
    (
        "scores that are all NaN",
        lambda p: viz.boundary(lambda rows: rows * np.nan, X, SIGNS),
        "must be finite somewhere, got NaN or infinity",
    ),
    (
        "features of one letter each",
        lambda p: viz.boundary(first, X, SIGNS, names="ab"),
        "names must be 2 names, got 'ab'",
    ),
    (
        "a mark without a label",
        lambda p: viz.boundary(first, X, SIGNS, marks=[(1, 2)]),
        'a mark must be (x, y, "label"), got (1, 2)',
    ),
    (
        "an area that falls",
        lambda p: viz.features(first, ((1, 0), (0, 1))),
        "area must rise from low to high, got (1, 0)",
    ),
    (
        "one name for two units",
        lambda p: viz.features(lambda rows: rows, AREA, names=["a"]),
        "names must be 2 names, got ['a']",
    ),
    (
        "a map for each of 30 units",
        lambda p: viz.features(lambda rows: np.zeros((len(rows), 30)), AREA),
        "at most 24 units are drawn, got 30",
    ),
    (
        "labels without points",
        lambda p: viz.features(first, AREA, y=SIGNS),
        "y must come with x, got y alone",
    ),
    ("contours in no area", lambda p: viz.contours({"f": first}, 3), "area must be ((x_low,"),
    ("a surface of a number", lambda p: viz.surface(3, AREA), "function must be a function"),
    (
        "curves from right to left",
        lambda p: viz.plot({"sin": np.sin}, 1, 0),
        "low must be below high, got 1 and 0",
    ),
    (
        "a curve of one number",
        lambda p: viz.plot({"sum": np.sum}, 0, 1),
        "sum must return one value for each x",
    ),
    ("curves in a list", lambda p: viz.plot([np.sin], 0, 1), 'functions must be {"name": f, …}'),
    ("a time line of nothing", lambda p: viz.timeline([]), "events must be [(year, name,"),
    ("an event of two words", lambda p: viz.timeline([(1, 2)]), "an event must be (year, name,"),
    ("a number beside a picture", lambda p: viz.beside([3], "a"), "pictures must be pictures"),
]
