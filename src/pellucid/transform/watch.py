"""What a function reads beside its arguments, watched: so a trace of it is never stale.

In: a function. Out: `Surroundings`: each place that it, and the person's own functions and classes
it leads to, read from, and what stood there. Looking again costs a tenth of a microsecond a place.
So a class of ours names in `__pellucid_unwatched__` the attributes that no function depends on, or
whose changes another attribute tells.
"""

from __future__ import annotations

import builtins
import collections
import functools
import os
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pellucid.core.dtypes import DType
from pellucid.graph.node import Graph, Node, TensorType
from pellucid.ops.spec import REGISTRY
from pellucid.ops.value import Value
from pellucid.transform.custom import CustomOp
from pellucid.transform.libraries import in_library

_LIMIT = 4096  # places; what is larger is not watched, and is traced anew at each call
_MISSING = object()
_SAME = (int, str, bytes)  # compared by value; floats are not: 0.0 == -0.0
_ATOMS = (
    *(*_SAME, bool, float, complex, type(None), np.generic, np.dtype, Value),
    *(Graph, Node, TensorType, DType),  # they never change
)
_MAPPINGS = (dict, collections.UserDict, types.MappingProxyType, type(os.environ))
_SEQUENCES = (list, collections.deque, collections.UserList)
Place = tuple[Callable[[Any, Any], Any], Any, Any, Any]  # how to read, container, key, what it was


def _cell(cell: Any, key: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _item(container: Any, key: Any) -> Any:
    try:
        return container[key]
    except (KeyError, IndexError):
        return _MISSING


def _length(container: Any, key: Any) -> int:
    return len(container)


def _attribute(owner: Any, key: Any) -> Any:
    return getattr(owner, key, _MISSING)


def _entry(owner: Any, key: Any) -> Any:
    return vars(owner).get(key, _MISSING)


def _entries(owner: Any, key: Any) -> int:
    return len(vars(owner))


def _members(container: Any, kept: Any) -> Any:
    return kept if container == kept else _MISSING


def _differs(now: Any, what: Any) -> bool:
    return not (type(now) in _SAME and type(now) is type(what) and now == what)


class Surroundings:
    """Each place that a function reads from, and what stood there.

    Args:
        function: or a tuple of functions and objects with methods.
        known: objects that are not followed.

    Attributes:
        whole: whether all of it could be watched; if not, it always counts as changed.
        arrays: the NumPy arrays among it, whose elements are no places.
    """

    def __init__(self, function: Any, known: Iterable[Any] = ()):
        walk = _Walk(known)
        self.whole = walk.run(function)
        self.places: tuple[Place, ...] = tuple(walk.places)
        self.arrays: tuple[Any, ...] = tuple(walk.arrays)
        # Most are items that were there: those are read without a call.
        plain = [read is _item and what is not _MISSING for read, *_, what in self.places]
        pairs = list(zip(self.places, plain, strict=True))
        self._items = tuple(place[1:] for place, is_item in pairs if is_item)
        self._others = tuple(place for place, is_item in pairs if not is_item)

    def changed(self) -> bool:
        """Whether another thing stands in any of the places now."""
        for container, key, what in self._items:
            try:
                now = container[key]
            except (KeyError, IndexError):
                return True
            if now is not what and _differs(now, what):
                return True
        for read, container, key, what in self._others:
            now = read(container, key)
            if now is not what and _differs(now, what):
                return True
        return not self.whole

    def first_change(self) -> Place | None:
        """The first place where another thing stands now, for messages."""
        for place in self.places:
            read, container, key, what = place
            now = read(container, key)
            if now is not what and _differs(now, what):
                return place
        return None


class _Walk:
    """Follows a function to everything that it may read. Nothing recurses over depth."""

    def __init__(self, known: Iterable[Any]) -> None:
        self.places: list[Place] = []
        self.arrays: list[Any] = []
        self._names: set[str] = set()  # that any of the code mentions
        self._named: dict[int, tuple[Any, set[str]]] = {}  # read by name only: modules, libraries
        # Holds on to what it saw, so that an id stays its own.
        self._seen: dict[int, Any] = {id(one): one for one in known}
        self._next: list[Any] = []

    def run(self, function: Any) -> bool:
        self._next.append(function)
        while self._next:
            while self._next:
                if len(self.places) > _LIMIT:
                    return False
                value = self._next.pop()
                if id(value) not in self._seen and not isinstance(value, _ATOMS):
                    self._seen[id(value)] = value
                    self._visit(value)
            for owner, done in list(self._named.values()):
                self._by_name(owner, done)
        return True

    def _watch(self, read: Callable[[Any, Any], Any], container: Any, key: Any = None) -> None:
        what = read(container, key)
        self.places.append((read, container, key, what))
        self._next.append(what)

    def _visit(self, value: Any) -> None:
        if isinstance(value, np.ma.MaskedArray):
            if value is not np.ma.masked:  # a constant of NumPy's
                self.arrays += [np.ma.getdata(value), np.ma.getmaskarray(value)]
                self._watch(_attribute, value, "_mask")
        elif isinstance(value, np.ndarray):
            self.arrays.append(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, (types.MethodType, staticmethod, classmethod)):
            self._next += [getattr(value, "__self__", None), value.__func__]
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.ModuleType):
            self._named[id(value)] = (value, set())
        elif isinstance(value, functools.partial):
            self._next += [value.func, value.args, value.keywords]
        elif isinstance(value, (property, functools.cached_property)):
            self._next.append(value.fget if isinstance(value, property) else value.func)
        elif isinstance(value, CustomOp):
            self._watch(_item, REGISTRY, value.op.name)
        elif _is_library(value) and "__wrapped__" in getattr(value, "__dict__", ()):
            self._next.append(value.__wrapped__)  # pel.jit, functools.cache
        else:
            self._container(value)

    def _container(self, value: Any) -> None:
        if isinstance(value, _MAPPINGS):
            self._watch(_length, value)
            for key in list(value):
                self._watch(_item, value, key)
        elif isinstance(value, _SEQUENCES):
            self._watch(_length, value)
            for i in range(min(len(value), _LIMIT)):
                self._watch(_item, value, i)
        elif isinstance(value, (tuple, frozenset)):
            self._next += value
        elif isinstance(value, set):
            self._watch(_members, value, frozenset(value))
        self._instance(value)

    def _instance(self, value: Any) -> None:
        kind, attributes = type(value), getattr(value, "__dict__", None)
        bound = getattr(value, "__self__", None)  # the dict behind `get = settings.get`
        if bound is not None and not isinstance(bound, types.ModuleType):
            self._next.append(bound)
        ours = kind.__module__.startswith("pellucid.")
        if _is_library(kind) and not ours:
            if isinstance(attributes, dict):
                self._named[id(value)] = (value, set())
            return
        if isinstance(attributes, dict):
            self._watch(_length, attributes)
            left_out = getattr(kind, "__pellucid_unwatched__", ())
            for name in [name for name in attributes if name not in left_out]:
                self._watch(_item, attributes, name)
        for base in kind.__mro__:
            slots = vars(base).get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                hidden = slot.startswith("__") and not slot.endswith("__")
                name = f"_{base.__name__.lstrip('_')}{slot}" if hidden else slot
                if name not in ("__dict__", "__weakref__"):
                    self._watch(_attribute, value, name)
        self._next.append(kind)

    def _class(self, kind: type) -> None:
        """What the person's own classes hold, and their methods."""
        for base in kind.__mro__:
            if _is_library(base) or (base is not kind and id(base) in self._seen):
                continue
            self._seen[id(base)] = base
            self._watch(_entries, base)
            for name, value in list(vars(base).items()):
                special = name.startswith("__") and name.endswith("__")
                if not special or isinstance(value, types.FunctionType):
                    self._watch(_entry, base, name)

    def _function(self, function: types.FunctionType) -> None:
        for cell in function.__closure__ or ():
            self._watch(_cell, cell)
        self._next += vars(function).values()  # also what it wraps
        if in_library(function.__code__.co_filename):
            return
        names = _names(function.__code__)
        self._names |= names
        for name in names:
            if name in function.__globals__ or hasattr(builtins, name):
                self._watch(_item, function.__globals__, name)
            elif name in sys.modules and not _is_library(sys.modules[name]):
                self._next.append(sys.modules[name])  # imported inside
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            self._watch(_attribute, function, name)

    def _by_name(self, owner: Any, done: set[str]) -> None:
        """Of a module, or an object of a library, only what the code mentions."""
        held = vars(owner)
        fresh = self._names.intersection(held) - done
        done |= fresh
        for name in fresh:
            part = callable(held[name]) or isinstance(held[name], types.ModuleType)
            if not (part and _is_library(owner)):
                self._watch(_item, held, name)


def _names(code: types.CodeType) -> set[str]:
    """The names that a function and the functions written inside it use."""
    found = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            found |= _names(const)
    return found


def _is_library(owner: Any) -> bool:
    """Whether a module, a class or an object belongs to Python, a library or Pellucid itself."""
    module = owner
    if not isinstance(owner, types.ModuleType):
        kind = owner if isinstance(owner, type) else type(owner)
        module = sys.modules.get(kind.__module__)
    name = getattr(module, "__name__", "")
    file = getattr(module, "__file__", None) or ""
    return name.partition(".")[0] in sys.stdlib_module_names or in_library(file)
