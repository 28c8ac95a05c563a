"""pel.jit: one trace, any number of rows, never stale."""

import copy
import gc
import os
import sys
import threading
import tracemalloc
from collections import UserDict, deque
from functools import lru_cache, partial, update_wrapper
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pellucid as pel
from pellucid.core.errors import ArgumentError, GraphError, PellucidError, ShapeError
from pellucid.core.trees import flatten
from pellucid.ops.spec import REGISTRY
from pellucid.transform import jit as jit_module


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


class Settings:
    rate = 2.0


class Base:
    factor = 2.0

    def apply(self, x):
        return x * self.factor * self.rate * FACTOR

    @property
    def rate(self):
        return Settings.rate


class Child(Base):
    pass


class Slotted:
    __slots__ = ("__own", "w")

    def __init__(self):
        self.w, self.__own = 2.0, 3.0

    def value(self):
        return self.w * self.__own

    def set_own(self, own):
        self.__own = own


class Scaled:
    """A decorator that is an object, with a number of its own."""

    def __init__(self, function):
        update_wrapper(self, function)
        self.function, self.k = function, 2.0

    def __call__(self, x):
        return self.function(x) * self.k


def part(k, x):
    return x * k * FACTOR


def with_keyword(x, *, options={"k": 2.0}):  # noqa: B006
    return x * options["k"]


def made(depth):
    """A function that calls one that calls one …, `depth` deep."""
    inner = scaled
    for _ in range(depth):
        inner = (lambda below: lambda x: below(x) + 0)(inner)
    return inner


def nested(depth):
    tree = {"k": 2.0}
    for _ in range(depth):
        tree = {"in": tree}
    return tree


def innermost(tree):
    while "in" in tree:
        tree = tree["in"]
    return tree


def scenes():
    """Functions, and what is done to what they read: (name, function, change)."""
    child, slots, space = Child(), Slotted(), SimpleNamespace(k=2.0)
    module = ModuleType("of_ours")
    module.k = 2.0
    many, tree = [1.0] * 1000, nested(12)
    queue, kept, words = deque([1.0, 2.0]), UserDict(k=2.0), {"on"}
    bound, cached = partial(part, 2.0), lru_cache(lambda: FACTOR)
    decorated = Scaled(lambda x: x + FACTOR)
    get = {"k": 2.0}
    look = get.get
    array = np.array([2.0, 3.0])
    large = np.arange(20_000.0)

    def factor(value):
        globals()["FACTOR"] = value

    def imports(x):
        import of_ours

        return x * of_ours.k

    def local(x):
        def inner(y):
            return y * FACTOR

        return sum([inner(v) for v in [x]])

    sys.modules["of_ours"] = module
    yield "class attribute", lambda x: x * Settings.rate, lambda: setattr(Settings, "rate", 3.0)
    yield "base class", child.apply, lambda: setattr(Base, "factor", 3.0)
    yield "attribute of class and object", child.apply, lambda: setattr(child, "factor", 9.0)
    yield "property of a class", child.apply, lambda: setattr(Settings, "rate", 7.0)
    yield "global in a method", lambda x: child.apply(x), lambda: factor(3.0)
    yield "method", lambda x: child.apply(x), lambda: setattr(Child, "apply", lambda self, x: x)
    yield "slot", lambda x: x * slots.value(), lambda: setattr(slots, "w", 5.0)
    yield "hidden slot", lambda x: x * slots.value(), lambda: slots.set_own(7.0)
    yield "module", lambda x: x * module.k, lambda: setattr(module, "k", 3.0)
    yield "import inside", imports, lambda: setattr(module, "k", 4.0)
    yield "partial", bound, lambda: factor(5.0)
    yield "partial in a cell", lambda x: bound(x), lambda: factor(6.0)
    yield "function in a function", local, lambda: factor(7.0)
    yield "deep functions", made(12), lambda: factor(8.0)
    yield "deep dict", lambda x: x * innermost(tree)["k"], lambda: innermost(tree).update(k=3.0)
    yield "long list", lambda x: x * many[500], lambda: many.__setitem__(500, 3.0)
    yield "longer list", lambda x: x * len(many), lambda: many.append(3.0)
    yield "deque", lambda x: x * queue[0], lambda: queue.__setitem__(0, 3.0)
    yield "UserDict", lambda x: x * kept["k"], lambda: kept.update(k=3.0)
    yield "set", lambda x: x * (2.0 if "on" in words else 3.0), words.clear
    yield "namespace", lambda x: x * space.k, lambda: setattr(space, "k", 3.0)
    yield "bound get", lambda x: x * look("k"), lambda: get.update(k=3.0)
    yield (
        "keyword default",
        with_keyword,
        lambda: with_keyword.__kwdefaults__.update(options={"k": 3.0}),
    )
    yield "builtin", lambda x: x * abs(-2), lambda: globals().update(abs=lambda v: 5.0)
    yield "element of an array", lambda x: x * array[0], lambda: array.__setitem__(0, 5.0)
    yield "number from an array", lambda x: x * float(array[0]), lambda: array.__setitem__(0, 6.0)
    yield "sum beside the array", lambda x: x * array + array.sum(), lambda: array.fill(7.0)
    yield "array from an array", lambda x: x * (array * 2), lambda: array.fill(8.0)
    yield "mean of a large array", lambda x: x * large.mean(), lambda: large.fill(3.0)
    yield "view", lambda x: x * array[::-1], lambda: array.__setitem__(0, 9.0)
    yield "jit", pel.jit(lambda x: x * FACTOR), lambda: factor(9.0)
    yield "grad", pel.grad(lambda x: (x * x * FACTOR).sum()), lambda: factor(10.0)
    yield "decorator", lambda x: decorated(x), lambda: setattr(decorated, "k", 3.0)
    yield "decorator itself", decorated, lambda: setattr(decorated, "k", 4.0)
    yield "wrapped", lambda x: x * cached.__wrapped__(), lambda: factor(11.0)
    yield "environment", lambda x: x * len(os.environ["PEL"]), lambda: os.environ.update(PEL="aa")


@pytest.fixture
def world(monkeypatch):
    """Puts back what the scenes change."""
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    monkeypatch.setattr(Settings, "rate", 2.0)
    monkeypatch.setattr(Base, "factor", 2.0)
    monkeypatch.setattr(with_keyword, "__kwdefaults__", {"options": {"k": 2.0}})
    monkeypatch.setenv("PEL", "a")
    yield
    globals().pop("abs", None)
    sys.modules.pop("of_ours", None)
    if "apply" in vars(Child):
        del Child.apply


def test_nothing_that_is_read_is_stale(world):
    stale = []
    x = np.array([1.0, 2.0])
    for name, function, change in scenes():
        f = pel.jit(function)
        before = f(x)
        np.testing.assert_array_equal(before, function(x), err_msg=name)
        change()
        now = np.asarray(function(x))
        assert not np.array_equal(now, before), f"{name}: the scene changes nothing"
        if not np.array_equal(f(x), now):
            stale.append(name)
    assert stale == []


def test_what_stays_is_not_traced_again(world):
    x = np.array([1.0, 2.0])
    for name, function, _ in scenes():
        f = pel.jit(function)
        for rows in (x, x, x[:1] * np.ones(2), x):
            f(rows)
        assert f.cache_info() == (1, 1), name


def test_an_array_that_is_only_handed_on_may_change_without_a_new_trace():
    w = np.ones(2)
    f = pel.jit(lambda x: x * w)
    for k in range(3):
        w += 1
        np.testing.assert_array_equal(f(np.ones(2)), k + 2)
    assert f.cache_info().traces == 1


def test_a_function_that_counts_or_caches_is_traced_once_a_shape():
    memo, runs = {}, [0]

    def function(x):
        runs[0] += 1
        return x * memo.setdefault(x.shape, 2.0)

    f = pel.jit(function)
    for n in (1, 2, 1, 2, 3, 1):
        f(np.ones(n))
    assert f.cache_info() == (3, 3)
    assert runs[0] == 3
    memo[(1,)] = 5.0
    np.testing.assert_array_equal(f(np.ones(1)), 5)


def test_functions_that_use_each_other_settle():
    inner = pel.jit(lambda x: x * FACTOR)
    outer = pel.jit(lambda x: inner(x) + 1)
    for n in (1, 2, 1, 2):
        outer(np.ones(n)), inner(np.ones(n + 3))
    assert outer.cache_info() == (2, 2)


def test_what_is_too_large_to_watch_is_traced_anew_and_says_so():
    many = [1.0] * 10_000
    f = pel.jit(lambda x: x * many[0])
    with pytest.warns(UserWarning, match="too large to be watched") as notices:
        assert float(f(1.0)) == 1.0
    assert notices[0].filename == __file__
    many[0] = 2.0
    assert float(f(1.0)) == 2.0


def test_an_operation_defined_again_is_noticed():
    twice = pel.op("again_", lambda xp, x: 2 * x, lambda x, out: 2.0)
    try:
        f = pel.jit(lambda x: twice(x))
        assert float(f(1.0)) == 2.0
        pel.op("again_", lambda xp, x: 3 * x, lambda x, out: 3.0)
        assert float(f(1.0)) == 3.0
    finally:
        REGISTRY.pop("again_")


def test_copies_trace_for_themselves():
    f = pel.jit(scaled)
    f(np.ones(2))
    g = copy.deepcopy(f)
    assert g.cache_info() == (0, 0)
    np.testing.assert_array_equal(g(np.ones(2)), f(np.ones(2)))


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


class WithMethod:
    @pel.jit
    def go(self, x):
        return x


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: pel.jit(3), ArgumentError, "expected a function"),
        (lambda: pel.jit(np.sin, bach=0), ArgumentError, "Did you mean 'batch'"),
        (lambda: pel.jit(np.sin, backend="natvie"), ArgumentError, "'native'"),
        (lambda: pel.jit(np.sin, threads=0), ArgumentError, "threads"),
        (lambda: pel.jit(np.sin, batch=-1), ArgumentError, "batch"),
        (lambda: pel.jit(np.sin, batch=1)(1.0), ArgumentError, "batch names argument 1"),
        (lambda: pel.jit(np.sin, batch=0)(1.0), ShapeError, "needs rows"),
        (lambda: pel.jit(np.sin, batch=1.0), ArgumentError, "batch"),
        (lambda: pel.jit(np.sin, batch="x"), ArgumentError, "batch"),
        (lambda: pel.jit(np.sin)("x"), PellucidError, "got str"),
        (lambda: pel.jit(lambda x, f: f(x))(1.0, np.sin), PellucidError, "got ufunc"),
        (lambda: pel.jit(lambda x: x)(2**70), ArgumentError, "must fit int64"),
        (lambda: WithMethod().go(1.0), ArgumentError, r"Write self.go = pel.jit\(self.go\)"),
        (lambda: pel.jit(lambda x: "text")(1.0), GraphError, "must return"),
        (lambda: pel.jit(lambda x: x if x > 0 else -x)(1.0), GraphError, "where"),
    ],
)
def test_bad_calls(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@settings(max_examples=40, deadline=None)
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


leaves = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6),
    st.integers(-100, 100),
    st.booleans(),
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32]),
        hnp.array_shapes(min_dims=0, max_dims=2, max_side=3),
        elements=st.integers(-9, 9),
    ),
    st.none(),
)


@settings(max_examples=40, deadline=None)
@given(
    tree=st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        ),
        max_leaves=6,
    )
)
def test_any_nesting_comes_back_as_it_went_in(tree):
    f = pel.jit(lambda t: t)
    for _ in range(2):
        got, structure = flatten(f(tree))
        given, wanted = flatten(tree)
        assert structure == wanted
        for a, b in zip(got, given, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
            assert isinstance(a, np.ndarray) and not np.shares_memory(a, np.asarray(b))
    assert f.cache_info().traces == 1


def mlp(params, x):
    for w, b in params[:-1]:
        x = np.maximum(x @ w + b, 0)
    return x @ params[-1][0] + params[-1][1]


def weights(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(d, h)).astype(np.float32) / np.sqrt(d), np.zeros(h, np.float32))
        for d, h in pairwise(sizes)
    ]


def test_machine_code_and_the_interpreter_agree_for_any_batch():
    params = weights(5, 17, 3)
    native, known = (pel.jit(mlp, batch=1, backend=b) for b in ("native", "interpreter"))
    for n in (1, 7, 64, 1):
        x = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
        np.testing.assert_allclose(native(params, x), known(params, x), rtol=1e-4, atol=1e-5)
    assert native.cache_info().traces == 1


def test_a_training_step_as_a_plain_function():
    def loss(params, x, y):
        return np.mean((mlp(params, x) - y) ** 2)

    @pel.jit
    def step(params, x, y):
        value, slopes = pel.value_and_grad(loss)(params, x, y)
        return value, [
            (w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in zip(params, slopes, strict=True)
        ]

    params = weights(4, 30, 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    y = x[:, :1] * x[:, 1:2]
    first = None
    for _ in range(300):
        value, params = step(params, x, y)
        first = first or float(value)
    assert float(value) < 0.2 * first
    assert step.cache_info().traces == 1


def test_a_call_that_looks_the_same_but_is_not_is_seen():
    """Calls are recognised by nesting, dtypes and shapes; each of them alone makes another call."""
    f = pel.jit(lambda tree: tree["a"] * 2 if isinstance(tree, dict) else tree[0] + tree[1])
    one = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(f({"a": one}), 2 * one)
    np.testing.assert_array_equal(f([one, one]), 2 * one)
    np.testing.assert_array_equal(f((one, one[:1])), 2 * one)
    np.testing.assert_array_equal(f({"a": one.astype(float)}), 2 * one)
    assert f({"a": one.astype(float)}).dtype == np.float64
    np.testing.assert_array_equal(f({"a": one.astype(">f4")}), 2 * one)
    np.testing.assert_array_equal(f({"a": np.asfortranarray(one)}), 2 * one)
    np.testing.assert_array_equal(f({"a": one[:, ::2]}), 2 * one[:, ::2])
    with pytest.raises(pel.PellucidError):
        f({"a": np.ma.masked_array(one)})
    for _ in range(2):
        np.testing.assert_array_equal(f({"a": one}), 2 * one)


def test_results_are_fresh_and_calls_may_overlap():
    f = pel.jit(lambda x: np.tanh(x) @ x.T, batch=None)
    inputs = [np.full((40, 40), value, np.float32) for value in range(1, 6)]
    known = [f(x).copy() for x in inputs]
    wrong = []

    def work(number):
        for _ in range(100):
            if f(inputs[number]).tobytes() != known[number].tobytes():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_change_no_bit():
    x = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
    results = {pel.jit(lambda x: np.tanh(x @ x.T), threads=n)(x).tobytes() for n in (1, 2, 3)}
    assert len(results) == 1


def test_a_repeated_call_looks_at_what_comes():
    """Calls that look like an earlier one go past Python's checks, never past machine code's."""
    w = np.arange(12.0).reshape(3, 4)
    f = pel.jit(lambda x, at: np.take(x @ w, at, axis=1))
    x, at = np.ones((2, 3)), np.array([0, 2])
    first = f(x, at)
    assert np.array_equal(f(x, at), first)
    assert np.array_equal(f(np.asfortranarray(x), at), first)  # the same shape in another order
    w *= 2
    assert np.array_equal(f(x, at), 2 * first)
    with pytest.raises(pel.PellucidError, match="indices must lie"):
        f(x, np.array([0, 4]))
    assert np.array_equal(f(x, at), 2 * first)
    w.shape = (4, 3)
    with pytest.raises(pel.PellucidError):
        f(x, at)
    w.shape = (3, 4)
    assert np.array_equal(f(x, at), 2 * first)


def test_what_a_repeated_call_returned_is_not_written_again():
    f = pel.jit(lambda x: x + 1)
    kept = [f(np.full(3, float(i))) for i in range(5)]
    assert [float(one[0]) for one in kept] == [1.0, 2.0, 3.0, 4.0, 5.0]


# --- what is kept --------------------------------------------------------------------------------


def test_the_graph_not_used_for_longest_makes_room(monkeypatch):
    monkeypatch.setattr(jit_module, "GRAPHS_KEPT", 4)
    f = pel.jit(lambda x: x * 2 + 1, backend="interpreter")
    for n in range(1, 10):
        f(np.ones(n))
        f(np.ones(1))  # used again and again: it stays
    assert f.cache_info() == (4, 9)
    f(np.ones(1))
    f(np.ones(9))
    assert f.cache_info() == (4, 9)
    np.testing.assert_array_equal(f(np.ones(3)), np.full(3, 3.0))  # comes back: traced again
    assert f.cache_info() == (4, 10)


@pytest.mark.slow
def test_memory_is_flat_over_a_thousand_shapes():
    f = pel.jit(lambda x: np.sin(x) * 2, backend="interpreter")
    tracemalloc.start()
    for n in range(1, 1001):
        assert f(np.zeros(n)).shape == (n,)
        if n == 500:
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert f.cache_info() == (jit_module.GRAPHS_KEPT, 1000)
    assert grown < 500_000, "bytes: a shape that was kept would be some 5,000"
