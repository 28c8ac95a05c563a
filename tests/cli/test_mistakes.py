"""What a person mistypes ends in one line that leads on, and exit code 2."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid.cli import report
from pellucid.core.errors import ArgumentError
from pellucid.data import load_digits, write_idx


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check_mistake(done, words):
    code, _, errors = done
    assert code == 2
    assert errors.startswith("Error: ")
    assert errors.count("\n") == 1
    assert words in errors


@pytest.mark.parametrize("name", ["wine.csv", "wine.tsv", "wine.txt", "Wine.CSV"])
def test_a_table_needs_a_target_and_its_columns_are_named(command, name):
    table = np.column_stack([np.random.default_rng(0).normal(size=(12, 4)), np.arange(12) % 3])
    mark = "," if name.lower().endswith("csv") else "\t"
    np.savetxt(name, table, delimiter=mark, header=mark.join("abcde"), comments="", fmt="%.18g")
    check_mistake(
        command("train", name),
        f"got the file '{name}'. To train on a table say what to predict: --target COLUMN. Its "
        "columns: a, b, c, d, e.",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "data.parquet"), "To train on a table say what to predict: --target COLUMN."),
        (("train", "wine.csv", "--target", "y"), '[read_table "wine.csv"] there is no such file'),
        (("train", "digit"), "Did you mean 'digits'?"),
        (("train", ""), "got ''. Check the path."),
        (("train", "x" * 300), "[train] the path cannot be used: File name too long"),
        (("train", "m.idx"), "got the file 'm.idx'. Give the folder that holds the four files"),
        (("evaluate", "m.st", "nowhere"), "[evaluate] expected 'digits' or a folder"),
        (("evaluate", "m.st", "wine.csv"), "[evaluate] expected 'digits' or a folder"),
        (("evaluate", "m.st"), "[evaluate] the labels must be classes of the model, 0 to 2, got 9"),
        (("predict", "m.st", "m.st"), "write_idx(path, array)"),
        (("predict", "m.st", "nowhere.idx"), "cannot be read: No such file"),
        (("trian",), "No such command 'trian'"),
        (("train", "--epcohs", "3"), "--epochs"),
        (("train", "--epochs", "x"), "Invalid value for '--epochs'"),
        (("train", "digits", "more"), "See pellucid train --help."),
        (("predict",), "See pellucid predict --help."),
        (("show",), "See pellucid show --help."),
        (("train", "digits", "--out", "."), "must name a file, got a folder"),
    ],
)
def test_mistakes(command, arguments, words):
    model = pel.Sequential([pel.nn.Flatten(), pel.nn.Dense(3)], seed=0)
    model.compile("adam", "cross_entropy")
    model.build((8, 8))
    model.save("m.st")
    write_idx("m.idx", np.zeros((2, 8, 8), np.uint8))
    check_mistake(command(*arguments), words)
    assert sorted(os.listdir()) == ["m.idx", "m.st"], "nothing is written"


def test_no_command_shows_the_help_and_is_a_mistake(command):
    code, output, _ = command()
    assert code == 2
    assert all(name in output for name in ("train", "evaluate", "predict", "show"))


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "show"])
def test_each_command_explains_itself_with_an_example(command, name):
    code, output, errors = command(name, "--help")
    assert code == 0
    assert errors == ""
    assert f"\n  pellucid {name} " in output


def test_the_examples_of_the_help_name_options_that_exist(command):
    _, output, _ = command("train", "--help")
    example = next(row for row in output.splitlines() if "my-mnist-folder" in row)
    options = output.split("Options:")[1]
    for word in example.split():
        assert not word.startswith("--") or f"{word} " in options


def test_a_model_of_one_output_has_two_classes(command):
    model = pel.Sequential([pel.nn.Flatten(), pel.nn.Dense(1, activation="sigmoid")], seed=0)
    model.compile("adam", "binary_cross_entropy")
    model.build((8, 8))
    model.save("m.st")
    images = load_digits().x_test[:5]
    write_idx("m.idx", images)
    code, output, errors = command("predict", "m.st", "m.idx")
    assert code == 0, errors
    ones = np.asarray(model.predict_proba(images))[:, 0]
    for row, p in zip(output.splitlines(), ones, strict=True):
        assert row == f"{int(p > 0.5)} {max(p, 1 - p):.4f}"


def test_classes_without_images_are_named():
    data = load_digits()
    assert "10 classes\n" in report.heading(data, pel.Sequential([], seed=0))
    some = data.y_train > 0
    part = dataclasses.replace(data, x_train=data.x_train[some], y_train=data.y_train[some])
    shown = report.heading(part, pel.Sequential([], seed=0))
    assert "10 classes, none of class 0 to train on\n" in shown


def test_nothing_beside_the_model_is_replaced_unasked(command):
    Path("q.png").write_text("mine")
    train = ("train", "digits", "--hidden", 4, "--epochs", 1, "--out", "q.safetensors")
    check_mistake(command(*train), 'save "q.png"] the file exists already')
    assert os.listdir() == ["q.png"], "it is said before the training"
    check_mistake(command("train", "digits", "--out", "m.png"), "Write --out m.safetensors.")
    assert Path("q.png").read_text() == "mine"


def test_a_run_that_goes_on_replaces_the_figure_it_drew_and_no_other(command):
    target, place = Path("q.safetensors"), Path("q.png")
    model = pel.Sequential([], seed=0)
    model.history.steps = {"step": [1, 2], "loss": [2.0, 1.0], "accuracy": [0.5, 1.0]}
    assert report.draw(model, target, overwrite=False) == place
    drawn = place.read_bytes()
    assert report.check_figure(target, overwrite=False, resume=True)
    with pytest.raises(ArgumentError, match="exists already"):
        report.check_figure(target, overwrite=False, resume=False)
    model.history.steps["loss"] = [3.0, 1.0]
    report.draw(model, target, overwrite=True)
    assert place.read_bytes() != drawn
    place.write_text("mine")
    for resume in (False, True):
        with pytest.raises(ArgumentError, match="exists already"):
            report.check_figure(target, overwrite=False, resume=resume)
        assert report.check_figure(target, overwrite=True, resume=resume)
    with pytest.raises(ArgumentError, match="exists already"):
        report.draw(model, target, overwrite=False)
    assert place.read_text() == "mine"
