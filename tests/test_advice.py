"""Every "what to do" of an error message works: a test triggers the error, then does as told."""

from __future__ import annotations

import pytest

from pellucid.core.errors import PellucidError
from tests.advice import Advice, advices
from tests.advice_cases import BY_NATURE, FOLLOWED


@pytest.mark.parametrize("row", FOLLOWED, ids=[row.fix for row in FOLLOWED])
def test_the_advice_is_given_and_leads_on(row, tmp_path):
    with pytest.raises(PellucidError) as caught:
        row.wrong(tmp_path)
    assert caught.value.fix == row.fix
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
    assert "Write SGD(…), with brackets." in texts, "a name, set in one of two branches"
    assert any(text.startswith("Use loss='…'") for text in texts), "an f-string"
    assert any("smaller kernel. Channels come last" in text for text in texts), (
        "a module's constant"
    )
    assert "Write where(condition, x, y) instead of Python control flow on values." in texts
    assert Advice("Use …(x).", "").matches("Use np.sum(x).")
    assert not Advice("Use …(x).", "").matches("Use np.sum(y).")
