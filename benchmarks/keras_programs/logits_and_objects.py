"""Logits, and objects in the place of names."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(2)
x = rng.normal(size=(640, 20)).astype("float32")
y = rng.integers(0, 5, size=(640, 1))
inputs = keras.Input(shape=(20,), name="features")
hidden = layers.Dense(32, activation="relu", name="dense_1")(inputs)
hidden = layers.Dense(32, activation="relu", name="dense_2")(hidden)
outputs = layers.Dense(5, name="predictions")(hidden)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(
    optimizer=keras.optimizers.RMSprop(learning_rate=1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
history = model.fit(x, y, batch_size=32, epochs=2, validation_data=(x[:50], y[:50]))
print(sorted(history.history))
