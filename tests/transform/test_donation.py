"""pel.jit(donate=…): results take the place of arrays that the caller gave up, and of no others."""

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.runtime import native
from pellucid.runtime.calls import well_placed

BACKENDS = ("native", "interpreter")


def step(params: Any, x: Any) -> Any:
    """A step of a network with state of several shapes; the old weights are read late."""
    w, b = params

    def loss(w: Any, b: Any) -> Any:
        return (np.tanh(x @ w + b) ** 2).mean()

    value, (dw, db) = pel.value_and_grad(loss, (0, 1))(w, b)
    return value, [w - 0.1 * dw, b - 0.1 * db + w.sum(axis=0)]


def start(rows: int = 20) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(rows)
    params = [rng.normal(size=(5, 7)).astype("f4"), rng.normal(size=7).astype("f4")]
    return params, rng.normal(size=(rows, 5)).astype("f4")


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_those_of_a_plain_call_in_the_arrays_that_were_given(backend: str) -> None:
    params, x = start()
    plain, giving = pel.jit(step, backend=backend), pel.jit(step, donate=0, backend=backend)
    own = [array.copy() for array in params]
    given, expected = own, params
    for _ in range(5):  # the third call on is a repeated one
        value, given = giving(given, x)
        known, expected = plain(expected, x)
        assert float(value) == float(known)
        for mine, theirs, array in zip(given, expected, own, strict=True):
            assert mine is array
            assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("small", [True, False])
def test_threads_change_no_bit(small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "WORTH_THREADS", 10**9 if small else 0)
    results = []
    for threads in (1, 2, 3):
        params, x = start(300)
        giving = pel.jit(step, donate=0, threads=threads)
        for _ in range(4):
            _, params = giving(params, x)
        results.append([array.tobytes() for array in params])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_that_change_places_and_results_that_are_arguments(backend: str) -> None:
    turn = pel.jit(lambda a, b, c: (b, c, a, a + b), donate=(0, 1, 2), backend=backend)
    a, b, c = np.full(3, 1.0), np.full(3, 2.0), np.full(3, 3.0)
    for _ in range(3):
        one, two, three, total = turn(a, b, c)
        assert (one is a, two is b, three is c) == (True, True, True)
    assert (a[0], b[0], c[0], total[0]) == (1, 2, 3, 4)  # three turns


def test_arguments_that_are_not_donated_stay_as_they_are() -> None:
    params, x = start()
    rows = x.copy()
    given = [array.copy() for array in params]
    pel.jit(step)(given, x)
    giving = pel.jit(step, donate=0)
    for _ in range(3):
        giving(given, x)
    np.testing.assert_array_equal(x, rows)


def test_only_results_of_their_own_type_take_their_place() -> None:
    f = pel.jit(lambda w, x: (x.sum(), (w + 1).astype(np.float32), w * 2), donate=0)
    w = np.ones((2, 2))
    _, single, double = f(w, np.ones(3))
    assert single.dtype == np.float32
    assert double is w


def test_inside_another_transform_nothing_is_written_over() -> None:
    double = pel.jit(lambda x: x * x, donate=0)
    x = np.array(3.0)
    assert float(pel.grad(double)(x)) == 6.0
    assert float(x) == 3.0


ONES = np.ones(3)
FROZEN = np.ones(3)
FROZEN.flags.writeable = False
BYTES = bytearray(24)
CLOSED = SimpleNamespace(w=np.ones(3))
UNALIGNED = np.zeros(25, np.uint8)[1:].view(np.float64)


class Own(np.ndarray):
    """A subclass: what it does with its numbers is its own."""


def as_ctypes(array: np.ndarray) -> np.ndarray:
    """The same numbers by a way that leaves no trace in `base`."""
    return np.ctypeslib.as_array((ctypes.c_double * array.size).from_buffer(array))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda f: f(ONES, ONES),
            "donated a must share no memory with anything else that the call reads, got x",
        ),
        (lambda f: f(ONES, ONES[::-1]), "must share no memory"),
        (lambda f: f(ONES[:], ONES), "must share no memory"),
        (lambda f: f(np.frombuffer(BYTES), np.frombuffer(BYTES)), "must share no memory"),
        (lambda f: f(np.ones(6)[::2], ONES), "got one in another order"),
        (lambda f: f(FROZEN, ONES), "got one that is read-only"),
        (lambda f: f(np.ones(3, ">f8"), ONES), "got one of dtype >f8"),
        (lambda f: f(pel.Tensor(ONES), ONES), "got an object of Tensor"),
        (lambda f: pel.jit(lambda a: a * 2, donate=0)(2.0), "got an object of float"),
        (lambda f: pel.jit(lambda a: a[:2], donate=0)(ONES), r"got none of type f64\[3\] for a"),
        (lambda f: f(ONES, np.asarray(memoryview(ONES))), "must share no memory"),
        (lambda f: f(ONES, as_ctypes(ONES)), "must share no memory"),
        (lambda f: f(as_ctypes(ONES), ONES), "must share no memory"),
        (lambda f: f(as_ctypes(ONES), as_ctypes(ONES)), "must share no memory"),
        (lambda f: f(UNALIGNED, ONES), "got one that is not aligned"),
        (lambda f: f(ONES.view(Own), ONES), "got an object of Own"),
        (lambda f: f(a=ONES, x=ONES), "Hand it over by position"),
        (
            lambda f: pel.jit(lambda a: a + CLOSED.w, donate=0)(CLOSED.w),
            "got an array that the function closes over",
        ),
        (lambda f: pel.jit(lambda a: a, donate=1)(ONES), "donate names argument 1"),
        (lambda f: pel.jit(lambda a: a, donate=-1), "donate must name positional arguments"),
        (lambda f: pel.jit(lambda a: a, donate=(0, 0)), "each once"),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_what_cannot_be_written_over_is_refused_and_left_alone(
    make: Any, words: str, before: bool
) -> None:
    f = pel.jit(lambda a, x: a + x.sum(), donate=0)
    if before:  # a call that looks alike is checked too
        f(np.ones(3), np.ones(3))
        f(np.ones(3), np.ones(3))
    with pytest.raises(ArgumentError, match=words):
        make(f)
    np.testing.assert_array_equal(ONES, 1)
    np.testing.assert_array_equal(FROZEN, 1)
    np.testing.assert_array_equal(CLOSED.w, 1)


def test_views_of_memory_of_their_own_may_be_donated() -> None:
    f = pel.jit(lambda a, x: a + x, donate=0)
    block = np.zeros(6)
    for _ in range(3):
        f(block[:3], np.ones(3))
    np.testing.assert_array_equal(block, [3, 3, 3, 0, 0, 0])


def test_rows_of_one_block_that_do_not_meet_may_be_handed_over() -> None:
    f = pel.jit(lambda a, x: a + x.sum(axis=0), donate=0)
    block = np.ones((4, 4))
    f(block[1], block[0::2])
    np.testing.assert_array_equal(block[1], 3)
    np.testing.assert_array_equal(block[0::2], 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("update_first", [True, False])
def test_a_call_that_is_refused_leaves_the_arrays_as_they_were(
    backend: str, update_first: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether what refuses stands before the update or needs its result."""
    monkeypatch.setattr(native, "WORTH_THREADS", 0)

    def function(w: Any, n: Any, i: Any) -> Any:
        moved = w - 1.0
        return moved, n + 1, (moved if update_first else w * 2)[i]

    f = pel.jit(function, donate=(0, 1), backend=backend, threads=threads)
    w, n = np.arange(4.0), np.array(0)
    for step in range(6):
        if step % 2:
            before = w.copy(), n.copy()
            with pytest.raises(pel.DataError, match="got 9"):
                f(w, n, np.array([9]))
            np.testing.assert_array_equal(w, before[0])
            np.testing.assert_array_equal(n, before[1])
        else:
            w, n, _ = f(w, n, np.array([step % 3]))
    np.testing.assert_array_equal(w, np.arange(4.0) - 3)
    assert n == 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_indices_that_are_donated_are_judged_as_they_came(backend: str) -> None:
    f = pel.jit(lambda i, x: (i - 5, x[i]), donate=0, backend=backend)
    x = np.arange(5.0)
    for good in (False, True, False):
        if good:
            f(np.array([1]), x)
        with pytest.raises(pel.DataError, match="got 7"):
            f(np.array([7]), x)


def test_large_arrays_that_begin_at_no_cache_line_are_left() -> None:
    """The results do, so that the next call is in place."""
    f = pel.jit(lambda w: w + 1, donate=0)
    block = np.zeros(300 * 300 + 16, np.float32)
    first = next(
        part for part in (block[i : i + 90_000] for i in range(16)) if not well_placed(part)
    )
    w = f(first.reshape(300, 300))
    assert well_placed(w)
    for _ in range(3):
        again = f(w)
        assert again is w
    np.testing.assert_array_equal(w, 4)
    np.testing.assert_array_equal(block, 0)
