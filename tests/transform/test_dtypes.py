"""dtypes of what meets: no digit of a number is lost before it meets an array that can hold it.

The rule, for every function of two operands and every way to write a number: beside a float64 array
the result is NumPy's, digit for digit; beside a float32 array it is float32; beside integers it is
float32 (documented departures from NumPy, which gives float64).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError
from pellucid.testing import check_grad
from pellucid.transform import protocols
from pellucid.transform.tensor import Tensor

Function = Callable[..., Any]

T = 0.1  # not a float32
KINDS: dict[str, Any] = {
    "Python float": T,
    "NumPy scalar": np.float64(T),
    "0-d array": np.array(T),
    "0-d Tensor": None,  # made in the test
    "list": [0.1, 0.7, 1.1],
}
SCALARS = ("Python float", "NumPy scalar", "0-d array", "0-d Tensor")

BITWISE = {"bitwise_and", "bitwise_or", "bitwise_xor", "matmul", "vecdot", "divmod"}
UFUNCS = sorted(n for n in protocols.UFUNCS if getattr(np, n).nin == 2 and n not in BITWISE)

BOTH: dict[str, Function] = {name: getattr(np, name) for name in UFUNCS}
BOTH |= {
    "dot": np.dot,
    "inner": lambda x, y: np.inner(x, y),
    "outer": np.outer,
    "tensordot 0": lambda x, y: np.tensordot(x, y, 0),
    "where": lambda x, y: np.where(np.array([True, False, True]), x, y),
    "where, other way": lambda x, y: np.where(np.array([True, False, True]), y, x),
    "clip low": lambda x, y: np.clip(x, y, None),
    "clip high": lambda x, y: np.clip(x, None, y),
    "append": np.append,
    "isclose": lambda x, y: np.isclose(x, y, 0, 1e-12),
    "full_like": lambda x, y: np.full_like(x, y),
    "operator +": lambda x, y: x + y,
    "operator r-": lambda x, y: y - x,
    "operator **": lambda x, y: x**y,
    "operator <": lambda x, y: x < y,
}
LISTS: dict[str, Function] = {
    "vecdot": np.vecdot,
    "vdot": np.vdot,
    "matmul": np.matmul,
    "operator @": lambda x, y: x @ y,
    "operator r@": lambda x, y: y @ x,
    "tensordot": lambda x, y: np.tensordot(x, y, 1),
    "einsum": lambda x, y: np.einsum("i,i->", x, y),
    "einsum, lone letter": lambda x, y: np.einsum("i,j->i", x, y),
    "stack": lambda x, y: np.stack([x, y]),
    "concatenate": lambda x, y: np.concatenate([y, x]),
    "hstack": lambda x, y: np.hstack([x, y]),
    "vstack": lambda x, y: np.vstack([x, y]),
    "column_stack": lambda x, y: np.column_stack([x, y]),
    "average": lambda x, y: np.average(x, weights=y),
}
CALLS = [(name, f, kind) for name, f in BOTH.items() for kind in KINDS]
CALLS += [(name, f, "list") for name, f in LISTS.items()]
CALLS += [(f"{name}.outer", getattr(np, name).outer, "list") for name in UFUNCS]


@pytest.mark.parametrize(
    ("name", "function", "kind"), CALLS, ids=lambda v: v if type(v) is str else ""
)
def test_no_digit_is_lost_on_the_way(name: str, function: Function, kind: str) -> None:
    number = Tensor(T) if kind == "0-d Tensor" else KINDS[kind]
    plain = np.asarray(T if number is None or kind in SCALARS else number)
    for dtype in (np.float64, np.float32, np.int64):
        if name == "full_like" and dtype == np.int64:
            continue
        x = np.array([1, 2, 3], dtype)
        wide = x.astype(np.float64)
        with np.errstate(all="ignore"):
            wanted = np.asarray(function(wide, plain))
        got = function(Tensor(x), number)
        eager = got.dtype
        if dtype != np.float64:
            compiled = got
        elif kind in SCALARS:
            compiled = pel.jit(function, backend="interpreter")(x, number)
        else:  # as an argument it would be a list of numbers
            beside = pel.jit(lambda x, number=number: function(x, number), backend="interpreter")
            compiled = beside(x)
        if wanted.dtype.kind != "b":
            always = name in ("float_power", "float_power.outer")
            expected = np.float64 if dtype == np.float64 or always else np.float32
            assert eager == expected
            assert compiled.dtype == expected
            tolerance = 1e-15 if eager == np.float64 and dtype == np.float64 else 2e-6
            np.testing.assert_allclose(np.asarray(got), wanted, tolerance, tolerance)
            np.testing.assert_allclose(np.asarray(compiled), wanted, tolerance, tolerance)
        elif dtype == np.float64:
            np.testing.assert_array_equal(np.asarray(got), wanted)
            np.testing.assert_array_equal(np.asarray(compiled), wanted)


UNARY = [
    name
    for name in "exp expm1 log log1p log2 log10 sqrt tanh sin cos tan sinh cosh exp2".split()  # noqa: SIM905
    if name in pnp.__all__
]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("number", [0.3, np.float64(0.3), 2, np.int64(2)])
def test_a_number_alone_is_numpys(name: str, number: Any) -> None:
    got, wanted = getattr(pnp, name)(number), getattr(np, name)(number)
    assert got.dtype == wanted.dtype == np.float64
    assert got.item() == pytest.approx(wanted, rel=1e-15)
    assert pel.jit(getattr(pnp, name))(number).dtype == np.float64


def test_python_floats_keep_their_digits_under_transforms() -> None:
    assert pel.grad(lambda x: x**3)(2.0).dtype == np.float64
    assert pel.grad(lambda x: x**3)(0.1) == 3 * 0.1**2
    value, slope = pel.value_and_grad(np.sin)(0.1)
    assert (value, slope) == (np.sin(0.1), np.cos(0.1))
    assert pel.jit(lambda x, s: x * s)(np.ones(3), 0.1)[0] == 0.1
    assert pel.jit(lambda x: x)(0.1) == 0.1
    assert Tensor(0.1).item() == 0.1
    assert pel.jvp(lambda x: x * x, (0.1,), (1.0,))[1] == 0.2
    assert pel.vjp(lambda x: x * x, 0.1)[1](1.0)[0] == 0.2
    assert pel.hessian(lambda x: x**4)(0.1) == pytest.approx(12 * 0.1**2, rel=1e-15)
    check_grad(lambda x: x * pel.grad(lambda y: x * y)(2.0), [np.array(0.7)])


def test_what_a_number_became_gives_way_to_arrays() -> None:
    """A value computed from numbers alone is as weak as they are, however it was computed."""
    x32, x64 = np.ones(2, np.float32), np.ones(2)

    def computed(x: Any, s: Any) -> Any:
        return x * np.sin(s * 2.0 + 1) ** 2 / s

    for number in (0.1, np.float64(0.1), np.array(0.1)):
        assert computed(Tensor(x32), Tensor(number)).dtype == np.float32
        assert computed(Tensor(x64), Tensor(number)).dtype == np.float64
        assert pel.jit(computed)(x32, number).dtype == np.float32
        assert pel.jit(computed)(x64, number).dtype == np.float64
        assert pel.grad(lambda s, x: np.sum(computed(x, s)))(number, x32).dtype == np.float64
        inside = pel.jit(lambda x, number=number: x * pel.grad(lambda s: s**3)(number))
        assert (inside(x32).dtype, inside(x64).dtype) == (np.float32, np.float64)
    # What was computed from an array is as firm as the array.
    assert (Tensor(x64).mean() * x32).dtype == np.float64
    assert (Tensor(x32).mean() * 0.1).dtype == np.float32
    assert (Tensor(x32).mean() * Tensor(0.1)).dtype == np.float32
    # A float32 number beside a Python one, as NumPy has it; beside a float64 one it is float64.
    assert (Tensor(np.float32(1)) * 0.1).dtype == np.float32
    assert (Tensor(np.float32(1)) * np.float64(0.1)).dtype == np.float64


def test_a_jitted_function_tells_numbers_from_arrays() -> None:
    f = pel.jit(lambda x, s: x * s)
    x = np.ones(2, np.float32)
    assert f(x, 0.1).dtype == np.float32
    assert f(x, np.full(2, 0.1)).dtype == np.float64
    assert f(x, 0.2).dtype == np.float32
    assert f(x, 2).dtype == np.float32
    for _ in range(2):
        np.testing.assert_array_equal(f(x, 0.1), np.float32([0.1, 0.1]))
        np.testing.assert_array_equal(f(np.ones(2), 0.1), [0.1, 0.1])
    with pytest.raises(ArgumentError, match="must fit int64"):
        f(x, 2**70)


def test_the_constructors_of_arrays() -> None:
    assert pnp.asarray(16777217.0, dtype="float64").item() == 16777217
    assert pnp.asarray(1e300, dtype="float64").item() == 1e300
    assert pnp.asarray([16777217.0], dtype="float64").tolist() == [16777217]
    assert pnp.astype([0.1], "float64").tolist() == [0.1]
    assert pnp.asarray([0.1]).dtype == np.float32
    assert Tensor([0.1, 0.2]).dtype == np.float32
    assert Tensor([np.ones(2), np.ones(2)]).dtype == np.float64  # arrays have a dtype
    with pytest.raises(pel.DTypeError, match="must fit float32"):
        pnp.asarray(1e300, dtype="float32")
    for make in (pnp.zeros, pnp.ones, pnp.eye):
        assert make(3).dtype == make(3, dtype=None).dtype == np.float32
        assert make(3, dtype="float64").dtype == np.float64
    assert pnp.arange(3).dtype == pnp.arange(3, dtype=None).dtype == np.int64
    assert pnp.full(3, 0.5).dtype == np.float32
    assert pnp.one_hot([1], 2, dtype=None).dtype == np.float32
    assert 0.1 in Tensor([0.1])
    assert 0.1 in Tensor(np.array([0.1]))


def test_integers_that_do_not_fit_are_not_wrapped() -> None:
    assert (Tensor(np.ones(2, np.uint8)) + np.array(300)).tolist() == [301, 301]
    assert (Tensor(np.ones(2, np.int8)) + Tensor(300)).tolist() == [301, 301]
