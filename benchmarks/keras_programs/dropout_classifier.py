"""Dropout and noise: the random numbers are others."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(32)
x = rng.normal(size=(640, 20)).astype("float32")
y = rng.integers(0, 3, 640)
model = keras.Sequential(
    [
        layers.Input((20,)),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.5),
        layers.GaussianNoise(0.1),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=1)
