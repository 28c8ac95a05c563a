"""What training prints, letter by letter."""

import io
import re

import numpy as np
import pytest

from pellucid.models import Sequential
from pellucid.nn import Dense
from pellucid.optim import SGD
from pellucid.train import callbacks
from pellucid.train.callbacks import format_logs
from pellucid.train.history import History

Progress = getattr(callbacks, "ProgressBar", None) or callbacks.Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class FakeRun:
    epochs, steps_per_epoch = 3, 8
    logs = {"loss": 0.12345, "accuracy": 0.5}  # noqa: RUF012

    def __init__(self, epoch, batch):
        self.epoch, self.batch = epoch, batch


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets by hand."""
    now = [100.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: now[0])
    return now


def told(verbose, stream, clock):
    progress = Progress(verbose, stream)
    progress.on_start(FakeRun(0, 0))
    clock[0] += 1.0
    progress.on_step(FakeRun(1, 2))
    clock[0] += 0.09
    progress.on_step(FakeRun(1, 3))
    clock[0] += 0.02
    progress.on_step(FakeRun(1, 8))
    progress.on_epoch(FakeRun(2, 0))
    clock[0] += 2.0
    progress.on_epoch(FakeRun(3, 0))
    return stream.getvalue()


LINES = (
    "Epoch 2/3 - 1.1s - loss: 0.1235 - accuracy: 0.5000\n",
    "Epoch 3/3 - 2.0s - loss: 0.1235 - accuracy: 0.5000\n",
)


def test_a_bar_moves_ten_times_a_second_at_most(clock):
    clear = "\r\x1b[2K"
    assert told(1, Terminal(), clock) == (
        f"{clear}Epoch 2/3 [{'=' * 6}{'.' * 18}] 2/8 - loss: 0.1235 - accuracy: 0.5000"
        f"{clear}Epoch 2/3 [{'=' * 24}] 8/8 - loss: 0.1235 - accuracy: 0.5000"
        f"{clear}{LINES[0]}{clear}{LINES[1]}"
    )


@pytest.mark.parametrize(("verbose", "stream"), [(2, Terminal), (2, io.StringIO), (1, io.StringIO)])
def test_a_line_an_epoch(verbose, stream, clock):
    assert told(verbose, stream(), clock) == "".join(LINES)


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_silence(stream, clock):
    assert told(0, stream(), clock) == ""


def test_the_bar_goes_to_the_output_that_is_there(capsys):
    Progress(2).on_epoch(FakeRun(1, 0))
    assert re.fullmatch(r"Epoch 1/3 - \d+\.\ds - loss: .*\n", capsys.readouterr().out)
    assert not Progress(2).every_step
    assert format_logs({}) == ""


def test_a_history_says_what_it_holds():
    history = History()
    assert repr(history) == "History(0 epochs)"
    net = Sequential([Dense(1, kernel_initializer="zeros")], seed=0)
    net.compile(SGD(0.0), "squared", ["absolute_error"])
    x = np.ones((4, 1))
    history = net.fit(x, 2 * x, batch_size=2, epochs=2, verbose=0, seed=3)
    assert repr(history) == "History(2 epochs: loss 4, absolute_error 2)"
    assert history.history == history.epochs == {"loss": [4, 4], "absolute_error": [2, 2]}
    assert history.seed == 3
