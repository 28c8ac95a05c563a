"""Times whole training epochs of 784-200-10 beside scikit-learn, interleaved, as ratios.

    make bench

Both train on the same rows (MNIST where ../shared/data/mnist is, else random pixels): ReLU, softmax
cross-entropy, plain SGD 0.5, batches of 100, order reshuffled every epoch, all input checks on.
Writes docs/benchmarks.md.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pellucid as pel

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 7


def rows() -> tuple[np.ndarray, np.ndarray, str]:
    """Pixels in [0, 1] as float32, labels, and what they are."""
    folder = ROOT.parent / "shared" / "data" / "mnist"
    if folder.is_dir():
        data = pel.data.load_idx_folder(folder)
        return (data.x_train.reshape(-1, 784) / 255).astype(np.float32), data.y_train, "MNIST"
    draw = np.random.default_rng(0)
    x = draw.random((60_000, 784), dtype=np.float32)
    return x, draw.integers(0, 10, 60_000), "random pixels"


def ours(x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    model = pel.Sequential([pel.nn.Dense(200, activation="relu"), pel.nn.Dense(10)], seed=0)
    model.compile(pel.optim.SGD(0.5), loss="cross_entropy")
    return lambda: (model.fit(x, y, batch_size=100, epochs=1, seed=0, verbose=0), None)[1]


def scikit_learn(x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    from sklearn.neural_network import MLPClassifier

    peer = MLPClassifier(
        (200,), solver="sgd", learning_rate_init=0.5, momentum=0.0, nesterovs_momentum=False,
        alpha=0.0, batch_size=100, max_iter=1, warm_start=True, random_state=0,
    )  # fmt: skip

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch a call is what is timed, not convergence
            peer.fit(x, y)

    return epoch


def main() -> None:
    import sklearn

    x, y, what = rows()
    steps = len(x) // 100
    runs = {"Pellucid (interpreter)": ours(x, y), "scikit-learn": scikit_learn(x, y)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for epoch in runs.values():
        epoch()  # first calls trace and allocate
    for _ in range(ROUNDS):
        for name, epoch in runs.items():
            started = time.perf_counter()
            epoch()
            times[name].append((time.perf_counter() - started) / steps * 1e6)
    ratios = [a / b for a, b in zip(*times.values(), strict=True)]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. A training step of 784-200-10 (ReLU, softmax cross-entropy, SGD "
        f"0.5, batch 100) on {what}, float32, whole epochs of {steps} steps, {ROUNDS} interleaved "
        "rounds, all input checks on.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}.",
        "",
        "| | µs a step, median | spread |",
        "|---|---|---|",
    ]
    for name, values in times.items():
        spread = f"{min(values):.0f} – {max(values):.0f}"
        lines.append(f"| {name} | {statistics.median(values):.0f} | {spread} |")
    lines += [
        "",
        f"Ratio Pellucid / scikit-learn, round by round: median "
        f"**{statistics.median(ratios):.2f}**, from {min(ratios):.2f} to {max(ratios):.2f}.",
        "",
        "Today training runs on the interpreter, one NumPy call a node. The native engine is the "
        "next step, and with it PyTorch, JAX and Keras join this page.",
        "",
    ]
    text = "\n".join(lines)
    (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
