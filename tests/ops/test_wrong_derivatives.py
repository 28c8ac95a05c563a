"""A wrong derivative, in each of the forms it can be written in, is caught by the checks.

Beside each wrong row stands its right twin, which passes: what fails is the derivative alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from pellucid.core.dtypes import float64
from pellucid.graph.node import TensorType
from pellucid.ops.contract import _left, _right, contract
from pellucid.ops.reduce import max as max_row
from pellucid.ops.reduce import sum as sum_row
from pellucid.ops.spec import (
    FLOATS,
    REGISTRY,
    Bilinear,
    Derivative,
    Kind,
    Linear,
    NotDifferentiable,
    Op,
    Partials,
    Rules,
    ZeroGradient,
    register,
)
from pellucid.ops.spec import elementwise as elementwise_row
from pellucid.ops.value import Value, apply, elementwise, zeros_like
from tests.ops.cases import EXPLICIT
from tests.ops.checks import TRIALS
from tests.ops.sampling import Case
from tests.ops.trial import Trial

DERIVATIVE_CHECKS = ("vjp", "jvp", "transpose", "second order")


@contextmanager
def entered(op: Op) -> Iterator[Op]:
    """`op` in the registry, for as long as the block runs."""
    register(op)
    try:
        yield op
    finally:
        del REGISTRY[op.name]


def caught_by(op: Op, found: Sequence[Case]) -> set[str]:
    """The checks that refuse `op` on any of `found`."""
    caught = set()
    with entered(op):
        for check in DERIVATIVE_CHECKS:
            for case in found:
                try:
                    TRIALS[check](Trial(op, case, float64))
                except Exception:
                    caught.add(check)
    return caught


def one(name: str, forward: Callable[..., Any], derivative: Derivative, **facts: Any) -> Op:
    return elementwise_row(f"test_{name}", ("x",), forward, derivative, user=True, **facts)


def two(name: str, forward: Callable[..., Any], derivative: Derivative, **facts: Any) -> Op:
    return elementwise_row(f"test_{name}", ("x", "y"), forward, derivative, user=True, **facts)


def reduction(name: str, forward: Callable[..., Any], derivative: Derivative, like: Op) -> Op:
    return Op(
        f"test_{name}",
        Kind.REDUCE,
        ("x",),
        ("axis", "keepdims"),
        like.type_rule,
        forward,
        derivative,
        samples=((-3.0, 3.0),),
        accepts=FLOATS,
        user=True,
    )


def product(derivative: Derivative) -> Op:
    return Op(
        "test_contract",
        Kind.CONTRACT,
        ("x", "y"),
        ("batch", "summed"),
        contract.type_rule,
        contract.forward,
        derivative,
        samples=((-3.0, 3.0),) * 2,
        accepts=FLOATS,
        user=True,
    )


def moved(name: str, back: Callable[..., Value]) -> Op:
    def type_rule(x: TensorType) -> TensorType:
        return x

    return Op(
        f"test_{name}",
        Kind.MOVEMENT,
        ("x",),
        (),
        type_rule,
        lambda xp, x: xp.flip(x, axis=(0,)),
        Linear((back,)),
        samples=((-3.0, 3.0),),
        accepts=FLOATS,
        user=True,
    )


def flip(ct: Value, x: Value) -> Value:
    return apply("flip", ct, axis=(0,))  # type: ignore[no-any-return]


VECTOR = [Case(((3,),)), Case(((2, 2),))]
PAIRS = [Case(((3,), (3,))), Case(((2, 1), (2, 3))), Case(((), (2,)))]
SUMS = [
    Case(((2, 3),), {"axis": (1,), "keepdims": False}),
    Case(((3,),), {"axis": (0,), "keepdims": True}),
]
PRODUCTS = [
    case for case in EXPLICIT["contract"] if not case.symbolic and "block" not in case.attrs
]


def mean_forward(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    count = 1
    for i in axis:
        count *= x.shape[i]
    return xp.sum(x, axis=axis, keepdims=keepdims) / count


def mean_local(x: Value, out: Value, axis: Any, keepdims: bool) -> Any:
    count = 1
    for i in axis:
        count *= x.type.shape[i]
    return 1 / count


def cube_vjp(ct: Value, inputs: Sequence[Value], out: Value) -> list[Value]:
    return [ct * 3 * inputs[0] * inputs[0]]


def cube_jvp(dots: Sequence[Value | None], inputs: Sequence[Value], out: Value) -> Value:
    return dots[0] * 3 * inputs[0] * inputs[0]  # type: ignore[operator]


def cube(xp: Any, x: Any) -> Any:
    return x * x * x


def half_jvp(dots: Sequence[Value | None], inputs: Sequence[Value], out: Value) -> Value:
    return dots[0] * 1.5 * inputs[0] * inputs[0]  # type: ignore[operator]


def frozen_vjp(ct: Value, inputs: Sequence[Value], out: Value) -> list[Value]:
    x = apply("stop_gradient", inputs[0])  # right numbers, but nothing left to differentiate again
    return [ct * 3 * x * x]


# name: (right row, wrong row, cases, the checks that must catch it)
FORMS: dict[str, tuple[Op, Op, list[Case], set[str]]] = {
    "Partials, a factor": (
        one("cube", cube, Partials(lambda x, out: 3 * x * x)),
        one("cube", cube, Partials(lambda x, out: 2 * x * x)),
        VECTOR,
        {"vjp", "jvp"},
    ),
    "Partials, a sign": (
        one("cosine", lambda xp, x: xp.cos(x), Partials(lambda x, out: -elementwise("sin", x))),
        one("cosine", lambda xp, x: xp.cos(x), Partials(lambda x, out: elementwise("sin", x))),
        VECTOR,
        {"vjp", "jvp"},
    ),
    "Partials, one of two inputs": (
        two(
            "quotient",
            lambda xp, x, y: x / y,
            Partials(lambda x, y, o: 1 / y, lambda x, y, o: -o / y),
            samples=((-3.0, 3.0), (0.5, 3.0)),
        ),
        two(
            "quotient",
            lambda xp, x, y: x / y,
            Partials(lambda x, y, o: 1 / y, lambda x, y, o: -o),
            samples=((-3.0, 3.0), (0.5, 3.0)),
        ),
        PAIRS,
        {"vjp", "jvp"},
    ),
    "Partials, inputs exchanged": (
        two("product", lambda xp, x, y: x * y, Partials(lambda x, y, o: y, lambda x, y, o: x)),
        two("product", lambda xp, x, y: x * y, Partials(lambda x, y, o: x, lambda x, y, o: y)),
        PAIRS,
        {"vjp", "jvp"},
    ),
    "Partials, an input that is declared a mask": (
        two("product", lambda xp, x, y: x * y, Partials(lambda x, y, o: y, lambda x, y, o: x)),
        two("product", lambda xp, x, y: x * y, Partials(lambda x, y, o: y, None)),
        PAIRS,
        {"vjp", "jvp"},
    ),
    "Partials of a reduction": (
        reduction("mean", mean_forward, Partials(mean_local), sum_row),
        reduction("mean", mean_forward, Partials(lambda x, out, axis, keepdims: 1), sum_row),
        SUMS,
        {"vjp", "jvp"},
    ),
    "Partials of a reduction, the wrong element": (
        reduction("max", max_row.forward, max_row.derivative, max_row),
        reduction(
            "max",
            max_row.forward,
            Partials(lambda x, out, axis, keepdims: elementwise("less", x, 0.0) * 1.0),
            max_row,
        ),
        SUMS,
        {"vjp", "jvp"},
    ),
    "Partials, right at first order only": (
        one("cube", cube, Partials(lambda x, out: 3 * x * x)),
        one("cube", cube, Partials(lambda x, out: 3 * apply("stop_gradient", x * x))),
        VECTOR,
        {"second order"},
    ),
    "Linear, the operation instead of its transpose": (
        moved("flip", flip),
        moved("flip", lambda ct, x: ct),
        VECTOR,
        {"vjp", "transpose"},
    ),
    "Linear, a factor": (
        one("twice", lambda xp, x: x + x, Linear((lambda ct, x: 2 * ct,))),
        one("twice", lambda xp, x: x + x, Linear((lambda ct, x: ct,))),
        VECTOR,
        {"vjp", "transpose"},
    ),
    "Linear, of an operation that is not": (
        one("square", lambda xp, x: x * x, Partials(lambda x, out: 2 * x)),
        one("square", lambda xp, x: x * x, Linear((lambda ct, x: ct,))),
        VECTOR,
        {"vjp", "jvp", "transpose"},
    ),
    "Linear, in an input that is left out": (
        two("sum", lambda xp, x, y: x + y, Linear((lambda ct, x, y: ct, lambda ct, x, y: ct))),
        two("sum", lambda xp, x, y: x + y, Linear((lambda ct, x, y: ct, None), wrt=(0,))),
        PAIRS,
        {"vjp", "jvp"},
    ),
    "Bilinear, sides exchanged": (
        product(Bilinear(_left, _right)),
        product(Bilinear(_right, _left)),
        PRODUCTS,
        {"vjp", "transpose"},
    ),
    "Bilinear, one side zero": (
        product(Bilinear(_left, _right)),
        product(Bilinear(_left, lambda ct, x, y, batch, summed: zeros_like(y))),
        PRODUCTS,
        {"vjp", "transpose"},
    ),
    "Rules, both wrong alike": (
        one("cube", cube, Rules(cube_vjp, cube_jvp, "a test")),
        one(
            "cube",
            cube,
            Rules(
                lambda ct, xs, out: [ct * xs[0]], lambda dots, xs, out: dots[0] * xs[0], "a test"
            ),
        ),
        VECTOR,
        {"vjp", "jvp"},
    ),
    "Rules, vjp wrong": (
        one("cube", cube, Rules(cube_vjp, cube_jvp, "a test")),
        one("cube", cube, Rules(lambda ct, xs, out: [ct * xs[0]], cube_jvp, "a test")),
        VECTOR,
        {"vjp", "transpose"},
    ),
    "Rules, jvp wrong": (
        one("cube", cube, Rules(cube_vjp, cube_jvp, "a test")),
        one("cube", cube, Rules(cube_vjp, half_jvp, "a test")),
        VECTOR,
        {"jvp", "transpose"},
    ),
    "Rules, no gradient given": (
        one("cube", cube, Rules(cube_vjp, cube_jvp, "a test")),
        one("cube", cube, Rules(lambda ct, xs, out: [None], cube_jvp, "a test")),
        VECTOR,
        {"vjp", "transpose"},
    ),
    "Rules, right at first order only": (
        one("cube", cube, Rules(cube_vjp, cube_jvp, "a test")),
        one("cube", cube, Rules(frozen_vjp, cube_jvp, "a test")),
        VECTOR,
        {"second order"},
    ),
    "ZeroGradient of a function that moves": (
        one("floor", lambda xp, x: xp.floor(x), ZeroGradient("a step")),
        one("floor", lambda xp, x: x - xp.floor(x), ZeroGradient("a step")),
        VECTOR,
        {"vjp", "jvp"},
    ),
    "Partials of a function that does not move": (
        one("floor", lambda xp, x: xp.floor(x), Partials(lambda x, out: zeros_like(x))),
        one("floor", lambda xp, x: xp.floor(x), Partials(lambda x, out: 1)),
        VECTOR,
        {"vjp", "jvp"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_derivative_is_caught(form: str) -> None:
    _, wrong, found, checks = FORMS[form]
    assert checks <= caught_by(wrong, found), f"{form}: caught by {caught_by(wrong, found)} only"


@pytest.mark.parametrize("form", FORMS)
def test_its_right_twin_passes(form: str) -> None:
    right, _, found, _ = FORMS[form]
    with entered(right):
        for check in DERIVATIVE_CHECKS:
            for case in found:
                TRIALS[check](Trial(right, case, float64))


def test_every_form_is_here() -> None:
    forms = {type(wrong.derivative) for _, wrong, _, _ in FORMS.values()}
    assert forms | {NotDifferentiable} == set(Derivative.__args__)  # type: ignore[attr-defined]


def test_not_differentiable_where_a_derivative_exists_is_an_error_nobody_can_miss() -> None:
    row = one("cube", cube, NotDifferentiable("nobody wrote it"))
    with entered(row):
        TRIALS["vjp"](Trial(row, VECTOR[0], float64))  # asks, and sees that it is refused by name


@pytest.mark.parametrize("check", ["type", "layout", "NaN and inf"])
def test_a_wrong_forward_is_caught(check: str) -> None:
    def overwrites(xp: Any, x: Any) -> Any:
        try:
            x[...] = 0
        except (TypeError, ValueError):
            return x + 1
        return x + 0

    forward = {
        "type": lambda xp, x: xp.sum(x, axis=(0,), keepdims=False),
        "layout": overwrites,
        "NaN and inf": lambda xp, x: xp.where(xp.isfinite(x), x, 0),
    }[check]
    row = one("copy", forward, Linear((lambda ct, x: ct,)))
    with entered(row), pytest.raises(AssertionError):
        TRIALS[check](Trial(row, VECTOR[0], float64))
