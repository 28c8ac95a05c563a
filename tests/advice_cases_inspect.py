"""Advice followed: the inspector. See advice_cases.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid.inspector import landscape, picture
from pellucid.inspector.travel import Travel
from pellucid.web.inspector.inspecting import looked_at
from tests.advice_cases import Followed

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, :1]


def model(depth: int = 1, rate: float = 0.1) -> pel.Sequential:
    made = pel.Sequential([*(nn.Dense(3, "tanh") for _ in range(depth)), nn.Dense(1)], seed=0)
    made.compile(optim.SGD(rate, momentum=0.9), "squared")
    return made


def run(**options: Any) -> Travel:
    return Travel(model(**options), X, Y, batch_size=4, epochs=9, backend="interpreter")


def boxes(share: int) -> Any:
    moment = run(depth=30).moment(0)
    cells = list(picture.cells(moment))
    return picture.boxes(moment, cells[: len(cells) // share])


def last_step(_: Path) -> Any:
    travel = run(rate=1e20)
    try:
        travel.state(travel.steps)
    except pel.PellucidError:
        return travel.moment(travel.last).first_not_finite()
    raise AssertionError


def slow_plane(_: Path) -> Any:
    return landscape._side(SimpleNamespace(seconds=10.0))  # type: ignore[arg-type]


def slow_line(_: Path) -> Any:
    return landscape._points(SimpleNamespace(seconds=10.0))  # type: ignore[arg-type]


def plain() -> Travel:
    made = model()
    made.compile(optim.SGD(0.1), "squared")
    return Travel(made, X, Y, batch_size=4, epochs=3, backend="interpreter")


def inspected(**options: Any) -> Any:
    return Travel(model(), X, Y, backend="interpreter", **options)


FOLLOWED = [
    Followed(
        "Go on to a later step first, or choose the plane of the step.",
        lambda p: landscape.plane(run(), 0),
        lambda p: (later := run(), later.state(6), landscape.plane(later, 3)),
    ),
    Followed(
        "Look along the gradient, or go on to a later step first.",
        lambda p: landscape.plane(plain(), 0, "step"),
        lambda p: (landscape.along_gradient(plain(), 0), landscape.plane(plain(), 4, "step")),
    ),
    Followed(
        "Look along the gradient, or give a smaller batch_size.",
        slow_plane,
        lambda p: (landscape.along_gradient(run(), 0), landscape.plane(run(), 5, "step")),
    ),
    Followed(
        "Give a smaller batch_size.",
        slow_line,
        lambda p: landscape.along_gradient(inspected(batch_size=2), 0),
    ),
    Followed(
        "Give its batches as arrays x and y, with batch_size= and shuffle=False.",
        lambda p: Travel(model(), ((X, Y) for _ in range(2)), None),
        lambda p: inspected(batch_size=6, shuffle=False),
    ),
    Followed(
        "A step does not depend on it: leave it out.",
        lambda p: inspected(validation_data=(X, Y)),
        lambda p: inspected(),
    ),
    Followed(
        "Write pel.inspect(model, x, y), or leave it out.",
        lambda p: looked_at(np.sin, (1.0,), {"epochs": 2}),
        lambda p: (looked_at(model(), (X, Y), {"epochs": 2}), looked_at(np.sin, (1.0,), {})),
    ),
    Followed("Close a part of it first.", lambda p: boxes(1), lambda p: boxes(6)),
    Followed(
        "Look at step 1: the page names its first value that is not finite.",
        lambda p: run(rate=1e20).state(20),
        last_step,
    ),
]

BY_NATURE: dict[str, str] = {}
