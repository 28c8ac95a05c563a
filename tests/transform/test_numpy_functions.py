"""NumPy's functions on Tensors: each equals NumPy in value, shape and dtype, or is refused by name.

One table of calls drives the tests: the same call runs on NumPy arrays, on Tensors, under `grad`
(against central differences of NumPy's own result) and inside a traced function. Documented
departures: a result that NumPy makes float64 out of integers, booleans and float32 is float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tools import docs_numpy

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, DTypeError, PellucidError, ShapeError
from pellucid.ops.spec import REGISTRY
from pellucid.runtime.extras import NUMPY
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform import protocols
from pellucid.transform.arrays import type_of
from pellucid.transform.grad import grad
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import trace
from tests.ops.cases import cases
from tests.ops.sampling import dtypes_of, sample
from tests.transform.numpy_cases import CASES, INDEXING, Case, Inputs

DTYPES = {
    "f": (np.float64, np.float32),
    "i": (np.int64, np.int32, np.uint8),
    "b": (np.bool_,),
}


def expected_dtype(wanted: np.dtype[Any], inputs: list[np.ndarray[Any, Any]]) -> np.dtype[Any]:
    """NumPy's dtype, but float32 where only a float64 operand would make it float64."""
    if wanted.kind != "f":
        return wanted
    if all(a.shape == () and a.dtype.kind != "f" for a in inputs):
        return np.dtype(np.float64)  # numbers alone
    widest = np.result_type(np.float32, *(a.dtype for a in inputs if a.dtype.kind == "f"))
    return np.dtype(widest)


def numpy_result(case: Case, arrays: list[np.ndarray[Any, Any]]) -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.call(*arrays)


def layouts(array: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The same numbers in memory orders of all kinds."""
    wide = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
    strided = np.asarray(wide[tuple(slice(None, None, 2) for _ in array.shape)])
    strided[...] = array
    backwards = np.asarray(np.flip(np.flip(array).copy()))
    swapped = array.astype(array.dtype.newbyteorder())
    return [array, array.copy(order="F"), strided, backwards, swapped]


def check(got: Any, wanted: Any, inputs: list[np.ndarray[Any, Any]], explicit: bool) -> None:
    if isinstance(wanted, (int, tuple)) and not isinstance(wanted, np.generic):
        assert got == wanted
        return
    wanted = np.asarray(wanted)
    assert isinstance(got, Tensor), type(got)
    assert got.shape == wanted.shape
    dtype = wanted.dtype if explicit else expected_dtype(wanted.dtype, inputs)
    assert got.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    tolerance = 2e-3 if wanted.dtype == np.float16 else tolerance  # NumPy's exp of an int8
    np.testing.assert_allclose(got.numpy(), wanted, tolerance, tolerance)


def runs(case: Case) -> list[tuple[Inputs, Any]]:
    dtypes = [dtype for kind in case.dtypes for dtype in DTYPES[kind]]
    signed = ("negative", "subtract", "diff", "power", "clip", "unwrap", "select")
    if case.name in signed or case.low < -10:
        dtypes = [dtype for dtype in dtypes if np.dtype(dtype).kind != "u"]
    return [(shapes, dtype) for shapes in case.shapes for dtype in dtypes]


def is_explicit(case: Case) -> bool:
    """Whether the call itself names a dtype, or NumPy's function always gives this one."""
    return any(word in case.text for word in ("dtype", "float64")) or case.name == "float_power"


@pytest.mark.one_in(2)
@pytest.mark.parametrize("case", [*CASES, *INDEXING], ids=str)
def test_equals_numpy(case: Case) -> None:
    for shapes, dtype in runs(case):
        arrays = case.draw(shapes, dtype)
        wanted = numpy_result(case, arrays)
        check(case.call(*map(Tensor, arrays)), wanted, arrays, is_explicit(case))
        for laid in zip(*map(layouts, arrays), strict=True):
            check(case.call(*map(Tensor, laid)), wanted, arrays, is_explicit(case))


@pytest.mark.parametrize("case", [c for c in [*CASES, *INDEXING] if len(c.shapes[0]) == 2], ids=str)
def test_mixes_with_arrays(case: Case) -> None:
    """One operand a Tensor, the other a NumPy array: either way round."""
    for shapes, dtype in runs(case):
        x, y = case.draw(shapes, dtype)
        wanted = numpy_result(case, [x, y])
        if x.shape and y.shape:  # 0-d arrays are weak numbers: their dtype does not count
            check(case.call(Tensor(x), y), wanted, [x, y], is_explicit(case))
            if "x.dot" not in case.text:  # a method of the array itself, which asks nobody
                check(case.call(x, Tensor(y)), wanted, [x, y], is_explicit(case))


@pytest.mark.parametrize("case", [c for c in [*CASES, *INDEXING] if c.smooth], ids=str)
def test_gradient_is_that_of_numpy(case: Case) -> None:
    """The gradient of a weighted sum against central differences of NumPy's own result."""
    for number, shapes in enumerate(case.shapes):
        arrays = case.draw(shapes, np.float64, seed=number + 1)
        result = np.asarray(numpy_result(case, arrays))
        weights = np.random.default_rng(9).uniform(0.5, 1.5, result.shape)

        def loss(*operands: Any, weights: Any = weights) -> Any:
            return np.sum(case.call(*operands) * weights)

        gradients = grad(loss, tuple(range(len(arrays))))(*arrays)
        for k, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            assert gradient.shape == array.shape
            assert gradient.dtype == np.float64
            wanted = differences(lambda x, k=k: loss(*arrays[:k], x, *arrays[k + 1 :]), array)
            np.testing.assert_allclose(gradient, wanted, 2e-6, 2e-7)


def differences(function: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += 1e-6
        below[place] -= 1e-6
        slopes[place] = (function(above) - function(below)) / (above[place] - below[place])
    return slopes


def traced(function: Callable[..., Any], arrays: list[Any]) -> Any:
    names = [f"x{i}" for i in range(len(arrays))]
    record = trace(function, [type_of(a) for a in arrays], names, lambda v: (tuple(v), {}))
    return Interpreter(record.graph)(record.operands(arrays))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.name not in ("shape", "ndim", "size")], ids=str
)
def test_under_a_trace(case: Case) -> None:
    shapes, dtype = runs(case)[0]
    arrays = case.draw(shapes, dtype)
    (got,) = traced(case.call, arrays)
    eager = case.call(*map(Tensor, arrays))
    assert got.dtype == eager.dtype
    np.testing.assert_array_equal(got, eager.numpy())


def test_every_function_has_a_case() -> None:
    covered = {case.name for case in CASES}
    assert covered == {*protocols.UFUNCS, *protocols.FUNCTIONS}
    assert len(covered) >= 60


def test_special_values() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 710.0, -710.0, 1e-300])
    x, y = (a.ravel() for a in np.meshgrid(odd, odd))
    skipped = {"matmul", "vecdot", "invert", "bitwise_and", "bitwise_or", "bitwise_xor", "divmod"}
    for name in sorted(set(protocols.UFUNCS) - skipped):
        function = getattr(np, name)
        operands = (odd,) if function.nin == 1 else (x, y)
        if name in ("tan", "hypot", "log2", "log10", "exp2"):
            operands = tuple(np.clip(o, -700, 700) for o in operands)  # finite beside overflow
        with np.errstate(all="ignore"):
            wanted = function(*operands)
        np.testing.assert_allclose(
            function(*map(Tensor, operands)).numpy(), wanted, 1e-12, err_msg=name
        )


# --- refusals ------------------------------------------------------------------------------------

X = np.arange(6.0).reshape(2, 3) + 1


@pytest.mark.parametrize("name", sorted(protocols.FUNCTIONS))
def test_refused_keywords_are_named(name: str) -> None:
    row = protocols.FUNCTIONS[name]
    function = np.linalg if name.startswith("linalg.") else np
    function = getattr(function, name.removeprefix("linalg."))
    for key in row.refused:
        with pytest.raises(ArgumentError, match=rf"^\[np\.{name}\] {key}= is not taken") as caught:
            protocols.call_function(function, (Tensor(X),), {key: X})
        assert "At test_numpy_functions.py" in str(caught.value)
    with pytest.raises(ArgumentError, match="nonsense= is not taken"):
        protocols.call_function(function, (Tensor(X),), {"nonsense": 1})


@pytest.mark.parametrize("name", sorted(protocols.UFUNCS))
def test_refused_keywords_of_ufuncs(name: str) -> None:
    ufunc = getattr(np, name)
    flat = [Tensor(X)] * ufunc.nin
    for key, value in (
        ("out", (X,)),
        ("where", X > 2),
        ("casting", "unsafe"),
        ("order", "F"),
        ("signature", "d->d"),
        ("axis", 0),
    ):
        with pytest.raises(ArgumentError, match=rf"^\[np\.{ufunc.__name__}\] {key}= is not taken"):
            protocols.call_ufunc(ufunc, "__call__", flat, {key: value})
    for method in ("at", "reduceat"):
        with pytest.raises(ArgumentError, match=f"the method {method} is not taken"):
            protocols.call_ufunc(ufunc, method, flat, {})


REFUSALS: list[tuple[Callable[..., Any], type[PellucidError], str]] = [
    (lambda x: np.sum(x, out=np.zeros(())), ArgumentError, r"\[np.sum\] out= is not taken"),
    (lambda x: np.sum(x, where=X > 2), ArgumentError, r"\[np.sum\] where= .* where\(mask, x, 0\)"),
    (lambda x: np.sum(x, initial=3.0), ArgumentError, r"\[np.sum\] initial= .* got 3.0"),
    (lambda x: np.add(x, 1, out=np.zeros((2, 3))), ArgumentError, r"\[np.add\] out="),
    (lambda x: np.add(x, 1, np.zeros((2, 3))), ArgumentError, r"\[np.add\] out="),
    (lambda x: np.exp(x, where=X > 2), ArgumentError, r"\[np.exp\] where="),
    (lambda x: np.exp(x, casting="unsafe"), ArgumentError, r"\[np.exp\] casting="),
    (lambda x: np.reshape(x, (3, 2), order="F"), ArgumentError, r"order= .* got 'F'"),
    (lambda x: np.var(x, mean=X), ArgumentError, r"\[np.var\] mean="),
    (lambda x: np.pad(x, 1, mode="edge"), ArgumentError, r"\[np.pad\] mode= .* got 'edge'"),
    (lambda x: np.pad(x, -1), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, {0: 1}), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, ((1, 2), (3, 4), (5, 6))), ArgumentError, r"\[np.pad\] pad_width"),
    (lambda x: np.pad(x, 1, constant_values=(1, 2)), ArgumentError, r"constant_values"),
    (lambda x: np.take(x, [0], mode="clip"), ArgumentError, r"\[np.take\] mode="),
    (lambda x: np.take(x, [7], axis=0), PellucidError, r"indices must lie in \[0, 2\), got 7"),
    (lambda x: np.take(x, [0.5]), DTypeError, "indices must be integers"),
    (lambda x: np.where(x > 2), ArgumentError, r"\[np.where\] .* condition alone"),
    (lambda x: np.where(x, x, 0), DTypeError, "condition must be bool"),
    (lambda x: np.average(x, returned=True), ArgumentError, r"\[np.average\] returned="),
    (lambda x: np.average(x, weights=[1, 2]), ShapeError, r"\[np.average\] weights"),
    (lambda x: np.linalg.norm(x, "nuc"), ArgumentError, r"\[matrix_norm\] ord .* 'nuc'"),
    (lambda x: np.linalg.norm(x, 2), ArgumentError, r"On numbers alone, NumPy has singular values"),
    (lambda x: np.linalg.norm(x[0], "fro"), ArgumentError, r"\[np.linalg.norm\] axis"),
    (lambda x: np.linalg.norm(x[None], 1), ArgumentError, r"\[np.linalg.norm\] axis"),
    (lambda x: np.linalg.norm(x[0], np.nan), ArgumentError, r"\[vector_norm\] ord must lie"),
    (lambda x: np.cross(x[:, :2], x[:, :2]), ShapeError, r"\[cross\] x must have vectors of 3"),
    (lambda x: np.rot90(x, 1, (0, -2)), ArgumentError, r"\[rot90\] axes must be two different"),
    (lambda x: np.rollaxis(x, 0, 3), ArgumentError, r"\[np.rollaxis\] start must lie"),
    (lambda x: np.vsplit(x[0], 1), ShapeError, r"\[np.vsplit\] x must have 2 axes or more"),
    (lambda x: np.hsplit(x[0, 0], 1), ShapeError, r"\[np.hsplit\] x must have 1 axes"),
    (lambda x: np.dsplit(x, 1), ShapeError, r"\[np.dsplit\] x must have 3 axes"),
    (lambda x: np.select([x > 1], [x, x]), ArgumentError, r"\[select\] .* got 1 and 2"),
    (lambda x: np.gradient(x, axis=0, edge_order=2), ShapeError, r"\[gradient\] .* got 2"),
    (lambda x: np.gradient(x, edge_order=3), ArgumentError, "edge_order"),
    (lambda x: np.gradient(x, 1, 2, 3), ArgumentError, r"spacing must be .* got 3"),
    (lambda x: np.gradient(x, np.ones(2), axis=1), ShapeError, "places of 3 samples"),
    (lambda x: np.interp(1.0, x, x), ShapeError, r"\[interp\] xp and fp must be vectors"),
    (lambda x: np.interp(x, [], []), ShapeError, r"\[interp\] xp must hold a place"),
    (lambda x: np.interp(x, [1.0], [1.0], period=0), ArgumentError, "period must not be 0"),
    (lambda x: np.linspace(x, 1, -1), ArgumentError, r"\[linspace\] num"),
    (lambda x: np.linspace(x, 1, retstep=True), ArgumentError, r"retstep= is not taken"),
    (lambda x: np.repeat(x, [1, 2]), ArgumentError, "repeats must be a whole number"),
    (lambda x: np.split(x, 4), ShapeError, r"\[np.split\] .* equal parts"),
    (lambda x: np.einsum("ii->i", x), ShapeError, r"\[einsum\] axes called 'i' must be equal"),
    (lambda x: np.einsum("ij,jk", x), ArgumentError, "for 1 operands: it has letters for 2"),
    (lambda x: np.einsum("i...->i", x), ArgumentError, "the output must have '...' too"),
    (lambda x: np.einsum("i1->i", x), ArgumentError, "holds other signs"),
    (lambda x: np.einsum("ij->ii", x), ArgumentError, "stands there once"),
    (lambda x: np.einsum(x, [0, 60]), ArgumentError, r"must lie in \[0, 52\), got 60"),
    (lambda x: np.einsum(x, [0, 1], x), ArgumentError, "number must be a whole number"),
    (lambda x: np.einsum("i->i", x), ShapeError, "'i' needs 1 axes"),
    (lambda x: np.einsum("ij->ik", x), ArgumentError, "expected letters"),
    (lambda x: np.diag(x[None]), ShapeError, r"\[diag\] x must be a vector or a matrix"),
    (lambda x: np.unique(x), ArgumentError, r"\[np.unique\] .* does not. At \S+ On numbers"),
    (lambda x: np.quantile(x, 1.5), ArgumentError, r"\[quantile\] q must lie in \[0, 1\]"),
    (lambda x: np.percentile(x, [[50], [1, 2]]), ArgumentError, r"\[percentile\] q must be"),
    (lambda x: np.quantile(x, x[0]), ArgumentError, r"q must be numbers, got f64\[3\]"),
    (lambda x: np.quantile(x, 0.5, method="closest_observation"), ArgumentError, "unknown method"),
    (lambda x: np.quantile(x, 0.5, weights=X), ArgumentError, r"weights= is not taken"),
    (lambda x: np.median(x[:, :0]), ShapeError, r"\[median\] x must have an element"),
    (lambda x: np.partition(x, 3), ArgumentError, r"kth must lie in \[-3, 3\), got 3"),
    (lambda x: np.take_along_axis(x, np.array([[3]]), 1), PellucidError, "lie in .0, 3., got 3"),
    (lambda x: np.take_along_axis(x, np.array([0]), 1), ShapeError, "must have the 2 axes"),
    (lambda x: np.sort(x, order="name"), ArgumentError, r"\[np.sort\] order= is not taken"),
    (lambda x: np.cumulative_sum(x), ArgumentError, r"np\.cumsum\(x, axis\)"),
    (lambda x: np.cbrt(x), ArgumentError, r"np\.sign\(x\) \* np\.abs\(x\)"),
    (lambda x: np.fft.fft(x), ArgumentError, r"\[np.fft\]"),
    (lambda x: np.linalg.inv(np.eye(2) * x[0, 0]), ArgumentError, r"\[np.linalg.inv\]"),
    (lambda x: np.nextafter(x, x), ArgumentError, r"\[np.nextafter\]"),
    (lambda x: np.add.at(x, 0, 1), ArgumentError, r"\[np.add\] the method at"),
    (lambda x: np.subtract.reduce(x), ArgumentError, r"\[np.subtract\] the method reduce"),
    (lambda x: np.maximum.accumulate(x), ArgumentError, r"\[np.maximum\] the method accumulate"),
    (lambda x: np.add.reduceat(x, [0]), ArgumentError, r"the method reduceat"),
    (lambda x: np.add(x, 1, dtype=np.int64), DTypeError, r"\[np.add\] dtype must hold float64"),
    (lambda x: np.less(x, 1, dtype=float), DTypeError, r"\[np.less\] dtype must be bool"),
    (lambda x: np.mean(x, dtype=int), DTypeError, r"\[np.mean\] dtype must be float32 here"),
    (lambda x: np.concatenate([x, x], dtype=int), DTypeError, "dtype must hold"),
    (lambda x: np.sum(x, dtype=complex), DTypeError, "got complex"),
    (lambda x: x + np.ma.masked_array(X, X > 2), DTypeError, "masked arrays"),
    (lambda x: np.add(x, np.array([None, 1, 2])), DTypeError, "got object"),
    (lambda x: x * np.array([1j, 0, 0]), DTypeError, "got complex128"),
    (lambda x: np.add(x, "a"), DTypeError, "got str"),
    (lambda x: x + None, DTypeError, "got NoneType"),
    (lambda x: np.invert(x), DTypeError, r"\[np.invert\] operands must be bool"),
    (lambda x: np.reciprocal(Tensor([1, 2])), DTypeError, "Write 1 / x"),
    (lambda x: np.power(Tensor([1, 2]), -1), DTypeError, r"\[pow\] .* got -1"),
    (lambda x: np.power(Tensor([1, 2]), np.array([1, 2])), DTypeError, r"\[pow\]"),
    (lambda x: np.clip(x, 0, 1, out=np.zeros(2)), ArgumentError, r"\[np.clip\] out="),
    (lambda x: np.zeros_like(x, shape=(3,)), ArgumentError, r"\[np.zeros_like\] shape="),
    (lambda x: x[x > 2], ArgumentError, "boolean mask"),
    (lambda x: x[0.5], DTypeError, "index must be an integer"),
    (lambda x: x["a"], DTypeError, "dtype must be one of"),
    (lambda x: x[3], ArgumentError, r"an index must lie in \[-2, 2\), got 3"),
    (lambda x: x[0, 0, 0], ArgumentError, "at most 2 indices"),
    (lambda x: x[[0, 1], [0, 9]], PellucidError, "indices must lie in"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_refusals(call: Callable[..., Any], error: type[PellucidError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(Tensor(X))
    assert "At test_numpy_functions.py" in str(caught.value)


def test_an_array_is_not_changed_in_place() -> None:
    total = np.zeros((2, 3))
    with pytest.raises(ArgumentError, match="A Tensor does not change"):
        total += Tensor(X)


def test_a_masked_array_on_the_left_is_refused() -> None:
    with pytest.raises(DTypeError, match="masked arrays are not supported"):
        np.ma.masked_array(X, X > 2) + Tensor(X)


def test_keywords_that_change_nothing_pass() -> None:
    x = Tensor(X)
    assert float(np.sum(x, None, None, None)) == 21
    assert float(np.sum(x, out=None, where=True)) == 21
    assert np.reshape(x, (3, 2), order="C").shape == (3, 2)
    assert np.exp(x, casting="same_kind", subok=True).shape == (2, 3)
    assert np.add(x, 1, out=None).shape == (2, 3)
    assert np.einsum("ij->i", x, optimize=True).shape == (2,)


def test_dtype_of_ufuncs_is_honoured() -> None:
    x = Tensor(np.array([1, 2], np.int32))
    assert np.add(x, x, dtype=np.float64).dtype == np.float64
    assert np.exp(x, dtype=np.float64).dtype == np.float64
    assert np.less(x, 2, dtype=bool).dtype == bool
    assert np.add(x, 1, dtype="int8").dtype == np.int8
    assert np.sum(x, dtype=np.int32).dtype == np.int32


def test_questions_for_the_host() -> None:
    x = Tensor(X)
    assert np.allclose(x, X) is True
    assert np.array_equal(x, X + 1) is False
    np.testing.assert_allclose(x, X)
    assert np.array2string(x) == np.array2string(X)


# --- pellucid.numpy ------------------------------------------------------------------------------


def test_one_spelling_for_rows_and_people() -> None:
    """Whatever `forward` may call where it computes is there where it is traced."""
    assert set(vars(NUMPY)) <= set(pnp.__all__)


@pytest.mark.parametrize("name", sorted(name for name, op in REGISTRY.items() if not op.user))
def test_every_row_is_traced_through_its_own_forward(name: str) -> None:
    op = REGISTRY[name]
    compared = 0
    for case in cases(op):
        if case.symbolic:
            continue
        for dtype in dtypes_of(op, case):
            arrays, attrs = sample(op, case, dtype), case.attributes(dtype)
            wanted = op.forward(NUMPY, *arrays, **attrs)
            (got,) = traced(lambda *xs, attrs=attrs: op.forward(pnp, *xs, **attrs), arrays)
            np.testing.assert_allclose(got, wanted, 1e-6, 1e-6)
            compared += 1
    assert compared


def test_the_page_is_written_from_the_tables() -> None:
    page = docs_numpy.page()
    assert docs_numpy.PAGE.read_text(encoding="utf-8") == page, "write it anew: make docs"
