"""A hinge, kernels of bounded norm, outputs in tanh."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(30)
x = rng.normal(size=(640, 11)).astype("float32")
y = np.where(x[:, :1] > 0, 1.0, -1.0)
model = keras.Sequential(
    [
        layers.Input((11,)),
        layers.Dense(24, activation="relu", kernel_constraint=keras.constraints.MaxNorm(1.0)),
        layers.Dense(24, activation="relu", kernel_constraint=keras.constraints.UnitNorm(axis=0)),
        layers.Dense(1, activation="tanh", kernel_constraint="non_neg"),
    ]
)
model.compile(optimizer=keras.optimizers.Ftrl(0.05), loss="hinge", metrics=["mse"])
model.fit(x, y, epochs=1)
