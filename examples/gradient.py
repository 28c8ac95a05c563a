"""Gradient descent on a plain function, and the graph behind it."""

import numpy as np

import pellucid as pel

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
t = X @ [2.0, -1.0] + 0.5 + 0.1 * rng.normal(size=200)


def loss(w, b):
    """Mean squared error of a line, written with NumPy's own functions."""
    return np.mean((X @ w + b - t) ** 2)


step = pel.jit(pel.value_and_grad(loss, (0, 1)))
w, b = np.zeros(2), np.float64(0)
for i in range(101):
    value, (dw, db) = step(w, b)
    w, b = w - 0.1 * dw, b - 0.1 * db
    if i % 25 == 0:
        print(f"step {i:3}  loss {value:.4f}  w {w.round(3)}  b {float(b):.3f}")

print("\nThe curvature at the end:")
print(pel.hessian(loss)(w, b).round(3))
print("\nThe graph, forward and backward:")
print(pel.show(loss, w, b))
