"""Rows of docs/bad-input.md for the playground and its points. `CASES` as in bad_input_svm.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from pellucid.web.files import content_of
from pellucid.web.parsing import parse
from pellucid.web.program import from_address, program
from pellucid.web.session import Session
from pellucid.web.settings import Settings
from pellucid.web.sources import from_csv

X = np.random.default_rng(1).normal(size=(24, 2))
Y = np.arange(24) % 2
PROGRAM = program(Settings(), 3, 2)


def model(*layers: Any, compiled: bool = True) -> pel.Sequential:
    made = pel.Sequential([*layers, nn.Dense(1)], seed=0)
    if compiled:
        made.compile("sgd", "binary_cross_entropy")
    return made


def of_three() -> pel.Sequential:
    made = model()
    made.build((3,))
    return made


LOADING = """import pellucid as pel
x, y = pel.data.points('circle')
x = pel.data.features(x, ['x1', 'x2'])
y = 2 * y - 1
kept, held = pel.data.split(len(x), 0.5, seed=0)
model = pel.load("model.safetensors")
"""
CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    ("points of an unknown kind", lambda p: pel.data.points("cirle"), "Did you mean 'circle'?"),
    (
        "a formula that is code",
        lambda p: pel.data.points("__import__('os')"),
        "unknown function '__import__'",
    ),
    (
        "a formula that is not finite",
        lambda p: pel.data.points("log(x1)"),
        "log(x1) must be finite",
    ),
    ("too much noise", lambda p: pel.data.points("xor", noise=0.6), "noise must lie in [0, 0.5]"),
    ("a feature of no column", lambda p: pel.data.features(X, ["x3"]), "unknown column 'x3'"),
    (
        "a condition as a feature",
        lambda p: pel.data.features(X, ["x1 > 0"]),
        "a feature must be a number, got 'x1 > 0'",
    ),
    (
        "a model for play that is not compiled",
        lambda p: pel.play(model(compiled=False), X, Y, browser=False),
        "the model must be compiled first",
    ),
    ("a model for play without data", lambda p: pel.play(model(), X), "a model needs x and y"),
    (
        "a layer that the playground does not show",
        lambda p: pel.play(model(nn.Flatten()), X, Y, browser=False),
        "layers must be Dense, Dropout, BatchNorm, LayerNorm, Activation, got Flatten",
    ),
    (
        "rows for play that are images",
        lambda p: pel.play(model(), X.reshape(12, 2, 2), Y[:12], browser=False),
        "x must be (N, D) and y (N,), got (12, 2, 2) and (12,)",
    ),
    (
        "a link with an unknown part",
        lambda p: from_address("#noize=0.1"),
        "Did you mean 'noise'?",
    ),
    (
        "a program that imports",
        lambda p: parse(f"{PROGRAM}import os\n"),
        f"line {PROGRAM.count(chr(10)) + 1}: only NumPy, pellucid and constructors",
    ),
    (
        "a program with a wrong argument",
        lambda p: parse(PROGRAM.replace("units=4", "unit=4")),
        "Dense: unknown argument 'unit'",
    ),
    (
        "more units than the playground takes",
        lambda p: Session(Settings(layers=(nn.Dense(129), nn.Dense(1)))),
        "a layer has at most 128 units, got 129",
    ),
    (
        "a program that loads a model file which is not there",
        lambda p: Session().run_program(LOADING),
        "there is no model file yet",
    ),
    (
        "a model file of other features on the page",
        lambda p: Session().load(content_of(of_three())),
        "the model of the file does not fit here: it reads 3 features",
    ),
    (
        "a second run on other data",
        lambda p: Session().compare({"data": "xor"}),
        "two runs have the same data, got another one for the second",
    ),
    (
        "a second run that is the first",
        lambda p: Session().compare({"batch_size": 10}),
        "the second run must differ from the first, got the same batch_size",
    ),
    (
        "a picture drawn where the data are points",
        lambda p: Session().draw_picture([0.0] * 64),
        "there are no pictures among these data",
    ),
    (
        "a table of one column on the page",
        lambda p: from_csv("y\n1\n2\n3\n4\n"),
        "a table needs two columns or more, got 1",
    ),
]
