"""`smo` as machine code: the reference's bits, and the optimum of the problem."""

from __future__ import annotations

import _thread
import itertools
import math
import threading
import time
from typing import Any

import numpy as np
import pytest

from pellucid.svm import reference, routines
from pellucid.svm.problem import classification, regression
from pellucid.svm.reference import Status
from tests.svm.problems import KINDS, Problem, problem

BOTH = pytest.mark.parametrize("smo", [reference.smo, routines.smo], ids=["reference", "native"])


def same(one: Problem, other: Problem) -> bool:
    return all(np.array_equal(*pair) for pair in zip(one.arguments, other.arguments, strict=True))


def violation(done: Problem) -> float:
    """The gap from b and its bounds alone, group by group."""
    F, worst = done.exact(), -math.inf
    for variable, row, _, length, _, _ in done.segments:
        part, places = slice(variable, variable + length), slice(row, row + length)
        offset = max([*done.up[part][done.up[part] < math.inf], -math.inf])
        offset = max([*done.low[part][done.low[part] > -math.inf], offset])
        one = done.segments[:, 4] == done.segments[done.segments[:, 0] == variable, 4]
        least = min(
            (F[r : r + n] + o)[done.b[v : v + n] < done.hi[v : v + n]].min(initial=math.inf)
            for (v, r, _, n, _, _), o in zip(done.segments[one], offsets(done)[one], strict=True)
        )
        free = done.b[part] > done.lo[part]
        worst = max(worst, (F[places] + offset)[free].max(initial=-math.inf) - least)
    return float(worst)


def offsets(done: Problem) -> Any:
    found = []
    for variable, _, _, length, _, _ in done.segments:
        part = slice(variable, variable + length)
        known = [*done.up[part][done.up[part] < math.inf], *done.low[part][done.low[part] > -9]]
        found.append(max(known, default=0.0))
    return np.array(found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_the_bits_of_the_reference(kind: str, dtype: Any) -> None:
    """Around every border of a vector and of a block, with exact ties and without."""
    for n in (1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100):
        for ties in (False, True):
            ours = problem(kind, n, dtype, n, ties=ties)
            theirs = ours.copy()
            found = routines.smo(*ours.arguments, 1e-3, 500)
            known = reference.smo(*theirs.arguments, 1e-3, 500)
            assert found == known
            assert same(ours, theirs), (n, ties)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("walked", [routines.WALKED, 2000])  # one call, or several
def test_many_problems_in_one_call_end_as_each_by_itself(
    threads: int, walked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routines, "WALKED", walked)
    rng, counts = np.random.default_rng(0), [1, 40, 3, 65, 8, 33]
    n, ends = sum(counts), np.cumsum([0, *counts]).tolist()
    x = rng.normal(size=(n, 3)) + np.repeat(rng.normal(size=(len(counts), 3)), counts, axis=0)
    K = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(2))
    address = (K.ctypes.data + K.strides[0] * np.arange(n)).astype(np.int64)
    spans = list(itertools.pairwise(ends))
    pairs = [list(one) for one in itertools.combinations(spans, 2)]
    rest = [[spans[2], (0, spans[2][0]), (spans[2][1], n)]]  # a class against the rest
    ranges = pairs + rest
    bounds = rng.uniform(0.1, 2.0, sum(b - a for own in ranges for a, b in own))
    results = []
    for way in ("native", "NumPy", "by itself"):
        monkeypatch.setattr(routines, "native", lambda way=way: way == "native")
        together = classification(ranges, bounds)
        most = 1 + np.diff(together.starts) // 2
        rows, diagonal = address[together.rows], np.ones(len(together.rows))
        if way != "by itself":
            found = routines.smo_each(rows, diagonal, together, 1e-4, most, threads)
        else:
            found = []
            for one, count in zip(together, most.tolist(), strict=True):
                arrays = one.F, one.b, one.lo, one.hi, one.up, one.low, one.segments
                own = address[one.rows], np.ones(len(one.rows))
                found.append(reference.smo(*own, *arrays, 1e-4, count))
        results.append((found, together))
    assert results[0][0] == results[1][0] == results[2][0]
    assert {one.status for one in results[0][0]} == {Status.CONVERGED, Status.BOUND}
    for name in ("F", "b", "up", "low"):
        first, *others = (getattr(one, name) for _, one in results)
        for other in others:
            np.testing.assert_array_equal(first, other)
    _, together = results[0]
    for one, multiplier in zip(together, together.multipliers(), strict=True):
        F = one.F[(one.b > one.lo) & (one.b < one.hi)]
        if len(F):
            assert multiplier == pytest.approx(F.mean(), abs=1e-13)
        else:
            grows, shrinks = one.F[one.b < one.hi], one.F[one.b > one.lo]
            middle = np.array([grows.min(initial=np.inf), shrinks.max(initial=-np.inf)])
            assert multiplier == pytest.approx(middle[np.isfinite(middle)].mean(), abs=1e-13)


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_at_the_optimum(kind: str, smo: Any) -> None:
    given = problem(kind, 90, np.float64, 3, C=2.0)
    before = [given.b[s[0] : s[0] + s[3]].sum() for s in given.segments]
    found = smo(*given.arguments, 1e-6, 20_000)
    assert found.status is Status.CONVERGED
    assert found.missing == -1 and 0 < found.iterations < 20_000
    assert np.abs(given.F - given.exact()).max() < 1e-12
    assert violation(given) <= 1e-6 * 1.01
    assert abs(violation(given) - found.gap) < 1e-12
    assert (given.lo <= given.b).all() and (given.b <= given.hi).all()
    assert np.array_equal(given.up < np.inf, given.b < given.hi)
    assert np.array_equal(given.low > -np.inf, given.b > given.lo)
    after = [given.b[s[0] : s[0] + s[3]].sum() for s in given.segments]
    if kind == "two groups":
        assert np.allclose(before, after)
    else:
        assert abs(sum(before) - sum(after)) < 1e-9


def test_one_pair_by_hand() -> None:
    """Two rows with K = [[2, 1], [1, 3]]: a = 3, d = 2, δ = 2/3; or the bound where it is lower."""
    for C, expected in ((5.0, 2 / 3), (0.25, 0.25)):
        K = np.array([[2.0, 1.0], [1.0, 3.0]])
        rows = K.ctypes.data + 16 * np.arange(2)
        b, F = np.zeros(2), np.array([-1.0, 1.0])
        hi, lo = np.array([C, 0.0]), np.array([0.0, -C])
        up, low = np.array([0.0, math.inf]), np.array([-math.inf, 0.0])
        table = np.array([[0, 0, 0, 2, 0, 1]])
        found = routines.smo(rows, K.diagonal().copy(), F, b, lo, hi, up, low, table, 1e-9, 9)
        assert found.status is Status.CONVERGED and found.iterations == 1
        assert np.allclose(b, [expected, -expected], rtol=1e-15)
        assert np.allclose(F, np.array([-1, 1]) + expected * np.array([1, -2]))
        assert (up[0] == math.inf) == (C < 1) == (low[1] == -math.inf)


@pytest.mark.parametrize("n", [5, 40, 200])
def test_ties_go_to_the_smallest_number(n: int) -> None:
    """All rows of a class are alike: the first of each is the pair."""
    K = np.eye(n, dtype=np.float32)
    rows = K.ctypes.data + 4 * n * np.arange(n)
    half = n // 2
    y = np.where(np.arange(n) < half, -1.0, 1.0)
    b, F = np.zeros(n), -y
    up, low = np.where(y > 0, 0.0, math.inf), np.where(y > 0, -math.inf, 0.0)
    bounds = np.where(y > 0, 0.0, -1.0), np.where(y > 0, 1.0, 0.0)
    table = np.array([[0, 0, 0, n, 0, 1]])
    found = routines.smo(rows, np.ones(n, np.float32), F, b, *bounds, up, low, table, 1e-3, 1)
    assert found.status is Status.BOUND and found.iterations == 1
    assert np.flatnonzero(b).tolist() == [0, half]


@BOTH
def test_a_row_that_is_missing_is_named_and_nothing_is_lost(smo: Any) -> None:
    """Rows are given one by one as they are asked for; the result is that of all rows at once."""
    whole = problem("classes", 40, np.float32, 1)
    part = whole.copy()
    wanted = smo(*whole.arguments, 1e-3, 10_000)
    addresses, done = part.rows.copy(), 0
    part.rows[:] = 0
    while True:
        found = smo(*part.arguments, 1e-3, 10_000)
        done += found.iterations
        if found.status is not Status.MISSING:
            break
        assert part.rows[found.missing] == 0 and found.gap > 1e-3
        part.rows[found.missing] = addresses[found.missing]
    assert found.status is Status.CONVERGED and done == wanted.iterations
    assert np.array_equal(part.b, whole.b) and np.array_equal(part.F, whole.F)
    assert (part.rows == 0).any()


@BOTH
def test_it_does_so_many_iterations_and_goes_on_where_it_was(smo: Any) -> None:
    whole = problem("regression", 40, np.float64, 2)
    part = whole.copy()
    smo(*whole.arguments, 1e-4, 50)
    for _ in range(25):
        found = smo(*part.arguments, 1e-4, 2)
        assert found.status is Status.BOUND and found.iterations == 2
    assert same(whole, part)
    assert smo(*part.arguments, 1e-4, 0).iterations == 0


def test_pieces_of_a_run_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = problem("classes", 60, np.float32, 4)
    part, asked = whole.copy(), []
    routines.smo(*whole.arguments, 1e-4, 1000)
    monkeypatch.setattr(routines, "WALKED", 60 * 7)
    found = routines.smo(*part.arguments, 1e-4, 1000, lambda: bool(asked.append(1)))
    assert same(whole, part) and found.status is Status.CONVERGED
    assert len(asked) == found.iterations // 7 > 2
    part = problem("classes", 60, np.float32, 4)
    found = routines.smo(*part.arguments, 1e-4, 1000, lambda: True)
    assert found.status is Status.STOPPED and found.iterations == 7
    assert np.abs(part.F - part.exact()).max() < 1e-6


@BOTH
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_ends_the_run(bad: float, smo: Any) -> None:
    for place in (0, 17, 39):
        given = problem("classes", 40, np.float64, 5)
        given.F[place] = bad
        assert smo(*given.arguments, 1e-3, 1000).status is Status.NOT_FINITE
        given = problem("classes", 40, np.float64, 5)
        given.K[:, place] = given.K[place] = bad
        assert smo(*given.arguments, 1e-3, 1000).status is Status.NOT_FINITE


@BOTH
def test_nothing_can_move(smo: Any) -> None:
    """No variables, segments of no length, and bounds that leave no room."""
    given = problem("classes", 4, np.float64, 5)
    empty = np.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 4, 3, 1], [4, 4, 4, 0, 1, 1]])
    for table in (empty[:0], empty[:1]):
        found = smo(*given.arguments[:-1], table, 1e-3, 5)
        assert found == (Status.CONVERGED, 0, -math.inf, -1)
    given.up[:], given.low[:] = math.inf, -math.inf
    found = smo(*given.arguments[:-1], empty, 1e-3, 5)
    assert found == (Status.CONVERGED, 0, -math.inf, -1)


def test_segments_of_no_length_change_nothing() -> None:
    whole = problem("classes", 20, np.float64, 5)
    part = whole.copy()
    table = np.array([[0, 0, 0, 0, 2, 1], [0, 0, 0, 20, 0, 1], [20, 20, 20, 0, 1, 1]])
    routines.smo(*whole.arguments, 1e-3, 500)
    routines.smo(*part.arguments[:-1], table, 1e-3, 500)
    assert np.array_equal(whole.b, part.b)


def test_rows_alike_end_too() -> None:
    """Curvature 0 between copies of a row, with targets that differ: a step to the bound."""
    K = np.ones((6, 6), np.float32)
    rows = K.ctypes.data + 24 * np.arange(6)
    y = np.array([1.0, -1.0] * 3)
    b, F, zero = np.zeros(6), -y, np.zeros(6)
    lo, hi = np.minimum(y, 0), np.maximum(y, 0)
    up, low = np.where(y > 0, zero, math.inf), np.where(y > 0, -math.inf, zero)
    table = np.array([[0, 0, 0, 6, 0, 1]])
    diag = np.ones(6, np.float32)
    found = routines.smo(rows, diag, F, b, lo, hi, up, low, table, 1e-3, 100)
    assert found.status is Status.CONVERGED
    assert np.array_equal(b, y)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_an_interrupt_is_heard_and_leaves_arrays_that_agree() -> None:
    """A problem that takes seconds: the tolerance cannot be reached."""
    given = problem("classes", 1500, np.float32, 6, C=1e4)
    timer = threading.Timer(0.1, _thread.interrupt_main)
    start = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        routines.smo(*given.arguments, 0.0, 10**9)
    assert time.perf_counter() - start < 0.5
    timer.join()
    assert np.abs(given.F - given.exact()).max() < 1e-6 * max(1.0, np.abs(given.b).max())
    assert np.array_equal(given.up < np.inf, given.b < given.hi)


def test_several_threads_run_their_own() -> None:
    many = [problem("classes", 50, np.float32, seed) for seed in range(8)]
    alone = [one.copy() for one in many]
    for one in alone:
        routines.smo(*one.arguments, 1e-3, 1000)
    runs = [
        threading.Thread(target=routines.smo, args=(*one.arguments, 1e-3, 1000)) for one in many
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert all(map(same, many, alone))


@BOTH
def test_no_variable_is_its_own_partner(smo: Any) -> None:
    """(F + off) - off is not F: by that little a variable would violate against itself.

    Below a gap of 1e-11 it was the best pair, and its steps changed b without changing F.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    K = np.exp(-0.3 * ((x[:, None] - x[None]) ** 2).sum(-1))
    one = regression(x[:, 0] + 0.1 * rng.normal(size=40), np.ones(40), 0.1)
    rows = K.ctypes.data + np.arange(40) * K.strides[0]
    vectors = one.F, one.b, one.lo, one.hi, one.up, one.low, one.segments
    found = smo(rows, K.diagonal().copy(), *vectors, 1e-14, 5000)
    assert found.status is Status.CONVERGED and found.iterations < 1000
    assert np.abs(K @ one.beta - one.z - one.F).max() < 1e-14
    assert abs(one.b.sum()) < 1e-14


@BOTH
def test_a_step_that_rounding_swallows_ends_the_run(smo: Any) -> None:
    K = np.eye(2)
    b, F = np.array([1.0, -1.0]), np.array([0.0, 1e-17])
    rows = K.ctypes.data + np.arange(2) * K.strides[0]
    bounds = np.full(2, -2.0), np.full(2, 2.0), np.zeros(2), np.zeros(2)
    segments = np.array([[0, 0, 0, 2, 0, 1]])
    found = smo(rows, np.ones(2), F, b, *bounds, segments, 0.0, 100)
    assert found.status is Status.STALLED and found.iterations == 0 and found.gap == 1e-17
    np.testing.assert_array_equal(F, [0.0, 1e-17])
