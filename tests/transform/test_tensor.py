"""What a person holds: construction, dtypes, operators, Python's questions, backward."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid.core import dtypes
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.runtime.interpreter import Interpreter
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import trace

# --- construction --------------------------------------------------------------------------------


def test_the_constructor_copies() -> None:
    source = np.arange(3.0)
    x = Tensor(source)
    source[:] = 9
    np.testing.assert_array_equal(x.numpy(), [0, 1, 2])
    with pytest.raises(ValueError, match="read-only"):
        x.data[0] = 5  # type: ignore[index]


def test_what_comes_out_is_nobodys_memory() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    for got in (x.numpy(), np.asarray(x), np.array(x)):
        got[:] = -1
    np.testing.assert_array_equal(x.numpy(), [[0, 1, 2], [3, 4, 5]])
    for view in (x.reshape(3, 2), x.T, x[0], x.ravel(), np.broadcast_to(x, (2, 2, 3)), x.copy()):
        assert isinstance(view, Tensor)
        with pytest.raises(ValueError, match="read-only"):
            view.data[...] = 5  # type: ignore[index]


def test_results_remember_what_they_were_computed_from() -> None:
    """An array that met a Tensor may change afterwards: backward() uses what it held."""
    x, factor = Tensor([1.0, 2.0]), np.array([3.0, 4.0])
    y = (x * factor).sum()
    factor[:] = 0
    y.backward()
    np.testing.assert_array_equal(x.grad, [3, 4])


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (3.0, "float64", ()),
        (3, "int64", ()),
        (True, "bool", ()),
        ([1.0, 2], "float32", (2,)),
        ([[1, 2], [3, 4]], "int64", (2, 2)),
        ([], "float32", (0,)),
        (np.float64(1), "float64", ()),
        (np.float32(1), "float32", ()),
        (np.arange(3, dtype=np.int8), "int8", (3,)),
        (np.array(2.0), "float64", ()),
        (np.array([1, 2], ">i4"), "int32", (2,)),
        (np.array([1, 2], ">f8"), "float64", (2,)),
        (range(3), "int64", (3,)),
        (Tensor([1.0]), "float32", (1,)),
        ([np.float64(1.0)], "float32", (1,)),
        ([np.ones(2)], "float64", (1, 2)),
    ],
)
def test_dtype_of_data(data: Any, dtype: str, shape: tuple[int, ...]) -> None:
    x = Tensor(data)
    assert (x.dtype, x.shape) == (np.dtype(dtype), shape)
    assert x.data is not None and x.data.dtype.isnative


@pytest.mark.parametrize(
    ("data", "dtype", "message"),
    [
        (1j, None, "got complex128"),
        (np.array([1j]), None, "got complex128"),
        ("text", None, "got <U4"),
        ([None], None, "got object"),
        ({}, None, "got object"),
        ([[1], [1, 2]], None, "one shape"),
        (np.ma.array([1], mask=[1]), None, "masked arrays"),
        (np.float16(1), None, "got float16"),
        ([1e300], None, "too large for float32"),
        (2**70, None, "got object"),
        (np.datetime64("2020"), None, "got datetime64"),
        (1.0, "float16", "got float16"),
        (1.0, "flaot32", "Did you mean 'float32'"),
        (300, "uint8", "must fit uint8, got 300"),
        (-1, "uint8", "must fit uint8, got -1"),
        ([1.0, np.nan], "int32", "must fit int32, got nan"),
        (1e300, "float32", "must fit float32"),
        (np.array([1e300]), "float32", "must fit float32, got 1e\\+300"),
        (np.array([2**63], "uint64"), "int64", "must fit int64"),
    ],
)
def test_data_that_is_refused(data: Any, dtype: Any, message: str) -> None:
    with pytest.raises(DTypeError, match=message) as caught:
        Tensor(data, dtype=dtype)
    assert "At test_tensor.py" in str(caught.value)


def test_a_dtype_converts() -> None:
    assert Tensor([1, 2], dtype="float64").dtype == np.float64
    assert Tensor(np.array([1.7, -1.7]), dtype=np.int8).tolist() == [1, -1]
    assert Tensor(0.1, dtype="float64").item() == 0.1  # rounded once
    assert Tensor(np.array([np.inf, np.nan]), dtype="float32").dtype == np.float32
    assert Tensor(Tensor([1.5]), dtype="float64").tolist() == [1.5]


# --- dtypes: the table of semantics §5 -----------------------------------------------------------

NAMES = "bool uint8 int8 int32 int64 float32 float64".split()  # noqa: SIM905
# Row + column. Float wins and keeps its width; integers follow NumPy; booleans count as int64.
SUMS = """
             bool    uint8   int8    int32   int64   float32 float64
    bool     int64   uint8   int8    int32   int64   float32 float64
    uint8    uint8   uint8   int16   int32   int64   float32 float64
    int8     int8    int16   int8    int32   int64   float32 float64
    int32    int32   int32   int32   int32   int64   float32 float64
    int64    int64   int64   int64   int64   int64   float32 float64
    float32  float32 float32 float32 float32 float32 float32 float64
    float64  float64 float64 float64 float64 float64 float64 float64
"""
TABLE = {
    (row.split()[0], column): dtype
    for row in SUMS.split("\n")[2:-1]
    for column, dtype in zip(NAMES, row.split()[1:], strict=True)
}


@pytest.mark.parametrize(("x", "y"), sorted(TABLE))
def test_promotion(x: str, y: str) -> None:
    left, right = np.ones(2, x), np.ones(2, y)
    wanted = np.dtype(TABLE[x, y])
    assert (Tensor(left) + Tensor(right)).dtype == wanted
    assert (Tensor(left) + right).dtype == wanted
    assert (left + Tensor(right)).dtype == wanted
    assert (Tensor(left) < right).dtype == bool
    quotient = wanted if wanted.kind == "f" else np.float32
    assert (Tensor(left) / right).dtype == quotient


# Numbers, NumPy's scalars and 0-d float arrays are weak: only their kind counts.
@pytest.mark.parametrize("strong", NAMES)
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (2, "i"),
        (2.0, "f"),
        (True, "b"),
        (np.float64(2), "f"),
        (np.float32(2), "f"),
        (np.int64(2), "i"),
        (np.uint8(2), "i"),
        (np.array(2.0), "f"),
    ],
)
def test_weak_numbers(strong: str, number: Any, kind: str) -> None:
    x = Tensor(np.ones(2, strong))
    if kind == "f" and np.dtype(strong).kind != "f":
        wanted = "float32"
    elif strong == "bool":
        wanted = "int64"
    else:
        wanted = strong
    for got in (x + number, number + x, x * number, np.add(x, number)):
        assert got.dtype == np.dtype(wanted)
    assert (x + number).tolist() == [1 + number] * 2


def test_dtypes_that_meet_nowhere() -> None:
    with pytest.raises(DTypeError, match="got uint64 and int64"):
        Tensor(np.ones(2, np.uint64)) + np.ones(2, np.int64)
    with pytest.raises(ArgumentError, match="must fit uint8, got -1"):
        Tensor(np.ones(2, np.uint8)) + -1
    with pytest.raises(ArgumentError, match="must fit float32"):
        Tensor([1.0]) * 1e300


# --- operators -----------------------------------------------------------------------------------

OPERATORS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("+", lambda x, y: x + y),
    ("-", lambda x, y: x - y),
    ("*", lambda x, y: x * y),
    ("/", lambda x, y: x / y),
    ("**", lambda x, y: x**y),
    ("@", lambda x, y: x @ y.T),
    ("<", lambda x, y: x < y),
    ("<=", lambda x, y: x <= y),
    (">", lambda x, y: x > y),
    (">=", lambda x, y: x >= y),
    ("==", lambda x, y: x == y),
    ("!=", lambda x, y: x != y),
    ("&", lambda x, y: (x > 1) & (y > 1)),
    ("|", lambda x, y: (x > 1) | (y > 1)),
    ("~", lambda x, y: ~(x > y)),
    ("- x", lambda x, y: -x),
    ("+ x", lambda x, y: +x),
    ("abs", lambda x, y: abs(x - y)),
    ("number -", lambda x, y: 2 - x),
    ("number /", lambda x, y: 2 / x),
    ("number **", lambda x, y: 2**x),
]


@pytest.mark.parametrize(("name", "call"), OPERATORS, ids=[o[0] for o in OPERATORS])
def test_operators(name: str, call: Callable[[Any, Any], Any]) -> None:
    random = np.random.default_rng(0)
    x, y = random.uniform(0.5, 2, (2, 3)), random.uniform(0.5, 2, (2, 3))
    for left, right in ((Tensor(x), Tensor(y)), (Tensor(x), y), (x, Tensor(y))):
        got = call(left, right)
        if isinstance(got, Tensor):  # the operators of one operand may leave the Tensor out
            np.testing.assert_allclose(got.numpy(), call(x, y), 1e-14)
        else:
            assert name in ("- x", "+ x", "number -", "number /", "number **")


CALLS = """
    sum() sum(0) sum(axis=1,keepdims=True) mean() mean(-1) var() std(0) max() min(axis=1)
    prod() cumsum() cumsum(1) argmax() argmax(0) argmin(1) all() any(0) reshape(3,2) reshape((6,))
    reshape(-1) ravel() flatten() transpose() transpose(1,0) transpose((1,0)) T clip(0,1)
    clip(max=1) squeeze() round(1) take([1,0],axis=1) repeat(2) swapaxes(0,1) astype('int32')
    astype(float) dot([1.,2.,3.]) tolist() ndim size shape
"""
METHODS: list[tuple[str, Callable[[Any], Any]]] = [
    (name, eval(f"lambda x: x.{name}")) for name in CALLS.split()
]


@pytest.mark.parametrize(("name", "call"), METHODS, ids=[m[0] for m in METHODS])
def test_methods(name: str, call: Callable[[Any], Any]) -> None:
    x = np.array([[1.25, -2.5, 0.75], [3.5, 0.25, -1.0]])
    got, wanted = call(Tensor(x)), call(x)
    if isinstance(got, Tensor):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got.numpy(), wanted, 1e-12)
    else:
        assert got == wanted


# --- Python's questions --------------------------------------------------------------------------


def test_concrete_tensors_answer() -> None:
    x = Tensor([1.0, 2.0])
    assert (float(x[1]), int(x[1]), bool(x[0] < 2), len(x), x[1].item()) == (2.0, 2, True, 2, 2.0)
    assert [float(row) for row in x] == [1.0, 2.0]
    assert 2.0 in x and 3.0 not in x
    assert [10, 20, 30][Tensor(1)] == 20
    assert f"{x[1]:.3f}" == "2.000" and f"{x}" == str(x)
    assert repr(x) == "Tensor([1., 2.], dtype=float32)"
    assert len({x, x}) == 1
    assert copy.copy(x[0]).item() == 1.0


QUESTIONS: list[tuple[Callable[[Any], Any], type[PellucidError], str]] = [
    (lambda x: bool(x), ShapeError, r"a truth value needs one element, got \(2,\)"),
    (lambda x: float(x), ShapeError, r"item\(\) needs one element, got \(2,\)"),
    (lambda x: len(x[0]), ShapeError, r"len\(\) needs an axis"),
    (lambda x: list(x[0]), ShapeError, r"len\(\) needs an axis"),
    (lambda x: [1, 2][x[0]], DTypeError, "an index must be an integer"),
    (lambda x: x.__setitem__(0, 1.0), ArgumentError, "a Tensor does not change"),
    (lambda x: x.__array__(dtype=np.float64, copy=False), DTypeError, "copy=False needs float32"),
]


@pytest.mark.parametrize(("ask", "error", "message"), QUESTIONS, ids=[q[2] for q in QUESTIONS])
def test_questions_without_an_answer(
    ask: Callable[[Any], Any], error: type[PellucidError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        ask(Tensor([1.0, 2.0]))
    assert "At test_tensor.py" in str(caught.value)


def _if(x: Any) -> Any:
    return x if x[0] > 0 else -x


def _while(x: Any) -> Any:
    while x[0] < 10:
        x = x * 2
    return x


def _assign(x: Any) -> Any:
    x[0] = 1.0
    return x


ABSTRACT: list[tuple[str, Callable[[Any], Any], str]] = [
    ("np.asarray", np.asarray, r"a NumPy call on the host needs numbers, got f32\[2\]"),
    ("np.array of a list", lambda x: np.array([x[0], x[1]]), "a NumPy call on the host"),
    ("math.exp", lambda x: __import__("math").exp(x[0]), r"item\(\) needs numbers"),
    ("float", lambda x: float(x[0]), r"item\(\) needs numbers"),
    ("int", lambda x: int(x[0]), r"item\(\) needs numbers"),
    ("format", lambda x: f"{x[0]:.2f}", r"item\(\) needs numbers"),
    ("numpy()", lambda x: x.numpy(), r"numpy\(\) needs numbers"),
    ("tolist()", lambda x: x.tolist(), r"tolist\(\) needs numbers"),
    ("detach()", lambda x: x.detach(), r"detach\(\) needs numbers.*stop_gradient"),
    ("if", _if, r"if, while, and, or needs numbers.*where\(condition, x, y\)"),
    ("while", _while, r"where\(condition, x, y\)"),
    ("and", lambda x: x[0] > 0 and x[1], r"where\(condition, x, y\)"),
    ("in", lambda x: 1.0 in x, "in needs numbers.*where"),
    ("max of Python", lambda x: max(x[0], x[1]), r"where\(condition, x, y\)"),
    ("assignment", _assign, "a Tensor does not change.*where"),
    ("in place", lambda x: np.zeros(2).__iadd__(x), "out= is not taken"),
    ("index of a list", lambda x: [1, 2][x.argmax()], r"item\(\) needs numbers"),
    ("Tensor()", lambda x: Tensor(x), "a Tensor under a transform"),
    ("backward", lambda x: x[0].backward(), "Inside a traced function use pel.grad"),
    ("array.dot", lambda x: np.eye(2).dot(x), "a NumPy call on the host"),
    ("np.allclose", lambda x: np.allclose(x, x), "a NumPy call on the host"),
    ("np.vectorize", lambda x: np.vectorize(lambda a: a)(x), "host|does not|np."),
]


@pytest.mark.parametrize(("name", "ask", "message"), ABSTRACT, ids=[a[0] for a in ABSTRACT])
def test_abstract_tensors_refuse(name: str, ask: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        pel.grad(lambda x: np.sum(ask(x)))(np.ones(2, np.float32))


def test_abstract_tensors_answer_what_is_known() -> None:
    def loss(x: Any) -> Any:
        assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (3, (3, 2), 2, 6, np.float64)
        assert "abstract" in repr(x)
        return sum((row * row).sum() for row in x)

    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(pel.grad(loss)(x), 2 * x)


def test_a_leaked_tensor_is_named() -> None:
    kept: list[Any] = []

    def loss(x: Any) -> Any:
        kept.append(x * 2)
        return (x * x).sum()

    pel.grad(loss)(np.ones(2))
    for use in (
        lambda: kept[0] + 1,
        lambda: np.exp(kept[0]),
        lambda: pel.grad(lambda y: (y * kept[0]).sum())(np.ones(2)),
        lambda: Tensor([1.0]) * kept[0],
    ):
        with pytest.raises(GraphError, match=r"of a function already traced.*Return it"):
            use()
    with pytest.raises(GraphError, match="needs numbers"):
        np.asarray(kept[0])


def test_the_namespace_protocol() -> None:
    xp = Tensor([1.0]).__array_namespace__()
    assert float(xp.exp(Tensor(0.0))) == 1.0


# --- the batch size ------------------------------------------------------------------------------


def batched(function: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> list[Any]:
    type = TensorType(dtypes.as_dtype(x.dtype), (N, *x.shape[1:]))
    traced = trace(function, [type], ["x"], lambda leaves: (tuple(leaves), {}))
    return [Interpreter(traced.graph)(traced.operands([rows])) for rows in (x, x[:3])]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum() / x.shape[0],
        lambda x: x.sum() / np.size(x, 0),
        lambda x: x.sum() / x.size,
        lambda x: x.sum() * (1 / x.shape[0]) + (x.shape[0] - 1) * 0 + (2 + x.shape[0]) * 0.0,
        lambda x: np.reshape(x, (x.shape[0] * 2, -1)).sum(1),
        lambda x: x.reshape(x.shape[0], 2, 2)[:, 1].sum(),
        lambda x: np.broadcast_to(x.mean(0), x.shape) + x,
        lambda x: np.mean(x) + np.var(x, 0),
        lambda x: np.concatenate([x, x], 1),
    ],
)
def test_the_batch_size_counts(function: Callable[[Any], Any]) -> None:
    x = np.random.default_rng(0).uniform(size=(5, 4))
    for rows, (got,) in zip((x, x[:3]), batched(function, x), strict=True):
        np.testing.assert_allclose(got, function(rows), 1e-6)  # 1 / N is float32


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: sum(x[i] for i in range(len(x))), "known only at the call"),
        (lambda x: sum(x[i] for i in range(x.shape[0])), "known only at the call.*range"),
        (lambda x: x[1:], "the batch axis N must stay whole"),
        (lambda x: x[0], "one row of the batch axis N cannot be taken"),
        (lambda x: np.cumsum(x, 0), "must have a known length, got the batch axis N"),
        (lambda x: np.roll(x, 1, axis=0), "must have a known length"),
    ],
)
def test_the_batch_axis_stays_whole(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        batched(function, np.ones((5, 4)))


# --- backward ------------------------------------------------------------------------------------


@pytest.mark.lecture("T1.G11")
def test_the_lectures_example() -> None:
    """b = x·y + z at x = 3, y = -5, z = 2: a = x·y = -15, b = -13."""
    x, y, z = Tensor(3.0), Tensor(-5.0), Tensor(2.0)
    a = x * y
    b = a + z
    b.backward()
    assert (a.item(), b.item()) == (-15.0, -13.0)
    assert b.grad == 1
    assert a.grad == 1  # db/da
    assert z.grad == 1  # db/dz
    assert x.grad == -5  # db/dx = db/da · y
    assert y.grad == 3  # db/dy = db/da · x


def test_backward_sets_and_does_not_add() -> None:
    x = Tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    first = x.grad
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4])
    np.testing.assert_array_equal(first, [2, 4])
    (3 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3])


def test_gradients_are_arrays_of_the_tensors_type() -> None:
    x = Tensor(np.ones((2, 3), np.float32))
    w = Tensor(np.ones((3, 2)))
    hidden = x @ w
    loss = np.sum(np.tanh(hidden))
    loss.backward()
    for tensor in (x, w, hidden, loss):
        assert type(tensor.grad) is np.ndarray
        assert (tensor.grad.shape, tensor.grad.dtype) == (tensor.shape, tensor.dtype)
        tensor.grad[...] = 7  # a detached array: nothing else sees it
    assert float(loss) == pytest.approx(6 * 0 + 4 * np.tanh(3.0))


def test_fan_out_adds_up() -> None:
    x = Tensor(3.0)
    y = x * x + x + np.sin(x) * x
    y.backward()
    assert x.grad == pytest.approx(2 * 3 + 1 + np.sin(3) + 3 * np.cos(3), rel=1e-6)


def test_backward_needs_a_scalar_or_a_gradient() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    with pytest.raises(ShapeError, match=r"must be a scalar \(\), got \(2,\)"):
        y.backward()
    y.backward([1.0, 10.0])
    np.testing.assert_array_equal(x.grad, [2, 40])
    y.backward(Tensor([1.0, 0.0]))
    np.testing.assert_array_equal(x.grad, [2, 0])
    with pytest.raises(ShapeError, match=r"gradient must be \(2,\), got \(\)"):
        y.backward(1.0)
    with pytest.raises(DTypeError, match="only a float Tensor"):
        (Tensor(2) * 3).backward()
    with pytest.raises(NotDifferentiableError, match="argmax"):
        (np.take(Tensor([1.0, 2.0]), 0) + np.argmax(x) * 1.0).backward()


def test_only_floats_get_a_gradient() -> None:
    x, k = Tensor([1.0, 2.0]), Tensor([2, 3])
    (x * k).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 3])
    assert k.grad is None


def test_detach_and_stop_gradient() -> None:
    x = Tensor(2.0)
    (x * x.detach()).backward()
    assert x.grad == 2
    (x * pel.numpy.stop_gradient(x)).backward()
    assert x.grad == 2


def test_a_tensor_without_history_is_its_own_gradient() -> None:
    x = Tensor(2.0)
    x.backward()
    assert x.grad == 1


@pytest.mark.parametrize("n", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_chain_of_many_operations(n: int) -> None:
    """Many times deeper than Python's stack: backward works, and letting go does not crash."""
    x = Tensor(1.0, dtype="float64")
    y: Any = x
    for _ in range(n):
        y = y + 1 / n
    y.backward()
    assert x.grad == 1
    assert float(y) == pytest.approx(2.0)
    del y
    gc.collect()


def test_the_user_line_of_a_recorded_operation() -> None:
    x = Tensor([1.0, 2.0])
    y = np.sum(x * x)
    assert y.origin is not None and y.origin[3] is not None
    assert y.origin[3].startswith("test_tensor.py:")


def test_a_number_to_the_power_of_a_tensor_takes_its_dtype():
    """0.999 is not a float32 on its way to a float64."""
    t = np.arange(1.0, 5.0)
    for backend in ("native", "interpreter"):
        got = pel.jit(lambda t: (0.999**t, np.power(0.999, t)), backend=backend)(t)
        np.testing.assert_allclose(got, [0.999**t, 0.999**t], rtol=1e-15)
    assert (0.999 ** pel.Tensor(t)).numpy().dtype == np.float64
