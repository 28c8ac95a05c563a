"""Optimizers of the door beside Keras's: weights after 20 steps, in float64.

Run in an environment with Keras on JAX and Pellucid:
`KERAS_BACKEND=jax python benchmarks/keras_optimizers.py`. It prints the largest difference of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

KINDS = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Lamb"),
    *("Ftrl", "Adafactor", "Muon"),
)
AROUND: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "averages": {"use_ema": True, "ema_momentum": 0.8},
    "averages in place": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    "gathered": {"gradient_accumulation_steps": 3},
    "gathered and clipped": {
        "gradient_accumulation_steps": 2, "global_clipnorm": 0.3, "weight_decay": 0.05,
        "use_ema": True,
    },
    "each norm": {"clipnorm": 0.2},
    "values": {"clipvalue": 0.05},
}  # fmt: skip
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(80, 4)), RNG.normal(size=(80, 2))


def cases(library: Any) -> dict[str, Callable[[], Any]]:
    """Optimizers of Keras, or of the door."""
    kinds = library.optimizers

    def falling() -> Any:
        return kinds.schedules.ExponentialDecay(0.1, 3, 0.7)

    found: dict[str, Callable[[], Any]] = {}
    for name in KINDS:
        kind = getattr(kinds, name)
        for word, more in AROUND.items():
            found[f"{name}, {word}"] = lambda kind=kind, more=more: kind(0.05, **more)
        found[f"{name}, a schedule"] = lambda kind=kind: kind(
            falling(), gradient_accumulation_steps=2, weight_decay=0.01
        )
    found["SGD, momentum"] = lambda: kinds.SGD(falling(), momentum=0.9)
    found["SGD, nesterov"] = lambda: kinds.SGD(falling(), momentum=0.9, nesterov=True)
    found["Adam, amsgrad"] = lambda: kinds.Adam(0.05, amsgrad=True)
    found["AdamW, amsgrad"] = lambda: kinds.AdamW(falling(), amsgrad=True)
    found["RMSprop, momentum"] = lambda: kinds.RMSprop(falling(), momentum=0.9, centered=True)
    return found


def weights(library: Any, make: Callable[[], Any]) -> list[Any]:
    """Those of a small network after four epochs of five steps."""
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation="tanh"),
            layers.Dense(2, kernel_constraint="non_neg"),
        ]
    )
    start = np.random.default_rng(0)
    model.set_weights([start.normal(size=one.shape) for one in model.get_weights()])
    model.compile(make(), "mse")
    model.fit(X, Y, batch_size=16, epochs=4, shuffle=False, verbose=0)
    return [np.asarray(one) for one in model.get_weights()]


def main() -> None:
    import jax
    import keras

    from pellucid import keras as door

    jax.config.update("jax_enable_x64", True)
    for library in (keras, door):
        library.config.set_floatx("float64")
    theirs, ours = cases(keras), cases(door)
    for name in theirs:
        pairs = zip(weights(keras, theirs[name]), weights(door, ours[name]), strict=True)
        print(f"{name:40} {max(float(np.abs(a - b).max()) for a, b in pairs):.1e}", flush=True)


if __name__ == "__main__":
    main()
