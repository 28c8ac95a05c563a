"""The table of checks that every row of the operation table passes.

`test_registry` runs all of them on all rows, `test_wrong_derivatives` shows that they catch rows
that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pellucid.core.dtypes import DType, float64
from pellucid.ops.spec import (
    Op,
)
from tests.ops.cases import cases
from tests.ops.row_checks import (
    check_documented,
    check_empty,
    check_facts,
    check_scalars,
    check_wrong_input,
)
from tests.ops.sampling import Case, dtypes_of
from tests.ops.trial import Trial
from tests.ops.trial_checks import (
    check_jvp,
    check_layout,
    check_nonfinite,
    check_second_order,
    check_symbolic,
    check_transpose,
    check_type,
    check_vjp,
)

Check = Callable[[Trial], None]
RowCheck = Callable[[Op, Sequence[Case]], list[Case]]

TRIALS: dict[str, Check] = {
    "type": check_type,
    "vjp": check_vjp,
    "jvp": check_jvp,
    "transpose": check_transpose,
    "second order": check_second_order,
    "layout": check_layout,
    "symbolic N": check_symbolic,
    "NaN and inf": check_nonfinite,
}
ROWS: dict[str, RowCheck] = {
    "size 0": check_empty,
    "scalars": check_scalars,
    "wrong input": check_wrong_input,
    "facts": check_facts,
    "documented": check_documented,
}


def trial_dtypes(check: str, op: Op, case: Case) -> list[DType]:
    """All dtypes for values, floats for derivatives, float64 for differences."""
    every = dtypes_of(op, case)
    if check in ("type", "layout"):
        return list(every)
    floats = [dtype for dtype in every if dtype.is_float]
    if check in ("second order", "NaN and inf"):
        floats = [dtype for dtype in floats if dtype == float64]
    return floats or list(every[:1])


def trials(check: str, op: Op) -> list[Trial]:
    """All trials of one check on one row. Under N only the cases that name it."""
    found = [case for case in cases(op) if check != "symbolic N" or case.symbolic]
    return [Trial(op, case, dtype) for case in found for dtype in trial_dtypes(check, op, case)]
