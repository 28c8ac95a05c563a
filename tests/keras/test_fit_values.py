"""Programs of fit, evaluate and predict return what Keras returns: fit_programs.py has both."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pellucid import keras
from tests.keras.fit_programs import PROGRAMS, VALUES, plain

WANTED = json.loads(VALUES.read_text())


def test_every_program_has_its_values():
    assert list(WANTED) == list(PROGRAMS)


SLOW = (
    "weights_of_rows_for_all_outputs",
    "weights_by_output_in_batches",
    "measures_in_their_order",
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in PROGRAMS],
)
def test_a_program_returns_what_keras_returns(name):
    keras.utils.clear_session()
    compared("", plain(PROGRAMS[name](keras)), WANTED[name])


def compared(place, found, wanted):
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), place
        for key in wanted:
            compared(f"{place}.{key}", found[key], wanted[key])
    elif isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted), (place, found, wanted)
        for number, pair in enumerate(zip(found, wanted, strict=True)):
            compared(f"{place}[{number}]", *pair)
    elif isinstance(wanted, float):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6, err_msg=place)
    else:
        assert found == wanted, place
