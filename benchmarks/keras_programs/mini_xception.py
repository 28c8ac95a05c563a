"""Separable convolutions with residuals of strided convolutions."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(23)
x = rng.integers(0, 255, (96, 24, 24, 3)).astype("float32")
y = rng.integers(0, 2, 96)
inputs = keras.Input(shape=(24, 24, 3))
x1 = layers.Rescaling(1.0 / 255)(inputs)
x1 = layers.Conv2D(8, 3, strides=2, padding="same")(x1)
x1 = layers.BatchNormalization()(x1)
x1 = layers.Activation("relu")(x1)
previous = x1
for size in [16, 24]:
    x1 = layers.Activation("relu")(x1)
    x1 = layers.SeparableConv2D(size, 3, padding="same")(x1)
    x1 = layers.BatchNormalization()(x1)
    x1 = layers.MaxPooling2D(3, strides=2, padding="same")(x1)
    residual = layers.Conv2D(size, 1, strides=2, padding="same")(previous)
    x1 = layers.add([x1, residual])
    previous = x1
x1 = layers.GlobalAveragePooling2D()(x1)
outputs = layers.Dense(1, activation=None)(x1)
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Adam(3e-4),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(name="acc")],
)
model.fit(x, y, batch_size=8, epochs=2)
