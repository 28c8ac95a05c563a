"""Words as numbers: embeddings averaged, then convolutions over them."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(28)
words = rng.integers(0, 200, (640, 20))
y = rng.integers(0, 2, 640)
model = keras.Sequential(
    [
        keras.Input(shape=(20,), dtype="int32"),
        layers.Embedding(200, 16),
        layers.Conv1D(16, 5, padding="valid", activation="relu", strides=2),
        layers.GlobalMaxPooling1D(),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid", name="predictions"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(words, y, epochs=1)
