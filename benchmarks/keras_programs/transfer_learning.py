"""A frozen body below a new head, then all of it at a lower rate."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(25)
x = rng.random((160, 12, 12, 3)).astype("float32")
y = rng.integers(0, 2, 160).astype("float32")
base = keras.Sequential(
    [
        layers.Input((12, 12, 3)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(8, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
    ],
    name="base",
)
base.trainable = False
inputs = keras.Input(shape=(12, 12, 3))
outputs = layers.Dense(1)(base(inputs, training=False))
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)
model.fit(x, y, epochs=1, batch_size=16)
print(len(model.trainable_weights), len(model.non_trainable_weights))
base.trainable = True
model.compile(
    optimizer=keras.optimizers.Adam(1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True)
)
model.fit(x, y, epochs=1, batch_size=16)
