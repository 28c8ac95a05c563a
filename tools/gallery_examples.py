"""The lectures' worked examples: a function draws each; its body is the program on the page."""

from __future__ import annotations

import numpy as np

import pellucid as pel
from pellucid.viz import Picture


def product_and_sum() -> Picture:
    """A product and a sum: b = xy + z.

    At x = 3, y = -5, z = 2: a = -15 and b = -13. Backward: ∂b/∂a = 1, ∂b/∂z = 1, and through the
    product ∂b/∂x = y = -5 and ∂b/∂y = x = 3.
    """

    def b(x, y, z):
        a = x * y
        return a + z

    return pel.draw(b, 3.0, -5.0, 2.0)


def product_and_sum_in_frames() -> Picture:
    """The same graph, frame by frame.

    Forward until every value is known, then backward until every gradient is. What a frame has
    computed has a thick edge; what is not known yet is a question mark.
    """

    def b(x, y, z):
        a = x * y
        return a + z

    frames = pel.viz.frames(b, 3.0, -5.0, 2.0)
    return pel.viz.beside(frames, "b = xy + z, frame by frame", columns=3)


def two_powers() -> Picture:
    """A value that is used twice: f = x³·x².

    With y = x³ and z = x² the derivative is the sum over both uses of x: df/dx = 5x⁴, which is 80
    at x = 2.
    """

    def f(x):
        y = x**3
        z = x**2
        return y * z

    return pel.draw(f, 2.0)


def logistic_regression_by_scalars() -> Picture:
    """Logistic regression from scalar nodes.

    p = 1/(1 + e^-(w₀ + w₁x₁ + w₂x₂)): a node for each operation.
    """

    def p(w0, w1, w2):
        a = w0 + w1 * x1 + w2 * x2
        return 1 / (1 + np.exp(-a))

    x1, x2 = 1.5, -0.25
    return pel.draw(p, 0.5, -1.0, 2.0)


def logistic_regression_with_sigma() -> Picture:
    """Logistic regression with one node σ.

    The four nodes behind a are grouped into one; value and gradients stay the same.
    """

    def p(w0, w1, w2):
        a = w0 + w1 * x1 + w2 * x2
        return pel.numpy.sigmoid(a)

    x1, x2 = 1.5, -0.25
    return pel.draw(p, 0.5, -1.0, 2.0)


def which_function() -> Picture:
    """Which function is this graph?

    Read it from left to right: two weights, a hinge, and the squared distance to a target. Frame by
    frame the values appear, and then the gradients of all parameters, with which gradient descent
    takes its step.
    """

    def cost(w, b):
        z = w * 2.0 + b
        q = np.maximum(z, 0)
        e = q - 1.0
        return e**2

    frames = pel.viz.frames(cost, 1.5, -0.5)
    return pel.viz.beside(frames, "Which function is this graph?", columns=2)


def scalar_backpropagation() -> Picture:
    """Backpropagation through 2-3-3-1 by scalars.

    Nodes a, b → c, d, e → f, g, h → z; a name with a bar, such as z_, is the value before the
    sigmoid. Each of the 25 parameters shows its gradient: ∂z/∂W_fz = f·σ′(z̄).
    """

    def z(a, b, W, bias):
        c_ = W["ac"] * a + W["bc"] * b + bias["c"]
        c = pel.numpy.sigmoid(c_)
        d_ = W["ad"] * a + W["bd"] * b + bias["d"]
        d = pel.numpy.sigmoid(d_)
        e_ = W["ae"] * a + W["be"] * b + bias["e"]
        e = pel.numpy.sigmoid(e_)
        f_ = W["cf"] * c + W["df"] * d + W["ef"] * e + bias["f"]
        f = pel.numpy.sigmoid(f_)
        g_ = W["cg"] * c + W["dg"] * d + W["eg"] * e + bias["g"]
        g = pel.numpy.sigmoid(g_)
        h_ = W["ch"] * c + W["dh"] * d + W["eh"] * e + bias["h"]
        h = pel.numpy.sigmoid(h_)
        z_ = W["fz"] * f + W["gz"] * g + W["hz"] * h + bias["z"]
        return pel.numpy.sigmoid(z_)

    rng = np.random.default_rng(4)
    links = [i + j for i in "ab" for j in "cde"] + [i + j for i in "cde" for j in "fgh"]
    links += ["fz", "gz", "hz"]
    W = {link: round(rng.normal(), 2) for link in links}
    bias = {node: round(rng.normal(), 2) for node in "cdefghz"}
    return pel.draw(z, 0.8, -1.3, W, bias)


def two_layer_regression() -> Picture:
    """A two-layer regression, forward and backward.

    The way back reads what the way forward has stored, q1 and z1: they stand in it with a dotted
    edge. Outputs of the backward pass are the gradients of all weights.
    """

    def cost(W1, b1, W2, b2):
        z1 = W1 @ x + b1
        q1 = np.maximum(z1, 0)
        z2 = W2 @ q1 + b2
        return np.sum((y - z2) ** 2)

    x, y = np.array([1.0, -2.0]), np.array([0.7])
    W1, b1 = np.array([[0.5, 0.25], [1.0, -0.5], [-1.0, 0.5]]), np.array([0.1, 0.0, -0.2])
    W2, b2 = np.array([[1.0, -0.5, 2.0]]), np.array([0.3])
    return pel.draw(cost, W1, b1, W2, b2, view="backward")


def two_layer_regression_step() -> Picture:
    """The training step of a two-layer regression.

    A column for each layer, a row for each phase: forward, backward, and the update of weights,
    w - γ·∂J/∂w, all of it opened.
    """
    model = pel.Sequential(
        [pel.nn.Dense(3, "relu", name="hidden", input_shape=(2,)), pel.nn.Dense(1, name="out")],
        seed=0,
    )
    model.compile(pel.optim.SGD(0.1), "squared")
    graph = model.training_graph(np.ones((1, 2)), np.ones((1, 1)))
    return pel.draw(graph, opened="all")


def xor_network() -> Picture:
    """XOR with two ReLU units.

    With W = [[1, 1], [1, 1]], c = (0, -1), w = (1, -2), b = 0 the outputs of the four points are 0,
    1, 1, 0.
    """
    model = pel.Sequential([pel.nn.Dense(2, "relu", input_shape=(2,)), pel.nn.Dense(1)])
    model.set_weights([[[1, 1], [1, 1]], [0, -1], [[1], [-2]], [0]])
    return pel.draw(model)


def xor_features() -> Picture:
    """XOR in the plane of its features.

    On the left the four points and where the output is above ½. On the right the same points as
    the hidden units see them: (0, 1) and (1, 0) share the feature (1, 0), and one line is enough.
    """
    model = pel.Sequential([pel.nn.Dense(2, "relu", input_shape=(2,)), pel.nn.Dense(1)])
    model.set_weights([[[1, 1], [1, 1]], [0, -1], [[1], [-2]], [0]])
    hidden, out = pel.Sequential(model.layers[:1]), pel.Sequential(model.layers[1:])
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    area = ((-0.5, 2.5), (-0.5, 1.5))
    seen = hidden.predict(x)
    shown = [f"y = {value:g}" for value in model.predict(x)[:, 0]]
    outputs = [(a, b, text) for (a, b), text in zip(x, shown, strict=True)]
    named = [(a, b, f"({a:g}, {b:g})") for a, b in sorted(set(map(tuple, seen.tolist())))]
    left = pel.viz.boundary(model, x, y, marks=outputs, title="The points x")
    right = pel.viz.boundary(
        out, seen, y, area=area, title="Their features h", names=("h₁", "h₂"), marks=named
    )
    return pel.viz.beside([left, right], "XOR: points and features")


def hyperplane_features() -> Picture:
    """Signs of hyperplanes as features.

    Four lines turn the points (0.2, 0.8), (0.5, 0.5) and (0.5, 1) into the features
    (-1, -1, 1, -1), (-1, 1, 1, -1) and (-1, -1, -1, -1). A linear map of these gives the classes
    0, 1 and 0.
    """
    model = pel.Sequential([pel.nn.Dense(4, "sign", input_shape=(2,)), pel.nn.Dense(1, "step")])
    planes = [[1, 1, 0, 0], [0, -1, -1, -1]]  # a column each: x₁ > 0.8, x₁ - x₂ > -0.2, …
    offsets = [-0.8, 0.2, 0.9, 0.2]
    model.set_weights([planes, offsets, [[-1], [1], [1], [-1]], [-3]])
    hidden = pel.Sequential(model.layers[:1])
    x, y = np.array([[0.2, 0.8], [0.5, 0.5], [0.5, 1.0]]), np.array([0, 1, 0])
    area = ((0, 1.2), (0, 1.2))
    units = pel.viz.features(hidden, area, names=["u₁", "u₂", "u₃", "u₄"], x=x, y=y)
    u = [", ".join(f"{value:+.0f}" for value in row) for row in hidden.predict(x)]
    marks = [(*point, f"({text})") for text, point in zip(u, x.tolist(), strict=True)]
    classes = pel.viz.boundary(model, x, y, area=area, marks=marks, title="The class")
    return pel.viz.beside([units, classes], "Signs of hyperplanes as features", columns=1)


def learned_features() -> Picture:
    """What hidden units have learned: steps and sigmoids.

    Both rows are trained on the same points. A step gives binary features, a side of a line; a
    sigmoid gives values between 0 and 1, which mimic them.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=(80, 2))
    y = (np.abs(x).sum(1) < 1.8).astype(int)
    rows = []
    for activation in ("step_straight_through", "sigmoid"):
        model = pel.Sequential([pel.nn.Dense(4, activation), pel.nn.Dense(1, "sigmoid")], seed=1)
        model.compile(pel.optim.Adam(0.05), "binary_cross_entropy")
        model.fit(x, y, epochs=150, batch_size=20, seed=0, verbose=0)
        hidden = pel.Sequential(model.layers[:1])
        rows.append(pel.viz.features(hidden, ((-2, 2), (-2, 2)), x=x, y=y))
    return pel.viz.beside(rows, "Units with a step above, with a sigmoid below", columns=1)
