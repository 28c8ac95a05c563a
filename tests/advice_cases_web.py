"""Advice followed: lessons, and the WebAssembly in them. See advice_cases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn, optim
from pellucid.web.lesson.words import ENGLISH
from tests.advice_cases import Followed

ROWS = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
Y = ROWS[:, :1]


def lesson(folder: Path, model: Any = None, optimizer: Any = "sgd", **options: Any) -> Path:
    """A lesson of a linear model."""
    made = model or pel.Sequential([nn.Dense(1)], seed=0)
    if isinstance(made, pel.Sequential):
        made.compile(optimizer, "squared", metrics=options.pop("metrics", ()))
    return pel.lesson(made, ROWS, Y, folder / options.pop("name", "page.html"), **options)


def remainder(x: Any) -> Any:
    return np.remainder(x, np.float32(0.3))


FOLLOWED = [
    Followed(
        "Make one first.",
        lambda p: lesson(p, model=nn.Dense(1)),
        lambda p: lesson(p, model=pel.Sequential([nn.Dense(1)], seed=0)),
    ),
    Followed(
        "Write page.html: a browser does not run other files.",
        lambda p: lesson(p, name="page"),
        lambda p: lesson(p, name="page.html"),
    ),
    Followed(
        'Write [pel.Question("How many classes?", 3)].',
        lambda p: lesson(p, questions=["How many classes?"]),
        lambda p: lesson(p, questions=[pel.Question("How many classes?", 3)]),
    ),
    Followed(
        'Write hide=["rate"].',
        lambda p: lesson(p, hide="rate"),
        lambda p: lesson(p, hide=["rate"]),
    ),
    Followed(
        "Give them: `from pellucid.web.lesson.words import ENGLISH` shows all. Or write "
        "language='en'.",
        lambda p: lesson(p, language="fr"),
        lambda p: lesson(p, language="fr", words=dict.fromkeys(ENGLISH, "mot")),
    ),
    Followed(
        "Make it with dtype='float32': a page has no exact products of float64.",
        lambda p: lesson(p, model=pel.Sequential([nn.Dense(1)], seed=0, dtype="float64")),
        lambda p: lesson(p, model=pel.Sequential([nn.Dense(1)], seed=0, dtype="float32")),
    ),
    Followed(
        "Compile with SGD, Adam or another that has a learning rate.",
        lambda p: lesson(p, optimizer="lbfgs"),
        lambda p: lesson(p, optimizer="adam"),
    ),
    Followed(
        "A page takes batches of one size.",
        lambda p: lesson(p, batch_size=optim.GrowingBatch(4)),
        lambda p: lesson(p, batch_size=4),
    ),
    Followed(
        "Compile without it: the page has no code for it.",
        lambda p: lesson(p, metrics=["r2"]),
        lambda p: lesson(p, metrics=["squared_error"]),
    ),
    Followed(
        "Write epochs=100: the file holds the rate of each step.",
        lambda p: lesson(p, optimizer=optim.SGD(optim.Step(0.1))),
        lambda p: lesson(p, optimizer=optim.SGD(optim.Step(0.1)), epochs=100),
    ),
    Followed(
        "Give fewer epochs, or compile with a constant rate.",
        lambda p: lesson(p, optimizer=optim.SGD(optim.Step(0.1)), epochs=10**6, batch_size=1),
        lambda p: lesson(p, optimizer=optim.SGD(0.1), epochs=10**6, batch_size=1),
    ),
    Followed(
        "Leave out the operation that calls it: remainders of floats, and float64.",
        lambda p: lesson(p, model=pel.Sequential([nn.Activation(remainder), nn.Dense(1)], seed=0)),
        lambda p: lesson(p, model=pel.Sequential([nn.Dense(1)], seed=0)),
    ),
    Followed(
        "Write the answer as a number, or leave tolerance out.",
        lambda p: pel.Question("How many?", "3", tolerance=0.5),
        lambda p: (pel.Question("How many?", 3, tolerance=0.5), pel.Question("How many?", "3")),
    ),
    Followed(
        "Write it as it stands in choices.",
        lambda p: pel.Question("Which?", "Red", choices=["red", "blue"]),
        lambda p: pel.Question("Which?", "red", choices=["red", "blue"]),
    ),
    Followed(
        "Write '3'.",
        lambda p: pel.Question("How many?", 3, choices=["2", "3"]),
        lambda p: pel.Question("How many?", "3", choices=["2", "3"]),
    ),
]

BY_NATURE = {
    "See that `python -c 'import llvmlite.binding'` works.": "of a machine without llvmlite",
    "Give fewer rows.": "of more than 512 MiB; see tests/export",
}
