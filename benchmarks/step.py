"""Times training and prediction beside the peers, interleaved, each in a process of its own.

    make bench                                        # the fixed networks
    .venv-bench/bin/python benchmarks/step.py --neighbours 20 --seed 7

The processes are asked in turn; those that wait are stopped, so that none of them takes time from
another. Writes docs/benchmarks.md. A peer that is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import lenet
import numpy as np
from peers import LIBRARIES, Net

ROOT = Path(__file__).resolve().parent.parent
MNIST = ROOT.parent / "shared" / "data" / "mnist"
PACKAGES = {
    "Pellucid": "pellucid", "JAX scan": "jax", "PyTorch eager": "torch",
    "scikit-learn": "scikit-learn", "Keras on JAX": "keras",
}  # fmt: skip
ALL = tuple(PACKAGES)
LENET_BATCH, LENET_STEPS = 64, 50
FAST = ("Pellucid", "JAX scan", "PyTorch eager")

CASES: dict[str, tuple[Net, tuple[str, ...]]] = {
    "784-200-10, batch 100, cross-entropy, SGD, MNIST": (
        Net((784, 200, 10), 100, 60_000, "cross_entropy", rate=0.5, mnist=True), ALL,
    ),
    "8-64-64-1, batch 32, squared, SGD": (Net((8, 64, 64, 1), 32, 6400), FAST),
    "8-64-64-1, batch 32, squared, Adam": (
        Net((8, 64, 64, 1), 32, 6400, optimizer="adam", rate=1e-3), FAST,
    ),
    "2-4-2-1, batch 10, squared, SGD": (Net((2, 4, 2, 1), 10, 5000), FAST),
    "784-1024-1024-1024-10, batch 256, cross-entropy, SGD": (
        Net((784, 1024, 1024, 1024, 10), 256, 2560, "cross_entropy"), FAST,
    ),
}  # fmt: skip


def mnist() -> Any:
    """MNIST's training rows as the networks take them; None where it is not there."""
    if not MNIST.is_dir():
        return None
    import pellucid as pel

    data = pel.data.load_idx_folder(MNIST)
    return (data.x_train.reshape(-1, 784) / 255).astype(np.float32), data.y_train


def work(library: str, threads: int) -> None:
    """A peer's process: takes networks as JSON lines, answers with seconds."""
    cached = None
    ready: Any = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "lenet" in asked:
            x, y = lenet.data(asked["lenet"] * LENET_BATCH)
            epoch, predict = lenet.LIBRARIES[library](LENET_BATCH, x, y, threads)
            started = time.perf_counter()
            epoch()
            ready = epoch, predict, x
            answer = time.perf_counter() - started
        elif "net" in asked:
            fields = {**asked["net"], "sizes": tuple(asked["net"]["sizes"])}
            net = Net(**fields)
            cached = cached or (mnist() if net.mnist else None)
            x, y = net.data(cached)
            epoch, predict = LIBRARIES[library](net, x, y, threads)
            started = time.perf_counter()
            epoch()
            ready = epoch, predict, x
            answer = time.perf_counter() - started
        else:
            epoch, predict, x = ready
            rows = x[: asked["predict"]] if asked.get("predict") else None
            started = time.perf_counter()
            for _ in range(asked["times"]):
                epoch() if rows is None else predict(rows)
            answer = (time.perf_counter() - started) / asked["times"]
        print(json.dumps(answer), flush=True)


class Peer:
    """A library in its process, stopped but while it is asked."""

    def __init__(self, library: str, threads: int):
        limits = {
            name: str(threads)
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        command = [
            sys.executable,
            os.path.abspath(__file__),
            "--work",
            library,
            "--threads",
            str(threads),
        ]
        if hasattr(os, "sched_setaffinity"):  # JAX takes as many threads as it finds processors
            processors = ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads]))
            command = ["taskset", "-c", processors, *command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **limits, "KERAS_BACKEND": "jax"},
        )  # fmt: skip

    def ask(self, question: dict[str, Any]) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("a peer ended")
        self.process.send_signal(signal.SIGSTOP)
        return float(json.loads(answer))

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()


def installed(library: str) -> str | None:
    """The version of a library, where it is there."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(PACKAGES.get(library, "jax"))
    return None


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
    pairs = list(zip(net.sizes, net.sizes[1:], strict=False))
    macs = sum(d * h for d, h in pairs) * 2 + sum(d * h for d, h in pairs[1:])
    return 2 * net.batch * macs


def measured(
    net: Net, libraries: tuple[str, ...], threads: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds a step of each library, a list of rounds, asked in turn."""
    return in_turn({"net": asdict(net)}, net.steps, libraries, threads, rounds)


def in_turn(
    question: dict[str, Any], steps: int, libraries: tuple[str, ...], threads: int, rounds: int
) -> dict[str, list[float]]:
    """The same for the network that `question` names."""
    peers = {name: Peer(name, threads) for name in libraries}
    try:
        first = {name: peer.ask(question) for name, peer in peers.items()}
        times = {name: max(1, min(50, int(0.3 / max(first[name], 1e-4)))) for name in peers}
        found: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(rounds):
            for name, peer in peers.items():
                found[name].append(peer.ask({"times": times[name]}) / steps)
        return found
    finally:
        for peer in peers.values():
            peer.end()


def predictions(net: Net, libraries: tuple[str, ...], threads: int, rounds: int) -> list[str]:
    """Table rows of predicting one row and 10,000 rows."""
    peers = {name: Peer(name, threads) for name in libraries}
    lines = []
    try:
        for peer in peers.values():
            peer.ask({"net": asdict(net)})
        for rows, times in ((1, 300), (10_000, 5)):
            found: dict[str, list[float]] = {name: [] for name in peers}
            for _ in range(rounds):
                for name, peer in peers.items():
                    found[name].append(peer.ask({"predict": rows, "times": times}))
            for name, values in found.items():
                lines.append(
                    row(f"{rows} rows, {threads} threads", name, values, found["Pellucid"])
                )
    finally:
        for peer in peers.values():
            peer.end()
    return lines


def row(what: str, name: str, values: list[float], ours: list[float]) -> str:
    """A table row: median and spread in µs, and our time in parts of this one, round by round."""
    ratios = [a / b for a, b in zip(ours, values, strict=True)]
    low, high = min(values) * 1e6, max(values) * 1e6
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"
    median = statistics.median(values) * 1e6
    return f"| {what} | {name} | {median:.4g} | {low:.4g} – {high:.4g} | {ratio} |"


def neighbours(count: int, seed: int) -> list[Net]:
    """Networks that nobody tuned for, drawn from a seed."""
    draw = random.Random(seed)
    nets = []
    for _ in range(count):
        depth = draw.randint(1, 8)
        sizes = tuple(round(2 ** draw.uniform(0, 10.55)) for _ in range(depth + 1))
        batch = round(2 ** draw.uniform(0, 9.97))
        rows = batch * max(4, min(400, 2_000_000 // (batch * max(sizes))))
        nets.append(Net(
            sizes, batch, rows, activation=draw.choice(["relu", "tanh", "sigmoid"]),
            dtype=draw.choice(["float32", "float64"]), rate=1e-4,
        ))  # fmt: skip
    return nets


HEAD = ["| | | µs | spread | Pellucid in parts of it |", "|---|---|---|---|---|"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--neighbours", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.work:
        work(given.work, int(given.threads))
        return
    there = {name: installed(name) for name in ALL}
    lines = [
        "# Benchmarks", "",
        "Written by `make bench`: a training step within whole epochs (`fit`, rows reshuffled each "
        f"epoch, all input checks on), {given.rounds} interleaved rounds, medians. The last column "
        "is Pellucid's time in parts of the peer's, round by round: below 1 is faster.", "",
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, "
        + ", ".join(f"{name} {version}" for name, version in there.items() if version) + ".", "",
    ]  # fmt: skip
    missing = [name for name, version in there.items() if version is None]
    if missing:
        lines += [f"Not installed, left out: {', '.join(missing)}.", ""]
    for threads in map(int, given.threads.split(",")):
        top = ceiling(threads)
        lines += [f"## {threads} thread{'s' if threads > 1 else ''}", ""]
        lines += [f"A float32 matrix product of 2,048 squared: {top:.0f} GFLOP/s.", "", *HEAD]
        shares = []
        for what, (net, libraries) in CASES.items():
            found = measured(net, tuple(n for n in libraries if there[n]), threads, given.rounds)
            lines += [row(what, name, values, found["Pellucid"]) for name, values in found.items()]
            reached = operations(net) / statistics.median(found["Pellucid"]) / 1e9
            shares.append(f"{what}: {reached:.0f} GFLOP/s, {reached / top:.0%} of that product.")
            print("\n".join(lines[-len(found) :]), flush=True)
        lines += ["", "The products of a step, counted whole (zeros that are skipped too):", ""]
        lines += [f"- {share}" for share in shares]
        lines += ["", "LeNet-5, 64 images of 28×28 a step, SGD with momentum:", "", *HEAD]
        several = tuple(n for n in lenet.LIBRARIES if installed(n))
        found = in_turn({"lenet": LENET_STEPS}, LENET_STEPS, several, threads, given.rounds)
        lines += [row("LeNet-5", name, values, found["Pellucid"]) for name, values in found.items()]
        print("\n".join(lines[-len(found) :]), flush=True)
        lines += ["", "Prediction, 8-64-64-1, `model.predict`:", "", *HEAD]
        fast = tuple(name for name in FAST if there[name])
        lines += predictions(Net((8, 64, 64, 1), 32, 10_000), fast, threads, given.rounds)
        lines.append("")
    if given.neighbours:
        lines += [f"## Networks nobody tuned for, seed {given.seed}, 2 threads", "", *HEAD]
        ratios = []
        for net in neighbours(given.neighbours, given.seed):
            found = measured(net, tuple(n for n in FAST if there[n]), 2, 3)
            best = min(
                (n for n in found if n != "Pellucid"), key=lambda n: statistics.median(found[n])
            )
            what = f"{'-'.join(map(str, net.sizes))}, {net.batch}, {net.activation}, {net.dtype}"
            lines.append(row(what, best, found[best], found["Pellucid"]))
            print(lines[-1], flush=True)
            ratios.append(statistics.median(found["Pellucid"]) / statistics.median(found[best]))
        good = sum(ratio <= 1 for ratio in ratios)
        lines += ["", f"Not slower than the best peer in {good} of {len(ratios)}; at worst "
                  f"{max(ratios):.2f} times its time.", ""]  # fmt: skip
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
