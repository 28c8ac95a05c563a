"""Trains the lectures' two MNIST models with five seeds; writes the table and figures to docs/.

    python benchmarks/mnist.py [--data ../shared/data/mnist] [--out docs/mnist]

Setting: learning rate 0.5, minibatches of 100, 15 epochs of 600 iterations, pixels in [0, 1]; the
10,000 test images are measured every 100 iterations.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from pellucid.viz.curves import save_curves

import pellucid as pel

SEEDS = (0, 1, 2, 3, 4)
MODELS = {
    "softmax regression": ([], 7_850, "about 8 %", "softmax-regression"),
    "784-200-10, ReLU": ([200], 159_010, "2 %", "mlp-200"),
}


def train(data: pel.data.Dataset, hidden: list[int], seed: int) -> tuple[pel.Sequential, float]:
    """One model of the lectures, and the seconds that its training took."""
    layers: list[pel.nn.Layer] = [pel.nn.Rescale(1 / 255), pel.nn.Flatten()]
    layers += [pel.nn.Dense(units, activation="relu") for units in hidden]
    model = pel.Sequential([*layers, pel.nn.Dense(10)], seed=seed)
    model.compile(pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
    started = time.perf_counter()
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=100,
        epochs=15,
        seed=seed,
        verbose=0,
        validation_data=(data.x_test, data.y_test),
        validate_every=100,
    )
    return model, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data" / "mnist")
    parser.add_argument("--out", type=Path, default=root / "docs" / "mnist")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = pel.data.load_idx_folder(options.data)
    seeds = " | ".join(f"seed {seed}" for seed in SEEDS)
    lines = [
        "# MNIST as in the lectures",
        "",
        "Written by `make experiments`. Learning rate 0.5, minibatches of 100, 15 epochs, pixels "
        "in [0, 1], Xavier initialization; errors on the 10,000 test images after the last epoch.",
        "",
        f"| model | parameters | {seeds} | mean | lecture | perfect minibatches | seconds |",
        "|---|---|" + "---|" * (len(SEEDS) + 4),
    ]
    figures = []
    for name, (hidden, parameters, lecture, file) in MODELS.items():
        errors, seconds, perfect = [], [], []
        for seed in SEEDS:
            model, spent = train(data, hidden, seed)
            assert model.count_params() == parameters
            errors.append(1 - model.history.epochs["val_accuracy"][-1])
            perfect.append(float(np.mean(np.array(model.history.steps["accuracy"][-600:]) == 1)))
            seconds.append(spent)
            print(f"{name}, seed {seed}: error {errors[-1]:.2%}, {spent:.1f} s", flush=True)
            if seed == SEEDS[0]:
                place = options.out / f"{file}.png"
                save_curves(model.history.steps, model.history.validation, place, name)
                figures.append(f"![{name}: cost and error]({place.name})")
        each = " | ".join(f"{error:.2%}" for error in errors)
        lines.append(
            f"| {name} | {parameters:,} | {each} | **{np.mean(errors):.2%}** | {lecture} | "
            f"{np.mean(perfect):.0%} | {np.median(seconds):.0f} |"
        )
    lines += [
        "",
        "*Perfect minibatches*: the fraction of the last epoch's 600 minibatches that were "
        "classified without an error; compared with the error on new images it shows the "
        "overfitting that the lecture points out. *Seconds*: median time of the whole training, "
        "validation every 100 iterations included, in machine code.",
        "",
        "Minibatch values in blue, the 10,000 test images every 100 iterations in red (seed 0):",
        "",
        *figures,
        "",
    ]
    (options.out / "README.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
