"""Every argument of every public callable of the door × wrong values: refused by its name.

The callables stand in `wrong.py`, found in the tables of the door and in `rows.py`.
"""

from __future__ import annotations

import warnings

import pytest

from pellucid.core.errors import PellucidError
from tests.keras.wrong import TARGETS, WRONG, of_rows

# Arguments that take all of these values: why.
ANY = {
    "layers.EinsumDense.bias_constraint": "of a bias, which is not there without bias_axes",
    "callbacks.CallbackList.model": "it is handed to the callbacks",
    "layers.Lambda.function": "a function may do anything",
    "ops.convert_to_tensor.x": "a value that is no list stays as it is",
    "ops.convert_to_numpy.x": "NumPy makes an array of anything",
    "ops.shape.x": "NumPy's",
    "utils.is_keras_tensor.x": "the answer is no",
    "models.load_model.custom_objects": "refused, where it is not empty",
}  # fmt: skip


def outcome(target, argument, value):
    """ "" for an accepted value, "named" or "unnamed" for a refused one, else what escaped."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.use(**{**target.good, argument: value})
    except PellucidError as error:
        return "named" if argument in str(error) else "unnamed"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return ""


HAND = {one.name for one in of_rows()}
CASES = [
    pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in HAND else [])
    for one in TARGETS
]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("target", CASES)
def test_each_argument_has_a_wrong_value_that_is_refused_by_its_name(target):
    silent = []
    for argument in target.names:
        found = (outcome(target, argument, value) for value in WRONG.values())
        if "named" not in found and f"{target.name}.{argument}" not in ANY:
            silent.append(argument)
    assert not silent


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_wrong_value_lets_another_error_out(target):
    escaped = []
    for argument in target.names:
        for word, value in WRONG.items():
            found = outcome(target, argument, value)
            if found not in ("", "named", "unnamed"):
                escaped.append(f"{argument}={word}: {found}")
    assert not escaped
