"""`init` and `update` on nested weights: eager, traced, compiled, donated, and what they refuse."""

from __future__ import annotations

import inspect
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pel
from pellucid import optim
from pellucid.core import trees
from pellucid.core.errors import ArgumentError, DTypeError
from pellucid.ops.value import zeros_like

Pair = namedtuple("Pair", ["w", "b"])
ALL = [
    optim.SGD(0.1),
    optim.SGD(0.1, momentum=0.9, nesterov=True),
    optim.Adam(0.05),
    optim.AdamW(0.05, weight_decay=0.1),
    optim.Adagrad(0.1, initial_accumulator=0.1),
    optim.RMSprop(0.01, momentum=0.5, centered=True),
    optim.SGD(0.3, clip_norm=0.7),
    optim.Adam(0.3, clip_value=0.2, clip_norm=0.3),
]
RNG = np.random.default_rng(0)


def params(make=np.array):
    rng = np.random.default_rng(1)
    mixed = rng.normal(size=2).astype(np.float32)
    return {
        "layers": [(make(rng.normal(size=(3, 2))), make(mixed)), None],
        "last": Pair(make(rng.normal(size=2)), make(np.array(0.5))),
    }


def loss(p):
    (w, v), _ = p["layers"]
    return np.sum(w**2) * 2 + np.sum(np.sin(v)) + np.sum(p["last"].w ** 4) + p["last"].b ** 2


def leaves(tree):
    return [np.asarray(leaf) for leaf in trees.leaves_of(tree)]


def same(one, other, **close):
    for a, b in zip(leaves(one), leaves(other), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, **{"rtol": 1e-6, "atol": 1e-7, **close})


def eager(optimizer, p, count):
    slots = optimizer.init(p)
    for _ in range(count):
        p, slots = optimizer.update(pel.grad(loss)(p), slots, p)
    return p, slots


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_arrays_tensors_and_machine_code_take_the_same_steps(optimizer):
    known, slots = eager(optimizer, params(), 5)
    assert trees.flatten(known)[1] == trees.flatten(params())[1]
    assert int(slots["step"]) == 5 and slots["step"].dtype == np.int64
    for name, slot in slots.items():
        assert name == "step" or trees.flatten(slot)[1] == trees.flatten(params())[1]
    assert all(type(leaf) is np.ndarray for leaf in trees.leaves_of((known, slots)))

    @pel.jit
    def step(p, slots):
        return optimizer.update(pel.grad(loss)(p), slots, p)

    p, made = params(), optimizer.init(params())
    for _ in range(5):
        p, made = step(p, made)
    same((p, made), (known, slots))

    giving = pel.jit(step.function, donate=(0, 1))
    p, made = params(), optimizer.init(params())
    held = trees.leaves_of((p, made))
    for _ in range(5):
        p, made = giving(p, made)
    same((p, made), (known, slots))
    after = trees.leaves_of((p, made))
    assert {id(one) for one in after} == {id(one) for one in held}, "written over, not copied"

    tensors, memory = params(pel.Tensor), optimizer.init(params(pel.Tensor))
    for _ in range(5):
        gradients = pel.grad(loss)(tensors)
        tensors, memory = optimizer.update(gradients, memory, tensors)
    same((tensors, memory), (known, slots))
    assert all(
        isinstance(leaf, pel.Tensor) and leaf.origin is None for leaf in trees.leaves_of(tensors)
    )


def test_nothing_that_is_given_changes():
    optimizer, p = optim.Adam(0.1), params()
    slots, gradients = optimizer.init(p), pel.grad(loss)(p)
    before = [leaf.copy() for leaf in leaves((p, slots, gradients))]
    made = optimizer.update(gradients, slots, p)
    for was, now in zip(before, leaves((p, slots, gradients)), strict=True):
        np.testing.assert_array_equal(was, now)
    given_in = trees.leaves_of((p, slots, gradients))
    for leaf in trees.leaves_of(made):
        assert leaf.flags.writeable and not any(np.shares_memory(leaf, one) for one in given_in)


def test_a_step_is_differentiated_inside_grad():
    """Through one step of descent: d/dη (w - η·2w)² = -4w²·(1 - 2η)."""
    optimizer, w = optim.SGD(0.1), np.array(3.0)

    def after(rate):
        new, _ = optimizer.update(2 * w, optimizer.init(w), w, rate)
        return new**2

    assert pel.grad(after)(np.array(0.1)) == pytest.approx(-4 * 9 * 0.8)


@given(
    st.integers(0, 2**32 - 1),
    st.recursive(
        st.sampled_from([(), (2,), (1, 3), (0,)]),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(st.sampled_from("abc"), children, max_size=3)
        ),
        max_leaves=6,
    ),
    st.sampled_from(ALL),
)
@settings(max_examples=40, deadline=None)
def test_a_nested_step_is_the_step_of_each_leaf(seed, shapes, optimizer):
    """Without a common norm, leaves know nothing of each other, however they are nested."""
    rng = np.random.default_rng(seed)

    def drawn(shape):
        if isinstance(shape, tuple):
            return rng.normal(size=shape)
        if isinstance(shape, list):
            return [drawn(child) for child in shape]
        return {name: drawn(child) for name, child in shape.items()}

    p, g = drawn(shapes), drawn(shapes)
    new, slots = optimizer.update(g, optimizer.init(p), p)
    flat = trees.leaves_of(g)
    if optimizer.clip_value is not None:
        flat = [np.clip(one, -optimizer.clip_value, optimizer.clip_value) for one in flat]
    if optimizer.clip_norm is not None:
        norm = np.sqrt(sum((one**2).sum() for one in flat))
        flat = [one * min(1, optimizer.clip_norm / max(norm, 1e-300)) for one in flat]
    plain = optimizer
    if optimizer.clip_norm is not None:
        plain = type(optimizer)(optimizer.learning_rate)
    for one, gradient, weight in zip(leaves(new), flat, leaves(p), strict=True):
        alone, _ = plain.update(gradient, plain.init(weight), weight)
        np.testing.assert_allclose(one, alone, rtol=1e-12)
    assert int(slots["step"]) == 1


def test_a_schedule_follows_the_count_or_is_handed_over():
    optimizer, w = optim.SGD(optim.Step(0.5, 0.1, every=2)), np.zeros(1)
    slots, path = optimizer.init(w), []
    for _ in range(4):
        w, slots = optimizer.update(np.ones(1), slots, w)
        path.append(w[0])
    np.testing.assert_allclose(path, [-0.5, -1.0, -1.05, -1.1])

    with pytest.raises(ArgumentError, match=r"a rate must be given.*optimizer.rate"):
        pel.jit(lambda w, s: optimizer.update(w, s, w))(w, slots)

    step = pel.jit(lambda w, s, rate: optimizer.update(np.ones(1), s, w, rate=rate))
    w, slots, path = np.zeros(1), optimizer.init(np.zeros(1)), []
    for _ in range(4):
        w, slots = step(w, slots, optimizer.rate(int(slots["step"])))
        path.append(w[0])
    np.testing.assert_allclose(path, [-0.5, -1.0, -1.05, -1.1], rtol=1e-6)
    assert step.cache_info().traces == 1


def test_a_rate_that_is_closed_over_is_read_at_each_call():
    rate, w = np.array(0.5), np.zeros(1)
    step = pel.jit(lambda w, s: optim.SGD().update(np.ones(1), s, w, rate))
    assert step(w, optim.SGD().init(w))[0] == -0.5
    rate[...] = 0.25
    assert step(w, optim.SGD().init(w))[0] == -0.25


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda o, p, s: o.init({"w": np.arange(3)}), DTypeError, r"params.w must hold floats"),
        (lambda o, p, s: o.init({"w": "x"}), DTypeError, "params.w must be an array.*got str"),
        (lambda o, p, s: o.init(np.ones(2, complex)), DTypeError, "complex"),
        (lambda o, p, s: o.update(p["w"], s, p), ArgumentError, "gradients must be nested like"),
        (lambda o, p, s: o.update({"w": np.ones(3)}, s, p), ArgumentError, r"gradients.w must be"),
        (lambda o, p, s: o.update({"w": np.ones(2, "f4")}, s, p), ArgumentError, "like its weight"),
        (lambda o, p, s: o.update(p, {}, p), ArgumentError, "slots must hold step, m, v, got none"),
        (lambda o, p, s: o.update(p, None, p), ArgumentError, "got None.*optimizer.init"),
        (
            lambda o, p, s: o.update(p, optim.SGD(momentum=0.9).init(p), p),
            ArgumentError,
            "got step, velocity",
        ),
        (
            lambda o, p, s: o.update(p, {**s, "m": {"w": np.ones(3)}}, p),
            ArgumentError,
            r"slots\['m'\] must be",
        ),
        (lambda o, p, s: o.update(p, {**s, "step": 0.5}, p), ArgumentError, r"slots\['step'\]"),
        (lambda o, p, s: o.update(p, s, p, -1.0), ArgumentError, "rate must lie"),
        (lambda o, p, s: o.update(p, s, p, "fast"), ArgumentError, "rate must be a number"),
        (
            lambda o, p, s: pel.jit(lambda r: o.update(p, s, p, r))(np.ones(2)),
            ArgumentError,
            "rate must be one number",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    optimizer, p = optim.Adam(), {"w": np.ones(2)}
    with pytest.raises(error, match=words):
        call(optimizer, p, optimizer.init(p))


class Plain(optim.Optimizer):
    pass


class Old(optim.Optimizer):
    def update(self, gradients, slots, params, step, rate):
        return params, slots

    def step(self, gradients, slots, weights, step, rate):
        return weights, slots


class Short(optim.Optimizer):
    def step(self, gradients, weights):
        return weights


class Undecided(optim.Minimizer):
    pass


class Stepping(optim.Minimizer):
    def minimize_step(self, objective, slots, rate, draw):
        return objective.start, slots

    def step(self, gradients, slots, weights, step, rate):
        return weights, slots


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (optim.Optimizer(0.1), "such as SGD"),
        (Plain(0.1), r"defines step\(gradients, slots, weights, step, rate\), got Plain"),
        (Old(0.1), "Old must leave update as it is.*Define step"),
        (Short(0.1), "Short.step must take step.*takes gradients, weights"),
        (optim.Minimizer(0.1), "defines minimize_step"),
        (Undecided(0.1), "got Undecided"),
        (Stepping(0.1), "must define minimize_step, not step"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_class_that_cannot_step_is_refused_by_compile(optimizer, words):
    net = pel.Sequential([pel.nn.Dense(1)], seed=0)
    with pytest.raises(ArgumentError, match=words):
        net.compile(optimizer, "squared")


class Wrong(optim.Optimizer):
    """What its step returns is chosen by a test."""

    made = staticmethod(lambda weights, slots: None)

    def slots_for(self, weights):
        return {"v": [zeros_like(w) for w in weights]}

    def step(self, gradients, slots, weights, step, rate):
        return type(self).made(weights, slots)


@pytest.mark.parametrize(
    "made",
    [
        lambda weights, slots: weights,
        lambda weights, slots: (weights, {}),
        lambda weights, slots: (weights[:-1], slots),
        lambda weights, slots: (weights, {"v": slots["v"], "w": slots["v"]}),
        lambda weights, slots: ([w + 1.0 for w in weights], {"v": [None] * len(weights)}),
        lambda weights, slots: ([w.sum() for w in weights], slots),
    ],
)
def test_a_step_that_returns_something_else_is_refused(made, monkeypatch):
    monkeypatch.setattr(Wrong, "made", staticmethod(made))
    with pytest.raises(ArgumentError, match=r"\[Wrong\] step must return \(weights, slots\)"):
        Wrong(0.1).update(np.ones((2, 2)), Wrong(0.1).init(np.ones((2, 2))), np.ones((2, 2)))
    net = pel.Sequential([pel.nn.Dense(2)], seed=0)
    net.compile(Wrong(0.1), "squared")
    with pytest.raises(ArgumentError, match=r"\[Wrong\] step must return"):
        net.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0, seed=0)


@pytest.mark.parametrize("made", [None, {"v": 3}, {"v": []}, {3: []}, {"step": [1]}])
def test_slots_that_do_not_fit_are_refused(made):
    class Odd(optim.SGD):
        def slots_for(self, weights):
            return made

    with pytest.raises(ArgumentError, match=r"\[Odd\] slots_for must return"):
        Odd(0.1).init(np.ones(2))


def test_every_public_optimizer_steps_or_says_why_not():
    """Also those to come: a step of every one of them changes weights, or it names `fit`."""
    for name in optim.__all__:
        kind = getattr(optim, name)
        if not (inspect.isclass(kind) and issubclass(kind, optim.Optimizer)):
            continue
        w = np.ones(2)
        optimizer = kind(0.1)
        if kind is optim.Optimizer or issubclass(kind, optim.Minimizer):
            with pytest.raises(ArgumentError, match=r"such as|Train with fit"):
                optimizer.init(w)
            continue
        new, _ = optimizer.update(w, optimizer.init(w), w)
        assert (new < 1).all()
