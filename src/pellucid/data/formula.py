"""Formulas of columns as text, `x2 > sin(3*x1)`: read as a tree, computed by NumPy, never executed.

In: text and rows. Out: a number, or true and false, for each row. Only what stands in the tables
below can be written; a refusal names the place.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.core.errors import DataError, nearest

Array = np.ndarray[Any, Any]

_MOST_LETTERS, _MOST_PARTS, _DEEPEST = 400, 200, 30
_LARGEST_POWER = 16

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "tanh")},
    **{"abs": np.abs, "sign": np.sign, "min": np.minimum, "max": np.maximum},
}
_TWO = ("min", "max")
_CONSTANTS = {"pi": math.pi, "e": math.e}
_ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_COMPARISONS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


class Formula:
    """A formula that was read and can be computed.

    Args:
        text: such as "x1**2 + x2**2 < 9 or x1 > 4"; columns are x1, x2, …
        columns: how many there are.

    Attributes:
        is_condition: whether it says yes or no, not a number.

    Raises:
        DataError: for anything but columns, numbers, pi, e, + - * / **, > ≥ < ≤, `and`, `or`,
            `not` and the functions of `FUNCTIONS`; names the part.
    """

    def __init__(self, text: str, columns: int, where: str = "formula"):
        self.text, self.columns, self._where = text, columns, where
        if not isinstance(text, str) or not text.strip() or len(text) > _MOST_LETTERS:
            shown = text if not isinstance(text, str) else f"{len(text)} characters"
            raise DataError(
                where, f"a formula must be text of 1 to {_MOST_LETTERS} characters, got {shown}"
            )
        try:
            self._tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._refused(text.strip(), "such as x1*x2 + sin(x1)") from None
        if sum(1 for _ in ast.walk(self._tree)) > _MOST_PARTS:
            raise DataError(where, f"a formula must have at most {_MOST_PARTS} parts, got more")
        self.is_condition = self._check(self._tree, 0)

    def __call__(self, x: Array) -> Array:
        """The formula for each row of x (N, columns): float64, or bool for a condition.

        Raises:
            DataError: where a value is not finite.
        """
        with np.errstate(all="ignore"):
            found = np.broadcast_to(self._compute(self._tree, np.asarray(x, np.float64)), len(x))
        if found.dtype == bool:
            return found.copy()
        values = found.astype(np.float64)
        finite = np.isfinite(values)
        if not finite.all():
            row = int(np.argmin(finite))
            place = ", ".join(f"x{i + 1} = {v:g}" for i, v in enumerate(x[row][:4]))
            raise DataError(
                self._where, f"{self.text} must be finite, got {values[row]} where {place}"
            )
        return values

    def _refused(self, part: str, wanted: str) -> DataError:
        return DataError(
            self._where,
            f"expected {wanted}, got {part!r}",
            f"Columns are x1 to x{self.columns}; functions are {', '.join(FUNCTIONS)}.",
        )

    def _check(self, node: ast.AST, depth: int) -> bool:
        """Refuses what is no formula; whether the part is a condition."""
        part = ast.unparse(node) if depth <= _DEEPEST else "a deeper one"

        def all_are(conditions: bool, nodes: list[Any]) -> None:
            for one in nodes:
                if self._check(one, depth + 1) != conditions:
                    kind = "a condition such as x1 > 0" if conditions else "a number"
                    raise self._refused(ast.unparse(one), kind)

        if depth > _DEEPEST:
            raise self._refused(part, f"a formula nested at most {_DEEPEST} deep")
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            if type(node.value) is not bool and abs(node.value) <= 1e6:
                return False
        elif isinstance(node, ast.Name):
            self._check_name(node.id)
            return False
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            all_are(True, [node.operand])
            return True
        elif isinstance(node, ast.UnaryOp) and type(node.op) in _ARITHMETIC:
            all_are(False, [node.operand])
            return False
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            if isinstance(node.op, ast.Pow):
                self._check_power(node.right)
            all_are(False, [node.left, node.right])
            return False
        elif isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            all_are(False, [node.left, *node.comparators])
            return True
        elif isinstance(node, ast.BoolOp):
            all_are(True, list(node.values))
            return True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            name = node.func.id
            if name not in FUNCTIONS:
                raise DataError(self._where, f"unknown function {name!r}", nearest(name, FUNCTIONS))
            count = 2 if name in _TWO else 1
            if len(node.args) == count and not any(isinstance(a, ast.Starred) for a in node.args):
                all_are(False, list(node.args))
                return False
        raise self._refused(part, "numbers, columns, functions and + - * / ** > < and or not")

    def _check_name(self, name: str) -> None:
        known = [*(f"x{i + 1}" for i in range(self.columns)), *_CONSTANTS]
        if name not in known:
            raise DataError(self._where, f"unknown column {name!r}", nearest(name, known[:8]))

    def _check_power(self, power: ast.AST) -> None:
        plain = power.operand if isinstance(power, ast.UnaryOp) else power
        value = plain.value if isinstance(plain, ast.Constant) else None
        if type(value) not in (int, float) or abs(float(value)) > _LARGEST_POWER:  # type: ignore[arg-type]
            raise self._refused(
                ast.unparse(power), f"a power that is a number up to {_LARGEST_POWER}"
            )

    def _compute(self, node: Any, x: Array) -> Any:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return _CONSTANTS[node.id] if node.id in _CONSTANTS else x[:, int(node.id[1:]) - 1]
        if isinstance(node, ast.UnaryOp):
            operand = self._compute(node.operand, x)
            return (
                np.logical_not(operand)
                if isinstance(node.op, ast.Not)
                else (_ARITHMETIC[type(node.op)](operand))
            )
        if isinstance(node, ast.BinOp):
            left, right = self._compute(node.left, x), self._compute(node.right, x)
            return _ARITHMETIC[type(node.op)](np.asarray(left), np.asarray(right))
        if isinstance(node, ast.BoolOp):
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return combine.reduce([self._all(one, x) for one in node.values])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return FUNCTIONS[node.func.id](*[self._compute(one, x) for one in node.args])
        values = [np.asarray(self._compute(one, x)) for one in [node.left, *node.comparators]]
        pairs = zip(node.ops, values[:-1], values[1:], strict=True)
        held = [np.broadcast_to(_COMPARISONS[type(op)](a, b), len(x)) for op, a, b in pairs]
        return np.logical_and.reduce(held)

    def _all(self, node: Any, x: Array) -> Array:
        return np.broadcast_to(self._compute(node, x), len(x))
