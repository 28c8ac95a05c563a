"""Records as JSON: what comes back, how deep it goes, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from pellucid.core.config import from_config, is_record, map_functions, record, to_config
from pellucid.core.errors import ArgumentError, DataError


@record
class Held:
    """A record of this test."""

    value: Any = 1
    other: Any = None

    def __post_init__(self) -> None:
        if self.value == "refused":
            raise ArgumentError("Held", "value must be something else")
        if self.value == "broken":
            raise KeyError("broken")


class Stranger:
    pass


def nested(depth, kind):
    value: Any = 0
    for _ in range(depth):
        value = [value] if kind == "list" else Held(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        1,
        -0.0,
        1.5,
        True,
        None,
        "text",
        (1, (2, "a")),
        math.inf,
        -math.inf,
        Held(),
        Held(2, other=Held((Held("x"),))),
    ],
)
def test_what_is_written_is_read_back(value):
    text = json.dumps(to_config(value), allow_nan=False)
    again = from_config(json.loads(text))
    assert again == value
    assert type(again) is type(value)


def test_defaults_are_left_out_and_nan_is_kept():
    assert to_config(Held()) == {"type": "Held"}
    assert to_config(Held(2, other=None)) == {"type": "Held", "value": 2}
    assert repr(Held()) == "Held()"
    assert repr(Held(2, other="a")) == "Held(value=2, other='a')"
    assert math.isnan(from_config(to_config(math.nan)))
    assert to_config([1, (2,)]) == [1, [2]]


def test_numbers_of_numpy_become_pythons():
    made = Held(np.int64(3), other=[np.float32(0.5), (np.bool_(True), np.array(2))])
    assert type(made.value) is int
    assert made.other == [0.5, (True, 2)]
    assert [type(each) for each in (*made.other[:1], *made.other[1])] == [float, bool, int]
    array = np.ones(2)
    assert Held(other=array).other is array


@pytest.mark.parametrize("kind", ["list", "record"])
def test_nesting_goes_32_deep_and_no_deeper(kind):
    value = nested(32, kind)
    config = to_config(value)
    again = from_config(config)
    assert json.dumps(to_config(again)) == json.dumps(config)
    if kind == "record":  # constructors may refuse deeper lists before
        with pytest.raises(DataError, match=r"\[save\].*must nest at most 32 deep"):
            to_config(nested(33, kind))
    deeper = [config] if kind == "list" else {"type": "Held", "value": config}
    with pytest.raises(DataError, match=r"\[load\] expected at most 32 nested records"):
        from_config(deeper)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Stranger(), "a part of the model must be plain values and Pellucid's own classes"),
        (Held(Stranger()), "value of Held must be plain values"),
        (Held(other=[Stranger()]), r"other of Held must be plain.*cannot hold Stranger"),
        (len, "a part of the model must be plain"),
        (Held, "a part of the model must be plain"),
    ],
)
def test_what_a_file_cannot_hold_is_named(value, words):
    with pytest.raises(DataError, match=words):
        to_config(value)
    with pytest.raises(DataError, match="rate of SGD must be"):
        to_config(Stranger(), where="rate of SGD")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "expected a record with a type, got a dict"),
        ({"type": 3}, "expected a record with a type, got a dict"),
        (b"1", "expected a record with a type, got a bytes"),
        ({"type": "Hedl"}, "unknown type 'Hedl'.*Did you mean 'Held'"),
        ({"type": "float", "value": "1.5"}, "a float must be one of nan, inf, -inf"),
        ({"type": "float"}, "a float must be one of nan, inf, -inf"),
        ({"type": "function"}, "unknown type 'function'"),
        ({"type": "Held", "value": "broken"}, "Held cannot be made of these values: KeyError"),
    ],
)
def test_configs_that_are_refused(config, words):
    with pytest.raises(DataError, match=words):
        from_config(config)


def test_a_records_own_checks_speak_for_themselves():
    with pytest.raises(ArgumentError, match=r"\[Held\] value must be something else"):
        from_config({"type": "Held", "value": "refused"})
    with pytest.raises(ArgumentError, match=r"\[Held\] unknown argument 'valeu'"):
        from_config({"type": "Held", "valeu": 1})


def test_functions_are_written_and_read_by_whoever_knows_them():
    written = to_config(Held(len, [max]), lambda f: {"type": "function", "name": f.__name__})
    assert written["value"] == {"type": "function", "name": "len"}
    known = {"len": len, "max": max}
    again = from_config(written, lambda config: known[config["name"]])
    assert again == Held(len, (max,))


def test_functions_are_changed_wherever_they_stand_and_the_rest_is_kept():
    plain = Held((1, Held("a")))
    assert map_functions(plain, lambda f: max) is plain
    mixed = Held([min, (1, Held(min))], other=plain)
    changed = map_functions(mixed, lambda f: max)
    assert changed == Held([max, (1, Held(max))], other=plain)
    assert changed.other is plain
    assert map_functions(min, lambda f: max) is max
    assert map_functions(Held, lambda f: max) is Held  # a class is no function of a person's own
    assert map_functions([min], lambda f: max) == [max]


def test_only_the_registered_class_is_a_record():
    assert is_record(Held())
    assert not is_record(Held)
    assert not is_record(type("Held", (), {})())


def test_a_record_says_how_another_one_is_made():
    made = Held(3)
    for change in (lambda: setattr(made, "value", 4), lambda: setattr(made, "valeu", 4)):
        with pytest.raises(
            ArgumentError, match="cannot be set: it is fixed when it is made, got 4"
        ):
            change()
    with pytest.raises(ArgumentError) as caught:
        made.value = 4
    assert caught.value.fix == "Make a new one: Held(value=…)."
    with pytest.raises(ArgumentError, match="Did you mean 'value'"):
        made.valeu = 4
    assert made == Held(3)


def test_lists_in_an_argument_nest_32_deep():
    Held(nested(33, "list"))
    with pytest.raises(ArgumentError, match=r"\[record\] lists must nest at most 32 deep"):
        Held(nested(34, "list"))
