"""Advice followed: XLA as the executor. In the form of advice_cases.py."""

from __future__ import annotations

import importlib.util

import numpy as np

import pellucid as pel
from pellucid import nn
from tests.advice_cases import Followed

X = np.arange(12.0).reshape(6, 2)


def predicted(dtype: str = "float32", **how: str) -> None:
    pel.Sequential([nn.Dense(1, input_shape=(2,))], seed=0, dtype=dtype).predict(X, **how)


_JAX = importlib.util.find_spec("jax") is not None  # the oldest packages are tried without it

FOLLOWED = [
    Followed(
        "Pass backend='xla' too, or leave it out.",
        lambda p: predicted(device="cpu"),
        lambda p: (_JAX and predicted(device="cpu", backend="xla"), predicted()),
    ),
]
BY_NATURE = {
    "Leave it out, or use float32.": "tests/models/test_xla.py",
    "Name one of these: cpu.": "tests/models/test_xla.py; the devices are those of the machine",
    "Start processes by multiprocessing.get_context(\"spawn\"), or use backend='native' in them.": (
        "in a forked child: tests/models/test_xla.py"
    ),
    "Run it with backend='native'.": "what XLA refuses is not known",
    "Take fewer rows at once, or a smaller model.": "needs more memory than there is",
    "For another number bind the process: taskset -c 0-2 python …": "needs three processors",
    "This is a mistake of the executor's. Run it with backend='interpreter'.": "a mistake of ours",
}
