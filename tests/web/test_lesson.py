"""A lesson's file: what it computes, in node, and what stands in it. See test_lesson_browser.py."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.export import web_module
from pellucid.nn.activations import BY_NAME
from pellucid.web.lesson.words import ENGLISH, KNOWN
from tests.export.node import needs_node
from tests.web.lessons import (
    CLASSES,
    MUCH,
    SIGNS,
    SMALL,
    STEPS,
    Lesson,
    X,
    in_node,
    plan_of,
    same_bits,
    state_of,
    trained,
)

POINTS = np.array([[0.5, -0.25], [3, 1], [-1, 0.125]], np.float32)


def check(lesson: Lesson, tmp_path, steps=STEPS):
    """The page's state, curves and predictions after these steps have the bits of Python's."""
    page = lesson.write(tmp_path / "page.html")
    model, history = trained(lesson, steps)
    done = history.steps["step"][-1]
    plane = plan_of(page)["plane"] is not None
    told = in_node(page, done, tmp_path, POINTS if plane else ())
    assert (told["done"], told["halted"]) == (done, "")
    same_bits(told["state"], state_of(model))
    if plane:
        outputs = np.array(told["outputs"], np.float32)
        assert outputs.tobytes() == model.predict(POINTS).tobytes()
    curves = [list(one) for one in zip(*history.epochs.values(), strict=True)]
    assert told["history"] == curves
    return page, told


@needs_node
def test_a_small_network_ends_in_pythons_bits(tmp_path):
    page, told = check(SMALL, tmp_path)
    assert page.stat().st_size < 50_000
    assert told["rate"] == 0.03 * 0.5


@needs_node
def test_dropout_batch_norm_softmax_adam_l1_and_a_schedule(tmp_path):
    """Random masks, running means, slots, rates of each step, metrics, validation."""
    page, told = check(MUCH, tmp_path)
    rates, rows = 8 * 200 * 11, 105 * (8 + 8) + 40 * (8 + 8)
    assert page.stat().st_size < 60_000 + (rates + rows) * 4 / 3, "60 KB beside the data"
    assert told["rate"] == MUCH.optimizer.learning_rate.rate(30) * 0.5
    assert told["end"] == [200, True, 0]


ACTIVATIONS = sorted(name for name in BY_NAME if name not in ("softmax", "step", "sign"))
OPTIMIZERS = {
    "sgd": optim.SGD(0.05),
    "nesterov": optim.SGD(0.05, momentum=0.9, nesterov=True),
    "clipped": optim.SGD(0.05, clip_norm=0.1),
    "adam": optim.Adam(0.01),
    "adamw": optim.AdamW(0.01),
    "adagrad": optim.Adagrad(0.05),
    "rmsprop": optim.RMSprop(0.01),
    "step": optim.SGD(optim.Step(0.1, 0.5, 300)),
    "one-cycle": optim.Adam(optim.OneCycle(0.05, 1500)),
}


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation(name, tmp_path):
    layers = [nn.Dense(6, name), nn.Dense(4, name), nn.Dense(1)]
    rate = 1e-4 if name == "exponential" else 0.01  # its own derivative grows without bound
    check(Lesson(layers, optim.SGD(rate), "squared"), tmp_path)


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer(name, tmp_path):
    layers = [nn.Dense(5, "tanh"), nn.Dense(1)]
    options = {"batch_size": 10, "epochs": 500}
    check(Lesson(layers, OPTIMIZERS[name], "hinge", options=options), tmp_path)


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize(
    "lesson",
    [
        Lesson([nn.Dense(1)], optim.SGD(0.1), "binary_cross_entropy", (SIGNS > 0) * 1.0,
               ["accuracy"], nn.L2(1e-3)),
        Lesson([nn.Dense(5, "tanh"), nn.Dense(3)], optim.SGD(0.1), "multiclass_hinge", CLASSES),
        Lesson([nn.Dense(5, "tanh"), nn.Dense(3)], optim.SGD(0.1), "cross_entropy",
               np.eye(3)[CLASSES], ["accuracy", "gradient_norm"], nn.L1(1e-3, proximal=True)),
        Lesson([nn.Polynomial(2), nn.Dense(1)], optim.SGD(0.01), "absolute"),
        Lesson([nn.Dense(4, "sigmoid"), nn.LayerNorm(), nn.GaussianNoise(0.1), nn.Dense(1)],
               optim.Adam(0.01), "huber", options={"batch_size": "all"}),
        Lesson([nn.Dense(4, "tanh"), nn.Dense(1)], optim.SGD(0.01), options={"batch_size": 1}),
    ],
    ids=["logistic", "hinge of classes", "one-hot, proximal", "polynomial", "noise, all rows",
         "one row"],
)  # fmt: skip
def test_other_models(lesson, tmp_path):
    check(lesson, tmp_path)


@pytest.mark.slow
@needs_node
def test_images_have_curves_and_no_plane(tmp_path):
    images = np.random.default_rng(1).integers(0, 255, (60, 6, 6, 1)).astype(np.uint8)
    layers = [nn.Rescale(1 / 255), nn.Conv2D(3, 3, activation="relu"), nn.Flatten(), nn.Dense(3)]
    lesson = Lesson(
        layers, optim.SGD(0.1), "cross_entropy", np.arange(60) % 3, ["accuracy"], x=images,
        validation=True,
    )  # fmt: skip
    page, _ = check(lesson, tmp_path, 300)
    told = plan_of(page)
    assert told["plane"] is None and told["network"] is None
    assert told["plan"]["arrays"]["x0"]["dtype"] == "uint8"


@pytest.mark.slow
@needs_node
def test_a_model_of_two_inputs_and_two_outputs(tmp_path):
    rng = np.random.default_rng(2)
    x = {"a": rng.normal(size=(40, 2)), "b": rng.normal(size=(40, 3)).astype(np.float32)}
    y = {"sum": x["a"].sum(axis=1), "side": (x["b"][:, 0] > 0).astype(int)}
    a, b = pel.Input((2,)), pel.Input((3,))
    joined = nn.Dense(5, "tanh")(nn.Concat()([a, b]))
    outputs = {"sum": nn.Dense(1)(joined), "side": nn.Dense(2)(joined)}
    model = pel.Model({"a": a, "b": b}, outputs, seed=0)
    model.compile("adam", {"sum": "squared", "side": "cross_entropy"})
    page = pel.lesson(model, x, y, tmp_path / "page.html", batch_size=8, seed=1)
    model.fit(x, y, batch_size=8, seed=1, epochs=20, verbose=0)
    told = in_node(page, 100, tmp_path)
    same_bits(told["state"], state_of(model))
    assert plan_of(page)["plan"]["measures"] == ["loss", "sum_loss", "side_loss"]


@pytest.mark.slow
def test_the_program_of_the_documentation(tmp_path, monkeypatch):
    text = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text("utf-8")
    program = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert (tmp_path / "spiral.html").stat().st_size < 60_000


@pytest.fixture
def quick(monkeypatch):
    """Lessons whose code is not made: for tests of the page alone."""
    monkeypatch.setattr(web_module, "foreign_object", lambda modules, target: b"")
    monkeypatch.setattr(web_module, "linked", lambda *parts: b"\0asm")


def test_the_model_stays_as_it_is(tmp_path, quick):
    model = SMALL.model()
    model.build((2,))
    before = [w.copy() for w in model.get_weights()]
    SMALL.write(tmp_path / "a.html", model)
    same_bits(model.get_weights(), before)
    assert model.slots is None and not model.training
    model.fit(*SMALL.data, epochs=1, verbose=0, seed=0, batch_size=10)
    slots = [s.copy() for s in model.slots["velocity"]]
    SMALL.write(tmp_path / "b.html", model)
    same_bits(model.slots["velocity"], slots)


@needs_node
@pytest.mark.slow
def test_a_lesson_goes_on_from_where_the_model_is(tmp_path):
    """Slots and the step counter too: fit from there gives the same bits."""
    model = MUCH.model()
    model.fit(*MUCH.data, epochs=3, batch_size=10, verbose=0, seed=9)
    page = MUCH.write(tmp_path / "page.html", model)
    model.fit(*MUCH.data, epochs=5, batch_size=10, verbose=0, seed=3)
    same_bits(in_node(page, 5 * 11, tmp_path)["state"], state_of(model))


@needs_node
@pytest.mark.slow
def test_a_loss_that_is_not_finite_halts_the_page(tmp_path):
    wild = Lesson([nn.Dense(4, "relu"), nn.Dense(1)], optim.SGD(1e4))
    told = in_node(wild.write(tmp_path / "page.html"), STEPS, tmp_path)
    assert told["halted"] == "loss" and told["done"] < 100


def test_only_what_the_policy_names_can_run(tmp_path, quick):
    """Scripts and style by their hash; text is text; the data end no element."""
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    page = SMALL.write(
        tmp_path / "page.html", title=bad, text=f"{bad}\n\nSecond & last.",
        questions=[pel.Question(bad, bad, hint=bad)], words={"play": bad},
    )  # fmt: skip
    text = page.read_text("utf-8")
    assert text.count("</script>") == 2 and "<img" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    for own in (script, style):
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), "nothing is fetched"
    assert plan_of(page)["questions"][0]["ask"] == bad
    assert "<p>Second &amp; last.</p>" in text


def test_language_and_direction(tmp_path, quick):
    german = SMALL.write(tmp_path / "de.html", language="de-AT").read_text("utf-8")
    assert '<html lang="de-AT" dir="ltr">' in german and '"rate":"Lernrate"' in german
    hebrew = SMALL.write(tmp_path / "he.html", language="he", words=dict.fromkeys(ENGLISH, "א"))
    assert '<html lang="he" dir="rtl">' in hebrew.read_text("utf-8")
    assert all(set(own) == set(ENGLISH) for own in KNOWN.values())
    measured = dataclasses.replace(SMALL, metrics=["absolute_error"])
    told = plan_of(measured.write(tmp_path / "own.html", words={"absolute_error": "off by"}))
    assert told["words"]["absolute_error"] == "off by"


def test_what_is_hidden_is_not_in_the_plan(tmp_path, quick):
    told = plan_of(SMALL.write(tmp_path / "page.html", hide=["plane", "network", "rate"]))
    assert told["plane"] is None and told["network"] is None
    assert told["hide"] == ["network", "plane", "rate"]
    assert "predict" not in told["plan"] or told["plan"]["predict"] is None


def test_names_of_a_frame_and_units_are_told(tmp_path, quick):
    told = plan_of(MUCH.write(tmp_path / "page.html"))
    assert [one["units"] for one in told["network"]] == [2, 8, 3]
    assert told["network"][0]["labels"] == ["x₁", "x₂"]
    assert told["network"][1]["notes"] == ["relu", "batch_norm_1", "dropout_1"]
    assert told["plane"]["classes"] == 3


def test_an_existing_file_stays(tmp_path, quick):
    page = SMALL.write(tmp_path / "page.html")
    with pytest.raises(pel.ArgumentError, match="exists already"):
        SMALL.write(page)
    SMALL.write(page, overwrite=True)
    assert X.shape == (105, 2)
