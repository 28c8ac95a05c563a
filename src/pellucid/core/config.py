"""Records: frozen dataclasses of plain values that can be written down and read back as JSON.

Layers, initializers, losses, optimizers and schedules are records. In a file a record is
`{"type": "Dense", "units": 10, …}`; reading one runs its own checks and nothing else.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

from pellucid.core.arguments import checked
from pellucid.core.errors import DataError, nearest

C = TypeVar("C", bound=type)

_RECORDS: dict[str, type] = {}
_PLAIN = (str, int, float, bool, type(None))
_DEEPEST = 32


@dataclass_transform(frozen_default=True)
def record(cls: C) -> C:
    """A frozen dataclass whose constructor names unknown arguments, known to files by its name."""
    made: Any = dataclasses.dataclass(frozen=True, repr=False)(cls)
    made.__repr__ = _shown
    assert cls.__name__ not in _RECORDS, f"two records are called {cls.__name__}"
    made.__init__ = checked(_with_plain_numbers(made.__init__), cls.__name__)
    _RECORDS[cls.__name__] = made
    result: C = made
    return result


def _with_plain_numbers(init: Callable[..., None]) -> Callable[..., None]:
    """`init` with NumPy's numbers as Python's: `y.max() + 1` counts units, and a file holds it."""

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *map(_plain, args), **{name: _plain(value) for name, value in kwargs.items()})

    return wrapper


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def _shown(self: Any) -> str:
    """`Dense(units=10, activation='relu')`: what differs from the defaults."""
    parts = [
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if getattr(self, field.name) != field.default
    ]
    return f"{type(self).__name__}({', '.join(parts)})"


def is_record(value: object) -> bool:
    return _RECORDS.get(type(value).__name__) is type(value)


def to_config(value: Any, function: Callable[[Any], Any] | None = None) -> Any:
    """`value` as JSON. `function` writes down callables.

    Raises:
        DataError: for a value that a file cannot hold.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"type": "float", "value": repr(value)}
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [to_config(item, function) for item in value]
    if is_record(value):
        fields = {
            field.name: to_config(getattr(value, field.name), function)
            for field in dataclasses.fields(value)
            if field.init and getattr(value, field.name) != field.default
        }
        return {"type": type(value).__name__, **fields}
    if callable(value) and function is not None:
        return function(value)
    raise DataError(
        "save",
        f"expected plain values and Pellucid's own layers, got {value!r}",
        "A class of your own cannot be written to a file that loads without running code.",
    )


def from_config(
    config: Any,
    function: Callable[[Mapping[str, Any]], Any] | None = None,
    depth: int = 0,
) -> Any:
    """The value that `to_config` wrote. `function` reads back callables.

    Raises:
        DataError: for an unknown type or field.
        PellucidError: where the record's own checks refuse a value.
    """
    if depth > _DEEPEST:
        raise DataError("load", f"expected at most {_DEEPEST} nested records, got more")
    if isinstance(config, _PLAIN):
        return config
    if isinstance(config, list):
        return tuple(from_config(item, function, depth + 1) for item in config)
    if not isinstance(config, Mapping) or "type" not in config:
        raise DataError("load", f"expected a record with a type, got {str(config)[:60]!r}")
    name = config["type"]
    if name == "float":
        return float(config.get("value", "nan"))
    if name == "function" and function is not None:
        return function(config)
    if name not in _RECORDS:
        raise DataError("load", f"unknown type {name!r}", nearest(name, _RECORDS))
    fields = {
        key: from_config(value, function, depth + 1)
        for key, value in config.items()
        if key != "type"
    }
    return _RECORDS[name](**fields)
