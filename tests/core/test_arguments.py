"""Checks of arguments: each end of each range, and what the refusal says."""

import math

import numpy as np
import pytest

from pellucid.core import arguments
from pellucid.core.arguments import accepts, checked, choice, diagnosed, flag, integer, real
from pellucid.core.errors import ArgumentError, ShapeError

ABOVE_1 = 1 + 2**-52
BELOW_1 = 1 - 2**-53


def refused(words, function, *given, **options):
    with pytest.raises(ArgumentError) as caught:
        function("place", "it", *given, **options)
    assert caught.value.problem == words
    assert caught.value.where == "place"


def test_real_numbers_within_their_ends():
    for value in (-1, 0.5, 1, np.float32(0.5), np.int8(1), np.array(0.5)):
        found = real("place", "it", value, -1, 1)
        assert type(found) is float
        assert found == value
    refused("it must lie in [-1, 1], got 1.0000000000000002", real, ABOVE_1, -1, 1)
    refused("it must lie in [-1, 1], got -1.0000000000000002", real, -ABOVE_1, -1, 1)
    refused("it must lie in [-1, 1), got 1", real, 1, -1, 1, open_high=True)
    refused("it must lie in (-1, 1], got -1", real, -1, -1, 1, open_low=True)
    assert real("place", "it", BELOW_1, -1, 1, open_high=True) == BELOW_1
    assert real("place", "it", -BELOW_1, -1, 1, open_low=True) == -BELOW_1
    assert real("place", "it", -1, -1, 1, open_high=True) == -1
    assert real("place", "it", 1, -1, 1, open_low=True) == 1


def test_real_numbers_without_ends():
    assert real("place", "it", -1.7e308) == -1.7e308
    refused("it must lie in (-inf, inf), got inf", real, math.inf)
    refused("it must lie in (-inf, inf), got nan", real, math.nan)
    refused("it must lie in [0, inf), got -1", real, -1, 0)
    refused("it must lie in (-inf, 1], got 2", real, 2, high=1)
    refused(
        f"it must lie in (-inf, inf), got {10**400!r}"[:60], lambda *a: _short(real, *a), 10**400
    )


def _short(function, *given):
    """The refusal of a long number, cut."""
    try:
        function(*given)
    except ArgumentError as error:
        raise ArgumentError(error.where, error.problem[:60]) from None


@pytest.mark.parametrize("value", [True, False, "1", b"1", None, [1], 1j, np.ones(2)])
def test_what_is_no_real_number(value):
    refused(f"it must be a number, got {value!r}", real, value)


def test_whole_numbers_within_their_ends():
    for value in (2, 5, np.int8(3), np.array(4)):
        found = integer("place", "it", value, 2, 5)
        assert type(found) is int
        assert found == value
    refused("it must be in [2, 5], got 1", integer, 1, 2, 5)
    refused("it must be in [2, 5], got 6", integer, 6, 2, 5)
    assert integer("place", "it", 0) == 0
    assert integer("place", "it", 2**63 - 1) == 2**63 - 1
    refused("it must be at least 0, got -1", integer, -1)
    refused(f"it must be below 2⁶³, got {2**63}", integer, 2**63)
    assert integer("place", "it", 2**70, 0, 2**70) == 2**70


@pytest.mark.parametrize("value", [True, 2.0, "2", None, [2], np.float64(2)])
def test_what_is_no_whole_number(value):
    refused(f"it must be a whole number, got {value!r}", integer, value)


def test_seeds_flags_and_words():
    assert arguments.seed("place", 2**63 - 1) == 2**63 - 1
    assert arguments.seed("place", 0) == 0
    for wrong in (-1, 2**63, 1.0, None):
        with pytest.raises(ArgumentError, match="seed must be"):
            arguments.seed("place", wrong)
    for right in (True, False):
        flag("place", "it", right)
    for wrong in (0, 1, None, "yes", np.bool_(True)):
        refused(f"it must be True or False, got {wrong!r}", flag, wrong)
    choice("place", "it", "one", ["one", "two"])
    for wrong in ("on", None, 1, np.array(["one", "one"])):
        with pytest.raises(ArgumentError, match=r"unknown it .*Known: one, two\."):
            choice("place", "it", wrong, iter(["one", "two"]))


def test_a_method_must_take_what_it_is_called_with():
    accepts("place", "f", lambda x, y: 0, 2, "f(x, y)")
    accepts("place", "f", lambda *x: 0, 2, "f(x, y)")
    accepts("place", "f", lambda x, y, z=0: 0, 2, "f(x, y)")
    accepts("place", "f", dict.fromkeys, 2, "f(x, y)")
    accepts("place", "f", type, 5, "f()")  # a built-in that does not say what it takes
    for wrong, taken in (
        (lambda x: 0, "x"),
        (lambda: 0, "nothing"),
        (lambda x, y, z: 0, "x, y, z"),
        (lambda x, *, y: 0, "x, y"),
    ):
        with pytest.raises(ArgumentError) as caught:
            accepts("place", "f", wrong, 2, "f(x, y)")
        assert caught.value.problem == f"f must take f(x, y), got one that takes {taken}"
        assert caught.value.fix == "Write def f(x, y)."


def test_a_checked_function_names_what_is_wrong():
    @checked
    def mixed(units, activation="relu", *, rate=0.1):
        return units, activation, rate

    assert mixed(1) == (1, "relu", 0.1)
    assert mixed(1, "tanh", rate=2) == (1, "tanh", 2)
    assert mixed(units=1, activation="tanh") == (1, "tanh", 0.1)
    assert mixed.__name__ == "mixed"
    for wrong, words in (
        (lambda: mixed(), r"\[mixed\] missing a required argument: 'units'.*Known: units, activ"),
        (lambda: mixed(1, "tanh", 2), r"too many positional arguments.*Known: units"),
        (lambda: mixed(1, units=2), r"multiple values for argument 'units'"),
        (lambda: mixed(1, activaton="tanh"), r"unknown argument 'activaton'.*Did you mean 'activa"),
        (lambda: mixed(activaton="tanh"), r"missing a required argument|unknown argument"),
    ):
        with pytest.raises(ArgumentError, match=words):
            wrong()


def test_a_checked_constructor_is_called_by_the_name_of_its_class():
    class Layer:
        def __init__(self, units):
            self.units = units

    made = checked(Layer.__init__)
    with pytest.raises(ArgumentError, match=r"\[Layer\] unknown argument 'unit'.*Known: units\."):
        made(Layer.__new__(Layer), unit=1)
    with pytest.raises(ArgumentError, match=r"\[dense\] unknown argument"):
        checked(Layer.__init__, "dense")(Layer.__new__(Layer), unit=1)


def test_what_a_checked_function_raises_itself_is_left_alone():
    @checked
    def broken(x):
        raise TypeError("of its own")

    with pytest.raises(TypeError, match="of its own") as caught:
        broken(1)
    assert not isinstance(caught.value, ArgumentError)


def test_what_fails_is_diagnosed_only_where_it_fails_and_not_by_us():
    looked = []

    def check(x):
        looked.append(x)
        if x == "wrong":
            raise ArgumentError("place", "x must be right")

    @diagnosed(check)
    def function(x):
        """What it does."""
        if x == "ours":
            raise ShapeError("place", "of its own")
        return 6 / (0 if x in ("wrong", "good") else x)

    assert function(2) == 3 and looked == []
    with pytest.raises(ShapeError, match="of its own"):
        function("ours")
    assert looked == []
    with pytest.raises(ArgumentError, match="x must be right") as caught:
        function("wrong")
    assert caught.value.__context__ is None
    with pytest.raises(ZeroDivisionError):
        function("good")
    assert looked == ["wrong", "good"]
    assert (function.__name__, function.__doc__) == ("function", "What it does.")


def test_too_many_arguments_beside_one_that_comes_twice():
    @checked
    def mixed(units, activation="relu", *, rate=0.1):
        return units, activation, rate

    for call in (
        lambda: mixed(1, 2, 3),
        lambda: mixed(1, units=1),
        lambda: mixed(1, 2, 3, units=1),
        lambda: mixed(1, 2, 3, 4, units=1, rate=2),
        lambda: mixed(activation=1),
    ):
        with pytest.raises(ArgumentError, match=r"^\[mixed\] .*Known: units, activation, rate\."):
            call()
    assert mixed(1, 2, rate=3) == mixed(rate=3, activation=2, units=1) == (1, 2, 3)
