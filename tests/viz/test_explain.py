"""pel.explain: every line that a person reads is true, and the reading is the lectures'."""

import re
import subprocess
import sys

import numpy as np
import pytest

import pellucid as pel
from pellucid import numpy as pnp
from pellucid.core import shapes
from pellucid.core.dtypes import float64
from pellucid.core.errors import (
    ArgumentError,
    DTypeError,
    NotDifferentiableError,
    PellucidError,
    ShapeError,
)
from pellucid.ops.spec import REGISTRY, Kind, NotDifferentiable, ZeroGradient, lookup
from pellucid.ops.value import apply
from pellucid.viz.expression import Index
from tests.compiler.any_graph import ROWS, AnyGraph, given
from tests.viz.evaluation import Numbers, Reader, check
from tests.viz.functions import FUNCTIONS, B, C, V, W, X, Y, logistic, mlp

pytest.importorskip("sympy")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_line_is_numerically_right(name):
    function, args, argnums = FUNCTIONS[name]
    shown = pel.explain(function, *args, argnums=argnums)
    check(shown)
    assert len(shown.gradient) >= len(shown.gradients) > 0


@pytest.mark.parametrize("seed", range(1, 41, 2))  # an odd seed draws float64
def test_every_line_of_random_graphs_is_numerically_right(seed):
    graph = AnyGraph(seed).graph()

    def function(*xs):
        values = list(xs)
        for node in graph.nodes[len(xs) :]:
            attrs = {name: shapes.bind(value, ROWS) for name, value in node.attrs}
            value = apply(node.op, *(values[i] for i in node.inputs), **attrs)
            held = isinstance(lookup(node.op).derivative, NotDifferentiable)
            values.append(apply("stop_gradient", value) if held else value)
        floats = [values[i] for i in graph.outputs if values[i].type.dtype.is_float]
        return np.float64(0) + sum(np.sum(np.tanh(value / 10)) for value in floats)

    wrt = [i for i, type in enumerate(graph.input_types) if type.dtype.is_float]
    check(pel.explain(function, *given(graph, ROWS), argnums=wrt), 1e-7)


def parts(text):
    """`a = b` as [a, b]; an equality sign in brackets is a condition."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "[(") - (letter in ")]")
        if not depth and text.startswith(" = ", place):
            found.append(text[start:place])
            start = place + 3
    return [*found, text[start:]]


def printed(shown):
    """The gradient as it stands on the page: (name, letters, right sides)."""
    lines = []
    for row in str(shown).split("all uses\n\n")[1].splitlines():
        left, sign, right = re.fullmatch(r"  (\S*)\s+([-+=]) (.*?)(?:\s{3}.*)?", row).groups()
        if left:
            name, _, letters = left.removeprefix("∂J/∂").rstrip("]").partition("[")
            lines.append((name, letters.split(",") if letters else [], parts(right)))
        elif sign == "=":
            lines[-1][2].append(right)
        else:
            lines[-1][2][-1] += f" {sign} {right}"
    return lines


READABLE = [
    "logistic",
    "logistic, every argument",
    "linear, with L2",
    "softmax regression",
    "two layers, tanh",
    "two layers, ReLU",
    "variance",
    "norm",
    "gram",
    "counted",
    "sums first",
    "fan-out",
    "branches",
    "held back",
    "not used",
    "constant",
    "lengths of 1",
]


@pytest.mark.parametrize("name", READABLE)
def test_what_is_printed_is_true_when_it_is_read_as_a_person_reads_it(name):
    function, args, argnums = FUNCTIONS[name]
    shown = pel.explain(function, *args, argnums=argnums)
    numbers, count = Numbers(shown), 0
    for node, letters, sides in printed(shown):
        scope = {one: Index(shown.ranges[one.rstrip("′")]) for one in letters}
        for side in sides:
            expr = Reader(side, shown, scope).all()
            found = numbers.line(expr, list(scope.values()))
            expected = numbers.gradient(shown.names.index(node))
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=side)
            count += 1
    assert count >= len(shown.gradient)


def row_example(row):
    """Arguments for an elementwise row, and the numbers of those that take a gradient."""
    draw = np.random.default_rng(1)
    args = [draw.uniform(low, high, (3, 2)) for low, high in row.samples]
    if row.name == "where":
        args[0] = args[0] > 0.5
    wrt = tuple(i for i in range(len(args)) if row.differentiable(i))
    return args, wrt, {"dtype": float64} if row.attrs else {}


ELEMENTWISE = [
    row.name
    for row in REGISTRY.values()
    if row.kind is Kind.ELEMENTWISE
    and not row.user
    and not isinstance(row.derivative, (ZeroGradient, NotDifferentiable))
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_differentiable_elementwise_row_is_explained(name):
    args, wrt, attrs = row_example(REGISTRY[name])

    def function(*xs):
        return np.sum(apply(name, *xs, **attrs) * weights)

    weights = np.arange(6.0).reshape(3, 2) + 1
    shown = pel.explain(function, *args, argnums=wrt)
    check(shown)
    assert name == "cast" or f" {name}: " in str(shown) or f" {name}; " in str(shown)


def test_a_persons_own_operation_is_no_exception():
    swish = pel.op(
        "swish_explained",
        forward=lambda xp, x: x / (1 + xp.exp(-x)),
        derivative=lambda x, out: out + (1 - out) / (1 + pnp.exp(-x)),
    )
    shown = pel.explain(lambda x: np.sum((swish(x) + swish(2 * x)) ** 2), X)
    assert "d swish_explained(x)/dx = " in str(shown)
    check(shown)


LOGISTIC = """\
J = logistic(w: f64[3], x: f64[5,3], t: f64[5])
with i = 0 … 4, j = 0 … 2
differentiated with respect to w alone; argnums=(0, 1, 2) adds x, t

  v3[i]  = Σ_j x[i,j]·w[j]
  v4[i]  = σ(v3[i])
  v5[i]  = ln(v4[i])
  v6[i]  = t[i]·v5[i]
  v10[i] = 1 - v4[i]
  v11[i] = ln(v10[i])
  v12[i] = (1 - t[i])·v11[i]
  v13[i] = v6[i] + v12[i]
  v14    = Σ_i v13[i]
  J      = -v14

its gradient, from the last line to the first: each is
output gradient × local gradient (the chain rule), summed over all uses

"""


GRADIENT = """\
  ∂J/∂v14    = -1                                           negative: d(-x)/dx = -1
  ∂J/∂v13[i] = ∂J/∂v14 = -1                                 sum: the derivative of a sum is the sum of the derivatives
  ∂J/∂v12[i] = ∂J/∂v13[i] = -1                              add: ∂(x + y)/∂y = 1
  ∂J/∂v11[i] = ∂J/∂v12[i]·(1 - t[i]) = t[i] - 1             multiply: ∂(x·y)/∂y = x
  ∂J/∂v10[i] = ∂J/∂v11[i]·1/v10[i] = (t[i] - 1)/v10[i]      log: d ln(x)/dx = 1/x
  ∂J/∂v6[i]  = ∂J/∂v13[i] = -1                              add: ∂(x + y)/∂x = 1
  ∂J/∂v5[i]  = ∂J/∂v6[i]·t[i] = -t[i]                       multiply: ∂(x·y)/∂y = x
  ∂J/∂v4[i]  = -∂J/∂v10[i]                                  subtract: d(1 - y)/dy = -1
             + ∂J/∂v5[i]·1/v4[i]                            log: d ln(x)/dx = 1/x
             = (1 - t[i])/v10[i] - t[i]/v4[i]               the sum over 2 uses
  ∂J/∂v3[i]  = ∂J/∂v4[i]·v4[i]·(1 - v4[i]) = v4[i] - t[i]   sigmoid: d σ(x)/dx = σ(x)·(1 - σ(x))
  ∂J/∂w[j]   = Σ_i x[i,j]·∂J/∂v3[i]                         dot product: ∂(Σ_k x_k·y_k)/∂y_k = x_k
             = Σ_i x[i,j]·(v4[i] - t[i])                    substituted and simplified"""  # noqa: E501


def test_the_whole_derivation_of_the_logistic_gradient():
    args = FUNCTIONS["logistic"][1]
    shown = pel.explain(logistic, *args)
    assert str(shown) == repr(shown) == LOGISTIC + GRADIENT
    assert shown.gradients == {"w": "Σ_i x[i,j]·(v4[i] - t[i])"}
    np.testing.assert_allclose(shown.values[shown.places[0]], pel.grad(logistic)(*args), rtol=1e-12)


def test_the_softmax_layer_gets_probability_minus_label():
    shown = pel.explain(mlp, W, B, V, C, X, Y, argnums=(0, 1, 2, 3))
    assert "= (p[i,l] - [y[i] = l])/5 " in str(shown)
    assert "; Σ_k [y = k] = 1" in str(shown), "that every label is a class is said"
    assert shown.gradients == {
        "w": "Σ_i x[i,k]·∂J/∂v8[i,j]·(1 - v8[i,j]²)",
        "b": "Σ_i ∂J/∂v8[i,j]·(1 - v8[i,j]²)",
        "v": "1/5·Σ_i v8[i,j]·(p[i,l] - [y[i] = l])",
        "c": "1/5·Σ_i (p[i,l] - [y[i] = l])",
    }


def test_a_label_that_is_no_class_is_not_counted_as_one():
    labels = np.array([0, 1, 2, 1, 0])  # one_hot of two classes gives a row of zeros for the 2
    shown = pel.explain(mlp, W, B, V, C, X, labels, argnums=3)
    assert "= 1/5·Σ_l [y[i] = l]" in str(shown)
    check(shown)


def test_arrays_that_are_closed_over_have_their_variables_names():
    rows = X + 1
    shown = pel.explain(lambda w: np.sum(rows @ w), np.ones(3))
    assert shown.gradients == {"w": "Σ_i rows[i,j]"}
    assert "rows: f64[5,3]" in str(shown)


def test_an_argument_may_be_what_python_needs_it_for():
    def looped(w, times, data):
        for _ in range(times):
            w = w * data.tolist()[0]  # no Tensor has it: given as the array it is
        return np.sum(w)

    shown = pel.explain(looped, np.ones(2), 3, np.array([2.0]))
    assert shown.gradients == {"w": "8"}


def test_a_name_of_the_function_is_never_taken():
    def cost(J, i):
        return np.sum(J * J) * i

    shown = pel.explain(cost, X, 2.0, argnums=(0, 1))
    assert str(shown).startswith("J_ = cost(J: f64[5,3], i: f64[])")
    assert shown.gradients == {"J": "2·i·J[j,k]", "i": "v3"}
    check(shown, 1e-6)


def test_zero_gradients_say_why():
    shown = str(pel.explain(lambda x: np.sum(np.sign(x) * x) + np.sum(np.floor(x)), X))
    assert "gradient 0: sign is constant on either side of 0" in shown
    assert "gradient 0: floor is constant between integers" in shown
    dead = str(pel.explain(lambda x: np.sum(np.floor(x * 2)), X))
    assert "= 0   floor is constant between integers" in dead


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: pel.explain(3, 1.0),
            ArgumentError,
            "[explain] expected a function or a model, got int",
        ),
        (lambda: pel.explain(logistic), ArgumentError, "Write pel.explain(logistic, w, x, t)."),
        (lambda: pel.explain(lambda x: x, X), ShapeError, "[explain] the function must return one"),
        (lambda: pel.explain(lambda x: (x, x), 1.0), ShapeError, "got 2 outputs"),
        (lambda: pel.explain(lambda x: x, 1), DTypeError, "[explain of x] only float arguments"),
        (lambda: pel.explain(lambda x: x > 0, 1.0), DTypeError, "[explain] the function must"),
        (lambda: pel.explain(np.sum, X, argnums=1), ArgumentError, "[explain] argnums must name"),
        (lambda: pel.explain(np.sum, X, argnums="x"), PellucidError, "[explain] argnums must"),
        (lambda: pel.explain(np.sum, X, argnum=1), ArgumentError, "Did you mean 'argnums'?"),
        (lambda: pel.explain(np.sum, "X"), DTypeError, "[explain] arguments must be"),
        (lambda: pel.explain(lambda x: np.argmax(x) * 1.0, X), NotDifferentiableError, "argmax"),
    ],
)
def test_errors(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)


def test_without_sympy_the_error_says_how_to_get_it():
    code = (
        "import sys; sys.modules['sympy'] = None\n"
        "import numpy as np, pellucid as pel\n"
        "try:\n    pel.explain(np.sum, np.ones(3))\n"
        "except pel.PellucidError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("[explain] SymPy must be installed"), done.stderr
    assert "pip install 'pellucid[explain]'" in done.stdout
