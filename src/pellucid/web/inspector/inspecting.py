"""`pel.inspect`: what is looked at, the thread that owns it and the server, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError, DataError
from pellucid.data.streams import is_stream
from pellucid.inspector.moment import of_function
from pellucid.inspector.travel import Travel
from pellucid.models import Model
from pellucid.optim import BatchSize
from pellucid.train.callback import Callback
from pellucid.transform.explainable import Explainable, called, function_call
from pellucid.viz import svg
from pellucid.viz.svg import shortened
from pellucid.web.inspector.inspection import INSPECTION, Inspection
from pellucid.web.server import FIRST, GONE, Site, files, served
from pellucid.web.serving import Serving
from pellucid.web.sources import Own, from_csv

_SHARED = "/state.js", "/style.css"  # of the playground's page


def site() -> Site:
    """The files and commands of the inspector's page."""
    own = files(Path(__file__).parent / "static") | {path: files()[path] for path in _SHARED}
    pictures = served(".css", svg.style().encode())
    return Site("inspect", {**own, "/pictures.css": pictures}, INSPECTION)


@checked
def inspect(
    target: Callable[..., Any] | Explainable,
    *args: Any,
    batch_size: int | str | BatchSize | None = None,
    epochs: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    shuffle: bool | None = None,
    callbacks: Callback | Sequence[Callback] | None = None,
    validation_data: Any = None,
    seed: int | None = None,
    backend: str | None = None,
    browser: bool = True,
    wait: bool = True,
) -> Serving:
    """Opens the inspector in the browser: every number of a function or of a training run.

    - `inspect(model, x, y)` shows the run that `model.fit(x, y)` would make with these options,
      from the weights that the model has now: any step, node by node, forward and backward. The
      model is not trained.
    - `inspect(model, x)`, `inspect(f, *args)`: a prediction, or a function at its arguments, with
      the gradient of its float arguments where it returns one float.

    The page is served to this machine alone.

    Args:
        target: a function of arrays, or a model; with x and y a compiled one.
        args: the arguments of the function, or the data of the model.
        batch_size, epochs, sample_weight, class_weight, shuffle, seed, backend: of the run, as in
            `fit`; 1 epoch and seed 0 unless given.
        callbacks, validation_data: as in `fit`. With callbacks the run is made once, whole, before
            the page opens: the rates that they set and the step where they end it are the run's.
        browser: whether to open a browser; the address is printed in any case.
        wait: whether to return only when the page is closed.

    Returns:
        The page: its `address`, and `close()`.

    Raises:
        MissingPackageError: without the package websockets.
        ArgumentError: for arguments that the target does not take.
    """
    flag("inspect", "browser", browser)
    flag("inspect", "wait", wait)
    run = {
        **{"batch_size": batch_size, "epochs": epochs, "sample_weight": sample_weight},
        **{"class_weight": class_weight, "shuffle": shuffle, "callbacks": callbacks},
        **{"validation_data": validation_data, "seed": seed, "backend": backend},
    }
    made = Serving(lambda: looked_at(target, args, run), (FIRST, GONE), site())
    made.open("The inspector", browser, wait)
    return made


def looked_at(target: Any, args: tuple[Any, ...], run: dict[str, Any]) -> Inspection:
    """What the page shows of a target."""
    given = {name: value for name, value in run.items() if value is not None}
    if isinstance(target, Model) and (len(args) == 2 or (len(args) == 1 and is_stream(args[0]))):
        args = (*args, None)[:2]
        name = target.name or type(target).__name__
        return Inspection(Travel(target, *args, **given), name)
    if given:
        name, value = next(iter(given.items()))
        raise ArgumentError(
            "inspect",
            f"{name} is of a training run, which needs a model with x and y, got "
            f"{shortened(repr(value), 60)}",
            "Write pel.inspect(model, x, y), or leave it out.",
        )
    call = function_call("inspect", target, args)
    title = target.name or type(target).__name__ if isinstance(target, Model) else called(target)
    return Inspection(of_function(call), title)


def rows_of_file(path: Path) -> Own:
    """A table of numbers: the target is the column y, target, label or class, else the last.

    Raises:
        DataError: where it cannot be read or used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError("inspect", f"the table cannot be read: {path}: {why}") from None
    return from_csv(text)
