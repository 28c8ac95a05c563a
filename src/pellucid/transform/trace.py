"""Tracing: a Python function goes in, a Graph comes out.

The function runs once on abstract Tensors; everything that happens to them is recorded. Arrays and
outer Tensors it closes over become hidden inputs, bound at each call: never baked in, never stale.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from pellucid.core import dtypes, trees
from pellucid.core.errors import ArgumentError, DTypeError, GraphError, PellucidError
from pellucid.core.scopes import during
from pellucid.core.trees import Structure
from pellucid.graph.node import Constant, Graph, TensorType
from pellucid.ops.composite import asvalue, stack
from pellucid.ops.value import (
    STANDS,
    Builder,
    Value,
    check_size,
    current,
    is_active,
    is_scalar,
    is_tracing,
    meant,
    number,
    records,
    weak_kind,
    weakness_of,
)
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform.arrays import SPECIAL, as_array, holds_value, listed_weakness, type_of
from pellucid.transform.batchsize import BatchSize
from pellucid.transform.tensor import Tensor, abstract, leaked, remembered


class Trace(Builder):
    """A graph under construction whose values are Tensors, and what it closes over."""

    handle = staticmethod(abstract)  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.captures: list[Any] = []  # arrays and outer Tensors, one a hidden input
        self.hidden: list[Value] = []
        self.scalars: list[Any] = []  # NumPy scalars that became constants of the graph
        self._captured: dict[int, int] = {}  # the id of a capture: its place among them
        self._marks: list[int] = []  # what each capture held, in a few bytes

    def met(self, scalar: Any) -> None:
        self.scalars.append(scalar)

    def lift(self, operand: Any, exact: bool = False) -> Value:
        if isinstance(operand, BatchSize):
            operand = operand.value()
        if isinstance(operand, Value):
            if operand.recorder is self:
                return operand
            concrete = isinstance(operand, Tensor) and operand.data is not None
            if not concrete and not is_active(operand.recorder):
                raise (
                    leaked(operand)
                    if isinstance(operand, Tensor)
                    else GraphError("trace", f"expected a value of this graph, got {operand!r}")
                )
            return self._capture(operand, operand.type, operand.weak)
        if isinstance(operand, np.ndarray):
            if not operand.dtype.isnative or isinstance(operand, SPECIAL):
                operand = as_array(operand, "operand")
            dtypes.as_dtype(operand.dtype, "operand")
            return self._capture(operand, type_of(operand), weakness_of(operand))
        if is_scalar(operand):
            return asvalue(operand)
        if hasattr(operand, STANDS):
            return self.lift(meant(operand), exact)
        if holds_value(operand):
            return stack(operand)
        array = as_array(operand, "operand", exact)
        return self._capture(array, type_of(array), listed_weakness(operand, exact))

    def _capture(self, operand: Any, type: TensorType, weak: int) -> Value:
        place = self._captured.get(id(operand))
        if place is not None:
            self._check(place)
            return self.hidden[place]
        self._captured[id(operand)] = len(self.captures)
        name = f"c{len(self.captures)}_"
        while name in self._names:  # of a constant of a saved function
            name += "_"
        self.hidden.append(self.input(name, type))
        self.hidden[-1].weak = weak
        self.captures.append(operand)  # keeps it alive, so that its id stays its own
        self._marks.append(_mark(operand))
        return self.hidden[-1]

    def check_captures(self) -> None:
        """Refuses an array that was written to after an operation met it.

        A hidden input is bound once a call: what the operation saw would be lost in silence.
        """
        for place in range(len(self.captures)):
            self._check(place)

    def _check(self, place: int) -> None:
        if _mark(self.captures[place]) != self._marks[place]:
            raise GraphError(
                "trace",
                f"an array must stay as it is, got {self.hidden[place].type!r} that changed while "
                "the function was traced",
                "Make a new array at each step, or hand on array.copy().",
            )


def _mark(operand: Any) -> int:
    """A checksum of an array; Tensors do not change."""
    return zlib.crc32(np.ascontiguousarray(operand).data) if isinstance(operand, np.ndarray) else 0


@dataclass(frozen=True)
class Traced:
    """A traced function.

    Args:
        graph: inputs are the leaves of the arguments, then the hidden ones.
        captures: what the hidden inputs are bound to.
        structure: the nesting of the outputs.
        scalars: the NumPy scalars it met, which became constants.
    """

    graph: Graph
    captures: tuple[Any, ...]
    structure: Structure
    scalars: tuple[Any, ...] = ()

    def operands(self, leaves: Sequence[Any]) -> list[Any]:
        return [*leaves, *self.captures]

    @records
    def with_constants(self) -> Graph:
        """The graph with what it closes over as constants beside it, bound once and for all."""
        kept = len(self.graph.inputs) - len(self.captures)
        builder = Builder()
        with builder:
            inputs = [
                builder.input(name, type)
                for name, type in zip(
                    self.graph.input_names[:kept], self.graph.input_types[:kept], strict=True
                )
            ]
            for name, type, operand in zip(
                self.graph.input_names[kept:],
                self.graph.input_types[kept:],
                self.captures,
                strict=True,
            ):
                array = np.asarray(arrays([operand], [type])[0], order="C")
                inputs.append(builder.const(name, Constant.of(array.copy(), type)))
            return builder.graph(builder.inline(self.graph, inputs))


R = TypeVar("R")
_noted: ContextVar[list[Traced] | None] = ContextVar("noted", default=None)


def noted(function: Callable[[], R]) -> tuple[R, list[Traced]]:
    """What `function` returns, and all traces that it makes, those inside of others too."""
    found: list[Traced] = []
    return during(_noted, found, function), found


@records
def trace(
    function: Callable[..., Any],
    types: Sequence[TensorType],
    leaf_names: Sequence[str],
    rebuild: Callable[[list[Value]], tuple[tuple[Any, ...], dict[str, Any]]],
    given: Sequence[Any] = (),
) -> Traced:
    """Runs `function` once on abstract Tensors of `types`.

    Args:
        rebuild: puts the abstract leaves into (args, kwargs).
        given: the leaves themselves: numbers among them give way to the dtype of arrays. Without
            them every leaf holds to its own.
    """
    builder = Trace()
    with builder:
        leaves = [
            builder.input(name, type) for name, type in zip(unique(leaf_names), types, strict=True)
        ]
        for leaf, operand in zip(leaves, given, strict=bool(given)):
            leaf.weak = weakness_of(operand)
        args, kwargs = rebuild(leaves)
        result = _called(function, args, kwargs)
        outputs, structure = trees.flatten(result)
        values = [_output(builder, output) for output in outputs]
        builder.check_captures()
    graph = builder.graph(values)
    traced = Traced(graph, tuple(builder.captures), structure, tuple(builder.scalars))
    listed = _noted.get()
    if listed is not None:
        listed.append(traced)
    return traced


def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `function` returns. Of `array[0] = Tensor` NumPy says too little: here it is said."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        inside = error.__traceback__ and error.__traceback__.tb_next
        if inside is not None or isinstance(error, PellucidError):
            raise
        name = getattr(function, "__name__", type(function).__name__)
        raise ArgumentError(
            "trace", f"{name} must take the arguments of the call, got an error: {error}"
        ) from None
    except ValueError as error:
        refused = error.__cause__
        if not isinstance(refused, GraphError) or "array element" not in str(error):
            raise
        raise GraphError(
            "assignment",
            "an array must be given numbers, got a Tensor to keep in it",
            "Put it together from its parts: np.stack, np.concatenate or np.where.",
            line=refused.line,
        ) from None


def _output(builder: Trace, output: Any) -> Value:
    if isinstance(output, (str, bytes)) or callable(output):
        raise GraphError(
            "trace",
            f"a traced function must return Tensors, arrays or numbers, got {output!r}",
            "Return other things as auxiliary output of an untraced wrapper.",
        )
    return asvalue(output) if is_scalar(output) else builder.lift(output)


def unique(wanted: Sequence[str]) -> list[str]:
    """`wanted` with a number behind names that come again."""
    taken: set[str] = set()
    result = []
    for name in wanted:
        clean = "".join(ch if ch.isalnum() or ch in "_." else "_" for ch in name) or "x"
        clean = clean if clean[0].isalpha() or clean[0] == "_" else f"x{clean}"
        candidate, n = clean, 1
        while candidate in taken:
            n += 1
            candidate = f"{clean}_{n}"
        taken.add(candidate)
        result.append(candidate)
    return result


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the first `count` positional parameters."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    found = [p.name for p in positional[:count]]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return found + [f"{rest}{i}" for i in range(len(found), count)]


def is_abstract(operand: Any) -> bool:
    return isinstance(operand, Tensor) and operand.data is None


def leaf_type(leaf: Any, where: str) -> TensorType:
    """The type of an argument's leaf; a Python float is float64."""
    if isinstance(leaf, Value):
        return leaf.type
    kind = weak_kind(leaf)
    if kind is not None and not hasattr(leaf, "dtype"):
        return TensorType(dtypes.PYTHON[kind], ())
    if not hasattr(leaf, "dtype"):
        raise DTypeError(
            where,
            f"arguments must be Tensors, arrays or numbers, got {type(leaf).__name__}",
            "What is none of these is set inside: lambda x: f(x, other).",
        )
    return type_of(as_array(leaf, where))


def execute(graph: Graph, operands: Sequence[Any]) -> list[Any]:
    """Runs `graph` on concrete operands, or records it where a trace is under way.

    Returns arrays, or Tensors under a trace and where an operand is one.
    """
    if is_tracing():
        recorder = current()
        assert isinstance(recorder, Builder)
        values = [
            lift_as(operand, type)
            for operand, type in zip(operands, graph.input_types, strict=True)
        ]
        return list(recorder.inline(graph, values))
    check_sizes(graph)
    given = arrays(operands, graph.input_types)
    return remembered(graph, operands, given, Interpreter(graph)(given))


def check_sizes(graph: Graph) -> None:
    """Refuses a graph of which a tensor fits into no memory."""
    for node in graph.nodes:
        check_size(node.op, node.type)


def lift_as(operand: Any, type: TensorType) -> Value:
    if not isinstance(operand, Value) and not hasattr(operand, "dtype"):
        return number(operand, type.dtype)
    return current().lift(operand)


def arrays(operands: Sequence[Any], types: Sequence[TensorType]) -> list[Any]:
    """Concrete operands as NumPy arrays of their declared dtypes."""
    result = []
    for operand, type in zip(operands, types, strict=True):
        if isinstance(operand, Tensor):
            if operand.data is None:
                raise leaked(operand)
            result.append(operand.data)
        elif hasattr(operand, "dtype"):
            result.append(as_array(operand, "argument"))
        elif type.dtype.kind != "b" and not type.dtype.holds(operand):
            raise ArgumentError("argument", f"a number must fit {type.dtype}, got {operand!r}")
        else:
            result.append(np.asarray(operand, dtype=type.dtype.name))
    return result
