"""Plain functions of arrays, called from Python: a step, a prediction, a loss and its gradient.

The same functions in each library's own words, compiled where it compiles. All of them take NumPy
arrays of rows and give what a caller can use: a call is over when its result is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import peers
from peers import Epoch, Net

Weights = list[tuple[Any, Any]]
Maker = Callable[[Net, np.ndarray, np.ndarray, int], Any]


def forward(p: Weights, x: Any) -> Any:
    """A chain with ReLU, in NumPy's functions."""
    for w, b in p[:-1]:
        x = np.maximum(x @ w + b, 0)
    w, b = p[-1]
    return x @ w + b


def cross_entropy(p: Weights, x: Any, y: Any) -> Any:
    import pellucid.numpy as xp

    return -np.mean(xp.log_softmax(forward(p, x))[np.arange(len(y)), y])


def jax_forward(p: Weights, x: Any) -> Any:
    import jax

    for w, b in p[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = p[-1]
    return x @ w + b


def jax_cross_entropy(p: Weights, x: Any, y: Any) -> Any:
    import jax
    import jax.numpy as jnp

    out = jax.nn.log_softmax(jax_forward(p, x))
    return -jnp.mean(jnp.take_along_axis(out, y[:, None], axis=1))


def on_device(weights: Weights) -> Any:
    import jax

    return jax.tree.map(jax.numpy.asarray, weights)


# A step: the loss, its gradient, and the weights after it.


def epochs(
    net: Net, step: Callable[[Any, np.ndarray], Any], start: Any, ready: Any = lambda p: None
) -> Epoch:
    """One step after the other; `ready` waits for the last one."""
    draw, box = np.random.default_rng(2), [start]

    def epoch() -> None:
        order = draw.permutation(net.rows)
        for first in range(0, net.rows, net.batch):
            _, box[0] = step(box[0], order[first : first + net.batch])
        ready(box[0])

    return epoch


def pellucid_step(inside: bool) -> Maker:
    def make(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
        import pellucid as pel

        def step(p: Weights, x: Any, y: Any) -> Any:
            value, slopes = pel.value_and_grad(cross_entropy)(p, x, y)
            moved = [
                (w - net.rate * dw, b - net.rate * db)
                for (w, b), (dw, db) in zip(p, slopes, strict=True)
            ]
            return value, moved

        def chosen_step(p: Weights, x: Any, y: Any, chosen: Any) -> Any:
            return step(p, np.take(x, chosen, axis=0), np.take(y, chosen))

        if inside:
            run = pel.jit(chosen_step, donate=0, threads=threads)
            return epochs(net, lambda p, chosen: run(p, x, y, chosen), net.weights())
        run = pel.jit(step, donate=0, threads=threads)
        return epochs(net, lambda p, chosen: run(p, x[chosen], y[chosen]), net.weights())

    return make


def jax_step(inside: bool) -> Maker:
    def make(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
        import jax

        def step(p: Weights, x: Any, y: Any) -> Any:
            value, slopes = jax.value_and_grad(jax_cross_entropy)(p, x, y)
            return value, jax.tree.map(lambda w, dw: w - net.rate * dw, p, slopes)

        def chosen_step(p: Weights, x: Any, y: Any, chosen: Any) -> Any:
            return step(p, x[chosen], y[chosen])

        start = on_device(net.weights())
        if inside:
            rows, targets = jax.numpy.asarray(x), jax.numpy.asarray(y)
            run = jax.jit(chosen_step, donate_argnums=0)
            return epochs(
                net, lambda p, chosen: run(p, rows, targets, chosen), start, jax.block_until_ready
            )
        run = jax.jit(step, donate_argnums=0)
        return epochs(
            net, lambda p, chosen: run(p, x[chosen], y[chosen]), start, jax.block_until_ready
        )

    return make


STEP: dict[str, Maker] = {
    "Pellucid jit, np.take inside": pellucid_step(inside=True),
    "Pellucid jit, x[rows] by NumPy": pellucid_step(inside=False),
    "Pellucid fit": peers.pellucid,
    "JAX jit, x[rows] by NumPy": jax_step(inside=False),
    "JAX jit, x[rows] inside": jax_step(inside=True),
    "PyTorch eager": peers.torch,
}


# A prediction: NumPy rows in, a NumPy array out.


def pellucid_jit_predict(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    import pellucid as pel

    run, p = pel.jit(forward, threads=threads), net.weights()
    return lambda x: run(p, x)


def pellucid_predict(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    model = peers.pellucid_model(net)
    model.build((net.sizes[0],))
    return model.predict


def jax_predict(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    import jax

    run, p = jax.jit(jax_forward), on_device(net.weights())
    return lambda x: np.asarray(run(p, x))


def torch_predict(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    model = peers.torch_model(net).eval()

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return predict


def sklearn_predict(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    model = peers.sklearn_model(net)
    if net.loss == "cross_entropy":
        model.partial_fit(x[: net.batch], y[: net.batch], classes=np.arange(net.sizes[-1]))
        return model.predict_proba  # predict would look for the largest behind it
    model.partial_fit(x[: net.batch], y[: net.batch].ravel())
    return model.predict


PREDICT: dict[str, Maker] = {
    "Pellucid jit": pellucid_jit_predict,
    "Pellucid predict": pellucid_predict,
    "JAX jit": jax_predict,
    "PyTorch inference_mode": torch_predict,
    "scikit-learn": sklearn_predict,
}


# A loss, and the loss with its gradient. Weights and rows stay where they are between calls.


def pellucid_gradient(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> dict[str, Any]:
    import pellucid as pel

    p = net.weights()
    loss = pel.jit(cross_entropy, threads=threads)
    both = pel.jit(pel.value_and_grad(cross_entropy), threads=threads)
    return {"loss": lambda: loss(p, x, y), "loss and gradient": lambda: both(p, x, y)}


def jax_gradient(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> dict[str, Any]:
    import jax

    p, x, y = on_device(net.weights()), jax.numpy.asarray(x), jax.numpy.asarray(y)
    loss, both = jax.jit(jax_cross_entropy), jax.jit(jax.value_and_grad(jax_cross_entropy))
    return {
        "loss": lambda: jax.block_until_ready(loss(p, x, y)),
        "loss and gradient": lambda: jax.block_until_ready(both(p, x, y)),
    }


def torch_gradient(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    model = peers.torch_model(net)
    p, rows, targets = list(model.parameters()), torch.from_numpy(x), torch.from_numpy(y)
    measure = torch.nn.CrossEntropyLoss()

    def loss() -> Any:
        with torch.inference_mode():
            return measure(model(rows), targets)

    def both() -> Any:
        value = measure(model(rows), targets)
        return value, torch.autograd.grad(value, p)

    return {"loss": loss, "loss and gradient": both}


GRADIENT: dict[str, Maker] = {
    "Pellucid jit": pellucid_gradient,
    "JAX jit": jax_gradient,
    "PyTorch eager": torch_gradient,
}
