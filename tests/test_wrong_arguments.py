"""Every public callable × kinds of wrong argument: it works, or refuses in our one form.

The calls stand in `wrong_calls.py`, the kinds in `wrong_values.py`.
"""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import data
from pellucid.core.errors import PellucidError
from tests.wrong_calls import TARGETS, Target, trained
from tests.wrong_values import WRONG

pytestmark = pytest.mark.slow

SECONDS = 15  # of one call, on a busy machine
GIB = 2**30


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """A call that hangs or takes all memory is a failure; what it prints is not looked at."""

    def late(*_: Any) -> None:
        raise AssertionError(f"not done after {SECONDS} s")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * GIB, limits[1]))
    signal.alarm(SECONDS)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def escaped(target: Target, place: int | str, make: Callable[[], Any]) -> str:
    """What a call lets out beside our own errors; "" where that is nothing."""
    with limited():
        wrong = make()
        try:
            if isinstance(place, int):
                target.call(*target.args[:place], wrong, *target.args[place + 1 :])
            else:
                target.call(*target.args, **(target.named | {place: wrong}))
        except PellucidError:
            return ""
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            own = Path(place.filename).stem.startswith("wrong_") and place.name == "<lambda>"
            if own and not isinstance(error, AssertionError):
                return ""  # what a person's own function makes of it is theirs
            short = f"{Path(place.filename).name}:{place.lineno}"
            return f"{type(error).__name__}: {str(error)[:100]!r} at {short}"
    return ""


def leaks(one: Any) -> None:
    {}[str(one)]


def hangs(one: Any) -> None:
    while True:
        pass


def hoards(one: Any) -> None:
    bytearray(8 * GIB)


@pytest.mark.parametrize(
    ("call", "words"), [(leaks, "KeyError"), (hangs, "not done"), (hoards, "MemoryError")]
)
def test_what_escapes_is_found(
    call: Callable[..., None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_wrong_arguments.SECONDS", 1)
    assert words in escaped(Target(call.__name__, call, (1,), {}, ()), 0, lambda: None)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.label)
def test_a_wrong_argument_is_refused_in_our_form(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_graphs: None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(WRONG) >= 44
    places = [*range(len(target.args)), *target.named, *target.more]
    found = [
        (place, kind, escaped(target, place, make))
        for kind, make in WRONG.items()
        for place in places
    ]
    wrong = [f"{place}={kind}: {what}" for place, kind, what in found if what]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)}", *wrong])


def test_every_call_works_with_good_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_graphs: None
) -> None:
    """Else a wrong one would be refused for another's sake."""
    monkeypatch.chdir(tmp_path)
    trained().save("file")
    Path("idx").mkdir()
    for half in ("train", "t10k"):
        data.write_idx(f"idx/{half}-images-idx3-ubyte", np.zeros((2, 3, 3), np.uint8))
        data.write_idx(f"idx/{half}-labels-idx1-ubyte", np.arange(2, dtype=np.uint8))
    failed = []
    for target in TARGETS:
        with limited():
            try:
                target.call(*target.args, **target.named)
            except Exception as error:
                failed.append(f"{target.label}: {error!r}")
    assert not failed, "\n".join(failed)
