"""Networks that nobody tuned for, drawn from a seed."""

from __future__ import annotations

import argparse
import random
import statistics
import time

from page import Page, head, measured_on, row
from peers import FAST, Net
from turns import steps, there

NEIGHBOURS = "Networks nobody tuned for"
KINDS = ("chain", "residual", "branching")


def drawn(count: int, seed: int) -> list[Net]:
    """Chains, residual and branching networks in turn: widths to 1,500, batches to 1,000."""
    draw = random.Random(seed)
    nets = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]

        def width() -> int:
            return round(2 ** draw.uniform(0, 10.55))

        if kind == "chain":
            sizes = tuple(width() for _ in range(draw.randint(1, 8) + 1))
        elif kind == "residual":  # one width within, so that a layer's input can be added
            sizes = (width(), *[width()] * draw.randint(2, 8), width())
        else:
            sizes = tuple(width() for _ in range(draw.randint(1, 4) + 2))
        batch = round(2 ** draw.uniform(0, 9.97))
        steps = max(4, min(400, 2_000_000 // (batch * max(sizes))))
        nets.append(
            Net(
                sizes,
                batch,
                steps * batch,
                activation=draw.choice(["relu", "tanh", "sigmoid"]),
                dtype=draw.choice(["float32", "float64"]),
                kind=kind,
                epochs=5 if steps == 400 else 1,
                rate=1e-6,  # sums over residual layers grow; every weight must stay finite
            )
        )
    return nets


def name(net: Net) -> str:
    sizes = "-".join(map(str, net.sizes))
    return f"{net.kind} {sizes}, {net.batch}, {net.activation}, {net.dtype}"


def section(given: argparse.Namespace, page: Page) -> None:
    """Steps of networks drawn from a seed, beside the best peer of each."""
    seed = int(time.time()) if given.seed is None else given.seed
    rounds, threads = 3, 2
    libraries = there(FAST)
    print(f"--neighbours {given.neighbours} --seed {seed}", flush=True)
    lines = measured_on(libraries, rounds)
    lines += [
        f"{given.neighbours} networks drawn with seed {seed}, {threads} threads: kind, widths, "
        "rows a step, activation, dtype; squared loss, SGD, `fit` of one epoch, of five where the "
        "network is small (400 steps of few rows an epoch). A line is the best peer's. "
        "Residual: each hidden layer behind the first adds its result to what it was given. "
        "Branching: two rows of hidden layers from the input, the second with the widths in "
        "reverse, are put side by side before the last layer.",
        "",
        *head("µs"),
    ]
    ratios: list[tuple[float, str, str]] = []
    for net in drawn(given.neighbours, seed):
        found = steps("fit", net, libraries, threads, rounds)
        others = {n: statistics.median(v) for n, v in found.items() if n != "Pellucid"}
        best = min(others, key=others.__getitem__)
        ours = found["Pellucid"]
        lines.append(row(name(net), best, found[best], ours, "µs"))
        print(lines[-1], flush=True)
        ratio = statistics.median(a / b for a, b in zip(ours, found[best], strict=True))
        ratios.append((ratio, net.kind, name(net)))
    said = []
    for kind in (None, *KINDS):
        some = [item for item in ratios if kind in (None, item[1])]
        if some:
            good, worst = sum(item[0] <= 1 for item in some), max(some)
            said.append(
                f"- {kind or 'all'}: not slower than the best peer in {good} of {len(some)} "
                f"({good / len(some):.0%}); at worst {worst[0]:.2f} times its time, {worst[2]}"
            )
    print("\n".join(said), flush=True)
    page.put(NEIGHBOURS, [*lines, "", *said])
