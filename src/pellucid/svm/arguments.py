"""Arguments of machines, with what users of other libraries write in their place.

In: what a person gave. Out: it, checked, or an error that says how it is written here.
"""

from __future__ import annotations

import math
from typing import Any

from pellucid.core.arguments import integer, real
from pellucid.core.errors import ArgumentError

_CALIBRATED = "Write Calibrated(machine).fit(x, y), which has predict_proba."
SVC = {
    "probability": _CALIBRATED,
    "nu": "Use NuSVC(nu=…).",
    "random_state": "Leave it out: no step here draws numbers.",
    "shrinking": "Leave it out: it changes no result.",
}
NU_SVC = SVC | {"nu": "nu", "C": "Use SVC(C=…)."}
LINEAR_SVC = {
    "dual": "Use solver=: 'descent' takes the dual, 'newton' the primal.",
    "random_state": "seed",
    "kernel": "Use SVC(kernel=…).",
    "probability": _CALIBRATED,
}
NAMES = {  # of classes that other libraries have
    "LinearSVR": "Use SVR(kernel='linear').",
    "l1_min_c": "The penalty ‖w‖₁ is that of sklearn.svm.",
}


def price(where: str, value: Any) -> float:
    """C, above 0 and finite."""
    if isinstance(value, float) and value == math.inf:
        raise ArgumentError(
            where,
            "C must lie in (0, inf), got inf",
            "For a margin without slack use pellucid.svm.hard_margin(x, y).",
        )
    return real(where, "C", value, 0, open_low=True)


def intercept_scale(where: str, value: Any) -> float:
    """intercept_scaling, above 0; its square is added to those of the columns."""
    return real(where, "intercept_scaling", value, 0, 1e100, open_low=True)


def most_steps(where: str, value: Any) -> int | None:
    """max_iter, a number of steps or None."""
    if type(value) is int and value == -1:
        raise ArgumentError(
            where,
            "max_iter must be at least 1, got -1",
            "Write max_iter=None for as many steps as it needs.",
        )
    return None if value is None else integer(where, "max_iter", value, 1)


def check_word(where: str, name: str, value: object, meant: str) -> None:
    """Refuses a number in the first place, where a word stands.

    Args:
        name: of the word; meant: of the number that a person thinks of.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ArgumentError(
            where, f"the first argument is {name}, got {value!r}", f"Write {meant}={value!r}."
        )
