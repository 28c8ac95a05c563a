"""The command line for tables: train on one, evaluate, predict rows, show what a model reads."""

from __future__ import annotations

import re
import shlex
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.core.files import check_target
from pellucid.data import read_table
from pellucid.data.engine import is_query
from pellucid.data.writing import as_csv, check_suffix, write_columns
from pellucid.tables import TableModel
from pellucid.tables.evidence import MOST_CLASSES, mistakes
from pellucid.tables.extent import check_fits
from pellucid.tables.fitting import train
from pellucid.tables.scores import measures
from pellucid.tables.summary import summary
from pellucid.tables.target import TASKS
from pellucid.tables.training import Options
from pellucid.train.scores import confusion_matrix

Array = np.ndarray[Any, Any]
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson", ".db", ".sqlite")
_USUAL = "1,234.5"  # of a number
_COVERAGE = 0.9
_SHOWN = 8  # columns in a message


@dataclass
class Request:
    """What `train` was asked of a table."""

    source: str
    options: Options
    types: dict[str, str]
    target: Path
    overwrite: bool
    command: str


def is_table(source: str) -> bool:
    """Whether a source can only be a table: a file of its endings, a glob or a query."""
    suffixes = "".join(Path(source).suffixes[-2:]).lower()
    named = any(suffixes.endswith((one, f"{one}.gz")) for one in _SUFFIXES)
    return named or is_query(source) or any(mark in source for mark in "*?")


def as_options(text: str) -> str:
    """A message with commands and options in the place of Python's methods and arguments."""
    text = re.sub(r'types=\{"([^"]+)": "([^"]+)"\}', _type_option, text)
    text = re.sub(r'drop=\["([^"]+)"\]', lambda found: f"--drop {shlex.quote(found[1])}", text)
    text = re.sub(r'task="(\w+)"', r"--task \1", text)
    text = text.replace("drop_missing=True (--drop-missing)", "--drop-missing")
    text = text.replace("pel.load(path), then fit(…, resume=True)", "--resume")
    return text.replace("overwrite=True", "--overwrite").replace("[predict_proba]", "[predict]")


def _type_option(found: re.Match[str]) -> str:
    return f"--type {shlex.quote(f'{found[1]}={found[2]}')}"


def columns_of(source: str) -> str:
    """The columns of a table, for a message; nothing where it cannot be read."""
    try:
        names = read_table(source, quiet=True).names
    except PellucidError:
        return ""
    more = f", … ({len(names)} in all)" if len(names) > _SHOWN else ""
    return f" Its columns: {', '.join(names[:_SHOWN])}{more}."


def types_of(given: Sequence[str]) -> dict[str, str]:
    """`--type city=category` as a dict."""
    found = {}
    for one in given:
        name, mark, kind = one.rpartition("=")
        if not mark or not name or not kind:
            raise ArgumentError(
                "train", f"--type must be COLUMN=KIND, got '{one}'", "Write --type city=category."
            )
        found[name] = kind
    return found


def request(
    source: str,
    target: str,
    *,
    task: str | None,
    types: Sequence[str],
    drop: Sequence[str],
    group: str | None,
    time: str | None,
    drop_missing: bool,
    quick: bool,
    seed: int,
    out: Path | None,
    overwrite: bool,
    command: str,
) -> Request:
    """What was asked, checked before the table is read."""
    if task is not None and task not in TASKS:
        raise ArgumentError("train", f"--task must be {' or '.join(TASKS)}, got '{task}'")
    integer("train", "--seed", seed, 0, 2**32 - 1)
    stem = "table" if is_query(source) or set("*?") & set(source) else Path(source).name
    place = out or Path(f"{stem.partition('.')[0] or 'table'}.safetensors")
    check_target(place, overwrite)
    check_target(report_path(place), overwrite)
    options = Options(target, task, tuple(drop), group, time, drop_missing, quick, seed)
    return Request(source, options, types_of(types), place, overwrite, command)


def report_path(target: Path) -> Path:
    """Where the report of the model file `target` goes."""
    if target.suffix == ".html":
        raise ArgumentError(
            "train",
            f"--out must name the model file, got '{target}', where its report goes",
            f"Write --out {target.with_suffix('.safetensors')}.",
        )
    return target.with_suffix(".html")


def train_table(console: Console, errors: Console, asked: Request) -> None:
    """Trains a model of a table, writes it, and prints what was found.

    Ctrl-C and SIGTERM end the training: the networks so far are the model. The exit code is then
    130 or 143.
    """
    terminations: list[int] = []
    kept = "nothing was written"

    def terminated(number: int, frame: FrameType | None) -> None:
        terminations.append(number)
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, terminated)
    try:
        with said(errors):
            check_fits("train", asked.source)
            table = read_table(asked.source, types=asked.types or None)
            model = train(table, asked.options, True, asked.command)
            model.save(asked.target, overwrite=asked.overwrite)
            kept = f"the model is in {asked.target}, without its report"
            report = report_path(asked.target)
            model.report(report, overwrite=asked.overwrite)
    except KeyboardInterrupt:
        errors.print(f"Stopped: {kept}.")
        raise SystemExit(143 if terminations else 130) from None
    finally:
        signal.signal(signal.SIGTERM, previous)
    for note in model.findings.notes:
        errors.print(f"Note: {as_options(note)}")
    console.print(f"Model {asked.target}")
    console.print(f"Report {report}")
    if model.findings.settings["stopped"]:
        raise SystemExit(143 if terminations else 130)


def evaluate_table(console: Console, errors: Console, model: TableModel, source: str) -> None:
    """Prints the measures of a source with known targets, and the confusion matrix of classes."""
    with said(errors):
        y, found = model.measured("evaluate", source)
    values = measures(y, found, model.target.is_classes)
    console.print(f"{len(y):,} rows")
    for name, value in values.items():
        console.print(f"{name} {value:.4g}")
    names = model.target.labels.shown
    if not model.target.is_classes:
        return
    counts = confusion_matrix(y, found.argmax(axis=1), len(names))
    width = sum(max(len(name), len(f"{counts[:, j].max()}")) + 2 for j, name in enumerate(names))
    if len(names) > MOST_CLASSES or width + max(map(len, names)) > console.width:
        _print_mistakes(console, mistakes(y, found, names), len(names))
        return
    grid = Grid(title="Confusion matrix: rows are true classes, columns are predicted", box=None)
    for name in ("", *names):
        grid.add_column(name, justify="right")
    for name, row in zip(names, counts, strict=True):
        grid.add_row(name, *(str(count) if count else "·" for count in row))
    console.print()
    console.print(grid)


def _print_mistakes(console: Console, several: Sequence[tuple[str, str, int]], count: int) -> None:
    """What is said where a confusion matrix would not fit."""
    console.print()
    if not several:
        console.print(f"No mistakes among {count} classes.")
        return
    grid = Grid(title=f"The most frequent mistakes among {count} classes", box=None)
    for name in ("true", "predicted"):
        grid.add_column(name)
    grid.add_column("rows", justify="right")
    for true, told, rows in several:
        grid.add_row(true, told, str(rows))
    console.print(grid)


def predict_table(
    errors: Console,
    model: TableModel,
    source: str,
    out: Path | None,
    probabilities: bool,
    overwrite: bool,
) -> None:
    """Writes or prints a prediction a row: class and probabilities, or value and interval."""
    if out is not None:
        check_suffix("predict", out)
        check_target(out, overwrite)
    with said(errors):
        columns = predicted(model, source, probabilities or out is not None)
        if out is None:
            print(as_csv(columns), end="")
        else:
            write_columns("predict", out, columns, overwrite)


def predicted(model: TableModel, source: Any, whole: bool) -> dict[str, Array]:
    """The columns of a file of predictions; `whole` adds all probabilities to the classes."""
    name = model.target.name
    if not model.target.is_classes:
        values = model.predict(source)
        low, high = model.interval(values, _COVERAGE).T
        return {name: values, "low": low, "high": high}
    likely = model.predict_proba(source)
    columns = {name: model.target.labels.of(likely.argmax(axis=1))}
    if not whole:
        return {**columns, "probability": likely.max(axis=1)}
    for label, column in zip(model.target.labels.shown, likely.T, strict=True):
        columns[f"p_{label}"] = column
    return columns


def description(model: TableModel) -> str:
    """What the model reads and predicts, and how good it was."""
    lines = [
        f"Model of a table: {model.task} of {model.target.name!r}"
        + (
            f", classes {', '.join(model.target.labels.shown[:20])}"
            if model.classes is not None
            else ""
        )
    ]
    for column in model.preparation.schema:
        levels = f", {len(column.levels)} levels" if column.levels else ""
        form = f" ({column.format})" if column.format not in ("", _USUAL) else ""
        lines.append(f"  {column.name}: {column.kind}{form}{levels}")
    lines += [f"Note: {note}" for note in model.findings.notes]
    return "\n".join([*lines, "", summary(model)])


def graphs(model: TableModel) -> list[tuple[str, Any]]:
    """The graphs that a prediction runs, each once: preparation, a network a kind, scale."""
    found: list[tuple[str, Any]] = []
    if model.preparation.model is not None:
        found.append(("Preparation", model.preparation.model.graph()))
    seen = set()
    for member in model.members:
        if member.networks.kind not in seen:
            seen.add(member.networks.kind)
            found.append((f"Network of {member.networks.kind} numbers", member.model.graph()))
    if model.scale is not None:
        found.append(("Scale of the target", model.scale.graph()))
    return found


def needs_source(where: str, source: str | None) -> str:
    if source is None:
        raise ArgumentError(
            where, "a model of a table needs rows, got none", f"Write pellucid {where} MODEL FILE."
        )
    return source


@contextmanager
def said(errors: Console) -> Iterator[None]:
    """Prints warnings as notes, without the line of our own code that they came from."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for one in caught:
                errors.print(f"Note: {as_options(str(one.message))}")
