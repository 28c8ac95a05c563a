"""What `pel.explain` is tried on: name, function, arguments, and which are differentiated."""

import numpy as np

from pellucid import numpy as pnp

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 3))
T = (np.arange(5) % 2).astype(float)
Y = np.arange(5) % 2
W, B = RNG.normal(size=(3, 4)), RNG.normal(size=4)
V, C = RNG.normal(size=(4, 2)), RNG.normal(size=2)


def logistic(w, x, t):
    p = pnp.sigmoid(x @ w)
    return -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))


def linear(w, x, t):
    return np.mean((x @ w - t) ** 2) + 0.05 * np.sum(w**2)


def softmax_regression(w, x, y):
    return -np.mean(np.sum(pnp.one_hot(y, 4) * pnp.log_softmax(x @ w), axis=1))


def mlp(w, b, v, c, x, y):
    hidden = np.tanh(x @ w + b)
    return -np.mean(np.sum(pnp.one_hot(y, 2) * pnp.log_softmax(hidden @ v + c), axis=1))


def relu_mlp(w, b, v, x, t):
    return 0.5 * np.sum((np.maximum(x @ w + b, 0) @ v - t[:, None]) ** 2) / len(x)


def deep(p, x, t):
    for layer in p["layers"]:
        x = pnp.sigmoid(x @ layer["W"] + layer["b"])
    return np.mean((x[:, 0] - t) ** 2)


def picked(w, x, y):
    rows = np.arange(len(x))
    return -np.mean(pnp.log_softmax(x @ w)[rows, y]) + np.sum(np.take(w, y, axis=1) ** 2)


def by_hand(z):
    e = np.exp(z)
    return np.sum((e / np.sum(e, axis=1, keepdims=True))[0] ** 2)


LAYERS = [{"W": W, "b": B}, {"W": V, "b": C}]
FUNCTIONS = {
    "logistic": (logistic, (RNG.normal(size=3), X, T), 0),
    "logistic, every argument": (logistic, (RNG.normal(size=3), X, T * 0.8 + 0.1), (0, 1, 2)),
    "linear, with L2": (linear, (RNG.normal(size=3), X, T), 0),
    "softmax regression": (softmax_regression, (W, X, Y), 0),
    "two layers, tanh": (mlp, (W, B, V, C, X, Y), (0, 1, 2, 3)),
    "two layers, ReLU": (relu_mlp, (W, B, V[:, :1], X, T), (0, 1, 2)),
    "nested": (deep, ({"layers": LAYERS}, X, T), 0),
    "gather": (picked, (W, X, Y), 0),
    "softmax by hand": (by_hand, (W,), 0),
    "slices": (lambda z: np.mean(z[1:, ::2]) * np.sum(z[::-1] * z), (W,), 0),
    "variance": (lambda z: np.var(z) + np.sum(np.std(z, axis=1)), (W,), 0),
    "extremes": (lambda z: np.max(z) + np.sum(np.min(z, axis=1) ** 2), (W,), 0),
    "norm": (lambda z: np.linalg.norm(z), (W,), 0),
    "reshapes": (lambda z: np.sum(np.reshape(z, (2, 6)) * np.reshape(z, (12,))[:6]), (W,), 0),
    "split": (lambda z: np.sum(np.reshape(z, (3, 2, 2)) ** 3), (W,), 0),
    "transposes": (lambda z: np.sum(z @ z.T) + np.trace(z @ z.T), (W,), 0),
    "gram": (lambda z: np.sum(np.tanh(z @ z.T)), (W,), 0),
    "counted": (
        lambda b, s: np.sum((X + b) * s) + np.sum(X * b),
        (np.float64(0.5), np.float64(2)),
        (0, 1),
    ),
    "sums first": (lambda z: np.sum((z - np.mean(z)) ** 3 * np.sum(z)), (W,), 0),
    "concat": (lambda a, b: np.sum(np.concatenate([a, b]) ** 3), (B, C), (0, 1)),
    "windows": (
        lambda z: np.sum(pnp.max_pool(z, (2, 2)) ** 2),
        (RNG.normal(size=(1, 4, 4, 2)),),
        0,
    ),
    "convolution": (
        lambda k, x: np.sum(np.tanh(pnp.conv(x, k))),
        (RNG.normal(size=(2, 2, 2, 3)), RNG.normal(size=(1, 4, 4, 2))),
        (0, 1),
    ),
    "powers": (lambda x, y: np.sum(x**3 + x**y + 2.0**y + x**-1.5), (X**2 + 0.5, X), (0, 1)),
    "branches": (lambda x: np.sum(np.where(x > 0, x * x, np.exp(x))), (X,), 0),
    "fan-out": (lambda x: np.sum(np.sin(x) * x + x / np.cos(x) - x), (X / 4,), 0),
    "held back": (lambda x: np.sum(x * pnp.stop_gradient(x)), (X,), 0),
    "one input used as it is": (lambda x: x, (1.5,), 0),
    "not used": (lambda x, y: np.sum(y), (X, X), (0, 1)),
    "constant": (lambda x: 3.0 * x + np.sum(np.ones(4)), (0.5,), 0),
    "length 0": (lambda x: np.sum(x * x), (np.ones((0, 2)),), 0),
    "lengths of 1": (lambda w, x: np.sum(np.tanh(x @ w) ** 2), (W[:, :1], X[:, :]), (0, 1)),
}
