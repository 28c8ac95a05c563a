"""Advice followed: data, files, trees and the command line. See advice_cases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import pellucid as pel
from pellucid import nn, optim
from pellucid.cli.main import dataset
from pellucid.cli.report import figure_path, results
from pellucid.data import read_idx, write_idx
from tests.advice_cases import CLASSES, ONES, Followed, X, classified, fitted, traced

DATES = np.datetime64("2024-01-01") + np.arange(48).reshape(24, 2) * np.timedelta64(1, "h")
WORDS = np.array(["red", "blue"])[np.arange(48).reshape(24, 2) % 2]
LARGE = 2**40 + np.arange(48).reshape(24, 2)
FAR = LARGE[:, 0] * 2**20 + 1
FIELDS = np.zeros(24, [("a", "f4"), ("b", "f4")])
MISSING = np.where(X > 1, None, X)


class Sparse:
    """What a sparse matrix has that we look at."""

    nnz = 3

    def toarray(self) -> Any:
        return X


def table(p: Path, mark: str, name: str) -> Path:
    """A file of 20 wines, with names of columns."""
    rows = np.column_stack([X[:20], CLASSES[:20]])
    np.savetxt(p / name, rows, delimiter=mark, header=mark.join("abcdy"), comments="")
    return p / name


def folder(p: Path) -> Path:
    """MNIST's four files, of 4 images each."""
    p.mkdir(exist_ok=True)
    for part in ("train", "t10k"):
        write_idx(p / f"{part}-images-idx3-ubyte", np.zeros((4, 2, 2), np.uint8))
        write_idx(p / f"{part}-labels-idx1-ubyte", np.arange(4, dtype=np.uint8) % 2)
    return p


def evaluated(y: Any) -> Any:
    return results(Console(quiet=True), classified(), X, y, None)


class Slow(optim.Schedule):
    """A schedule of a person's own, which no file can hold."""

    def rate(self, step: int) -> float:
        return 0.01


def with_own_schedule(p: Path, weights_alone: bool) -> Any:
    model = fitted(X, X[:, 0], optimizer=optim.SGD(Slow()))
    if weights_alone:
        return np.savez(p / "weights.npz", *model.get_weights())
    return model.save(p / "m.safetensors")


def endless() -> list[Any]:
    held: list[Any] = []
    held.append(held)
    return held


class Bag(dict):  # type: ignore[type-arg]
    """A dict that may do more than hold items."""


def set_alone(inside: bool) -> Any:
    model = fitted(X, X[:, 0])
    if inside:
        model.params["dense_1"] = model.params["dense_1"]
    model.set_weights({"dense_1.W": model.weights["dense_1.W"]})
    model.params = {"dense_1": dict(model.params["dense_1"])}
    return model


def written(p: Path, array: bool) -> Any:
    if array:
        write_idx(p / "x.idx", ONES)
    else:
        np.save(p / "x.idx.npy", ONES)
    return read_idx(p / ("x.idx" if array else "x.idx.npy"))


FOLLOWED = [
    Followed(
        "To train on a table say what to predict: --target COLUMN. Its columns: a, b, c, d, y.",
        lambda p: dataset("train", str(table(p, ",", "wine.csv")), 0),
        lambda p: pel.fit_table(table(p, ",", "wine.csv"), "y", quick=True, verbose=0),
    ),
    Followed(
        "Give the folder that holds the four files: train and t10k, images and labels.",
        lambda p: dataset("train", str(folder(p / "a") / "train-images-idx3-ubyte"), 0),
        lambda p: dataset("train", str(folder(p / "b")), 0),
    ),
    Followed(
        "Did you mean 'digits'?",
        lambda p: dataset("train", "digit", 0),
        lambda p: dataset("train", "digits", 0),
    ),
    Followed(
        "Evaluate it on data with the classes that it was trained on.",
        lambda p: evaluated(CLASSES + 1),
        lambda p: evaluated(CLASSES),
    ),
    Followed(
        "Write --out m.safetensors.",
        lambda p: figure_path(p / "m.png"),
        lambda p: figure_path(p / "m.safetensors"),
    ),
    Followed(
        "A file that loads without running code cannot hold Slow. Keep the weights alone: "
        "np.savez(path, *model.get_weights()).",
        lambda p: with_own_schedule(p, weights_alone=False),
        lambda p: with_own_schedule(p, weights_alone=True),
    ),
    Followed(
        "Leave out the NUL bytes and lone surrogates.",
        lambda p: fitted(X, X[:, 0]).save(f"{p}/m\0.safetensors"),
        lambda p: fitted(X, X[:, 0]).save(f"{p}/m.safetensors"),
    ),
    Followed(
        "Hand over a flat list or dict.",
        lambda p: traced(lambda xs: xs[0], endless()),
        lambda p: traced(lambda xs: xs[0], [ONES]),
    ),
    Followed(
        "Convert it: dict(x).",
        lambda p: traced(lambda d: d["a"], Bag(a=ONES)),
        lambda p: traced(lambda d: d["a"], dict(Bag(a=ONES))),
    ),
    Followed(
        "Set some weights by name, model.set_weights({'dense_1.W': array}), or all: "
        "model.params = {…}.",
        lambda p: set_alone(inside=True),
        lambda p: set_alone(inside=False),
    ),
    Followed(
        "Make one array of its fields: np.column_stack([x[f] for f in x.dtype.names]).",
        lambda p: fitted(FIELDS, X[:, 0]),
        lambda p: fitted(np.column_stack([FIELDS[f] for f in FIELDS.dtype.names]), X[:, 0]),
    ),
    Followed(
        "Take the seconds since the first: (x - x.min()) / np.timedelta64(1, 's').",
        lambda p: fitted(DATES, X[:, 0]),
        lambda p: fitted((DATES - DATES.min()) / np.timedelta64(1, "s") / 1e5, X[:, 0]),
    ),
    Followed(
        "Take their seconds: x / np.timedelta64(1, 's').",
        lambda p: fitted(DATES - DATES.min(), X[:, 0]),
        lambda p: fitted((DATES - DATES.min()) / np.timedelta64(1, "s") / 1e5, X[:, 0]),
    ),
    Followed(
        "Leave such rows out, or put a number in their place.",
        lambda p: fitted(MISSING, X[:, 0]),
        lambda p: (
            fitted(MISSING[(X <= 1).all(axis=1)].astype(float), X[(X <= 1).all(axis=1), 0]),
            fitted(np.where(X > 1, 0.0, X), X[:, 0]),
        ),
    ),
    Followed(
        "Give numbers in rows of equal length, as a list of lists or an array.",
        lambda p: fitted(np.array([{}, {}], object), X[:2, 0]),
        lambda p: (fitted([[1.0, 2.0], [3.0, 4.0]], X[:2, 0]), fitted(X[:2], X[:2, 0])),
    ),
    Followed(
        "They are numbers: pass x.astype(np.float64).",
        lambda p: fitted(X.astype(object), X[:, 0]),
        lambda p: fitted(X.astype(object).astype(np.float64), X[:, 0]),
    ),
    Followed(
        "Make a column of 0 and 1 for each word of a column i: x[:, [i]] == np.unique(x[:, i]).",
        lambda p: fitted(WORDS, X[:, 0]),
        lambda p: fitted(WORDS[:, [0]] == np.unique(WORDS[:, 0]), X[:, 0]),
    ),
    Followed(
        "Pass x.toarray().",
        lambda p: fitted(Sparse(), X[:, 0]),
        lambda p: fitted(Sparse().toarray(), X[:, 0]),
    ),
    Followed(
        'Subtract an offset, such as x.min(), or use dtype="float64". Whole numbers are exact up '
        "to 16,777,216.",
        lambda p: fitted(LARGE, X[:, 0]),
        lambda p: (
            fitted((LARGE - LARGE.min()) / 100, X[:, 0]),
            pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0, dtype="float64").predict(LARGE),
        ),
    ),
    Followed(
        "Subtract an offset, such as x.min(). Whole numbers are exact up to 9,007,199,254,740,992.",
        lambda p: predicted_wide(LARGE * 2**20 + 1),
        lambda p: predicted_wide(LARGE * 2**20 + 1 - (LARGE * 2**20 + 1).min()),
    ),
    Followed(
        'Subtract an offset, such as y.min(), or use dtype="float64". Whole numbers are exact up '
        "to 16,777,216.",
        lambda p: fitted(X, LARGE[:, 0]),
        lambda p: (fitted(X, (LARGE[:, 0] - LARGE[:, 0].min()) / 100), evaluated_wide(LARGE[:, 0])),
    ),
    Followed(
        "Subtract an offset, such as y.min(). Whole numbers are exact up to 9,007,199,254,740,992.",
        lambda p: evaluated_wide(FAR),
        lambda p: evaluated_wide(FAR - FAR.min()),
    ),
    Followed(
        "Subtract an offset, such as x.min().",
        lambda p: called_layer(LARGE),
        lambda p: called_layer(LARGE - LARGE.min()),
    ),
    Followed(
        "Write an array as one with pellucid.data.write_idx(path, array).",
        lambda p: written(p, array=False),
        lambda p: written(p, array=True),
    ),
]


def evaluated_wide(y: Any) -> Any:
    model = pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0, dtype="float64")
    model.compile("sgd", "squared")
    return model.evaluate(X[:, :2], y)


def called_layer(x: Any) -> Any:
    model = pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0)
    model.build((2,))
    return model.layers[0](x)


def predicted_wide(x: Any) -> Any:
    model = pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0, dtype="float64")
    return model.predict(x)


_TABLES = "of pandas and Polars: tests/data/test_frames.py"

BY_NATURE = {
    'Subtract an offset, such as the column\'s min(), or use dtype="float64". Whole numbers are '
    "exact up to 16,777,216.": _TABLES,
    "Subtract an offset, such as the column's min(). Whole numbers are exact up to "
    "9,007,199,254,740,992.": _TABLES,
    "For one feature pass x.to_frame().": _TABLES,
    "Take them in this order: x[['a', 'b']].": _TABLES,
    "Give the columns that the model was fitted with, in their order.": _TABLES,
    "Make numbers of them, or leave them out: x.drop(['a']).": _TABLES,
    "Make numbers of them, or leave them out: x.drop(columns=['a']).": _TABLES,
    "Make numbers of them.": _TABLES,
    "Make a column of 0 and 1 for each: pd.get_dummies(x, columns=['a']).": _TABLES,
    "Make a column of 0 and 1 for each: x.to_dummies(['a']).": _TABLES,
    "Map them to numbers: names, y = np.unique(y, return_inverse=True).": _TABLES,
    "Take the seconds since the first: (x['a'] - x['a'].min()).dt.total_seconds().": _TABLES,
    "Take its seconds: x['a'].dt.total_seconds().": _TABLES,
    "Fill it, x['a'].fill_null(0), or drop such rows.": _TABLES,
    "Fill it, x['a'].fillna(0), or drop such rows.": _TABLES,
}
