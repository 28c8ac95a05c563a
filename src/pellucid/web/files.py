"""A model file as the start of a run: its weights, means, slots, history, and where it stood.

In: the bytes of a file, and what stands on the screen. Out: the model from which the run goes on,
made by the calls that the exported program makes.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.models import Sequential
from pellucid.models.loading import described, model_of
from pellucid.nn import Loss, Regularizer
from pellucid.optim import Optimizer
from pellucid.train.checkpoint import read_file
from pellucid.web.settings import LAYERS, Loaded, Settings, same_but_for_rates
from pellucid.web.sources import Rows

NAME = "model.safetensors"
MOST_FILE = 16 << 20  # bytes
_MOST_PAST = 1_000  # points of the curve of the epochs before


def content_of(model: Any) -> bytes:
    """The model as a file: a network, or a support vector machine."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, NAME)
        model.save(place)
        return place.read_bytes()


def opened(content: bytes) -> Sequential:
    """The model of a file.

    Raises:
        DataError: for a file that cannot be read, or a model that the page cannot show.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, NAME)
        place.write_bytes(content)
        arrays, document = read_file(place)
        model = described(place, lambda: model_of(arrays, document))
    if not isinstance(model, Sequential) or not all(isinstance(e, LAYERS) for e in model.layers):
        names = ", ".join(kind.__name__ for kind in LAYERS)
        raise DataError("load", f"the page shows models of {names}, got {model!r}")
    if not model.compiled or model.optimizer is None:
        raise DataError("load", "the model must be compiled, got one that is not")
    return model


def filled(settings: Settings, model: Sequential) -> Settings:
    """`settings` of a program that loads `model`, with what it leaves to the file.

    Raises:
        ArgumentError: for slots that are given to an optimizer of another kind.
    """
    assert settings.loaded is not None and model.optimizer is not None
    said, training = settings.loaded, model.training
    found: dict[str, Any] = {"layers": tuple(model.layers), "dtype": str(model.dtype)}
    if said.resumes is None:  # there is no fit that says it
        found["seed"] = training.get("seed", model.seed)
        if type(training.get("batch_size")) is int:
            found["batch_size"] = training["batch_size"]
    if said.compiled is None:
        found |= {"optimizer": model.optimizer, "loss": model.loss}
        found["penalties"] = tuple(model.regularizers)
    made = dataclasses.replace(settings, **found)
    if said.compiled == "rates" and _needed(made, model) == "anew":
        raise ArgumentError("program", "the slots of the file are those of another optimizer")
    return made


def _needed(settings: Settings, model: Sequential) -> str | None:
    """How the model must be compiled, as `Loaded.compiled` says it."""
    own = (model.optimizer, model.loss, tuple(model.regularizers))
    wanted = (settings.optimizer, settings.loss, settings.penalties)
    if wanted == own:
        return None
    return "rates" if same_but_for_rates(own, wanted) else "anew"


def fits(settings: Settings, model: Sequential) -> bool:
    """Whether the file's network is the one of `settings`."""
    width = model.input_types[0].shape[-1]
    same = tuple(model.layers) == settings.layers and str(model.dtype) == settings.dtype
    return same and width == len(settings.features)


def begin(
    content: bytes, settings: Settings, rows: Rows, model: Sequential | None = None
) -> tuple[Sequential, Settings, str]:
    """The model at the start of the run, the settings that say how it starts, and a note.

    Args:
        model: takes the place of the file's, whose equal it is; else one is made.

    Raises:
        ArgumentError: where the program wants the file's run to go on and it cannot.
    """
    assert settings.loaded is not None
    made = opened(content) if model is None else model
    resumes, note = settings.loaded.resumes, ""
    how = (settings.optimizer, settings.loss, settings.penalties)
    compiled = "anew" if settings.loaded.compiled == "anew" else _needed(settings, made)
    if compiled is not None:
        configure(made, *how, keeps=compiled == "rates")
    begun = None
    if resumes is not False and compiled != "anew":
        try:
            begun = _goes_on(content, settings, rows)
        except PellucidError as error:
            note = error.problem
    if resumes and begun is None:
        raise ArgumentError(
            "program", f"resume=True needs the run of the file, got another one: {note or compiled}"
        )
    if note:
        note = (
            f"The run of the file cannot go on here: {note}. Its weights, means and slots stay; "
            "epochs count anew."
        )
    loaded = Loaded(begun is not None, begun or 0, compiled)
    return made, dataclasses.replace(settings, loaded=loaded), note


def configure(
    model: Sequential,
    optimizer: Optimizer,
    loss: Loss,
    penalties: tuple[Regularizer, ...],
    *,
    keeps: bool,
) -> None:
    """Compiles the model.

    Args:
        keeps: whether slots and the state of the run stay.
    """
    if model.rates:
        raise ArgumentError(
            "playground",
            "the layers of this model have rates of their own, which the page does not change",
        )
    slots, training = model.slots, model.training
    model.compile(optimizer, loss, regularizer=penalties)
    if keeps:
        model.slots, model.training = slots, training


def _goes_on(content: bytes, settings: Settings, rows: Rows) -> int | None:
    """The epoch from which the file's run goes on; None: it has none.

    Raises:
        ArgumentError: where data, batch size or order are others.
    """
    model = opened(content)
    if "seed" not in model.training:
        return None
    begun = int(model.training["epoch"])
    x, y = rows.train
    options: dict[str, Any] = {"batch_size": settings.batch_size, "seed": settings.seed}
    options |= {"epochs": begun, "backend": "interpreter", "verbose": 0, "resume": True}
    model.fit(x, y, **options)
    return begun


def past(model: Sequential, begun: int) -> list[list[float]]:
    """The first `begun` epochs for the plot: number, mean loss of training, loss of test data."""
    curves, count = model.history.epochs, model.history.counts["epochs"]
    losses = curves.get("loss", [])
    if not begun or not losses:
        return []
    test = curves.get("val_loss", [float("nan")] * len(losses))
    share = count / len(losses)  # a long history holds every second epoch, then every fourth
    rows = [[round((i + 1) * share), losses[i], test[i]] for i in range(len(losses))]
    rows = [row for row in rows if row[0] <= begun]
    every = max(1, -(-len(rows) // _MOST_PAST))
    return rows[::-every][::-1]
