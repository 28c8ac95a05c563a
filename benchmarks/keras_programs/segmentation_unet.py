"""A small U-net: a class for each pixel."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(24)
x = rng.random((80, 16, 16, 3)).astype("float32")
y = rng.integers(0, 3, (80, 16, 16, 1))
inputs = keras.Input(shape=(16, 16, 3))
x1 = layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
x1 = layers.BatchNormalization()(x1)
x1 = layers.Activation("relu")(x1)
previous = x1
x1 = layers.Activation("relu")(x1)
x1 = layers.SeparableConv2D(12, 3, padding="same")(x1)
x1 = layers.MaxPooling2D(3, strides=2, padding="same")(x1)
x1 = layers.add([x1, layers.Conv2D(12, 1, strides=2, padding="same")(previous)])
for filters in [12, 8]:
    x1 = layers.Activation("relu")(x1)
    x1 = layers.Conv2DTranspose(filters, 3, padding="same")(x1)
    x1 = layers.BatchNormalization()(x1)
    x1 = layers.UpSampling2D(2)(x1)
outputs = layers.Conv2D(3, 3, activation="softmax", padding="same")(x1)
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(1e-4), loss="sparse_categorical_crossentropy")
model.fit(x, y, batch_size=8, epochs=2)
