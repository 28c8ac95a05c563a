"""What is a record stays as it was made: the dataclasses of every room are frozen.

Layers, losses and optimizers are shared by models, kept in caches and written to files; what could
be changed afterwards would change there too. What a run counts on is named below.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import pellucid
from pellucid.core.errors import ArgumentError

ROOMS = ("core", "data", "optim", "nn", "train", "models", "transform")
CHANGING = {"RunState", "Settings", "Programs"}  # what a run counts on, and what it keeps


def records() -> Iterator[type]:
    for room in ROOMS:
        package = f"pellucid.{room}"
        for found in pkgutil.walk_packages([f"{pellucid.__path__[0]}/{room}"], f"{package}."):
            module = importlib.import_module(found.name)
            for kind in vars(module).values():
                own = inspect.isclass(kind) and kind.__module__ == module.__name__
                if own and dataclasses.is_dataclass(kind):
                    yield kind


RECORDS = list(records())


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_record_is_frozen(kind):
    made = object.__new__(kind)
    names = [field.name for field in dataclasses.fields(kind)] or ["anything"]
    if kind.__name__ in CHANGING:
        setattr(made, names[0], 1)
        return
    for name in names:
        with pytest.raises((dataclasses.FrozenInstanceError, ArgumentError)):
            setattr(made, name, 1)


def test_there_are_records_in_every_room():
    assert len(RECORDS) > 90
    assert {kind.__module__.split(".")[1] for kind in RECORDS} == set(ROOMS)
