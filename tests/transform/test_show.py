"""pel.show: what a person reads."""

import re

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError, PellucidError

X = np.ones((2, 3))


def sum_of_squares(x):
    return np.sum(x**2)


def lines(shown):
    """Each line as (left side, value, note) without the source line."""
    return [re.sub(r"\s+# \S+:\d+$", "", row) for row in str(shown).splitlines()]


@pytest.mark.lecture("T1.G11")
def test_the_lectures_graph_with_its_numbers():
    shown = lines(pel.show(lambda x, y, z: x * y + z, 3.0, -5.0, 2.0))
    text = "\n".join(re.sub(r"  +", " ", row) for row in shown)
    assert text == (
        "graph(x: f64[], y: f64[], z: f64[])\n"
        "x: f64[] → 3\n"
        "y: f64[] → -5\n"
        "z: f64[] → 2\n"
        "v3: f64[] = multiply(x, y) → -15\n"
        "v4: f64[] = add(v3, z) → -13\n"
        "\n"
        "backward\n"
        "v5: f64[] = full(dtype=float64, shape=(), value=1.0) → 1 ∂v4/∂z, ∂v4/∂v3, ∂v4/∂v4\n"
        "v6: f64[] = multiply(v5, y) → -5 ∂v4/∂x\n"
        "v7: f64[] = multiply(v5, x) → 3 ∂v4/∂y\n"
        "\n"
        "return v4, v6, v7, v5"
    )


def test_the_users_line_stands_behind_each_node():
    assert "# test_show.py:" in str(pel.show(lambda x: np.sin(x), 1.0))


def test_a_computed_tensor_shows_how_it_was_computed():
    x, w = pel.Tensor(2.0), pel.Tensor([1.0, 3.0])
    shown = str(pel.show((x * w).sum()))
    assert "→ [2, 6]" in shown
    assert "→ 8" in shown
    assert "backward" in shown


def test_without_a_scalar_there_is_no_backward_part():
    assert "backward" not in str(pel.show(lambda x: x * 2, np.ones(3)))
    assert "backward" not in str(pel.show(lambda x: x.sum(), np.array([1, 2])))


def test_closed_over_arrays_are_shown_and_not_differentiated():
    data = np.array([1.0, 2.0])
    shown = pel.show(lambda w: (data * w).sum(), 3.0)
    assert "∂v3/∂w" in str(shown)
    assert "∂c0_" not in str(shown)


def test_zero_gradients_say_why():
    assert "gradient 0: sign is constant" in str(pel.show(lambda x: np.sign(x).sum(), np.ones(2)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.array(True), "True"),
        (np.zeros((0, 3)), "empty"),
        (np.array([-0.0, 1e-9]), "[0, 1e-09]"),
        (np.array([[1, 2]]), "[[1, 2]]"),
        (np.arange(100.0), "0 … 99, mean 49.5"),
        (np.ones(50, bool), "50 of 50 true"),
        (np.array([np.nan, np.inf]), "[nan, inf]"),
    ],
)
def test_values_are_short(value, text):
    from pellucid.transform.show import short

    assert short(np.asarray(value)) == text


def test_values_may_be_left_out():
    assert "→" not in str(pel.show(lambda x: np.exp(x), 1.0, values=False)).replace("∂", "")


def test_the_backward_part_may_be_left_out():
    assert "backward" in str(pel.show(lambda x: x * x, 1.0))
    assert "backward" not in str(pel.show(lambda x: x * x, 1.0, backward=False))


def public():
    """Every public callable: functions, classes, losses, layers; not those that wait for a page."""
    rooms = (pel, pel.nn, pel.optim, pel.numpy, pel.metrics, pel.data, pel.testing, pel.models)
    for room in rooms:
        for name in room.__all__ if hasattr(room, "__all__") else dir(room):
            if name in ("play", "inspect") or name.startswith("_"):
                continue
            if callable(getattr(room, name)):
                yield f"{room.__name__}.{name}", getattr(room, name)


BEHIND = [(), (np.ones((2, 3)),), (np.ones((2, 3)), 0), (np.ones((2, 3)),) * 3, ("a",), (None,)]


@pytest.mark.parametrize("looked_at", [pel.show, pel.explain], ids=["show", "explain"])
def test_every_public_callable_is_shown_or_refused_in_the_one_form(looked_at):
    pytest.importorskip("sympy")
    shown = 0
    for name, function in public():
        for args in BEHIND:
            try:
                shown += bool(str(looked_at(function, *args)))
            except PellucidError:
                pass
            except Exception as error:
                pytest.fail(f"{looked_at.__name__}({name}, {len(args)} arguments): {error!r}")
    assert shown > 10


def keyword_only(x, *, scale):
    return np.sum(x * scale)


ADVICE = [  # the call, what it is told, and that advice followed
    (lambda: pel.show(sum_of_squares), "pel.show(sum_of_squares, x)", (sum_of_squares, X)),
    (lambda: pel.show(np.mean), "pel.show(np.mean, a)", (np.mean, X)),
    (
        lambda: pel.show(keyword_only, X),
        "pel.show(lambda x: keyword_only(x, scale=scale), x)",
        (lambda x: keyword_only(x, scale=2.0), X),
    ),
    (lambda: pel.show(3), "pel.show(f, x)", (sum_of_squares, X)),
    (lambda: pel.show(pel.Sequential, X), "pel.show(f, x)", (sum_of_squares, X)),
    (lambda: pel.show(sum_of_squares, X, X), "pel.show(sum_of_squares, x)", (sum_of_squares, X)),
    (lambda: pel.show(lambda x: None, X), "End it with return", (lambda x: x, X)),
    (lambda: pel.show(pel.Tensor(1.0), 2), "pel.show(tensor)", (pel.Tensor(1.0),)),
    (lambda: pel.grad(lambda x: pel.show(x))(1.0), "pel.show(f, x)", (sum_of_squares, X)),
    (lambda: pel.grad(lambda x: pel.show(np.sin, x))(1.0), "pel.show(f, x)", (np.sin, 1.0)),
    (
        lambda: pel.show(np.sum, "mean"),
        "set inside: lambda x: f(x, other)",
        (lambda x: np.sum(x, None), X),
    ),
]


@pytest.mark.parametrize(("call", "advice", "mended"), ADVICE, ids=[row[1] for row in ADVICE])
def test_the_advice_works(call, advice, mended):
    with pytest.raises(PellucidError) as caught:
        call()
    assert advice in caught.value.fix
    assert str(pel.show(*mended)).startswith("graph(")


def test_a_graph_is_printed_not_shown():
    graph = pel.show(np.sin, 1.0).graph
    with pytest.raises(ArgumentError, match=r"got Graph.*print\(graph\)"):
        pel.show(graph)
    assert str(graph).startswith("graph(")


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="Did you mean 'values'"):
        pel.show(np.sin, 1.0, value=False)
    with pytest.raises(ArgumentError, match="backward must be True or False"):
        pel.show(np.sin, 1.0, backward="no")
    with pytest.raises(ArgumentError, match="a function, a model or a Tensor"):
        pel.show(3)
    with pytest.raises(ArgumentError, match="no further arguments"):
        pel.show(pel.Tensor(1.0), 2)
