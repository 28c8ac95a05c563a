"""check_grad finds wrong derivatives in either mode and at either order."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, GradientError
from pellucid.ops.spec import REGISTRY, Kind, Op, Partials, Rules, register
from pellucid.ops.value import apply
from pellucid.testing import check_grad


def test_right_derivatives_pass():
    check_grad(lambda x, y: np.tanh(x @ y) + x.sum(), [np.ones((2, 3)), np.arange(3.0)])
    check_grad(lambda p: {"a": np.exp(p["x"]), "b": p["y"] ** 2}, [{"x": 0.3, "y": np.ones(2)}])
    check_grad(lambda x, i: np.take(x, i), [np.arange(4.0), np.array([0, 2, 2])])


@pytest.fixture
def row():
    """Registers a row of a chosen derivative and takes it out again."""

    def make(derivative):
        register(
            Op(
                "wrong",
                Kind.ELEMENTWISE,
                ("x",),
                (),
                lambda x: x,
                forward=lambda xp, x: xp.sin(x),
                derivative=derivative,
                user=True,
            )
        )
        return lambda x: apply("wrong", x)

    yield make
    REGISTRY.pop("wrong", None)


def test_a_wrong_gradient_is_found(row):
    with pytest.raises(GradientError, match="forward mode, output 0 must give"):
        check_grad(row(Partials(lambda x, out: x * 0 + 1)), [np.array([0.4, 2.0])])


def test_a_wrong_reverse_rule_is_found_where_the_forward_rule_is_right(row):
    rule = Rules(
        vjp=lambda ct, inputs, out: [-ct * apply("cos", inputs[0])],
        jvp=lambda dots, inputs, out: dots[0] * apply("cos", inputs[0]),
        why="a test",
    )
    with pytest.raises(GradientError, match="reverse mode"):
        check_grad(row(rule), [np.array([0.4])])


def test_a_wrong_second_derivative_is_found(row):
    # Right at first order; the rule hides how the slope itself moves.
    rule = Partials(lambda x, out: apply("stop_gradient", apply("cos", x)))
    check_grad(row(rule), [np.array([0.4])], order=1)
    with pytest.raises(GradientError, match="order 2"):
        check_grad(row(rule), [np.array([0.4])], order=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": 0}, "order"),
        ({"modes": ("sideways",)}, "mode"),
        ({"directions": 0}, "directions"),
        ({"modes": ()}, "modes"),
        ({"modes": "forward"}, "mode"),
        ({"seed": -1}, "seed"),
        ({"tolerance": float("inf")}, "tolerance"),
        ({"tolerance": 0}, "tolerance"),
        ({"sed": 1}, "Did you mean 'seed'"),
    ],
)
def test_bad_arguments(options, words):
    with pytest.raises(ArgumentError, match=words):
        check_grad(np.sin, [1.0], **options)
    with pytest.raises(ArgumentError, match="must hold a float"):
        check_grad(lambda i: i, [np.array([1, 2])])


@pytest.mark.parametrize("args", [1.0, np.ones(2), None])
def test_args_must_be_a_list(args):
    with pytest.raises(ArgumentError, match="args must be a list"):
        check_grad(np.sin, args)


def test_the_message_names_direction_order_mode_and_point(row):
    function = row(Partials(lambda x, out: x * 0 + 1))
    words = r"\[check_grad <lambda>, direction 1\] forward mode, output 0 must give .* for x = "
    with pytest.raises(GradientError, match=words):
        check_grad(function, [np.array([0.4, 2.0])])


def test_what_cancels_to_rounding_passes():
    check_grad(lambda x: np.log(np.exp(x)) - x, [np.array([0.3, 0.7])])
    check_grad(lambda x: (x + 1e5) - 1e5, [np.array(0.3)])
    check_grad(lambda x: 3.0, [np.array([0.3])])


def test_small_wrong_derivatives_are_found_beside_no_larger_ones(row):
    function = row(Partials(lambda x, out: 1.001 * apply("cos", x)))
    with pytest.raises(GradientError, match="must give"):
        check_grad(lambda x: 1e-6 * function(x), [np.array([0.4, 2.0])])


def test_a_kink_close_by_is_no_hindrance(row):
    near = np.array([0.5, 2e-5])
    check_grad(lambda x: np.sum(np.maximum(x, 0) + x**2), [near], order=1)
    check_grad(lambda x: np.sort(x) ** 2 * np.arange(3.0), [np.array([0.5, 0.50002, 0.3])])
    wrong = row(Partials(lambda x, out: 1.01 * apply("cos", x)))
    with pytest.raises(GradientError, match="must give"):
        check_grad(lambda x: np.maximum(x, 0) * wrong(x + 1), [near[1:]])


def test_where_differences_settle_at_nothing_the_check_says_so():
    with pytest.raises(GradientError, match="differences must settle"):
        check_grad(np.log, [np.array([-1.0])])
    with pytest.raises(GradientError, match="differences must settle"):
        check_grad(np.floor, [np.array([1.0])])


def test_the_public_name():
    assert pel.testing.check_grad is check_grad
