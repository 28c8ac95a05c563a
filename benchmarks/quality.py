"""How good `fit_table` is beside scikit-learn's defaults; writes its table into docs/tables.md.

    python benchmarks/quality.py [--only iris,wine] [--seeds 10] [--minutes 30] [--page]

Each table is split by several seeds, a quarter of the rows held out; all methods see the same rows.
Every result is appended to benchmarks/quality.jsonl at once, and what is there is not measured
again: the run can be stopped at any time and goes on where it was. Small tables come first. To
measure a method again, take its lines out.
`--page` writes the page from the results alone.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from quality_methods import METHODS, OURS, QUICK
from quality_page import page
from quality_sets import SETS, TARGET, Array, Columns, Set, is_text
from quality_statistics import error_rate, log_loss, relative_rmse

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "quality.jsonl"
PAGE = ROOT / "docs" / "tables.md"
OWN = (OURS, QUICK)  # methods of Pellucid
_HELD = 0.25


def split(columns: Columns, seed: int) -> tuple[Columns, Columns]:
    """Training and test rows; of classes, each in its share."""
    from sklearn.model_selection import train_test_split

    target = columns[TARGET]
    kept, held = train_test_split(
        np.arange(len(target)),
        test_size=_HELD,
        random_state=seed,
        stratify=target if is_text(target) else None,
    )
    return taken(columns, np.sort(kept)), taken(columns, np.sort(held))


def taken(columns: Columns, rows: Array) -> Columns:
    return {
        name: [column[i] for i in rows] if is_text(column) else column[rows]
        for name, column in columns.items()
    }


def measured(columns: Columns, test: Columns, predicted: Array) -> dict[str, float]:
    """Loss and error of predictions of the test rows.

    Returns:
        of classes log loss and the share of wrong rows; of numbers RMSE by the deviation of the
        whole table's targets and its square.
    """
    target = columns[TARGET]
    if is_text(target):
        names = np.unique(target)
        codes = np.searchsorted(names, test[TARGET])
        return {"loss": log_loss(predicted, codes), "error": error_rate(predicted, codes)}
    loss = relative_rmse(predicted, test[TARGET], float(np.std(target)))
    return {"loss": loss, "error": loss**2}


def known(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def jobs(sets: list[Set], seeds: int) -> list[tuple[Set, Columns, int]]:
    """Tables and seeds in the order of their work: few rows and first seeds first."""
    loaded = [(one, one.load()) for one in sets]
    found = [(one, columns, seed) for one, columns in loaded for seed in range(seeds)]
    return sorted(found, key=lambda job: (job[2] + 1) * len(job[1][TARGET]))


def run(sets: list[Set], seeds: int, minutes: float, path: Path, methods: list[str]) -> None:
    started = time.monotonic()
    done = {(row["table"], row["seed"], row["method"]) for row in known(path)}
    for one, columns, seed in jobs(sets, seeds):
        missing = [name for name in methods if (one.name, seed, name) not in done]
        if not missing:
            continue
        train, test = split(columns, seed)
        for name in missing:
            if time.monotonic() - started > 60 * minutes:
                print("The time is over; the next run goes on here.")
                return
            clock = time.process_time()
            predicted = METHODS[name](train, test, seed)
            row = {
                "table": one.name,
                "rows": len(columns[TARGET]),
                "columns": len(columns) - 1,
                "classes": len(set(columns[TARGET])) if is_text(columns[TARGET]) else 0,
                "seed": seed,
                "method": name,
                "version": metadata.version("pellucid" if name in OWN else "scikit-learn"),
                **{k: float(f"{v:.6g}") for k, v in measured(columns, test, predicted).items()},
                "seconds": round(time.process_time() - clock, 3),
            }
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{one.name}, seed {seed}, {name}: {row['loss']:.4g}, {row['seconds']} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="tables by name, between commas")
    parser.add_argument("--methods", default="", help="methods by name, between semicolons")
    parser.add_argument("--seeds", type=int, default=10, help="splits of each table")
    parser.add_argument("--minutes", type=float, default=1e6, help="no method starts after these")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="write the page, measure nothing")
    options = parser.parse_args()
    if not options.page:
        if hasattr(os, "sched_setaffinity"):  # each method has one thread
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        wanted = [name for name in options.only.split(",") if name]
        names = [name for name in options.methods.split(";") if name] or list(METHODS)
        unknown = {*wanted} - {one.name for one in SETS} | {*names} - {*METHODS}
        if unknown:
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
        sets = [one for one in SETS if not wanted or one.name in wanted]
        run(sets, options.seeds, options.minutes, options.results, names)
    if options.results == RESULTS:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), known(RESULTS)), encoding="utf-8")
        print(f"Written: {PAGE}")


if __name__ == "__main__":
    main()
