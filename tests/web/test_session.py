"""A session without a browser: what its commands do, against the library called by hand."""

import base64
import dataclasses
import json
import math

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.nn import L2, BinaryCrossEntropy, CrossEntropy, Dense, Hinge
from pellucid.optim import SGD, Adam, Cosine
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, SETTINGS, read
from pellucid.web.playing import Playing, _session
from pellucid.web.session import Session
from pellucid.web.settings import Settings, Stop
from pellucid.web.sources import Own, from_arrays, from_csv


class Told:
    """What a session sends."""

    def __init__(self):
        self.messages = []

    def __call__(self, message):
        self.messages.append(message)

    def last(self, kind):
        for message in reversed(self.messages):
            own = message if isinstance(message, dict) else frames.unpack(message)[0]
            if own["kind"] == kind:
                return message
        return None


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def session(told):
    return Session(send=told)


def do(session, **command):
    """A command as it comes over the socket."""
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def weights(session):
    return [one.copy() for one in session.model.get_weights()]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.lecture("T1.J2")
def test_a_step_is_an_epoch_over_the_training_points(session):
    do(session, do="step", epochs=2)
    x, y = pel.data.points("circle")
    kept, _ = pel.data.split(len(x), 0.5, seed=0)
    model = pel.Sequential([Dense(4, "tanh"), Dense(2, "tanh"), Dense(1, "tanh")], seed=0)
    model.compile(SGD(0.03), "half_squared")
    model.fit(x[kept], 2 * y[kept] - 1, batch_size=10, epochs=2, seed=0, verbose=0)
    assert session.epoch == 2 and same(weights(session), model.get_weights())


def test_reset_has_new_weights_and_rewind_the_same(session):
    start = weights(session)
    do(session, do="step", epochs=3)
    do(session, do="rewind")
    assert session.epoch == 0 and same(weights(session), start)
    do(session, do="step", epochs=3)
    trained = weights(session)
    do(session, do="reset")
    assert session.epoch == 0 and not same(weights(session), start)
    assert session.settings.seed == 1
    do(session, do="set", values={"seed": 0})
    do(session, do="step", epochs=3)
    assert same(weights(session), trained)


def test_a_page_that_comes_later_gets_the_curve_of_the_run(session, told):
    for _ in range(3):
        do(session, do="step", epochs=2)
    drawn = {}  # within an epoch it is measured again
    for message in told.messages:
        if not isinstance(message, dict) and "scores" in (frame := frames.unpack(message)[0]):
            scores = frame["scores"]
            drawn[scores["epoch"]] = [scores[part]["loss"] for part in ("train", "test")]
    do(session, do="show")
    assert told.last("screen")["past"] == [[epoch, *drawn[epoch]] for epoch in drawn]
    assert {2, 4, 6} <= {*drawn}
    do(session, do="rewind")
    assert told.last("screen")["past"] == []


def test_rates_and_strengths_act_without_a_reset_and_are_marked(session, told):
    do(
        session,
        do="set",
        values={"penalties": [{"type": "L1", "strength": 0.001, "proximal": True}]},
    )
    do(session, do="step", epochs=2)
    before = weights(session)
    do(session, do="set", values={"optimizer": {"type": "SGD", "learning_rate": 0.3}})
    do(session, do="set", values={"penalties": [{"type": "L1", "strength": 1.0, "proximal": True}]})
    assert session.epoch == 2 and same(weights(session), before)
    assert told.last("screen")["changes"] == [2]
    do(session, do="step", epochs=5)
    assert session.epoch == 7
    # Weights that cross 0 stay there exactly: their links are dead.
    zeros = [(one == 0).mean() for name, one in session.model.weights.items() if "W" in name]
    assert np.mean(zeros) > 0.5, zeros


@pytest.mark.parametrize(
    "values",
    [
        {"layers": [{"type": "Dense", "units": 3}, {"type": "Dense", "units": 1}]},
        {"penalties": [{"type": "L2", "strength": 0.1}]},
        {"batch_size": 20},
        {"optimizer": {"type": "Adam", "learning_rate": 0.01}},
        {"noise": 0.2},
        {"features": ["x1", "x2", "sin(x1)"]},
        {"held": 0.3},
    ],
)
def test_everything_else_starts_anew(session, values):
    do(session, do="step", epochs=1)
    do(session, do="set", values=values)
    assert session.epoch == 0


def test_a_schedule_may_change_on_the_way(session):
    do(session, do="step", epochs=2)
    schedule = {"type": "Cosine", "initial": 0.1, "steps": 500}
    do(session, do="set", values={"optimizer": {"type": "SGD", "learning_rate": schedule}})
    assert session.epoch == 2 and session.settings.now()[0] == SGD(Cosine(0.1, 500))
    do(session, do="step", epochs=1)


def test_a_refusal_leaves_everything_as_it_was(session):
    do(session, do="step", epochs=1)
    before, kept = session.settings, weights(session)
    for values in (
        {"layers": [{"type": "Dense", "units": 500}, {"type": "Dense", "units": 1}]},
        {"layers": [{"type": "Dense", "units": 1}] * 25},
        {"layers": [{"type": "Dropout", "rate": 0.1}]},
        {"layers": []},
        {"data": "x9 > 1"},
        {"data": "own"},
        {"features": []},
        {"features": ["x1 > 0"]},
        {"rows": 100_000, "held": 2.0},
        {"dtype": "int8"},
    ):
        with pytest.raises(PellucidError):
            do(session, do="set", values=values)
        assert session.settings == before and same(weights(session), kept)
    do(session, do="step", epochs=1)
    assert session.epoch == 2


def test_a_weight_by_hand(session):
    do(session, do="weight", name="dense_1.W", index=[1, 2], value=-0.75)
    assert session.model.weights["dense_1.W"][1, 2] == -0.75
    do(session, do="weight", name="dense_2.b", index=[0], value=2.0)
    assert session.model.weights["dense_2.b"][0] == 2.0
    for name, index in (("dense_9.W", [0, 0]), ("dense_1.W", [0]), ("dense_1.W", [2, 0])):
        with pytest.raises(ArgumentError):
            do(session, do="weight", name=name, index=index, value=1.0)


def test_a_frame_shows_the_library_s_numbers(session):
    do(session, do="step", epochs=3)
    header, arrays = frames.unpack(session.frame())
    x, y = session.rows.test
    assert header["scores"]["test"]["loss"] == pytest.approx(session.model.evaluate(x, y)["loss"])
    right = (np.sign(session.model.predict(x)[:, 0]) == y).mean()
    assert header["scores"]["test"]["accuracy"] == pytest.approx(right)
    assert np.sum(header["scores"]["confusion"]) == len(x)
    assert np.trace(header["scores"]["confusion"]) == round(right * len(x))
    for name, array in session.model.weights.items():
        assert np.array_equal(arrays[f"w:{name}"], array)
    # The upper left cell of the output's map, and the third unit of the first layer there.
    n = arrays["output"].shape[1]
    corner = np.array([[-6 + 6 / n, 6 - 6 / n]])
    assert arrays["output"][0, 0, 0] == pytest.approx(session.model.predict(corner)[0, 0], abs=1e-6)
    W, b = session.model.weights["dense_1.W"], session.model.weights["dense_1.b"]
    m = arrays["block0"].shape[1]
    place = np.array([-6 + 6 / m, 6 - 6 / m])
    assert arrays["block0"][2, 0, 0] == pytest.approx(np.tanh(place @ W + b)[2], abs=1e-5)


def test_values_at_a_point(session, told):
    do(session, do="at", x1=1.25, x2=-2.0)
    found = told.last("at")
    assert found["features"] == [1.25, -2.0]
    assert found["blocks"][-1] == [float(session.model.predict([[1.25, -2.0]])[0, 0])]


@pytest.mark.slow
def test_r_squared_of_values(told):
    session = Session(Settings(data="plane", layers=(Dense(1),)), send=told)
    do(session, do="step", epochs=30)
    x, y = session.rows.test
    predicted = session.model.predict(x)[:, 0]
    wanted = 1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert session.look.scores()["test"]["r2"] == pytest.approx(wanted) and wanted > 0.99


def test_the_stop_rule_pauses_the_run(told):
    session = Session(Settings(stop=Stop("below", "loss", 0.2)), send=told)
    session.play()
    for _ in range(200):
        if session.playing:
            session.train()
    assert not session.playing and told.last("note")
    losses = session.model.history.epochs["loss"]
    assert losses[-1] <= 0.2 < min(losses[:-1])


@pytest.mark.parametrize(
    ("loss", "units", "labels"),
    [
        (Hinge(), 1, {-1, 1}),
        pytest.param(CrossEntropy(), 2, {0, 1}, marks=pytest.mark.slow),
        pytest.param(BinaryCrossEntropy(), 1, {0, 1}, marks=pytest.mark.slow),
    ],
)
def test_losses_get_their_labels_and_their_output(session, loss, units, labels):
    session.change({"loss": loss})
    end = session.settings.layers[-1]
    assert end.units == units and end.activation is None
    assert set(session.rows.train[1].tolist()) == labels
    session.step(20)
    assert session.look.scores()["train"]["accuracy"] > 0.8


def test_divergence_names_node_line_and_step(told):
    settings = Settings(optimizer=SGD(10.0), layers=(Dense(4), Dense(1)), data="plane")
    session = Session(settings, send=told)
    session.play()
    for _ in range(50):
        if session.playing:
            session.train()
    text = told.last("error")["text"]
    assert "at step" in text and "the first value that is not finite is" in text
    assert all(np.isfinite(one).all() for one in weights(session))


def test_several_classes_from_a_table(session, told):
    draw = np.random.default_rng(0)
    centers = {"oak": (0, 4), "elm": (-4, -3), "fir": (4, -3)}
    lines = ["width,height,tree"]
    for _ in range(60):
        for tree, center in centers.items():
            x = draw.normal(center, 0.6)
            lines.append(f"{x[0]:.3f},{x[1]:.3f},{tree}")
    text = "\n".join(lines)
    do(session, do="csv", text=text[:1000], more=True)
    do(session, do="csv", text=text[1000:], more=False)
    screen = told.last("screen")
    assert screen["classes"] == 3 and screen["labels"] == ["elm", "fir", "oak"]
    assert screen["columns"] == ["width", "height"]
    assert session.settings.loss == CrossEntropy() and session.settings.layers[-1].units == 3
    do(session, do="step", epochs=30)
    assert session.look.scores()["test"]["accuracy"] == 1
    assert np.array(session.look.scores()["confusion"]).shape == (3, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,0\n", "4 to 100,000 rows"),
        ("y\n1\n2\n3\n4\n5\n", "two columns or more"),
        ("a,y\n1,0\n2,1\n3,0\n4,1\n5,1\n", "two columns of numbers"),
        ("", "empty|no rows|columns|data"),
        ("name,y\nann,1\nbob,2\ncid,3\ndot,4\n", "column of numbers"),
    ],
)
def test_tables_that_cannot_be_used(session, text, said):
    with pytest.raises(PellucidError, match=said):
        do(session, do="csv", text=text, more=False)
    assert session.settings.data == "circle"


def test_rows_with_missing_cells_and_columns_of_words_are_said():
    own = from_csv("a,b,city,y\n1,2,Bonn,0\n2,3,Rom,1\n3,,Bonn,0\n4,5,Rom,1\n5,6,Bonn,0\n")
    assert own.x.tolist() == [[1, 2], [2, 3], [4, 5], [5, 6]]
    assert "city" in own.notes[1] and "1 rows" in own.notes[2]


def test_points_by_hand(session, told):
    before = len(session.rows.x)
    do(session, do="draw", points=[[1.0, 2.0, 1], [3.0, 1.0, 0]])
    assert len(session.rows.x) == before + 2 and session.settings.data == "own"
    assert session.rows.x[-1].tolist() == [3.0, 1.0] and session.rows.shown[-1] == 0
    do(session, do="draw", points=[[0.0, 0.0, 2]])  # a third class
    assert session.rows.classes == 3 and session.settings.loss == CrossEntropy()
    do(session, do="erase", x1=0.01, x2=0.0)
    assert len(session.rows.x) == before + 2
    with pytest.raises(ArgumentError, match="a class must be"):
        do(session, do="draw", points=[[0.0, 0.0, 7]])
    do(session, do="step", epochs=1)


def test_save_and_load_keep_every_weight(session, told, tmp_path):
    do(session, do="step", epochs=3)
    kept = weights(session)
    do(session, do="save")
    header, arrays = frames.unpack(told.last("file"))
    content = arrays["content"].tobytes()[: header["size"]]
    (tmp_path / "model.safetensors").write_bytes(content)
    loaded = pel.load(tmp_path / "model.safetensors")
    assert (
        same(loaded.get_weights(), kept) and loaded.history.epochs == session.model.history.epochs
    )
    other = Session()
    do(other, do="load", content=base64.b64encode(content).decode(), more=False)
    assert same(weights(other), kept)
    assert other.settings.layers == session.settings.layers
    for wrong in ("%%%", base64.b64encode(b"not a model").decode(), ""):
        with pytest.raises(DataError):
            do(other, do="load", content=wrong, more=False)


def test_export_gives_the_program_and_own_points(session, told):
    do(session, do="draw", points=[[0.1, 0.2, 1]])
    do(session, do="export")
    names = [frames.unpack(m)[0].get("name") for m in told.messages if isinstance(m, bytes)]
    assert names[-2:] == ["program.py", "points.csv"]
    header, arrays = frames.unpack(told.last("file"))
    text = arrays["content"].tobytes()[: header["size"]].decode()
    table = np.array([line.split(",") for line in text.splitlines()[1:]], float)
    assert np.array_equal(table[:, :2], session.rows.x)  # all digits


@pytest.mark.slow
def test_a_model_of_python_is_trained_in_place(told):
    x, y = pel.data.points("xor", rows=200, seed=2)
    model = pel.Sequential([Dense(8, "relu"), Dense(1)], seed=3)
    model.compile(Adam(0.01), "binary_cross_entropy", regularizer=L2(0.001))
    with Playing(lambda: _session(model, x, y, 0.2, None)) as made:
        session = made.session
        assert session.model is model and session.settings.penalties == (L2(0.001),)
        session.step(2)
        kept, _ = pel.data.split(200, 0.2, seed=0)
        other = pel.Sequential([Dense(8, "relu"), Dense(1)], seed=3)
        other.compile(Adam(0.01), "binary_cross_entropy", regularizer=L2(0.001))
        other.fit(x[kept], y[kept], batch_size=10, epochs=2, seed=3, verbose=0)
        assert same(model.get_weights(), other.get_weights())
        assert made.model is model


@pytest.mark.slow
def test_a_trained_model_goes_on_from_its_weights_and_rewinds_to_them():
    x, y = pel.data.points("gauss", rows=200)
    model = pel.Sequential([Dense(3, "tanh"), Dense(1)], seed=3)
    model.compile(SGD(0.1), "binary_cross_entropy", metrics=["accuracy"])
    model.fit(x, y, epochs=2, seed=0, verbose=0)
    kept = model.get_weights()
    session = _session(model, x, y, 0.2, None)
    assert same(weights(session), kept) and "pel.load" in session.program()
    session.step(2)
    assert session.model is model and not same(weights(session), kept)
    session.change({"optimizer": SGD(0.01)})
    session.rewind()
    assert same(weights(session), kept) and session.settings.optimizer == SGD(0.01)


@pytest.mark.parametrize(
    ("labels", "loss", "classes"),
    [
        ([-1, 1, 1, -1], "half_squared", 2),
        ([-1.0, 1.0, 1.0, -1.0], "hinge", 2),
        ([0, 1, 2, 1], "cross_entropy", 3),
        ([0, 1, 0, 1], "squared", 0),
        ([0.5, 1.5, 2, 3], "squared", 0),
    ],
)
def test_arrays_are_trained_on_as_python_means_them(labels, loss, classes):
    own = from_arrays(np.zeros((4, 2)), np.array(labels), pel.nn.losses.loss(loss))
    assert own.classes == classes


def test_bounds_of_rows_and_columns():
    for x, y in (
        (np.zeros((100_001, 2)), np.zeros(100_001)),
        (np.zeros((10, 65)), np.zeros(10)),
        (np.full((10, 2), math.nan), np.zeros(10)),
        (np.zeros((10, 2, 2)), np.zeros(10)),
    ):
        with pytest.raises(PellucidError):
            from_arrays(x, y, pel.nn.Squared())


def test_every_setting_has_a_check_and_stands_in_the_screen(session):
    names = {one.name for one in dataclasses.fields(Settings)} - {"changes", "epochs", "loaded"}
    assert names == set(SETTINGS)
    assert names == set(session.screen()["settings"])


def test_frames_are_unpacked_as_they_were_packed():
    header, arrays = frames.unpack(
        frames.pack({"a": [1, math.nan], "b": "ü"}, {"x": np.arange(6.0).reshape(2, 3)})
    )
    assert header == {"a": [1, None], "b": "ü"}
    assert np.array_equal(arrays["x"], np.arange(6.0).reshape(2, 3))


@pytest.mark.slow
def test_own_rows_with_four_columns():
    draw = np.random.default_rng(0)
    own = Own(draw.normal(size=(50, 4)), draw.normal(size=50), 0, tuple("abcd"))
    session = Session()
    session.set_own(own)
    session.step(2)
    header, arrays = frames.unpack(session.frame())
    assert arrays["features"].shape[0] == 4 and header["scores"]["train"]["r2"] is not None


def test_play_shows_pauses_and_steers_a_run_that_is_repeated(capsys):
    x, y = pel.data.points("xor", rows=100)

    def model():
        made = pel.Sequential([Dense(4, "tanh"), Dense(1, "tanh")], seed=1)
        made.compile(SGD(0.03), "half_squared")
        return made

    play = pel.Play(browser=False, paused=True)

    class Person(pel.Callback):
        every_step = False

        def on_epoch(self, run):
            if run.epoch == 4:
                play._inbox.submit("set", {"values": {"optimizer": SGD(0.3)}})
                play._inbox.submit("pause", {})
                play._inbox.submit("step", {"epochs": 2})
                play._inbox.submit("rewind", {})
                play._inbox.submit("play", {})

    play._inbox.submit("play", {})
    first, second, plain = model(), model(), model()
    history = first.fit(x, 2 * y - 1, epochs=8, seed=0, verbose=0, callbacks=[Person(), play])
    assert history.memory["steering"] == [4.0, 10.0]
    assert "The run is at http://127.0.0.1:" in capsys.readouterr().out
    options = {"epochs": 8, "seed": 0, "verbose": 0}
    second.fit(x, 2 * y - 1, **options, callbacks=[pel.Replay(history)])
    plain.fit(x, 2 * y - 1, **options)
    assert same(first.get_weights(), second.get_weights())
    assert not same(first.get_weights(), plain.get_weights())


def test_play_refuses_what_it_cannot_show():
    model = pel.Sequential([pel.nn.Flatten(), Dense(1)], seed=0)
    model.compile(SGD(0.1), "squared")
    with pytest.raises(ArgumentError, match="the page shows a Sequential of Dense"):
        model.fit(np.zeros((9, 2, 2)), np.zeros(9), verbose=0, callbacks=[pel.Play(browser=False)])
