"""The plane as two units see it, against the layers computed by hand in NumPy."""

import json

import numpy as np
import pytest

from pellucid.core.errors import ArgumentError
from pellucid.web import frames
from pellucid.web.commands import COMMANDS, read
from pellucid.web.program import from_address
from pellucid.web.session import Session

LINK = "data=circle&layers=[Dense(3,'tanh'),Dense(2,'tanh'),Dense(1,'tanh')]&seed=2&dtype=float64"


def page(link=LINK, epochs=60):
    made = Session(from_address(link))
    made.told = []
    made.send = made.told.append
    if epochs:
        do(made, do="step", epochs=epochs)
    return made


def do(session, **command):
    name, arguments = read(json.dumps(command))
    COMMANDS[name].run(session, arguments)


def seen(session, column, pair):
    do(session, do="units", column=column, pair=pair)
    header, arrays = frames.unpack(session.told[-1])
    assert header["kind"] == "frame"
    return arrays


def hidden(session, x):
    """The two hidden layers in NumPy."""
    w = session.model.weights
    first = np.tanh(x @ w["dense_1.W"] + w["dense_1.b"])
    return first, np.tanh(first @ w["dense_2.W"] + w["dense_2.b"])


def places(n):
    edge = np.linspace(-6, 6, n)
    return np.stack([np.tile(edge, n), np.repeat(edge[::-1], n)], 1)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("column", "pair"), [(0, [0, 1]), (1, [2, 0]), (2, [1, 0]), (1, [1, 1])])
def test_grid_and_rows_are_carried_by_the_layers(column, pair):
    session = page(epochs=3)
    arrays = seen(session, column, pair)
    n = arrays["mesh"].shape[0]
    inputs = places(n)
    by_hand = [inputs, *hidden(session, inputs)][column][:, pair]
    assert np.allclose(arrays["mesh"].reshape(-1, 2), by_hand, atol=1e-6)
    x = session.rows.x[arrays["carried:rows"].astype(int)]
    assert len(x) == 500
    by_hand = [x, *hidden(session, x)][column][:, pair]
    assert np.allclose(arrays["carried"], by_hand, atol=1e-6)
    assert np.allclose(arrays["mesh:output"].ravel(), session.model.predict(inputs).ravel())


def test_to_the_last_two_units_the_border_is_straight():
    """Where the output changes its sign, w·h + b is 0."""
    session = page()
    ends = seen(session, 2, [0, 1])["border"].reshape(-1, 2)
    assert len(ends) > 50
    w, b = session.model.weights["dense_3.W"], session.model.weights["dense_3.b"]
    assert np.abs(ends @ w[:, 0] + b).max() < 1e-3 * np.abs(w).max()


def test_the_border_in_the_plane_is_where_the_output_is_0():
    session = page()
    ends = seen(session, 0, [0, 1])["border"].reshape(-1, 2)
    slope = np.abs(session.model.predict(ends)).max()
    assert len(ends) > 50 and slope < 0.01


@pytest.mark.slow
def test_of_three_classes_the_border_is_where_the_two_highest_are_equal():
    session = page("data=circle", 0)
    do(session, do="draw", points=[[5.0, 5.0, 2], [5.2, 5.1, 2], [4.8, 5.2, 2]])
    do(session, do="step", epochs=30)
    ends = seen(session, 0, [0, 1])["border"].reshape(-1, 2)
    scores = np.sort(session.model.predict(ends), 1)
    assert len(ends) > 20 and (scores[:, -1] - scores[:, -2]).max() < 0.02


def test_values_have_no_border_and_other_columns_stand_in_their_middle():
    session = page("data=plane", 0)
    arrays = seen(session, 1, [0, 3])
    assert arrays["border"].shape == (0, 2, 2) and len(arrays["mesh"])


def test_units_that_are_gone_are_not_shown():
    session = page(epochs=0)
    assert "mesh" in seen(session, 1, [0, 2])
    layers = [{"type": "Dense", "units": 2}, {"type": "Dense", "units": 1}]
    do(session, do="set", values={"layers": layers})
    assert "mesh" not in frames.unpack(session.told[-1])[1]
    assert "mesh" not in seen(session, 7, [0, 1])
    assert "mesh" not in seen(session, 0, [])


@pytest.mark.parametrize(
    "wrong", [{"column": -1, "pair": [0, 1]}, {"column": 0, "pair": [0]}, {"column": 0, "pair": 3}]
)
def test_what_are_no_two_units_is_refused(wrong):
    with pytest.raises(ArgumentError):
        read(json.dumps({"do": "units", **wrong}))
