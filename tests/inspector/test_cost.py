"""The inspector costs nothing where it is not used: `fit` does the same, call by call."""

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import pellucid as pel
from pellucid.inspector.travel import Travel
from pellucid.nn import Dense
from pellucid.optim import Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4))
Y = RNG.integers(0, 2, 64)
OPTIONS = {"batch_size": 8, "epochs": 3, "seed": 0, "verbose": 0, "threads": 1}


def network():
    model = pel.Sequential([Dense(6, "tanh"), Dense(2)], seed=0)
    model.compile(Adam(0.01), "cross_entropy")
    model.build((4,))
    return model


def calls(model):
    """Every call of a function that a fit makes, of Python's and of C's, and how often."""
    seen = Counter()

    def note(frame, event, what):
        if event == "call":
            seen[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            seen[getattr(what, "__qualname__", repr(type(what)))] += 1

    sys.setprofile(note)
    try:
        model.fit(X, Y, **OPTIONS)
    finally:
        sys.setprofile(None)
    return seen


def test_fit_makes_the_same_calls_while_a_run_is_inspected():
    model = network()
    model.fit(X, Y, **OPTIONS)  # what is kept from one fit to the next is there from then on
    before = calls(model)
    travel = Travel(network(), X, Y, batch_size=8, epochs=3, seed=0)
    travel.moment(5)
    other = Travel(model, X, Y, batch_size=8, epochs=3, seed=0)  # of this very model
    other.moment(3)
    model.fit(X, Y, **OPTIONS)
    after = calls(model)
    steps = sum(before.values())
    assert abs(sum(after.values()) - steps) <= 0.01 * steps, after - before


@pytest.mark.slow
def test_fit_loads_nothing_of_the_inspector():
    code = (
        "import sys, numpy as np, pellucid as pel\n"
        "model = pel.Sequential([pel.nn.Dense(1)], seed=0)\n"
        "model.compile('sgd', 'squared')\n"
        "model.fit(np.ones((4, 2)), np.ones(4), verbose=0, backend='interpreter')\n"
        "loaded = [name for name in sys.modules if 'inspector' in name]\n"
        "assert not loaded, loaded\n"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)
