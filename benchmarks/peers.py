"""One network, trained by each library as its documentation recommends for speed on a CPU.

`trainer(library, net)` gives a function that trains one epoch, rows reshuffled, and returns when it
is done; `predictor(library, net)` one that predicts rows. Libraries are imported where they are
used: each runs in a process of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Epoch = Callable[[], Any]


@dataclass(frozen=True)
class Net:
    """A chain of dense layers and how it is trained."""

    sizes: tuple[int, ...]
    batch: int
    rows: int
    loss: str = "squared"  # or "cross_entropy"
    activation: str = "relu"
    optimizer: str = "sgd"
    rate: float = 0.01
    dtype: str = "float32"
    mnist: bool = False

    def data(self, mnist: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and targets: random, or MNIST's where they are wanted and there."""
        if self.mnist and mnist is not None:
            return mnist
        draw = np.random.default_rng(0)
        x = draw.random((self.rows, self.sizes[0])).astype(self.dtype)
        if self.loss == "cross_entropy":
            return x, draw.integers(0, self.sizes[-1], self.rows)
        return x, draw.random((self.rows, self.sizes[-1])).astype(self.dtype)

    @property
    def steps(self) -> int:
        return -(-self.rows // self.batch)


def pellucid(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> tuple[Epoch, Any]:
    import pellucid as pel

    hidden = [pel.nn.Dense(h, activation=net.activation) for h in net.sizes[1:-1]]
    model = pel.Sequential([*hidden, pel.nn.Dense(net.sizes[-1])], seed=0, dtype=net.dtype)
    optimizer = (pel.optim.Adam if net.optimizer == "adam" else pel.optim.SGD)(net.rate)
    model.compile(optimizer, loss=net.loss)

    def epoch() -> None:
        model.fit(x, y, batch_size=net.batch, epochs=1, verbose=0, threads=threads)

    return epoch, model.predict


def jax(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> tuple[Epoch, Any]:
    import jax
    import jax.numpy as jnp

    if net.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    draw = np.random.default_rng(1)
    act = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[net.activation]
    pairs = zip(net.sizes, net.sizes[1:], strict=False)
    weights = [
        (
            jnp.asarray(draw.uniform(-1, 1, (d, h)).astype(net.dtype) / d**0.5),
            jnp.zeros(h, net.dtype),
        )
        for d, h in pairs
    ]
    rows, targets = jnp.asarray(x), jnp.asarray(y)

    def forward(w: Any, x: Any) -> Any:
        for a, b in w[:-1]:
            x = act(x @ a + b)
        return x @ w[-1][0] + w[-1][1]

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
    zeros = jax.tree.map(jnp.zeros_like, weights)
    box = [(weights, zeros, jax.tree.map(jnp.zeros_like, weights), jnp.zeros((), net.dtype))]
    whole = net.rows // net.batch * net.batch

    def epoch() -> None:
        order = draw.permutation(net.rows)[:whole].reshape(-1, net.batch)
        box[0], losses = run(box[0], rows, targets, jnp.asarray(order))
        losses.block_until_ready()

    predict = jax.jit(forward)
    return epoch, lambda x: np.asarray(predict(box[0][0], x))


def torch(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> tuple[Epoch, Any]:
    import torch

    torch.set_num_threads(threads)
    act = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
    layers: list[Any] = []
    for d, h in zip(net.sizes, net.sizes[1:], strict=False):
        layers += [torch.nn.Linear(d, h), act[net.activation]()]
    model = torch.nn.Sequential(*layers[:-1]).to(getattr(torch, net.dtype))
    kind = torch.optim.Adam if net.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=net.rate)
    measure = torch.nn.CrossEntropyLoss() if net.loss == "cross_entropy" else torch.nn.MSELoss()
    rows, targets = torch.from_numpy(x), torch.from_numpy(y)

    def epoch() -> None:
        order = torch.randperm(net.rows)
        for start in range(0, net.rows, net.batch):
            chosen = order[start : start + net.batch]
            optimizer.zero_grad(set_to_none=True)
            measure(model(rows[chosen]), targets[chosen]).backward()
            optimizer.step()

    def predict(x: np.ndarray) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return epoch, predict


def sklearn(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> tuple[Epoch, Any]:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if net.loss == "cross_entropy" else MLPRegressor
    act = {"sigmoid": "logistic"}.get(net.activation, net.activation)
    peer = kind(
        net.sizes[1:-1], activation=act, solver=net.optimizer, learning_rate_init=net.rate,
        momentum=0.0, nesterovs_momentum=False, alpha=0.0, batch_size=net.batch, max_iter=1,
        warm_start=True, random_state=0,
    )  # fmt: skip
    target = y if net.loss == "cross_entropy" or y.shape[1] > 1 else y[:, 0]

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch a call is what is timed
            peer.fit(x, target)

    return epoch, peer.predict


def keras(net: Net, x: np.ndarray, y: np.ndarray, threads: int) -> tuple[Epoch, Any]:
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
        model.fit(x, y, batch_size=net.batch, epochs=1, verbose=0)

    return epoch, lambda x: model.predict(x, verbose=0)


LIBRARIES = {
    "Pellucid": pellucid,
    "JAX scan": jax,
    "PyTorch eager": torch,
    "scikit-learn": sklearn,
    "Keras on JAX": keras,
}
