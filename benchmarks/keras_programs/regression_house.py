"""A regression with two measures and early stopping."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(5)
x = rng.normal(size=(640, 13))
y = x @ rng.normal(size=13) + 3
model = keras.Sequential(
    [
        layers.Dense(64, activation="relu", input_shape=(x.shape[1],)),
        layers.Dense(64, activation="relu"),
        layers.Dense(1),
    ]
)
model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3)
model.fit(x, y, epochs=2, batch_size=32, validation_split=0.2, callbacks=[stop])
