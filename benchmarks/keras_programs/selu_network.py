"""A self-normalising network with lecun_normal kernels."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(17)
x = rng.normal(size=(640, 24)).astype("float32")
y = rng.integers(0, 3, 640)
model = keras.models.Sequential()
model.add(layers.Input(shape=(24,)))
for _ in range(8):
    model.add(layers.Dense(24, activation="selu", kernel_initializer="lecun_normal"))
model.add(layers.Dense(3, activation="softmax"))
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.SGD(learning_rate=1e-3, momentum=0.9, nesterov=True),
    metrics=["accuracy"],
)
model.fit(x, y, epochs=1)
