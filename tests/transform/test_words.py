"""What is said where something is refused: the place, the given numbers, advice that works."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import PellucidError, TooLargeError, UnknownNameError

X = np.arange(12.0).reshape(3, 4)
HUGE = 2**62


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: pnp.take(x, np.array([-4]), 0), "got -4"),
        (lambda x: x[np.array([0, -4])], "got -4"),
        (lambda x: x[np.array([0, 3])], "got 3"),
        (lambda x: x[np.array([0, 3]), np.array([0, 1])], r"\[0, 3\), got 3"),
        (lambda x: x[np.array([0, 1]), np.array([0, -5])], r"\[0, 4\), got -5"),
    ],
)
def test_an_index_out_of_range_is_named_as_it_was_given(
    call: Callable[[Any], Any], message: str
) -> None:
    for run in (call, pel.jit(call), pel.jit(call, backend="interpreter")):
        with pytest.raises(PellucidError, match=message):
            run(pel.Tensor(X) if run is call else X)


def test_several_indices_reach_their_elements() -> None:
    rows, columns = np.array([0, -1, 2]), np.array([3, -4, 1])
    for backend in ("native", "interpreter"):
        got = pel.jit(lambda x: x[rows, columns], backend=backend)(X)
        np.testing.assert_array_equal(got, X[rows, columns])


def test_an_empty_list_of_indices_takes_nothing() -> None:
    assert pel.Tensor(X)[[]].shape == X[[]].shape == (0, 4)
    assert pel.Tensor(X)[:, []].shape == (3, 0)
    assert pel.jit(lambda x: x[[]])(X).shape == (0, 4)


@pytest.mark.parametrize("transform", ["vjp", "jvp", "hvp", "grad", "jacobian"])
def test_advice_for_an_integer_names_only_what_there_is(transform: str) -> None:
    call = {
        "vjp": lambda: pel.vjp(lambda x: x * 2, 1),
        "jvp": lambda: pel.jvp(lambda x: x * 2, (1,), (1,)),
        "hvp": lambda: pel.hvp(lambda x: x * 2, (1,), (1,)),
        "grad": lambda: pel.grad(lambda x: x * 2)(1),
        "jacobian": lambda: pel.jacobian(lambda x: x * 2)(1),
    }[transform]
    with pytest.raises(pel.DTypeError, match=r"1\.0 instead of 1") as caught:
        call()
    assert str(caught.value).startswith(f"[{transform} of x]")
    assert ("argnums" in str(caught.value)) == (transform in ("grad", "jacobian"))


def test_the_users_line_is_not_one_of_numpys() -> None:
    for function in (lambda x: np.sum([x, x]), lambda x: np.array([x, x]).sum(), np.sort):
        with pytest.raises(PellucidError) as caught:
            pel.grad(function)(np.ones(3))
        assert caught.value.line is not None
        assert caught.value.line.startswith("test_words.py:"), str(caught.value)


def test_an_attribute_that_is_not_there_has_a_neighbour() -> None:
    x = pel.Tensor(X)
    for name, hint in (("relu", "pellucid.numpy.relu(x)"), ("reshap", "'reshape'")):
        with pytest.raises(UnknownNameError, match=r"At test_words\.py") as caught:
            getattr(x, name)
        assert hint in str(caught.value)
        assert isinstance(caught.value, AttributeError)
        assert not hasattr(x, name)
    assert getattr(x, "__array_interface__", None) is None
    with pytest.raises(UnknownNameError, match=r"\[pellucid\].*'jit'"):
        pel.jitt
    with pytest.raises(UnknownNameError, match=r"\[pellucid.numpy\].*'softmax'"):
        pnp.softmaxx


def test_backward_says_that_it_sets() -> None:
    assert "It sets" in (pel.Tensor.backward.__doc__ or "")
    assert "set and not added to" in (pel.Tensor.__doc__ or "")


def test_jit_keeps_the_containers_it_is_given() -> None:
    f = pel.jit(lambda t: OrderedDict((k, v * 2) for k, v in t.items()))
    result = f(OrderedDict(b=1.0, a=2.0))
    assert type(result) is OrderedDict
    assert list(result) == ["b", "a"]
    assert type(pel.jit(lambda t: t)({"a": 1.0})) is dict
    slope = pel.grad(lambda t: t["a"] ** 2)(OrderedDict(a=3.0))
    assert slope == OrderedDict(a=6.0)
    assert type(slope) is OrderedDict
    with pytest.raises(pel.ArgumentError, match=r"got defaultdict.*dict\(x\)"):
        pel.jit(lambda t: t)(defaultdict(float, a=1.0))


def test_an_integer_result_has_no_tangent() -> None:
    with pytest.raises(pel.DTypeError, match=r"\[jvp\] the function must return a float.*i64"):
        pel.jvp(np.argmax, (X,), (X,))


def test_a_result_of_one_element_is_taken_out_as_advised() -> None:
    with pytest.raises(pel.ShapeError, match=r"got \(1, 1\).*np\.sum\(result\)"):
        pel.grad(lambda x: np.sum(x, keepdims=True))(X)
    assert pel.grad(lambda x: np.sum(np.sum(x, keepdims=True)))(X).sum() == 12


@pytest.mark.parametrize(
    "make",
    [
        lambda x: pnp.ones(HUGE),
        lambda x: pnp.zeros((2**31, 2**31)),
        lambda x: pnp.full((HUGE,), x[0]),
        lambda x: pnp.eye(2**40),
        lambda x: pnp.arange(HUGE),
        lambda x: pnp.one_hot(np.array([1]), HUGE),
        lambda x: pnp.broadcast_to(x, (HUGE, 2)),
        lambda x: np.tile(x, HUGE),
        lambda x: np.repeat(x, HUGE),
        lambda x: np.pad(x, HUGE),
        lambda x: pnp.uniform((HUGE,), 0, 0, "a"),
    ],
)
def test_what_fits_into_no_memory_is_refused(make: Callable[[Any], Any]) -> None:
    with pytest.raises(PellucidError):
        make(pel.Tensor([1.0, 2.0]))
    with pytest.raises(PellucidError):
        pel.jit(make)(np.ones(2))
    assert issubclass(TooLargeError, MemoryError)


def test_remainders_are_pythons() -> None:
    x, y = np.array([7.5, -7.5, 7.5, -7.5, 0.0, 1e20]), np.array([2.0, 2.0, -2.0, -2.0, 3.0, 3.0])
    for a, b in ((x, y), (np.array([7, -7, 7, -7, 5]), np.array([2, 2, -2, -2, 0]))):
        with np.errstate(all="ignore"):
            wanted = np.remainder(a, b), np.floor_divide(a, b)
        eager = pel.Tensor(a) % b, pel.Tensor(a) // b
        native = pel.jit(lambda a, b: (a % b, a // b), backend="native")(a, b)
        for results in (eager, native, divmod(pel.Tensor(a), b)[::-1]):
            np.testing.assert_array_equal(np.asarray(results[0]), wanted[0])
            np.testing.assert_array_equal(np.asarray(results[1]), wanted[1])
    smallest = np.array([-(2**63)])
    assert pel.jit(lambda a: a // -1, backend="native")(smallest) == smallest  # as NumPy wraps
    assert (7 % pel.Tensor(4.0)).item() == 3
    assert (7 // pel.Tensor(4.0)).item() == 1
    assert divmod(7, pel.Tensor(4.0))[0].item() == 1
    slope = pel.grad(lambda a, b: np.sum(a % b), (0, 1))(7.5, 2.0)
    assert slope == (1.0, -3.0)


def test_the_axis_that_is_summed_is_not_broadcast() -> None:
    with pytest.raises(pel.ShapeError, match=r"\[vecdot\].*equally long.*\(1,\) and \(3,\)"):
        np.vecdot(pel.Tensor([1.0]), np.ones(3))
    with pytest.raises(pel.ShapeError, match=r"axis of channels, got a scalar"):
        pnp.local_response_norm(3.0)
