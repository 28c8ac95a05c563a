"""Depthwise and pointwise convolutions with batch normalization."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(22)
x = rng.integers(0, 255, (96, 16, 16, 3)).astype("float32")
y = rng.integers(0, 10, 96)


def activation_block(x):
    return layers.BatchNormalization()(layers.Activation("gelu")(x))


inputs = keras.Input((16, 16, 3))
x1 = layers.Rescaling(scale=1.0 / 255)(inputs)
x1 = activation_block(layers.Conv2D(12, kernel_size=2, strides=2)(x1))
for _ in range(2):
    x0 = x1
    x1 = layers.DepthwiseConv2D(kernel_size=5, padding="same")(x1)
    x1 = layers.Add()([activation_block(x1), x0])
    x1 = activation_block(layers.Conv2D(12, kernel_size=1)(x1))
outputs = layers.Dense(10, activation="softmax")(layers.GlobalAvgPool2D()(x1))
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x, y, batch_size=8, epochs=2)
