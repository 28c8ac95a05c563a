"""Trains LeNet-5 and LeCun's network of 1989 on MNIST; writes the table to docs/.

    python benchmarks/mnist_convolution.py [--data ../shared/data/mnist] [--out docs/mnist]
        [--rows 1000] [--epochs 1] [--seeds 1] [--only LeNet]

`--rows` takes the first images only and `--epochs` fewer passes: for a trial.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel

Array = np.ndarray[Any, Any]


def squeezed(images: Array, side: int = 16) -> Array:
    """(N, 28, 28) pixels → (N, side, side, 1) in [-1, 1]: each new pixel is the mean it covers."""
    wide = images.shape[1]
    edges = np.linspace(0, wide, side + 1)
    low, high = edges[:-1, None], edges[1:, None]
    place = np.arange(wide)
    cover = np.clip(np.minimum(high, place + 1) - np.maximum(low, place), 0, None)
    cover = (cover / cover.sum(1, keepdims=True)).astype(np.float32)
    small = np.matmul(cover, images.astype(np.float32) @ cover.T)
    return small[..., None] / 127.5 - 1


def plain(images: Array) -> Array:
    """(N, 28, 28) pixels → (N, 28, 28, 1)."""
    return images[..., None]


@dataclass(frozen=True)
class Experiment:
    """A network, its data and how it is trained."""

    name: str
    make: Callable[..., pel.Sequential]
    prepare: Callable[[Array], Array]
    optimizer: pel.optim.Optimizer
    loss: str
    batch_size: int
    epochs: int
    rows: tuple[int, int]  # of training and test images, the first of MNIST
    known: str  # what the paper says


EXPERIMENTS = (
    Experiment(
        "LeNet-5",
        pel.models.lenet5,
        plain,
        pel.optim.SGD(pel.optim.OneCycle(0.05, 10 * 938, 0.2), momentum=0.9),
        "cross_entropy",
        64,
        10,
        (60_000, 10_000),
        "0.95 % (1998, 20 passes)",
    ),
    Experiment(
        "LeCun 1989, as many images as in the paper",
        pel.models.lecun1989,
        squeezed,
        pel.optim.SGD(pel.optim.Step(0.01, 0.8, every=2 * 7291)),
        "squared",
        1,
        23,
        (7_291, 2_007),
        "5.0 % (1989, zip codes, 23 passes)",
    ),
    Experiment(
        "LeCun 1989, all images",
        pel.models.lecun1989,
        squeezed,
        pel.optim.SGD(pel.optim.Step(0.01, 0.7, every=2 * 6000), momentum=0.5),
        "squared",
        10,
        12,
        (60_000, 10_000),
        "–",
    ),
)


def error(model: pel.Sequential, x: Array, y: Array) -> float:
    """The share of images whose largest output is not their digit's."""
    return float(np.mean(model.predict(x).argmax(1) != y))


def trained(
    one: Experiment, data: pel.data.Dataset, seed: int, epochs: int | None, rows: int | None
) -> tuple[float, float, float, int]:
    """Errors on training and test images, seconds of training, parameters."""
    count, measured = (min(n, rows or n) for n in one.rows)
    x, y = one.prepare(data.x_train[:count]), data.y_train[:count]
    x_test, y_test = one.prepare(data.x_test[:measured]), data.y_test[:measured]
    targets = 2 * np.eye(10, dtype=np.float32)[y] - 1 if one.loss == "squared" else y
    model = one.make(seed=seed)
    model.compile(one.optimizer, loss=one.loss)
    started = time.perf_counter()
    model.fit(
        x, targets, batch_size=one.batch_size, epochs=epochs or one.epochs, seed=seed, verbose=0
    )
    seconds = time.perf_counter() - started
    return error(model, x, y), error(model, x_test, y_test), seconds, model.count_params()


def row(one: Experiment, results: list[tuple[float, float, float, int]]) -> str:
    """A line of the table."""
    fit, test, seconds, _ = (np.mean([result[i] for result in results]) for i in range(4))
    spread = np.std([result[1] for result in results])
    return (
        f"| {one.name} | {results[0][3]:,} | {one.rows[0]:,} / {one.rows[1]:,} | {one.epochs} × "
        f"{math.ceil(one.rows[0] / one.batch_size):,} steps of {one.batch_size} | {fit:.2%} | "
        f"**{test:.2%}** ± {spread:.2%} | {one.known} | {seconds:.0f} |"
    )


def page(rows: list[str], seeds: int) -> str:
    return "\n".join(
        [
            "# MNIST with the convolutional networks of the papers",
            "",
            f"Written by `make convolution`: means over {seeds} seeds, errors after "
            "the last epoch, ± the standard deviation over seeds.",
            "",
            "| network | parameters | images | training | training error | test error | paper | "
            "seconds |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "LeCun's network takes 16×16 images: each pixel is the mean of the part of the 28×28 "
            "image that it covers. Its targets are ±1 and its loss is squared. Which maps of H1 "
            "are connected to each map of H2 is our choice (`H1_TO_H2`), as the paper does not "
            "state it. The paper's data are zip codes, which are harder than MNIST. LeNet-5 ends "
            "in a linear layer with cross-entropy, where the paper has radial-basis outputs.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data" / "mnist")
    parser.add_argument("--out", type=Path, default=root / "docs" / "mnist")
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="networks whose name starts so")
    options = parser.parse_args()
    data = pel.data.load_idx_folder(options.data)
    rows = []
    for one in EXPERIMENTS:
        if not one.name.startswith(options.only):
            continue
        results = []
        for seed in range(options.seeds):
            results.append(trained(one, data, seed, options.epochs, options.rows))
            fit, test, seconds, _ = results[-1]
            print(
                f"{one.name}, seed {seed}: training {fit:.2%}, test {test:.2%}, {seconds:.1f} s",
                flush=True,
            )
        rows.append(row(one, results))
    if options.rows or options.epochs or options.only:
        print("A trial: the page is not written.")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    place = options.out / "convolution.md"
    place.write_text(page(rows, options.seeds), encoding="utf-8")
    print(f"Written: {place}")


if __name__ == "__main__":
    main()
