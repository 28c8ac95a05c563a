"""Support vector machines: Pellucid's, scikit-learn's (LIBSVM, LIBLINEAR) and its Intel extension.

In: a case, which says the data, the machine and its arguments. Out: seconds of `fit` and of
`predict`, measured in turn, each library in its own process. Tolerances are equal (1e-3) and the
kernel cache has 1,000 MB everywhere. The extension is measured in float32 where it is installed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import figures
import numpy as np
from page import Page, head, measured_on, table
from turns import Peer, Rounds, there

SVM = "Support vector machines"
LIBRARIES = ("Pellucid", "scikit-learn", "scikit-learn-intelex, float32")
MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
CACHE = 1000  # MB
TARGETS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)  # LIBLINEAR's tol, the loosest first
SHORT = 0.2  # seconds that a measurement lasts at least
GROWN = (1000, 2500, 5000, 10_000, 20_000, 40_000, 60_000)  # rows of the figure


@dataclass(frozen=True)
class Case:
    """A data set and a machine.

    Args:
        data: "even" (MNIST, even or odd digits), "digits" (MNIST, ten classes), "noise" (20
            features, a label in five wrong), or "drawn" (see `drawn`).
        linear: LinearSVC instead of the kernel machine.
    """

    data: str
    rows: int
    C: float
    features: int = 784
    classes: int = 2
    seed: int = 0
    linear: bool = False

    @property
    def name(self) -> str:
        what = {"even": "MNIST even/odd", "digits": "MNIST ten classes"}.get(
            self.data, f"{self.features:,} features, {self.classes} classes"
        )
        return f"{'linear, ' if self.linear else ''}{what}, {self.rows:,} rows, C={self.C:g}"

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows and labels to fit, and 10,000 rows at most to predict."""
        if self.data in ("even", "digits"):
            import pellucid as pel

            data = pel.data.load_idx_folder(MNIST)
            x = (data.x_train.reshape(len(data.x_train), -1) / 255).astype(np.float32)
            test = (data.x_test.reshape(len(data.x_test), -1) / 255).astype(np.float32)
            labels = data.y_train % 2 if self.data == "even" else data.y_train
            return x[: self.rows], labels[: self.rows].astype(np.int64), test
        draw = np.random.default_rng(self.seed)
        if self.data == "noise":
            x = draw.normal(size=(self.rows, self.features)).astype(np.float32)
            side = x[:, 0] * x[:, 1] + x[:, 2] > 0
            labels = np.where(draw.random(self.rows) < 0.2, ~side, side).astype(np.int64)
            return x, labels, x
        centres = draw.normal(size=(self.classes * 2, self.features))
        which = draw.integers(0, len(centres), self.rows)
        spread = 2.5 * np.sqrt(self.features) ** 0.5
        x = centres[which] + spread * draw.normal(size=(self.rows, self.features)) / 2
        return x.astype(np.float32), which % self.classes, x[:10_000].astype(np.float32)


def drawn(count: int, seed: int) -> list[Case]:
    """200–30,000 rows, 2–2,000 features, 2–20 classes, C 0.01–1,000; at most 3e10 products in K."""
    draw = random.Random(seed)
    cases: list[Case] = []
    while len(cases) < count:
        rows = round(200 * 150 ** draw.random())
        features = round(2 * 1000 ** draw.random())
        classes = round(2 * 10 ** draw.random())
        price = 10 ** draw.uniform(-2, 3)
        if rows * features <= 20_000_000 and rows * rows * features <= 3e10:
            price = float(f"{price:.2g}")
            cases.append(Case("drawn", rows, price, features, classes, len(cases) + seed))
    return cases


def worker(library: str, asked: dict[str, Any], threads: int) -> dict[str, Callable[[], Any]]:
    """What a library's process calls: `fit`, and `predict` of the machine fitted last."""
    case = Case(**asked["case"])
    x, y, test = case.arrays()
    if not library.endswith("float32") and library != "Pellucid":
        x, test = x.astype(np.float64), test.astype(np.float64)  # it would convert in each call
    machine: Any
    if library == "Pellucid":
        import pellucid.svm as svm

        machine = (
            svm.LinearSVC(C=case.C, threads=threads)
            if case.linear
            else svm.SVC(C=case.C, cache_size=CACHE, threads=threads)
        )
    elif library == "scikit-learn":
        import sklearn.svm as svm

        machine = (
            svm.LinearSVC(C=case.C, tol=_equal(case, x, y, asked["objective"]), max_iter=100_000)
            if case.linear
            else svm.SVC(C=case.C, cache_size=CACHE)
        )
    else:
        import sklearnex.svm as svm

        machine = svm.SVC(C=case.C, cache_size=CACHE)
    return {"fit": lambda: machine.fit(x, y), "predict": lambda: machine.predict(test)}


def _equal(case: Case, x: np.ndarray, y: np.ndarray, objective: float) -> float:
    """LIBLINEAR's loosest tolerance that ends within a thousandth of this objective."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    for tol in TARGETS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine = LinearSVC(C=case.C, tol=tol, max_iter=100_000).fit(x, y)
        if linear_objective(case, x, y, machine.coef_, machine.intercept_) <= objective * 1.001:
            return tol
    return TARGETS[-1]


def linear_objective(case: Case, x: Any, y: Any, weights: Any, intercepts: Any) -> float:
    """½(‖w‖² + b²) + C Σ [1 - t f]₊², summed over the classes against the rest."""
    weights, intercepts = np.atleast_2d(weights), np.atleast_1d(intercepts)
    total = 0.0
    for number, (w, b) in enumerate(zip(weights, intercepts, strict=True)):
        positive = y == (1 if len(weights) == 1 else number)
        slack = np.maximum(0.0, 1 - np.where(positive, 1.0, -1.0) * (x @ w.astype(x.dtype) + b))
        total += 0.5 * float(w @ w + b * b) + case.C * float((slack.astype(float) ** 2).sum())
    return total


def measured(case: Case, threads: int, rounds: int) -> tuple[dict[str, Rounds], tuple[str, ...]]:
    """Seconds of `fit` and `predict` by library, a list of rounds each, and who took part."""
    libraries = tuple(name for name in there(LIBRARIES) if not (case.linear and "intelex" in name))
    asked: dict[str, Any] = {"make": "svm", "case": asdict(case)}
    if case.linear:
        import pellucid.svm as svm

        x, y, _ = case.arrays()
        ours = svm.LinearSVC(C=case.C, threads=threads).fit(x, y)
        asked["objective"] = linear_objective(case, x, y, ours.coef, ours.intercept)
    found: dict[str, Rounds] = {call: {n: [] for n in libraries} for call in ("fit", "predict")}
    peers = {name: Peer(name, threads) for name in libraries}
    try:
        times: dict[tuple[str, str], int] = {}
        for name, peer in peers.items():
            peer.ask(asked)
            for call in found:
                first = peer.ask({"call": call, "times": 1})
                if first < 2.0:  # else what it compiled is a small part
                    first = peer.ask({"call": call, "times": 1})
                times[name, call] = max(1, min(1000, int(SHORT / max(first, 1e-6))))
        for _ in range(rounds):
            for call, by_name in found.items():
                for name, peer in peers.items():
                    answer = peer.ask({"call": call, "times": times[name, call]})
                    by_name[name].append(answer)
    finally:
        for peer in peers.values():
            peer.end()
    return found, libraries


def named() -> list[Case]:
    """The cases of the page: MNIST where it is there, and the narrow one."""
    cases = [Case("noise", 8000, C, 20) for C in (1, 10, 100)]
    if MNIST.is_dir():
        pairs = [(rows, C) for rows in (10_000, 20_000) for C in (1, 10)]
        cases += [Case("even", rows, C) for rows, C in pairs]
        cases += [Case("digits", rows, C, classes=10) for rows, C in pairs]
        cases.append(Case("digits", 60_000, 1, classes=10, linear=True))
    return cases


def growth(threads: int) -> dict[str, list[tuple[int, float]]]:
    """Seconds of one fit of even against odd digits by rows, each library in its own process.

    The first fit of a process, of few rows, is not counted. scikit-learn stops at 10,000 rows.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for name, most in (("Pellucid", 60_000), ("scikit-learn", 10_000)):
        if not there([name]):
            continue
        peer = Peer(name, threads)
        try:
            for rows in (500, *(n for n in GROWN if n <= most)):
                peer.ask({"make": "svm", "case": asdict(Case("even", rows, 10))})
                seconds = peer.ask({"call": "fit", "times": 1})
                if rows >= GROWN[0]:
                    found.setdefault(name, []).append((rows, seconds))
        finally:
            peer.end()
    return found


def section(given: argparse.Namespace, page: Page) -> None:
    """Fits and predictions, and machines on data drawn from a seed."""
    threads, rounds = 2, min(3, given.rounds)
    lines = measured_on(LIBRARIES, rounds)
    lines += [
        'RBF kernel with gamma="scale", tol=1e-3, a kernel cache of 1,000 MB, two threads. '
        "Pellucid reads float32 rows, scikit-learn float64, which it works in. The linear case "
        "compares at equal objective: LIBLINEAR has the loosest tolerance that ends within a "
        "thousandth of Pellucid's. `predict` takes 10,000 rows, with 20 features the 8,000 of "
        "the fit.",
        "",
    ]
    tables: dict[str, list[str]] = {"fit": [], "predict": []}
    for case in named():
        found, _ = measured(case, threads, rounds)
        for call, rows in tables.items():
            rows += table(f"{call}, {case.name}", found[call], unit="ms")
    for rows in tables.values():
        lines += ["", *head("ms"), *rows]
    if MNIST.is_dir():
        lines += [
            "",
            "One fit by rows, MNIST even/odd, C=10. Memory for kernel rows is bounded by "
            f"`cache_size`, {CACHE:,} MB here; beside it there are the rows and a packed copy.",
            "",
            "![Seconds of a fit by rows](benchmarks/svm.png)",
        ]
        figures.growth(growth(threads), given.out / "benchmarks" / "svm.png")
    lines += neighbours(given, threads)
    page.put(SVM, lines)


def neighbours(given: argparse.Namespace, threads: int) -> list[str]:
    """How `fit` compares on data sets that are drawn from a seed."""
    seed = int(time.time()) if given.seed is None else given.seed
    cases = drawn(min(30, given.neighbours), seed)
    rows, ratios = [], []
    for case in cases:
        found, _ = measured(case, threads, 3)
        rows += table(case.name, found["fit"], unit="ms")
        pairs = zip(found["fit"]["Pellucid"], found["fit"]["scikit-learn"], strict=True)
        ratios.append(statistics.median(a / b for a, b in pairs))
    not_slower = sum(ratio <= 1.0 for ratio in ratios)
    return [
        "",
        f"### {len(cases)} data sets drawn from seed {seed}",
        "",
        f"Pellucid is not slower than scikit-learn on {not_slower} of {len(cases)}; the median "
        f"ratio is {statistics.median(ratios):.2f}, the largest {max(ratios):.2f}.",
        "",
        *head("ms"),
        *rows,
    ]
