"""Pictures as data of the playground, against NumPy and the library called by hand."""

import json

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.nn import CrossEntropy, Dense
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.parsing import parse
from pellucid.web.program import address, from_address
from pellucid.web.session import Session

LINK = "data=digits&layers=[Dense(6,'tanh'),Dense(5,'relu'),Dense(10)]&loss=CrossEntropy()&held=0.3"


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


@pytest.fixture(scope="module")
def page():
    made = Session(from_address(LINK))
    made.told = []
    made.send = made.told.append
    do(made, do="step", epochs=2)
    return made


def said(session, kind):
    for message in reversed(session.told):
        own = message if isinstance(message, dict) else frames.unpack(message)[0]
        if own["kind"] == kind:
            return message if isinstance(message, dict) else frames.unpack(message)
    return None


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_rows_are_the_bundled_digits(page):
    digits = pel.data.load_digits(seed=0, fraction=0.3)
    x, y = page.rows.train
    assert np.array_equal(x, digits.x_train.reshape(-1, 64) / 16)
    assert np.array_equal(y, digits.y_train) and np.array_equal(page.rows.test[1], digits.y_test)
    assert page.rows.classes == 10 and page.screen()["picture"] == (8, 8)
    assert page.screen()["labels"] == [str(i) for i in range(10)]


def test_patches_are_the_weights_and_covariances(page):
    arrays = said(page, "frame")[1]
    assert np.allclose(
        arrays["block0"], page.model.weights["dense_1.W"].T.reshape(6, 8, 8), atol=1e-6
    )
    x = page.rows.train[0][:1000].astype(np.float32)
    w = page.model.weights
    h = np.tanh(x @ w["dense_1.W"] + w["dense_1.b"])
    h = np.maximum(h @ w["dense_2.W"] + w["dense_2.b"], 0)
    wanted = [np.cov(h[:, i], x[:, j], bias=True)[0, 1] for i in range(5) for j in range(64)]
    assert np.allclose(arrays["block1"].ravel(), wanted, atol=1e-5)


def test_a_drawn_digit_is_predicted_and_stays(page):
    picture = page.rows.x[page.rows.held[4]].tolist()
    do(page, do="picture", values=picture)
    found = said(page, "drawn")["drawn"]
    outputs = page.model.predict([picture])[0]
    assert np.allclose(found["blocks"][-1], outputs, atol=1e-6)
    assert np.allclose(found["chances"], softmax(outputs), atol=1e-6)
    assert found["chosen"] == outputs.argmax()
    do(page, do="rewind")
    header, arrays = said(page, "frame")
    assert np.allclose(arrays["features"].ravel(), picture)
    assert np.allclose(header["drawn"]["chances"], softmax(page.model.predict([picture])[0]))
    do(page, do="step", epochs=2)


def test_the_worst_are_those_whose_class_has_the_lowest_probability(page):
    header = said(page, "frame")[0]
    x, y = page.rows.test
    chances = softmax(page.model.predict(x))
    right = chances[np.arange(len(y)), y]
    order = np.argsort(right)[:12]
    worst = header["scores"]["worst"]
    assert [one["row"] for one in worst] == page.rows.held[order].tolist()
    assert np.allclose([one["chance"] for one in worst], right[order], atol=1e-6)
    assert [one["true"] for one in worst] == y[order].tolist()
    assert [one["chosen"] for one in worst] == chances[order].argmax(1).tolist()
    table = np.array(header["scores"]["confusion"])
    assert table.sum() == len(y) and np.trace(table) == (chances.argmax(1) == y).sum()


def test_a_loss_without_probabilities_ranks_by_the_margin():
    page = Session(from_address(LINK.replace("CrossEntropy", "MulticlassHinge")))
    header = frames.unpack(page.frame())[0]
    assert header["drawn"]["chances"] is None
    x, y = page.rows.test
    outputs = page.model.predict(x)
    right = outputs[np.arange(len(y)), y]
    outputs[np.arange(len(y)), y] = -np.inf
    order = np.argsort(right - outputs.max(1), kind="stable")[:3]
    assert [one["row"] for one in header["scores"]["worst"]][:3] == page.rows.held[order].tolist()


def test_the_program_ends_in_the_page_s_bits_and_reads_back(page):
    text = page.program()
    found: dict = {}
    exec(text, found)
    assert all(map(np.array_equal, found["model"].get_weights(), page.model.get_weights()))
    other = Session()
    do(other, do="program", text=text)
    while other.playing:
        other.train()
    assert all(map(np.array_equal, other.model.get_weights(), page.model.get_weights()))
    assert other.program() == text and "features" not in text
    assert from_address(address(page.settings)).layers == page.settings.layers
    assert parse(text).data == "digits"


def test_from_the_plane_to_pictures_and_back():
    page = Session()
    do(page, do="set", values={"data": "digits"})
    s = page.settings
    assert s.loss == CrossEntropy() and s.layers[-1] == Dense(10) and len(s.features) == 64
    do(page, do="set", values={"held": 0.2})
    assert len(page.rows.held) == 359
    do(page, do="set", values={"data": "xor"})
    assert page.settings.features == ("x1", "x2") and page.rows.picture is None
    do(page, do="step", epochs=1)


@pytest.mark.slow
def test_two_runs_on_pictures_and_the_units_that_see_them():
    page = Session(from_address(LINK))
    page.told = []
    page.send = page.told.append
    do(page, do="compare", values={"optimizer": {"type": "Adam", "learning_rate": 0.01}})
    do(page, do="units", column=1, pair=[0, 5])
    do(page, do="picture", values=[0.5] * 64)
    assert said(page, "drawn")["second"]["chances"]
    do(page, do="step", epochs=1)
    header, arrays = said(page, "frame")
    assert arrays["carried"].shape == (600, 2) and "mesh" not in arrays
    assert header["second"]["drawn"]["chances"] and "second:block0" in arrays


@pytest.mark.parametrize(
    "command",
    [
        {"do": "picture", "values": [0.0] * 63},
        {"do": "picture", "values": [0.0] * 63 + [1.5]},
        {"do": "picture", "values": [0.0] * 63 + [None]},
        {"do": "draw", "points": [[0, 0, 1]]},
        {"do": "erase", "x1": 0, "x2": 0},
        {"do": "set", "values": {"held": 0.99}},
    ],
)
def test_what_is_no_picture_is_refused(page, command):
    before = page.program()
    with pytest.raises(PellucidError):
        do(page, **command)
    assert page.program() == before


def test_on_a_plane_there_are_no_pictures():
    with pytest.raises(ArgumentError, match="no pictures"):
        do(Session(), do="picture", values=[0.0] * 64)
