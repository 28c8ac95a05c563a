"""Signals that wait for the end of a block, notices that come once, locks by themselves."""

import copy
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import pytest

import pellucid
from pellucid.core import errors, forks, notices
from pellucid.core.errors import ArgumentError, nearest
from pellucid.core.signals import deferred, immediate


@pytest.fixture
def heard():
    """What a handler of both signals has heard."""
    found = []
    old = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for number in old:
        signal.signal(number, lambda which, frame: found.append(which))
    yield found
    for number, handler in old.items():
        signal.signal(number, handler)


def test_signals_are_heard_behind_the_block_in_their_order(heard):
    own = signal.getsignal(signal.SIGINT)
    with deferred():
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert heard == []
        assert signal.getsignal(signal.SIGINT) is not own
    assert heard == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is own


def test_a_handler_that_raises_loses_no_other_signal(heard):
    """A request to end, or to save, that comes with Ctrl-C is heard all the same."""
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def block():
        with deferred():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert heard == [signal.SIGTERM]


def test_a_handler_that_raises_does_so_behind_the_block(heard):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def block():
        with deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_nobody_handles_is_left_alone(heard):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with deferred():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert heard == []


def test_handlers_come_back_though_the_block_fails(heard):
    own = signal.getsignal(signal.SIGINT)

    def block():
        with deferred():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        block()
    assert signal.getsignal(signal.SIGINT) is own
    assert heard == [signal.SIGINT]


def test_other_threads_change_no_handler(heard):
    own, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [own]


def test_a_notice_comes_once_at_the_line_of_the_persons_code(monkeypatch):
    monkeypatch.setattr(notices, "_said", set())
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            notices.once("something")
        notices.once("something else")
    assert [str(each.message) for each in seen] == ["something", "something else"]
    assert {each.filename for each in seen} == {__file__}


def test_a_notice_from_deep_inside_names_the_persons_line(monkeypatch):
    """Two frames of the package lie between the notice and this file."""
    monkeypatch.setattr(notices, "_said", set())
    folder = os.path.dirname(pellucid.__file__)
    space = {"once": notices.once}
    code = "def inner(): once('deep')\ndef outer(): inner()\n"
    exec(compile(code, os.path.join(folder, "made_up.py"), "exec"), space)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        space["outer"]()
    (one,) = seen
    assert one.filename == __file__
    assert "space" in Path(__file__).read_text(encoding="utf-8").splitlines()[one.lineno - 1]


def test_the_middle_of_a_long_problem_is_left_out():
    short = "a" * errors.MAX_MESSAGE
    assert ArgumentError("w", short).problem == short
    long = "a" * 500 + "bbb" + "c" * 500
    assert errors.MAX_MESSAGE == 1000
    assert ArgumentError("w", long).problem == (
        f"{'a' * 500} … (3 characters left out) … {'c' * 500}"
    )
    many = ArgumentError("w", "x" * 5000).problem
    assert "(4,000 characters left out)" in many
    assert ArgumentError("w", " two\n   lines ").problem == "two lines"


def test_hints_name_all_words_where_they_are_few():
    words = [f"word{i}" for i in range(12)]
    assert nearest("word3", words) == f"Did you mean 'word3'? Known: {', '.join(words)}."
    assert nearest("word3", [*words, "word12"]) == "Did you mean 'word3'?"
    assert nearest("abcdef", ["abcdxy"]) == "Did you mean 'abcdxy'? Known: abcdxy."  # two thirds
    assert nearest("abcd", ["abxy"]) == "Known: abxy."  # half of it
    assert nearest("relu", iter(["relu", "tanh"])).startswith("Did you mean 'relu'?")


def test_an_error_without_the_persons_line():
    error = ArgumentError("here", "x must be 1, got 2.", "Write 1.", line="a.py:3")
    assert str(error) == "[here] x must be 1, got 2. At a.py:3. Write 1."
    assert error.short == "[here] x must be 1, got 2. Write 1."
    assert ArgumentError("here", "x").short == "[here] x."


def entered_elsewhere(lock):
    """Whether another thread may enter a lock now."""
    found = []

    def enter():
        if lock._lock.acquire(blocking=False):
            found.append(True)
            lock._lock.release()

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return bool(found)


def test_a_lock_is_taken_given_up_and_known_by_its_holder():
    lock = forks.Lock()
    assert entered_elsewhere(lock)
    with lock:
        assert not entered_elsewhere(lock)
        with lock:  # its holder may
            pass
        lock.reset()  # as in a child of this thread: still held
        assert not entered_elsewhere(lock)
    assert entered_elsewhere(lock)


def test_a_lock_of_another_thread_is_free_when_renewed():
    lock, inside, out = forks.Lock(), threading.Event(), threading.Event()

    def hold():
        lock._lock.acquire()
        inside.set()
        out.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(20)
    assert not entered_elsewhere(lock)
    lock.reset()
    assert entered_elsewhere(lock)
    out.set()
    thread.join()


def test_no_line_of_python_stands_between_a_lock_and_its_block():
    """Ctrl-C in such a line would leave the lock held for ever."""
    lock, seen = forks.Lock(), []
    sys.setprofile(lambda frame, event, what: seen.append((event, frame.f_code.co_name)))
    try:
        with lock:
            pass
    finally:
        sys.setprofile(None)
    here = "test_no_line_of_python_stands_between_a_lock_and_its_block"
    assert seen and {name for _, name in seen} == {here}


def test_a_claim_is_one_calls_and_a_copy_is_free():
    claim = forks.Claim()

    def held(first):
        assert first and not forks.hold([claim], bool)
        assert forks.hold([copy.deepcopy(claim)], bool)
        claim.reset()  # as in a child of this thread
        assert not forks.hold([claim], bool)

    forks.hold([claim], held)
    assert forks.hold([claim], bool)
    inside, out = threading.Event(), threading.Event()

    def wait(own):
        inside.set()
        out.wait()

    thread = threading.Thread(target=forks.hold, args=([claim], wait))
    thread.start()
    inside.wait()
    assert not forks.hold([claim], bool)
    claim.reset()
    assert forks.hold([claim], bool)
    out.set()
    thread.join()


def test_forks_wait_for_a_guard_once():
    guard = threading.RLock()
    before = len(forks._guards)
    try:
        for _ in range(2):
            forks.wait_for(guard)
        assert len(forks._guards) == before + 1
    finally:
        forks._guards.remove(guard)
    held = forks.signal()
    assert not held.acquire(blocking=False)
    assert forks.load("json").dumps([1]) == "[1]"


def test_a_block_that_may_be_left_hears_at_once_what_came_before_and_inside(heard):
    own = signal.getsignal(signal.SIGTERM)
    with deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        held = signal.getsignal(signal.SIGTERM)
        assert heard == []
        with immediate():
            assert heard == [signal.SIGTERM]
            assert signal.getsignal(signal.SIGTERM) is own
            os.kill(os.getpid(), signal.SIGINT)
            assert heard == [signal.SIGTERM, signal.SIGINT]
        assert signal.getsignal(signal.SIGTERM) is held
    assert heard == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) is own


def test_a_block_that_may_be_left_anyway(heard):
    """Outside of `deferred`, and in another thread, it changes nothing."""
    own = signal.getsignal(signal.SIGINT)
    with immediate():
        assert signal.getsignal(signal.SIGINT) is own
    done = []

    def elsewhere():
        with immediate():
            done.append(signal.getsignal(signal.SIGINT))

    with deferred():
        held = signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert done == [held]
