"""An autoencoder of dense layers, and its parts as models."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(9)
x = rng.random((640, 100)).astype("float32")
input_img = keras.Input(shape=(100,))
encoded = layers.Dense(24, activation="relu")(input_img)
decoded = layers.Dense(100, activation="sigmoid")(encoded)
autoencoder = keras.Model(input_img, decoded)
encoder = keras.Model(input_img, encoded)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.fit(x, x, epochs=1, batch_size=32, shuffle=True, validation_data=(x[:64], x[:64]))
print(encoder.predict(x[:3]).shape)
