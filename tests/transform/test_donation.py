"""pel.jit(donate=…): results take the place of arrays that the caller gave up, and of no others."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.runtime import native

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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: f(ONES, ONES), "donated a must share no memory with another argument, got x"),
        (lambda f: f(ONES, ONES[::-1]), "must share no memory"),
        (lambda f: f(ONES[:], ONES), "must share no memory"),
        (lambda f: f(np.frombuffer(BYTES), np.frombuffer(BYTES)), "must share no memory"),
        (lambda f: f(np.ones(6)[::2], ONES), "got one in another order"),
        (lambda f: f(FROZEN, ONES), "got one that is read-only"),
        (lambda f: f(np.ones(3, ">f8"), ONES), "got ndarray >f8"),
        (lambda f: f(pel.Tensor(ONES), ONES), "got Tensor"),
        (lambda f: pel.jit(lambda a: a * 2, donate=0)(2.0), "got float"),
        (lambda f: pel.jit(lambda a: a[:2], donate=0)(ONES), r"got none of type f64\[3\] for a"),
        (lambda f: pel.jit(lambda a: a + CLOSED.w, donate=0)(CLOSED.w), "must share no memory"),
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
