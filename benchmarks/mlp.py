"""Networks with scikit-learn's interface: Pellucid's classes beside scikit-learn's own.

In: a case, which says the data, the arguments and the seed. Out: seconds of `fit`, of a search and
of one prediction, measured in turn, each library in its own process, and accuracies over seeds.
Arguments and data are equal, dtype included.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from page import Page, head, measured_on, table
from turns import Peer, Rounds, there

NETWORKS = "Networks with scikit-learn's interface"
LIBRARIES = ("Pellucid", "scikit-learn")
MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
SEEDS = 5
GRID = {
    "alpha": [1e-4, 1e-3, 1e-2, 1e-1],
    "learning_rate_init": [1e-3, 3e-3, 1e-2],
    "random_state": [0, 1],
}
SHORT = 0.2  # seconds that a measurement lasts at least


@dataclass(frozen=True)
class Case:
    """Data and arguments.

    Args:
        data: "mnist", "table" (10,000 × 50, two classes by a product and a sum, a tenth of the
            labels wrong), or "cancer" (scikit-learn's breast cancer, standardised).
        search: whether `fit` is GridSearchCV over `GRID`.
    """

    data: str
    dtype: str
    arguments: dict[str, Any] = field(default_factory=dict)
    search: bool = False

    @property
    def name(self) -> str:
        what = {"mnist": "MNIST", "table": "10,000 × 50", "cancer": "breast cancer"}[self.data]
        how = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        kind = "GridSearchCV, 24 × 5 fits" if self.search else f"`MLPClassifier({how})`"
        return f"{what}, {self.dtype}, {kind}"

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Rows and labels to fit, rows and labels to score."""
        if self.data == "mnist":
            import pellucid as pel

            data = pel.data.load_idx_folder(MNIST)
            x, held = (
                (one.reshape(len(one), -1) / 255).astype(self.dtype)
                for one in (data.x_train, data.x_test)
            )
            return x, data.y_train, held, data.y_test
        if self.data == "table":
            draw = np.random.default_rng(0)
            x = draw.normal(size=(12_000, 50))
            y = (x[:, 0] * x[:, 1] + x[:, 2] > 0) ^ (draw.random(len(x)) < 0.1)
            x, y = x.astype(self.dtype), y.astype(int)
            return x[:10_000], y[:10_000], x[10_000:], y[10_000:]
        from sklearn.datasets import load_breast_cancer
        from sklearn.preprocessing import scale

        x, y = load_breast_cancer(return_X_y=True)
        x = scale(x).astype(self.dtype)
        return x, y, x, y


def worker(library: str, asked: dict[str, Any], threads: int) -> dict[str, Callable[[], Any]]:
    """What a library's process calls; `score` gives an accuracy in the place of seconds."""
    from sklearn.model_selection import GridSearchCV

    if library == "Pellucid":
        from pellucid.sklearn import MLPClassifier
    else:
        from sklearn.neural_network import MLPClassifier
    warnings.simplefilter("ignore")  # runs that are cut short on purpose
    case = Case(**asked["case"])
    x, y, held, labels = case.arrays()
    model: Any = MLPClassifier(random_state=asked["seed"], **case.arguments)
    if case.search:
        model = GridSearchCV(model, GRID, cv=5)
    one = held[:1]
    return {
        "fit": lambda: model.fit(x, y),
        "one": lambda: model.predict_proba(one),
        "score": lambda: model.score(held, labels),
    }


def measured(case: Case, threads: int, rounds: int) -> tuple[dict[str, Rounds], Rounds]:
    """Seconds of `fit`, and of `predict_proba` of one row, by library; accuracies by seed.

    Round k trains from seed k. The first fit of a process, which compiles, is not counted.
    """
    found: dict[str, Rounds] = {call: {n: [] for n in LIBRARIES} for call in ("fit", "one")}
    scores: Rounds = {name: [] for name in LIBRARIES}
    peers = {name: Peer(name, threads) for name in there(LIBRARIES)}
    try:
        for seed in range(-1, rounds):
            for name, peer in peers.items():
                peer.ask({"make": "mlp", "case": asdict(case), "seed": max(seed, 0)})
                seconds = peer.ask({"call": "fit", "times": 1})
                if seed < 0:
                    continue
                found["fit"][name].append(seconds)
                found["one"][name].append(peer.ask({"call": "one", "times": 2000}))
                scores[name].append(peer.ask({"value": "score"}))
    finally:
        for peer in peers.values():
            peer.end()
    return found, scores


def named() -> list[Case]:
    cases = []
    for dtype in ("float32", "float64"):
        if MNIST.is_dir():
            cases.append(Case("mnist", dtype, {"max_iter": 5}))
        cases.append(Case("table", dtype, {"max_iter": 20}))
        cases.append(Case("cancer", dtype, search=True))
    return cases


def accuracies(scores: Rounds) -> list[str]:
    """The mean over seeds of both libraries and of the difference, each with its standard error."""
    ours, theirs = (np.array(scores[name]) for name in LIBRARIES)
    return [
        f"{one.mean():{sign}.4f} ± {one.std(ddof=1) / len(one) ** 0.5 if len(one) > 1 else 0:.4f}"
        for one, sign in ((ours, ""), (theirs, ""), (ours - theirs, "+"))
    ]


def section(given: argparse.Namespace, page: Page) -> None:
    """Fits, a search, and predictions of one row."""
    threads, rounds = 2, min(SEEDS, given.rounds)
    lines = measured_on(LIBRARIES, rounds)
    lines += [
        "`pellucid.sklearn.MLPClassifier` and scikit-learn's with equal arguments, data and dtype; "
        "the defaults are one hidden layer of 100 ReLU, Adam, 200 rows a step. Round k trains from "
        "seed k. The first fit of a process is not counted: Pellucid compiles in it, or reads what "
        "an earlier process compiled. The search is over 4 strengths, 3 rates and 2 seeds in five "
        "folds, in one process.",
        "",
        *head("ms"),
    ]
    rows: list[str] = []
    single: list[str] = []
    for case in named():
        found, scores = measured(case, threads, rounds if not case.search else 1)
        lines += table(f"fit, {case.name}", found["fit"], unit="ms")
        if case.data == "table":
            single += table(f"`predict_proba` of one row, {case.name}", found["one"], unit="ms")
        if not case.search:
            rows.append(f"| {case.name} | {' | '.join(accuracies(scores))} |")
    lines += single
    lines += [
        "",
        f"Accuracy on held-out rows, mean of {rounds} seeds and its standard error:",
        "",
        "| | Pellucid | scikit-learn | difference |",
        "|---|---|---|---|",
        *rows,
    ]
    page.put(NETWORKS, lines)
