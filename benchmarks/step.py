"""Compares Pellucid with other libraries and writes docs/benchmarks.md, section by section.

    make bench                                        # everything
    make bench ONLY=fit,neighbours                    # these sections; the others stay
    .venv-bench/bin/python benchmarks/step.py --only neighbours --neighbours 20 --seed 7

fit: steps within whole epochs. calls: a step and a prediction as plain functions, compiled and
called from Python. fresh: the first step of a process, and its peak memory. gradient: the cost of
a gradient relative to its loss. neighbours: randomly drawn networks. svm: support vector machines.
mlp: networks with scikit-learn's interface. stream: rows that stream from Parquet. A library that
is not installed is left out, and the page says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import figures
import fresh
import functions
import lenet
import mlp
import neighbours
import stream
from page import Page, head, measured_on, table, threaded
from peers import ALL, DIGITS, FAST, ROWS, SMALL, WIDE, Net
from turns import Rounds, each, in_turn, steps, there

import svm

DOCS = Path(__file__).resolve().parent.parent / "docs"
LENET_STEPS = 50
FIT = "A step within `fit`"
ORDER = (
    FIT,
    functions.CALLS,
    fresh.FIRST,
    fresh.MEMORY,
    functions.GRADIENT,
    neighbours.NEIGHBOURS,
    svm.SVM,
    mlp.NETWORKS,
    stream.STREAM,
)

CASES: dict[str, tuple[Net, tuple[str, ...]]] = {
    f"784-200-10, batch 100, cross-entropy, SGD, {ROWS}": (DIGITS, ALL),
    "8-64-64-1, batch 32, squared, SGD": (SMALL, FAST),
    "8-64-64-1, batch 32, squared, Adam": (replace(SMALL, optimizer="adam", rate=1e-3), FAST),
    "2-4-2-1, batch 10, squared, SGD": (Net((2, 4, 2, 1), 10, 5000, epochs=5), FAST),
    "784-1024-1024-1024-10, batch 256, cross-entropy, SGD": (WIDE, FAST),
}


def ceiling(threads: int) -> float:
    """GFLOP/s of a large float32 matrix product by NumPy, in a process of its own."""
    code = (
        "import numpy as np, time; x = np.ones((2048, 2048), np.float32); x @ x; best = 9e9\n"
        "for _ in range(8):\n    t = time.perf_counter(); x @ x; "
        "best = min(best, time.perf_counter() - t)\nprint(2 * 2048**3 / best / 1e9)"
    )
    limits = {"OPENBLAS_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **limits}
    )
    return float(done.stdout)


def operations(net: Net) -> int:
    """Floating-point operations of a step's products: the first layer needs no gradient of x."""
    macs = sum(d * h for d, h in net.layers) * 2 + sum(d * h for d, h in net.layers[1:])
    return 2 * net.batch * macs


def fit(given: argparse.Namespace, page: Page) -> None:
    """Training steps within whole epochs: rows reshuffled, all input checks on."""
    lines = measured_on(ALL, given.rounds)
    lines += [
        "The time per step of a call of `fit`, with shuffling in each epoch and all input checks. "
        "One call is one epoch, or five for the two smallest networks, whose epochs take "
        "milliseconds.",
        "",
        "![Time per step relative to Pellucid's](benchmarks/step.png)",
    ]
    drawn: dict[int, dict[str, Rounds]] = {}
    for threads in given.threads:
        top = ceiling(threads)
        lines += threaded(threads)
        lines += [f"NumPy's float32 product of two 2,048 × 2,048 matrices: {top:.0f} GFLOP/s.", ""]
        lines += head("µs")
        shares = []
        drawn[threads] = {}
        for what, (net, libraries) in CASES.items():
            found = steps("fit", net, there(libraries), threads, given.rounds)
            drawn[threads][what] = found
            lines += table(what, found)
            reached = operations(net) / statistics.median(found["Pellucid"]) / 1e9
            shares.append(f"{what}: {reached:.0f} GFLOP/s, {reached / top:.0%} of NumPy's.")
        lines += ["", "Throughput of a step's matrix products, skipped zeros counted:", ""]
        lines += [f"- {share}" for share in shares]
        what = "LeNet-5, batch 64, cross-entropy, SGD with momentum"
        asked = {"make": "lenet", "steps": LENET_STEPS}
        several = there(lenet.LIBRARIES)
        turns = in_turn(asked, ["epoch"], several, threads, given.rounds)["epoch"]
        drawn[threads][what] = each(turns, LENET_STEPS)
        lines += ["", "Images of 28×28:", "", *head("µs"), *table(what, drawn[threads][what])]
    page.put(FIT, lines)
    figures.steps(drawn, given.out / "benchmarks" / "step.png")


PIECES: dict[str, Callable[[argparse.Namespace, Page], None]] = {
    "fit": fit,
    "calls": functions.called,
    "fresh": fresh.sections,
    "gradient": functions.gradient,
    "neighbours": neighbours.section,
    "svm": svm.section,
    "mlp": mlp.section,
    "stream": stream.section,
}


def pieces(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(PIECES):
        raise argparse.ArgumentTypeError(
            f"expected some of {','.join(PIECES)}, got {','.join(sorted(unknown))}"
        )
    return [name for name in PIECES if name in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=pieces, default=list(PIECES), help=",".join(PIECES))
    parser.add_argument(
        "--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2]
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--neighbours", type=int, default=40, help="how many networks are drawn")
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the stream")
    parser.add_argument("--seed", type=int, help="of the neighbours; drawn from the clock")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of benchmarks.md")
    given: Any = parser.parse_args()
    page = Page(given.out / "benchmarks.md", ORDER)
    for name in given.only:
        PIECES[name](given, page)


if __name__ == "__main__":
    main()
