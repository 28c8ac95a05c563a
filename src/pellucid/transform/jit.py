"""`pel.jit`: a function traced once and then run as a graph, for any number of rows.

The graph is kept for each nesting and type of the arguments. What the function closes over is
watched: arrays are read at each call, and anything else that was rebound has it traced again.
"""

from __future__ import annotations

import functools
import sys
import sysconfig
import threading
import types as python_types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pellucid.core import shapes, trees
from pellucid.core.arguments import checked, choice
from pellucid.core.errors import ArgumentError, CompileError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import is_tracing
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform.trace import Traced, argument_names, arrays, leaf_type, trace

_DEEPEST = 4  # how far into functions, containers and instances rebinding is watched
_LIBRARIES = tuple(
    path
    for path in (sysconfig.get_paths().get(k) for k in ("stdlib", "purelib", "platlib"))
    if path
)


class _Entry(NamedTuple):
    traced: Traced
    program: Interpreter
    watched: tuple[tuple[Any, Any], ...]  # (how to read it, what it was)


class Jit:
    """A function and its graphs. Call it like the function."""

    def __init__(self, function: Callable[..., Any], batch: tuple[int, ...]):
        functools.update_wrapper(self, function)
        self.function, self.batch = function, batch
        self._entries: dict[Any, _Entry] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"jit({getattr(self.function, '__name__', self.function)!s})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_tracing():  # inside another transform the function is simply part of it
            return self.function(*args, **kwargs)
        entry, leaves = self._entry(args, kwargs)
        operands = entry.traced.operands(leaves)
        outputs = entry.program(arrays(operands, entry.traced.graph.input_types))
        return trees.unflatten(entry.traced.structure, outputs)

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph that a call with these arguments runs."""
        return self._entry(args, kwargs)[0].traced.graph

    def _entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[_Entry, list[Any]]:
        leaves, structure = trees.flatten((args, kwargs))
        types = self._types(args, leaves)
        key = (structure, tuple(types))
        entry = self._entries.get(key)
        if entry is None or any(_read(how) is not what for how, what in entry.watched):
            with self._lock:
                entry = self._trace(args, kwargs, types, structure)
                self._entries[key] = entry
        return entry, leaves

    def _types(self, args: tuple[Any, ...], leaves: Sequence[Any]) -> list[TensorType]:
        types = [leaf_type(leaf, "jit") for leaf in leaves]
        at = 0
        for number, arg in enumerate(args):
            count = trees.flatten(arg)[1].count
            if number in self.batch:
                types[at : at + count] = [_batched(type) for type in types[at : at + count]]
            at += count
        if self.batch and max(self.batch) >= len(args):
            raise ArgumentError(
                "jit", f"batch names argument {max(self.batch)}, got {len(args)} positional ones"
            )
        return types

    def _trace(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        types: Sequence[TensorType],
        structure: trees.Structure,
    ) -> _Entry:
        names = argument_names(self.function, len(args))
        wanted = [p for n, a in zip(names, args, strict=True) for p in trees.paths(a, n)]
        wanted += trees.paths(kwargs)
        watched = tuple(_watch(self.function))
        traced = trace(
            self.function, types, wanted, lambda values: trees.unflatten(structure, values)
        )
        return _Entry(traced, Interpreter(traced.graph), watched)


def _batched(type: TensorType) -> TensorType:
    if not type.shape:
        raise ShapeError("jit", "an argument of batch needs rows, got a scalar ()")
    return TensorType(type.dtype, (N, *type.shape[1:]))


@checked
def jit(
    function: Callable[..., Any],
    batch: int | Sequence[int] | None = None,
    backend: str | None = None,
) -> Jit:
    """Traces `function` once for each nesting and type of its arguments, and runs the graph.

    Args:
        function: of arrays, numbers and nested containers of them; returns the same.
        batch: positional arguments whose first axis is the batch N: one graph serves any number
            of rows. Two numbers of rows in one call are an error.
        backend: "interpreter" or None. "native" raises until the engine is there.

    Returns:
        A function that gives fresh NumPy arrays. Calls from several threads are safe.

    What the function closes over is never stale. Arrays are read anew at each call. Names, cells,
    containers and attributes that were rebound have the function traced again. A value that NumPy
    computes inside the function from closed-over arrays alone is computed once, when it is traced.

    Example:
        >>> double = jit(lambda x: x * 2, batch=0)
        >>> import numpy as np
        >>> double(np.ones(3)), double(np.ones(2))
        (array([2., 2., 2.]), array([2., 2.]))
    """
    if not callable(function):
        raise ArgumentError("jit", f"expected a function, got {type(function).__name__}")
    if backend is not None:
        choice("jit", "backend", backend, ("interpreter", "native"))
    if backend == "native":
        raise CompileError(
            "jit",
            "the native engine is not there yet",
            "Leave backend out: the interpreter runs it.",
        )
    several = () if batch is None else (batch,) if isinstance(batch, int) else tuple(batch)
    numbers = tuple(shapes.index("jit", "batch", number) for number in several)
    if any(number < 0 for number in numbers):
        raise ArgumentError("jit", f"batch must name positional arguments from 0, got {batch!r}")
    return Jit(function, numbers)


def _read(how: tuple[str, Any, Any]) -> Any:
    """What stands now in a watched place; the place is (kind, container, key)."""
    kind, container, key = how
    if kind == "cell":
        try:
            return container.cell_contents
        except ValueError:
            return _MISSING
    if kind == "item":
        try:
            return container[key]
        except (KeyError, IndexError):
            return _MISSING
    if kind == "length":
        return _small(len(container))
    return getattr(container, key, _MISSING)


_MISSING = object()


@functools.cache
def _small(n: int) -> Any:
    """One object for each number, so that lengths compare by identity like everything else."""
    return ("length", n)


def _watch(function: Any, depth: int = 0, seen: set[int] | None = None) -> Iterator[Any]:
    """Each place that `function` reads its surroundings from, and what stands there now."""
    seen = set() if seen is None else seen
    owner = getattr(function, "__self__", None)
    if owner is not None:
        yield from _attributes(owner, depth, seen)
    elif not hasattr(function, "__code__") and not isinstance(function, type):
        yield from _attributes(function, depth, seen)  # an instance that can be called
        function = getattr(type(function), "__call__", function)  # noqa: B004
    function = getattr(function, "__func__", function)
    inner = getattr(function, "__wrapped__", None)
    if inner is not None:
        yield from _watch(inner, depth, seen)
    code = getattr(function, "__code__", None)
    if code is None or id(function) in seen or depth > _DEEPEST or _is_library(code):
        return
    seen.add(id(function))
    places: list[tuple[str, Any, Any]] = []
    places += [("cell", cell, None) for cell in function.__closure__ or ()]
    places += [
        ("item", function.__globals__, name)
        for name in _names(code)
        if name in function.__globals__
    ]
    places += [("attribute", function, "__defaults__"), ("attribute", function, "__code__")]
    for place in places:
        yield from _follow(place, depth, seen)


def _names(code: python_types.CodeType) -> set[str]:
    """The global names that a function and the functions written inside it use."""
    found = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, python_types.CodeType):
            found |= _names(const)
    return found


def _follow(place: tuple[str, Any, Any], depth: int, seen: set[int]) -> Iterator[Any]:
    value = _read(place)
    yield place, value
    if depth >= _DEEPEST or id(value) in seen:
        return
    if isinstance(value, (dict, list, tuple)):
        if not isinstance(value, tuple):
            yield ("length", value, None), _small(len(value))
        if len(value) <= 256:
            seen.add(id(value))
            keys = list(value) if isinstance(value, dict) else range(len(value))
            for key in keys:
                yield from _follow(("item", value, key), depth + 1, seen)
    elif isinstance(value, (python_types.FunctionType, python_types.MethodType)):
        yield from _watch(value, depth + 1, seen)
    elif not isinstance(value, (type, python_types.ModuleType)):
        yield from _attributes(value, depth, seen)


def _attributes(value: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """The attributes of an instance of a class of the person's own."""
    module = sys.modules.get(type(value).__module__)
    home = getattr(module, "__file__", None) or ""
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or home.startswith(_LIBRARIES) or len(attributes) > 256:
        return
    seen.add(id(value))
    for name in list(attributes):
        yield from _follow(("item", attributes, name), depth + 1, seen)


def _is_library(code: python_types.CodeType) -> bool:
    return code.co_filename.startswith((*_LIBRARIES, "<frozen"))
