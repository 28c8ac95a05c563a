"""`pel.lesson`: a model, its data and its training as one HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.core.arguments import checked, choice, integer
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, nearest
from pellucid.core.files import check_target, write_atomically
from pellucid.models.base import BaseModel
from pellucid.models.data import Data
from pellucid.web.lesson import view
from pellucid.web.lesson.page import html
from pellucid.web.lesson.question import Question, as_text
from pellucid.web.lesson.training import MOST_EPOCHS, Options, training
from pellucid.web.lesson.words import ENGLISH, KNOWN

PARTS = ("curves", "epoch", "network", "plane", "rate", "reset", "speed", "step")


@checked
def lesson(
    model: BaseModel,
    x: Any,
    y: Any,
    path: str | Path,
    *,
    title: str = "",
    text: str = "",
    questions: Sequence[Question] = (),
    hide: Sequence[str] = (),
    language: str = "en",
    words: Mapping[str, str] | None = None,
    batch_size: int | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    validation_data: Sequence[Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes one HTML file in which the model trains, without a server, a network or Python.

    The page holds the training step of this model as WebAssembly, made by the code generation that
    `fit` uses. It begins with the model's weights and slots as they are now. After n epochs its
    weights have the same bits as those of `model.fit(x, y, epochs=n, batch_size=…, seed=…)`. The
    model itself stays as it is.

    A model of two features and one output is shown as a heat map over the plane; dense layers of up
    to 16 units as a diagram; each model with its curves of loss and metrics.

    Args:
        model: compiled, in float32.
        x, y: as for `fit`. They stand in the file.
        path: of the file; its name ends in .html.
        title: of the page; "" is its name.
        text: paragraphs above it, plain text, with an empty line between two.
        questions: below it, each with an answer that the page checks.
        hide: controls and pictures to leave out: "curves", "epoch", "network", "plane", "rate",
            "reset", "speed", "step".
        language: of the text, as a tag such as "en" or "pt-BR". English ("en") and German ("de")
            bring the page's own words; for another language give all of them in `words`.
        words: {name: text} of the page's own words to change.
            `pellucid.web.lesson.words.ENGLISH` has all names; those of metrics may stand there too.
        batch_size: rows a step, or "all"; None is 32.
        epochs: after how many the training ends; None: never. Needed with a schedule, as the file
            holds the rate of each step.
        seed: owns the order of the rows and dropout.
        validation_data: (x, y) measured after each epoch.
        overwrite: whether an existing file is replaced.

    Returns:
        The path.

    Raises:
        ArgumentError: for a model that no page can train: float64, LBFGS and its like, metrics of
            whole data sets.
        CompileError: for an operation that has no code in a browser.
        DataError, ShapeError: for data that `fit` would refuse.
    """
    target = check_target(path, overwrite)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(
            "lesson",
            f"the name must end in .html, got {target.name!r}",
            f"Write {target.with_suffix('.html').name}: a browser does not run other files.",
        )
    if not isinstance(model, BaseModel):
        raise ArgumentError(
            "lesson", f"model must be a Sequential or a Model, got {model!r}", "Make one first."
        )
    _check_page(title, text, questions, hide)
    if epochs is not None:
        integer("lesson", "epochs", epochs, 1, MOST_EPOCHS)
    data = Data.of(model, x, y, "lesson").dense(model, "lesson")
    own = _words(language, words, model.task(data.types).step_measures)
    options = Options(
        batch_size, epochs, check_seed("lesson", seed), _validation(model, validation_data)
    )
    plane = "plane" not in hide and view.has_plane(model)
    trained = training(model, data, options, plane)
    shape = data.features[0].shape[1:]
    names = view.feature_names(model, x, shape[0]) if len(shape) == 1 else []
    page = {
        "plan": trained.plan,
        "plane": view.plane(model, data, names) if plane else None,
        "network": None if "network" in hide else view.network(model, trained.weights, names),
        "hide": sorted(hide),
        "questions": [one.plain() for one in questions],
        "words": own,
        "language": language,
    }
    made = html(title or target.stem, text, language, own, page)
    write_atomically(target, made.encode(), overwrite=overwrite)
    return target


def _check_page(title: Any, told: Any, questions: Any, hide: Any) -> None:
    as_text("lesson", "title", title)
    as_text("lesson", "text", told)
    if not isinstance(questions, (list, tuple)) or not all(
        isinstance(one, Question) for one in questions
    ):
        raise ArgumentError(
            "lesson",
            f"questions must be a list of Questions, got {questions!r}",
            'Write [pel.Question("How many classes?", 3)].',
        )
    if not isinstance(hide, (list, tuple, set, frozenset)):
        raise ArgumentError(
            "lesson", f"hide must be a list of names, got {hide!r}", 'Write hide=["rate"].'
        )
    for one in hide:
        choice("lesson", "part of hide", one, PARTS)


def _words(language: Any, words: Any, measures: Sequence[str]) -> dict[str, str]:
    """The page's own words; those of `measures` are their names where none are given."""
    as_text("lesson", "language", language, least=1)
    if not re.fullmatch("[A-Za-z]{2,8}(-[A-Za-z0-9]{2,8})*", language):
        raise ArgumentError(
            "lesson", f"language must be a tag such as 'en' or 'pt-BR', got {language!r}"
        )
    given = {} if words is None else words
    if not isinstance(given, Mapping):
        raise ArgumentError("lesson", f"words must be {{name: text}}, got {words!r}")
    for name, own in given.items():
        if name not in ENGLISH and name not in measures:
            hint = nearest(name, [*ENGLISH, *measures])
            raise ArgumentError("lesson", f"unknown name {name!r} in words", hint)
        as_text("lesson", f"words[{name!r}]", own, least=1)
    base = KNOWN.get(language.split("-")[0].lower(), {})
    missing = [name for name in ENGLISH if name not in base and name not in given]
    if missing:
        raise ArgumentError(
            "lesson",
            f"words must hold all {len(ENGLISH)} words of the page in the language {language!r}, "
            f"got none for {', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}",
            "Give them: `from pellucid.web.lesson.words import ENGLISH` shows all. Or write "
            "language='en'.",
        )
    return {**base, **given}


def _validation(model: BaseModel, given: Any) -> Data | None:
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ArgumentError("lesson", "validation_data must be (x, y), got something else")
    x, y = given
    return Data.of(model, x, y, "validation_data", name="y of validation_data")
