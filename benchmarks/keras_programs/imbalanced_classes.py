"""Rare positives: counts of errors, and a penalty on the kernel."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(4)
x = rng.normal(size=(1280, 16)).astype("float32")
y = (x[:, :2].sum(axis=1) > 2.4).astype("uint8")[:, None]
model = keras.Sequential(
    [
        keras.Input(shape=x.shape[1:]),
        layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
        layers.Dense(64, activation="relu", kernel_regularizer="l2"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
metrics = [
    keras.metrics.FalseNegatives(name="fn"),
    keras.metrics.FalsePositives(name="fp"),
    keras.metrics.TrueNegatives(name="tn"),
    keras.metrics.TruePositives(name="tp"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
]
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=metrics)
model.fit(x, y, batch_size=64, epochs=1, validation_data=(x, y), class_weight={0: 0.6, 1: 9.0})
