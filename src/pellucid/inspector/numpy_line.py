"""A node as the line of NumPy that the interpreter runs.

In: a `Moment` and a node. Out: the line, `z = x @ W`, and where it calls a function of the library,
such as `windows`, that function's source. Nothing is written twice: the row's own `forward` is run
on arrays that note down what is done with them, and the line is shown only where they come to the
value of the node in every bit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from pellucid.core.dtypes import DType
from pellucid.graph.node import CONST, INPUT, Node
from pellucid.inspector.moment import Moment
from pellucid.ops.spec import lookup
from pellucid.runtime.extras import NUMPY

Array = np.ndarray[Any, Any]
_LONGEST = 240  # characters of a line; a longer one calls the library's function
_SIGNS = {
    **{"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "matmul": "@", "power": "**"},
    **{"floor_divide": "//", "remainder": "%", "equal": "==", "not_equal": "!=", "less": "<"},
    **{"less_equal": "<=", "greater": ">", "greater_equal": ">=", "bitwise_and": "&"},
    **{"bitwise_or": "|", "bitwise_xor": "^", "left_shift": "<<", "right_shift": ">>"},
}
_PREFIXES = {"negative": "-", "invert": "~"}
_KNOWN = "shape", "ndim", "size", "dtype", "strides", "itemsize", "nbytes"
_METHODS = "reshape", "transpose", "astype", "sum", "max", "min", "mean", "any", "all", "copy"


@dataclass(frozen=True)
class Line:
    """A node in NumPy.

    Attributes:
        text: the line; empty for an input, which is given.
        source: of the library's function that the line calls as `xp.…`; else empty.
    """

    text: str
    source: str = ""


class Told(NDArrayOperatorsMixin):
    """An array, and the expression that it is the value of."""

    def __init__(self, value: Any, text: str):
        self.value, self.text = value, text

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        if method != "__call__" or options.get("out") is not None:
            return NotImplemented
        value = ufunc(*map(_value, given), **options)
        name, texts = ufunc.__name__, [_text(one) for one in given]
        if name in _SIGNS and len(given) == 2 and not options:
            return Told(value, f"({texts[0]} {_SIGNS[name]} {texts[1]})")
        if name in _PREFIXES and not options:
            return Told(value, f"({_PREFIXES[name]}{texts[0]})")
        return Told(value, _call(f"np.{name}", given, options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        value = function(*_values(args), **{key: _value(one) for key, one in kwargs.items()})
        return Told(value, _call(f"np.{function.__name__}", args, kwargs))

    def __getattr__(self, name: str) -> Any:
        if name in _KNOWN:
            return getattr(self.value, name)
        if name == "T":
            return Told(self.value.T, f"{self.text}.T")
        if name in _METHODS:
            own = getattr(self.value, name)
            return lambda *args, **kwargs: Told(
                own(*_values(args), **kwargs), _call(f"{self.text}.{name}", args, kwargs)
            )
        raise AttributeError(name)

    def __getitem__(self, place: Any) -> Told:
        return Told(self.value[place], f"{self.text}[{_place(place)}]")


def _value(one: Any) -> Any:
    if isinstance(one, (tuple, list)):
        return type(one)(_value(part) for part in one)
    return one.value if isinstance(one, Told) else one


def _values(many: Iterable[Any]) -> list[Any]:
    return [_value(one) for one in many]


def _text(one: Any) -> str:
    if isinstance(one, Told):
        return one.text
    if isinstance(one, DType):
        return f"np.{one.name}" if one.name != "bool" else "bool"
    if isinstance(one, np.dtype):
        return f"np.{one.name}" if one.name != "bool" else "bool"
    if isinstance(one, (tuple, list)):
        inside = ", ".join(map(_text, one))
        left, right = ("[", "]") if isinstance(one, list) else ("(", ")")
        return f"{left}{inside}{',' if len(one) == 1 and left == '(' else ''}{right}"
    return repr(one)


def _place(one: Any) -> str:
    if isinstance(one, tuple):
        return ", ".join(map(_place, one))
    if one is Ellipsis:
        return "..."
    if isinstance(one, slice):
        parts = ["" if part is None else str(part) for part in (one.start, one.stop)]
        step = "" if one.step in (None, 1) else f":{one.step}"
        return ":".join(parts) + step
    return _text(one)


def _call(name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
    parts = [_bare(_text(one)) for one in args]
    parts += [f"{key}={_bare(_text(one))}" for key, one in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def _bare(text: str) -> str:
    """An expression without parentheses around the whole of it."""
    if not (text.startswith("(") and text.endswith(")")) or text.endswith(",)"):
        return text
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return text[1:-1] if k == len(text) - 1 and _is_operation(text) else text
    return text


def _is_operation(text: str) -> bool:
    """Whether the parentheses hold an operation, and are not those of a tuple."""
    depth = 0
    for letter in text[1:-1]:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            return False
    return text != "()"


class _Namespace:
    """NumPy and what it lacks, as rows call it; notes what was called of the library."""

    def __init__(self) -> None:
        self.called: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Any:
        own = getattr(NUMPY, name)
        if not inspect.isfunction(own) or own.__module__.startswith("numpy"):
            return own

        def function(*args: Any, **kwargs: Any) -> Any:
            try:
                made = own(*args, **kwargs)
                if isinstance(made, Told) and len(made.text) <= _LONGEST:
                    return made  # all of it was done by NumPy's own functions
            except (TypeError, AttributeError, ValueError):
                pass  # it does what cannot be noted down
            self.called[name] = own
            value = own(*_values(args), **{key: _value(one) for key, one in kwargs.items()})
            return Told(value, _call(f"xp.{name}", args, kwargs))

        return function


def numpy_line(moment: Moment, n: int) -> Line:
    """The line of a node."""
    node = moment.graph.nodes[n]
    if node.op == INPUT:
        return Line("")
    name = moment.names[n]
    if node.op == CONST:
        return Line(f"{name} = an array beside the graph, {node.type!r}")
    space = _Namespace()
    operands = [Told(moment.values[i], moment.names[i]) for i in node.inputs]
    with np.errstate(all="ignore"):
        made = _forward(space, node, operands)
    if made is None or not np.array_equal(_value(made), moment.values[n], equal_nan=_has_nan(made)):
        text = _call(f"xp.{node.op}", operands, dict(node.attrs))
        return Line(f"{name} = {text}", _source(lookup(node.op).forward))
    sources = [_source(own) for own in space.called.values()]
    return Line(f"{name} = {_bare(made.text)}", "\n\n".join(filter(None, sources)))


def _has_nan(made: Told) -> bool:
    return bool(np.asarray(made.value).dtype.kind == "f")


def _forward(space: _Namespace, node: Node, operands: list[Told]) -> Told | None:
    try:
        made = lookup(node.op).forward(space, *operands, **dict(node.attrs))
    except (TypeError, AttributeError, ValueError):
        return None
    if isinstance(made, Told):
        return made if len(made.text) <= _LONGEST else None
    return None


def _source(function: Callable[..., Any]) -> str:
    """The text of a function; of a lambda in a table the lines that it stands in."""
    try:
        return inspect.cleandoc(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        return ""
