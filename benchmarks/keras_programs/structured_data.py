"""Numbers that are normalised and categories as one-hot rows, side by side."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(15)
age, kind = rng.integers(20, 80, (640, 1)).astype("float32"), rng.integers(0, 4, (640, 1))
target = (age[:, 0] > 50).astype("float32")
normalizer = layers.Normalization(axis=-1)
normalizer.adapt(age)
age_input = keras.Input(shape=(1,), name="age")
kind_input = keras.Input(shape=(1,), name="kind", dtype="int64")
features = layers.concatenate(
    [
        normalizer(age_input),
        layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")(kind_input),
    ]
)
x = layers.Dense(32, activation="relu")(features)
output = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model([age_input, kind_input], output)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit({"age": age, "kind": kind}, target, epochs=1, batch_size=32)
