"""Rows of docs/bad-input.md for the inspector. `CASES` as in bad_input_svm.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from pellucid.web.inspector.inspecting import looked_at

X = np.random.default_rng(1).normal(size=(12, 2))
Y = np.arange(12) % 2


def square(x: Any) -> Any:
    return x * x


def model(compiled: bool = True) -> pel.Sequential:
    made = pel.Sequential([nn.Dense(1)], seed=0)
    if compiled:
        made.compile("sgd", "binary_cross_entropy")
    return made


def run(**options: Any) -> Any:
    return looked_at(model(), (X, Y), options)


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        "a model for inspect that is not compiled",
        lambda p: pel.inspect(model(compiled=False), X, Y, browser=False),
        "the model must be compiled first",
    ),
    (
        "inspect of a function with epochs",
        lambda p: pel.inspect(square, 2.0, epochs=3, browser=False),
        "epochs is of a training run, which needs a model with x and y, got 3",
    ),
    (
        "inspect of what is no function",
        lambda p: pel.inspect(3.0, browser=False),  # type: ignore[arg-type]
        "expected a function",
    ),
    (
        "inspect without an argument of the function",
        lambda p: pel.inspect(square, browser=False),
        "square must be given the arguments it takes, got 0",
    ),
    (
        "a step behind the end of an inspected run",
        lambda p: run(batch_size=4).go("batch", 3, 0),
        "step must be in [0, 2], got 3",
    ),
    (
        "a node that an inspected graph has not",
        lambda p: run().walk.moment.find("hiden.W"),
        "no node is called 'hiden.W'",
    ),
    (
        "a stream to inspect",
        lambda p: looked_at(model(), (((X, Y) for _ in range(2)),), {"epochs": 2}),
        "x must be arrays, whose rows any step can take again, got a stream: generator",
    ),
    (
        "inspect with validation data that no callback reads",
        lambda p: run(validation_data=(X, Y)),
        "validation_data is for callbacks, got it without any",
    ),
    (
        "a plane of the loss before there is a path",
        lambda p: run(batch_size=4).landscape("path"),
        "a plane of the path needs 3 states that do not lie on a line, got 2",
    ),
    ("no epochs to inspect", lambda p: run(epochs=0), "epochs must be in [1, 100000], got 0"),
]
