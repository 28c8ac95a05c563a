"""A dense network for ten classes with whole numbers as targets."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x = rng.normal(size=(640, 64)).astype("float32")
y = (x @ rng.normal(size=(64, 10))).argmax(axis=1)
model = keras.Sequential(
    [
        layers.Input((64,)),
        layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=32, epochs=2, validation_split=0.1)
print(history.history["accuracy"], model.evaluate(x, y))
