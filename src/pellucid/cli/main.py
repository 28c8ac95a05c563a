"""`pellucid`: train, evaluate, predict and show from the command line.

Every mistake ends in one line on stderr and exit code 2; a run that is stopped saves first and says
how to go on (exit code 130 for Ctrl-C, 143 for SIGTERM).
"""

from __future__ import annotations

import difflib
import io
import itertools
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import pellucid
from pellucid.cli import report
from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.files import as_path, check_target
from pellucid.data import Dataset, load_digits, load_idx_folder, read_idx
from pellucid.graph.text import print_graph
from pellucid.models import Model, Sequential, load
from pellucid.nn import L2, Dense, Flatten, Rescale
from pellucid.nn.activations import check as check_activation
from pellucid.optim import SGD, Adam, Optimizer

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Train neural networks on your own data and see every number that made them.",
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}
_EPOCHS = {"digits": 60}
_BATCH = {"digits": 32}

_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls", ".json", ".npy", ".npz")

Source = Annotated[
    str,
    typer.Argument(help="digits, which come with Pellucid, or a folder with MNIST's four files."),
]
ModelFile = Annotated[Path, typer.Argument(help="A model file that train wrote.")]


def dataset(where: str, source: str, seed: int) -> Dataset:
    """The data that a word or a folder stands for; `where` is the command that asks."""
    if source == "digits":
        return load_digits(seed=seed)
    folder = as_path(where, source)
    try:
        is_folder, is_file = bool(source) and folder.is_dir(), folder.is_file()
    except OSError as error:  # such as a name that is too long
        raise ArgumentError(where, f"the path cannot be used: {error.strerror}") from None
    if is_folder:
        return load_idx_folder(folder)
    fix = "Check the path."
    if folder.suffix.lower() in _TABLES:
        fix = f"Tables are not read here yet. {_in_python(folder)}"
    elif is_file:
        fix = "Give the folder that holds the four files: train and t10k, images and labels."
    elif difflib.get_close_matches(source, ["digits"]):
        fix = "Did you mean 'digits'?"
    raise ArgumentError(
        where,
        "expected 'digits' or a folder with MNIST's four files, got "
        f"{'the file ' if is_file else ''}'{source}'",
        fix,
    )


def _in_python(table: Path) -> str:
    """How a table is trained on in Python, where its last column is the class of a row."""
    if table.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return "In Python, read it into arrays x and y for Sequential, compile and fit."
    comma = "," if table.suffix.lower() == ".csv" else "\t"
    return (
        f"In Python: table = np.genfromtxt({str(table)!r}, delimiter={comma!r}, skip_header=1); "
        "x, y = table[:, :-1], table[:, -1]; then Sequential, compile and fit."
    )


def network(data: Dataset, hidden: Sequence[int], activation: str, seed: int) -> Sequential:
    """Pixels scaled to [0, 1], hidden layers, one logit a class."""
    top = float(np.iinfo(data.x_train.dtype).max) if data.x_train.dtype.kind == "u" else 1.0
    if data.name == "digits":
        top = 16.0
    layers: list[Any] = [Rescale(1 / top, name="pixels")]
    if data.x_train.ndim > 2:
        layers.append(Flatten(name="flatten"))
    for number, units in enumerate(hidden, 1):
        layers.append(Dense(units, activation=activation, name=f"hidden_{number}"))
    layers.append(Dense(data.classes, name="classes"))
    return Sequential(layers, seed=seed)


def _hidden(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ArgumentError(
            "train", f"--hidden must be sizes such as 200 or 200,100 (0 for none), got '{text}'"
        ) from None
    sizes = [size for size in sizes if size != 0]
    for size in sizes:
        integer("train", "--hidden", size, 1)
    return sizes


class _Terminated(BaseException):
    """SIGTERM, raised where the training loop can save before it ends."""


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    raise _Terminated


@app.command()
def train(
    source: Source = "digits",
    hidden: Annotated[
        str, typer.Option(help="Sizes of the hidden layers: 200 or 200,100.")
    ] = "200",
    activation: Annotated[str, typer.Option(help="relu, tanh, sigmoid, …")] = "relu",
    optimizer: Annotated[str, typer.Option(help="sgd or adam.")] = "sgd",
    learning_rate: Annotated[
        float | None, typer.Option(help="Default: 0.5 for sgd, 0.001 for adam.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows per step. Default: 100, 32 for digits.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data. Default: 15, 60 for digits.")
    ] = None,
    l2: Annotated[float, typer.Option(help="Strength of the penalty (λ/2)·‖w‖².")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the split, the weights and the order.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--out", help="The model file. Default: NAME.safetensors.")
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds of work that a kill can cost.")
    ] = 5.0,
    resume: Annotated[bool, typer.Option(help="Continue from the checkpoint in --out.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Train a network on images.

    It writes the model to NAME.safetensors and its curves to NAME.png, and shows the test error
    and the confusion matrix. Ctrl-C saves; --resume continues to the same result.

    \b
    pellucid train digits
    pellucid train my-mnist-folder --hidden 300,100 --optimizer adam --epochs 20
    """
    integer("train", "--seed", seed, 0, 2**32 - 1)
    check_activation("train", activation)
    sizes = _hidden(hidden)
    data = dataset("train", source, seed)
    epochs = _EPOCHS.get(data.name, 15) if epochs is None else epochs
    batch_size = _BATCH.get(data.name, 100) if batch_size is None else batch_size
    name = data.name if source == "digits" else Path(source).resolve().name
    target = output or Path(f"{name}.safetensors")
    model = _prepared(
        data, sizes, activation, optimizer, learning_rate, l2, seed, target, resume, overwrite
    )
    replace_figure = report.check_figure(target, overwrite, resume)
    out.print(report.heading(data, model))
    progress = report.Progress(out, target)
    previous = signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        model.fit(
            data.x_train,
            data.y_train,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=(data.x_test, data.y_test),
            seed=seed,
            verbose=0,
            callbacks=[progress],
            checkpoint=target,
            checkpoint_every=checkpoint_every,
            overwrite=True,
            resume=resume,
        )
    except (KeyboardInterrupt, _Terminated) as stop:
        step = model.training.get("step", 0)
        err.print(f"Stopped at step {step}. Saved to {target}. Continue with --resume.")
        raise SystemExit(130 if isinstance(stop, KeyboardInterrupt) else 143) from None
    finally:
        signal.signal(signal.SIGTERM, previous)
    report.results(out, model, data.x_test, data.y_test, target, overwrite=replace_figure)


def _prepared(
    data: Dataset,
    sizes: Sequence[int],
    activation: str,
    optimizer: str,
    learning_rate: float | None,
    l2: float,
    seed: int,
    target: Path,
    resume: bool,
    overwrite: bool,
) -> Model:
    """A fresh compiled model, or the one in the checkpoint if it is of the same making."""
    if optimizer not in _OPTIMIZERS:
        raise ArgumentError("train", f"--optimizer must be sgd or adam, got '{optimizer}'")
    default = 0.5 if optimizer == "sgd" else 0.001
    rate = default if learning_rate is None else learning_rate
    model = network(data, sizes, activation, seed)
    model.compile(
        _OPTIMIZERS[optimizer](rate),
        "cross_entropy",
        metrics=["accuracy"],
        regularizer=L2(l2) if l2 else (),
    )
    if not resume:
        check_target(target, overwrite)
        return model
    if not target.exists():
        raise DataError(
            "train",
            f"--resume needs the checkpoint {target}, got no such file",
            "Start without --resume.",
        )
    stored = load(target)
    pairs = list(itertools.zip_longest(model.layers, stored.layers))
    ours, others = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
    for what, mine, theirs in (
        ("layers", ours, others),
        ("optimizer", model.optimizer, stored.optimizer),
        ("regularizer", model.regularizers, stored.regularizers),
        ("seed", model.seed, stored.seed),
    ):
        if mine != theirs:
            raise ArgumentError(
                "train",
                f"to resume, {what} must be as in {target}: {theirs}, got {mine}",
                "Give the same options, or start anew with --overwrite.",
            )
    return stored


@app.command()
def evaluate(
    model_file: ModelFile,
    source: Source = "digits",
    seed: Annotated[
        int | None, typer.Option(help="The split's seed. Default: the model's.")
    ] = None,
) -> None:
    """Measure a model on test images.

    \b
    pellucid evaluate digits.safetensors
    pellucid evaluate mine.safetensors my-mnist-folder
    """
    model = load(model_file)
    data = dataset("evaluate", source, model.seed if seed is None else seed)
    report.results(out, model, data.x_test, data.y_test, None)


@app.command()
def predict(
    model_file: ModelFile,
    images: Annotated[Path, typer.Argument(help="An IDX file of images.")],
    probabilities: Annotated[bool, typer.Option(help="Print all probabilities.")] = False,
) -> None:
    """Print the class of each image.

    One line per image: its class and its probability, or all probabilities.

    \b
    pellucid predict mine.safetensors my-mnist-folder/t10k-images-idx3-ubyte
    """
    model = load(model_file)
    x = read_idx(images)
    features = model.input_types[0].shape[1:]
    if x.shape[1:] != features and x[:1].size == shapes.size(features):
        x = x.reshape(len(x), *features)
    for row in report.probabilities("predict", model, x):
        best = int(np.argmax(row))
        shown = " ".join(f"{p:.4f}" for p in row) if probabilities else f"{row[best]:.4f}"
        print(best, shown)


@app.command()
def show(
    model_file: ModelFile,
    graph: Annotated[bool, typer.Option(help="Print the prediction graph too.")] = True,
) -> None:
    """Print a model's layers and its graph.

    Layers with the shapes of their outputs and the numbers of their parameters, then each operation
    of a prediction, a line each.

    \b
    pellucid show digits.safetensors
    """
    model = load(model_file)
    out.print(report.description(model), markup=False)
    if graph:
        out.print()
        out.print(print_graph(model.graph(), lines=False), markup=False)


def version(shown: bool) -> None:
    if shown:
        print(f"pellucid {pellucid.__version__}")
        raise typer.Exit


@app.callback()
def options(
    shown: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """The entry point; turns every expected error into one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has a ×
    arguments = sys.argv[1:]
    try:
        code = app(arguments or ["--help"], prog_name="pellucid", standalone_mode=False)
        sys.exit(code if arguments else 2)
    except PellucidError as error:
        # What an argument is in Python is an option here.
        err.print(f"Error: {error.short.replace('overwrite=True', '--overwrite')}", markup=False)
        sys.exit(2)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "pellucid")
        said = " ".join(error.format_message().split()).rstrip(".")
        said += "" if said.endswith("?") else "."
        err.print(f"Error: {said} See {command} --help.", markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


if __name__ == "__main__":
    main()
