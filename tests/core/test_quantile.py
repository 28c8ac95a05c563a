"""The normal quantile from its coefficients, against mpmath: every coefficient counts."""

import mpmath
import numpy as np
import pytest

from pellucid.core.quantile import CENTRE, MIDDLE, TAIL, stream_hash


def ratio(coefficients, r):
    above, below = (sum(c * r**power for power, c in enumerate(part)) for part in coefficients)
    return above / below


def quantile(p):
    """Wichura's algorithm AS 241, PPND16, in Python's floats."""
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * ratio(CENTRE, 0.180625 - q * q)
    r = np.sqrt(-np.log(min(p, 1 - p)))
    found = ratio(MIDDLE, r - 1.6) if r <= 5 else ratio(TAIL, r - 5)
    return found if q > 0 else -found


@pytest.mark.parametrize(
    "places",
    [
        [0.5 + 0.425 * part for part in (-1, -0.7, -0.3, 0.1, 0.5, 0.9)],
        [1e-3, 0.02, 0.07, 1e-6, 1e-9, 2e-11],
        [1e-12, 1e-20, 1e-50, 1e-120, 1e-300],
    ],
)
def test_the_coefficients_give_sixteen_digits(places):
    with mpmath.workdps(40):
        for p in places:
            # For a small p the quantile is refined: erfinv loses what 2p - 1 has lost.
            start = mpmath.mpf(quantile(p))
            exact = mpmath.findroot(lambda x, p=p: mpmath.ncdf(x) / p - 1, start)
            assert abs(start / exact - 1) < 2e-15


def test_the_hash_of_a_stream_is_the_same_everywhere():
    assert stream_hash("order") == 0xCBF34691
    assert len({stream_hash(name) for name in ("order", "order2", "", "ordnung")}) == 4
