"""Two runs side by side: each ends in the bits of the run alone."""

import json

import numpy as np
import pytest

from pellucid.core.config import to_config
from pellucid.core.errors import PellucidError
from pellucid.nn import L2, Dense, Dropout
from pellucid.optim import SGD, Adam
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.program import from_address
from pellucid.web.second import differences
from pellucid.web.session import Session
from pellucid.web.settings import Settings

RELU = [to_config(Dense(4, "relu")), to_config(Dense(2, "relu")), to_config(Dense(1, "tanh"))]
WIDE = [to_config(Dense(6, "tanh")), to_config(Dropout(0.2)), to_config(Dense(1, "tanh"))]
CASES = [
    {"optimizer": {"type": "SGD", "learning_rate": 0.3}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.01}},
    {"layers": RELU},
    {"layers": WIDE},
    {"penalties": [{"type": "L1", "strength": 0.01, "proximal": True}]},
    {"batch_size": 25},
    {"features": ["x1", "x2", "x1*x2"]},
    {"seed": 7},
]


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def same(first, second):
    pairs = zip(first.model.get_weights(), second.model.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def page():
    made = Session(from_address("data=xor&noise=0.1"))
    made.told = []
    made.send = made.told.append
    return made


@pytest.mark.one_in(8)
@pytest.mark.parametrize("values", CASES, ids=lambda values: next(iter(values)))
def test_each_of_two_runs_ends_in_the_bits_of_the_run_alone(page, values):
    do(page, do="compare", values=values)
    do(page, do="step", epochs=3)
    do(page, do="step", epochs=2)
    assert page.epoch == page.second.epoch == 5 and not same_shape_and_bits(page)
    for run in (page, page.second):
        alone = Session()
        do(alone, do="program", text=run.program())
        while alone.playing:
            alone.train()
        assert same(alone, run) and alone.scores == run.scores
    do(page, do="compare", values={})
    assert page.second is None and page.epoch == 5  # the first run stays where it is
    do(page, do="step", epochs=1)


def same_shape_and_bits(page):
    first, second = (one.model.get_weights() for one in (page, page.second))
    shapes = [[w.shape for w in one] for one in (first, second)]
    return shapes[0] == shapes[1] and same(page, page.second)


def test_the_second_begins_with_the_same_weights_on_the_same_rows(page):
    do(page, do="compare", values=CASES[0])
    assert same(page, page.second)
    assert np.array_equal(page.rows.train[0], page.second.rows.train[0])


def test_what_is_changed_later_is_changed_in_both(page):
    do(page, do="compare", values={"layers": RELU})
    do(page, do="step", epochs=2)
    do(page, do="set", values={"optimizer": {"type": "SGD", "learning_rate": 0.1}})
    do(page, do="step", epochs=2)
    do(page, do="weight", name="dense_1.b", index=[0], value=0.5)
    assert page.second.model.weights["dense_1.b"][0] == 0.5
    for run in (page, page.second):
        assert run.settings.now()[0] == SGD(0.1) and run.epoch == 4
        assert [one.epoch for one in run.settings.changes] == [2, 4]
    do(page, do="set", values={"data": "spiral"})  # both begin anew
    assert page.second.settings.data == "spiral" and page.second.epoch == 0
    assert page.second.settings.layers[0].activation == "relu"
    do(page, do="reset")
    assert page.second.settings.seed == page.settings.seed == 1


@pytest.mark.slow
def test_a_rate_that_differs_stays_the_second_s_own(page):
    do(page, do="compare", values=CASES[0])
    do(page, do="step", epochs=1)
    do(page, do="set", values={"optimizer": {"type": "SGD", "learning_rate": 0.001}})
    assert page.settings.now()[0] == SGD(0.001) and page.second.settings.now()[0] == SGD(0.3)


def test_a_run_that_diverges_stops_alone(page):
    do(page, do="set", values={"data": "plane"})
    linear = [to_config(Dense(3)), to_config(Dense(1))]
    do(page, do="set", values={"layers": linear})
    do(page, do="compare", values={"optimizer": {"type": "SGD", "learning_rate": 10.0}})
    do(page, do="step", epochs=4)
    errors = [m["text"] for m in page.told if isinstance(m, dict) and m["kind"] == "error"]
    assert errors and errors[0].startswith("Second run: ")
    assert page.epoch == 4 and page.second.epoch < 4 and len(errors) == 1


def test_a_stop_rule_ends_each_run_where_it_would_alone(page):
    do(page, do="set", values={"data": "circle", "noise": 0.0})
    do(page, do="set", values={"stop": {"kind": "below", "monitor": "loss", "number": 0.3}})
    do(page, do="compare", values={"optimizer": {"type": "SGD", "learning_rate": 0.1}})
    do(page, do="play")
    while page.playing:
        page.train()
    notes = [m["text"] for m in page.told if isinstance(m, dict) and m["kind"] == "note"]
    assert any(one.startswith("Second run: The stop rule") for one in notes)
    ended = [page.epoch, page.second.epoch]
    assert ended[1] < ended[0]
    for run, epoch in zip((page, page.second), ended, strict=True):
        alone = Session()
        do(alone, do="program", text=run.program())
        alone.train()
        assert alone.epoch == epoch and same(alone, run)


def test_pictures_hold_both_at_one_epoch(page):
    do(page, do="compare", values={"layers": WIDE})
    page.ready = lambda: True
    page.told.clear()
    do(page, do="step", epochs=200)
    seen = [frames.unpack(m) for m in page.told if isinstance(m, bytes)]
    shown = [(h, a) for h, a in seen if h["kind"] == "frame"]
    assert shown
    for header, arrays in shown:
        assert header["epoch"] == header["second"]["epoch"]
        assert arrays["second:block0"].shape[0] == 6 and arrays["block0"].shape[0] == 4
    assert shown[-1][0]["second"]["epoch"] == 200
    screen = page.screen()
    assert screen["second"]["differs"][1].startswith("layers 6 tanh, Dropout")
    do(page, do="at", x1=0.5, x2=0.5)
    assert len(page.told[-1]["second"]) == 1


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"data": "xor"}, "two runs have the same data"),
        ({"held": 0.3}, "two runs have the same held"),
        ({"seed": 1, "batch_size": 3}, "in one setting"),
        ({"optimizer": {"type": "SGD", "learning_rate": 0.03}}, "must differ"),
        ({"batch_size": 10}, "must differ"),
        ({"layers": [{"type": "Dropout", "rate": 0.5}]}, "must be Dense or Activation"),
        ({"features": ["x3"]}, "x3"),
        ({"unknown": 1}, "unknown setting"),
        ([], "settings by name"),
    ],
)
def test_what_is_no_difference_is_refused(page, values, wanted):
    do(page, do="step", epochs=1)
    before = page.program()
    with pytest.raises(PellucidError, match=wanted):
        do(page, do="compare", values=values)
    assert page.second is None and page.program() == before


@pytest.mark.slow
def test_data_that_the_difference_does_not_fit_end_the_second_run(page):
    do(page, do="compare", values={"features": ["x1", "x2", "sin(x1)"]})
    do(page, do="set", values={"features": ["x1", "x2", "sin(x1)"]})
    assert page.second is None
    notes = [m["text"] for m in page.told if isinstance(m, dict) and m["kind"] == "note"]
    assert "no second run any more" in notes[-1]


def test_export_gives_both_programs(page):
    do(page, do="compare", values=CASES[1])
    do(page, do="step", epochs=1)
    page.told.clear()
    do(page, do="export")
    names = [frames.unpack(m)[0]["name"] for m in page.told if isinstance(m, bytes)]
    assert names == ["program.py", "program-second.py"]


@pytest.mark.parametrize(
    ("name", "first", "second", "wanted"),
    [
        ("optimizer", SGD(0.03), SGD(0.3), ("learning rate 0.03", "learning rate 0.3")),
        ("optimizer", SGD(0.03), Adam(0.1), ("SGD(learning_rate=0.03)", "Adam(learning_rate=0.1)")),
        ("penalties", (), (L2(0.1),), ("no penalty", "L2(strength=0.1)")),
        ("batch_size", 10, 1, ("batch size 10", "batch size 1")),
        (
            "layers",
            (Dense(4, "tanh"), Dense(1)),
            (Dense(4, "relu"), Dense(1)),
            ("activation tanh", "activation relu"),
        ),
        (
            "layers",
            (Dense(4, "tanh"), Dense(1)),
            (Dense(8, "tanh"), Dense(1)),
            ("layers 4 tanh, 1 linear", "layers 8 tanh, 1 linear"),
        ),
    ],
)
def test_the_difference_in_words(name, first, second, wanted):
    made = [Settings(**{name: one}) for one in (first, second)]
    assert differences(*made, name) == wanted


@pytest.mark.one_in(2)
@pytest.mark.parametrize("slices", [1, 3])
def test_a_rule_that_fires_at_the_end_of_a_slice_ends_the_run(slices):
    """Pauses and pictures come between any two epochs; the run ends where it would without."""
    rule = {"kind": "below", "monitor": "loss", "number": 0.3}
    runs = []
    for pauses in (10**6, slices):
        made = Session()
        do(made, do="set", values={"stop": rule})
        do(made, do="set", values={"optimizer": {"type": "SGD", "learning_rate": 0.1}})
        ticks = []

        def waiting(ticks=ticks, pauses=pauses):
            ticks.append(0)
            return len(ticks) % pauses == 0

        made.waiting = waiting
        do(made, do="play")
        while made.playing:
            made.train()
        runs.append(made)
    assert runs[0].epoch == runs[1].epoch and same(*runs)
