"""Paths that few calls take: odd layouts, empty cells, foreign objects, limits."""

from __future__ import annotations

import os
import zipfile
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.dtypes import float64
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    ShapeError,
)
from pellucid.graph.node import TensorType
from pellucid.ops import composite
from pellucid.transform import donation, libraries, watch
from pellucid.transform.grad import jvp, vjp
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import trace, unique

M = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("data", [np.asfortranarray(M), M.T[::-1], M[:, ::2], M.tolist()])
def test_a_tensor_holds_its_numbers_in_c_order(data: Any, dtype: Any) -> None:
    made = Tensor(data, dtype=dtype)
    assert made.data.flags.c_contiguous and not made.data.flags.writeable
    np.testing.assert_array_equal(made.numpy(), np.asarray(data))
    assert made.numpy().flags.c_contiguous


def test_a_tensor_as_an_array_without_a_copy() -> None:
    made = Tensor(M)
    assert np.shares_memory(np.array(made, copy=False), made.data)
    assert not np.shares_memory(np.array(made, copy=True), made.data)
    assert not np.shares_memory(np.asarray(made), made.data)
    with pytest.raises(DTypeError, match="copy=False needs float64, got"):
        made.__array__(np.float32, copy=False)
    assert made.__array__(np.float64, copy=False) is made.data


def test_a_function_over_a_name_that_is_not_set_yet() -> None:
    """A cell may be empty while a function is first traced; that it is filled is seen."""

    def outer() -> Any:
        def inner(x: Any) -> Any:
            return x * 2 if x.ndim else x * later

        seen = watch.Surroundings(inner)
        assert seen.whole and not seen.changed()
        later = 3.0
        assert seen.changed()
        return inner, later

    assert outer()[1] == 3.0


def flat(values: Any) -> Any:
    return tuple(values), {}


def test_values_of_another_graph_are_refused() -> None:
    kept: list[Any] = []
    trace(lambda x: kept.append(x) or x * 2, [TensorType(float64)], ["x"], flat)
    for function in (lambda x: x + kept[0], lambda x: composite.stack([x, kept[0]])):
        with pytest.raises(GraphError):
            trace(function, [TensorType(float64)], ["x"], flat)
    with pytest.raises(GraphError):
        Tensor(1.0) + kept[0]


def test_names_of_inputs_are_each_used_once() -> None:
    assert unique(["x", "x", "x", "x_2", "", "1st", "a b", "_p"]) == [
        *("x", "x_2", "x_3", "x_2_2", "x_4"),
        *("x1st", "a_b", "_p"),
    ]


def test_a_call_that_the_function_does_not_take_is_told_from_an_error_inside_it() -> None:
    def inside(x: Any) -> Any:
        return len(3)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="object of type 'int' has no len"):
        pel.grad(inside)(1.0)
    with pytest.raises(ArgumentError, match=r"must take the arguments of the call, got an error"):
        trace(lambda: 1.0, [TensorType(float64)], ["x"], flat)


def test_tangents_and_cotangents_take_the_type_of_what_they_belong_to() -> None:
    x = np.ones(3)
    out, slope = jvp(lambda x: x * x, (x,), (np.ones(3, np.float32),))
    assert np.asarray(slope).dtype == np.float64
    np.testing.assert_array_equal(np.asarray(slope), [2, 2, 2])
    np.testing.assert_array_equal(np.asarray(out), x)
    with pytest.raises(ShapeError, match=r"must be \(3,\), got \(2,\)"):
        jvp(lambda x: x * x, (x,), (np.ones(2),))
    with pytest.raises(DTypeError, match="must be float64, got float32"):
        jvp(lambda x: x * x, (x,), (Tensor(np.ones(3, np.float32)),))
    _, pull = vjp(lambda x: x * x, x)
    with pytest.raises(ShapeError, match=r"must be \(3,\), got \(\)"):
        pull(1.0)


def test_a_jacobian_has_64_axes_at_most() -> None:
    wide = np.ones((1,) * 33)
    assert pel.jacobian(lambda x: x * 2)(np.ones((1,) * 32)).shape == (1,) * 64
    with pytest.raises(ShapeError, match="at most 64 axes together, got 33 and 33"):
        pel.jacobian(lambda x: x * 2)(wide)


def test_what_the_freedom_of_a_spread_must_be() -> None:
    t = Tensor(M)
    np.testing.assert_allclose(np.var(t, ddof=1).item(), M.var(ddof=1))
    np.testing.assert_allclose(np.std(t, ddof=0.5).item(), M.std(ddof=0.5))
    for wrong in ("1", True, None, [1]):
        with pytest.raises(ArgumentError, match="ddof must be a number"):
            np.std(t, ddof=wrong)  # type: ignore[call-overload]


def test_a_split_takes_an_array_of_borders() -> None:
    for got, wanted in zip(
        np.split(Tensor(M), np.array([1, 2]), axis=1),
        np.split(M, np.array([1, 2]), axis=1),
        strict=True,
    ):
        np.testing.assert_array_equal(np.asarray(got), wanted)


@pytest.mark.parametrize("split", [np.split, np.array_split])
def test_a_split_has_a_part_at_least(split: Any) -> None:
    np.testing.assert_array_equal(np.asarray(split(Tensor(M), 1)[0]), M)
    for parts in (0, -1):
        with pytest.raises(ShapeError, match=rf"^\[np\.\w*split\] .*{parts}"):
            split(Tensor(M), parts)


def test_arrays_whose_overlap_is_too_hard_to_tell_count_as_sharing(monkeypatch: Any) -> None:
    assert not donation._share(np.ones(2), np.ones(2))
    both = np.ones(4)
    assert donation._share(both[:3], both[2:]) and not donation._share(both[::2], both[1::2])

    def too_hard(*arguments: Any, **options: Any) -> bool:
        raise np.exceptions.TooHardError

    monkeypatch.setattr(np, "shares_memory", too_hard)
    assert donation._share(both[::2], both[1::2])


def test_folders_of_packages_that_cannot_be_read(tmp_path: Any) -> None:
    record = tmp_path / "good-1.dist-info"
    record.mkdir()
    (record / "RECORD").write_text("good/__init__.py,,\nalone.py,,\n../bin/x,,\n,,\n")
    (tmp_path / "bad-1.dist-info").mkdir()
    (tmp_path / "other").mkdir()
    wanted = {str(tmp_path / "good") + os.sep, str(tmp_path / "alone.py")}
    assert set(libraries._listed(str(tmp_path))) == wanted
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.py", "")
    for nowhere in (archive, tmp_path / "gone"):
        assert list(libraries._listed(str(nowhere))) == []


def test_a_jit_function_of_a_class_is_itself_and_of_an_object_refused() -> None:
    class Holder:
        double = pel.jit(lambda self, x: x * 2)

    assert Holder.double is vars(Holder)["double"]
    with pytest.raises(ArgumentError, match=r"got the method .* of Holder"):
        Holder().double
    graph = pel.jit(lambda x: x * 2).graph(np.ones(3))
    assert graph.input_types[0].shape == (3,)


def test_an_operation_of_ones_own_says_what_it_is_and_takes_text() -> None:
    made = pel.op("rare_square", lambda xp, x: x * x, lambda x, out: 2 * x)
    assert repr(made) == "op rare_square(x)"
    for label in ("formula", "doc"):
        with pytest.raises(ArgumentError, match=f"{label} must be a text, got int"):
            pel.op("rare_square", lambda xp, x: x * x, lambda x, out: 2 * x, **{label: 3})


def test_membership_asks_of_any_element_that_broadcasts() -> None:
    t = Tensor(M)
    for sought in (3.0, 7.0, [3.0, 9.0, 9.0], np.array([[3.0], [9.0]]), M, M + 1):
        assert (sought in t) == bool((np.asarray(sought) == M).any()), sought
    for misfit in ([1.0, 2.0], np.ones((3, 3)), np.ones((2, 2))):
        with pytest.raises(ShapeError, match=r"^\[in\] shapes must broadcast, got \(2, 3\) and"):
            _ = misfit in t
