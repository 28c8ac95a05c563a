"""Attributes of models: what nothing could use is refused when it is set."""

import copy

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError

X = np.random.default_rng(0).normal(size=(8, 3)).astype("f4")
FIT = {"epochs": 1, "seed": 0, "verbose": 0, "backend": "interpreter"}


def trained():
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile("adam", "squared")
    model.fit(X, X[:, 0], **FIT)
    return model


@pytest.mark.parametrize("name", ["training", "kept", "columns", "history"])
def test_a_record_of_a_run_is_one(name):
    model = trained()
    with pytest.raises(ArgumentError, match=f"the {name} of a model is a record") as caught:
        setattr(model, name, "x")
    assert caught.value.fix


@pytest.mark.parametrize(
    "name", [k for k in dir(pel.Sequential) if isinstance(getattr(pel.Sequential, k), property)]
)
def test_every_property_is_set_with_a_check_or_refused(name):
    with pytest.raises(PellucidError) as caught:
        setattr(trained(), name, "x")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: "x", ArgumentError, "slots must be m, v, got 'x'"),
        (lambda s: {"m": s["m"]}, ArgumentError, "slots must be m, v, got m"),
        (lambda s: {**s, "v": s["v"][:1]}, ShapeError, "v must hold"),
        (lambda s: {**s, "v": [v[:1] for v in s["v"]]}, ShapeError, "v must hold"),
        (lambda s: {**s, "v": [v.astype("f8") for v in s["v"]]}, ShapeError, "v must hold"),
        (lambda s: {**s, "v": "x"}, PellucidError, "v"),
    ],
)
def test_slots_are_those_of_the_optimizer(change, error, words):
    model = trained()
    before = copy.deepcopy(model.slots)
    with pytest.raises(error, match=words):
        model.slots = change(before)
    for name, own in before.items():
        for one, other in zip(own, model.slots[name], strict=True):
            np.testing.assert_array_equal(one, other)


def test_slots_are_taken_by_copy():
    model, other = trained(), trained()
    given = copy.deepcopy(model.slots)
    other.slots = given
    given["m"][0][:] = 7
    for one in (model, other):
        one.fit(X, X[:, 0], **FIT)
    np.testing.assert_array_equal(model.weights["dense_1.W"], other.weights["dense_1.W"])
    other.slots = None
    assert other.slots is None
