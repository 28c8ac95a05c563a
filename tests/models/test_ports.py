"""How several inputs and outputs are given: alone, in a list, by name; and what is refused."""

import pytest

from pellucid.core.errors import ArgumentError
from pellucid.models.ports import Ports

ALONE = Ports.of(None, ["input"])
LIST = Ports.of(list, ["age", "sex"], "output")
DICT = Ports.of(dict, ["age", "sex"])


def test_what_is_given_in_each_form():
    assert (len(ALONE), len(LIST), len(DICT)) == (1, 2, 2)
    assert (ALONE.several, LIST.several, DICT.several) == (False, True, True)
    assert ALONE.taken("fit", "x", [1, 2]) == [[1, 2]]
    for given in ([1, 2], (1, 2), {"age": 1, "sex": 2}, {"sex": 2, "age": 1}):
        assert LIST.taken("fit", "x", given) == [1, 2]
    assert DICT.taken("fit", "x", {"sex": 2, "age": 1}) == [1, 2]


def test_what_is_given_back_in_each_form():
    assert ALONE.nested([1]) == 1
    assert LIST.nested([1, 2]) == [1, 2]
    assert DICT.nested([1, 2]) == {"age": 1, "sex": 2}
    assert (ALONE.each, LIST.each) == ("input", "output")


@pytest.mark.parametrize(
    ("ports", "given", "words"),
    [
        (LIST, [1], r"x must be a list of 2, one per output, got 1.*The outputs are age, sex\."),
        (LIST, [1, 2, 3], "x must be a list of 2, one per output, got 3"),
        (LIST, 5, "x must be a list of 2, one per output, got an object of type int"),
        (
            DICT,
            [1, 2],
            r"x must be a dict of age, sex, got an object of type list.*Write \{'age': …\}",
        ),
        (DICT, 5, "x must be a dict of age, sex, got an object of type int"),
        (DICT, {"age": 1}, "x must hold age, sex, got none for sex"),
        (LIST, {"sex": 1}, "x must hold age, sex, got none for age"),
        (DICT, {"age": 1, "sex": 2, "agee": 3}, "x has no 'agee'.*Did you mean 'age'"),
    ],
)
def test_what_does_not_fit(ports, given, words):
    with pytest.raises(ArgumentError, match=rf"\[fit\] {words}"):
        ports.taken("fit", "x", given)
