"""The exercises: their questions, and checks of answers that must and must not be right."""

import json
import re
import time

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import PellucidError
from pellucid.web import exercise_graph, exercise_units, frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.exercise_graph import Puzzle, Step, puzzle
from pellucid.web.exercises import Exercise, of_text
from pellucid.web.program import address, from_address
from pellucid.web.session import Session
from pellucid.web.settings import Settings

TEXT = {
    "square": "({})**2",
    "times": "{k}*({})",
    "sin": "sin({})",
    "abs": "abs({})",
    "relu": "max({}, 0)",
    "plus": "({}) + {k}",
    "tanh": "tanh({})",
    "exp": "exp(-({}))",
    "add": "({}) + ({})",
    "subtract": "({}) - ({})",
    "multiply": "({})*({})",
}


def written(one):
    """The function of a graph as a person would read it off."""
    texts = [f"x{i + 1}" for i in range(one.variables)]
    for op, reads, number in one.steps:
        texts.append(TEXT[op].format(*(texts[i] for i in reads), k=number))
    return texts[-1]


LEVELS = range(1, exercise_graph.MOST_LEVEL + 1)


@pytest.mark.lecture("T1.G14")
@pytest.mark.parametrize("level", LEVELS)
def test_the_function_that_is_read_off_is_right_and_every_other_one_is_not(level):
    drawn = [puzzle(level, seed) for seed in range(16)]
    assert [puzzle(level, seed) for seed in range(16)] == drawn  # the seed owns it
    assert len(set(drawn)) >= 14
    texts = [written(one) for one in drawn]
    for one, text in zip(drawn, texts, strict=True):
        found = exercise_graph.check(one, text)
        assert found.right and found.points > 400, text
        x = np.random.default_rng(1).uniform(-2, 2, (50, one.variables))
        for other in texts[:4]:
            wrong = exercise_graph.check(one, other)
            same = np.allclose(pel.data.features(x, [other])[:, 0], one.at(x), atol=1e-5)
            assert wrong.right == same, (text, other)
            if not wrong.right:  # the point that is told shows it
                point = np.array([wrong.point])
                assert one.at(point)[0] == wrong.wanted
                assert pel.data.features(point, [other])[0, 0] == wrong.given
                assert abs(wrong.given - wrong.wanted) > 1e-6


@pytest.mark.lecture("T1.G14")
def test_a_node_of_the_picture_is_a_node_of_the_function():
    one = puzzle(3, 2)
    boxes = one.picture().title.removeprefix("A computational graph: ").split("; ")
    assert boxes[:2] == ["x1", "x2"] and boxes[-1].startswith("f = ")
    assert len(boxes) == 2 + len(one.steps)
    point = (0.5, -1.25)
    told = one.picture(point).title.split("; ")[-1]
    value = float(one.at(np.array([point]))[0])
    assert float(told.rpartition("= ")[2]) == pytest.approx(value, rel=1e-5)
    assert written(one) not in one.picture().svg


SUM = Puzzle(2, (Step("add", (0, 1)), Step("square", (2,))))


@pytest.mark.parametrize(
    "answer", ["(x1 + x2)**2", "x1^2 + 2*x1*x2 + x2^2", "x1² + 2·x1·x2 + x2²", "(x2+x1)*(x1+x2)"]
)
def test_equal_functions_are_right_however_they_are_written(answer):
    assert exercise_graph.check(SUM, answer).right


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        ("x1**2 + x2**2", "number"),
        ("(x1 + x2)**2 + 0.001", "number"),
        ("abs(x1 + x2)", "number"),
        ("(x1 + x2)**2 * x1 / x1", None),  # not there where x1 = 0
        ("sqrt(x1 + x2)**4", None),
        ("exp(exp(exp(x1 + 9)))", None),
    ],
)
def test_another_function_is_wrong_and_a_point_says_so(answer, given):
    found = exercise_graph.check(SUM, answer)
    assert not found.right and (found.given is None) == (given is None)
    assert found.wanted == pytest.approx(sum(found.point) ** 2)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x3",
        "x1 > x2",
        "open('x')",
        "__import__('os').system('true')",
        "x1.real",
        "[x1 for x1 in (1, 2)]",
        "lambda x1: x1",
        "x1 ** 99",
        "9**9**9",
        "x1 if x2 else x1",
        "(" * 200 + "x1" + ")" * 200,
        "+".join(["x1"] * 150),
    ],
)
def test_what_is_no_formula_is_refused_and_never_run(answer):
    with pytest.raises(PellucidError):
        exercise_graph.check(SUM, answer)


# -- hidden units ---------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Two starts in the place of eight."""
    monkeypatch.setattr(exercise_units, "STARTS", 2)


@pytest.mark.lecture("T1.I10")
def test_the_smallest_network_is_measured(few):
    """A wedge needs two lines: one is too few, three are not the fewest."""
    _, x, y = exercise_units.problem(1, 2)
    found = [exercise_units.check(x, y, units) for units in (2, 3)]
    told = [(one.right, one.enough, one.fewer) for one in found]
    assert told == [(True, True, False), (False, True, True)]
    less = exercise_units.Verdict(found[0].starts[2:], 1)
    assert {one.units for one in less.starts} == {1}
    assert not less.enough and not less.right


@pytest.mark.slow
@pytest.mark.lecture("T1.I10")
@pytest.mark.parametrize(("kind", "fewest"), [("circle", 3), ("xor", 3), ("gauss", 0)])
def test_the_sets_of_the_playground(kind, fewest):
    x, y = pel.data.points(kind, rows=240, seed=1)
    assert [n for n in range(5) if exercise_units.check(x, y, n).right] == [fewest]


@pytest.mark.lecture("T1.I10")
def test_a_start_is_a_network_that_anyone_can_train():
    _, x, y = exercise_units.problem(2, 1)
    told = exercise_units.trained(x, y, 2, 5)
    rows = (x - x.mean(0)) / x.std(0)
    model = pel.Sequential([pel.nn.Dense(2, "tanh"), pel.nn.Dense(1, "sigmoid")], seed=5)
    model.compile(pel.optim.Adam(0.03), "binary_cross_entropy")
    stop = pel.StopBelow("loss", 0.006)
    model.fit(rows, y, epochs=1_000, batch_size=24, seed=5, verbose=0, callbacks=[stop])
    assert told.share == ((model.predict(rows)[:, 0] > 0.5) == y).mean()


def test_problems_belong_to_their_seed_and_are_of_two_classes():
    for level in (1, 2, 3):
        for seed in range(6):
            name, x, y = exercise_units.problem(level, seed)
            assert exercise_units.problem(level, seed)[0] == name
            assert x.shape == (240, 2) and 0.15 < y.mean() < 0.85, name


# -- on the page ----------------------------------------------------------------------------------


def made(**settings):
    told = []
    session = Session(Settings(**settings), send=told.append)
    session.told = told
    return session


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def seen(session, kind):
    plain = [one if isinstance(one, dict) else frames.unpack(one)[0] for one in session.told]
    return [one for one in plain if one["kind"] == kind]


def until(what):
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_exercise_of_the_page_is_asked_and_checked():
    session = made()
    do(session, do="set", values={"exercise": {"kind": "which-function", "level": 2, "seed": 4}})
    asked = seen(session, "exercise")[-1]
    assert asked["image"].startswith("data:image/svg+xml;base64,") and asked["variables"]
    do(session, do="answer", text="x1")
    assert not seen(session, "checked")[-1]["right"] and "image" in seen(session, "checked")[-1]
    do(session, do="answer", text=written(puzzle(2, 4)))
    assert seen(session, "checked")[-1]["right"]
    do(session, do="set", values={"exercise": None})
    assert seen(session, "screen")[-1]["mode"] == "network"
    with pytest.raises(PellucidError, match="no exercise"):
        do(session, do="answer", text="x1")


def test_a_check_reports_each_start_and_blocks_nothing(few):
    session = made(exercise=Exercise("hidden-units", 1, 2))
    do(session, do="answer", text="1")
    began = time.perf_counter()
    do(session, do="at", x1=0, x2=0)  # the session answers meanwhile
    assert time.perf_counter() - began < 2
    until(lambda: not session.desk.checking)
    reports = seen(session, "checked")
    assert [len(one["starts"]) for one in reports] == [1, 2, 3, 4, 4]
    assert reports[-1]["right"] is False and "right" not in reports[-2]


def test_a_check_is_cancelled_by_a_command_another_answer_or_another_exercise():
    session = made(exercise=Exercise("hidden-units", 3, 1))
    for act in (
        {"do": "cancel"},
        {"do": "set", "values": {"exercise": {"level": 2}}},
        {"do": "set", "values": {"exercise": None}},
    ):
        session.desk.cancel()
        do(session, do="set", values={"exercise": {"level": 3, "seed": 1}})
        do(session, do="answer", text="3")
        do(session, do="answer", text="4")  # the one before ends
        assert session.desk.checking
        do(session, **act)
        assert not session.desk.checking
        until(lambda: not session.desk._thread.is_alive())
    assert not any("right" in one for one in seen(session, "checked"))


def test_the_points_of_the_playground_are_an_exercise(few):
    session = made(data="gauss", rows=60, exercise=Exercise("hidden-units", 0))
    do(session, do="show")
    assert seen(session, "exercise")[-1]["name"] == "the points of the playground"
    do(session, do="answer", text="0")
    until(lambda: not session.desk.checking)
    assert seen(session, "checked")[-1]["right"] is True
    do(session, do="set", values={"data": "plane"})
    do(session, do="answer", text="0")
    until(lambda: not session.desk.checking)
    assert "two classes" in seen(session, "error")[-1]["text"]


@pytest.mark.parametrize("text", ["", "-1", "13", "two", "1e3", "9" * 300])
def test_an_answer_that_is_no_number_of_units_is_refused(text):
    session = made(exercise=Exercise("hidden-units", 1))
    with pytest.raises(PellucidError):
        do(session, do="answer", text=text)
    assert not session.desk.checking


def test_the_address_holds_the_exercise():
    for one in (Exercise("hidden-units", 0), Exercise("which-function", 4, 77)):
        session = made(exercise=one)
        assert from_address(address(session.settings)) == session.settings
    assert of_text("which-function") == Exercise("which-function", 1, 0)
    for bad in (
        "which",
        "which-function;9",
        "which-function;0",
        "hidden-units;1;2;3",
        "which-function;a",
    ):
        with pytest.raises(PellucidError):
            of_text(bad)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "eval"},
        {"level": 7},
        {"seed": -1},
        {"level": True},
        {"path": "x"},
        [],
        "hidden-units",
    ],
)
def test_what_is_no_exercise_is_refused(values):
    session = made()
    with pytest.raises(PellucidError):
        do(session, do="set", values={"exercise": values})
    assert session.settings.exercise is None


def test_the_command_line_opens_an_exercise(monkeypatch):
    typer = pytest.importorskip("typer.testing")
    from pellucid.cli import main

    opened = []
    monkeypatch.setattr(main, "start", lambda **options: opened.append(options["link"]))
    run = typer.CliRunner().invoke(main.app, ["play", "--exercise", "which-function"])
    assert run.exit_code == 0, run.output
    assert from_address(opened[0]).exercise == Exercise("which-function")
    assert re.search("hidden-units", typer.CliRunner().invoke(main.app, ["play", "--help"]).output)
