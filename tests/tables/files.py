"""Tables as a person has them, written as files: real ones of scikit-learn, and messy ones."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets

Rows = list[dict[str, Any]]


def real(name: str) -> Rows:
    """One of scikit-learn's tables, its classes by name."""
    found = getattr(datasets, f"load_{name}")()
    columns = [str(one).replace(" ", "_") for one in found.feature_names]
    names = None if name in ("diabetes", "digits") else found.target_names
    return [
        {
            **dict(zip(columns, map(float, x), strict=True)),
            "target": float(y) if name == "diabetes" else int(y) if names is None else names[y],
        }
        for x, y in zip(found.data, found.target, strict=True)
    ]


def messy(rows: int = 400, seed: int = 0) -> Rows:
    """Numbers with gaps, 40 cities, a date, a boolean, an id, a constant, and two targets.

    Numbers and dates are as a person in Berlin writes them.
    """
    rng = np.random.default_rng(seed)
    effect = rng.normal(0, 1.5, 40)
    found = []
    for i in range(rows):
        city, price, score = int(rng.integers(0, 40)), rng.lognormal(6, 1), rng.normal()
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 1500)))
        member = bool(rng.integers(0, 2))
        z = effect[city] + score * (1 if member else -1) + (day.month > 6) + 0.3 * rng.normal()
        found.append(
            {
                "customer_id": f"K{i:05d}",
                "price": "" if rng.random() < 0.1 else german(price),
                "score": "n/a" if rng.random() < 0.15 else german(score),
                "city": "" if rng.random() < 0.05 else f"city {city}",
                "day": "" if rng.random() < 0.05 else day.strftime("%d.%m.%Y"),
                "member": "yes" if member else "no",
                "currency": "EUR",
                "churned": "left" if z > 0.5 else "stayed",
                "amount": german(100 + 30 * z),
            }
        )
    return found


def german(value: float) -> str:
    """1.234,50"""
    return f"{value:,.4f}".replace(",", "_").replace(".", ",").replace("_", ".")


def write(path: Path, rows: Rows, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def shifts(rows: int = 400, seed: int = 0) -> Rows:
    """Shops by zip code, prices with a currency, shares in per cent, times, and three classes."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0, 1, 40)
    found = []
    for _ in range(rows):
        shop, price, share = int(rng.integers(0, 40)), rng.lognormal(7, 1), rng.random()
        start = datetime.datetime(2023, 1, 1) + datetime.timedelta(minutes=int(rng.integers(5e5)))
        z = effect[shop] + 2 * share + (9 <= start.hour < 17) + 0.3 * rng.normal()
        found.append(
            {
                "zip": f"{shop * 37 + 101:05d}",
                "price": "" if rng.random() < 0.1 else f"${price:,.2f}",
                "share": "?" if rng.random() < 0.1 else f"{100 * share:.1f} %",
                "start": "" if rng.random() < 0.05 else start.strftime("%Y-%m-%d %H:%M"),
                "open": str(bool(rng.integers(0, 2))),
                "demand": "low" if z < 0.8 else "high" if z > 2 else "medium",
            }
        )
    return found


# Eight tables: the target of each, and the delimiter of its file.
PEOPLES: dict[str, tuple[str, str]] = {
    "breast_cancer": ("target", ","),
    "wine": ("target", ","),
    "diabetes": ("target", ","),
    "digits": ("target", ","),
    "iris": ("target", ","),
    "churn": ("churned", ";"),
    "amount": ("amount", ";"),
    "shifts": ("demand", "\t"),
}


def write_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A table of `PEOPLES` as a file, and other rows: without the target, in another order."""
    target, delimiter = PEOPLES[name]
    other = {"churn": "amount", "amount": "churned"}.get(name)
    if name == "shifts":
        rows, more = shifts(), shifts(50, 1)
    elif other:
        rows, more = messy(), messy(50, 1)
        more[0]["city"] = "a city that is new"
    else:
        rows = real(name)
        more = rows[::7]
    train = [{k: v for k, v in row.items() if k != other} for row in rows]
    new = [{k: row[k] for k in reversed(row) if k not in (target, other)} for row in more]
    return (
        write(folder / f"{name}.csv", train, delimiter),
        write(folder / f"{name}-new.csv", new, delimiter),
    )
