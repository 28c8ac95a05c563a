"""`Value`, a handle with operators, and `Builder`, which records what is done to it as a graph.

Derivative rules, layers, losses and optimizers need nothing else. Operators reach rows by name, so
this module imports none of them. Whatever is recorded goes to the innermost active recorder;
numbers and foreign values are lifted into it.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, Protocol, TypeVar

from pellucid.core import dtypes, shapes
from pellucid.core.dtypes import DType
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    ShapeError,
    TooLargeError,
    user_line,
)
from pellucid.core.shapes import Shape
from pellucid.graph.node import (
    CONST,
    INPUT,
    Constant,
    Graph,
    Node,
    TensorType,
    arranged,
    attributes,
)
from pellucid.ops.spec import FLOATS, REGISTRY, Kind, Op, lookup

_ADDRESSABLE = 2**47  # bytes
_AXES = 64
UNKNOWN_LINE = ""  # a copied node whose source line is not known
P = ParamSpec("P")
R = TypeVar("R")


class Recorder(Protocol):
    """Where operations go: into a graph, or at once through the row's forward."""

    def apply(self, op: Op, inputs: Sequence[Value], attrs: Mapping[str, Any]) -> Value: ...

    def lift(self, operand: Any, exact: bool = False) -> Value: ...

    def met(self, scalar: Any) -> None: ...


class _Stack(threading.local):
    def __init__(self) -> None:
        self.recorders: list[Recorder] = []
        self.nodes_left = sys.maxsize


_stack = _Stack()
_default: list[Recorder] = []


def set_default(recorder: Recorder) -> None:
    """The recorder of a thread that traces nothing."""
    _default[:] = [recorder]


def current() -> Recorder:
    """The innermost active recorder of this thread."""
    if _stack.recorders:
        return _stack.recorders[-1]
    if not _default:
        raise GraphError("ops", "no recorder is active", "Import pellucid, not pellucid.ops.")
    return _default[0]


def records(function: Callable[P, R]) -> Callable[P, R]:
    """For a function that enters builders: none of them is active behind it, however it ends.

    `with builder` alone cannot promise that. Ctrl-C is heard where a Python function begins and
    behind each call, so also in `__exit__` before its first line, and the thread would trace for
    ever after. Between the last line of the `try` below and the cut no signal is looked for, nor
    inside the cut; and it takes away whatever lies above, not one entry.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        recorders = _stack.recorders
        depth = len(recorders)
        try:
            return function(*args, **kwargs)
        finally:
            del recorders[depth:]

    return call


def at_most(nodes: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The function's result. This thread records so many nodes meanwhile, in all graphs.

    A file is not trusted further.
    """
    before = _stack.nodes_left
    try:
        _stack.nodes_left = min(nodes, before)
        return function(*args, **kwargs)
    finally:
        _stack.nodes_left = before


def is_tracing() -> bool:
    return bool(_stack.recorders)


def is_active(recorder: Recorder) -> bool:
    """Whether `recorder` is on this thread's stack."""
    return any(active is recorder for active in _stack.recorders)


# How firmly an operand holds to its dtype. Of several, the firmest decide what they become.
STRONG = 0  # an array, and what was computed from one
SCALAR = 1  # a 0-d array or a NumPy scalar: gives way to arrays
NUMBER = 2  # a Python number, and what was computed from such alone: gives way to scalars too
LISTED = 3  # a list of Python floats: its dtype is the default where it stands alone


class Value:
    """A tensor in a graph under construction: its type, and the position of its node.

    `weak` says how firmly it holds to its dtype: STRONG, SCALAR, NUMBER or LISTED.
    """

    __slots__ = ("__weakref__", "position", "recorder", "type", "weak")
    __array_ufunc__: Any = None  # NumPy arrays leave operators to us

    def __init__(self, recorder: Recorder, position: int, type: TensorType):
        self.recorder, self.position, self.type = recorder, position, type
        self.weak = STRONG

    def __repr__(self) -> str:
        return f"Value(v{self.position}: {self.type!r})"

    def __add__(self, other: Any) -> Value:
        return elementwise("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return elementwise("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Value:
        return elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Value:
        return elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Value:
        return elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Value:
        return elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return elementwise("divide", other, self)

    def __pow__(self, other: Any) -> Value:
        return power(self, other)

    def __rpow__(self, other: Any) -> Value:
        return power(other, self)

    def __mod__(self, other: Any) -> Value:
        return elementwise("remainder", self, other)

    def __rmod__(self, other: Any) -> Value:
        return elementwise("remainder", other, self)

    def __floordiv__(self, other: Any) -> Value:
        return elementwise("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        return elementwise("floor_divide", other, self)

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    def __neg__(self) -> Value:
        return elementwise("negative", self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return elementwise("abs", self)

    def __lt__(self, other: Any) -> Value:
        return elementwise("less", self, other)

    def __le__(self, other: Any) -> Value:
        return elementwise("less_equal", self, other)

    def __gt__(self, other: Any) -> Value:
        return elementwise("greater", self, other)

    def __ge__(self, other: Any) -> Value:
        return elementwise("greater_equal", self, other)

    def __eq__(self, other: Any) -> Value:  # type: ignore[override]
        return elementwise("equal", self, other)

    def __ne__(self, other: Any) -> Value:  # type: ignore[override]
        return elementwise("not_equal", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Value:
        return elementwise("logical_and", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Value:
        return elementwise("logical_or", self, other)

    __ror__ = __or__

    def __invert__(self) -> Value:
        return elementwise("logical_not", self)


class Builder:
    """Records applications as nodes. As a context it is the innermost recorder.

    It is entered in functions that are decorated with `records`, which see to it that it is left.

    Args:
        share: gives one node for equal applications (same operation, inputs and attributes).
    """

    handle: type[Value] = Value

    def __init__(self, share: bool = False):
        self.nodes: list[Node] = []
        self.values: list[Value] = []
        self.input_positions: list[int] = []
        self.consts: dict[str, Constant] = {}
        self.line: str | None = None  # stands for the user line while a graph is copied
        self._shared: dict[tuple[Any, ...], Value] | None = {} if share else None
        self._const_values: dict[tuple[str, Constant], Value] = {}
        self._names: set[str] = set()  # of inputs and constants
        self._repeats: dict[str, int] = {}  # how often a name was wanted that was taken

    def share(self) -> None:
        """From here on equal applications become one node."""
        self._shared = {
            node.key: value for node, value in zip(self.nodes, self.values, strict=True)
        }

    def __enter__(self) -> Builder:
        _stack.recorders.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _stack.recorders.pop()

    def add(self, node: Node) -> Value:
        _stack.nodes_left -= 1
        if _stack.nodes_left < 0:
            raise GraphError("graph", "expected no more nodes than the size of the file allows")
        value = self.handle(self, len(self.nodes), node.type)
        self.nodes.append(node)
        self.values.append(value)
        return value

    def input(self, name: str, type: TensorType) -> Value:
        self._names.add(name)
        value = self.add(Node(INPUT, (), (("name", name),), type))
        self.input_positions.append(value.position)
        return value

    def const(self, name: str, constant: Constant) -> Value:
        """An array beside the graph; where the name is taken, one with a number behind it."""
        known = self._const_values.get((name, constant))
        if known is not None:
            return known
        new = name
        while new in self._names:
            self._repeats[name] = self._repeats.get(name, 0) + 1
            new = f"{name}_{self._repeats[name]}"
        self._names.add(new)
        self.consts[new] = constant
        value = self.add(Node(CONST, (), (("name", new),), constant.type))
        self._const_values[name, constant] = self._const_values[new, constant] = value
        return value

    def apply(self, op: Op, inputs: Sequence[Value], attrs: Mapping[str, Any]) -> Value:
        positions = tuple(value.position for value in inputs)
        type = op.type([value.type for value in inputs], attrs)
        check_axes(op.name, type)
        line = user_line() if self.line is None else self.line or None
        node = Node(op.name, positions, attributes(attrs), type, line)
        if self._shared is None:
            value = self.add(node)
        elif node.key in self._shared:
            return self._shared[node.key]
        else:
            value = self._shared[node.key] = self.add(node)
        if not type.shape:
            value.weak = weakness(op, inputs, type)
        return value

    def lift(self, operand: Any, exact: bool = False) -> Value:
        """`operand` as a value of this graph. A subclass takes more than its own values.

        Args:
            exact: takes the numbers of a list as they are; else they become the default dtype.
        """
        if isinstance(operand, Value) and operand.recorder is self:
            return operand
        raise GraphError("graph", f"expected a value of this graph, got {operand!r}")

    def met(self, scalar: Any) -> None:
        """Hears of each NumPy scalar that becomes a constant."""

    def copy(self, graph: Graph, inputs: Sequence[Value], rows: int | None = None) -> list[Value]:
        """Copies the nodes of `graph` behind `inputs`; returns what stands for each of them.

        Args:
            rows: stands for N in the copy; None leaves N as it is.
        """
        place: dict[int, Value] = dict(zip(graph.inputs, inputs, strict=True))
        for position, node in enumerate(graph.nodes):
            if position in place:
                continue
            if node.op == CONST:
                place[position] = self.const(node.attr("name"), graph.consts[node.attr("name")])
                continue
            sources = [place[source] for source in node.inputs]
            attrs = dict(node.attrs)
            if rows is not None:
                attrs = {name: shapes.bind(value, rows) for name, value in attrs.items()}
            with self.at(node.line):
                place[position] = self.apply(lookup(node.op), sources, attrs)
        return [place[position] for position in range(len(graph.nodes))]

    def inline(self, graph: Graph, inputs: Sequence[Value], rows: int | None = None) -> list[Value]:
        """Copies `graph` behind `inputs`; returns its outputs here. `rows` as in `copy`."""
        place = self.copy(graph, inputs, rows)
        return [place[position] for position in graph.outputs]

    @contextmanager
    def at(self, line: str | None) -> Iterator[None]:
        """Nodes recorded inside carry `line` instead of the caller's."""
        before, self.line = self.line, line or UNKNOWN_LINE
        try:
            yield
        finally:
            self.line = before

    def graph(self, outputs: Sequence[Value]) -> Graph:
        """What was recorded, with these outputs."""
        positions = [value.position for value in outputs]
        return arranged(self.nodes, self.input_positions, positions, self.consts)


def apply(name: str, *operands: Any, **attrs: Any) -> Value:
    """Records row `name` on operands that already have the dtypes it wants."""
    recorder = current()
    return recorder.apply(lookup(name), [recorder.lift(item) for item in operands], attrs)


def check_size(where: str, type: TensorType) -> None:
    """Refuses a tensor that no machine can address."""
    check_axes(where, type)
    total = shapes.size(type.shape)
    if isinstance(total, int) and total * type.dtype.itemsize >= _ADDRESSABLE:
        raise TooLargeError(where, f"the result must fit into memory, got {type!r}")


def check_axes(where: str, type: TensorType) -> None:
    """Refuses a tensor of more axes than NumPy has, or with one longer than an index can name."""
    if len(type.shape) > _AXES:
        raise ShapeError(where, f"a tensor has at most {_AXES} axes, got {len(type.shape)}")
    for dim in type.shape:
        if isinstance(dim, int) and dim > shapes.MAX_LENGTH:
            raise TooLargeError(where, f"an axis must be shorter than 2⁶³, got {dim}")


def weakness(op: Op, inputs: Sequence[Value], type: TensorType) -> int:
    """How firmly a 0-d result holds to its dtype: like the firmest of what it was computed from."""
    if not inputs and op.kind is not Kind.CREATE:
        return STRONG
    level = min([value.weak for value in inputs], default=NUMBER)
    return SCALAR if level == NUMBER and type.dtype not in dtypes.PYTHON.values() else level


def weakness_of(operand: Any) -> int:
    """How firmly an operand holds to its dtype, before it is a value of a graph."""
    if isinstance(operand, Value):
        return operand.weak
    if isinstance(operand, (bool, int, float)) and not hasattr(operand, "dtype"):
        return NUMBER
    return STRONG if getattr(operand, "shape", None) else SCALAR


def weak_kind(operand: Any) -> str | None:
    """`b`, `i` or `f` for a Python number, a NumPy scalar or a 0-d array; None for a tensor."""
    if isinstance(operand, Value):
        return None
    for kind, python in (("b", bool), ("i", int), ("f", float)):
        if isinstance(operand, python):
            return kind
    dtype = getattr(operand, "dtype", None)
    if dtype is not None and getattr(operand, "shape", None) == ():
        kind = dtypes.as_dtype(dtype, "operand").kind
        return "i" if kind == "u" else kind
    return None


def is_scalar(operand: Any) -> bool:
    """A Python number or a NumPy scalar: a value that cannot change. A 0-d array can."""
    if isinstance(operand, (bool, int, float)):
        return True
    scalar = hasattr(operand, "item") and not hasattr(operand, "__setitem__")
    return scalar and weak_kind(operand) is not None


def dtype_of(operand: Any, where: str) -> DType:
    if isinstance(operand, Value):
        return operand.type.dtype
    if not hasattr(operand, "dtype"):
        raise DTypeError(
            where,
            f"operands must be Tensors, NumPy arrays or numbers, got {type(operand).__name__}",
        )
    return dtypes.as_dtype(operand.dtype, where)


def common_dtype(where: str, operands: Sequence[Any]) -> DType:
    """The dtype in which an operation on `operands` happens.

    Arrays decide; where there are none, 0-d arrays and NumPy scalars; then lists; then Python
    numbers. What is weaker adds its kind alone: a float among integers makes them floats.
    """
    plain = _plain_dtype(operands)
    if plain is not None:
        return plain
    levels = [weakness_of(operand) for operand in operands]
    own = [_own_dtype(operand, where) for operand in operands]
    first = next(level for level in (STRONG, SCALAR, LISTED, NUMBER) if level in levels)
    if first == LISTED:
        return dtypes.DEFAULT
    result = functools.reduce(
        dtypes.promote, [dtype for level, dtype in zip(levels, own, strict=True) if level == first]
    )
    default = dtypes.DEFAULT if first == STRONG else dtypes.float64
    for operand, dtype in zip(operands, own, strict=True):
        if dtype.is_integer and result.is_integer and not is_scalar(operand):
            result = dtypes.promote(result, dtype)  # a value not known here might not fit
        else:
            result = dtypes.weak_result(result, dtype.kind, default)
    return result


def _plain_dtype(operands: Sequence[Any]) -> DType | None:
    """The dtype of the usual case, found fast: values of one dtype, with Python numbers if any."""
    shared: DType | None = None
    number = False
    for operand in operands:
        if isinstance(operand, Value):
            dtype = operand.type.dtype
            if operand.weak == LISTED or (shared is not None and dtype is not shared):
                return None
            number = number or operand.weak != STRONG
            shared = dtype
        elif type(operand) is float or type(operand) is int:
            number = True
        else:
            return None
    return shared if not number or (shared is not None and shared.is_float) else None


def float_dtype(where: str, operands: Sequence[Any]) -> DType:
    """The float dtype in which an operation on `operands` happens.

    Arrays of integers become the default float; Python's whole numbers become float64, as floats.
    """
    dtype = common_dtype(where, operands)
    if dtype.is_float:
        return dtype
    scalars = all(weakness_of(operand) in (SCALAR, NUMBER) for operand in operands)
    return dtypes.float64 if scalars else dtypes.DEFAULT


def _own_dtype(operand: Any, where: str) -> DType:
    if isinstance(operand, (bool, int, float)) and not hasattr(operand, "dtype"):
        kind = weak_kind(operand)
        assert kind is not None
        return dtypes.PYTHON[kind]
    return dtype_of(operand, where)


def exactly(operand: Any) -> Any:
    """A list as a value that has all its digits; every other operand as it is."""
    return current().lift(operand, exact=True) if isinstance(operand, (list, tuple)) else operand


def cast(operand: Any, dtype: DType) -> Value:
    """`operand` as a value of `dtype`; numbers become constants of that dtype."""
    recorder = current()
    if not isinstance(operand, Value) and is_scalar(operand):
        return number(operand, dtype)
    value = recorder.lift(exactly(operand))
    if value.weak == LISTED:
        value.weak = STRONG  # its dtype is decided here
    if value.type.dtype == dtype:
        return value
    return recorder.apply(REGISTRY["cast"], [value], {"dtype": dtype})


def number(value: Any, dtype: DType, shape: Shape = ()) -> Value:
    """A constant. A number that `dtype` cannot hold is an error, not a silent cast."""
    if hasattr(value, "dtype"):
        current().met(value)
    if not isinstance(value, (bool, int, float)):
        item = getattr(value, "item", None)
        if item is None:
            raise DTypeError(
                "operand", f"expected a Tensor, an array or a number, got {type(value).__name__}"
            )
        value = item()
    plain: bool | int | float
    if dtype.kind == "b":
        plain = bool(value)
    elif dtype.holds(value):
        plain = float(value) if dtype.is_float else int(value)
    else:
        raise ArgumentError("operand", f"a number must fit {dtype}, got {value!r}")
    if isinstance(plain, float) and math.isnan(plain):
        plain = math.nan
    result: Value = current().apply(
        REGISTRY["full"], [], {"value": plain, "shape": shape, "dtype": dtype}
    )
    return result


STANDS = "__pellucid_value__"  # a method of what stands for a value: a variable of the door


def meant(operand: Any) -> Any:
    """What an operand stands for; most are themselves."""
    stands = getattr(operand, STANDS, None)
    return operand if stands is None else stands()


def elementwise(name: str, *operands: Any) -> Value:
    """Row `name` on operands of any mix of dtypes: promoted to one that the row accepts."""
    op = lookup(name)
    for operand in operands:
        if isinstance(operand, (list, tuple)):
            return elementwise(name, *map(exactly, operands))
        if hasattr(operand, STANDS):
            return elementwise(name, *map(meant, operands))
    dtype = common_dtype(name, operands)
    if dtype not in op.accepts:
        if op.accepts == FLOATS and not dtype.is_float:
            dtype = float_dtype(name, operands)  # exp of an integer, a quotient of two
        elif dtype.kind == "b" and dtypes.int64 in op.accepts:
            dtype = dtypes.int64  # True + True
    return apply(name, *(cast(operand, dtype) for operand in operands))


def power(x: Any, y: Any) -> Value:
    """x ** y. The square is a row of its own; an exponent that is a number takes no gradient."""
    if isinstance(x, Value) and not isinstance(y, Value) and weak_kind(y) and y == 2:
        result: Value = elementwise("square", x)
        return result
    result = elementwise("pow", x, y)
    return result


def zeros_like(value: Value) -> Value:
    """A constant of the type of `value`, all zero; of rank 0 broadcast to its shape."""
    zero = number(0, value.type.dtype)
    if value.type.shape == ():
        return zero
    result: Value = apply("broadcast_to", zero, shape=value.type.shape)
    return result
