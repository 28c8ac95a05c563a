"""Keywords of NumPy that are refused: with values that change nothing they pass, else not."""

import functools

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError

X = np.array([[1.0, 2.0], [3.0, 4.0]])
SUM, ADD = functools.partial(np.sum), functools.partial(np.add, 1.0)
ZEROS = functools.partial(np.zeros_like)


def einsum(x, **how):
    return np.einsum("ij->j", x, **how)


def average(x, **how):
    return np.average(x, **how)


CASES = [
    (SUM, "out", [None], [np.zeros(())]),
    (SUM, "where", [True], [False, X > 2]),
    (SUM, "initial", [], [0, 1.0]),
    (ADD, "casting", ["same_kind"], ["unsafe", "safe"]),
    (ADD, "subok", [True, False], []),
    (ADD, "order", ["C", "K", "A"], ["F"]),
    (ZEROS, "order", ["C", "K", "A"], ["F"]),
    (ZEROS, "subok", [True, False], []),
    (ZEROS, "shape", [None], [(3,)]),
    (ZEROS, "device", [None, "cpu"], ["gpu"]),
    (np.copy, "order", ["C", "K", "A"], ["F"]),
    (functools.partial(np.take, indices=[0]), "mode", ["raise"], ["wrap", "clip"]),
    (functools.partial(np.pad, pad_width=1), "mode", ["constant"], ["edge", "reflect"]),
    (einsum, "optimize", [True, False, "greedy", "optimal"], ["fast", 3]),
    (einsum, "order", ["C", "K", "A"], ["F"]),
    (functools.partial(np.std), "mean", [], [X.mean()]),
    (average, "returned", [False], [True]),
    (functools.partial(np.diff), "prepend", [], [0.0]),
    (functools.partial(np.diff), "append", [], [0.0]),
]


@pytest.mark.parametrize(("function", "name", "neutral", "refused"), CASES)
def test_values_that_change_nothing_pass(function, name, neutral, refused):
    for value in neutral:
        found = np.asarray(function(pel.Tensor(X), **{name: value}))
        np.testing.assert_array_equal(found, function(X, **{name: value}))
    for value in refused:
        with pytest.raises(ArgumentError, match=name):
            function(pel.Tensor(X), **{name: value})


@pytest.mark.parametrize("look", [pel.show, pel.explain])
def test_advice_writes_the_call_with_the_functions_own_name(look):
    def area(a, b):
        return a * b

    def scaled(a, *, by, k=1):
        return a * by

    for function, words in (
        (area, rf"Write pel\.{look.__name__}\(area, a, b\)"),
        (lambda a, b: a * b, rf"f must be given.*Write pel\.{look.__name__}\(f, a, b\)"),
        (scaled, rf"Write pel\.{look.__name__}\(lambda a: scaled\(a, by=by\), a\)"),
    ):
        with pytest.raises(ArgumentError, match=words):
            look(function, 1.0, 2.0, 3.0)
