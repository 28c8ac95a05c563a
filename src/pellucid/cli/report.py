"""What the command line shows: a heading, a bar that moves, results with a confusion matrix."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from pellucid.core.errors import ArgumentError, DataError, MissingPackageError
from pellucid.core.files import check_target
from pellucid.data import Dataset
from pellucid.models import Model
from pellucid.train.callback import Callback, Run
from pellucid.train.scores import confusion_matrix
from pellucid.viz.progress import STEPS, over_steps


def heading(data: Dataset, model: Model) -> str:
    """What is about to be trained, in one line."""
    shape = "×".join(str(n) for n in data.x_train.shape[1:])
    layers = " → ".join(model.names)
    absent = sorted(set(range(data.classes)) - set(np.unique(data.y_train).tolist()))
    note = f", none of class {', '.join(map(str, absent[:5]))} to train on" if absent else ""
    return (
        f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images of "
        f"{shape} pixels, {data.classes} classes{note}\n{layers}"
    )


class Progress(Callback):
    """A bar with loss and accuracy as they move; a line an epoch where there is no terminal."""

    first_only = True

    def __init__(self, console: Console, target: Path):
        self.console, self.target = console, target
        self.bar: Bar | None = None
        self.task: Any = None
        self.shown = 0.0
        self.steps = 0

    def on_start(self, run: Run) -> None:
        self.steps = run.steps_per_epoch or 0
        if run.step:
            self.console.print(f"Going on at step {run.step} of {self.target}")
        if not self.console.is_terminal:
            return
        self.bar = Bar(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[logs]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.bar.start()
        self.task = self.bar.add_task(
            "train",
            total=self.steps * run.epochs,
            epoch=run.epoch,
            epochs=run.epochs,
            logs="",
            completed=run.step,
        )

    def on_step(self, run: Run) -> None:
        now = time.perf_counter()
        if self.bar is None or now - self.shown < 0.1:
            return
        self.shown = now
        logs = f"loss {run.logs['loss']:.4f}  accuracy {run.logs['accuracy']:.2%}"
        done = run.epoch * self.steps + run.batch
        epoch = min(run.epoch + 1, run.epochs)
        self.bar.update(self.task, completed=done, epoch=epoch, logs=logs)

    def on_epoch(self, run: Run) -> None:
        logs = run.logs
        line = (
            f"epoch {run.epoch:>3}/{run.epochs}  loss {logs['loss']:.4f}  accuracy "
            f"{logs['accuracy']:.2%}  test loss {logs['val_loss']:.4f}  test accuracy "
            f"{logs['val_accuracy']:.2%}"
        )
        few = run.epochs <= 20 or run.epoch % 10 == 0 or run.epoch == run.epochs
        if few:
            (self.bar.console if self.bar else self.console).print(line)

    def on_end(self, run: Run) -> None:
        self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def probabilities(where: str, model: Model, x: Any) -> np.ndarray[Any, Any]:
    """The probability of each class, (N, C); a model with one output has the classes 0 and 1."""
    found = np.asarray(model.predict_proba(x))
    if found.ndim != 2:
        raise DataError(where, f"the model must return a vector of classes, got {found.shape}")
    return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found


def results(
    console: Console,
    model: Model,
    x: Any,
    y: Any,
    target: Path | None,
    *,
    overwrite: bool = False,
) -> None:
    """Test error, confusion matrix, where time went, and the figure beside the model.

    Args:
        target: the model file; None where nothing is written.
        overwrite: whether the figure may replace a file.
    """
    likely = probabilities("evaluate", model, x)
    chosen, classes = likely.argmax(axis=1), likely.shape[1]
    if int(y.max()) >= classes:
        raise DataError(
            "evaluate",
            f"the labels must be classes of the model, 0 to {classes - 1}, got {int(y.max())}",
            "Evaluate it on data with the classes that it was trained on.",
        )
    wrong = int((chosen != y).sum())
    table = Table(title="Confusion matrix: rows are true classes, columns are predicted", box=None)
    table.add_column("")
    for name in range(classes):
        table.add_column(str(name), justify="right")
    counts = confusion_matrix(y, chosen, classes)
    for name, row in enumerate(counts):
        cells = [
            Text(str(n) if n else "·", style="bold" if n and i == name else "")
            for i, n in enumerate(row)
        ]
        table.add_row(str(name), *cells)
    console.print()
    console.print(table)
    console.print()
    console.print(
        f"Test error {wrong / len(y):.2%} ({wrong} of {len(y):,}), "
        f"accuracy {1 - wrong / len(y):.2%}"
    )
    if target is None:
        return
    seconds = model.history.seconds
    if seconds:
        total = sum(seconds.values())
        parts = ", ".join(f"{name} {spent:.2f} s" for name, spent in seconds.items())
        console.print(f"Time {total:.2f} s: {parts}")
    console.print(f"Model {target}")
    figure = draw(model, target, overwrite)
    if figure is not None:
        console.print(f"Curves {figure}")


def figure_path(target: Path) -> Path:
    """Where the curves of the model file `target` go.

    Raises:
        ArgumentError: where the figure would replace the model.
    """
    if target.suffix == ".png":
        raise ArgumentError(
            "train",
            f"--out must name the model file, got '{target}', where the figure of its curves goes",
            f"Write --out {target.with_suffix('.safetensors')}.",
        )
    return target.with_suffix(".png")


def check_figure(target: Path, overwrite: bool, resume: bool) -> bool:
    """Whether the figure may replace the file in its place: asked before the training starts.

    A run that is resumed replaces the figure that it drew itself, and no other file.
    """
    place = figure_path(target)
    allowed = overwrite or (resume and is_own_figure(place))
    check_target(place, allowed)
    return allowed


def is_own_figure(path: Path) -> bool:
    """Whether `draw` wrote the file: a PNG file says what it shows."""
    try:
        with path.open("rb") as file:
            return f"Title\0{STEPS}".encode() in file.read(512)
    except OSError:
        return False


def draw(model: Model, target: Path, overwrite: bool) -> Path | None:
    """The figure of both curves beside the model; None where matplotlib is not installed."""
    place = figure_path(target)
    try:
        over_steps(model.history.steps, model.history.validation).save(place, overwrite=overwrite)
    except MissingPackageError:
        return None
    return place


def description(model: Model) -> str:
    """The summary, and what the model was trained with."""
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    if model.loss is not None:
        lines.append(f"Loss {model.loss.name}, optimizer {model.optimizer}")
    if model.training:
        done = model.training
        lines.append(
            f"Trained {done['step']:,} steps of {done['batch_size']} rows, seed {done['seed']}"
        )
    return "\n".join(lines)
