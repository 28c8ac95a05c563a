"""`pellucid`: train, evaluate, predict and show from the command line.

Every mistake ends in one line on stderr and exit code 2; a run that is stopped saves first and says
how to go on (exit code 130 for Ctrl-C, 143 for SIGTERM).
"""

from __future__ import annotations

import difflib
import io
import itertools
import shlex
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
from pellucid.cli import report as results
from pellucid.cli import tables
from pellucid.cli.hosts import joined
from pellucid.core import shapes
from pellucid.core.arguments import integer
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.files import as_path, check_target
from pellucid.core.forks import load as load_module
from pellucid.data import Dataset, load_digits, load_idx_folder, read_idx
from pellucid.graph.text import print_graph
from pellucid.models import Model, Sequential
from pellucid.nn import L2, Dense, Flatten, Rescale
from pellucid.nn.activations import check as check_activation
from pellucid.optim import SGD, Adam, Optimizer
from pellucid.tables import TableModel, load
from pellucid.web.playing import play as start

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Train neural networks on your own data and see every number that made them.",
)


def _console(stderr: bool) -> Console:
    """Where text is printed as it is: names of classes and files may look like rich's markup."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)


out, err = _console(False), _console(True)

_OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}
_EPOCHS = {"digits": 60}
_BATCH = {"digits": 32}

_IMAGES = (  # options of train that are of images alone
    "hidden",
    "activation",
    "optimizer",
    "learning_rate",
    "batch_size",
    "epochs",
    "l2",
    "checkpoint_every",
    "resume",
    "hosts",
    "host",
)
_ROWS = ("task", "types", "drop", "group", "time", "drop_missing", "quick")  # of tables alone

Source = Annotated[
    str,
    typer.Argument(
        help="A table (CSV, Parquet, a glob, SQL); digits, which come with Pellucid; or a folder "
        "with MNIST's four files."
    ),
]
Rows = Annotated[
    str | None,
    typer.Argument(help="A table, for a model of one; else digits or a folder, as in train."),
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
    if tables.is_table(source):
        fix = (
            f"To train on a table say what to predict: --target COLUMN.{tables.columns_of(source)}"
        )
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
    context: typer.Context,
    source: Source = "digits",
    target: Annotated[
        str | None, typer.Option(help="The column of a table that is predicted.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression. Default: found out.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="What a column is: city=category. May be repeated."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column to leave out. May be repeated.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="A column; rows alike in it are held out together.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="A column of times; the last fifth is held out.")
    ] = None,
    drop_missing: Annotated[bool, typer.Option(help="Leave out rows without a target.")] = False,
    quick: Annotated[bool, typer.Option(help="One network, where there are ten.")] = False,
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
    hosts: Annotated[
        str | None,
        typer.Option(
            help="Hosts that train together, each by this command: a,b or a:7531,b; auto: as "
            "SLURM, MPI or Kubernetes say. The first one prints and writes."
        ),
    ] = None,
    host: Annotated[
        int | None, typer.Option(help="Which of --hosts this is, from 0. Default: by its name.")
    ] = None,
) -> None:
    """Train a network on a table, or on images.

    It writes the model to NAME.safetensors. Of a table it shows what was read, and scores of rows
    that the networks did not train on, and writes a report to NAME.html; Ctrl-C saves the networks
    so far. Of images it writes the curves to NAME.png, and shows the test error and the confusion
    matrix; Ctrl-C saves, and --resume continues to the same result.

    \b
    pellucid train sales.csv --target churned
    pellucid train "sales-*.parquet" --target price --type shop=category --quick
    pellucid train my-mnist-folder --hidden 300,100 --optimizer adam --epochs 20
    pellucid train my-mnist-folder --hosts node1,node2
    """
    if target is not None:
        _refuse_given(
            context,
            _IMAGES,
            "is an option of images: a table, which --target says, does not take it",
        )
        asked = tables.request(
            source,
            target,
            task=task,
            types=types or (),
            drop=drop or (),
            group=group,
            time=time,
            drop_missing=drop_missing,
            quick=quick,
            seed=seed,
            out=output,
            overwrite=overwrite,
            command=shlex.join(["pellucid", *sys.argv[1:]]),
        )
        tables.train_table(out, err, asked)
        return
    _refuse_given(context, _ROWS, "is an option of tables, and needs --target")
    integer("train", "--seed", seed, 0, 2**32 - 1)
    check_activation("train", activation)
    sizes = _hidden(hidden)
    data = dataset("train", source, seed)
    others = joined(hosts, host)
    first = others is None or others.first
    part = slice(None) if others is None else others.part(len(data.x_train))
    epochs = _EPOCHS.get(data.name, 15) if epochs is None else epochs
    batch_size = _BATCH.get(data.name, 100) if batch_size is None else batch_size
    name = data.name if source == "digits" else Path(source).resolve().name
    place = output or Path(f"{name}.safetensors")
    model = _prepared(
        data, sizes, activation, optimizer, learning_rate, l2, seed, place, resume, overwrite
    )
    replace_figure = results.check_figure(place, overwrite, resume)
    if first:
        out.print(results.heading(data, model))
    progress = results.Progress(out, place)
    previous = signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        model.fit(
            data.x_train[part],
            data.y_train[part],
            batch_size=batch_size,
            epochs=epochs,
            validation_data=(data.x_test, data.y_test),
            seed=seed,
            verbose=0,
            callbacks=[progress],
            checkpoint=place,
            checkpoint_every=checkpoint_every,
            overwrite=True,
            resume=resume,
            backend=None if others is None else "xla",
        )
    except (KeyboardInterrupt, _Terminated) as stop:
        step = model.training.get("step", 0)
        saved = f" Saved to {place}. Continue with --resume." if first else ""
        err.print(f"Stopped at step {step}.{saved}")
        raise SystemExit(130 if isinstance(stop, KeyboardInterrupt) else 143) from None
    finally:
        signal.signal(signal.SIGTERM, previous)
    if first:
        results.results(out, model, data.x_test, data.y_test, place, overwrite=replace_figure)


def _refuse_given(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Refuses options that would be ignored."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            shown = "type" if name == "types" else name.replace("_", "-")
            raise ArgumentError("train", f"--{shown} {why}")


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
    stored = _of_images("train", target)
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


def _of_images(where: str, path: Path) -> Model:
    """A model that is none of a table."""
    model = load(path)
    if isinstance(model, TableModel):
        raise DataError(where, f"expected a model of images, got one of a table in {path}")
    return model


@app.command()
def evaluate(
    model_file: ModelFile,
    source: Rows = None,
    seed: Annotated[
        int | None, typer.Option(help="The split's seed. Default: the model's.")
    ] = None,
) -> None:
    """Measure a model on rows with a known target, or on test images.

    \b
    pellucid evaluate sales.safetensors july.csv
    pellucid evaluate digits.safetensors
    pellucid evaluate mine.safetensors my-mnist-folder
    """
    model = load(model_file)
    if isinstance(model, TableModel):
        if seed is not None:
            raise ArgumentError("evaluate", "--seed splits images: a table has none, got both")
        rows = tables.needs_source("evaluate", source)
        tables.evaluate_table(out, err, model, rows)
        return
    data = dataset("evaluate", source or "digits", model.seed if seed is None else seed)
    results.results(out, model, data.x_test, data.y_test, None)


@app.command()
def predict(
    model_file: ModelFile,
    source: Annotated[
        str, typer.Argument(help="A table, for a model of one; else an IDX file of images.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--out", help="A .csv, .tsv or .parquet file for the predictions of rows."),
    ] = None,
    probabilities: Annotated[bool, typer.Option(help="Print all probabilities.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Print or write a prediction for each row of a table, or each image.

    Of classes their names and probabilities, of numbers the value and where 90 % of such rows lie.

    \b
    pellucid predict sales.safetensors august.csv --out predictions.csv
    pellucid predict mine.safetensors my-mnist-folder/t10k-images-idx3-ubyte
    """
    model = load(model_file)
    if isinstance(model, TableModel):
        tables.predict_table(err, model, source, output, probabilities, overwrite)
        return
    if output is not None:
        raise ArgumentError(
            "predict",
            "--out is of models of tables, got one of images",
            "Send what is printed to a file: pellucid predict … > classes.txt.",
        )
    x = read_idx(as_path("predict", source))
    features = model.input_types[0].shape[1:]
    if x.shape[1:] != features and x[:1].size == shapes.size(features):
        x = x.reshape(len(x), *features)
    for row in results.probabilities("predict", model, x):
        best = int(np.argmax(row))
        shown = " ".join(f"{p:.4f}" for p in row) if probabilities else f"{row[best]:.4f}"
        print(best, shown)


@app.command()
def show(
    model_file: ModelFile,
    graph: Annotated[bool, typer.Option(help="Print the prediction graph too.")] = True,
) -> None:
    """Print what a model reads, its layers and its graph.

    Layers with the shapes of their outputs and the numbers of their parameters, then each operation
    of a prediction, a line each. Of a table's model the columns, the scores and the graphs.

    \b
    pellucid show digits.safetensors
    """
    model = load(model_file)
    if isinstance(model, TableModel):
        out.print(tables.description(model))
        for title, one in tables.graphs(model) if graph else ():
            out.print(f"\n{title}")
            out.print(print_graph(one, lines=False))
        return
    out.print(results.description(model))
    if graph:
        out.print()
        out.print(print_graph(model.graph(), lines=False))


@app.command()
def report(
    model_file: ModelFile,
    output: Annotated[
        Path | None, typer.Option("--out", help="The page. Default: NAME.html beside the model.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write the report of a table's model again.

    \b
    pellucid report sales.safetensors --out sales.html
    """
    model = load(model_file)
    if not isinstance(model, TableModel):
        raise DataError("report", f"expected a model of a table, got another in {model_file}")
    place = output or tables.report_path(model_file)
    model.report(place, overwrite=overwrite)
    out.print(f"Report {place}")


@app.command()
def play(
    link: Annotated[
        str | None, typer.Argument(help="A link of the page: what stands on the screen first.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    exercise: Annotated[
        str | None, typer.Option(help="Open an exercise: hidden-units or which-function.")
    ] = None,
) -> None:
    """Open the playground: a network that trains while you look and change it.

    The page is served to this machine alone. It ends with Ctrl-C, or a minute after its page was
    closed. In Python, pel.play(model, x, y) opens a model and data of your own.

    \b
    pellucid play
    pellucid play "#data=spiral&noise=0.1"
    pellucid play --exercise which-function
    """
    if exercise is not None:
        link = f"{link or '#'}&exercise={exercise}"
    start(link=link, browser=browser)


@app.command()
def inspect(
    model_file: ModelFile,
    data: Annotated[
        str | None,
        typer.Option(
            help="digits, a folder as in train, or a CSV file; its last column is the target."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="How many epochs the run has.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Rows a step.")] = 32,
    seed: Annotated[int, typer.Option(help="Of the order of the rows and of dropout.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the inspector: the steps of a training run of this model, node by node.

    The run begins with the weights of the file, which stays as it is. The page is served to this
    machine alone. In Python, pel.inspect(model, x, y) takes arrays, pel.inspect(f, …) a function.

    \b
    pellucid inspect digits.safetensors
    pellucid inspect mine.safetensors --data rows.csv --epochs 5
    """
    inspector = load_module("pellucid.web.inspector.inspecting")  # no other command waits for it
    model = load(model_file)
    if isinstance(model, TableModel):
        raise DataError("inspect", f"expected a network, got a model of a table in {model_file}")
    if data is not None and Path(data).suffix.lower() in (".csv", ".tsv"):
        own = inspector.rows_of_file(Path(data))
        x, y = own.x, own.y
    else:
        images = dataset("inspect", data or "digits", model.seed or 0)
        x, y = images.x_train, images.y_train
    options = {"batch_size": batch_size, "epochs": epochs, "seed": seed, "browser": browser}
    inspector.inspect(model, x, y, **options)


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
        err.print(f"Error: {tables.as_options(error.short)}")
        sys.exit(2)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "pellucid")
        said = " ".join(error.format_message().split()).rstrip(".")
        said += "" if said.endswith("?") else "."
        err.print(f"Error: {said} See {command} --help.")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


if __name__ == "__main__":
    main()
