"""Tables on the command line: train, evaluate, predict, show."""

import contextlib
import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from tests.tables import files

import pellucid as pel
from pellucid.cli import tables
from pellucid.cli.main import _console as console
from pellucid.cli.main import main
from pellucid.data.schema import ColumnSchema
from pellucid.tables.progress import Progress
from pellucid.tables.target import Labels, Target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the irises as a file."""
    place = tmp_path_factory.mktemp("rows")
    files.write(place / "iris.csv", files.real("iris"))
    return place


@pytest.fixture(scope="module")
def printed(folder):
    """What training printed, once for all tests."""
    out, errors = io.StringIO(), io.StringIO()
    call = "pellucid train iris.csv --target target --quick --overwrite"
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", call.split())
        with pytest.raises(SystemExit) as stopped:
            main()
    assert not stopped.value.code, errors.getvalue()
    return out.getvalue(), errors.getvalue()


@pytest.fixture
def trained(folder, printed, monkeypatch):
    """In the folder of the trained model."""
    monkeypatch.chdir(folder)
    return printed


def test_a_person_trains_evaluates_predicts_and_shows(trained, command, folder):
    out, errors = trained
    for words in (
        "150 rows, 5 columns",
        "Target 'target': classification, 3 classes.",
        "1 network, measured on 30 rows that it did not train on",
        "most frequent class",
        "linear model",
        "Model iris.safetensors",
        "Report iris.html",
    ):
        assert words in out
    assert errors == ""
    model = pel.load("iris.safetensors")
    code, out, _ = command("evaluate", "iris.safetensors", "iris.csv")
    assert code == 0
    assert f"accuracy {model.evaluate('iris.csv')['accuracy']:.4g}" in out
    assert "Confusion matrix" in out

    code, out, _ = command("predict", "iris.safetensors", "iris.csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["target"] for row in rows] == model.predict("iris.csv").tolist()
    assert list(rows[0]) == ["target", "probability"]

    (folder / "p.csv").unlink(missing_ok=True)
    code, out, _ = command("predict", "iris.safetensors", "iris.csv", "--out", "p.csv")
    assert (code, out) == (0, "")
    with (folder / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    likely = [[float(row[f"p_{name}"]) for name in model.classes] for row in rows]
    assert np.array_equal(likely, model.predict_proba("iris.csv"))

    code, out, _ = command("show", "iris.safetensors")
    assert "Model of a table: classification of 'target'" in out
    assert "petal_length_(cm): number" in out
    assert "Preparation\n" in out
    assert "x.numbers: f64[N,4]" in out
    assert "Network of binned numbers" in out


def test_the_report_is_made_again(trained, command, folder):
    first = (folder / "iris.html").read_text()
    code, out, _ = command("report", "iris.safetensors", "--out", "again.html", "--overwrite")
    assert (code, out) == (0, "Report again.html\n")
    assert (folder / "again.html").read_text() == first
    assert "pellucid train iris.csv --target target --quick --overwrite" in first
    code, _, errors = command("report", "iris.safetensors")
    assert code == 2
    assert "the file exists already" in errors


def test_predictions_as_parquet(trained, command, folder):
    pytest.importorskip("duckdb")
    (folder / "p.parquet").unlink(missing_ok=True)
    assert command("predict", "iris.safetensors", "iris.csv", "--out", "p.parquet")[0] == 0
    table = pel.data.read_table("p.parquet")
    assert table["target"].text() == pel.load("iris.safetensors").predict("iris.csv").tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "iris.csv", "--target", "size"), "target must be a column of the table"),
        (("train", "iris.csv", "--target", "target", "--type", "a"), "--type must be COLUMN=KIND"),
        (("train", "iris.csv", "--target", "target", "--task", "x"), "--task must be"),
        (("train", "iris.csv", "--target", "target", "--hidden", "3"), "is an option of images"),
        (("train", "iris.csv", "--target", "target", "--out", "a.html"), "Write --out a.safe"),
        (("report", "iris.csv"), '[load "iris.csv"]'),
        (("train", "digits", "--quick"), "--quick is an option of tables, and needs --target"),
        (("evaluate", "m"), "a model of a table needs rows, got none. Write pellucid evaluate"),
        (("evaluate", "m", "iris.csv", "--seed", "1"), "--seed splits images"),
        (("predict", "m", "iris.csv", "--out", "p.xlsx"), "Write p.csv."),
        (("predict", "m", "nowhere.csv"), "nowhere.csv"),
        (("train", "digits", "--out", "m", "--resume"), "expected a model of images, got one of a"),
    ],
)
def test_mistakes(trained, command, arguments, words, folder, tmp_path, monkeypatch):
    for name, copy in (("iris.csv", "iris.csv"), ("iris.safetensors", "m")):
        shutil.copy(folder / name, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    code, _, errors = command(*arguments)
    assert code == 2
    assert errors.startswith("Error: ")
    assert errors.count("\n") == 1
    assert words in errors


def test_a_table_is_named_where_its_target_is_missing(command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for source in ("iris.csv", "ir*.csv"):
        code, _, errors = command("train", source)
        assert code == 2
        assert "say what to predict: --target COLUMN. Its columns: sepal_length_(cm)," in errors


@pytest.mark.parametrize(
    ("sent", "expected", "number"), [(signal.SIGINT, 130, 3), (signal.SIGTERM, 143, 1)]
)
def test_a_signal_keeps_the_networks_so_far(folder, command, monkeypatch, sent, expected, number):
    """A network is interrupted behind its second epoch."""
    monkeypatch.chdir(folder)
    before = signal.getsignal(signal.SIGTERM)

    def pressed(self, run):
        if self.number == number and run.epoch == 2:
            os.kill(os.getpid(), sent)

    monkeypatch.setattr(Progress, "on_epoch", pressed)
    code, out, errors = command(
        "train", "iris.csv", "--target", "target", "--out", "c.safetensors", "--overwrite"
    )
    assert code == expected
    assert signal.getsignal(signal.SIGTERM) is before
    assert f"stopped early: the model has {number} of 10 networks" in errors
    assert "Model c.safetensors" in out
    model = pel.load(folder / "c.safetensors")
    assert len(model.members) == number
    assert model.findings.held == 30 * ((number + 1) // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.evaluate("iris.csv")["accuracy"] > 0.8


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_the_first_network_keeps_nothing(
    folder, command, monkeypatch, sent, expected
):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Progress, "on_start", lambda self, run: os.kill(os.getpid(), sent))
    code, _, errors = command("train", "iris.csv", "--target", "target", "--out", "d.safetensors")
    assert (code, errors) == (expected, "Stopped: nothing was written.\n")
    assert not (folder / "d.safetensors").exists()


def likely_of(y, classes):
    """Predictions of a model that says of every fourth row the class after its own."""
    said = np.where(np.arange(len(y)) % 4 == 0, (y + 1) % classes, y)
    return np.eye(classes)[said]


@pytest.mark.parametrize(
    ("names", "width", "words"),
    [
        (("[b]", ":cat:", "[/x]"), 80, ("Confusion matrix", "[b]  :cat:  [/x]")),
        ([f"a class of a long name {k}" for k in range(9)], 80, ("mistakes among 9 classes",)),
        (
            [f"c{k}" for k in range(30)],
            200,
            ("mistakes among 30 classes", "c0    c1           10"),
        ),
    ],
)
def test_confusion_of_any_classes_can_be_read(monkeypatch, capsys, names, width, words):
    classes = len(names)
    y = np.arange(600) % classes

    class Model:
        """What is asked of a model."""

        target = Target(
            ColumnSchema("t", "category", "", tuple(names)), "classification", Labels(tuple(names))
        )

        def measured(self, where, source):
            return y, likely_of(y, classes)

    monkeypatch.setenv("COLUMNS", str(width))
    tables.evaluate_table(console(False), console(True), Model(), "rows")
    said = capsys.readouterr().out
    for word in words:
        assert word in said
    assert max(map(len, said.splitlines())) <= width


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('pass types={"a": "category"} or "number".', 'pass --type a=category or "number".'),
        ('pass types={"a b": "number"}.', "pass --type 'a b=number'."),
        ('leave it out: drop=["day of sale"].', "leave it out: --drop 'day of sale'."),
        ('pass task="regression"', "pass --task regression"),
        (
            "Drop them with drop_missing=True (--drop-missing), or",
            "Drop them with --drop-missing, or",
        ),
    ],
)
def test_advice_names_the_options_of_the_command_line(text, wanted):
    assert tables.as_options(text) == wanted


def test_a_note_names_an_option(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"key": f"k{i}", "a": i % 7 * 1.5, "goal": "pq"[i % 2]} for i in range(40)]
    files.write(tmp_path / "t.csv", rows)
    code, _, errors = command("train", "t.csv", "--target", "goal", "--quick")
    assert code == 0
    assert "'key' (an id: different in every row). To use it, pass --type key=category" in errors
    code, _, errors = command("train", "t.csv", "--target", "goal", "--quick")
    assert code == 2 and "--overwrite" in errors


def test_names_with_brackets_are_printed_as_they_are(trained, command, folder):
    code, out, _ = command("report", "iris.safetensors", "--out", "[red]a.html", "--overwrite")
    assert (code, out) == (0, "Report [red]a.html\n")


@pytest.mark.slow
def test_the_installed_command(folder):
    done = subprocess.run(
        [sys.executable, "-m", "pellucid.cli.main", "train", "iris.csv", "--target", "target"]
        + ["--out", "whole.safetensors", "--overwrite"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "10 networks, measured on 150 rows" in done.stdout
