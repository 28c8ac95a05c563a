"""The command line as a person runs it: in a folder of its own; what trains long, in a process."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid.data import load_digits, write_idx
from pellucid.train.checkpoint import read_file


def pellucid(*arguments, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "pellucid.cli.main", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


@pytest.fixture(scope="module", autouse=True)
def kept_code(tmp_path_factory):
    """A person's second command finds the machine code of the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("code")))
        yield


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder where the digits were trained, and what the command printed."""
    folder = tmp_path_factory.mktemp("digits")
    return folder, pellucid("train", "digits", cwd=folder)


def test_train_shows_the_result_and_writes_model_and_figure(digits):
    folder, done = digits
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in (
        "1,438 training and 359 test images",
        "epoch  60/60",
        "Confusion matrix",
        "Test error",
        "Time",
        "digits.safetensors",
        "digits.png",
    ):
        assert words in done.stdout
    assert "\x1b" not in done.stdout, "no colours where there is no terminal"
    assert (folder / "digits.png").read_bytes()[:4] == b"\x89PNG"
    data = load_digits(seed=0)
    accuracy = pel.load(folder / "digits.safetensors").evaluate(data.x_test, data.y_test)
    assert accuracy["accuracy"] >= 0.96


def test_show_evaluate_and_predict(digits, command, tmp_path, monkeypatch):
    folder, trained = digits
    monkeypatch.chdir(folder)
    _, shown, _ = command("show", "digits.safetensors")
    assert "15,010 parameters" in shown
    assert "relu(" in shown
    measured = pellucid("evaluate", "digits.safetensors", cwd=folder)
    line = next(row for row in trained.stdout.splitlines() if row.startswith("Test error"))
    assert line in measured.stdout
    data = load_digits(seed=0)
    write_idx(tmp_path / "new.idx.gz", data.x_test[:5])
    code, called, errors = command("predict", "digits.safetensors", tmp_path / "new.idx.gz")
    assert code == 0, errors
    model = pel.load(folder / "digits.safetensors")
    assert [int(row.split()[0]) for row in called.splitlines()] == list(
        model.predict(data.x_test[:5]).argmax(1)
    )


def test_a_folder_with_idx_files(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = load_digits(seed=1)
    (tmp_path / "mine").mkdir()
    for name, array in (
        ("train-images-idx3-ubyte.gz", data.x_train[:200]),
        ("t10k-images-idx3-ubyte", data.x_test),
        ("train-labels-idx1-ubyte", data.y_train[:200]),
        ("t10k-labels-idx1-ubyte.gz", data.y_test),
    ):
        write_idx(tmp_path / "mine" / name, array)
    options = "--epochs 3 --hidden 20,10 --activation tanh --optimizer adam --l2 1e-4"
    code, _, errors = command("train", "mine", *options.split())
    assert code == 0, errors
    model = pel.load(tmp_path / "mine.safetensors")
    assert model.names == ["pixels", "flatten", "hidden_1", "hidden_2", "classes"]
    assert model.optimizer == pel.optim.Adam(0.001)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "nowhere"), "expected 'digits' or a folder with MNIST's four files, got 'now"),
        (("train", "."), "must hold train-images-idx3-ubyte"),
        *(
            pytest.param(arguments, words, marks=pytest.mark.slow)
            for arguments, words in (
                (("train", "digits", "--hidden", "many"), "--hidden must be sizes"),
                (("train", "digits", "--hidden", "-3"), "--hidden must be at least 1"),
                (("train", "digits", "--activation", "rleu"), "Did you mean 'relu'"),
                (("train", "digits", "--optimizer", "sdg"), "--optimizer must be sgd or adam"),
                (("train", "digits", "--learning-rate", "-1"), "learning_rate must lie in"),
                (("train", "digits", "--learning-rate", "nan"), "learning_rate must lie in"),
                (("train", "digits", "--l2", "-1"), "strength must lie in"),
                (("train", "digits", "--batch-size", "0"), "batch_size must be at least 1"),
                (("train", "digits", "--seed", "-1"), "--seed must be in"),
            )
        ),
        (("train", "digits", "--out", "no/such/m.safetensors"), "does not exist"),
        (("train", "digits", "--resume"), "--resume needs the checkpoint"),
        (
            ("train", "digits", "--learning-rate", "1e9", "--epochs", "3"),
            "the loss must stay finite",
        ),
        (("evaluate", "missing.safetensors"), "cannot be read"),
        (("show", "missing.safetensors"), "cannot be read"),
    ],
)
def test_mistakes_end_in_one_line(command, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, _, errors = command(*arguments)
    assert code == 2
    assert words in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    done = pellucid("show", "missing.safetensors", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


def test_an_existing_file_is_replaced_only_when_asked(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.safetensors").write_text("mine")
    code, _, errors = command("train", "digits", "--epochs", 1)
    assert code == 2
    assert "exists already" in errors
    assert "Pass --overwrite to replace it" in errors
    assert (tmp_path / "digits.safetensors").read_text() == "mine"
    assert command("train", "digits", "--epochs", 1, "--overwrite")[0] == 0


@pytest.mark.slow
def test_resume_wants_the_same_options(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("train", "digits", "--epochs", 1)[0] == 0
    code, _, errors = command("train", "digits", "--epochs", 2, "--resume", "--hidden", 9)
    assert code == 2
    assert "to resume, layers must be as in digits.safetensors" in errors


# The real command, with a line in a log for each step and each save.
_LOGGED = """
import os, sys
from pellucid.cli import main, report
from pellucid.train import callbacks
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
old = callbacks.Checkpoint.on_step
def on_step(self, run):
    os.write(log, b"step %d\\n" % run.step)
    save = self.save
    def saving():
        save()
        os.write(log, b"saved %d\\n" % run.step)
    self.save = saving
    old(self, run)
    self.save = save
callbacks.Checkpoint.on_step = on_step
main.main()
"""


def _start(folder, *more):
    command = [
        sys.executable,
        "-c",
        _LOGGED,
        str(folder / "log"),
        "train",
        "digits",
        "--epochs",
        "60",
        "--checkpoint-every",
        "0.01",
        *more,
    ]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _marks(log: Path, word: str) -> list[int]:
    return [int(row.split()[1]) for row in log.read_text().splitlines() if row.startswith(word)]


@pytest.mark.parametrize("most", [pytest.param(10, marks=pytest.mark.slow)])
def test_kills_and_the_same_bits_as_a_run_never_killed(most, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir(), killed.mkdir()
    straight = _start(whole)
    _, errors = straight.communicate(timeout=120)
    assert straight.returncode == 0, errors
    draw = random.Random(0)
    log, kills = killed / "log", 0
    log.touch()
    while kills < most:
        more = ["--resume"] if (killed / "digits.safetensors").exists() else []
        before = len(_marks(log, "step"))
        run = _start(killed, *more)
        wanted = before + draw.randint(1, 250)
        while run.poll() is None and len(_marks(log, "step")) < wanted:
            time.sleep(0.002)
        finished = run.poll() is not None
        run.send_signal(signal.SIGKILL)
        run.communicate()
        if finished:
            break
        kills += 1
    assert kills >= most / 2, "the machine outran the kills"
    last = _start(killed, "--resume")
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors
    expected, _ = read_file(whole / "digits.safetensors")
    arrays, _ = read_file(killed / "digits.safetensors")
    assert expected.keys() == arrays.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    _check_repeats(log)
    left = {path.name for path in killed.iterdir()}
    assert left == {"log", "digits.safetensors", "digits.png"}, "killed writers leave nothing"


def _check_repeats(log: Path) -> None:
    """Each run goes on right behind the last save: it repeats at most one interval's steps."""
    saved, previous = 0, 0
    for row in log.read_text().splitlines():
        word, step = row.split()
        if word == "saved":
            saved = int(step)
            continue
        if int(step) != previous + 1:  # a run that was resumed, perhaps behind a save just unlogged
            assert int(step) in (saved + 1, previous + 1) or int(step) > saved
            assert int(step) <= previous + 1
        previous = int(step)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_stopped_run_saves_and_says_how_to_go_on(tmp_path, number, code):
    run = _start(tmp_path)
    log = tmp_path / "log"
    while not log.exists() or len(_marks(log, "step")) < 20:
        assert run.poll() is None
        time.sleep(0.002)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == code
    assert "Continue with --resume" in errors
    assert "Traceback" not in errors
    done = int(errors.split("step ")[1].split(".")[0])
    assert abs(done - _marks(log, "step")[-1]) <= 1
    assert pellucid("train", "digits", "--epochs", "60", "--resume", cwd=tmp_path).returncode == 0


def test_a_file_that_cannot_be_written_is_named_before_training(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    done = pellucid("train", "digits", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
