"""Every "what to do" of an error message works: a test triggers the error, then does as told."""

from __future__ import annotations

import os

import pytest

from pellucid.core.errors import PellucidError
from tests import (
    advice_cases,
    advice_cases_data,
    advice_cases_distributed,
    advice_cases_draw,
    advice_cases_fit,
    advice_cases_inspect,
    advice_cases_keras,
    advice_cases_linear,
    advice_cases_many,
    advice_cases_models,
    advice_cases_nn,
    advice_cases_objects,
    advice_cases_play,
    advice_cases_sklearn,
    advice_cases_streams,
    advice_cases_svm,
    advice_cases_tables,
    advice_cases_training,
    advice_cases_web,
    advice_cases_workers,
    advice_cases_xla,
)
from tests.advice import Advice, advices

_FILES = (
    advice_cases,
    advice_cases_data,
    advice_cases_distributed,
    advice_cases_draw,
    advice_cases_linear,
    advice_cases_fit,
    advice_cases_inspect,
    advice_cases_keras,
    advice_cases_many,
    advice_cases_models,
    advice_cases_nn,
    advice_cases_objects,
    advice_cases_play,
    advice_cases_tables,
    advice_cases_sklearn,
    advice_cases_streams,
    advice_cases_svm,
    advice_cases_training,
    advice_cases_web,
    advice_cases_workers,
    advice_cases_xla,
)
FOLLOWED = [row for file in _FILES for row in file.FOLLOWED]
BY_NATURE = {fix: reason for file in _FILES for fix, reason in file.BY_NATURE.items()}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("row", FOLLOWED, ids=[row.fix for row in FOLLOWED])
def test_the_advice_is_given_and_leads_on(row, tmp_path):
    with pytest.raises(PellucidError) as caught:
        row.wrong(tmp_path)
    assert caught.value.fix.replace(f"{tmp_path}{os.sep}", "") == row.fix
    row.mended(tmp_path)


def test_every_advice_is_followed():
    """A new one needs a row in advice_cases.FOLLOWED, or a reason in BY_NATURE."""
    left = [one for one in advices() if not any(map(one.matches, known()))]
    assert not left, "\n".join(f"{one.where}: {one.text}" for one in left)


def known() -> list[str]:
    return [*(row.fix for row in FOLLOWED), *BY_NATURE]


def test_no_row_speaks_of_an_advice_that_is_gone():
    own = advices()
    gone = [fix for fix in known() if not any(one.matches(fix) for one in own)]
    assert not gone


def test_an_advice_is_read_from_each_form_in_which_it_is_written():
    texts = {one.text for one in advices()}
    assert "Write L2(1e-4)." in texts, "a constant"
    assert "Use one of pel.optim, such as SGD(0.1)." in texts, "a name, set in one of two branches"
    assert "Write …(…), with brackets." in texts, "an f-string"
    assert "Write def step(gradients, slots, weights, step, rate)." in texts, "a module's constant"
    assert "End the model in a softmax: it trains alike, and gives values." in texts, "a Refusal"
    assert "Write where(condition, x, y) instead of Python control flow on values." in texts
    assert Advice("Use …(x).", "").matches("Use np.sum(x).")
    assert not Advice("Use …(x).", "").matches("Use np.sum(y).")
