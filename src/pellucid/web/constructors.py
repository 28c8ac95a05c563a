"""Constructor calls and literals as text, `SGD(Cosine(0.1, 1000))`, read as records.

Nothing is executed: a tree of Python's syntax is walked, and only the names of a table are called,
with arguments that were read the same way. The records check their own arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pellucid import nn, optim
from pellucid.core.errors import DataError, PellucidError, nearest
from pellucid.nn.losses import BY_NAME as LOSSES

_DEEPEST = 24
_ROOMS = {"nn": nn, "optim": optim}
_NAMES = {
    "nn": (
        *("Dense", "Dropout", "BatchNorm", "LayerNorm", "Activation"),
        *("L1", "L2", "ElasticNet", "MaxNorm"),
        *("Xavier", "He", "Normal", "Uniform", "Zeros"),
        *(type(loss).__name__ for loss in LOSSES.values()),
    ),
    "optim": (
        *("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "LBFGS", "Newton", "Perturb"),
        *("Constant", "Step", "Exponential", "Cosine", "OneCycle", "WarmUp", "Piecewise"),
    ),
}
CALLABLE: dict[str, Callable[..., Any]] = {
    name: getattr(_ROOMS[room], name) for room, names in _NAMES.items() for name in names
}
ROOM_OF = {name: room for room, names in _NAMES.items() for name in names}


class Unreadable(Exception):
    """What cannot be read, and the line where it stands."""

    def __init__(self, line: int, problem: str, fix: str = ""):
        super().__init__(problem)
        self.line, self.problem, self.fix = line, problem, fix


def value_of(node: ast.AST, depth: int = 0) -> Any:
    """The value of an expression: a literal, a list or tuple of them, or a constructor call.

    Raises:
        Unreadable: for anything else.
    """
    line = getattr(node, "lineno", 1)
    if depth > _DEEPEST:
        raise Unreadable(line, f"expressions nest at most {_DEEPEST} deep")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bool, type(None)):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = value_of(node.operand, depth + 1)
        if type(number) in (int, float):
            return -number
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [value_of(one, depth + 1) for one in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        keys = [value_of(key, depth + 1) for key in node.keys if key is not None]
        return dict(zip(keys, [value_of(one, depth + 1) for one in node.values], strict=True))
    if isinstance(node, ast.Call):
        return _made(node, depth)
    raise Unreadable(
        line,
        f"expected a number, text, a list or a constructor such as Dense(4, 'tanh'), got "
        f"{shown(node)}",
    )


def _made(node: ast.Call, depth: int) -> Any:
    name = dotted(node.func)
    last = name.rpartition(".")[2]
    room = ROOM_OF.get(last, "")
    if last not in CALLABLE or name not in (last, f"{room}.{last}", f"pel.{room}.{last}"):
        raise Unreadable(
            node.lineno, f"{name or shown(node.func)} cannot be called here", _near(last)
        )
    args, kwargs = arguments(node, depth)
    try:
        return CALLABLE[last](*args, **kwargs)
    except PellucidError as error:
        raise Unreadable(node.lineno, f"{error.where}: {error.problem}", error.fix) from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Unreadable(node.lineno, f"{last} cannot be made: {error}") from None


def _near(name: str) -> str:
    return nearest(name, CALLABLE) if name else "Only constructors of the library can be called."


def arguments(node: ast.Call, depth: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, read."""
    for one in node.args:
        if isinstance(one, ast.Starred):
            raise Unreadable(node.lineno, "arguments are written one by one, got a star")
    kwargs: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise Unreadable(node.lineno, "arguments are written one by one, got two stars")
        if keyword.arg in kwargs:
            raise Unreadable(node.lineno, f"the argument {keyword.arg} stands there twice")
        kwargs[keyword.arg] = value_of(keyword.value, depth + 1)
    return [value_of(one, depth + 1) for one in node.args], kwargs


def dotted(node: ast.AST) -> str:
    """`pel.nn.Dense` of names and attributes; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 4:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def shown(node: ast.AST) -> str:
    """The source of a part, shortened."""
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        text = type(node).__name__
    return repr(text if len(text) <= 60 else text[:57] + "…")


def parsed(text: str, mode: str = "exec") -> Any:
    """`text` as Python's syntax tree.

    Raises:
        Unreadable: where it is no Python.
    """
    try:
        return ast.parse(text, mode=mode)
    except SyntaxError as error:
        raise Unreadable(error.lineno or 1, f"this is no Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unreadable(1, f"this cannot be read: {type(error).__name__}") from None


def record_of(text: str, where: str) -> Any:
    """One expression.

    Raises:
        DataError: naming what cannot be read.
    """
    try:
        return value_of(parsed(text.strip(), "eval").body)
    except Unreadable as found:
        raise DataError(where, found.problem, found.fix) from None
