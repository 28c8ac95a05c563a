"""LeNet-5 as `pellucid.models.lenet5` builds it, trained by each library; see `peers.py`.

Rows in the order they come: 64 images a step, SGD with momentum. JAX takes one compiled step after
the other, with donated buffers: its `scan` over an epoch takes three times as long here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Epoch = Callable[[], Any]
RATE, MOMENTUM = 0.05, 0.9


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28, 1) in [0, 255] and classes."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (rows, 28, 28, 1)).astype(np.float32)
    return pixels, draw.integers(0, 10, rows)


def pellucid(batch: int, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import pellucid as pel

    model = pel.models.lenet5(seed=0)
    model.compile(pel.optim.SGD(RATE, momentum=MOMENTUM), loss="cross_entropy")

    def epoch() -> None:
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, threads=threads)

    return epoch


def torch(batch: int, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(threads)

    class Squash(nn.Module):
        def forward(self, x: Any) -> Any:
            return 1.7159 * torch.tanh(x * (2 / 3))

    class Chosen(nn.Conv2d):
        """C3: each map sees some of the maps before it, by a mask."""

        def forward(self, x: Any) -> Any:
            return functional.conv2d(x, self.weight * mask, self.bias)

    from pellucid.models.convolutional import S2_TO_C3

    mask = torch.zeros(16, 6, 1, 1)
    for out, seen in enumerate(S2_TO_C3):
        mask[out, list(seen)] = 1
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        Squash(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 6, 1, groups=6),
        Squash(),
        Chosen(6, 16, 5),
        Squash(),
        nn.AvgPool2d(2),
        nn.Conv2d(16, 16, 1, groups=16),
        Squash(),
        nn.Conv2d(16, 120, 5),
        Squash(),
        nn.Flatten(),
        nn.Linear(120, 84),
        Squash(),
        nn.Linear(84, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    images, classes = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()) / 255, torch.from_numpy(y)
    measure = nn.CrossEntropyLoss()

    def epoch() -> None:
        order = torch.randperm(len(images))
        for chosen in order.split(batch):
            optimizer.zero_grad()
            measure(model(images[chosen]), classes[chosen]).backward()
            optimizer.step()

    return epoch


def jax(batch: int, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import jax
    import jax.numpy as jnp
    from jax import lax

    from pellucid.models.convolutional import S2_TO_C3

    draw = np.random.default_rng(1)
    seen = np.zeros((1, 1, 6, 16), np.float32)
    for out, maps in enumerate(S2_TO_C3):
        seen[0, 0, list(maps), out] = 1
    mask = jnp.asarray(seen)
    sizes = {
        "C1": (5, 5, 1, 6),
        "b1": (6,),
        "S2": (6,),
        "t2": (6,),
        "C3": (5, 5, 6, 16),
        "b3": (16,),
        "S4": (16,),
        "t4": (16,),
        "C5": (400, 120),
        "b5": (120,),
        "F6": (120, 84),
        "b6": (84,),
        "out": (84, 10),
        "b": (10,),
    }
    weights = {k: jnp.asarray(draw.normal(0, 0.1, s).astype(np.float32)) for k, s in sizes.items()}

    def squash(x: Any) -> Any:
        return 1.7159 * jnp.tanh(x * (2 / 3))

    def convolved(x: Any, w: Any, padding: Any) -> Any:
        return lax.conv_general_dilated(
            x, w, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def pooled(x: Any) -> Any:
        return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4

    def forward(p: Any, x: Any) -> Any:
        x = squash(convolved(x / 255, p["C1"], [(2, 2), (2, 2)]) + p["b1"])
        x = squash(pooled(x) * p["S2"] + p["t2"])
        x = squash(convolved(x, p["C3"] * mask, "VALID") + p["b3"])
        x = squash(pooled(x) * p["S4"] + p["t4"])
        x = squash(x.reshape(x.shape[0], -1) @ p["C5"] + p["b5"])
        return squash(x @ p["F6"] + p["b6"]) @ p["out"] + p["b"]

    def loss(p: Any, x: Any, y: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(p, x)), y[:, None], 1))

    def step(p: Any, v: Any, x: Any, y: Any) -> Any:
        g = jax.grad(loss)(p, x, y)
        v = jax.tree.map(lambda v, g: MOMENTUM * v + g, v, g)
        return jax.tree.map(lambda p, v: p - RATE * v, p, v), v

    run = jax.jit(step, donate_argnums=(0, 1))
    box = [weights, jax.tree.map(jnp.zeros_like, weights)]

    def epoch() -> None:
        order = draw.permutation(len(x))
        for first in range(0, len(x), batch):
            chosen = order[first : first + batch]
            box[:] = run(*box, x[chosen], y[chosen])
        jax.block_until_ready(box)

    return epoch


LIBRARIES = {"Pellucid": pellucid, "JAX jit": jax, "PyTorch eager": torch}
