"""`pel.jit`: a function traced once and then run as a graph, for any number of rows.

The graph is kept for each nesting and type of the arguments. What the function closes over is
watched: arrays are read at each call, and anything else that was rebound has it traced again.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.core import forks, shapes, trees
from pellucid.core.arguments import checked
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import N
from pellucid.graph.node import Graph, TensorType
from pellucid.ops.value import is_tracing, weakness_of
from pellucid.runtime.backend import check_backend, executor
from pellucid.runtime.executor import Executable
from pellucid.runtime.threads import check as check_threads
from pellucid.transform.callkey import call_key
from pellucid.transform.contents import Contents, contents, differ
from pellucid.transform.custom import in_rows
from pellucid.transform.donation import check_donated, check_no_tensor, donated
from pellucid.transform.tensor import remembered
from pellucid.transform.trace import Traced, argument_names, arrays, check_sizes, leaf_type, trace
from pellucid.transform.watch import Surroundings

GRAPHS_KEPT = 256  # of one jitted function; the one not used for longest makes room
_FAST_KEPT = 256  # keys of calls that skip the checks of a first one


class _Entry(NamedTuple):
    traced: Traced
    program: Executable
    state: tuple[tuple[int, int], ...]  # (leaf, result) pairs: arguments that are written over
    surroundings: Surroundings
    contents: Contents  # of arrays that an operation took only where NumPy computed from one
    used: list[int]  # when it was used last: one number, counted up

    def changed(self) -> bool:
        return self.surroundings.changed() or differ(self.contents)


class _Fast(NamedTuple):
    """What serves calls of one key."""

    entry: _Entry
    captures: list[Any]
    repeat: Callable[[list[Any]], list[Any] | None] | None


def _snapshot(
    traced: Traced,
    program: Executable,
    state: tuple[tuple[int, int], ...],
    around: Surroundings,
    used: list[int],
) -> _Entry:
    """A trace as things stand now, with the arrays whose numbers may stand in it."""
    held = contents(around, traced.captures, traced.scalars, bound=True)
    return _Entry(traced, program, state, around, held, used)


def _plain_arrays(captures: Sequence[Any]) -> list[Any] | None:
    """The captures, if all are plain arrays; None where one must be looked at in each call."""
    plain = all(type(item) is np.ndarray and item.dtype.isnative for item in captures)
    return list(captures) if plain else None


class CacheInfo(NamedTuple):
    """How many graphs a jitted function keeps, and how often it was traced."""

    graphs: int
    traces: int


class Jit:
    """A function and its graphs. Call it like the function."""

    def __init__(
        self,
        function: Callable[..., Any],
        batch: tuple[int, ...],
        donate: tuple[int, ...] = (),
        backend: str | None = None,
        threads: int | None = None,
        device: str | None = None,
        precision: str | None = None,
    ):
        functools.update_wrapper(self, function)
        self.function, self.batch, self.donate = function, batch, donate
        self.backend = check_backend("jit", backend, device, precision)
        self.threads = check_threads("jit", threads)
        self._entries: dict[Any, _Entry] = {}
        self._fast: dict[Any, _Fast] = {}  # by the keys of calls
        self._traces = 0
        self._clock = itertools.count(1)
        self._lock = forks.Lock()

    def __repr__(self) -> str:
        return f"jit({getattr(self.function, '__name__', self.function)!s})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_tracing():  # inside another transform the function is simply part of it
            return self.function(*args, **kwargs)
        found: list[Any] = []
        parts: list[Any] = []
        plain = call_key(args, found, parts) and (not kwargs or call_key((kwargs,), found, parts))
        key = tuple(parts) if plain else None
        fast = self._fast.get(key) if plain else None
        if fast is not None and not fast.entry.changed():
            entry, given = fast.entry, [*found, *fast.captures]
            if entry.state:
                check_donated(entry.traced.graph, entry.state, given, len(found))
            outputs = None if fast.repeat is None else fast.repeat(given)
            if outputs is None:
                outputs = self._run(entry, given)
        else:
            entry, leaves = self._entry(args, kwargs)
            entry.used[0] = next(self._clock)  # a trace forgets the fast calls, so all come by here
            operands = entry.traced.operands(leaves)
            given = arrays(operands, entry.traced.graph.input_types)
            if entry.state:
                written = {leaf: operands[leaf] for leaf, _ in entry.state}
                seen = [written.get(n, array) for n, array in enumerate(given)]
                check_donated(entry.traced.graph, entry.state, seen, len(leaves))
                check_no_tensor(operands)
            outputs = remembered(entry.traced.graph, operands, given, self._run(entry, given))
            if plain and all(array.dtype.isnative for array in found):
                self._remember(key, entry, found)
        if entry.traced.structure.kind is None:
            return outputs[0]
        return trees.unflatten(entry.traced.structure, outputs)

    def _run(self, entry: _Entry, given: list[Any]) -> list[Any]:
        return entry.program(given, self.threads, in_place=True)

    def _remember(self, key: Any, entry: _Entry, found: list[Any]) -> None:
        """Lets the next call with this key skip what was looked at in this one."""
        captures = _plain_arrays(entry.traced.captures)
        if captures is None:
            return
        if len(self._fast) >= _FAST_KEPT:
            self._fast = {}
        repeat = entry.program.repeat([*found, *captures], self.threads)
        self._fast[key] = _Fast(entry, captures, repeat)

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph that a call with these arguments runs."""
        return self._entry(args, kwargs)[0].traced.graph

    def cache_info(self) -> CacheInfo:
        """How many graphs are kept, at most 256, and how often the function was traced."""
        return CacheInfo(len(self._entries), self._traces)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A method would have its object as an argument, which is no array."""
        if instance is None:
            return self
        name = getattr(self.function, "__name__", "f")
        raise ArgumentError(
            "jit",
            f"expected a function, got the method {name} of {type(instance).__name__}",
            f"Write self.{name} = pel.jit(self.{name}) in __init__, under another name.",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies trace for themselves.
        name, *rest = self.backend
        return Jit, (self.function, self.batch, self.donate, name, self.threads, *rest)

    def _entry(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[_Entry, list[Any]]:
        leaves, structure = trees.flatten((args, kwargs))
        types = self._types(args, leaves)
        key = (structure, tuple(types), tuple(map(weakness_of, leaves)))
        entry = self._entries.get(key)
        if entry is None or entry.changed():
            with self._lock:
                entry = self._entries.get(key)  # another thread may have been first
                if entry is None or entry.changed():
                    entry = self._trace(args, kwargs, leaves, types, key)
        return entry, leaves

    def _types(self, args: tuple[Any, ...], leaves: Sequence[Any]) -> list[TensorType]:
        types = [leaf_type(leaf, "jit") for leaf in leaves]
        for at in _leaves_of("batch", self.batch, args):
            types[at] = _batched(types[at])
        return types

    def _trace(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        leaves: Sequence[Any],
        types: Sequence[TensorType],
        key: tuple[Any, ...],
    ) -> _Entry:
        structure = key[0]
        names = argument_names(self.function, len(args))
        wanted = [p for n, a in zip(names, args, strict=True) for p in trees.paths(a, n)]
        wanted += trees.paths(kwargs)
        valid = {k: entry for k, entry in self._entries.items() if not entry.changed()}
        traced = trace(
            self.function, types, wanted, lambda values: trees.unflatten(structure, values), leaves
        )
        check_sizes(traced.graph)
        # Behind the trace: what the function itself counts or caches is no change, for no entry.
        around = Surroundings(self.function)
        if not around.whole and not self._traces:
            warnings.warn(
                f"{self!r}: what the function closes over is too large to be watched, so it is "
                "traced anew at each call; hand it over as arguments",
                stacklevel=4,
            )
        state = donated(traced.graph, _leaves_of("donate", self.donate, args))
        program = executor(traced.graph, state, self.backend, "jit", in_rows)
        fresh = _snapshot(traced, program, state, around, [next(self._clock)])
        newest = sorted(valid.items(), key=lambda pair: pair[1].used)[-GRAPHS_KEPT + 1 :]
        kept = {
            k: _snapshot(one.traced, one.program, one.state, around, one.used) for k, one in newest
        }
        self._entries = {**kept, key: fresh}
        self._fast = {}
        self._traces += 1
        return fresh


def _leaves_of(name: str, numbers: Sequence[int], args: tuple[Any, ...]) -> list[int]:
    """The numbers of the leaves of these positional arguments."""
    if numbers and max(numbers) >= len(args):
        raise ArgumentError(
            "jit",
            f"{name} names argument {max(numbers)}, got {len(args)} positional ones",
            "Hand it over by position.",
        )
    counts = [trees.flatten(arg)[1].count for arg in args]
    return [i for n in sorted(numbers) for i in range(sum(counts[:n]), sum(counts[: n + 1]))]


def _batched(type: TensorType) -> TensorType:
    if not type.shape:
        raise ShapeError("jit", "an argument of batch needs rows, got a scalar ()")
    return TensorType(type.dtype, (N, *type.shape[1:]))


@checked
def jit(
    function: Callable[..., Any],
    batch: int | Sequence[int] | None = None,
    donate: int | Sequence[int] | None = None,
    backend: str | None = None,
    threads: int | None = None,
    device: str | None = None,
    precision: str | None = None,
) -> Jit:
    """Traces `function` once for each nesting and type of its arguments, and runs its machine code.

    Args:
        function: of arrays, numbers and nested containers of them; returns the same.
        batch: positional arguments whose first axis is the batch N: one graph serves any number
            of rows. Two numbers of rows in one call are an error.
        donate: positional arguments whose arrays the caller gives up: a result of the same shape
            and dtype may be written over each, and is that array then. Go on with the results. A
            training step on weights that fill the caches is a tenth to a fifth faster so. A call
            that raises leaves them as they were.
        backend: "native", machine code; "interpreter"; "xla", JAX's compiler, for GPUs; None picks
            native, and says once when it cannot.
        threads: how many threads a call uses, at most; None: as many as the process may use. Small
            work runs on one. The results do not depend on it.
        device, precision: of "xla", as in `fit` of a model.

    The first call with new types takes some 50 to 300 ms: it traces and compiles. The graphs of the
    last 256 kinds of calls are kept; where shapes vary without end, use `batch`.

    Returns:
        A function that gives fresh NumPy arrays, but for donated ones; the memory of large ones is
        used again once no array needs it. Calls from several threads are safe. Where an argument is
        a Tensor, or the function closes over one, the results are Tensors that remember the call:
        `backward` goes through it.

    Raises:
        ArgumentError: where a donated array has no result that fits, cannot be written, or shares
            memory with another argument.

    What the function closes over is not stale. Arrays that it hands to operations are read anew at
    each call. Where a name, a cell, a default, an item of a container, or an attribute of an
    object, class or module of your own was rebound, also in functions of yours that it calls, it is
    traced again; so it is where an array changed from which NumPy computed something inside it.
    Limits: what it reads elsewhere (files, clocks, random numbers, the inside of library objects)
    is read when it is traced; a Python number taken from an array (`float(w[0])`) is followed only
    if the array has at most 64 KiB and no operation takes it as well.

    Example:
        >>> double = jit(lambda x: x * 2, batch=0)
        >>> import numpy as np
        >>> double(np.ones(3)), double(np.ones(2))
        (array([2., 2., 2.]), array([2., 2.]))
    """
    if not callable(function):
        raise ArgumentError("jit", f"expected a function, got {type(function).__name__}")
    return Jit(
        function,
        _numbers("batch", batch),
        _numbers("donate", donate),
        backend,
        threads,
        device,
        precision,
    )


def placed(
    function: Callable[..., Any], backend: str | None, device: str | None, precision: str | None
) -> Callable[..., Any]:
    """`function`, jitted where a backend, a device or a precision is asked for."""
    if backend is None and device is None and precision is None:
        return function
    return Jit(function, (), (), backend, None, device, precision)


def _numbers(name: str, given: Any) -> tuple[int, ...]:
    """Positional arguments, named by one number or several."""
    several = () if given is None else given if isinstance(given, (tuple, list)) else (given,)
    numbers = tuple(shapes.index("jit", name, number) for number in several)
    if any(number < 0 for number in numbers) or len(set(numbers)) < len(numbers):
        raise ArgumentError(
            "jit", f"{name} must name positional arguments from 0, each once, got {given!r}"
        )
    return numbers
