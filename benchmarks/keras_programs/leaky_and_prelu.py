"""Activations that are layers, with penalties of both kinds."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(18)
x = rng.normal(size=(640, 18)).astype("float32")
y = rng.normal(size=(640, 2))
model = keras.Sequential(
    [
        layers.Input((18,)),
        layers.Dense(30, kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3)),
        layers.LeakyReLU(negative_slope=0.1),
        layers.Dense(30, kernel_regularizer="l1"),
        layers.PReLU(),
        layers.Dense(30),
        layers.ELU(alpha=0.7),
        layers.Dense(30, activation=keras.activations.gelu),
        layers.Dense(2, activation="softsign"),
    ]
)
model.compile(optimizer=keras.optimizers.Nadam(1e-3), loss=keras.losses.Huber(delta=0.5))
model.fit(x, y, epochs=1)
