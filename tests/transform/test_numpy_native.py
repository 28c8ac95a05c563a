"""NumPy's functions as machine code: what the interpreter gives, also at special values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from tests.transform.numpy_cases import CASES, PLACES
from tests.transform.test_numpy_functions import runs

HOST = ("shape", "ndim", "size")  # they give Python's own values
TOGETHER = 40  # calls in one graph
NAMED = [case for case in CASES if case.name not in HOST]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, len(NAMED), TOGETHER))
def test_calls_equal_the_interpreter(first: int) -> None:
    several = NAMED[first : first + TOGETHER]
    drawn = [case.draw(*runs(case)[0]) for case in several]

    def everything(drawn: Any) -> Any:
        return [case.call(*given) for case, given in zip(several, drawn, strict=True)]

    results = [pel.jit(everything, backend=b)(drawn) for b in ("native", "interpreter")]
    for case, ours, known in zip(several, *results, strict=True):
        assert ours.dtype == known.dtype and ours.shape == known.shape, case
        np.testing.assert_allclose(ours, known, 1e-12, 1e-13, err_msg=str(case))


ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.2, -2.5, 2.2, 1e-310, 1e300])
LINES = np.stack([np.roll(ODD, k)[:5] for k in range(12)])
NONE = np.full((3, 4), np.nan)
SPECIAL: list[Any] = [
    lambda: (lambda x: np.sort(x, kind="stable"), LINES),
    lambda: (lambda x: np.argsort(x, kind="stable"), LINES),
    lambda: (lambda x: np.median(x, axis=1) + 0.0, LINES),
    lambda: (
        lambda x: np.quantile(x, [0, 0.25, 0.3, 1], axis=1, method="hazen") + 0.0,
        np.where(np.isinf(LINES), 7, LINES),
    ),
    *(
        lambda name=name: (
            lambda x: getattr(np, name)(x, axis=1) + 0.0,
            np.concatenate([LINES[:, :4], NONE]),
        )
        for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd")
    ),
    lambda: (lambda x: np.interp(x, PLACES, np.array([1.0, np.inf, 2.0, np.nan, 3.0])), ODD),
    lambda: (lambda x: np.interp(x, PLACES, PLACES, left=-9, right=np.inf), ODD),
    lambda: (lambda x: np.unwrap(x, axis=1), np.where(LINES == 1e300, 7, LINES)),
    lambda: (lambda x: np.gradient(x, axis=1), LINES),
    lambda: (lambda x: np.nan_to_num(x, nan=1, posinf=2), ODD),
    lambda: (lambda x: np.select([x > 0, x < 0], [x, 1 / x], 5), ODD),
    *(
        lambda ord=ord: (lambda x: np.linalg.norm(x, ord, axis=1), LINES)
        for ord in (0, 1, 2, 3, 0.5, -1, np.inf, -np.inf)
    ),
    lambda: (lambda x: np.cross(x[:, :3], x[::-1, :3]), LINES),
    lambda: (lambda x: np.diag(x, 1), ODD),
    lambda: (lambda x: np.linspace(x, 1, 3), ODD),
    lambda: (np.angle, ODD),
]


def test_special_values_are_numpys_on_both_engines() -> None:
    pairs = [make() for make in SPECIAL]

    def everything(given: Any) -> Any:
        return [call(x) for (call, _), x in zip(pairs, given, strict=True)]

    given = [x for _, x in pairs]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [np.asarray(call(x)) for call, x in pairs]
    for backend in ("interpreter", "native"):
        found = pel.jit(everything, backend=backend)(given)
        for number, (ours, known) in enumerate(zip(found, wanted, strict=True)):
            np.testing.assert_allclose(ours, known, 1e-13, 0, err_msg=f"{backend} {number}")
            there = ~np.isnan(known)
            np.testing.assert_array_equal(
                np.signbit(ours)[there], np.signbit(known)[there], str(number)
            )


def test_a_quantile_that_is_infinite_is_given() -> None:
    """NumPy interpolates between the element and itself, which gives NaN."""
    x = pel.Tensor(np.array([1.0, 2.0, np.inf]))
    assert [float(v) for v in np.quantile(x, [0.5, 1])] == [2.0, np.inf]
