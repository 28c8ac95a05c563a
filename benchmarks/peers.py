"""One network, trained by each library as its documentation recommends for speed on a CPU.

Each function of `LIBRARIES` takes a network and its data and gives a function that trains whole
epochs, rows reshuffled in each, and returns when they are done. Libraries are imported where they
are used: each runs in a process of its own.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MNIST = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "mnist"
ROWS = "MNIST" if MNIST.is_dir() else "random rows"
Epoch = Callable[[], Any]


@dataclass(frozen=True)
class Net:
    """A network of dense layers and how it is trained."""

    sizes: tuple[int, ...]
    batch: int
    rows: int
    loss: str = "squared"  # or "cross_entropy"
    activation: str = "relu"
    optimizer: str = "sgd"
    rate: float = 0.01
    dtype: str = "float32"
    mnist: bool = False
    kind: str = "chain"  # or "residual", "branching": see `wired`
    epochs: int = 1  # of a fit

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and targets: random, or MNIST's where they are wanted and there."""
        if self.mnist and MNIST.is_dir():
            import pellucid as pel

            data = pel.data.load_idx_folder(MNIST)
            return (data.x_train.reshape(-1, 784) / 255).astype(np.float32), data.y_train
        draw = np.random.default_rng(0)
        x = self._drawn(draw, self.sizes[0])
        if self.loss == "cross_entropy":
            return x, draw.integers(0, self.sizes[-1], self.rows)
        return x, self._drawn(draw, self.sizes[-1])

    def _drawn(self, draw: np.random.Generator, columns: int) -> np.ndarray:
        # In its dtype at once: a float64 array in between would be the peak of a process's memory.
        return draw.random((self.rows, columns), dtype=np.dtype(self.dtype))

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each dense layer, in the order of `wired`'s numbers."""
        pairs = list(itertools.pairwise(self.sizes))
        if self.kind != "branching":
            return pairs
        first, *hidden, last = self.sizes
        other = [first, *reversed(hidden)]
        joined = (hidden[-1] + hidden[0], last)
        return [*pairs[:-1], *itertools.pairwise(other), joined]

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """A start for libraries that bring none: a matrix and a row of zeros for each layer."""
        draw, dtype = np.random.default_rng(1), np.dtype(self.dtype)
        return [
            (draw.standard_normal((d, h), dtype=dtype) / dtype.type(d**0.5), np.zeros(h, dtype))
            for d, h in self.layers
        ]

    @property
    def steps(self) -> int:
        """Of a fit."""
        return self.epochs * -(-self.rows // self.batch)


# The networks that several measurements share.
DIGITS = Net((784, 200, 10), 100, 60_000, "cross_entropy", rate=0.5, mnist=True)
SMALL = Net((8, 64, 64, 1), 32, 6400, epochs=5)
WIDE = Net((784, 1024, 1024, 1024, 10), 256, 2560, "cross_entropy")


def wired(net: Net, x: Any, dense: Any, add: Any, concat: Any) -> Any:
    """The network on `x`, in any library: `dense(number, x, active)` is its layer of that number.

    Residual: behind the first layer each hidden one adds its result to what it was given, so all
    are of one width. Branching: the hidden layers, and beside them as many of the same widths in
    reverse order, both from the input; their ends are put side by side.
    """
    hidden = len(net.sizes) - 2
    if net.kind == "branching":
        other = x
        for number in range(hidden):
            x, other = dense(number, x, True), dense(hidden + number, other, True)
        return dense(2 * hidden, concat(x, other), False)
    for number in range(hidden):
        out = dense(number, x, True)
        x = add(x, out) if net.kind == "residual" and number else out
    return dense(hidden, x, False)


def pellucid_model(net: Net) -> Any:
    """The model, not yet compiled."""
    import pellucid as pel

    def layer(number: int, active: bool) -> Any:
        return pel.nn.Dense(net.layers[number][1], activation=net.activation if active else None)

    if net.kind == "chain":
        last = len(net.layers) - 1
        layers = [layer(number, number < last) for number in range(last + 1)]
        return pel.Sequential(layers, seed=0, dtype=net.dtype)
    x = pel.Input((net.sizes[0],))
    out = wired(
        net,
        x,
        lambda number, x, active: layer(number, active)(x),
        lambda a, b: pel.nn.Add()([a, b]),
        lambda a, b: pel.nn.Concat()([a, b]),
    )
    return pel.Model(x, out, seed=0, dtype=net.dtype)


def pellucid(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import pellucid as pel

    model = pellucid_model(net)
    optimizer = (pel.optim.Adam if net.optimizer == "adam" else pel.optim.SGD)(net.rate)
    model.compile(optimizer, loss=net.loss)

    def epoch() -> None:
        model.fit(x, y, batch_size=net.batch, epochs=net.epochs, verbose=0, threads=threads)

    return epoch


def jax(net: Net, x: np.ndarray, y: np.ndarray, threads: int, reads: bool = False) -> Epoch:
    """A scan over each epoch; `reads`: with its losses in Python before the next one begins."""
    import jax
    import jax.numpy as jnp

    if net.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    draw = np.random.default_rng(2)
    act = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[net.activation]
    weights = jax.tree.map(jnp.asarray, net.weights())
    rows, targets = jnp.asarray(x), jnp.asarray(y)

    def forward(w: Any, x: Any) -> Any:
        def dense(number: int, x: Any, active: bool) -> Any:
            out = x @ w[number][0] + w[number][1]
            return act(out) if active else out

        return wired(net, x, dense, jnp.add, lambda a, b: jnp.concatenate([a, b], axis=1))

    def loss(w: Any, x: Any, y: Any) -> Any:
        out = forward(w, x)
        if net.loss == "cross_entropy":
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1))
        return jnp.mean(jnp.sum((out - y) ** 2, 1))

    def update(state: Any, g: Any) -> Any:
        w, m, v, t = state
        if net.optimizer == "sgd":
            return jax.tree.map(lambda p, q: p - net.rate * q, w, g), m, v, t
        t = t + 1
        m = jax.tree.map(lambda a, q: 0.9 * a + 0.1 * q, m, g)
        v = jax.tree.map(lambda a, q: 0.999 * a + 0.001 * q * q, v, g)
        one, two = 1 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        w = jax.tree.map(
            lambda p, a, b: p - net.rate * a * one / (jnp.sqrt(b * two) + 1e-8), w, m, v
        )
        return w, m, v, t

    def scanned(state: Any, x: Any, y: Any, order: Any) -> Any:
        def body(state: Any, chosen: Any) -> Any:
            value, g = jax.value_and_grad(loss)(state[0], x[chosen], y[chosen])
            return update(state, g), value

        return jax.lax.scan(body, state, order)

    run = jax.jit(scanned, donate_argnums=0)
    box: list[Any] = [(weights, None, None, None)]  # gradient descent keeps nothing else
    if net.optimizer != "sgd":
        m, v = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
        box = [(weights, m, v, jnp.zeros((), net.dtype))]
    whole = net.rows // net.batch * net.batch

    def epoch() -> None:
        for _ in range(net.epochs):
            order = draw.permutation(net.rows)[:whole].reshape(-1, net.batch)
            box[0], losses = run(box[0], rows, targets, jnp.asarray(order))
            if reads:
                np.asarray(losses)
        losses.block_until_ready()

    return epoch


def torch_model(net: Net) -> Any:
    import torch

    act = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
    made = [torch.nn.Linear(d, h) for d, h in net.layers]
    if net.kind == "chain":
        layers = [part for layer in made for part in (layer, act[net.activation]())]
        return torch.nn.Sequential(*layers[:-1]).to(getattr(torch, net.dtype))

    class Wired(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList(made)
            self.act = act[net.activation]()

        def forward(self, x: Any) -> Any:
            def dense(number: int, x: Any, active: bool) -> Any:
                out = self.layers[number](x)
                return self.act(out) if active else out

            return wired(net, x, dense, torch.add, lambda a, b: torch.cat([a, b], dim=1))

    return Wired().to(getattr(torch, net.dtype))


def torch(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import torch

    torch.set_num_threads(threads)
    model = torch_model(net)
    kind = torch.optim.Adam if net.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=net.rate)
    measure = torch.nn.CrossEntropyLoss() if net.loss == "cross_entropy" else torch.nn.MSELoss()
    rows, targets = torch.from_numpy(x), torch.from_numpy(y)

    def epoch() -> None:
        for _ in range(net.epochs):
            order = torch.randperm(net.rows)
            for start in range(0, net.rows, net.batch):
                chosen = order[start : start + net.batch]
                optimizer.zero_grad(set_to_none=True)
                measure(model(rows[chosen]), targets[chosen]).backward()
                optimizer.step()

    return epoch


def sklearn_model(net: Net) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if net.loss == "cross_entropy" else MLPRegressor
    act = {"sigmoid": "logistic"}.get(net.activation, net.activation)
    return kind(
        hidden_layer_sizes=net.sizes[1:-1],
        activation=act,
        solver=net.optimizer,
        learning_rate_init=net.rate,
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
        batch_size=net.batch,
        max_iter=net.epochs,
        warm_start=True,
        random_state=0,
    )


def sklearn(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    peer = sklearn_model(net)
    target = y if net.loss == "cross_entropy" or y.shape[1] > 1 else y[:, 0]

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so many epochs a call are what is timed
            peer.fit(x, target)

    return epoch


def keras(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> Epoch:
    import keras

    hidden = [keras.layers.Dense(h, activation=net.activation) for h in net.sizes[1:-1]]
    shape = keras.Input((net.sizes[0],))
    model = keras.Sequential([shape, *hidden, keras.layers.Dense(net.sizes[-1])])
    loss = "mse"
    if net.loss == "cross_entropy":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    kind = keras.optimizers.Adam if net.optimizer == "adam" else keras.optimizers.SGD
    model.compile(kind(net.rate), loss=loss, jit_compile=True)

    def epoch() -> None:
        model.fit(x, y, batch_size=net.batch, epochs=net.epochs, verbose=0)

    return epoch


LIBRARIES = {
    "Pellucid": pellucid,
    "JAX scan": jax,
    "PyTorch eager": torch,
    "scikit-learn": sklearn,
    "Keras on JAX": keras,
}
ALL = tuple(LIBRARIES)
FAST = ("Pellucid", "JAX scan", "PyTorch eager")  # those that are near
