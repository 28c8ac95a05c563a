"""What `pel.op` reads: names, inputs, forms, samples, shapes; and what it holds against itself."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, GradientError, PellucidError, ShapeError
from pellucid.ops.spec import REGISTRY, Bilinear, Linear, NotDifferentiable, ZeroGradient


@pytest.fixture(autouse=True)
def _clean():
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def square(xp, x):
    return x * x


def twice(x, out):
    return 2 * x


def define(name="mine", forward=square, derivative=twice, **options):
    return pel.op(name, forward, derivative, **options)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two words", "must be a word such as swish"),
        ("lambda", "must be a word such as swish"),
        ("", "must be a word"),
        (3, "must be a word"),
        ("tanh", "name must be new, got 'tanh', which is built in"),
        ("softmax", "name must be new"),
        ("input", "name must be new"),
        ("const", "name must be new"),
        ("pi", "name must be new"),
    ],
)
def test_names(name, words):
    with pytest.raises(ArgumentError, match=words):
        define(name)


def test_an_operation_of_ones_own_is_defined_anew():
    define()
    again = define(forward=lambda xp, x: 3 * x, derivative=lambda x, out: 3.0 + 0 * x)
    assert float(again(2.0)) == 6
    with pytest.raises(GradientError):
        define(derivative=lambda x, out: 5 * x)
    assert float(pel.Tensor(REGISTRY["mine"].forward(np, 2.0))) == 6  # the old one stays


@pytest.mark.parametrize(
    "forward",
    [
        3,
        lambda x: x,
        lambda: 0,
        lambda xp, x, k=1: x,
        lambda xp, *x: x,
        lambda xp, x, **k: x,
        lambda xp, x, *, k: x,
    ],
)
def test_forwards_that_do_not_fit(forward):
    with pytest.raises(ArgumentError, match=r"forward must (be a function|take \(xp, x, …\))"):
        define(forward=forward)


@pytest.mark.parametrize(
    ("derivative", "words"),
    [
        (3, "derivative must be functions, got 3"),
        ((twice, twice), r"derivative must be 1 function\(s\), one per input \(x\), got 2"),
        ((), "derivative must"),
        (None, "derivative must hold a function, got None alone"),
        (Linear((twice, twice)), "must be 1 function"),
        (Bilinear(twice, twice), "must be 1 function"),
        ((twice, 3), "derivative must be functions"),
    ],
)
def test_derivatives_that_do_not_fit(derivative, words):
    with pytest.raises(ArgumentError, match=words):
        define(derivative=derivative)


@pytest.mark.parametrize(
    "given", [(1, 1), (2, 1), (0, np.inf), (1,), (1, 2, 3), ((0, 1), (0, 1)), 3, "ab", (None, 1)]
)
def test_samples_that_do_not_fit(given):
    with pytest.raises(ArgumentError, match=r"samples must be \(low, high\), one or 1, got"):
        define(samples=given)


@pytest.mark.parametrize("given", [[()], [(1,)], [(3,)], [[2, 3]], [(1, 1)]])
def test_shapes_that_fit(given):
    assert float(define(shapes=given)(3.0)) == 9


@pytest.mark.parametrize("given", [[(0,)], [(2.0,)], [(2,), (2,)], [], 3, [3], [(-1,)]])
def test_shapes_that_do_not_fit(given):
    with pytest.raises(ArgumentError, match="shapes must be 1 tuples of lengths from 1"):
        define(shapes=given)


def test_each_input_has_samples_of_its_own():
    seen = []

    def root(xp, x, y):
        if isinstance(x, np.ndarray):
            seen.append((np.min(x), np.max(x), np.min(y), np.max(y)))
        return xp.sqrt(x) * y

    define(
        forward=root,
        derivative=(lambda x, y, out: y / (2 * x**0.5), lambda x, y, out: x**0.5),
        samples=((1, 2), (-3, -2)),
        shapes=[(50,), (50,)],
    )
    low, high = np.array(seen).min(0), np.array(seen).max(0)
    near = 5e-3  # differences go a little further
    assert 1 - near <= low[0] < 1.1
    assert 1.9 < high[1] <= 2 + near
    assert -3 - near <= low[2] < -2.9
    assert -2.1 < high[3] <= -2 + near
    with pytest.raises(GradientError, match=r"forward must be finite where it is checked"):
        define(
            forward=root,
            derivative=(lambda x, y, out: y / (2 * x**0.5), lambda x, y, out: x**0.5),
            samples=(-2, -1),
        )


@pytest.mark.parametrize(
    ("forward", "error", "words"),
    [
        (lambda xp, x: np.float64(2) * np.asarray(x, np.float64), ShapeError, "forward must give"),
        (lambda xp, x: xp.sum(x), ShapeError, r"forward must give float64\(.*got float64\(\)"),
        (lambda xp, x: x.nothing, GradientError, "must run, got AttributeError"),
        (
            lambda xp, x: x + (0 if isinstance(x, np.ndarray) else 1),
            GradientError,
            "same when traced",
        ),
    ],
)
def test_forwards_that_do_not_hold(forward, error, words):
    with pytest.raises((error, TypeError), match=words):
        define(forward=forward, derivative=lambda x, out: 1.0 + 0 * x)
    assert "mine" not in REGISTRY


def test_forms_that_give_no_gradient():
    step = define(forward=lambda xp, x: xp.floor(x), derivative=ZeroGradient("a step"))
    np.testing.assert_array_equal(pel.grad(lambda x: step(x).sum())(np.ones(2)), 0)
    hard = define("hard", lambda xp, x: xp.floor(x), NotDifferentiable("a step"))
    with pytest.raises(PellucidError, match="a step"):
        pel.grad(lambda x: hard(x).sum())(np.ones(2))


def test_a_gradient_wrong_in_one_input_alone_or_in_both_together_is_found():
    def product(xp, x, y):
        return x * y

    right = (lambda x, y, out: y, lambda x, y, out: x)
    assert float(define(forward=product, derivative=right)(2.0, 3.0)) == 6
    for number in (0, 1):
        wrong = list(right)
        wrong[number] = lambda x, y, out: 0 * x + 1.0
        with pytest.raises(GradientError, match=f"op mine, input {'xy'[number]}"):
            define(forward=product, derivative=tuple(wrong))
    only = define(forward=product, derivative=(right[0], None))
    np.testing.assert_array_equal(
        pel.grad(lambda x, y: only(x, y).sum(), 1)(np.ones(2), np.ones(2)), 0
    )
