"""Derivatives of functions: values, nesting, containers, threads, and what is refused."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid.numpy as pnp
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.transform import grad as module
from pellucid.transform.grad import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from pellucid.transform.tensor import Tensor

RANDOM = np.random.default_rng(5)
A = RANDOM.normal(size=(3, 3))
B = RANDOM.normal(size=3)


def differences(function: Callable[[Any], Any], x: Any, h: float = 1e-6) -> np.ndarray[Any, Any]:
    """The jacobian by central differences: out.shape + x.shape."""
    x = np.asarray(x, np.float64)
    columns = []
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        columns.append((np.asarray(function(x + step)) - function(x - step)) / (2 * h))
    out = np.shape(function(x))
    return np.moveaxis(np.reshape(columns, (x.size, *out)), 0, -1).reshape((*out, *x.shape))


# --- values --------------------------------------------------------------------------------------


@pytest.mark.lecture("T1.G24")
def test_the_lectures_loss() -> None:
    X, t = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))
    W, b = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=2)

    def loss(W: Any, b: Any) -> Any:
        return np.mean((X @ W + b - t) ** 2)

    dW, db = grad(loss, (0, 1))(W, b)
    error = X @ W + b - t
    np.testing.assert_allclose(dW, 2 * X.T @ error / error.size, 1e-12)
    np.testing.assert_allclose(db, 2 * error.sum(0) / error.size, 1e-12)
    assert (type(dW), dW.dtype, dW.shape) == (np.ndarray, np.float64, (3, 2))


def test_the_gradient_has_the_type_of_the_argument() -> None:
    for x in (
        np.ones(3),
        np.ones((2, 3), np.float32),
        np.ones(()),
        np.ones((0, 2)),
        1.0,
        np.float64(1),
        Tensor([1.0, 2.0]),
        np.ones((3, 2)).T,
        np.ones(2, ">f8"),
    ):
        got = grad(lambda x: np.sum(x * x))(x)
        wanted = np.asarray(x)
        assert type(got) is (Tensor if isinstance(x, Tensor) else np.ndarray)
        assert got.shape == wanted.shape
        assert got.dtype.name == wanted.dtype.name
        np.testing.assert_array_equal(got, 2 * wanted)


def test_the_value_comes_with_the_gradient() -> None:
    value, slope = value_and_grad(lambda x: x**3)(2.0)
    assert (float(value), float(slope)) == (8.0, 12.0)


def test_an_argument_that_is_ignored_has_gradient_zero() -> None:
    zero, one = grad(lambda x, y: np.sum(y), (0, 1))(np.ones(3), np.ones(2))
    np.testing.assert_array_equal(zero, np.zeros(3))
    np.testing.assert_array_equal(one, np.ones(2))
    np.testing.assert_array_equal(grad(lambda x: 3.0)(np.ones(2)), [0, 0])
    np.testing.assert_array_equal(jacobian(lambda x: np.ones(2))(np.ones(3)), np.zeros((2, 3)))


def test_size_0() -> None:
    x = np.zeros((0, 3))
    np.testing.assert_array_equal(grad(lambda x: np.sum(x**2))(x), x)
    assert jacobian(lambda x: x.sum(1))(x).shape == (0, 0, 3)
    assert hessian(lambda x: np.sum(x**2))(x).shape == (0, 3, 0, 3)


def test_arrays_on_the_left_of_operators() -> None:
    x = RANDOM.normal(size=3) + 3
    for function in (
        lambda x: np.sum(B - x),
        lambda x: np.sum(B / x),
        lambda x: np.sum(B * x + B),
        lambda x: np.sum(A @ x),
        lambda x: np.sum((A @ x) * (B @ A)),
        lambda x: B @ x,
        lambda x: np.sum(np.abs(B) ** x),
        lambda x: np.float64(2) * x[0] + np.float32(1) / x[1],
        lambda x: np.sum(np.where(x < B, x, B * x)),
    ):
        np.testing.assert_allclose(grad(function)(x), differences(function, x), 1e-7, 1e-8)


def test_arrays_are_read_at_each_call() -> None:
    factor = np.array([1.0, 2.0])
    slope = grad(lambda x: np.sum(x * factor))
    np.testing.assert_array_equal(slope(np.ones(2)), [1, 2])
    factor[:] = [5, 6]
    np.testing.assert_array_equal(slope(np.ones(2)), [5, 6])


def test_an_array_that_changes_while_the_function_runs_is_refused() -> None:
    def loss(x: Any) -> Any:
        mask, total = np.zeros(2), 0.0
        for i in range(2):
            mask[:] = 0
            mask[i] = 1
            total = total + np.sum(x * mask) * (i + 1)
        return total

    with pytest.raises(GraphError, match=r"changed while the function was traced.*copy"):
        grad(loss)(np.ones(2))

    def fresh(x: Any) -> Any:
        return sum(np.sum(x * np.eye(2)[i]) * (i + 1) for i in range(2))

    np.testing.assert_array_equal(grad(fresh)(np.ones(2)), [1, 2])


# --- nesting -------------------------------------------------------------------------------------


def test_grad_of_grad() -> None:
    f = lambda x: x**4  # noqa: E731
    derivatives = [2.0**4, 4 * 2.0**3, 12 * 2.0**2, 24 * 2.0, 24.0, 0.0]
    for wanted in derivatives:
        assert float(np.asarray(f(np.float64(2.0)))) == pytest.approx(wanted, rel=1e-14)
        f = grad(f)


def test_perturbations_are_not_confused() -> None:
    """d/dx [x · d/dy (x + y)] = 1, and the same forward, and mixed."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0

    def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: jvp(f, (x,), (np.ones((), np.float32),))[1]

    for outer in (grad, forward):
        for inner in (grad, forward):
            assert (
                float(np.asarray(outer(lambda x, d=inner: x * d(lambda y: x + y)(1.0))(1.0))) == 1
            )
            # d/dx [x · d/dy (x·y)] at y = x: y enters as x, so x·x, 2x
            at = outer(lambda x, d=inner: x * d(lambda y: x * y)(x))(3.0)
            assert float(np.asarray(at)) == 6.0


def test_closures_over_outer_values() -> None:
    def outer(x: Any) -> Any:
        inner = grad(lambda y: np.sum(x * y**2) + np.sum(B * y))(x)  # 2x² + B
        return np.sum(inner * x)

    x = RANDOM.normal(size=3)
    np.testing.assert_allclose(grad(outer)(x), 6 * x**2 + B, 1e-12)


def test_the_hessian_of_a_quadratic_is_exact() -> None:
    Q = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]])
    quadratic = lambda x: 0.5 * (x @ Q @ x) + x @ np.array([1.0, 2.0, 3.0])  # noqa: E731
    for x in (np.zeros(3), np.array([1.0, -2.0, 0.5])):
        np.testing.assert_array_equal(hessian(quadratic)(x), Q)
        np.testing.assert_array_equal(hvp(quadratic, (x,), (np.array([1.0, 0, 2]),)), Q @ [1, 0, 2])


def test_a_pullback_stays_at_its_point() -> None:
    w, factor = np.array([1.0, 2.0]), np.array([1.0, 10.0])
    value, pullback = vjp(lambda w: np.sum(factor * w**3), w)
    w -= 0.5
    factor *= 7
    assert value == 81
    np.testing.assert_array_equal(pullback(1.0)[0], [3.0, 120.0])


def test_jvp_of_vjp_and_vjp_of_jvp() -> None:
    f = lambda x: np.tanh(A @ x) * x  # noqa: E731
    x, v, u = B, RANDOM.normal(size=3), RANDOM.normal(size=3)
    H = differences(lambda x: differences(f, x, 1e-4).T @ u, x, 1e-4)
    _, forward = jvp(lambda x: vjp(f, x)[1](u)[0], (x,), (v,))
    np.testing.assert_allclose(forward, H @ v, 1e-5, 1e-6)
    value, pullback = vjp(lambda x: jvp(f, (x,), (v,))[1], x)
    np.testing.assert_allclose(pullback(u)[0], H @ v, 1e-5, 1e-6)
    np.testing.assert_allclose(value, differences(f, x) @ v, 1e-6)


def test_transforms_agree() -> None:
    f = lambda x: np.exp(A @ x) / (1 + x**2)  # noqa: E731
    J = jacobian(f)(B)
    np.testing.assert_allclose(J, differences(f, B), 1e-6)
    v = RANDOM.normal(size=3)
    np.testing.assert_allclose(jvp(f, (B,), (v,))[1], J @ v, 1e-12)
    np.testing.assert_allclose(vjp(f, B)[1](v)[0], J.T @ v, 1e-12)
    g = lambda x: np.sum(f(x) ** 2)  # noqa: E731
    H = hessian(g)(B)
    np.testing.assert_allclose(H, H.T, 1e-12)
    np.testing.assert_allclose(hvp(g, (B,), (v,)), H @ v, 1e-12)
    np.testing.assert_allclose(H, differences(lambda x: grad(g)(x), B), 1e-6)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_jacobian_in_both_directions(rows: int) -> None:
    """Fewer outputs than inputs goes backward, else forward; both give the same matrix."""
    M = RANDOM.normal(size=(rows, 3))
    f = lambda x: np.sin(M @ x)  # noqa: E731
    np.testing.assert_allclose(jacobian(f)(B), np.cos(M @ B)[:, None] * M, 1e-12)
    g = lambda x: np.sin(M @ x).reshape(rows, 1)  # noqa: E731
    got = jacobian(lambda x: g(x.reshape(3)))(B.reshape(1, 3))
    assert got.shape == (rows, 1, 1, 3)
    inside = grad(lambda x: np.sum(jacobian(f)(x) ** 2))(B)
    wanted = differences(lambda x: np.sum((np.cos(M @ x)[:, None] * M) ** 2), B)
    np.testing.assert_allclose(inside, wanted, 1e-6, 1e-8)


def test_hessian_in_blocks() -> None:
    f = lambda x, y: np.sum(x**2) * y + x[0] * y**2  # noqa: E731
    x, y = np.array([1.0, 2.0]), np.array(3.0)
    (xx, xy), (yx, yy) = hessian(f, (0, 1))(x, y)
    np.testing.assert_array_equal(xx, [[6, 0], [0, 6]])
    np.testing.assert_array_equal(xy, [2 + 6, 4])
    np.testing.assert_array_equal(yx, xy)
    np.testing.assert_array_equal(yy, 2)


def test_hvp_of_several_arguments() -> None:
    f = lambda x, y: np.sum(x * x * y)  # noqa: E731
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    u, v = np.array([1.0, 1.0]), np.array([0.0, 1.0])
    hx, hy = hvp(f, (x, y), (u, v))
    np.testing.assert_array_equal(hx, 2 * y * u + 2 * x * v)
    np.testing.assert_array_equal(hy, 2 * x * u)


# --- arguments -----------------------------------------------------------------------------------


class Layer(NamedTuple):
    W: Any
    b: Any


def test_nested_containers() -> None:
    def loss(params: Any, x: Any) -> Any:
        hidden = np.tanh(x @ params["layers"][0].W + params["layers"][0].b)
        return np.sum(hidden * params["out"][0]) + params["out"][1]

    params = {
        "layers": [Layer(A, B)],
        "out": (RANDOM.normal(size=3), np.float32(2.0)),
        "nothing": None,
    }
    got = grad(loss)(params, B)
    assert list(got) == ["layers", "out", "nothing"]
    assert isinstance(got["layers"][0], Layer)
    assert got["nothing"] is None and isinstance(got["out"], tuple)
    assert (got["out"][1].dtype, float(got["out"][1])) == (np.float32, 1.0)
    hidden = np.tanh(B @ A + B)
    slope = params["out"][0] * (1 - hidden**2)  # type: ignore[index]
    np.testing.assert_allclose(got["layers"][0].b, slope, 1e-12)
    np.testing.assert_allclose(got["layers"][0].W, np.outer(B, slope), 1e-12)


def test_argnums() -> None:
    f = lambda x, y, z: np.sum(x * y) + np.sum(z)  # noqa: E731
    args = (np.ones(2), np.full(2, 3.0), np.ones(1))
    np.testing.assert_array_equal(grad(f, 1)(*args), [1, 1])
    np.testing.assert_array_equal(grad(f, -3)(*args), [3, 3])
    (only,) = grad(f, (0,))(*args)
    np.testing.assert_array_equal(only, [3, 3])
    last, first = grad(f, [2, 0])(*args)
    np.testing.assert_array_equal(last, [1])
    np.testing.assert_array_equal(first, [3, 3])


def test_other_arguments_pass_as_they_are() -> None:
    def loss(x: Any, power: int, *, scale: float = 1.0, name: str = "") -> Any:
        assert isinstance(power, int) and name == "layer"
        return np.sum(x**power) * scale

    np.testing.assert_array_equal(
        grad(loss)(np.array([1.0, 2.0]), 3, scale=2.0, name="layer"), [6, 24]
    )


def test_auxiliary_outputs() -> None:
    def loss(x: Any) -> Any:
        return np.sum(x**2), {"double": 2 * x, "count": 3, "both": (x, [np.ones(2)])}

    slope, aux = grad(loss, has_aux=True)(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(slope, [2, 4])
    np.testing.assert_array_equal(aux["double"], [2, 4])
    assert aux["count"] == 3
    (value, again), slope = value_and_grad(loss, has_aux=True)(np.array([1.0, 2.0]))
    assert value == 5
    np.testing.assert_array_equal(again["both"][1][0], [1, 1])


def test_results_are_fresh_arrays() -> None:
    x = np.ones(3)
    first, second = grad(lambda x, y: np.sum(x + y), (0, 1))(x, x)
    first[:] = 9
    np.testing.assert_array_equal(second, np.ones(3))
    _, aux = grad(lambda x: (np.sum(x), x), has_aux=True)(x)
    aux[:] = 7
    np.testing.assert_array_equal(x, np.ones(3))


def test_the_transformed_function_keeps_its_name() -> None:
    def loss(x: Any) -> Any:
        """What it costs."""
        return x * x

    assert (grad(loss).__name__, grad(loss).__doc__) == ("loss", "What it costs.")
    assert float(grad(functools.partial(lambda a, x: a * x, 3.0))(2.0)) == 3.0
    assert float(grad(np.tanh)(0.0)) == 1.0


def test_several_threads_at_once() -> None:
    results: dict[int, Any] = {}
    start = threading.Barrier(8)

    def work(n: int) -> None:
        start.wait()
        x = np.full(4, float(n))
        for _ in range(20):
            results[n] = grad(lambda x: np.sum(grad(lambda y: np.sum(x * y**3))(x) * n))(x)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        np.testing.assert_allclose(results[n], np.full(4, 9.0 * n**3), 1e-12)


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: x / (1 // 0))(1.0)
    assert float(Tensor(2.0) * 2) == 4.0
    assert float(grad(lambda x: x * x)(3.0)) == 6.0


def test_kinks_and_zeros() -> None:
    zero = np.zeros(3)
    for function, wanted in (
        (lambda x: np.sum(pnp.relu(x)), 0),
        (lambda x: np.sum(np.abs(x)), 0),
        (lambda x: np.linalg.norm(x), 0),
        (lambda x: np.sum(np.hypot(x, x)), 0),
        (lambda x: np.sum(np.sign(x) + np.floor(x) + np.round(x)), 0),
        (lambda x: np.sum(np.where(x == 0, 0.0, x)), 0),
        (lambda x: np.sum(np.logaddexp(x, 0.0)), 0.5),
        (lambda x: np.sum(np.clip(x, 0, 1)), 1),
        (lambda x: np.sum(x**2), 0),
        (lambda x: np.sum(x**1.0), 1),
        (lambda x: np.sum(x**0.0), 0),
    ):
        np.testing.assert_array_equal(grad(function)(zero), np.full(3, float(wanted)))
    np.testing.assert_array_equal(grad(np.max)(np.array([1.0, 3, 3])), [0, 1, 0])
    np.testing.assert_array_equal(grad(np.min)(np.array([1.0, 1, 3])), [1, 0, 0])
    np.testing.assert_array_equal(grad(np.prod)(np.array([2.0, 0, 3])), [0, 6, 0])
    np.testing.assert_array_equal(grad(np.prod)(np.array([2.0, 0, 0])), [0, 0, 0])
    np.testing.assert_array_equal(
        hessian(np.prod)(np.array([2.0, 0, 0])), [[0, 0, 0], [0, 0, 2], [0, 2, 0]]
    )


def test_ties_between_two_operands() -> None:
    for function, wanted in (
        (np.logaddexp, (0.5, 0.5)),
        (np.hypot, (np.sqrt(0.5), np.sqrt(0.5))),
        (np.maximum, (1, 0)),
        (np.minimum, (1, 0)),
    ):
        got = grad(lambda x, y, f=function: f(x, y), (0, 1))(np.array(2.0), np.array(2.0))
        np.testing.assert_allclose(got, wanted, 1e-15)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(np.logaddexp(x, x[::-1] * 2)),
        lambda x: np.sum(np.hypot(x, 1 + x)),
        lambda x: np.sum(np.sinh(x) * np.cosh(x) + np.tan(x)),
        lambda x: np.prod(x),
        lambda x: np.sum(np.cumprod(x)),
        lambda x: np.linalg.norm(x),
        lambda x: np.std(x),
        lambda x: np.sum(np.exp2(x) + np.log2(x + 2) + np.log10(x + 2)),
        lambda x: np.var(x, ddof=1),
        lambda x: np.sum(2.5**x + (x + 2) ** 2.5 + (x + 2) ** -1),
        lambda x: np.sum(1 / (x + 2)),
        lambda x: pnp.logsumexp(x),
        lambda x: np.sum(pnp.softmax(x) ** 2),
        lambda x: np.ptp(x) ** 2,
        lambda x: np.sum(pnp.log_softmax(x)[1:] ** 2),
        lambda x: np.average(x, weights=x**2),
        lambda x: np.sum(x[[0, 2, 2]] ** 3),
        lambda x: np.sum(np.where(x > 0, x**3, x**2)),
        lambda x: np.einsum("i,i->", x, np.sin(x)),
        lambda x: np.sum(np.outer(x, x**2)),
        lambda x: np.trace(np.outer(x, x)),
        lambda x: np.sum(np.pad(x, 1, constant_values=2) ** 3),
        lambda x: np.sum(pnp.erf(x) * pnp.sigmoid(x) * pnp.softplus(x)),
    ],
)
def test_second_derivatives(function: Callable[[Any], Any]) -> None:
    x = np.array([0.37, -0.62, 0.91])
    H = hessian(function)(x)
    wanted = differences(lambda x: grad(function)(x), x, 1e-5)
    np.testing.assert_allclose(H, wanted, 1e-6, 1e-7)
    first = differences(lambda x: float(np.asarray(function(Tensor(x)))), x)
    np.testing.assert_allclose(grad(function)(x), first, 1e-6, 1e-8)


# --- refusals ------------------------------------------------------------------------------------

x2 = np.ones(2)
REFUSALS: list[tuple[Callable[[], Any], type[PellucidError], str]] = [
    (lambda: grad(lambda x: x * x)(3), DTypeError, r"\[grad of x\] only float.*got i64\[\].*1.0"),
    (lambda: grad(lambda x: x.sum())(np.arange(3)), DTypeError, r"got i64\[3\]"),
    (lambda: grad(lambda p: p["n"] * 1.0)({"n": 3}), DTypeError, r"\[grad of p.n\]"),
    (lambda: grad(lambda x: x * x)(x2), ShapeError, r"one scalar \(\), got \(2,\).*jacobian"),
    (lambda: grad(lambda x: (x.sum(), x.sum()))(x2), ShapeError, "got 2 outputs"),
    (lambda: grad(lambda x: None)(x2), ShapeError, "got 0 outputs"),
    (lambda: grad(lambda x: np.sum(x > 0))(x2), DTypeError, r"must return a float, got i64\[\]"),
    (lambda: grad(lambda x: "text")(x2), GraphError, "must return Tensors, arrays or numbers"),
    (lambda: grad(lambda x: x, 1)(1.0), ArgumentError, "one of 1 positional arguments, got 1"),
    (lambda: grad(lambda x: x, (0, 0))(1.0), ArgumentError, "name different arguments"),
    (lambda: grad(lambda x: x, ())(1.0), ArgumentError, "name different arguments"),
    (lambda: grad(lambda x: x, 0.0)(1.0), ArgumentError, "must be a whole number, got 0.0"),
    (lambda: grad(lambda x: x, "x")(1.0), ArgumentError, "must be a whole number, got 'x'"),
    (lambda: grad(lambda: 1.0)(), ArgumentError, "one of 0 positional arguments"),
    (lambda: grad(lambda x: x)("text"), DTypeError, "arguments must be .* got str"),
    (lambda: grad(lambda x: x)(1j), DTypeError, "arguments must be .* got complex"),
    (lambda: grad(lambda x: x.sum())(np.array([1j])), DTypeError, "got complex128"),
    (lambda: grad(lambda x: x.sum())(np.array([None])), DTypeError, "got object"),
    (lambda: grad(lambda x: x.sum())(np.ma.array([1.0], mask=[1])), DTypeError, "masked"),
    (lambda: grad(lambda x: x.sum(), has_aux=True)(x2), ArgumentError, r"return \(value, aux\)"),
    (lambda: grad(3)(1.0), ArgumentError, "expected a function, got int"),  # type: ignore[arg-type]
    (lambda: vjp(3, 1.0), ArgumentError, "expected a function"),  # type: ignore[arg-type]
    (lambda: vjp(lambda x: x * 2, x2)[1](np.ones(3)), ShapeError, r"ct must be \(2,\), got \(3,\)"),
    (lambda: vjp(lambda x: x * 2, x2)[1]((x2, x2)), ArgumentError, "nested like the output"),
    (lambda: jvp(lambda x: x, (x2,), ()), ArgumentError, "expected 1 tangents, got 0"),
    (lambda: jvp(lambda x: x, (x2,), (np.ones(3),)), ShapeError, r"tangent must be \(2,\)"),
    (lambda: jvp(lambda x: x, ([x2],), (x2,)), ArgumentError, "nested like args"),
    (lambda: jacobian(lambda x: [x, x])(x2), ArgumentError, "must return one array"),
    (lambda: jacobian(lambda x: x > 0)(x2), DTypeError, "must return floats"),
    (lambda: hessian(lambda x: x * x)(x2), ShapeError, "one scalar"),
    (lambda: grad(lambda x: np.argmax(x) * 1.0)(x2), NotDifferentiableError, "argmax"),
    (lambda: grad(lambda x: x.astype(int).sum() * 1.0)(x2), NotDifferentiableError, "int64"),
    (lambda: jvp(lambda x: np.argmax(x) * 1.0, (x2,), (x2,)), NotDifferentiableError, "argmax"),
]


@pytest.mark.parametrize(("ask", "error", "message"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_refusals(ask: Callable[[], Any], error: type[PellucidError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        ask()
    assert "At test_grad.py" in str(caught.value)


def test_the_error_names_the_line_that_has_no_derivative() -> None:
    def loss(x: Any) -> Any:
        best = np.argmax(x)  # this line
        return np.sum(x) * best

    with pytest.raises(NotDifferentiableError) as caught:
        grad(loss)(x2)
    line = loss.__code__.co_firstlineno + 1
    assert f"At test_grad.py:{line}." in str(caught.value)


def test_integers_beside_the_derivative_are_fine() -> None:
    def loss(W: Any) -> Any:
        scores = B @ W
        return np.sum(scores), np.argmax(scores)

    slope, best = grad(loss, has_aux=True)(A)
    np.testing.assert_allclose(slope, np.outer(B, np.ones(3)), 1e-12)
    assert best == np.argmax(B @ A)
    out, dots = jvp(lambda x: (x * x, np.argmax(x)), (B,), (np.ones(3),))
    np.testing.assert_allclose(dots[0], 2 * B, 1e-12)
    assert int(out[1]) == np.argmax(B)


def test_labels_pick_rows() -> None:
    """Cross-entropy as people write it: an index pair, or take."""
    t = np.array([2, 0, 1])
    rows = np.arange(3)
    f = lambda W: -np.mean(pnp.log_softmax(W, axis=1)[rows, t])  # noqa: E731
    softmax = np.exp(A) / np.exp(A).sum(1, keepdims=True)
    np.testing.assert_allclose(grad(f)(A), (softmax - np.eye(3)[t]) / 3, 1e-12, 1e-15)


def test_everything_is_documented() -> None:
    for name in ("grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp"):
        assert getattr(module, name).__doc__
