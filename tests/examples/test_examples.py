"""The examples: each runs, is short, stands in the table, and its numbers are the right ones."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid import data

FOLDER = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
MODELS = ("three_inputs", "autoencoder", "siamese", "transfer", "gan", "gan_functions")
RUNS: dict[str, dict[str, Any]] = {}


def ran(name: str) -> dict[str, Any]:
    """The names that an example leaves behind; each example runs once."""
    if name not in RUNS:
        RUNS[name] = runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    return RUNS[name]


LONG = ("xor", "gan")  # seconds of training, and other tests look at what they do


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in NAMES]
)
def test_an_example_runs_and_says_something(name: str, capsys: Any) -> None:
    RUNS.pop(name, None)
    ran(name)
    assert capsys.readouterr().out


def test_all_examples_stand_in_the_table_and_those_of_models_are_short() -> None:
    table = re.findall(r"^\| \[`(\w+)\.py`\]\(\1\.py\)", (FOLDER / "README.md").read_text(), re.M)
    assert sorted(table) == NAMES
    for name in MODELS:
        assert len((FOLDER / f"{name}.py").read_text().splitlines()) < 40


def test_three_inputs_give_what_numpy_computes_from_their_weights() -> None:
    run = ran("three_inputs")
    x, y, model = run["x"], run["y"], run["model"]
    w = {name: array.astype(float) for name, array in model.weights.items()}
    days = np.stack([x["visits"][:, i : i + 3, 0] for i in range(5)], axis=1)  # (N, 5, 3)
    week = np.maximum(days @ w["conv1d_1.W"][:, 0] + w["conv1d_1.b"], 0).reshape(600, -1)
    city = w["embedding_1.table"][x["city"][:, 0]]
    joined = np.concatenate([x["profile"], city, week], axis=1)
    hidden = np.tanh(joined @ w["dense_1.W"] + w["dense_1.b"])
    spend = (hidden @ w["dense_2.W"] + w["dense_2.b"])[:, 0]
    logit = (hidden @ w["dense_3.W"] + w["dense_3.b"])[:, 0]
    predicted = model.predict(x)
    np.testing.assert_allclose(predicted["spend"][:, 0], spend, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(predicted["stays"][:, 0], 1 / (1 + np.exp(-logit)), atol=1e-4)
    squared = np.mean((spend - y["spend"]) ** 2)
    crossed = np.mean(np.logaddexp(0, np.where(y["stays"] == 1, -logit, logit)))
    found = model.evaluate(x, y)
    assert found["spend_loss"] == pytest.approx(squared, rel=1e-3)
    assert found["stays_loss"] == pytest.approx(crossed, rel=1e-3)
    assert found["loss"] == pytest.approx(squared + 2 * crossed, rel=1e-3)
    assert found["spend_r2"] == pytest.approx(1 - squared / y["spend"].var(), rel=1e-4)
    assert found["spend_r2"] > 0.99 and found["stays_accuracy"] > 0.98


def test_the_encoder_is_the_first_half_of_the_autoencoder() -> None:
    run = ran("autoencoder")
    encoder, whole, x = run["encoder"], run["autoencoder"], run["data"].x_test
    w = {name: array.astype(float) for name, array in whole.weights.items()}
    pixels = x.reshape(-1, 64) / 16
    code = np.maximum(pixels @ w["dense_1.W"] + w["dense_1.b"], 0) @ w["code.W"] + w["code.b"]
    np.testing.assert_allclose(encoder.predict(x), code, rtol=1e-4, atol=1e-4)
    hidden = np.maximum(code @ w["dense_2.W"] + w["dense_2.b"], 0)
    picture = hidden @ w["dense_3.W"] + w["dense_3.b"]
    np.testing.assert_allclose(whole.predict(x), picture, rtol=1e-4, atol=1e-4)
    assert run["error"] == pytest.approx(((picture - pixels) ** 2).sum(axis=1).mean(), rel=1e-3)
    assert run["error"] < 0.3 * run["spread"]
    assert run["right"] > 0.93


def test_the_siamese_distance_is_a_distance_and_tells_unseen_pairs_apart() -> None:
    run = ran("siamese")
    body, model, (one, other) = run["body"], run["model"], run["images"]
    far = np.linalg.norm(body.predict(one) - body.predict(other), axis=1)
    np.testing.assert_allclose(model.predict([one, other])[:, 0], far, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        model.predict([one, other]), model.predict([other, one]), rtol=1e-3, atol=1e-5
    )
    assert model.predict([one, one]).max() < 1e-5
    assert run["right"] > 0.95
    assert run["right"] == np.mean((far < 0.5) == run["same"])


def test_the_body_stays_while_it_is_frozen_and_moves_afterwards() -> None:
    run = ran("transfer")
    for before, frozen, after in zip(
        run["learnt"], run["kept"], run["body"].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(before, frozen)
        assert (after != frozen).any()
    assert run["tuned"] > run["frozen"] > 0.5
    digits = data.load_digits(seed=0)
    x, y = digits.x_test[digits.y_test >= 5], digits.y_test[digits.y_test >= 5] - 5
    assert run["tuned"] == np.mean(run["second"].predict(x).argmax(axis=1) == y)


@pytest.mark.parametrize("name", [pytest.param("gan", marks=pytest.mark.slow), "gan_functions"])
def test_a_gan_makes_numbers_like_the_real_ones(name: str) -> None:
    made = ran(name)["made"]
    assert made.shape == (2000, 1)
    assert abs(made.mean() - 3.0) < 0.15
    assert 0.35 < made.std() < 0.65


@pytest.mark.slow
def test_a_gan_trained_by_fit_and_by_pure_functions_is_the_same() -> None:
    """Both draw the same numbers; only rows are float32 in `fit`."""
    one, other = np.sort(ran("gan")["made"][:, 0]), np.sort(ran("gan_functions")["made"][:, 0])
    np.testing.assert_allclose(one, other, atol=0.05)
