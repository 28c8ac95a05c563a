"""From a file to model, report and predictions, as a person does it: the command line alone."""

import csv
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.tables import files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """The commands of an empty environment in which the wheel is installed with its extra."""
    place = tmp_path_factory.mktemp("fresh")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    quiet = {"check": True, "capture_output": True, "timeout": 600}
    subprocess.run([*pip, "--wheel-dir", place, ROOT], **quiet)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", with_pip=True)
    subprocess.run(
        [place / "env/bin/python", "-m", "pip", "install", "--quiet", f"{wheel}[table]"],
        env=os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")},
        **quiet,
    )
    return place / "env/bin"


def rows_of(path, delimiter):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.mark.slow
@pytest.mark.parametrize("name", files.PEOPLES)
def test_a_person_needs_no_option_but_the_target(commands, tmp_path, name):
    target, delimiter = files.PEOPLES[name]
    _, new = files.write_pair(tmp_path, name)

    def run(*arguments):
        """What a command printed, and its seconds of processor time."""
        before = os.times()
        done = subprocess.run(
            [commands / "pellucid", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        after = os.times()
        assert done.returncode == 0, done.stderr
        return done.stdout, sum(after[2:4]) - sum(before[2:4])

    said, seconds = run("train", f"{name}.csv", "--target", target, "--quick")
    assert seconds < 10
    assert "this model" in said and "linear model" in said
    page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert "What the columns do" in page
    run("predict", f"{name}.safetensors", new.name, "--out", "predictions.csv")
    predicted = rows_of(tmp_path / "predictions.csv", ",")
    assert len(predicted) == len(rows_of(new, delimiter))
    trained = rows_of(tmp_path / f"{name}.csv", delimiter)
    if target == "amount" or name == "diabetes":
        assert all(float(row["low"]) < float(row[target]) < float(row["high"]) for row in predicted)
    else:
        known = {row[target] for row in trained}
        assert {row[target] for row in predicted} <= known
        assert set(predicted[0]) == {target, *(f"p_{label}" for label in known)}


@pytest.mark.slow
def test_the_readme_says_what_runs(commands, tmp_path):
    """Its first example, on a table of these names."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Your own table")[2]
    _, shell, _, python, *_ = re.split(r"```(?:sh|python)?\n", text)
    columns = ("city", "score", "day", "churned")
    rows = [{name: row[name] for name in columns} for row in files.messy()]
    files.write(tmp_path / "sales.csv", rows)
    files.write(tmp_path / "august.csv", [{**row, "churned": ""} for row in rows[:30]])
    env = {"PATH": f"{commands}:{os.environ['PATH']}"}
    lines = [line for line in shell.splitlines() if line.startswith("pellucid ")]
    assert len(lines) == 2
    for line in lines:
        subprocess.run(line, shell=True, cwd=tmp_path, env=env, check=True, capture_output=True)
    assert len(rows_of(tmp_path / "predictions.csv", ",")) == 30
    said = subprocess.run(
        [commands / "python", "-W", "ignore", "-c", python],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "'accuracy': 0." in said and "['" in said
    assert (tmp_path / "churned.html").exists()
