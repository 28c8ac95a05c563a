"""pel.jit: one trace, any number of rows, never stale."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pellucid as pel
from pellucid.core.errors import ArgumentError, CompileError, GraphError, PellucidError, ShapeError


def counted(function):
    """The function, and a count of how often its Python ran."""
    runs = SimpleNamespace(count=0)

    def wrapper(*args, **kwargs):
        runs.count += 1
        return function(*args, **kwargs)

    return wrapper, runs


def test_one_trace_serves_any_number_of_rows():
    function, runs = counted(lambda x, w: np.tanh(x @ w).mean())
    f = pel.jit(function, batch=0)
    w = np.arange(6.0).reshape(3, 2)
    for n in (1, 4, 1000, 4):
        x = np.random.default_rng(n).normal(size=(n, 3))
        assert float(f(x, w)) == pytest.approx(np.tanh(x @ w).mean(), rel=1e-12)
    assert runs.count == 1


def test_the_number_of_rows_in_arithmetic():
    f = pel.jit(lambda x: x.sum(axis=0) / x.shape[0], batch=0)
    np.testing.assert_allclose(f(np.ones((4, 2)) * 3), [3, 3])
    np.testing.assert_allclose(f(np.ones((9, 2)) * 3), [3, 3])


def test_python_over_the_rows_is_an_error_that_says_what_to_write():
    with pytest.raises(GraphError, match=r"write|Write"):
        pel.jit(lambda x: sum(x[i] for i in range(len(x))), batch=0)(np.ones((3, 2)))
    with pytest.raises(GraphError, match="known only at the call"):
        pel.jit(lambda x: [x for _ in range(x.shape[0])], batch=0)(np.ones((3, 2)))


def test_two_batch_sizes_in_one_call_are_named():
    f = pel.jit(lambda x, y: x + y, batch=(0, 1))
    with pytest.raises(ShapeError, match="got 3 rows in x and 4 in y"):
        f(np.ones((3, 2)), np.ones((4, 2)))


def test_without_batch_each_shape_is_traced():
    function, runs = counted(lambda x: x * 2)
    f = pel.jit(function)
    f(np.ones(3)), f(np.ones(4)), f(np.ones(3)), f(np.ones(3, np.float32))
    assert runs.count == 3


def test_results_are_fresh_and_arguments_unharmed():
    f = pel.jit(lambda x: (x, x.T, x[:1]))
    x = np.ones((2, 2))
    same, turned, part = f(x)
    same[:], turned[:], part[:] = 7, 7, 7
    np.testing.assert_array_equal(x, 1)
    assert not np.shares_memory(same, x)


def test_nested_containers_and_keywords():
    f = pel.jit(lambda p, *, scale: {"y": [p["x"] * scale, (p["b"],)], "n": None})
    out = f({"x": np.ones(2), "b": 3.0}, scale=2.0)
    np.testing.assert_array_equal(out["y"][0], 2)
    assert float(out["y"][1][0]) == 3.0
    assert out["n"] is None


WEIGHT = np.ones(2)
FACTOR = 2.0


def scaled(x):
    return helper(x) * FACTOR


def helper(x):
    return x * WEIGHT


def test_closed_over_arrays_are_read_at_each_call(monkeypatch):
    f = pel.jit(scaled)
    monkeypatch.setitem(globals(), "WEIGHT", np.ones(2))
    np.testing.assert_array_equal(f(np.ones(2)), 2)
    WEIGHT[:] = 5
    np.testing.assert_array_equal(f(np.ones(2)), 10)


def test_rebound_names_are_noticed_in_functions_that_are_called(monkeypatch):
    f = pel.jit(scaled)
    np.testing.assert_array_equal(f(np.ones(2)), 2)
    monkeypatch.setitem(globals(), "WEIGHT", np.full(2, 3.0))
    np.testing.assert_array_equal(f(np.ones(2)), 6)
    monkeypatch.setitem(globals(), "FACTOR", 10.0)
    np.testing.assert_array_equal(f(np.ones(2)), 30)
    monkeypatch.setitem(globals(), "helper", lambda x: x)
    np.testing.assert_array_equal(f(np.ones(2)), 10)


def test_rebound_cells_items_and_attributes_are_noticed():
    class Layer:
        def __init__(self):
            self.w, self.deep = 2.0, {"b": [1.0]}

        def __call__(self, x):
            return x * self.w + self.deep["b"][0]

    layer, k = Layer(), 1.0
    f = pel.jit(lambda x: layer(x) * k)
    assert float(f(1.0)) == 3
    layer.w = 5.0
    assert float(f(1.0)) == 6
    layer.deep["b"][0] = 2.0
    assert float(f(1.0)) == 7
    layer.deep["b"] = [0.0]
    assert float(f(1.0)) == 5
    k = 10.0
    assert float(f(1.0)) == 50
    method = pel.jit(layer.__call__)
    assert float(method(1.0)) == 5
    layer.w = 1.0
    assert float(method(1.0)) == 1


def test_transforms_inside_and_outside():
    f = pel.jit(lambda x: x**3)
    assert float(pel.grad(f)(2.0)) == 12
    assert float(pel.jit(pel.grad(f))(2.0)) == 12
    assert float(pel.jit(pel.grad(pel.grad(lambda x: x**3)))(2.0)) == 12
    step = pel.jit(pel.value_and_grad(lambda w, x: np.mean((x @ w) ** 2)), batch=1)
    value, slope = step(np.ones(2), np.ones((5, 2)))
    assert float(value) == 4
    np.testing.assert_allclose(slope, [4, 4])


def test_calls_from_several_threads():
    f = pel.jit(lambda x: np.tanh(x) @ x, batch=None)
    wrong = []

    def work(seed):
        x = np.random.default_rng(seed).normal(size=(seed % 7 + 1))
        for _ in range(50):
            if abs(float(f(x)) - np.tanh(x) @ x) > 1e-9:
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert wrong == []


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: pel.jit(3), ArgumentError, "expected a function"),
        (lambda: pel.jit(np.sin, bach=0), ArgumentError, "Did you mean 'batch'"),
        (lambda: pel.jit(np.sin, backend="natvie"), ArgumentError, "'native'"),
        (lambda: pel.jit(np.sin, backend="native"), CompileError, "not there yet"),
        (lambda: pel.jit(np.sin, batch=-1), ArgumentError, "batch"),
        (lambda: pel.jit(np.sin, batch=1)(1.0), ArgumentError, "batch names argument 1"),
        (lambda: pel.jit(np.sin, batch=0)(1.0), ShapeError, "needs rows"),
        (lambda: pel.jit(np.sin)("x"), PellucidError, "got str"),
        (lambda: pel.jit(lambda x: "text")(1.0), GraphError, "must return"),
        (lambda: pel.jit(lambda x: x if x > 0 else -x)(1.0), GraphError, "where"),
    ],
)
def test_bad_calls(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@settings(max_examples=100, deadline=None)
@given(
    x=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.uint8, bool, complex, object, "U2"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
def test_any_argument_works_or_is_refused_by_us(x):
    f = pel.jit(lambda x: (x + x, x.sum()))
    try:
        total, summed = f(x)
    except PellucidError:
        assert x.dtype.kind in "OcU"
    else:
        with np.errstate(all="ignore"):
            wide = x.astype(total.dtype)
            np.testing.assert_array_equal(total, wide + wide)
            np.testing.assert_allclose(float(summed), float(x.sum()), rtol=1e-5)
