"""The lectures' experiment on online learning: a target that moves, and networks that follow it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from experiment import BLUE, GREEN, GREY, ORANGE, RED, Array, Page, panels
from sklearn.exceptions import ConvergenceWarning

from pellucid.sklearn import MLPClassifier

PARTS, ROWS = 600, 50
STILL = 100  # parts before the target begins to turn
FLIPPED = 0.1
RATES = (0.05, 0.7, 10.0)
WINDOW = 20  # parts that an accuracy in the figure is the mean of


def angle(part: int) -> float:
    """Of the line that divides the classes: still at first, then a whole turn."""
    return 2 * np.pi * max(0, part - STILL) / (PARTS - STILL)


def part_of(number: int, draw: np.random.Generator) -> tuple[Array, Array]:
    """Rows and labels of a part of the stream; one label in ten is the wrong one."""
    x = draw.normal(size=(ROWS, 2))
    turned = angle(number)
    y = x @ [np.cos(turned), np.sin(turned)] > 0
    return x, (y ^ (draw.random(ROWS) < FLIPPED)).astype(int)


def network(rate: float, seed: int) -> MLPClassifier:
    return MLPClassifier(
        (16,), "tanh", solver="sgd", learning_rate_init=rate, momentum=0.0, random_state=seed
    )


def followed(seed: int) -> dict[str, Array]:
    """The share of each part that a network had right before it learned from it."""
    draw = np.random.default_rng(seed)
    stream = [part_of(number, draw) for number in range(PARTS)]
    first = [np.concatenate(several) for several in zip(*stream[:STILL], strict=True)]
    frozen = network(0.05, seed).set_params(max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        frozen.fit(*first)
    found = {"trained once": np.array([frozen.score(x, y) for x, y in stream])}
    for rate in RATES:
        model = network(rate, seed)
        right = np.full(PARTS, np.nan)
        for number, (x, y) in enumerate(stream):
            if number:
                right[number] = model.score(x, y)
            model.partial_fit(x, y, classes=[0, 1])
        found[f"online, η = {rate:g}"] = right
    return found


def drifting_stream(_: Path) -> Page:
    seeds = (0, 1, 2)
    runs = [followed(seed) for seed in seeds]
    rows = []
    for name in runs[0]:
        still = [one[name][STILL // 2 : STILL].mean() for one in runs]
        turning = [one[name][STILL:].mean() for one in runs]
        rows.append(
            [
                name,
                f"{np.mean(still):.3f}",
                *(f"{one:.3f}" for one in turning),
                f"{np.mean(turning):.3f}",
            ]
        )
        print(rows[-1], flush=True)
    figure, (left,) = panels(1, width=9.0, height=4.0)
    colors = dict(zip(runs[0], (GREY, ORANGE, BLUE, RED), strict=True))
    kernel = np.ones(WINDOW) / WINDOW
    for name, right in runs[0].items():
        smooth = np.convolve(right[1:], kernel, "valid")
        left.plot(np.arange(WINDOW, PARTS), smooth, color=colors[name], label=name, linewidth=1.6)
    left.axhline(1 - FLIPPED, color=GREEN, linestyle="--", linewidth=1, label="the true line")
    left.axvline(STILL, color=GREY, linestyle=":", linewidth=1)
    left.text(STILL + 4, 0.03, "the line begins to turn", fontsize=8, color=GREY)
    left.set(xlabel=f"part of the stream, {ROWS} rows each", ylabel="accuracy on the next part")
    left.set(xlim=(0, PARTS), ylim=(0, 1))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    return Page(
        [
            f"A stream of {PARTS} parts with {ROWS} rows each. A line through the origin divides "
            f"two classes; {FLIPPED:.0%} of the labels are wrong, so that {1 - FLIPPED:.0%} is the "
            f"best that can be had. After {STILL} parts the line begins to turn, and makes one "
            "whole turn. Each part is predicted first and learned afterwards, by one call of "
            "`partial_fit`: one step for its 50 rows, which are then forgotten.",
            "The network that was trained once, on the parts before the turn, is wrong about "
            "nearly all rows half a turn later. The networks that learn online follow. The rate "
            "decides how fast: with a small one the network lags behind the line, with a large one "
            "it also follows the wrong labels of the last part.",
        ],
        ["network", "before the turn", *(f"turning, seed {one}" for one in seeds), "mean"],
        rows,
        figure,
        f"Accuracy on the part that comes next, mean of {WINDOW} parts, seed 0",
        [
            'The networks are 2-16-1 with tanh, `MLPClassifier((16,), "tanh", solver="sgd", '
            "momentum=0)` of `pellucid.sklearn`.",
        ],
    )
