"""Arrays at the door of Tensors: the ends of each dtype, keys of calls, the batch size in code."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import DTypeError, GraphError
from pellucid.transform.arrays import as_array, converted
from pellucid.transform.callkey import call_key


@pytest.mark.parametrize(
    ("value", "target", "fits"),
    [
        (255, "u1", True),
        (256, "u1", False),
        (-1, "u1", False),
        (-1, "u8", False),
        (2**63 - 1, "i8", True),
        (2**63, "i8", False),
        (-128, "i1", True),
        (-129, "i1", False),
        (2.9, "i4", True),  # a fraction is dropped
        (-2.9, "i4", True),
        (-0.5, "u1", True),
        (2.0**63, "i8", False),
        (2.0**31, "i4", False),
        (-(2.0**31), "i4", True),
        (np.nan, "i4", False),
        (np.inf, "f4", True),
        (3.4e38, "f4", True),
        (3.5e38, "f4", False),
        (-3.5e38, "f4", False),
        (1e-300, "f4", True),
        (np.nan, "f4", True),
        (2, "?", True),
    ],
)
def test_a_number_fits_or_is_named(value, target, fits):
    array = np.array([[0, 1], [1, 0]], np.asarray(value).dtype)
    array[1, 0] = value
    dtype = np.dtype(target)
    if fits:
        with np.errstate(all="ignore"):
            wanted = array.astype(dtype)
        found = converted(array, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, wanted)
    else:
        with pytest.raises(DTypeError, match=rf"\[here\] w must fit {dtype.name}, got "):
            converted(array, dtype, "here", "w")


def test_lists_become_float32_and_what_has_a_dtype_keeps_it():
    assert as_array([1.0, 2.5]).dtype == np.float32
    assert as_array([1.0, 2.5], exact=True).dtype == np.float64
    assert as_array(2.5).dtype == np.float64  # one number
    assert as_array([1, 2]).dtype == np.int64
    assert as_array([np.ones(2), np.ones(2)]).dtype == np.float64
    assert as_array(np.ones(2, ">f8")).dtype.isnative
    array = np.ones(2)
    assert as_array(array) is array
    assert as_array([np.inf, np.nan])[0] == np.inf
    with pytest.raises(DTypeError, match="too large for float32"):
        as_array([1e39, 1.0])
    with pytest.raises(DTypeError, match="masked arrays are not supported"):
        as_array(np.ma.masked_less([1.0, 2.0], 1.5))
    with pytest.raises(DTypeError, match=r"np\.matrix is not supported"):
        as_array(np.ones((1, 1)).view(np.matrix))
    with pytest.raises(DTypeError, match=r"data must be numbers, got a list that holds Tensors"):
        as_array([pel.Tensor(1.0)])
    with pytest.raises(DTypeError, match="it must be numbers, got a list that holds Tensors"):
        as_array([pel.Tensor(1.0)], "sum")
    with pytest.raises(DTypeError, match="data must be numbers of one shape"):
        as_array([[1.0], [1.0, 2.0]])
    for strange in ("text", [None], 1j, np.array(["2020"], "M8[D]")):
        with pytest.raises(DTypeError, match="dtype must be one of bool, "):
            as_array(strange)
    np.testing.assert_array_equal(as_array(pel.Tensor([1.0, 2.0])), [1, 2])


def keyed(*items):
    arrays, key = [], []
    return call_key(items, arrays, key), arrays, tuple(key)


SAME = [
    ((np.ones(2),), (np.zeros(2),)),
    ((1.0, 2, True), (3.5, 7, False)),
    (([np.ones(2)], {"a": 1.0}), ([np.zeros(2)], {"a": 2.0})),
]
OTHER = [
    ((np.ones(2),), (np.ones(3),)),
    ((np.ones(2),), (np.ones(2, "f4"),)),
    ((np.ones((2, 3)),), (np.ones((3, 2)),)),
    ((1.0,), (1,)),
    ((1,), (True,)),
    ((1.0,), (np.array(1.0),)),
    (([1.0],), ((1.0,),)),
    (([1.0, 2.0],), ([1.0], 2.0)),
    (([[1.0], 2.0],), ([[1.0, 2.0]],)),
    (({"a": 1.0},), ({"b": 1.0},)),
    (({"a": 1.0, "b": 2.0},), ({"b": 2.0, "a": 1.0},)),
    (([],), ((),)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_calls_that_are_alike_have_one_key(one, other):
    assert keyed(*one)[0]
    assert keyed(*one)[2] == keyed(*other)[2]


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_calls_that_differ_have_two(one, other):
    assert keyed(*one)[0]
    assert keyed(*other)[0]
    assert keyed(*one)[2] != keyed(*other)[2]


def test_arrays_are_found_in_order():
    x, y = np.ones(2), np.zeros(3)
    fits, arrays, _ = keyed(x, [2.5, {"k": (y, 7)}], True)
    assert fits
    assert arrays[0] is x
    assert arrays[2] is y
    assert [float(arrays[i]) for i in (1, 3, 4)] == [2.5, 7, 1]
    assert [arrays[i].dtype.name for i in (1, 3, 4)] == ["float64", "int64", "bool"]


@pytest.mark.parametrize(
    "item",
    [None, "a", pel.Tensor(1.0), np.float64(1), 2**63, -(2**63) - 1, {1}, np.ma.ones(2), 1j],
)
def test_other_things_have_no_key(item):
    for nested in ((item,), ([item],), ({"a": (1.0, item)},)):
        assert not keyed(*nested)[0]


@pytest.mark.parametrize("item", [2**63 - 1, -(2**63)])
def test_the_largest_integers_have_one(item):
    fits, arrays, _ = keyed(item)
    assert fits
    assert int(arrays[0]) == item


X = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.shape[0] + 2,
        lambda x: 2 + x.shape[0],
        lambda x: x.shape[0] - 1,
        lambda x: 1 - x.shape[0],
        lambda x: x.shape[0] * 3,
        lambda x: 3 * x.shape[0],
        lambda x: x.shape[0] * 2.5,
        lambda x: x.shape[0] * -2,
        lambda x: x.shape[0] * 0,
        lambda x: x.shape[0] * True,
        lambda x: x.shape[0] / 8,
        lambda x: 8 / x.shape[0],
        lambda x: (x.shape[0] * 6 + 1) / 5,
        lambda x: x.reshape(-1).shape[0] + 0,
        lambda x: x.reshape(-1).shape[0] * 2 - 1,
        lambda x: np.reshape(x, (x.shape[0] * 3,)).sum() + x.T.shape[1],
    ],
)
def test_the_batch_size_in_arithmetic_is_the_number_it_stands_for(function):
    found = pel.jit(lambda x: function(x) + 0 * x.sum(), batch=0)
    for rows in (4, 1, 7):
        x = np.resize(X, (rows, 3))
        np.testing.assert_allclose(found(x), function(x))


def test_the_batch_size_is_compared_as_a_dimension():
    seen = {}

    def function(x):
        size = x.shape[0]
        seen["same"] = size == x.T.shape[1]
        seen["hash"] = hash(size) == hash(x.T.shape[1])
        seen["double"] = size * 2 == size
        seen["number"] = size == 4
        seen["text"] = repr(size), repr(size * 2)
        seen["dtype"] = size.dtype, size.shape
        return x.sum()

    pel.jit(function, batch=0)(X)
    assert seen == {
        "same": True,
        "hash": True,
        "double": False,
        "number": False,
        "text": ("N", "2N"),
        "dtype": (np.dtype("int64"), ()),
    }
    for wrong in (range, float, int):
        with pytest.raises(GraphError, match="expected a number, got the batch size N"):
            pel.jit(lambda x, wrong=wrong: (wrong(x.shape[0]), x)[1], batch=0)(X)
    with pytest.raises(GraphError, match="expected a number, got the batch size 3N"):
        pel.jit(lambda x: x.sum() * float(x.reshape(-1).shape[0]), batch=0)(X)
