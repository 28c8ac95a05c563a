"""pel.op: a person's own operation, checked when it is defined."""

import inspect
import warnings

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, GradientError, NotDifferentiableError, ShapeError
from pellucid.ops.spec import REGISTRY, Bilinear, Linear, NotDifferentiable, Rules, ZeroGradient
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
@pytest.mark.lecture("T1.J1")
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


def test_operations_with_a_shape_of_their_own():
    sums = pel.op(
        "row_sums",
        forward=lambda xp, x: xp.sum(x, axis=1),
        derivative=Linear((lambda ct, x: pel.numpy.expand_dims(ct, 1) + 0 * x,)),
        type_rule=lambda x: x[:1],
        shapes=[(3, 2)],
    )
    np.testing.assert_allclose(pel.grad(lambda x: (sums(x) ** 2).sum())(np.ones((2, 3))), 6.0)
    both = pel.op(
        "both_ways",
        forward=lambda xp, x: xp.concat([x, -x], axis=0),
        derivative=Linear((halves,)),
        type_rule=lambda x: (2 * x[0], *x[1:]),
        shapes=[(3, 2)],
    )
    np.testing.assert_allclose(pel.grad(lambda x: (both(x) ** 3).sum())(np.ones((2, 3))), 0.0)
    check_grad(lambda x: both(x) ** 2, [np.array([[0.3, -1.0]])])


def halves(ct, x):
    upper, lower = pel.numpy.split(ct, [x.type.shape[0]])
    return upper - lower


@pytest.mark.parametrize(
    "form",
    [
        Bilinear(lambda ct, x, y: ct * y, lambda ct, x, y: ct * x),
        Rules(
            vjp=lambda ct, inputs, out: [ct * inputs[1], ct * inputs[0]],
            jvp=lambda dots, inputs, out: sum(
                dot * other
                for dot, other in zip(dots, inputs[::-1], strict=True)
                if dot is not None
            ),
            why="a test",
        ),
    ],
)
def test_the_other_forms_are_taken(form):
    product = pel.op("product_", lambda xp, x, y: x * y, form)
    slopes = pel.grad(lambda x, y: product(x, y).sum(), (0, 1))(np.array([2.0]), np.array([5.0]))
    assert [float(slope[0]) for slope in slopes] == [5.0, 2.0]


WRONG_PAIRS = {
    "partials": (lambda x, y, out: y, lambda x, y, out: y),
    "bilinear": Bilinear(lambda ct, x, y: ct * y, lambda ct, x, y: ct * y),
    "vjp": Rules(
        lambda ct, inputs, out: [ct * inputs[1], -ct * inputs[0]],
        lambda dots, inputs, out: (
            (0 if dots[0] is None else dots[0] * inputs[1])
            + (0 if dots[1] is None else dots[1] * inputs[0])
        ),
        "a test",
    ),
    "jvp": Rules(
        lambda ct, inputs, out: [ct * inputs[1], ct * inputs[0]],
        lambda dots, inputs, out: inputs[1] * (dots[0] if dots[0] is not None else dots[1]),
        "a test",
    ),
}


@pytest.mark.parametrize("form", WRONG_PAIRS.values(), ids=WRONG_PAIRS)
def test_a_wrong_gradient_names_operation_and_input(form):
    with pytest.raises(
        GradientError, match=r"\[op product_, input y\] .* must give .*, got .* for x"
    ):
        pel.op("product_", lambda xp, x, y: x * y, form)
    assert "product_" not in REGISTRY


@pytest.mark.parametrize("unit", [1e-23, 1e-7, 1.0, 1e12])
def test_a_wrong_gradient_is_found_in_any_unit(unit):
    with pytest.raises(GradientError, match="must give"):
        pel.op("small_", lambda xp, x: unit * xp.sin(x), lambda x, out: 1.001 * unit * cos(x))
    pel.op("small_", lambda xp, x: unit * xp.sin(x), lambda x, out: unit * cos(x))


def cos(x):
    return pel.numpy.cos(x)


def test_a_gradient_that_hides_its_own_gradient_is_found():
    with pytest.raises(GradientError, match="order 2"):
        pel.op("hidden_", lambda xp, x: xp.sin(x), lambda x, out: pel.numpy.stop_gradient(cos(x)))


def test_a_forward_that_draws_at_random_is_refused():
    draw = np.random.default_rng(0)
    with pytest.raises(GradientError, match="same when traced"):
        pel.op("drawn_", lambda xp, x: x + draw.random(), lambda x, out: 1.0)


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
    with pytest.raises(GradientError, match=r"\[op squared_, input x\].*must give"):
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

    with pytest.warns(UserWarning, match="op loopy: the forward cannot be traced") as notices:
        loopy = pel.op("loopy", forward, lambda x, out: 2 * x)
    assert len(notices) == 1
    assert notices[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(pel.grad(loopy)(3.0)) == 6.0


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("tanh", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "built in"),
        (("two words", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "name must be a word"),
        (("f_", 3, lambda x, out: 1.0), ArgumentError, "forward must be a function"),
        (("lambda", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "name must be a word"),
        (("const", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "built in"),
        (("softmax", lambda xp, x: x, lambda x, out: 1.0), ArgumentError, "built in"),
        (("f_", max, lambda x, out: 1.0), ArgumentError, "without a signature"),
        (("f_", lambda xp, *x: x[0], lambda x, out: 1.0), ArgumentError, "plain parameters"),
        (("f_", lambda xp, x, k=2: k * x, lambda x, out: 2.0), ArgumentError, "plain parameters"),
        (("f_", lambda xp, x: x * x, None), ArgumentError, "got None alone"),
        (("f_", lambda xp, x: x * x, 2.0), ArgumentError, "derivative must be functions"),
        (("f_", lambda xp, x: xp.log(x), lambda x, out: 1 / x), GradientError, "samples="),
        (
            ("f_", lambda xp, x: xp.sin(x), lambda x, out: np.cos(x)),
            GradientError,
            "pellucid.numpy",
        ),
        (("f_", lambda xp: 1.0, lambda x, out: 1.0), ArgumentError, "at least one input"),
        (("f_", lambda xp, x, y: x * y, lambda x, y, out: y), ArgumentError, r"2 function\(s\)"),
        (("f_", lambda xp, x: xp.sum(x), lambda x, out: 1.0), ShapeError, "forward must give"),
        (
            ("f_", lambda xp, x: np.float64(2) * x.astype(np.float64), lambda x, out: 2.0),
            ShapeError,
            "forward must give float32",
        ),
        (
            ("f_", lambda xp, x: x.nothing, lambda x, out: 1.0),
            GradientError,
            "must run, got AttributeError",
        ),
    ],
)
def test_bad_definitions(arguments, kind, words):
    with pytest.raises(kind, match=words):
        pel.op(*arguments)
    assert "f_" not in REGISTRY


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 3}, "samples must be"),
        ({"samples": ()}, "samples must be"),
        ({"samples": (0, float("inf"))}, "samples must be"),
        ({"samples": ("a", "b")}, "samples must be"),
        ({"shapes": 3}, "shapes must be"),
        ({"shapes": [(0,)]}, "shapes must be"),
        ({"shapes": [(1,), (2,)]}, "shapes must be"),
        ({"sample": (0, 1)}, "Did you mean 'samples'"),
        ({"type_rule": lambda x: x}, "needs shapes="),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ArgumentError, match=words):
        pel.op("f_", lambda xp, x: x, lambda x, out: 1.0, **options)
    assert "f_" not in REGISTRY


def test_it_is_called_like_its_forward_and_shows_its_names():
    gate = pel.op("gate", lambda xp, x, g: x * g, (lambda x, g, out: g, lambda x, g, out: x))
    assert float(gate(g=2.0, x=3.0)) == 6.0
    assert "graph(x: f64[], g: f64[])" in str(pel.show(gate, 3.0, 2.0))
    with pytest.raises(ArgumentError, match="expected x, g"):
        gate(1.0)
    with pytest.raises(ArgumentError, match="expected x, g"):
        gate(1.0, h=2.0)


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
