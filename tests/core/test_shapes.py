"""Shape arithmetic against NumPy, and with N in place of a number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core import shapes
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.core.shapes import Batch, N

SHAPE = st.lists(st.integers(0, 4), max_size=4).map(tuple)
ROWS = 3


def test_text() -> None:
    assert shapes.text(()) == "()" and shapes.text((3,)) == "(3,)"
    assert shapes.text((N, 784)) == "(N, 784)" and shapes.text((2, 3 * N)) == "(2, 3N)"


class TestBatch:
    def test_only_whole_multiples_are_dimensions(self) -> None:
        assert N * 3 == 3 * N == Batch(3) and Batch(6) == (N * 2) * 3
        for wrong in (0, -1, 1.5, "2", None):
            with pytest.raises(TypeError):
                N * wrong  # type: ignore[operator]
        with pytest.raises(TypeError):
            N * N  # type: ignore[operator]

    def test_it_is_equal_to_itself_alone(self) -> None:
        assert Batch(2) == Batch(2) != Batch(3) and Batch(1) != 1 and hash(N) == hash(Batch())

    def test_bind(self) -> None:
        value = (N, (2 * N, ("a", 1.5, None)), 3)
        assert shapes.bind(value, 5) == (5, (10, ("a", 1.5, None)), 3)
        assert shapes.bind(N, 0) == 0 and shapes.bind("N", 5) == "N"
        assert shapes.has_batch((1, N)) and not shapes.has_batch((1, 2))

    def test_size(self) -> None:
        assert shapes.size(()) == 1 and shapes.size((2, N, 3)) == Batch(6)
        assert shapes.size((N, 0)) == 0 == shapes.size((0, N)) and shapes.count((2, 3)) == 6


class TestCheck:
    def test_a_shape_comes_back_as_a_tuple(self) -> None:
        assert shapes.check("x", [2, 0, N]) == (2, 0, N)

    @pytest.mark.parametrize("dim", [-1, 1.0, "3", None, True, 2**63])
    def test_a_wrong_dimension(self, dim: Any) -> None:
        with pytest.raises(
            ShapeError, match=r"\[x\] a dimension must be a whole number from 0 to 2"
        ):
            shapes.check("x", [2, dim])

    def test_n_twice(self) -> None:
        with pytest.raises(ShapeError, match=r"N may stand once in a shape, got \(N, 2N\)"):
            shapes.check("x", (N, 2 * N))


class TestBroadcast:
    @given(st.lists(SHAPE, min_size=1, max_size=3))
    def test_against_numpy(self, several: list[tuple[int, ...]]) -> None:
        try:
            wanted = np.broadcast_shapes(*several)
        except ValueError:
            with pytest.raises(ShapeError) as caught:
                shapes.broadcast("add", *several)
            assert all(shapes.text(shape) in str(caught.value) for shape in several)
            return
        assert shapes.broadcast("add", *several) == wanted

    def test_with_n(self) -> None:
        assert shapes.broadcast("add", (N, 3), (3,)) == (N, 3)
        assert shapes.broadcast("add", (N, 1), (1, 4)) == (N, 4)
        assert shapes.broadcast("add", (2 * N,), (1,), ()) == (2 * N,)
        for x, y in (((N,), (2,)), ((N,), (2 * N,)), ((N, 1), (N,)), ((N,), (0,))):
            with pytest.raises(ShapeError):
                shapes.broadcast("add", x, y)


class TestAxes:
    @given(
        SHAPE, st.none() | st.integers(-5, 5) | st.lists(st.integers(-5, 5), max_size=3).map(tuple)
    )
    def test_against_numpy(self, shape: tuple[int, ...], axis: Any) -> None:
        if shape == () and axis is not None:
            return  # NumPy lets 0 and -1 through where there is no axis; nothing else does
        x = np.zeros(shape)
        try:
            wanted = x.sum(axis=axis).shape, x.sum(axis=axis, keepdims=True).shape
        except ValueError:
            with pytest.raises(ArgumentError):
                shapes.axes("sum", axis, len(shape))
            return
        found = shapes.axes("sum", axis, len(shape))
        assert list(found) == sorted(set(found))
        assert shapes.reduced(shape, found, False) == wanted[0]
        assert shapes.reduced(shape, found, True) == wanted[1]

    @pytest.mark.parametrize(
        "value", [1.0, "1", None, True, np.array([1, 2]), np.float64(1), [1], 1j]
    )
    def test_only_whole_numbers_are_indices(self, value: Any) -> None:
        with pytest.raises(ArgumentError, match=r"\[sum\] axis must be a whole number, got "):
            shapes.index("sum", "axis", value)

    def test_numpy_integers_are(self) -> None:
        assert shapes.index("sum", "axis", np.int8(-3)) == -3
        assert type(shapes.index("sum", "axis", np.array(3))) is int

    def test_messages_name_the_range(self) -> None:
        with pytest.raises(
            ArgumentError, match=r"axis must lie in \[-2, 2\) for a tensor of 2 axes, got 2"
        ):
            shapes.axes("sum", 2, 2)
        with pytest.raises(ArgumentError, match="each axis once"):
            shapes.axes("sum", (0, -2), 2)

    @pytest.mark.parametrize("axis", [-1, 2, 0.0, True, (0,), None, "0"])
    def test_rows_take_plain_axes_from_the_front(self, axis: Any) -> None:
        with pytest.raises(ArgumentError, match=r"axis must be a number in \[0, 2\)"):
            shapes.front_axis("gather", axis, 2)
        assert shapes.front_axis("gather", 1, 2) == 1


class TestReshape:
    @given(SHAPE, st.lists(st.integers(-1, 6), max_size=4).map(tuple))
    def test_against_numpy(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        try:
            wanted = np.zeros(old).reshape(new).shape
        except ValueError:
            with pytest.raises(ShapeError):
                shapes.reshaped("reshape", old, new)
            return
        assert shapes.reshaped("reshape", old, new) == wanted

    @pytest.mark.parametrize(
        ("old", "new", "wanted"),
        [
            ((N, 2, 3), (N, 6), (N, 6)),
            ((N, 2, 3), (N, -1), (N, 6)),
            ((N, 6), (-1, 3), (2 * N, 3)),
            ((N, 6), (-1,), (6 * N,)),
            ((2 * N, 3), (N, -1), (N, 6)),
            ((2 * N,), (2, N), (2, N)),
            ((6 * N,), (3 * N, -1), (3 * N, 2)),
            ((N, 1), (-1,), (N,)),
            ((N,), (N, 1, 1), (N, 1, 1)),
            ((N, 0), (0, N), (0, N)),
            ((N, 0), (N, -1), (N, 0)),
            ((N, 0), (-1,), (0,)),
        ],
    )
    def test_with_n(self, old: Any, new: Any, wanted: Any) -> None:
        assert shapes.reshaped("reshape", old, new) == wanted
        bound = shapes.bind(old, ROWS)
        plain = tuple(shapes.bind(dim, ROWS) for dim in new)
        assert shapes.bind(wanted, ROWS) == np.zeros(bound).reshape(plain).shape

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ((N, 6), (N, 5)),
            ((N, 6), (4, -1)),
            ((6,), (N, -1)),
            ((6,), (N,)),
            ((N,), (2 * N,)),
            ((3 * N,), (2 * N, -1)),
            ((N, 6), (N, N)),
            ((N,), (3,)),
        ],
    )
    def test_what_does_not_fit_for_every_n(self, old: Any, new: Any) -> None:
        with pytest.raises(ShapeError):
            shapes.reshaped("reshape", old, new)

    def test_messages_name_both(self) -> None:
        with pytest.raises(ShapeError) as caught:
            shapes.reshaped("reshape", (2, 3), (4, 2))
        for word in ("6 elements", "(4, 2)", "(2, 3)"):
            assert word in str(caught.value)


@given(st.integers(0, 12), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_window_count(length: int, size: int, stride: int, dilation: int) -> None:
    starts = [i for i in range(0, length, stride) if i + (size - 1) * dilation < length]
    assert shapes.window_count(length, size, stride, dilation) == len(starts)


@given(SHAPE)
def test_count_is_the_product(shape: tuple[int, ...]) -> None:
    assert shapes.count(shape) == math.prod(shape) == shapes.size(shape)


def test_64_axes_and_2_to_the_63_are_the_most() -> None:
    assert shapes.check("x", (1,) * 64) == (1,) * 64
    with pytest.raises(ShapeError, match="at most 64 axes, got 65"):
        shapes.check("x", (1,) * 65)
    assert shapes.check("x", (2**63 - 1, 0)) == (2**63 - 1, 0)
    assert shapes.check("x", (Batch(2**63 - 1),)) == (Batch(2**63 - 1),)
    with pytest.raises(ShapeError, match=r"must be below 2⁶³·N"):
        shapes.check("x", (Batch(2**63),))


@pytest.mark.parametrize(
    ("shape", "flat", "groups"),
    [
        ((2, 3, 4), (6, 4), [[0, 1], [2]]),
        ((2, 3, 4), (24,), [[0, 1, 2]]),
        ((2, 3, 4), (2, 3, 4), [[0], [1], [2]]),
        ((N, 2, 3), (N, 6), [[0], [1, 2]]),
        ((N, 2), (2 * N,), [[0, 1]]),
        ((), (), []),
        ((1, 5), (1, 5), [[0], [1]]),
        ((2, 3, 4), (6,), None),  # an axis is left
        ((2, 3), (3, 2), None),
        ((2, 3), (6, 1), None),  # an axis of nothing
        ((6,), (2, 3), None),
        ((2, 3), (4,), None),
        ((2,), (), None),
    ],
)
def test_joined_neighbours(shape: Any, flat: Any, groups: Any) -> None:
    assert shapes.merged_axes(shape, flat) == groups


def test_n_stands_once_in_a_product_and_in_what_is_reshaped() -> None:
    with pytest.raises(ShapeError, match="N may stand once in a shape, got N and 2N"):
        shapes.size((N, 2 * N))
    with pytest.raises(ShapeError, match=r"only one dimension may be -1, got \(-1, -1\)") as caught:
        shapes.reshaped("x", (2, 3), (-1, -1))
    assert caught.value.fix == "(2, 3) holds 6 elements."
