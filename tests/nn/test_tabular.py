"""Layers that learn from a table once, against NumPy and the calendar of Python."""

import datetime
import itertools

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError


@pytest.fixture
def columns():
    """A wide, a whole, a constant, a skewed and a nearly constant column, some of it missing."""
    rng = np.random.default_rng(0)
    x = np.stack(
        [
            rng.normal(5, 1e6, 200),
            rng.integers(0, 3, 200).astype(float),
            np.full(200, 7.0),
            rng.lognormal(0, 3, 200),
            np.where(np.arange(200) < 3, 4.0, 0.0),
        ],
        axis=1,
    )
    x[::9, 0] = np.nan
    x[5, 3] = np.inf
    return x


def test_standardize_is_the_formula(columns):
    layer = nn.Standardize()
    layer.adapt(columns, "float64")
    for i, column in enumerate(columns.T):
        known = column[np.isfinite(column)]
        low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
        scale = (high - low) or (known.max() - known.min()) / 2 or 1.0
        z = (np.where(np.isnan(column), median, column) - median) / scale
        with np.errstate(invalid="ignore"):
            wanted = np.where(np.isinf(z), 3.0, z / np.sqrt(1 + (z / 3) ** 2))
        np.testing.assert_allclose(layer(columns)[:, i], wanted, rtol=1e-12, atol=1e-14)


def test_quantile_bins_are_the_formula(columns):
    layer = nn.QuantileBins(4)
    layer.adapt(columns, "float64")
    codes = layer(columns).reshape(200, 5, 4)
    for i, column in enumerate(columns.T):
        known = column[np.isfinite(column)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, 5)))
        for row in range(200):
            value = column[row]
            wanted = np.zeros(4)
            if not np.isnan(value):
                for t, (low, high) in enumerate(itertools.pairwise(edges)):
                    wanted[t] = min(max((value - low) / (high - low), 0), 1)
            np.testing.assert_allclose(codes[row, i], wanted, rtol=1e-9, atol=1e-12)


def test_missing_flags(columns):
    assert np.array_equal(nn.MissingFlag()(columns), np.isnan(columns))
    assert np.array_equal(nn.MissingFlag((0,))(columns), np.isnan(columns[:, :1]))
    with pytest.raises(ShapeError, match="must have a column 5"):
        nn.MissingFlag((5,))(columns)


def test_dates_are_those_of_the_calendar():
    rng = np.random.default_rng(1)
    seconds = np.concatenate(
        [
            rng.integers(-62135596800, 253402300799, 300).astype(float),  # the years 1 to 9999
            [0.0, -1.0, 951782399.0, 951782400.0, 4107542400.0, 1709164799.5],  # leap days
        ]
    )
    found = nn.Dates()(seconds[:, None])
    for row, value in zip(found, seconds, strict=True):
        day = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=float(value))
        wanted = [value, day.year, day.month, day.day, day.weekday(), day.hour]
        assert row.tolist() == wanted
    assert np.isnan(nn.Dates()(np.array([[np.nan]]))).all()
    with pytest.raises(DTypeError, match="must be float64"):
        nn.Dates()(np.zeros((2, 1), np.float32))


def test_target_scale_undoes_itself():
    y = np.random.default_rng(2).normal(100, 20, (50, 1))
    layer = nn.TargetScale()
    layer.adapt(y, "float64")
    scaled = layer.scaled(y)
    assert abs(scaled.mean()) < 1e-12
    assert abs(scaled.std() - 1) < 1e-12
    np.testing.assert_allclose(layer(scaled), y, rtol=1e-12)


def test_categories_have_a_level_for_missing_and_one_for_unseen():
    layer = nn.Categories((2, 20), units=3)
    model = pel.Sequential([layer], seed=0)
    model.build((2,))
    found = model.predict(np.array([[0, 4], [1, 19], [-1, -1], [2, 20], [99, 500]]))
    table = model.params["categories_1"]["table"]
    assert table.shape == (22, 3)
    assert found[:, :4].tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
    ]
    assert np.array_equal(found[:, 4:], table[[4, 19, 20, 21, 21]])


def test_the_unseen_level_is_trained():
    layer = nn.Categories((3,), drop=0.25)
    key = pel.Key(0, 0)
    dropped = layer.apply({}, {}, np.ones((4000, 1)), train=True, key=key)[0]
    share = float(np.asarray(dropped)[:, 4].mean())
    assert abs(share - 0.25) < 0.03
    assert np.array_equal(np.asarray(dropped)[:, 1], 1 - np.asarray(dropped)[:, 4])
    kept = layer.apply({}, {}, np.ones((4, 1)), train=False, key=None)[0]
    assert np.asarray(kept)[:, 4].sum() == 0


def test_what_was_learned_stays_in_training_and_in_the_file(columns, tmp_path):
    x = np.nan_to_num(columns, posinf=0.0)
    layer = nn.Standardize()
    layer.adapt(x)
    model = pel.Sequential([layer, nn.Dense(2)], seed=0)
    model.compile("adam", "cross_entropy")
    before = layer.variables.state["center"].copy()
    model.fit(x, np.arange(200) % 2, epochs=2, verbose=0, seed=0)
    assert np.array_equal(model.state["standardize_1"]["center"], before)
    model.save(tmp_path / "m")
    again = pel.load(tmp_path / "m")
    assert np.array_equal(again.predict(x), model.predict(x))


def test_extreme_numbers_stay_finite():
    x = np.array([[0.0, -1.7e308], [5e-324, 1.7e308], [1e-320, 0.0], [np.inf, -np.inf]])
    for layer in (nn.Standardize(), nn.QuantileBins(2)):
        for dtype in ("float32", "float64"):
            layer.adapt(x[:, :1] if dtype == "float32" else x, dtype)
            with np.errstate(over="ignore"):
                given = x.astype(dtype)
            found = layer(given[:, :1] if dtype == "float32" else given)
            assert np.isfinite(found).all()
            assert np.abs(found).max() <= 3


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.Standardize().adapt(np.zeros(3)), ShapeError, "must be (N, D) with a row"),
        (lambda: nn.Standardize().adapt(np.zeros((0, 3))), ShapeError, "with a row or more"),
        (lambda: nn.Categories(()), ArgumentError, "levels must be how many each column has"),
        (lambda: nn.MissingFlag(()), ArgumentError, "columns must be numbers of columns"),
        (lambda: nn.TargetScale().scaled(np.zeros((2, 1))), ArgumentError, "must be seen first"),
        (lambda: pel.Sequential([nn.Categories((2,))]).build((3,)), ShapeError, "a code a column"),
    ],
)
def test_wrong_arguments(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
