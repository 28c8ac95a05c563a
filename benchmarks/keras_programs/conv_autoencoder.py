"""An autoencoder with transposed convolutions, which takes noise off images."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(10)
clean = rng.random((160, 28, 28, 1)).astype("float32")
noisy = np.clip(clean + 0.4 * rng.normal(size=clean.shape), 0, 1).astype("float32")
input = layers.Input(shape=(28, 28, 1))
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(input)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same")(x)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2DTranspose(8, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
autoencoder = keras.Model(input, x)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.fit(x=noisy, y=clean, epochs=2, batch_size=16, validation_data=(noisy[:16], clean[:16]))
