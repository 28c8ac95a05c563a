"""The rows of a session: points by name, a formula, or a person's own, as arrays to train on."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, TooLargeError
from pellucid.data import features, load_digits, points, read_table, split
from pellucid.data.plane import REACH
from pellucid.nn import Loss
from pellucid.web.settings import DIGITS, MOST_CLASSES, MOST_COLUMNS, MOST_ROWS, OWN, Settings

Array = np.ndarray[Any, Any]

MOST_BYTES = 32 << 20  # of a table that is dropped onto the page
_TARGETS = ("y", "target", "label", "class")
_PIXELS = 64  # of a digit
_MARGIN = 0.05  # of the range of the data that the plane shows beside it


@dataclass(frozen=True)
class Own:
    """A person's own rows.

    Args:
        x: (N, D) float64.
        y: (N,) class numbers from 0, or values.
        classes: how many; 0 for values.
        names: of the columns of x.
        labels: what the classes are called.
        plane: low, high (D,) of what is looked at, which grows with the rows; None follows them.
    """

    x: Array
    y: Array
    classes: int
    names: tuple[str, ...]
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    plane: tuple[Array, Array] | None = None

    def with_points(self, given: Array) -> Own:
        """Further rows (x1, …, class or value)."""
        y = np.concatenate([self.y, given[:, -1].astype(self.y.dtype)])
        classes = max(self.classes, int(y.max()) + 1) if self.classes else 0
        made = replace(self, x=np.concatenate([self.x, given[:, :-1]]), y=y, classes=classes)
        return bounded(replace(made, labels=_labels(made.labels, classes)))._in_plane()

    def without(self, place: Array) -> Own:
        """The row nearest to `place` left out."""
        keep = np.arange(len(self.x)) != np.argmin(((self.x[:, :2] - place) ** 2).sum(1))
        return bounded(replace(self, x=self.x[keep], y=self.y[keep]))

    def moved(self, row: int, place: Array) -> Own:
        """One row at another place of the plane."""
        if row >= len(self.x):
            raise DataError("data", f"there is no row {row}")
        x = self.x.copy()
        x[row, :2] = place
        return bounded(replace(self, x=x))._in_plane()

    def _in_plane(self) -> Own:
        """The plane made as large as the rows need."""
        if self.plane is None:
            return self
        low, high = self.plane
        return replace(
            self, plane=(np.minimum(low, self.x.min(0)), np.maximum(high, self.x.max(0)))
        )

    def csv(self) -> str:
        """All digits, as the exported program reads them."""
        out = io.StringIO()
        out.write(",".join([*(f"x{i + 1}" for i in range(self.x.shape[1])), "y"]) + "\n")
        for row, target in zip(self.x.tolist(), self.y.tolist(), strict=True):
            out.write(",".join(map(repr, [*row, target])) + "\n")
        return out.getvalue()


@dataclass(frozen=True)
class Rows:
    """What a session trains on.

    Attributes:
        x: (N, D) the columns; inputs: (N, F) their features, y: what the loss takes.
        shown: (N,) classes or values.
        kept, held: numbers of the rows trained on, and of those held out.
        low, high: (D,) the plane that is looked at; the other columns stand at `middle`.
        picture: height and width where the columns are the pixels of one, row by row.
    """

    x: Array
    inputs: Array
    y: Array
    shown: Array
    classes: int
    kept: Array
    held: Array
    low: Array
    high: Array
    middle: Array
    picture: tuple[int, int] | None = None

    @property
    def train(self) -> tuple[Array, Array]:
        return self.inputs[self.kept], self.y[self.kept]

    @property
    def test(self) -> tuple[Array, Array]:
        return self.inputs[self.held], self.y[self.held]

    def at(self, places: Array) -> Array:
        """Rows at places of the plane, (N, D) of (N, 2)."""
        rows = np.tile(self.middle, (len(places), 1))
        rows[:, :2] = places
        return rows

    def grid(self, shares: Array) -> Array:
        """Rows at a square grid over the plane, line by line; the first one is the upper left.

        Args:
            shares: (n,) of the way from the left to the right, and from the top down.
        """
        low, high = self.low, self.high
        across, down = low[0] + shares * (high[0] - low[0]), high[1] - shares * (high[1] - low[1])
        count = len(shares)
        return self.at(np.stack([np.tile(across, count), np.repeat(down, count)], 1))


def rows_of(settings: Settings, own: Own | None) -> Rows:
    """The rows that the exported program computes, by the same functions."""
    if settings.data == DIGITS:
        return _digits(settings)
    if settings.data == OWN:
        if own is None:
            raise DataError("data", "there are no rows of your own yet", "Drop a table first.")
        x, shown, classes = own.x, own.y, own.classes
        span = np.maximum(x.max(0) - x.min(0), 1e-9)
        low, high = own.plane or (x.min(0) - _MARGIN * span, x.max(0) + _MARGIN * span)
    else:
        x, shown = points(
            settings.data, rows=settings.rows, noise=settings.noise, seed=settings.data_seed
        )
        classes = 2 if shown.dtype.kind == "i" else 0
        low, high = np.full(2, -REACH), np.full(2, REACH)
    y = 2 * shown - 1 if classes and settings.signs else shown
    kept, held = split(len(x), settings.held, seed=settings.data_seed)
    inputs = features(x, list(settings.features))
    return Rows(x, inputs, y, shown, classes, kept, held, low, high, x.mean(0))


def _digits(settings: Settings) -> Rows:
    digits = load_digits(seed=settings.data_seed, fraction=settings.held)
    height, width = digits.x_train.shape[1:]
    x = np.concatenate([digits.x_train, digits.x_test]).reshape(-1, height * width) / 16
    y = np.concatenate([digits.y_train, digits.y_test])
    kept, held = np.split(np.arange(len(x)), [len(digits.x_train)])
    low, high = np.zeros(x.shape[1]), np.ones(x.shape[1])
    middle = x.mean(0)
    return Rows(x, x, y, y, 10, kept, held, low, high, middle, (height, width))


def with_columns(settings: Settings, own: Own | None) -> tuple[Settings, int]:
    """`settings` with the features that their data need, and the number of columns of the data.

    The features of pictures are all of their pixels.
    """
    if settings.data == DIGITS:
        return replace(settings, features=_numbered(_PIXELS)), _PIXELS
    return settings, own.x.shape[1] if settings.data == OWN and own is not None else 2


def _numbered(columns: int) -> tuple[str, ...]:
    return tuple(f"x{i + 1}" for i in range(columns))


def from_arrays(x: Any, y: Any, loss: Loss) -> Own:
    """Arrays out of Python, as they are trained on there."""
    rows = np.asarray(x, np.float64)
    target = np.asarray(y)
    target = target.reshape(len(target)) if target.ndim == 2 and target.shape[1] == 1 else target
    if rows.ndim != 2 or target.shape != (len(rows),):
        raise DataError(
            "play",
            f"x must be (N, D) and y (N,), got {rows.shape} and {target.shape}",
            "Flatten the columns of x: x.reshape(len(x), -1).",
        )
    labels = np.unique(target)
    whole = np.array_equal(labels, labels.astype(np.int64)) if target.dtype.kind != "b" else True
    signs = whole and set(labels.tolist()) <= {-1, 1}
    if signs and (not loss.is_classification or loss.binary_labels == (-1, 1)):
        return bounded(Own(rows, (target > 0).astype(np.int64), 2, _names(rows), ("-1", "1")))
    if whole and loss.is_classification and labels.min() >= 0:
        numbers = target.astype(np.int64)
        classes = max(2, int(numbers.max()) + 1)
        return bounded(Own(rows, numbers, classes, _names(rows), _labels((), classes)))
    return bounded(Own(rows, target.astype(np.float64), 0, _names(rows)))


def from_csv(text: str) -> Own:
    """A table that was dropped: the target is the column y, target, label or class, else the last.

    Raises:
        DataError: where it cannot be used; says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "table.csv")
        place.write_text(text, encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = read_table(place, quiet=True)
    names = list(table.names)
    if len(names) < 2:
        raise DataError("data", f"a table needs two columns or more, got {len(names)}")
    named = [name for name in names if name.strip().lower() in _TARGETS]
    target = named[-1] if named else names[-1]
    columns, used, left = [], [], []
    for name in names:
        if name == target:
            continue
        if table[name].kind in ("number", "constant"):
            with contextlib.suppress(TypeError, ValueError):
                columns.append(np.asarray(table[name].values, np.float64))
                used.append(name)
                continue
        left.append(name)
    if not columns:
        raise DataError("data", "a table needs a column of numbers beside the target, got none")
    x, goal = np.stack(columns, 1), table[target]
    notes = [f"The target is {target}."]
    if left:
        notes.append(f"Left out, since they are not numbers: {', '.join(left)}.")
    whole = np.isfinite(x).all(1)
    labels: tuple[str, ...] = ()
    if goal.kind == "number":
        y: Array = np.asarray(goal.values, np.float64)
        whole &= np.isfinite(y)
        y = y[whole]
        distinct = np.unique(y)
        if len(distinct) <= MOST_CLASSES and np.array_equal(distinct, np.round(distinct)):
            labels = tuple(f"{value:g}" for value in distinct)
            y = np.searchsorted(distinct, y)
    else:
        codes = np.asarray(goal.values)
        if codes.dtype.kind not in "iu" or not getattr(goal, "levels", ()):
            raise DataError(
                "data",
                f"the target must be a number or a category, got {target}, a {goal.kind}",
                "Call the column that is predicted y.",
            )
        levels = goal.levels
        whole &= codes >= 0
        labels, y = tuple(map(str, levels)), codes[whole]
    if len(whole) != whole.sum():
        notes.append(f"Left out {len(whole) - int(whole.sum())} rows with missing cells.")
    classes = max(2, len(labels)) if labels else 0
    labels = _labels(labels, classes)
    return bounded(Own(x[whole], y, classes, tuple(used), labels, tuple(notes)))


def bounded(own: Own) -> Own:
    """`own` within the bounds of a page."""
    rows, columns = own.x.shape
    if not 4 <= rows <= MOST_ROWS:
        raise TooLargeError("data", f"there must be 4 to {MOST_ROWS:,} rows, got {rows:,}")
    if columns < 2:
        raise DataError("data", f"there must be two columns of numbers or more, got {columns}")
    if columns > MOST_COLUMNS:
        raise TooLargeError("data", f"there are at most {MOST_COLUMNS} columns, got {columns}")
    if own.classes > MOST_CLASSES:
        raise TooLargeError("data", f"there are at most {MOST_CLASSES} classes, got {own.classes}")
    if not (np.isfinite(own.x).all() and np.isfinite(own.y.astype(np.float64)).all()):
        raise DataError("data", "all numbers must be finite, got others")
    return own


def _names(x: Array) -> tuple[str, ...]:
    return _numbered(x.shape[1])


def _labels(given: tuple[str, ...], classes: int) -> tuple[str, ...]:
    return (*given, *(str(i) for i in range(len(given), classes)))
