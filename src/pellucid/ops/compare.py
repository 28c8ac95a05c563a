"""Rows that compare, and rows of logic. The result is boolean; as a number its gradient is 0."""

from __future__ import annotations

from typing import Any

from pellucid.core.dtypes import bool_
from pellucid.ops.spec import ANY, BOOLEANS, NUMBERS, Kind, ZeroGradient, elementwise, register


def _compare(name: str, formula: str, doc: str, accepts: Any = NUMBERS, **facts: Any) -> None:
    register(
        elementwise(
            name,
            ("x", "y"),
            accepts=accepts,
            result=bool_,
            kind=Kind.COMPARE,
            forward=lambda xp, x, y: getattr(xp, name)(x, y),
            derivative=ZeroGradient(f"{name} is true or false"),
            formula=formula,
            doc=doc,
            exact=True,
            **facts,
        )
    )


_compare(
    "equal", "x = y", "Whether two elements are equal; NaN equals nothing.", ANY, commutative=True
)
_compare("not_equal", r"x \ne y", "Whether two elements differ.", ANY, commutative=True)
_compare("less", "x < y", "Whether x is below y.")
_compare("less_equal", r"x \le y", "Whether x is at most y.")
_compare("greater", "x > y", "Whether x is above y.")
_compare("greater_equal", r"x \ge y", "Whether x is at least y.")
_compare(
    "logical_and", r"x \wedge y", "Whether both hold.", BOOLEANS, commutative=True, idempotent=True
)
_compare(
    "logical_or", r"x \vee y", "Whether one holds.", BOOLEANS, commutative=True, idempotent=True
)

register(
    elementwise(
        "logical_not",
        ("x",),
        accepts=BOOLEANS,
        result=bool_,
        kind=Kind.COMPARE,
        forward=lambda xp, x: xp.logical_not(x),
        derivative=ZeroGradient("logical_not is true or false"),
        formula=r"\neg x",
        doc="Whether x does not hold.",
        exact=True,
    )
)
