"""Advice followed: the playground, its points and formulas. See advice_cases.py."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pel
from pellucid import nn
from pellucid.web.commands import COMMANDS
from pellucid.web.machine import Machine
from pellucid.web.playing import _session
from pellucid.web.session import Session
from pellucid.web.settings import Loaded, Stop
from pellucid.web.sources import from_arrays, from_csv
from pellucid.web.watching import Attached
from tests.advice_cases import Followed

X = np.random.default_rng(0).normal(size=(12, 2))
Y = np.arange(12) % 2


def compiled(model: pel.Sequential) -> pel.Sequential:
    model.compile("sgd", "binary_cross_entropy")
    return model


def linear() -> pel.Sequential:
    return pel.Sequential([nn.Dense(1)], seed=0)


def loaded(folder: Path, session: Session) -> None:
    """A model of two features, loaded into a session."""
    model = compiled(linear())
    model.build((2,))
    model.save(folder / "model.safetensors", overwrite=True)
    content = base64.b64encode((folder / "model.safetensors").read_bytes()).decode()
    COMMANDS["load"].run(session, {"content": content, "more": False})


def with_features(*names: str) -> Session:
    session = Session()
    session.change({"features": names})
    return session


def ruled(before: bool) -> None:
    """A stop rule for a run that has begun, and for one that has not."""
    session = Session()
    session.step(1)
    if before:
        session.rewind()
    session.change({"stop": None, "batch_size": session.settings.batch_size})
    session.change({"stop": Stop("below", "loss", 0.1)})


def own_rows(given: bool) -> None:
    session = Session()
    if given:
        session.set_own(from_csv("a,b,y\n1,2,0\n2,3,1\n3,1,0\n4,5,1\n5,2,0\n6,1,1\n"))
    session.change({"data": "own"})


def as_machine(**chosen: Any) -> Session:
    """The page in the mode of support vector machines."""
    session = Session()
    session.change({"svm": Machine(**chosen)})
    return session


def of_values(choose: bool) -> None:
    session = Session()
    session.change({"data": "circle" if choose else "plane"})
    session.change({"svm": Machine()})


def of_many(fewer: bool) -> None:
    session = Session()
    session.change({"rows": 1_000 if fewer else 20_000})
    session.change({"svm": Machine()})


def hard(command: str) -> None:
    """A command on the widest hyperplane between two clouds."""
    session = Session()
    session.change({"data": "gauss"})
    session.change({"svm": Machine(kernel="linear", hard=True)})
    COMMANDS[command].run(session, {})


def beside(name: str, value: Any) -> None:
    Session().compare({name: value})


def opened_with(folder: Path, file: bool) -> None:
    """A page whose network stands in a file, with that file or without."""
    session = Session()
    if file:
        loaded(folder, session)
    session.open(dataclasses.replace(session.settings, loaded=Loaded()))


def refused_by_a_run(_: Path) -> Any:
    return Attached.refused(Attached.__new__(Attached))


def opened(_: Path) -> Session:
    return _session(compiled(linear()), X, Y, 0.2, None)


DAYS = "1,2,1,2024-01-01\n2,3,5,2024-01-02\n3,1,2,2024-01-05\n1,1,4,2024-03-01"

FOLLOWED = [
    Followed(
        "Columns are x1 to x2; functions are sin, cos, tan, exp, log, sqrt, tanh, abs, sign, min, "
        "max.",
        lambda p: pel.data.points("x1.real > 0"),
        lambda p: pel.data.points("x1 > sin(x2)"),
    ),
    Followed(
        "Write features(x, ['x1', 'x2']).",
        lambda p: pel.data.features(X, "x1"),
        lambda p: pel.data.features(X, ["x1", "x2"]),
    ),
    Followed(
        "Choose its features and its data first.",
        lambda p: loaded(p, with_features("x1", "x2", "sin(x1)")),
        lambda p: loaded(p, with_features("x1", "sin(x1)")),
    ),
    Followed(
        "Load one first.",
        lambda p: opened_with(p, file=False),
        lambda p: opened_with(p, file=True),
    ),
    Followed("Export the program.", lambda p: hard("save"), lambda p: hard("export")),
    Followed(
        "Raise C: where no coefficient is at C, the margin is the hard one.",
        lambda p: as_machine(kernel="rbf", hard=True),
        lambda p: as_machine(kernel="rbf", C=1e6),
    ),
    Followed(
        "Choose points with classes, such as circle.",
        lambda p: of_values(choose=False),
        lambda p: of_values(choose=True),
    ),
    Followed(
        "Choose fewer points, or a smaller share of training data.",
        lambda p: of_many(fewer=False),
        lambda p: of_many(fewer=True),
    ),
    Followed(
        "They can differ in optimizer, layers, penalties, loss, batch_size, features, seed, dtype.",
        lambda p: beside("rows", 100),
        lambda p: beside("batch_size", 20),
    ),
    Followed("Call compile first.", lambda p: _session(linear(), X, Y, 0.2, None), opened),
    Followed(
        "Write play(model, x, y).",
        lambda p: _session(compiled(linear()), X, None, 0.2, None),
        opened,
    ),
    Followed("Give a Sequential.", lambda p: _session(None, X, Y, 0.2, None), opened),
    Followed("Rewind first.", lambda p: ruled(before=False), lambda p: ruled(before=True)),
    Followed(
        "Drop a table first.", lambda p: own_rows(given=False), lambda p: own_rows(given=True)
    ),
    Followed(
        "Flatten the columns of x: x.reshape(len(x), -1).",
        lambda p: from_arrays(X.reshape(12, 2, 1), Y, nn.Squared()),
        lambda p: from_arrays(X.reshape(12, 2, 1).reshape(12, -1), Y, nn.Squared()),
    ),
    Followed(
        "Call the column that is predicted y.",
        lambda p: from_csv(f"a,b,c,day\n{DAYS}"),
        lambda p: from_csv(f"y,b,c,day\n{DAYS}"),
    ),
    Followed(
        "To change its network or data, open it with pel.play(model, x, y).",
        refused_by_a_run,
        opened,
    ),
]  # fmt: skip

BY_NATURE: dict[str, str] = {}
