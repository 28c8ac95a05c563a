"""Rows of docs/bad-input.md for the methods of models: every argument with a wrong value.

`METHODS` has for each method what it is called with, and for each argument a wrong value and
part of the line; test_bad_input.py checks that no argument is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel

X = np.random.default_rng(1).normal(size=(24, 4)).astype(np.float32)
Y = X[:, 0]
THREADS = (0, "threads must be in [1, 1024], got 0")
RUN = {
    "backend": ("gpu", "Pass backend='xla', device='gpu'"),
    "threads": THREADS,
    "device": ("gpu", "device='gpu' belongs to backend='xla', got backend=None"),
    "precision": ("half", "unknown precision 'half'"),
}
ROWS = {
    "x": (X[0, 0], "x must have rows, got a single number"),
    "batch_size": (0, "batch_size must be at least 1, got 0"),
}
WEIGHTS = {
    "sample_weight": ([1.0], "sample_weight must be one weight a row (24,), got (1,)"),
    "class_weight": ({0: -1.0}, "class_weight"),
}

METHODS: dict[str, tuple[dict[str, Any], dict[str, tuple[Any, str]]]] = {
    "compile": (
        {"optimizer": "sgd", "loss": "squared"},
        {
            "optimizer": ("sdg", "unknown optimizer 'sdg'"),
            "loss": ("sqared", "unknown loss 'sqared'"),
            "metrics": (["acuracy"], "unknown metric 'acuracy'"),
            "regularizer": ("l2", "regularizer"),
            "rates": ({"dens": 0.1}, "rates"),
            "loss_weights": ({"a": "x"}, "loss_weights"),
        },
    ),
    "fit": (
        {"x": X, "y": Y, "seed": 0, "verbose": 0},
        {
            **ROWS,
            **WEIGHTS,
            **RUN,
            "y": (Y[:3], "x and y must have as many rows, got 24 and 3"),
            "epochs": (-1, "epochs must be in [0,"),
            "validation_data": ((3,), "validation_data must be (x, y) or (x, y, weights)"),
            "validation_split": (1.5, "validation_split must lie in (0, 1), got 1.5"),
            "validation_batch_size": (0, "validation_batch_size"),
            "validation_freq": (0, "validation_freq must be at least 1, got 0"),
            "validate_every": (0, "validate_every"),
            "initial_epoch": (2, "initial_epoch must be in [0, 1], got 2"),
            "steps_per_epoch": (0, "steps_per_epoch must be at least 1, got 0"),
            "shuffle": (1, "shuffle must be True or False, got 1"),
            "seed": (-1, "seed must be in [0,"),
            "verbose": (3, "verbose"),
            "callbacks": ([pel.Callback], "callbacks"),
            "checkpoint": (3, "the path must be text or a Path, got 3"),
            "checkpoint_every": (-1, "checkpoint_every"),
            "overwrite": (1, "overwrite must be True or False, got 1"),
            "resume": (1, "resume must be True or False, got 1"),
            "chunks": (0, "chunks"),
            "workers": (0, "workers"),
            "history_points": (-1, "history_points"),
        },
    ),
    "evaluate": (
        {"x": X, "y": Y},
        {**ROWS, **WEIGHTS, **RUN, "y": (Y[:3], "x and y must have as many rows, got 24 and 3")},
    ),
    "predict": ({"x": X}, {**ROWS, **RUN}),
    "predict_proba": ({"x": X}, {**ROWS, **RUN}),
    "save": (
        {"path": "m.safetensors"},
        {
            "path": (3, "the path must be text or a Path, got 3"),
            "overwrite": (1, "overwrite must be True or False, got 1"),
        },
    ),
    "summary": ({}, {"print_fn": ("print", "print_fn")}),
    "add": ({}, {"layer": ("dense", "layer")}),
    "build": ({}, {"input_shape": ("x", "input_shape")}),
    "get_layer": ({}, {"name": ("dens", "the model has no layer 'dens'")}),
    "set_weights": ({}, {"weights": ([], "weights")}),
    "objective": (
        {"x": X, "y": Y},
        {
            "x": ROWS["x"],
            "y": (Y[:3], "x and y must have as many rows, got 24 and 3"),
            "sample_weight": WEIGHTS["sample_weight"],
        },
    ),
    "training_graph": (
        {"x": X, "y": Y},
        {"x": ROWS["x"], "y": (Y[:3], "x and y must have as many rows, got 24 and 3")},
    ),
}


def called(name: str, given: dict[str, Any], folder: Path) -> Any:
    """A method of a model that was made for it."""
    probability = name == "predict_proba"
    made = pel.Sequential([pel.nn.Dense(1, "sigmoid" if probability else None, name="out")], seed=0)
    if name != "build":
        made.build((4,))
    if name != "compile":
        made.compile("sgd", "binary_cross_entropy" if probability else "squared")
    if isinstance(given.get("path"), str):
        given = {**given, "path": folder / given["path"]}
    return getattr(made, name)(**given)


CASES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    (
        f"`Sequential.{name}({argument}={'…' if isinstance(value, np.ndarray) else repr(value)})`",
        lambda folder, name=name, given={**right, argument: value}: called(name, given, folder),
        words,
    )
    for name, (right, wrong) in METHODS.items()
    for argument, (value, words) in wrong.items()
]
