"""A logistic regression with weights of classes."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(3)
x = rng.normal(size=(640, 12))
y = (x[:, 0] + 0.5 * x[:, 1] > 1).astype("float32")
model = keras.Sequential()
model.add(layers.Dense(1, activation="sigmoid", input_shape=(12,)))
model.compile(
    optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
    loss="binary_crossentropy",
    metrics=["accuracy", keras.metrics.Precision(), keras.metrics.Recall()],
)
model.fit(x, y, epochs=2, class_weight={0: 1.0, 1: 4.0})
