"""A gradient is never lost: every function that takes a Tensor, or closes over one, is recorded.

One rule for all: what `backward` leaves in `.grad` is what `grad` gives for the same composition of
plain arrays. The functions come from the public namespaces themselves: one without a call here, or
a reason, fails.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, DTypeError
from pellucid.transform.tensor import Tensor
from tests.transform.test_numpy_functions import CASES, INDEXING, Case

Function = Callable[..., Any]

P = np.random.default_rng(3).uniform(0.4, 0.9, (3, 2))
Q = np.random.default_rng(4).uniform(0.4, 0.9, (3, 2))


def same_gradients(function: Function, *arrays: Any) -> None:
    """`function` on Tensors, then `backward`, against `grad` of it on the arrays."""
    tensors = [Tensor(array) for array in arrays]
    result = function(*tensors)
    assert isinstance(result, Tensor)
    wanted = pel.grad(function, tuple(range(len(arrays))))(*arrays)
    assert any(np.any(slope) for slope in wanted), "the case has a gradient"
    result.backward()
    for tensor, slope in zip(tensors, wanted, strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(tensor.grad, slope, 1e-10, 1e-12)


def total(value: Any) -> Any:
    """A scalar in which no element counts like another."""
    return np.sum(value * np.linspace(1.0, 2.0, value.size).reshape(value.shape))


def _cube(x: Any, p: Any) -> Any:
    return np.sum(x**3 * p)


swirl = pel.op(
    "swirl_of_tests", lambda xp, x: xp.sin(x) * x, lambda x, out: pnp.sin(x) + x * pnp.cos(x)
)

# Each transform, given Tensors and closing over them: a composition of two of them, p and q.
TRANSFORMS: dict[str, list[Function]] = {
    "jit": [
        lambda p, q: total(p * pel.jit(lambda x: x * x * q)(p)),
        lambda p, q: total(p * pel.jit(lambda x: x * q)(Q)),
        lambda p, q: total(pel.jit(lambda x, y: {"a": [x * y, x]})(p, q)["a"][0] * p),
        lambda p, q: total(q * pel.jit(lambda x: x / x.shape[0] * p[0], batch=0)(q)),
        lambda p, q: total(p * pel.jit(lambda x: x * q, backend="interpreter")(p)),
        lambda p, q: np.sum(p * pel.jit(lambda x: x**2)(q[0, 0])),
        lambda p, q: total(pel.jit(pel.grad(_cube))(p, q)),
        lambda p, q: total(pel.jit(lambda x: x)(p) * q),
    ],
    "grad": [
        lambda p, q: total(p * pel.grad(_cube)(p, q)),
        lambda p, q: total(pel.grad(lambda x: _cube(x, q))(p)),
        lambda p, q: total(pel.grad(lambda x: _cube(x, q))(Q)) + total(p),
        lambda p, q: total(pel.grad(lambda x: pel.grad(_cube, 1)(x, q)[0, 0])(p)) + total(q),
        lambda p, q: total(pel.grad(lambda t: _cube(t["a"], t["b"]))({"a": p, "b": q})["a"]),
        lambda p, q: total(pel.grad(lambda x: (_cube(x, q), x * p), has_aux=True)(p)[1]),
    ],
    "value_and_grad": [
        lambda p, q: pel.value_and_grad(_cube)(p, q)[0],
        lambda p, q: total(pel.value_and_grad(_cube, (0, 1))(p, q)[1][1] * q),
    ],
    "vjp": [
        lambda p, q: total(pel.vjp(lambda x: x * x * q, p)[0]),
        lambda p, q: total(pel.vjp(lambda x: x * x * q, p)[1](Q)[0]),
        lambda p, q: total(pel.vjp(lambda x: x * x * x, Q)[1](p)[0] * q),
    ],
    "jvp": [
        lambda p, q: total(pel.jvp(lambda x: x * x * q, (p,), (Q,))[0]),
        lambda p, q: total(pel.jvp(lambda x: x * x * q, (p,), (Q,))[1]),
        lambda p, q: total(pel.jvp(lambda x: x * x * x, (Q,), (p,))[1] * q),
    ],
    "jacobian": [
        lambda p, q: total(pel.jacobian(lambda x: x * x * q[0])(p[0])),
        lambda p, q: total(pel.jacobian(lambda x: np.sum(x * x * q, axis=0))(p)),
    ],
    "hessian": [
        lambda p, q: total(pel.hessian(lambda x: np.sum(x**3 * q[0]))(p[0])),
        lambda p, q: total(pel.hessian(lambda x, y: np.sum(x**2 * y**2), (0, 1))(p[0], q[0])[0][1]),
    ],
    "hvp": [
        lambda p, q: total(pel.hvp(lambda x: _cube(x, q), (p,), (Q,))),
        lambda p, q: total(pel.hvp(lambda x: np.sum(x**3), (Q,), (p,)) * q),
    ],
    "op": [
        lambda p, q: total(swirl(p) * q),
        lambda p, q: total(pel.jit(swirl)(p) * q),
        lambda p, q: total(pel.grad(lambda x: np.sum(swirl(x) * q))(p)),
    ],
}

# Where nothing can be lost, and why.
NOTHING_LOST = {
    "numerical_grad": "refuses Tensors: tested below",
    "curvature": "its result is a record of Python numbers and arrays",
    "show": "text",
    "explain": "text",
    "load": "takes a path",
    "Input": "takes shapes",
    "rate_range": "trains a model",
    "fit_table": "trains models of a table",
    "fit_many": "trains models",
    "draw": "a picture",
    "lesson": "writes a file",
    "play": "opens a page",
    "inspect": "opens a page",
}

ONES = {"axes": (0,), "size": (2,), "stride": (1,), "dilation": (1,)}
IMAGE = np.random.default_rng(5).uniform(0.4, 0.9, (1, 4, 4, 2))

# What pellucid.numpy has and NumPy has not, or calls otherwise.
NAMESPACE: dict[str, Function] = {
    "astype": lambda p, q: total(pnp.astype(p, "float64") * q),
    "array": lambda p, q: total(pnp.array([p[0], [q[0, 0], 2.0]]) ** 2),
    "asarray": lambda p, q: total(pnp.asarray([[p[0, 0], q[0, 0]], [p[1, 1], 2.0]])),
    "avg_pool": lambda p, q: total(pnp.avg_pool(IMAGE * p[0, 0], 2)) * q[0, 0],
    "max_pool": lambda p, q: total(pnp.max_pool(IMAGE * p[0, 0], 2)) * q[0, 0],
    "broadcast_arrays": lambda p, q: total(pnp.broadcast_arrays(p, q[0])[1]) + total(p),
    "concat": lambda p, q: total(pnp.concat([p, q])),
    "contract": lambda p, q: total(pnp.contract(p, q, summed=[(0, 0)])),
    "conv_transpose": lambda p, q: (
        total(pnp.conv_transpose(IMAGE, pnp.reshape(p[:2], (1, 2, 1, 2)))) * q[0, 0]
    ),
    "conv": lambda p, q: total(pnp.conv(IMAGE, pnp.reshape(p[:2], (1, 2, 2, 1)))) * q[0, 0],
    "cumulative_prod": lambda p, q: total(pnp.cumulative_prod(p, 0) * q),
    "cumulative_sum": lambda p, q: total(pnp.cumulative_sum(p, 0) * q),
    "erf": lambda p, q: total(pnp.erf(p) * q),
    "fold": lambda p, q: total(pnp.fold(p, **ONES, lengths=(4,))) * q[0, 0],
    "full": lambda p, q: total(pnp.full((2,), p[0, 0])) * q[0, 0],
    "gather": lambda p, q: total(pnp.gather(p, np.array([2, 0])) * q[:2]),
    "getitem": lambda p, q: total(pnp.getitem(p, (0, 0), (2, 1)) * q[:2, :1]),
    "local_response_norm": lambda p, q: total(pnp.local_response_norm(p)) * q[0, 0],
    "log_softmax": lambda p, q: total(pnp.log_softmax(p) * q),
    "logsumexp": lambda p, q: pnp.logsumexp(p * q),
    "matrix_norm": lambda p, q: pnp.matrix_norm(p * q, ord=1),
    "pad": lambda p, q: total(pnp.pad(p, q[0, 0], (1, 0), (0, 1))),
    "permute_dims": lambda p, q: total(pnp.permute_dims(p) @ q),
    "relu": lambda p, q: total(pnp.relu(p) * q),
    "scatter_add": lambda p, q: total(pnp.scatter_add(p, np.array([2, 2]), q[:2])),
    "sigmoid": lambda p, q: total(pnp.sigmoid(p) * q),
    "softmax": lambda p, q: total(pnp.softmax(p) * q),
    "softplus": lambda p, q: total(pnp.softplus(p) * q),
    "stop_gradient": lambda p, q: total(pnp.stop_gradient(p) * q),
    "vector_norm": lambda p, q: pnp.vector_norm(p * q),
    "windows": lambda p, q: total(pnp.windows(p, (0,), (2,))) * q[0, 0],
}
INVERSES = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
ALIASES = {"abs": "absolute", "pow": "power"} | {f"a{name}": f"arc{name}" for name in INVERSES}
CREATED = "iota size random_bits uniform normal arange eye ones zeros one_hot"
DTYPES = "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"
NO_GRADIENT = {*CREATED.split(), *DTYPES.split(), "e", "pi", "inf", "nan", "newaxis"}


def _public(module: Any) -> set[str]:
    """The functions that a namespace offers: not classes, modules or constants."""
    names = set(module.__all__)
    members = {name: getattr(module, name) for name in names}
    return {
        name
        for name, what in members.items()
        if callable(what) and not isinstance(what, (type, types.ModuleType))
    }


def test_no_function_is_left_out() -> None:
    assert _public(pel) == {*TRANSFORMS, *NOTHING_LOST}
    numpy_names = {case.name for case in CASES}
    covered = {*NAMESPACE, *NO_GRADIENT, *numpy_names}
    assert {name for name in _public(pnp) if ALIASES.get(name, name) not in covered} == set()
    assert set(NAMESPACE) <= set(pnp.__all__)


COMPOSITIONS = {
    f"{name} {number}": function
    for name, several in TRANSFORMS.items()
    for number, function in enumerate(several)
} | NAMESPACE


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_backward_goes_through_every_function_of_ours(name: str) -> None:
    same_gradients(COMPOSITIONS[name], P, Q)


@pytest.mark.parametrize("case", [c for c in [*CASES, *INDEXING] if c.smooth], ids=str)
def test_backward_goes_through_every_function_of_numpy(case: Case) -> None:
    shapes = max(case.shapes, key=lambda several: min(map(np.prod, several)))
    arrays = case.draw(shapes, np.float64, seed=1)
    result = np.asarray(case.call(*arrays))
    weights = np.random.default_rng(9).uniform(0.5, 1.5, result.shape)
    same = [Tensor(array) for array in arrays]
    np.sum(case.call(*same) * weights).backward()
    wanted = pel.grad(lambda *xs: np.sum(case.call(*xs) * weights), tuple(range(len(arrays))))
    for tensor, slope in zip(same, wanted(*arrays), strict=True):
        np.testing.assert_allclose(tensor.grad, slope, 1e-10, 1e-12)


def test_a_list_of_tensors_is_joined() -> None:
    same_gradients(lambda p, q: np.sum(np.add(p, [[p[0, 0], q[1, 1]]] * 3)), P, Q)
    same_gradients(lambda p, q: np.sum(p.T @ [q[0, 0], 1.0, p[0, 1]]), P, Q)
    with pytest.raises(DTypeError, match=r"a list that holds Tensors.*np\.stack\(tensors\)"):
        Tensor([Tensor(1.0), Tensor(2.0)])


def test_what_cannot_be_recorded_is_refused() -> None:
    w = Tensor(2.0)
    with pytest.raises(ArgumentError, match=r"must be arrays or numbers, got a Tensor.*x\.numpy"):
        pel.numerical_grad(lambda x: x**2)(w)
    with pytest.raises(ArgumentError, match=r"uses a Tensor: no gradient.*w\.numpy\(\)"):
        pel.numerical_grad(lambda x: x**2 * w)(3.0)
    assert pel.numerical_grad(lambda x: x**2 * w.numpy())(3.0) == pytest.approx(12.0)
    with pytest.raises(ArgumentError, match=r"forward must compute from its inputs.*Tensor"):
        pel.op("closes_over_a_tensor", lambda xp, x: x * w, lambda x, out: 2.0)
    step = pel.jit(lambda x: x * w, donate=0)
    with pytest.raises(ArgumentError, match=r"donated arrays must come with arrays alone"):
        step(np.ones(3))


def test_plain_arrays_give_plain_arrays() -> None:
    aside = pnp.stop_gradient(Tensor(P))  # nothing to reach: no reason for Tensors
    assert type(pel.jit(lambda x: x * aside)(Q)) is np.ndarray
    assert type(pel.grad(lambda x: np.sum(x * aside))(Q)) is np.ndarray
    assert type(pel.jit(lambda x: x * 2)(Q)) is np.ndarray


def test_a_call_is_remembered_as_it_was() -> None:
    """The arrays beside the Tensor may change after the call."""
    x, w = P.copy(), Tensor(Q)
    result = np.sum(pel.jit(lambda a: a * w)(x))
    x[...] = 0
    result.backward()
    np.testing.assert_allclose(w.grad, P)
    assert "multiply" in str(pel.show(result))


def test_two_results_of_one_call_share_its_graph() -> None:
    t = Tensor(P)
    a, b = pel.jit(lambda x: (np.sum(np.sin(x)), np.sum(x * x)))(t)
    (a * b).backward()
    wanted = pel.grad(lambda x: np.sum(np.sin(x)) * np.sum(x * x))(P)
    np.testing.assert_allclose(t.grad, wanted, 1e-12)
    assert float(a.grad) == pytest.approx(float(b))
