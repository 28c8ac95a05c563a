"""Sections of docs/benchmarks.md: functions called from Python, and the cost of gradients."""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import asdict, replace

import calls
import figures
import numpy as np
from page import Page, head, measured_on, table, threaded
from peers import DIGITS, ROWS, SMALL, WIDE, Net
from turns import Rounds, in_turn, steps, there

CALLS, GRADIENT = "Functions called from Python", "The cost of a gradient"


def called(given: argparse.Namespace, page: Page) -> None:
    """A step and a prediction as plain functions of arrays."""
    lines = measured_on((*calls.STEP, *calls.PREDICT), given.rounds)
    lines += [
        "Plain functions of arrays, compiled by `pel.jit` or `jax.jit` and called from Python.",
        "",
        f"The step is that of 784-200-10 with ReLU, cross-entropy, SGD 0.5 and batch 100, {ROWS}: "
        "one function computes the loss, its gradient (`value_and_grad`) and the new weights. The "
        "rows of the shuffled batch are taken by NumPy before the call (`x[rows]`) or inside the "
        "compiled function. The weights are donated in both libraries. For comparison, the table "
        "has the same step within `fit`.",
        "",
        "A prediction takes a NumPy array and returns one; `pel.jit(f)` gets the weights as "
        "arguments. scikit-learn's classifier computes probabilities, which is a softmax more.",
    ]
    ours = next(iter(calls.STEP))
    for threads in given.threads:
        lines += [*threaded(threads), *head("µs", f"`{ours}`")]
        found = steps("step", DIGITS, there(calls.STEP), threads, given.rounds)
        lines += [*table("step", found, ours), "", *head("µs", "`pel.jit`")]
        for net in (DIGITS, replace(SMALL, rows=10_000)):
            rows = ["1", "10000"]
            asked = {"make": "predict", "net": asdict(net), "rows": list(map(int, rows))}
            turns = in_turn(asked, rows, there(calls.PREDICT), threads, given.rounds)
            for count, values in turns.items():
                many = "1 row" if count == "1" else f"{int(count):,} rows"
                what = f"{'-'.join(map(str, net.sizes))}, {many}"
                lines += table(what, values, "Pellucid jit")
    page.put(CALLS, lines)


def parameters(net: Net) -> int:
    return sum(d * h + h for d, h in net.layers)


def grown() -> list[Net]:
    """Networks with three equal hidden layers: seven sizes from 10⁵ to 10⁷ parameters."""
    nets = []
    for power in np.linspace(5, 7, 7):
        # 784h + h + 2(h² + h) + 10h + 10 parameters
        width = round((math.sqrt(797**2 + 8 * (10**power - 10)) - 797) / 4)
        nets.append(replace(WIDE, sizes=(784, width, width, width, 10), rows=WIDE.batch))
    return nets


def gradient(given: argparse.Namespace, page: Page) -> None:
    """The cost of the gradient relative to the loss, and how it grows."""
    libraries = there(calls.GRADIENT)
    lines = measured_on(libraries, given.rounds)
    lines += [
        "The cross-entropy of 784-1024-1024-1024-10 with ReLU on 256 rows, alone and with its "
        "gradient with respect to all weights, through `pel.jit`, `jax.jit` and PyTorch "
        "(`inference_mode` for the loss alone). Below: loss and gradient of networks with three "
        "hidden layers of equal width on 256 rows, and the slope of log time against log "
        "parameters by least squares. A slope of 1 means time proportional to the parameters.",
        "",
        "![Time of loss and gradient against parameters](benchmarks/gradient-cost.png)",
    ]
    alone, both = "loss", "loss and gradient"
    points: dict[int, dict[str, list[tuple[int, float]]]] = {}
    slopes: dict[int, dict[str, float]] = {}
    for threads in given.threads:

        def asked(net: Net, wanted: list[str], threads: int = threads) -> dict[str, Rounds]:
            question = {"make": "gradient", "net": asdict(net)}
            return in_turn(question, wanted, libraries, threads, given.rounds)

        found = asked(replace(WIDE, rows=WIDE.batch), [alone, both])
        lines += [*threaded(threads), *head("µs", "`pel.jit`")]
        for what, values in found.items():
            lines += table(what, values, "Pellucid jit")
        lines += ["", *head("ratio", "`pel.jit`")]
        shares = {
            name: [a / b for a, b in zip(found[both][name], found[alone][name], strict=True)]
            for name in libraries
        }
        lines += table("loss and gradient / loss", shares, "Pellucid jit", "ratio")
        lines += ["", *head("µs", "`pel.jit`")]
        points[threads] = {name: [] for name in libraries}
        for net in grown():
            values = asked(net, [both])[both]
            lines += table(f"{parameters(net):,} parameters", values, "Pellucid jit")
            for name in libraries:
                points[threads][name].append((parameters(net), statistics.median(values[name])))
        slopes[threads] = {
            name: float(np.polyfit(*np.log(found).T, 1)[0])
            for name, found in points[threads].items()
        }
        lines += ["", *(f"- {name}: slope {slope:.2f}" for name, slope in slopes[threads].items())]
        print("\n".join(lines[-len(slopes[threads]) :]), flush=True)
    page.put(GRADIENT, lines)
    figures.gradient_cost(points, slopes, given.out / "benchmarks" / "gradient-cost.png")
