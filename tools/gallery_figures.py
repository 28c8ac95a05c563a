"""Diagrams and figures: a function draws each; its body is the program on the page."""

from __future__ import annotations

import numpy as np

import pellucid as pel
from pellucid.viz import Picture


def linear_unit() -> Picture:
    """One unit: f = ax + by + cz.

    Read a unit as the sum of what comes in, each times the number on its link.
    """
    unit = pel.Sequential([pel.nn.Dense(1, use_bias=False, input_shape=(3,))], name="f")
    unit.set_weights([[[2.0], [-1.0], [0.5]]])
    return pel.draw(unit)


def units_and_links() -> Picture:
    """A network of units: biases and activations shown.

    Links are blue and solid above 0, vermillion and dashed below; their width is the size of the
    weight.
    """
    model = pel.Sequential(
        [
            pel.nn.Dense(8, "tanh", input_shape=(2,)),
            pel.nn.Dense(8, "relu"),
            pel.nn.Dense(1, "sigmoid"),
        ],
        seed=0,
    )
    return pel.draw(model, view="units")


def units_without_biases() -> Picture:
    """The same network: biases and activations hidden."""
    model = pel.Sequential(
        [
            pel.nn.Dense(8, "tanh", input_shape=(2,)),
            pel.nn.Dense(8, "relu"),
            pel.nn.Dense(1, "sigmoid"),
        ],
        seed=0,
    )
    return pel.draw(model, view="units", biases=False, activations=False)


def matrix_notation() -> Picture:
    """The same network as products of matrices."""
    model = pel.Sequential(
        [
            pel.nn.Dense(8, "tanh", input_shape=(2,)),
            pel.nn.Dense(8, "relu"),
            pel.nn.Dense(1, "sigmoid"),
        ],
        seed=0,
    )
    return pel.draw(model, view="matrices")


def lenet_blocks() -> Picture:
    """LeNet-5 as blocks of relative sizes."""
    return pel.draw(pel.models.lenet5())


def two_inputs() -> Picture:
    """A network with two inputs as blocks."""
    left, right = pel.Input((16,), name="left"), pel.Input((4,), name="right")
    both = pel.nn.Concat()([pel.nn.Dense(8, "relu")(left), pel.nn.Dense(8, "relu")(right)])
    model = pel.Model([left, right], pel.nn.Dense(3, "softmax")(both))
    return pel.draw(model)


def adam_step() -> Picture:
    """The Adam step of 784-200-10, folded.

    183 nodes in a box for each layer and phase. `opened="forward"` would show the nodes of the
    forward pass, `opened="dense_1"` those of a layer.
    """
    model = pel.Sequential(
        [
            pel.nn.Flatten(input_shape=(28, 28)),
            pel.nn.Dense(200, "relu", name="hidden"),
            pel.nn.Dense(10, name="out"),
        ],
    )
    model.compile(pel.optim.Adam(), "cross_entropy")
    return pel.draw(model.training_graph(np.zeros((1, 28, 28)), np.zeros(1, int)))


def activations() -> Picture:
    """Three activations."""
    functions = {
        "sigmoid: 1/(1 + e⁻ˣ)": pel.numpy.sigmoid,
        "tanh": np.tanh,
        "ReLU: max(0, x)": lambda x: np.maximum(x, 0),
    }
    return pel.viz.plot(functions, -4, 4, y=(-1.2, 2.2), title="Activations")


def losses_against_the_margin() -> Picture:
    """Losses against the margin t·y.

    Each with the loss of the library, for the target t = 1: on the right of 0 a point is on the
    right side.
    """

    def rows(loss):
        return lambda y: np.asarray(loss.per_row(np.ones((len(y), 1)), y[:, None]))

    losses = {
        "0/1 error": lambda y: (y < 0).astype(float),
        "hinge": rows(pel.nn.Hinge()),
        "squared": rows(pel.nn.Squared()),
        "logistic": rows(pel.nn.BinaryCrossEntropy()),
    }
    return pel.viz.plot(losses, -2, 3, y=(-0.2, 4), title="Losses", x_label="margin t·y")


def penalties() -> Picture:
    """L1 and L2: level lines of error and penalty.

    The ring marks the least sum of both: for L1 it lies on an axis, where w₂ is exactly 0.
    """

    def error(w):
        return (w[:, 0] - 1.6) ** 2 + (w[:, 1] - 0.4) ** 2

    def with_penalty(name, penalty):
        grid = np.stack(np.meshgrid(*[np.linspace(-1, 2, 301)] * 2), -1).reshape(-1, 2)
        best = grid[np.argmin(error(grid) + penalty(grid))].round(2) + 0.0
        shown = f"{name}: ({best[0]:g}, {best[1]:g})"
        marks = [(1.6, 0.4, "least error"), (*best, shown)]
        functions = {"error": error, name: penalty}
        return pel.viz.contours(functions, ((-1, 2.4), (-1, 1.6)), marks=marks, title=name)

    l1 = with_penalty("L1", lambda w: np.abs(w).sum(1))
    l2 = with_penalty("L2", lambda w: (w**2).sum(1))
    return pel.viz.beside([l1, l2], "L1 and L2")


def error_with_penalty() -> Picture:
    """Error, penalty and their sum as surfaces."""

    def error(w):
        return (w[:, 0] - 1) ** 2 + 0.2 * (w[:, 1] + 0.5) ** 2

    def penalty(w):
        return np.abs(w).sum(1)

    area = ((-2, 2), (-2, 2))
    surfaces = [
        pel.viz.surface(error, area, title="Error"),
        pel.viz.surface(penalty, area, title="L1 penalty"),
        pel.viz.surface(lambda w: error(w) + penalty(w), area, title="Their sum"),
    ]
    return pel.viz.beside(surfaces, "Error, penalty and their sum", columns=3)


def convex_or_not() -> Picture:
    """A convex surface and one that is not."""

    def hilly(w):
        return np.sin(2.5 * w[:, 0]) * np.cos(2 * w[:, 1]) + 0.2 * (w**2).sum(1)

    area = ((-2, 2), (-2, 2))
    convex = pel.viz.surface(lambda w: (w**2).sum(1), area, title="Convex: one minimum")
    other = pel.viz.surface(hilly, area, title="Not convex: several")
    return pel.viz.beside([convex, other], "A convex surface and one that is not")


def chain_rule_slopes() -> Picture:
    """The chain rule as slopes.

    The slope of f(g(x)) is the slope of g at x times the slope of f at g(x): here 1.5 · 2.25 =
    3.375.
    """
    g, f = (lambda x: 0.75 * x**2), (lambda u: 1.5 * u**2)
    places = {
        "g(x) = 0.75x²": (g, 1.0),
        "f(u) = 1.5u²": (f, g(1.0)),
        "f(g(x))": (lambda x: f(g(x)), 1.0),
    }
    panels = [
        pel.viz.plot({name: function}, -0.5, 2, tangent=place)
        for name, (function, place) in places.items()
    ]
    return pel.viz.beside(panels, "The chain rule as slopes", columns=3)


def margin() -> Picture:
    """The margin of a support vector machine.

    The line is where the score is 0, the dashed lines where it is ±1; the support vectors have
    rings.
    """
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal((-1, -1), 0.7, (25, 2)), rng.normal((1.2, 1), 0.7, (25, 2))])
    y = np.repeat([-1, 1], 25)
    machine = pel.svm.SVC(C=1.0, kernel="linear").fit(x, y)
    return pel.draw(machine, x, y)


def decision_boundary() -> Picture:
    """The decision boundary of a network."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(120, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = pel.Sequential([pel.nn.Dense(8, "tanh"), pel.nn.Dense(1, "sigmoid")], seed=0)
    model.compile(pel.optim.Adam(0.05), "binary_cross_entropy")
    model.fit(x, y, epochs=200, batch_size=30, seed=0, verbose=0)
    return pel.viz.boundary(model, x, y)


def training_curves() -> Picture:
    """The curves of a run."""
    x = np.random.default_rng(0).uniform(-1, 1, size=(120, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = pel.Sequential([pel.nn.Dense(8, "tanh"), pel.nn.Dense(1, "sigmoid")], seed=0)
    model.compile(pel.optim.Adam(0.02), "binary_cross_entropy", metrics=["accuracy"])
    held = (x[90:], y[90:])
    history = model.fit(x[:90], y[:90], epochs=80, validation_data=held, seed=0, verbose=0)
    return pel.draw(history)


def nerve_cell() -> Picture:
    """A nerve cell and a unit.

    Dendrites take up signals, at synapses that excite or inhibit; where their sum is large enough,
    the axon passes on an impulse, all or none.
    """
    return pel.viz.neuron()


def history_line() -> Picture:
    """From Hebb to AlexNet."""
    return pel.viz.timeline()
