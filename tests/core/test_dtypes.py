"""The promotion table, weak numbers, what a dtype is made from, what it holds."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core import dtypes
from pellucid.core.dtypes import (
    ALL,
    BY_CODE,
    BY_NAME,
    DEFAULT,
    DType,
    as_dtype,
    bool_,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    promote,
    uint8,
    uint16,
    uint32,
    uint64,
    weak_result,
)
from pellucid.core.errors import DTypeError

# Row and column in the order of ALL; x is an error. Where NumPy differs, it is on purpose.
TABLE = """
        b1  u8  u16 u32 u64 i8  i16 i32 i64 f32 f64
    b1  b1  u8  u16 u32 u64 i8  i16 i32 i64 f32 f64
    u8  u8  u8  u16 u32 u64 i16 i16 i32 i64 f32 f64
    u16 u16 u16 u16 u32 u64 i32 i32 i32 i64 f32 f64
    u32 u32 u32 u32 u32 u64 i64 i64 i64 i64 f32 f64
    u64 u64 u64 u64 u64 u64 x   x   x   x   f32 f64
    i8  i8  i16 i32 i64 x   i8  i16 i32 i64 f32 f64
    i16 i16 i16 i32 i64 x   i16 i16 i32 i64 f32 f64
    i32 i32 i32 i32 i64 x   i32 i32 i32 i64 f32 f64
    i64 i64 i64 i64 i64 x   i64 i64 i64 i64 f32 f64
    f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f64
    f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64
"""


def table() -> list[tuple[DType, DType, DType | None]]:
    head, *rows = [line.split() for line in TABLE.strip("\n").splitlines() if line.strip()]
    return [
        (BY_CODE[row[0]], BY_CODE[column], BY_CODE.get(code))
        for row in rows
        for column, code in zip(head, row[1:], strict=True)
    ]


def test_the_promotion_table() -> None:
    assert len(table()) == len(ALL) ** 2
    for x, y, wanted in table():
        if wanted is None:
            with pytest.raises(DTypeError, match=f"got {x} and {y}, which no integer holds"):
                promote(x, y)
        else:
            assert promote(x, y) is wanted, (x, y)


def test_the_table_is_numpys_but_for_a_float_that_keeps_its_width() -> None:
    for x, y, wanted in table():
        numpy = np.promote_types(x.name, y.name).name
        if wanted is not None and wanted.name != numpy:
            assert wanted is float32 and numpy == "float64" and {x.kind, y.kind} != {"f"}, (x, y)


@given(st.sampled_from(ALL), st.sampled_from(ALL), st.sampled_from(ALL))
def test_promotion_is_symmetric_and_idempotent(x: DType, y: DType, z: DType) -> None:
    assert promote(x, x) is x
    try:
        xy = promote(x, y)
    except DTypeError:
        with pytest.raises(DTypeError):
            promote(y, x)
        return
    assert promote(y, x) is xy and promote(xy, x) is xy


@pytest.mark.parametrize(
    ("strong", "weak", "wanted"),
    [
        (float32, "f", float32),
        (float32, "i", float32),
        (float32, "b", float32),
        (float64, "f", float64),
        (int8, "i", int8),
        (uint8, "i", uint8),
        (uint8, "f", float32),
        (int64, "f", float32),
        (bool_, "b", bool_),
        (bool_, "i", int64),
        (bool_, "f", float32),
        (int16, "b", int16),
        (uint64, "u", uint64),
        (int32, "u", int32),
    ],
)
def test_weak_numbers_take_the_dtype_of_what_they_meet(
    strong: DType, weak: str, wanted: DType
) -> None:
    assert weak_result(strong, weak) is wanted


@pytest.mark.parametrize("dtype", ALL)
def test_a_dtype_is_made_from_names_numpy_and_itself(dtype: DType) -> None:
    for spec in (dtype, dtype.name, np.dtype(dtype.name), np.dtype(dtype.name).type):
        assert as_dtype(spec) is dtype
    assert np.dtype(dtype.name).itemsize == dtype.itemsize
    assert np.dtype(dtype.name).kind == dtype.kind
    assert BY_NAME[dtype.name] is dtype is BY_CODE[dtype.code]
    assert repr(dtype) == dtype.name


def test_python_types() -> None:
    assert (as_dtype(bool), as_dtype(int), as_dtype(float)) == (bool_, int64, float32)
    assert DEFAULT is float32


@pytest.mark.parametrize(
    "spec",
    [
        complex,
        object,
        str,
        "float",
        "float16",
        np.float16,
        np.longdouble,
        np.complex64,
        "f32",
        None,
        3,
        3.5,
        [],
        (),
        np.dtype("U3"),
        np.dtype("M8[s]"),
        np.dtype("f4,f4"),
        np.dtype(object),
        b"float32",
    ],
    ids=repr,
)
def test_another_type_is_refused_with_the_known_ones(spec: Any) -> None:
    with pytest.raises(
        DTypeError, match=r"\[x\] dtype must be one of bool, uint8, .*float64, got "
    ):
        as_dtype(spec, "x")


def test_the_nearest_name_is_named() -> None:
    with pytest.raises(DTypeError, match="Did you mean 'float64'"):
        as_dtype("flot64")


@pytest.mark.parametrize("dtype", ALL)
def test_there_is_one_object_for_each(dtype: DType) -> None:
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert copy.copy(dtype) is dtype and copy.deepcopy([dtype])[0] is dtype


def test_kinds() -> None:
    assert [d for d in ALL if d.is_float] == list(dtypes.FLOATS) == [float32, float64]
    unsigned, signed = [uint8, uint16, uint32, uint64], [int8, int16, int32, int64]
    assert [d for d in ALL if d.is_integer] == unsigned + signed


@pytest.mark.parametrize("dtype", [d for d in ALL if d.is_integer])
def test_an_integer_dtype_holds_its_range(dtype: DType) -> None:
    limits = np.iinfo(dtype.name)
    for inside in (limits.min, 0, limits.max, 3.0, True):
        assert dtype.holds(inside)
    for outside in (limits.min - 1, limits.max + 1, 0.5, math.nan, math.inf, 10**400):
        assert not dtype.holds(outside)


def test_floats_hold_what_does_not_overflow() -> None:
    assert float32.holds(float(np.finfo(np.float32).max)) and not float32.holds(3.5e38)
    assert float64.holds(1e308) and not float64.holds(10**400)
    for dtype in (float32, float64):
        assert dtype.holds(math.nan) and dtype.holds(-math.inf) and dtype.holds(True)
    assert bool_.holds(True) and bool_.holds(0) and not bool_.holds(2) and not bool_.holds(0.5)


def test_a_float32_holds_what_rounds_to_a_finite_number() -> None:
    """2¹²⁸ - 2¹⁰³ lies in the middle between the largest number and 2¹²⁸, and rounds to even: ∞."""
    middle = 2.0**128 - 2.0**103
    with np.errstate(over="ignore"):
        for value in (middle, math.nextafter(middle, 0), math.nextafter(middle, math.inf)):
            for signed in (value, -value):
                assert float32.holds(signed) == np.isfinite(np.float32(signed))
