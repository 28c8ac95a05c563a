"""The line search on functions of one length: where it stops, and when it gives up."""

import math

import numpy as np
import pytest

from pellucid.optim import Objective
from pellucid.optim.line_search import _cubic_minimum, _Point, line_search


def search(function, slope, first, start=0.0):
    """A search along +1 from `start`: the length, the slope there and the lengths tried."""
    tried = []

    def at(w):
        tried.append(float(w[0]) - start)
        return function(float(w[0])), np.array([slope(float(w[0]))])

    value, gradient = function(start), np.array([slope(start)])
    here = Objective(np.array([start]), value, gradient, lambda w: at(w)[0], at, lambda v: v)
    found = line_search(here, np.array([1.0]), first)
    if found is None:
        return None, None, tried
    return found[0], found[1][0], tried


def parabola(lowest, curve=1.0):
    return (
        lambda w: curve * (w - lowest) ** 2 / 2,
        lambda w: curve * (w - lowest),
    )


def test_a_first_length_that_is_good_enough_is_taken():
    # |f'(α)| ≤ 0.9·|f'(0)| holds from α = 0.1 of the way to the minimum to 1.9 of it.
    for first, tries in ((0.11, 1), (1.0, 1), (1.89, 1), (0.09, 2), (1.99, 2)):
        length, slope, tried = search(*parabola(1.0), first)
        assert tried[0] == first
        assert len(tried) == tries, first
        assert abs(slope) <= 0.9
        assert slope == length - 1


def test_a_length_that_is_too_short_is_doubled_until_it_is_not():
    length, _, tried = search(*parabola(100.0), 1.0)
    assert tried == [1, 2, 4, 8, 16]
    assert length == 16


def test_the_cubic_finds_the_minimum_of_a_parabola_at_once():
    length, slope, tried = search(*parabola(1.0), 5.0)
    assert tried[0] == 5
    assert len(tried) == 2
    assert length == pytest.approx(1, rel=1e-12)
    assert slope == pytest.approx(0, abs=1e-12)


def test_too_little_fall_is_not_enough():
    # f falls by less than 1e-4·α·|f'(0)| at α = 2(1 - 5e-5): beyond it the parabola is too high.
    edge = 2 * (1 - 1e-4)
    inside, outside = edge - 1e-6, edge + 1e-6

    def value(w):  # level enough everywhere, so only the fall decides
        return parabola(1.0)[0](w)

    def slope(w):
        return -1.0 if w == 0 else 0.1

    assert search(value, slope, inside)[2] == [inside]
    assert len(search(value, slope, outside)[2]) > 1


@pytest.mark.parametrize("slope", [0.0, 1.0, math.nan])
def test_a_direction_that_does_not_fall_is_left_at_once(slope):
    assert search(lambda w: w, lambda w: slope, 1.0) == (None, None, [])


def test_where_nothing_is_lower_there_is_no_length():
    length, _, tried = search(abs, lambda w: -1.0 if w == 0 else 1.0, 1.0)
    assert length is None
    assert 1 < len(tried) <= 25
    assert min(tried) < 1e-14


def test_a_value_that_is_not_finite_is_too_high():
    def value(w):
        return (w - 1) ** 2 if w < 2 else math.nan

    length, _, tried = search(value, lambda w: 2 * (w - 1), 4.0)
    assert tried[:2] == [4, 2]  # halved, where no cubic goes through
    assert length == 1


def test_the_lowest_point_is_taken_where_the_search_runs_out():
    """A function that falls for ever without levelling out: 25 doublings."""
    length, slope, tried = search(lambda w: -w, lambda w: -1.0, 1.0)
    assert tried == [2.0**k for k in range(25)]
    assert length == 2.0**24
    assert slope == -1


def test_a_search_that_goes_past_the_minimum_comes_back_between_its_ends():
    """Steep first, then flat: the point lies where the slope has levelled out."""

    def value(w):
        return math.sqrt(1e-4 + (w - 1) ** 2)

    def slope(w):
        return (w - 1) / value(w)

    length, end, tried = search(value, slope, 0.01)
    assert value(length) <= value(0) + 1e-4 * length * slope(0)
    assert abs(end) <= 0.9 * abs(slope(0))
    assert len(tried) <= 12
    assert all(0 < each < 3 for each in tried)


def point(length, function, slope):
    return _Point(length, function(length), slope(length), np.zeros(1))


def test_the_cubic_through_two_points():
    def cubic(w):
        return w**3 - 3 * w**2 + 1  # lowest at 2

    def slope(w):
        return 3 * w**2 - 6 * w

    ends = [point(each, cubic, slope) for each in (1.0, 4.0)]
    assert _cubic_minimum(*ends) == pytest.approx(2, rel=1e-12)
    assert _cubic_minimum(*ends[::-1]) == pytest.approx(2, rel=1e-12)
    near = [point(each, cubic, slope) for each in (1.99, 4.0)]
    assert _cubic_minimum(*near) == pytest.approx(1.99 + 0.1 * 2.01)  # a tenth off the end
    near = [point(each, cubic, slope) for each in (1.0, 2.01)]
    assert _cubic_minimum(*near) == pytest.approx(2.01 - 0.1 * 1.01)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (_Point(0.0, 0.0, -1.0, np.zeros(1)), _Point(2.0, math.inf, 1.0, np.zeros(1))),
        (_Point(0.0, math.inf, -1.0, np.zeros(1)), _Point(2.0, 0.0, 1.0, np.zeros(1))),
        # No minimum: the cubic is a line, or falls and rises nowhere.
        (_Point(0.0, 0.0, -1.0, np.zeros(1)), _Point(2.0, -2.0, -1.0, np.zeros(1))),
        (_Point(0.0, 0.0, 1.0, np.zeros(1)), _Point(2.0, 1.0, 1.0, np.zeros(1))),
    ],
)
def test_where_no_cubic_has_a_minimum_the_middle_is_taken(left, right):
    assert _cubic_minimum(left, right) == pytest.approx(1, abs=0.81)
    assert 0.2 <= _cubic_minimum(left, right) <= 1.8
