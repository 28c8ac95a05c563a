"""Do layers, activations, losses and measures give the numbers of Keras and PyTorch?

In: nothing. Out: for each, the largest difference of values and gradients over random
configurations in float64, as lines of a table. Run it in the environment of benchmarks:

    .venv-bench/bin/python benchmarks/agreement.py [--rounds 50] [--only conv]

A difference is taken relative to the numbers compared, or to 1 where they are smaller.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np

import pellucid as pel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore")

Array = np.ndarray[Any, Any]
ALLOWED = 1e-10


class Trial(NamedTuple):
    """One configuration: two functions of the same arrays, ours and the other library's.

    Args:
        ours: of Tensors; theirs: gives the value, and the gradients for a cotangent.
        inputs: what both are functions of.
        slopes: whether gradients are compared.
    """

    ours: Callable[..., Any]
    theirs: Callable[..., tuple[Array, Callable[[Array], list[Array]]]]
    inputs: list[Array]
    slopes: bool = True


def difference(one: Any, other: Any) -> float:
    """The largest difference, relative to numbers above 1; NaN and infinity must agree."""
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape:
        return np.inf
    if not a.size:
        return 0.0
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    far = np.where(same, 0.0, np.abs(a - b) / np.maximum(1.0, np.abs(b)))
    return float(np.max(np.where(np.isnan(far), np.inf, far)))


def tried(trial: Trial, rng: np.random.Generator) -> float:
    """The largest difference of a configuration."""
    theirs, pull = trial.theirs(*trial.inputs)
    if not trial.slopes:
        return difference(trial.ours(*trial.inputs), theirs)
    value, back = pel.vjp(trial.ours, *trial.inputs)
    worst = difference(value, theirs)
    if not np.isfinite(worst):
        return worst
    cotangent = rng.normal(size=theirs.shape)
    for ours, wanted in zip(back(cotangent), pull(cotangent), strict=True):
        worst = max(worst, difference(ours, wanted))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--only", default="", help="a pattern of names")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from benchmarks.agreement_cases import CASES

    failed = 0
    print("| ours | beside | largest difference |\n|---|---|---|")
    for name, (beside, make) in CASES.items():
        if not re.search(options.only, name):
            continue
        rng, worst, config = np.random.default_rng(options.seed), 0.0, ""
        for number in range(options.rounds):
            trial = make(rng)
            try:
                found = tried(trial, rng)
            except Exception as error:
                found, config = np.inf, f" round {number}: {error!r}"[:400]
            worst = max(worst, found)
        failed += not worst <= ALLOWED
        print(f"| {name} | {beside} | {worst:.1e}{config} |", flush=True)
    if failed:
        sys.exit(f"{failed} differ by more than {ALLOWED}")


if __name__ == "__main__":
    main()
