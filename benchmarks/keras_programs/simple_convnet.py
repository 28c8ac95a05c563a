"""The convolutional network for digits, on made images, with one-hot targets."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(1)
x = rng.integers(0, 256, size=(320, 28, 28)).astype("float32") / 255
y = keras.utils.to_categorical(rng.integers(0, 10, 320), 10)
x = np.expand_dims(x, -1)
model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x, y, batch_size=16, epochs=1, validation_split=0.1)
