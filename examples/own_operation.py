"""An operation of your own: its forward, its local gradient, and what a mistake looks like."""

import numpy as np

import pellucid as pel
import pellucid.numpy as pnp

swish = pel.op(
    "swish",
    forward=lambda xp, x: x / (1 + xp.exp(-x)),
    derivative=lambda x, out: out + (1 - out) * pnp.sigmoid(x),
    samples=(-4, 4),
)
print("swish(1) =", swish(1.0).item(), " slope", pel.grad(swish)(1.0))

x = np.linspace(-2, 2, 64)[:, None]
model = pel.Sequential([pel.nn.Dense(16, activation=swish), pel.nn.Dense(1)], seed=0)
model.compile(pel.optim.Adam(0.02), loss="squared")
model.fit(x, np.abs(x), batch_size=16, epochs=200, seed=0, verbose=0)
print("|x| learnt with swish, loss", round(model.evaluate(x, np.abs(x))["loss"], 4))

try:
    pel.op("wrong", forward=lambda xp, x: x * x, derivative=lambda x, out: x)
except pel.GradientError as error:
    print("a wrong gradient never enters a graph:", error.short)
