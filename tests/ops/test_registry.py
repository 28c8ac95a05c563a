"""Every row of the operation table passes every check, on every case, in every dtype.

No row opts out: `EXCEPTIONS` is the one table, it is printed at the end of a run, and an exception
that is not needed fails.
"""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.core.dtypes import float64
from pellucid.ops import REGISTRY
from pellucid.ops.spec import Kind, Linear, register
from pellucid.ops.spec import elementwise as elementwise_row
from tests.ops import report
from tests.ops.cases import cases
from tests.ops.checks import ROWS, TRIALS, trials
from tests.ops.sampling import Case, dtypes_of, sample

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("stop_gradient", "vjp"): "the gradient is held back on purpose; differences see through it",
    ("stop_gradient", "jvp"): "the tangent is held back on purpose; differences see through it",
    ("stop_gradient", "second order"): "as its first order",
}
report.show_exceptions(EXCEPTIONS)

NAMES = sorted(name for name, op in REGISTRY.items() if not op.user)


def run_trials(name: str, check: str) -> list[str]:
    """Runs a check on all its trials; returns what went wrong."""
    wrong = []
    found = trials(check, REGISTRY[name])
    assert found, f"{name} has no case for {check}"
    for trial in found:
        try:
            TRIALS[check](trial)
        except Exception as error:
            wrong.append(f"{trial}: {type(error).__name__}: {error}")
        report.record(name, check, str(trial.case), trial.dtype.name)
    return wrong


def judge(name: str, check: str, wrong: list[str]) -> None:
    if (name, check) in EXCEPTIONS:
        assert wrong, f"{name} passes {check}: take its exception out"
        return
    assert not wrong, f"{len(wrong)} trials of {name} fail {check}:\n" + "\n".join(wrong[:5])


@pytest.mark.one_in(4)
@pytest.mark.parametrize("check", TRIALS)
@pytest.mark.parametrize("name", NAMES)
def test_trials(name: str, check: str) -> None:
    judge(name, check, run_trials(name, check))


@pytest.mark.parametrize("check", ROWS)
@pytest.mark.parametrize("name", NAMES)
def test_row(name: str, check: str) -> None:
    op = REGISTRY[name]
    wrong: list[str] = []
    used: list[Case] = []
    try:
        used = ROWS[check](op, cases(op))
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}")
    for case in used:
        for dtype in dtypes_of(op, case):
            report.record(name, check, str(case), dtype.name)
    judge(name, check, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_cases(name: str) -> None:
    found = cases(REGISTRY[name])
    assert found, f"write cases for {name} in tests/ops/cases.py"
    assert any(case.symbolic for case in found), f"{name} has no case under N"
    dtypes = {dtype for case in found for dtype in dtypes_of(REGISTRY[name], case)}
    assert dtypes == set(REGISTRY[name].accepts), f"{name}: dtypes without a case"


def test_a_new_row_without_cases_is_noticed() -> None:
    row = elementwise_row(
        "test_new",
        ("x",),
        lambda xp, x: x,
        Linear((lambda ct, x: ct,)),
        kind=Kind.MOVEMENT,
        user=True,
    )
    register(row)
    try:
        assert cases(row) == []
    finally:
        del REGISTRY["test_new"]


def test_exceptions_name_rows_and_checks() -> None:
    for name, check in EXCEPTIONS:
        assert name in REGISTRY and check in (*TRIALS, *ROWS)


def test_samples_keep_away_from_kinks() -> None:
    """The drawing itself: no two numbers and no number and half lie closer than the differences."""
    for name in NAMES:
        op = REGISTRY[name]
        for case in cases(op):
            if float64 in dtypes_of(op, case):
                arrays = [a for a in sample(op, case.bound(), float64) if a.dtype.kind == "f"]
                values = np.sort(np.concatenate([a.ravel() for a in arrays])) if arrays else []
                assert np.all(np.diff(values) > 0.004)
