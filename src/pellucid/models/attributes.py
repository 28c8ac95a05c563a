"""What may be set on a model, and what attributes of other libraries are called here.

In: a model, a name and a value. Out: nothing, or an error that says what to do instead.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pellucid.core.errors import ArgumentError, UnknownNameError, nearest
from pellucid.models import elsewhere
from pellucid.models.base import BaseModel
from pellucid.models.ports import Ports
from pellucid.train.history import History

_RECORDS = {"training": dict, "kept": dict, "columns": list, "history": History}  # of runs
_SET_BY = {
    **dict.fromkeys(
        ("optimizer", "loss", "metrics", "regularizers", "rates", "compiled"),
        "Give it to compile: compile(optimizer, loss, metrics).",
    ),
    "weights": "Write model.set_weights({'dense_1.W': array}).",
}
_FIXED = ("seed", "dtype", "name", "architecture", "programs")  # what is made of them stays
_ATTRIBUTES = {
    *vars(BaseModel(0, "float32", None, Ports(("input",)))),
    *(name for name, value in vars(BaseModel).items() if getattr(value, "fset", None)),
}
_PUBLIC = sorted(name for name in _ATTRIBUTES if not name.startswith("_"))


def check(model: BaseModel, name: str, value: Any) -> None:
    """Refuses to set what is fixed, what follows from others, and what nothing reads.

    Attributes of a class of a person's own may have any name that means nothing elsewhere.

    Raises:
        ArgumentError: with what to do instead.
    """
    if name in _ATTRIBUTES and name not in _FIXED and name not in _RECORDS:
        return
    kind = type(model)
    if name in _FIXED and name in vars(model):
        raise ArgumentError(
            kind.__name__,
            f"the {name} of a model is fixed when it is made, got {value!r}",
            f"Make a new model with {name}=."
            if name in ("seed", "dtype", "name")
            else "Make a new model.",
        )
    if name in _RECORDS and not isinstance(value, _RECORDS[name]):
        raise ArgumentError(
            kind.__name__,
            f"the {name} of a model is a record of its run, a {_RECORDS[name].__name__}, got "
            f"{value!r}",
            "To forget a run, call compile again.",
        )
    found = getattr(kind, name, None)
    if isinstance(found, property) and found.fset is None:
        raise ArgumentError(
            kind.__name__,
            f"the {name} of a model cannot be set: it follows from others, got {value!r}",
            _SET_BY.get(name, "Make a new model."),
        )
    ours = kind.__module__.startswith(__name__.partition(".")[0] + ".")
    if name in elsewhere.ATTRIBUTES or (
        ours and not name.startswith("_") and name not in _ATTRIBUTES
    ):
        raise ArgumentError(
            kind.__name__,
            f"a model has no attribute '{name}' to set",
            nearest(name, _PUBLIC, elsewhere.ATTRIBUTES),
        )


def unknown(model: BaseModel, name: str) -> NoReturn:
    """Raises the error of a name that a model does not have."""
    if name.startswith("_"):  # protocols of others, asked for again and again
        raise AttributeError(name)
    kind = type(model)
    known = [one for one in dir(kind) if not one.startswith("_")]
    raise UnknownNameError(
        kind.__name__, f"a model has no attribute '{name}'", nearest(name, known, elsewhere.READ)
    )
