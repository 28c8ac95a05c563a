"""Images that are flipped, turned and zoomed: the random numbers are others."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(33)
x = rng.integers(0, 256, (96, 16, 16, 3)).astype("float32")
y = rng.integers(0, 4, 96)
augmentation = keras.Sequential(
    [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]
)
inputs = keras.Input((16, 16, 3))
h = layers.Rescaling(1 / 255)(augmentation(inputs))
h = layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(h))
model = keras.Model(inputs, layers.Dense(4, activation="softmax")(h))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, epochs=2, batch_size=8)
print(augmentation(x[:2]).shape)
