"""What a row of the operation table says, and the table itself.

One operation is one row: its type rule, its forward in any array namespace, its derivative in one
of six forms, the facts that passes may use, and where tests draw their samples. Everything else
(vjp and jvp, un-broadcasting, sums over fan-out, tests, documentation) is derived from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pellucid.core.dtypes import ALL, DType, bool_
from pellucid.core.errors import ArgumentError, DTypeError, GraphError, nearest
from pellucid.core.shapes import MAX_AXES, Batch, broadcast
from pellucid.graph.node import Graph, TensorType
from pellucid.graph.verify import verify as verify_graph

Value = Any  # a `pellucid.ops.value.Value`, which stands above this module


class Kind(Enum):
    """What passes and code generation know of a row. They look at no name."""

    ELEMENTWISE = "elementwise"
    COMPARE = "compare"  # elementwise with a boolean result
    REDUCE = "reduce"
    MOVEMENT = "movement"
    CONTRACT = "contract"
    GATHER = "gather"
    CREATE = "create"  # no tensor goes in: full, iota, size
    RANDOM = "random"


@dataclass(frozen=True)
class Partials:
    """Local gradients ∂out/∂inᵢ, one function an input: `f(*inputs, out, **attrs)`.

    None stands for an input that takes no gradient (a mask). The engine multiplies by the output
    gradient, sums over fan-out and un-broadcasts.
    """

    functions: tuple[Callable[..., Value] | None, ...]

    def __init__(self, *functions: Callable[..., Value] | None):
        object.__setattr__(self, "functions", functions)


@dataclass(frozen=True)
class Linear:
    """The operation is linear in the inputs `wrt`, jointly.

    Args:
        transposes: per input `f(ct, *inputs, **attrs)`, None for an index or a mask; for an
            operation of any number of inputs, one function `f(i, ct, *inputs, **attrs)`.
        wrt: the positions of the linear inputs; None for all.
    """

    transposes: tuple[Callable[..., Value] | None, ...] | Callable[..., Value]
    wrt: tuple[int, ...] | None = None

    def transpose(self, i: int, ct: Value, inputs: Sequence[Value], attrs: Any) -> Value:
        if not isinstance(self.transposes, tuple):
            return self.transposes(i, ct, *inputs, **attrs)
        function = self.transposes[i]
        assert function is not None
        return function(ct, *inputs, **attrs)


@dataclass(frozen=True)
class Bilinear:
    """The operation is linear in each of two inputs: `left(ct, x, y, **attrs)` and `right(…)`."""

    left: Callable[..., Value]
    right: Callable[..., Value]


@dataclass(frozen=True)
class Rules:
    """Both rules by hand, with the reason why no other form fits.

    `vjp(ct, inputs, out, **attrs)` gives one cotangent (or None) an input;
    `jvp(dots, inputs, out, **attrs)` takes one tangent (or None) an input and gives the tangent.
    """

    vjp: Callable[..., Sequence[Value | None]]
    jvp: Callable[..., Value]
    why: str


@dataclass(frozen=True)
class ZeroGradient:
    """The derivative is zero wherever it exists; `why` is shown."""

    why: str


@dataclass(frozen=True)
class NotDifferentiable:
    """Asking for the derivative raises, with `why`."""

    why: str


Derivative = Partials | Linear | Bilinear | Rules | ZeroGradient | NotDifferentiable


@dataclass(frozen=True, eq=False)
class Op:
    """One row. `inputs` ending in a name with a star takes any number of tensors.

    Args:
        name: the Array API's spelling; the key in graphs, text, files and namespaces.
        kind: what passes may assume.
        inputs: names of the tensors, in order.
        attrs: names of the attributes (hashable values).
        type_rule: `f(*types, **attrs)` gives dtype and shape of the result, or raises.
        forward: `f(xp, *arrays, **attrs)` computes it in the array namespace `xp`.
        derivative: one of the six forms.
        identity: y such that op(x, y) = x, for a binary row.
        commutative, idempotent: facts about the function.
        exact: forward gives the same bits in every executor.
        domain: where it is defined, for people.
        samples: the interval where tests draw each input.
        formula: LaTeX.
        doc: one sentence; kinks are stated here.
        refuses: whether forward may raise over the numbers that it meets, not their types alone.
        optional: names of attributes that a node may leave out.
        example: attributes and input types for the tests of a row that is not elementwise.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    attrs: tuple[str, ...]
    type_rule: Callable[..., TensorType]
    forward: Callable[..., Any]
    derivative: Derivative
    identity: float | None = None
    commutative: bool = False
    idempotent: bool = False
    exact: bool = False
    domain: str = "all numbers"
    samples: tuple[tuple[float, float], ...] = ()
    formula: str = ""
    doc: str = ""
    accepts: tuple[DType, ...] = ()
    refuses: bool = field(default=False, kw_only=True)
    optional: tuple[str, ...] = field(default=(), kw_only=True)
    user: bool = field(default=False, kw_only=True)  # defined by pel.op, outside the package

    @property
    def variadic(self) -> bool:
        return bool(self.inputs) and self.inputs[-1].startswith("*")

    def differentiable(self, i: int) -> bool:
        """Whether a gradient flows to input `i`."""
        form = self.derivative
        if isinstance(form, Partials):
            return form.functions[i] is not None
        if isinstance(form, Linear):
            return form.wrt is None or i in form.wrt
        return not isinstance(form, (ZeroGradient, NotDifferentiable))

    def type(self, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> TensorType:
        """The type of the result; checks the number of inputs and the names of attributes."""
        if not self.variadic and len(types) != len(self.inputs):
            raise ArgumentError(
                self.name,
                f"expected {len(self.inputs)} inputs ({', '.join(self.inputs)}), got {len(types)}",
            )
        if set(attrs) - set(self.optional) != set(self.attrs):
            odd = sorted((set(attrs) - set(self.optional)) ^ set(self.attrs))
            raise ArgumentError(
                self.name, f"attributes must be {self.attrs}, got {tuple(sorted(attrs))}: see {odd}"
            )
        if not self.user:
            _check_attributes(self.name, attrs)
        return self.type_rule(*types, **attrs)


def _whole(value: Any) -> bool:
    return type(value) is int


def _dim(value: Any) -> bool:
    return type(value) in (int, Batch)


def _several(value: Any, kind: Callable[[Any], bool]) -> bool:
    """One entry an axis at most: type rules look at each pair of them."""
    return type(value) is tuple and len(value) <= MAX_AXES and all(map(kind, value))


def _pair(value: Any) -> bool:
    return _several(value, _whole) and len(value) == 2


# What an attribute of a name may hold, in every row of ours. Text and files bring any value.
_ATTRIBUTES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "axis": ("an axis or a tuple of axes", lambda v: _whole(v) or _several(v, _whole)),
    "keepdims": ("True or False", lambda v: type(v) is bool),
    "dtype": ("a dtype", lambda v: isinstance(v, DType)),
    "value": ("a number", lambda v: type(v) in (bool, int, float)),
    "stream": (
        "a text",
        lambda v: type(v) is str and not any("\ud800" <= c <= "\udfff" for c in v),
    ),
    "depth": ("a dimension", _dim),
    "block": ("a whole number from 1 on", lambda v: _whole(v) and v >= 1),
    **dict.fromkeys(("batch", "summed"), ("pairs of axes", lambda v: _several(v, _pair))),
    **dict.fromkeys(("shape", "stop", "lengths"), ("dimensions", lambda v: _several(v, _dim))),
    **dict.fromkeys(
        ("axes", "start", "step", "low", "high", "interior", "size", "stride", "dilation"),
        ("whole numbers", lambda v: _several(v, _whole)),
    ),
}


def _check_attributes(where: str, attrs: Mapping[str, Any]) -> None:
    for name, value in attrs.items():
        expected, holds = _ATTRIBUTES[name]
        if not holds(value):
            raise ArgumentError(where, f"{name} must be {expected}, got {value!r}")


REGISTRY: dict[str, Op] = {}
MADE: dict[str, Op] = {}  # rows that only passes make, of others: functions are not traced to them


def register(op: Op) -> Op:
    """Enters a row; a built-in name is never replaced."""
    old = REGISTRY.get(op.name) or MADE.get(op.name)
    if old is not None and not (old.user and op.user):
        raise ArgumentError("op", f"name must be new, got '{op.name}', which is built in")
    REGISTRY[op.name] = op
    return op


def lookup(name: str) -> Op:
    """The row called `name`, or a GraphError with the nearest name."""
    row = REGISTRY.get(name) or MADE.get(name)
    if row is None:
        raise GraphError("graph", f"unknown operation '{name}'", nearest(name, REGISTRY))
    return row


def type_of(name: str, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> TensorType:
    """The type rule by name, as the parser and the verifier of graphs want it."""
    return lookup(name).type(types, attrs)


def verify(graph: Graph) -> None:
    """Checks `graph` against the invariants and every row's type rule."""
    verify_graph(graph, type_of)


ANY = ALL
NUMBERS = tuple(dtype for dtype in ALL if dtype.kind != "b")
FLOATS = tuple(dtype for dtype in ALL if dtype.is_float)
INTEGERS = tuple(dtype for dtype in ALL if dtype.is_integer)
BOOLEANS = (bool_,)


def check_dtype(where: str, name: str, type: TensorType, accepts: Sequence[DType]) -> None:
    if type.dtype not in accepts:
        raise DTypeError(
            where,
            f"{name} must be {' or '.join(map(repr, accepts))}, got {type!r}",
            "Convert it with astype first.",
        )


def same_dtype(where: str, inputs: Sequence[str], types: Sequence[TensorType]) -> DType:
    """The one dtype of all inputs. Promotion happens before a row is reached."""
    first = types[0].dtype
    for name, type in zip(inputs, types, strict=False):
        if type.dtype != first:
            shown = ", ".join(map(repr, types))
            raise DTypeError(where, f"{name} must be {first} like the first input, got {shown}")
    return first


def elementwise(
    name: str,
    inputs: tuple[str, ...],
    forward: Callable[..., Any],
    derivative: Derivative,
    *,
    accepts: tuple[DType, ...] = FLOATS,
    result: DType | None = None,
    kind: Kind = Kind.ELEMENTWISE,
    samples: tuple[float, float] | tuple[tuple[float, float], ...] = (-3.0, 3.0),
    **facts: Any,
) -> Op:
    """A row that acts on each element; inputs broadcast and share a dtype.

    Args:
        accepts: the dtypes of the inputs.
        result: the dtype of the output, if it differs from the inputs'.
        samples: one interval for all inputs, or one each.
    """

    def type_rule(*types: TensorType) -> TensorType:
        for input_name, type in zip(inputs, types, strict=True):
            check_dtype(name, input_name, type, accepts)
        dtype = same_dtype(name, inputs, types)
        shape = broadcast(name, *(type.shape for type in types))
        return TensorType(result or dtype, shape)

    first = samples[0]
    several = samples if isinstance(first, tuple) else (samples,) * len(inputs)
    each: tuple[tuple[float, float], ...] = several  # type: ignore[assignment]
    return Op(
        name,
        kind,
        inputs,
        (),
        type_rule,
        forward,
        derivative,
        samples=each,
        accepts=accepts,
        **facts,
    )
