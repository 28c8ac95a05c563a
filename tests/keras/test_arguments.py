"""Arguments of what was written by hand: another value changes something, or is refused by name."""

from __future__ import annotations

import pytest

from pellucid import keras
from pellucid.core.errors import PellucidError
from tests.keras.calls import form_of, seen
from tests.keras.rows import CALLS

NAMES = {one.name: one for one in CALLS}
TRAIN = ("Model.compile", "Model.fit", "callbacks.", "Layer.add_weight", "layers.Einsum")
CASES = [
    pytest.param(name, marks=[pytest.mark.slow] if name.startswith(TRAIN) else []) for name in NAMES
]


def signed(name):
    """The callable that a row is of."""
    room, _, word = name.rpartition(".")
    owner = keras
    for part in filter(None, room.split(".")):
        owner = getattr(owner, part)
    return getattr(owner, word)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", CASES)
def test_another_value_of_an_argument_changes_something_or_is_refused(name):
    row = NAMES[name]
    listed = [
        one.name for one in form_of(signed(name)).parameters.values()
        if one.name != "self" and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]  # fmt: skip
    assert set(listed) <= set(row.other) | set(row.good), set(listed) - set(row.other)
    ignored = []
    for argument in listed:
        if argument not in row.other:
            continue
        around = {**row.good, **row.beside.get(argument, {})}
        try:
            plain = seen(row.call, around)
        except PellucidError:
            plain = None  # such as append=True where two would be needed
        try:
            changed = seen(row.call, {**around, argument: row.other[argument]})
        except PellucidError as error:
            if argument not in str(error) and plain is not None:
                ignored.append(f"{argument}: {error}")
            continue
        if changed == plain and argument not in row.same:
            ignored.append(argument)
    assert not ignored
