"""Online learning: a network that learns part by part follows a target that moves."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from pellucid.sklearn import MLPClassifier

STILL, TURNING = 30, 150  # parts of 40 rows


def stream():
    """A line that divides two classes: still at first, then half a turn."""
    draw = np.random.default_rng(0)
    for number in range(STILL + TURNING):
        turned = np.pi * max(0, number - STILL) / TURNING
        x = draw.normal(size=(40, 2))
        yield x, (x @ [np.cos(turned), np.sin(turned)] > 0).astype(int)


def network():
    return MLPClassifier(
        (8,), "tanh", solver="sgd", learning_rate_init=1.0, momentum=0.0, random_state=0
    )


@pytest.mark.lecture("T1.H3")
def test_online_learning_follows_a_target_that_shifts():
    parts = list(stream())
    once, online = network(), network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        once.set_params(max_iter=30).fit(*map(np.concatenate, zip(*parts[:STILL], strict=True)))
    right = []
    for x, y in parts:
        right.append(online.score(x, y) if hasattr(online, "classes_") else 0.5)
        online.partial_fit(x, y, classes=[0, 1])
    last = parts[-20:]
    assert np.mean([once.score(x, y) for x, y in parts[:STILL]]) > 0.95
    assert np.mean([once.score(x, y) for x, y in last]) < 0.2  # half a turn: all is the other way
    assert np.mean(right[STILL // 2 : STILL]) > 0.93
    assert np.mean(right[-20:]) > 0.93
