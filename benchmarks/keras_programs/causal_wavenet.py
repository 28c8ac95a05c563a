"""Dilated causal convolutions with gates, for the next value of a signal."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(29)
x = np.cumsum(rng.normal(size=(320, 24, 1)) * 0.1, axis=1)
y = x[:, -1] * 0.9
inputs = keras.Input((24, 1))
h = layers.Conv1D(8, 1)(inputs)
for rate in (1, 2, 4):
    filter = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate, activation="tanh")(h)
    gate = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(h)
    z = layers.Multiply()([filter, gate])
    h = layers.Add()([h, layers.Conv1D(8, 1)(z)])
outputs = layers.Dense(1)(layers.Cropping1D((23, 0))(h)[:, 0])
model = keras.Model(inputs, outputs)
model.compile("adamax", loss="log_cosh", metrics=[keras.metrics.RootMeanSquaredError()])
model.fit(x, y, epochs=2)
