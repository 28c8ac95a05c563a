"""Networks drawn at random from a seed, which no library was tuned for."""

from __future__ import annotations

import argparse
import random
import statistics
import time

from page import Page, head, measured_on, row
from peers import FAST, Net
from turns import steps, there

NEIGHBOURS = "Randomly drawn networks"
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
    """Steps of networks drawn from a seed, compared with the fastest other library for each."""
    seed = int(time.time()) if given.seed is None else given.seed
    rounds, threads = 3, 2
    libraries = there(FAST)
    print(f"--neighbours {given.neighbours} --seed {seed}", flush=True)
    lines = measured_on(libraries, rounds)
    lines += [
        f"{given.neighbours} networks drawn at random with seed {seed}, {threads} threads. Each "
        "case lists kind, widths, batch size, activation and dtype. Squared loss and SGD; one "
        "call of `fit` is one epoch, or five for small networks (400 steps of few rows per epoch). "
        "Each row shows the fastest of the other libraries. *chain*: layers in a row. *residual*: "
        "each hidden layer after the first adds its input to its output. *branching*: two chains "
        "of hidden layers start at the input, the second with the widths in reverse order, and "
        "are concatenated before the last layer.",
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
                f"- {kind or 'all'}: at least as fast as the fastest other library in {good} of "
                f"{len(some)} ({good / len(some):.0%}); worst ratio {worst[0]:.2f}, {worst[2]}"
            )
    print("\n".join(said), flush=True)
    page.put(NEIGHBOURS, [*lines, "", *said])
