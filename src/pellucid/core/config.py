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
from pellucid.core.errors import ArgumentError, DataError, PellucidError, nearest
from pellucid.core.names import unknown_attribute

C = TypeVar("C", bound=type)
T = TypeVar("T")

_RECORDS: dict[str, type] = {}
_PLAIN = (str, int, float, bool, type(None))
_MAX_DEPTH = 32
_NOT_FINITE = ("nan", "inf", "-inf")


@dataclass_transform(frozen_default=True)
def record(cls: C) -> C:
    """A frozen dataclass whose constructor names unknown arguments, known to files by its name.

    Its attribute `elsewhere` says what arguments of other libraries mean here.
    """
    made: Any = dataclasses.dataclass(frozen=True, repr=False)(cls)
    made.__repr__ = _shown
    made.__setattr__ = _fixed(made.__setattr__)
    made.__getattr__ = unknown_attribute
    # An import that Ctrl-C ended runs the module again.
    module = getattr(_RECORDS.get(cls.__name__), "__module__", cls.__module__)
    assert module == cls.__module__, f"two records are called {cls.__name__}"
    elsewhere = getattr(cls, "elsewhere", None)
    made.__init__ = checked(_with_plain_numbers(made.__init__), cls.__name__, elsewhere)
    _RECORDS[cls.__name__] = made
    result: C = made
    return result


def _fixed(assign: Callable[..., None]) -> Callable[..., None]:
    """`assign` of a frozen dataclass, with our error where it refuses."""

    @functools.wraps(assign)
    def wrapper(self: Any, name: str, value: Any) -> None:
        try:
            assign(self, name, value)
        except dataclasses.FrozenInstanceError:
            kind = type(self).__name__
            own = [field.name for field in dataclasses.fields(self)]
            hint = nearest(name, own, getattr(self, "elsewhere", None))
            if name in own:
                hint = f"Make a new one: {kind}({name}=…)."
            problem = f"its {name} cannot be set: it is fixed when it is made, got {value!r}"
            raise ArgumentError(kind, problem, hint) from None

    return wrapper


def _with_plain_numbers(init: Callable[..., None]) -> Callable[..., None]:
    """`init` with NumPy's numbers as Python's: `y.max() + 1` counts units, and a file holds it."""

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        init(
            self,
            *[_plain(one) for one in args],
            **{name: _plain(value) for name, value in kwargs.items()},
        )

    return wrapper


def _plain(value: Any, depth: int = 0) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        if depth > _MAX_DEPTH:
            raise ArgumentError("record", f"lists must nest at most {_MAX_DEPTH} deep, got more")
        return type(value)(_plain(item, depth + 1) for item in value)
    if is_record(value):
        return value
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


def map_functions(value: T, change: Callable[[Any], Any]) -> T:
    """`value` with `change(f)` for each function f that its records hold; itself without any."""
    result: Any = value
    if isinstance(value, (list, tuple)):
        items = [map_functions(item, change) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            result = type(value)(items)
    elif is_record(value):
        made: Any = value
        old = {field.name: getattr(value, field.name) for field in dataclasses.fields(made)}
        new = {name: map_functions(item, change) for name, item in old.items()}
        different = {name: item for name, item in new.items() if item is not old[name]}
        if different:
            result = dataclasses.replace(made, **different)
    elif callable(value) and not isinstance(value, type):
        result = change(value)
    return result  # type: ignore[no-any-return]


def to_config(
    value: Any, function: Callable[[Any], Any] | None = None, where: str = "", depth: int = 0
) -> Any:
    """`value` as JSON. `function` writes down callables.

    Args:
        where: how messages name the value: `learning_rate of SGD`.

    Raises:
        DataError: for a value that a file cannot hold, or that would not be read again.
    """
    if depth > _MAX_DEPTH:
        raise DataError("save", f"{where} must nest at most {_MAX_DEPTH} deep, got more")
    if isinstance(value, float) and not math.isfinite(value):
        return {"type": "float", "value": repr(value)}
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [to_config(item, function, where, depth + 1) for item in value]
    if is_record(value):
        kind = type(value).__name__
        fields = {
            field.name: to_config(
                getattr(value, field.name), function, f"{field.name} of {kind}", depth + 1
            )
            for field in dataclasses.fields(value)
            if field.init and getattr(value, field.name) != field.default
        }
        return {"type": kind, **fields}
    if callable(value) and function is not None:
        return function(value)
    own = type(value).__name__
    raise DataError(
        "save",
        f"{where or 'a part of the model'} must be plain values and Pellucid's own classes, got "
        f"{value!r}",
        f"A file that loads without running code cannot hold {own}. Keep the weights alone: "
        "np.savez(path, *model.get_weights()).",
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
    if depth > _MAX_DEPTH:
        raise DataError("load", f"expected at most {_MAX_DEPTH} nested records, got more")
    if isinstance(config, _PLAIN):
        return config
    if isinstance(config, list):
        return tuple(from_config(item, function, depth + 1) for item in config)
    if not isinstance(config, Mapping) or not isinstance(config.get("type"), str):
        raise DataError("load", f"expected a record with a type, got a {type(config).__name__}")
    name = config["type"]
    if name == "float":
        if config.get("value") not in _NOT_FINITE:
            raise DataError("load", f"a float must be one of {', '.join(_NOT_FINITE)}")
        return float(config["value"])
    if name == "function" and function is not None:
        return function(config)
    if name not in _RECORDS:
        raise DataError("load", f"unknown type {name!r}", nearest(name, _RECORDS))
    fields = {
        key: from_config(value, function, depth + 1)
        for key, value in config.items()
        if key != "type"
    }
    try:
        return _RECORDS[name](**fields)
    except PellucidError:
        raise
    except Exception as error:  # values of any kind come out of a changed file
        raise DataError(
            "load", f"{name} cannot be made of these values: {type(error).__name__} {error}"
        ) from None
