"""Memory of large results: used again, never while an array needs it, and not without end."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import threading

import numpy as np
import pytest

import pellucid as pel
from pellucid.runtime import results

BIG = (700, 500)  # float32: more than LARGE bytes
F4 = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def _nothing_waits() -> None:
    gc.collect()
    results._waiting.clear()


def address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def test_small_results_own_their_memory() -> None:
    array = results.empty((10, 10), F4)
    assert array.flags.owndata
    assert array.base is None


def test_a_block_is_used_again_when_no_array_needs_it() -> None:
    one = results.empty(BIG, F4)
    assert one.flags.carray
    assert type(one) is np.ndarray
    place = address(one)
    del one
    two = results.empty((500, 700), F4)
    assert address(two) == place
    assert address(results.empty(BIG, F4)) != place


def test_any_view_keeps_the_block() -> None:
    one = results.empty(BIG, F4)
    one[:] = 7
    view = one[3:].reshape(-1)[::2].view(np.int32)
    place = address(one)
    bits = view.copy()
    del one
    gc.collect()
    other = results.empty(BIG, F4)
    other[:] = 9
    assert address(other) != place
    np.testing.assert_array_equal(view, bits)
    del view, other
    assert sum(map(len, results._waiting.values())) == 2


def test_what_waits_is_limited() -> None:
    size = 8 << 20
    held = [results.empty((size // 4,), F4) for _ in range(20)]
    del held
    assert 0 < results.waiting_bytes() <= results.KEPT
    results.empty((results.KEPT // 4 + 1,), F4)  # too large to wait: pushes out no other
    assert results.waiting_bytes() > results.KEPT // 2


def test_what_the_system_does_not_give_is_a_memory_error() -> None:
    f = pel.jit(lambda x: x[:, None] * x)
    with pytest.raises(MemoryError):
        f(np.zeros(10**7, np.float32))
    with pytest.raises((MemoryError, ValueError)):
        results.empty((10**7, 10**7, 10**7), F4)


def test_other_sizes_push_out_those_that_wait_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "KEPT", 5 << 19)
    for rows in (1 << 18, 1 << 19, 1 << 19):
        results.empty((rows,), F4)
    assert results.waiting_bytes() == 2 << 20


def test_copies_and_pickles_are_arrays_of_their_own() -> None:
    one = results.empty(BIG, F4)
    one[:] = 1
    for other in (one.copy(), pickle.loads(pickle.dumps(one)), np.sort(one)):
        assert not np.shares_memory(one, other)
        assert type(other) is np.ndarray


def test_results_of_calls_stay_what_they_were() -> None:
    f = pel.jit(lambda x: x + 1)
    x = np.zeros(BIG, np.float32)
    kept = []
    for i in range(8):
        x[:] = i
        result = f(x)
        kept.append(result[::100])
    assert [float(one[0, 0]) for one in kept] == [i + 1.0 for i in range(8)]


def test_calls_of_several_threads_share_no_block() -> None:
    f = pel.jit(lambda x: x * 2)
    wrong = []

    def work(number: int) -> None:
        x = np.full(BIG, number, np.float32)
        for _ in range(30):
            if not (f(x) == 2 * number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_writes_into_no_array_of_its_parent() -> None:
    one = results.empty(BIG, F4)
    one[:] = 5
    child = os.fork()
    if child == 0:
        one[:] = 6
        os._exit(0)
    os.waitpid(child, 0)
    assert (one == 5).all()


def test_calls_take_no_new_pages() -> None:
    f = pel.jit(lambda x: (x + 1, x * 2))
    x = np.zeros((2000, 1000), np.float32)
    for _ in range(3):
        f(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        f(x)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000  # of 39,000
