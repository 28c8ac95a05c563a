"""Rows of docs/bad-input.md for lessons. `ARGUMENTS` and `CASES` as in bad_input_svm.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim

X = np.random.default_rng(1).normal(size=(24, 4)).astype(np.float32)

ARGUMENTS: list[tuple[Callable[..., Any], dict[str, Any], dict[str, tuple[Any, str]]]] = [
    (
        pel.Question,
        {"ask": "How many classes?", "answer": 3},
        {
            "ask": ("", "ask must be a text, got ''"),
            "answer": (None, "answer must be a number, got None"),
            "choices": ("3", "choices must be a list of texts, got '3'"),
            "tolerance": (-1, "tolerance must lie in [0, inf), got -1"),
            "hint": (3, "hint must be a text, got 3"),
        },
    ),
]


def lesson(folder: Path, optimizer: Any = "sgd", x: Any = X, layers: Any = (), **options: Any):
    """A lesson of a linear model."""
    dtype = options.pop("dtype", "float32")
    model = pel.Sequential([*layers, nn.Dense(1)], seed=0, dtype=dtype)
    model.compile(optimizer, "squared", metrics=options.pop("metrics", ()))
    path = options.pop("path", folder / "page.html")
    return pel.lesson(options.pop("model", model), x, X[:, 0], path, **options)


def broken(x: Any) -> Any:
    """Rows with a gap."""
    holes = np.array(x)
    holes[3, 1] = np.nan
    return holes


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        "a lesson in a file of another name",
        lambda p: lesson(p, path=p / "page.txt"),
        "the name must end in .html, got 'page.txt'",
    ),
    ("a lesson of no model", lambda p: lesson(p, model="m"), "model must be a Sequential or a"),
    (
        "a lesson of a model that is not compiled",
        lambda p: lesson(p, model=pel.Sequential([nn.Dense(1)])),
        "[lesson] the model must be compiled first",
    ),
    (
        "a lesson in a folder that is not there",
        lambda p: lesson(p, path=p / "none" / "page.html"),
        "does not exist. At",
    ),
    ("a lesson of rows with a gap", lambda p: lesson(p, x=broken(X)), "x must be finite, got nan"),
    (
        "a lesson of fewer rows than targets",
        lambda p: lesson(p, x=X[:3]),
        "x and y must have as many rows, got 3 and 24",
    ),
    (
        "a lesson in float64",
        lambda p: lesson(p, dtype="float64"),
        "the model must compute in float32, got float64",
    ),
    (
        "a lesson with an optimizer that searches",
        lambda p: lesson(p, optimizer="lbfgs"),
        "the optimizer must take one step along each gradient, got LBFGS",
    ),
    (
        "a lesson with a growing batch",
        lambda p: lesson(p, batch_size=optim.GrowingBatch(4)),
        "batch_size must be a number of rows or 'all', got GrowingBatch",
    ),
    (
        "a lesson with a batch of no rows",
        lambda p: lesson(p, batch_size=0),
        "batch_size must be at least 1, got 0",
    ),
    (
        "a lesson with a schedule and no end",
        lambda p: lesson(p, optimizer=optim.SGD(optim.Step(0.1))),
        "epochs must be given with a schedule, got Step(",
    ),
    (
        "a lesson with a metric of all rows",
        lambda p: lesson(p, metrics=["r2"]),
        "metrics must be means over rows, got r2",
    ),
    (
        "a lesson with remainders",
        lambda p: lesson(p, layers=[nn.Activation(lambda x: np.remainder(x, np.float32(0.3)))]),
        "the code must need no function from outside, got fmodf",
    ),
    ("a lesson of no epochs", lambda p: lesson(p, epochs=0), "epochs must be in [1, 1000000]"),
    ("a lesson with a seed below 0", lambda p: lesson(p, seed=-1), "seed must be in [0,"),
    ("a lesson with a title that is none", lambda p: lesson(p, title=3), "title must be a text"),
    ("a lesson with a text that is none", lambda p: lesson(p, text=None), "text must be a text"),
    (
        "a lesson with half a surrogate pair",
        lambda p: lesson(p, text="\ud800"),
        "text must be a text that UTF-8 can hold",
    ),
    (
        "a lesson with a question that is text",
        lambda p: lesson(p, questions=["How many?"]),
        "questions must be a list of Questions",
    ),
    (
        "a lesson that hides what there is not",
        lambda p: lesson(p, hide=["network", "plain"]),
        "unknown part of hide 'plain'",
    ),
    ("a lesson that hides a text", lambda p: lesson(p, hide="rate"), "hide must be a list of"),
    (
        "a lesson in a language that is none",
        lambda p: lesson(p, language="en_GB"),
        "language must be a tag such as 'en' or 'pt-BR', got 'en_GB'",
    ),
    (
        "a lesson in a language without words",
        lambda p: lesson(p, language="fr"),
        "in the language 'fr', got none for training, play, pause, …",
    ),
    (
        "a lesson with a word that the page has not",
        lambda p: lesson(p, words={"plya": "Go"}),
        "unknown name 'plya' in words",
    ),
    (
        "a lesson with validation data of one array",
        lambda p: lesson(p, validation_data=(X,)),
        "validation_data must be (x, y)",
    ),
    ("a lesson that overwrites by 1", lambda p: lesson(p, overwrite=1), "overwrite must be True"),
    ("an answer that is no choice",
     lambda p: pel.Question("Which?", "red", choices=["blue"]),
     "the answer must be one of the choices, got 'red'"),
]  # fmt: skip
